//! Shows a saved run in the dashboard, at its end or as a playback. Nothing is measured.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use jiff::ZonedDateTime;

use super::assemble::report_from_saved;
use super::clock::Clock;
use super::export::Exports;
use super::restore::fill_scene;
use super::run::{Remaining, Run, RunBase, dispatch};
use super::signals::{self, Suspension};
use super::wake::Wake;
use crate::app::message::Msg;
use crate::app::state::playback::{Playback, Stop};
use crate::app::state::replay::Recording;
use crate::app::state::{App, Connection, Target};
use crate::domain::live::LiveSnapshot;
use crate::domain::time::Nanos;
use crate::report::exporters::EXPORTERS;
use crate::report::journal::Saved;
use crate::report::model::{Report, Resumption};

/// A saved run in the dashboard.
pub struct PlaybackRun {
    base: RunBase,
    saved: Saved,
}

impl PlaybackRun {
    /// Opens a saved run at its end, or plays it at `speed` times its original speed.
    pub fn new(saved: Saved, exports: Vec<PathBuf>, speed: Option<f64>) -> Self {
        let (sender, inbox) = channel();
        signals::watch(sender.clone(), Suspension::BySystem);
        Self::with_mailbox(saved, exports, speed, (sender, inbox))
    }

    /// Opens a saved run like [`Self::new`], with a mailbox that already receives keys and signals.
    pub fn with_mailbox(
        saved: Saved,
        exports: Vec<PathBuf>,
        speed: Option<f64>,
        (sender, inbox): (Sender<Wake>, Receiver<Wake>),
    ) -> Self {
        // The time on the screen continues from the end of the run.
        let clock = Clock::start_at(saved.last_at).unwrap_or_else(Clock::start);
        let exports = Exports::new(exports, &saved.run.epoch);
        let app = new_app(&saved, speed);
        Self { base: RunBase { app, inbox, sender, clock, exports }, saved }
    }

    /// Closes the run and returns its mailbox.
    pub fn into_mailbox(self) -> (Sender<Wake>, Receiver<Wake>) {
        (self.base.sender, self.base.inbox)
    }
}

impl Run for PlaybackRun {
    fn base(&self) -> &RunBase {
        &self.base
    }

    fn base_mut(&mut self) -> &mut RunBase {
        &mut self.base
    }

    fn take(&mut self, msg: Msg) -> Remaining {
        // A saved run has no effects of a live run.
        dispatch(self, msg, |_, _| ())
    }

    fn report(&self) -> Report {
        report_from_saved(self.saved.clone())
    }

    fn next_frame(&self) -> Msg {
        Msg::Frame { now: self.base.now(), live: Arc::default() }
    }
}

fn new_app(saved: &Saved, speed: Option<f64>) -> App {
    let run = &saved.run;
    let target = Target {
        url: run.base_url.clone(),
        model: Some(run.model.clone()),
        server: run.server.clone(),
        simulated: run.simulated,
        route: run.route.clone(),
        connection: Connection::Ready,
    };
    let labels = EXPORTERS.iter().map(|e| e.label).collect();
    let mut app = App::new(target, saved.session.clone(), Some(run.model.clone()), labels);
    fill_scene(&mut app.scene, saved, saved.session.clone());
    app.scene.live = Arc::new(LiveSnapshot { at: saved.last_at, lag: saved.lag, ..LiveSnapshot::default() });
    let began = wall_time(&run.epoch, saved.session.began.unwrap_or_default());
    let date = began.strftime("%Y-%m-%d %H:%M").to_string();
    let recording =
        Recording { whole: app.scene.clone(), events: Arc::clone(&saved.events), telemetry: saved.telemetry.clone() };
    app.playback = Some(Box::new(match speed {
        None => Playback::open(date, recording),
        Some(speed) => Playback::replay(date, recording, &stops(saved), speed, saved.last_at),
    }));
    app
}

fn wall_time(epoch: &ZonedDateTime, at: Nanos) -> ZonedDateTime {
    epoch.saturating_add(Duration::from_nanos(at.0))
}

/// Returns the times at which the run was resumed, each with the wall time since the run had stopped.
fn stops(saved: &Saved) -> Vec<Stop> {
    let epochs_before = std::iter::once(&saved.run.epoch).chain(saved.resumed.iter().map(|r| &r.epoch));
    let stop = |(r, before): (&Resumption, &ZonedDateTime)| {
        let passed = wall_time(&r.epoch, r.at).duration_since(&wall_time(before, r.stopped_at));
        // The duration is negative if the wall clock was set back in the meantime.
        (r.at, passed.try_into().unwrap_or_default())
    };
    saved.resumed.iter().zip(epochs_before).map(stop).collect()
}

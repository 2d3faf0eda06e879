//! The run saved while it happens: every attempt is on the disk as soon as it is over.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::export::request_url;
use super::{Run, Wake, environment, now};
use crate::app::message::Msg;
use crate::app::state::{App, Connection};
use crate::domain::attempt::{AttemptRecord, StoredRecord};
use crate::domain::live::EngineLag;
use crate::domain::session::{Mode, RunEvent, Session, What};
use crate::domain::telemetry_event::{TelemetryEvent, known};
use crate::domain::text::sanitise_line;
use crate::domain::time::Nanos;
use crate::report::journal::{self, RunHeader, Saved};
use crate::report::model::Resumption;
use crate::report::run_figures::RunFigures;
use crate::store::journal::{Journal, Lines};
use crate::store::runs;

/// Interval between two writes of continuous data: telemetry, throughput, the engine's lag.
const INTERVAL: Duration = Duration::from_secs(1);
/// Maximum telemetry events that are kept from before the run.
const MAX_BEFORE: usize = 1024;
/// Maximum time that the end of the program waits for the disk.
const PATIENCE: Duration = Duration::from_secs(2);
/// About what one telemetry event or one point of the throughput takes in memory, bytes.
const POINT_BYTES: usize = 256;

/// How the run is being saved.
#[derive(Debug)]
pub struct Saving {
    state: State,
    /// Something was removed from the address.
    url_cut: bool,
    retries: u32,
    /// Telemetry that was not written yet; before the run, the latest of it.
    telemetry: Vec<TelemetryEvent>,
    /// The last point of the throughput that was written.
    throughput_to: Option<Nanos>,
    /// When continuous data was last written.
    written_at: Nanos,
    /// Attempts ended since then.
    is_stale: bool,
}

#[derive(Debug)]
enum State {
    /// The run has not begun.
    Waiting,
    /// The run was not resumed yet; its journal is there.
    Resuming(Box<(File, PathBuf, Resumption)>),
    /// The run is being saved.
    Open(Journal),
    /// The user does not want the run to be saved, or it was saved in full.
    Off,
    /// The run could not be saved in full, and why.
    Failed(String),
}

impl Saving {
    /// Saves the run from its beginning on, if that is wanted.
    pub fn new(wanted: bool, url_cut: bool, retries: u32) -> Self {
        let state = if wanted { State::Waiting } else { State::Off };
        Self {
            state,
            url_cut,
            retries,
            telemetry: Vec::new(),
            throughput_to: None,
            written_at: Nanos::default(),
            is_stale: false,
        }
    }

    /// Appends to this journal once the run is resumed.
    pub fn resume(&mut self, file: File, path: PathBuf, saved: &Saved, resumption: Resumption) {
        self.throughput_to = saved.throughput.iter().next_back().map(|p| p.0);
        self.state = State::Resuming(Box::new((file, path, resumption)));
    }

    /// Why the run could not be saved in full; `None` while it could.
    pub fn failure(&self) -> Option<&str> {
        match &self.state {
            State::Failed(why) => Some(why),
            State::Waiting | State::Resuming(_) | State::Open(_) | State::Off => None,
        }
    }

    /// Takes what a message says about telemetry, and about saving itself.
    pub fn note(&mut self, msg: &Msg) {
        match msg {
            Msg::NotSaved(_, why) => self.state = State::Failed(why.clone()),
            Msg::Gpu(event) => self.note_telemetry(TelemetryEvent::Gpu(event.clone())),
            Msg::Gauges(event) => self.note_telemetry(TelemetryEvent::Gauges(event.clone())),
            Msg::Host(event) => self.note_telemetry(TelemetryEvent::Host(event.clone())),
            _ => {}
        }
    }

    /// Takes telemetry of the machine or the server.
    pub fn note_telemetry(&mut self, event: TelemetryEvent) {
        match self.state {
            State::Open(_) => self.telemetry.push(event),
            // What does not change is known once the run begins; the last samples show how it was before.
            State::Waiting | State::Resuming(_) if event.at().is_some() => {
                if self.telemetry.len() >= MAX_BEFORE {
                    self.telemetry.drain(..MAX_BEFORE / 2);
                }
                self.telemetry.push(event);
            }
            State::Waiting | State::Resuming(_) | State::Off | State::Failed(_) => {}
        }
    }

    /// Writes the continuous data up to `at`. False: the disk accepts no more data.
    fn write(&mut self, app: &App, at: Nanos, lag: EngineLag, durable: bool) -> bool {
        let State::Open(journal) = &self.state else { return true };
        (self.written_at, self.is_stale) = (at, false);
        let telemetry = std::mem::take(&mut self.telemetry);
        let points = app.scene.throughput.since(self.throughput_to.map_or(Nanos::default(), |at| Nanos(at.0 + 1)));
        self.throughput_to = points.last().map(|p| p.0).or(self.throughput_to);
        let bytes = (telemetry.len() + points.len() + 1) * POINT_BYTES;
        let make = move || {
            let mut lines = String::new();
            if !telemetry.is_empty() {
                lines += &journal::telemetry(&telemetry);
            }
            if !points.is_empty() {
                lines += &journal::throughput(&points);
            }
            lines + &journal::lag(at, lag)
        };
        journal.append(Lines { make: Box::new(make), bytes, durable })
    }
}

/// The lines of events that just happened to a session. What the user did and what is over must be on the disk at once; a
/// start that is lost costs nothing.
fn lines(events: Vec<RunEvent>, session: &Session) -> Lines {
    let durable = events.iter().any(|e| !matches!(e.what, What::Started { .. }));
    let with_record = |event| (event, session.record_of(&event).map(StoredRecord::get));
    let events: Vec<(RunEvent, Option<Arc<AttemptRecord>>)> = events.into_iter().map(with_record).collect();
    let record_bytes =
        |r: &AttemptRecord| size_of_val(r) + size_of_val(&*r.arrivals) + r.text.len() + r.reasoning.len();
    let bytes = events.iter().map(|(event, r)| size_of_val(event) + r.as_deref().map_or(0, record_bytes)).sum();
    let make = move || events.iter().map(|(event, record)| journal::event(event, record.as_deref())).collect();
    Lines { make: Box::new(make), bytes, durable }
}

/// One line that must be on the disk at once.
fn line(make: impl FnOnce() -> String + Send + 'static) -> Lines {
    Lines { make: Box::new(make), bytes: 0, durable: true }
}

impl Run {
    /// Saves what happened since this was last called.
    pub(super) fn save(&mut self) {
        let session = &self.app.scene.session;
        if matches!(self.saving.state, State::Waiting | State::Resuming(_)) {
            if session.began.is_none() || session.mode == Mode::Waiting {
                return;
            }
            self.begin_saving();
        }
        if matches!(self.saving.state, State::Waiting | State::Resuming(_)) {
            return;
        }
        let events = self.app.scene.session.take_events();
        let State::Open(journal) = &self.saving.state else { return };
        let session = &self.app.scene.session;
        let mut room = true;
        if !events.is_empty() {
            self.saving.is_stale |= events.iter().any(|e| matches!(e.what, What::Ended(_)));
            room &= journal.append(lines(events, session));
        }
        let now = self.now();
        let is_due = now.since(self.saving.written_at) >= INTERVAL
            && (self.saving.is_stale || !self.saving.telemetry.is_empty() || session.in_flight() > 0);
        if is_due {
            room &= self.saving.write(&self.app, now, self.live().lag, false);
        }
        if !room {
            self.give_saving_up("the disk accepts no more data");
        }
    }

    fn begin_saving(&mut self) {
        let scene = &self.app.scene;
        let Connection::Ready = scene.target.connection else { return };
        if matches!(self.saving.state, State::Resuming(_)) {
            return self.resume_saving();
        }
        let environment = environment::look();
        let header = RunHeader {
            id: self.id.clone(),
            tool: env!("CARGO_PKG_VERSION").to_owned(),
            epoch: self.wall.clone(),
            base_url: scene.target.url.clone(),
            url_cut: self.saving.url_cut,
            url: request_url(&scene.target.url, self.api),
            api: self.api.name.to_owned(),
            model: scene.target.model.clone().unwrap_or_default(),
            server: scene.target.server.clone(),
            simulated: scene.target.simulated,
            local: scene.target.is_local(),
            gauges: scene.gauges.is_some(),
            route: scene.target.route.clone(),
            suite: Arc::clone(&scene.session.suite),
            plan: scene.session.plan,
            sweep: scene.session.sweep.clone(),
            retries: self.saving.retries,
            calibration: super::calibrate::kept(&environment),
            environment,
        };
        let Some(folder) = runs::folder() else {
            return self.give_saving_up("this user has no home folder");
        };
        let (sender, epoch) = (self.sender.clone(), self.epoch);
        let failed = move |why| drop(sender.send(Wake::Msg(Msg::NotSaved(now(epoch), why))));
        match Journal::start(runs::journal_of(&folder, &self.id), failed) {
            Ok(journal) => {
                journal.append(line(move || journal::header(&header)));
                let known = known(&scene.gpu, scene.gauges.as_ref(), &scene.host);
                self.saving.telemetry.splice(..0, known);
                self.saving.state = State::Open(journal);
            }
            Err(e) => self.give_saving_up(&e.to_string()),
        }
    }

    fn resume_saving(&mut self) {
        let State::Resuming(of) = std::mem::replace(&mut self.saving.state, State::Off) else { return };
        let (file, path, resumption) = *of;
        let (sender, epoch) = (self.sender.clone(), self.epoch);
        let failed = move |why| drop(sender.send(Wake::Msg(Msg::NotSaved(now(epoch), why))));
        match Journal::go_on(file, path, failed) {
            Ok(journal) => {
                let scene = &self.app.scene;
                let known = known(&scene.gpu, scene.gauges.as_ref(), &scene.host);
                let broken_off = TelemetryEvent::BrokenOff(resumption.stopped_at);
                self.saving.telemetry.splice(..0, std::iter::once(broken_off).chain(known));
                journal.append(line(move || journal::resumption(&resumption)));
                self.saving.state = State::Open(journal);
            }
            Err(e) => self.give_saving_up(&e.to_string()),
        }
    }

    fn give_saving_up(&mut self, why: &str) {
        self.saving.state = State::Failed(why.to_owned());
        drop(self.sender.send(Wake::Msg(Msg::NotSaved(self.now(), why.to_owned()))));
    }

    /// Saves the end with its exit status, and waits a moment for the disk. Returns the line to print, and as an error what
    /// is missing. From then on [`Saving::failure`] knows whether the run was saved in full.
    pub(super) fn end_saving(&mut self, status: u8) -> Result<Option<String>, String> {
        // What is reported from now on is what is saved.
        let (now, lag) = *self.ended.insert((self.now(), self.live().lag));
        let mut room = self.saving.write(&self.app, now, lag, true);
        if let State::Open(journal) = &self.saving.state {
            let figures = RunFigures::new(&self.report());
            room &= journal.append(line(move || journal::end(now, status, Some(figures))));
        }
        let outcome = match std::mem::replace(&mut self.saving.state, State::Off) {
            State::Open(_) if !room => Err("the disk accepts no more data".to_owned()),
            State::Open(journal) => journal.close(PATIENCE),
            State::Failed(why) => Err(why),
            State::Waiting | State::Resuming(_) | State::Off => return Ok(None),
        };
        self.saving.state = outcome.map_or_else(State::Failed, |()| State::Off);
        let id = &self.id;
        match self.saving.failure() {
            Some(why) => Err(not_whole(why)),
            None => Ok(Some(format!("Saved as run {id} (tokscope report {id})"))),
        }
    }
}

fn not_whole(why: &str) -> String {
    format!("this run was not saved in full: {}", sanitise_line(why))
}

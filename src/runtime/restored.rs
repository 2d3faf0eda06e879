//! The state of the program out of a saved run.

use std::sync::Arc;
use std::time::Duration;

use jiff::ZonedDateTime;

use crate::app::state::load::Load;
use crate::app::state::playback::{Playback, Stop};
use crate::app::state::replay::Recording;
use crate::app::state::{App, Connection, Scene, Target};
use crate::domain::attempt::{AttemptRecord, StoredRecord, TokenSource};
use crate::domain::session::Session;
use crate::domain::time::Nanos;
use crate::report::exporters::EXPORTERS;
use crate::report::journal::Saved;
use crate::report::model::Resumption;

/// Puts what was kept into a scene, with the session as it is to be.
pub fn fill(scene: &mut Scene, saved: &Saved, session: Session) {
    let mut records: Vec<&StoredRecord> = session.attempts().filter_map(|a| a.record.as_ref()).collect();
    records.sort_by_key(|r| r.ended());
    for record in &records {
        scene.traces.add(&record.get());
    }
    let teaches = |r: &Arc<AttemptRecord>| r.is_ok() && !r.has_hidden_reasoning() && r.content_events() > 0;
    let learnt = records.iter().rev().map(|r| r.get()).filter(teaches).find_map(|r| match r.output_tokens() {
        Some((tokens, TokenSource::Usage)) => Some(tokens as f64 / r.content_events() as f64),
        _ => None,
    });
    scene.tokens_per_event = learnt.unwrap_or(1.0);
    scene.load = Load::from_session(&session, saved.last_at);
    scene.session = session;
    scene.gpu = saved.gpu.clone();
    scene.gauges.clone_from(&saved.gauges);
    scene.host.clone_from(&saved.host);
    scene.throughput = saved.throughput.clone();
    scene.now = saved.last_at;
}

/// A saved run, to be looked at.
pub fn playback(saved: &Saved, speed: Option<f64>) -> App {
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
    fill(&mut app.scene, saved, saved.session.clone());
    app.scene.live = Arc::new(crate::domain::live::LiveSnapshot {
        at: saved.last_at,
        lag: saved.lag,
        ..crate::domain::live::LiveSnapshot::default()
    });
    let began = saved.session.began.unwrap_or_default();
    let date =
        run.epoch.saturating_add(std::time::Duration::from_nanos(began.0)).strftime("%Y-%m-%d %H:%M").to_string();
    let recording =
        Recording { whole: app.scene.clone(), events: Arc::clone(&saved.events), telemetry: saved.telemetry.clone() };
    app.playback = Some(Box::new(match speed {
        None => Playback::open(date, recording),
        Some(speed) => Playback::replay(date, recording, &stops(saved), speed, saved.last_at),
    }));
    app
}

/// Where it was gone on with, and how long nobody had run it, by the clock on the wall.
fn stops(saved: &Saved) -> Vec<Stop> {
    let wall = |epoch: &ZonedDateTime, at: Nanos| epoch.saturating_add(Duration::from_nanos(at.0));
    let before = std::iter::once(&saved.run.epoch).chain(saved.resumed.iter().map(|r| &r.epoch));
    let stop = |(r, before): (&Resumption, &ZonedDateTime)| {
        let gone = wall(&r.epoch, r.at).duration_since(&wall(before, r.stopped_at));
        // A wall clock may have been put back meanwhile.
        (r.at, gone.try_into().unwrap_or_default())
    };
    saved.resumed.iter().zip(before).map(stop).collect()
}

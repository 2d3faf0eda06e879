//! The engine's facts.

use std::sync::Arc;

use crate::app::cases::choose_case;
use crate::app::message::Effect;
use crate::app::model::{App, Connection};
use crate::app::model_choice;
use crate::app::notice::notice;
use crate::app::session::session;
use crate::domain::attempt::{AttemptRecord, AttemptStatus, TokenSource};
use crate::domain::live::{EngineFact, SIMULATOR_KIND};
use crate::domain::session::SessionEvent;
use crate::domain::text::sanitise_line;
use crate::domain::time::Nanos;

pub(super) fn take(app: &mut App, now: Nanos, fact: EngineFact) -> Vec<Effect> {
    app.scene.now = app.scene.now.max(now);
    match fact {
        EngineFact::Discovered { models, server } => {
            // The simulator says so itself, also when it is not this program that started it.
            app.scene.target.simulated |= server.kind.as_deref() == Some(SIMULATOR_KIND);
            app.scene.target.server = server;
            model_choice::discovered(app, now, models)
        }
        EngineFact::Unreachable { reason, retrying } => {
            let reason = sanitise_line(&reason);
            app.scene.refusals.add(now);
            app.scene.target.connection =
                if retrying { Connection::Unreachable(reason) } else { Connection::Refused(reason) };
            Vec::new()
        }
        EngineFact::Started { id, .. } => {
            if app.ui.follows && app.ui.selected != id.case && app.is_listed(id.case) {
                choose_case(app, id.case);
            }
            Vec::new()
        }
        EngineFact::Ended { id, record } => {
            let teaches = record.is_ok() && !record.has_hidden_reasoning() && record.content_events() > 0;
            if let (true, Some((tokens, TokenSource::Usage))) = (teaches, record.output_tokens()) {
                app.scene.tokens_per_event = tokens as f64 / record.content_events() as f64;
            }
            app.scene.traces.add(&record);
            if app.scene.session.is_open(id) {
                app.scene.load.add(&record, &app.scene.session);
            }
            session(app, SessionEvent::Ended(id, record))
        }
        EngineFact::Died(why) => {
            notice(app, now, &format!("The engine stopped: {why}. What was measured can still be exported."), true);
            app.scene.target.connection = Connection::Refused(why);
            if app.scene.session.began.is_some() {
                end_without_engine(app, now);
            }
            Vec::new()
        }
    }
}

/// Ends the run where nobody carries out commands any more: nothing else would end what is in flight.
fn end_without_engine(app: &mut App, now: Nanos) {
    let open = app.scene.session.open_ids();
    drop(session(app, SessionEvent::Abort));
    for id in open {
        let warmup = app.scene.session.attempt(id).is_some_and(|a| a.warmup);
        let mut lost = AttemptRecord::started(id, warmup, String::new(), String::new(), now);
        lost.status = AttemptStatus::Cancelled;
        lost.warnings.push("in flight when the engine stopped: nothing of it was kept".to_owned());
        drop(take(app, now, EngineFact::Ended { id, record: Arc::new(lost) }));
    }
}

//! Applies facts from the engine to the state.

use std::sync::Arc;

use super::notices::show_notice;
use super::selection::select_case;
use super::{model_choice, session, stop};
use crate::app::message::Effect;
use crate::app::state::{App, Connection};
use crate::domain::attempt::{AttemptRecord, AttemptStatus};
use crate::domain::live::{EngineFact, SIMULATOR_KIND};
use crate::domain::session::SessionInput;
use crate::domain::text::sanitise_line;
use crate::domain::time::Nanos;

/// Applies a fact from the engine.
pub(super) fn handle(app: &mut App, now: Nanos, fact: EngineFact) -> Vec<Effect> {
    app.scene.now = app.scene.now.max(now);
    match fact {
        EngineFact::Discovered { models, server, list_error } => {
            // A simulator that another process started is recognised by its name.
            app.scene.target.simulated |= server.kind.as_deref() == Some(SIMULATOR_KIND);
            app.scene.target.server = server;
            model_choice::discovered(app, now, models, list_error)
        }
        EngineFact::Recognised(server) => {
            if app.scene.target.server.kind.is_none() {
                app.scene.target.server = server;
            }
            Vec::new()
        }
        EngineFact::Unreachable { reason, http_status, retrying } => {
            let is_about_key = matches!(http_status, Some(401 | 403));
            let reason = if is_about_key { format!("{reason}; {}", app.key_source.advice()) } else { reason };
            let reason = sanitise_line(&reason);
            app.scene.failed_discoveries.add(now);
            app.scene.target.connection =
                if retrying { Connection::Unreachable(reason) } else { Connection::Refused(reason) };
            Vec::new()
        }
        EngineFact::Started { id, .. } => {
            if app.ui.follows && app.ui.selected != id.case && app.is_listed(id.case) {
                select_case(app, id.case);
            }
            Vec::new()
        }
        EngineFact::Ended { id, record } => {
            if let Some(tokens_per_event) = record.tokens_per_event() {
                app.scene.tokens_per_event = tokens_per_event;
            }
            app.scene.traces.add(&record);
            let mut effects = Vec::new();
            if app.scene.session.is_open(id) {
                app.scene.load.add(&record, &app.scene.session);
                if let Some(stopped) = stop::after(app, now, &record) {
                    effects.extend(stopped);
                    model_choice::offer_another(app);
                }
            }
            effects.extend(session::apply(app, SessionInput::Ended(id, record)));
            effects
        }
        EngineFact::Died(why) => {
            show_notice(app, now, &format!("The engine stopped: {why}. Results so far can still be exported."), true);
            app.scene.target.connection = Connection::Refused(why);
            if app.scene.session.began.is_some() {
                end_without_engine(app, now);
            }
            Vec::new()
        }
    }
}

/// Ends the run after the engine has died. The requests in flight would otherwise never end.
fn end_without_engine(app: &mut App, now: Nanos) {
    let open = app.scene.session.open_ids();
    drop(session::apply(app, SessionInput::Abort));
    for id in open {
        let warmup = app.scene.session.attempt(id).is_some_and(|a| a.warmup);
        let mut lost = AttemptRecord::started(id, warmup, String::new(), String::new(), now);
        lost.status = AttemptStatus::Cancelled;
        lost.warnings.push("in flight when the engine stopped: its answer is lost".to_owned());
        drop(handle(app, now, EngineFact::Ended { id, record: Arc::new(lost) }));
    }
}

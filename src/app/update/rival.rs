//! The endpoint of side B of a race. The run begins once both endpoints answer.

use super::model_choice::{begin_session, choose_model};
use crate::app::message::Effect;
use crate::app::state::{App, Connection};
use crate::domain::live::{EngineFact, SIMULATOR_KIND};
use crate::domain::text::sanitise_line;
use crate::domain::time::Nanos;

/// Takes a fact about the endpoint of side B.
pub(super) fn handle(app: &mut App, now: Nanos, fact: EngineFact) -> Vec<Effect> {
    let Some(rival) = &mut app.scene.rival else { return Vec::new() };
    match fact {
        EngineFact::Discovered { models, server, .. } => {
            app.scene.target.simulated |= server.kind.as_deref() == Some(SIMULATOR_KIND);
            rival.server = server;
            match choose_model(rival.model.as_deref(), &models) {
                Ok(model) => {
                    (rival.model, rival.connection) = (Some(model), Connection::Ready);
                    if app.is_endpoint_found {
                        return begin_session(app, now);
                    }
                }
                Err(why) => refuse(app, &why.replace("--model", "a second --model")),
            }
        }
        EngineFact::Recognised(server) => {
            if rival.server.kind.is_none() {
                rival.server = server;
            }
        }
        EngineFact::Unreachable { reason, retrying, .. } => {
            let reason = about(&rival.url, &reason);
            app.scene.failed_discoveries.add(now);
            if retrying {
                app.scene.target.connection = Connection::Unreachable(reason);
            } else {
                refuse(app, &reason);
            }
        }
        EngineFact::FromRival(_) | EngineFact::Started { .. } | EngineFact::Ended { .. } | EngineFact::Died(_) => {}
    }
    Vec::new()
}

/// A reason with the URL of side B.
fn about(url: &str, reason: &str) -> String {
    sanitise_line(&format!("side B, '{url}': {reason}"))
}

/// Ends the attempt to begin, because side B cannot be used.
fn refuse(app: &mut App, why: &str) {
    let Some(rival) = &app.scene.rival else { return };
    let reason = if why.starts_with("side B") { why.to_owned() } else { about(&rival.url, why) };
    app.scene.target.connection = Connection::Refused(reason);
}

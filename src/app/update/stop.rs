//! Stops a run whose requests would all fail for the same reason: the endpoint refuses the key, does not have the
//! model, or does not answer at the address. These errors stop a run:
//!
//! | error | stops | unless |
//! |---|---|---|
//! | HTTP 401, 403, or an error about the key with another status | the key is missing, wrong, or not allowed | the case has its own model; the prompt was refused for its content |
//! | HTTP 400, 404 or 422 about the model | the run's model does not exist there | the case has its own model |
//! | HTTP 404, 405 | nothing answers at the address | the case has its own model or its own fields |
//! | HTTP 407, or 400 about TLS | the proxy's password, or the scheme, is wrong | |
//! | no connection, five requests in a row | the server is gone | another request got a response in between |
//!
//! Any other error, such as a rate limit, fails only the attempt. A model is a case's own if another case uses another
//! model.

use super::notices::show_notice;
use super::session;
use crate::app::action::Action;
use crate::app::message::Effect;
use crate::app::state::App;
use crate::app::state::stop::{Stop, StopCause};
use crate::domain::attempt::{AttemptId, AttemptRecord, AttemptStatus};
use crate::domain::refusal::{CONTENT_REFUSED, KEY_REFUSED, MODEL_NOT_FOUND, TLS_EXPECTED};
use crate::domain::session::{CasePhase, Mode, SessionInput};
use crate::domain::text::sanitise_line;
use crate::domain::time::Nanos;

/// Number of requests in a row without a connection after which the server counts as gone.
const MAX_FAILED_CONNECTIONS: usize = 5;
/// Error kind of a connection that the server closed, possibly because of this request only.
const CLOSED: &str = "closed";

/// Counts requests in a row that got no connection. A request that the server closed or the user cancelled does not
/// count.
fn count_failed_connections(app: &mut App, record: &AttemptRecord) {
    let is_closed = record.error.as_ref().is_some_and(|e| e.kind == CLOSED);
    match record.status {
        AttemptStatus::Cancelled => {}
        AttemptStatus::ConnectError if is_closed => {}
        AttemptStatus::ConnectError => app.failed_connections.push(record.id.case),
        _ => app.failed_connections.clear(),
    }
}

/// Returns the cause for which all requests would fail; `None` if the error affects only this attempt.
fn cause(app: &App, record: &AttemptRecord) -> Option<StopCause> {
    if record.status == AttemptStatus::ConnectError && app.failed_connections.len() >= MAX_FAILED_CONNECTIONS {
        return Some(StopCause::Gone);
    }
    let kind = record.error.as_ref()?.kind.as_str();
    let case = app.scene.session.suite.cases.get(record.id.case)?;
    let has_own_model = has_own_model(app, record) || case.extra.contains_key("model");
    match record.http_status? {
        407 => Some(StopCause::Proxy),
        _ if kind == TLS_EXPECTED => Some(StopCause::Address),
        _ if has_own_model || kind == CONTENT_REFUSED => None,
        401 | 403 => Some(StopCause::Key),
        _ if kind == KEY_REFUSED => Some(StopCause::Key),
        _ if kind == MODEL_NOT_FOUND => Some(StopCause::Model),
        404 | 405 if case.extra.is_empty() => Some(StopCause::Address),
        _ => None,
    }
}

/// Returns whether only some cases use this record's model.
fn has_own_model(app: &App, record: &AttemptRecord) -> bool {
    let run = app.scene.target.model.as_deref().unwrap_or_default();
    let uses_model = |own: &Option<String>| own.as_deref().unwrap_or(run) == record.model;
    record.model != run && !app.scene.session.suite.cases.iter().all(|case| uses_model(&case.model))
}

/// Stops the run if the error of this record, which just ended, would affect every request. Starts nothing new, cancels
/// the requests in flight, and queues them again.
pub(super) fn after(app: &mut App, now: Nanos, record: &AttemptRecord) -> Option<Vec<Effect>> {
    count_failed_connections(app, record);
    let cause = cause(app, record)?;
    if let Some(stop) = &mut app.scene.stop {
        // The run is stopped already: this request was in flight then, and was refused as well.
        if !stop.refused.contains(&record.id.case) {
            stop.refused.push(record.id.case);
        }
        return None;
    }
    let message = record.error.as_ref().map_or("", |e| e.message.trim_end_matches(['.', ' ']));
    let advice = match cause {
        StopCause::Key => app.key_source.advice(),
        StopCause::Model => format!("pass another model with --model{}", listed(app)),
        StopCause::Gone => "the remaining requests were not sent; start the server and resume the run".to_owned(),
        StopCause::Address => "check that the address is the API's base URL and has the right scheme".to_owned(),
        StopCause::Proxy => String::new(),
    };
    let about = match cause {
        StopCause::Model => format!("model '{}': ", record.model),
        StopCause::Gone => {
            format!("the server is gone: {} requests in a row got no connection: ", app.failed_connections.len())
        }
        StopCause::Key | StopCause::Address | StopCause::Proxy => String::new(),
    };
    let advice = if advice.is_empty() { advice } else { format!("; {advice}") };
    let reason = sanitise_line(&format!("{about}{message}{advice}"));
    let mut effects = Vec::new();
    if app.scene.session.mode == Mode::Running {
        effects.extend(session::apply(app, SessionInput::ToggleHold));
    }
    let own = record.id;
    effects.extend(requeue_others(app, own));
    show_notice(app, now, &format!("Stopped: {reason}"), true);
    if let Some(notice) = &mut app.ui.notice {
        notice.remedy = Some(Action::Rerun);
    }
    let mut refused = vec![own.case];
    if cause == StopCause::Gone {
        refused = std::mem::take(&mut app.failed_connections);
        refused.sort_unstable();
        refused.dedup();
    }
    app.scene.stop = Some(Stop { cause, reason, refused });
    Some(effects)
}

/// Lists the endpoint's models for an error message.
fn listed(app: &App) -> String {
    match app.listed_models.as_slice() {
        [] => String::new(),
        some => {
            let names: Vec<_> = some.iter().take(10).map(|name| sanitise_line(name)).collect();
            format!("; the endpoint lists {}{}", names.join(", "), if some.len() > 10 { ", …" } else { "" })
        }
    }
}

/// Cancels the other requests in flight and queues their cases again.
fn requeue_others(app: &mut App, own: AttemptId) -> Vec<Effect> {
    let mut cases: Vec<usize> =
        app.scene.session.open_ids().into_iter().filter(|id| *id != own).map(|id| id.case).collect();
    cases.dedup();
    let mut effects = Vec::new();
    for case in cases {
        let is_running = |app: &App| app.scene.session.cases.get(case).is_some_and(|c| c.phase == CasePhase::Running);
        if is_running(app) {
            // Pausing cancels the running attempt; resuming queues the case again.
            effects.extend(session::apply(app, SessionInput::TogglePause(case)));
            effects.extend(session::apply(app, SessionInput::TogglePause(case)));
        }
    }
    effects
}

/// Resumes a stopped run. Refused cases begin again; the others continue where they were.
pub(super) fn resume(app: &mut App) -> Vec<Effect> {
    let Some(stop) = app.scene.stop.take() else { return Vec::new() };
    app.ui.notice = None;
    let mut effects = Vec::new();
    let is_timed = app.scene.session.plan.duration.is_some();
    for case in stop.refused {
        let phase = app.scene.session.cases.get(case).map(|case| case.phase);
        if phase == Some(CasePhase::Queued) && !is_timed {
            // A case with attempts left is already queued. Cancelling and rerunning it restores all its attempts.
            effects.extend(session::apply(app, SessionInput::Cancel(case)));
        }
        if phase == Some(CasePhase::Failed) || phase == Some(CasePhase::Queued) && !is_timed {
            effects.extend(session::apply(app, SessionInput::Rerun(case)));
        }
    }
    if app.scene.session.mode == Mode::Held {
        effects.extend(session::apply(app, SessionInput::ToggleHold));
    }
    effects
}

#[cfg(test)]
mod tests;

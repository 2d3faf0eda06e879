//! A run that is stopped because every request would fail alike: the endpoint refuses the key, does not know the model, or
//! has nothing at the address. Which errors stop it:
//!
//! | error | stops | unless |
//! |---|---|---|
//! | HTTP 401, 403 | the key is missing, wrong, or not allowed | the case asks a model of its own; the prompt was refused for its content |
//! | HTTP 400, 404 or 422 about the model | the run's model does not exist there | the case asks a model of its own |
//! | HTTP 404, 405 | nothing answers at the address | the case asks a model of its own or sends fields of its own |
//! | HTTP 407, or 400 about TLS | the proxy's password, or the scheme, is wrong | |
//!
//! Everything else, rate limits included, is a failure of the attempt alone. A model counts as a case's own if another case asks
//! another one.

use super::message::{Action, Effect};
use super::model::App;
use super::notice::notice;
use super::session::session;
use crate::domain::attempt::{AttemptId, AttemptRecord};
use crate::domain::refusal::{CONTENT_REFUSED, MODEL_NOT_FOUND, TLS_EXPECTED};
use crate::domain::session::{CasePhase, Mode, SessionEvent};
use crate::domain::text::sanitise_line;
use crate::domain::time::Nanos;

/// Why a run is stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// What is wrong.
    pub cause: Cause,
    /// What the server said, and what to do, in a sentence each.
    pub reason: String,
    /// The cases whose requests were refused: the first, and those that were in flight with it.
    refused: Vec<usize>,
}

/// What is wrong with what every request has in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The key is missing or refused.
    Key,
    /// The endpoint has no such model.
    Model,
    /// Nothing answers at the address, or not in this protocol.
    Address,
    /// The proxy wants a password.
    Proxy,
}

/// What a record says against the run as a whole; `None` where it concerns the attempt alone.
fn cause(app: &App, record: &AttemptRecord) -> Option<Cause> {
    let kind = record.error.as_ref()?.kind.as_str();
    let case = app.scene.session.suite.cases.get(record.id.case)?;
    let has_own_model = has_own_model(app, record) || case.extra.contains_key("model");
    match record.http_status? {
        407 => Some(Cause::Proxy),
        _ if kind == TLS_EXPECTED => Some(Cause::Address),
        _ if has_own_model || kind == CONTENT_REFUSED => None,
        401 | 403 => Some(Cause::Key),
        _ if kind == MODEL_NOT_FOUND => Some(Cause::Model),
        404 | 405 if case.extra.is_empty() => Some(Cause::Address),
        _ => None,
    }
}

/// Whether another case would ask another model than this record's.
fn has_own_model(app: &App, record: &AttemptRecord) -> bool {
    let run = app.scene.target.model.as_deref().unwrap_or_default();
    let asked = |own: &Option<String>| own.as_deref().unwrap_or(run) == record.model;
    record.model != run && !app.scene.session.suite.cases.iter().all(|case| asked(&case.model))
}

/// Stops the run if this record, which just ended, says that all requests would fail alike. What is in flight is given up and
/// owed again, and nothing new starts.
pub(super) fn after(app: &mut App, now: Nanos, record: &AttemptRecord) -> Option<Vec<Effect>> {
    let cause = cause(app, record)?;
    if let Some(stop) = &mut app.scene.stop {
        // It was in flight when the run was stopped.
        if !stop.refused.contains(&record.id.case) {
            stop.refused.push(record.id.case);
        }
        return None;
    }
    let said = record.error.as_ref().map_or("", |e| e.message.as_str());
    let advice = match cause {
        Cause::Key => app.key_source.advice(),
        Cause::Model => format!("name another model with --model{}", listed(app)),
        Cause::Address => "check the address: is it the API's base URL, with the right scheme?".to_owned(),
        Cause::Proxy => String::new(),
    };
    let about = match cause {
        Cause::Model => format!("model '{}': ", record.model),
        Cause::Key | Cause::Address | Cause::Proxy => String::new(),
    };
    let advice = if advice.is_empty() { advice } else { format!("; {advice}") };
    let reason = sanitise_line(&format!("{about}{said}{advice}"));
    let mut effects = Vec::new();
    if app.scene.session.mode == Mode::Running {
        effects.extend(session(app, SessionEvent::ToggleHold));
    }
    let own = record.id;
    effects.extend(give_back_others(app, own));
    notice(app, now, &format!("Stopped: {reason}"), true);
    if let Some(notice) = &mut app.ui.notice {
        notice.remedy = Some(Action::Rerun);
    }
    app.scene.stop = Some(Stop { cause, reason, refused: vec![own.case] });
    Some(effects)
}

/// The models that the endpoint lists, for an error.
fn listed(app: &App) -> String {
    match app.listed_models.as_slice() {
        [] => String::new(),
        some => {
            let names: Vec<_> = some.iter().take(10).map(|name| sanitise_line(name)).collect();
            format!("; the endpoint lists {}{}", names.join(", "), if some.len() > 10 { ", …" } else { "" })
        }
    }
}

/// Gives up what else is in flight; it waits for its turn again.
fn give_back_others(app: &mut App, own: AttemptId) -> Vec<Effect> {
    let mut cases: Vec<usize> =
        app.scene.session.open_ids().into_iter().filter(|id| *id != own).map(|id| id.case).collect();
    cases.dedup();
    let mut effects = Vec::new();
    for case in cases {
        let is_running = |app: &App| app.scene.session.cases.get(case).is_some_and(|c| c.phase == CasePhase::Running);
        if is_running(app) {
            // Paused its attempt is given up and owed; resumed it is queued.
            effects.extend(session(app, SessionEvent::TogglePause(case)));
            effects.extend(session(app, SessionEvent::TogglePause(case)));
        }
    }
    effects
}

/// Goes on with a stopped run: cases that were refused from their start, the others where they were.
pub(super) fn go_on(app: &mut App) -> Vec<Effect> {
    let Some(stop) = app.scene.stop.take() else { return Vec::new() };
    app.ui.notice = None;
    let mut effects = Vec::new();
    let is_timed = app.scene.session.plan.duration.is_some();
    for case in stop.refused {
        let phase = app.scene.session.cases.get(case).map(|case| case.phase);
        if phase == Some(CasePhase::Queued) && !is_timed {
            // With attempts left it is queued again already; given up and run again, none of its attempts is missing.
            effects.extend(session(app, SessionEvent::Cancel(case)));
        }
        if phase == Some(CasePhase::Failed) || phase == Some(CasePhase::Queued) && !is_timed {
            effects.extend(session(app, SessionEvent::Rerun(case)));
        }
    }
    if app.scene.session.mode == Mode::Held {
        effects.extend(session(app, SessionEvent::ToggleHold));
    }
    effects
}

#[cfg(test)]
mod tests;

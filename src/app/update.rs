//! How the state changes: one message in, effects out.

use std::sync::Arc;
use std::time::Duration;

use super::answer::{Form, PAGE, copy};
use super::cases::{choose_case, fold, follow, select_listed, sort_by_next, toggle_baseline, unfold};
use super::message::{Action, Effect, Msg};
use super::model::{App, Connection, NOTICE_FOR, Notice, Overlay, PaneId};
pub use super::possible::is_possible;
use super::possible::obstacle;
use super::scope;
use super::text_field::Edit;
use crate::domain::attempt::TokenSource;
use crate::domain::live::{EngineCommand, EngineFact, LiveSnapshot, SIMULATOR_KIND};
use crate::domain::session::{Mode, SessionCommand, SessionEvent};
use crate::domain::text::sanitise_line;
use crate::domain::time::Nanos;

/// Distance of two points of the throughput series.
const THROUGHPUT_STEP: Duration = Duration::from_millis(250);
/// Over how long a point of it is taken.
const THROUGHPUT_WINDOW: Duration = Duration::from_secs(1);

/// Takes a message, changes the state, returns what is to be done outside.
pub fn update(app: &mut App, msg: Msg) -> Vec<Effect> {
    let was_active = app.scene.session.is_active();
    let mut effects = handle(app, msg);
    let is_active = app.scene.session.is_active();
    if was_active != is_active {
        effects.push(Effect::TelemetryActive(is_active));
    }
    effects
}

fn handle(app: &mut App, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Action(now, action) => {
            // While nothing moves there are no frames: the key itself says how late it is.
            app.scene.now = app.scene.now.max(now);
            act(app, action)
        }
        Msg::Edit(edit) => {
            edit_text(app, &edit);
            Vec::new()
        }
        Msg::Frame { now, live } => {
            frame(app, now, live);
            session(app, SessionEvent::Tick(now))
        }
        Msg::Drawn { answer, help_limit } => {
            app.ui.answer.drawn(answer);
            // Scrolled beyond the end, the way back would begin there.
            if let Overlay::Help(line) = &mut app.ui.overlay {
                *line = help_limit.min(*line);
            }
            Vec::new()
        }
        Msg::Engine(now, fact) => engine_fact(app, now, fact),
        Msg::Gpu(event) => {
            app.scene.gpu.apply(event);
            Vec::new()
        }
        Msg::Gauges(event) => {
            app.scene.gauges.get_or_insert_default().apply(event);
            Vec::new()
        }
        Msg::Exported(now, result) => {
            match result {
                Ok(path) => notice(app, now, &format!("Report written to '{}'", path.display()), false),
                Err(why) => notice(app, now, &why, true),
            }
            Vec::new()
        }
        Msg::NotSaved(now, why) => {
            notice(app, now, &format!("This run is not being saved: {why}"), true);
            Vec::new()
        }
        Msg::Resized => Vec::new(),
        Msg::Closing => session(app, SessionEvent::Abort),
        Msg::Signal(_) => {
            app.interrupted = true;
            vec![Effect::Quit(app.exit_status())]
        }
    }
}

/// Tells what just happened.
pub(super) fn notice(app: &mut App, at: Nanos, text: &str, is_error: bool) {
    app.scene.now = app.scene.now.max(at);
    app.ui.notice = Some(Notice { text: sanitise_line(text), is_error, remedy: None, at });
}

// ─── The engine ───

fn engine_fact(app: &mut App, now: Nanos, fact: EngineFact) -> Vec<Effect> {
    app.scene.now = app.scene.now.max(now);
    match fact {
        EngineFact::Discovered { models, server } => {
            // The simulator says so itself, also when it is not this program that started it.
            app.scene.target.simulated |= server.kind.as_deref() == Some(SIMULATOR_KIND);
            app.scene.target.server = server;
            match choose_model(app.wanted_model.as_deref(), &models) {
                Ok(model) => {
                    app.scene.target.model = Some(model);
                    app.scene.target.connection = Connection::Ready;
                    let mut effects = vec![Effect::BeginTelemetry];
                    effects.extend(session(app, SessionEvent::Begin(now)));
                    effects
                }
                Err(why) => {
                    app.scene.target.connection = Connection::Refused(why);
                    Vec::new()
                }
            }
        }
        EngineFact::Unreachable { reason, retrying } => {
            let reason = sanitise_line(&reason);
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
            Vec::new()
        }
    }
}

/// The model to ask: the one wanted, else the only one there is.
fn choose_model(wanted: Option<&str>, listed: &[String]) -> Result<String, String> {
    match (wanted, listed) {
        (Some(name), _) => Ok(name.to_owned()),
        (None, [only]) => Ok(only.clone()),
        (None, []) => Err("the endpoint lists no model; name one with --model".to_owned()),
        (None, many) => {
            let names: Vec<_> = many.iter().take(20).map(|m| sanitise_line(m)).collect();
            Err(format!("the endpoint has {} models; name one with --model: {}", many.len(), names.join(", ")))
        }
    }
}

fn session(app: &mut App, event: SessionEvent) -> Vec<Effect> {
    let scene = &mut app.scene;
    let commands = scene.session.handle_at(scene.now, event);
    scene.load.pass(scene.now, &scene.session);
    scene.traces.hold(scene.now, scene.session.mode == Mode::Held);
    let effect = |command| match command {
        SessionCommand::Abort(id) => Effect::Engine(EngineCommand::Abort(id)),
        SessionCommand::Start { id, warmup, due } => {
            let case = scene.session.suite.cases[id.case].clone();
            let model = case.model.clone().or_else(|| scene.target.model.clone()).unwrap_or_default();
            Effect::Engine(EngineCommand::Start { id, case: Arc::new(case), model, warmup, due })
        }
    };
    commands.into_iter().map(effect).collect()
}

// ─── The frame clock ───

fn frame(app: &mut App, now: Nanos, live: Arc<LiveSnapshot>) {
    app.scene.now = app.scene.now.max(now);
    if app.ui.notice.as_ref().is_some_and(|n| now.since(n.at) >= NOTICE_FOR) {
        app.ui.notice = None;
    }
    throughput(app, &live);
    app.scene.live = live;
}

/// Takes a point of the throughput every [`THROUGHPUT_STEP`], over the [`THROUGHPUT_WINDOW`] before it.
fn throughput(app: &mut App, live: &LiveSnapshot) {
    let (at, total) = (live.at, live.content_events_total);
    let recent = &mut app.recent_totals;
    let Some(&(last_at, last_total)) = recent.back() else { return recent.push_back((at, total)) };
    if at.since(last_at) < THROUGHPUT_STEP {
        return;
    }
    let busy = !live.in_flight.is_empty() || total > last_total;
    if !busy {
        // A gap in the line, not a zero; and what comes after it is not thinned by it.
        recent.clear();
        recent.push_back((at, total));
        return app.scene.throughput.push(at, None);
    }
    recent.push_back((at, total));
    // The window begins at the last point that is at least its length ago.
    while recent.get(1).is_some_and(|&(second, _)| at.since(second) >= THROUGHPUT_WINDOW) {
        recent.pop_front();
    }
    if let Some(&(from, before)) = recent.front() {
        let rate = total.saturating_sub(before) as f64 / at.since(from).as_secs_f64();
        app.scene.throughput.push(at, Some(rate * app.scene.tokens_per_event));
    }
}

// ─── The user ───

fn act(app: &mut App, action: Action) -> Vec<Effect> {
    if let Some(effects) = act_in_overlay(app, action) {
        return effects;
    }
    if let Some(obstacle) = obstacle(app, action) {
        // A key that does nothing says why.
        let now = app.scene.now;
        notice(app, now, &obstacle.why, false);
        if let Some(notice) = &mut app.ui.notice {
            notice.remedy = obstacle.remedy;
        }
        return Vec::new();
    }
    let selected = app.ui.selected;
    match action {
        Action::ToggleHold => return session(app, SessionEvent::ToggleHold),
        Action::TogglePauseCase => return of_case(app, SessionEvent::TogglePause(selected)),
        Action::Rerun => return of_case(app, SessionEvent::Rerun(selected)),
        Action::RerunFailed => return session(app, SessionEvent::RerunFailed),
        Action::Cancel => return of_case(app, SessionEvent::Cancel(selected)),
        Action::Export => return vec![Effect::Export { exporter: 0 }],
        Action::ChooseExport => app.ui.overlay = Overlay::ExportMenu(0),
        Action::ToggleFreeze => {
            app.frozen = if app.frozen.is_some() { None } else { Some(Box::new(app.scene.clone())) };
        }
        Action::SelectNext => select(app, 1),
        Action::SelectPrevious => select(app, -1),
        Action::SelectFirst => select(app, isize::MIN),
        Action::SelectLast => select(app, isize::MAX),
        Action::ScrollDown => app.ui.answer.scroll(PAGE),
        Action::ScrollUp => app.ui.answer.scroll(-PAGE),
        Action::LineDown => app.ui.answer.scroll(1),
        Action::LineUp => app.ui.answer.scroll(-1),
        Action::ToTop => app.ui.answer.to_top(),
        Action::ToEnd => app.ui.answer.to_end(),
        Action::ToggleThinking => app.ui.answer.toggle_thinking(),
        Action::ToggleRaw => app.ui.answer.toggle_form(Form::Raw),
        Action::ToggleExchange => app.ui.answer.toggle_form(Form::Exchange),
        Action::Search => {
            app.ui.answer.begin_search();
            app.ui.overlay = Overlay::SearchInput;
        }
        Action::NextMatch => app.ui.answer.step(1),
        Action::PreviousMatch => app.ui.answer.step(-1),
        Action::NextPane => turn_focus(app, 1),
        Action::PreviousPane => turn_focus(app, PaneId::ALL.len() - 1),
        Action::Zoom => app.ui.zoomed = true,
        Action::Back if is_searched(app) => app.ui.answer.drop_search(),
        Action::Back if app.ui.zoomed => app.ui.zoomed = false,
        Action::Back if !app.ui.filter.is_empty() => app.ui.filter.clear(),
        Action::Back => follow(app),
        Action::Filter => app.ui.overlay = Overlay::FilterInput,
        Action::Copy => return copy(app),
        Action::SortByNext => sort_by_next(app),
        Action::ReverseSort => app.ui.cases.reversed = !app.ui.cases.reversed,
        Action::Unfold => unfold(app),
        Action::Fold => fold(app),
        Action::ToggleBaseline => {
            let (now, text) = (app.scene.now, toggle_baseline(app));
            notice(app, now, &text, false);
        }
        Action::Help => app.ui.overlay = Overlay::Help(0),
        Action::Redraw => return vec![Effect::Redraw],
        Action::Suspend => return vec![Effect::Suspend],
        Action::Quit if app.scene.session.is_active() => app.ui.overlay = Overlay::ConfirmQuit,
        Action::Quit => return vec![Effect::Quit(app.exit_status())],
        Action::NextTheme => next_theme(app),
        Action::ScopeCloser
        | Action::ScopeWider
        | Action::ScopeEarlier
        | Action::ScopeLater
        | Action::ScopeCursor
        | Action::ScopeNow
        | Action::ScopeStack => scope::act(app, action),
        Action::Confirm => {}
    }
    Vec::new()
}

/// A wish about the selected case. The selection stays there: followed on to the next one that runs, the same key pressed
/// again would mean another case.
fn of_case(app: &mut App, event: SessionEvent) -> Vec<Effect> {
    app.ui.follows = false;
    session(app, event)
}

/// What an action means while something lies over the panes; `None` when nothing does.
fn act_in_overlay(app: &mut App, action: Action) -> Option<Vec<Effect>> {
    let formats = app.export_labels.len();
    let mut effects = Vec::new();
    app.ui.overlay = match (&app.ui.overlay, action) {
        (Overlay::None, _) => return None,
        (_, Action::Suspend | Action::Redraw) => {
            effects.push(if action == Action::Suspend { Effect::Suspend } else { Effect::Redraw });
            app.ui.overlay.clone()
        }
        (Overlay::Help(line), Action::SelectNext) => Overlay::Help(line.saturating_add(1)),
        (Overlay::Help(line), Action::SelectPrevious) => Overlay::Help(line.saturating_sub(1)),
        (Overlay::Help(line), Action::ScrollDown) => Overlay::Help(line.saturating_add(PAGE as u16)),
        (Overlay::Help(line), Action::ScrollUp) => Overlay::Help(line.saturating_sub(PAGE as u16)),
        (Overlay::ConfirmQuit, Action::Confirm | Action::Quit | Action::Zoom) => {
            app.interrupted = true;
            effects.push(Effect::Quit(app.exit_status()));
            Overlay::None
        }
        (Overlay::ExportMenu(at), Action::SelectNext) => Overlay::ExportMenu((at + 1).min(formats.saturating_sub(1))),
        (Overlay::ExportMenu(at), Action::SelectPrevious) => Overlay::ExportMenu(at.saturating_sub(1)),
        (Overlay::ExportMenu(at), Action::Zoom | Action::Confirm) => {
            effects.push(Effect::Export { exporter: *at });
            Overlay::None
        }
        (Overlay::FilterInput, Action::Back) => {
            app.ui.filter.clear();
            Overlay::None
        }
        (Overlay::SearchInput, Action::Back) => {
            app.ui.answer.drop_search();
            Overlay::None
        }
        (Overlay::FilterInput | Overlay::SearchInput, Action::Zoom | Action::Confirm) => Overlay::None,
        (Overlay::FilterInput | Overlay::SearchInput, _) => app.ui.overlay.clone(),
        (Overlay::ExportMenu(at), action) if !matches!(action, Action::Back | Action::Quit) => Overlay::ExportMenu(*at),
        (Overlay::ConfirmQuit, action) if !matches!(action, Action::Back) => Overlay::ConfirmQuit,
        (_, _) => Overlay::None,
    };
    Some(effects)
}

fn select(app: &mut App, by: isize) {
    super::cases::select(app, by);
}

fn next_theme(app: &mut App) {
    app.ui.theme = app.ui.theme.next();
    let now = app.scene.now;
    notice(app, now, &format!("Theme: {}", app.ui.theme.as_str()), false);
}

fn turn_focus(app: &mut App, by: usize) {
    let at = PaneId::ALL.iter().position(|&p| p == app.ui.focus).unwrap_or(0);
    app.ui.focus = PaneId::ALL[(at + by) % PaneId::ALL.len()];
}

/// Changes the text that is being typed: that of the overlay.
fn edit_text(app: &mut App, edit: &Edit) {
    match app.ui.overlay {
        Overlay::FilterInput => {
            app.ui.filter.edit(edit);
            select_listed(app);
        }
        Overlay::SearchInput => app.ui.answer.edit_search(edit),
        _ => {}
    }
}

/// Whether keys go to an answer that is searched: the way back drops the search first.
pub fn is_searched(app: &App) -> bool {
    app.ui.focus == PaneId::Preview && !app.ui.answer.search.field.is_empty()
}

#[cfg(test)]
pub(super) mod tests;

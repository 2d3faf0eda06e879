//! How the state changes: one message in, effects out.

mod engine;
mod frame;

use super::answer::{Form, PAGE, copy, is_searched};
use super::cases::{fold, follow, select, sort_by_next, toggle_baseline, unfold};
use super::message::{Action, Effect, Msg};
use super::model::{App, Overlay, PaneId};
use super::notice::{notice, read};
use super::palette::{self, Palette};
use super::possible::obstacle;
use super::session::session;
use super::text_field::Edit;
use super::{dialogs, export_dialog, model_choice, playback, pointer, report_view, scope};
use crate::domain::live::EngineCommand;
use crate::domain::session::SessionEvent;

/// Takes a message, changes the state, returns what is to be done outside.
pub fn update(app: &mut App, msg: Msg) -> Vec<Effect> {
    let was_active = app.scene.session.is_active();
    let shown_at = match &msg {
        Msg::Frame { now, .. } | Msg::Action(now, _) => Some(*now),
        _ => None,
    };
    let mut effects = handle(app, msg);
    if let (Some(now), true) = (shown_at, app.playback.is_some()) {
        playback::show(app, now);
    }
    effects.extend(report_view::keep_up(app));
    if app.playback.is_some() {
        return effects;
    }
    let is_active = app.scene.session.is_active();
    if was_active != is_active {
        // Who begins to look does so before the first request.
        let is_start = |e: &Effect| matches!(e, Effect::Engine(EngineCommand::Start { .. }));
        let at = effects.iter().position(is_start).unwrap_or(effects.len());
        effects.insert(at, Effect::TelemetryActive(is_active));
    }
    effects
}

fn handle(app: &mut App, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Action(now, action) => {
            // While nothing moves there are no frames: the key itself says how late it is.
            app.scene.now = app.scene.now.max(now);
            read(app, now);
            act(app, action)
        }
        Msg::Edit(edit) => dialogs::edit(app, &edit).unwrap_or_default(),
        Msg::Pasted(now, text) => {
            let typed = dialogs::edit(app, &Edit::Paste(text));
            if typed.is_none() {
                notice(app, now, "Pasted text is ignored here", false);
            }
            typed.unwrap_or_default()
        }
        Msg::Pointer(now, pointer) => {
            app.scene.now = app.scene.now.max(now);
            pointer::take(app, pointer)
        }
        Msg::Frame { now, live } => {
            frame::take(app, now, live);
            session(app, SessionEvent::Tick(now))
        }
        Msg::Drawn { answer, help_limit, report } => {
            app.ui.answer.drawn(answer);
            // Scrolled beyond the end, the way back would begin there.
            match &mut app.ui.overlay {
                Overlay::Help(line) => *line = help_limit.min(*line),
                // Until its text is there it has no end.
                Overlay::Report(view) if view.text.is_some() => view.top = view.top.min(report.limit),
                _ => {}
            }
            app.ui.report_extent = report;
            Vec::new()
        }
        Msg::Engine(now, fact) => engine::take(app, now, fact),
        Msg::Gpu(event) => {
            app.scene.gpu.apply(event);
            Vec::new()
        }
        Msg::Gauges(event) => {
            app.scene.gauges.get_or_insert_default().apply(event);
            Vec::new()
        }
        Msg::Host(event) => {
            app.scene.host.apply(event);
            Vec::new()
        }
        Msg::Exported(now, result) => {
            match result {
                Ok(path) => {
                    if matches!(app.ui.overlay, Overlay::Export(_)) {
                        app.ui.overlay = Overlay::None;
                    }
                    notice(app, now, &format!("Report written to '{}'", path.display()), false);
                }
                Err(why) => notice(app, now, &why, true),
            }
            Vec::new()
        }
        Msg::NotSaved(now, why) => {
            notice(app, now, &format!("This run is not being saved: {why}"), true);
            Vec::new()
        }
        Msg::ReportRendered { text, file } => {
            report_view::rendered(app, text, file);
            Vec::new()
        }
        Msg::ExportsOffered { offers, folder } => export_dialog::offered(app, offers, folder),
        Msg::ExportChecked { name, fate } => {
            export_dialog::checked(app, &name, fate);
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

/// What the user means, in the panes or in what lies over them.
fn act(app: &mut App, action: Action) -> Vec<Effect> {
    if matches!(app.ui.overlay, Overlay::Palette(_)) && action == Action::Confirm {
        return palette::confirm(app).map_or_else(Vec::new, |chosen| act(app, chosen));
    }
    if let Some(effects) = dialogs::act(app, action) {
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
        Action::Rerun | Action::ToggleHold if app.scene.stop.is_some() => return model_choice::try_again(app),
        Action::ReplayBack | Action::ReplayForward | Action::ReplaySlower | Action::ReplayFaster => replay(app, action),
        Action::ToggleHold if app.playback.is_some() => replay(app, action),
        Action::ToggleHold => return session(app, SessionEvent::ToggleHold),
        Action::TogglePauseCase => return of_case(app, SessionEvent::TogglePause(selected)),
        Action::Rerun => return of_case(app, SessionEvent::Rerun(selected)),
        Action::RerunFailed => return session(app, SessionEvent::RerunFailed),
        Action::Cancel => return of_case(app, SessionEvent::Cancel(selected)),
        Action::Export => return vec![Effect::Export { exporter: 0 }],
        Action::ChooseExport => return export_dialog::open(app),
        Action::ViewReport => return report_view::open(app),
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
        Action::Focus(pane) => app.ui.focus = pane,
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
        Action::Palette => app.ui.overlay = Overlay::Palette(Palette::default()),
        Action::ToggleMouse => {
            app.ui.mouse = !app.ui.mouse;
            return vec![Effect::Mouse(app.ui.mouse)];
        }
        Action::Redraw => return vec![Effect::Redraw],
        Action::Suspend => return vec![Effect::Suspend],
        Action::Quit if app.scene.session.is_active() && app.playback.is_none() => {
            app.ui.overlay = Overlay::ConfirmQuit;
        }
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

fn replay(app: &mut App, action: Action) {
    let now = app.scene.now;
    if let Some(playback) = &mut app.playback {
        playback.act(action, now);
    }
}

/// A wish about the selected case. The selection stays there: followed on to the next one that runs, the same key pressed
/// again would mean another case.
fn of_case(app: &mut App, event: SessionEvent) -> Vec<Effect> {
    app.ui.follows = false;
    session(app, event)
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

#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
pub(super) mod tests;

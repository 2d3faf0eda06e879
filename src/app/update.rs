//! Applies messages to the state: one message in, effects out.

pub mod availability;
mod copy;
mod dialogs;
mod discard;
mod engine;
mod export_dialog;
mod frame;
mod model_choice;
mod notice_of_end;
mod notices;
mod palette;
mod playback;
mod pointer;
mod preset;
mod report_view;
mod scope;
mod selection;
mod session;
mod stop;
mod theme_choice;

use self::notices::{dismiss_read_notice, show_notice};
use self::selection::{fold, follow, move_selection, sort_by_next, toggle_baseline, unfold};
use super::action::Action;
use super::message::{Effect, Msg, ReportEffect, RunEffect, ScreenEffect};
use super::pane::PaneId;
use super::state::answer::{Form, PAGE_LINES};
use super::state::help_view::HelpView;
use super::state::preset::LayoutPreset;
use super::state::text_field::Edit;
use super::state::{App, Overlay};
use crate::domain::live::EngineCommand;
use crate::domain::session::SessionInput;

/// Applies a message. Returns the work outside the state.
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
    effects.extend(report_view::refresh(app));
    if app.playback.is_some() {
        return effects;
    }
    let is_active = app.scene.session.is_active();
    if was_active && !is_active {
        effects.extend(notice_of_end::notification(&app.scene));
    }
    if was_active != is_active {
        // Sampling at the full rate starts before the first request.
        let is_start = |e: &Effect| matches!(e, Effect::Run(RunEffect::Engine(EngineCommand::Start { .. })));
        let at = effects.iter().position(is_start).unwrap_or(effects.len());
        effects.insert(at, Effect::Run(RunEffect::TelemetryActive(is_active)));
    }
    effects
}

/// Applies a message without its effects on replay, report and telemetry, which [`update`] adds.
fn handle(app: &mut App, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Action(now, action) => {
            // An idle screen has no frames, so the key press sets the time.
            app.scene.now = app.scene.now.max(now);
            dismiss_read_notice(app, now);
            act(app, action)
        }
        Msg::Edit(edit) => dialogs::edit(app, &edit).unwrap_or_default(),
        Msg::Pasted(now, text) => {
            let typed = dialogs::edit(app, &Edit::Paste(text));
            if typed.is_none() {
                show_notice(app, now, "Pasted text is ignored here", false);
            }
            typed.unwrap_or_default()
        }
        Msg::Pointer(now, pointer) => {
            app.scene.now = app.scene.now.max(now);
            pointer::handle(app, pointer)
        }
        Msg::Frame { now, live } => {
            frame::tick(app, now, live);
            session::apply(app, SessionInput::Tick(now))
        }
        Msg::Drawn { answer, overlay } => {
            app.ui.answer.drawn(answer);
            // Keep the position within the text: beyond its end, the first presses of an upward key would have no
            // effect.
            match &mut app.ui.overlay {
                Overlay::Help(help) => help.top = help.top.min(overlay.limit),
                // A report whose text has not arrived has no end yet.
                Overlay::Report(view) if view.text.is_some() => view.top = view.top.min(overlay.limit),
                _ => {}
            }
            app.ui.overlay_extent = overlay;
            Vec::new()
        }
        Msg::Engine(now, fact) => engine::handle(app, now, fact),
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
                    show_notice(app, now, &format!("Report written to '{}'", path.display()), false);
                }
                Err(why) => show_notice(app, now, &why, true),
            }
            Vec::new()
        }
        Msg::NotSaved(now, why) => {
            show_notice(app, now, &format!("This run is not being saved: {why}"), true);
            Vec::new()
        }
        Msg::ReportRendered { text, file } => {
            report_view::set_text(app, text, file);
            Vec::new()
        }
        Msg::ExportsOffered { offers, folder } => export_dialog::set_offers(app, offers, folder),
        Msg::ExportChecked { name, check } => {
            export_dialog::set_check(app, &name, check);
            Vec::new()
        }
        Msg::Resized => Vec::new(),
        Msg::Closing => session::apply(app, SessionInput::Abort),
        Msg::Signal(_) => {
            app.interrupted = true;
            vec![Effect::Quit(app.exit_status())]
        }
    }
}

/// Carries out an action in the open overlay; without an overlay, in the panes.
#[expect(clippy::too_many_lines, reason = "one arm for each action")]
fn act(app: &mut App, action: Action) -> Vec<Effect> {
    if matches!(app.ui.overlay, Overlay::Palette(_)) && action == Action::Confirm {
        return palette::confirm(app).map_or_else(Vec::new, |chosen| act(app, chosen));
    }
    if let Some(effects) = dialogs::act(app, action) {
        return effects;
    }
    if let Some(obstacle) = availability::obstacle(app, action) {
        if obstacle.why.is_empty() {
            return Vec::new();
        }
        let now = app.scene.now;
        show_notice(app, now, &obstacle.why, false);
        if let Some(notice) = &mut app.ui.notice {
            notice.remedy = obstacle.remedy;
        }
        return Vec::new();
    }
    let selected = app.ui.selected;
    if action != Action::TogglePauseCase {
        discard::withdraw(app);
    }
    match action {
        Action::Rerun | Action::ToggleHold if app.scene.stop.is_some() => return model_choice::try_again(app),
        Action::ReplayBack | Action::ReplayForward | Action::ReplaySlower | Action::ReplayFaster => replay(app, action),
        Action::ToggleHold if app.playback.is_some() => replay(app, action),
        Action::ToggleHold => return session::apply(app, SessionInput::ToggleHold),
        Action::TogglePauseCase if discard::must_ask(app, selected) => discard::ask(app, selected),
        Action::TogglePauseCase => {
            discard::withdraw(app);
            return apply_to_case(app, SessionInput::TogglePause(selected));
        }
        Action::Rerun => return apply_to_case(app, SessionInput::Rerun(selected)),
        Action::RerunFailed => return session::apply(app, SessionInput::RerunFailed),
        Action::Cancel => return apply_to_case(app, SessionInput::Cancel(selected)),
        Action::Export => return vec![Effect::Report(ReportEffect::Export { exporter: 0 })],
        Action::ChooseExport => return export_dialog::open(app),
        Action::ViewReport => return report_view::open(app),
        Action::ToggleFreeze => {
            app.frozen = if app.frozen.is_some() { None } else { Some(Box::new(app.scene.clone())) };
        }
        Action::SelectNext => move_selection(app, 1),
        Action::SelectPrevious => move_selection(app, -1),
        Action::SelectFirst => move_selection(app, isize::MIN),
        Action::SelectLast => move_selection(app, isize::MAX),
        Action::ScrollDown => app.ui.answer.scroll(PAGE_LINES),
        Action::ScrollUp => app.ui.answer.scroll(-PAGE_LINES),
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
        Action::NextPane => move_focus(app, 1),
        Action::PreviousPane => move_focus(app, PaneId::ALL.len() - 1),
        Action::Focus(pane) => app.ui.focus = pane,
        Action::Zoom => app.ui.zoomed = true,
        Action::Back if app.ui.is_answer_searched() => app.ui.answer.drop_search(),
        Action::Back if app.ui.zoomed => app.ui.zoomed = false,
        Action::Back if !app.ui.filter.is_empty() => app.ui.filter.clear(),
        Action::Back => follow(app),
        Action::Filter => app.ui.overlay = Overlay::FilterInput,
        Action::Copy => return copy::copy(app),
        Action::NextLayout => preset::step(app, 1),
        Action::PreviousLayout => preset::step(app, LayoutPreset::ALL.len() - 1),
        Action::SortByNext => sort_by_next(app),
        Action::ReverseSort => app.ui.cases.reversed = !app.ui.cases.reversed,
        Action::Unfold => unfold(app),
        Action::Fold => fold(app),
        Action::ToggleBaseline => {
            let (now, text) = (app.scene.now, toggle_baseline(app));
            show_notice(app, now, &text, false);
        }
        Action::Help => app.ui.overlay = Overlay::Help(HelpView::default()),
        Action::Palette => palette::open(app),
        Action::ToggleMouse => {
            app.ui.mouse = !app.ui.mouse;
            return vec![Effect::Screen(ScreenEffect::Mouse(app.ui.mouse))];
        }
        Action::Redraw => return vec![Effect::Screen(ScreenEffect::Redraw)],
        Action::Suspend => return vec![Effect::Screen(ScreenEffect::Suspend)],
        Action::Quit if app.asks_before_quitting() => {
            app.ui.overlay = Overlay::ConfirmQuit;
        }
        Action::Quit => return vec![Effect::Quit(app.exit_status())],
        Action::ChooseTheme => theme_choice::open(app),
        Action::ScopeCloser
        | Action::ScopeWider
        | Action::ScopeEarlier
        | Action::ScopeLater
        | Action::ScopeCursor
        | Action::ScopeNow
        | Action::ScopeStack
        | Action::ScopeAxis => scope::act(app, action),
        Action::SweepChart => app.ui.sweep_chart = app.ui.sweep_chart.other(),
        Action::Confirm => {}
    }
    Vec::new()
}

/// Steers the replay.
fn replay(app: &mut App, action: Action) {
    let now = app.scene.now;
    if let Some(playback) = &mut app.playback {
        playback.steer(action, now);
    }
}

/// Applies an event to the selected case. Stops following the run, so that a second press of the key hits the same
/// case.
fn apply_to_case(app: &mut App, event: SessionInput) -> Vec<Effect> {
    app.ui.follows = false;
    session::apply(app, event)
}

/// Moves the focus by `by` panes in the order of `tab`.
fn move_focus(app: &mut App, by: usize) {
    let at = PaneId::ALL.iter().position(|&p| p == app.ui.focus).unwrap_or(0);
    app.ui.focus = PaneId::ALL[(at + by) % PaneId::ALL.len()];
}

#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
pub(super) mod tests;

//! Keys in the command palette.

use super::availability;
use super::notices::show_notice;
use crate::app::action::Action;
use crate::app::state::palette::found;
use crate::app::state::{App, Overlay};

/// Highlights the command `by` further down.
pub(super) fn step(app: &mut App, by: isize) {
    let Overlay::Palette(palette) = &mut app.ui.overlay else { return };
    let last = found(&app.commands, palette.query.as_str()).len().saturating_sub(1);
    palette.at = palette.at.saturating_add_signed(by).min(last);
}

/// Closes the palette, focuses the pane of the highlighted command and returns its action. An unavailable command reports
/// why, and the palette stays open.
pub(super) fn confirm(app: &mut App) -> Option<Action> {
    let Overlay::Palette(palette) = &app.ui.overlay else { return None };
    let chosen = found(&app.commands, palette.query.as_str()).get(palette.at).copied();
    let command = app.commands.get(chosen?)?;
    let (action, pane) = (command.action, command.pane);
    if let Some(obstacle) = availability::obstacle(app, action) {
        let now = app.scene.now;
        show_notice(app, now, &obstacle.why, true);
        return None;
    }
    app.ui.overlay = Overlay::None;
    app.ui.focus = pane.unwrap_or(app.ui.focus);
    Some(action)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::message::{Effect, Msg};
    use crate::app::pane::PaneId;
    use crate::app::state::palette::Command;
    use crate::app::state::text_field::Edit;
    use crate::app::update::testing::{app, discovered};
    use crate::app::update::update;
    use crate::domain::session::Mode;
    use crate::domain::time::Nanos;

    fn commands() -> Vec<Command> {
        let command = |action, pane, search_text: &str| Command { action, pane, search_text: search_text.to_owned() };
        vec![
            command(Action::ToggleHold, None, "Hold the run, or resume it hold resume"),
            command(Action::RerunFailed, None, "Rerun all failed cases"),
            command(Action::Rerun, None, "Rerun the case rerun"),
            command(Action::ToggleFreeze, None, "Freeze the screen freeze unfreeze"),
            command(Action::SelectNext, Some(PaneId::Preview), "Answer: scroll down one line"),
        ]
    }

    fn actions(query: &str) -> Vec<Action> {
        let commands = commands();
        found(&commands, query).into_iter().map(|at| commands[at].action).collect()
    }

    #[test]
    fn a_few_letters_find_a_command() {
        use Action as A;
        assert_eq!(actions("").len(), 5);
        assert_eq!(actions("FREEZE"), [A::ToggleFreeze]);
        assert_eq!(actions("failed rerun"), [A::RerunFailed]);
        assert_eq!(actions("rerun"), [A::RerunFailed, A::Rerun]);
        // A match at the start of a word comes before one within a word, and that before scattered letters.
        assert_eq!(actions("re")[..2], [A::ToggleHold, A::RerunFailed]);
        assert_eq!(actions("frz"), [A::ToggleFreeze]);
        assert_eq!(actions("zzz"), []);
    }

    fn press(app: &mut App, action: Action) -> Vec<Effect> {
        update(app, Msg::Action(Nanos(10), action))
    }

    fn typed(app: &mut App, text: &str) {
        press(app, Action::Palette);
        update(app, Msg::Edit(Edit::Paste(text.to_owned())));
    }

    #[test]
    fn the_chosen_command_acts_in_its_pane() {
        let mut app = app(2);
        app.commands = commands();
        discovered(&mut app, &["m"]);
        typed(&mut app, "hold");
        press(&mut app, Action::Confirm);
        assert_eq!((app.scene.session.mode, &app.ui.overlay), (Mode::Held, &Overlay::None));
        typed(&mut app, "answer up down");
        assert_eq!(actions("answer up down"), []);
        update(&mut app, Msg::Edit(Edit::Clear));
        update(&mut app, Msg::Edit(Edit::Paste("answer".to_owned())));
        press(&mut app, Action::Confirm);
        assert_eq!((app.ui.focus, &app.ui.overlay), (PaneId::Preview, &Overlay::None));
    }

    #[test]
    fn an_unavailable_command_reports_why_and_the_palette_stays_open() {
        let mut app = app(2);
        app.commands = commands();
        typed(&mut app, "hold");
        assert!(press(&mut app, Action::Confirm).is_empty());
        assert!(matches!(app.ui.overlay, Overlay::Palette(_)));
        let notice = app.ui.notice.as_ref().map(|n| n.text.as_str());
        assert_eq!(notice, Some("The run has not started: waiting for the endpoint"));
        // Confirming without a match does nothing.
        update(&mut app, Msg::Edit(Edit::Paste("zzz".to_owned())));
        assert!(press(&mut app, Action::Confirm).is_empty());
        press(&mut app, Action::Back);
        assert_eq!(app.ui.overlay, Overlay::None);
    }

    #[test]
    fn the_highlight_stays_within_the_commands_found() {
        let mut app = app(1);
        app.commands = commands();
        typed(&mut app, "rerun");
        let at = |app: &App| match &app.ui.overlay {
            Overlay::Palette(palette) => palette.at,
            _ => usize::MAX,
        };
        (0..5).for_each(|_| drop(press(&mut app, Action::SelectNext)));
        assert_eq!(at(&app), 1);
        update(&mut app, Msg::Edit(Edit::Insert(' ')));
        assert_eq!(at(&app), 0);
    }
}

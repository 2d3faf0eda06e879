//! Keys in the command palette.

use super::availability;
use super::notices::show_notice;
use crate::app::action::Action;
use crate::app::state::palette::{Command, Palette};
use crate::app::state::{App, Overlay};

/// Maximum number of commands that are remembered as recently used.
const MAX_RECENT: usize = 5;

/// Opens the palette. Available commands come first, and among those the recently used ones.
pub(super) fn open(app: &mut App) {
    let is_available = |command: &Command| availability::is_available(app, command.action);
    app.ui.overlay = Overlay::Palette(Palette::new(&app.commands, &app.ui.recent_commands, is_available));
}

/// Highlights the command `by` further down.
pub(super) fn step(app: &mut App, by: isize) {
    let Overlay::Palette(palette) = &mut app.ui.overlay else { return };
    let last = palette.found(&app.commands).len().saturating_sub(1);
    palette.highlighted = palette.highlighted.saturating_add_signed(by).min(last);
}

/// Closes the palette, focuses the pane of the highlighted command and returns its action. An unavailable command
/// reports why, and the palette stays open.
pub(super) fn confirm(app: &mut App) -> Option<Action> {
    let Overlay::Palette(palette) = &app.ui.overlay else { return None };
    let chosen = palette.found(&app.commands).get(palette.highlighted).copied();
    let command = app.commands.get(chosen?)?;
    let (action, pane) = (command.action, command.pane);
    if let Some(obstacle) = availability::obstacle(app, action) {
        let now = app.scene.now;
        show_notice(app, now, &obstacle.why, true);
        return None;
    }
    let id = command.id();
    app.ui.recent_commands.retain(|used| *used != id);
    app.ui.recent_commands.insert(0, id);
    app.ui.recent_commands.truncate(MAX_RECENT);
    app.ui.overlay = Overlay::None;
    app.ui.focus = pane.unwrap_or(app.ui.focus);
    Some(action)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::message::{Effect, Msg};
    use crate::app::pane::PaneId;
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

    /// Actions found while all commands but these are available, with these recently used.
    fn ordered(query: &str, unavailable: &[Action], recent: &[Action]) -> Vec<Action> {
        let commands = commands();
        let id = |action: &Action| commands.iter().find(|c| c.action == *action).map(Command::id);
        let recent: Vec<_> = recent.iter().filter_map(id).collect();
        let mut palette = Palette::new(&commands, &recent, |command| !unavailable.contains(&command.action));
        palette.query.edit(&Edit::Paste(query.to_owned()));
        palette.found(&commands).into_iter().map(|at| commands[at].action).collect()
    }

    fn actions(query: &str) -> Vec<Action> {
        ordered(query, &[], &[])
    }

    #[test]
    fn available_commands_come_first_and_recently_used_ones_on_top() {
        use Action as A;
        let all = [A::ToggleHold, A::RerunFailed, A::Rerun, A::ToggleFreeze, A::SelectNext];
        assert_eq!(ordered("", &[], &[]), all);
        let hold_impossible = [A::RerunFailed, A::Rerun, A::ToggleFreeze, A::SelectNext, A::ToggleHold];
        assert_eq!(ordered("", &[A::ToggleHold], &[]), hold_impossible);
        let recent = [A::ToggleFreeze, A::Rerun];
        assert_eq!(
            ordered("", &[A::ToggleHold], &recent),
            [A::ToggleFreeze, A::Rerun, A::RerunFailed, A::SelectNext, A::ToggleHold]
        );
        // A recently used command that is unavailable now is only the first of the unavailable ones.
        assert_eq!(
            ordered("", &[A::RerunFailed, A::Rerun], &recent),
            [A::ToggleFreeze, A::ToggleHold, A::SelectNext, A::Rerun, A::RerunFailed]
        );
        assert_eq!(ordered("rerun", &[A::RerunFailed], &[]), [A::Rerun, A::RerunFailed]);
        // An unavailable command that has the word comes before available ones that match by scattered letters.
        assert_eq!(ordered("fre", &[A::ToggleFreeze], &[]), [A::ToggleFreeze]);
    }

    #[test]
    fn a_command_from_the_palette_is_on_top_the_next_time() {
        let mut app = app(2);
        app.commands = commands();
        discovered(&mut app, &["m"]);
        typed(&mut app, "freeze");
        press(&mut app, Action::Confirm);
        press(&mut app, Action::Palette);
        press(&mut app, Action::Confirm);
        assert!(app.frozen.is_none(), "the first command unfroze the screen");
    }

    #[test]
    fn a_few_letters_find_a_command() {
        use Action as A;
        assert_eq!(actions("").len(), 5);
        assert_eq!(actions("FREEZE"), [A::ToggleFreeze]);
        assert_eq!(actions("failed rerun"), [A::RerunFailed]);
        assert_eq!(actions("rerun"), [A::RerunFailed, A::Rerun]);
        // Matches at the start of a word come first, then those within a word, then those by scattered letters.
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
            Overlay::Palette(palette) => palette.highlighted,
            _ => usize::MAX,
        };
        (0..5).for_each(|_| drop(press(&mut app, Action::SelectNext)));
        assert_eq!(at(&app), 1);
        update(&mut app, Msg::Edit(Edit::Insert(' ')));
        assert_eq!(at(&app), 0);
    }
}

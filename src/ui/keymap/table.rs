//! The rows of the key table, in the order of the footer.

use std::sync::LazyLock;

use crossterm::event::KeyCode;

use super::{Binding, Context, Group, Key};
use crate::app::action::Action;
use crate::app::pane::PaneId;

const fn row(
    keys: &'static [Key],
    action: Action,
    on: Context,
    group: Group,
    footer: &'static str,
    help: &'static str,
) -> Binding {
    let footer = if footer.is_empty() { None } else { Some(footer) };
    Binding { keys, action, on, group, footer, beside: None, undo: None, help }
}

const fn toggle(binding: Binding, undo: &'static str) -> Binding {
    Binding { undo: Some(undo), ..binding }
}

const fn beside(other: Action, binding: Binding) -> Binding {
    Binding { beside: Some(other), ..binding }
}

const fn ch(c: char) -> Key {
    Key::plain(KeyCode::Char(c))
}

const fn ctrl(c: char) -> Key {
    Key::ctrl(c)
}

const UP: Key = Key::plain(KeyCode::Up);
const DOWN: Key = Key::plain(KeyCode::Down);
const LEFT: Key = Key::plain(KeyCode::Left);
const RIGHT: Key = Key::plain(KeyCode::Right);
const HOME: Key = Key::plain(KeyCode::Home);
const END: Key = Key::plain(KeyCode::End);
const PAGE_UP: Key = Key::plain(KeyCode::PageUp);
const PAGE_DOWN: Key = Key::plain(KeyCode::PageDown);
const TAB: Key = Key::plain(KeyCode::Tab);
const BACK_TAB: Key = Key::plain(KeyCode::BackTab);
const ENTER: Key = Key::plain(KeyCode::Enter);
const ESC: Key = Key::plain(KeyCode::Esc);

/// Description of the key that suspends the program. The key is bound on Windows too, where it has no effect, so that
/// one config file works on every system.
const SUSPEND: &str =
    if cfg!(windows) { "Suspend (no effect on Windows)" } else { "Suspend (resume with `fg` in the shell)" };

/// All default key bindings, in the order of the footer.
pub static BINDINGS: LazyLock<Vec<Binding>> = LazyLock::new(|| [FIRST, &focus_rows(), REST].concat());

/// Keys that focus a pane, in the order of [`PaneId::ALL`].
static DIGITS: [[Key; 1]; 9] =
    [[ch('1')], [ch('2')], [ch('3')], [ch('4')], [ch('5')], [ch('6')], [ch('7')], [ch('8')], [ch('9')]];

/// One row for each pane: a digit focuses the pane.
fn focus_rows() -> Vec<Binding> {
    let focus = |(pane, keys): (PaneId, &'static [Key; 1])| {
        row(keys, Action::Focus(pane), Context::Panes, Group::Move, "", pane.focus_help())
    };
    PaneId::ALL.into_iter().zip(&DIGITS).map(focus).collect()
}

/// Rows before [`focus_rows`].
const FIRST: &[Binding] = {
    const ANSWER: Context = Context::In(PaneId::Preview);
    use self::{Context as C, Group as G};
    use Action as A;
    use PaneId as P;
    &[
        // ─── The run ───
        toggle(
            row(
                &[ch(' ')],
                A::ToggleHold,
                C::Panes,
                G::Run,
                "hold run",
                "Hold the run (requests in flight finish), or resume it",
            ),
            "resume run",
        ),
        row(&[ch('R')], A::RerunFailed, C::Panes, G::Run, "", "Rerun all failed cases"),
        // ─── The selected case ───
        toggle(
            row(
                &[ch('p')],
                A::TogglePauseCase,
                C::Panes,
                G::Case,
                "pause case",
                "Pause the case (discards its running attempt; asks first after 10 s), or resume it",
            ),
            "resume case",
        ),
        row(&[ch('r')], A::Rerun, C::Panes, G::Case, "rerun", "Rerun the case (keeps earlier attempts)"),
        row(&[ch('x')], A::Cancel, C::Panes, G::Case, "cancel", "Cancel the case"),
        row(&[ch('y')], A::Copy, C::Panes, G::Case, "", "Copy the answer or request (to the clipboard)"),
        // ─── In the table of cases ───
        row(&[ch('s')], A::SortByNext, C::In(P::Cases), G::Pane, "sort", "Sort by the next column"),
        row(&[ch('S')], A::ReverseSort, C::In(P::Cases), G::Pane, "", "Reverse the sort order"),
        row(&[ch('l'), RIGHT], A::Unfold, C::In(P::Cases), G::Pane, "attempts", "Show the case's attempts"),
        row(&[ch('h'), LEFT], A::Fold, C::In(P::Cases), G::Pane, "fold", "Hide the case's attempts"),
        row(
            &[ch('b')],
            A::ToggleBaseline,
            C::In(P::Cases),
            G::Pane,
            "",
            "Set a baseline (to compare with), or drop it",
        ),
        // ─── A replay ───
        // Both keys share a label: brackets with a label each would look like a pair around it.
        beside(
            A::ReplayForward,
            row(&[ch('[')], A::ReplayBack, C::Panes, G::Replay, "skip 5 s", "Skip back 5 s (in a replay)"),
        ),
        row(&[ch(']')], A::ReplayForward, C::Panes, G::Replay, "", "Skip forward 5 s (in a replay)"),
        beside(
            A::ReplayFaster,
            row(&[ch('<')], A::ReplaySlower, C::Panes, G::Replay, "speed", "Halve the replay speed"),
        ),
        row(&[ch('>')], A::ReplayFaster, C::Panes, G::Replay, "", "Double the replay speed (space stops and plays)"),
        // ─── The report ───
        row(&[ch('v')], A::ViewReport, C::Panes, G::Run, "report", "View the report (updates during the run)"),
        row(&[ch('e')], A::Export, C::Panes, G::Run, "export", "Export the report"),
        row(&[ch('E')], A::ChooseExport, C::Panes, G::Run, "", "Export as (choose format and file name)"),
        // ─── Navigation ───
        row(&[ch('j'), DOWN], A::SelectNext, C::Panes, G::Move, "", "Next case"),
        row(&[ch('k'), UP], A::SelectPrevious, C::Panes, G::Move, "", "Previous case"),
        row(&[ch('g'), HOME], A::SelectFirst, C::Panes, G::Move, "", "First case"),
        row(&[ch('G'), END], A::SelectLast, C::Panes, G::Move, "", "Last case"),
        row(&[PAGE_UP, ctrl('u')], A::ScrollUp, C::Panes, G::Move, "", "Scroll the answer up"),
        row(
            &[PAGE_DOWN, ctrl('d')],
            A::ScrollDown,
            C::Panes,
            G::Move,
            "",
            "Scroll the answer down (follows at the end)",
        ),
        // Early in the table, so that the footer always has room for quit.
        row(&[ch('q')], A::Quit, C::Panes, G::Screen, "quit", "Quit (asks first during a run)"),
        row(&[ENTER], A::Zoom, C::Panes, G::Move, "zoom", "Zoom the pane (to the whole screen)"),
        toggle(
            row(
                &[ESC],
                A::Back,
                C::Panes,
                G::Move,
                "back",
                "Go back: clear the search, unzoom, clear the filter, follow the run",
            ),
            "follow",
        ),
        row(&[ch('o')], A::NextLayout, C::Panes, G::Move, "layout", "Next layout: overview, load, answer, scope"),
        row(&[ch('O')], A::PreviousLayout, C::Panes, G::Move, "", "Previous layout"),
        row(&[ch('/')], A::Filter, C::Panes, G::Move, "filter", "Filter cases by name"),
        // ─── The answer ───
        toggle(row(&[ch('z')], A::ToggleThinking, ANSWER, G::Pane, "fold", "Fold or unfold the reasoning"), "unfold"),
        toggle(
            row(&[ch('w')], A::ToggleRaw, ANSWER, G::Pane, "raw", "Show the raw text, or rendered Markdown"),
            "rendered",
        ),
        toggle(
            row(&[ch('d')], A::ToggleExchange, ANSWER, G::Pane, "request", "Show request and response, or the answer"),
            "answer",
        ),
        row(&[ch('/')], A::Search, ANSWER, G::Pane, "search", "Search the text"),
        row(&[ch('n')], A::NextMatch, ANSWER, G::Pane, "next", "Next match"),
        row(&[ch('N')], A::PreviousMatch, ANSWER, G::Pane, "previous", "Previous match"),
        row(&[ch('j'), DOWN], A::LineDown, ANSWER, G::Pane, "down", "Scroll down one line"),
        row(&[ch('k'), UP], A::LineUp, ANSWER, G::Pane, "up", "Scroll up one line"),
        row(&[PAGE_DOWN, ctrl('d')], A::ScrollDown, ANSWER, G::Pane, "", "Scroll down 10 lines (follows at the end)"),
        row(&[PAGE_UP, ctrl('u')], A::ScrollUp, ANSWER, G::Pane, "", "Scroll up 10 lines"),
        row(&[ch('g'), HOME], A::ToTop, ANSWER, G::Pane, "top", "Go to the top"),
        row(&[ch('G'), END], A::ToEnd, ANSWER, G::Pane, "end", "Go to the end and follow it"),
        row(&[ch(':'), ctrl('p')], A::Palette, C::Panes, G::Screen, "commands", "Open the command palette"),
        // ─── The screen ───
        row(
            &[ch('?')],
            A::Help,
            C::Panes,
            G::Screen,
            "help",
            "Help (keys of this pane; type to search keys, signs and words)",
        ),
        toggle(
            row(
                &[ch('f')],
                A::ToggleFreeze,
                C::Panes,
                G::Screen,
                "freeze",
                "Freeze the screen (the run continues), or unfreeze it",
            ),
            "unfreeze",
        ),
        row(&[ch('t')], A::ChooseTheme, C::Panes, G::Screen, "", "Choose a theme"),
        row(&[ctrl('l')], A::Redraw, C::Anywhere, G::Screen, "", "Redraw the screen"),
        row(&[ctrl('c')], A::Quit, C::Anywhere, G::Screen, "", "Close any dialog and quit (asks first during a run)"),
        row(&[ctrl('z')], A::Suspend, C::Anywhere, G::Screen, "", SUSPEND),
        toggle(
            row(
                &[ch('m')],
                A::ToggleMouse,
                C::Panes,
                G::Screen,
                "",
                "Turn the mouse on (click selects, wheel scrolls) or off",
            ),
            "mouse off",
        ),
        // At the end of the panes' rows, so that these keys are the first to leave a short footer.
        row(&[TAB], A::NextPane, C::Panes, G::Move, "pane", "Next pane"),
        row(&[BACK_TAB], A::PreviousPane, C::Panes, G::Move, "", "Previous pane"),
    ]
};

/// Rows after [`focus_rows`].
const REST: &[Binding] = {
    use self::{Context as C, Group as G};
    use Action as A;
    &[
        // ─── In the scope ───
        row(&[ch('+'), ch('=')], A::ScopeCloser, C::In(PaneId::Scope), G::Pane, "zoom in", "Zoom in"),
        row(&[ch('-')], A::ScopeWider, C::In(PaneId::Scope), G::Pane, "zoom out", "Zoom out"),
        row(
            &[ch('h'), LEFT],
            A::ScopeEarlier,
            C::In(PaneId::Scope),
            G::Pane,
            "earlier",
            "Pan left, or move the cursor left",
        ),
        row(
            &[ch('l'), RIGHT],
            A::ScopeLater,
            C::In(PaneId::Scope),
            G::Pane,
            "later",
            "Pan right (follows at the end), or move the cursor right",
        ),
        row(
            &[ch('c')],
            A::ScopeCursor,
            C::In(PaneId::Scope),
            G::Pane,
            "cursor",
            "Show or hide the cursor (exact values)",
        ),
        toggle(
            row(
                &[ch('s')],
                A::ScopeStack,
                C::In(PaneId::Scope),
                G::Pane,
                "lanes",
                "Show a lane for each stream, or overlay them",
            ),
            "overlay",
        ),
        toggle(
            row(
                &[ch('a')],
                A::ScopeAxis,
                C::In(PaneId::Scope),
                G::Pane,
                "linear",
                "Switch the axis (of gaps between tokens), logarithmic or linear",
            ),
            "log",
        ),
        toggle(
            row(
                &[ch('0')],
                A::ScopeNow,
                C::In(PaneId::Scope),
                G::Pane,
                "live",
                "Reset the view: follow live, or show the finished run",
            ),
            "whole run",
        ),
        // ─── In the load ───
        toggle(
            row(
                &[ch('c')],
                A::SweepChart,
                C::In(PaneId::Latency),
                G::Pane,
                "per user",
                "Chart throughput per user (of a sweep), or over concurrency",
            ),
            "concurrency",
        ),
        // ─── In the input of filter and search ───
        row(&[ENTER], A::Confirm, C::FilterInput, G::Filter, "keep", "Keep the filter"),
        row(&[ESC], A::Back, C::FilterInput, G::Filter, "clear", "Clear the filter"),
        row(&[ENTER], A::Confirm, C::SearchInput, G::Filter, "keep", "Keep the search"),
        row(&[ESC], A::Back, C::SearchInput, G::Filter, "clear", "Clear the search"),
        // ─── In overlays ───
        row(&[DOWN], A::SelectNext, C::Help, G::Dialogs, "down", "Help: scroll down one line (typing searches)"),
        row(&[UP], A::SelectPrevious, C::Help, G::Dialogs, "up", "Help: scroll up one line"),
        row(&[PAGE_DOWN, ctrl('d')], A::ScrollDown, C::Help, G::Dialogs, "", "Help: scroll down 10 lines"),
        row(&[PAGE_UP], A::ScrollUp, C::Help, G::Dialogs, "", "Help: scroll up 10 lines"),
        toggle(
            row(
                &[TAB],
                A::NextPane,
                C::Help,
                G::Dialogs,
                "all keys",
                "Help: next page (all keys, signs and words, this pane)",
            ),
            "this pane",
        ),
        row(&[ESC, ch('?')], A::Back, C::Help, G::Dialogs, "close", "Help: clear the search, then close"),
        row(&[ch('j'), DOWN], A::SelectNext, C::Report, G::Dialogs, "down", "Report: scroll down one line"),
        row(&[ch('k'), UP], A::SelectPrevious, C::Report, G::Dialogs, "up", "Report: scroll up one line"),
        row(&[PAGE_DOWN, ctrl('d'), ch(' ')], A::ScrollDown, C::Report, G::Dialogs, "", "Report: next page"),
        row(&[PAGE_UP, ctrl('u')], A::ScrollUp, C::Report, G::Dialogs, "", "Report: previous page"),
        row(&[ch('g'), HOME], A::SelectFirst, C::Report, G::Dialogs, "", "Report: go to the top"),
        row(&[ch('G'), END], A::SelectLast, C::Report, G::Dialogs, "", "Report: go to the end"),
        row(&[ch('e')], A::Export, C::Report, G::Dialogs, "", "Report: export"),
        row(
            &[ch('E')],
            A::ChooseExport,
            C::Report,
            G::Dialogs,
            "export as",
            "Report: choose an export format and a file name",
        ),
        row(&[ESC, ch('q'), ch('v')], A::Back, C::Report, G::Dialogs, "close", "Report: close"),
        row(
            &[DOWN, TAB],
            A::SelectNext,
            C::Export,
            G::Dialogs,
            "next format",
            "Export: next format (typing edits the name)",
        ),
        row(&[UP, BACK_TAB], A::SelectPrevious, C::Export, G::Dialogs, "", "Export: previous format"),
        row(&[ENTER], A::Confirm, C::Export, G::Dialogs, "write", "Export: write the file"),
        row(&[ESC], A::Back, C::Export, G::Dialogs, "cancel", "Export: cancel"),
        row(&[DOWN, ctrl('n')], A::SelectNext, C::Palette, G::Dialogs, "down", "Commands: next"),
        row(&[UP, ctrl('p')], A::SelectPrevious, C::Palette, G::Dialogs, "up", "Commands: previous"),
        row(&[PAGE_DOWN, ctrl('d')], A::ScrollDown, C::Palette, G::Dialogs, "", "Commands: 10 down"),
        row(&[PAGE_UP], A::ScrollUp, C::Palette, G::Dialogs, "", "Commands: 10 up"),
        row(&[ENTER], A::Confirm, C::Palette, G::Dialogs, "run", "Commands: run the selected command"),
        row(&[ESC], A::Back, C::Palette, G::Dialogs, "close", "Commands: close"),
        row(&[DOWN, ctrl('n')], A::SelectNext, C::Models, G::Dialogs, "down", "Models: next (typing filters)"),
        row(&[UP, ctrl('p')], A::SelectPrevious, C::Models, G::Dialogs, "up", "Models: previous"),
        row(&[PAGE_DOWN, ctrl('d')], A::ScrollDown, C::Models, G::Dialogs, "", "Models: 10 down"),
        row(&[PAGE_UP], A::ScrollUp, C::Models, G::Dialogs, "", "Models: 10 up"),
        row(&[ENTER], A::Confirm, C::Models, G::Dialogs, "benchmark", "Models: benchmark the selected model"),
        row(&[ESC], A::Back, C::Models, G::Dialogs, "quit", "Models: clear the text, then quit"),
        row(&[DOWN, ch('j'), ch('t')], A::SelectNext, C::Themes, G::Dialogs, "next", "Themes: next"),
        row(&[UP, ch('k')], A::SelectPrevious, C::Themes, G::Dialogs, "", "Themes: previous"),
        row(&[ENTER], A::Confirm, C::Themes, G::Dialogs, "use", "Themes: use the selected theme"),
        row(&[ESC, ch('q')], A::Back, C::Themes, G::Dialogs, "cancel", "Themes: restore the theme before"),
        row(&[ch('y'), ENTER], A::Confirm, C::ConfirmQuit, G::Dialogs, "quit", "Quit dialog: quit"),
        row(&[ch('n'), ESC], A::Back, C::ConfirmQuit, G::Dialogs, "stay", "Quit dialog: stay"),
    ]
};

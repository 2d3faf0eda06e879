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

/// Windows stops no program for its shell. The key has its name there all the same: one file of keys does on every system.
const SUSPEND: &str =
    if cfg!(windows) { "Suspend; nothing on Windows" } else { "Suspend; `fg` in the shell comes back" };

/// All keys, in the order of the footer.
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

/// Rows before the keys of the panes' digits.
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
                "hold",
                "Hold: start no new request, let those in flight end; again: go on",
            ),
            "resume",
        ),
        row(&[ch('R')], A::RerunFailed, C::Panes, G::Run, "", "Rerun every case that failed"),
        // ─── The selected case ───
        toggle(
            row(
                &[ch('p')],
                A::TogglePauseCase,
                C::Panes,
                G::Case,
                "pause",
                "Pause: give its attempt up and wait; again: a fresh attempt",
            ),
            "unpause",
        ),
        row(&[ch('r')], A::Rerun, C::Panes, G::Case, "rerun", "Rerun: one more attempt, none is erased"),
        row(&[ch('x')], A::Cancel, C::Panes, G::Case, "cancel", "Cancel it"),
        row(
            &[ch('y')],
            A::Copy,
            C::Panes,
            G::Case,
            "",
            "Copy the answer, or the request that is shown, to the terminal's clipboard",
        ),
        // ─── In the table of cases ───
        row(&[ch('s')], A::SortByNext, C::In(P::Cases), G::Pane, "sort", "Sort by the next column"),
        row(&[ch('S')], A::ReverseSort, C::In(P::Cases), G::Pane, "", "Sort the other way round"),
        row(
            &[ch('l'), RIGHT],
            A::Unfold,
            C::In(P::Cases),
            G::Pane,
            "attempts",
            "Unfold the case: a row for each attempt",
        ),
        row(&[ch('h'), LEFT], A::Fold, C::In(P::Cases), G::Pane, "fold", "Fold it again"),
        row(
            &[ch('b')],
            A::ToggleBaseline,
            C::In(P::Cases),
            G::Pane,
            "",
            "Baseline: compare with the figures as they are now; again: with the attempt before",
        ),
        // ─── A replay ───
        // One word for both: a bracket with a word of its own looks like one of a pair around it.
        beside(A::ReplayForward, row(&[ch('[')], A::ReplayBack, C::Panes, G::Replay, "step 5 s", "Five seconds back")),
        row(&[ch(']')], A::ReplayForward, C::Panes, G::Replay, "", "Five seconds on"),
        beside(A::ReplayFaster, row(&[ch('<')], A::ReplaySlower, C::Panes, G::Replay, "speed", "Half as fast")),
        row(&[ch('>')], A::ReplayFaster, C::Panes, G::Replay, "", "Twice as fast; space stops it"),
        // ─── The report ───
        row(
            &[ch('v')],
            A::ViewReport,
            C::Panes,
            G::Run,
            "report",
            "Read the report of what is measured so far; it keeps up with the run",
        ),
        row(&[ch('e')], A::Export, C::Panes, G::Run, "export", "Export the report of what is measured so far"),
        row(&[ch('E')], A::ChooseExport, C::Panes, G::Run, "", "Export in any format, under a name to choose"),
        // ─── Moving about ───
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
            "Scroll the answer down, at its end follow it",
        ),
        // Here, as the footer should have room for it.
        row(&[ch('q'), ctrl('c')], A::Quit, C::Panes, G::Screen, "quit", "Quit; asks while something runs"),
        row(&[ENTER], A::Zoom, C::Panes, G::Move, "zoom", "Let the pane fill the screen"),
        toggle(
            row(
                &[ESC],
                A::Back,
                C::Panes,
                G::Move,
                "back",
                "Drop the search; out of the zoom; drop the filter; follow the case that runs",
            ),
            "follow",
        ),
        row(&[ch('/')], A::Filter, C::Panes, G::Move, "filter", "List only cases whose name contains what you type"),
        // ─── The answer ───
        toggle(
            row(&[ch('z')], A::ToggleThinking, ANSWER, G::Pane, "fold", "Fold the thinking to a line; again: show it"),
            "unfold",
        ),
        toggle(
            row(&[ch('w')], A::ToggleRaw, ANSWER, G::Pane, "raw", "The text as it came; again: its Markdown rendered"),
            "rendered",
        ),
        toggle(
            row(
                &[ch('d')],
                A::ToggleExchange,
                ANSWER,
                G::Pane,
                "request",
                "The request as it was sent, and the response; again: the answer",
            ),
            "answer",
        ),
        row(&[ch('/')], A::Search, ANSWER, G::Pane, "search", "Search what is shown"),
        row(&[ch('n')], A::NextMatch, ANSWER, G::Pane, "next", "Next match"),
        row(&[ch('N')], A::PreviousMatch, ANSWER, G::Pane, "previous", "Previous match"),
        row(&[ch('j'), DOWN], A::LineDown, ANSWER, G::Pane, "down", "A line down"),
        row(&[ch('k'), UP], A::LineUp, ANSWER, G::Pane, "up", "A line up"),
        row(&[PAGE_DOWN, ctrl('d')], A::ScrollDown, ANSWER, G::Pane, "", "Some lines down, at the end follow it"),
        row(&[PAGE_UP, ctrl('u')], A::ScrollUp, ANSWER, G::Pane, "", "Some lines up"),
        row(&[ch('g'), HOME], A::ToTop, ANSWER, G::Pane, "top", "To its first line"),
        row(&[ch('G'), END], A::ToEnd, ANSWER, G::Pane, "end", "To its end, and follow it"),
        row(
            &[ch(':'), ctrl('p')],
            A::Palette,
            C::Panes,
            G::Screen,
            "commands",
            "Find a command by a few letters and run it",
        ),
        // ─── The screen ───
        row(&[ch('?')], A::Help, C::Panes, G::Screen, "help", "This help"),
        toggle(
            row(
                &[ch('f')],
                A::ToggleFreeze,
                C::Panes,
                G::Screen,
                "freeze",
                "Freeze the screen; the measuring goes on; again: back to now",
            ),
            "unfreeze",
        ),
        row(&[ch('t')], A::NextTheme, C::Panes, G::Screen, "", "Next theme: auto, dark, light, high-contrast, mono"),
        row(&[ctrl('l')], A::Redraw, C::Anywhere, G::Screen, "", "Paint the screen anew"),
        row(&[ctrl('z')], A::Suspend, C::Anywhere, G::Screen, "", SUSPEND),
        toggle(
            row(
                &[ch('m')],
                A::ToggleMouse,
                C::Panes,
                G::Screen,
                "",
                "Mouse: click selects, wheel scrolls; again: back to the terminal, which selects text",
            ),
            "mouse off",
        ),
        // Last, as they have the least claim to the footer.
        row(&[TAB], A::NextPane, C::Panes, G::Move, "pane", "Next pane"),
        row(&[BACK_TAB], A::PreviousPane, C::Panes, G::Move, "", "Previous pane"),
    ]
};

/// Rows that follow the keys of the panes' digits.
const REST: &[Binding] = {
    use self::{Context as C, Group as G};
    use Action as A;
    &[
        // ─── The scope, while keys go to it ───
        row(
            &[ch('+'), ch('=')],
            A::ScopeCloser,
            C::In(PaneId::Scope),
            G::Pane,
            "closer",
            "Zoom in on now, or on the cursor",
        ),
        row(&[ch('-')], A::ScopeWider, C::In(PaneId::Scope), G::Pane, "wider", "Zoom out"),
        row(
            &[ch('h'), LEFT],
            A::ScopeEarlier,
            C::In(PaneId::Scope),
            G::Pane,
            "earlier",
            "Back in the run; with a cursor that goes",
        ),
        row(
            &[ch('l'), RIGHT],
            A::ScopeLater,
            C::In(PaneId::Scope),
            G::Pane,
            "later",
            "Forth in the run, at its end follow it",
        ),
        row(
            &[ch('c')],
            A::ScopeCursor,
            C::In(PaneId::Scope),
            G::Pane,
            "cursor",
            "A cursor with the exact values of a moment",
        ),
        toggle(
            row(
                &[ch('s')],
                A::ScopeStack,
                C::In(PaneId::Scope),
                G::Pane,
                "stack",
                "A lane for each stream; again: all over one another",
            ),
            "overlay",
        ),
        toggle(
            row(
                &[ch('0')],
                A::ScopeNow,
                C::In(PaneId::Scope),
                G::Pane,
                "now",
                "Back to now; of a run that is over to its whole",
            ),
            "whole run",
        ),
        // ─── While a filter or a search is typed ───
        row(&[ENTER], A::Confirm, C::FilterInput, G::Filter, "keep", "Keep the filter"),
        row(&[ESC, ctrl('c')], A::Back, C::FilterInput, G::Filter, "drop", "Drop the filter"),
        row(&[ENTER], A::Confirm, C::SearchInput, G::Filter, "keep", "Keep the search"),
        row(&[ESC, ctrl('c')], A::Back, C::SearchInput, G::Filter, "drop", "Drop the search"),
        // ─── In what lies over the panes ───
        row(&[ch('j'), DOWN], A::SelectNext, C::Help, G::Dialogs, "down", "Help: a line down"),
        row(&[ch('k'), UP], A::SelectPrevious, C::Help, G::Dialogs, "up", "Help: a line up"),
        row(&[PAGE_DOWN, ctrl('d')], A::ScrollDown, C::Help, G::Dialogs, "", "Help: down"),
        row(&[PAGE_UP, ctrl('u')], A::ScrollUp, C::Help, G::Dialogs, "", "Help: up"),
        row(&[ESC, ch('q'), ch('?'), ctrl('c')], A::Back, C::Help, G::Dialogs, "close", "Help: close it"),
        row(&[ch('j'), DOWN], A::SelectNext, C::Report, G::Dialogs, "down", "Report: a line down"),
        row(&[ch('k'), UP], A::SelectPrevious, C::Report, G::Dialogs, "up", "Report: a line up"),
        row(&[PAGE_DOWN, ctrl('d'), ch(' ')], A::ScrollDown, C::Report, G::Dialogs, "", "Report: a page down"),
        row(&[PAGE_UP, ctrl('u')], A::ScrollUp, C::Report, G::Dialogs, "", "Report: a page up"),
        row(&[ch('g'), HOME], A::SelectFirst, C::Report, G::Dialogs, "", "Report: its begin"),
        row(&[ch('G'), END], A::SelectLast, C::Report, G::Dialogs, "", "Report: its end"),
        row(&[ch('e')], A::Export, C::Report, G::Dialogs, "", "Report: export it"),
        row(&[ch('E')], A::ChooseExport, C::Report, G::Dialogs, "formats", "Report: export it in any format"),
        row(&[ESC, ch('q'), ch('v'), ctrl('c')], A::Back, C::Report, G::Dialogs, "close", "Report: close it"),
        row(
            &[DOWN, TAB],
            A::SelectNext,
            C::Export,
            G::Dialogs,
            "next format",
            "Export: next format; letters edit the name",
        ),
        row(&[UP, BACK_TAB], A::SelectPrevious, C::Export, G::Dialogs, "", "Export: previous format"),
        row(&[ENTER], A::Confirm, C::Export, G::Dialogs, "write", "Export: write the file"),
        row(&[ESC, ctrl('c')], A::Back, C::Export, G::Dialogs, "back", "Export: write nothing"),
        row(&[DOWN, ctrl('n')], A::SelectNext, C::Palette, G::Dialogs, "down", "Commands: next"),
        row(&[UP, ctrl('p')], A::SelectPrevious, C::Palette, G::Dialogs, "up", "Commands: previous"),
        row(&[PAGE_DOWN, ctrl('d')], A::ScrollDown, C::Palette, G::Dialogs, "", "Commands: a page down"),
        row(&[PAGE_UP], A::ScrollUp, C::Palette, G::Dialogs, "", "Commands: a page up"),
        row(&[ENTER], A::Confirm, C::Palette, G::Dialogs, "run", "Commands: run this one"),
        row(&[ESC, ctrl('c')], A::Back, C::Palette, G::Dialogs, "close", "Commands: run none"),
        row(&[DOWN, ctrl('n')], A::SelectNext, C::Models, G::Dialogs, "down", "Models: next; letters find one"),
        row(&[UP, ctrl('p')], A::SelectPrevious, C::Models, G::Dialogs, "up", "Models: previous"),
        row(&[PAGE_DOWN, ctrl('d')], A::ScrollDown, C::Models, G::Dialogs, "", "Models: a page down"),
        row(&[PAGE_UP], A::ScrollUp, C::Models, G::Dialogs, "", "Models: a page up"),
        row(&[ENTER], A::Confirm, C::Models, G::Dialogs, "measure it", "Models: measure this one"),
        row(&[ESC], A::Back, C::Models, G::Dialogs, "quit", "Models: drop what was typed; again: quit"),
        row(&[ctrl('c')], A::Quit, C::Models, G::Dialogs, "", "Models: quit"),
        row(
            &[ch('y'), ENTER, ctrl('c')],
            A::Confirm,
            C::ConfirmQuit,
            G::Dialogs,
            "quit",
            "Quit question: quit although something runs",
        ),
        row(&[ch('n'), ESC], A::Back, C::ConfirmQuit, G::Dialogs, "stay", "Quit question: stay"),
    ]
};

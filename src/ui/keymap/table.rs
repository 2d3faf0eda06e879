//! The rows: which keys mean what, where. The footer shows them in this order.

use crossterm::event::KeyCode;

use super::{Binding, Context, Group, Key};
use crate::app::message::Action;
use crate::app::model::PaneId;

const fn row(
    keys: &'static [Key],
    action: Action,
    on: Context,
    group: Group,
    footer: &'static str,
    help: &'static str,
) -> Binding {
    let footer = if footer.is_empty() { None } else { Some(footer) };
    Binding { keys, action, on, group, footer, undo: None, help }
}

const fn toggle(binding: Binding, undo: &'static str) -> Binding {
    Binding { undo: Some(undo), ..binding }
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

/// All keys. The footer shows them in this order.
pub const BINDINGS: &[Binding] = {
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
        row(&[ch('s')], A::SortByNext, C::In(P::Cases), G::Cases, "sort", "Sort by the next column"),
        row(&[ch('S')], A::ReverseSort, C::In(P::Cases), G::Cases, "", "Sort the other way round"),
        row(
            &[ch('l'), RIGHT],
            A::Unfold,
            C::In(P::Cases),
            G::Cases,
            "attempts",
            "Unfold the case: a row for each attempt",
        ),
        row(&[ch('h'), LEFT], A::Fold, C::In(P::Cases), G::Cases, "fold", "Fold it again"),
        row(
            &[ch('b')],
            A::ToggleBaseline,
            C::In(P::Cases),
            G::Cases,
            "",
            "Baseline: compare with the figures as they are now; again: with the attempt before",
        ),
        // ─── The report ───
        row(&[ch('e')], A::Export, C::Panes, G::Run, "export", "Export the report of what is measured so far"),
        row(&[ch('E')], A::ChooseExport, C::Panes, G::Run, "", "Export in another format"),
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
            row(
                &[ch('z')],
                A::ToggleThinking,
                ANSWER,
                G::Answer,
                "fold",
                "Fold the thinking to a line; again: show it",
            ),
            "unfold",
        ),
        toggle(
            row(
                &[ch('w')],
                A::ToggleRaw,
                ANSWER,
                G::Answer,
                "raw",
                "The text as it came; again: its Markdown rendered",
            ),
            "rendered",
        ),
        toggle(
            row(
                &[ch('d')],
                A::ToggleExchange,
                ANSWER,
                G::Answer,
                "request",
                "The request as it was sent, and the response; again: the answer",
            ),
            "answer",
        ),
        row(&[ch('/')], A::Search, ANSWER, G::Answer, "search", "Search what is shown"),
        row(&[ch('n')], A::NextMatch, ANSWER, G::Answer, "next", "Next match"),
        row(&[ch('N')], A::PreviousMatch, ANSWER, G::Answer, "previous", "Previous match"),
        row(&[ch('j'), DOWN], A::LineDown, ANSWER, G::Answer, "down", "A line down"),
        row(&[ch('k'), UP], A::LineUp, ANSWER, G::Answer, "up", "A line up"),
        row(&[PAGE_DOWN, ctrl('d')], A::ScrollDown, ANSWER, G::Answer, "", "Some lines down, at the end follow it"),
        row(&[PAGE_UP, ctrl('u')], A::ScrollUp, ANSWER, G::Answer, "", "Some lines up"),
        row(&[ch('g'), HOME], A::ToTop, ANSWER, G::Answer, "top", "To its first line"),
        row(&[ch('G'), END], A::ToEnd, ANSWER, G::Answer, "end", "To its end, and follow it"),
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
        row(&[ctrl('z')], A::Suspend, C::Anywhere, G::Screen, "", "Suspend; `fg` in the shell comes back"),
        // Last, as they have the least claim to the footer.
        row(&[TAB], A::NextPane, C::Panes, G::Move, "pane", "Next pane"),
        row(&[BACK_TAB], A::PreviousPane, C::Panes, G::Move, "", "Previous pane"),
        // ─── The scope, while keys go to it ───
        row(
            &[ch('+'), ch('=')],
            A::ScopeCloser,
            C::In(PaneId::Scope),
            G::Scope,
            "closer",
            "Zoom in on now, or on the cursor",
        ),
        row(&[ch('-')], A::ScopeWider, C::In(PaneId::Scope), G::Scope, "wider", "Zoom out"),
        row(
            &[ch('h'), LEFT],
            A::ScopeEarlier,
            C::In(PaneId::Scope),
            G::Scope,
            "earlier",
            "Back in the run; with a cursor that goes",
        ),
        row(
            &[ch('l'), RIGHT],
            A::ScopeLater,
            C::In(PaneId::Scope),
            G::Scope,
            "",
            "Forth in the run, at its end follow it",
        ),
        row(
            &[ch('c')],
            A::ScopeCursor,
            C::In(PaneId::Scope),
            G::Scope,
            "cursor",
            "A cursor with the exact values of a moment",
        ),
        toggle(
            row(
                &[ch('s')],
                A::ScopeStack,
                C::In(PaneId::Scope),
                G::Scope,
                "stack",
                "A lane for each stream; again: all over one another",
            ),
            "overlay",
        ),
        row(
            &[ch('0')],
            A::ScopeNow,
            C::In(PaneId::Scope),
            G::Scope,
            "now",
            "Back to now; of a run that is over to its whole",
        ),
        // ─── While the filter is typed ───
        row(&[ENTER], A::Confirm, C::FilterInput, G::Filter, "keep", "Keep the filter"),
        row(&[ESC, ctrl('c')], A::Back, C::FilterInput, G::Filter, "drop", "Drop the filter"),
        row(&[ENTER], A::Confirm, C::SearchInput, G::Filter, "keep", "Keep the search"),
        row(&[ESC, ctrl('c')], A::Back, C::SearchInput, G::Filter, "drop", "Drop the search"),
        // ─── In a question, a menu, the help ───
        row(&[ch('j'), DOWN], A::SelectNext, C::Help, G::Dialogs, "down", "Help: a line down"),
        row(&[ch('k'), UP], A::SelectPrevious, C::Help, G::Dialogs, "up", "Help: a line up"),
        row(&[PAGE_DOWN, ctrl('d')], A::ScrollDown, C::Help, G::Dialogs, "", "Help: down"),
        row(&[PAGE_UP, ctrl('u')], A::ScrollUp, C::Help, G::Dialogs, "", "Help: up"),
        row(&[ESC, ch('q'), ch('?'), ctrl('c')], A::Back, C::Help, G::Dialogs, "close", "Help: close it"),
        row(&[ch('j'), DOWN], A::SelectNext, C::ExportMenu, G::Dialogs, "down", "Formats: next"),
        row(&[ch('k'), UP], A::SelectPrevious, C::ExportMenu, G::Dialogs, "up", "Formats: previous"),
        row(&[ENTER], A::Confirm, C::ExportMenu, G::Dialogs, "export", "Formats: export in this one"),
        row(&[ESC, ch('q'), ctrl('c')], A::Back, C::ExportMenu, G::Dialogs, "back", "Formats: export nothing"),
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

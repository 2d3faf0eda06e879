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
    use self::{Context as C, Group as G};
    use Action as A;
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
        row(&[ch('y')], A::Copy, C::Panes, G::Case, "", "Copy the answer to the terminal's clipboard"),
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
        row(&[ch('j'), DOWN], A::SelectNext, C::Panes, G::Move, "", "Next case; in the answer one line down"),
        row(&[ch('k'), UP], A::SelectPrevious, C::Panes, G::Move, "", "Previous case; in the answer one line up"),
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
                "Out of the zoom; drop the filter; follow the case that runs",
            ),
            "follow",
        ),
        row(&[ch('/')], A::Filter, C::Panes, G::Move, "filter", "List only cases whose name contains what you type"),
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
        row(&[ctrl('l')], A::Redraw, C::Anywhere, G::Screen, "", "Paint the screen anew"),
        row(&[ctrl('z')], A::Suspend, C::Anywhere, G::Screen, "", "Suspend; `fg` in the shell comes back"),
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
        row(&[ch('1')], A::Focus(PaneId::Cases), C::Panes, G::Move, "", "Go to the cases"),
        row(&[ch('2')], A::Focus(PaneId::Preview), C::Panes, G::Move, "", "Go to the answer"),
        row(&[ch('3')], A::Focus(PaneId::Throughput), C::Panes, G::Move, "", "Go to the throughput"),
        row(&[ch('4')], A::Focus(PaneId::Latency), C::Panes, G::Move, "", "Go to the latency"),
        row(&[ch('5')], A::Focus(PaneId::Gpu), C::Panes, G::Move, "", "Go to the GPU"),
        // ─── While the filter is typed ───
        row(&[ENTER], A::Confirm, C::FilterInput, G::Filter, "keep", "Keep the filter"),
        row(&[ESC, ctrl('c')], A::Back, C::FilterInput, G::Filter, "drop", "Drop the filter"),
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

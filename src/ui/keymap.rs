//! The table of keys: what each means, where, and what footer and help say of it.

mod key;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

pub use self::key::Key;
use crate::app::message::{Action, Msg};
use crate::app::model::{App, Overlay};
use crate::app::update::is_possible;
use crate::domain::session::{CasePhase, Mode};
use crate::domain::time::Nanos;

/// Where a key means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// Everywhere.
    Anywhere,
    /// In the panes.
    Panes,
    /// In the help.
    Help,
    /// In the question whether to quit.
    ConfirmQuit,
    /// In the menu of formats.
    ExportMenu,
    /// While the filter is typed.
    FilterInput,
}

impl Context {
    /// Where keys go while this lies over the panes.
    pub const fn of(overlay: &Overlay) -> Self {
        match overlay {
            Overlay::None => Self::Panes,
            Overlay::Help(_) => Self::Help,
            Overlay::ConfirmQuit => Self::ConfirmQuit,
            Overlay::ExportMenu(_) => Self::ExportMenu,
            Overlay::FilterInput => Self::FilterInput,
        }
    }
}

/// Under which heading help lists a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// The run and its report.
    Run,
    /// The selected case.
    Case,
    /// Moving about.
    Move,
    /// The screen and the program.
    Screen,
    /// The filter, while it is typed.
    Filter,
    /// Questions and menus.
    Dialogs,
}

impl Group {
    /// All, in the order of the help.
    pub const ALL: [Self; 6] = [Self::Run, Self::Case, Self::Move, Self::Screen, Self::Filter, Self::Dialogs];

    /// The heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Run => "Run",
            Self::Case => "Selected case",
            Self::Move => "Moving about",
            Self::Screen => "Screen",
            Self::Filter => "While typing a filter",
            Self::Dialogs => "Help, menus, questions",
        }
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// The keys, the one to show first.
    pub keys: &'static [Key],
    /// What they mean.
    pub action: Action,
    /// Where they do.
    pub on: Context,
    /// Heading in the help.
    pub group: Group,
    /// Word in the footer; `None` keeps it out.
    pub footer: Option<&'static str>,
    /// Word in the footer while the keys do the other thing: what was turned on is turned off.
    pub undo: Option<&'static str>,
    /// What it does, in the help.
    pub help: &'static str,
}

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
        row(&[ch('e')], A::Export, C::Panes, G::Run, "export", "Export the report of what is measured so far"),
        row(&[ch('E')], A::ChooseExport, C::Panes, G::Run, "", "Export in another format"),
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
        // Last, as they have the least claim to the footer.
        row(&[TAB], A::NextPane, C::Panes, G::Move, "pane", "Next pane"),
        row(&[BACK_TAB], A::PreviousPane, C::Panes, G::Move, "", "Previous pane"),
        // ─── While the filter is typed ───
        row(&[ENTER], A::Confirm, C::FilterInput, G::Filter, "keep", "Keep the filter"),
        row(&[ESC, ctrl('c')], A::Back, C::FilterInput, G::Filter, "drop", "Drop the filter"),
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

/// What a key pressed at `now` means while this overlay lies over the panes; `None` when nothing. Releases mean nothing.
pub fn resolve(overlay: &Overlay, event: &KeyEvent, now: Nanos) -> Option<Msg> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let context = Context::of(overlay);
    let pressed = Key::of(event);
    let bound = pressed.and_then(|key| bindings_in(context).find(|b| b.keys.contains(&key)));
    if let Some(binding) = bound {
        return Some(Msg::Action(now, binding.action));
    }
    let typed = event.modifiers.difference(KeyModifiers::SHIFT).is_empty();
    match (context, event.code) {
        (Context::FilterInput, KeyCode::Backspace) => Some(Msg::Typed('\u{8}')),
        (Context::FilterInput, KeyCode::Char(c)) if typed => Some(Msg::Typed(c)),
        _ => None,
    }
}

/// The rows that mean something there.
pub fn bindings_in(context: Context) -> impl Iterator<Item = &'static Binding> {
    BINDINGS.iter().filter(move |b| b.on == context || b.on == Context::Anywhere)
}

/// Whether a row's keys would do something now. Those of a dialog would once it is open.
pub fn is_live(app: &App, binding: &Binding) -> bool {
    binding.on != Context::Panes || is_possible(app, binding.action)
}

/// The word the footer has for a row now.
pub fn footer_label(app: &App, binding: &Binding) -> Option<&'static str> {
    let is_on = match binding.action {
        Action::ToggleHold => app.scene.session.mode == Mode::Held,
        Action::TogglePauseCase => {
            app.scene.session.cases.get(app.ui.selected).is_some_and(|c| c.phase == CasePhase::Paused)
        }
        Action::ToggleFreeze => app.frozen.is_some(),
        Action::Back => !app.ui.zoomed && app.ui.filter.is_empty(),
        _ => false,
    };
    binding.undo.filter(|_| is_on).or(binding.footer)
}

/// The keys of a row for people: `j ↓`.
pub fn keys_label(binding: &Binding) -> String {
    binding.keys.iter().map(Key::to_string).collect::<Vec<_>>().join(" ")
}

/// The table of keys as the README has it.
pub fn key_table_markdown() -> String {
    let row = |binding: &Binding| {
        let keys: Vec<_> = binding.keys.iter().map(|k| format!("`{k}`")).collect();
        format!("| {} | {} |\n", keys.join(" "), binding.help)
    };
    let group = |group: Group| {
        let rows: String = BINDINGS.iter().filter(|b| b.group == group).map(row).collect();
        format!("| **{}** | |\n{rows}", group.title())
    };
    let groups: String = Group::ALL.into_iter().map(group).collect();
    format!("| Key | What it does |\n|---|---|\n{groups}")
}

#[cfg(test)]
mod tests;

//! The table of keys: what each means, where, and what footer and help say of it.

mod key;
mod listing;
mod map;
mod overrides;
mod table;

pub use self::key::Key;
pub use self::map::{Keymap, Row};
pub use self::overrides::{Conflict, ConflictReason, Override};
pub use self::table::BINDINGS;
use crate::app::action::Action;
use crate::app::pane::PaneId;
use crate::app::state::answer::Form;
use crate::app::state::{App, Overlay, UiState};
use crate::app::update::availability::is_available;
use crate::domain::session::{CasePhase, Mode};

/// Where a key means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// Everywhere.
    Anywhere,
    /// In the panes, whichever keys go to.
    Panes,
    /// In this pane, while keys go to it. Its own keys go before those of all panes.
    In(PaneId),
    /// In the help.
    Help,
    /// In the question whether to quit.
    ConfirmQuit,
    /// In the choice of a format and a file.
    Export,
    /// In the report.
    Report,
    /// In the command palette.
    Palette,
    /// In the list of the endpoint's models.
    Models,
    /// While the filter is typed.
    FilterInput,
    /// While the search through the answer is typed.
    SearchInput,
}

impl Context {
    /// The places that lie around others, inner ones first.
    const AROUND: [Self; 2] = [Self::Panes, Self::Anywhere];

    /// Where keys go now.
    pub const fn from_state(ui: &UiState) -> Self {
        match ui.overlay {
            Overlay::None => Self::In(ui.focus),
            Overlay::Help(_) => Self::Help,
            Overlay::ConfirmQuit => Self::ConfirmQuit,
            Overlay::Export(_) => Self::Export,
            Overlay::Report(_) => Self::Report,
            Overlay::Palette(_) => Self::Palette,
            Overlay::Models(_) => Self::Models,
            Overlay::FilterInput => Self::FilterInput,
            Overlay::SearchInput => Self::SearchInput,
        }
    }

    /// Keys without a meaning there are typed into a text.
    pub const fn is_typed(self) -> bool {
        matches!(self, Self::FilterInput | Self::SearchInput | Self::Export | Self::Palette | Self::Models)
    }

    /// In words, for a table of keys.
    pub const fn place(self) -> &'static str {
        match self {
            Self::Anywhere => "anywhere",
            Self::Panes => "panes",
            Self::In(pane) => pane.name(),
            Self::Help => "help",
            Self::ConfirmQuit => "quit question",
            Self::Export => "formats",
            Self::Report => "report",
            Self::Palette => "commands",
            Self::Models => "models",
            Self::FilterInput => "filter",
            Self::SearchInput => "search",
        }
    }

    /// Something that lies over the panes, out of which there must always be a way.
    pub const fn is_dialog(self) -> bool {
        !matches!(self, Self::Anywhere | Self::Panes | Self::In(_))
    }

    /// Whether a key pressed there may mean what it means in the other place.
    pub fn meets(self, other: Self) -> bool {
        self == other || self.hold(other) || other.hold(self)
    }

    /// Whether a place lies around the other.
    pub fn hold(self, inner: Self) -> bool {
        match self {
            Self::Anywhere => inner != Self::Anywhere,
            Self::Panes => matches!(inner, Self::In(_)),
            _ => false,
        }
    }
}

/// Under which heading help lists a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// The run and its report.
    Run,
    /// A saved run that is played again.
    Replay,
    /// The selected case.
    Case,
    /// Moving about.
    Move,
    /// A pane's own: the help names the pane.
    Pane,
    /// The screen and the program.
    Screen,
    /// The filter or the search, while it is typed.
    Filter,
    /// Questions and menus.
    Dialogs,
}

impl Group {
    /// All but the panes' own, in the order of the help.
    pub const ALL: [Self; 7] =
        [Self::Run, Self::Replay, Self::Case, Self::Move, Self::Screen, Self::Filter, Self::Dialogs];

    /// The heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Run => "Run",
            Self::Replay => "In a replay",
            Self::Case => "Selected case",
            Self::Move => "Moving about",
            Self::Pane => "The pane",
            Self::Screen => "Screen",
            Self::Filter => "While typing a filter or a search",
            Self::Dialogs => "Help, report, menus, questions",
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
    /// Its key stands beside these in the footer, before the one word for both.
    pub beside: Option<Action>,
    /// Word in the footer while the keys do the other thing: what was turned on is turned off.
    pub undo: Option<&'static str>,
    /// What it does, in the help.
    pub help: &'static str,
}

/// A heading of the help with the rows below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Keys that mean the same in all panes, or in a dialog.
    Of(Group),
    /// A pane's own.
    Pane(PaneId),
}

impl Section {
    /// The heading.
    pub fn title(self) -> String {
        match self {
            Self::Of(group) => group.title().to_owned(),
            Self::Pane(pane) => format!("{} pane", pane.title()),
        }
    }

    /// Whether a row stands there.
    pub fn has(self, binding: &Binding) -> bool {
        match (self, binding.on) {
            (Self::Pane(pane), on) => on == Context::In(pane),
            (Self::Of(_), Context::In(_)) => false,
            (Self::Of(group), _) => binding.group == group,
        }
    }
}

/// The sections of the help that have a row: groups of the panes, panes, what lies over them.
pub fn sections<'a>(bindings: impl Iterator<Item = &'a Binding> + Clone) -> impl Iterator<Item = Section> {
    let is_over = |group: &&Group| matches!(group, Group::Filter | Group::Dialogs);
    let below = Group::ALL.iter().filter(move |g| !is_over(g)).map(|g| Section::Of(*g));
    let over = Group::ALL.iter().filter(is_over).map(|g| Section::Of(*g));
    let all = below.chain(PaneId::ALL.map(Section::Pane)).chain(over);
    all.filter(move |section| bindings.clone().any(|b| section.has(b)))
}

/// Whether a row's keys would do something now. Those of a dialog would once it is open.
pub fn is_live(app: &App, binding: &Binding) -> bool {
    !matches!(binding.on, Context::Panes | Context::In(_)) || is_available(app, binding.action)
}

/// The word the footer has for a row now.
pub fn footer_label(app: &App, binding: &Binding) -> Option<&'static str> {
    // Where there is but one attempt, the case's own row shows it.
    let has_one = || app.scene.session.cases.get(app.ui.selected).is_none_or(|c| c.attempts.len() < 2);
    if binding.action == Action::Unfold && has_one() {
        return None;
    }
    // What does not concern a run that is measured takes none of its room.
    if binding.group == Group::Replay && app.playback.is_none() {
        return None;
    }
    let is_on = match binding.action {
        Action::ToggleHold => match &app.playback {
            // What it plays may be a run that is held: another word.
            Some(playback) if playback.is_stopped() => return Some("go on"),
            Some(playback) if playback.is_over() => return Some("again"),
            Some(_) => return Some("stop"),
            None => app.scene.session.mode == Mode::Held,
        },
        Action::TogglePauseCase => {
            app.scene.session.cases.get(app.ui.selected).is_some_and(|c| c.phase == CasePhase::Paused)
        }
        Action::ToggleFreeze => app.frozen.is_some(),
        Action::ToggleMouse => app.ui.mouse,
        Action::Back => !app.ui.zoomed && app.ui.filter.is_empty() && !app.ui.is_answer_searched(),
        Action::ToggleThinking => app.ui.answer.is_folded(),
        Action::ToggleRaw => app.ui.answer.form == Form::Raw,
        Action::ToggleExchange => app.ui.answer.form == Form::Exchange,
        Action::ScopeStack => app.ui.scope.stacked,
        Action::ScopeNow => !app.shown().session.is_active(),
        _ => false,
    };
    binding.undo.filter(|_| is_on).or(binding.footer)
}

/// Keys for people: `j ↓`.
pub fn keys_label(keys: &[Key]) -> String {
    keys.iter().map(Key::to_string).collect::<Vec<_>>().join(" ")
}

/// The table of keys as the README has it: those the program comes with.
pub fn key_table_markdown() -> String {
    let row = |binding: &Binding| {
        let keys: Vec<_> = binding.keys.iter().map(|k| format!("`{k}`")).collect();
        format!("| {} | {} |\n", keys.join(" "), binding.help)
    };
    let section = |section: Section| {
        let rows: String = BINDINGS.iter().filter(|b| section.has(b)).map(row).collect();
        format!("| **{}** | |\n{rows}", section.title())
    };
    let sections: String = sections(BINDINGS.iter()).map(section).collect();
    format!("| Key | What it does |\n|---|---|\n{sections}")
}

#[cfg(test)]
mod tests;

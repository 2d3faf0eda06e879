//! The table of key bindings: action, context, and the texts in footer and help.

pub(in crate::ui) mod binding;
mod key;
mod listing;
mod map;
mod names;
mod overrides;
mod table;

use self::binding::KeyContext;
pub use self::binding::{KeyAction, KeyBinding, Row};
pub use self::key::Key;
pub(in crate::ui) use self::listing::listing;
pub(in crate::ui) use self::map::edit_of;
pub use self::map::{DashboardRow, Keymap};
pub use self::names::name_now;
pub(in crate::ui) use self::overrides::rebound;
pub use self::overrides::{Conflict, ConflictReason, Conflicts, Override};
pub use self::table::BINDINGS;
use crate::app::action::Action;
use crate::app::pane::PaneId;
use crate::app::state::answer::Form;
use crate::app::state::help_view::HelpPage;
use crate::app::state::{App, Overlay, UiState};
use crate::app::update::availability::is_available;
use crate::domain::session::{CasePhase, Mode};

/// The part of the screen in which a key binding applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// Everywhere, overlays included.
    Anywhere,
    /// In all panes, whichever has the focus.
    Panes,
    /// In this pane while it has the focus. Its bindings take precedence over those of all panes.
    In(PaneId),
    /// In the help.
    Help,
    /// In the dialog that asks whether to quit.
    ConfirmQuit,
    /// In the dialog that asks for an export format and a file name.
    Export,
    /// In the report.
    Report,
    /// In the command palette.
    Palette,
    /// In the list of the endpoint's models.
    Models,
    /// In the list of themes.
    Themes,
    /// In the filter's text field.
    FilterInput,
    /// In the text field of the search through the answer.
    SearchInput,
}

impl Context {
    /// Contexts that enclose others, the innermost first.
    const ENCLOSING: [Self; 2] = [Self::Panes, Self::Anywhere];

    /// The context that receives keys now.
    pub const fn from_state(ui: &UiState) -> Self {
        match ui.overlay {
            Overlay::None => Self::In(ui.focus),
            Overlay::Help(_) => Self::Help,
            Overlay::ConfirmQuit => Self::ConfirmQuit,
            Overlay::Export(_) => Self::Export,
            Overlay::Report(_) => Self::Report,
            Overlay::Palette(_) => Self::Palette,
            Overlay::Models(_) => Self::Models,
            Overlay::Themes(_) => Self::Themes,
            Overlay::FilterInput => Self::FilterInput,
            Overlay::SearchInput => Self::SearchInput,
        }
    }
}

impl KeyContext for Context {
    fn is_typed(self) -> bool {
        matches!(self, Self::Help | Self::FilterInput | Self::SearchInput | Self::Export | Self::Palette | Self::Models)
    }

    fn place(self) -> &'static str {
        match self {
            Self::Anywhere => "anywhere",
            Self::Panes => "panes",
            Self::In(pane) => pane.name(),
            Self::Help => "help",
            Self::ConfirmQuit => "quit dialog",
            Self::Export => "export",
            Self::Report => "report",
            Self::Palette => "commands",
            Self::Models => "models",
            Self::Themes => "themes",
            Self::FilterInput => "filter",
            Self::SearchInput => "search",
        }
    }

    fn is_dialog(self) -> bool {
        !matches!(self, Self::Anywhere | Self::Panes | Self::In(_))
    }

    fn encloses(self, inner: Self) -> bool {
        match self {
            Self::Anywhere => inner != Self::Anywhere,
            Self::Panes => matches!(inner, Self::In(_)),
            _ => false,
        }
    }
}

impl KeyAction for Action {
    fn name(self) -> &'static str {
        Self::name(self)
    }

    fn is_quit(self) -> bool {
        self == Self::Quit
    }

    fn is_needed_in_dialog(self) -> bool {
        !matches!(self, Self::Export | Self::ChooseExport)
    }
}

impl KeyBinding for Binding {
    type Action = Action;
    type Context = Context;

    fn keys(&self) -> &'static [Key] {
        self.keys
    }

    fn action(&self) -> Action {
        self.action
    }

    fn context(&self) -> Context {
        self.on
    }

    fn help(&self) -> &'static str {
        self.help
    }
}

/// Heading under which help lists a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// The run and its report.
    Run,
    /// The replay of a saved run.
    Replay,
    /// The selected case.
    Case,
    /// Navigation.
    Move,
    /// Keys of a single pane; the heading names the pane.
    Pane,
    /// The screen and the program.
    Screen,
    /// The text fields of filter and search.
    Filter,
    /// Help, report, menus and dialogs.
    Dialogs,
}

impl Group {
    /// All groups except [`Self::Pane`], in the order of the help.
    pub const ALL: [Self; 7] =
        [Self::Run, Self::Replay, Self::Case, Self::Move, Self::Screen, Self::Filter, Self::Dialogs];

    /// The heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Run => "Run",
            Self::Replay => "Replay",
            Self::Case => "Selected case",
            Self::Move => "Navigation",
            Self::Pane => "Pane",
            Self::Screen => "Screen",
            Self::Filter => "Filter and search input",
            Self::Dialogs => "Dialogs",
        }
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// Default keys; footer and hints show the first.
    pub keys: &'static [Key],
    /// The action that the keys trigger.
    pub action: Action,
    /// Context of the binding.
    pub on: Context,
    /// Group in the help.
    pub group: Group,
    /// Label in the footer; `None` keeps the binding out of it.
    pub footer: Option<&'static str>,
    /// Action whose key the footer shows together with this one, under one label.
    pub beside: Option<Action>,
    /// Label in the footer while the action would undo its own effect.
    pub undo: Option<&'static str>,
    /// Description in help, palette and README.
    pub help: &'static str,
}

/// A heading of the help with the rows below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Keys of all panes, or of overlays.
    Group(Group),
    /// Keys of a single pane.
    Pane(PaneId),
}

impl Section {
    /// The heading.
    pub fn title(self) -> String {
        match self {
            Self::Group(group) => group.title().to_owned(),
            Self::Pane(pane) => format!("{} pane", pane.title()),
        }
    }

    /// Whether a binding is listed in this section.
    pub fn has(self, binding: &Binding) -> bool {
        match (self, binding.on) {
            (Self::Pane(pane), on) => on == Context::In(pane),
            (Self::Group(_), Context::In(_)) => false,
            (Self::Group(group), _) => binding.group == group,
        }
    }
}

/// The sections of the help that have a binding: groups of all panes, single panes, overlays.
pub fn sections<'a>(bindings: impl Iterator<Item = &'a Binding> + Clone) -> impl Iterator<Item = Section> {
    let is_over = |group: &&Group| matches!(group, Group::Filter | Group::Dialogs);
    let below = Group::ALL.iter().filter(move |g| !is_over(g)).map(|g| Section::Group(*g));
    let over = Group::ALL.iter().filter(is_over).map(|g| Section::Group(*g));
    let all = below.chain(PaneId::ALL.map(Section::Pane)).chain(over);
    all.filter(move |section| bindings.clone().any(|b| section.has(b)))
}

/// Whether the action of a binding is available now. Actions of overlays always are.
pub fn is_live(app: &App, binding: &Binding) -> bool {
    !matches!(binding.on, Context::Panes | Context::In(_)) || is_available(app, binding.action)
}

/// Label that the footer shows for a binding now; `None` hides the binding.
pub fn footer_label(app: &App, binding: &Binding) -> Option<&'static str> {
    // A case with a single attempt has nothing to unfold: its own row shows the attempt.
    let has_one = || app.scene.session.cases.get(app.ui.selected).is_none_or(|c| c.attempts.len() < 2);
    if binding.action == Action::Unfold && has_one() {
        return None;
    }
    // The footer of a live run has no replay keys.
    if binding.group == Group::Replay && app.playback.is_none() {
        return None;
    }
    let is_on = match binding.action {
        Action::ToggleHold => match &app.playback {
            // Do not say "resume", because the replayed run may itself be held.
            Some(playback) if playback.is_stopped() => return Some("play"),
            Some(playback) if playback.is_over() => return Some("restart"),
            Some(_) => return Some("stop"),
            None => app.scene.session.mode == Mode::Held,
        },
        Action::TogglePauseCase => {
            app.scene.session.cases.get(app.ui.selected).is_some_and(|c| c.phase == CasePhase::Paused)
        }
        Action::NextPane => match &app.ui.overlay {
            Overlay::Help(help) if help.page == HelpPage::AllKeys => return Some("signs and words"),
            Overlay::Help(help) => help.page == HelpPage::Glossary,
            _ => false,
        },
        Action::ToggleFreeze => app.frozen.is_some(),
        Action::ToggleMouse => app.ui.mouse,
        Action::Back => !app.ui.zoomed && app.ui.filter.is_empty() && !app.ui.is_answer_searched(),
        Action::ToggleThinking => app.ui.answer.is_folded(),
        Action::ToggleRaw => app.ui.answer.form == Form::Raw,
        Action::ToggleExchange => app.ui.answer.form == Form::Exchange,
        Action::ScopeStack => app.ui.scope.stacked,
        Action::ScopeAxis => app.ui.scope.linear,
        Action::SweepChart => app.ui.sweep_chart == crate::app::state::SweepChart::PerUser,
        Action::ScopeNow => !app.shown().session.is_active(),
        _ => false,
    };
    binding.undo.filter(|_| is_on).or(binding.footer)
}

/// Keys as the screen shows them: `j ↓`.
pub fn keys_label(keys: &[Key]) -> String {
    keys.iter().map(Key::to_string).collect::<Vec<_>>().join(" ")
}

/// The default key bindings as a Markdown table, for the README.
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

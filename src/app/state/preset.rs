//! Layouts of the panes that the user can choose.

use crate::app::pane::PaneId;

/// A layout of the panes. Each gives one pane the most room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayoutPreset {
    /// Gives room to all panes.
    Overview,
    /// Gives the most room to the Latency pane, or to the chart of a sweep.
    Load,
    /// Gives the most room to the answer of the selected case.
    Answer,
    /// Gives the most room to the scope.
    Scope,
}

impl LayoutPreset {
    /// All layouts, in the order of the key that switches them.
    pub const ALL: [Self; 4] = [Self::Overview, Self::Load, Self::Answer, Self::Scope];

    /// Names of all layouts, on the command line and in the config file.
    pub const NAMES: [&'static str; 4] = ["overview", "load", "answer", "scope"];

    /// The layout with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.name() == name)
    }

    /// Name on the command line and in the config file.
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The pane that gets the focus with the layout.
    pub const fn main_pane(self) -> PaneId {
        match self {
            Self::Overview => PaneId::Cases,
            Self::Load => PaneId::Latency,
            Self::Answer => PaneId::Preview,
            Self::Scope => PaneId::Scope,
        }
    }

    /// Name of the layout, and the pane that has the most room.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Load => "load (room for latency and sweep charts)",
            Self::Answer => "answer (room for the text)",
            Self::Scope => "scope (room for the timeline)",
        }
    }
}

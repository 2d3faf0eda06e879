//! Actions of the user in the browser.

/// An action of the browser. The table of its keys is in `ui::browser::keymap`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrowserAction {
    /// Select the next run, or scroll the comparison down.
    Down,
    /// Select the previous run, or scroll the comparison up.
    Up,
    /// Scroll one page down.
    PageDown,
    /// Scroll one page up.
    PageUp,
    /// Go to the first row.
    First,
    /// Go to the last row.
    Last,
    /// Scroll the report of the selected run down.
    PreviewDown,
    /// Scroll the report of the selected run up.
    PreviewUp,
    /// Switch between report and trend where there is room for one of them.
    SwitchPane,
    /// Open the selected run in the dashboard.
    Open,
    /// Mark the selected run, or unmark it.
    Mark,
    /// Mark all listed runs, or unmark them.
    MarkAll,
    /// Compare the marked runs.
    Compare,
    /// Ask whether to delete the marked runs; without marks, the selected one.
    Delete,
    /// Delete the runs that the dialog names.
    ConfirmDelete,
    /// Write the Markdown report of the selected run.
    ExportMarkdown,
    /// Write the `results.json` of the selected run.
    ExportJson,
    /// Type a filter.
    Filter,
    /// Keep the filter and return to the list.
    KeepFilter,
    /// Clear the filter and return to the list.
    ClearFilter,
    /// Sort by the next column.
    SortNext,
    /// Reverse the order.
    SortReverse,
    /// Read the folder again.
    Refresh,
    /// Show the next metric of the comparison.
    NextMetric,
    /// Show the previous metric of the comparison.
    PreviousMetric,
    /// Switch to the next theme.
    NextTheme,
    /// Show the keys.
    Help,
    /// Close the dialog or the help.
    Close,
    /// Go back: clear the filter, leave the comparison, quit.
    Back,
    /// Quit, or leave the comparison.
    Quit,
    /// Close the dialog; without one, end the program.
    Interrupt,
    /// Draw the whole screen again.
    Redraw,
    /// Suspend the program.
    Suspend,
}

impl BrowserAction {
    /// Name in the config file. Never change a name: the config files of users contain it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Down => "next",
            Self::Up => "previous",
            Self::PageDown => "page-down",
            Self::PageUp => "page-up",
            Self::First => "first",
            Self::Last => "last",
            Self::PreviewDown => "report-down",
            Self::PreviewUp => "report-up",
            Self::SwitchPane => "switch-pane",
            Self::Open => "open",
            Self::Mark => "mark",
            Self::MarkAll => "mark-all",
            Self::Compare => "compare",
            Self::Delete => "delete",
            Self::ConfirmDelete => "confirm-delete",
            Self::ExportMarkdown => "export",
            Self::ExportJson => "export-json",
            Self::Filter => "filter",
            Self::KeepFilter => "keep-filter",
            Self::ClearFilter => "clear-filter",
            Self::SortNext => "sort",
            Self::SortReverse => "sort-reverse",
            Self::Refresh => "refresh",
            Self::NextMetric => "next-chart",
            Self::PreviousMetric => "previous-chart",
            Self::NextTheme => "theme",
            Self::Help => "help",
            Self::Close => "close",
            Self::Back => "back",
            Self::Quit => "quit",
            Self::Interrupt => "interrupt",
            Self::Redraw => "redraw",
            Self::Suspend => "suspend",
        }
    }
}

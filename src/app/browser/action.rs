//! Actions of the user in the browser.

/// An action of the browser. The table of its keys is in `ui::browser::keymap`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrowserAction {
    /// Select the next run, or scroll the comparison down.
    Down,
    /// Select the previous run, or scroll the comparison up.
    Up,
    /// One page down.
    PageDown,
    /// One page up.
    PageUp,
    /// The first row.
    First,
    /// The last row.
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
    /// Compare the marked runs.
    Compare,
    /// Ask whether to delete the selected run.
    Delete,
    /// Delete the run that the dialog names.
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
    /// The next theme.
    NextTheme,
    /// Show the keys.
    Help,
    /// Close the dialog or the help.
    Close,
    /// Go back: clear the filter, leave the comparison, quit.
    Back,
    /// Quit, or leave the comparison.
    Quit,
    /// Draw the whole screen again.
    Redraw,
    /// Suspend the program.
    Suspend,
}

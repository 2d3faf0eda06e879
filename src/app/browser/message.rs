//! Messages to the browser and effects that it asks for.

use std::sync::Arc;

use super::action::BrowserAction;
use super::comparison::ComparisonView;
use super::entry::RunEntry;
use crate::app::state::text_field::Edit;

/// The report of a run for the preview.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviewText {
    /// Command line that started the run, if it was saved.
    pub command_line: Option<String>,
    /// The report in Markdown.
    pub markdown: Arc<str>,
}

/// A message to the browser.
#[derive(Clone, Debug)]
pub enum BrowserMsg {
    /// The user triggered an action.
    Action(BrowserAction),
    /// The user edited the filter.
    Edit(Edit),
    /// The terminal has a new size.
    Resized,
    /// The last frame had these limits.
    Drawn(DrawnExtents),
    /// Reading number `listing` of the folder found this many runs.
    Listed {
        /// Number of the reading.
        listing: u64,
        /// The folder.
        folder: String,
        /// Number of runs in it.
        total: usize,
    },
    /// More runs of a reading were read.
    Read(u64, Vec<RunEntry>),
    /// The folder could not be read.
    ListFailed(u64, String),
    /// The report of a run was made, or could not be.
    Previewed(String, Result<PreviewText, String>),
    /// Two runs were compared, or could not be.
    Compared(Result<Arc<ComparisonView>, String>),
    /// Runs were deleted, or could not be: the id of each, and why it still exists.
    Deleted(Vec<(String, Result<(), String>)>),
    /// A report was written to this file, or could not be.
    Exported(Result<String, String>),
    /// The dashboard of a run was left; with the error that kept it from opening.
    Returned(Result<(), String>),
    /// The terminal is gone, or a signal ends the program.
    Interrupted,
}

/// Scroll limits of the last frame, in rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DrawnExtents {
    /// Rows of a page of the list or the comparison.
    pub page: usize,
    /// Maximum first line of the help.
    pub help_limit: usize,
    /// Maximum first line of the preview.
    pub preview_limit: usize,
    /// Maximum first line of the comparison.
    pub comparison_limit: usize,
}

/// Something that the browser asks the runtime to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrowserEffect {
    /// Read the folder; answers carry this number.
    List(u64),
    /// Make the report of a run.
    Preview(String),
    /// Compare two runs.
    Compare(String, String),
    /// Delete these runs.
    Delete(Vec<String>),
    /// Write the report of a run in the format with this id.
    Export(String, &'static str),
    /// Open a run in the dashboard.
    Open(String),
    /// Draw every cell again.
    Redraw,
    /// Suspend the program.
    Suspend,
    /// End the program with this status.
    Quit(u8),
}

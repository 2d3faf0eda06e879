//! Messages that change the browser, and the effects that it requests from the runtime.

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
    /// A frame was drawn; its texts can be scrolled this far.
    Drawn(DrawnExtents),
    /// The folder was opened, and the number of its runs is known.
    Listed {
        /// Number of the reading that found them; see [`BrowserEffect::List`].
        listing: u64,
        /// Path of the folder.
        folder: String,
        /// Number of runs in the folder.
        total: usize,
    },
    /// The reading with this number read more runs.
    Read(u64, Vec<RunEntry>),
    /// The reading with this number failed, with the error.
    ListFailed(u64, String),
    /// The report of the run with this id is ready, or the error that prevented it.
    Previewed(String, Result<PreviewText, String>),
    /// The comparison of two runs is ready, or the error that prevented it.
    Compared(Result<Arc<ComparisonView>, String>),
    /// Runs were deleted: the id of each, with the error if the run still exists.
    Deleted(Vec<(String, Result<(), String>)>),
    /// A report was written to this path, or the error that prevented it.
    Exported(Result<String, String>),
    /// The user left the dashboard of a run, or the error that kept it from opening.
    Returned(Result<(), String>),
    /// The terminal is gone, or a signal asks the program to end.
    Interrupted,
}

/// How far the texts of the last frame can be scrolled, in lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DrawnExtents {
    /// Length of a page of the list or the comparison.
    pub page: usize,
    /// First visible line of the help when it is scrolled to its end.
    pub help_limit: usize,
    /// First visible line of the preview when it is scrolled to its end.
    pub preview_limit: usize,
    /// First visible line of the comparison when it is scrolled to its end.
    pub comparison_limit: usize,
}

/// Work outside the state that the runtime carries out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrowserEffect {
    /// Read the folder. The messages with its runs carry this number, so that those of an older reading can be ignored.
    List(u64),
    /// Render the report of the run with this id.
    Preview(String),
    /// Compare the runs with these ids.
    Compare(String, String),
    /// Delete the runs with these ids.
    Delete(Vec<String>),
    /// Write the report of the run with this id, in the export format with this id.
    Export(String, &'static str),
    /// Open the run with this id in the dashboard.
    Open(String),
    /// Draw every cell again.
    Redraw,
    /// Suspend the program.
    Suspend,
    /// End the program with this exit status.
    Quit(u8),
}

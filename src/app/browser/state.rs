//! State of the browser.

use std::collections::HashSet;
use std::sync::Arc;

use super::comparison::ComparisonView;
use super::entry::RunEntry;
use super::message::{DrawnExtents, PreviewText};
use super::sort::SortColumn;
use super::trend::Trend;
use crate::app::state::text_field::TextField;
use crate::app::state::theme::ThemeName;

/// Content of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrowserScreen {
    /// The list of runs.
    List,
    /// The comparison of two runs.
    Comparison,
}

/// Pane below the list on a screen with room for only one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LowerPane {
    /// The report of the selected run.
    #[default]
    Report,
    /// The trend of its model.
    Trend,
}

/// Dialog over the screen, which receives the keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Dialog {
    /// No dialog is open.
    #[default]
    None,
    /// The help, scrolled to this line.
    Help(usize),
    /// The text field of the filter.
    Filter,
    /// The question whether to delete the runs with these ids.
    Delete(Vec<String>),
}

/// Progress of reading the folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Number of this reading. Messages of earlier readings are ignored.
    pub number: u64,
    /// Number of runs in the folder, once it is known.
    pub total: Option<usize>,
    /// Reason why the folder could not be read.
    pub failure: Option<String>,
}

/// The report of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// Id of the run.
    pub id: String,
    /// The report, or the error that prevented it.
    pub text: Result<PreviewText, String>,
    /// Version of the text, so that its layout can be cached: equal versions have equal texts.
    pub revision: u64,
}

/// The line at the bottom of the screen about the latest event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrowserNotice {
    /// The text.
    pub text: String,
    /// Whether something failed.
    pub is_error: bool,
}

/// Whole state of the browser.
#[derive(Clone, Debug)]
pub struct Browser {
    /// Content of the screen.
    pub screen: BrowserScreen,
    /// Whether there is no list to return to, because the program was started with two runs to compare.
    pub is_comparison_only: bool,
    /// All runs read so far, newest first.
    pub runs: Vec<RunEntry>,
    /// Positions of the listed runs in `runs`, in the order of the list.
    pub visible: Vec<usize>,
    /// Position of the selected run in `visible`.
    pub cursor: usize,
    /// Text of the filter. A run is listed if it contains every word.
    pub filter: TextField,
    /// Column that the list is sorted by.
    pub sort: SortColumn,
    /// Whether the order is reversed.
    pub is_reversed: bool,
    /// Ids of the marked runs, in the order in which they were marked.
    pub marks: Vec<String>,
    /// Progress of reading the folder.
    pub reading: Reading,
    /// Folder of the runs.
    pub folder: String,
    /// The last report that arrived.
    pub preview: Option<Preview>,
    /// First line of the report on the screen.
    pub preview_top: usize,
    /// Pane below the list where there is room for only one.
    pub lower: LowerPane,
    /// Trend of the selected run's model.
    pub trend: Trend,
    /// Dialog over the screen.
    pub dialog: Dialog,
    /// The comparison, once it was made.
    pub comparison: Option<Result<Arc<ComparisonView>, String>>,
    /// First line of the comparison's table on the screen.
    pub comparison_top: usize,
    /// Position of the shown distribution.
    pub distribution: usize,
    /// Line about the latest event.
    pub notice: Option<BrowserNotice>,
    /// Theme.
    pub theme: ThemeName,
    /// Scroll limits of the last frame.
    pub extents: DrawnExtents,
    pub(super) wanted_preview: Option<String>,
    pub(super) previews: u64,
}

impl Browser {
    /// Creates a browser whose folder has not been read yet.
    pub fn new(theme: ThemeName) -> Self {
        Self {
            screen: BrowserScreen::List,
            is_comparison_only: false,
            runs: Vec::new(),
            visible: Vec::new(),
            cursor: 0,
            filter: TextField::default(),
            sort: SortColumn::default(),
            is_reversed: false,
            marks: Vec::new(),
            reading: Reading::default(),
            folder: String::new(),
            preview: None,
            preview_top: 0,
            lower: LowerPane::default(),
            trend: Trend::default(),
            dialog: Dialog::None,
            comparison: None,
            comparison_top: 0,
            distribution: 0,
            notice: None,
            theme,
            extents: DrawnExtents::default(),
            wanted_preview: None,
            previews: 0,
        }
    }

    /// Creates a browser that shows only this comparison and then ends.
    pub fn comparison_only(theme: ThemeName, comparison: ComparisonView) -> Self {
        Self {
            screen: BrowserScreen::Comparison,
            is_comparison_only: true,
            comparison: Some(Ok(Arc::new(comparison))),
            ..Self::new(theme)
        }
    }

    /// The selected run.
    pub fn selected(&self) -> Option<&RunEntry> {
        self.runs.get(*self.visible.get(self.cursor)?)
    }

    /// The run in row `row` of the list.
    pub fn listed(&self, row: usize) -> Option<&RunEntry> {
        self.runs.get(*self.visible.get(row)?)
    }

    /// The run with this id.
    pub fn by_id(&self, id: &str) -> Option<&RunEntry> {
        self.runs.iter().find(|run| run.id == id)
    }

    /// Whether the folder is still being read.
    pub fn is_reading(&self) -> bool {
        self.reading.failure.is_none() && self.reading.total.is_none_or(|total| self.runs.len() < total)
    }

    /// The report of the selected run, if it arrived.
    pub fn shown_preview(&self) -> Option<&Preview> {
        let selected = self.selected()?;
        self.preview.as_ref().filter(|preview| preview.id == selected.id)
    }

    /// Letter beside a marked run: `A` for the older of two marked runs (the baseline of a comparison), `B` for the
    /// newer. More than two marked runs cannot be compared; each has a `*`.
    pub fn mark_of(&self, id: &str) -> Option<char> {
        if self.marks.len() > 2 {
            return self.marks.iter().any(|mark| mark == id).then_some('*');
        }
        match self.marked_in_order().as_slice() {
            [older] | [older, _] if *older == id => Some('A'),
            [_, newer] if *newer == id => Some('B'),
            _ => None,
        }
    }

    /// The marked runs, the oldest first.
    pub(super) fn marked_in_order(&self) -> Vec<&str> {
        let mut marks: Vec<&str> = self.marks.iter().map(String::as_str).collect();
        marks.sort_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
        marks
    }

    /// Marks a run or unmarks it.
    pub(super) fn toggle_mark(&mut self, id: &str) {
        match self.marks.iter().position(|mark| mark == id) {
            Some(at) => drop(self.marks.remove(at)),
            None => self.marks.push(id.to_owned()),
        }
    }

    /// Marks all listed runs; unmarks them if all of them are marked.
    pub(super) fn toggle_all_marks(&mut self) {
        let listed: Vec<&str> = (0..self.visible.len()).filter_map(|row| Some(self.listed(row)?.id.as_str())).collect();
        let known: HashSet<&str> = listed.iter().copied().collect();
        let (hidden, marked): (Vec<&str>, Vec<&str>) =
            self.marks.iter().map(String::as_str).partition(|mark| !known.contains(mark));
        let added = if marked.len() < known.len() { listed } else { Vec::new() };
        self.marks = hidden.into_iter().chain(added).map(str::to_owned).collect();
    }

    /// Filters and sorts the runs again. The selection stays on its run; if that run is gone, on its row.
    pub(super) fn rebuild(&mut self) {
        let selected = self.selected().map(|run| run.id.clone());
        let wanted = self.filter.as_str().to_lowercase();
        let words: Vec<&str> = wanted.split_whitespace().collect();
        let runs = &self.runs;
        let mut visible: Vec<usize> = (0..runs.len()).filter(|&at| runs[at].matches(&words)).collect();
        visible.sort_by(|&a, &b| self.sort.compare(self.is_reversed, &runs[a], &runs[b]));
        let cursor = selected.and_then(|id| visible.iter().position(|&at| runs[at].id == id));
        self.cursor = cursor.unwrap_or(self.cursor).min(visible.len().saturating_sub(1));
        self.visible = visible;
        self.update_trend();
    }

    /// Computes the trend of the selected run.
    pub(super) fn update_trend(&mut self) {
        self.trend = self.selected().map_or_else(Trend::default, |selected| Trend::new(&self.runs, selected));
    }

    pub(super) fn note(&mut self, text: impl Into<String>, is_error: bool) {
        self.notice = Some(BrowserNotice { text: text.into(), is_error });
    }
}

//! The columns of the table, and which of them a width has room for.

use super::GAP;
use crate::app::state::App;
use crate::app::state::cases::order::{self, SortBy};
use crate::domain::metrics::{Column as Placed, Metric, TTFT, Unit};
use crate::ui::fit;

/// Cells that a name has at least, and gets at most.
const NAME: (usize, usize) = (20, 40);
/// The columns up to this rank come before a long name is whole.
const BEFORE_NAME: u8 = 8;
/// From so many cells on the trace is worth more than another column.
const ROOMY: usize = 100;
/// Cells that the trace gets at most.
const TRACE_AT_MOST: usize = 48;
/// Width of the progress, cells: bar, blank, share.
const PROGRESS: usize = 13;

/// What a column shows.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    State,
    Attempts,
    Metric(&'static Metric),
    /// Against the attempt before, or the baseline.
    Difference(&'static Metric),
    Progress,
    Finish,
    Trace,
}

/// One column.
#[derive(Clone, Debug)]
pub(super) struct Column {
    /// What stands above it.
    pub(super) heading: String,
    /// Cells.
    pub(super) width: usize,
    /// At the left; numbers stand at the right.
    pub(super) is_text: bool,
    /// The rows are in its order.
    pub(super) is_sorted: bool,
    /// What it shows.
    pub(super) kind: Kind,
    /// Columns with a low rank come first when there is little room.
    rank: u8,
    /// What sorting by it means.
    sort: Option<SortBy>,
}

impl Column {
    fn new(heading: &str, width: usize, rank: u8, kind: Kind) -> Self {
        Self { heading: heading.to_owned(), width, is_text: false, is_sorted: false, kind, rank, sort: None }
    }

    fn text(self) -> Self {
        Self { is_text: true, ..self }
    }

    fn sorts(self, by: SortBy) -> Self {
        Self { sort: Some(by), ..self }
    }

    /// Shows the word of the row's state.
    pub(super) const fn is_state(&self) -> bool {
        matches!(self.kind, Kind::State)
    }

    /// Shown also where a reason takes the place of figures.
    pub(super) const fn survives_failure(&self) -> bool {
        matches!(self.kind, Kind::State | Kind::Attempts)
    }

    /// `text` in this column's cells.
    pub(super) fn aligned(&self, text: &str) -> String {
        if self.is_text { fit::left(text, self.width) } else { fit::right(text, self.width) }
    }
}

/// The columns that fit, and the cells of the name before them.
#[derive(Debug)]
pub(super) struct Table {
    /// Cells of the name.
    pub(super) name: usize,
    /// In the order they are shown.
    pub(super) columns: Vec<Column>,
}

/// What of the state decides which columns there are.
struct Needs {
    /// Some case has several attempts, or is unfolded.
    attempts: bool,
    /// What figures are compared with.
    compared: Compared,
    /// Some TTFT has a mark of what the prefix cache may have shortened.
    doubts: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compared {
    /// No case has two whole answers.
    Nothing,
    /// The attempt before.
    Last,
    Baseline,
}

impl Needs {
    fn from_app(app: &App) -> Self {
        let session = &app.shown().session;
        let table = &app.ui.cases;
        let compared = match &table.baseline {
            Some(_) => Compared::Baseline,
            None if session.has_comparable_case() => Compared::Last,
            None => Compared::Nothing,
        };
        Self {
            attempts: !table.unfolded.is_empty() || session.has_repeated_case(),
            compared,
            doubts: session.has_doubtful_case(),
        }
    }
}

/// All columns in their order, with a trace of so many cells.
fn all(needs: &Needs, trace: usize) -> Vec<Column> {
    let mut all = vec![Column::new("State", 9, 0, Kind::State).text().sorts(SortBy::State)];
    if needs.attempts {
        all.push(Column::new("Att.", 5, 6, Kind::Attempts));
    }
    // Who sets a baseline wants to see it before all else.
    let difference = match needs.compared {
        Compared::Nothing => None,
        Compared::Last => Some((7, "last")),
        Compared::Baseline => Some((3, "base")),
    };
    let doubt = if needs.doubts { 2 } else { 0 };
    for (metric, &Placed { heading, rank, has_difference }) in order::columns() {
        let width = match metric.unit {
            // With room for a `~`.
            Unit::Milliseconds if metric.counts_output_tokens => 8,
            Unit::Milliseconds => 7,
            Unit::Tokens | Unit::TokensPerSecond => 6,
        };
        let width = if *metric == TTFT { width + doubt } else { width };
        let column = Column::new(heading, width.max(fit::width(heading)), rank, Kind::Metric(metric));
        all.push(column.sorts(SortBy::Metric(metric)));
        if let Some((rank, to)) = difference.filter(|_| has_difference) {
            let heading = format!("{heading} Δ{to}");
            all.push(Column::new(&heading, fit::width(&heading), rank, Kind::Difference(metric)));
        }
    }
    all.push(Column::new("of max", PROGRESS, 10, Kind::Progress).text());
    all.push(Column::new("Finish", 7, 13, Kind::Finish).text());
    all.push(Column::new("Trace", trace, 8, Kind::Trace).text());
    all
}

/// What marks the sorted column.
pub(super) const fn arrow(reversed: bool) -> &'static str {
    if reversed { "↓" } else { "↑" }
}

/// The columns that `cells` have room for, where a name would like `wanted_name`.
pub(super) fn choose(cells: usize, wanted_name: usize, app: &App) -> Table {
    let needs = Needs::from_app(app);
    let mut columns = all(&needs, if cells >= ROOMY && needs.compared == Compared::Nothing { 12 } else { 8 });
    let sorting = &app.ui.cases;
    if let Some(sorted) = columns.iter_mut().find(|c| c.sort == Some(sorting.sort)) {
        // It is there whatever the width: the order would tell nothing without it.
        (sorted.is_sorted, sorted.rank) = (true, 0);
        sorted.heading.push_str(arrow(sorting.reversed));
        sorted.width = sorted.width.max(fit::width(&sorted.heading));
    }
    let wanted_name = wanted_name.clamp(NAME.0, NAME.1);
    let taken = |columns: &[Column]| columns.iter().map(|c| c.width + GAP).sum::<usize>();
    // The first-ranked columns keep the shortest name; what comes after must leave it whole.
    while !columns.is_empty() {
        let last = columns.iter().map(|c| c.rank).max().unwrap_or(0);
        let name = if last <= BEFORE_NAME { NAME.0 } else { wanted_name };
        if taken(&columns) + name <= cells {
            break;
        }
        columns.retain(|c| c.rank < last);
    }
    let mut spare = cells.saturating_sub(taken(&columns));
    let name = spare.min(wanted_name);
    spare -= name;
    if let Some(trace) = columns.iter_mut().find(|c| matches!(c.kind, Kind::Trace)) {
        trace.width = (trace.width + spare).min(TRACE_AT_MOST);
    }
    Table { name, columns }
}

#[cfg(test)]
mod tests;

//! The columns of the table, and the choice of those that fit a width.

use super::GAP;
use crate::app::state::App;
use crate::app::state::cases::order::{self, Measures, SortBy};
use crate::domain::metrics::{Column as Placed, Metric, SPEED, TTFT, Unit};
use crate::ui::fit;

/// Minimum and maximum width of the name, cells.
const NAME: (usize, usize) = (20, 40);
/// Highest rank of the columns that take precedence over the full width of a long name.
const BEFORE_NAME: u8 = 7;
/// Width from which a table shows long states and the spread of means, cells.
const ROOMY: usize = 100;
/// Minimum and maximum width of the trace, cells.
const TRACE: (usize, usize) = (8, 48);
/// Width of the state, cells: its short words, and in a roomy table `failed: timeout`.
const STATE: usize = 9;
const WIDE_STATE: usize = 15;
/// Width of the number of attempts with their statistic, cells: `▾100× mean`.
const MEAN: usize = 10;
/// Additional width of a mean with its spread, cells: ` ± 12.3`.
const SPREAD: usize = 7;
/// Width of the progress column, cells: bar, blank and share.
const PROGRESS: usize = 13;

/// Content of a column.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    State,
    Attempts,
    Metric(&'static Metric),
    /// Difference from the baseline.
    Difference(&'static Metric),
    Progress,
    Finish,
    Trace,
}

/// A column of the table.
#[derive(Clone, Debug)]
pub(super) struct Column {
    /// Heading.
    pub(super) heading: String,
    /// Width, cells.
    pub(super) width: usize,
    /// Whether the text is aligned to the left; numbers are aligned to the right.
    pub(super) is_text: bool,
    /// Whether the rows are sorted by this column.
    pub(super) is_sorted: bool,
    /// Content of the column.
    pub(super) kind: Kind,
    /// Importance: a table that gets narrower drops the column with the highest rank first.
    rank: u8,
    /// Sort order of this column, if the table can be sorted by it.
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

    /// Whether the column shows the row's status word.
    pub(super) const fn is_state(&self) -> bool {
        matches!(self.kind, Kind::State)
    }

    /// Whether the column stays visible in a failed row, where the error replaces the figures.
    pub(super) const fn survives_failure(&self) -> bool {
        matches!(self.kind, Kind::State | Kind::Attempts)
    }

    /// Pads or cuts `text` to this column's width.
    pub(super) fn aligned(&self, text: &str) -> String {
        if self.is_text { fit::left(text, self.width) } else { fit::right(text, self.width) }
    }
}

/// The columns that fit, and the width of the name before them.
#[derive(Debug)]
pub(super) struct Table {
    /// Width of the name, cells.
    pub(super) name: usize,
    /// Columns from left to right.
    pub(super) columns: Vec<Column>,
}

/// Facts about the run that decide which columns exist.
#[expect(clippy::struct_excessive_bools, reason = "each decides about columns of its own")]
#[derive(Clone)]
struct Needs {
    /// Whether some case has several attempts or is unfolded.
    attempts: bool,
    /// Whether some row shows means, which have a spread.
    means: bool,
    /// Whether the user set a baseline, with which the difference columns compare.
    baseline: bool,
    /// Whether some TTFT is marked as possibly shortened by the prefix cache.
    doubts: bool,
    /// Kinds of measurement in the suite.
    measures: Measures,
}

impl Needs {
    fn from_app(app: &App) -> Self {
        let session = &app.shown().session;
        let table = &app.ui.cases;
        Self {
            attempts: !table.unfolded.is_empty() || session.has_repeated_case(),
            means: session.has_comparable_case(),
            baseline: table.baseline.is_some(),
            doubts: session.has_doubtful_case(),
            measures: app.measures(),
        }
    }
}

/// Returns all columns in their order, for a table of `cells` cells.
fn all(needs: &Needs, cells: usize) -> Vec<Column> {
    let is_roomy = cells >= ROOMY;
    let state = if is_roomy { WIDE_STATE } else { STATE };
    let mut all = vec![Column::new("State", state, 0, Kind::State).text().sorts(SortBy::State)];
    if needs.attempts {
        all.push(Column::new("Att.", if needs.means { MEAN } else { 5 }, 6, Kind::Attempts));
    }
    // The user set the baseline on purpose, so its differences take precedence over plain figures.
    let difference_rank = needs.baseline.then_some(3);
    let doubt = if needs.doubts { 2 } else { 0 };
    for (metric, &Placed { heading, rank, has_difference }) in order::columns(needs.measures) {
        let width = match metric.unit {
            // One cell more for the `~` of an estimate.
            Unit::Milliseconds if metric.counts_output_tokens => 8,
            Unit::Milliseconds | Unit::ItemsPerSecond => 7,
            Unit::Tokens | Unit::TokensPerSecond => 6,
            Unit::Percent => 4,
        };
        let width = if *metric == TTFT { width + doubt } else { width };
        let has_spread =
            needs.means && metric.unit != Unit::Tokens && !metric.is_share() && cells >= room_for_spread(metric);
        let width = if has_spread { width + SPREAD } else { width };
        let column = Column::new(heading, width.max(fit::width(heading)), rank, Kind::Metric(metric));
        all.push(column.sorts(SortBy::Metric(metric)));
        if let Some(rank) = difference_rank.filter(|_| has_difference) {
            let heading = format!("{heading} Δbase");
            all.push(Column::new(&heading, fit::width(&heading), rank, Kind::Difference(metric)));
        }
    }
    all.push(Column::new("Progress", PROGRESS, 10, Kind::Progress).text());
    all.push(Column::new("Finish", 7, 13, Kind::Finish).text());
    all.push(Column::new("Trace", TRACE.0, 8, Kind::Trace).text());
    all
}

/// Width of the table from which a metric shows the spread of its means, cells. The two main metrics show it first.
fn room_for_spread(metric: &Metric) -> usize {
    if *metric == TTFT || *metric == SPEED { ROOMY } else { 180 }
}

/// Arrow behind the heading of the sorted column.
pub(super) const fn arrow(reversed: bool) -> &'static str {
    if reversed { "↓" } else { "↑" }
}

/// Chooses the columns that fit into `cells`, for names of `wanted_name` cells.
pub(super) fn choose(cells: usize, wanted_name: usize, app: &App) -> Table {
    let needs = Needs::from_app(app);
    let mut columns = all(&needs, cells);
    let sorting = &app.ui.cases;
    if let Some(sorted) = columns.iter_mut().find(|c| c.sort == Some(sorting.sort)) {
        // Keep the sorted column at every width, because it explains the order.
        (sorted.is_sorted, sorted.rank) = (true, 0);
        sorted.heading.push_str(arrow(sorting.reversed));
        sorted.width = sorted.width.max(fit::width(&sorted.heading));
    }
    let wanted_name = wanted_name.clamp(NAME.0, NAME.1);
    let width_of = |columns: &[Column]| columns.iter().map(|c| c.width + GAP).sum::<usize>();
    // Columns up to `BEFORE_NAME` may shorten the name; later ones must not.
    while !columns.is_empty() {
        let last = columns.iter().map(|c| c.rank).max().unwrap_or(0);
        let name = if last <= BEFORE_NAME { NAME.0 } else { wanted_name };
        if width_of(&columns) + name <= cells {
            break;
        }
        columns.retain(|c| c.rank < last);
    }
    let mut spare = cells.saturating_sub(width_of(&columns));
    let name = spare.min(wanted_name);
    spare -= name;
    if let Some(trace) = columns.iter_mut().find(|c| matches!(c.kind, Kind::Trace)) {
        trace.width = (trace.width + spare).min(TRACE.1);
    }
    Table { name, columns }
}

#[cfg(test)]
mod tests;

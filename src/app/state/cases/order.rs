//! Order of the table of cases. It changes when an attempt ends, not while figures arrive.

use std::cmp::Ordering;

use crate::domain::metrics::{Column, METRICS, Metric, PREFILL};
use crate::domain::session::{AttemptState, CasePhase, CaseState};
use crate::domain::suite::Suite;
use crate::domain::task::Task;

/// Maximum number of answers in the mean of a case. A long run has thousands, and a frame must stay fast.
pub const MAX_REPORTED: usize = 200;

/// Sort key of the table of cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum SortBy {
    /// Order in the suite.
    #[default]
    Suite,
    /// Name of the case.
    Name,
    /// Phase of the case: failed first, done last.
    State,
    /// Figure of this metric, the mean of the reported attempts. Cases without a figure come last.
    Metric(&'static Metric),
}

/// Kinds of measurement in a suite, which decide whether some metrics have a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measures {
    /// Whether some case has checks, so that there is a pass rate.
    pub checks: bool,
    /// Whether the run measures context depths, so that the prefill speed matters.
    pub depths: bool,
    /// Kind of work, which decides whether figures of tokens or of items exist.
    pub task: Task,
}

impl Measures {
    /// Kinds of measurement in this suite.
    pub fn from_suite(suite: &Suite) -> Self {
        Self { checks: suite.has_checks(), depths: suite.depths().is_some(), task: suite.task }
    }

    fn has(self, metric: &Metric) -> bool {
        let is_measured = if *metric == PREFILL { self.depths } else { self.checks || !metric.is_share() };
        is_measured && metric.applies_to.includes(self.task)
    }
}

/// Metrics that have a column, in the order of their columns.
pub fn columns(measures: Measures) -> Vec<(&'static Metric, &'static Column)> {
    let shown = METRICS.iter().filter(|m| measures.has(m));
    let mut all: Vec<_> = shown.filter_map(|m| Some((*m, m.column.as_ref()?))).collect();
    all.sort_by_key(|(_, column)| column.rank);
    all
}

impl SortBy {
    /// Every sort key, in the order of the columns.
    pub fn all(measures: Measures) -> Vec<Self> {
        let before = [Self::Suite, Self::Name, Self::State];
        before.into_iter().chain(columns(measures).into_iter().map(|(metric, _)| Self::Metric(metric))).collect()
    }

    /// The sort key after this one; after the last, the first.
    #[must_use]
    pub fn next(self, measures: Measures) -> Self {
        let all = Self::all(measures);
        let at = all.iter().position(|s| *s == self).unwrap_or(0);
        all.get(at + 1).copied().unwrap_or_default()
    }

    /// Name of the sort key on the screen.
    pub fn label(self) -> &'static str {
        match self {
            Self::Suite => "suite order",
            Self::Name => "name",
            Self::State => "state",
            Self::Metric(metric) => metric.label,
        }
    }
}

/// Data that the order of the cases depends on, by index of the case.
#[derive(Clone, Copy, Debug)]
pub struct SortedCases<'a> {
    /// Name of each case, in lower case.
    pub names: &'a [String],
    /// State of each case.
    pub states: &'a [CaseState],
    /// Index of the stage whose figures decide the order; 0 without a sweep.
    pub stage: usize,
}

/// Sorts indices of cases. Equal cases stay in the order of the suite.
pub fn sort(cases: &mut [usize], by: SortBy, reversed: bool, SortedCases { names, states, stage }: SortedCases<'_>) {
    let directed = |order: Ordering| if reversed { order.reverse() } else { order };
    match by {
        SortBy::Suite if reversed => cases.reverse(),
        SortBy::Suite => {}
        SortBy::Name => {
            let name = |case: &usize| names.get(*case).map(String::as_str);
            sort_by_key(cases, name, |a, b| directed(a.cmp(b)));
        }
        SortBy::State => {
            let rank = |case: &usize| states.get(*case).map(|s| rank(s.phase));
            sort_by_key(cases, rank, |a, b| directed(a.cmp(b)));
        }
        SortBy::Metric(metric) => {
            let figure = |case: &usize| {
                let case = states.get(*case)?;
                mean(metric, case, stage).or_else(|| (metric.get)(&*case.shown_in(stage).filter(|r| r.is_ok())?))
            };
            sort_by_key(cases, figure, |a, b| match (a, b) {
                (Some(a), Some(b)) => directed(a.total_cmp(b)),
                // Cases without a figure come last in both directions.
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => Ordering::Equal,
            });
        }
    }
}

/// Mean of a metric over the reported attempts of a case, as the row of the case shows it.
fn mean(metric: &Metric, case: &CaseState, stage: usize) -> Option<f64> {
    let records = case.reported_in(stage).rev().take(MAX_REPORTED).filter_map(AttemptState::record);
    let values: Vec<f64> = records.filter_map(|r| (metric.get)(&r)).filter(|v| v.is_finite()).collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Sorts by a key that is computed once for each case.
fn sort_by_key<K>(cases: &mut [usize], key: impl Fn(&usize) -> K, order: impl Fn(&K, &K) -> Ordering) {
    let mut keyed: Vec<(K, usize)> = cases.iter().map(|case| (key(case), *case)).collect();
    keyed.sort_by(|(a, _), (b, _)| order(a, b));
    for (place, (_, case)) in cases.iter_mut().zip(keyed) {
        *place = case;
    }
}

/// Rank of a phase: phases that need attention come first.
const fn rank(phase: CasePhase) -> u8 {
    match phase {
        CasePhase::Failed => 0,
        CasePhase::Running => 1,
        CasePhase::Paused => 2,
        CasePhase::Queued => 3,
        CasePhase::Unreached => 4,
        CasePhase::Cancelled => 5,
        CasePhase::Done => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::{Measures, columns};
    use crate::domain::task::Task;

    #[test]
    fn answers_that_are_not_text_have_columns_of_items_instead_of_tokens() {
        let headings = |task| -> Vec<&str> {
            columns(Measures { task, ..Measures::default() }).into_iter().map(|(_, column)| column.heading).collect()
        };
        assert_eq!(headings(Task::Embeddings), ["Time", "Prompt", "Items/s", "Input tok/s"]);
        assert!(headings(Task::Generation).contains(&"TTFT") && !headings(Task::Generation).contains(&"Items/s"));
    }
}

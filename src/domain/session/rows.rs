//! Assignment of the rows of a data set to the requests of a run.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::row_order::{RowOrder, RowOrderError, Sample, Shard};
use crate::domain::row_times::RowTimes;

/// Order in which the cases of a run send rows. A case sends the rows with its tag.
#[derive(Clone, Debug)]
pub struct RowPlan {
    /// Order of all rows, which determines the order of the cases; `None` for a single case.
    mix: Option<Mix>,
    /// Rows of each case.
    cases: Vec<CaseRows>,
    /// Number of turns that each row has; empty if all have one.
    turns: Arc<[u16]>,
    /// Whether some row has several turns.
    has_conversations: bool,
    /// Times of the rows of a trace; `None` without a trace.
    times: Option<RowTimes>,
}

#[derive(Clone, Debug)]
struct Mix {
    order: RowOrder,
    tags: Arc<[u16]>,
}

#[derive(Clone, Debug)]
struct CaseRows {
    order: RowOrder,
    rows: RowsOfCase,
}

#[derive(Clone, Debug)]
enum RowsOfCase {
    /// All rows, for a source with one case.
    All,
    /// Rows with the tag of the case, in file order.
    Listed(Arc<[u32]>),
    /// Every `step`-th row from `first` on, without an end.
    Endless { first: u32, step: u32 },
}

impl RowPlan {
    /// Creates the plan of a source whose rows all belong to one case.
    ///
    /// # Errors
    ///
    /// If the shard would get no row.
    pub fn single(rows: u32, sample: Sample, seed: u64, shard: Shard) -> Result<Self, RowOrderError> {
        let order = RowOrder::new(rows.into(), sample, seed, shard)?;
        let cases = vec![CaseRows { order, rows: RowsOfCase::All }];
        Ok(Self { mix: None, cases, turns: Arc::default(), has_conversations: false, times: None })
    }

    /// Creates the plan of a data set whose rows are tagged with the indices of their cases.
    ///
    /// # Errors
    ///
    /// If the shard would get no row of a case.
    pub fn tagged(tags: Arc<[u16]>, sample: Sample, seed: u64, shard: Shard) -> Result<Self, RowOrderError> {
        let count = tags.iter().max().map_or(0, |last| usize::from(*last) + 1);
        let mut rows: Vec<Vec<u32>> = vec![Vec::new(); count];
        for (row, tag) in (0..).zip(tags.iter()) {
            if let Some(rows) = rows.get_mut(usize::from(*tag)) {
                rows.push(row);
            }
        }
        let case = |(case, rows): (u64, Vec<u32>)| {
            let order = RowOrder::new(rows.len() as u64, sample, seed.wrapping_add(case), shard)?;
            Ok(CaseRows { order, rows: RowsOfCase::Listed(rows.into()) })
        };
        let cases = (0..).zip(rows).map(case).collect::<Result<_, RowOrderError>>()?;
        let order = RowOrder::new(tags.len() as u64, sample, seed, shard)?;
        let mix = Some(Mix { order, tags });
        Ok(Self { mix, cases, turns: Arc::default(), has_conversations: false, times: None })
    }

    /// Creates the plan of generated prompts, whose number is not limited. Of `cases` cases, case `c` sends the rows
    /// `c`, `c + cases`, `c + 2 * cases` and so on, so that no two requests of a run send the same row.
    ///
    /// # Errors
    ///
    /// If there are no cases, or more cases than rows.
    pub fn endless(cases: u32) -> Result<Self, RowOrderError> {
        let rows = u64::from(u32::MAX) / u64::from(cases.max(1));
        let order = RowOrder::new(if cases == 0 { 0 } else { rows }, Sample::Ordered, 0, Shard::WHOLE)?;
        let case = |first| CaseRows { order, rows: RowsOfCase::Endless { first, step: cases } };
        let cases = (0..cases).map(case).collect();
        Ok(Self { mix: None, cases, turns: Arc::default(), has_conversations: false, times: None })
    }

    /// Returns the plan with the number of turns that each row has.
    #[must_use]
    pub fn with_turns(mut self, turns: Arc<[u16]>) -> Self {
        self.has_conversations = turns.iter().any(|turns| *turns > 1);
        self.turns = turns;
        self
    }

    /// Returns the plan with the times at which the rows are sent, in file order.
    #[must_use]
    pub fn with_times(mut self, times: Arc<[Duration]>) -> Self {
        self.times = RowTimes::new(times);
        self
    }

    /// Times at which the rows are sent; `None` if rate or concurrency determine them.
    pub const fn times(&self) -> Option<&RowTimes> {
        self.times.as_ref()
    }

    /// Row that a case sends after it has taken `taken` rows.
    pub fn row(&self, case: usize, taken: u64) -> Option<u32> {
        let CaseRows { order, rows } = self.cases.get(case)?;
        let at = order.row_at(taken);
        match rows {
            RowsOfCase::Listed(rows) => rows.get(usize::try_from(at).ok()?).copied(),
            RowsOfCase::All => u32::try_from(at).ok(),
            RowsOfCase::Endless { first, step } => u32::try_from(at).ok()?.checked_mul(*step)?.checked_add(*first),
        }
    }

    /// Returns whether the rows are generated prompts without an end. Each attempt then has a row of its own, including
    /// warm-ups and discarded attempts, so that no request repeats a prompt that the server has in its prefix cache.
    pub fn is_endless(&self) -> bool {
        self.cases.iter().any(|case| matches!(case.rows, RowsOfCase::Endless { .. }))
    }

    /// Case of the next request, after `taken` rows of all cases; `None` if there is only one.
    pub fn case_at(&self, taken: u64) -> Option<usize> {
        let Mix { order, tags } = self.mix.as_ref()?;
        tags.get(usize::try_from(order.row_at(taken)).ok()?).map(|tag| usize::from(*tag))
    }

    /// Returns whether some row has several turns.
    pub const fn has_conversations(&self) -> bool {
        self.has_conversations
    }

    /// Number of turns that a row has, at least 1.
    pub fn turns(&self, row: u32) -> u16 {
        self.turns.get(row as usize).copied().unwrap_or(1).max(1)
    }

    /// Number of rows of each case that one pass sends.
    pub fn rows_per_pass(&self) -> Vec<u32> {
        self.cases.iter().map(|c| u32::try_from(c.order.rows_per_pass()).unwrap_or(u32::MAX)).collect()
    }

    /// Returns how many of the first `requests` requests each case sends.
    pub fn divide(&self, requests: u32) -> Vec<u32> {
        let mut planned = vec![0; self.cases.len()];
        for taken in 0..requests {
            let case = self.case_at(taken.into()).unwrap_or(0);
            if let Some(planned) = planned.get_mut(case) {
                *planned += 1;
            }
        }
        planned
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tagged(tags: &[u16], sample: Sample) -> RowPlan {
        RowPlan::tagged(tags.into(), sample, 7, Shard::WHOLE).unwrap()
    }

    /// Case and row of each request of the first pass.
    fn pass(plan: &RowPlan, rows: u64) -> Vec<(usize, u32)> {
        let mut taken = vec![0; plan.cases.len()];
        let next = |all| {
            let case = plan.case_at(all).unwrap_or(0);
            taken[case] += 1;
            (case, plan.row(case, taken[case] - 1).unwrap())
        };
        (0..rows).map(next).collect()
    }

    #[test]
    fn rows_in_file_order_keep_it_across_tags() {
        let plan = tagged(&[0, 1, 1, 0, 2], Sample::Ordered);
        assert_eq!(pass(&plan, 5), [(0, 0), (1, 1), (1, 2), (0, 3), (2, 4)]);
        assert_eq!((plan.rows_per_pass(), plan.divide(3)), (vec![2, 2, 1], vec![1, 2, 0]));
    }

    #[test]
    fn a_shuffled_pass_sends_each_row_once_with_its_tag() {
        let tags: Vec<u16> = (0..1000).map(|row| row % 3).collect();
        let plan = tagged(&tags, Sample::Shuffled);
        let mut sent = pass(&plan, 1000);
        assert!(sent.iter().all(|(case, row)| u16::try_from(*case) == Ok(tags[*row as usize])));
        assert!(!sent.is_sorted_by_key(|(_, row)| *row));
        sent.sort_by_key(|(_, row)| *row);
        assert!(sent.iter().map(|(_, row)| *row).eq(0..1000));
    }

    #[test]
    fn shards_share_the_rows() {
        let plans = [0, 1].map(|index| RowPlan::single(5, Sample::Shuffled, 3, Shard { index, count: 2 }).unwrap());
        let mut sent: Vec<u32> =
            plans.iter().flat_map(|p| (0..p.rows_per_pass()[0].into()).map(|k| p.row(0, k).unwrap())).collect();
        sent.sort_unstable();
        assert_eq!(sent, [0, 1, 2, 3, 4]);
    }
}

//! Assignment of the rows of a data set to the requests of a run.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::row_order::{RowOrder, RowOrderError, Sample};
use crate::domain::row_times::RowTimes;
use crate::domain::shard::Shard;

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
    /// If the shard would get no row.
    pub fn tagged(tags: Arc<[u16]>, sample: Sample, seed: u64, shard: Shard) -> Result<Self, RowOrderError> {
        if !shard.is_whole() && sample != Sample::Replace {
            return Self::block_of_first(tags.len() as u64, &tags, sample, seed, shard);
        }
        let count = number_of_cases(&tags);
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

    /// Creates the plan of this shard's block of the first `count` rows of the order, which must not draw with
    /// replacement. `tags` has the case of each row.
    ///
    /// # Errors
    ///
    /// If the shard gets no row.
    pub fn block_of_first(
        count: u64,
        tags: &[u16],
        sample: Sample,
        seed: u64,
        shard: Shard,
    ) -> Result<Self, RowOrderError> {
        let order = RowOrder::new(tags.len() as u64, sample, seed, shard)?.first(count)?;
        let block: Vec<u32> = (0..order.rows_per_pass()).map(|k| order.row_at(k) as u32).collect();
        Self::listed(&block, tags)
    }

    /// Creates the plan of rows that are sent in file order, of which shard `i` of N sends the rows `i`, `i + N`,
    /// `i + 2N` and so on. `tags` has the case of each row. The shards of a trace need rows from all of its time.
    ///
    /// # Errors
    ///
    /// If the shard gets no row.
    pub fn every_nth(tags: &[u16], shard: Shard) -> Result<Self, RowOrderError> {
        let rows: Vec<u32> = (0..tags.len() as u32).filter(|row| shard.has_row(*row)).collect();
        if rows.is_empty() && !tags.is_empty() {
            return Err(RowOrderError::TooManyShards { count: shard.count, rows: tags.len() as u64 });
        }
        Self::listed(&rows, tags)
    }

    /// Creates the plan of rows in this order. `tags` has the case of each row of the source. A further pass sends the
    /// rows in the same order.
    fn listed(rows: &[u32], tags: &[u16]) -> Result<Self, RowOrderError> {
        let mut of_cases: Vec<Vec<u32>> = vec![Vec::new(); number_of_cases(tags)];
        let mut tags_in_order = Vec::with_capacity(rows.len());
        for row in rows {
            let tag = tags.get(*row as usize).copied().unwrap_or_default();
            tags_in_order.push(tag);
            if let Some(of_case) = of_cases.get_mut(usize::from(tag)) {
                of_case.push(*row);
            }
        }
        let case = |rows: Vec<u32>| {
            // A case without a row in this shard sends nothing.
            let order = RowOrder::new(rows.len().max(1) as u64, Sample::Ordered, 0, Shard::WHOLE)?;
            Ok(CaseRows { order, rows: RowsOfCase::Listed(rows.into()) })
        };
        let order = RowOrder::new(rows.len() as u64, Sample::Ordered, 0, Shard::WHOLE)?;
        let cases = of_cases.into_iter().map(case).collect::<Result<_, RowOrderError>>()?;
        let mix = Some(Mix { order, tags: tags_in_order.into() });
        Ok(Self { mix, cases, turns: Arc::default(), has_conversations: false, times: None })
    }

    /// Creates the plan of generated prompts, whose number is not limited. Of `cases` cases in one process, case `c` sends
    /// the rows `c`, `c + cases`, `c + 2 * cases` and so on. With shards, the rows of a case go to the shards in turn, so
    /// that no two requests of a run send the same row.
    ///
    /// # Errors
    ///
    /// If there are no cases, or more cases than rows.
    pub fn endless(cases: u32, shard: Shard) -> Result<Self, RowOrderError> {
        let step = u64::from(cases).saturating_mul(shard.count);
        let rows = u64::from(u32::MAX) / step.max(1);
        let order = RowOrder::new(if cases == 0 { 0 } else { rows }, Sample::Ordered, 0, Shard::WHOLE)?;
        let first = u64::from(cases).saturating_mul(shard.index);
        let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        let case = |case: u32| {
            let rows = RowsOfCase::Endless { first: number(first + u64::from(case)), step: number(step) };
            CaseRows { order, rows }
        };
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
        let rows = |case: &CaseRows| match &case.rows {
            RowsOfCase::Listed(rows) if rows.is_empty() => 0,
            _ => u32::try_from(case.order.rows_per_pass()).unwrap_or(u32::MAX),
        };
        self.cases.iter().map(rows).collect()
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

fn number_of_cases(tags: &[u16]) -> usize {
    tags.iter().max().map_or(0, |last| usize::from(*last) + 1)
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

    /// Cases and rows that all shards send in one pass, and their number of cases.
    fn pass_of_shards(count: u64, plan: impl Fn(Shard) -> RowPlan) -> (Vec<(usize, u32)>, usize) {
        let plans: Vec<RowPlan> = (0..count).map(|index| plan(Shard { index, count })).collect();
        let rows_of = |plan: &RowPlan| plan.rows_per_pass().iter().copied().map(u64::from).sum();
        let mut sent: Vec<(usize, u32)> = plans.iter().flat_map(|plan| pass(plan, rows_of(plan))).collect();
        sent.sort_by_key(|(_, row)| *row);
        (sent, plans[0].cases.len())
    }

    #[test]
    fn shards_send_each_tagged_row_once_even_of_rare_tags() {
        // Two rows have a tag that most of the five shards never send.
        let tags: Arc<[u16]> = (0..101).map(|row| if row % 50 == 7 { 2 } else { row % 2 }).collect();
        let expected: Vec<(usize, u32)> = tags.iter().map(|tag| usize::from(*tag)).zip(0..).collect();
        for sample in [Sample::Ordered, Sample::Shuffled] {
            let shards = pass_of_shards(5, |shard| RowPlan::tagged(Arc::clone(&tags), sample, 9, shard).unwrap());
            assert_eq!(shards, (expected.clone(), 3), "{sample:?}");
        }
        let nth = pass_of_shards(5, |shard| RowPlan::every_nth(&tags, shard).unwrap());
        assert_eq!(nth, (expected, 3));
        let third = RowPlan::every_nth(&tags, Shard { index: 3, count: 5 }).unwrap();
        assert_eq!(pass(&third, 3), [(1, 3), (0, 8), (1, 13)]);
    }

    #[test]
    fn shards_write_different_prompts() {
        let rows = |index| {
            let plan = RowPlan::endless(2, Shard { index, count: 3 }).unwrap();
            [plan.row(0, 0), plan.row(1, 0), plan.row(0, 1)].map(Option::unwrap)
        };
        assert_eq!([0, 1, 2].map(rows), [[0, 1, 6], [2, 3, 8], [4, 5, 10]]);
    }

    #[test]
    fn shards_of_the_first_rows_send_what_one_process_sends() {
        let tags = vec![0; 11];
        for (sample, count, shards) in [(Sample::Ordered, 8, 3), (Sample::Shuffled, 7, 2), (Sample::Shuffled, 11, 4)] {
            let whole = RowPlan::single(11, sample, 5, Shard::WHOLE).unwrap();
            let mut expected = pass(&whole, count);
            expected.sort_by_key(|(_, row)| *row);
            let sent = pass_of_shards(shards, |shard| RowPlan::block_of_first(count, &tags, sample, 5, shard).unwrap());
            assert_eq!(sent, (expected, 1), "{sample:?} {count}");
        }
    }
}

//! Shards: processes that share a run, each with a journal of its own, and the run that they are merged into.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::spread::Spread;
use crate::domain::attempt::{AttemptRecord, AttemptStatus};
use crate::domain::hypothesis_test::{DifferenceTest, Estimate, holm, welch};
use crate::domain::live::EngineLag;
use crate::domain::load_stages::LoadStages;
use crate::domain::metrics::TTFT;
use crate::domain::session::{Plan, Session};

/// Load of all shards together. Each shard keeps it beside its own part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WholeRun {
    /// Amount of work.
    pub plan: Plan,
    /// Concurrencies of a sweep; empty without one.
    pub sweep: Vec<usize>,
    /// Loads one after another; `None` without stages.
    pub load_stages: Option<LoadStages>,
    /// Checksum of what all shards send and under which load.
    pub digest: String,
}

/// A shard of a merged run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShardRun {
    /// Number of the shard, from 0.
    pub rank: u64,
    /// Number of shards of the run, present or not.
    pub of: u64,
    /// Run of the shard. The ids of its requests begin with it.
    pub run_id: String,
    /// Machine of the shard.
    pub hostname: String,
    /// Wall time of its first request after that of the earliest shard, milliseconds. The machines' clocks may differ.
    pub started_after_ms: f64,
    /// Whether all its work was done.
    pub is_complete: bool,
    /// Delay of the thread that read its streams.
    pub lag: EngineLag,
}

impl ShardRun {
    /// Returns whether the shard sent a request with this id.
    pub fn sent(&self, request_id: &str) -> bool {
        request_id.strip_prefix(&*self.run_id).is_some_and(|rest| rest.starts_with('-'))
    }
}

/// Describes a merged run in a few words: how many shards it has, and how many should be there.
pub fn shard_count(shards: &[ShardRun]) -> Option<String> {
    let of = shards.first()?.of;
    let complete = shards.iter().filter(|shard| shard.is_complete).count() as u64;
    Some(if complete == of { format!("{of} shards") } else { format!("incomplete: {complete} of {of} shards") })
}

/// Returns whether all shards of a run are there and did all their work.
pub fn are_complete(shards: &[ShardRun]) -> bool {
    let of = shards.first().map_or(0, |shard| shard.of);
    shards.len() as u64 == of && shards.iter().all(|shard| shard.is_complete)
}

/// Names the shards that are missing or interrupted, with the next step, one sentence each.
pub fn left_to_do(shards: &[ShardRun]) -> Vec<String> {
    let of = shards.first().map_or(0, |shard| shard.of);
    let is_there = |rank: &u64| shards.iter().any(|shard| shard.rank == *rank);
    let missing: Vec<String> = (0..of).filter(|rank| !is_there(rank)).take(MAX_NAMED).map(|n| n.to_string()).collect();
    let absent = (!missing.is_empty()).then(|| {
        let more = if (shards.len() as u64).saturating_add(MAX_NAMED as u64) < of { " and others" } else { "" };
        format!("Missing: shard {}{more}. Merge again with all shards.", missing.join(", "))
    });
    let interrupted = shards.iter().filter(|shard| !shard.is_complete).map(|shard| {
        let ShardRun { rank, run_id, .. } = shard;
        format!("Shard {rank} was interrupted: run `tokscope resume {run_id}`, then merge again.")
    });
    absent.into_iter().chain(interrupted.take(MAX_NAMED)).collect()
}

/// Maximum number of shards that are named one by one.
const MAX_NAMED: usize = 8;

/// Figures of one shard of a merged run.
#[derive(Clone, Debug)]
pub struct ShardFigures<'a> {
    /// The shard.
    pub shard: &'a ShardRun,
    /// Measured requests that ended, complete or failed.
    pub attempts: usize,
    /// Failed requests among them.
    pub failed: usize,
    /// Output tokens of the complete answers.
    pub output_tokens: u64,
    /// Time to first token of the complete answers, milliseconds.
    pub ttft_ms: Option<Spread>,
    /// Factor by which the shard's TTFT differs from that of the others for the same cases; `None` unless it differs by
    /// more than [`MIN_DIFFERENCE`], and by more than chance.
    pub ttft_factor: Option<f64>,
}

/// Smallest relative difference of a shard's TTFT that is named.
pub const MIN_DIFFERENCE: f64 = 0.1;

/// Level of significance at which a shard is named. It is strict, because a run has many requests and one report many
/// shards.
const NAMED_LEVEL: f64 = 0.01;

/// Returns the figures of each shard of a merged run; empty for other runs.
pub fn figures<'a>(shards: &'a [ShardRun], session: &Session) -> Vec<ShardFigures<'a>> {
    if shards.is_empty() {
        return Vec::new();
    }
    let mut samples: Vec<Samples> = shards.iter().map(|_| Samples::default()).collect();
    for attempt in session.attempts().filter(|attempt| !attempt.warmup && !attempt.abandoned) {
        let Some(record) = attempt.record() else { continue };
        let place = shards.iter().position(|shard| shard.sent(&record.request_id));
        if let Some(samples) = place.and_then(|place| samples.get_mut(place)) {
            samples.add(&record, attempt.is_failed());
        }
    }
    let factors = ttft_factors(&samples);
    let figures = |((shard, samples), ttft_factor): ((&'a ShardRun, Samples), Option<f64>)| ShardFigures {
        shard,
        attempts: samples.attempts,
        failed: samples.failed,
        output_tokens: samples.output_tokens,
        ttft_ms: Spread::from_values(samples.ttft_ms),
        ttft_factor,
    };
    shards.iter().zip(samples).zip(factors).map(figures).collect()
}

/// Requests of a shard.
#[derive(Default)]
struct Samples {
    attempts: usize,
    failed: usize,
    output_tokens: u64,
    /// Case and TTFT of each complete answer.
    ttft_ms: Vec<(usize, f64)>,
}

impl Samples {
    fn add(&mut self, record: &AttemptRecord, is_failed: bool) {
        self.attempts += 1;
        self.failed += usize::from(is_failed);
        if record.status == AttemptStatus::Ok {
            self.output_tokens = self.output_tokens.saturating_add(record.usage.completion_tokens.unwrap_or_default());
            self.ttft_ms.extend((TTFT.get)(record).filter(|ms| *ms > 0.0).map(|ms| (record.id.case, ms)));
        }
    }
}

/// Compares each shard with the others: Welch's test of the logarithms of TTFT, less the mean of their case, because the
/// shards may send the cases in different shares. Holm's correction over the shards.
fn ttft_factors(samples: &[Samples]) -> Vec<Option<f64>> {
    let mut cases: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
    for (case, ms) in samples.iter().flat_map(|samples| &samples.ttft_ms) {
        let (sum, n) = cases.entry(*case).or_default();
        (*sum, *n) = (*sum + ms.ln(), *n + 1.0);
    }
    let residual = |(case, ms): &(usize, f64)| ms.ln() - cases.get(case).map_or(0.0, |(sum, n)| sum / n);
    let residuals: Vec<Vec<f64>> = samples.iter().map(|s| s.ttft_ms.iter().map(residual).collect()).collect();
    let test = |place: usize| {
        let (own, others): (Vec<_>, Vec<_>) = residuals.iter().enumerate().partition(|(at, _)| *at == place);
        let values =
            |of: Vec<(usize, &Vec<f64>)>| -> Vec<f64> { of.into_iter().flat_map(|(_, of)| of.clone()).collect() };
        welch(estimate(&values(others))?, estimate(&values(own))?)
    };
    let tests: Vec<Option<DifferenceTest>> = (0..samples.len()).map(test).collect();
    let corrected = holm(&tests.iter().map(|test| test.map_or(1.0, |test| test.p_value)).collect::<Vec<_>>());
    let factor = |(test, p_value): (Option<DifferenceTest>, f64)| {
        let factor = test?.difference.exp();
        (p_value < NAMED_LEVEL && (factor - 1.0).abs() > MIN_DIFFERENCE).then_some(factor)
    };
    tests.into_iter().zip(corrected).map(factor).collect()
}

fn estimate(values: &[f64]) -> Option<Estimate> {
    let (count, freedom) = (values.len() as f64, values.len().checked_sub(1)?);
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some(Estimate { mean, standard_error: (squares / (freedom.max(1) as f64) / count).sqrt(), freedom })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(count: u32, ms: impl Fn(u32) -> f64) -> Samples {
        Samples { ttft_ms: (0..count).map(|n| ((n % 3) as usize, ms(n))).collect(), ..Samples::default() }
    }

    /// A spread of ±20% that is the same in every shard.
    fn spread(n: u32) -> f64 {
        0.8 + f64::from(n * 7 % 41) / 100.0
    }

    #[test]
    fn a_slow_shard_is_named_with_its_factor() {
        let shards = [1.0, 1.0, 1.5, 1.0].map(|factor| samples(60, |n| 100.0 * factor * spread(n)));
        let factors = ttft_factors(&shards);
        let rounded: Vec<Option<f64>> = factors.iter().map(|f| f.map(|f| (f * 100.0).round() / 100.0)).collect();
        assert_eq!(rounded[2], Some(1.5));
        assert!(rounded.iter().enumerate().all(|(place, factor)| place == 2 || factor.is_none_or(|f| f < 1.0)));
    }

    #[test]
    fn equal_shards_and_shards_with_other_cases_are_not_named() {
        let equal = [0, 13, 29, 31].map(|shift| samples(60, |n| 100.0 * spread(n + shift)));
        assert_eq!(ttft_factors(&equal), [None; 4]);
        // One case takes ten times as long, and only the first shard sends it often.
        let of_case = |n: u32, slow: u32| if n < slow { (1, 1000.0 * spread(n)) } else { (0, 100.0 * spread(n)) };
        let mixed =
            [40, 5].map(|slow| Samples { ttft_ms: (0..60).map(|n| of_case(n, slow)).collect(), ..Samples::default() });
        assert_eq!(ttft_factors(&mixed), [None; 2]);
        assert_eq!(ttft_factors(&[samples(1, |_| 1.0), samples(0, |_| 1.0)]), [None; 2]);
    }

    #[test]
    fn requests_belong_to_the_shard_whose_run_they_name() {
        let run = |id: &str| ShardRun {
            rank: 0,
            of: 2,
            run_id: id.into(),
            hostname: String::new(),
            started_after_ms: 0.0,
            is_complete: true,
            lag: EngineLag::default(),
        };
        assert!(run("ts-a-1").sent("ts-a-1-3-4"));
        assert!(!run("ts-a-1").sent("ts-a-12-3-4") && !run("ts-a-1").sent("ts-b-1-3-4"));
        assert_eq!(shard_count(&[run("a"), run("b")]).unwrap(), "2 shards");
        assert_eq!(shard_count(&[run("a")]).unwrap(), "incomplete: 1 of 2 shards");
        assert_eq!(shard_count(&[]), None);
        let cut = ShardRun { rank: 1, of: 4, is_complete: false, ..run("ts-b") };
        let whole = ShardRun { of: 4, ..run("ts-a") };
        let cut_off = "Shard 1 was interrupted: run `tokscope resume ts-b`, then merge again.";
        assert_eq!(left_to_do(&[whole, cut]), ["Missing: shard 2, 3. Merge again with all shards.", cut_off]);
        assert!(left_to_do(&[run("ts-a"), ShardRun { rank: 1, ..run("ts-b") }]).is_empty());
    }
}

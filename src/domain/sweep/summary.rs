//! Findings about a whole sweep: the best stage, saturation, the SLO limit and the totals.

use std::time::Duration;

use super::{SaturatedFromStart, Stage, knee, no_knee_up_to, saturated_from_start, slo_summary, stages};
use crate::domain::attempt::TokenSource;
use crate::domain::session::{AttemptState, Session};
use crate::domain::tally::Tally;

/// Minimum share of the highest throughput for a stage to count as equally good: smaller differences are noise.
const AS_GOOD: f64 = 0.99;

/// Returns the stage with the highest throughput, of equally good ones that with the lowest concurrency; `None` if no
/// stage has a throughput. A stage that does not [fill its slots](Stage::fills_slots) counts only if none does, because
/// its throughput is not that of its concurrency.
pub fn best(stages: &[Stage]) -> Option<&Stage> {
    let is_any_filled = stages.iter().any(|stage| stage.fills_slots() && stage.throughput_per_s().is_some());
    let counted = || stages.iter().filter(|stage| stage.fills_slots() || !is_any_filled);
    let most = counted().filter_map(Stage::throughput_per_s).reduce(f64::max)?;
    let good =
        counted().filter(|stage| stage.throughput_per_s().is_some_and(|throughput| throughput >= most * AS_GOOD));
    good.min_by_key(|stage| stage.concurrency)
}

/// Throughput of ideal scaling, tokens per second: each stream would be as fast as the streams at the lowest
/// concurrency. `None` if the stage with the lowest concurrency has no throughput.
pub fn ideal_throughput(stages: &[Stage], concurrency: usize) -> Option<f64> {
    let first = stages.iter().min_by_key(|s| s.concurrency)?;
    Some(first.throughput_per_s()? / first.concurrency.max(1) as f64 * concurrency as f64)
}

/// Highest concurrency at which every threshold is met. `None` without thresholds, if no stage meets them all, or if a
/// lower concurrency misses one.
pub fn slo_limit(stages: &[Stage]) -> Option<usize> {
    let mut judged: Vec<(usize, bool)> = stages.iter().filter_map(|s| Some((s.concurrency, s.slo_met?))).collect();
    judged.sort_unstable();
    let met = judged.iter().filter(|s| s.1).count();
    let without_gap: Vec<_> = judged.iter().take_while(|s| s.1).collect();
    without_gap.last().filter(|_| without_gap.len() == met).map(|s| s.0)
}

/// Saturation of the server: the load above which throughput does not grow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Saturation {
    /// The first stage already saturates the server.
    FromStart(SaturatedFromStart),
    /// Concurrency of the knee; beyond it, more load mostly adds waiting.
    Knee(usize),
    /// Not reached up to this concurrency, the highest of the sweep.
    NoneUpTo(usize),
    /// Unknown, because a knee needs three stages with figures.
    Unknown,
}

impl Saturation {
    /// Detects the saturation in the stages of a sweep.
    pub fn from_stages(stages: &[Stage]) -> Self {
        if let Some(found) = saturated_from_start(stages) {
            return Self::FromStart(found);
        }
        let knee = knee(stages).and_then(|at| stages.get(at));
        match (knee, no_knee_up_to(stages)) {
            (Some(stage), _) => Self::Knee(stage.concurrency),
            (None, Some(last)) => Self::NoneUpTo(last),
            (None, None) => Self::Unknown,
        }
    }
}

/// Result of a whole sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepSummary {
    /// The best stage; see [`best`].
    pub best: Option<Stage>,
    /// Saturation.
    pub saturation: Saturation,
    /// Concurrencies at which every threshold is met; `None` without thresholds.
    pub slo: Option<String>,
    /// Output tokens of the answers that count, of all stages.
    pub output_tokens: u64,
    /// Whether any token count is an estimate.
    pub estimated: bool,
    /// Duration of the run up to its last end; `None` before one.
    pub duration: Option<Duration>,
    /// Failed requests of all stages by kind; `None` without failures.
    pub failures: Option<String>,
}

impl SweepSummary {
    /// Summarizes the stages of a session so far; `None` without a sweep, and before a request has ended.
    pub fn from_session(session: &Session) -> Option<Self> {
        let stages = stages(session);
        stages.first()?;
        let total = Tally::from_session(session, None);
        let reported = session.cases.iter().flat_map(|case| (0..=session.stage).flat_map(|at| case.reported_in(at)));
        let counts = reported.filter_map(AttemptState::record).filter_map(|record| record.output_tokens());
        let (output_tokens, estimated) = counts.fold((0_u64, false), |(sum, estimated), (tokens, source)| {
            (sum.saturating_add(tokens), estimated || source == TokenSource::Estimate)
        });
        Some(Self {
            best: best(&stages).cloned(),
            saturation: Saturation::from_stages(&stages),
            slo: slo_summary(&stages),
            output_tokens,
            estimated,
            duration: session.last_ended.and_then(|ended| session.running_for(ended)),
            failures: total.failures(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sweep::testing::bent;

    fn sweep(points: &[(usize, f64)]) -> Vec<Stage> {
        let stage = |&(concurrency, tokens_per_s): &(usize, f64)| Stage {
            concurrency,
            tokens_per_s: Some(tokens_per_s),
            ..bent()[0].clone()
        };
        points.iter().map(stage).collect()
    }

    #[test]
    fn the_best_stage_has_the_lowest_concurrency_of_equally_good_ones() {
        let stages = sweep(&[(1, 100.0), (16, 400.0), (8, 396.5), (4, 390.0)]);
        assert_eq!(best(&stages).map(|s| s.concurrency), Some(8));
        assert_eq!(best(&[]), None);
    }

    #[test]
    fn a_stage_with_fewer_requests_than_slots_is_best_only_among_its_like() {
        let mut stages = sweep(&[(8, 400.0), (64, 600.0)]);
        assert_eq!(stages[1].requests, 20);
        assert_eq!(best(&stages).map(|s| s.concurrency), Some(8));
        stages.remove(0);
        assert_eq!(best(&stages).map(|s| s.concurrency), Some(64));
    }

    #[test]
    fn ideal_scaling_starts_at_the_lowest_concurrency() {
        let stages = sweep(&[(4, 300.0), (2, 180.0)]);
        assert_eq!(ideal_throughput(&stages, 16), Some(1440.0));
        assert_eq!(ideal_throughput(&[], 16), None);
    }

    #[test]
    fn the_saturation_is_a_knee_a_flat_start_or_none() {
        assert_eq!(Saturation::from_stages(&bent()), Saturation::Knee(4));
        let flat = sweep(&[(1, 100.0), (2, 101.0), (4, 99.0)]);
        assert!(matches!(Saturation::from_stages(&flat), Saturation::FromStart(found) if found.concurrency == 1));
        assert_eq!(Saturation::from_stages(&sweep(&[(1, 100.0), (2, 200.0), (4, 400.0)])), Saturation::NoneUpTo(4));
        assert_eq!(Saturation::from_stages(&sweep(&[(1, 100.0), (2, 200.0)])), Saturation::Unknown);
    }

    #[test]
    fn the_slo_limit_is_the_last_of_the_stages_that_meet_all_thresholds_from_the_start() {
        let limit = |judged: &[(usize, bool)]| {
            let stage =
                |&(concurrency, met): &(usize, bool)| Stage { concurrency, slo_met: Some(met), ..bent()[0].clone() };
            slo_limit(&judged.iter().map(stage).collect::<Vec<_>>())
        };
        assert_eq!(limit(&[(4, false), (1, true), (2, true)]), Some(2));
        assert_eq!(limit(&[(1, true), (2, false), (4, true)]), None);
        assert_eq!(limit(&[(1, false), (2, false)]), None);
        assert_eq!(slo_limit(&bent()), None);
    }
}

//! Differences between figures and earlier ones, and whether they exceed chance.

use std::borrow::Borrow;

use super::attempt::{AttemptRecord, TokenSource};
use super::interval::half_width_with_freedom;
use super::metrics::{Better, METRICS, Metric, Unit};
use super::prefix_cache::PrefixCache;

/// Minimum number of values whose own spread measures chance. The bounds from two values are wide.
const MIN_VALUES: usize = 2;
/// Maximum relative change that counts as chance if there are fewer than [`MIN_VALUES`].
const NOISE: f64 = 0.02;

/// Judgement of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Improvement beyond chance.
    Better,
    /// Deterioration beyond chance.
    Worse,
    /// Difference within chance.
    Same,
}

/// Result of comparing two sets of values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Difference {
    /// The values are comparable.
    Measured {
        /// Change as a share of the earlier value: 0.1 is 10% more.
        share: f64,
        /// Whether the change is an improvement.
        verdict: Verdict,
        /// Whether either value is based on an estimated number of tokens.
        estimated: bool,
    },
    /// Only one of the sets had a warm prefix cache, so their TTFTs measure different work.
    OtherCache,
}

/// Properties of answers that decide whether their figures can be compared.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Comparability {
    /// State of the prefix cache; `None` if it differs between the answers.
    cache: Option<PrefixCache>,
    estimated: bool,
}

impl Comparability {
    fn from_records(records: &[impl Borrow<AttemptRecord>]) -> Self {
        // In every run, later turns of a conversation are warm and first turns are cold.
        let are_all_later = records.iter().all(|r| r.borrow().is_later_turn());
        let decisive = records.iter().map(Borrow::borrow).filter(|r| are_all_later || !r.is_later_turn());
        let mut states = decisive.map(AttemptRecord::prefix_cache);
        let first = states.next();
        let cache = first.filter(|first| states.all(|state| state == *first));
        let estimated = records.iter().any(|r| matches!(r.borrow().output_tokens(), Some((_, TokenSource::Estimate))));
        Self { cache, estimated }
    }
}

/// Figures of complete answers, kept to compare later answers with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Values in the order of [`METRICS`], one for each answer that has the figure.
    values: Vec<Vec<f64>>,
    comparability: Comparability,
}

impl Figures {
    /// Collects the figures of these answers.
    pub fn from_records<R: Borrow<AttemptRecord>>(records: &[R]) -> Self {
        Self {
            values: METRICS.iter().map(|m| values(m, records)).collect(),
            comparability: Comparability::from_records(records),
        }
    }

    /// Returns whether there is no figure at all.
    pub fn is_empty(&self) -> bool {
        self.values.iter().all(Vec::is_empty)
    }

    /// Returns whether an output token count is an estimate.
    pub const fn is_estimated(&self) -> bool {
        self.comparability.estimated
    }

    /// State of the server's prefix cache; `None` if it differs between the answers.
    pub const fn cache(&self) -> Option<PrefixCache> {
        self.comparability.cache
    }

    /// Values of a metric, one for each answer that has the figure.
    pub fn values(&self, metric: &Metric) -> &[f64] {
        let at = METRICS.iter().position(|m| *m == metric);
        at.and_then(|at| self.values.get(at)).map_or(&[], Vec::as_slice)
    }
}

fn values(metric: &Metric, records: &[impl Borrow<AttemptRecord>]) -> Vec<f64> {
    records.iter().filter_map(|r| (metric.get)(r.borrow())).filter(|v| v.is_finite()).collect()
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Half the width of the confidence interval of the mean; `None` if there are too few values. An interval from two
/// values is too wide to show, but it keeps chance from passing as a difference.
fn half_width(values: &[f64]) -> Option<f64> {
    half_width_with_freedom([values]).map(|(half, _)| half).filter(|_| values.len() >= MIN_VALUES)
}

/// Compares the means of two sets of complete answers. Chance is given by the 95% intervals of the two means. If only
/// one set has two values, its spread is used for both; if neither has, chance is 2%. `None` if either has no value,
/// and for metrics that are neither good nor bad.
pub fn compare_means(metric: &Metric, now: &Figures, before: &Figures) -> Option<Difference> {
    let (a, b) = (now.values(metric), before.values(metric));
    // From the interval of a mean, t·s / √n, to that of a difference of two means: t·s·√(1/n + 1/m).
    let alone = |half: f64, of: &[f64], other: &[f64]| half * (1.0 + of.len() as f64 / other.len() as f64).sqrt();
    let chance = match (half_width(a), half_width(b)) {
        (Some(half_a), Some(half_b)) => Some(half_a.hypot(half_b)),
        (Some(half), None) => Some(alone(half, a, b)),
        (None, Some(half)) => Some(alone(half, b, a)),
        (None, None) => None,
    };
    judge(metric, (mean(a)?, now.comparability), (mean(b)?, before.comparability), chance)
}

fn judge(
    metric: &Metric,
    (now, now_comparability): (f64, Comparability),
    (then, then_comparability): (f64, Comparability),
    chance: Option<f64>,
) -> Option<Difference> {
    let better = metric.better?;
    // The prefix cache shortens times that begin with the request, and does not change the decode speed.
    let counts_prefill = metric.unit == Unit::Milliseconds && !metric.counts_output_tokens;
    if counts_prefill && (now_comparability.cache.is_none() || now_comparability.cache != then_comparability.cache) {
        return Some(Difference::OtherCache);
    }
    if then <= 0.0 || !now.is_finite() || !then.is_finite() {
        return None;
    }
    let is_noise = (now - then).abs() <= chance.unwrap_or(then * NOISE);
    let verdict = match (is_noise, (now < then) == (better == Better::Low)) {
        (true, _) => Verdict::Same,
        (false, true) => Verdict::Better,
        (false, false) => Verdict::Worse,
    };
    let estimated = metric.counts_output_tokens && (now_comparability.estimated || then_comparability.estimated);
    Some(Difference::Measured { share: (now - then) / then, verdict, estimated })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::attempt::{Arrival, AttemptId, AttemptStatus, TextKind};
    use crate::domain::metrics::{ITL, OUTPUT_TOKENS, SPEED, TTFT};
    use crate::domain::time::Nanos;
    use crate::domain::turn::Turn;

    /// An answer of 100 tokens: first text after `ttft_ms`, last after a second.
    fn answer(ttft_ms: u64) -> AttemptRecord {
        let mut record = AttemptRecord::started(AttemptId::default(), false, String::new(), String::new(), Nanos(0));
        let arrival = |ms| Arrival { at: Nanos::from_millis(ms), kind: TextKind::Answer, coalesced: false };
        record.arrivals = (0..=20).map(|i| arrival(ttft_ms + (1000 - ttft_ms) * i / 20)).collect();
        record.usage.completion_tokens = Some(100);
        record.status = AttemptStatus::Ok;
        record
    }

    fn last(metric: &Metric, records: &[AttemptRecord]) -> Option<Difference> {
        let [.., before, last] = records else { return None };
        means(metric, std::slice::from_ref(last), std::slice::from_ref(before))
    }

    fn means(metric: &Metric, now: &[AttemptRecord], before: &[AttemptRecord]) -> Option<Difference> {
        let before = Figures::from_records(&before.iter().collect::<Vec<_>>());
        compare_means(metric, &Figures::from_records(now), &before)
    }

    fn verdict(difference: Option<Difference>) -> Option<Verdict> {
        match difference {
            Some(Difference::Measured { verdict, .. }) => Some(verdict),
            _ => None,
        }
    }

    #[test]
    fn less_time_is_better_and_less_speed_is_worse() {
        let comparability = last(&TTFT, &[answer(200), answer(150)]);
        assert_eq!(
            comparability,
            Some(Difference::Measured { share: -0.25, verdict: Verdict::Better, estimated: false })
        );
        assert_eq!(verdict(last(&TTFT, &[answer(150), answer(200)])), Some(Verdict::Worse));
        let (mut slow, mut fast) = (answer(200), answer(200));
        slow.usage.completion_tokens = Some(50);
        fast.usage.completion_tokens = Some(100);
        assert_eq!(verdict(last(&SPEED, &[fast.clone(), slow.clone()])), Some(Verdict::Worse));
        assert_eq!(verdict(last(&SPEED, &[slow, fast])), Some(Verdict::Better));
    }

    #[test]
    fn with_few_values_two_percent_count_as_chance() {
        assert_eq!(verdict(last(&TTFT, &[answer(500), answer(510)])), Some(Verdict::Same));
        assert_eq!(verdict(last(&TTFT, &[answer(500), answer(511)])), Some(Verdict::Worse));
        assert_eq!(verdict(means(&TTFT, &[answer(489)], &[answer(500)])), Some(Verdict::Better));
    }

    #[test]
    fn with_more_values_their_spread_defines_chance() {
        // s = 10, t = 4.3027: two means of three values may differ by 35.1.
        let before = [answer(490), answer(500), answer(510)];
        let moved = |by: u64| [answer(490 + by), answer(500 + by), answer(510 + by)];
        assert_eq!(verdict(means(&TTFT, &moved(35), &before)), Some(Verdict::Same));
        assert_eq!(verdict(means(&TTFT, &moved(36), &before)), Some(Verdict::Worse));
        // One value compared with these three may differ by t·s·√(1/3 + 1) = 49.7.
        assert_eq!(verdict(means(&TTFT, &[answer(549)], &before)), Some(Verdict::Same));
        assert_eq!(verdict(means(&TTFT, &[answer(550)], &before)), Some(Verdict::Worse));
        assert_eq!(verdict(means(&TTFT, &before, &[answer(549)])), Some(Verdict::Same));
        // Two values hardly show their spread: s = 5 · √2, t = 12.7062, so one value may differ by t·s·√(1/2 + 1) =
        // 110.
        let two = [answer(500), answer(510)];
        assert_eq!(verdict(means(&TTFT, &[answer(505 + 110)], &two)), Some(Verdict::Same));
        assert_eq!(verdict(means(&TTFT, &[answer(505 + 111)], &two)), Some(Verdict::Worse));
        // If the earlier values do not vary at all, even the smallest change is a difference.
        let still = [answer(500), answer(500), answer(500)];
        assert_eq!(verdict(means(&TTFT, &[answer(501)], &still)), Some(Verdict::Worse));
    }

    #[test]
    fn a_warm_ttft_is_not_compared_with_a_cold_one_but_the_decode_speed_is() {
        let with = |cached| {
            let mut record = answer(200);
            record.usage.prompt_tokens = Some(100);
            record.usage.cached_tokens = Some(cached);
            record
        };
        assert_eq!(last(&TTFT, &[with(0), with(90)]), Some(Difference::OtherCache));
        assert_eq!(verdict(last(&TTFT, &[with(80), with(90)])), Some(Verdict::Same));
        assert_eq!(means(&TTFT, &[with(0)], &[with(0), with(90)]), Some(Difference::OtherCache));
        assert_eq!(verdict(last(&ITL, &[with(0), with(90)])), Some(Verdict::Same));
    }

    #[test]
    fn later_turns_that_are_warm_do_not_prevent_a_comparison() {
        let turn = |number, cached, ttft_ms| {
            let mut record = answer(ttft_ms);
            record.turn = Some(Turn { number, ..Turn::first(1, 2) });
            (record.usage.prompt_tokens, record.usage.cached_tokens) = (Some(100), Some(cached));
            record
        };
        let conversation = |first_cached, ttft_ms| [turn(1, first_cached, ttft_ms), turn(2, 90, ttft_ms)];
        assert_eq!(verdict(means(&TTFT, &conversation(0, 200), &conversation(0, 200))), Some(Verdict::Same));
        assert_eq!(means(&TTFT, &conversation(90, 200), &conversation(0, 200)), Some(Difference::OtherCache));
        assert_eq!(means(&TTFT, &[turn(2, 90, 200)], &[turn(1, 0, 200)]), Some(Difference::OtherCache));
    }

    #[test]
    fn missing_values_have_no_difference_and_estimates_are_marked() {
        assert_eq!((last(&TTFT, &[answer(1)]), last(&TTFT, &[])), (None, None));
        assert_eq!(means(&TTFT, &[answer(1)], &[]), None);
        assert_eq!(last(&OUTPUT_TOKENS, &[answer(1), answer(2)]), None);
        let mut estimated_answer = answer(200);
        estimated_answer.usage.completion_tokens = None;
        let comparability = |metric| last(metric, &[answer(200), estimated_answer.clone()]);
        assert!(matches!(comparability(&SPEED), Some(Difference::Measured { estimated: true, .. })));
        assert!(matches!(comparability(&TTFT), Some(Difference::Measured { estimated: false, .. })));
        assert!(
            Figures::from_records::<AttemptRecord>(&[]).is_empty()
                && !Figures::from_records(&[&estimated_answer]).is_empty()
        );
    }
}

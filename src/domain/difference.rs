//! How far figures are from earlier ones, and whether that is more than chance.

use std::borrow::Borrow;

use super::attempt::{AttemptRecord, TokenSource};
use super::interval::mean_half_width;
use super::metrics::{Better, METRICS, Metric, Unit};
use super::prefix_cache::PrefixCache;

/// From so many figures on, their own spread tells what chance does. Of two it tells little: the bounds are wide then.
const ENOUGH: usize = 2;
/// With fewer: less than so much of the figure before is no difference.
const NOISE: f64 = 0.02;

/// What a difference means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// More than chance, the good way.
    Better,
    /// More than chance, the other way.
    Worse,
    /// No more than chance.
    Same,
}

/// What there is to say of two sets of figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Difference {
    /// They can be compared.
    Of {
        /// Of the figure before: 0.1 is a tenth more.
        share: f64,
        /// Whether that is good.
        verdict: Verdict,
        /// One of them rests on an estimated number of tokens.
        estimated: bool,
    },
    /// One is of a warm prefix cache, the other is not: their TTFTs are of different work.
    OtherCache,
}

/// What must be known of answers before their figures are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Comparability {
    /// What all their prefix caches were; `None` where they differ.
    cache: Option<PrefixCache>,
    estimated: bool,
}

impl Comparability {
    fn from_records(records: &[impl Borrow<AttemptRecord>]) -> Self {
        let first = records.first().map(|r| r.borrow().prefix_cache());
        let cache = first.filter(|first| records.iter().all(|r| r.borrow().prefix_cache() == *first));
        let estimated = records.iter().any(|r| matches!(r.borrow().output_tokens(), Some((_, TokenSource::Estimate))));
        Self { cache, estimated }
    }
}

/// The figures of some whole answers, to compare later ones with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// In the order of [`METRICS`]; of each answer that has one.
    values: Vec<Vec<f64>>,
    told: Comparability,
}

impl Figures {
    /// Those of these answers.
    pub fn from_records<R: Borrow<AttemptRecord>>(records: &[R]) -> Self {
        Self {
            values: METRICS.iter().map(|m| values(m, records)).collect(),
            told: Comparability::from_records(records),
        }
    }

    /// Whether there is no figure at all.
    pub fn is_empty(&self) -> bool {
        self.values.iter().all(Vec::is_empty)
    }

    fn of_metric(&self, metric: &Metric) -> &[f64] {
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

/// Half the interval of the mean, where there are enough figures for one.
fn half_width(values: &[f64]) -> Option<f64> {
    if values.len() >= ENOUGH { mean_half_width([values]) } else { None }
}

/// The mean of some whole answers against that of earlier ones. Chance is what the 95 % intervals of the two means leave
/// open; where only one of them has two figures, its spread stands for both; where neither has, two per cent. `None` where
/// either has no figure, and for what is neither good nor bad.
pub fn of_means(metric: &Metric, now: &Figures, before: &Figures) -> Option<Difference> {
    let (a, b) = (now.of_metric(metric), before.of_metric(metric));
    // From the mean's interval, t·s / √n, to that of a difference of two means: t·s·√(1/n + 1/m).
    let alone = |half: f64, of: &[f64], other: &[f64]| half * (1.0 + of.len() as f64 / other.len() as f64).sqrt();
    let chance = match (half_width(a), half_width(b)) {
        (Some(half_a), Some(half_b)) => Some(half_a.hypot(half_b)),
        (Some(half), None) => Some(alone(half, a, b)),
        (None, Some(half)) => Some(alone(half, b, a)),
        (None, None) => None,
    };
    judged(metric, (mean(a)?, now.told), (mean(b)?, before.told), chance)
}

/// The last of whole answers, oldest first, against the one before it. Chance is, where two came before it, what 95 % of
/// two single figures with their spread keep within; else two per cent. `None` as for [`of_means`].
pub fn of_last(metric: &Metric, records: &[impl Borrow<AttemptRecord>]) -> Option<Difference> {
    let [earlier @ .., last] = records else { return None };
    let (last, before) = (last.borrow(), earlier.last()?.borrow());
    let spread = values(metric, earlier);
    // From the mean's interval, t·s / √n, to that of a difference of two: t·s·√2.
    let chance = half_width(&spread).map(|half| half * (2.0 * spread.len() as f64).sqrt());
    judged(
        metric,
        ((metric.get)(last)?, Comparability::from_records(&[last])),
        ((metric.get)(before)?, Comparability::from_records(&[before])),
        chance,
    )
}

fn judged(
    metric: &Metric,
    (now, of_now): (f64, Comparability),
    (then, of_then): (f64, Comparability),
    chance: Option<f64>,
) -> Option<Difference> {
    let better = metric.better?;
    // The cache shortens what is timed from the request; the flow of tokens it leaves as it is.
    let counts_prefill = metric.unit == Unit::Milliseconds && !metric.counts_output_tokens;
    if counts_prefill && (of_now.cache.is_none() || of_now.cache != of_then.cache) {
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
    let estimated = metric.counts_output_tokens && (of_now.estimated || of_then.estimated);
    Some(Difference::Of { share: (now - then) / then, verdict, estimated })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::attempt::{Arrival, AttemptId, AttemptStatus, TextKind};
    use crate::domain::metrics::{ITL, OUTPUT_TOKENS, SPEED, TTFT};
    use crate::domain::time::Nanos;

    /// An answer of 100 tokens: the first after `ttft_ms`, the last after a second.
    fn answer(ttft_ms: u64) -> AttemptRecord {
        let mut record = AttemptRecord::started(AttemptId::default(), false, String::new(), String::new(), Nanos(0));
        let arrival = |ms| Arrival { at: Nanos::from_millis(ms), kind: TextKind::Answer, coalesced: false };
        record.arrivals = (0..=20).map(|i| arrival(ttft_ms + (1000 - ttft_ms) * i / 20)).collect();
        record.usage.completion_tokens = Some(100);
        record.status = AttemptStatus::Ok;
        record
    }

    fn last(metric: &Metric, records: &[AttemptRecord]) -> Option<Difference> {
        of_last(metric, &records.iter().collect::<Vec<_>>())
    }

    fn means(metric: &Metric, now: &[AttemptRecord], before: &[AttemptRecord]) -> Option<Difference> {
        let before = Figures::from_records(&before.iter().collect::<Vec<_>>());
        of_means(metric, &Figures::from_records(now), &before)
    }

    fn verdict(difference: Option<Difference>) -> Option<Verdict> {
        match difference {
            Some(Difference::Of { verdict, .. }) => Some(verdict),
            _ => None,
        }
    }

    #[test]
    fn less_time_is_better_and_less_speed_is_worse() {
        let told = last(&TTFT, &[answer(200), answer(150)]);
        assert_eq!(told, Some(Difference::Of { share: -0.25, verdict: Verdict::Better, estimated: false }));
        assert_eq!(verdict(last(&TTFT, &[answer(150), answer(200)])), Some(Verdict::Worse));
        let (mut slow, mut fast) = (answer(200), answer(200));
        slow.usage.completion_tokens = Some(50);
        fast.usage.completion_tokens = Some(100);
        assert_eq!(verdict(last(&SPEED, &[fast.clone(), slow.clone()])), Some(Verdict::Worse));
        assert_eq!(verdict(last(&SPEED, &[slow, fast])), Some(Verdict::Better));
    }

    #[test]
    fn with_few_figures_two_per_cent_are_chance() {
        assert_eq!(verdict(last(&TTFT, &[answer(500), answer(510)])), Some(Verdict::Same));
        assert_eq!(verdict(last(&TTFT, &[answer(500), answer(511)])), Some(Verdict::Worse));
        assert_eq!(verdict(means(&TTFT, &[answer(489)], &[answer(500)])), Some(Verdict::Better));
    }

    #[test]
    fn with_more_figures_their_own_spread_is_chance() {
        // s = 10, t = 4.3027: two single ones may be 60.8 apart, two means of three 35.1.
        let before = [answer(490), answer(500), answer(510)];
        let with = |ms| [&before[..], &[answer(ms)]].concat();
        assert_eq!(verdict(last(&TTFT, &with(510 + 60))), Some(Verdict::Same));
        assert_eq!(verdict(last(&TTFT, &with(510 + 61))), Some(Verdict::Worse));
        let moved = |by: u64| [answer(490 + by), answer(500 + by), answer(510 + by)];
        assert_eq!(verdict(means(&TTFT, &moved(35), &before)), Some(Verdict::Same));
        assert_eq!(verdict(means(&TTFT, &moved(36), &before)), Some(Verdict::Worse));
        // One against them: t·s·√(1/3 + 1), so 49.7.
        assert_eq!(verdict(means(&TTFT, &[answer(549)], &before)), Some(Verdict::Same));
        assert_eq!(verdict(means(&TTFT, &[answer(550)], &before)), Some(Verdict::Worse));
        assert_eq!(verdict(means(&TTFT, &before, &[answer(549)])), Some(Verdict::Same));
        // Of two the spread is hardly known: s = 5 · √2, t = 12.7062, and 127 lie within.
        let two = |ms| [answer(500), answer(510), answer(ms)];
        assert_eq!(verdict(last(&TTFT, &two(510 + 127))), Some(Verdict::Same));
        assert_eq!(verdict(last(&TTFT, &two(510 + 128))), Some(Verdict::Worse));
        // Without any spread the least is a difference.
        let still = [answer(500), answer(500), answer(500), answer(501)];
        assert_eq!(verdict(last(&TTFT, &still)), Some(Verdict::Worse));
    }

    #[test]
    fn a_warm_ttft_is_not_compared_with_a_cold_one_but_the_speed_of_decoding_is() {
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
    fn what_is_not_there_has_no_difference_and_estimates_say_so() {
        assert_eq!((last(&TTFT, &[answer(1)]), last(&TTFT, &[])), (None, None));
        assert_eq!(means(&TTFT, &[answer(1)], &[]), None);
        assert_eq!(last(&OUTPUT_TOKENS, &[answer(1), answer(2)]), None);
        let mut guessed = answer(200);
        guessed.usage.completion_tokens = None;
        let told = |metric| last(metric, &[answer(200), guessed.clone()]);
        assert!(matches!(told(&SPEED), Some(Difference::Of { estimated: true, .. })));
        assert!(matches!(told(&TTFT), Some(Difference::Of { estimated: false, .. })));
        assert!(
            Figures::from_records::<AttemptRecord>(&[]).is_empty() && !Figures::from_records(&[&guessed]).is_empty()
        );
    }
}

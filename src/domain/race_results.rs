//! Result of a race: who is faster at what, by how much, how sure, and where the answers differ.
//!
//! Each block gives one difference per metric: the mean, over its cases, of ln(B / A). Blocks are pairs in time, so drift and
//! heat cancel.

use std::borrow::Borrow;

use super::attempt::AttemptRecord;
use super::interval::newcombe_interval;
use super::metrics::{Better, Metric, OUTPUT_TOKENS};
use super::pass_rate::PassRate;
use super::race::{ERROR_RATE, MAX_BLOCKS, RACED, Race};
use super::symmetry_sequence::centre_interval;

/// Verdict of a race on one metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RaceVerdict {
    /// Side A is better.
    A,
    /// Side B is better.
    B,
    /// The difference is smaller than the margin.
    NoDifference,
    /// More blocks are needed.
    Undecided,
}

impl RaceVerdict {
    /// Name in `results.json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
            Self::NoDifference => "no_difference",
            Self::Undecided => "undecided",
        }
    }

    /// Name on screen and in reports.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::A => "A better",
            Self::B => "B better",
            Self::NoDifference => "no difference",
            Self::Undecided => "undecided",
        }
    }

    /// Verdict on a metric from the interval of ln(B / A), and the logarithm of the largest ratio that counts as equal.
    fn new(metric: &Metric, interval: Option<(f64, f64)>, log_margin: f64) -> Self {
        let Some((low, high)) = interval else { return Self::Undecided };
        if low >= -log_margin && high <= log_margin {
            return Self::NoDifference;
        }
        let is_low_better = metric.better != Some(Better::High);
        match (low > 0.0, high < 0.0) {
            (true, _) => {
                if is_low_better {
                    Self::A
                } else {
                    Self::B
                }
            }
            (_, true) => {
                if is_low_better {
                    Self::B
                } else {
                    Self::A
                }
            }
            _ => Self::Undecided,
        }
    }
}

/// Difference of the sides in one metric.
#[derive(Clone, Copy, Debug)]
pub struct RaceDifference {
    /// The metric.
    pub metric: &'static Metric,
    /// Geometric means of the sides over all pairs, in the metric's unit.
    pub means: [f64; 2],
    /// Interval of ln(B / A); `None` while there are too few blocks.
    pub interval: Option<(f64, f64)>,
    /// Blocks with at least one pair.
    pub blocks: usize,
    /// The verdict.
    pub verdict: RaceVerdict,
}

impl RaceDifference {
    /// Name of the metric on screen and in reports.
    pub fn label(&self) -> &'static str {
        self.metric.slo.as_ref().map_or(self.metric.label, |slo| slo.label)
    }

    /// Difference of B from A, percent of A.
    pub fn percent(&self) -> f64 {
        percent((self.means[1] / self.means[0]).ln())
    }

    /// Interval of [`Self::percent`].
    pub fn interval_percent(&self) -> Option<[f64; 2]> {
        self.interval.map(|(low, high)| [percent(low), percent(high)])
    }
}

/// Difference in percent of a logarithm of a ratio.
pub fn percent(log_ratio: f64) -> f64 {
    100.0 * log_ratio.exp_m1()
}

/// Interval of a metric after some block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IntervalAt {
    /// Number of complete blocks.
    pub block: usize,
    /// Interval of ln(B / A).
    pub interval: (f64, f64),
}

/// Blocks of one metric.
#[derive(Clone, Debug, Default)]
struct MetricTally {
    log_sums: [f64; 2],
    log_ratios: Vec<f64>,
    history: Vec<IntervalAt>,
}

/// Answers of both sides to one case.
#[derive(Clone, Debug, Default)]
pub struct CaseTally {
    /// Complete answers of each side.
    pub answers: [usize; 2],
    /// Requests of each side.
    pub requests: [usize; 2],
    /// Pairs of complete answers.
    pub pairs: usize,
    /// Pairs whose texts are equal.
    pub equal_texts: usize,
    /// Answers of each side that pass their checks.
    pub checks: [PassRate; 2],
    token_sums: [f64; 2],
    log_token_ratios: Vec<f64>,
}

impl CaseTally {
    /// Mean output tokens of each side, over the pairs whose tokens are known; `None` without any.
    pub fn output_tokens(&self) -> Option<[f64; 2]> {
        let n = self.log_token_ratios.len();
        (n > 0).then(|| self.token_sums.map(|sum| sum / n as f64))
    }

    /// Whether the answers differ in length: the interval of their ratio, corrected for the number of cases, excludes the
    /// margin's middle and is not within the margin.
    fn differs_in_length(&self, alpha: f64, log_margin: f64) -> bool {
        let interval = centre_interval(&self.log_token_ratios, alpha);
        interval.is_some_and(|(low, high)| (low > 0.0 || high < 0.0) && !(low >= -log_margin && high <= log_margin))
    }

    /// Whether one side passes its checks more often: Newcombe's 95% interval of the difference excludes zero.
    pub fn differs_in_checks(&self) -> bool {
        let [a, b] = self.checks.map(|rate| (rate.passed, rate.checked));
        let is_checked = a.1 > 0 && b.1 > 0;
        is_checked && newcombe_interval(a, b).is_some_and(|interval| interval.low > 0.0 || interval.high < 0.0)
    }

    fn add<R: Borrow<AttemptRecord>>(&mut self, pair: &[Option<R>; 2]) {
        let records = [pair[0].as_ref().map(Borrow::borrow), pair[1].as_ref().map(Borrow::borrow)];
        for (side, record) in records.into_iter().enumerate() {
            let Some(record) = record else { continue };
            self.requests[side] += 1;
            if record.is_ok() {
                self.answers[side] += 1;
                self.checks[side].add(record);
            }
        }
        let [Some(a), Some(b)] = records else { return };
        if !(a.is_ok() && b.is_ok()) {
            return;
        }
        self.pairs += 1;
        self.equal_texts += usize::from(a.text == b.text && a.reasoning == b.reasoning && !a.text.is_empty());
        if let Some(values) = positive_pair(&OUTPUT_TOKENS, a, b) {
            self.token_sums[0] += values[0];
            self.token_sums[1] += values[1];
            self.log_token_ratios.push((values[1] / values[0]).ln());
        }
    }
}

/// Values of a metric on both sides, if both are above zero.
fn positive_pair(metric: &Metric, a: &AttemptRecord, b: &AttemptRecord) -> Option<[f64; 2]> {
    let value = |record| (metric.get)(record).filter(|value| value.is_finite() && *value > 0.0);
    Some([value(a)?, value(b)?])
}

/// Whether the race looks at a metric after this many blocks: after each of the first 100, then after about every fiftieth
/// part more, because each look takes time in proportion to the blocks. Intervals hold until the next look. A damaged
/// journal may hold more blocks than any race.
const fn is_look(blocks: usize) -> bool {
    blocks <= 100 || (blocks <= MAX_BLOCKS as usize && blocks.is_multiple_of(blocks / 50))
}

/// Complete blocks of a race.
#[derive(Clone, Debug, Default)]
pub struct RaceTally {
    blocks: usize,
    metrics: [MetricTally; RACED.len()],
    cases: Vec<CaseTally>,
}

impl RaceTally {
    /// Adds a complete block: for each case, the records of its two sides, if they exist.
    pub fn add_block<R: Borrow<AttemptRecord>>(&mut self, pairs: &[[Option<R>; 2]]) {
        self.blocks += 1;
        self.cases.resize_with(pairs.len().max(self.cases.len()), CaseTally::default);
        for (case, pair) in self.cases.iter_mut().zip(pairs) {
            case.add(pair);
        }
        for (metric, tally) in RACED.iter().zip(&mut self.metrics) {
            let values = pairs.iter().filter_map(|pair| {
                let [Some(a), Some(b)] = pair else { return None };
                let (a, b) = (a.borrow(), b.borrow());
                if a.is_ok() && b.is_ok() { positive_pair(metric, a, b) } else { None }
            });
            let logs: Vec<[f64; 2]> = values.map(|pair| pair.map(f64::ln)).collect();
            if logs.is_empty() {
                continue;
            }
            let mean = |side: usize| logs.iter().map(|pair| pair[side]).sum::<f64>() / logs.len() as f64;
            let [a, b] = [mean(0), mean(1)];
            tally.log_sums[0] += a;
            tally.log_sums[1] += b;
            tally.log_ratios.push(b - a);
            if is_look(tally.log_ratios.len()) {
                let interval = centre_interval(&tally.log_ratios, ERROR_RATE / RACED.len() as f64);
                let block = self.blocks;
                tally.history.extend(interval.map(|interval| IntervalAt { block, interval }));
            }
        }
    }

    /// Number of complete blocks.
    pub const fn blocks(&self) -> usize {
        self.blocks
    }

    /// Answers of each case, in the order of the suite.
    pub fn cases(&self) -> &[CaseTally] {
        &self.cases
    }

    /// Positions of the cases whose answers differ in length between the sides, beyond chance.
    pub fn differing_lengths(&self, race: &Race) -> Vec<usize> {
        let alpha = ERROR_RATE / self.cases.len().max(1) as f64;
        let differs = |case: &&CaseTally| case.differs_in_length(alpha, race.log_margin());
        (0..).zip(&self.cases).filter(|(_, case)| differs(case)).map(|(at, _)| at).collect()
    }

    /// Interval of a metric after each block, in order; empty while there are too few.
    pub fn history(&self, metric: &Metric) -> &[IntervalAt] {
        let at = RACED.iter().position(|raced| *raced == metric);
        at.and_then(|at| self.metrics.get(at)).map_or(&[], |tally| &tally.history)
    }

    /// Differences in all metrics that have values, in the order of [`RACED`].
    pub fn differences(&self, race: &Race) -> Vec<RaceDifference> {
        let difference = |(metric, tally): (&&'static Metric, &MetricTally)| {
            let blocks = tally.log_ratios.len();
            let interval = tally.history.last().map(|at| at.interval);
            (blocks > 0).then(|| RaceDifference {
                metric,
                means: tally.log_sums.map(|sum| (sum / blocks as f64).exp()),
                interval,
                blocks,
                verdict: RaceVerdict::new(metric, interval, race.log_margin()),
            })
        };
        RACED.iter().zip(&self.metrics).filter_map(difference).collect()
    }

    /// Whether every metric that the race waits for has a verdict. A metric without values is not waited for.
    pub fn is_decided(&self, race: &Race) -> bool {
        let awaited: Vec<_> = self.differences(race).into_iter().filter(|d| race.waits_for(d.metric)).collect();
        !awaited.is_empty() && awaited.iter().all(|difference| difference.verdict != RaceVerdict::Undecided)
    }
}

/// The result in one sentence: `B is faster: TTFT 5.1% lower (3.9 to 6.2%), …`.
pub fn sentence(race: &Race, tally: &RaceTally) -> String {
    let differences = tally.differences(race);
    if differences.is_empty() {
        return "no block is complete yet, so nothing can be compared".to_owned();
    }
    let clause = |verdict: RaceVerdict| {
        let of_it = differences.iter().filter(|difference| difference.verdict == verdict);
        let words: Vec<String> = of_it.map(in_words).collect();
        (!words.is_empty()).then(|| words.join(", "))
    };
    let better = |name: &str, verdict| clause(verdict).map(|words| format!("{name} is better: {words}"));
    let parts = [
        better("A", RaceVerdict::A),
        better("B", RaceVerdict::B),
        clause(RaceVerdict::NoDifference)
            .map(|words| format!("no difference beyond {}%: {words}", race.margin_percent)),
        clause(RaceVerdict::Undecided).map(|words| format!("undecided: {words}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// A difference in words: `TTFT of B 5.1% lower (3.9 to 6.2%)`.
fn in_words(difference: &RaceDifference) -> String {
    let label = difference.label();
    let percent = difference.percent();
    let direction = if percent < 0.0 { "lower" } else { "higher" };
    let size = |value: f64| format!("{:.1}", value.abs());
    match difference.interval_percent() {
        // Ends of one sign read as sizes, others with their signs.
        Some([low, high]) if low * high > 0.0 => {
            let (near, far) = if percent < 0.0 { (high, low) } else { (low, high) };
            format!("{label} of B {}% {direction} ({} to {}%)", size(percent), size(near), size(far))
        }
        Some([low, high]) => format!("{label} of B {percent:+.1}% ({low:+.1} to {high:+.1}%)"),
        None => format!("{label} of B {percent:+.1}% so far"),
    }
}

#[cfg(test)]
mod tests;

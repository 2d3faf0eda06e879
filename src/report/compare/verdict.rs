//! Sums up a comparison in one sentence.

use super::{Comparison, Figure, Judgement, Row};
use crate::domain::metrics::{ITL, LATENCY, Metric, PASS_RATE, SPEED, TTFT};
use crate::domain::pass_rate::whole_percent;
use crate::domain::quantity::signed_percent;

/// Relative difference of two means in percent, with its 95% interval.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Change {
    percent: f64,
    half_width: Option<f64>,
}

impl Change {
    /// Computes the change from `from` to `to`. The interval of the ratio of two independent means follows from the
    /// delta method.
    fn new(from: Figure, to: Figure) -> Option<Self> {
        if from.mean <= 0.0 || to.mean <= 0.0 {
            return None;
        }
        let ratio = to.mean / from.mean;
        let relative = |figure: Figure| figure.half_width.map(|half| half / figure.mean);
        let half_width = relative(from).zip(relative(to)).map(|(from, to)| 100.0 * ratio * from.hypot(to));
        Some(Self { percent: (ratio - 1.0) * 100.0, half_width })
    }

    /// Formats the size of the change without its sign, followed by `direction`, and the interval if there is one.
    fn words(self, direction: &str) -> String {
        let size = self.percent.abs();
        let interval = self.half_width.map_or_else(String::new, |half| {
            format!(" (95% interval {} to {}%)", rounded((size - half).max(0.0)), rounded(size + half))
        });
        format!("{}% {direction}{interval}", rounded(size))
    }
}

/// Formats a percentage as a whole number, with tenths below ten.
fn rounded(percent: f64) -> String {
    let digits = usize::from(percent < 9.95);
    format!("{percent:.digits$}")
}

/// A metric that the verdict describes.
struct Aspect {
    metric: &'static Metric,
    /// Name of the metric in a list.
    name: &'static str,
    /// Start of the clause about this metric.
    clause: &'static str,
    /// Adjectives for an increase and for a decrease.
    directions: [&'static str; 2],
    /// Whether the clause describes the reciprocal of the metric: a longer ITL means slower decoding.
    is_reciprocal: bool,
}

static DECODE: Aspect = Aspect {
    metric: &ITL,
    name: "decode speed",
    clause: "B decodes",
    directions: ["faster", "slower"],
    is_reciprocal: true,
};
static GENERATION: Aspect = Aspect {
    metric: &SPEED,
    name: "speed",
    clause: "B generates",
    directions: ["faster", "slower"],
    is_reciprocal: false,
};
static FIRST_TOKEN: Aspect =
    Aspect { metric: &TTFT, name: "TTFT", clause: "TTFT is", directions: ["longer", "shorter"], is_reciprocal: false };
static TOTAL: Aspect = Aspect {
    metric: &LATENCY,
    name: "latency",
    clause: "latency is",
    directions: ["higher", "lower"],
    is_reciprocal: false,
};

/// Compares run B with run A in one sentence: decode speed and TTFT, or else generation speed and latency. Sweeps are
/// compared at their highest common concurrency. `None` if the runs have no metric in common.
pub fn verdict(comparison: &Comparison) -> Option<String> {
    let aspects = [pick(comparison, &[&DECODE, &GENERATION]), pick(comparison, &[&FIRST_TOKEN, &TOTAL])];
    let (mut clear, mut same, mut few, mut apart) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut stage: Option<Option<u64>> = None;
    for (aspect, row) in aspects.into_iter().flatten() {
        // All clauses must describe the same stage.
        if *stage.get_or_insert(row.concurrency) != row.concurrency {
            continue;
        }
        let (a, b) = row.a.zip(row.b)?;
        let Some(change) = (if aspect.is_reciprocal { Change::new(b, a) } else { Change::new(a, b) }) else { continue };
        match row.judge(aspect.metric.better) {
            Some(Judgement::Better | Judgement::Worse | Judgement::Differs) => {
                let direction = aspect.directions[usize::from(change.percent < 0.0)];
                clear.push(format!("{} {}", aspect.clause, change.words(direction)));
            }
            Some(Judgement::NoDifferenceShown) => same.push(aspect.name),
            Some(Judgement::TooFew) => few.push(format!("{} ({})", aspect.name, signed_percent(change.percent))),
            None => apart.push(aspect.name),
        }
    }
    let limits = found(comparison);
    let mut clauses: Vec<String> =
        limits.into_iter().chain(quality(comparison, stage.flatten())).chain(clear).collect();
    if !same.is_empty() {
        clauses.push(format!("no clear difference in {}", same.join(" and ")));
    }
    if !few.is_empty() {
        clauses.push(format!("too few repeats to judge {}", few.join(" and ")));
    }
    if !apart.is_empty() {
        clauses.push(format!("the runs measured different cases, so {} cannot be judged", apart.join(" and ")));
    }
    let sentence = clauses.join("; ");
    let sentence = match stage.flatten() {
        Some(n) if !sentence.is_empty() => format!("at concurrency {n}, {sentence}"),
        _ => sentence,
    };
    let first = sentence.chars().next()?.to_uppercase().to_string();
    Some(first + sentence.get(1..)? + ".")
}

/// Compares the largest loads of two searches; `None` unless both searched for the same kind of load.
fn found(comparison: &Comparison) -> Option<String> {
    let (a, b) = (comparison.a.found?, comparison.b.found?);
    (a.variable == b.variable).then(|| match (a.last_pass, b.last_pass) {
        (Some(old), Some(new)) if (old - new).abs() < f64::EPSILON => format!("B sustains the same load as A, {b}"),
        (Some(_), Some(_)) => format!("B sustains {b} instead of {a}"),
        (None, Some(_)) => format!("B sustains {b}, and A no load"),
        (Some(_), None) => format!("B sustains no load, and A {a}"),
        (None, None) => "neither run sustains a load".to_owned(),
    })
}

/// Compares the pass rates at this concurrency, because a faster server with wrong answers is not better. `None` if
/// every answer of both runs passes, or nothing was checked.
fn quality(comparison: &Comparison, concurrency: Option<u64>) -> Option<String> {
    let block = comparison.blocks.iter().find(|block| *block.compared.metric == PASS_RATE)?;
    let row = block.rows.iter().rfind(|row| row.case.is_none() && row.concurrency == concurrency)?;
    let (a, b) = (row.a?, row.b?);
    let shares = [a, b].map(|figure| whole_percent(figure.mean));
    let [old, new] = &shares;
    Some(match row.judge(PASS_RATE.better)? {
        Judgement::Better | Judgement::Worse | Judgement::Differs => {
            let more = if b.mean > a.mean { "more" } else { "fewer" };
            let interval = row.points_ci95().map_or_else(String::new, |ci| {
                format!(" (95% interval of the difference {:+.0} to {:+.0} points)", ci.low, ci.high)
            });
            format!("{more} answers of B pass their checks, {new} instead of {old}{interval}")
        }
        _ if a.mean >= 100.0 && b.mean >= 100.0 => return None,
        _ => format!("no clear difference in pass rate ({old} and {new})"),
    })
}

/// Returns the first of these metrics that both runs have, with its row over all cases.
fn pick<'a>(comparison: &'a Comparison, aspects: &[&'static Aspect]) -> Option<(&'static Aspect, &'a Row)> {
    let total = |aspect: &&'static Aspect| {
        let block = comparison.blocks.iter().find(|block| *block.compared.metric == *aspect.metric)?;
        let row = block.rows.iter().rfind(|row| row.case.is_none() && row.a.is_some() && row.b.is_some())?;
        Some((*aspect, row))
    };
    aspects.iter().find_map(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(mean: f64, half_width: Option<f64>) -> Figure {
        Figure { mean, n: 3, half_width, freedom: 2, estimated: false }
    }

    #[test]
    fn the_interval_of_a_change_is_that_of_a_ratio() {
        // The means are 10 ± 30% and 20 ± 20%, so their ratio of 2 has a relative half width of √(0.3² + 0.2²).
        let change = Change::new(figure(10.0, Some(3.0)), figure(20.0, Some(4.0))).unwrap();
        assert!((change.percent - 100.0).abs() < 1e-9);
        assert!((change.half_width.unwrap() - 200.0 * 0.13_f64.sqrt()).abs() < 1e-9);
        assert_eq!(Change::new(figure(10.0, None), figure(9.0, Some(1.0))).unwrap().half_width, None);
        assert_eq!(Change::new(figure(0.0, None), figure(9.0, None)), None);
    }

    #[test]
    fn changes_are_rounded_to_their_precision() {
        assert_eq!([12.4, 9.96, 9.94, 0.04].map(rounded), ["12", "10", "9.9", "0.0"]);
        let change = Change { percent: -12.0, half_width: Some(2.0) };
        assert_eq!(change.words("slower"), "12% slower (95% interval 10 to 14%)");
    }
}

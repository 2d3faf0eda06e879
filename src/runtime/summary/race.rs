//! A race, as lines of the summary.

use super::entry::entry;
use crate::domain::metrics::{Metric, Unit};
use crate::domain::quantity::count;
use crate::domain::race_results::{CaseTally, RaceDifference, sentence};
use crate::domain::session::Session;
use crate::domain::text::sanitise_line;

/// The result, a line for each metric, and where the answers differ; empty for other runs.
pub(super) fn lines(session: &Session) -> Vec<String> {
    let Some(race) = session.race() else { return Vec::new() };
    let (settings, tally) = (&race.settings, &race.tally);
    let mut lines = vec![entry("Race", [Some(sentence(settings, tally))])];
    let blocks = format!("{} of at most {}", count(tally.blocks(), "block"), session.plan.repeat);
    lines.push(entry("Blocks", [Some(blocks)]));
    lines.extend(tally.differences(settings).iter().map(|difference| entry(difference.label(), parts(difference))));
    let names = session.suite.cases.iter().step_by(2).map(|case| case.name.strip_prefix("A: ").unwrap_or(&case.name));
    let names: Vec<&str> = names.collect();
    for at in tally.differing_lengths(settings) {
        let Some(([a, b], name)) = tally.cases().get(at).and_then(CaseTally::output_tokens).zip(names.get(at)) else {
            continue;
        };
        lines.push(entry(
            "Length differs",
            [Some(sanitise_line(name)), Some(format!("A {a:.1} tokens, B {b:.1} tokens"))],
        ));
    }
    for (case, name) in tally.cases().iter().zip(&names).filter(|(case, _)| case.differs_in_checks()) {
        let [a, b] = case.checks.map(|rate| format!("{}/{}", rate.passed, rate.checked));
        lines.push(entry("Checks differ", [Some(sanitise_line(name)), Some(format!("A passes {a}, B {b}"))]));
    }
    lines
}

fn parts(difference: &RaceDifference) -> [Option<String>; 4] {
    let [a, b] = difference.means.map(|value| value_of(difference.metric, value));
    let interval = difference.interval_percent().map(|[low, high]| format!(" ({low:+.1} to {high:+.1}%)"));
    let percent = format!("{:+.1}%{}", difference.percent(), interval.unwrap_or_default());
    [Some(format!("A {a}")), Some(format!("B {b}")), Some(percent), Some(difference.verdict.in_words().to_owned())]
}

fn value_of(metric: &Metric, value: f64) -> String {
    let digits = usize::from(value < 100.0);
    let unit = if metric.unit == Unit::Milliseconds { "ms" } else { "tok/s" };
    format!("{value:.digits$} {unit}")
}

/// One line about the state of a race after a block, for the log of a headless run.
pub fn block_line(session: &Session) -> Option<String> {
    let race = session.race()?;
    let clause = |difference: &RaceDifference| {
        let interval = difference.interval_percent().map(|[low, high]| format!(" ({low:+.1} to {high:+.1}%)"));
        format!("{} {:+.1}%{}", difference.label(), difference.percent(), interval.unwrap_or_default())
    };
    let differences: Vec<String> = race.tally.differences(&race.settings).iter().map(clause).collect();
    Some(format!("block {}: B against A: {}", race.tally.blocks(), differences.join(", ")))
}

//! Search for the largest load that meets the thresholds: `--find`.
//!
//! The search is a function of the finished probes. It doubles the load until a probe fails, then halves the distance
//! between the highest load that passed and the lowest that failed. A second probe must confirm both ends.

mod judge;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::judge::{
    LOOKS, ProbeFigure, SearchThresholdError, check_threshold, fails_clearly, judge, least_requests, overall,
};

/// Maximum probes at one load. The last verdict is based on the requests of all of them.
const MAX_PROBES_PER_LOAD: usize = 4;
/// Maximum probes of a search.
pub const MAX_PROBES: usize = 64;
/// Loads closer together than this share count as equal.
const RESOLUTION: f64 = 0.02;
/// Divisor of the maximum that gives the first rate of a search: six doublings lead to the maximum.
const FIRST_RATE_DIVISOR: u32 = 64;
/// Divisor of the maximum that gives the lowest rate of a search.
const LOWEST_RATE_DIVISOR: u32 = 4096;
/// Step between two rates of a search, requests per second.
const RATE_STEP_PER_S: f64 = 0.001;

/// Load that a search changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchVariable {
    /// Requests in flight.
    Concurrency,
    /// Requests per second.
    Rate,
}

impl SearchVariable {
    /// Name on the command line and in `results.json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Concurrency => "concurrency",
            Self::Rate => "rate",
        }
    }

    /// Unit in `results.json`.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Concurrency => "requests",
            Self::Rate => "requests/s",
        }
    }

    /// Returns the variable with this name; `None` if there is none.
    pub fn by_name(name: &str) -> Option<Self> {
        [Self::Concurrency, Self::Rate].into_iter().find(|variable| variable.as_str() == name)
    }
}

/// A load as a whole number of steps: requests in flight, or thousandths of a request per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SearchLoad(pub u32);

/// Settings of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadSearch {
    /// Load that the search changes.
    pub variable: SearchVariable,
    /// Highest load of a probe.
    pub max: SearchLoad,
    /// Time between the end of a probe and the start of the next one.
    pub cool_down: Duration,
}

impl LoadSearch {
    /// Creates a search for a concurrency, up to `max` requests in flight.
    pub const fn concurrency(max: u32, cool_down: Duration) -> Self {
        Self { variable: SearchVariable::Concurrency, max: SearchLoad(if max == 0 { 1 } else { max }), cool_down }
    }

    /// Creates a search for a rate, up to `max_per_s` requests per second.
    pub fn rate(max_per_s: f64, cool_down: Duration) -> Self {
        // Rounded down, so that no load exceeds the maximum. The small addend makes up for the rounding error of the
        // division.
        let steps = (max_per_s / RATE_STEP_PER_S + 1e-6).floor().max(1.0) as u32;
        Self { variable: SearchVariable::Rate, max: SearchLoad(steps), cool_down }
    }

    /// Returns a load as a number: requests in flight, or requests per second.
    pub fn value(&self, load: SearchLoad) -> f64 {
        match self.variable {
            SearchVariable::Concurrency => f64::from(load.0),
            SearchVariable::Rate => f64::from(load.0) * RATE_STEP_PER_S,
        }
    }

    /// Formats a load with its unit: `48 concurrent requests`, `2.5 requests/s`.
    pub fn in_words(&self, load: SearchLoad) -> String {
        match (self.variable, load.0) {
            (SearchVariable::Concurrency, 1) => "1 concurrent request".to_owned(),
            (SearchVariable::Concurrency, n) => format!("{n} concurrent requests"),
            (SearchVariable::Rate, _) => format!("{} requests/s", self.number(load)),
        }
    }

    /// Formats a load without its unit: `48`, `2.5`.
    pub fn number(&self, load: SearchLoad) -> String {
        // Rounded to thousandths, because the product of steps and step may have an error in its last digits.
        ((self.value(load) * 1000.0).round() / 1000.0).to_string()
    }

    /// Load of the first probe.
    fn first(&self) -> SearchLoad {
        match self.variable {
            SearchVariable::Concurrency => SearchLoad(1),
            SearchVariable::Rate => SearchLoad(self.max.0.div_ceil(FIRST_RATE_DIVISOR).max(1)),
        }
    }

    /// Lowest load of a probe.
    fn lowest(&self) -> SearchLoad {
        match self.variable {
            SearchVariable::Concurrency => SearchLoad(1),
            SearchVariable::Rate => SearchLoad(self.max.0.div_ceil(LOWEST_RATE_DIVISOR).max(1)),
        }
    }

    /// Load halfway between two others; `None` if these are so close that they count as equal.
    fn between(below: SearchLoad, above: SearchLoad) -> Option<SearchLoad> {
        let resolution = (f64::from(above.0) * RESOLUTION).floor().max(1.0) as u32;
        let distance = above.0.saturating_sub(below.0);
        (distance > resolution).then_some(SearchLoad(below.0 + distance / 2))
    }

    /// Returns the next step after these probes.
    pub fn next(&self, probes: &[FinishedProbe]) -> SearchStep {
        if probes.is_empty() {
            return SearchStep::Probe(self.first());
        }
        if probes.len() >= MAX_PROBES {
            return SearchStep::Done;
        }
        let Bracket { below, above } = Self::bracket(probes);
        let load = match (below, above) {
            (Some(below), Some(above)) => Self::between(below, above),
            (Some(below), None) => (below < self.max).then(|| SearchLoad(below.0.saturating_mul(2)).min(self.max)),
            (None, Some(above)) => {
                (above > self.lowest()).then(|| SearchLoad(above.0 / 2).max(self.lowest())).filter(|load| *load < above)
            }
            (None, None) => None,
        };
        let unconfirmed = || [below, above].into_iter().flatten().find(|load| needs_another_probe(probes, *load));
        load.or_else(unconfirmed).map_or(SearchStep::Done, SearchStep::Probe)
    }

    /// Returns the loads next to the limit, below and above it. An undecided load counts as passed or failed by its
    /// estimates.
    fn bracket(probes: &[FinishedProbe]) -> Bracket {
        let meets = |load: SearchLoad| match verdict_at(probes, load) {
            Some(ProbeVerdict::Pass) => true,
            Some(ProbeVerdict::Fail) | None => false,
            Some(ProbeVerdict::Undecided) => leans_to_pass(probes, load),
        };
        let above = probes.iter().map(|probe| probe.load).filter(|load| !meets(*load)).min();
        let is_below = |load: &SearchLoad| above.is_none_or(|above| *load < above) && meets(*load);
        let below = probes.iter().map(|probe| probe.load).filter(is_below).max();
        Bracket { below, above }
    }

    /// Returns the result of these probes.
    pub fn outcome(&self, probes: &[FinishedProbe]) -> SearchOutcome {
        let with = |verdict| {
            let found = move |load: &SearchLoad| verdict_at(probes, *load) == Some(verdict);
            probes.iter().map(|probe| probe.load).filter(found)
        };
        let first_fail = with(ProbeVerdict::Fail).min();
        let is_below = |load: &SearchLoad| first_fail.is_none_or(|fail| *load < fail);
        let last_pass = with(ProbeVerdict::Pass).filter(is_below).max();
        let is_between = |load: &SearchLoad| is_below(load) && last_pass.is_none_or(|pass| *load > pass);
        let mut undecided: Vec<SearchLoad> = with(ProbeVerdict::Undecided).filter(is_between).collect();
        undecided.sort_unstable();
        undecided.dedup();
        let estimate = Self::bracket(probes).below;
        SearchOutcome { last_pass, first_fail, undecided, estimate, is_complete: self.next(probes) == SearchStep::Done }
    }
}

impl fmt::Display for LoadSearch {
    /// Writes `concurrency up to 64`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} up to {}", self.variable.as_str(), self.number(self.max))
    }
}

/// The two loads that enclose the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bracket {
    /// Highest load that meets the thresholds, below all that miss them.
    below: Option<SearchLoad>,
    /// Lowest load that misses the thresholds.
    above: Option<SearchLoad>,
}

/// Verdict of a probe, or of all probes at one load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeVerdict {
    /// Every threshold is met: even the worse end of each confidence interval meets it.
    Pass,
    /// At least one threshold is missed: even the better end of its confidence interval misses it.
    Fail,
    /// No threshold is missed for certain, but a threshold lies within the confidence interval of its figure, even
    /// after the maximum number of requests.
    Undecided,
}

impl ProbeVerdict {
    /// Name in `results.json` and on screen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Undecided => "undecided",
        }
    }
}

/// A probe that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FinishedProbe {
    /// Load of the probe.
    pub load: SearchLoad,
    /// Verdict of the probe.
    pub verdict: ProbeVerdict,
    /// Whether the estimates of the probe meet every threshold, regardless of their intervals.
    pub meets: bool,
}

/// Next step of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchStep {
    /// Probe this load.
    Probe(SearchLoad),
    /// The result is known.
    Done,
}

/// Result of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchOutcome {
    /// Highest load that passed, below all that failed.
    pub last_pass: Option<SearchLoad>,
    /// Lowest load that failed.
    pub first_fail: Option<SearchLoad>,
    /// Undecided loads between `last_pass` and `first_fail`, ascending.
    pub undecided: Vec<SearchLoad>,
    /// Best estimate of the limit: the highest load below all that miss the thresholds, where undecided loads count by
    /// their estimates. Equals `last_pass` if no load is undecided.
    pub estimate: Option<SearchLoad>,
    /// Whether the search is over.
    pub is_complete: bool,
}

/// Probes at a load, in their order.
fn at(probes: &[FinishedProbe], load: SearchLoad) -> impl DoubleEndedIterator<Item = &FinishedProbe> + Clone {
    probes.iter().filter(move |probe| probe.load == load)
}

/// Verdict at a load: that of its last probe, which is based on the requests of all its probes. `None` without a probe.
fn verdict_at(probes: &[FinishedProbe], load: SearchLoad) -> Option<ProbeVerdict> {
    at(probes, load).next_back().map(|probe| probe.verdict)
}

/// Returns whether the estimates at a load meet the thresholds.
fn leans_to_pass(probes: &[FinishedProbe], load: SearchLoad) -> bool {
    at(probes, load).next_back().is_some_and(|probe| probe.meets)
}

/// Returns whether a load at an end of the bracket must be probed again: the load is undecided, or its last two probes
/// disagree.
fn needs_another_probe(probes: &[FinishedProbe], load: SearchLoad) -> bool {
    let mut last = at(probes, load).rev().map(|probe| probe.verdict);
    let is_settled = match (last.next(), last.next()) {
        (Some(last), Some(before)) => last == before && last != ProbeVerdict::Undecided,
        _ => false,
    };
    !is_settled && at(probes, load).count() < MAX_PROBES_PER_LOAD
}

#[cfg(test)]
mod tests;

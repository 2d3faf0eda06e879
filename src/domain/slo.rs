//! Thresholds for a run (service level objectives), and goodput: the requests that meet all thresholds and pass their
//! checks.

mod alias;
mod direction;
mod parse;

use std::fmt;

pub use self::parse::{InvalidSlo, figure_by_name};
use super::attempt::AttemptRecord;
use super::metrics::{Metric, Unit};
use super::prefix_cache::CacheDoubts;
use super::statistics::needed_for;

/// A figure of the whole run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunFigure {
    /// Failed requests, percent of all measured requests.
    ErrorRate,
    /// Requests per second that meet every threshold.
    Goodput,
    /// Requests that meet every threshold, percent of all measured requests.
    GoodShare,
    /// Output tokens per second of all streams.
    Throughput,
    /// Items (inputs or documents) of complete answers per second.
    ItemRate,
    /// Prompt tokens of complete answers that are not text, per second.
    InputRate,
    /// Complete answers per second.
    RequestRate,
    /// Complete answers that pass all their checks, percent of those with checks.
    PassRate,
}

/// Figure that a threshold applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A statistic of a metric of single requests.
    Requests(&'static Metric, Stat),
    /// A figure of the run.
    Run(RunFigure),
}

/// A statistic over requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the field's own")]
pub enum Stat {
    Avg,
    Min,
    P50,
    P90,
    P95,
    P99,
    Max,
}

impl Stat {
    /// All statistics.
    pub const ALL: [Self; 7] = [Self::Avg, Self::Min, Self::P50, Self::P90, Self::P95, Self::P99, Self::Max];

    /// Name in a threshold.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Avg => "avg",
            Self::Min => "min",
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Max => "max",
        }
    }

    /// Percentile whose minimum number of values applies; 50 if one value is enough.
    pub(super) const fn percent(self) -> u32 {
        match self {
            Self::P90 => 90,
            Self::P95 => 95,
            Self::P99 => 99,
            Self::Avg | Self::Min | Self::P50 | Self::Max => 50,
        }
    }
}

/// Comparison of a figure with a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Comparison {
    Below,
    AtMost,
    Above,
    AtLeast,
}

impl Comparison {
    /// Sign in a threshold.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Above => ">",
            Self::AtLeast => ">=",
        }
    }

    /// Returns whether a value meets a threshold.
    pub fn holds(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::Below => value < threshold,
            Self::AtMost => value <= threshold,
            Self::Above => value > threshold,
            Self::AtLeast => value >= threshold,
        }
    }

    /// Returns whether lower values meet a threshold.
    pub const fn is_upper_bound(self) -> bool {
        matches!(self, Self::Below | Self::AtMost)
    }
}

/// Unit of a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum SloUnit {
    Milliseconds,
    Tokens,
    TokensPerSecond,
    RequestsPerSecond,
    ItemsPerSecond,
    Percent,
}

impl SloUnit {
    /// Spelling in a threshold.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Tokens => "tokens",
            Self::TokensPerSecond => "tok/s",
            Self::RequestsPerSecond => "req/s",
            Self::ItemsPerSecond => "items/s",
            Self::Percent => "%",
        }
    }
}

impl From<Unit> for SloUnit {
    fn from(unit: Unit) -> Self {
        match unit {
            Unit::Milliseconds => Self::Milliseconds,
            Unit::Tokens => Self::Tokens,
            Unit::TokensPerSecond => Self::TokensPerSecond,
            Unit::ItemsPerSecond => Self::ItemsPerSecond,
            Unit::Percent => Self::Percent,
        }
    }
}

/// One threshold.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Slo {
    /// Figure that the threshold applies to.
    pub subject: Subject,
    /// Comparison of the figure with the threshold.
    pub comparison: Comparison,
    /// Threshold in the figure's unit.
    pub threshold: f64,
    /// The threshold as written, without spaces.
    pub text: String,
}

/// Result of checking a threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// Value that was compared with the threshold; `None` if no request has the figure.
    pub value: Option<f64>,
    /// Number of requests behind the value.
    pub n: usize,
    /// Requests with a warm or unknown prefix cache; none if the threshold is not about the first token.
    pub doubts: CacheDoubts,
    /// Whether the threshold is met; `false` without a value.
    pub met: bool,
    /// Complete answers whose streams cannot carry the figure; the verdict ignores them.
    pub unresolved: usize,
    /// Statistic that replaced a percentile with too few requests: the extreme, which is harder to meet. `None` if
    /// nothing was replaced.
    pub stand_in: Option<Stat>,
}

impl Slo {
    /// Unit of the threshold.
    pub fn unit(&self) -> SloUnit {
        match self.subject {
            Subject::Requests(metric, _) => metric.unit.into(),
            Subject::Run(RunFigure::ErrorRate | RunFigure::GoodShare | RunFigure::PassRate) => SloUnit::Percent,
            Subject::Run(RunFigure::Goodput | RunFigure::RequestRate) => SloUnit::RequestsPerSecond,
            Subject::Run(RunFigure::Throughput | RunFigure::InputRate) => SloUnit::TokensPerSecond,
            Subject::Run(RunFigure::ItemRate) => SloUnit::ItemsPerSecond,
        }
    }

    /// Name of the figure, like `TTFT p95` or `error rate`.
    pub fn name(&self) -> String {
        match self.subject {
            Subject::Requests(_, stat) => self.name_with(stat),
            Subject::Run(RunFigure::ErrorRate) => "error rate".to_owned(),
            Subject::Run(RunFigure::Goodput | RunFigure::GoodShare) => "goodput".to_owned(),
            Subject::Run(RunFigure::Throughput) => "throughput".to_owned(),
            Subject::Run(RunFigure::ItemRate) => "item throughput".to_owned(),
            Subject::Run(RunFigure::InputRate) => "input throughput".to_owned(),
            Subject::Run(RunFigure::RequestRate) => "requests".to_owned(),
            Subject::Run(RunFigure::PassRate) => "pass rate".to_owned(),
        }
    }

    /// Name of the figure with another statistic.
    fn name_with(&self, stat: Stat) -> String {
        let Subject::Requests(metric, _) = self.subject else { return self.name() };
        let label = metric.slo.as_ref().map_or(metric.label, |names| names.label);
        format!("{label} {}", stat.as_str())
    }

    /// Judges a single request by its own value, regardless of the threshold's statistic. `None` for thresholds that
    /// are not about single requests. A request without the figure misses the threshold, unless the figure is
    /// unresolved.
    pub fn judge_request(&self, record: &AttemptRecord) -> Option<RequestVerdict> {
        let Subject::Requests(metric, _) = self.subject else { return None };
        Some(match (metric.get)(record) {
            Some(value) if self.comparison.holds(value, self.threshold) => RequestVerdict::Kept,
            None if record.is_ok() && (metric.unresolved)(record).is_some() => RequestVerdict::Unresolved,
            Some(_) | None => RequestVerdict::Missed,
        })
    }

    /// Returns whether the server's prefix cache affects the figure.
    pub fn is_about_first_token(&self) -> bool {
        matches!(self.subject, Subject::Requests(metric, _) if metric.is_first_token)
    }

    /// Describes a verdict: `TTFT p95 412 ms < 500 ms`, or with too few requests for the percentile
    /// `TTFT max 612 ms ≥ 500 ms (p95 needs 20 requests)`; more notes follow.
    pub fn describe(&self, verdict: &Verdict) -> String {
        let value = verdict.value.map_or_else(|| "–".to_owned(), |v| self.with_unit(v));
        let (name, needs) = match (verdict.stand_in, self.subject) {
            (Some(extreme), Subject::Requests(_, stat)) => {
                let needs = format!("{} needs {} requests", stat.as_str(), needed_for(stat.percent()));
                (self.name_with(extreme), Some(needs))
            }
            _ => (self.name(), None),
        };
        let sign =
            if verdict.met || verdict.value.is_none() { self.comparison.as_str() } else { self.comparison.opposite() };
        let notes: Vec<String> = needs.into_iter().chain(verdict.notes()).collect();
        let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
        format!("{name} {value} {sign} {}{notes}", self.with_unit(self.threshold))
    }

    /// Formats a value of the figure with its unit.
    pub fn with_unit(&self, value: f64) -> String {
        let digits = if value.fract().abs() < 1e-9 || value >= 100.0 {
            0
        } else if value >= 10.0 {
            1
        } else {
            2
        };
        format!("{value:.digits$}{}{}", if self.unit() == SloUnit::Percent { "" } else { " " }, self.unit().as_str())
    }
}

impl Comparison {
    /// Sign of the opposite comparison.
    const fn opposite(self) -> &'static str {
        match self {
            Self::Below => "≥",
            Self::AtMost => ">",
            Self::Above => "≤",
            Self::AtLeast => "<",
        }
    }
}

impl fmt::Display for Slo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.name(), self.comparison.as_str(), self.with_unit(self.threshold))
    }
}

impl Verdict {
    /// Notes on warm and unresolved answers; `None` without any.
    pub fn notes(&self) -> Option<String> {
        let unresolved = (self.unresolved > 0).then(|| format!("{} unresolved", self.unresolved));
        let notes: Vec<String> = self.doubts.summary().into_iter().chain(unresolved).collect();
        (!notes.is_empty()).then(|| notes.join(", "))
    }
}

/// Result of judging a single request by thresholds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestVerdict {
    /// The request meets all thresholds.
    Kept,
    /// The request misses at least one threshold.
    Missed,
    /// The request misses no threshold, but its stream cannot carry a figure that a threshold is about.
    Unresolved,
}

/// Judges a request by all thresholds about single requests; `None` if there is no such threshold. A failed request
/// misses all of them, and so does an answer that fails a check.
pub fn judge_request(record: &AttemptRecord, slos: &[Slo]) -> Option<RequestVerdict> {
    let verdicts: Vec<RequestVerdict> = slos.iter().filter_map(|slo| slo.judge_request(record)).collect();
    verdicts.first()?;
    Some(if !record.is_ok() || record.passes() == Some(false) || verdicts.contains(&RequestVerdict::Missed) {
        RequestVerdict::Missed
    } else if verdicts.contains(&RequestVerdict::Unresolved) {
        RequestVerdict::Unresolved
    } else {
        RequestVerdict::Kept
    })
}

#[cfg(test)]
mod tests;

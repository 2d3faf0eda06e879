//! Thresholds a run must keep (service level objectives), and goodput: the requests that keep all of them.

mod alias;
mod direction;
mod parse;

use std::fmt;

pub use self::parse::InvalidSlo;
use super::attempt::AttemptRecord;
use super::metrics::{Metric, Unit};
use super::prefix_cache::CacheDoubts;
use super::statistics::{Stats, needed_for};

/// A figure of the run as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunFigure {
    /// Failed of all measured requests, percent.
    ErrorRate,
    /// Requests that keep every threshold, per second.
    Goodput,
    /// Requests that keep every threshold, percent of all measured ones.
    GoodShare,
    /// Output tokens of all streams per second.
    Throughput,
    /// Whole answers per second.
    RequestRate,
}

/// What a threshold is about.
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
    /// All of them.
    pub const ALL: [Self; 7] = [Self::Avg, Self::Min, Self::P50, Self::P90, Self::P95, Self::P99, Self::Max];

    /// Its name in a threshold.
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

    pub(super) const fn pick(self, stats: &Stats) -> f64 {
        match self {
            Self::Avg => stats.avg,
            Self::Min => stats.min,
            Self::P50 => stats.p50,
            Self::P90 => stats.p90,
            Self::P95 => stats.p95,
            Self::P99 => stats.p99,
            Self::Max => stats.max,
        }
    }

    /// The percentile that asks for a number of figures; 50 where one is enough.
    pub(super) const fn percent(self) -> u32 {
        match self {
            Self::P90 => 90,
            Self::P95 => 95,
            Self::P99 => 99,
            Self::Avg | Self::Min | Self::P50 | Self::Max => 50,
        }
    }
}

/// How a figure is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Comparison {
    Below,
    AtMost,
    Above,
    AtLeast,
}

impl Comparison {
    /// Its sign.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Above => ">",
            Self::AtLeast => ">=",
        }
    }

    pub(super) fn holds(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::Below => value < threshold,
            Self::AtMost => value <= threshold,
            Self::Above => value > threshold,
            Self::AtLeast => value >= threshold,
        }
    }

    pub(super) const fn is_upper_bound(self) -> bool {
        matches!(self, Self::Below | Self::AtMost)
    }
}

/// The unit of a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum SloUnit {
    Milliseconds,
    Tokens,
    TokensPerSecond,
    RequestsPerSecond,
    Percent,
}

impl SloUnit {
    /// How it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Tokens => "tokens",
            Self::TokensPerSecond => "tok/s",
            Self::RequestsPerSecond => "req/s",
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
        }
    }
}

/// One threshold.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Slo {
    /// What it is about.
    pub subject: Subject,
    /// On which side of the threshold.
    pub comparison: Comparison,
    /// In the subject's unit.
    pub threshold: f64,
    /// As it was written, without blanks.
    pub text: String,
}

/// What became of a threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// The figure that was compared; `None` when there is none.
    pub value: Option<f64>,
    /// Requests it stands on.
    pub n: usize,
    /// Of those, whose TTFT is no cold one; none where it is not about a TTFT.
    pub doubts: CacheDoubts,
    /// Kept. Without a figure it is not.
    pub met: bool,
    /// Whole answers whose figure the stream does not carry; they are in no part of the verdict.
    pub unresolved: usize,
    /// Too few requests for the percentile: this one was compared in its place, which is the harder test.
    pub stand_in: Option<Stat>,
}

impl Slo {
    /// The subject's unit.
    pub fn unit(&self) -> SloUnit {
        match self.subject {
            Subject::Requests(metric, _) => metric.unit.into(),
            Subject::Run(RunFigure::ErrorRate | RunFigure::GoodShare) => SloUnit::Percent,
            Subject::Run(RunFigure::Goodput | RunFigure::RequestRate) => SloUnit::RequestsPerSecond,
            Subject::Run(RunFigure::Throughput) => SloUnit::TokensPerSecond,
        }
    }

    /// `TTFT p95`, `error rate`.
    pub fn name(&self) -> String {
        match self.subject {
            Subject::Requests(metric, stat) => {
                let label = metric.slo.as_ref().map_or(metric.label, |names| names.label);
                format!("{label} {}", stat.as_str())
            }
            Subject::Run(RunFigure::ErrorRate) => "error rate".to_owned(),
            Subject::Run(RunFigure::Goodput | RunFigure::GoodShare) => "goodput".to_owned(),
            Subject::Run(RunFigure::Throughput) => "throughput".to_owned(),
            Subject::Run(RunFigure::RequestRate) => "requests".to_owned(),
        }
    }

    /// Whether a single request keeps it: its own figure is compared, whatever the statistic. `None` for a threshold that
    /// is not about single requests. A request without the figure misses it, unless the stream does not carry the figure.
    pub fn judge_request(&self, record: &AttemptRecord) -> Option<RequestVerdict> {
        let Subject::Requests(metric, _) = self.subject else { return None };
        Some(match (metric.get)(record) {
            Some(value) if self.comparison.holds(value, self.threshold) => RequestVerdict::Kept,
            None if record.is_ok() && (metric.unresolved)(record).is_some() => RequestVerdict::Unresolved,
            Some(_) | None => RequestVerdict::Missed,
        })
    }

    /// Whether a prompt in the server's cache makes its figure another one.
    pub fn is_about_first_token(&self) -> bool {
        matches!(self.subject, Subject::Requests(metric, _) if metric.is_first_token)
    }

    /// A verdict in words: `TTFT p95 412 ms < 500 ms`, `TTFT p95 n<20, max 612 ms < 500 ms`, and after it how many were warm.
    pub fn tell(&self, verdict: &Verdict) -> String {
        let value = verdict.value.map_or_else(|| "–".to_owned(), |v| self.with_unit(v));
        let of = match (verdict.stand_in, self.subject) {
            (Some(extreme), Subject::Requests(_, stat)) => {
                format!("n<{}, {} ", needed_for(stat.percent()), extreme.as_str())
            }
            _ => String::new(),
        };
        let sign =
            if verdict.met || verdict.value.is_none() { self.comparison.as_str() } else { self.comparison.broken() };
        let notes = verdict.notes().map_or_else(String::new, |words| format!(" ({words})"));
        format!("{} {of}{value} {sign} {}{notes}", self.name(), self.with_unit(self.threshold))
    }

    fn with_unit(&self, value: f64) -> String {
        let digits = if value.fract().abs() < 1e-9 || value >= 100.0 {
            0
        } else if value >= 10.0 {
            1
        } else {
            2
        };
        format!("{value:.digits$} {}", self.unit().as_str())
    }
}

impl Comparison {
    /// The sign that holds when this one does not.
    const fn broken(self) -> &'static str {
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
    /// Warm and unresolved answers in words; `None` without any.
    pub fn notes(&self) -> Option<String> {
        let unresolved = (self.unresolved > 0).then(|| format!("{} unresolved", self.unresolved));
        let notes: Vec<String> = self.doubts.words().into_iter().chain(unresolved).collect();
        (!notes.is_empty()).then(|| notes.join(", "))
    }
}

/// Whether a single request keeps thresholds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestVerdict {
    /// It keeps them.
    Kept,
    /// It misses one.
    Missed,
    /// It misses none, but its stream does not carry a figure that one is about.
    Unresolved,
}

/// Whether a request keeps all thresholds about single requests; `None` where there is no such threshold. A failed
/// request keeps none.
pub fn judge_request(record: &AttemptRecord, slos: &[Slo]) -> Option<RequestVerdict> {
    let verdicts: Vec<RequestVerdict> = slos.iter().filter_map(|slo| slo.judge_request(record)).collect();
    verdicts.first()?;
    Some(if !record.is_ok() || verdicts.contains(&RequestVerdict::Missed) {
        RequestVerdict::Missed
    } else if verdicts.contains(&RequestVerdict::Unresolved) {
        RequestVerdict::Unresolved
    } else {
        RequestVerdict::Kept
    })
}

#[cfg(test)]
mod tests;

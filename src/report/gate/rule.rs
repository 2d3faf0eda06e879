//! Rules of a regression gate, such as `ttft_p95:5%`.

use std::str::FromStr;

use crate::domain::bootstrap::Statistic;
use crate::domain::metrics::Metric;
use crate::domain::slo::{SloUnit, Stat, Subject, figure_by_name};
use crate::domain::text::sanitise_line;
use crate::report::compare::COMPARED;

/// Figures that a rule may name, for error messages.
const FIGURES: &str = "ttft, itl, speed or latency, with _avg, _p50, _p90, _p95 or _p99";
/// Maximum tolerance, percent.
const MAX_PERCENT: f64 = 1000.0;

/// Reason why a rule is invalid, for the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidRule(String);

/// Rule of a gate: a figure must not be worse than in the baseline by more than a tolerance.
#[derive(Clone, Debug, PartialEq)]
pub struct RegressionRule {
    /// Metric of single requests.
    pub metric: &'static Metric,
    /// Statistic over the requests.
    pub statistic: Statistic,
    /// Tolerance, percent of the baseline.
    pub tolerance_percent: f64,
    /// The rule as the user wrote it, without white space.
    pub text: String,
    stat: Stat,
}

impl RegressionRule {
    /// Returns the name of the figure, such as `TTFT p95`.
    pub fn name(&self) -> String {
        let label = self.metric.slo.as_ref().map_or(self.metric.label, |names| names.label);
        format!("{label} {}", self.stat.as_str())
    }

    /// Returns the unit of the figure.
    pub fn unit(&self) -> &'static str {
        SloUnit::from(self.metric.unit).as_str()
    }
}

impl FromStr for RegressionRule {
    type Err = InvalidRule;

    fn from_str(written: &str) -> Result<Self, InvalidRule> {
        let text: String = written.chars().filter(|c| !c.is_whitespace()).collect();
        let failed = |why: String| InvalidRule(format!("'{}': {why}", sanitise_line(&text)));
        let parts = text.split_once(':').and_then(|(name, value)| Some((name, value.strip_suffix('%')?)));
        let Some((name, value)) = parts else {
            return Err(failed("a rule is a figure, a colon and a tolerance in percent, like ttft_p95:5%".to_owned()));
        };
        let tolerance = value.parse::<f64>().ok().filter(|percent| (0.0..=MAX_PERCENT).contains(percent));
        let Some(tolerance_percent) = tolerance else {
            return Err(failed(format!("the tolerance is a number from 0 to {MAX_PERCENT}, like 5%")));
        };
        let Subject::Requests(metric, stat) = figure_by_name(name).map_err(&failed)? else {
            return Err(failed(format!("a figure of the whole run has no interval; use {FIGURES}")));
        };
        let statistic = match stat {
            Stat::Avg => Statistic::Mean,
            Stat::P50 => Statistic::Percentile(50),
            Stat::P90 => Statistic::Percentile(90),
            Stat::P95 => Statistic::Percentile(95),
            Stat::P99 => Statistic::Percentile(99),
            Stat::Min | Stat::Max => {
                return Err(failed(format!("minimum and maximum have no interval; use {FIGURES}")));
            }
        };
        let is_compared = metric.better.is_some() && COMPARED.iter().any(|compared| compared.metric == metric);
        if !is_compared {
            return Err(failed(format!("runs are not compared by this figure; use {FIGURES}")));
        }
        Ok(Self { metric, statistic, tolerance_percent, text: text.clone(), stat })
    }
}

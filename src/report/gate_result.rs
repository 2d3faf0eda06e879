//! Result of a regression gate.

use serde::Serialize;

use crate::domain::interval::Interval;

/// Verdict on one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GateVerdict {
    /// The whole interval of the change lies within the tolerance.
    Pass,
    /// The whole interval of the change lies beyond the tolerance.
    Fail,
    /// The tolerance lies inside the interval, so no regression beyond it is shown.
    NotShown,
    /// No interval can be computed, because a run has too few values or none.
    NoInterval,
}

impl GateVerdict {
    /// Returns the verdict as text.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Pass => "within tolerance",
            Self::Fail => "regression",
            Self::NotShown => "no regression shown",
            Self::NoInterval => "too few values to judge",
        }
    }
}

/// Result of one rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleResult {
    /// The rule as the user wrote it.
    pub text: String,
    /// Name of the figure, such as `TTFT p95`.
    pub figure: String,
    /// Unit of the figure.
    pub unit: &'static str,
    /// Tolerance, percent.
    pub tolerance_percent: f64,
    /// Value of the figure in the baseline.
    pub baseline: Option<f64>,
    /// Value of the figure in the run.
    pub value: Option<f64>,
    /// Change in percent of the baseline; positive if the run is worse.
    pub worse_percent: Option<f64>,
    /// 95% interval of `worse_percent`.
    pub worse_percent_ci95: Option<Interval>,
    /// Verdict on the rule.
    pub verdict: GateVerdict,
}

impl RuleResult {
    /// Describes the result in one line: `TTFT p95 412 ms, baseline 380 ms: 8.4% worse (95% interval 6.1% worse to
    /// 10.9% worse), regression beyond 5%`.
    pub fn describe(&self) -> String {
        let Self { figure, unit, tolerance_percent, verdict, .. } = self;
        let Some(((value, baseline), (worse, ci))) =
            self.value.zip(self.baseline).zip(self.worse_percent.zip(self.worse_percent_ci95))
        else {
            return format!("{figure}: {}", verdict.words());
        };
        let digits = usize::from(value < 100.0) + usize::from(value < 10.0);
        let verdict = match verdict {
            GateVerdict::Fail => format!("regression beyond {tolerance_percent}%"),
            GateVerdict::Pass => format!("within {tolerance_percent}%"),
            GateVerdict::NotShown => format!("no regression beyond {tolerance_percent}% shown"),
            GateVerdict::NoInterval => verdict.words().to_owned(),
        };
        format!(
            "{figure} {value:.digits$} {unit}, baseline {baseline:.digits$} {unit}: {} (95% interval {} to {}), {verdict}",
            change(worse),
            change(ci.low),
            change(ci.high)
        )
    }
}

/// Formats a change: `4.2% worse`, `1.0% better`.
fn change(worse_percent: f64) -> String {
    let direction = if worse_percent < 0.0 { "better" } else { "worse" };
    format!("{:.1}% {direction}", worse_percent.abs())
}

/// Result of a regression gate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GateResult {
    /// ID of the baseline run, or name of its file.
    pub baseline: String,
    /// Differences of machine, server or suite, one sentence each. With any difference, the gate is advisory and never
    /// fails.
    pub differences: Vec<String>,
    /// Notes that leave the gate binding, one sentence each.
    pub notes: Vec<String>,
    /// Result of each rule.
    pub rules: Vec<RuleResult>,
}

impl GateResult {
    /// Returns whether the gate is advisory, because machine, server or suite differ.
    pub fn is_advisory(&self) -> bool {
        !self.differences.is_empty()
    }

    /// Returns whether any rule shows a regression.
    pub fn has_regression(&self) -> bool {
        self.rules.iter().any(|rule| rule.verdict == GateVerdict::Fail)
    }

    /// Returns whether the program must fail: a rule shows a regression, and the gate is not advisory.
    pub fn fails(&self) -> bool {
        self.has_regression() && !self.is_advisory()
    }

    /// Returns the result as lines: one per rule, then the reason why the gate is advisory, then the notes.
    pub fn lines(&self) -> Vec<String> {
        let sign = |rule: &RuleResult| match rule.verdict {
            GateVerdict::Pass => "✓",
            GateVerdict::Fail => "✗",
            GateVerdict::NotShown | GateVerdict::NoInterval => "·",
        };
        let rules = self.rules.iter().map(|rule| format!("{} {}", sign(rule), rule.describe()));
        let advisory = self.is_advisory().then(|| format!("advisory only: {}", self.differences.join("; ")));
        rules.chain(advisory).chain(self.notes.iter().cloned()).collect()
    }
}

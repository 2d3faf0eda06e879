//! The share of complete answers that pass all their checks.

use serde::{Deserialize, Serialize};

use super::attempt::AttemptRecord;
use super::interval::{Interval, wilson_interval};
use super::quantity::count;

/// Number of answers that pass all their checks, out of those with checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassRate {
    /// Complete answers that pass all their checks.
    pub passed: usize,
    /// Complete answers with checks.
    pub checked: usize,
}

impl PassRate {
    /// Counts an answer, if it is complete and has checks.
    pub fn add(&mut self, record: &AttemptRecord) {
        let passes = record.passes();
        self.checked += usize::from(passes.is_some());
        self.passed += usize::from(passes == Some(true));
    }

    /// Number of answers that fail a check.
    pub const fn failed(self) -> usize {
        // Saturating, because a damaged journal may contain any numbers.
        self.checked.saturating_sub(self.passed)
    }

    /// The pass rate, percent; `None` without a checked answer.
    pub fn percent(self) -> Option<f64> {
        (self.checked > 0).then(|| 100.0 * self.passed as f64 / self.checked as f64)
    }

    /// Wilson's 95% interval of the pass rate, percent; `None` without a checked answer.
    pub fn interval(self) -> Option<Interval> {
        wilson_interval(self.passed, self.checked).map(|interval| interval.scaled(100.0))
    }

    /// Describes the rate: `8 of 10 answers pass their checks (80%, 95% interval 49 to 94%)`; `None` without a checked
    /// answer.
    pub fn words(self) -> Option<String> {
        let (percent, interval) = (self.percent()?, self.interval()?);
        let (low, high) = (interval.low, interval.high);
        let verb = if self.checked == 1 { "passes its checks" } else { "pass their checks" };
        let of = count(self.checked, "answer");
        Some(format!(
            "{} of {of} {verb} ({}, 95% interval {low:.0} to {})",
            self.passed,
            whole_percent(percent),
            whole_percent(high)
        ))
    }
}

/// Formats a share in whole percent. Only exactly all is 100%, and only exactly none is 0%: other shares never round to
/// these.
pub fn whole_percent(percent: f64) -> String {
    let rounded = percent.round();
    let shown = match rounded {
        _ if percent > 0.0 && rounded < 1.0 => return "<1%".to_owned(),
        _ if percent < 100.0 && rounded > 99.0 => return ">99%".to_owned(),
        rounded => rounded,
    };
    format!("{shown:.0}%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_described_with_its_interval() {
        let words = |passed, checked| PassRate { passed, checked }.words();
        assert_eq!(words(0, 0), None);
        assert_eq!(words(8, 10).unwrap(), "8 of 10 answers pass their checks (80%, 95% interval 49 to 94%)");
        assert_eq!(words(1, 1).unwrap(), "1 of 1 answer passes its checks (100%, 95% interval 21 to 100%)");
        assert_eq!(PassRate { passed: 0, checked: 10 }.percent(), Some(0.0));
    }

    #[test]
    fn one_failure_among_many_is_not_rounded_away() {
        let shown = [0.0, 0.01, 0.6, 50.4, 99.4, 99.99, 100.0].map(whole_percent);
        assert_eq!(shown, ["0%", "<1%", "1%", "50%", "99%", ">99%", "100%"]);
    }
}

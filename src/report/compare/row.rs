//! Two figures side by side, with the judgement on their difference.

use super::Figure;
use crate::domain::hypothesis_test::{DifferenceTest, LEVEL, welch};
use crate::domain::interval::{Interval, newcombe_interval};
use crate::domain::metrics::Better;

/// Judgement on the difference of two figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// The difference is significant, and B is better.
    Better,
    /// The difference is significant, and B is worse.
    Worse,
    /// The difference is significant, but neither direction is better.
    Differs,
    /// The difference is not significant.
    NoDifferenceShown,
    /// A figure has no interval, so significance is unknown.
    TooFew,
}

impl Judgement {
    /// Returns the judgement as text, or the reason why there is none.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Differs => "differs",
            Self::NoDifferenceShown => "no difference shown",
            Self::TooFew => "too few repeats",
        }
    }
}

/// Two figures side by side.
#[derive(Clone, Debug)]
pub struct Row {
    /// Concurrency of the stage; `None` for whole runs.
    pub concurrency: Option<u64>,
    /// Name of the case; `None` for the row over all cases.
    pub case: Option<String>,
    /// Figure of the first run.
    pub a: Option<Figure>,
    /// Figure of the second run.
    pub b: Option<Figure>,
    /// Whether both figures cover the same cases.
    pub is_of_same: bool,
    /// Whether the figures are shares of the answers, in percent.
    pub is_share: bool,
    /// Significance test of the difference; `None` if a figure has no interval.
    pub test: Option<DifferenceTest>,
    /// P-value corrected for the number of cases; `None` for a row that needs no correction.
    pub corrected_p: Option<f64>,
}

impl Row {
    /// Creates the row over all cases of two whole runs, with Welch's test of the difference.
    pub fn new(a: Option<Figure>, b: Option<Figure>) -> Self {
        let estimates = a.and_then(Figure::estimate).zip(b.and_then(Figure::estimate));
        let test = estimates.and_then(|(a, b)| welch(a, b));
        Self { concurrency: None, case: None, a, b, is_of_same: true, is_share: false, test, corrected_p: None }
    }

    /// Returns the p-value of the difference, corrected in rows of single cases; `None` without a test.
    pub fn p_value(&self) -> Option<f64> {
        self.corrected_p.or_else(|| Some(self.test.filter(|_| !self.is_share)?.p_value))
    }

    /// Returns the 95% interval of the difference in percent of A; `None` without a test.
    pub fn difference_percent_ci95(&self) -> Option<Interval> {
        let (a, test) = (self.a.filter(|a| a.mean > 0.0)?, self.test.filter(|_| !self.is_share)?);
        Some(test.ci95.scaled(100.0 / a.mean))
    }

    /// Returns the difference B − A in percent of A.
    pub fn difference_percent(&self) -> Option<f64> {
        let (a, b) = (self.a?.mean, self.b?.mean);
        (a > 0.0).then(|| (b - a) / a * 100.0)
    }

    /// Returns the difference B − A of two shares, in percentage points; `None` for other figures.
    pub fn difference_points(&self) -> Option<f64> {
        Some(self.b.filter(|_| self.is_share)?.mean - self.a?.mean)
    }

    /// Returns Newcombe's 95% interval of the difference of two shares, in percentage points; `None` for other figures.
    pub fn points_ci95(&self) -> Option<Interval> {
        let counts = |figure: Figure| ((figure.mean / 100.0 * figure.n as f64).round() as usize, figure.n);
        let (a, b) = (self.a.filter(|_| self.is_share)?, self.b?);
        newcombe_interval(counts(a), counts(b)).map(|interval| interval.scaled(100.0))
    }

    /// Judges the difference; `None` if a figure is missing or the figures cover different cases.
    pub fn judge(&self, better: Option<Better>) -> Option<Judgement> {
        let (a, b) = (self.a.filter(|_| self.is_of_same)?, self.b?);
        let has_larger_b = b.mean > a.mean;
        let judged = |is_clear: bool| match better {
            _ if !is_clear => Judgement::NoDifferenceShown,
            None => Judgement::Differs,
            Some(better) if has_larger_b == (better == Better::High) => Judgement::Better,
            Some(_) => Judgement::Worse,
        };
        if let Some(interval) = self.points_ci95() {
            return Some(judged(interval.low > 0.0 || interval.high < 0.0));
        }
        Some(self.p_value().map_or(Judgement::TooFew, |p| judged(p < LEVEL)))
    }
}

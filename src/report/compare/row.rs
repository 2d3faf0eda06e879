//! Two figures side by side, and the judgement on their difference.

use super::Figure;
use crate::domain::interval::{Interval, newcombe_interval};
use crate::domain::metrics::Better;

/// Judgement on the difference of two figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// The 95% intervals do not overlap, and B is better.
    Better,
    /// The 95% intervals do not overlap, and B is worse.
    Worse,
    /// The 95% intervals do not overlap, but neither direction is better.
    Differs,
    /// The 95% intervals overlap.
    NoDifferenceShown,
    /// A figure has no interval, so the difference may be chance.
    TooFew,
}

impl Judgement {
    /// Returns the judgement in words, or why there is none.
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
    /// Name of the case; `None` for all cases.
    pub case: Option<String>,
    /// Figure of the first run.
    pub a: Option<Figure>,
    /// Figure of the second run.
    pub b: Option<Figure>,
    /// Whether both figures cover the same cases.
    pub is_of_same: bool,
    /// Whether the figures are shares of the answers, in percent.
    pub is_share: bool,
}

impl Row {
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
        let Some((wide_a, wide_b)) = a.half_width.zip(b.half_width) else { return Some(Judgement::TooFew) };
        Some(judged((a.mean - b.mean).abs() > wide_a + wide_b))
    }
}

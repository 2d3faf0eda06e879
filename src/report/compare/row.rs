//! Two figures side by side, and the judgement on their difference.

use super::Figure;
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
}

impl Row {
    /// Returns the difference B − A in percent of A.
    pub fn difference_percent(&self) -> Option<f64> {
        let (a, b) = (self.a?.mean, self.b?.mean);
        (a > 0.0).then(|| (b - a) / a * 100.0)
    }

    /// Judges the difference; `None` if a figure is missing or the figures cover different cases.
    pub fn judge(&self, better: Option<Better>) -> Option<Judgement> {
        let (a, b) = (self.a.filter(|_| self.is_of_same)?, self.b?);
        let Some((wide_a, wide_b)) = a.half_width.zip(b.half_width) else { return Some(Judgement::TooFew) };
        if (a.mean - b.mean).abs() <= wide_a + wide_b {
            return Some(Judgement::NoDifferenceShown);
        }
        Some(match better {
            None => Judgement::Differs,
            Some(better) if (b.mean < a.mean) == (better == Better::Low) => Judgement::Better,
            Some(_) => Judgement::Worse,
        })
    }
}

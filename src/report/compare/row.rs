//! Two figures side by side, and what can be said of them.

use super::Figure;
use crate::domain::metrics::Better;

/// What can be said of two figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// The 95 % intervals do not meet: B is better.
    Better,
    /// They do not meet: B is worse.
    Worse,
    /// They do not meet, and neither is better.
    Differs,
    /// The intervals meet.
    NoDifferenceShown,
    /// One has no interval: nothing can be said of chance.
    TooFew,
}

impl Judgement {
    /// In words; the empty one says nothing.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Differs => "differs",
            Self::NoDifferenceShown => "no difference shown",
            Self::TooFew => "",
        }
    }
}

/// Two figures side by side.
#[derive(Clone, Debug)]
pub struct Row {
    /// Requests at once where it is of one stage; `None` is the run as a whole.
    pub concurrency: Option<u64>,
    /// The case; `None` is all of them.
    pub case: Option<String>,
    /// Of the first run.
    pub a: Option<Figure>,
    /// Of the second.
    pub b: Option<Figure>,
    /// Both rest on the same cases.
    pub is_of_same: bool,
}

impl Row {
    /// By how much B lies above A, in percent of A.
    pub fn difference_percent(&self) -> Option<f64> {
        let (a, b) = (self.a?.mean, self.b?.mean);
        (a > 0.0).then(|| (b - a) / a * 100.0)
    }

    /// What can be said of it; `None` where one figure is missing, or they rest on different cases.
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

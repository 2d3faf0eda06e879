//! A race of two sides: two endpoints, models or settings that get the same cases, interleaved in blocks of random order.
//!
//! A block holds each case once for each side. The cases of the suite come in pairs: the case of side A, then the same case
//! of side B.

use serde::{Deserialize, Serialize};

use super::metrics::{ITL, LATENCY, Metric, SPEED, TTFT};
use super::random::Random;

/// Metrics of a race.
pub static RACED: [&Metric; 4] = [&TTFT, &ITL, &LATENCY, &SPEED];

/// Probability that a race of equal sides ever claims a faster one, in any metric, however often it looks.
pub const ERROR_RATE: f64 = 0.05;

/// Maximum blocks of a race.
pub const MAX_BLOCKS: u32 = 1000;

/// A side of a race.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The first side, which every difference is measured from.
    #[default]
    A,
    /// The second side.
    B,
}

impl Side {
    /// Both sides.
    pub const BOTH: [Self; 2] = [Self::A, Self::B];

    /// Side of a case in the suite of a race.
    pub const fn from_case(case: usize) -> Self {
        if case.is_multiple_of(2) { Self::A } else { Self::B }
    }

    /// Position of the side, 0 or 1.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Letter of the side.
    pub const fn letter(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
        }
    }
}

/// The same case of the other side.
pub const fn opponent(case: usize) -> usize {
    case ^ 1
}

/// Settings of a race.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Race {
    /// The two sides.
    pub sides: [RaceSide; 2],
    /// Seed of the order in each block.
    pub seed: u64,
    /// Difference up to which the sides count as equal, percent.
    pub margin_percent: f64,
    /// Whether only one request is in flight at a time. Otherwise both sides run at once.
    pub takes_turns: bool,
    /// Whether all blocks are run, even after the race is decided.
    #[serde(default)]
    pub runs_all: bool,
    /// Keys of the metrics that must be decided; empty for all.
    #[serde(default)]
    pub until: Vec<String>,
}

/// One side of a race, as the user named it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RaceSide {
    /// Base URL, without secrets.
    pub url: String,
    /// Whether a user name, a password or a query was removed from the URL.
    #[serde(default)]
    pub url_cut: bool,
    /// Model that the user named.
    pub model: Option<String>,
    /// Fields that this side adds to each request body, as JSON; empty for none.
    #[serde(default)]
    pub extra: String,
}

impl Race {
    /// Order of the cases in a block, from 0. Depends only on the seed and the block.
    pub fn order(&self, block: usize, cases: usize) -> Vec<usize> {
        let mut random = Random::for_index(self.seed, block as u64);
        let mut order: Vec<usize> = (0..cases).collect();
        // Fisher and Yates: each order has the same probability.
        for last in (1..cases).rev() {
            order.swap(last, random.below(last as u64 + 1) as usize);
        }
        order
    }

    /// Whether a metric must be decided before the race stops.
    pub fn waits_for(&self, metric: &Metric) -> bool {
        self.until.is_empty() || self.until.iter().any(|key| key == metric.key)
    }

    /// Logarithm of the largest ratio that counts as equal.
    pub fn log_margin(&self) -> f64 {
        (self.margin_percent / 100.0).ln_1p()
    }

    /// Short names that tell the sides apart: their models if these differ, else their hosts, else their extra fields.
    pub fn names(&self) -> [String; 2] {
        let [a, b] = &self.sides;
        let pick = |name: fn(&RaceSide) -> String| [name(a), name(b)];
        let host = |side: &RaceSide| {
            let rest = side.url.split_once("://").map_or(side.url.as_str(), |(_scheme, rest)| rest);
            rest.split('/').next().unwrap_or_default().to_owned()
        };
        if a.model != b.model && a.model.is_some() && b.model.is_some() {
            pick(|side| side.model.clone().unwrap_or_default())
        } else if a.url != b.url {
            pick(host)
        } else if a.extra != b.extra {
            pick(|side| if side.extra.is_empty() { "no extra fields".to_owned() } else { side.extra.clone() })
        } else {
            pick(host)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn race(sides: [RaceSide; 2]) -> Race {
        Race { sides, seed: 3, margin_percent: 2.0, takes_turns: false, runs_all: false, until: Vec::new() }
    }

    #[test]
    fn each_block_has_every_case_once_in_an_order_of_its_own() {
        let race = race(Default::default());
        let orders: Vec<_> = (0..200).map(|block| race.order(block, 6)).collect();
        for order in &orders {
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3, 4, 5]);
        }
        assert_eq!(orders, (0..200).map(|block| race.order(block, 6)).collect::<Vec<_>>());
        // Side A is first in half of the blocks, and each case is first in a sixth; five standard deviations.
        let first_a = orders.iter().filter(|order| Side::from_case(order[0]) == Side::A).count();
        assert!((first_a as f64 - 100.0).abs() < 5.0 * (200.0 * 0.25_f64).sqrt(), "{first_a}");
        let other = Race { seed: 4, ..race };
        assert_ne!(orders[..9], (0..9).map(|block| other.order(block, 6)).collect::<Vec<_>>());
    }

    #[test]
    fn sides_are_named_by_what_differs() {
        let side = |url: &str, model: Option<&str>, extra: &str| RaceSide {
            url: url.to_owned(),
            model: model.map(str::to_owned),
            extra: extra.to_owned(),
            url_cut: false,
        };
        let names = |a, b| race([a, b]).names();
        let url = "http://h:1/v1";
        assert_eq!(names(side(url, Some("m"), ""), side(url, Some("n"), "")), ["m", "n"]);
        assert_eq!(names(side(url, None, ""), side("http://h:2/v1", None, "")), ["h:1", "h:2"]);
        assert_eq!(
            names(side(url, Some("m"), ""), side(url, Some("m"), "{\"n\":1}")),
            ["no extra fields", "{\"n\":1}"]
        );
    }

    #[test]
    fn cases_come_in_pairs() {
        assert_eq!((opponent(4), opponent(5)), (5, 4));
        assert_eq!([4, 5].map(Side::from_case), [Side::A, Side::B]);
    }
}

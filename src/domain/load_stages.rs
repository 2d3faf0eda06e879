//! A sequence of loads, each for its own time: `--stages`.

mod parse;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use self::parse::{InvalidStages, MAX_CONCURRENCY, MAX_RATE_PER_S, MIN_RATE_PER_S, STAGE_FORMS};
use super::shard::Shard;

/// One load and its duration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoadStage {
    /// Load on the server.
    pub load: StageLoad,
    /// Duration of the stage.
    pub time: Duration,
}

/// Load of a stage: the same from its start to its end, or linear between two values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StageLoad {
    /// Requests in flight in a closed loop, each at least 1.
    Concurrency {
        /// Load at the start of the stage.
        from: u32,
        /// Load at the end of the stage.
        to: u32,
    },
    /// Starts per second in an open loop, not negative.
    Rate {
        /// Load at the start of the stage.
        from_per_s: f64,
        /// Load at the end of the stage.
        to_per_s: f64,
    },
}

impl StageLoad {
    /// Requests in flight at `at`, counted from the start of a stage that takes `time`: linear, rounded to the nearest
    /// number. `None` for a rate.
    fn concurrency(self, at: Duration, time: Duration) -> Option<usize> {
        let Self::Concurrency { from, to } = self else { return None };
        let (at, time) = (nanos(at.min(time)), nanos(time).max(1));
        let rise = i128::from(to) - i128::from(from);
        let level = i128::from(from) + (2 * rise * at + time).div_euclid(2 * time);
        Some(usize::try_from(level).unwrap_or_default().max(1))
    }

    /// Time from the start of the stage from which more than `users` requests may be in flight.
    fn rises_above(self, users: usize, time: Duration) -> Option<Duration> {
        let Self::Concurrency { from, to } = self else { return None };
        let steps = users as i128 + 1 - i128::from(from);
        let (rise, time) = (i128::from(to) - i128::from(from), nanos(time));
        if steps <= 0 {
            return Some(Duration::ZERO);
        }
        // The inverse of the rounding above: the first moment at which rise · at / time reaches steps - 1/2.
        let at = (steps <= rise).then(|| (time * (2 * steps - 1)).div_euclid(2 * rise) + 1)?;
        Some(Duration::from_nanos(u64::try_from(at).ok()?))
    }

    /// Highest number of requests in flight; `None` for a rate.
    fn max_concurrency(self) -> Option<usize> {
        let Self::Concurrency { from, to } = self else { return None };
        Some(from.max(to) as usize)
    }
}

impl fmt::Display for StageLoad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Concurrency { from, to } if from == to => write!(f, "{from}"),
            Self::Concurrency { from, to } => write!(f, "{from}..{to}"),
            Self::Rate { from_per_s, to_per_s } if from_per_s.total_cmp(to_per_s).is_eq() => {
                write!(f, "{from_per_s}/s")
            }
            Self::Rate { from_per_s, to_per_s } => write!(f, "{from_per_s}/s..{to_per_s}/s"),
        }
    }
}

/// Length of a time, nanoseconds.
fn nanos(time: Duration) -> i128 {
    i128::from(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}

/// Stages that follow each other without a pause. Requests in flight continue when the next stage begins.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadStages(Arc<[LoadStage]>);

impl LoadStages {
    /// The stages in order; at least one.
    pub fn all(&self) -> &[LoadStage] {
        &self.0
    }

    /// This shard's part of the stages; `None` if some stage has fewer requests in flight than there are shards.
    pub fn part_of(&self, shard: Shard) -> Option<Self> {
        let part = |stage: &LoadStage| {
            let load = match stage.load {
                StageLoad::Concurrency { from, to } if u64::from(from.min(to)) < shard.count => return None,
                StageLoad::Concurrency { from, to } => {
                    let part = |users: u32| shard.part_of(users.into()) as u32;
                    StageLoad::Concurrency { from: part(from), to: part(to) }
                }
                StageLoad::Rate { from_per_s, to_per_s } => {
                    let count = shard.count as f64;
                    StageLoad::Rate { from_per_s: from_per_s / count, to_per_s: to_per_s / count }
                }
            };
            Some(LoadStage { load, time: stage.time })
        };
        self.0.iter().map(part).collect::<Option<Arc<[_]>>>().map(Self)
    }

    /// Duration of all stages together.
    pub fn time(&self) -> Duration {
        self.0.iter().fold(Duration::ZERO, |sum, stage| sum.saturating_add(stage.time))
    }

    /// Time from the start of the first stage to that of a stage; `None` if there is no such stage.
    pub fn begins_at(&self, stage: usize) -> Option<Duration> {
        let before = self.0.get(..stage).filter(|_| stage < self.0.len())?;
        Some(before.iter().fold(Duration::ZERO, |sum, stage| sum.saturating_add(stage.time)))
    }

    /// Requests in flight at `at`, counted from the start of the first stage; `None` for rates.
    pub fn concurrency_at(&self, at: Duration) -> Option<usize> {
        let (stage, begun) = self.stage_at(at)?;
        stage.load.concurrency(at.saturating_sub(begun), stage.time)
    }

    /// First time after `at` at which more than `users` requests may be in flight; `None` if there is none.
    pub fn rises_above(&self, users: usize, at: Duration) -> Option<Duration> {
        let mut begun = Duration::ZERO;
        for stage in self.0.iter() {
            let end = begun.saturating_add(stage.time);
            let from = stage.load.rises_above(users, stage.time).map(|from| begun.saturating_add(from));
            if let Some(rise) = from.filter(|rise| *rise < end && *rise > at) {
                return Some(rise);
            }
            begun = end;
        }
        None
    }

    /// Highest number of requests in flight in any stage; `None` for rates.
    pub fn most_concurrent(&self) -> Option<usize> {
        self.0.iter().filter_map(|stage| stage.load.max_concurrency()).max()
    }

    /// Mean starts per second over all stages; `None` for concurrencies.
    pub fn mean_rate_per_s(&self) -> Option<f64> {
        let curve = self.rates()?;
        Some(curve.starts_until(self.time().as_secs_f64()) / self.time().as_secs_f64())
    }

    /// Rate as a function of time; `None` for concurrencies.
    pub fn rates(&self) -> Option<RateCurve> {
        let piece = |stage: &LoadStage| match stage.load {
            StageLoad::Rate { from_per_s, to_per_s } => Some((stage.time.as_secs_f64(), from_per_s, to_per_s)),
            StageLoad::Concurrency { .. } => None,
        };
        self.0.iter().map(piece).collect::<Option<Vec<_>>>().map(|pieces| RateCurve { pieces: pieces.into() })
    }

    /// Returns the stage at a time, and its start. After the end, returns the last stage.
    fn stage_at(&self, at: Duration) -> Option<(&LoadStage, Duration)> {
        let mut begun = Duration::ZERO;
        let mut found = None;
        for stage in self.0.iter() {
            if found.is_some() && begun > at {
                break;
            }
            found = Some((stage, begun));
            begun = begun.saturating_add(stage.time);
        }
        found
    }
}

impl fmt::Display for LoadStages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, stage) in self.0.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            write!(f, "{comma}{}:{}s", stage.load, stage.time.as_secs_f64())?;
        }
        Ok(())
    }
}

/// A rate that is linear in each of its pieces.
///
/// The number of starts expected until time t is the integrated rate Λ(t). A process with rate 1 that starts requests
/// at u₁, u₂, … becomes one of this rate that starts them at Λ⁻¹(u₁), Λ⁻¹(u₂), … (time-change theorem; Lewis and
/// Shedler 1979 for Poisson processes). In a piece from r₀ to r₁ over T, with s = (r₁ − r₀) / T, Λ grows by r₀t +
/// st²/2, so that a growth a takes t = 2a / (r₀ + √(r₀² + 2sa)).
#[derive(Clone, Debug, PartialEq)]
pub struct RateCurve {
    /// Length in seconds, rate at the start and rate at the end of each piece.
    pieces: Arc<[(f64, f64, f64)]>,
}

impl RateCurve {
    /// Starts expected until `at_s` seconds: the integrated rate.
    pub fn starts_until(&self, at_s: f64) -> f64 {
        let (mut starts, mut left_s) = (0.0, at_s);
        for &(piece_s, from_per_s, to_per_s) in self.pieces.iter() {
            let t = left_s.clamp(0.0, piece_s);
            starts += t * (from_per_s + 0.5 * t * (to_per_s - from_per_s) / piece_s);
            left_s -= piece_s;
        }
        starts + left_s.max(0.0) * self.last_rate_per_s()
    }

    /// Seconds until this many starts are expected: the inverse of [`Self::starts_until`]. After the last piece, its
    /// last rate continues. Infinite if that rate is 0.
    pub fn time_of_s(&self, starts: f64) -> f64 {
        let (mut begun_s, mut left) = (0.0, starts);
        for &(piece_s, from_per_s, to_per_s) in self.pieces.iter() {
            let in_piece = 0.5 * piece_s * (from_per_s + to_per_s);
            if left < in_piece {
                let slope = (to_per_s - from_per_s) / piece_s;
                let root = (from_per_s * from_per_s + 2.0 * slope * left).max(0.0).sqrt();
                let divisor = from_per_s + root;
                return begun_s + if divisor > 0.0 { (2.0 * left / divisor).min(piece_s) } else { 0.0 };
            }
            left -= in_piece;
            begun_s += piece_s;
        }
        begun_s + if left > 0.0 { left / self.last_rate_per_s() } else { 0.0 }
    }

    fn last_rate_per_s(&self) -> f64 {
        self.pieces.last().map_or(0.0, |piece| piece.2)
    }
}

#[cfg(test)]
mod tests;

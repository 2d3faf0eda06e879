//! The open loop: requests start at scheduled times, however fast the server answers.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::load_stages::RateCurve;
use super::random::Random;
use super::shard::Shard;

/// Settings of an open loop: requests at a given rate. A closed loop waits for an answer before it sends the next
/// request, so a slow server gets less load. In an open loop the queue grows instead, and its delay is measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenLoop {
    /// Mean requests per second; above 0.
    pub rate_per_s: f64,
    /// Distribution of the starts over time.
    pub process: Process,
    /// Random seed, which makes the schedule reproducible.
    pub seed: u64,
}

impl OpenLoop {
    /// This shard's part of the load.
    ///
    /// Independent Poisson processes of rate λ/N add up to one of rate λ (superposition). Constant starts of N shards,
    /// each i/λ later, are those of the whole run. The sum of gamma processes has the mean rate λ, but is closer to
    /// Poisson than each of them.
    #[must_use]
    pub fn part_of(self, shard: Shard) -> Self {
        Self { rate_per_s: self.rate_per_s / shard.count as f64, process: self.process, seed: shard.seed(self.seed) }
    }
}

/// Distribution of starts over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Process {
    /// Exponential gaps, as from independent users.
    #[default]
    Poisson,
    /// Equal gaps.
    Constant,
    /// Gaps of a gamma distribution, as vLLM's `--burstiness` draws them.
    Gamma {
        /// Shape of the distribution, above 0. A shape of 1 is a Poisson process; smaller values give bursts, larger
        /// values even gaps.
        burstiness: f64,
    },
}

impl Process {
    /// Name on the command line and in `results.json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Poisson => "poisson",
            Self::Constant => "constant",
            Self::Gamma { .. } => "gamma",
        }
    }

    /// Shape of gamma-distributed gaps; `None` for other processes.
    pub const fn burstiness(self) -> Option<f64> {
        match self {
            Self::Gamma { burstiness } => Some(burstiness),
            Self::Poisson | Self::Constant => None,
        }
    }
}

/// Writes `poisson`, `constant`, or `gamma 0.5` with the burstiness.
impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())?;
        self.burstiness().map_or(Ok(()), |burstiness| write!(f, " {burstiness}"))
    }
}

/// Schedule of intended starts. Times count from the first start.
#[derive(Clone, Debug)]
pub struct Starts {
    process: Process,
    rate: Rate,
    taken: u64,
    /// Position of the first start of a constant process.
    offset: f64,
    random: Random,
    /// Position of the next start in the process with rate 1.
    position: f64,
}

/// Conversion of positions in a process with rate 1 into seconds.
#[derive(Clone, Debug)]
enum Rate {
    Constant {
        rate_per_s: f64,
    },
    /// A rate that changes along a curve, entered `from_s` seconds after its beginning, where `from_position` starts
    /// are expected.
    Curve {
        curve: RateCurve,
        from_s: f64,
        from_position: f64,
    },
}

impl Rate {
    fn time_s(&self, position: f64) -> f64 {
        match self {
            Self::Constant { rate_per_s } => position / rate_per_s,
            Self::Curve { curve, from_s, from_position } => curve.time_of_s(from_position + position) - from_s,
        }
    }

    fn position(&self, time_s: f64) -> f64 {
        match self {
            Self::Constant { rate_per_s } => time_s * rate_per_s,
            Self::Curve { curve, from_s, from_position } => curve.starts_until(from_s + time_s) - from_position,
        }
    }
}

impl Starts {
    /// Creates a schedule at its first start.
    pub fn new(plan: OpenLoop) -> Self {
        Self::with_rate(plan, Rate::Constant { rate_per_s: plan.rate_per_s })
    }

    /// Creates a schedule whose rate follows a curve, beginning at the time `from` of the curve.
    pub fn with_curve(plan: OpenLoop, curve: RateCurve, from: Duration) -> Self {
        let from_s = from.as_secs_f64();
        let position = curve.starts_until(from_s);
        Self::with_rate(plan, Rate::Curve { curve, from_s, from_position: position })
    }

    fn with_rate(plan: OpenLoop, rate: Rate) -> Self {
        let OpenLoop { process, seed, .. } = plan;
        Self { process, rate, taken: 0, offset: 0.0, random: Random::new(seed), position: 0.0 }
    }

    /// Moves the starts so that those of all shards together have the distribution of a whole run. Only the first shard
    /// starts a request at once; the others wait for a part of their gap, or for a random gap.
    #[must_use]
    pub fn in_shard(mut self, shard: Shard) -> Self {
        match self.process {
            Process::Constant => {
                self.offset = shard.index as f64 / shard.count as f64;
                self.position = self.offset;
            }
            Process::Poisson | Process::Gamma { .. } if shard.index > 0 => self.advance(),
            Process::Poisson | Process::Gamma { .. } => {}
        }
        self
    }

    /// Time of the next start.
    pub fn next(&self) -> Duration {
        Duration::try_from_secs_f64(self.rate.time_s(self.position).max(0.0)).unwrap_or(Duration::MAX)
    }

    /// Advances to the following start.
    pub fn advance(&mut self) {
        self.taken += 1;
        match self.process {
            // The position is counted, not added up, which avoids accumulated rounding errors.
            Process::Constant => self.position = self.taken as f64 + self.offset,
            Process::Poisson => self.position -= self.random.unit().ln(),
            Process::Gamma { burstiness } => self.position += self.random.gamma(burstiness) / burstiness,
        }
    }

    /// Advances to the first start at or after `until`; returns the number of starts skipped.
    pub fn skip_to(&mut self, until: Duration) -> usize {
        // Bounds the work for absurd values in a damaged journal.
        const MAX_STEPS: usize = 10_000_000;
        let mut skipped = 0;
        while self.next() < until {
            if skipped == MAX_STEPS {
                self.position = self.rate.position(until.as_secs_f64());
                break;
            }
            self.advance();
            skipped += 1;
        }
        skipped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(process: Process, rate_per_s: f64, seed: u64, count: usize) -> Vec<Duration> {
        let mut starts = Starts::new(OpenLoop { rate_per_s, process, seed });
        let next = |_| {
            let at = starts.next();
            starts.advance();
            at
        };
        (0..count).map(next).collect()
    }

    #[test]
    fn constant_starts_do_not_drift() {
        let starts = first(Process::Constant, 3.0, 0, 3001);
        assert_eq!(starts[0], Duration::ZERO);
        assert_eq!((starts[3], starts[3000]), (Duration::from_secs(1), Duration::from_secs(1000)));
    }

    #[test]
    fn the_seed_determines_the_schedule() {
        let starts = first(Process::Poisson, 50.0, 7, 100);
        assert_eq!(starts, first(Process::Poisson, 50.0, 7, 100));
        assert_ne!(starts, first(Process::Poisson, 50.0, 8, 100));
        assert!(starts.is_sorted());
    }

    #[test]
    fn poisson_gaps_have_mean_and_spread_of_an_exponential_distribution() {
        let starts = first(Process::Poisson, 10.0, 1, 20_001);
        let gaps: Vec<f64> = starts.windows(2).map(|w| w[1].as_secs_f64() - w[0].as_secs_f64()).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let std = (gaps.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / gaps.len() as f64).sqrt();
        // Both are 0.1 s; the standard error of the mean of 20,000 values is 0.0007 s.
        assert!((mean - 0.1).abs() < 0.003 && (std - 0.1).abs() < 0.005, "{mean} {std}");
        // A share of 1 − 1/e of the gaps is shorter than the mean.
        let short = gaps.iter().filter(|g| **g < 0.1).count() as f64 / gaps.len() as f64;
        assert!((short - 0.632).abs() < 0.015, "{short}");
    }

    /// Mean and squared coefficient of variation of the gaps.
    fn gap_statistics(process: Process, count: usize) -> (f64, f64) {
        let starts = first(process, 10.0, 5, count + 1);
        let gaps: Vec<f64> = starts.windows(2).map(|w| w[1].as_secs_f64() - w[0].as_secs_f64()).collect();
        let n = gaps.len() as f64;
        let mean = gaps.iter().sum::<f64>() / n;
        (mean, gaps.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / n / (mean * mean))
    }

    #[test]
    fn gamma_gaps_keep_the_mean_rate_and_have_the_asked_burstiness() {
        const N: usize = 40_000;
        for burstiness in [0.25, 0.5, 1.0, 2.0, 10.0] {
            let (mean, variation) = gap_statistics(Process::Gamma { burstiness }, N);
            // The mean of a gamma distribution of shape k has a standard error of mean / sqrt(kN).
            let error = 0.1 / (burstiness * N as f64).sqrt();
            assert!((mean - 0.1).abs() < 4.0 * error, "{burstiness}: mean {mean}");
            // The variance is mean² / k. With the kurtosis 3 + 6/k, its relative standard error is
            // sqrt((2 + 6/k) / N), to which that of the squared mean adds 2 / sqrt(kN) at most.
            let error = ((2.0 + 6.0 / burstiness) / N as f64).sqrt() + 2.0 / (burstiness * N as f64).sqrt();
            assert!((variation * burstiness - 1.0).abs() < 4.0 * error, "{burstiness}: variation {variation}");
        }
    }

    #[test]
    fn starts_follow_a_ramp() {
        let curve = "0/s..10/s:100s".parse::<crate::domain::load_stages::LoadStages>().unwrap().rates().unwrap();
        let constant = OpenLoop { rate_per_s: 5.0, process: Process::Constant, seed: 0 };
        let mut starts = Starts::with_curve(constant, curve.clone(), Duration::ZERO);
        // 500 starts are expected in 100 s, a quarter of them in the first half.
        assert_eq!(starts.skip_to(Duration::from_secs(50)), 125);
        assert_eq!(starts.skip_to(Duration::from_secs(100)), 375);
        // A schedule that enters the ramp in its middle still has its first start at once.
        let mut later = Starts::with_curve(constant, curve, Duration::from_secs(50));
        assert_eq!((later.next(), later.skip_to(Duration::from_secs(50))), (Duration::ZERO, 375));
    }

    /// Starts of all shards within `time_s`, seconds, ascending.
    fn of_all_shards(whole: OpenLoop, count: u64, time_s: f64) -> Vec<f64> {
        let starts_of = |index| {
            let shard = Shard { index, count };
            let mut starts = Starts::new(whole.part_of(shard)).in_shard(shard);
            std::iter::from_fn(move || {
                let at = starts.next();
                starts.advance();
                Some(at.as_secs_f64())
            })
            .take_while(|at| *at < time_s)
        };
        let mut all: Vec<f64> = (0..count).flat_map(starts_of).collect();
        all.sort_by(f64::total_cmp);
        all
    }

    #[test]
    fn constant_starts_of_shards_are_those_of_the_whole_run() {
        let whole = OpenLoop { rate_per_s: 8.0, process: Process::Constant, seed: 0 };
        let all = of_all_shards(whole, 5, 10.0);
        assert_eq!(all.len(), 80);
        assert!(all.iter().zip(0..).all(|(at, n)| (at - f64::from(n) / 8.0).abs() < 1e-6), "{all:?}");
    }

    #[test]
    fn poisson_starts_of_shards_are_those_of_a_poisson_process() {
        const RATE: f64 = 50.0;
        let whole = OpenLoop { rate_per_s: RATE, process: Process::Poisson, seed: 3 };
        let all = of_all_shards(whole, 8, 400.0);
        // The first start is at zero; the number of others has mean and variance 20,000.
        assert!((all.len() as f64 - 20_001.0).abs() < 4.0 * 20_000_f64.sqrt(), "{}", all.len());
        assert!(all[0] <= 0.0 && all[1] > 0.0, "only one shard starts at once");
        let mut gaps: Vec<f64> = all.windows(2).map(|w| w[1] - w[0]).collect();
        gaps.sort_by(f64::total_cmp);
        // The Kolmogorov-Smirnov distance to the exponential distribution is below 1.95/√n in 999 of 1000 samples.
        let n = gaps.len() as f64;
        let distance = |(at, gap): (usize, &f64)| (1.0 - (-RATE * gap).exp() - (at as f64 + 0.5) / n).abs();
        let distance = gaps.iter().enumerate().map(distance).fold(0.0, f64::max);
        assert!(distance < 1.95 / n.sqrt(), "{distance}");
    }
}

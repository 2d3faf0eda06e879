//! The open loop: requests start at scheduled times, however fast the server answers.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::random::Random;

/// Requests at a fixed rate. A closed loop waits for an answer before the next request, so a slow server gets less
/// load; in an open loop the queue grows instead and is measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenLoop {
    /// Mean requests per second; above 0.
    pub rate_per_s: f64,
    /// Distribution of the starts.
    pub process: Process,
    /// Random seed, which makes the schedule reproducible.
    pub seed: u64,
}

/// Distribution of starts over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Process {
    /// Exponential gaps, as from independent users.
    #[default]
    Poisson,
    /// Equal gaps.
    Constant,
}

impl Process {
    /// Name on the command line and in `results.json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Poisson => "poisson",
            Self::Constant => "constant",
        }
    }
}

/// Schedule of intended starts, as time since the first start, which is at zero.
#[derive(Clone, Debug)]
pub struct Starts {
    plan: OpenLoop,
    taken: u64,
    random: Random,
    next_s: f64,
}

impl Starts {
    /// Creates a schedule at its first start.
    pub const fn new(plan: OpenLoop) -> Self {
        Self { plan, taken: 0, random: Random::new(plan.seed), next_s: 0.0 }
    }

    /// Time of the next start.
    pub fn next(&self) -> Duration {
        Duration::try_from_secs_f64(self.next_s).unwrap_or(Duration::MAX)
    }

    /// Advances to the following start.
    pub fn advance(&mut self) {
        self.taken += 1;
        match self.plan.process {
            // Multiplying instead of adding avoids accumulated rounding errors.
            Process::Constant => self.next_s = self.taken as f64 / self.plan.rate_per_s,
            Process::Poisson => self.next_s += -self.random.unit().ln() / self.plan.rate_per_s,
        }
    }

    /// Advances to the first start at or after `until`; returns the number of starts skipped.
    pub fn skip_to(&mut self, until: Duration) -> usize {
        // Bounds the work for absurd values in a damaged file.
        const MAX_STEPS: usize = 10_000_000;
        let mut skipped = 0;
        while self.next() < until {
            if skipped == MAX_STEPS {
                self.next_s = until.as_secs_f64();
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
}

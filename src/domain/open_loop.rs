//! The open loop: requests start at times fixed beforehand, however fast the server answers.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::random::Random;

/// Requests at a rate of their own. A closed loop waits for an answer before it asks again, so that a slow server is
/// asked less; here the queue grows instead, and is measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenLoop {
    /// Requests per second in the mean; above 0.
    pub rate_per_s: f64,
    /// How the starts are spread.
    pub process: Process,
    /// Makes the random gaps the same in every run.
    pub seed: u64,
}

/// How starts are spread over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Process {
    /// Exponential gaps: users that know nothing of each other.
    #[default]
    Poisson,
    /// Equal gaps.
    Constant,
}

impl Process {
    /// The name it has on the command line and in `results.json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Poisson => "poisson",
            Self::Constant => "constant",
        }
    }
}

/// The intended starts one after another, as time since the first, which is at zero.
#[derive(Clone, Debug)]
pub struct Starts {
    plan: OpenLoop,
    taken: u64,
    random: Random,
    next_s: f64,
}

impl Starts {
    /// From the first one on.
    pub const fn new(plan: OpenLoop) -> Self {
        Self { plan, taken: 0, random: Random::new(plan.seed), next_s: 0.0 }
    }

    /// The next one.
    pub fn next(&self) -> Duration {
        Duration::try_from_secs_f64(self.next_s).unwrap_or(Duration::MAX)
    }

    /// Goes on to the one after it.
    pub fn advance(&mut self) {
        self.taken += 1;
        match self.plan.process {
            // Multiplied and not added up: the thousandth is as exact as the first.
            Process::Constant => self.next_s = self.taken as f64 / self.plan.rate_per_s,
            Process::Poisson => self.next_s += -self.random.unit().ln() / self.plan.rate_per_s,
        }
    }

    /// Goes on to the first start at or after `until`; returns how many are passed over.
    pub fn skip_to(&mut self, until: Duration) -> usize {
        // A rate and a time out of a damaged file must not keep anybody waiting.
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
    fn a_seed_is_a_schedule() {
        let starts = first(Process::Poisson, 50.0, 7, 100);
        assert_eq!(starts, first(Process::Poisson, 50.0, 7, 100));
        assert_ne!(starts, first(Process::Poisson, 50.0, 8, 100));
        assert!(starts.is_sorted());
    }

    #[test]
    fn poisson_gaps_have_the_mean_and_the_spread_of_the_exponential() {
        let starts = first(Process::Poisson, 10.0, 1, 20_001);
        let gaps: Vec<f64> = starts.windows(2).map(|w| w[1].as_secs_f64() - w[0].as_secs_f64()).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let std = (gaps.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / gaps.len() as f64).sqrt();
        // Both are 0.1 s; the standard error of the mean of 20 000 is 0.0007 s.
        assert!((mean - 0.1).abs() < 0.003 && (std - 0.1).abs() < 0.005, "{mean} {std}");
        // A share of 1 − 1/e of the gaps is shorter than the mean.
        let short = gaps.iter().filter(|g| **g < 0.1).count() as f64 / gaps.len() as f64;
        assert!((short - 0.632).abs() < 0.015, "{short}");
    }
}

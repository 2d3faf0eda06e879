//! Deadlines of tokens, computed from a seed.

use std::time::Duration;

use super::SimConfig;
use super::spread::Spread;
use crate::domain::random::{Random, hash};

/// Prompt length that doubles the TTFT, tokens.
const TTFT_DOUBLING_TOKENS: f64 = 8192.0;

/// Share of the TTFT that is proportional to the uncached part of the prompt.
const PROMPT_SHARE_OF_TTFT: f64 = 0.6;

/// Iterator over the deadlines of one answer's tokens, as durations since the request. Adds up exact gaps, so delays do
/// not accumulate.
#[derive(Clone, Debug)]
pub struct Pace {
    random: Random,
    spread: Spread,
    next_s: f64,
    gap_s: f64,
}

impl Pace {
    /// Creates the deadlines of one request.
    pub fn new(config: &SimConfig, prompt_tokens: u64, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let spread = Spread::new(config.jitter);
        let ttft_s = config.ttft_ms / 1e3 * spread.draw(&mut random);
        let next_s = ttft_s * (1.0 + prompt_tokens as f64 / TTFT_DOUBLING_TOKENS);
        Self { random, spread, next_s, gap_s: 1.0 / config.tokens_per_s }
    }

    /// Shortens the TTFT of a prompt, if this share of it, 0 to 1, is cached.
    pub fn with_cached(self, share: f64) -> Self {
        Self { next_s: self.next_s * PROMPT_SHARE_OF_TTFT.mul_add(-share.clamp(0.0, 1.0), 1.0), ..self }
    }
}

impl Iterator for Pace {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let due = Duration::try_from_secs_f64(self.next_s).ok()?;
        self.next_s += self.gap_s * self.spread.draw(&mut self.random);
        Some(due)
    }
}

/// Returns a seed that is a hash of the data that identifies a request.
pub fn seed_of(parts: &[&[u8]]) -> u64 {
    hash(parts.iter().copied().flatten().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(jitter: f64) -> SimConfig {
        SimConfig { ttft_ms: 200.0, tokens_per_s: 100.0, jitter, ..SimConfig::default() }
    }

    /// Returns the gaps between tokens, as multiples of the configured gap.
    fn gaps(jitter: f64, seed: u64) -> Vec<f64> {
        let due: Vec<_> = Pace::new(&config(jitter), 0, seed).take(10_001).collect();
        due.windows(2).map(|w| w[1].saturating_sub(w[0]).as_secs_f64() * 100.0).collect()
    }

    #[test]
    fn without_jitter_deadlines_are_exact() {
        let due: Vec<_> = Pace::new(&config(0.0), 4096, 7).take(101).collect();
        assert_eq!(due[0], Duration::from_millis(300), "half of 8192 prompt tokens add half");
        for (n, due) in due.into_iter().enumerate() {
            let exact = 0.3 + n as f64 / 100.0;
            assert!((due.as_secs_f64() - exact).abs() < 1e-6, "token {n} is due at {due:?}");
        }
    }

    #[test]
    fn a_cached_prompt_shortens_the_time_to_the_first_token_and_no_gap() {
        let due = |share| Pace::new(&config(0.3), 0, 7).with_cached(share).take(3).collect::<Vec<_>>();
        let (cold, half, warm) = (due(0.0), due(0.5), due(1.0));
        assert_eq!(cold, Pace::new(&config(0.3), 0, 7).take(3).collect::<Vec<_>>());
        let share = |d: &[Duration]| d[0].as_secs_f64() / cold[0].as_secs_f64();
        assert!((share(&half) - 0.7).abs() < 1e-6 && (share(&warm) - 0.4).abs() < 1e-6);
        let gap = |d: &[Duration]| d[2].saturating_sub(d[1]).as_secs_f64();
        assert!((gap(&warm) - gap(&cold)).abs() < 1e-8);
    }

    #[test]
    fn with_jitter_rate_and_spread_match_the_configuration() {
        for (jitter, seed) in [(0.15, 1), (0.15, 2), (0.5, 3), (1.0, 4)] {
            let mut gaps = gaps(jitter, seed);
            let n = gaps.len() as f64;
            let mean = gaps.iter().sum::<f64>() / n;
            // The tolerance is four standard errors.
            assert!((mean - 1.0).abs() < 4.0 * jitter / n.sqrt(), "mean {mean} at {jitter}");
            let deviation = (gaps.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / n).sqrt();
            assert!((deviation / jitter - 1.0).abs() < 0.1, "deviation {deviation} at {jitter}");
            gaps.sort_by(f64::total_cmp);
            // The expected median is that of the log-normal distribution with mean 1.
            let median = 1.0 / (1.0 + jitter * jitter).sqrt();
            assert!((gaps[gaps.len() / 2] - median).abs() < 0.03, "median {} at {jitter}", gaps[gaps.len() / 2]);
            assert!(gaps[0] > 0.0);
        }
    }

    #[test]
    fn the_seed_determines_the_deadlines() {
        assert_eq!(gaps(0.3, 5), gaps(0.3, 5));
        assert_ne!(gaps(0.3, 5), gaps(0.3, 6));
        assert_ne!(seed_of(&[b"a", b"1"]), seed_of(&[b"a", b"2"]));
    }

    #[test]
    fn extreme_rates_fit_the_clock() {
        for tokens_per_s in [1e-3, 1e9] {
            let config = SimConfig { ttft_ms: 0.0, tokens_per_s, ..SimConfig::default() };
            assert_eq!(Pace::new(&config, 0, 1).take(100_000).count(), 100_000);
        }
    }
}

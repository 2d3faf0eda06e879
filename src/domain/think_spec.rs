//! Think times between the turns of a conversation, as users write them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::distribution::{Distribution, Format};
use super::random::Random;
use super::serde_text::serde_as_text;

/// Maximum think time.
const MAX_THINK: Duration = Duration::from_secs(86_400);
/// Forms of a think time, for errors and help.
pub const THINK_FORMS: &str = "2s, 2s~500ms (normal), 1s..5s (uniform), ~2s (exponential) or 1s:80,30s:20 (weights)";
/// Units of a time and their lengths in seconds. `ms` comes before `s`, which is also its last letter.
const UNITS: [(&str, f64); 4] = [("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];

const FORMAT: Format = Format { number: seconds, min: 0.0, has_exponential: true, is_whole: false };

/// A distribution of times: `2s`, `2s~500ms` (normal with mean and standard deviation), `1s..5s` (uniform), `~2s`
/// (exponential with this mean) or `1s:80,30s:20` (values with weights).
///
/// Exponential times are typical of independent users. As in TPC-C, they are cut at ten times the mean. Negative values
/// of a normal distribution are drawn again.
#[derive(Clone, Debug, PartialEq)]
pub struct ThinkSpec {
    distribution: Distribution,
    text: String,
}

/// Reason why a text is not a [`ThinkSpec`], in one sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}; use {THINK_FORMS}")]
pub struct InvalidThink(String);

fn seconds(text: &str) -> Result<f64, String> {
    parse_duration(text).map(|time| time.as_secs_f64())
}

/// Reads a time with its unit, like `500ms`, `1.5s`, `2m` or `1h`; at most one day.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("'{text}' is not a time from 0s to 24h, like 2s or 500ms");
    let split = UNITS.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)));
    let (number, unit_s) = split.ok_or_else(wrong)?;
    let is_plain = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let number = number.parse::<f64>().ok().filter(|_| is_plain).ok_or_else(wrong)?;
    Duration::try_from_secs_f64(number * unit_s).ok().filter(|time| *time <= MAX_THINK).ok_or_else(wrong)
}

impl ThinkSpec {
    /// Draws the think time of one turn. The same seed and index always give the same time; times of different indices
    /// are independent.
    pub fn sample(&self, seed: u64, index: u64) -> Duration {
        Duration::try_from_secs_f64(FORMAT.draw(&self.distribution, Random::for_index(seed, index))).unwrap_or_default()
    }

    /// Mean time.
    pub fn mean(&self) -> Duration {
        Duration::try_from_secs_f64(FORMAT.mean(&self.distribution)).unwrap_or_default()
    }

    /// Longest time that [`Self::sample`] returns.
    pub fn max(&self) -> Duration {
        Duration::try_from_secs_f64(FORMAT.max(&self.distribution)).unwrap_or_default()
    }
}

impl FromStr for ThinkSpec {
    type Err = InvalidThink;

    fn from_str(text: &str) -> Result<Self, InvalidThink> {
        let distribution = FORMAT.parse(text).map_err(InvalidThink)?;
        Ok(Self { distribution, text: text.split_whitespace().collect() })
    }
}

serde_as_text!(ThinkSpec);

impl fmt::Display for ThinkSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(text: &str) -> ThinkSpec {
        text.parse().unwrap()
    }

    #[test]
    fn every_form_is_read_and_shown_as_written() {
        for (text, mean_s, max_s) in [
            ("2s", 2.0, 2.0),
            ("0s", 0.0, 0.0),
            ("500ms", 0.5, 0.5),
            ("1.5m", 90.0, 90.0),
            ("1h", 3600.0, 3600.0),
            ("1s..5s", 3.0, 5.0),
            ("20s~500ms", 20.0, 22.0),
            // 1 − e^−10 of the mean, because longer times are cut at ten times the mean.
            ("~2s", 2.0 * (1.0 - (-10.0_f64).exp()), 20.0),
            ("1s:80,30s:20", 6.8, 30.0),
        ] {
            let spec = spec(text);
            assert_eq!(spec.to_string(), text);
            assert!((spec.mean().as_secs_f64() - mean_s).abs() < 1e-3, "{text}: {:?}", spec.mean());
            assert!((spec.max().as_secs_f64() - max_s).abs() < 1e-6, "{text}: {:?}", spec.max());
        }
        assert_eq!(spec(" 1s .. 5s ").to_string(), "1s..5s");
    }

    #[test]
    fn faults_are_named_in_one_line() {
        for text in
            ["", "2", "s", "-1s", "2 parsecs", "25h", "1e3s", "nans", "infs", "5s..1s", "1s:0", "1s~2s", "~", "1s,2s"]
        {
            let why = text.parse::<ThinkSpec>().unwrap_err().to_string();
            assert!(why.ends_with(
                "; use 2s, 2s~500ms (normal), 1s..5s (uniform), ~2s (exponential) or 1s:80,30s:20 (weights)"
            ));
            assert!(!why.contains('\n') && why.len() > 90, "{why}");
        }
    }

    #[test]
    fn exponential_times_have_mean_and_spread_of_their_distribution() {
        let think = spec("~2s");
        let times: Vec<f64> = (0..20_000).map(|i| think.sample(5, i).as_secs_f64()).collect();
        let mean = times.iter().sum::<f64>() / 20_000.0;
        let std = (times.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / 20_000.0).sqrt();
        // The standard error of the mean is 2 s / √20,000 = 0.014 s.
        assert!((mean - 2.0).abs() < 4.0 * 0.0142 && (std - 2.0).abs() < 0.1, "{mean} {std}");
        assert!(times.iter().all(|t| *t <= 20.0));
        // A share of 1 − 1/e is shorter than the mean.
        let short = times.iter().filter(|t| **t < 2.0).count() as f64 / 20_000.0;
        assert!((short - 0.632).abs() < 0.015, "{short}");
    }
}

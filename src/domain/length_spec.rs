//! Lengths in tokens, and numbers of turns, as users write them.

use std::fmt;
use std::str::FromStr;

use super::distribution::{Distribution, Format};
use super::random::Random;
use super::serde_text::serde_as_text;

/// Maximum length, tokens: the size of the largest context windows.
pub const MAX_LENGTH: u32 = 10_000_000;
/// Forms of a length, for errors and help.
pub const LENGTH_FORMS: &str = "1024, 1024~128 (normal), 512..2048 (uniform) or 256:60,1024:40 (weights)";

const FORMAT: Format = Format { number: length, min: 1.0, has_exponential: false, is_whole: true };

/// A distribution of whole numbers from 1: `1024`, `1024~128` (normal with mean and standard deviation), `512..2048`
/// (uniform, both ends included) or `256:60,1024:40` (values with weights).
///
/// Values of a normal distribution below 1 are drawn again, so that short lengths do not pile up at 1. Values above the
/// mean plus four standard deviations are drawn again too.
#[derive(Clone, Debug, PartialEq)]
pub struct LengthSpec {
    distribution: Distribution,
    text: String,
}

/// Reason why a text is not a [`LengthSpec`], in one sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}; use {LENGTH_FORMS}")]
pub struct InvalidLength(String);

fn length(text: &str) -> Result<f64, String> {
    let digits = (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then_some(text);
    let length = digits.and_then(|digits| digits.parse().ok()).filter(|n| (1..=MAX_LENGTH).contains(n));
    length.map(f64::from).ok_or_else(|| format!("'{text}' is not a whole number from 1 to {MAX_LENGTH}"))
}

impl LengthSpec {
    /// Creates a fixed length, limited to the range from 1 to [`MAX_LENGTH`].
    pub fn fixed(length: u32) -> Self {
        let length = length.clamp(1, MAX_LENGTH);
        Self { distribution: Distribution::Fixed(f64::from(length)), text: length.to_string() }
    }

    /// Draws the length of one item. The same seed and index always give the same length; lengths of different
    /// indices are independent.
    pub fn sample(&self, seed: u64, index: u64) -> u32 {
        FORMAT.draw(&self.distribution, Random::for_index(seed, index)) as u32
    }

    /// Mean length.
    pub fn mean(&self) -> f64 {
        FORMAT.mean(&self.distribution)
    }

    /// Largest length that [`Self::sample`] returns.
    pub fn max(&self) -> u32 {
        FORMAT.max(&self.distribution) as u32
    }

    /// The fixed length; `None` if lengths vary.
    pub fn as_fixed(&self) -> Option<u32> {
        matches!(self.distribution, Distribution::Fixed(_)).then(|| self.max())
    }
}

impl FromStr for LengthSpec {
    type Err = InvalidLength;

    fn from_str(text: &str) -> Result<Self, InvalidLength> {
        let distribution = FORMAT.parse(text).map_err(InvalidLength)?;
        Ok(Self { distribution, text: text.split_whitespace().collect() })
    }
}

serde_as_text!(LengthSpec);

impl fmt::Display for LengthSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

#[cfg(test)]
mod tests;

//! Shared prefixes as users write them.

use std::fmt;
use std::str::FromStr;

use super::length_spec::MAX_LENGTH;
use super::random::Random;
use super::serde_text::serde_as_text;

/// Maximum number of distinct prefixes.
const MAX_PREFIXES: u32 = 1_000_000;

/// Length of the prefixes that requests share, and number of distinct prefixes: `2048` or `2048x8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefixSpec {
    tokens: u32,
    count: u32,
}

/// Reason why a text is not a [`PrefixSpec`], in one sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a shared prefix; use 2048 (tokens) or 2048x8 (tokens, distinct prefixes)")]
pub struct InvalidPrefix(String);

impl PrefixSpec {
    /// Length of a prefix, tokens; at least 1.
    pub const fn tokens(self) -> u32 {
        self.tokens
    }

    /// Number of distinct prefixes; at least 1.
    pub const fn count(self) -> u32 {
        self.count
    }

    /// Draws the prefix of a request, as a number below [`Self::count`]. All prefixes are equally likely.
    pub fn sample(self, seed: u64, index: u64) -> u32 {
        Random::for_index(seed, index).below(u64::from(self.count)) as u32
    }
}

impl FromStr for PrefixSpec {
    type Err = InvalidPrefix;

    fn from_str(text: &str) -> Result<Self, InvalidPrefix> {
        let (tokens, count) = text.split_once('x').unwrap_or((text, "1"));
        let number = |part: &str, max| {
            let part = part.trim();
            let is_plain = part.bytes().all(|b| b.is_ascii_digit());
            part.parse::<u32>().ok().filter(|n| is_plain && (1..=max).contains(n))
        };
        match (number(tokens, MAX_LENGTH), number(count, MAX_PREFIXES)) {
            (Some(tokens), Some(count)) => Ok(Self { tokens, count }),
            _ => Err(InvalidPrefix(text.trim().to_owned())),
        }
    }
}

serde_as_text!(PrefixSpec);

impl fmt::Display for PrefixSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tokens, count } = self;
        if *count == 1 { write!(f, "{tokens}") } else { write!(f, "{tokens}x{count}") }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn both_forms_are_read_and_faults_are_named() {
        for (text, tokens, count) in [("2048", 2048, 1), ("2048x8", 2048, 8), ("1x1000000", 1, 1_000_000)] {
            let spec: PrefixSpec = text.parse().unwrap();
            assert_eq!((spec.tokens(), spec.count(), spec.to_string().as_str()), (tokens, count, text));
        }
        for text in ["", "x", "0", "2048x", "2048x0", "-1", "+1", "2048x8x2", "2048*8", "10000001", "1x1000001"] {
            let why = text.parse::<PrefixSpec>().unwrap_err().to_string();
            assert_eq!(
                why,
                format!("'{text}' is not a shared prefix; use 2048 (tokens) or 2048x8 (tokens, distinct prefixes)")
            );
        }
        let json = serde_json::to_string(&"64x3".parse::<PrefixSpec>().unwrap()).unwrap();
        assert_eq!(json, r#""64x3""#);
        assert_eq!(serde_json::from_str::<PrefixSpec>(&json).unwrap().count(), 3);
    }

    #[test]
    fn every_prefix_is_drawn_and_none_beyond_the_count() {
        let spec: PrefixSpec = "64x3".parse().unwrap();
        let drawn: BTreeSet<u32> = (0..100).map(|index| spec.sample(9, index)).collect();
        assert_eq!(drawn, BTreeSet::from([0, 1, 2]));
        assert_eq!("64".parse::<PrefixSpec>().unwrap().sample(9, 5), 0);
    }
}

//! Context depths of a run (`--depth`): each depth is a case, named as llama-bench names its tests.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::length_spec::MAX_LENGTH;

/// Default length of a prompt after its context, tokens; the same as in llama-benchy.
pub const DEFAULT_PROMPT_TOKENS: u32 = 2048;
/// Default length of an answer, tokens; the same as in llama-benchy.
pub const DEFAULT_OUTPUT_TOKENS: u32 = 32;
/// Default number of requests at each depth; the same as in llama-benchy.
pub const DEFAULT_REPEAT: u32 = 3;
/// Maximum number of depths.
pub const MAX_DEPTHS: usize = 64;

/// Context depths in tokens, in the order of their measurement: at least one, without duplicates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Vec<u32>", try_from = "Vec<u32>")]
pub struct Depths(Vec<u32>);

/// Reason why depths are invalid, in one sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}; use a list like 0,4096,8192")]
pub struct InvalidDepths(String);

impl Depths {
    /// The depths, tokens.
    pub fn as_slice(&self) -> &[u32] {
        &self.0
    }
}

impl TryFrom<Vec<u32>> for Depths {
    type Error = InvalidDepths;

    fn try_from(depths: Vec<u32>) -> Result<Self, InvalidDepths> {
        let is_repeated = |(at, depth): (usize, &u32)| depths.iter().take(at).any(|before| before == depth);
        if let Some((_, depth)) = depths.iter().enumerate().find(|(at, depth)| is_repeated((*at, depth))) {
            return Err(InvalidDepths(format!("the depth {depth} is listed twice")));
        }
        if let Some(depth) = depths.iter().find(|depth| **depth > MAX_LENGTH) {
            return Err(InvalidDepths(format!("the depth {depth} is above {MAX_LENGTH} tokens")));
        }
        match depths.len() {
            0 => Err(InvalidDepths("the list of depths is empty".to_owned())),
            n if n > MAX_DEPTHS => Err(InvalidDepths(format!("{n} depths are more than {MAX_DEPTHS}"))),
            _ => Ok(Self(depths)),
        }
    }
}

impl FromStr for Depths {
    type Err = InvalidDepths;

    fn from_str(text: &str) -> Result<Self, InvalidDepths> {
        let depth = |text: &str| {
            let digits = text.bytes().all(|b| b.is_ascii_digit());
            let depth = digits.then(|| text.parse().ok()).flatten();
            depth.ok_or_else(|| InvalidDepths(format!("'{text}' is not a number of tokens up to {MAX_LENGTH}")))
        };
        let depths: Result<Vec<u32>, InvalidDepths> = text.split(',').map(|text| depth(text.trim())).collect();
        depths?.try_into()
    }
}

impl From<Depths> for Vec<u32> {
    fn from(depths: Depths) -> Self {
        depths.0
    }
}

impl fmt::Display for Depths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let depths: Vec<String> = self.0.iter().map(u32::to_string).collect();
        f.write_str(&depths.join(","))
    }
}

/// Requests at one context depth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepthTest {
    /// Tokens of context before the prompt.
    pub depth: u32,
    /// Tokens of the prompt after the context.
    pub prompt_tokens: u32,
    /// Tokens of the answer.
    pub output_tokens: u32,
}

impl DepthTest {
    /// Name of the table row about prefill: `pp2048 @ d8192`, and without context `pp2048`.
    pub fn prefill_name(self) -> String {
        format!("pp{}{}", self.prompt_tokens, self.suffix())
    }

    /// Name of the table row about decode: `tg32 @ d8192`, and without context `tg32`.
    pub fn decode_name(self) -> String {
        format!("tg{}{}", self.output_tokens, self.suffix())
    }

    /// Name of the case: `pp2048 tg32 @ d8192`, and without context `pp2048 tg32`.
    pub fn case_name(self) -> String {
        format!("pp{} tg{}{}", self.prompt_tokens, self.output_tokens, self.suffix())
    }

    /// Tokens of the whole input: context and prompt.
    pub const fn input_tokens(self) -> u32 {
        self.depth.saturating_add(self.prompt_tokens)
    }

    fn suffix(self) -> String {
        if self.depth == 0 { String::new() } else { format!(" @ d{}", self.depth) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depths_are_a_list_of_tokens_in_its_own_order() {
        let depths: Depths = "8192, 0,4096".parse().unwrap();
        assert_eq!((depths.as_slice(), depths.to_string()), (&[8192, 0, 4096][..], "8192,0,4096".to_owned()));
        assert_eq!(serde_json::to_string(&depths).unwrap(), "[8192,0,4096]");
        assert_eq!(serde_json::from_str::<Depths>("[8192,0,4096]").unwrap(), depths);
    }

    #[test]
    fn a_wrong_list_is_refused_with_its_reason() {
        let many = (0..65).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
        for (text, why) in [
            ("", "'' is not a number of tokens up to 10000000; use a list like 0,4096,8192"),
            ("0,,4096", "'' is not a number of tokens up to 10000000; use a list like 0,4096,8192"),
            ("4k", "'4k' is not a number of tokens up to 10000000; use a list like 0,4096,8192"),
            ("-1", "'-1' is not a number of tokens up to 10000000; use a list like 0,4096,8192"),
            ("10000001", "the depth 10000001 is above 10000000 tokens; use a list like 0,4096,8192"),
            ("0,4096,0", "the depth 0 is listed twice; use a list like 0,4096,8192"),
            (&many, "65 depths are more than 64; use a list like 0,4096,8192"),
        ] {
            assert_eq!(text.parse::<Depths>().unwrap_err().to_string(), why);
        }
        assert!(serde_json::from_str::<Depths>("[]").is_err());
        assert!(serde_json::from_str::<Depths>("[1,1]").is_err());
    }

    #[test]
    fn names_are_those_of_llama_bench() {
        let deep = DepthTest { depth: 8192, prompt_tokens: 2048, output_tokens: 32 };
        assert_eq!([deep.prefill_name(), deep.decode_name()], ["pp2048 @ d8192", "tg32 @ d8192"]);
        assert_eq!((deep.case_name(), deep.input_tokens()), ("pp2048 tg32 @ d8192".to_owned(), 10_240));
        let flat = DepthTest { depth: 0, ..deep };
        assert_eq!([flat.prefill_name(), flat.decode_name(), flat.case_name()], ["pp2048", "tg32", "pp2048 tg32"]);
    }
}

//! Measures texts in tokens, and cuts prose to a number of tokens.

use std::fmt;
use std::sync::Arc;

use super::fit::Fit;
use super::prose::{PROSE, Passage};

/// Function that counts the tokens of a text; `None` if it cannot.
pub type CountTokens = Arc<dyn Fn(&str) -> Option<u64> + Send + Sync>;

/// Maximum number of cuts to try. Three are usual.
const MAX_CUTS: u32 = 20;
/// Number of characters of prose from which to guess the tokens per character.
const SAMPLE_CHARS: usize = 20_000;
/// Number of characters to count again before a changed end. A token is never that long.
const MARGIN_CHARS: usize = 200;
/// Sentences between which the tokens of a separator are measured.
const SENTENCES: [&str; 2] = ["He was at work again.", "I rang the bell."];

/// A way to measure the length of a text in tokens.
#[derive(Clone)]
pub struct Ruler {
    line: Fit,
    count: Option<CountTokens>,
    tokens_per_char: f64,
}

impl Ruler {
    /// Creates a ruler that counts with a tokenizer. `overhead_tokens` is the number of tokens that the chat template
    /// adds to each request, 0 if not known. Returns `None` if the tokenizer cannot encode prose.
    pub fn from_tokenizer(count: CountTokens, overhead_tokens: u64) -> Option<Self> {
        count(PROSE.get(..SAMPLE_CHARS)?).filter(|tokens| *tokens > 0)?;
        let line = Fit { overhead_tokens: overhead_tokens as f64, residual_tokens: Some(0.0), ..Fit::ASSUMED };
        Some(Self::new(line, Some(count)))
    }

    /// Creates a ruler that computes tokens from a fit.
    pub fn from_fit(fit: Fit) -> Self {
        Self::new(fit, None)
    }

    fn new(line: Fit, count: Option<CountTokens>) -> Self {
        let ruler = Self { line, count, tokens_per_char: 1.0 };
        let tokens_per_char = ruler.tokens(PROSE.get(..SAMPLE_CHARS).unwrap_or(PROSE)) / SAMPLE_CHARS as f64;
        Self { tokens_per_char, ..ruler }
    }

    /// Returns whether a tokenizer counts the tokens.
    pub const fn is_exact(&self) -> bool {
        self.count.is_some()
    }

    /// Returns the tokens that the chat template adds to each request.
    pub const fn overhead_tokens(&self) -> f64 {
        self.line.overhead_tokens
    }

    /// Returns the tokens of a text, without the overhead of the request.
    pub fn tokens(&self, text: &str) -> f64 {
        let counted = self.count.as_ref().and_then(|count| count(text)).map(|tokens| tokens as f64);
        counted.unwrap_or_else(|| self.line.tokens_per_unit * self.line.unit.count(text) as f64)
    }

    /// Returns the number of tokens that a text adds between two others. If `is_last`, the text is at the end. A line
    /// break may merge with its neighbours, so counting the text alone may give another number.
    pub fn tokens_between(&self, text: &str, is_last: bool) -> f64 {
        let [before, after] = if is_last { [SENTENCES[0], ""] } else { SENTENCES };
        self.tokens(&[before, text, after].concat()) - self.tokens(before) - self.tokens(after)
    }

    /// Returns the beginning of a passage with about `tokens` tokens, and its number of tokens. The result has at least
    /// one word. With a tokenizer, the length is within one token; otherwise it is exact to the next piece. A tokenizer
    /// counts the whole text once, and then only its end.
    pub fn cut(&self, passage: &Passage, tokens: f64) -> (String, f64) {
        let tolerance = if self.is_exact() { 0.5 } else { self.line.tokens_per_unit.max(0.5) };
        let mut chars = passage.word_end(((tokens / self.tokens_per_char) as usize).max(1));
        let mut error = self.tokens(&passage.text(chars)) - tokens;
        let (mut best_chars, mut best) = (chars, error);
        // These lengths are known to be too short and too long, characters.
        let (mut short, mut long) = (0, usize::MAX);
        for _ in 0..MAX_CUTS {
            if best.abs() < tolerance || long - short <= 1 {
                break;
            }
            if error < 0.0 {
                short = chars;
            } else {
                long = chars;
            }
            let next = chars.saturating_add_signed(-(error / self.tokens_per_char) as isize);
            let is_inside = |chars: &usize| (short + 1..long).contains(chars);
            let (word, middle) = (passage.word_end(next), short.midpoint(long.min(short + MARGIN_CHARS)));
            // Near the target, allow a cut within the last word to be exact.
            let candidates = match self.is_exact() {
                true if error.abs() < 4.0 => [next, middle, word],
                true => [word, next, middle],
                false => [word, passage.word_end(middle), word],
            };
            let Some(next) = candidates.into_iter().find(is_inside) else { break };
            error += self.change(passage, chars, next);
            chars = next;
            if error.abs() < best.abs() {
                (best_chars, best) = (chars, error);
            }
        }
        (passage.text(best_chars), tokens + best)
    }

    /// Returns the number of tokens that a passage gains when its end moves.
    fn change(&self, passage: &Passage, from: usize, to: usize) -> f64 {
        // Start at a word, so that both counts begin with the same tokens.
        let start = passage.word_end(from.min(to).saturating_sub(MARGIN_CHARS)).min(from).min(to);
        let (before, after) = (passage.text(from), passage.text(to));
        let tail = |text: &str| self.tokens(text.get(start..).unwrap_or_default());
        tail(&after) - tail(&before)
    }
}

impl fmt::Debug for Ruler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ruler").field("line", &self.line).field("is_exact", &self.is_exact()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::pieces;
    use crate::workload::prose::Passages;

    /// Returns a counter like a byte-level tokenizer. Its tokens are pieces of at most four letters, marks and line
    /// breaks.
    fn letters() -> CountTokens {
        Arc::new(|text: &str| {
            let words = text.split_inclusive(|c: char| !c.is_ascii_alphanumeric());
            let of_word = |word: &str| {
                let letters = word.bytes().filter(u8::is_ascii_alphanumeric).count() as u64;
                letters.div_ceil(4) + u64::from(word.ends_with(|c: char| !c.is_ascii_alphanumeric() && c != ' '))
            };
            Some(words.map(of_word).sum())
        })
    }

    #[test]
    fn a_tokenizer_gives_lengths_within_one_token() {
        let ruler = Ruler::from_tokenizer(letters(), 0).unwrap();
        assert!(ruler.is_exact());
        let passages = Passages::shuffled(4);
        for (i, tokens) in [1, 2, 3, 7, 16, 100, 511, 512, 1024, 8192].into_iter().cycle().take(200).enumerate() {
            let (text, cut) = ruler.cut(&passages.get(i as u64), f64::from(tokens));
            let counted = letters()(&text).unwrap();
            assert!((cut - counted as f64).abs() < 1e-6, "{cut} for {counted}");
            assert!(counted.abs_diff(u64::from(tokens as u32)) <= 1, "{counted} instead of {tokens}");
        }
    }

    #[test]
    fn a_fit_gives_lengths_to_the_next_word() {
        let fit = Fit { tokens_per_unit: 1.25, overhead_tokens: 30.0, ..Fit::ASSUMED };
        let ruler = Ruler::from_fit(fit);
        assert!(!ruler.is_exact());
        let passages = Passages::shuffled(4);
        for i in 0..200 {
            let (text, tokens) = ruler.cut(&passages.get(i), 1000.0);
            assert!((tokens - 1000.0).abs() < 4.0, "{tokens}");
            assert!((tokens - 1.25 * pieces::count(&text) as f64).abs() < 1e-6, "{tokens}");
            assert!(!text.ends_with(char::is_whitespace));
        }
    }

    #[test]
    fn joints_are_measured_between_sentences() {
        // This tokenizer merges a line break with the mark before it.
        let merging: CountTokens = Arc::new(|text| Some(text.replace(".\n\n", "x").len() as u64));
        let ruler = Ruler::from_tokenizer(merging, 0).unwrap();
        assert!(ruler.tokens_between("\n\n", false).abs() < 1e-9);
        assert!((ruler.tokens_between("\n\nGo on", true) - 5.0).abs() < 1e-9);
    }

    #[test]
    fn a_tokenizer_that_cannot_encode_prose_is_refused() {
        assert!(Ruler::from_tokenizer(Arc::new(|_| None), 0).is_none());
        assert!(Ruler::from_tokenizer(Arc::new(|_| Some(0)), 0).is_none());
    }
}

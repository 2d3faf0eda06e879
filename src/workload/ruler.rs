//! Measures text in tokens, and cuts prose to a number of tokens.

use std::fmt;
use std::sync::Arc;

use super::fit::Fit;
use super::prose::{PROSE, Passage};

/// Counts the tokens of a text; `None` if it cannot.
pub type CountTokens = Arc<dyn Fn(&str) -> Option<u64> + Send + Sync>;

/// Largest number of cuts tried. Three are usual.
const MAX_CUTS: u32 = 16;
/// Characters of prose that give the first guess of tokens per character.
const SAMPLE_CHARS: usize = 20_000;

/// A way to know the length of a text in tokens.
#[derive(Clone)]
pub struct Ruler {
    line: Fit,
    count: Option<CountTokens>,
}

impl Ruler {
    /// Counts with a tokenizer. `overhead_tokens` is the chat template's share of each request, if known; else 0.
    /// `None` if the tokenizer cannot encode prose.
    pub fn from_tokenizer(count: CountTokens, overhead_tokens: u64) -> Option<Self> {
        let sample = PROSE.get(..SAMPLE_CHARS)?;
        let tokens = count(sample).filter(|tokens| *tokens > 0)?;
        let tokens_per_char = tokens as f64 / SAMPLE_CHARS as f64;
        let line = Fit { tokens_per_char, overhead_tokens: overhead_tokens as f64, residual_tokens: Some(0.0) };
        Some(Self { line, count: Some(count) })
    }

    /// Computes tokens from characters.
    pub const fn from_fit(fit: Fit) -> Self {
        Self { line: fit, count: None }
    }

    /// Whether a tokenizer counts.
    pub const fn is_exact(&self) -> bool {
        self.count.is_some()
    }

    /// Tokens of each request beyond its text.
    pub const fn overhead_tokens(&self) -> f64 {
        self.line.overhead_tokens
    }

    /// Tokens of a text, without the overhead of the request.
    pub fn tokens(&self, text: &str) -> f64 {
        let counted = self.count.as_ref().and_then(|count| count(text)).map(|tokens| tokens as f64);
        counted.unwrap_or(self.line.tokens_per_char * text.chars().count() as f64)
    }

    /// The beginning of a passage with about `tokens` tokens: within one of them with a tokenizer, else to the next
    /// word. At least one word.
    pub fn cut(&self, passage: &Passage, tokens: f64) -> String {
        let per_char = self.line.tokens_per_char;
        // Half a word beyond the cut on average, hence half a word less.
        let aim = ((tokens / per_char) as usize).saturating_sub(3).max(1);
        let mut chars = passage.word_end(aim);
        let mut best = passage.text(chars);
        if self.count.is_none() {
            return best;
        }
        let mut least = f64::INFINITY;
        // The lengths known to be too short and too long, characters.
        let (mut short, mut long) = (0, usize::MAX);
        for _ in 0..MAX_CUTS {
            let text = passage.text(chars);
            let error = self.tokens(&text) - tokens;
            if error.abs() < least {
                (best, least) = (text, error.abs());
            }
            if least < 0.5 || long - short <= 1 {
                break;
            }
            if error < 0.0 {
                short = chars;
            } else {
                long = chars;
            }
            let next = chars.saturating_add_signed(-(error / per_char) as isize);
            let is_inside = |chars: &usize| (short + 1..long).contains(chars);
            let word = Some(passage.word_end(next)).filter(|_| error.abs() > 4.0);
            // Near the end, a cut may split the last word.
            let candidates = [word, Some(next), Some(short.midpoint(long))];
            let Some(next) = candidates.into_iter().flatten().find(is_inside) else { break };
            chars = next;
        }
        best
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
    use crate::workload::prose::Passages;

    /// Counts like a byte-level tokenizer: pieces of at most four letters, each mark, each line break.
    fn pieces() -> CountTokens {
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
        let ruler = Ruler::from_tokenizer(pieces(), 0).unwrap();
        assert!(ruler.is_exact());
        let passages = Passages::shuffled(4);
        for (i, tokens) in [1, 2, 3, 7, 16, 100, 511, 512, 1024, 8192].into_iter().cycle().take(200).enumerate() {
            let text = ruler.cut(&passages.get(i as u64), f64::from(tokens));
            let counted = pieces()(&text).unwrap();
            assert!(counted.abs_diff(u64::from(tokens as u32)) <= 1, "{counted} instead of {tokens}");
        }
    }

    #[test]
    fn a_fit_gives_lengths_to_the_next_word() {
        let fit = Fit { tokens_per_char: 0.25, overhead_tokens: 30.0, residual_tokens: None };
        let ruler = Ruler::from_fit(fit);
        assert!(!ruler.is_exact());
        let passages = Passages::shuffled(4);
        let mut sum = 0.0;
        for i in 0..200 {
            let text = ruler.cut(&passages.get(i), 1000.0);
            let tokens = ruler.tokens(&text);
            assert!((tokens - 1000.0).abs() < 6.0, "{tokens}");
            assert!(!text.ends_with(char::is_whitespace));
            sum += tokens - 1000.0;
        }
        assert!((sum / 200.0).abs() < 0.5, "a bias of {} tokens", sum / 200.0);
    }

    #[test]
    fn a_tokenizer_that_cannot_encode_prose_is_refused() {
        assert!(Ruler::from_tokenizer(Arc::new(|_| None), 0).is_none());
        assert!(Ruler::from_tokenizer(Arc::new(|_| Some(0)), 0).is_none());
    }
}

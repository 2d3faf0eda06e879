//! English prose for synthetic prompts. Prompts need real text: speculative decoding guesses random tokens worse than
//! text of users. `assets/prose/README.md` names the source.

use std::ops::Range;
use std::sync::OnceLock;

use crate::domain::random::Random;

/// The text: paragraphs separated by blank lines. All characters are ASCII, so a byte is a character.
pub const PROSE: &str = include_str!("../../assets/prose/sherlock-holmes.txt");

/// Returns the start of each word of [`PROSE`], bytes.
fn word_starts() -> &'static [u32] {
    static STARTS: OnceLock<Vec<u32>> = OnceLock::new();
    STARTS.get_or_init(|| {
        let bytes = PROSE.as_bytes();
        let is_start = |at: usize| !bytes[at].is_ascii_whitespace() && (at == 0 || bytes[at - 1].is_ascii_whitespace());
        (0..bytes.len()).filter(|at| is_start(*at)).map(|at| at as u32).collect()
    })
}

/// Returns the number of words.
pub fn word_count() -> u64 {
    word_starts().len() as u64
}

/// An endless passage of prose. After the last word of the text, it continues with the first.
///
/// Two passages with the same part number that begin at different words differ within 70 characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Passage {
    /// Heading that distinguishes passages that begin at the same word; empty in part 0.
    heading: String,
    /// Start of the first word, bytes.
    start: usize,
}

impl Passage {
    /// Creates the passage that begins at this word. Parts after 0 begin with a heading like `Part 2.`
    fn new(word: u64, part: u64) -> Self {
        let heading = if part == 0 { String::new() } else { format!("Part {}. ", u128::from(part) + 1) };
        let start = word_starts().get(word as usize).map_or(0, |start| *start as usize);
        Self { heading, start }
    }

    /// Returns the first `chars` characters.
    pub fn text(&self, chars: usize) -> String {
        let mut text = String::with_capacity(chars);
        let mut push = |from: &str| {
            let room = chars - text.len();
            text.push_str(from.get(..room).unwrap_or(from));
            text.len() < chars
        };
        let mut at = self.start;
        let mut goes_on = push(&self.heading);
        while goes_on {
            goes_on = push(PROSE.get(at..).unwrap_or_default());
            at = 0;
        }
        text
    }

    /// Returns the smallest length, at least `chars` characters, at which a word ends.
    pub fn word_end(&self, chars: usize) -> usize {
        let Some(in_prose) = chars.checked_sub(self.heading.len()) else { return self.heading.len().saturating_sub(1) };
        let at = (self.start + in_prose) % PROSE.len();
        if at == 0 {
            return chars;
        }
        let rest: Range<usize> = at..PROSE.len();
        let bytes = PROSE.as_bytes();
        let end = rest.into_iter().find(|i| bytes[*i].is_ascii_whitespace() && !bytes[*i - 1].is_ascii_whitespace());
        chars + end.unwrap_or(PROSE.len()) - at
    }
}

/// A reproducible sequence of numbered passages.
#[derive(Clone, Copy, Debug)]
pub struct Passages {
    step: u64,
    offset: u64,
}

impl Passages {
    /// Creates a sequence of passages in random order.
    pub fn shuffled(seed: u64) -> Self {
        let mut random = Random::for_index(seed, 0);
        let step = coprime(1 + random.below(word_count()));
        Self { step, offset: random.below(word_count()) }
    }

    /// Creates a sequence of passages that begin this many words apart, from a random word on.
    pub fn every(words: u64, seed: u64) -> Self {
        Self { step: coprime(words), offset: Random::for_index(seed, 0).below(word_count()) }
    }

    /// Returns the passage with this number. Different numbers give different passages.
    pub fn get(self, number: u64) -> Passage {
        // Multiplication by a coprime number visits each word exactly once.
        let words = u128::from(word_count());
        let word = (u128::from(number) * u128::from(self.step) + u128::from(self.offset)) % words;
        Passage::new(word as u64, number / word_count())
    }
}

/// Returns the smallest number, at least `n`, that has no common divisor with the number of words.
fn coprime(n: u64) -> u64 {
    fn divisor(a: u64, b: u64) -> u64 {
        if b == 0 { a } else { divisor(b, a % b) }
    }
    (n.max(1)..=u64::from(u32::MAX)).find(|n| divisor(*n, word_count()) == 1).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_prose_is_plain_text_without_a_trademark() {
        assert!(PROSE.is_ascii() && PROSE.len() < 400_000 && PROSE.len() > 200_000);
        assert!(!PROSE.to_lowercase().contains("gutenberg") && !PROSE.contains("  ") && !PROSE.contains("\n\n\n"));
        assert!(PROSE.bytes().all(|b| b == b'\n' || (32..127).contains(&b)));
        assert!(PROSE.ends_with(".\"\n\n") || PROSE.ends_with(".\n\n"));
    }

    #[test]
    fn passages_from_different_words_differ_within_seventy_characters() {
        let all = Passages { step: 1, offset: 0 };
        let starts: HashSet<String> = (0..word_count()).map(|n| all.get(n).text(70)).collect();
        assert_eq!(starts.len() as u64, word_count());
    }

    #[test]
    fn every_number_has_its_own_passage() {
        for passages in [Passages::shuffled(1), Passages::shuffled(2), Passages::every(389, 7)] {
            let count = 2 * word_count();
            let distinct: HashSet<Passage> = (0..count).map(|n| passages.get(n)).collect();
            assert_eq!(distinct.len() as u64, count);
        }
        let far = Passages::shuffled(1).get(u64::MAX).text(40);
        assert!(far.starts_with("Part 270"), "{far}");
        assert_ne!(Passages::shuffled(1).get(5), Passages::shuffled(2).get(5));
        assert_eq!(Passages::shuffled(1).get(5), Passages::shuffled(1).get(5));
    }

    #[test]
    fn a_passage_continues_after_the_last_word() {
        let last = Passage::new(word_count() - 1, 0);
        let text = last.text(2 * PROSE.len());
        assert_eq!(text.len(), 2 * PROSE.len());
        let rest = PROSE.len() - last.start;
        assert!(text.get(rest..).unwrap().starts_with("To Sherlock Holmes"));
        assert!(text.get(rest + PROSE.len()..).unwrap().starts_with("To Sherlock Holmes"));
    }

    #[test]
    fn words_are_not_cut() {
        let first = Passage::new(0, 0);
        assert_eq!(first.text(first.word_end(6)), "To Sherlock");
        assert_eq!(first.text(first.word_end(11)), "To Sherlock");
        assert_eq!(first.text(first.word_end(12)), "To Sherlock Holmes");
        let second = Passage::new(0, 1);
        assert_eq!(second.text(second.word_end(3)), "Part 2.");
        assert_eq!(second.text(second.word_end(9)), "Part 2. To");
        let paragraph = PROSE.find("\n\n").unwrap();
        assert_eq!(first.word_end(paragraph - 1), paragraph);
        assert!(first.text(first.word_end(paragraph + 1)).ends_with("\n\nI"));
        assert!(first.text(first.word_end(PROSE.len() - 1)).ends_with("\n\n"));
    }
}

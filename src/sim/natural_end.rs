//! Chooses where an answer ends by itself, before its limit. With the engine model, most answers end this way, with
//! `stop`.

use super::answer::Tokens;
use super::pace::seed_of;
use super::wire::TextPart;

/// Minimum length of an answer, as a percentage of its limit.
const MIN_PERCENT: u64 = 80;

/// Returns the number of tokens after which an answer ends, at the end of a paragraph. Returns `None` if no paragraph
/// ends in the last fifth before the limit. The seed chooses among several.
pub fn natural_end(tokens: Tokens, limit: u64, seed: u64) -> Option<u64> {
    let earliest = limit * MIN_PERCENT / 100;
    let mut is_code = false;
    let mut ends = Vec::new();
    for ((part, piece), before) in tokens.zip(0..limit) {
        if part != TextPart::Answer {
            continue;
        }
        if piece == "```" {
            is_code = !is_code;
        }
        let is_paragraph_end = piece.starts_with("\n\n") && !is_code;
        if is_paragraph_end && before >= earliest.max(1) {
            ends.push(before);
        }
    }
    let chosen = seed_of(&[&seed.to_le_bytes()]) % (ends.len() as u64).max(1);
    ends.get(usize::try_from(chosen).unwrap_or_default()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: [&str; 12] = ["One", ".", "\n\n", "```", "a", "\n\n", "b", "```", "\n\n", "Two", ".", "\n\n"];

    fn tokens(part: TextPart) -> Tokens {
        Box::new(TEXT.into_iter().map(move |piece| (part, piece.into())))
    }

    #[test]
    fn an_answer_ends_after_a_paragraph_and_never_in_code() {
        let end = |limit, seed| natural_end(tokens(TextPart::Answer), limit, seed);
        // The last fifth of 10 tokens has the end of the code block.
        assert!((0..20).all(|seed| end(10, seed) == Some(8)));
        // The last fifth of 12 tokens has the end of the text.
        assert!((0..20).all(|seed| end(12, seed) == Some(11)));
        // The last fifth of 7 tokens has only code.
        assert!((0..20).all(|seed| end(7, seed).is_none()));
    }

    #[test]
    fn the_seed_chooses_among_several_paragraphs() {
        let many = || -> Tokens {
            Box::new((0..100).map(|n| (TextPart::Answer, if n % 2 == 1 { "\n\n" } else { "a" }.into())))
        };
        let ends: Vec<u64> = (0..200).filter_map(|seed| natural_end(many(), 100, seed)).collect();
        assert!(ends.len() == 200 && ends.iter().all(|end| (80..100).contains(end) && end % 2 == 1));
        assert!((81..100).step_by(2).all(|end| ends.contains(&end)));
    }

    #[test]
    fn reasoning_has_no_end() {
        assert_eq!(natural_end(tokens(TextPart::Reasoning), 12, 1), None);
    }
}

//! Normalisation of texts for the check `equals`, which ignores case, spacing and punctuation.

use std::sync::LazyLock;

use icu_normalizer::ComposingNormalizerBorrowed;
use regex::Regex;

/// Punctuation of any script; `%` is kept because it changes the meaning of a number.
static PUNCTUATION: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[\p{P}--%]$").ok());

/// Normalises a text: Unicode NFKC, lower case, single blanks, and no punctuation. Punctuation stays within words and
/// numbers (`don't`, `3.5`), and as a sign or decimal point before a digit (`-5`, `.5`), where it carries meaning.
pub(super) fn normalise(text: &str) -> String {
    let compatible = ComposingNormalizerBorrowed::new_nfkc().normalize(text);
    // The lower case of some characters, such as 'İ', is decomposed, so the text is composed again.
    let lower = compatible.to_lowercase();
    let mut plain = String::with_capacity(lower.len());
    let mut previous = ' ';
    let mut characters = lower.chars().peekable();
    while let Some(c) = characters.next() {
        let next = characters.peek().copied().unwrap_or(' ');
        let is_within = previous.is_alphanumeric() && next.is_alphanumeric();
        let is_sign = matches!(c, '-' | '.') && next.is_ascii_digit() && !previous.is_alphanumeric();
        plain.push(if is_punctuation(c) && !is_within && !is_sign { ' ' } else { c });
        previous = c;
    }
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_punctuation(c: char) -> bool {
    if c.is_alphanumeric() || c.is_whitespace() {
        return false;
    }
    let mut bytes = [0; 4];
    PUNCTUATION.as_ref().is_some_and(|class| class.is_match(c.encode_utf8(&mut bytes)))
}

#[cfg(test)]
mod tests {
    use super::normalise;

    #[test]
    fn spelling_is_ignored_and_meaning_is_kept() {
        for (text, normal) in [
            ("  The answer: **Paris**. ", "the answer paris"),
            ("Ｐａｒｉｓ\u{a0}is\n nice!", "paris is nice"),
            ("ﬁne, don't", "fine don't"),
            ("It is -5 or .5, not 3.5%.", "it is -5 or .5 not 3.5%"),
            ("«Über»、ÉTÉ", "über été"),
            ("e\u{301}", "é"),
            ("a+b = $5", "a+b = $5"),
            ("...", ""),
        ] {
            assert_eq!(normalise(text), normal, "{text}");
        }
    }
}

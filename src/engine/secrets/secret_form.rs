//! Forms in which a secret may appear in a text, and a search for all forms at once.

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD, Engine as _};

use super::view::{View, is_plain, plain_views, views};

/// Minimum length of a key that is also found with blanks or line breaks between its letters. A shorter key may occur
/// by chance across two words.
const MIN_BYTES_OF_A_SPACED_KEY: usize = 16;

/// Maximum total length of all forms for a search table (DFA) with about 256 bytes per byte. Without the table, the
/// search is five times slower.
const MAX_BYTES_OF_A_DFA: usize = 16 * 1024;

/// Separators between the digits of hexadecimal dumps, with blanks removed.
const HEX_SEPARATORS: [&str; 4] = ["", ":", "-", ",0x"];

/// One form of a secret, as a view shows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct SecretForm {
    /// The form without blanks.
    bytes: Vec<u8>,
    /// Whether the form looks like a key, not like a word. Such forms are also searched for in answers, and in any
    /// letter case.
    is_key: bool,
    /// Whether the form may have blanks between its letters.
    may_be_spaced: bool,
    /// Whether the base64 characters just before and after the form may hold some of its bits.
    shares: (bool, bool),
}

/// All forms of all secrets.
#[derive(Default)]
pub struct SecretForms {
    forms: Vec<SecretForm>,
    search: Option<AhoCorasick>,
    /// Length of the longest form, bytes.
    longest: usize,
}

/// Selects which secrets to find.
#[derive(Clone, Copy, Debug)]
pub struct SearchOptions {
    /// Whether to find only secrets that look like keys.
    only_keys: bool,
    /// Minimum bytes of a secret's beginning at the end of the text; `None` finds only complete secrets.
    least_cut: Option<usize>,
}

impl SearchOptions {
    /// Finds every secret, and at the end of the text also a beginning of at least `least_cut` bytes.
    pub const fn all(least_cut: usize) -> Self {
        Self { only_keys: false, least_cut: Some(least_cut) }
    }

    /// Finds only secrets that look like keys.
    pub const fn keys(least_cut: Option<usize>) -> Self {
        Self { only_keys: true, least_cut }
    }
}

impl SecretForms {
    /// Creates all forms of these values. Each value comes with whether it looks like a key.
    pub fn new(values: &[(String, bool)]) -> Self {
        Self::from_forms(values.iter().flat_map(|(value, is_key)| forms(value, *is_key)).collect())
    }

    /// Creates the forms of two sets of secrets.
    pub fn merged(&self, other: &Self) -> Self {
        Self::from_forms(self.forms.iter().chain(&other.forms).cloned().collect())
    }

    fn from_forms(mut needles: Vec<SecretForm>) -> Self {
        // Among equal forms, keep the form that is searched everywhere.
        needles.sort_by(|a, b| a.bytes.cmp(&b.bytes).then(b.cmp(a)));
        needles.dedup_by(|later, first| later.bytes == first.bytes);
        let bytes: usize = needles.iter().map(|needle| needle.bytes.len()).sum();
        let kind = if bytes <= MAX_BYTES_OF_A_DFA { AhoCorasickKind::DFA } else { AhoCorasickKind::ContiguousNFA };
        let search = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(kind))
            .build(needles.iter().map(|needle| &needle.bytes))
            .ok()
            .filter(|_| !needles.is_empty());
        let longest = needles.iter().map(|needle| needle.bytes.len()).max().unwrap_or(0);
        Self { forms: needles, search, longest }
    }

    /// Length of the longest form, bytes.
    pub const fn longest(&self) -> usize {
        self.longest
    }

    /// Finds secrets in a text. Returns ascending byte ranges that do not overlap.
    pub fn find(&self, text: &str, wanted: SearchOptions) -> Vec<Range<usize>> {
        let Some(search) = &self.search else { return Vec::new() };
        let text = text.strip_suffix('…').unwrap_or(text);
        if is_plain(text) && !plain_views(text).iter().any(|bytes| self.may_be_in(search, bytes, wanted)) {
            return Vec::new();
        }
        let mut found: Vec<Range<usize>> = Vec::new();
        for view in views(text) {
            for hit in search.find_overlapping_iter(&view.bytes) {
                let Some(needle) = self.forms.get(hit.pattern().as_usize()) else { continue };
                let part = needle.widened(&view.bytes, hit.range());
                if needle.is_wanted(wanted) && needle.is_at(&view, &hit.range()) {
                    found.push(view.source(&part));
                }
            }
            found.extend(self.cut(&view, text, wanted));
        }
        merged(found)
    }

    /// Returns whether a text without hidden characters may contain a secret.
    fn may_be_in(&self, search: &AhoCorasick, bytes: &[u8], wanted: SearchOptions) -> bool {
        search.is_match(bytes)
            || wanted.least_cut.is_some_and(|least| self.forms.iter().any(|n| n.begun(bytes, least).is_some()))
    }

    /// Returns the beginning of a secret at the end of the text.
    fn cut(&self, view: &View, text: &str, wanted: SearchOptions) -> Option<Range<usize>> {
        let least = wanted.least_cut?;
        let end = view.bytes.len();
        let begun = self.forms.iter().filter(|needle| needle.is_wanted(wanted)).filter_map(|needle| {
            let part = end - needle.begun(&view.bytes, least)?..end;
            needle.is_at(view, &part).then(|| view.source(&part).start)
        });
        begun.min().map(|from| from..text.len())
    }
}

impl SecretForm {
    const fn is_wanted(&self, wanted: SearchOptions) -> bool {
        self.is_key || !wanted.only_keys
    }

    /// Returns whether this part of a view is the form or its beginning. Forms that may be words must match in letter
    /// case, and have no blanks in between.
    fn is_at(&self, view: &View, part: &Range<usize>) -> bool {
        let found = view.bytes.get(part.clone()).unwrap_or_default();
        let is_spelt = self.is_key || self.bytes.starts_with(found);
        is_spelt && (self.may_be_spaced || !view.has_blank(part))
    }

    /// Returns the length of the form's longest beginning with which the text ends: at least `least` bytes, but not the
    /// whole form.
    fn begun(&self, text: &[u8], least: usize) -> Option<usize> {
        let ending = text.last()?.to_ascii_lowercase();
        let most = self.bytes.len().saturating_sub(1).min(text.len());
        (least..=most).rev().find(|&length| {
            let begin = self.bytes.get(..length).unwrap_or_default();
            begin.last().is_some_and(|b| b.to_ascii_lowercase() == ending)
                && text.get(text.len() - length..).is_some_and(|end| end.eq_ignore_ascii_case(begin))
        })
    }

    /// Extends the part to base64 padding and to adjacent base64 characters that hold some of its bits.
    fn widened(&self, view: &[u8], part: Range<usize>) -> Range<usize> {
        let is_base64 = |at: usize| view.get(at).is_some_and(|b| b.is_ascii_alphanumeric() || b"+/-_".contains(b));
        let Range { mut start, mut end } = part;
        if self.shares.0 && start > 0 && is_base64(start - 1) {
            start -= 1;
        }
        if self.shares.1 {
            end += usize::from(is_base64(end));
            while view.get(end) == Some(&b'=') {
                end += 1;
            }
        }
        start..end
    }
}

/// Returns the forms of a value: as is, percent-decoded, hexadecimal, base64 at every offset, and reversed.
fn forms(value: &str, is_key: bool) -> Vec<SecretForm> {
    let may_be_spaced = value.contains(char::is_whitespace) || is_key && value.len() >= MIN_BYTES_OF_A_SPACED_KEY;
    let needle = |bytes: Vec<u8>, shares| SecretForm { bytes, is_key, may_be_spaced, shares };
    let plain = |bytes| needle(bytes, (false, false));
    let mut forms: Vec<SecretForm> = views(value).into_iter().map(|view| plain(view.bytes)).collect();
    for separator in HEX_SEPARATORS {
        let digits: Vec<String> = value.bytes().map(|byte| format!("{byte:02x}")).collect();
        let bytes = digits.join(separator).into_bytes();
        // The digits are longer than the key, and form no words.
        let may_be_spaced = may_be_spaced || is_key && bytes.len() >= MIN_BYTES_OF_A_SPACED_KEY;
        forms.push(SecretForm { may_be_spaced, ..plain(bytes) });
    }
    // Control characters for text direction can make a reversed key readable.
    forms.extend(is_key.then(|| plain(value.bytes().rev().collect())));
    for before in 0..3 {
        let bytes = [&[0; 3][..before], value.as_bytes()].concat();
        // Leave out the characters at the edges: they also hold bits of the surrounding text.
        let from = (8 * before).div_ceil(6);
        let to = 8 * bytes.len() / 6;
        let shares = (8 * before % 6 != 0, 8 * bytes.len() % 6 != 0);
        for encoded in [BASE64_STANDARD_NO_PAD.encode(&bytes), BASE64_URL_SAFE_NO_PAD.encode(&bytes)] {
            forms.extend(encoded.get(from..to).map(|core| needle(core.as_bytes().to_vec(), shares)));
        }
    }
    forms.retain(|needle| !needle.bytes.is_empty());
    forms
}

/// Merges overlapping ranges, in ascending order.
fn merged(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};

    use super::*;

    const KEY: &str = "sk-Canary~42?x";

    fn found(text: &str) -> Vec<&str> {
        let needles = SecretForms::new(&[(KEY.to_owned(), true)]);
        needles.find(text, SearchOptions::keys(Some(8))).into_iter().map(|range| text.get(range).unwrap()).collect()
    }

    #[test]
    fn base64_is_found_at_every_place_with_all_that_holds_its_bits() {
        for before in ["", "u", "us", "use", "user:"] {
            for behind in ["", "!", "!!", "!!!"] {
                let bytes = format!("{before}{KEY}{behind}");
                for encoded in [BASE64_STANDARD.encode(&bytes), BASE64_URL_SAFE.encode(&bytes)] {
                    let text = format!("got {encoded} here");
                    let [part] = found(&text)[..] else { panic!("{bytes}: {text}") };
                    // The remaining base64 decodes to nothing of the key.
                    let left = text.replace(part, "").replace("got ", "").replace(" here", "");
                    let kept = left.trim_end_matches('=').len() * 6 / 8;
                    assert!(kept <= before.len() + behind.len(), "{bytes}: {left}");
                }
            }
        }
    }

    #[test]
    fn other_forms_are_found() {
        let hex = KEY.bytes().flat_map(|b| [b >> 4, b & 15]).map(|d| char::from_digit(d.into(), 16).unwrap());
        let hex = hex.collect::<String>().to_uppercase();
        let turned = KEY.chars().rev().collect::<String>();
        let parted = |by: &str| KEY.bytes().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(by);
        let styled: String = KEY.chars().flat_map(|c| ["**".to_owned(), c.to_string(), "**".to_owned()]).collect();
        let styled = styled.trim_matches('*');
        let escaped = KEY.replace('-', "\\-");
        let dumps = [parted(":"), parted("-"), parted(" "), parted(", 0x"), styled.to_owned(), escaped];
        for form in &dumps {
            assert_eq!(found(&format!("a {form} b")), [form]);
        }
        for form in [KEY, &KEY.to_uppercase(), &hex, &hex.to_lowercase(), &turned] {
            assert_eq!(found(&format!("a {form} b")), [form]);
        }
        assert_eq!(found("a sk-Canar… and sk-Canar"), ["sk-Canar"], "only at its end is a text cut");
        assert_eq!(found("a sk-Canar…"), ["sk-Canar"]);
        assert_eq!(found("a sk-Cana"), [""; 0]);
    }

    #[test]
    fn only_a_long_key_is_found_between_blanks() {
        let spaced = |value: &str| {
            let needles = SecretForms::new(&[(value.to_owned(), true)]);
            let text: String = value.chars().flat_map(|c| [c, '\n']).collect();
            needles.find(&text, SearchOptions::keys(None)).len()
        };
        assert_eq!((spaced("12345678"), spaced("sk-canary-12345678")), (0, 1));
        // Blanks in invisible text do not separate letters.
        let needles = SecretForms::new(&[("12345678".to_owned(), true)]);
        for text in ["1234\u{1b}]0;a title\u{7}5678", "1234\r5678", "1234\u{2028}5678", "1234\u{85}%35678"] {
            assert_eq!(needles.find(text, SearchOptions::keys(None)).len(), 1, "{text:?}");
        }
    }
}

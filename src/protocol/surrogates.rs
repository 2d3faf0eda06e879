//! Handles lone surrogates: half of a character in UTF-16. `json.dumps` writes them when a model stops inside a
//! character; the other half may arrive with the next event.

use std::borrow::Cow;

/// First of 2048 private-use characters that replace the lone surrogates U+D800–U+DFFF while an event is parsed.
const FIRST_MARK: u32 = 0x0010_f800;

/// Replaces every unpaired escape `\uD800`–`\uDFFF` by U+FFFD.
pub fn replace_lone_surrogates(json: &str) -> String {
    map_lone_surrogates(json, |_| char::REPLACEMENT_CHARACTER)
}

/// Replaces every lone surrogate by a mark, which [`SurrogateJoiner`] resolves. Uses U+FFFD instead of marks if the
/// text already contains such private-use characters.
pub fn mark_lone_surrogates(json: &str) -> String {
    let is_ambiguous = json.contains(is_mark) || json.to_ascii_lowercase().contains("\\udbfe");
    let is_ambiguous = is_ambiguous || json.to_ascii_lowercase().contains("\\udbff");
    map_lone_surrogates(json, |unit| if is_ambiguous { char::REPLACEMENT_CHARACTER } else { mark(unit) })
}

/// Replaces marks by U+FFFD.
pub fn without_marks(text: &str) -> String {
    text.replace(is_mark, "\u{fffd}")
}

fn mark(unit: u32) -> char {
    char::from_u32(FIRST_MARK + unit.saturating_sub(0xd800)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn is_mark(c: char) -> bool {
    u32::from(c) >= FIRST_MARK
}

/// Returns the UTF-16 unit that a mark encodes.
fn unit(c: char) -> Option<u32> {
    is_mark(c).then(|| u32::from(c) - FIRST_MARK + 0xd800)
}

/// Joins the halves of a character that two events of a text share.
#[derive(Clone, Debug, Default)]
pub struct SurrogateJoiner {
    /// A high surrogate whose partner may arrive with the next piece.
    high: Option<u32>,
    /// Number of surrogates without a partner so far. Each was replaced by U+FFFD.
    pub lone: u32,
}

impl SurrogateJoiner {
    /// Adds the next piece of the text, which contains marks only if `is_marked`. Returns the resolved text. Holds back
    /// a high surrogate at its end.
    pub fn join<'a>(&mut self, text: &'a str, is_marked: bool) -> Cow<'a, str> {
        if text.is_empty() || self.high.is_none() && !is_marked {
            return Cow::Borrowed(text);
        }
        let mut joined = String::with_capacity(text.len() + 4);
        for c in text.chars() {
            // Without marks, private-use characters represent themselves.
            let unit = unit(c).filter(|_| is_marked);
            match (self.high.take(), unit) {
                (Some(high), Some(low @ 0xdc00..)) => {
                    let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                    joined.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                    continue;
                }
                (Some(_), _) => self.replace(&mut joined),
                (None, _) => {}
            }
            match unit {
                Some(high @ ..0xdc00) => self.high = Some(high),
                Some(_) => self.replace(&mut joined),
                None => joined.push(c),
            }
        }
        Cow::Owned(joined)
    }

    /// Ends the text. Returns U+FFFD if a high surrogate is still waiting for its partner.
    pub fn finish(&mut self) -> &'static str {
        match self.high.take() {
            Some(_) => {
                self.lone = self.lone.saturating_add(1);
                "\u{fffd}"
            }
            None => "",
        }
    }

    fn replace(&mut self, joined: &mut String) {
        self.lone = self.lone.saturating_add(1);
        joined.push(char::REPLACEMENT_CHARACTER);
    }
}

/// Replaces every unpaired escape `\uD800`–`\uDFFF` by the result of `replacement`.
fn map_lone_surrogates(json: &str, replacement: impl Fn(u32) -> char) -> String {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let unit = after.strip_prefix('u').and_then(hex4);
        match unit {
            Some((high @ 0xd800..=0xdbff, tail)) => {
                let low = tail.strip_prefix("\\u").and_then(hex4).filter(|(u, _)| (0xdc00..=0xdfff).contains(u));
                rest = tail;
                if let Some((low, tail)) = low {
                    out.extend([format!("\\u{high:04x}"), format!("\\u{low:04x}")]);
                    rest = tail;
                } else {
                    out.push(replacement(high));
                }
            }
            Some((low @ 0xdc00..=0xdfff, tail)) => {
                out.push(replacement(low));
                rest = tail;
            }
            _ => {
                out.push('\\');
                let mut chars = after.chars();
                out.extend(chars.next());
                rest = chars.as_str();
            }
        }
    }
    out.push_str(rest);
    out
}

fn hex4(text: &str) -> Option<(u32, &str)> {
    let (digits, tail) = text.split_at_checked(4)?;
    Some((u32::from_str_radix(digits, 16).ok()?, tail))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_surrogates_without_a_partner_are_replaced() {
        assert_eq!(replace_lone_surrogates(r"a\ud83db\ud83d\ude00\\ud83d\n"), "a\u{fffd}b\\ud83d\\ude00\\\\ud83d\\n");
        assert_eq!(replace_lone_surrogates(r"\ude00\uD83D\uD83D"), "\u{fffd}\u{fffd}\u{fffd}");
    }

    #[test]
    fn private_use_characters_are_not_surrogates() {
        for json in ["\u{10fabc}\\ud83d", r"\uDBFE\uDC00\ud83d"] {
            assert!(mark_lone_surrogates(json).ends_with('\u{fffd}'), "{json}");
        }
        let mut joiner = SurrogateJoiner::default();
        assert_eq!(joiner.join("\u{10fabc}", false), "\u{10fabc}");
    }

    proptest! {
        #[test]
        fn surrogates_are_joined_wherever_the_text_is_cut(
            units in prop::collection::vec(prop_oneof![Just(0xd83d_u16), Just(0xde00), 0x61_u16..0x64], 0..12),
            cuts in prop::collection::vec(any::<bool>(), 12),
        ) {
            let (mut joiner, mut joined, mut piece) = (SurrogateJoiner::default(), String::new(), String::new());
            for (unit, cut) in units.iter().zip(cuts) {
                write!(piece, "\\u{unit:04x}").unwrap();
                if cut {
                    let read: String = serde_json::from_str(&format!("\"{}\"", mark_lone_surrogates(&piece))).unwrap();
                    joined.push_str(&joiner.join(&read, true));
                    piece.clear();
                }
            }
            let read: String = serde_json::from_str(&format!("\"{}\"", mark_lone_surrogates(&piece))).unwrap();
            joined.push_str(&joiner.join(&read, true));
            joined.push_str(joiner.finish());
            prop_assert_eq!(&joined, &String::from_utf16_lossy(&units));
            prop_assert_eq!(joiner.lone as usize, joined.matches('\u{fffd}').count());
        }

        #[test]
        fn any_sequence_of_escapes_becomes_valid_json(units in prop::collection::vec(0xd700_u16..0xe100, 0..12)) {
            let json = units.iter().map(|u| format!("\\u{u:04x}")).collect::<Vec<_>>().concat();
            let read: String = serde_json::from_str(&format!("\"{}\"", replace_lone_surrogates(&json))).unwrap();
            prop_assert_eq!(read, String::from_utf16_lossy(&units));
        }
    }
}

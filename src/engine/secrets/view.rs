//! Views: a text as its readers see it. Invisible characters are removed, styled letters become plain ones, and encoded
//! characters are decoded. Each character keeps its position in the source.

use std::ops::Range;

use icu_normalizer::DecomposingNormalizerBorrowed;

use super::decode::decode;
use super::visible_chars::{Place, VisibleChar};
use crate::domain::text::{CSI, ESCAPE, is_invisible, skip_escape_sequence};

/// Maximum number of nested encodings to decode.
const MAX_DECODINGS: usize = 3;

/// One way to read a text, as bytes to search.
#[derive(Debug)]
pub struct View {
    /// The text as read, without blanks.
    pub bytes: Vec<u8>,
    /// Position in the source for each byte.
    places: Vec<Place>,
}

impl View {
    /// Returns the source range of a non-empty part of the view.
    pub fn source(&self, part: &Range<usize>) -> Range<usize> {
        let from = self.places.get(part.start).map_or(0, |place| place.from);
        let to = part.end.checked_sub(1).and_then(|last| self.places.get(last)).map_or(from, |place| place.to);
        from as usize..to.max(from) as usize
    }

    /// Returns whether the source shows a blank within this part of the view.
    pub fn has_blank(&self, part: &Range<usize>) -> bool {
        self.places.get(part.start + 1..part.end).is_some_and(|places| places.iter().any(|p| p.is_after_blank))
    }

    fn new(seen: &[VisibleChar]) -> Self {
        let mut view = Self { bytes: Vec::with_capacity(seen.len()), places: Vec::with_capacity(seen.len()) };
        for s in seen {
            view.bytes.extend_from_slice(s.c.encode_utf8(&mut [0; 4]).as_bytes());
            view.places.resize(view.bytes.len(), s.place);
        }
        view
    }
}

/// Returns whether [`plain_views`] covers a text: nothing in it is hidden, styled or encoded.
pub fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b' '..=b'~' | b'\n' | b'\t') && !matches!(b, b'%' | b'&' | b'\\'))
}

/// Returns whether Markdown may hide this byte, even between two letters.
const fn is_mark(byte: u8) -> bool {
    matches!(byte, b'*' | b'`' | b'~')
}

/// Returns the views of a plain text without its blanks: as written, and as rendered Markdown if it has marks.
pub fn plain_views(text: &str) -> Vec<Vec<u8>> {
    let written: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let rendered = written.iter().copied().any(is_mark);
    let rendered = rendered.then(|| written.iter().copied().filter(|b| !is_mark(*b)).collect());
    std::iter::once(written).chain(rendered).collect()
}

/// Returns all ways to read a text: with and without interpreted escape sequences, as rendered Markdown, encoded and
/// decoded.
pub fn views(text: &str) -> Vec<View> {
    let mut seen: Vec<VisibleChar> = text
        .char_indices()
        .map(|(from, c)| (c, from as u32, (from + c.len_utf8()) as u32))
        .map(|(c, from, to)| VisibleChar { c, place: Place { from, to, is_after_blank: false } })
        .collect();
    let mut views = Vec::new();
    for depth in 0.. {
        let has_escapes = seen.iter().any(|s| matches!(s.c, ESCAPE | CSI));
        let written = fold(&seen, false);
        views.push(View::new(&written));
        let shown = if has_escapes { fold(&seen, true) } else { written };
        if has_escapes {
            views.push(View::new(&shown));
        }
        let is_marked = |s: &&VisibleChar| u8::try_from(s.c).is_ok_and(is_mark);
        if shown.iter().any(|s| is_marked(&s)) {
            let rendered: Vec<VisibleChar> = shown.iter().filter(|s| !is_marked(s)).copied().collect();
            views.push(View::new(&rendered));
        }
        match decode(&shown) {
            Some(decoded) if depth < MAX_DECODINGS => seen = decoded,
            _ => break,
        }
    }
    views
}

/// Removes invisible characters and blanks, and turns styled letters into plain ones.
fn fold(seen: &[VisibleChar], interprets_escapes: bool) -> Vec<VisibleChar> {
    let mut out = Vec::with_capacity(seen.len());
    let mut chars = seen.iter().map(|s| s.c).enumerate().peekable();
    let normalizer = DecomposingNormalizerBorrowed::new_nfkd();
    let mut is_after_blank = false;
    while let Some((at, c)) = chars.next() {
        let Some(mut place) = seen.get(at).map(|s| s.place) else { break };
        if interprets_escapes && matches!(c, ESCAPE | CSI) {
            skip_escape_sequence(c, &mut chars);
            continue;
        }
        is_after_blank |= place.is_after_blank;
        place.is_after_blank = is_after_blank;
        // Other control characters are not visible, not even as line breaks.
        if matches!(c, ' ' | '\n' | '\t') {
            is_after_blank = true;
        } else if c.is_ascii_graphic() {
            out.push(VisibleChar { c, place });
            is_after_blank = false;
        } else if !c.is_ascii() && !is_invisible(c) {
            let before = out.len();
            if is_a_letter_of_its_own(c) {
                out.push(VisibleChar { c, place });
            } else {
                let plain = normalizer.normalize_iter(std::iter::once(c));
                out.extend(plain.filter(|c| !c.is_whitespace() && !is_invisible(*c)).map(|c| VisibleChar { c, place }));
            }
            // A visible character that yields no letter counts as a blank.
            is_after_blank = out.len() == before;
        }
    }
    out
}

/// Returns whether a character belongs to a script from Greek to the Indic ones, Han, Kana or Hangul. Such characters
/// are common in texts, and never variants of the letters in keys.
const fn is_a_letter_of_its_own(c: char) -> bool {
    matches!(c, '\u{370}'..='\u{1cff}' | '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the views of a text as strings.
    fn read(text: &str) -> Vec<String> {
        views(text).into_iter().map(|view| String::from_utf8(view.bytes).unwrap()).collect()
    }

    #[test]
    fn invisible_characters_and_styled_letters_hide_nothing() {
        for hidden in [
            "",
            "\u{200b}",
            "\u{ad}",
            "\u{200d}\u{2060}",
            "\u{fe0f}",
            "\u{e0100}",
            "\u{301}",
            "\u{202e}",
            "\u{7}",
            "\n  ",
            "\u{a0}",
        ] {
            assert_eq!(read(&format!("s{hidden}k{hidden}1")), ["sk1"], "{hidden:?}");
        }
        for styled in ["ｓｋ１", "𝐬𝗸𝟏", "ⓢⓚ①", "ˢᵏ¹", "śḱ1"] {
            assert_eq!(read(styled), ["sk1"], "{styled}");
        }
    }

    #[test]
    fn an_escape_sequence_is_read_both_ways() {
        assert_eq!(read("s\u{1b}[1mk"), ["s[1mk", "sk"]);
        assert_eq!(read("a\u{1b}]0;key\u{7}b"), ["a]0;keyb", "ab"]);
    }

    #[test]
    fn every_encoding_is_undone_also_within_another() {
        for encoded in
            ["%73k", "%2573k", "\\u0073k", "\\x73k", "&#115;k", "&#x73;k", "%5Cu0073k", "%7\u{200b}3k", "%EF%BD%93k"]
        {
            assert_eq!(read(encoded).last().unwrap(), "sk", "{encoded}");
        }
        assert_eq!(read("100% a\\q &c;"), ["100%a\\q&c;"]);
    }

    #[test]
    fn an_escape_cut_off_at_the_end_gives_no_character() {
        for cut in ["sk%", "sk%7", "sk\\", "sk\\u00", "sk&#11"] {
            assert_eq!(read(cut).last().unwrap(), "sk", "{cut}");
        }
    }

    #[test]
    fn marks_of_markdown_are_read_both_ways() {
        assert_eq!(read("s**k**~~1~~"), ["s**k**~~1~~", "sk1"]);
        assert_eq!(plain_views("s **k**"), [b"s**k**".to_vec(), b"sk".to_vec()]);
        assert_eq!(read("s\\_k\\-1"), ["s\\_k\\-1", "s_k-1"]);
    }

    #[test]
    fn every_character_keeps_its_place() {
        let text = "é\u{200b}%73\\u006b ｅy";
        let view = views(text).pop().unwrap();
        let at = view.bytes.windows(4).position(|w| w == b"skey").unwrap();
        assert_eq!(text.get(view.source(&(at..at + 4))), Some("%73\\u006b ｅy"));
    }
}

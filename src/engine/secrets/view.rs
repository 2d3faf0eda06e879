//! A text as its readers see it: what is invisible is gone, other spellings of a letter are that letter, and encoded
//! characters are decoded. Each character keeps its place in the source.

use std::ops::Range;

use icu_normalizer::DecomposingNormalizerBorrowed;

use crate::domain::text::{CSI, ESCAPE, is_invisible, skip_escape_sequence};

/// Encodings inside one another that are undone.
const MAX_DECODINGS: usize = 3;

/// Named entities of HTML for characters that keys are written in.
const ENTITIES: [(&str, char); 14] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("sol", '/'),
    ("plus", '+'),
    ("equals", '='),
    ("lowbar", '_'),
    ("period", '.'),
    ("colon", ':'),
    ("commat", '@'),
    ("num", '#'),
    ("dollar", '$'),
];

/// A character and the bytes of the source that it stands for.
#[derive(Clone, Copy, Debug)]
struct Seen {
    c: char,
    place: Place,
}

/// Where a character stands in the source, in bytes; no text that is searched has 4 GiB.
#[derive(Clone, Copy, Debug)]
struct Place {
    from: u32,
    to: u32,
    /// A blank or a line's end that shows is between the character before and this one.
    is_after_blank: bool,
}

impl Place {
    /// The place of a character that is written in several.
    const fn with(self, last: Self) -> Self {
        Self { to: last.to, ..self }
    }
}

/// One way to read a text, for a search by bytes.
#[derive(Debug)]
pub struct View {
    /// What is read, without blanks.
    pub bytes: Vec<u8>,
    /// For each byte, the character of the source it comes from.
    places: Vec<Place>,
}

impl View {
    /// The bytes of the source behind a part of the view that is not empty.
    pub fn source(&self, part: &Range<usize>) -> Range<usize> {
        let from = self.places.get(part.start).map_or(0, |place| place.from);
        let to = part.end.checked_sub(1).and_then(|last| self.places.get(last)).map_or(from, |place| place.to);
        from as usize..to.max(from) as usize
    }

    /// Whether the source shows a blank within a part of the view.
    pub fn has_blank(&self, part: &Range<usize>) -> bool {
        self.places.get(part.start + 1..part.end).is_some_and(|places| places.iter().any(|p| p.is_after_blank))
    }

    fn new(seen: &[Seen]) -> Self {
        let mut view = Self { bytes: Vec::with_capacity(seen.len()), places: Vec::with_capacity(seen.len()) };
        for s in seen {
            view.bytes.extend_from_slice(s.c.encode_utf8(&mut [0; 4]).as_bytes());
            view.places.resize(view.bytes.len(), s.place);
        }
        view
    }
}

/// Whether a text has one view, itself without its blanks: nothing in it is hidden, styled or encoded.
pub fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b' '..=b'~' | b'\n' | b'\t') && !matches!(b, b'%' | b'&' | b'\\'))
}

/// What a plain text looks like without its blanks.
pub fn without_blanks(text: &str) -> Vec<u8> {
    text.bytes().filter(|b| !b.is_ascii_whitespace()).collect()
}

/// All ways to read a text: with escape sequences as the terminal takes them and as what they are written in, as it
/// stands and decoded.
pub fn views(text: &str) -> Vec<View> {
    let mut seen: Vec<Seen> = text
        .char_indices()
        .map(|(from, c)| (c, from as u32, (from + c.len_utf8()) as u32))
        .map(|(c, from, to)| Seen { c, place: Place { from, to, is_after_blank: false } })
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
        match decode(&shown) {
            Some(decoded) if depth < MAX_DECODINGS => seen = decoded,
            _ => break,
        }
    }
    views
}

/// Takes out what is invisible, blanks and marks, and reads styled letters as plain ones.
fn fold(seen: &[Seen], interprets_escapes: bool) -> Vec<Seen> {
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
        // Other controls, those that end lines included, are not shown at all.
        if matches!(c, ' ' | '\n' | '\t') {
            is_after_blank = true;
        } else if c.is_ascii_graphic() {
            out.push(Seen { c, place });
            is_after_blank = false;
        } else if !c.is_ascii() && !is_invisible(c) {
            let before = out.len();
            if is_a_letter_of_its_own(c) {
                out.push(Seen { c, place });
            } else {
                let plain = normalizer.normalize_iter(std::iter::once(c));
                out.extend(plain.filter(|c| !c.is_whitespace() && !is_invisible(*c)).map(|c| Seen { c, place }));
            }
            // What shows without a letter is a blank.
            is_after_blank = out.len() == before;
        }
    }
    out
}

/// The scripts from Greek to the Indic ones, Han, Kana and Hangul: most of some texts, and no other spelling of a letter that
/// keys are written in.
const fn is_a_letter_of_its_own(c: char) -> bool {
    matches!(c, '\u{370}'..='\u{1cff}' | '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' | '\u{20000}'..='\u{3ffff}')
}

/// Undoes percent-encoding, escapes of JSON and its like, and entities of HTML; `None` where there are none. One that the
/// text ends within is dropped: its character is not there.
fn decode(seen: &[Seen]) -> Option<Vec<Seen>> {
    if !seen.iter().any(|s| matches!(s.c, '%' | '\\' | '&')) {
        return None;
    }
    let mut out = Decoded::default();
    let mut found = false;
    let mut rest = seen;
    while let Some((first, tail)) = rest.split_first() {
        let code = match first.c {
            '%' => percent(tail),
            '\\' => backslash(tail),
            '&' => entity(tail),
            _ => Code::No,
        };
        found |= !matches!(code, Code::No);
        match code {
            Code::No => {
                out.character(*first);
                rest = tail;
            }
            Code::Cut => break,
            Code::Character(c, length) => {
                out.character(Seen { c, place: whole(first, tail, length) });
                rest = tail.get(length..).unwrap_or_default();
            }
            Code::Byte(byte, length) => {
                out.byte(byte, whole(first, tail, length));
                rest = tail.get(length..).unwrap_or_default();
            }
        }
    }
    found.then(|| out.finish())
}

/// The place of an escape of `length` characters beyond its first.
fn whole(first: &Seen, tail: &[Seen], length: usize) -> Place {
    length.checked_sub(1).and_then(|last| tail.get(last)).map_or(first.place, |last| first.place.with(last.place))
}

/// What an escape stands for, and how many characters it has beyond its first.
enum Code {
    No,
    /// The text ends within it.
    Cut,
    Character(char, usize),
    Byte(u8, usize),
}

/// The number that the next `digits` characters write to the base of 16.
fn hex(tail: &[Seen], digits: usize) -> Result<u32, Code> {
    let mut value = 0;
    for at in 0..digits {
        let digit = tail.get(at).ok_or(Code::Cut)?.c.to_digit(16).ok_or(Code::No)?;
        value = value * 16 + digit;
    }
    Ok(value)
}

fn byte(value: Result<u32, Code>, length: usize) -> Code {
    match value.map(u8::try_from) {
        Ok(Ok(byte)) => Code::Byte(byte, length),
        Ok(Err(_)) => Code::No,
        Err(code) => code,
    }
}

fn percent(tail: &[Seen]) -> Code {
    byte(hex(tail, 2), 2)
}

fn backslash(tail: &[Seen]) -> Code {
    let Some((kind, digits)) = tail.split_first() else { return Code::Cut };
    match kind.c {
        'x' => byte(hex(digits, 2), 3),
        // Half of a pair is no letter of a key.
        'u' => match hex(digits, 4) {
            Ok(code) => Code::Character(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 5),
            Err(code) => code,
        },
        'n' | 'r' | 't' | 'b' | 'f' => Code::Character('\n', 1),
        c @ ('\\' | '/' | '"' | '\'') => Code::Character(c, 1),
        _ => Code::No,
    }
}

fn entity(tail: &[Seen]) -> Code {
    const LONGEST: usize = 10;
    let name = tail.get(..LONGEST).unwrap_or(tail);
    let Some(length) = name.iter().position(|s| s.c == ';') else {
        let may_go_on = tail.len() < LONGEST && tail.iter().all(|s| s.c == '#' || s.c.is_ascii_alphanumeric());
        return if may_go_on && !tail.is_empty() { Code::Cut } else { Code::No };
    };
    let name: String = name.iter().take(length).map(|s| s.c).collect();
    let number = name.strip_prefix('#').and_then(|number| match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => number.parse().ok(),
    });
    let named = || ENTITIES.iter().find(|(known, _)| *known == name).map(|(_, c)| *c);
    number.and_then(char::from_u32).or_else(named).map_or(Code::No, |c| Code::Character(c, length + 1))
}

/// Characters, some of which come a byte at a time.
#[derive(Default)]
struct Decoded {
    out: Vec<Seen>,
    /// Bytes of characters that are not complete yet, with their places.
    bytes: Vec<u8>,
    places: Vec<Place>,
}

impl Decoded {
    fn character(&mut self, seen: Seen) {
        self.flush();
        self.out.push(seen);
    }

    fn byte(&mut self, byte: u8, place: Place) {
        self.bytes.push(byte);
        self.places.push(place);
    }

    fn flush(&mut self) {
        let mut at = 0;
        for chunk in self.bytes.utf8_chunks() {
            for c in chunk.valid().chars() {
                let last = at + c.len_utf8() - 1;
                if let (Some(first), Some(last)) = (self.places.get(at), self.places.get(last)) {
                    self.out.push(Seen { c, place: first.with(*last) });
                }
                at = last + 1;
            }
            at += chunk.invalid().len();
        }
        self.bytes.clear();
        self.places.clear();
    }

    fn finish(mut self) -> Vec<Seen> {
        self.flush();
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The views of a text, each as text.
    fn read(text: &str) -> Vec<String> {
        views(text).into_iter().map(|view| String::from_utf8(view.bytes).unwrap()).collect()
    }

    #[test]
    fn invisible_characters_and_other_spellings_of_a_letter_are_seen_through() {
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
    fn an_escape_that_the_text_ends_within_is_no_character() {
        for cut in ["sk%", "sk%7", "sk\\", "sk\\u00", "sk&#11"] {
            assert_eq!(read(cut).last().unwrap(), "sk", "{cut}");
        }
    }

    #[test]
    fn every_character_keeps_its_place() {
        let text = "é\u{200b}%73\\u006b ｅy";
        let view = views(text).pop().unwrap();
        let at = view.bytes.windows(4).position(|w| w == b"skey").unwrap();
        assert_eq!(text.get(view.source(&(at..at + 4))), Some("%73\\u006b ｅy"));
    }
}

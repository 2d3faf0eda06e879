//! Decodes escapes and entities that a reader, or the program that shows a text, would decode.

use super::visible_chars::{Place, VisibleChar};

/// Named HTML entities for characters that occur in keys.
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

/// Decodes percent-encoding, JSON-style escapes and HTML entities. Returns `None` if the text has none. Drops an escape
/// that is cut off at the end of the text.
pub fn decode(seen: &[VisibleChar]) -> Option<Vec<VisibleChar>> {
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
                out.character(VisibleChar { c, place: whole(first, tail, length) });
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

/// Returns the source bytes of an escape that is `length` characters longer than its first character.
fn whole(first: &VisibleChar, tail: &[VisibleChar], length: usize) -> Place {
    length.checked_sub(1).and_then(|last| tail.get(last)).map_or(first.place, |last| first.place.with(last.place))
}

/// Result of decoding an escape: the character or byte, and the length of the escape beyond its first character.
enum Code {
    No,
    /// The text ends within the escape.
    Cut,
    Character(char, usize),
    Byte(u8, usize),
}

/// Parses the next `digits` characters as a hexadecimal number.
fn hex(tail: &[VisibleChar], digits: usize) -> Result<u32, Code> {
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

fn percent(tail: &[VisibleChar]) -> Code {
    byte(hex(tail, 2), 2)
}

fn backslash(tail: &[VisibleChar]) -> Code {
    let Some((kind, digits)) = tail.split_first() else { return Code::Cut };
    match kind.c {
        'x' => byte(hex(digits, 2), 3),
        // Half a surrogate pair cannot be part of a key.
        'u' => match hex(digits, 4) {
            Ok(code) => Code::Character(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 5),
            Err(code) => code,
        },
        'n' | 'r' | 't' | 'b' | 'f' => Code::Character('\n', 1),
        // JSON escapes some punctuation; Markdown escapes all of it.
        c if c.is_ascii_punctuation() => Code::Character(c, 1),
        _ => Code::No,
    }
}

fn entity(tail: &[VisibleChar]) -> Code {
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

/// Collects decoded characters. Percent-encoding gives some of them byte by byte.
#[derive(Default)]
struct Decoded {
    out: Vec<VisibleChar>,
    /// Bytes of an incomplete character, with their positions.
    bytes: Vec<u8>,
    places: Vec<Place>,
}

impl Decoded {
    fn character(&mut self, seen: VisibleChar) {
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
                    self.out.push(VisibleChar { c, place: first.with(*last) });
                }
                at = last + 1;
            }
            at += chunk.invalid().len();
        }
        self.bytes.clear();
        self.places.clear();
    }

    fn finish(mut self) -> Vec<VisibleChar> {
        self.flush();
        self.out
    }
}

//! Recognises the terminal's replies among the keys, however late and in however many parts they arrive.
//!
//! tokscope asks for the background colour (OSC 11) and then for the kind of terminal (DA1). Every terminal answers the
//! second query. Once that reply has arrived, the first one is not expected soon. Replies arrive as input like keys,
//! and the terminal library decodes those to OSC 11 as keys.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::theme::Rgb;

/// The queries. The first ends with BEL, because rxvt-unicode answers the other terminator with a broken reply.
pub const QUERIES: &[u8] = b"\x1b]11;?\x07\x1b[c";

const ESC: u8 = 0x1b;
const BEL: u8 = 0x07;
/// Start of the reply to OSC 11.
const COLOUR: &[u8] = b"\x1b]11;";
/// Start of the reply to DA1.
const ATTRIBUTES: &[u8] = b"\x1b[?";
/// Maximum length of a reply, bytes.
const MAX_REPLY_BYTES: usize = 80;

/// A reply of the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The reply to OSC 11: the background colour; `None` if its format is unknown.
    Background(Option<Rgb>),
    /// The reply to DA1.
    Attributes,
}

/// Result of pushing a piece of input into [`Replies`].
#[derive(Debug, PartialEq, Eq)]
pub struct Pushed<T> {
    /// Pieces of input that belong to no reply, in order.
    pub released: Vec<T>,
    /// The reply that this piece completes, if any.
    pub reply: Option<Reply>,
}

/// Holds back input that may be a part of a reply. `T`, a piece of input, is a byte or a key.
#[derive(Clone, Debug)]
pub struct Replies<T> {
    /// Pieces of input held back, because they may be the start of a reply.
    held: Vec<T>,
    /// Bytes of the pieces in `held`.
    text: Vec<u8>,
    awaits_background: bool,
    awaits_attributes: bool,
}

impl<T> Replies<T> {
    /// Expects the replies to [`QUERIES`].
    pub const fn new() -> Self {
        Self { held: Vec::new(), text: Vec::new(), awaits_background: true, awaits_attributes: true }
    }

    /// Expects no reply, so all input passes.
    pub const fn none() -> Self {
        Self { held: Vec::new(), text: Vec::new(), awaits_background: false, awaits_attributes: false }
    }

    /// Whether input is held back. After a short silence, call [`Self::silence`].
    pub const fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// Takes the next piece of input. `bytes` are its bytes, or empty if no reply can contain the piece.
    pub fn push(&mut self, piece: T, bytes: &[u8]) -> Pushed<T> {
        let mut released = Vec::new();
        let mut text = [&self.text, bytes].concat();
        if !bytes.is_empty() && progress(&text) == Progress::NoReply && !self.text.is_empty() {
            released = self.give_up();
            text = bytes.to_vec();
        }
        let is_awaited = self.awaits_background || self.awaits_attributes;
        match progress(&text) {
            _ if bytes.is_empty() || !is_awaited => {
                released.extend(self.give_up());
                released.push(piece);
            }
            Progress::NoReply => released.push(piece),
            Progress::Part => {
                self.held.push(piece);
                self.text = text;
            }
            Progress::Complete(reply) => {
                self.held.clear();
                self.text.clear();
                match reply {
                    Reply::Background(_) => self.awaits_background = false,
                    Reply::Attributes => self.awaits_attributes = false,
                }
                return Pushed { released, reply: Some(reply) };
            }
        }
        Pushed { released, reply: None }
    }

    /// Records that no input followed for a while. Returns the held input, unless only a reply can begin like that.
    pub fn silence(&mut self) -> Vec<T> {
        if self.is_certain() { Vec::new() } else { self.give_up() }
    }

    /// Stops waiting for the rest of a reply: returns the held input, or drops it if only a reply can begin like that.
    fn give_up(&mut self) -> Vec<T> {
        let is_certain = self.is_certain();
        self.text.clear();
        let held = std::mem::take(&mut self.held);
        if is_certain { Vec::new() } else { held }
    }

    fn is_certain(&self) -> bool {
        self.text.starts_with(COLOUR) || self.text.starts_with(ATTRIBUTES)
    }

    /// Continues with another type of pieces. `convert` turns the held pieces into it.
    pub fn continue_with<U>(self, convert: impl FnOnce(Vec<T>) -> Vec<U>) -> Replies<U> {
        let Self { held, text, awaits_background, awaits_attributes } = self;
        Replies { held: convert(held), text, awaits_background, awaits_attributes }
    }
}

impl<T> Default for Replies<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl Replies<KeyEvent> {
    /// Takes a key.
    pub fn push_key(&mut self, key: KeyEvent) -> Pushed<KeyEvent> {
        let bytes = bytes_of(key);
        self.push(key, &bytes)
    }
}

/// The bytes that the terminal library decodes as this key, as far as a reply can contain them.
fn bytes_of(key: KeyEvent) -> Vec<u8> {
    let modifiers = key.modifiers.difference(KeyModifiers::SHIFT);
    match key.code {
        KeyCode::Esc if modifiers.is_empty() => vec![ESC],
        KeyCode::Char('g') if modifiers == KeyModifiers::CONTROL => vec![BEL],
        KeyCode::Char(c) if c.is_ascii() && modifiers.is_empty() => vec![c as u8],
        KeyCode::Char(c) if c.is_ascii() && modifiers == KeyModifiers::ALT => vec![ESC, c as u8],
        _ => Vec::new(),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    NoReply,
    /// The bytes are the start of a reply.
    Part,
    Complete(Reply),
}

/// Determines whether these bytes are a reply, the start of one, or neither.
fn progress(text: &[u8]) -> Progress {
    let is_part = |whole: &[u8]| whole.starts_with(text);
    if text.len() > MAX_REPLY_BYTES || text.is_empty() {
        return Progress::NoReply;
    }
    if is_part(COLOUR) || is_part(ATTRIBUTES) {
        return Progress::Part;
    }
    if let Some(attributes) = text.strip_prefix(ATTRIBUTES) {
        return match attributes.split_last() {
            Some((b'c', before)) if before.iter().copied().all(is_parameter) => Progress::Complete(Reply::Attributes),
            _ if attributes.iter().copied().all(is_parameter) => Progress::Part,
            _ => Progress::NoReply,
        };
    }
    let Some(rest) = text.strip_prefix(COLOUR) else { return Progress::NoReply };
    let end = rest.iter().position(|byte| !is_colour(*byte)).unwrap_or(rest.len());
    let (colour, end) = rest.split_at(end);
    match end {
        [] | [ESC] => Progress::Part,
        [BEL] | [ESC, b'\\'] => Progress::Complete(Reply::Background(colour_from(colour))),
        _ => Progress::NoReply,
    }
}

const fn is_parameter(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b';')
}

/// Whether a colour's specification can contain this byte.
const fn is_colour(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || matches!(byte, b'r' | b'g' | b':' | b'/' | b'#')
}

/// Parses `rgb:hhhh/hhhh/hhhh`, `rgba:` with a fourth channel, and `#rrggbb`, with one to four digits for each channel.
fn colour_from(specification: &[u8]) -> Option<Rgb> {
    let text = std::str::from_utf8(specification).ok()?;
    let channel = |digits: &str| {
        let max = 16_u32.checked_pow(u32::try_from(digits.len()).ok()?)?.checked_sub(1).filter(|max| *max > 0)?;
        let value = u32::from_str_radix(digits, 16).ok()?;
        u8::try_from((value * 255 + max / 2) / max).ok()
    };
    let channels: Vec<&str> = if let Some(digits) = text.strip_prefix('#') {
        let width = digits.len() / 3;
        (0..3).map(|at| digits.get(at * width..(at + 1) * width)).collect::<Option<_>>()?
    } else {
        text.strip_prefix("rgb:").or_else(|| text.strip_prefix("rgba:"))?.split('/').collect()
    };
    let [red, green, blue] = *channels.get(..3)? else { return None };
    if [red, green, blue].iter().any(|digits| digits.len() > 4) {
        return None;
    }
    Some([channel(red)?, channel(green)?, channel(blue)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds bytes one by one; returns the rest and the replies.
    fn fed(replies: &mut Replies<u8>, input: &[u8]) -> (Vec<u8>, Vec<Reply>) {
        let (mut released, mut found) = (Vec::new(), Vec::new());
        for byte in input {
            let taken = replies.push(*byte, &[*byte]);
            released.extend(taken.released);
            found.extend(taken.reply);
        }
        (released, found)
    }

    #[test]
    fn replies_are_found_between_keys_and_every_key_stays() {
        let solarized = Reply::Background(Some([0, 0x2b, 0x36]));
        for reply in [
            &b"\x1b]11;rgb:0000/2b2b/3636\x07"[..],
            b"\x1b]11;rgb:0000/2b2b/3636\x1b\\",
            b"\x1b]11;rgba:00/2b/36/ff\x07",
            b"\x1b]11;#002b36\x07",
        ] {
            let input = [b"?j", reply, b"\x1b[A\x1b", b"\x1b[?62;22c", b"q"].concat();
            let (keys, found) = fed(&mut Replies::new(), &input);
            assert_eq!((keys.as_slice(), found), (&b"?j\x1b[A\x1bq"[..], vec![solarized, Reply::Attributes]));
        }
        // GNU screen answers DA1 itself and passes OSC 11 on, so its replies come in this order.
        let (keys, found) = fed(&mut Replies::new(), b"\x1b[?1;2c\x1b]11;rgb:0000/2b2b/3636\x07");
        assert_eq!((keys, found), (Vec::new(), vec![Reply::Attributes, solarized]));
    }

    #[test]
    fn a_reply_in_another_format_is_no_key_either() {
        for odd in ["", "rgb:", "rgb:1/2", "#12", "rgb:12345/1/1", "/"] {
            let (keys, found) = fed(&mut Replies::new(), format!("\x1b]11;{odd}\x07x").as_bytes());
            assert_eq!((keys.as_slice(), found), (&b"x"[..], vec![Reply::Background(None)]), "{odd}");
        }
    }

    #[test]
    fn a_cut_reply_is_dropped_and_an_escape_key_is_not() {
        let mut replies = Replies::new();
        assert_eq!(fed(&mut replies, b"\x1b]11;rgb:00").0, b"");
        assert!(replies.silence().is_empty() && replies.is_holding());
        assert_eq!(fed(&mut replies, b"q").0, b"q");
        for key in [&b"\x1b"[..], b"\x1b]", b"\x1b]1", b"\x1b["] {
            assert_eq!(fed(&mut replies, key).0, b"");
            assert_eq!(replies.silence(), key);
        }
    }

    #[test]
    fn after_both_replies_nothing_is_held_back() {
        let mut replies = Replies::new();
        fed(&mut replies, b"\x1b]11;rgb:0/0/0\x07\x1b[?6c");
        assert_eq!(fed(&mut replies, b"\x1b").0, b"\x1b");
        assert_eq!(fed(&mut Replies::none(), b"\x1b]11;").0, b"\x1b]11;");
    }

    #[test]
    fn keys_that_are_a_reply_are_recognised() {
        let plain = |c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE);
        let alt = |c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::ALT);
        let esc = KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE);
        let ctrl_g = KeyEvent::new(KeyCode::Char('g'), KeyModifiers::CONTROL);
        let middle = || "11;rgb:f/f/F".chars().map(plain);
        for (start, end) in [(vec![alt(']')], ctrl_g), (vec![esc, plain(']')], ctrl_g), (vec![alt(']')], alt('\\'))] {
            let mut replies = Replies::new();
            let keys = start.into_iter().chain(middle()).chain([end]);
            let taken: Vec<_> = keys.map(|key| replies.push_key(key)).collect();
            assert!(taken.iter().all(|taken| taken.released.is_empty()), "{taken:?}");
            assert_eq!(taken.last().and_then(|taken| taken.reply), Some(Reply::Background(Some([255; 3]))));
        }
        // A key that no reply contains releases what was held, in order.
        let mut replies = Replies::new();
        let up = KeyEvent::new(KeyCode::Up, KeyModifiers::NONE);
        assert!(replies.push_key(esc).released.is_empty());
        assert_eq!(replies.push_key(up).released, [esc, up]);
    }
}

//! What must hold for any text that is shown: for the fuzzer and for property tests, those of every outlet as well.

use unicode_width::UnicodeWidthChar;

use super::{sanitise, sanitise_line};

/// The longest heap of marks on one character that is let through.
const LONGEST_HEAP: usize = 8;

/// What no terminal, page or table may get out of foreign text. Not made from what [`sanitise`] takes out: it is here to
/// judge it.
pub fn is_forbidden(c: char) -> bool {
    let n = c as u32;
    let is_control = n < 0x20 && c != '\n' && c != '\t' || (0x7f..=0x9f).contains(&n);
    let turns = matches!(n, 0x61c | 0x200e | 0x200f | 0x202a..=0x202e | 0x2066..=0x2069);
    let breaks_lines = matches!(n, 0x2028 | 0x2029);
    let is_zero_width = matches!(n, 0xad | 0x200b | 0x200c | 0x2060..=0x2064 | 0xfeff);
    let is_tag = (0xe0000..=0xe007f).contains(&n) || (0xe0100..=0xe01ef).contains(&n);
    is_control || turns || breaks_lines || is_zero_width || is_tag
}

/// The first thing that must not be in text on its way out.
pub fn fault(text: &str) -> Option<String> {
    if let Some(c) = text.chars().find(|c| is_forbidden(*c)) {
        return Some(format!("U+{:04X} came through", c as u32));
    }
    let heap = longest_heap(text);
    (heap > LONGEST_HEAP).then(|| format!("{heap} marks in a row came through"))
}

/// Says what does not hold for this text.
pub fn check(text: &str) -> Result<(), String> {
    let (clean, line) = (sanitise(text), sanitise_line(text));
    if let Some(fault) = fault(&clean).or_else(|| fault(&line)) {
        return Err(fault);
    }
    if line.contains(['\n', '\t']) {
        return Err("a line has several".to_owned());
    }
    if sanitise(&clean) != clean {
        return Err("what is clean is changed again".to_owned());
    }
    // A few more than are forbidden go, all of them beyond these alphabets.
    let harmless = |c: char| (c.is_alphanumeric() || c.is_ascii()) && !is_forbidden(c);
    if longest_heap(text) <= LONGEST_HEAP && text.chars().all(harmless) && clean != text {
        return Err("harmless text is changed".to_owned());
    }
    Ok(())
}

fn longest_heap(text: &str) -> usize {
    let (mut longest, mut heap) = (0, 0);
    for c in text.chars() {
        heap = if c.is_control() || c.width() != Some(0) { 0 } else { heap + 1 };
        longest = longest.max(heap);
    }
    longest
}

/// What the hostile is made of, and what stands between.
#[cfg(test)]
const PIECES: &[&str] = &[
    "\u{1b}[31m",
    "\u{1b}[2J",
    "\u{1b}[?1049l",
    "\u{1b}]0;t\u{7}",
    "\u{1b}]8;;http://x\u{1b}\\",
    "\u{1b}]52;c;eA==\u{9c}",
    "\u{1b}Pq\u{1b}\\",
    "\u{1b}",
    "\u{9b}2J",
    "\u{9d}0;t\u{9c}",
    "\u{90}",
    "\u{85}",
    "\u{7f}",
    "\0",
    "\u{8}\u{8}",
    "\r",
    "\r\n",
    "\n",
    "\n\n",
    "\t",
    "\u{b}",
    "\u{c}",
    "\u{202e}",
    "\u{202d}",
    "\u{202a}",
    "\u{202c}",
    "\u{2066}",
    "\u{2067}",
    "\u{2068}",
    "\u{2069}",
    "\u{200b}",
    "\u{200c}",
    "\u{200d}",
    "\u{200e}",
    "\u{200f}",
    "\u{2028}",
    "\u{2029}",
    "\u{61c}",
    "\u{feff}",
    "\u{2060}",
    "\u{ad}",
    "\u{e0041}\u{e007f}",
    "\u{e0101}",
    "\u{fe0f}",
    "`",
    "```",
    "````",
    "~~~",
    "|",
    "\\",
    "\\|",
    "[x](http://x)",
    "![x](http://x)",
    "[x]: http://x",
    "<http://x>",
    "[[x]]",
    "</details>",
    "<b>",
    "<!--",
    "-->",
    "&lt;",
    "# ",
    "- ",
    "> ",
    "---",
    "===",
    "|---|",
    "$x$",
    "*e*",
    "__e__",
    "~~e~~",
    "[^1]",
    "=cmd|' /C calc'!A0",
    "=",
    "+1",
    "-1",
    "@x",
    ";=1",
    ",",
    ";",
    "\"",
    "'",
    "\u{ff1d}1",
    "..",
    "/",
    "..\\",
    "CON",
    "%s",
    "{}",
    " ",
    "  ",
    "a",
    "word",
    "數據",
    "é",
    "🚀",
    "👩\u{200d}👧",
    "שלום",
];

/// Text in which all that is hostile is more likely than chance would have it.
#[cfg(test)]
pub fn hostile() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    let piece = prop_oneof![
        12 => prop::sample::select(PIECES).prop_map(str::to_owned),
        1 => Just("\u{301}\u{489}".repeat(40)),
        1 => Just("👩\u{200d}".repeat(20)),
        2 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

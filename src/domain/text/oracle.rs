//! Properties that hold for any text that is shown. Used by the fuzzer and by property tests, including those of
//! outputs.

use unicode_width::UnicodeWidthChar;

use super::{sanitise, sanitise_line};

/// Maximum combining marks on one character that may pass.
const MAX_MARKS: usize = 8;

/// Returns whether a character must never reach a terminal, page or table. Independent of [`sanitise`], which it
/// judges.
pub fn is_forbidden(c: char) -> bool {
    let n = c as u32;
    let is_control = n < 0x20 && c != '\n' && c != '\t' || (0x7f..=0x9f).contains(&n);
    let turns = matches!(n, 0x61c | 0x200e | 0x200f | 0x202a..=0x202e | 0x2066..=0x2069);
    let breaks_lines = matches!(n, 0x2028 | 0x2029);
    let is_zero_width = matches!(n, 0xad | 0x200b | 0x200c | 0x2060..=0x2064 | 0xfeff);
    let is_tag = (0xe0000..=0xe007f).contains(&n) || (0xe0100..=0xe01ef).contains(&n);
    is_control || turns || breaks_lines || is_zero_width || is_tag
}

/// First fault in text for output.
pub fn fault(text: &str) -> Option<String> {
    if let Some(c) = text.chars().find(|c| is_forbidden(*c)) {
        return Some(format!("U+{:04X} was not removed", c as u32));
    }
    let marks = most_marks(text);
    (marks > MAX_MARKS).then(|| format!("{marks} marks in a row were not removed"))
}

/// Checks all properties for a text; the error names the first that fails.
pub fn check(text: &str) -> Result<(), String> {
    let (clean, line) = (sanitise(text), sanitise_line(text));
    if let Some(fault) = fault(&clean).or_else(|| fault(&line)) {
        return Err(fault);
    }
    if line.contains(['\n', '\t']) {
        return Err("the single line has a line break or tab".to_owned());
    }
    if sanitise(&clean) != clean {
        return Err("sanitising twice changes the text".to_owned());
    }
    // Some more characters are removed than are forbidden, all outside of these alphabets.
    let harmless = |c: char| (c.is_alphanumeric() || c.is_ascii()) && !is_forbidden(c);
    if most_marks(text) <= MAX_MARKS && text.chars().all(harmless) && clean != text {
        return Err("harmless text was changed".to_owned());
    }
    Ok(())
}

fn most_marks(text: &str) -> usize {
    let (mut longest, mut marks) = (0, 0);
    for c in text.chars() {
        marks = if c.is_control() || c.width() != Some(0) { 0 } else { marks + 1 };
        longest = longest.max(marks);
    }
    longest
}

/// Hostile and harmless pieces that [`hostile`] combines.
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

/// Text in which hostile pieces are far more likely than by chance.
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

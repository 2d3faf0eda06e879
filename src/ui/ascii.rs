//! Replaces non-ASCII characters for terminals that cannot show them: one pass over the finished frame, so that panes
//! need no ASCII variants.

use ratatui::buffer::{Buffer, Cell};

use super::fit::width;

/// Replaces every non-ASCII character by a similar ASCII one. A wide character becomes one character and a blank, so
/// that nothing moves.
pub fn to_ascii(buffer: &mut Buffer) {
    let columns = usize::from(buffer.area.width).max(1);
    for row in buffer.content.chunks_mut(columns) {
        let mut rest = row;
        while let Some((cell, after)) = rest.split_first_mut() {
            let covered = if cell.symbol().is_ascii() { 0 } else { replace(cell, after) };
            rest = after.get_mut(covered..).unwrap_or_default();
        }
    }
}

/// Replaces every non-ASCII character of a text as [`to_ascii`] does, except for its wide characters and sequences.
pub fn to_ascii_text(text: &str) -> String {
    text.chars().map(similar).collect()
}

/// Replaces one cell; returns the number of following cells that its wide character covered.
fn replace(cell: &mut Cell, after: &mut [Cell]) -> usize {
    let covered = width(cell.symbol()).saturating_sub(1).min(after.len());
    let mut characters = cell.symbol().chars();
    let similar = match (characters.next(), characters.next()) {
        // U+FE0F only requests the emoji form of the character before it.
        (Some(only), None | Some('\u{FE0F}')) => similar(only),
        // A letter with combining marks becomes the letter. Other sequences have no equivalent.
        (Some(letter), Some(_)) if letter.is_ascii_graphic() => letter,
        _ => '?',
    };
    let style = cell.style();
    cell.set_char(similar);
    for hidden in after.iter_mut().take(covered) {
        hidden.set_char(' ').set_style(style);
    }
    covered
}

/// Returns the ASCII character that replaces `c` on this screen.
#[expect(clippy::match_same_arms, reason = "grouped by what the signs are for")]
fn similar(c: char) -> char {
    match c {
        c if c.is_ascii() => c,
        // Lines and boxes.
        '─' | '╌' | '┄' | '┈' | '╴' | '╶' | '–' | '—' | '‐' | '‑' | '−' | '⎯' | '‾' => '-',
        '│' | '┃' | '╎' | '┆' | '┊' | '║' | '╵' | '╷' | '╹' | '╻' | '▏' | '▕' => '|',
        // Heavy lines: the filled part of a bar, or the focused pane.
        '━' | '╸' | '╺' | '╼' | '╾' | '═' => '=',
        '\u{250C}'..='\u{254B}' | '\u{2552}'..='\u{2570}' => '+',
        // Bars and traces: the fuller the cell, the denser the character.
        '\u{2800}'..='\u{28FF}' => braille(c),
        '█' | '▓' | '▇' | '▉' | '▊' | '▋' | '■' | '▆' => '#',
        '▅' | '▄' | '▌' | '▐' | '▒' | '▍' | '▀' | '▎' => '=',
        '▃' | '▂' => '-',
        '▁' => '_',
        '░' => '.',
        '▲' | '▴' | '↑' | '⇧' => '^',
        '▼' | '▽' | '▾' | '↓' | '⇩' => 'v',
        '▶' | '▸' | '▹' | '→' | '›' | '»' | '⇒' | '❯' => '>',
        '◀' | '◂' | '←' | '‹' | '«' | '⇐' | '❮' => '<',
        // Marks: different marks become different characters.
        '△' => 'A',
        '□' => 'D',
        '✓' | '✔' => '+',
        '✗' | '✘' | '×' | '⊘' => 'x',
        '●' | '•' | '◆' | '★' | '◉' | '⬤' => '*',
        '○' | '◌' | '◯' | '◇' | '☐' => 'o',
        '◐' | '◑' | '◒' | '◓' => '@',
        '‖' => '=',
        '·' | '…' | '∙' | '⋅' | '。' => '.',
        '⚠' => '!',
        '≈' | '∼' => '~',
        '≤' => '<',
        '≥' => '>',
        '±' => '+',
        'µ' | 'μ' => 'u',
        'Δ' | '∆' => 'd',
        'σ' => 's',
        '°' => 'o',
        '∞' => '8',
        // Typographic quotes and spaces.
        '‘' | '’' | '′' | '‚' => '\'',
        '“' | '”' | '″' | '„' => '"',
        '\u{A0}' | '\u{2002}'..='\u{200A}' | '\u{202F}' => ' ',
        c => latin(c).unwrap_or('?'),
    }
}

/// A Latin letter without its marks.
const fn latin(c: char) -> Option<char> {
    Some(match c {
        'À'..='Å' => 'A',
        'à'..='å' => 'a',
        'Ç' => 'C',
        'ç' => 'c',
        'È'..='Ë' => 'E',
        'è'..='ë' => 'e',
        'Ì'..='Ï' => 'I',
        'ì'..='ï' => 'i',
        'Ñ' => 'N',
        'ñ' => 'n',
        'Ò'..='Ö' | 'Ø' => 'O',
        'ò'..='ö' | 'ø' => 'o',
        'Ù'..='Ü' => 'U',
        'ù'..='ü' => 'u',
        'Ý' => 'Y',
        'ý' | 'ÿ' => 'y',
        'ß' => 's',
        _ => return None,
    })
}

/// A character that looks as dense as the dots of a Braille character.
fn braille(c: char) -> char {
    const DENSITY: [char; 9] = [' ', '.', '.', ':', ':', '*', '*', '#', '#'];
    let dots = (u32::from(c) & 0xFF).count_ones() as usize;
    DENSITY[dots.min(8)]
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::{Color, Style};

    use super::*;

    fn ascii(text: &str) -> String {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 1));
        buffer.set_string(0, 0, text, Style::new());
        to_ascii(&mut buffer);
        buffer.content.iter().map(Cell::symbol).collect()
    }

    #[test]
    fn symbols_of_the_screen_stay_distinct() {
        assert_eq!(ascii("━ Cases · 3/3"), "= Cases . 3/");
        assert_eq!(ascii("━━━╸────"), "====----    ");
        assert_eq!(ascii("┌──┬─┐"), "+--+-+      ");
        assert_eq!(ascii("✓✗●○◐‖⊘·–▸"), "+x*o@=x.->  ");
        assert_eq!(ascii("▁▂▃▄▅▆▇█"), "_--==###    ");
        assert_eq!(ascii("⠀⡀⣀⣄⣤⣦⣶⣷⣿"), " ..::**##   ");
    }

    #[test]
    fn wide_characters_do_not_move_the_text_after_them() {
        assert_eq!(ascii("a你好b"), "a? ? b      ");
        assert_eq!(ascii("👩\u{200d}👩\u{200d}👧c"), "? c         ");
        assert_eq!(ascii("e\u{301}té"), "ete         ");
        // The blank after a wide character at the edge is cut off.
        assert_eq!(ascii("abcdefghijk你"), "abcdefghijk ");
    }

    #[test]
    fn the_second_cell_of_a_wide_character_becomes_a_blank_of_its_style() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 4, 1));
        buffer[(1, 0)].set_symbol("x");
        buffer[(0, 0)].set_symbol("你").set_fg(Color::Red);
        to_ascii(&mut buffer);
        assert_eq!((buffer[(1, 0)].symbol(), buffer[(1, 0)].fg), (" ", Color::Red));
    }
}

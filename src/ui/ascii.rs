//! The screen without any character beyond ASCII, for terminals that show no other. One pass over what was drawn, so
//! that nobody else need know.

use ratatui::buffer::{Buffer, Cell};

use super::fit::width;

/// Replaces every character beyond ASCII by one that is as near as it gets. Nothing moves: one cell stays one cell, and
/// of a wide character the second cell becomes a blank.
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

/// Replaces one cell; returns how many cells after it belong to its character.
fn replace(cell: &mut Cell, after: &mut [Cell]) -> usize {
    let covered = width(cell.symbol()).saturating_sub(1).min(after.len());
    let mut characters = cell.symbol().chars();
    let near = match (characters.next(), characters.next()) {
        // With or without the wish that it be an emoji.
        (Some(only), None | Some('\u{FE0F}')) => near(only),
        // Letters with marks on them: the letter. Anything else that is put together has no likeness.
        (Some(letter), Some(_)) if letter.is_ascii_graphic() => letter,
        _ => '?',
    };
    let style = cell.style();
    cell.set_char(near);
    for hidden in after.iter_mut().take(covered) {
        hidden.set_char(' ').set_style(style);
    }
    covered
}

/// The ASCII character that says the same on this screen.
#[expect(clippy::match_same_arms, reason = "grouped by what the signs are for")]
fn near(c: char) -> char {
    match c {
        c if c.is_ascii() => c,
        // Lines and boxes.
        '─' | '╌' | '┄' | '┈' | '╴' | '╶' | '–' | '—' | '‐' | '‑' | '−' | '⎯' | '‾' => '-',
        '│' | '┃' | '╎' | '┆' | '┊' | '║' | '╵' | '╷' | '╹' | '╻' | '▏' | '▕' => '|',
        // A heavy line is the part of a bar that is reached, or the focus.
        '━' | '╸' | '╺' | '╼' | '╾' | '═' => '=',
        '\u{250C}'..='\u{254B}' | '\u{2552}'..='\u{2570}' => '+',
        // Bars and traces: the more of the cell is filled, the denser.
        '\u{2800}'..='\u{28FF}' => braille(c),
        '█' | '▓' | '▇' | '▉' | '▊' | '▋' | '■' | '▆' => '#',
        '▅' | '▄' | '▌' | '▐' | '▒' | '▍' | '▀' | '▎' => '=',
        '▃' | '▂' => '-',
        '▁' => '_',
        '░' => '.',
        '▲' | '△' | '▴' | '↑' | '⇧' => '^',
        '▼' | '▽' | '▾' | '↓' | '⇩' => 'v',
        '▶' | '▸' | '▹' | '→' | '›' | '»' | '⇒' | '❯' => '>',
        '◀' | '◂' | '←' | '‹' | '«' | '⇐' | '❮' => '<',
        // Marks. What is told apart by them stays told apart.
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
        // What people and models write.
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

/// By the number of its dots.
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
    fn the_programs_own_signs_keep_their_sense() {
        assert_eq!(ascii("━ Cases · 3/3"), "= Cases . 3/");
        assert_eq!(ascii("━━━╸────"), "====----    ");
        assert_eq!(ascii("┌──┬─┐"), "+--+-+      ");
        assert_eq!(ascii("✓✗●○◐‖⊘·–▸"), "+x*o@=x.->  ");
        assert_eq!(ascii("▁▂▃▄▅▆▇█"), "_--==###    ");
        assert_eq!(ascii("⠀⡀⣀⣄⣤⣦⣶⣷⣿"), " ..::**##   ");
    }

    #[test]
    fn what_is_wide_leaves_everything_after_it_in_its_place() {
        assert_eq!(ascii("a你好b"), "a? ? b      ");
        assert_eq!(ascii("👩\u{200d}👩\u{200d}👧c"), "? c         ");
        assert_eq!(ascii("e\u{301}té"), "ete         ");
        // Cut off by the edge.
        assert_eq!(ascii("abcdefghijk你"), "abcdefghijk ");
    }

    #[test]
    fn what_a_wide_character_covered_is_blank_in_its_style() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 4, 1));
        buffer[(1, 0)].set_symbol("x");
        buffer[(0, 0)].set_symbol("你").set_fg(Color::Red);
        to_ascii(&mut buffer);
        assert_eq!((buffer[(1, 0)].symbol(), buffer[(1, 0)].fg), (" ", Color::Red));
    }
}

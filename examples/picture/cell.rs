//! Draws a part of a terminal row as SVG. Lines, blocks and braille become paths, so that they join in every font.
//!
//! All lengths are tenths of a pixel, which keeps the numbers in the files short.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Range;

use vt100::{Cell, Color, Screen};

use crate::svg::Look;

pub const CELL_W: u32 = 84;
pub const CELL_H: u32 = 180;
/// Number of blank cells that separate two parts of a row. Parts that stay the same are shared between frames.
const SEPARATION: u16 = 3;

/// Colours in use; each has a class in the style sheet.
#[derive(Default)]
pub struct Colours(Vec<String>);

impl Colours {
    fn class(&mut self, colour: String) -> usize {
        self.0.iter().position(|known| *known == colour).unwrap_or_else(|| {
            self.0.push(colour);
            self.0.len() - 1
        })
    }

    pub fn css(&self) -> String {
        let mut css = String::new();
        for (i, colour) in self.0.iter().enumerate() {
            write!(css, ".c{i}{{color:{colour}}}").unwrap();
        }
        css
    }
}

/// Columns of each part of a row that is not blank.
pub fn parts(screen: &Screen, row: u16) -> Vec<Range<u16>> {
    let mut parts: Vec<Range<u16>> = Vec::new();
    for col in 0..screen.size().1.get() {
        let Some(cell) = screen.cell(row, col) else { continue };
        if is_blank(cell) && !cell.is_wide_continuation() {
            continue;
        }
        match parts.last_mut() {
            Some(part) if col < part.end + SEPARATION => part.end = col + 1,
            _ => parts.push(col..col + 1),
        }
    }
    parts
}

fn is_blank(cell: &Cell) -> bool {
    cell.contents().trim().is_empty() && cell.bgcolor() == Color::Default && !cell.inverse() && !cell.underline()
}

/// Paths of one kind and colour, drawn together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Fill,
    Thin,
    Thick,
    Dots,
}

/// Draws these columns of a row, with its upper edge at 0.
pub fn draw(screen: &Screen, row: u16, cols: Range<u16>, look: &Look, colours: &mut Colours) -> String {
    let mut paths: BTreeMap<(Kind, String), String> = BTreeMap::new();
    let (mut backgrounds, mut texts, mut run) = (String::new(), String::new(), Run::default());
    let mut background: Option<(usize, u32, u32)> = None;
    for col in cols {
        let Some(cell) = screen.cell(row, col) else { continue };
        if cell.is_wide_continuation() {
            continue;
        }
        let (mut fg, mut bg) =
            (look.colour(cell.fgcolor(), look.foreground), look.colour(cell.bgcolor(), look.background));
        if cell.inverse() {
            std::mem::swap(&mut fg, &mut bg);
        }
        let (x, width) = (u32::from(col) * CELL_W, if cell.is_wide() { 2 * CELL_W } else { CELL_W });
        let bg = (bg != look.background).then(|| colours.class(bg));
        match (&mut background, bg) {
            (Some((class, _, end)), Some(bg)) if *class == bg && *end == x => *end = x + width,
            _ => {
                flush_background(&mut background, &mut backgrounds);
                background = bg.map(|class| (class, x, x + width));
            }
        }
        let Some(c) = cell.contents().chars().next().filter(|c| *c != ' ' && *c != '\u{2800}') else {
            run.blank(width);
            continue;
        };
        let class = format!("c{}{}", colours.class(fg), if cell.dim() { " d" } else { "" });
        if let Some((kind, d)) = shape(c, x) {
            run.flush(&mut texts);
            paths.entry((kind, class)).or_default().push_str(&d);
        } else {
            let marks = [(cell.bold(), " b"), (cell.italic(), " i"), (cell.underline(), " u")];
            let class = marks.iter().filter(|(on, _)| *on).fold(class, |class, (_, mark)| class + mark);
            run.push(&mut texts, cell.contents(), x, width, class);
        }
    }
    flush_background(&mut background, &mut backgrounds);
    run.flush(&mut texts);
    let mut out = backgrounds;
    for ((kind, class), d) in paths {
        let kind = match kind {
            Kind::Fill => "",
            Kind::Thin => " l",
            Kind::Thick => " l t",
            Kind::Dots => " l o",
        };
        write!(out, "<path class=\"{class}{kind}\" d=\"{d}\"/>").unwrap();
    }
    out + &texts
}

fn flush_background(background: &mut Option<(usize, u32, u32)>, out: &mut String) {
    if let Some((class, x, end)) = background.take() {
        write!(out, "<path class=\"c{class}\" d=\"M{x} 0H{}V{CELL_H}H{x}z\"/>", end + 2).unwrap();
    }
}

/// Adjacent cells of one style, written as one text of exact width.
#[derive(Default)]
struct Run {
    text: String,
    class: String,
    x: u32,
    width: u32,
    /// Blank cells since the last character, and their width.
    blanks: (usize, u32),
}

impl Run {
    fn blank(&mut self, width: u32) {
        self.blanks = (self.blanks.0 + 1, self.blanks.1 + width);
    }

    fn push(&mut self, out: &mut String, text: &str, x: u32, width: u32, class: String) {
        if self.text.is_empty() || self.class != class || self.blanks.0 > 4 {
            self.flush(out);
            (self.x, self.class) = (x, class);
        } else {
            self.text.push_str(&" ".repeat(self.blanks.0));
            self.width += self.blanks.1;
        }
        self.blanks = (0, 0);
        self.text.push_str(text);
        self.width += width;
    }

    fn flush(&mut self, out: &mut String) {
        let Run { text, class, x, width, .. } = std::mem::take(self);
        if text.is_empty() {
            return;
        }
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let y = CELL_H * 74 / 100;
        write!(out, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\" textLength=\"{width}\">{text}</text>").unwrap();
    }
}

/// Path of a character that must join its neighbours.
fn shape(c: char, x: u32) -> Option<(Kind, String)> {
    let (mx, my, right, bottom) = (x + CELL_W / 2, CELL_H / 2, x + CELL_W, CELL_H);
    let (kind, d) = match c {
        '\u{2800}'..='\u{28ff}' => {
            let bits = c as u32 - 0x2800;
            let places = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)];
            let mut dots = String::new();
            let mut last = None;
            for (_, (col, row)) in places.into_iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1) {
                let (col, row): (i32, i32) = (39 * col, 43 * row);
                match last.replace((col, row)) {
                    Some((c, r)) => write!(dots, "m{} {}h0", col - c, row - r).unwrap(),
                    None => write!(dots, "M{} {}h0", x.cast_signed() + 22 + col, 25 + row).unwrap(),
                }
            }
            (Kind::Dots, dots)
        }
        '▁'..='█' => {
            let top = CELL_H - CELL_H * (c as u32 - 0x2580) / 8;
            (Kind::Fill, format!("M{x} {top}H{}V{bottom}H{x}z", right + 2))
        }
        '▉'..='▏' => (Kind::Fill, format!("M{x} 0H{}V{bottom}H{x}z", x + CELL_W * (0x2590 - c as u32) / 8)),
        '─' => (Kind::Thin, format!("M{x} {my}H{right}")),
        '━' => (Kind::Thick, format!("M{x} {my}H{right}")),
        '╸' => (Kind::Thick, format!("M{x} {my}H{mx}")),
        '╺' => (Kind::Thick, format!("M{mx} {my}H{right}")),
        '│' => (Kind::Thin, format!("M{mx} 0V{bottom}")),
        '┃' => (Kind::Thick, format!("M{mx} 0V{bottom}")),
        '┌' => (Kind::Thin, format!("M{right} {my}H{mx}V{bottom}")),
        '┐' => (Kind::Thin, format!("M{x} {my}H{mx}V{bottom}")),
        '└' => (Kind::Thin, format!("M{right} {my}H{mx}V0")),
        '┘' => (Kind::Thin, format!("M{x} {my}H{mx}V0")),
        '╭' => (Kind::Thin, format!("M{right} {my}Q{mx} {my} {mx} {bottom}")),
        '╮' => (Kind::Thin, format!("M{x} {my}Q{mx} {my} {mx} {bottom}")),
        '╰' => (Kind::Thin, format!("M{right} {my}Q{mx} {my} {mx} 0")),
        '╯' => (Kind::Thin, format!("M{x} {my}Q{mx} {my} {mx} 0")),
        '├' => (Kind::Thin, format!("M{mx} 0V{bottom}M{mx} {my}H{right}")),
        '┤' => (Kind::Thin, format!("M{mx} 0V{bottom}M{mx} {my}H{x}")),
        '┬' => (Kind::Thin, format!("M{x} {my}H{right}M{mx} {my}V{bottom}")),
        '┴' => (Kind::Thin, format!("M{x} {my}H{right}M{mx} {my}V0")),
        '┼' => (Kind::Thin, format!("M{x} {my}H{right}M{mx} 0V{bottom}")),
        _ => return None,
    };
    Some((kind, d))
}

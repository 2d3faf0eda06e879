//! Converts a terminal screen to SVG. Lines, blocks and braille are drawn as shapes, so that they join in every font.

use std::fmt::Write;

use vt100::{Color, Screen};

const CELL_W: f64 = 8.4;
const CELL_H: f64 = 18.0;
const MARGIN: f64 = 14.0;
const BACKGROUND: &str = "#11151c";
const FOREGROUND: &str = "#d5dbe5";
/// The sixteen terminal colours, for a dark background.
const PALETTE: [&str; 16] = [
    "#1d232d", "#e06c75", "#8cc265", "#d9b25f", "#61a5ea", "#c678dd", "#4fc1c9", "#c8d0dc", "#6b7686", "#f0868e",
    "#a5d87f", "#ecca7d", "#83bdf5", "#d897ec", "#74dbe2", "#ffffff",
];

/// Converts the whole screen.
pub fn draw(screen: &Screen) -> String {
    let (rows, cols) = screen.size();
    let (rows, cols) = (rows.get(), cols.get());
    let (w, h) = (f64::from(cols) * CELL_W + 2.0 * MARGIN, f64::from(rows) * CELL_H + 2.0 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w:.1} {h:.1}\" width=\"{w:.0}\" height=\"{h:.0}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"10\" fill=\"{BACKGROUND}\"/>\n\
         <g font-family=\"ui-monospace,'SF Mono','JetBrains Mono',Menlo,Consolas,'DejaVu Sans Mono',monospace\" \
         font-size=\"14\" xml:space=\"preserve\">\n"
    );
    for row in 0..rows {
        let mut run = Run::default();
        for col in 0..cols {
            let Some(cell) = screen.cell(row, col) else { continue };
            if cell.is_wide_continuation() {
                continue;
            }
            let (mut fg, mut bg) = (colour(cell.fgcolor(), FOREGROUND), colour(cell.bgcolor(), BACKGROUND));
            if cell.inverse() {
                std::mem::swap(&mut fg, &mut bg);
            }
            let x = MARGIN + f64::from(col) * CELL_W;
            let y = MARGIN + f64::from(row) * CELL_H;
            let width = if cell.is_wide() { 2.0 * CELL_W } else { CELL_W };
            if bg != BACKGROUND {
                let _infallible = writeln!(
                    out,
                    "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{CELL_H}\" fill=\"{bg}\"/>",
                    width + 0.3
                );
            }
            let opacity = if cell.dim() { 0.6 } else { 1.0 };
            let shape = cell.contents().chars().next().and_then(|c| shape(c, x, y, &fg));
            if let Some(shape) = shape {
                run.flush(&mut out);
                let _infallible = writeln!(out, "<g opacity=\"{opacity}\">{shape}</g>");
            } else if cell.has_contents() && cell.contents() != " " {
                run.push(
                    &mut out,
                    cell.contents(),
                    x,
                    y,
                    width,
                    CellStyle { fg, bold: cell.bold(), italic: cell.italic(), underline: cell.underline(), opacity },
                );
            } else {
                run.flush(&mut out);
            }
        }
        run.flush(&mut out);
    }
    out.push_str("</g>\n</svg>\n");
    out
}

#[derive(Clone, PartialEq)]
struct CellStyle {
    fg: String,
    bold: bool,
    italic: bool,
    underline: bool,
    opacity: f64,
}

/// Adjacent cells of one style, written as one text of exact width.
#[derive(Default)]
struct Run {
    text: String,
    x: f64,
    y: f64,
    width: f64,
    style: Option<CellStyle>,
}

impl Run {
    fn push(&mut self, out: &mut String, text: &str, x: f64, y: f64, width: f64, style: CellStyle) {
        if self.style.as_ref() != Some(&style) {
            self.flush(out);
            (self.x, self.y, self.width) = (x, y, 0.0);
            self.style = Some(style);
        }
        self.text.push_str(text);
        self.width += width;
    }

    fn flush(&mut self, out: &mut String) {
        let Some(style) = self.style.take() else { return };
        let text = std::mem::take(&mut self.text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let mut css_attributes = String::new();
        for (wanted, css) in [
            (style.bold, " font-weight=\"bold\""),
            (style.italic, " font-style=\"italic\""),
            (style.underline, " text-decoration=\"underline\""),
        ] {
            if wanted {
                css_attributes.push_str(css);
            }
        }
        let _infallible = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" textLength=\"{:.1}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{}\" opacity=\"{}\"{css_attributes}>{text}</text>",
            self.x,
            self.y + CELL_H * 0.74,
            self.width,
            style.fg,
            style.opacity
        );
    }
}

/// Draws a character that must join its neighbours as a shape.
fn shape(c: char, x: f64, y: f64, fg: &str) -> Option<String> {
    let rect = |dx: f64, dy: f64, w: f64, h: f64| {
        Some(format!(
            "<rect x=\"{:.2}\" y=\"{:.2}\" width=\"{w:.2}\" height=\"{h:.2}\" fill=\"{fg}\"/>",
            x + dx,
            y + dy
        ))
    };
    let path = |d: String, width: f64| {
        Some(format!("<path d=\"{d}\" stroke=\"{fg}\" stroke-width=\"{width}\" fill=\"none\"/>"))
    };
    let (mx, my, right, bottom) = (x + CELL_W / 2.0, y + CELL_H / 2.0, x + CELL_W, y + CELL_H);
    match c {
        '\u{2800}'..='\u{28ff}' => {
            let bits = c as u32 - 0x2800;
            let mut dots = String::new();
            for (bit, (col, row)) in
                [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)].into_iter().enumerate()
            {
                if bits >> bit & 1 == 1 {
                    let (cx, cy) =
                        (x + CELL_W * (0.27 + 0.46 * f64::from(col)), y + CELL_H * (0.14 + 0.24 * f64::from(row)));
                    let _infallible = write!(dots, "<circle cx=\"{cx:.2}\" cy=\"{cy:.2}\" r=\"1.35\" fill=\"{fg}\"/>");
                }
            }
            Some(dots)
        }
        '▁'..='█' => {
            let h = CELL_H * f64::from(c as u32 - 0x2580) / 8.0;
            rect(0.0, CELL_H - h, CELL_W + 0.2, h)
        }
        '▉'..='▏' => rect(0.0, 0.0, CELL_W * f64::from(0x2590 - c as u32) / 8.0, CELL_H),
        '─' => path(format!("M{x:.1} {my:.1}H{right:.1}"), 1.0),
        '━' => path(format!("M{x:.1} {my:.1}H{right:.1}"), 2.4),
        '│' => path(format!("M{mx:.1} {y:.1}V{bottom:.1}"), 1.0),
        '╭' => path(format!("M{right:.1} {my:.1}Q{mx:.1} {my:.1} {mx:.1} {bottom:.1}"), 1.0),
        '╮' => path(format!("M{x:.1} {my:.1}Q{mx:.1} {my:.1} {mx:.1} {bottom:.1}"), 1.0),
        '╰' => path(format!("M{right:.1} {my:.1}Q{mx:.1} {my:.1} {mx:.1} {y:.1}"), 1.0),
        '╯' => path(format!("M{x:.1} {my:.1}Q{mx:.1} {my:.1} {mx:.1} {y:.1}"), 1.0),
        '├' => path(format!("M{mx:.1} {y:.1}V{bottom:.1}M{mx:.1} {my:.1}H{right:.1}"), 1.0),
        '┤' => path(format!("M{mx:.1} {y:.1}V{bottom:.1}M{mx:.1} {my:.1}H{x:.1}"), 1.0),
        '┬' => path(format!("M{x:.1} {my:.1}H{right:.1}M{mx:.1} {my:.1}V{bottom:.1}"), 1.0),
        '┴' => path(format!("M{x:.1} {my:.1}H{right:.1}M{mx:.1} {my:.1}V{y:.1}"), 1.0),
        '┼' => path(format!("M{x:.1} {my:.1}H{right:.1}M{mx:.1} {y:.1}V{bottom:.1}"), 1.0),
        _ => None,
    }
}

fn colour(colour: Color, default: &str) -> String {
    match colour {
        Color::Default => default.to_owned(),
        Color::Idx(i @ 0..16) => PALETTE[usize::from(i)].to_owned(),
        Color::Idx(i @ 16..232) => {
            let i = i - 16;
            let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
            format!("#{:02x}{:02x}{:02x}", level(i / 36), level(i / 6 % 6), level(i % 6))
        }
        Color::Idx(i) => {
            let grey = 8 + 10 * (i - 232);
            format!("#{grey:02x}{grey:02x}{grey:02x}")
        }
        Color::Rgb(r, g, b) => format!("#{r:02x}{g:02x}{b:02x}"),
    }
}

//! A canvas of Braille dots: two across and four down in each cell.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Pattern bit of each dot in a cell, by column (2) and row from the top (4).
const DOTS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

/// Style of a stroke, and its character in ASCII mode, which has no Braille.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ink {
    /// Style.
    pub style: Style,
    /// Character in ASCII mode. `None` derives a character from the number of dots.
    pub ascii: Option<char>,
}

impl From<Style> for Ink {
    fn from(style: Style) -> Self {
        Self { style, ascii: None }
    }
}

/// The dots and ink of each cell. The last stroke in a cell sets its ink.
#[derive(Debug)]
pub struct Dots {
    width: usize,
    height: usize,
    cells: Vec<(u8, Ink)>,
}

impl Dots {
    /// Creates an empty canvas for the cells of `area`.
    pub fn new(area: Rect) -> Self {
        let (width, height) = (usize::from(area.width), usize::from(area.height));
        Self { width, height, cells: vec![(0, Ink::default()); width * height] }
    }

    /// Width in dots.
    pub const fn columns(&self) -> usize {
        self.width * 2
    }

    /// Height in dots.
    pub const fn rows(&self) -> usize {
        self.height * 4
    }

    /// Returns the dot row of a value on a scale from 0 at the bottom to `top`. Values off the scale are clamped.
    pub fn row_of(&self, value: f64, top: f64) -> usize {
        self.row_at(if top > 0.0 { value / top } else { 0.0 })
    }

    /// Returns the dot row at a share of the height, from 0 at the bottom to 1. Other shares are clamped.
    pub fn row_at(&self, share: f64) -> usize {
        ((1.0 - share.clamp(0.0, 1.0)) * self.rows().saturating_sub(1) as f64).round() as usize
    }

    /// Sets the dots of a column in `rows`, counted from the top. Dots outside the canvas are ignored.
    pub fn stroke(&mut self, column: usize, rows: std::ops::RangeInclusive<usize>, ink: impl Into<Ink>) {
        let ink = ink.into();
        for row in rows {
            if column < self.columns() && row < self.rows() {
                let cell = &mut self.cells[row / 4 * self.width + column / 2];
                *cell = (cell.0 | DOTS[column % 2][row % 4], ink);
            }
        }
    }

    /// Draws a line through one value per dot column; `None` leaves a gap.
    pub fn line(&mut self, values: &[Option<f64>], top: f64, style: Style) {
        let mut previous: Option<usize> = None;
        for (column, value) in values.iter().enumerate() {
            let row = value.filter(|v| v.is_finite()).map(|v| self.row_of(v, top));
            if let Some(row) = row {
                // The stroke starts beside the previous dot, so that steep parts stay connected.
                let rows = match previous {
                    Some(b) if b < row => b + 1..=row,
                    Some(b) if b > row => row..=b - 1,
                    _ => row..=row,
                };
                self.stroke(column, rows, style);
            }
            previous = row;
        }
    }

    /// Fills the space between the bottom and one value per dot column; `None` leaves a gap.
    pub fn area(&mut self, values: &[Option<f64>], top: f64, style: Style) {
        let bottom = self.rows().saturating_sub(1);
        for (column, value) in values.iter().enumerate() {
            if let Some(value) = value.filter(|v| v.is_finite()) {
                self.stroke(column, self.row_of(value, top)..=bottom, style);
            }
        }
    }

    /// Draws a straight line between two dots, given by column and row.
    pub fn segment(&mut self, from: (usize, usize), to: (usize, usize), style: Style) {
        let ((x0, y0), (x1, y1)) = if from.0 <= to.0 { (from, to) } else { (to, from) };
        let row_at = |column: usize| {
            let share = (column - x0) as f64 / (x1 - x0).max(1) as f64;
            (y0 as f64 + (y1 as f64 - y0 as f64) * share).round() as usize
        };
        let mut previous = y0;
        self.stroke(x0, y0..=y0, style);
        for column in x0..=x1 {
            let row = if column == x1 { y1 } else { row_at(column) };
            // A steep line takes several rows in a column.
            let beside = if row > previous + 1 {
                previous + 1
            } else if previous > row + 1 {
                previous - 1
            } else {
                row
            };
            self.stroke(column, row.min(beside)..=row.max(beside), style);
            previous = row;
        }
    }

    /// Draws the dots into `buf`; cells without a dot stay unchanged.
    pub fn draw(&self, area: Rect, buf: &mut Buffer) {
        self.draw_as(area, buf, false);
    }

    /// Draws the dots into `buf`. With `ascii`, strokes whose ink has a character are drawn with that character.
    pub fn draw_as(&self, area: Rect, buf: &mut Buffer, ascii: bool) {
        for (at, (pattern, ink)) in self.cells.iter().enumerate().filter(|(_, cell)| cell.0 != 0) {
            let position = (area.x + (at % self.width) as u16, area.y + (at / self.width) as u16);
            if let Some(cell) = buf.cell_mut(position) {
                let braille = char::from_u32(0x2800 + u32::from(*pattern)).unwrap_or(' ');
                cell.set_char(ink.ascii.filter(|_| ascii).unwrap_or(braille)).set_style(ink.style);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(width: u16, height: u16, draw: impl FnOnce(&mut Dots)) -> Vec<String> {
        let area = Rect::new(0, 0, width, height);
        let (mut buf, mut dots) = (Buffer::empty(area), Dots::new(area));
        draw(&mut dots);
        dots.draw(area, &mut buf);
        (0..height).map(|y| (0..width).map(|x| buf[(x, y)].symbol()).collect()).collect()
    }

    #[test]
    fn a_line_rises_and_stops_at_a_gap() {
        let values = [Some(0.0), Some(4.0 / 3.0), Some(8.0 / 3.0), Some(4.0), None, None, Some(4.0), Some(4.0)];
        assert_eq!(drawn(4, 1, |d| d.line(&values, 4.0, Style::new())), ["⡠⠊ ⠉"]);
    }

    #[test]
    fn steep_parts_stay_connected() {
        assert_eq!(drawn(1, 1, |d| d.line(&[Some(0.0), Some(4.0)], 4.0, Style::new())), ["⡸"]);
        assert_eq!(drawn(1, 1, |d| d.line(&[Some(4.0), Some(0.0)], 4.0, Style::new())), ["⢱"]);
    }

    #[test]
    fn a_segment_connects_its_ends_in_either_direction() {
        let drawn = |from, to| drawn(2, 2, |d| d.segment(from, to, Style::new()));
        assert_eq!(drawn((0, 7), (3, 0)), drawn((3, 0), (0, 7)));
        assert_eq!(drawn((0, 0), (3, 0)), ["⠉⠉", "  "]);
        assert_eq!(drawn((1, 0), (1, 7)), ["⢸ ", "⢸ "], "a vertical one has all its dots");
    }

    #[test]
    fn an_area_reaches_from_the_bottom_to_the_value() {
        let values = [Some(2.0), Some(4.0), None, Some(0.0)];
        assert_eq!(drawn(2, 1, |d| d.area(&values, 4.0, Style::new())), ["⣼⢀"]);
    }

    #[test]
    fn in_ascii_a_stroke_is_the_character_of_its_ink() {
        let area = Rect::new(0, 0, 2, 1);
        let (mut buf, mut dots) = (Buffer::empty(area), Dots::new(area));
        dots.stroke(0, 0..=3, Ink { ascii: Some('-'), ..Ink::default() });
        dots.stroke(2, 0..=3, Style::new());
        dots.draw_as(area, &mut buf, true);
        assert_eq!((buf[(0, 0)].symbol(), buf[(1, 0)].symbol()), ("-", "⡇"));
    }

    #[test]
    fn values_off_the_scale_are_clamped_and_dots_off_the_canvas_ignored() {
        assert_eq!(drawn(1, 2, |d| d.line(&[Some(9.0), Some(-1.0)], 4.0, Style::new())), ["⢱", "⢸"]);
        assert_eq!(drawn(1, 1, |d| d.stroke(2, 0..=3, Style::new())), [" "]);
        assert_eq!(drawn(1, 1, |d| d.stroke(0, 2..=9, Style::new())), ["⡄"]);
        assert!(drawn(0, 0, |d| d.line(&[Some(1.0)], 0.0, Style::new())).is_empty());
    }
}

//! A line over time in braille, with its scale at the left and a time axis below.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::ui::fit;

/// Dots of a braille cell by column (2) and row from the top (4), as bits of the pattern.
const DOTS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

/// A line and its surroundings. `values` holds two figures per cell of width.
#[derive(Debug)]
pub struct LineChart<'a> {
    /// One figure per dot column; `None` is a gap.
    pub values: &'a [Option<f64>],
    /// Top of the scale; it starts at 0.
    pub top: f64,
    /// Text at the left end of the time axis.
    pub from: &'a str,
    /// Text at its right end.
    pub to: &'a str,
    /// Places on the time axis that carry a mark, 0 to 1.
    pub marks: &'a [f64],
    /// Style of the line.
    pub line: Style,
    /// Style of scale and axis.
    pub axis: Style,
}

/// Cells that the scale up to `top` takes at the left.
fn scale_width(top: f64) -> u16 {
    fit::width(&label(top)) as u16 + 1
}

fn label(value: f64) -> String {
    if value >= 10.0 || value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

/// The dot columns that a chart up to `top` has in `area`.
pub fn dots(area: Rect, top: f64) -> usize {
    usize::from(area.width.saturating_sub(scale_width(top))) * 2
}

/// The next of 1, 2, 5, 10, 20, 50 … that is not below `value`.
pub fn round_up(value: f64) -> f64 {
    if !value.is_finite() || value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    steps.iter().map(|s| s * power).find(|s| *s >= value * 0.999).unwrap_or(10.0 * power)
}

impl LineChart<'_> {
    /// Draws it: the last line of `area` is the time axis.
    pub fn draw(&self, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        let scale = scale_width(self.top);
        if area.width <= scale || area.height < 2 {
            return;
        }
        let plot = Rect { x: area.x + scale, width: area.width - scale, height: area.height - 1, ..area };
        self.draw_scale(area, plot, buf);
        self.draw_line(plot, buf);
        self.draw_axis(Rect { y: plot.bottom(), height: 1, ..plot }, buf);
    }

    fn draw_scale(&self, area: Rect, plot: Rect, buf: &mut Buffer) {
        let width = usize::from(plot.x - area.x - 1);
        let mut put = |row: u16, value: f64| {
            buf.set_stringn(area.x, plot.y + row, fit::right(&label(value), width), width, self.axis);
        };
        put(0, self.top);
        if plot.height >= 5 && plot.height % 2 == 1 {
            put(plot.height / 2, self.top / 2.0);
        }
        buf.set_stringn(area.x, plot.bottom(), fit::right("0", width), width, self.axis);
    }

    fn draw_line(&self, plot: Rect, buf: &mut Buffer) {
        let rows = usize::from(plot.height) * 4;
        let row_of = |value: f64| {
            let share = if self.top > 0.0 { (value / self.top).clamp(0.0, 1.0) } else { 0.0 };
            ((1.0 - share) * (rows - 1) as f64).round() as usize
        };
        let mut before: Option<usize> = None;
        for cell in 0..plot.width {
            let mut column = vec![0_u8; usize::from(plot.height)];
            for (side, dots) in DOTS.iter().enumerate() {
                let value = self.values.get(usize::from(cell) * 2 + side).copied().flatten();
                let Some(row) = value.filter(|v| v.is_finite()).map(row_of) else {
                    before = None;
                    continue;
                };
                // The stroke starts beside the dot before it, so that steep parts hold together.
                let (high, low) = match before {
                    Some(b) if b < row => (b + 1, row),
                    Some(b) if b > row => (row, b - 1),
                    _ => (row, row),
                };
                for dot in high..=low {
                    column[dot / 4] |= dots[dot % 4];
                }
                before = Some(row);
            }
            for (row, pattern) in column.into_iter().enumerate().filter(|(_, pattern)| *pattern != 0) {
                let symbol = char::from_u32(0x2800 + u32::from(pattern)).unwrap_or(' ');
                buf[(plot.x + cell, plot.y + row as u16)].set_char(symbol).set_style(self.line);
            }
        }
    }

    fn draw_axis(&self, axis: Rect, buf: &mut Buffer) {
        let cells = usize::from(axis.width);
        buf.set_stringn(axis.x, axis.y, "─".repeat(cells), cells, self.axis);
        for mark in self.marks.iter().filter(|m| (0.0..=1.0).contains(*m)) {
            let cell = (mark * cells as f64).floor().min(cells as f64 - 1.0) as u16;
            buf[(axis.x + cell, axis.y)].set_char('┴');
        }
        buf[(axis.x, axis.y)].set_char('└');
        let (from, to) = (format!("└ {} ", self.from), format!(" {}", self.to));
        if fit::width(&from) + fit::width(&to) < cells {
            buf.set_stringn(axis.x, axis.y, &from, cells, self.axis);
            buf.set_stringn(axis.right() - fit::width(&to) as u16, axis.y, &to, cells, self.axis);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(values: &[Option<f64>], width: u16, height: u16) -> Vec<String> {
        let area = Rect::new(0, 0, width, height);
        let mut buf = Buffer::empty(area);
        let style = Style::new();
        LineChart { values, top: 4.0, from: "0:00", to: "0:10", marks: &[0.5], line: style, axis: style }
            .draw(area, &mut buf);
        let row = |y| (0..width).map(|x| buf[(x, y)].symbol()).collect::<String>();
        (0..height).map(row).collect()
    }

    #[test]
    fn a_line_goes_from_bottom_to_top_and_stops_at_a_gap() {
        let values = [Some(0.0), Some(4.0 / 3.0), Some(8.0 / 3.0), Some(4.0), None, None, Some(4.0), Some(4.0)];
        assert_eq!(draw(&values, 6, 2), ["4 ⡠⠊ ⠉", "0 └─┴─"]);
    }

    #[test]
    fn steep_parts_hold_together() {
        assert_eq!(draw(&[Some(0.0), Some(4.0)], 3, 2)[0], "4 ⡸");
        assert_eq!(draw(&[Some(4.0), Some(0.0)], 3, 2)[0], "4 ⢱");
    }

    #[test]
    fn ends_of_the_time_axis_are_told_where_there_is_room() {
        assert_eq!(draw(&[], 18, 2)[1], "0 └ 0:00 ─┴── 0:10");
    }

    #[test]
    fn no_room_is_no_chart() {
        for (width, height) in [(0, 0), (1, 1), (2, 5), (5, 1)] {
            draw(&[Some(1.0)], width, height);
        }
    }

    #[test]
    fn scales_end_on_round_figures() {
        let cases = [(0.0, 1.0), (117.3, 150.0), (100.0, 100.0), (0.7, 0.8), (9_001.0, 10_000.0), (f64::NAN, 1.0)];
        for (value, top) in cases {
            let got = round_up(value);
            assert!((got - top).abs() < 1e-9, "{value}: {got}");
        }
    }
}

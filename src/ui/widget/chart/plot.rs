//! The inside of a chart: marks, limits, curves, lines and points.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Axis, Chart, INCOMPARABLE, Point, Series, SeriesKind};
use crate::ui::fit;
use crate::ui::widget::braille::Dots;

/// Character of a vertical mark.
const MARK: char = '┊';
/// Character of a horizontal limit.
pub(super) const LIMIT: char = '┄';
/// Character of a curve without points.
pub(super) const CURVE: char = '╌';

/// Area of the plot in cells, and its axes.
pub(super) struct Plot<'a> {
    pub(super) area: Rect,
    pub(super) x: &'a Axis,
    pub(super) y: &'a Axis,
}

impl Plot<'_> {
    /// Column of a value, a cell of the buffer; `None` off the axis.
    pub(super) fn column(&self, x: f64) -> Option<u16> {
        let dots = usize::from(self.area.width) * 2;
        Some(self.area.x + (place(self.x.share(x)?, dots) / 2) as u16)
    }

    /// Row of a value, a cell of the buffer; `None` off the axis.
    pub(super) fn row(&self, y: f64) -> Option<u16> {
        let dots = usize::from(self.area.height) * 4;
        Some(self.area.y + (place(1.0 - self.y.share(y)?, dots) / 4) as u16)
    }

    /// Dot of a point, counted from the top left; `None` off an axis.
    fn dot(&self, point: &Point) -> Option<(usize, usize)> {
        let (columns, rows) = (usize::from(self.area.width) * 2, usize::from(self.area.height) * 4);
        Some((place(self.x.share(point.x)?, columns), place(1.0 - self.y.share(point.y)?, rows)))
    }

    /// Draws everything inside the axes. The first series lies on top.
    pub(super) fn draw(&self, chart: &Chart<'_>, buf: &mut Buffer) {
        for (column, style) in chart.marks.iter().filter_map(|mark| Some((self.column(mark.x)?, mark.style))) {
            (self.area.top()..self.area.bottom()).for_each(|row| set(buf, (column, row), MARK, style));
        }
        for (row, style) in chart.limits.iter().filter_map(|limit| Some((self.row(limit.y)?, limit.style))) {
            (self.area.left()..self.area.right()).for_each(|column| set(buf, (column, row), LIMIT, style));
        }
        for series in chart.series.iter().rev().filter(|s| matches!(s.kind, SeriesKind::Curve(_))) {
            self.curve(series, buf);
        }
        let mut dots = Dots::new(self.area);
        for series in chart.series.iter().rev().filter(|s| matches!(s.kind, SeriesKind::Points(_))) {
            self.line(series, &mut dots);
        }
        dots.draw(self.area, buf);
        for series in chart.series.iter().rev() {
            self.points(series, buf);
        }
        for series in &chart.series {
            self.labels(series, chart.label_style, buf);
        }
    }

    fn curve(&self, series: &Series<'_>, buf: &mut Buffer) {
        let SeriesKind::Curve(curve) = &series.kind else { return };
        let last = f64::from(self.area.width.saturating_sub(1).max(1));
        for cell in 0..self.area.width {
            let y = curve(self.x.value_at(f64::from(cell) / last));
            if let Some(row) = self.row(y) {
                set(buf, (self.area.x + cell, row), CURVE, series.style);
            }
        }
    }

    /// Connects the points that are neither provisional nor incomparable.
    fn line(&self, series: &Series<'_>, dots: &mut Dots) {
        let placed: Vec<_> =
            series.points.iter().filter(|p| !p.is_provisional && !p.is_incomparable).map(|p| self.dot(p)).collect();
        for pair in placed.windows(2) {
            if let [Some(from), Some(to)] = pair {
                dots.segment(*from, *to, series.style);
            }
        }
    }

    fn points(&self, series: &Series<'_>, buf: &mut Buffer) {
        let SeriesKind::Points(symbol) = series.kind else { return };
        for point in &series.points {
            if let (Some(column), Some(row)) = (self.column(point.x), self.row(point.y)) {
                let sign = if point.is_incomparable { INCOMPARABLE } else { symbol.sign(point.is_provisional) };
                set(buf, (column, row), sign, series.style);
            }
        }
    }

    /// Writes the label of each point where there is room: right of it, left of it, above it or below
    /// it.
    fn labels(&self, series: &Series<'_>, style: Style, buf: &mut Buffer) {
        for point in series.points.iter().filter(|p| !p.label.is_empty()) {
            let (Some(column), Some(row)) = (self.column(point.x), self.row(point.y)) else { continue };
            let width = fit::width(&point.label) as u16;
            let (right, left) = (column.saturating_add(2), column.checked_sub(width + 1));
            let middle = column.checked_sub(width / 2);
            let ending = (column + 1).checked_sub(width);
            let places = [
                Some((right, row)),
                left.map(|x| (x, row)),
                middle.zip(row.checked_sub(1)),
                middle.map(|x| (x, row + 1)),
                row.checked_sub(1).map(|y| (right, y)),
                ending.zip(row.checked_sub(1)),
                ending.map(|x| (x, row + 1)),
            ];
            let is_free = |at: &(u16, u16)| {
                let wanted = Rect { x: at.0, y: at.1, width, height: 1 };
                wanted == wanted.intersection(self.area) && wanted.positions().all(|p| buf[p].symbol() == " ")
            };
            if let Some(at) = places.into_iter().flatten().find(is_free) {
                buf.set_string(at.0, at.1, &point.label, style);
            }
        }
    }
}

/// Index of the dot at a share of `dots`.
fn place(share: f64, dots: usize) -> usize {
    (share * dots.saturating_sub(1) as f64).round() as usize
}

fn set(buf: &mut Buffer, position: (u16, u16), sign: char, style: Style) {
    if let Some(cell) = buf.cell_mut(position) {
        cell.set_char(sign).set_style(style);
    }
}

//! A chart of one value against another, with axes, ticks at round numbers, and a legend. Series differ in their signs
//! as well as in their colours.

mod axis;
mod plot;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

pub use self::axis::Axis;
use self::plot::{CURVE, LIMIT, Plot};
use crate::ui::fit;

/// Smallest size of a chart, cells: columns and rows.
pub const MIN_SIZE: (u16, u16) = (18, 6);
/// Rows of the plot per interval of the vertical axis.
const ROWS_PER_TICK: u16 = 3;
/// Maximum intervals of the vertical axis.
const MAX_INTERVALS: u16 = 8;
/// Columns of the plot per tick of the horizontal axis.
const COLUMNS_PER_TICK: u16 = 10;
/// Heights from which title and legend may take a second and a third row.
const HEAD_ROWS_FROM: [u16; 2] = [10, 16];
/// Height of the plot from which the name of the horizontal axis may have a row of its own.
const NAME_ROW_FROM: u16 = 6;
/// Minimum cells between the name of the horizontal axis and the tick labels beside it.
const AROUND_NAME: u16 = 4;
/// Cells between two entries of the legend.
const BETWEEN: &str = "  ";

/// Sign of the points of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Symbol {
    Circle,
    Triangle,
    Square,
}

/// Sign of an incomparable point, in every series. ASCII, so that it looks the same on every terminal.
const INCOMPARABLE: char = '+';

impl Symbol {
    const fn sign(self, is_provisional: bool) -> char {
        match (self, is_provisional) {
            (Self::Circle, false) => '●',
            (Self::Circle, true) => '○',
            (Self::Triangle, false) => '▲',
            (Self::Triangle, true) => '△',
            (Self::Square, false) => '■',
            (Self::Square, true) => '□',
        }
    }
}

/// How a series is drawn.
#[expect(missing_debug_implementations, reason = "a function has none")]
pub enum SeriesKind<'a> {
    /// Points with this sign. A line connects the points that are neither provisional nor incomparable.
    Points(Symbol),
    /// A dashed curve of a function of the horizontal value, without points.
    Curve(Box<dyn Fn(f64) -> f64 + 'a>),
}

/// A point of a series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Point {
    /// Value on the horizontal axis.
    pub x: f64,
    /// Value on the vertical axis.
    pub y: f64,
    /// Whether the value is still being measured: the sign is hollow, and no line leads to the point.
    pub is_provisional: bool,
    /// Whether the value is not comparable with the others: the point has a sign of its own, and no line leads to it.
    pub is_incomparable: bool,
    /// Text beside the point.
    pub label: String,
}

/// Points or a curve, with a name in the legend.
#[expect(missing_debug_implementations, reason = "a function has none")]
pub struct Series<'a> {
    /// Name in the legend.
    pub name: &'a str,
    /// Style of line and points.
    pub style: Style,
    /// How the series is drawn.
    pub kind: SeriesKind<'a>,
    /// The points, in the order of the line; none for a curve. Points off the axes are not drawn.
    pub points: Vec<Point>,
}

/// A vertical line at a value of the horizontal axis, with a label above the plot.
#[derive(Clone, Debug)]
pub struct Mark {
    /// Value on the horizontal axis.
    pub x: f64,
    /// Label.
    pub label: String,
    /// Style of line and label.
    pub style: Style,
}

/// A horizontal line at a value of the vertical axis, with a name in the legend.
#[derive(Clone, Debug)]
pub struct Limit {
    /// Value on the vertical axis.
    pub y: f64,
    /// Name in the legend.
    pub name: String,
    /// Style of the line.
    pub style: Style,
}

/// A chart.
#[expect(missing_debug_implementations, reason = "a function has none")]
pub struct Chart<'a> {
    /// Title with the unit of the vertical axis.
    pub title: &'a str,
    /// Horizontal axis.
    pub x: Axis,
    /// Name of the horizontal axis.
    pub x_name: &'a str,
    /// Vertical axis.
    pub y: Axis,
    /// Series; the first lies on top.
    pub series: Vec<Series<'a>>,
    /// Vertical marks.
    pub marks: Vec<Mark>,
    /// Horizontal limits.
    pub limits: Vec<Limit>,
    /// Style of the title.
    pub title_style: Style,
    /// Style of the axes.
    pub axis_style: Style,
    /// Style of labels beside points.
    pub label_style: Style,
    /// Name of incomparable points in the legend.
    pub incomparable_name: &'a str,
}

/// A text to write in a row: first column, text, style.
type Placed = (u16, String, Style);

impl Chart<'_> {
    /// Draws the chart; draws nothing below [`MIN_SIZE`].
    pub fn draw(&self, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        if area.width < MIN_SIZE.0 || area.height < MIN_SIZE.1 {
            return;
        }
        let head_rows = 1 + HEAD_ROWS_FROM.iter().filter(|from| area.height >= **from).count();
        let head = self.head(usize::from(area.width), head_rows);
        for (row, line) in (area.y..).zip(&head) {
            buf.set_line(area.x, row, line, area.width);
        }
        let marks = u16::from(!self.marks.is_empty());
        let top = area.y + head.len() as u16 + marks;
        // The axis and its tick labels take two rows.
        let rows = area.bottom().saturating_sub(top + 2);
        if rows < 2 {
            return;
        }
        let place = |rows: u16| {
            let y = self.y.fitted(usize::from((rows / ROWS_PER_TICK).clamp(2, MAX_INTERVALS)));
            let gutter = y.labels().map(|(_, label)| fit::width(&label)).max().unwrap_or(0) as u16 + 1;
            let plot = Rect { x: area.x + gutter, y: top, width: area.width.saturating_sub(gutter), height: rows };
            (y, plot, self.x.fitted(usize::from(plot.width / COLUMNS_PER_TICK)))
        };
        let (mut y, mut plot, x) = place(rows);
        let labels = tick_labels(&Plot { area: plot, x: &x, y: &y }, area, self.axis_style);
        let mut name = place_axis_name(&labels, plot, self.x_name, self.axis_style);
        if name.is_none() && rows >= NAME_ROW_FROM && !self.x_name.is_empty() {
            (y, plot, _) = place(rows - 1);
        }
        let plot = Plot { area: plot, x: &x, y: &y };
        // The gutter may have changed with the number of ticks.
        let labels = tick_labels(&plot, area, self.axis_style);
        self.axes(&plot, buf);
        let below = plot.area.bottom() + 1;
        for (column, text, style) in &labels {
            buf.set_string(*column, below, text, *style);
        }
        if plot.area.height < rows {
            let width = fit::width(self.x_name) as u16;
            let column = plot.area.x + plot.area.width.saturating_sub(width) / 2;
            buf.set_stringn(column, below + 1, self.x_name, usize::from(plot.area.width), self.axis_style);
        } else if let Some((column, text, style)) = name.take() {
            buf.set_string(column, below, text, style);
        }
        for (column, text, style) in self.mark_labels(&plot) {
            buf.set_string(column, top - marks, text, style);
        }
        plot.draw(self, buf);
    }

    /// Title and legend, in as few rows as they need, but at most `rows`. Entries without room are dropped.
    fn head(&self, width: usize, rows: usize) -> Vec<Line<'static>> {
        let title = Span::styled(fit::cut(self.title, width), self.title_style);
        let mut lines = vec![vec![title]];
        let shown = |s: &&Series<'_>| match s.kind {
            SeriesKind::Points(_) => s.points.iter().any(|p| p.x.is_finite() && p.y.is_finite()),
            SeriesKind::Curve(_) => true,
        };
        let samples = self.series.iter().filter(shown).map(|s| match s.kind {
            SeriesKind::Points(symbol) => (symbol.sign(false).to_string(), s.name.to_owned(), s.style),
            SeriesKind::Curve(_) => (CURVE.to_string().repeat(2), s.name.to_owned(), s.style),
        });
        let limits = self.limits.iter().map(|l| (LIMIT.to_string().repeat(2), l.name.clone(), l.style));
        let open = self.series.iter().find_map(|s| match s.kind {
            SeriesKind::Points(symbol) if s.points.iter().any(|p| p.is_provisional) => {
                Some((symbol.sign(true).to_string(), "running".to_owned(), s.style))
            }
            _ => None,
        });
        let is_incomparable = |s: &&Series<'_>| s.points.iter().any(|p| p.is_incomparable);
        let apart = self.series.iter().find(is_incomparable);
        let apart = apart.map(|s| (INCOMPARABLE.to_string(), self.incomparable_name.to_owned(), s.style));
        for (sample, name, style) in samples.chain(limits).chain(apart).chain(open) {
            let entry = Span::styled(format!("{sample} {name}"), style);
            let used = |line: &Vec<Span<'_>>| line.iter().map(Span::width).sum::<usize>();
            let Some(last) = lines.last_mut() else { break };
            if used(last) + BETWEEN.len() + entry.width() <= width {
                if !last.is_empty() {
                    last.push(Span::raw(BETWEEN));
                }
                last.push(entry);
            } else if lines.len() < rows && entry.width() <= width {
                lines.push(vec![entry]);
            }
        }
        lines.into_iter().map(Line::from).collect()
    }

    /// Draws both axes with their ticks and the labels of the vertical one.
    fn axes(&self, plot: &Plot<'_>, buf: &mut Buffer) {
        let (area, style) = (plot.area, self.axis_style);
        let Some(axis) = area.x.checked_sub(1) else { return };
        (area.top()..area.bottom()).for_each(|row| buf.set_string(axis, row, "│", style));
        buf.set_string(axis, area.bottom(), format!("└{}", "─".repeat(usize::from(area.width))), style);
        for (row, text) in plot.y.labels().filter_map(|(tick, text)| Some((plot.row(tick)?, text))) {
            buf.set_string(axis, row, "┤", style);
            buf.set_string(axis.saturating_sub(fit::width(&text) as u16), row, text, style);
        }
        for column in plot.x.labels().filter_map(|(tick, _)| plot.column(tick)) {
            buf.set_string(column, area.bottom(), "┴", style);
        }
    }

    /// Labels of the vertical marks, above the plot. Marks at the same column share a label.
    fn mark_labels(&self, plot: &Plot<'_>) -> Vec<Placed> {
        let mut marks: Vec<Placed> =
            self.marks.iter().filter_map(|m| Some((plot.column(m.x)?, m.label.clone(), m.style))).collect();
        marks.sort_by_key(|mark| mark.0);
        let mut shared: Vec<Placed> = Vec::new();
        for (column, text, style) in marks {
            match shared.last_mut().filter(|last| last.0 == column) {
                Some(last) => last.1 = format!("{} · {text}", last.1),
                None => shared.push((column, text, style)),
            }
        }
        without_overlap(shared, plot.area)
    }
}

/// Labels of the ticks below the horizontal axis. Labels without room are dropped, but never the last one.
fn tick_labels(plot: &Plot<'_>, area: Rect, style: Style) -> Vec<Placed> {
    let mut placed: Vec<Placed> = Vec::new();
    let mut limit = area.right();
    for (tick, text) in plot.x.labels().rev() {
        let Some(column) = plot.column(tick) else { continue };
        let width = fit::width(&text) as u16;
        let start = column.saturating_sub(width / 2).min(area.right().saturating_sub(width)).max(area.x);
        if start + width <= limit {
            limit = start.saturating_sub(1);
            placed.push((start, text, style));
        }
    }
    placed.reverse();
    placed
}

/// Places the name of the horizontal axis into the rightmost gap between tick labels that has room for it.
fn place_axis_name(labels: &[Placed], plot: Rect, name: &str, style: Style) -> Option<Placed> {
    let width = fit::width(name) as u16;
    let gap = labels.windows(2).rev().find_map(|pair| {
        let from = pair[0].0 + fit::width(&pair[0].1) as u16;
        (pair[1].0.saturating_sub(from) >= width + 2 * AROUND_NAME).then(|| from + (pair[1].0 - from - width) / 2)
    });
    gap.filter(|start| !name.is_empty() && start + width <= plot.right()).map(|start| (start, name.to_owned(), style))
}

/// Centres texts on their columns. Texts that would overlap move to the right, or are dropped without room.
fn without_overlap(texts: Vec<Placed>, area: Rect) -> Vec<Placed> {
    let mut from = area.x;
    let mut placed = Vec::new();
    for (column, text, style) in texts {
        let width = fit::width(&text) as u16;
        let start = column.saturating_sub(width / 2).min(area.right().saturating_sub(width)).max(from);
        if start + width <= area.right() {
            from = start + width + 1;
            placed.push((start, text, style));
        }
    }
    placed
}

#[cfg(test)]
mod tests;

//! The curve of one stream: its gaps, its wait for the first token, and its wait for a slot.

use ratatui::layout::Rect;

use super::ink::{Emphasis, Part};
use super::range::share;
use super::{Window, plot};
use crate::app::state::streams::Stream;
use crate::domain::attempt::TextKind;
use crate::domain::time::Nanos;
use crate::domain::trace::{Column, Gap, Stall, columns};
use crate::ui::view::View;
use crate::ui::widget::braille::{Dots, Ink};
use crate::ui::widget::chart::Axis;

/// Ratio to the mean gap of a column above which its longest gap has a dot of its own.
const MIN_PEAK_RATIO: f64 = 1.5;

/// A stream resampled to the width of the plot.
#[derive(Debug)]
pub struct Curve<'a> {
    pub stream: &'a Stream<'a>,
    /// Summary of the gaps in each dot column.
    pub columns: Vec<Option<Column>>,
    pub stalls: Vec<Stall>,
    pub emphasis: Emphasis,
}

impl<'a> Curve<'a> {
    /// Resamples a stream to `dots` columns.
    pub fn new(stream: &'a Stream<'a>, window: Window, now: Nanos, dots: usize, emphasis: Emphasis) -> Self {
        let limit = stream.limit_ms.unwrap_or(f64::INFINITY);
        // Draw a gap in progress only if it is already a stall. Other gaps are drawn once they are over.
        let open = stream.ended.is_none().then(|| stream.trace.last().zip(stream.trace.last_kind())).flatten();
        let open = open.map(|(from, kind)| Gap { from, to: now, kind }).filter(|gap| gap.ms() > limit);
        let mut stalls = stream.trace.stalls(window.from, window.to, limit, stream.observer_stalls);
        stalls
            .extend(open.filter(|g| g.to > window.from && g.from < window.to).map(|gap| Stall { gap, is_own: false }));
        let columns = columns(stream.trace, open, window.from, window.to, dots);
        Self { stream, columns, stalls, emphasis }
    }

    /// Maximum length of a usual gap, milliseconds; longer gaps are stalls.
    pub fn limit_ms(&self) -> f64 {
        self.stream.limit_ms.unwrap_or(f64::INFINITY)
    }

    /// Draws the curve.
    pub fn draw(&self, dots: &mut Dots, view: &View<'_>, window: Window, axis: &Axis) {
        self.waits(dots, view, window);
        let [answer, thinking, peak] =
            [Part::Answer, Part::Thinking, Part::Peak].map(|part| part.ink(view, self.emphasis));
        let mut previous: Option<usize> = None;
        for (cell, pair) in self.columns.chunks(2).enumerate() {
            if pair.iter().flatten().count() > 0 && pair.iter().flatten().all(|c| c.kind == TextKind::Reasoning) {
                if let Some(both) = pair.iter().flatten().copied().reduce(Column::merge) {
                    draw_column(dots, cell * 2, &both, None, axis, (thinking, peak));
                }
                previous = None;
                continue;
            }
            for (i, column) in pair.iter().enumerate() {
                let at = cell * 2 + i;
                previous = column.as_ref().map(|c| draw_column(dots, at, c, previous, axis, (answer, peak)));
            }
        }
    }

    /// Draws the waits for a slot and for the first token as flat lines at the bottom.
    fn waits(&self, dots: &mut Dots, view: &View<'_>, window: Window) {
        let stream = self.stream;
        let first = stream.trace.first().or(stream.ended).unwrap_or(view.scene().live.at);
        let sent = stream.sent.clamp(stream.started, first);
        let (columns, bottom) = (dots.columns() as u16, dots.rows().saturating_sub(1));
        for (part, from, to) in [(Part::Queued, stream.started, sent), (Part::Prefill, sent, first)] {
            if to < window.from || from > window.to || (part == Part::Queued && from == to) {
                continue;
            }
            let column = |at: Nanos| window.cell_of(at.clamp(window.from, window.to), columns).map_or(0, usize::from);
            let step = if part == Part::Queued { 2 } else { 1 };
            let ink = part.ink(view, self.emphasis);
            (column(from)..=column(to)).step_by(step).for_each(|at| dots.stroke(at, bottom..=bottom, ink));
        }
    }

    /// Cell of the last gap of the curve; `None` if no gap is in the window.
    pub fn end(&self, area: Rect, gutter: u16, axis: &Axis) -> Option<(u16, u16)> {
        let place = plot(area, gutter);
        let (at, column) = self.columns.iter().enumerate().rev().find_map(|(at, c)| Some((at, c.as_ref()?)))?;
        let row = Dots::new(place).row_at(share(axis, column.mean_ms())) / 4;
        Some((place.x + (at / 2) as u16, place.y + row as u16))
    }
}

/// Draws the mean gap of a column, connected to the `previous` row, and a dot for a much longer gap. Returns the row of
/// the mean.
fn draw_column(
    dots: &mut Dots,
    at: usize,
    column: &Column,
    previous: Option<usize>,
    axis: &Axis,
    (line, peak): (Ink, Ink),
) -> usize {
    let (mean, high) = (column.mean_ms(), f64::from(column.high_ms));
    let row = dots.row_at(share(axis, mean));
    if high > mean * MIN_PEAK_RATIO {
        let top = dots.row_at(share(axis, high));
        dots.stroke(at, top..=top, peak);
    }
    dots.stroke(at, connected(previous, row), line);
    row
}

/// Rows that connect a dot at `row` with the dot of the column before.
pub fn connected(previous: Option<usize>, row: usize) -> std::ops::RangeInclusive<usize> {
    match previous {
        Some(before) if before < row => before + 1..=row,
        Some(before) if before > row => row..=before - 1,
        _ => row..=row,
    }
}

//! The gaps of the streams. Their mean is a line, solid for an answer and dotted for reasoning; the longest gap is a dot above
//! it; prefill is a line at the bottom. The scale fits the usual gaps: longer ones are clamped to the top, and stalls are
//! labelled.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::layout::ScopeLayout;
use super::{Window, plot, scale};
use crate::app::state::streams::{Stream, StreamSelection};
use crate::domain::attempt::TextKind;
use crate::domain::text::sanitise_line;
use crate::domain::time::Nanos;
use crate::domain::trace::{Column, Gap, Stall, columns};
use crate::ui::view::View;
use crate::ui::widget::braille::Dots;
use crate::ui::widget::scale::round_up;
use crate::ui::widget::wrap::wrap;
use crate::ui::{fit, number, pane};

/// Share of the columns whose longest gaps the scale fits.
const FITTED_SHARE: f64 = 0.95;
/// Room above those gaps, as a factor.
const HEADROOM: f64 = 1.3;
/// Minimum and maximum top of the scale, as factors of the highest mean: keeps the line off the bottom and the top.
const OF_MEANS: (f64, f64) = (1.5, 3.0);
/// Entries of the legend, wide and tight; the last are dropped first. Symbols have one height and differ in ASCII.
const LEGEND: [[(&str, &str); 5]; 2] = [
    [("───", "answer"), ("···", "reasoning"), ("▁▁▁", "prefill"), ("•", "max gap"), ("▲", "stall")],
    [("──", "answer"), ("··", "reasoning"), ("▁▁", "prefill"), ("•", "max gap"), ("▲", "stall")],
];

/// Ratio to the mean from which a column's longest gap has a dot of its own.
const STANDS_OUT: f64 = 1.5;

/// A stream resampled to the width of the plot.
struct Resampled<'a> {
    stream: &'a Stream<'a>,
    columns: Vec<Option<Column>>,
    stalls: Vec<Stall>,
    style: Style,
}

/// Draws trace and legend.
pub fn draw(frame: &mut Frame<'_>, places: &ScopeLayout, view: &View<'_>, window: Window, shown: &StreamSelection<'_>) {
    let (area, gutter) = (places.trace, places.gutter);
    let dots = usize::from(places.cells()) * 2;
    let now = view.scene().live.at;
    let drawn: Vec<_> = shown.streams.iter().map(|s| resample(s, window, now, dots, view)).collect();
    let top = top_ms(&drawn);
    if view.app.ui.scope.stacked && drawn.len() > 1 {
        // The first lanes get the rows that remain.
        let (rows, spare) = (area.height / drawn.len() as u16, usize::from(area.height) % drawn.len());
        let mut y = area.y;
        let range = format!("0–{}", tick(top));
        let mut is_labelled = false;
        for (at, one) in drawn.iter().enumerate() {
            let lane = Rect { y, height: rows + u16::from(at < spare), ..area };
            y = lane.bottom();
            plot_streams(frame, plot(lane, gutter), view, window, std::slice::from_ref(one), top);
            is_labelled |= label_lane(frame, Rect { width: gutter.saturating_sub(1), ..lane }, view, one, &range);
        }
        if !is_labelled {
            let beside = Rect { width: gutter.saturating_sub(1), ..places.axis };
            let gap = format!("gap {range}");
            let range = if fit::width(&gap) <= usize::from(beside.width) { &gap } else { &range };
            pane::line(frame, beside, 0, muted_right(range, beside, view));
        }
    } else {
        plot_streams(frame, plot(area, gutter), view, window, &drawn, top);
        scale(frame, area, gutter, view, "gap", top, tick);
    }
    legend(frame, places.legend, gutter, view);
}

/// Formats a gap on the scale.
fn tick(ms: f64) -> String {
    if ms < 1000.0 { format!("{ms} ms") } else { format!("{} s", ms / 1000.0) }
}

/// Labels a lane with its stream and, if there is a row left, with the range of its scale. Returns whether the range was
/// drawn.
fn label_lane(frame: &mut Frame<'_>, gutter: Rect, view: &View<'_>, one: &Resampled<'_>, range: &str) -> bool {
    let (cells, rows) = (usize::from(gutter.width.max(1)), usize::from(gutter.height));
    let name = name_of(view, one.stream);
    let lines = wrap(&[Span::styled(name.clone(), one.style)], cells);
    let lines = if lines.len() <= rows.max(1) {
        lines.into_iter().map(Line::from).collect()
    } else {
        vec![Line::styled(fit::left(&name, cells), one.style)]
    };
    let has_range = lines.len() < rows;
    for (row, line) in (0..gutter.height).zip(lines) {
        pane::line(frame, gutter, row, line);
    }
    if has_range {
        pane::line(frame, gutter, gutter.height - 1, muted_right(range, gutter, view));
    }
    has_range
}

fn muted_right(text: &str, gutter: Rect, view: &View<'_>) -> Line<'static> {
    Line::styled(fit::right(text, usize::from(gutter.width)), view.theme.muted())
}

/// Name of a stream: its case, with the number of any attempt but the first.
pub fn name_of(view: &View<'_>, stream: &Stream<'_>) -> String {
    let name = view.scene().session.suite.cases.get(stream.id.case).map(|c| sanitise_line(&c.name)).unwrap_or_default();
    if stream.id.number > 1 { format!("{name} #{}", stream.id.number) } else { name }
}

fn resample<'a>(stream: &'a Stream<'a>, window: Window, now: Nanos, dots: usize, view: &View<'_>) -> Resampled<'a> {
    let limit = stream.limit_ms.unwrap_or(f64::INFINITY);
    // A stall is shown while it lasts. A gap that may still be a usual one is drawn once it is over.
    let open = stream.ended.is_none().then(|| stream.trace.last().zip(stream.trace.last_kind())).flatten();
    let open = open.map(|(from, kind)| Gap { from, to: now, kind }).filter(|gap| gap.ms() > limit);
    let mut stalls = stream.trace.stalls(window.from, window.to, limit, stream.observer_stalls);
    stalls.extend(open.filter(|g| g.to > window.from && g.from < window.to).map(|gap| Stall { gap, is_own: false }));
    Resampled {
        stream,
        columns: columns(stream.trace, open, window.from, window.to, dots),
        stalls,
        style: view.theme.series(stream.id.case + stream.id.number as usize - 1),
    }
}

/// Returns the top of the scale, milliseconds. Ignores stalls, and favours the means over the longest gaps.
fn top_ms(drawn: &[Resampled<'_>]) -> f64 {
    let usual = |d: &Resampled<'_>| d.stream.limit_ms.unwrap_or(f64::INFINITY);
    let fits = |of: fn(&Column) -> f64| {
        let each = drawn.iter().flat_map(|d| d.columns.iter().flatten().map(of).filter(move |ms| *ms <= usual(d)));
        let mut each: Vec<f64> = each.collect();
        let at = (each.len().checked_sub(1)? as f64 * FITTED_SHARE) as usize;
        Some(*each.select_nth_unstable_by(at, f64::total_cmp).1)
    };
    let Some((mean, high)) = fits(Column::mean_ms).zip(fits(|c| f64::from(c.high_ms))) else { return 100.0 };
    scaled(mean, high)
}

/// Returns the top of the scale for a highest mean and a longest usual gap, milliseconds.
fn scaled(mean: f64, high: f64) -> f64 {
    round_up((high * HEADROOM).clamp(mean * OF_MEANS.0, mean * OF_MEANS.1))
}

fn plot_streams(frame: &mut Frame<'_>, area: Rect, view: &View<'_>, window: Window, drawn: &[Resampled<'_>], top: f64) {
    let mut dots = Dots::new(area);
    if dots.rows() == 0 || dots.columns() == 0 {
        return;
    }
    for one in drawn {
        prefill(&mut dots, one, window, view.scene().live.at);
        gaps(&mut dots, one, top);
    }
    dots.draw(area, frame.buffer_mut());
    let stalls = drawn.iter().flat_map(|d| d.stalls.iter().copied());
    label_stalls(frame, area, view, window, stalls.collect());
}

/// Draws the wait for the first token as a flat line.
fn prefill(dots: &mut Dots, one: &Resampled<'_>, window: Window, now: Nanos) {
    let stream = one.stream;
    let until = stream.trace.first().or(stream.ended).unwrap_or(now);
    if until < window.from || stream.started > window.to {
        return;
    }
    let columns = dots.columns() as u16;
    let column = |at: Nanos| window.cell_of(at.clamp(window.from, window.to), columns).map_or(0, usize::from);
    let bottom = dots.rows() - 1;
    for at in column(stream.started)..=column(until) {
        dots.stroke(at, bottom..=bottom, one.style);
    }
}

/// Draws the mean of the gaps as a line, with a dot in every other column for reasoning, and outlying longest gaps as dots.
fn gaps(dots: &mut Dots, one: &Resampled<'_>, top: f64) {
    let mut previous: Option<usize> = None;
    for (cell, pair) in one.columns.chunks(2).enumerate() {
        if pair.iter().flatten().count() > 0 && pair.iter().flatten().all(|c| c.kind == TextKind::Reasoning) {
            if let Some(both) = pair.iter().flatten().copied().reduce(Column::merge) {
                draw_column(dots, cell * 2, &both, None, top, one.style);
            }
            previous = None;
            continue;
        }
        for (i, column) in pair.iter().enumerate() {
            previous = column.as_ref().map(|c| draw_column(dots, cell * 2 + i, c, previous, top, one.style));
        }
    }
}

/// Draws a column's mean, connected to the `previous` row, and its longest gap. Returns the row of the mean.
fn draw_column(dots: &mut Dots, at: usize, column: &Column, previous: Option<usize>, top: f64, style: Style) -> usize {
    let (mean, high) = (column.mean_ms(), f64::from(column.high_ms));
    let row = dots.row_of(mean, top);
    let connected = match previous {
        Some(b) if b < row => b + 1..=row,
        Some(b) if b > row => row..=b - 1,
        _ => row..=row,
    };
    dots.stroke(at, connected, style);
    if high > mean * STANDS_OUT {
        let peak = dots.row_of(high, top);
        dots.stroke(at, peak..=peak, style);
    }
    row
}

/// Labels stalls with mark and length, the longest first; with the mark alone if the length does not fit.
fn label_stalls(frame: &mut Frame<'_>, area: Rect, view: &View<'_>, window: Window, mut stalls: Vec<Stall>) {
    stalls.sort_by(|a, b| b.gap.ms().total_cmp(&a.gap.ms()));
    let mut taken: Vec<(u16, u16)> = Vec::new();
    for stall in stalls {
        let middle = Nanos(stall.gap.from.max(window.from).0.midpoint(stall.gap.to.min(window.to).0));
        let Some(cell) = window.cell_of(middle, area.width) else { continue };
        let (mark, style) =
            if stall.is_own { ("△ client ", view.theme.muted()) } else { ("▲ ", view.theme.warning()) };
        let long = format!("{mark}{}", number::millis(Some(stall.gap.ms())));
        let mark_only = mark.split(' ').next().unwrap_or(mark);
        // In a single row the length would hide the trace.
        for text in [if area.height > 1 { long.as_str() } else { mark_only }, mark_only] {
            let width = fit::width(text) as u16;
            if width > area.width {
                continue;
            }
            let x = cell.saturating_sub(width / 2).min(area.width - width);
            if taken.iter().all(|(from, to)| x + width < *from || x > *to) {
                taken.push((x, x + width));
                let place = Rect { x: area.x + x, width, height: 1, ..area };
                frame.render_widget(ratatui::widgets::Clear, place);
                pane::line(frame, place, 0, Line::styled(text.to_owned(), style));
                break;
            }
        }
    }
}

/// Draws the legend above the plot, or over the full width if the plot is too narrow. Entries are dropped, not cut.
fn legend(frame: &mut Frame<'_>, area: Rect, gutter: u16, view: &View<'_>) {
    let spans = |entries: &[(&'static str, &'static str)], between: &'static str| {
        let mut spans = Vec::new();
        for (i, (symbol, meaning)) in entries.iter().enumerate() {
            let style = if *meaning == "stall" { view.theme.warning() } else { view.theme.series(0) };
            let between = if i > 0 { between } else { "" };
            spans.extend([Span::raw(between), Span::styled(*symbol, style)]);
            spans.push(Span::styled(format!(" {meaning}"), view.theme.muted()));
        }
        spans
    };
    let above = plot(area, gutter);
    let [wide, tight] = &LEGEND;
    let variants =
        [(above, &wide[..], "   "), (area, &tight[..], "  "), (area, &tight[..4], "  "), (area, &tight[..3], "  ")];
    let variants = variants.map(|(place, entries, between)| (place, spans(entries, between)));
    if let Some((place, spans)) =
        variants.into_iter().find(|(place, s)| fit::spans_width(s) <= usize::from(place.width))
    {
        pane::line(frame, place, 0, Line::from(spans));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_means_keep_a_third_of_the_height_however_long_the_longest_gap() {
        let tops = [(9.0, 9.1), (9.0, 14.0), (9.0, 200.0), (0.0, 0.0)].map(|(mean, high)| tick(scaled(mean, high)));
        assert_eq!(tops, ["15 ms", "20 ms", "30 ms", "1 ms"]);
    }
}

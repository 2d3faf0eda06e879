//! The charts of a run that measures depths: prefill and decode against depth, and TTFT where there is room.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::is_running;
use crate::report::depth_rows::{DepthRow, MeanStd};
use crate::ui::view::View;
use crate::ui::widget::chart::{Axis, Chart, MIN_SIZE, Point, Series, SeriesKind, Symbol};

/// Minimum size of a readable chart, cells: columns and rows.
pub(super) const MIN: (u16, u16) = (MIN_SIZE.0 + 4, 8);
/// Width from which two charts are side by side, cells.
const TWO_COLUMNS: u16 = 66;
/// Height from which two charts are one below the other in a narrower area, rows.
const TWO_ROWS: u16 = 20;
/// Size from which TTFT has a third chart, cells: columns and rows.
const THREE: (u16, u16) = (110, 22);
/// Width from which titles have the name of the figure besides its unit, cells.
const LONG_TITLE: u16 = 34;
/// Cells between two charts.
const GUTTER: u16 = 2;

/// A figure of a depth: its name in the legend, sign, colour and value.
type Figure = (&'static str, Symbol, usize, fn(&DepthRow) -> Option<MeanStd>);

static PREFILL: Figure = ("prefill", Symbol::Circle, 0, |row| row.prefill_tokens_per_s);
static SERVER_PREFILL: Figure = ("by server's time", Symbol::Triangle, 3, |row| row.server_prefill_tokens_per_s);
static DECODE: Figure = ("decode", Symbol::Square, 2, |row| row.decode_tokens_per_s);
static TTFT: Figure = ("TTFT", Symbol::Circle, 1, |row| row.ttft_ms);

/// Draws as many charts as the area has room for.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &View<'_>, rows: &[DepthRow]) {
    let from_zero = |area: Rect, frame: &mut Frame<'_>, titles: [&'static str; 2], figures: &[Figure]| {
        let series = all_series(view, rows, figures);
        let axis = Axis::from_zero(values(&series).fold(0.0, f64::max));
        let title = titles[usize::from(area.width >= LONG_TITLE)];
        chart(view, rows, title, axis, series).draw(area, frame.buffer_mut());
    };
    let prefill = (["prefill", "Prefill, tok/s"], [PREFILL, SERVER_PREFILL]);
    let decode = (["decode", "Decode, tok/s"], [DECODE]);
    if area.width >= THREE.0 && area.height >= THREE.1 {
        let (left, right) = side_by_side(area);
        let (top, bottom) = stacked(right);
        from_zero(left, frame, prefill.0, &prefill.1);
        from_zero(top, frame, decode.0, &decode.1);
        from_zero(bottom, frame, ["ms", "TTFT, ms"], &[TTFT]);
        return;
    }
    let (first, second) = match area {
        area if area.height >= TWO_ROWS => stacked(area),
        area if area.width >= TWO_COLUMNS => side_by_side(area),
        area => {
            // Prefill is about a hundred times as fast as decode, so a common axis must be logarithmic.
            let series = all_series(view, rows, &[PREFILL, DECODE]);
            let axis = Axis::logarithmic(values(&series).collect::<Vec<f64>>());
            // The title is empty, because the title rule of the pane has the unit.
            return chart(view, rows, "", axis, series).draw(area, frame.buffer_mut());
        }
    };
    from_zero(first, frame, prefill.0, &prefill.1);
    from_zero(second, frame, decode.0, &decode.1);
}

fn chart<'a>(view: &View<'_>, rows: &[DepthRow], title: &'a str, y: Axis, series: Vec<Series<'a>>) -> Chart<'a> {
    let theme = view.theme;
    // Include depths that are not measured yet, so that the axis does not change during the run.
    let deepest = rows.iter().map(|row| row.test.depth).max().unwrap_or(0);
    Chart {
        title,
        x: Axis::from_zero(f64::from(deepest)),
        x_name: "depth",
        y,
        series,
        marks: Vec::new(),
        limits: Vec::new(),
        title_style: theme.value(),
        axis_style: theme.muted(),
        label_style: theme.text(),
        incomparable_name: "",
    }
}

fn all_series(view: &View<'_>, rows: &[DepthRow], figures: &[Figure]) -> Vec<Series<'static>> {
    let series = |&(name, symbol, colour, get): &Figure| {
        let point = |(case, row): (usize, &DepthRow)| {
            let is_provisional = is_running(view.scene(), case);
            Some(Point {
                x: f64::from(row.test.depth),
                y: get(row)?.mean,
                is_provisional,
                is_incomparable: false,
                label: String::new(),
            })
        };
        let mut points: Vec<Point> = rows.iter().enumerate().filter_map(point).collect();
        points.sort_by(|a, b| a.x.total_cmp(&b.x));
        Series { name, style: view.theme.series(colour), kind: SeriesKind::Points(symbol), points }
    };
    figures.iter().map(series).filter(|series| !series.points.is_empty()).collect()
}

fn values<'a>(series: &'a [Series<'_>]) -> impl Iterator<Item = f64> + 'a {
    series.iter().flat_map(|series| &series.points).map(|point| point.y)
}

fn side_by_side(area: Rect) -> (Rect, Rect) {
    let width = area.width.saturating_sub(GUTTER) / 2;
    let x = area.x + width + GUTTER;
    (Rect { width, ..area }, Rect { x, width: area.right().saturating_sub(x), ..area })
}

fn stacked(area: Rect) -> (Rect, Rect) {
    let height = area.height.saturating_sub(1) / 2;
    let y = area.y + height + 1;
    (Rect { height, ..area }, Rect { y, height: area.bottom().saturating_sub(y), ..area })
}

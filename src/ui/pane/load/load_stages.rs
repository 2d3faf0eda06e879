//! The charts of a load that changes: throughput and latency over time, with the start of each stage.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::sweep_chart::{MIN_CHART_SIZE, columns, rows};
use crate::domain::load_stages::LoadStage;
use crate::domain::load_timeline::LoadPoint;
use crate::domain::time::Nanos;
use crate::ui::view::View;
use crate::ui::widget::chart::{Axis, Chart, Mark, Point, Series, SeriesKind, Symbol};

/// Width from which throughput and latency are side by side, cells.
const TWO_COLUMNS: u16 = 66;
/// Height from which they are one below the other in a narrower area, rows.
const TWO_ROWS: u16 = 20;
/// Width from which titles have the name of the figure besides its unit, cells.
const LONG_TITLE: u16 = 48;
/// Cells between two points.
const CELLS_PER_POINT: u16 = 2;
/// Latency from which the axis is in seconds, milliseconds.
const SECONDS_FROM_MS: f64 = 10_000.0;

/// Draws the charts. Returns false if the load does not change, no request has ended yet, or the area is too small.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &View<'_>) -> bool {
    let scene = view.scene();
    let Some(timeline) = &scene.load.timeline else { return false };
    if area.width < MIN_CHART_SIZE.0 || area.height < MIN_CHART_SIZE.1 {
        return false;
    }
    let (first, second) = match area {
        area if area.height >= TWO_ROWS => rows(area),
        area if area.width >= TWO_COLUMNS => columns(area),
        area => (area, Rect::ZERO),
    };
    let points = timeline.points(usize::from(first.width / CELLS_PER_POINT), scene.end());
    let stages = Stages { view, points: &points };
    stages.throughput(first.width).draw(first, frame.buffer_mut());
    if !second.is_empty() {
        stages.latency(second.width).draw(second, frame.buffer_mut());
    }
    true
}

struct Stages<'a> {
    view: &'a View<'a>,
    points: &'a [LoadPoint],
}

impl<'a> Stages<'a> {
    fn chart(&self, title: &'a str, y: Axis, series: Vec<Series<'a>>) -> Chart<'a> {
        let (theme, scene) = (self.view.theme, self.view.scene());
        // Include stages that have not begun, so that the axis does not change during the run.
        let planned_s = scene.session.suite.load_stages.as_ref().map_or(0.0, |stages| stages.time().as_secs_f64());
        let end_s = self.points.last().map_or(0.0, |last| last.to_s);
        Chart {
            title,
            x: Axis::from_zero(planned_s.max(end_s)),
            x_name: "s",
            y,
            series,
            marks: self.marks(),
            limits: Vec::new(),
            title_style: theme.value(),
            axis_style: theme.muted(),
            label_style: theme.text(),
            incomparable_name: "",
        }
    }

    /// A mark with its load at the start of each stage.
    fn marks(&self) -> Vec<Mark> {
        let session = &self.view.scene().session;
        let starts = session.load_stage_starts();
        let began = starts.first().copied().unwrap_or_default();
        let style = self.view.theme.accent();
        let mark = |(at, stage): (Nanos, &LoadStage)| Mark {
            x: at.since(began).as_secs_f64(),
            label: stage.load.to_string(),
            style,
        };
        starts.into_iter().zip(session.load_stages()).map(mark).collect()
    }

    fn series(
        &self,
        (name, symbol, colour): (&'a str, Symbol, usize),
        get: impl Fn(&LoadPoint) -> Option<f64>,
    ) -> Series<'a> {
        let point = |p: &LoadPoint| {
            let x = f64::midpoint(p.from_s, p.to_s);
            Some(Point { x, y: get(p)?, is_provisional: false, is_incomparable: false, label: String::new() })
        };
        let points = self.points.iter().filter_map(point).collect();
        Series { name, style: self.view.theme.series(colour), kind: SeriesKind::Points(symbol), points }
    }

    fn throughput(&self, width: u16) -> Chart<'a> {
        let task = self.view.scene().session.suite.task;
        let series = self.series((task.throughput_unit(), Symbol::Circle, 0), |p| Some(p.throughput_per_s));
        let title = match (width >= LONG_TITLE, task.generates()) {
            (false, _) => task.throughput_unit(),
            (true, true) => "Throughput, tok/s",
            (true, false) => "Throughput, items/s",
        };
        self.chart(title, Axis::from_zero(highest(&series)), vec![series])
    }

    /// Mean TTFT, and in an open loop the mean wait for a slot.
    fn latency(&self, width: u16) -> Chart<'a> {
        let mut all = vec![self.series(("TTFT", Symbol::Circle, 1), |p| p.ttft_ms)];
        if self.view.scene().session.is_open_loop() {
            all.push(self.series(("queue", Symbol::Triangle, 3), |p| p.queue_ms));
        }
        let top_ms = all.iter().map(highest).fold(0.0, f64::max);
        let is_long = top_ms >= SECONDS_FROM_MS;
        let factor = if is_long { 0.001 } else { 1.0 };
        all.iter_mut().flat_map(|s| &mut s.points).for_each(|p| p.y *= factor);
        let title = match (width >= LONG_TITLE, is_long) {
            (true, false) => "Mean TTFT, ms",
            (true, true) => "Mean TTFT, s",
            (false, false) => "mean ms",
            (false, true) => "mean s",
        };
        self.chart(title, Axis::from_zero(top_ms * factor), all)
    }
}

fn highest(series: &Series<'_>) -> f64 {
    series.points.iter().map(|p| p.y).fold(0.0, f64::max)
}

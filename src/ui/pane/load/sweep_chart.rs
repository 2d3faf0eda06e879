//! The charts of a sweep: throughput and latency against concurrency, or throughput against throughput per user.

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::app::state::SweepChart;
use crate::app::state::load::StagesSoFar;
use crate::domain::metrics::{ITL, LATENCY, Metric, TTFT};
use crate::domain::slo::Subject;
use crate::domain::sweep::{Stage, ideal_throughput, knee, slo_limit};
use crate::domain::task::Task;
use crate::report::sweep_table::KNEE;
use crate::ui::view::View;
use crate::ui::widget::chart::{Axis, Chart, Limit, MIN_SIZE, Mark, Point, Series, SeriesKind, Symbol};

/// Minimum size of a readable chart, cells: columns and rows.
pub(super) const MIN_CHART_SIZE: (u16, u16) = (MIN_SIZE.0 + 4, 8);
/// Width from which throughput and latency are side by side, cells.
const TWO_COLUMNS: u16 = 66;
/// Height from which they are one below the other in a narrower area, rows.
const TWO_ROWS: u16 = 20;
/// Size from which TTFT and ITL have a chart each, cells: columns and rows.
const THREE: (u16, u16) = (110, 22);
/// Width from which titles have the name of the figure besides its unit, cells.
const LONG_TITLE: u16 = 48;
/// Cells between two charts.
const GUTTER: u16 = 2;
/// Latency from which the axis is in seconds, milliseconds.
const SECONDS_FROM_MS: f64 = 10_000.0;
/// Maximum ratio of a threshold to the highest figure. A higher threshold would flatten the lines and is left out.
const LIMIT_ON_SCALE: f64 = 2.0;

/// The stages, and how to draw them.
struct Sweep<'a> {
    view: &'a View<'a>,
    stages: &'a [Stage],
    running: Option<usize>,
    /// Index of the stage at the knee, once all stages are over.
    knee: Option<usize>,
    /// Highest concurrency that meets the SLOs, once all stages are over.
    slo_limit: Option<usize>,
}

/// A percentile of a latency: its metric, name in the legend, sign, colour and value.
type Percentile = (&'static Metric, &'static str, Symbol, usize, fn(&Stage) -> Option<f64>);

static TTFT_P50: Percentile = (&TTFT, "TTFT p50", Symbol::Circle, 1, |s| s.ttft_p50_ms);
static TTFT_P95: Percentile = (&TTFT, "TTFT p95", Symbol::Triangle, 3, |s| s.ttft_p95_ms);
static ITL_P50: Percentile = (&ITL, "ITL p50", Symbol::Square, 2, |s| s.itl_p50_ms);
static ITL_P95: Percentile = (&ITL, "ITL p95", Symbol::Triangle, 3, |s| s.itl_p95_ms);

static LATENCY_P50: Percentile = (&LATENCY, "latency p50", Symbol::Circle, 1, |s| s.latency_p50_ms);
static LATENCY_P95: Percentile = (&LATENCY, "latency p95", Symbol::Triangle, 3, |s| s.latency_p95_ms);

/// Draws as many charts as the area has room for.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &View<'_>, so_far: &StagesSoFar) {
    let stages = &so_far.stages;
    let is_over = !view.scene().session.is_active();
    let sweep = Sweep {
        view,
        stages,
        running: so_far.running,
        knee: knee(stages).filter(|_| is_over),
        slo_limit: slo_limit(stages).filter(|_| is_over),
    };
    if view.app.ui.sweep_chart == SweepChart::PerUser && sweep.task().generates() {
        return sweep.per_user(area.width).draw(area, frame.buffer_mut());
    }
    if sweep.task().generates() && area.width >= THREE.0 && area.height >= THREE.1 {
        let (left, right) = columns(area);
        let (top, bottom) = rows(right);
        sweep.throughput(left.width).draw(left, frame.buffer_mut());
        sweep.latency("TTFT", &[TTFT_P50, TTFT_P95]).draw(top, frame.buffer_mut());
        sweep.latency("ITL", &[ITL_P50, ITL_P95]).draw(bottom, frame.buffer_mut());
        return;
    }
    let (first, second) = match area {
        area if area.height >= TWO_ROWS => rows(area),
        area if area.width >= TWO_COLUMNS => columns(area),
        area => (area, Rect::ZERO),
    };
    sweep.throughput(first.width).draw(first, frame.buffer_mut());
    sweep.all_latencies(second.width).draw(second, frame.buffer_mut());
}

/// Whether charts in `width` columns and `height` rows include the percentiles of the latencies.
pub(super) fn has_latencies(view: &View<'_>, width: u16, height: u16) -> bool {
    view.app.ui.sweep_chart == SweepChart::Concurrency && (height >= TWO_ROWS || width >= TWO_COLUMNS)
}

pub(super) fn columns(area: Rect) -> (Rect, Rect) {
    let width = area.width.saturating_sub(GUTTER) / 2;
    let x = area.x + width + GUTTER;
    (Rect { width, ..area }, Rect { x, width: area.right().saturating_sub(x), ..area })
}

pub(super) fn rows(area: Rect) -> (Rect, Rect) {
    let height = area.height.saturating_sub(1) / 2;
    let y = area.y + height + 1;
    (Rect { height, ..area }, Rect { y, height: area.bottom().saturating_sub(y), ..area })
}

impl<'a> Sweep<'a> {
    fn chart(&self, title: &'a str, y: Axis, series: Vec<Series<'a>>) -> Chart<'a> {
        let theme = self.view.theme;
        // Include stages that have not run yet, so that the axis does not change during the run.
        let concurrencies = self.view.scene().session.sweep.iter().map(|c| *c as f64);
        Chart {
            title,
            x: Axis::logarithmic_at(concurrencies),
            x_name: "concurrency",
            y,
            series,
            marks: self.marks(),
            limits: Vec::new(),
            title_style: theme.value(),
            axis_style: theme.muted(),
            label_style: theme.text(),
            incomparable_name: "fewer requests than slots",
        }
    }

    /// Marks of the knee and of the SLO limit.
    fn marks(&self) -> Vec<Mark> {
        let theme = self.view.theme;
        let knee = self.knee.and_then(|at| self.stages.get(at)).map(|stage| Mark {
            x: stage.concurrency as f64,
            label: format!("{KNEE} knee"),
            style: theme.accent(),
        });
        let limit = self.slo_limit.map(|concurrency| Mark {
            x: concurrency as f64,
            label: "SLO limit".to_owned(),
            style: theme.good(),
        });
        knee.into_iter().chain(limit).collect()
    }

    fn point(&self, at: usize, x: f64, y: f64) -> Point {
        let is_provisional = self.running == Some(at);
        let is_incomparable = !is_provisional && self.stages.get(at).is_some_and(|stage| !stage.fills_slots());
        Point { x, y, is_provisional, is_incomparable, label: String::new() }
    }

    fn points(&self, get: impl Fn(&Stage) -> Option<f64>) -> Vec<Point> {
        let point = |(at, stage): (usize, &Stage)| Some(self.point(at, stage.concurrency as f64, get(stage)?));
        self.stages.iter().enumerate().filter_map(point).collect()
    }

    /// Throughput against concurrency, with ideal scaling.
    fn throughput(&self, width: u16) -> Chart<'a> {
        let theme = self.view.theme;
        let points = self.points(Stage::throughput_per_s);
        let top = points.iter().map(|p| p.y).fold(0.0, f64::max);
        let mut series =
            vec![Series { name: "measured", style: theme.series(0), kind: SeriesKind::Points(Symbol::Circle), points }];
        if let Some(per_stream) = ideal_throughput(self.stages, 1) {
            let kind = SeriesKind::Curve(Box::new(move |concurrency| per_stream * concurrency));
            let name = if width >= LONG_TITLE { "ideal scaling" } else { "ideal" };
            series.push(Series { name, style: theme.muted(), kind, points: Vec::new() });
        }
        let title = match (width >= LONG_TITLE, self.task().generates()) {
            (false, _) => "Throughput",
            (true, true) => "Throughput, tok/s",
            (true, false) => "Throughput, items/s",
        };
        self.chart(title, Axis::from_zero(top), series)
    }

    fn task(&self) -> Task {
        self.view.scene().session.suite.task
    }

    /// Percentiles of one latency against concurrency, from 0, with the SLOs for it.
    fn latency(&self, name: &str, percentiles: &[Percentile]) -> Chart<'a> {
        let mut series = self.percentiles(percentiles);
        let top = highest(&series);
        let limits = self.limits(percentiles, top);
        let top = limits.iter().map(|l| l.y).fold(top, f64::max);
        let is_long = top >= SECONDS_FROM_MS;
        let factor = if is_long { 0.001 } else { 1.0 };
        series.iter_mut().flat_map(|s| &mut s.points).for_each(|p| p.y *= factor);
        let title = match (name, is_long) {
            ("TTFT", false) => "TTFT, ms",
            ("TTFT", true) => "TTFT, s",
            (_, false) => "ITL, ms",
            (_, true) => "ITL, s",
        };
        let mut chart = self.chart(title, Axis::from_zero(top * factor), series);
        chart.limits = limits.into_iter().map(|limit| Limit { y: limit.y * factor, ..limit }).collect();
        chart
    }

    /// TTFT and ITL against concurrency on one logarithmic axis.
    fn all_latencies(&self, width: u16) -> Chart<'a> {
        let percentiles =
            if self.task().generates() { vec![TTFT_P50, TTFT_P95, ITL_P50] } else { vec![LATENCY_P50, LATENCY_P95] };
        let series = self.percentiles(&percentiles);
        let limits = self.limits(&percentiles, highest(&series));
        let values: Vec<f64> =
            series.iter().flat_map(|s| s.points.iter().map(|p| p.y)).chain(limits.iter().map(|l| l.y)).collect();
        // The legend says which latencies these are.
        let title = if width >= LONG_TITLE { "Latency, ms" } else { "ms" };
        Chart { limits, ..self.chart(title, Axis::logarithmic(values), series) }
    }

    fn percentiles(&self, percentiles: &[Percentile]) -> Vec<Series<'a>> {
        let series = |&(_, name, symbol, colour, get): &Percentile| {
            let kind = SeriesKind::Points(symbol);
            Series { name, style: self.view.theme.series(colour), kind, points: self.points(get) }
        };
        percentiles.iter().map(series).collect()
    }

    /// Upper bounds of these percentiles in the SLOs, unless far above the highest figure, milliseconds.
    fn limits(&self, percentiles: &[Percentile], highest: f64) -> Vec<Limit> {
        let slos = self.view.scene().session.slos().iter();
        let shown = slos.filter(|slo| match slo.subject {
            Subject::Requests(metric, _) => percentiles.iter().any(|p| p.0 == metric),
            Subject::Run(_) => false,
        });
        let limit = |y: f64, text: &str| Limit { y, name: text.to_owned(), style: self.view.theme.warning() };
        shown
            .map(|slo| limit(slo.threshold, &slo.text))
            .filter(|limit| limit.y > 0.0 && limit.y <= highest * LIMIT_ON_SCALE)
            .collect()
    }

    /// Throughput against throughput per user (Pareto chart): the farther up and right, the better.
    fn per_user(&self, width: u16) -> Chart<'a> {
        let theme = self.view.theme;
        let point = |(at, stage): (usize, &Stage)| {
            let mut label = stage.concurrency.to_string();
            if self.knee == Some(at) {
                label = format!("{label} {KNEE} knee");
            }
            if self.slo_limit == Some(stage.concurrency) {
                label = format!("{label} · SLO limit");
            }
            Some(Point { label, ..self.point(at, stage.tokens_per_s_per_user?, stage.tokens_per_s?) })
        };
        let points: Vec<Point> = self.stages.iter().enumerate().filter_map(point).collect();
        let top = points.iter().map(|p| p.y).fold(0.0, f64::max);
        let right = points.iter().map(|p| p.x).fold(0.0, f64::max);
        let kind = SeriesKind::Points(Symbol::Circle);
        let series = vec![Series { name: "stage, by concurrency", style: theme.series(0), kind, points }];
        let title = if width >= LONG_TITLE { "Throughput, tok/s" } else { "Throughput" };
        Chart {
            x: Axis::from_zero(right),
            x_name: "tok/s per user (p50)",
            marks: Vec::new(),
            ..self.chart(title, Axis::from_zero(top), series)
        }
    }
}

/// Highest value of the points.
fn highest(series: &[Series<'_>]) -> f64 {
    series.iter().flat_map(|s| &s.points).map(|p| p.y).fold(0.0, f64::max)
}

//! A search for the largest load: a row for each probe, and a chart of the thresholds against the load.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use super::sweep_chart::MIN_CHART_SIZE;
use super::{Row, fitting};
use crate::domain::load_search::{LoadSearch, ProbeFigure, ProbeVerdict, SearchVariable};
use crate::domain::search_results::{ProbeResult, SearchResult};
use crate::domain::session::SearchState;
use crate::domain::slo::Slo;
use crate::ui::view::View;
use crate::ui::widget::chart::{Axis, Chart, Limit, Mark, Point, Series, SeriesKind, Symbol};
use crate::ui::widget::wrap::wrap;
use crate::ui::{fit, number, pane};

/// Width of a load, cells.
const LOAD: usize = 12;
/// Width of a verdict with its sign, cells.
const VERDICT: usize = 14;
/// Width of the value of a threshold, cells.
const VALUE: usize = 16;
/// Width of the sample count, cells.
const N: usize = 7;
/// Cells between the table and the chart beside it.
const GUTTER: u16 = 2;
/// Width from which the chart is beside the table, cells.
const BESIDE: u16 = 84;
/// Minimum rows of the table above a chart.
const ROWS_ABOVE: u16 = 4;
/// Position of every threshold on the vertical axis, percent.
const THRESHOLD_PERCENT: f64 = 100.0;
/// Maximum of the vertical axis, percent, so that a probe far beyond its threshold does not flatten the others.
const MAX_PERCENT: f64 = 400.0;
/// Signs of the thresholds in the chart, in their order.
const SYMBOLS: [Symbol; 3] = [Symbol::Circle, Symbol::Triangle, Symbol::Square];

/// Draws the probes and the chart.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &View<'_>) {
    let Some(search) = view.scene().session.search() else { return };
    let is_beside = area.width >= BESIDE && area.height >= MIN_CHART_SIZE.1;
    let is_below = !is_beside && area.width >= MIN_CHART_SIZE.0 && area.height >= MIN_CHART_SIZE.1 + ROWS_ABOVE;
    let (table, chart) = if is_beside {
        let width = area.width / 2;
        let x = area.x + width + GUTTER;
        (Rect { width, ..area }, Some(Rect { x, width: area.right() - x, ..area }))
    } else if is_below {
        let wanted = rows(view, search, area.width).len() as u16;
        let height = wanted.clamp(ROWS_ABOVE, area.height - MIN_CHART_SIZE.1);
        let y = area.y + height;
        (Rect { height, ..area }, Some(Rect { y, height: area.height - height, ..area }))
    } else {
        (area, None)
    };
    for (at, row) in (0..).zip(fitting(rows(view, search, table.width), table.height)) {
        pane::line(frame, table, at, row.spans);
    }
    if let Some(area) = chart {
        draw_chart(frame, area, view, search);
    }
}

/// Sign and style of a verdict.
fn sign(view: &View<'_>, verdict: ProbeVerdict) -> (&'static str, Style) {
    match verdict {
        ProbeVerdict::Pass => ("✓", view.theme.good()),
        ProbeVerdict::Fail => ("✗", view.theme.bad()),
        ProbeVerdict::Undecided => ("?", view.theme.warning()),
    }
}

/// The table: heading, probes, and result so far. If there are too few rows, the first probes are dropped.
fn rows(view: &View<'_>, search: &SearchState, width: u16) -> Vec<Row> {
    let (theme, scene) = (view.theme, view.scene());
    let (settings, slos) = (search.settings, scene.session.slos());
    let room = usize::from(width).saturating_sub(LOAD + VERDICT + N) / VALUE;
    let shown = slos.iter().take(room.max(1));
    let mut heading = vec![fit::right(settings.variable.as_str(), LOAD), fit::left("  verdict", VERDICT)];
    heading.extend(shown.clone().map(|slo| fit::right(&slo.name(), VALUE)));
    heading.push(fit::right("n", N));
    let heading = heading.into_iter().map(|text| Span::styled(text, theme.muted())).collect();
    let mut rows = vec![Row { rank: 1, spans: heading }];
    for (at, result) in scene.load.probes.iter().enumerate() {
        let (sign, style) = sign(view, result.probe.verdict);
        let verdict = format!("  {sign} {}", result.probe.verdict.as_str());
        let mut spans = vec![
            Span::styled(fit::right(&settings.number(result.probe.load), LOAD), theme.text()),
            Span::styled(fit::left(&verdict, VERDICT), style),
        ];
        spans.extend(shown.clone().zip(&result.figures).map(|(slo, figure)| value(view, slo, figure)));
        spans.push(Span::styled(fit::right(&result.stage.requests.to_string(), N), theme.muted()));
        // A higher rank for earlier probes: they are dropped first.
        let age = scene.load.probes.len() - at;
        rows.push(Row { rank: 10 + u8::try_from(age.min(100)).unwrap_or(100), spans });
    }
    if let Some(probe) = search.current() {
        let load = fit::right(&settings.number(probe.load), LOAD);
        rows.push(Row { rank: 2, spans: vec![Span::styled(format!("{load}  ○ running"), theme.muted())] });
    }
    let result = SearchResult::from_probes(&scene.session, scene.load.probes.clone());
    if let Some(result) = result.filter(|result| !result.probes.is_empty()) {
        let sentence = Span::styled(result.sentence, theme.value());
        rows.extend(wrap(&[sentence], usize::from(width)).into_iter().map(|spans| Row { rank: 0, spans }));
    }
    rows
}

/// Value of a threshold in a probe.
fn value(view: &View<'_>, slo: &Slo, figure: &ProbeFigure) -> Span<'static> {
    let text = figure.value.map_or_else(|| number::UNKNOWN.to_owned(), |value| slo.with_unit(value));
    let style = if figure.verdict == ProbeVerdict::Fail { view.theme.bad() } else { view.theme.text() };
    Span::styled(fit::right(&text, VALUE), style)
}

/// Value of a threshold's figure in percent of the threshold, so that 100 is the limit and less is better.
fn percent(slo: &Slo, figure: &ProbeFigure) -> Option<f64> {
    let value = figure.value.filter(|_| slo.threshold > 0.0)?;
    let share = if slo.comparison.is_upper_bound() { value / slo.threshold } else { slo.threshold / value };
    share.is_finite().then(|| (share * THRESHOLD_PERCENT).min(MAX_PERCENT))
}

/// Draws each threshold in percent of its limit against the load.
fn draw_chart(frame: &mut Frame<'_>, area: Rect, view: &View<'_>, search: &SearchState) {
    let (theme, scene) = (view.theme, view.scene());
    let LoadSearch { variable, max, .. } = search.settings;
    let probes: Vec<&ProbeResult> = scene.load.probes.iter().collect();
    let slos = scene.session.slos();
    let points = |at: usize, slo: &Slo| {
        let point = |result: &&ProbeResult| {
            let y = percent(slo, result.figures.get(at)?)?;
            let is_provisional = result.probe.verdict == ProbeVerdict::Undecided;
            Some(Point {
                x: search.settings.value(result.probe.load),
                y,
                is_provisional,
                is_incomparable: false,
                label: String::new(),
            })
        };
        let mut points: Vec<Point> = probes.iter().filter_map(point).collect();
        points.sort_by(|a, b| a.x.total_cmp(&b.x));
        points
    };
    let series: Vec<Series<'_>> = slos
        .iter()
        .enumerate()
        .map(|(at, slo)| Series {
            name: &slo.text,
            style: theme.series(at % SYMBOLS.len()),
            kind: SeriesKind::Points(SYMBOLS[at % SYMBOLS.len()]),
            points: points(at, slo),
        })
        .collect();
    let top = series.iter().flat_map(|s| &s.points).map(|p| p.y).fold(THRESHOLD_PERCENT, f64::max);
    let loads = search.probes.iter().map(|probe| search.settings.value(probe.load));
    let limit = search.outcome().last_pass.map(|load| Mark {
        x: search.settings.value(load),
        label: format!("holds {}", search.settings.number(load)),
        style: theme.good(),
    });
    Chart {
        title: "% of the threshold",
        x: Axis::logarithmic_at(loads.chain([search.settings.value(max)])),
        x_name: match variable {
            SearchVariable::Concurrency => "concurrency",
            SearchVariable::Rate => "requests/s",
        },
        y: Axis::from_zero(top),
        series,
        marks: limit.into_iter().collect(),
        limits: vec![Limit { y: THRESHOLD_PERCENT, name: "threshold".to_owned(), style: theme.warning() }],
        title_style: theme.value(),
        axis_style: theme.muted(),
        label_style: theme.text(),
        incomparable_name: "",
    }
    .draw(area, frame.buffer_mut());
}

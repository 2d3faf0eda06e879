//! The run as a load: rates, percentiles over all requests and over the last seconds, failures and SLOs; for a sweep,
//! its stages. Runs with several requests in flight show these figures instead of the latency of single cases.

mod load_stages;
mod search;
mod stages;
mod sweep_chart;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::app::pane::PaneId;
use crate::app::state::Scene;
use crate::app::state::load::WINDOW;
use crate::domain::metrics::{DECODE, ITL, LATENCY, QUEUE, TTFT};
use crate::domain::quantity::ESTIMATED;
use crate::domain::session::{Mode, Plan};
use crate::domain::slo::RunFigure;
use crate::domain::statistics::needed_for;
use crate::ui::pane::About;
use crate::ui::view::View;
use crate::ui::{fit, number, pane};

/// Minimum lines for the latency of the selected case below the load.
const MIN_LATENCY: u16 = 8;
/// Width of a percentile, cells.
const CELL: usize = 9;
/// Width of the row labels, cells: in a narrow pane, and from [`WIDE`] on.
const LABEL: [usize; 2] = [6, 10];
/// Width of the pane from which the row labels are long, cells.
const WIDE: u16 = 50;
/// Units of the rates with their names, from the longest version to the shortest. The speed per user always follows the
/// throughput, so the shortest version leaves out the unit that both have.
const RATE_UNITS: [[&str; 3]; 3] = [
    ["req/s", "tok/s throughput", "tok/s per user (p50)"],
    ["req/s", "tok/s throughput", "tok/s per user"],
    ["req/s", "tok/s throughput", "per user"],
];
/// Width of the sample count, cells.
const N: usize = 10;
/// Number of percentiles that take precedence over the sample count.
const BEFORE_N: usize = 2;
/// Percentiles, the most important first. The pane shows them in ascending order.
const PERCENTILES: [u32; 4] = [50, 95, 99, 90];

/// A line and its importance: a pane that gets lower drops the line with the highest rank first.
struct Row {
    rank: u8,
    spans: Vec<Span<'static>>,
}

/// Whether the run is shown as a load.
pub fn is_shown(scene: &Scene) -> bool {
    scene.session.is_load() || !scene.session.sweep.is_empty()
}

/// Draws the load; returns the area left for the selected case, if it is large enough.
pub fn draw(frame: &mut Frame<'_>, area: Rect, view: &View<'_>) -> Option<Rect> {
    let scene = view.scene();
    let about = about(scene, area.width >= WIDE);
    let area = pane::rule(frame, area, view, PaneId::Latency, About::Words(&about), in_flight(view));
    if scene.session.search().is_some() {
        search::draw(frame, area, view);
        return None;
    }
    if !scene.session.sweep.is_empty() {
        stages::draw(frame, area, view);
        return None;
    }
    let mut rows = figures(view, area);
    rows.extend(slos(view));
    let rows = fitting(rows, area.height);
    let used = rows.len() as u16;
    for (at, row) in rows.into_iter().enumerate() {
        pane::line(frame, area, at as u16, Line::from(row.spans));
    }
    let left = Rect { y: area.y + used + 1, height: area.height.saturating_sub(used + 1), ..area };
    if load_stages::draw(frame, left, view) {
        return None;
    }
    (left.height >= MIN_LATENCY).then_some(left)
}

/// Drops rows until the others fit into `height`: the highest rank first, and of equal ranks the last row.
fn fitting(mut rows: Vec<Row>, height: u16) -> Vec<Row> {
    while rows.len() > usize::from(height) {
        let Some(worst) = rows.iter().map(|r| r.rank).max() else { break };
        if let Some(at) = rows.iter().rposition(|r| r.rank == worst) {
            rows.remove(at);
        }
    }
    rows
}

/// Describes the load: `5 req/s, poisson`, `trace, 2x` or `concurrency 8`; in a narrow pane `8 concurrent`, which keeps
/// its number if cut. A sweep has its stage: `stage 3/5 · concurrency 4`, and in the end its range: `sweep, concurrency
/// 1–16`.
fn about(scene: &Scene, wide: bool) -> String {
    let session = &scene.session;
    let Plan { concurrency, .. } = session.plan;
    if let (Some(least), Some(most)) = (session.sweep.iter().min(), session.sweep.iter().max()) {
        return match (session.is_active(), wide) {
            (true, true) => {
                format!("stage {}/{} · concurrency {concurrency}", session.stage + 1, session.sweep.len())
            }
            (true, false) => format!("{}/{}", session.stage + 1, session.sweep.len()),
            (false, true) => format!("sweep, concurrency {least}–{most}"),
            (false, false) => format!("sweep {least}–{most}"),
        };
    }
    if let Some(search) = &session.suite.find {
        // Also while the run is held.
        let probe = session.probe_name().filter(|_| session.mode != Mode::Finished);
        return probe.unwrap_or_else(|| format!("search, {search}"));
    }
    if let Some(stages) = &session.suite.load_stages {
        return session.load_stage_name().filter(|_| session.is_active()).unwrap_or_else(|| format!("stages {stages}"));
    }
    match session.open_loop_name() {
        Some(name) => name,
        None if wide => format!("concurrency {concurrency}"),
        None => format!("{concurrency} concurrent"),
    }
}

fn in_flight(view: &View<'_>) -> Vec<Span<'static>> {
    let (theme, scene) = (view.theme, view.scene());
    let mut spans = Vec::new();
    if scene.session.is_active() {
        spans.push(Span::styled(scene.in_flight().count().to_string(), theme.value()));
        spans.push(Span::styled(" in flight", theme.muted()));
    }
    if let Some(late) = scene.session.overdue().filter(|late| !late.is_zero()) {
        spans.push(Span::styled(
            format!("  queue {}", number::millis(Some(late.as_secs_f64() * 1000.0))),
            theme.warning(),
        ));
    }
    spans
}

fn figures(view: &View<'_>, area: Rect) -> Vec<Row> {
    let (theme, scene) = (view.theme, view.scene());
    let tally = &scene.load.tally;
    let recent = scene.load.recent();
    let wide = area.width >= WIDE;
    let label_width = LABEL[usize::from(wide)];
    let room = usize::from(area.width).saturating_sub(label_width) / CELL;
    let room_beside_n = usize::from(area.width).saturating_sub(label_width + N) / CELL;
    let has_n = room_beside_n >= BEFORE_N;
    let mut shown: Vec<u32> = PERCENTILES.iter().copied().take(if has_n { room_beside_n } else { room }).collect();
    shown.sort_unstable();

    let label = |text: &str| Span::styled(fit::left(text, label_width), theme.muted());
    let fraction = |n: usize, all: usize| format!("{n}/{all}");
    let n_cell = |text: &str| has_n.then(|| Span::styled(fit::right(text, N), theme.muted()));
    let mut heading: Vec<Span<'static>> = std::iter::once(label("")).collect();
    heading.extend(shown.iter().map(|p| Span::styled(fit::right(&format!("p{p}"), CELL), theme.muted())));
    heading.extend(n_cell("n"));
    if !has_n && tally.ended > 0 {
        // Without a column for it, the sample count goes before the first heading.
        let first = shown.first().map_or_else(String::new, |p| format!("p{p}"));
        let n =
            fit::left(&format!("n {}", fraction(tally.ok, tally.ended)), label_width + CELL - 1 - fit::width(&first));
        heading.splice(..heading.len().min(2), [Span::styled(format!("{n} {first}"), theme.muted())]);
    }
    let mark = if tally.estimated { ESTIMATED } else { "" };
    let seconds = format!("{} s", WINDOW.as_secs());
    let (recent_label, recent_seconds) =
        if wide { (format!("last {seconds}"), format!("the last {seconds}")) } else { (seconds.clone(), seconds) };
    let line = |rank, name: &str, strong: bool, get: &dyn Fn(u32) -> Option<f64>, (n, all): (usize, usize)| {
        let mut spans = vec![label(name)];
        for p in &shown {
            let value = get(*p);
            let text = number::millis(value);
            let style = if value.is_some() && strong { theme.value() } else { theme.muted() };
            spans.push(Span::styled(fit::right(&text, CELL), style));
        }
        spans.extend(n_cell(&if all > 0 { fraction(n, all) } else { number::UNKNOWN.to_owned() }));
        Row { rank, spans }
    };
    let all = tally.ended;
    let mut rows = vec![Row { rank: 3, spans: rates(view, mark, area) }, Row { rank: 1, spans: heading }];
    if scene.session.suite.task.generates() {
        rows.extend([
            line(0, "TTFT", true, &|p| tally.percentile(&TTFT, p), (tally.count(&TTFT), all)),
            line(0, "ITL", true, &|p| tally.percentile(&ITL, p), (tally.count(&ITL), all)),
        ]);
        if scene.session.is_active() {
            let counts = (recent.ttft_count(), recent.ended());
            rows.insert(3, line(6, &recent_label, false, &|p| recent.ttft_ms(p), counts));
            rows.push(line(7, &recent_label, false, &|p| recent.itl_ms(p), (recent.itl_count(), recent.ended())));
        }
    } else {
        let counts = (tally.count(&LATENCY), all);
        rows.push(line(0, "Latency", true, &|p| tally.percentile(&LATENCY, p), counts));
        if scene.session.is_active() {
            rows.push(line(6, &recent_label, false, &|p| recent.latency_ms(p), (recent.ok, recent.ended())));
        }
    }
    if scene.session.is_open_loop() {
        rows.push(line(4, "Queue", true, &|p| tally.percentile(&QUEUE, p), (tally.count(&QUEUE), all)));
    }
    // With too few answers there is no p99, because it would just be the maximum.
    let lacking: Vec<u32> = shown.iter().copied().filter(|p| tally.ok > 0 && tally.ok < needed_for(*p)).collect();
    if let Some(text) = samples_needed(&lacking) {
        let text = fit::clauses(&text, usize::from(area.width));
        rows.push(Row { rank: 9, spans: vec![Span::styled(text, theme.muted())] });
    }
    if let Some(words) = tally.doubts.summary() {
        let text = fit::clauses(&format!("prefix cache: {words}"), usize::from(area.width));
        rows.push(Row { rank: 2, spans: vec![Span::styled(text, theme.warning())] });
    }
    let unresolved = [(&TTFT, "TTFT"), (&ITL, "ITL")].map(|(metric, name)| (tally.unresolved(metric), name));
    let unresolved: Vec<String> =
        unresolved.iter().filter(|(n, _)| *n > 0).map(|(n, name)| format!("{n} {name}")).collect();
    if !unresolved.is_empty() {
        let text = fit::clauses(&format!("unresolved: {}", unresolved.join(", ")), usize::from(area.width));
        rows.push(Row { rank: 2, spans: vec![Span::styled(text, theme.warning())] });
    }
    if let Some(kinds) = tally.failures() {
        let is_recent = recent.failed > 0 && scene.session.is_active();
        let now = if is_recent { format!("  {} in {recent_seconds}", recent.failed) } else { String::new() };
        let text = format!("✗ {kinds}{now}");
        rows.push(Row {
            rank: 2,
            spans: vec![Span::styled(fit::clauses(&text, usize::from(area.width)), theme.bad())],
        });
    }
    rows
}

/// States how many samples the missing percentiles need: `– p95 needs 20 requests, p99 100`.
fn samples_needed(percentiles: &[u32]) -> Option<String> {
    let (first, others) = percentiles.split_first()?;
    let others: Vec<String> = others.iter().map(|p| format!(", p{p} {}", needed_for(*p))).collect();
    Some(format!("{} p{first} needs {} requests{}", number::UNKNOWN, needed_for(*first), others.concat()))
}

/// The line of rates, as many as fit. The throughput includes tokens in flight; the other rates count only requests
/// that ended.
fn rates(view: &View<'_>, mark: &str, area: Rect) -> Vec<Span<'static>> {
    let (theme, scene) = (view.theme, view.scene());
    let tally = &scene.load.tally;
    let throughput = scene.throughput_so_far();
    let throughput_mark = if throughput.is_some_and(|(_, is_estimated)| is_estimated) { ESTIMATED } else { "" };
    let throughput = format!("{throughput_mark}{}", number::rate(throughput.map(|(tokens_per_s, _)| tokens_per_s)));
    let requests = number::rate(tally.run_figure(RunFigure::RequestRate));
    let task = scene.session.suite.task;
    let per_user = tally.percentile(&DECODE, 50);
    let input = tally.run_figure(RunFigure::InputRate);
    let decode = format!("{mark}{}", number::rate(per_user));
    let items = (throughput.clone(), requests.clone());
    let values: Vec<String> =
        [requests, throughput, decode].into_iter().take(if per_user.is_some() { 3 } else { 2 }).collect();
    let good_share = tally.run_figure(RunFigure::GoodShare).map(|share| format!("{}%", number::whole(share)));
    let with_units = |units: [&'static str; 3]| -> Vec<(String, &'static str)> {
        let good_share = good_share.clone().map(|share| (share, "within SLO"));
        values.iter().cloned().zip(units).chain(good_share).collect()
    };
    let fits = |figures: &[(String, &str)]| {
        let cells: usize = figures.iter().map(|(value, unit)| fit::width(value) + 1 + fit::width(unit)).sum();
        cells + 2 * figures.len().saturating_sub(1) <= usize::from(area.width)
    };
    let [long, medium, short] = RATE_UNITS.map(with_units);
    let figures = if task.generates() {
        [long, medium].into_iter().find(|figures| fits(figures)).unwrap_or(short)
    } else {
        // The throughput of items is the result.
        let input = input.map(|input| (number::rate(Some(input)), "input tok/s"));
        let rates = [(items.0, task.throughput_unit()), (items.1, "req/s")];
        let good_share = good_share.clone().map(|share| (share, "within SLO"));
        rates.into_iter().chain(input).chain(good_share).collect()
    };
    let mut spans: Vec<Span<'static>> = Vec::new();
    let mut left = usize::from(area.width);
    for (value, unit) in figures {
        let gap = if spans.is_empty() { "" } else { "  " };
        let width = fit::width(gap) + fit::width(&value) + 1 + fit::width(unit);
        if width > left {
            break;
        }
        left -= width;
        spans.extend([
            Span::raw(gap),
            Span::styled(value, theme.value()),
            Span::raw(" "),
            Span::styled(unit, theme.muted()),
        ]);
    }
    spans
}

/// Returns one line per SLO.
fn slos(view: &View<'_>) -> Vec<Row> {
    let (theme, scene) = (view.theme, view.scene());
    let tally = &scene.load.tally;
    let row = |slo: &crate::domain::slo::Slo| {
        let verdict = slo.judge(tally);
        let (sign, style) = match verdict {
            v if v.value.is_none() => ("·", theme.muted()),
            v if v.met => ("✓", theme.good()),
            _ => ("✗", theme.bad()),
        };
        let spans = vec![Span::styled(format!("{sign} "), style), Span::raw(slo.describe(&verdict))];
        Row { rank: if verdict.met { 5 } else { 4 }, spans }
    };
    scene.session.slos().iter().map(row).collect()
}

#[cfg(test)]
mod tests;

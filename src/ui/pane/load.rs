//! The run as a load: rates, percentiles over all requests and over the last seconds, failures, thresholds; of a sweep its
//! stages. It takes the place of the latency of single cases where several requests are in flight.

mod stages;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::app::pane::PaneId;
use crate::app::state::Scene;
use crate::app::state::load::WINDOW;
use crate::domain::metrics::{DECODE, ITL, QUEUE, TTFT};
use crate::domain::quantity::ESTIMATED;
use crate::domain::session::Plan;
use crate::domain::slo::RunFigure;
use crate::domain::statistics::needed_for;
use crate::ui::view::View;
use crate::ui::{fit, number, pane};

/// Lines that are left to the latency of the selected case, if there are as many.
const LATENCY_WANTS: u16 = 8;
/// Cells of a percentile, and of the words before them.
const CELLS: (usize, usize) = (9, 6);
/// Cells of what they stand on, and how many percentiles are worth more than that.
const N: (usize, usize) = (12, 2);
/// The percentiles in the order of their worth; they are shown in their own.
const PERCENTILES: [u32; 4] = [50, 95, 99, 90];

/// One line, and how much it is wanted: the lowest rank stays longest.
struct Row {
    rank: u8,
    spans: Vec<Span<'static>>,
}

/// Whether the run is to be seen as a load.
pub fn is_shown(scene: &Scene) -> bool {
    scene.session.plan.is_load() || !scene.session.sweep.is_empty()
}

/// Draws it; returns what it leaves to the selected case, if that is worth it.
pub fn draw(frame: &mut Frame<'_>, area: Rect, view: &View<'_>) -> Option<Rect> {
    let scene = view.scene();
    let area = pane::titled_rule(frame, area, view, PaneId::Latency, "Load", &about(scene), in_flight(view));
    let mut rows = if scene.session.sweep.is_empty() { figures(view, area) } else { stages::rows(view, area) };
    rows.extend(thresholds(view));
    // What is wanted least goes first, the later of two alike.
    while rows.len() > usize::from(area.height) {
        let Some(worst) = rows.iter().map(|r| r.rank).max() else { break };
        if let Some(at) = rows.iter().rposition(|r| r.rank == worst) {
            rows.remove(at);
        }
    }
    let used = rows.len() as u16;
    for (at, row) in rows.into_iter().enumerate() {
        pane::line(frame, area, at as u16, Line::from(row.spans));
    }
    let left = Rect { y: area.y + used + 1, height: area.height.saturating_sub(used + 1), ..area };
    (left.height >= LATENCY_WANTS).then_some(left)
}

/// `open 5 req/s, poisson`, `closed, 8 at once`.
fn about(scene: &Scene) -> String {
    let Plan { concurrency, open_loop, .. } = scene.session.plan;
    match open_loop {
        Some(open) => format!("{} req/s, {}", open.rate_per_s, open.process.as_str()),
        None => format!("{concurrency} at once"),
    }
}

fn in_flight(view: &View<'_>) -> Vec<Span<'static>> {
    let (theme, scene) = (view.theme, view.scene());
    let mut spans = Vec::new();
    if scene.session.is_active() {
        spans.push(Span::styled(scene.in_flight().count().to_string(), theme.value()));
        spans.push(Span::styled(" in flight", theme.muted()));
    }
    if let Some(behind) = scene.session.overdue().filter(|late| !late.is_zero()) {
        spans.push(Span::styled(
            format!("  queue {}", number::millis(Some(behind.as_secs_f64() * 1000.0))),
            theme.warning(),
        ));
    }
    spans
}

fn figures(view: &View<'_>, area: Rect) -> Vec<Row> {
    let (theme, scene) = (view.theme, view.scene());
    let tally = &scene.load.tally;
    let recent = scene.load.recent();
    let room = usize::from(area.width).saturating_sub(CELLS.1) / CELLS.0;
    let room_beside_n = usize::from(area.width).saturating_sub(CELLS.1 + N.0) / CELLS.0;
    let has_n = room_beside_n >= N.1;
    let mut shown: Vec<u32> = PERCENTILES.iter().copied().take(if has_n { room_beside_n } else { room }).collect();
    shown.sort_unstable();

    let label = |text: &str| Span::styled(fit::left(text, CELLS.1), theme.muted());
    let of = |n: usize, all: usize| format!("{n}/{all}");
    let n_cell = |text: &str| has_n.then(|| Span::styled(fit::right(text, N.0), theme.muted()));
    let mut heading: Vec<Span<'static>> = std::iter::once(label("")).collect();
    heading.extend(shown.iter().map(|p| Span::styled(fit::right(&format!("p{p}"), CELLS.0), theme.muted())));
    heading.extend(n_cell("n"));
    if !has_n && tally.ended > 0 {
        // Without a column for it, it stands before the first heading.
        let first = shown.first().map_or_else(String::new, |p| format!("p{p}"));
        let n = fit::left(&format!("n {}", of(tally.ok, tally.ended)), CELLS.1 + CELLS.0 - 1 - fit::width(&first));
        heading.splice(..heading.len().min(2), [Span::styled(format!("{n} {first}"), theme.muted())]);
    }
    let about = if tally.estimated { ESTIMATED } else { "" };
    let seconds = format!("{} s", WINDOW.as_secs());
    let line = |rank, name: &str, strong: bool, get: &dyn Fn(u32) -> Option<f64>, (n, all): (usize, usize)| {
        let mut spans = vec![label(name)];
        for p in &shown {
            let (text, known) = match get(*p) {
                Some(ms) => (number::millis(Some(ms)), true),
                // A maximum is no p99: too few answers say so.
                None if n > 0 => (format!("n<{}", needed_for(*p)), false),
                None => (number::UNKNOWN.to_owned(), false),
            };
            let style = if known && strong { theme.value() } else { theme.muted() };
            spans.push(Span::styled(fit::right(&text, CELLS.0), style));
        }
        spans.extend(n_cell(&if all > 0 { of(n, all) } else { number::UNKNOWN.to_owned() }));
        Row { rank, spans }
    };
    let all = tally.ended;
    let recent_n = (recent.ok, recent.ok + recent.failed);
    let mut rows = vec![
        Row { rank: 3, spans: rates(view, about, area) },
        Row { rank: 1, spans: heading },
        line(0, "TTFT", true, &|p| tally.percentile(&TTFT, p), (tally.count(&TTFT), all)),
        line(6, &seconds, false, &|p| recent.ttft_ms(p), recent_n),
        line(0, "ITL", true, &|p| tally.percentile(&ITL, p), (tally.count(&ITL), all)),
        line(7, &seconds, false, &|p| recent.itl_ms(p), recent_n),
    ];
    if scene.session.plan.open_loop.is_some() {
        rows.push(line(4, "Queue", true, &|p| tally.percentile(&QUEUE, p), (tally.count(&QUEUE), all)));
    }
    if let Some(words) = tally.doubts.summary() {
        let text = fit::cut(&format!("TTFT of {words}"), usize::from(area.width));
        rows.push(Row { rank: 2, spans: vec![Span::styled(text, theme.warning())] });
    }
    let unresolved = [(&TTFT, "TTFT"), (&ITL, "ITL")].map(|(metric, name)| (tally.unresolved(metric), name));
    let unresolved: Vec<String> =
        unresolved.iter().filter(|(n, _)| *n > 0).map(|(n, name)| format!("{n} {name}")).collect();
    if !unresolved.is_empty() {
        let text = fit::cut(&format!("unresolved: {}", unresolved.join(", ")), usize::from(area.width));
        rows.push(Row { rank: 2, spans: vec![Span::styled(text, theme.warning())] });
    }
    if let Some(kinds) = tally.failures() {
        let now = if recent.failed > 0 { format!("  {} in {seconds}", recent.failed) } else { String::new() };
        let text = format!("✗ {kinds}{now}");
        rows.push(Row { rank: 2, spans: vec![Span::styled(fit::cut(&text, usize::from(area.width)), theme.bad())] });
    }
    rows
}

/// Rates over all that ended: as many as fit.
fn rates(view: &View<'_>, about: &str, area: Rect) -> Vec<Span<'static>> {
    let (theme, scene) = (view.theme, view.scene());
    let tally = &scene.load.tally;
    let mut figures = vec![
        (number::rate(tally.run_figure(RunFigure::RequestRate)), "req/s"),
        (format!("{about}{}", number::rate(tally.run_figure(RunFigure::Throughput))), "tok/s"),
    ];
    let per_user = tally.percentile(&DECODE, 50);
    if per_user.is_some() {
        figures.push((format!("{about}{}", number::rate(per_user)), "per user"));
    }
    if let Some(share) = tally.run_figure(RunFigure::GoodShare) {
        figures.push((format!("{share:.0} %"), "good"));
    }
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

/// A line for each threshold.
fn thresholds(view: &View<'_>) -> Vec<Row> {
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

//! The stages of a sweep as table lines, and the curve below them if there is room.

use ratatui::layout::Rect;
use ratatui::text::Span;

use super::Row;
use crate::domain::slo::SloUnit;
use crate::domain::sweep::{Stage, knee, no_knee_up_to, saturated_from_start};
use crate::report::sweep_chart;
use crate::report::sweep_table::{SWEEP_COLUMNS, SweepColumn, n_of_all, samples_needed, unresolved_in_words};
use crate::ui::view::View;
use crate::ui::{fit, number};

/// Height of the curve, lines.
const CURVE: u16 = 8;

/// Width of the concurrency, cells.
const CONCURRENCY: usize = 12;
/// Width of the sample count, cells.
const N: usize = 8;
/// Number of figures that come before the sample count.
const BEFORE_N: usize = 2;

/// A column: heading, width in cells, and text per stage.
type Column = (&'static str, usize, Box<dyn Fn(&Stage) -> String>);

/// Returns the columns by importance.
fn columns() -> Vec<Column> {
    let figure = |c: &'static SweepColumn| -> Column {
        let (cells, show): (usize, fn(Option<f64>) -> String) = match c.unit {
            SloUnit::Milliseconds => (10, number::millis),
            SloUnit::RequestsPerSecond => (7, number::rate),
            SloUnit::Tokens | SloUnit::TokensPerSecond | SloUnit::Percent => (9, number::rate),
        };
        (c.label, cells.max(fit::width(c.label) + 2), Box::new(move |s| c.cell(s, show)))
    };
    let mut all: Vec<Column> = vec![("concurrency", CONCURRENCY, Box::new(|s| s.concurrency.to_string()))];
    all.extend(SWEEP_COLUMNS.iter().map(figure));
    all.insert(BEFORE_N + 1, ("n", N, Box::new(n_of_all)));
    all
}

/// Returns the table; the knee is known once all stages are over.
pub(super) fn rows(view: &View<'_>, area: Rect) -> Vec<Row> {
    let (theme, scene) = (view.theme, view.scene());
    let stages = scene.load.all_stages(&scene.session);
    if stages.is_empty() {
        let text = fit::cut("No request has finished yet.", usize::from(area.width));
        return vec![Row { rank: 1, spans: vec![Span::styled(text, theme.muted())] }];
    }
    let over = !scene.session.is_active();
    let knee = knee(&stages).filter(|_| over);
    let is_any_warm = stages.iter().any(|s| s.doubts.summary().is_some());
    // Each mark behind a line takes two cells.
    let mut used = 3 + 2 * usize::from(is_any_warm) + 2 * usize::from(!scene.session.slos().is_empty());
    let columns: Vec<Column> = columns()
        .into_iter()
        .take_while(|c| {
            used += c.1;
            used <= usize::from(area.width)
        })
        .collect();
    let heading = columns.iter().map(|c| Span::styled(fit::right(c.0, c.1), theme.muted())).collect();
    let mut rows = vec![Row { rank: 1, spans: heading }];
    for (at, stage) in stages.iter().enumerate() {
        let running = !over && at + 1 == stages.len();
        let style = if running { theme.muted() } else { theme.text() };
        let mut spans: Vec<Span<'static>> =
            columns.iter().map(|c| Span::styled(fit::right(&(c.2)(stage), c.1), style)).collect();
        if knee == Some(at) {
            spans.push(Span::styled(format!(" {}", sweep_chart::KNEE), theme.accent()));
        }
        if stage.doubts.summary().is_some() {
            spans.push(Span::styled(" w", theme.warning()));
        }
        if stage.slo_met == Some(false) && !running {
            spans.push(Span::styled(" ✗", theme.bad()));
        }
        // The latest stages stay; the first ones are dropped first.
        rows.push(Row { rank: 10 - u8::try_from(at.min(8)).unwrap_or(8), spans });
    }
    if let Some(words) = stages.iter().rev().find_map(|s| Some((s.concurrency, s.doubts.summary()?))) {
        let text = format!("w: prefix cache, concurrency {}: {}", words.0, words.1);
        let text = fit::cut(&text, usize::from(area.width));
        rows.push(Row { rank: 2, spans: vec![Span::styled(text, theme.warning())] });
    }
    let is_p95_shown = columns.iter().any(|c| c.0.contains("p95"));
    if let Some(needed) = samples_needed(&stages).filter(|_| is_p95_shown) {
        let text = fit::cut(&format!("{} {needed}", number::UNKNOWN), usize::from(area.width));
        rows.push(Row { rank: 9, spans: vec![Span::styled(text, theme.muted())] });
    }
    if let Some(unresolved) = unresolved_in_words(&stages) {
        let text = fit::cut(&format!("unresolved: {unresolved}"), usize::from(area.width));
        rows.push(Row { rank: 2, spans: vec![Span::styled(text, theme.warning())] });
    }
    if let Some(found) = saturated_from_start(&stages).filter(|_| over) {
        let text = fit::cut(&found.to_string(), usize::from(area.width));
        rows.push(Row { rank: 8, spans: vec![Span::styled(text, theme.muted())] });
    }
    if let Some(last) = no_knee_up_to(&stages).filter(|_| over) {
        let text = format!("no saturation up to concurrency {last}");
        rows.push(Row { rank: 8, spans: vec![Span::styled(text, theme.muted())] });
    }
    let used = rows.len() as u16 + scene.session.slos().len() as u16;
    if area.height >= used + CURVE + 3 {
        let curve = sweep_chart::lines(&stages, knee, usize::from(area.width), usize::from(CURVE));
        let line = |text: String| Row { rank: 20, spans: vec![Span::styled(text, theme.series(0))] };
        if !curve.is_empty() {
            rows.push(Row { rank: 20, spans: Vec::new() });
            rows.extend(curve.into_iter().map(line));
        }
    }
    rows
}

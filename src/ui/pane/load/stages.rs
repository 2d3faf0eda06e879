//! The stages of a sweep as lines, and the curve below them where there is room.

use ratatui::layout::Rect;
use ratatui::text::Span;

use super::Row;
use crate::domain::statistics::needed_for;
use crate::domain::sweep::{Stage, knee, no_knee_up_to};
use crate::report::sweep_chart;
use crate::ui::view::View;
use crate::ui::{fit, number};

/// Lines of the curve.
const CURVE: u16 = 8;

/// A column: its heading, its cells, its text.
type Column = (&'static str, usize, fn(&Stage) -> String);

/// In the order of their worth.
const COLUMNS: &[Column] = &[
    ("at once", 9, |s| s.concurrency.to_string()),
    ("tok/s", 8, |s| estimated(s, number::rate(s.tokens_per_s))),
    ("TTFT p50", 10, |s| number::millis(s.ttft_p50_ms)),
    ("per user", 9, |s| estimated(s, number::rate(s.tokens_per_s_per_user))),
    ("req/s", 7, |s| number::rate(s.requests_per_s)),
    ("TTFT p95", 10, |s| match s.ttft_p95_ms {
        None if s.ttft_p50_ms.is_some() => format!("n<{}", needed_for(95)),
        ms => number::millis(ms),
    }),
    ("ITL", 9, |s| number::millis(s.itl_p50_ms)),
    ("ok", 10, |s| format!("{}/{}", s.ok, s.requests)),
];

fn estimated(stage: &Stage, text: String) -> String {
    if stage.estimated { format!("~{text}") } else { text }
}

/// The table; the knee is known once all stages are over.
pub(super) fn rows(view: &View<'_>, area: Rect) -> Vec<Row> {
    let (theme, scene) = (view.theme, view.scene());
    let stages = scene.load.all_stages(&scene.session);
    let over = !scene.session.is_active();
    let knee = knee(&stages).filter(|_| over);
    let mut taken = 3;
    let columns: Vec<&Column> = COLUMNS
        .iter()
        .take_while(|c| {
            taken += c.1;
            taken <= usize::from(area.width)
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
        if stage.slo_met == Some(false) && !running {
            spans.push(Span::styled(" ✗", theme.bad()));
        }
        // The last stages are the news; the first ones scroll away.
        rows.push(Row { rank: 10 - u8::try_from(at.min(8)).unwrap_or(8), spans });
    }
    if let Some(last) = no_knee_up_to(&stages).filter(|_| over) {
        let text = format!("no knee up to {last} at once");
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

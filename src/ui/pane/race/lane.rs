//! One side of a race: its name, the figures of its newest request, its scope, and its answer.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Span;

use crate::app::state::Scene;
use crate::domain::attempt::{AttemptId, AttemptStatus};
use crate::domain::live::StreamPhase;
use crate::domain::race::Side;
use crate::domain::session::RaceState;
use crate::domain::text::{sanitise, sanitise_line};
use crate::ui::view::View;
use crate::ui::widget::{spark, wrap};
use crate::ui::{fit, number, pane};

/// Maximum characters of an answer that are wrapped: more than any lane can show.
const MAX_CHARS: usize = 8000;

/// The newest request of one side.
pub struct Lane {
    side: Side,
    name: String,
    case: String,
    state: &'static str,
    ttft_ms: Option<f64>,
    tokens_per_s: Option<f64>,
    tokens: Option<u64>,
    /// Events in each quarter of a second.
    trace: Vec<u16>,
    text: String,
}

impl Lane {
    /// The lane of a side: its newest request in flight, or else the one that ended last.
    pub fn new(scene: &Scene, race: &RaceState, side: Side) -> Self {
        let [a, b] = race.settings.names();
        let name = if side == Side::A { a } else { b };
        let lane = Self {
            side,
            name: sanitise_line(&name),
            case: String::new(),
            state: "no request yet",
            ttft_ms: None,
            tokens_per_s: None,
            tokens: None,
            trace: Vec::new(),
            text: String::new(),
        };
        let is_on = |id: &AttemptId| Side::from_case(id.case) == side;
        let newest = scene.in_flight().filter(|f| is_on(&f.id)).max_by_key(|f| f.sent);
        if let Some(live) = newest {
            let since = scene.now.millis_since(live.started) / 1000.0;
            let decoding = live.ttft_ms.map(|ttft| since - ttft / 1000.0).filter(|s| *s > 0.0);
            let tokens = f64::from(live.content_events.saturating_sub(1)) * scene.tokens_per_event;
            return Self {
                case: case_name(scene, live.id),
                state: match live.phase {
                    StreamPhase::Waiting => "waiting",
                    StreamPhase::Reasoning => "reasoning",
                    StreamPhase::Answering => "answering",
                },
                ttft_ms: live.ttft_ms,
                tokens_per_s: decoding.map(|seconds| tokens / seconds).filter(|_| live.content_events > 1),
                tokens: Some((f64::from(live.content_events) * scene.tokens_per_event).round() as u64),
                trace: live.trace.clone(),
                text: if live.text.is_empty() { live.reasoning.to_string() } else { live.text.to_string() },
                ..lane
            };
        }
        let cases = (0..).zip(&scene.session.cases).filter(|(case, _)| Side::from_case(*case) == side);
        let ended = cases.filter_map(|(_, case)| case.last_ended()?.record());
        let Some(record) = ended.max_by_key(|record| record.ended) else { return lane };
        Self {
            case: case_name(scene, record.id),
            state: if record.status == AttemptStatus::Ok { "done" } else { "failed" },
            ttft_ms: record.time_to_first_token_ms(),
            tokens_per_s: record.decode_tokens_per_s(),
            tokens: record.output_tokens().map(|(tokens, _)| tokens),
            trace: record.trace(),
            text: if record.text.is_empty() { record.reasoning.clone() } else { record.text.clone() },
            ..lane
        }
    }

    /// Draws the lane.
    pub fn draw(&self, frame: &mut Frame<'_>, area: Rect, view: &View<'_>) {
        let (theme, width) = (view.theme, usize::from(area.width));
        let letter = Span::styled(format!("{} ", self.side.letter()), theme.series(self.side.index()));
        let name = fit::cut(&self.name, width.saturating_sub(2));
        let rest = width.saturating_sub(2 + fit::width(&name) + 2);
        let case = fit::cut(&format!("{} {}", self.case, self.state), rest);
        pane::line(
            frame,
            area,
            0,
            vec![letter, Span::styled(name, theme.value()), Span::raw("  "), Span::styled(case, theme.muted())],
        );
        let tokens = self.tokens.map_or_else(String::new, |tokens| format!("   {tokens} tokens"));
        let figures = [
            Span::styled("TTFT ", theme.muted()),
            Span::styled(number::millis(self.ttft_ms), theme.text()),
            Span::styled("   decode ", theme.muted()),
            Span::styled(number::rate(self.tokens_per_s), theme.text()),
            Span::styled(" tok/s", theme.muted()),
            Span::styled(tokens, theme.muted()),
        ];
        pane::line(frame, area, 1, figures.to_vec());
        // The newest quarters of a second.
        let from = self.trace.len().saturating_sub(width);
        let newest: Vec<Option<f64>> = self.trace.iter().skip(from).map(|n| Some(f64::from(*n))).collect();
        let most = newest.iter().flatten().copied().fold(1.0, f64::max);
        pane::line(frame, area, 2, Span::styled(spark::bars(&newest, most), theme.series(self.side.index())));
        let rows = usize::from(area.height.saturating_sub(3));
        let tail: String = {
            let skipped = self.text.chars().count().saturating_sub(MAX_CHARS);
            self.text.chars().skip(skipped).collect()
        };
        let text = sanitise(&tail);
        let lines: Vec<_> = text
            .lines()
            .flat_map(|line| wrap::wrap(&[Span::styled(wrap::expand_tabs(line), theme.text())], width))
            .collect();
        for (row, line) in (3..).zip(lines.into_iter().rev().take(rows).rev().collect::<Vec<_>>()) {
            pane::line(frame, area, row, line);
        }
    }
}

/// Name of a case without the letter of its side.
fn case_name(scene: &Scene, id: AttemptId) -> String {
    let name = scene.session.suite.cases.get(id.case).map_or("", |case| case.name.as_str());
    sanitise_line(name.split_once(": ").map_or(name, |(_side, name)| name))
}

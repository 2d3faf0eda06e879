//! The cursor: a line through all plots, and below them the figures of that time.

use ratatui::Frame;
use ratatui::style::Modifier;
use ratatui::text::Line;

use super::lanes::LaneData;
use super::layout::{ScopeLayout, lines};
use super::trace::name_of;
use crate::app::state::streams::{Stream, StreamSelection};
use crate::domain::attempt::TextKind;
use crate::domain::time::Nanos;
use crate::ui::view::View;
use crate::ui::{number, pane};

/// Returns the readout at a time in pieces: the time, the stream of the selected case or the newest stream, and the
/// lanes.
pub fn items(view: &View<'_>, at: Nanos, shown: &StreamSelection<'_>, lanes: &[LaneData<'_>]) -> Vec<String> {
    let scene = view.scene();
    let mut items = vec![format!("at {:.3} s", at.since(scene.run_span().0).as_secs_f64())];
    let now = scene.live.at;
    let is_present = |s: &&Stream<'_>| s.started <= at && at <= s.ended.unwrap_or(now);
    let present: Vec<_> = shown.streams.iter().filter(is_present).collect();
    let selected = present.iter().rfind(|s| s.id.case == view.app.ui.selected).or(present.last());
    match selected {
        Some(stream) => {
            let others = if present.len() > 1 { format!(" (1 of {} streams)", present.len()) } else { String::new() };
            items.push(describe(stream, at, now));
            items.push(format!("{}{others}", name_of(view, stream)));
        }
        None => items.push("no stream".to_owned()),
    }
    items.extend(lanes.iter().map(|lane| lane.readout(at)));
    items
}

/// Describes what a stream does at the time `at`: prefill, a gap, or nothing after its last token.
fn describe(stream: &Stream<'_>, at: Nanos, now: Nanos) -> String {
    let first = stream.trace.first();
    if first.is_none_or(|first| at < first) {
        let until = first.or(stream.ended).unwrap_or(now);
        return format!("prefill {}", number::millis(Some(until.millis_since(stream.started))));
    }
    match stream.trace.gap_at(at) {
        Some(gap) => {
            let kind = if gap.kind == TextKind::Reasoning { "reasoning" } else { "answer" };
            let stall = if stream.limit_ms.is_some_and(|limit| gap.ms() > limit) { ", stall" } else { "" };
            format!("gap {}, {kind}{stall}", number::millis(Some(gap.ms())))
        }
        None => "after the last token".to_owned(),
    }
}

/// Draws the cursor line and the readout.
pub fn draw(frame: &mut Frame<'_>, places: &ScopeLayout, view: &View<'_>, cell: Option<u16>, readout: &[String]) {
    for (row, line) in (0..places.cursor.height).zip(lines(readout, places.cursor.width)) {
        pane::line(frame, places.cursor, row, Line::styled(line, view.theme.accent()));
    }
    let Some(cell) = cell else { return };
    let style = view.theme.accent();
    for plot in places.plots() {
        for y in plot.y..plot.bottom() {
            if let Some(target) = frame.buffer_mut().cell_mut((plot.x + cell, y)) {
                if target.symbol() == " " {
                    target.set_char('│').set_style(style);
                } else {
                    target.modifier.insert(Modifier::REVERSED);
                }
            }
        }
    }
}

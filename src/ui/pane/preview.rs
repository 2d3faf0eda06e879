//! The answer of the selected case: as it comes, as it came, or what will be asked.

mod body;
#[cfg(test)]
mod tests;
mod title;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use self::body::Body;
use crate::app::model::Scene;
use crate::domain::attempt::{AttemptId, AttemptRecord};
use crate::domain::live::InFlight;
use crate::domain::session::{CasePhase, CaseState};
use crate::domain::suite::CaseSpec;
use crate::ui::view::View;

/// Below this width the text takes the margins, too.
const MARGINS_FROM: u16 = 24;

/// A case and what there is to show of it.
#[derive(Clone, Copy)]
struct Subject<'a> {
    index: usize,
    spec: &'a CaseSpec,
    state: &'a CaseState,
    shown: Shown<'a>,
}

#[derive(Clone, Copy)]
enum Shown<'a> {
    /// An attempt in flight.
    Live(&'a InFlight),
    /// An attempt that is over.
    Ended(&'a AttemptRecord),
    /// Nothing came yet: what will be asked.
    Prompt,
}

impl<'a> Shown<'a> {
    /// One attempt that was selected.
    fn attempt(scene: &'a Scene, state: &'a CaseState, id: AttemptId) -> Self {
        let over = state.attempts.iter().find(|a| a.number == id.number).and_then(|a| a.record.as_ref());
        let live = scene.in_flight().find(|f| f.id == id);
        match (over, live) {
            (Some(record), _) => Self::Ended(record),
            (None, Some(live)) => Self::Live(live),
            (None, None) => Self::Prompt,
        }
    }
}

impl<'a> Subject<'a> {
    fn of(scene: &'a Scene, index: usize, attempt: Option<u32>) -> Option<Self> {
        let state = scene.session.cases.get(index)?;
        let spec = scene.session.suite.cases.get(index)?;
        // The live view may lag behind the record.
        let is_over = |f: &&InFlight| state.attempts.iter().any(|a| a.number == f.id.number && a.record.is_some());
        if let Some(number) = attempt {
            let shown = Shown::attempt(scene, state, AttemptId { case: index, number });
            return Some(Self { index, spec, state, shown });
        }
        let shown = match (scene.in_flight_of(index).filter(|f| !is_over(f)), state.shown()) {
            (Some(live), _) => Shown::Live(live),
            (None, Some(record)) if state.phase != CasePhase::Running => Shown::Ended(record),
            _ => Shown::Prompt,
        };
        Some(Self { index, spec, state, shown })
    }
}

/// Draws it.
pub fn draw(frame: &mut Frame<'_>, area: Rect, view: &View<'_>) {
    let area = area.intersection(frame.area());
    if area.is_empty() {
        return;
    }
    let Some(subject) = Subject::of(view.scene(), view.app.ui.selected, view.app.ui.selected_attempt) else {
        title::draw(frame, area, "", Vec::new(), view);
        return;
    };
    let inner = Rect { y: area.y + 1, height: area.height - 1, ..area };
    let rows = usize::from(inner.height);
    let margins = area.width >= MARGINS_FROM;
    let columns = if margins { area.width - 3 } else { area.width };
    let body = Body::of(&subject, columns, view);
    let total = body.len();
    let limit = total.saturating_sub(rows);
    view.cache.set_preview_limit(limit);
    let from = view.app.ui.preview_top.map_or(limit, |top| top.min(limit));
    let below = limit - from;

    title::draw(frame, area, &title::about(&subject), title::figures(&subject, below, view), view);
    let x = area.x + if margins { 2 } else { 0 };
    let buffer = frame.buffer_mut();
    for (y, line) in (inner.y..inner.bottom()).zip(body.lines().skip(from)) {
        buffer.set_line(x, y, line, columns);
    }
    if margins && limit > 0 {
        let thumb = (rows * rows / total).max(1);
        let top = (rows - thumb) * from / limit;
        for row in top..(top + thumb).min(rows) {
            buffer.set_line(inner.right() - 1, inner.y + row as u16, &Line::styled("▐", view.theme.muted()), 1);
        }
    }
}

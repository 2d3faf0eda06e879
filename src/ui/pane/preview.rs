//! The Answer pane: prompt, live or finished answer, or request and response of the selected case.

mod body;
mod endpoint;
mod exchange;
#[cfg(test)]
mod tests;
mod thread;
mod title;
mod transcript;

use std::rc::Rc;
use std::sync::Arc;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::Line;

use self::body::Body;
use crate::app::state::Scene;
use crate::app::state::answer::{Form, Page};
use crate::domain::attempt::{AttemptId, AttemptRecord};
use crate::domain::live::{InFlight, StreamPhase};
use crate::domain::session::{AttemptState, CasePhase, CaseState};
use crate::domain::suite::CaseSpec;
use crate::ui::view::View;
use crate::ui::widget::find::Match;

/// Width from which the text has margins, cells.
const MARGINS_FROM: u16 = 24;

/// The selected case, and the attempt that is shown.
#[derive(Clone)]
struct Subject<'a> {
    index: usize,
    spec: &'a CaseSpec,
    state: &'a CaseState,
    shown: SubjectState<'a>,
}

#[derive(Clone)]
enum SubjectState<'a> {
    /// An attempt in flight.
    Live(&'a InFlight),
    /// An attempt that is over.
    Ended(Arc<AttemptRecord>),
    /// No attempt has started yet, so the prompt is shown.
    Prompt,
}

impl<'a> SubjectState<'a> {
    /// State of one selected attempt.
    fn attempt(scene: &'a Scene, state: &'a CaseState, id: AttemptId) -> Self {
        let ended = state.attempt(id.number).and_then(AttemptState::record);
        let live = scene.in_flight().find(|f| f.id == id);
        match (ended, live) {
            (Some(record), _) => Self::Ended(record),
            (None, Some(live)) => Self::Live(live),
            (None, None) => Self::Prompt,
        }
    }
}

impl<'a> Subject<'a> {
    fn find(scene: &'a Scene, index: usize, attempt: Option<u32>) -> Option<Self> {
        let state = scene.session.cases.get(index)?;
        let spec = scene.session.suite.cases.get(index)?;
        // The live view may still list an attempt that has ended.
        let has_ended = |f: &&InFlight| state.attempt(f.id.number).is_some_and(|a| a.record.is_some());
        if let Some(number) = attempt {
            let shown = SubjectState::attempt(scene, state, AttemptId { case: index, number });
            return Some(Self { index, spec, state, shown });
        }
        // Show the answer of the current stage, or else an earlier one.
        let ended = state.shown_in(scene.shown_stage()).or_else(|| state.shown());
        let shown = match (scene.in_flight_of(index).filter(|f| !has_ended(f)), ended) {
            (Some(live), _) => SubjectState::Live(live),
            // The last answer stays on the screen until the next turn of the conversation starts.
            (None, Some(record)) if state.phase != CasePhase::Running || !state.next_turns().is_empty() => {
                SubjectState::Ended(record)
            }
            _ => SubjectState::Prompt,
        };
        Some(Self { index, spec, state, shown })
    }

    /// State of the shown attempt in the session; `None` if a prompt is shown.
    fn attempt(&self) -> Option<&'a AttemptState> {
        let number = match &self.shown {
            SubjectState::Live(live) => live.id.number,
            SubjectState::Ended(record) => record.id.number,
            SubjectState::Prompt => return None,
        };
        self.state.attempt(number)
    }

    /// Whether the prompt is shown because nothing has been generated yet.
    fn is_prompt(&self) -> bool {
        match &self.shown {
            SubjectState::Live(live) => live.phase == StreamPhase::Waiting,
            SubjectState::Prompt => true,
            SubjectState::Ended(_) => false,
        }
    }

    /// Whether the live text lacks its start, so that a hint above it says so.
    fn is_cut(&self) -> bool {
        matches!(self.shown, SubjectState::Live(live) if live.text_cut || live.reasoning_cut)
    }

    /// Whether the answer has begun: text, or a call of a tool.
    fn has_answer(&self) -> bool {
        match &self.shown {
            SubjectState::Live(live) => !live.text.is_empty() || !live.tool_calls.is_empty(),
            SubjectState::Ended(record) => !record.text.is_empty() || !record.tool_calls.is_empty(),
            SubjectState::Prompt => false,
        }
    }

    /// Whether the answer after the reasoning has begun; `None` without reasoning.
    fn thinking(&self) -> Option<bool> {
        let reasoning = match &self.shown {
            SubjectState::Live(live) => &*live.reasoning,
            SubjectState::Ended(record) => record.reasoning.as_str(),
            SubjectState::Prompt => return None,
        };
        (!reasoning.trim().is_empty()).then(|| self.has_answer())
    }
}

/// Draws the pane.
pub fn draw(frame: &mut Frame<'_>, area: Rect, view: &View<'_>) {
    let area = area.intersection(frame.area());
    if area.is_empty() {
        return;
    }
    let Some(subject) = Subject::find(view.scene(), view.app.ui.selected, view.app.ui.selected_attempt) else {
        title::draw(frame, area, &title::About::empty(), Vec::new(), view);
        return;
    };
    let inner = Rect { y: area.y + 1, height: area.height - 1, ..area };
    let rows = usize::from(inner.height);
    let margins = area.width >= MARGINS_FROM;
    let columns = if margins { area.width - 3 } else { area.width };
    let body = Body::new(&subject, columns, view);
    let answer = &view.app.ui.answer;
    let total = body.len();
    let matches = matches(&body, columns, view);
    let lines: Vec<usize> = matches.iter().map(|m| m.line() + body.offset()).collect();
    let home_is_start = (subject.is_prompt() && !body.is_thread()) || answer.form == Form::Exchange;
    let thinking = subject.thinking().filter(|_| answer.form != Form::Exchange);
    let head = body.offset() + body.thread_len() + usize::from(subject.is_cut());
    let drawn = answer.place(
        &lines,
        Page {
            total,
            rows,
            home_is_start,
            grows: matches!(subject.shown, SubjectState::Live(_)),
            thinking: thinking.map(|has_answer| (head, answer.shows_thinking(has_answer))),
        },
    );
    view.cache.set_answer(drawn);
    let (from, limit) = (drawn.from, drawn.limit);

    title::draw(frame, area, &title::about(&subject, view), title::figures(&subject, drawn, view), view);
    let x = area.x + if margins { 2 } else { 0 };
    let buffer = frame.buffer_mut();
    for (y, line) in (inner.y..inner.bottom()).zip(body.lines().skip(from)) {
        buffer.set_line(x, y, line, columns);
    }
    let text = Rect { x, width: columns, ..inner };
    for (i, found) in matches.iter().enumerate() {
        mark(buffer, text, from, body.offset(), found, i == drawn.selected_match);
    }
    if margins && limit > 0 {
        let thumb = (rows * rows / total).max(1);
        let top = (rows - thumb) * from / limit;
        for row in top..(top + thumb).min(rows) {
            buffer.set_line(inner.right() - 1, inner.y + row as u16, &Line::styled("▐", view.theme.muted()), 1);
        }
    }
}

/// Whether request and response fit side by side.
const fn is_wide(columns: u16) -> bool {
    // The width excludes the margins of the pane.
    columns >= 97
}

/// Returns the matches of the search.
fn matches(body: &Body, columns: u16, view: &View<'_>) -> Rc<[Match]> {
    let answer = &view.app.ui.answer;
    let wanted = answer.search.field.as_str();
    if wanted.trim().is_empty() {
        return Rc::new([]);
    }
    let beside = answer.form == Form::Exchange && is_wide(columns);
    body.found(wanted, (!beside).then_some(usize::from(columns)), view)
}

/// Marks a match: the current one is reversed, the others are underlined.
fn mark(buffer: &mut Buffer, text: Rect, from: usize, offset: usize, found: &Match, is_current: bool) {
    let modifier = if is_current { Modifier::REVERSED } else { Modifier::UNDERLINED };
    for &(line, left, right) in &found.parts {
        let Some(row) = (line + offset).checked_sub(from).filter(|row| *row < usize::from(text.height)) else {
            continue;
        };
        let (left, right) = (left.min(usize::from(text.width)), right.min(usize::from(text.width)));
        let part = Rect { x: text.x + left as u16, y: text.y + row as u16, width: (right - left) as u16, height: 1 };
        buffer.set_style(part, Style::new().add_modifier(modifier | Modifier::BOLD));
    }
}

//! The lines under the rule. The long part, what was written, is laid out once and kept; what goes around it is short.

use std::rc::Rc;

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{Shown, Subject};
use crate::app::message::Action;
use crate::domain::attempt::{AttemptId, AttemptRecord, AttemptStatus};
use crate::domain::live::{InFlight, StreamPhase};
use crate::domain::session::CasePhase;
use crate::domain::suite::CaseSpec;
use crate::domain::text::sanitise_line;
use crate::ui::cache::LayoutKey;
use crate::ui::fit::{ELLIPSIS, cut, width};
use crate::ui::keymap::{Context, Key, Keymap};
use crate::ui::number::millis;
use crate::ui::theme::Theme;
use crate::ui::view::View;
use crate::ui::widget::markdown;
use crate::ui::widget::wrap::wrap;

/// Columns of the rule over a section.
const LABEL: usize = 32;
/// Columns of a server's message that are shown.
const MAX_MESSAGE: usize = 1200;

/// All lines, the long part shared with the frames before.
pub(super) struct Body {
    before: Vec<Line<'static>>,
    pub(super) text: Rc<[Line<'static>]>,
    after: Vec<Line<'static>>,
}

impl Body {
    pub(super) fn of(subject: &Subject<'_>, columns: u16, view: &View<'_>) -> Self {
        let mut body = Self::made(subject, columns, view);
        if !body.after.is_empty() && body.before.len() + body.text.len() > 0 {
            body.after.insert(0, Line::default());
        }
        body
    }

    fn made(subject: &Subject<'_>, columns: u16, view: &View<'_>) -> Self {
        let around = Around { columns: usize::from(columns), theme: view.theme, keymap: view.keymap };
        let key = |id, revision, text: &str, reasoning: &str| LayoutKey {
            id,
            revision,
            text_len: text.len(),
            reasoning_len: reasoning.len(),
            width: columns,
            theme: view.theme,
        };
        match subject.shown {
            Shown::Live(live) if live.phase != StreamPhase::Waiting => {
                let key = key(live.id, live.content_events, &live.text, &live.reasoning);
                let text = view.cache.layout(key, || live_text(live, columns, view.theme));
                Self { before: Vec::new(), text, after: Vec::new() }
            }
            Shown::Ended(record) => {
                let key = key(record.id, u32::MAX, &record.text, &record.reasoning);
                let text = view
                    .cache
                    .layout(key, || sections(&record.reasoning, &record.text, columns, view.theme, markdown::render));
                Self { before: around.failure(record), text, after: around.notes(subject, record) }
            }
            Shown::Live(_) | Shown::Prompt => {
                // An attempt's number begins at 1: 0 is the prompt.
                let key = key(AttemptId { case: subject.index, number: 0 }, u32::MAX, "", "");
                let is_unique = !view.scene().session.plan.warm && subject.spec.takes_nonce();
                let text = view.cache.layout(key, || prompt(subject.spec, is_unique, columns, view.theme));
                Self { before: Vec::new(), text, after: around.waiting(subject, view) }
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.before.len() + self.text.len() + self.after.len()
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = &Line<'static>> {
        self.before.iter().chain(self.text.iter()).chain(&self.after)
    }
}

// ─── What was written ───

type Render = fn(&str, u16, Theme, Style) -> Vec<Line<'static>>;

fn sections(reasoning: &str, text: &str, columns: u16, theme: Theme, render: Render) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    if !reasoning.trim().is_empty() {
        lines.push(label("thinking", columns, theme));
        lines.extend(dimmed(render(reasoning, columns, theme, theme.reasoning()), theme.reasoning()));
        if !text.is_empty() {
            lines.push(Line::default());
            lines.push(label("answer", columns, theme));
        }
    }
    lines.extend(render(text, columns, theme, theme.text()));
    lines
}

fn live_text(live: &InFlight, columns: u16, theme: Theme) -> Vec<Line<'static>> {
    let resumed = |text: &str, is_cut| if is_cut { markdown::resume(text) } else { text.to_owned() };
    let reasoning = resumed(&live.reasoning, live.reasoning_cut);
    let text = resumed(&live.text, live.text_cut);
    let mut lines = Vec::new();
    if live.text_cut || live.reasoning_cut {
        let hint = format!("{ELLIPSIS} the whole of it is shown once it has ended");
        lines.push(Line::from(Span::styled(cut(&hint, usize::from(columns)), theme.muted())));
    }
    lines.extend(sections(&reasoning, &text, columns, theme, markdown::render_growing));
    lines
}

fn prompt(case: &CaseSpec, is_unique: bool, columns: u16, theme: Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for message in &case.messages {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        let is_first = lines.is_empty();
        lines.push(label(&sanitise_line(&message.role), columns, theme));
        if is_first && is_unique {
            let line = [Span::styled("[a line that is new in every attempt]", theme.reasoning())];
            lines.extend(wrap(&line, usize::from(columns)).into_iter().map(Line::from));
        }
        lines.extend(dimmed(markdown::render(&message.content, columns, theme, theme.muted()), theme.muted()));
    }
    lines
}

/// `─ thinking ────────`
fn label(word: &str, columns: u16, theme: Theme) -> Line<'static> {
    let columns = usize::from(columns).min(LABEL);
    let start = cut(&format!("─ {word} "), columns);
    let rest = "─".repeat(columns - width(&start));
    Line::from(Span::styled(start + &rest, theme.muted()))
}

/// Takes colours back that would draw the eye.
fn dimmed(mut lines: Vec<Line<'static>>, style: Style) -> Vec<Line<'static>> {
    for span in lines.iter_mut().flat_map(|l| &mut l.spans) {
        span.style = span.style.patch(style);
    }
    lines
}

// ─── What goes around it ───

struct Around<'a> {
    columns: usize,
    theme: Theme,
    keymap: &'a Keymap,
}

impl Around<'_> {
    fn say(&self, lines: &mut Vec<Line<'static>>, text: &str, style: Style) {
        let text: String = text.chars().take(2 * MAX_MESSAGE).collect();
        let text = cut(&sanitise_line(&text), MAX_MESSAGE);
        lines.extend(wrap(&[Span::styled(text, style)], self.columns).into_iter().map(Line::from));
    }

    /// Above what came of a failed attempt: what went wrong, and what to do.
    fn failure(&self, record: &AttemptRecord) -> Vec<Line<'static>> {
        let mut lines = Vec::new();
        if record.is_ok() || record.status == AttemptStatus::Cancelled {
            return lines;
        }
        let kind = record.failure_kind();
        self.say(&mut lines, &format!("✗ {kind}"), self.theme.bad());
        if let Some(error) = &record.error {
            self.say(&mut lines, &error.message, self.theme.text());
        }
        self.say(&mut lines, &format!("{} reruns it.", self.key_of(Action::Rerun)), self.theme.muted());
        if !record.text.is_empty() || !record.reasoning.is_empty() {
            lines.push(Line::default());
            lines.push(label("what came", self.columns as u16, self.theme));
        }
        lines
    }

    /// Below a record: what makes it less than clean, and what became of later attempts.
    fn notes(&self, subject: &Subject<'_>, record: &AttemptRecord) -> Vec<Line<'static>> {
        let mut lines = Vec::new();
        for note in record.notes() {
            self.say(&mut lines, &format!("! {note}"), self.theme.muted());
        }
        for told in record.server_timings.iter().flat_map(|t| t.sentences(record)) {
            self.say(&mut lines, &told, self.theme.muted());
        }
        match subject.state.last_ended() {
            Some(last) if last.id != record.id && !last.is_ok() && last.status != AttemptStatus::Cancelled => {
                let message = last.error.as_ref().map_or(last.status.as_str(), |e| e.message.as_str());
                let text = format!("✗ Attempt {} failed: {message}", last.id.number);
                self.say(&mut lines, &text, self.theme.bad());
            }
            _ => {}
        }
        if subject.state.phase == CasePhase::Paused {
            self.say(&mut lines, &self.paused(), self.theme.warning());
        } else if record.status == AttemptStatus::Cancelled && subject.state.phase == CasePhase::Cancelled {
            self.say(&mut lines, &self.cancelled(), self.theme.warning());
        }
        lines
    }

    /// Below a prompt: what it waits for.
    fn waiting(&self, subject: &Subject<'_>, view: &View<'_>) -> Vec<Line<'static>> {
        let mut lines = Vec::new();
        let theme = self.theme;
        match (subject.shown, subject.state.phase) {
            (Shown::Live(live), _) => {
                let waited = millis(Some(view.scene().now.millis_since(live.started)));
                self.say(&mut lines, &format!("waiting for the first token {waited}"), theme.accent());
            }
            (_, CasePhase::Paused) => self.say(&mut lines, &self.paused(), theme.warning()),
            (_, CasePhase::Cancelled) => self.say(&mut lines, &self.cancelled(), theme.warning()),
            (_, CasePhase::Unreached) => self.say(&mut lines, &self.unreached(), theme.warning()),
            (_, CasePhase::Running) => self.say(&mut lines, "The request is being sent.", theme.accent()),
            _ => self.say(&mut lines, "Not asked yet.", theme.muted()),
        }
        lines
    }

    fn paused(&self) -> String {
        format!("Paused. {} resumes it with a fresh attempt.", self.key_of(Action::TogglePauseCase))
    }

    fn cancelled(&self) -> String {
        format!("Cancelled. {} runs it again.", self.key_of(Action::Rerun))
    }

    fn unreached(&self) -> String {
        format!("The run's time was over before its turn. {} runs it.", self.key_of(Action::Rerun))
    }

    /// The key of an action, as it is now.
    fn key_of(&self, action: Action) -> String {
        // Unbound, it still has its name.
        let name = || action.name().to_owned();
        format!("'{}'", self.keymap.key_of(action, Context::Panes).map_or_else(name, Key::to_string))
    }
}

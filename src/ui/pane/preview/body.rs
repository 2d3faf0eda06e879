//! The lines below the title rule: the cached layout of the text, and short notes above and below it.

use std::rc::Rc;

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::thread::Thread;
use super::transcript::{TranscriptRenderer, label};
use super::{Subject, SubjectState};
use super::{endpoint, exchange};
use crate::app::action::Action;
use crate::app::state::answer::Form;
use crate::domain::attempt::{AttemptId, AttemptRecord, AttemptStatus, TokenSource};
use crate::domain::check::CheckResult;
use crate::domain::finish_reason::FinishClass;
use crate::domain::quantity::count;
use crate::domain::session::{AttemptState, CasePhase};
use crate::domain::text::sanitise_line;
use crate::ui::cache::LayoutKey;
use crate::ui::fit::cut;
use crate::ui::keymap::Keymap;
use crate::ui::number::{grouped, millis};
use crate::ui::theme::Theme;
use crate::ui::view::{View, key_of};
use crate::ui::widget::find::{Match, find};
use crate::ui::widget::wrap::wrap;

/// Maximum length of a server's message on the screen, columns.
const MAX_MESSAGE: usize = 1200;

/// All lines of the pane. The text and the thread are shared with the cache.
pub(super) struct Body {
    before: Vec<Line<'static>>,
    /// Earlier turns of the conversation; empty for a single request.
    thread: Rc<[Line<'static>]>,
    pub(super) text: Rc<[Line<'static>]>,
    after: Vec<Line<'static>>,
    key: LayoutKey,
}

impl Body {
    pub(super) fn new(subject: &Subject<'_>, columns: u16, view: &View<'_>) -> Self {
        let mut body = Self::without_separator(subject, columns, view);
        if !body.after.is_empty() && body.before.len() + body.thread.len() + body.text.len() > 0 {
            body.after.insert(0, Line::default());
        }
        body
    }

    fn without_separator(subject: &Subject<'_>, columns: u16, view: &View<'_>) -> Self {
        let around = BodyRenderer {
            columns: usize::from(columns),
            form: view.app.ui.answer.form,
            theme: view.theme,
            keymap: view.keymap,
        };
        let answer = &view.app.ui.answer;
        let key = |id, revision, text: &str, reasoning: &str| LayoutKey {
            id,
            revision,
            text_len: text.len(),
            reasoning_len: reasoning.len(),
            form: answer.form,
            is_thread: false,
            unfolded: answer.shows_thinking(subject.has_answer()),
            width: columns,
            theme: view.theme,
        };
        let prompt = AttemptId { case: subject.index, number: 0 };
        let key = match &subject.shown {
            // The request of a new attempt becomes known a moment after its start.
            SubjectState::Live(live)
                if answer.form == Form::Exchange || (subject.is_prompt() && Thread::new(subject).is_some()) =>
            {
                key(live.id, live.content_events, live.sent_request.as_ref().map_or("", |sent| &sent.body), "")
            }
            SubjectState::Live(live) if !subject.is_prompt() => {
                key(live.id, live.content_events, &live.text, &live.reasoning)
            }
            SubjectState::Ended(record) => key(record.id, u32::MAX, &record.text, &record.reasoning),
            // Attempts are numbered from 1; 0 means the prompt.
            SubjectState::Live(_) | SubjectState::Prompt => key(prompt, u32::MAX, "", ""),
        };
        let transcript = TranscriptRenderer::new(columns, key.unfolded, view);
        let is_prompt = subject.is_prompt();
        let thread = Thread::new(subject).filter(|_| answer.form != Form::Exchange);
        let thread_lines = thread.as_ref().map_or_else(Rc::default, |thread| {
            let id = subject.attempt().map_or(prompt, |attempt| AttemptId { number: attempt.number, ..prompt });
            let text_len = thread.request_len() * 2 + usize::from(is_prompt);
            let ends = matches!(subject.shown, SubjectState::Ended(_));
            let revision = u32::MAX - u32::from(!ends);
            let key = LayoutKey { id, revision, text_len, reasoning_len: 0, is_thread: true, unfolded: false, ..key };
            view.cache.layout(key, || thread.lines(columns, view.theme))
        });
        let text = view.cache.layout(key, || match (answer.form, &subject.shown) {
            (Form::Exchange, _) => exchange::lines(subject, columns, view),
            (form, SubjectState::Live(live)) if !is_prompt => transcript.live(live, form),
            (form, SubjectState::Ended(record)) => transcript.ended(record, form),
            (_, SubjectState::Live(_)) if thread.is_some() => Vec::new(),
            (_, SubjectState::Live(_) | SubjectState::Prompt) => {
                transcript.prompt(subject.spec, is_unique(subject, view))
            }
        });
        let is_exchange = answer.form == Form::Exchange;
        let (mut before, after) = match &subject.shown {
            SubjectState::Ended(record) if is_exchange => (around.failure(record, view), Vec::new()),
            SubjectState::Ended(record) => (around.result(record, view), around.notes(subject, record)),
            _ if thread.is_some() && is_prompt && !is_exchange => (Vec::new(), around.waiting(subject, view)),
            _ if is_prompt => (around.waiting(subject, view), Vec::new()),
            _ => (Vec::new(), Vec::new()),
        };
        if !before.is_empty() && (is_prompt || is_exchange) {
            before.push(Line::default());
        }
        Self { before, thread: thread_lines, text, after, key }
    }

    /// Returns the matches of `wanted` in the cached text; line numbers begin after [`Self::offset`].
    pub(super) fn found(&self, wanted: &str, columns: Option<usize>, view: &View<'_>) -> Rc<[Match]> {
        view.cache.found(self.key, wanted, || find(&[&*self.thread, &*self.text].concat(), wanted, columns))
    }

    /// Whether turns of a conversation are above the text.
    pub(super) fn is_thread(&self) -> bool {
        !self.thread.is_empty()
    }

    /// Number of lines of the earlier turns.
    pub(super) fn thread_len(&self) -> usize {
        self.thread.len()
    }

    /// Number of lines above the searched text.
    pub(super) fn offset(&self) -> usize {
        self.before.len()
    }

    pub(super) fn len(&self) -> usize {
        self.before.len() + self.thread.len() + self.text.len() + self.after.len()
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = &Line<'static>> {
        self.before.iter().chain(self.thread.iter()).chain(self.text.iter()).chain(&self.after)
    }
}

/// Whether a unique line is added at the start of each attempt's prompt.
fn is_unique(subject: &Subject<'_>, view: &View<'_>) -> bool {
    !view.scene().session.plan.warm && subject.spec.takes_nonce()
}

/// Explains the finish reason of an answer that a limit ended, such as `length`.
pub(super) fn stopped(record: &AttemptRecord, max_tokens: Option<u32>) -> Option<String> {
    let is_at_limit = record.is_ok() && record.ends_as(FinishClass::Length);
    let reason = sanitise_line(record.finish_reason.as_deref().filter(|_| is_at_limit)?);
    let Some(max_tokens) = max_tokens else {
        return Some(format!("Stopped at its token limit; the answer may be incomplete. Finish reason: {reason}."));
    };
    Some(match record.output_tokens() {
        // The answer is shorter than `max_tokens`, so the limit is that of the server or its context.
        Some((tokens, TokenSource::Usage)) if tokens < u64::from(max_tokens) => {
            let (tokens, max) = (grouped(tokens), grouped(u64::from(max_tokens)));
            format!(
                "Stopped after {tokens} tokens by a server limit below max_tokens ({max}); finish reason: {reason}."
            )
        }
        _ => {
            let max = grouped(u64::from(max_tokens));
            format!("Stopped at max_tokens ({max}); the answer may be incomplete. Finish reason: {reason}.")
        }
    })
}

// ─── Notes around the text ───

struct BodyRenderer<'a> {
    columns: usize,
    form: Form,
    theme: Theme,
    keymap: &'a Keymap,
}

impl BodyRenderer<'_> {
    fn add_text(&self, lines: &mut Vec<Line<'static>>, text: &str, style: Style) {
        let text: String = text.chars().take(2 * MAX_MESSAGE).collect();
        let text = cut(&sanitise_line(&text), MAX_MESSAGE);
        lines.extend(wrap(&[Span::styled(text, style)], self.columns).into_iter().map(Line::from));
    }

    /// Lines above the partial answer of a failed attempt: the error, and advice.
    fn failure(&self, record: &AttemptRecord, view: &View<'_>) -> Vec<Line<'static>> {
        let mut lines = Vec::new();
        if record.is_ok() || record.status == AttemptStatus::Cancelled {
            return lines;
        }
        if view.scene().stop.is_some() {
            for (text, style) in endpoint::sentences(view) {
                self.add_text(&mut lines, &text, style);
            }
            return lines;
        }
        let kind = record.failure_kind();
        self.add_text(&mut lines, &format!("✗ {kind}"), self.theme.bad());
        if let Some(error) = &record.error {
            self.add_text(&mut lines, &error.message, self.theme.text());
        }
        self.add_text(&mut lines, &format!("{} reruns the case.", self.key_of(Action::Rerun)), self.theme.muted());
        let has_part = !record.text.is_empty() || !record.reasoning.is_empty() || !record.tool_calls.is_empty();
        if self.form != Form::Exchange && has_part {
            lines.push(Line::default());
            lines.push(label("partial answer", self.columns as u16, self.theme));
        }
        lines
    }

    /// Lines above an ended attempt: its failure, or the vectors or scores of its answer.
    fn result(&self, record: &AttemptRecord, view: &View<'_>) -> Vec<Line<'static>> {
        let mut lines = self.failure(record, view);
        if let Some(items) = record.items {
            let tokens = record.usage.prompt_tokens.map(|n| format!(" for {} prompt tokens", grouped(n)));
            let text = format!("{}{}.", items.in_words(), tokens.unwrap_or_default());
            self.add_text(&mut lines, &text, self.theme.text());
        }
        lines
    }

    /// Lines below an ended attempt: its limits, failed checks and findings, and the outcome of later attempts.
    fn notes(&self, subject: &Subject<'_>, record: &AttemptRecord) -> Vec<Line<'static>> {
        let mut lines = Vec::new();
        if record.condensed.is_some() {
            self.add_text(
                &mut lines,
                "The text was dropped to save memory; only the latest attempts keep it. All figures remain.",
                self.theme.muted(),
            );
        }
        // A row of a workload has a limit of its own, so the limit of the case does not apply.
        let own_limit = subject.attempt().and_then(|attempt| attempt.row).is_none().then_some(subject.spec.max_tokens);
        if let Some(reason) = stopped(record, record.lengths.output_tokens.or(own_limit)) {
            self.add_text(&mut lines, &reason, self.theme.muted());
        }
        for note in record.notes() {
            self.add_text(&mut lines, &format!("! {note}"), self.theme.muted());
        }
        for failure in record.checks.iter().filter_map(CheckResult::failure) {
            self.add_text(&mut lines, &format!("✗ Check failed: {failure}"), self.theme.bad());
        }
        let passed = record.checks.len() - record.failed_checks();
        if passed > 0 {
            self.add_text(&mut lines, &format!("✓ {} passed", count(passed, "check")), self.theme.muted());
        }
        for sentence in record.server_timings.iter().flat_map(|t| t.sentences(record)) {
            self.add_text(&mut lines, &sentence, self.theme.muted());
        }
        match subject.state.last_ended().and_then(AttemptState::record) {
            Some(last) if last.id != record.id && !last.is_ok() && last.status != AttemptStatus::Cancelled => {
                let message = last.error.as_ref().map_or(last.status.as_str(), |e| e.message.as_str());
                let text = format!("✗ Attempt {} failed: {message}", last.id.number);
                self.add_text(&mut lines, &text, self.theme.bad());
            }
            _ => {}
        }
        if subject.state.phase == CasePhase::Paused {
            self.add_text(&mut lines, &self.paused(), self.theme.warning());
        } else if record.status == AttemptStatus::Cancelled && subject.state.phase == CasePhase::Cancelled {
            self.add_text(&mut lines, &self.cancelled(), self.theme.warning());
        }
        lines
    }

    /// Lines above a prompt: the reason why the case waits.
    fn waiting(&self, subject: &Subject<'_>, view: &View<'_>) -> Vec<Line<'static>> {
        let mut lines = Vec::new();
        let theme = self.theme;
        for (text, style) in endpoint::sentences(view) {
            self.add_text(&mut lines, &text, style);
        }
        if !lines.is_empty() && subject.state.phase == CasePhase::Queued {
            return lines;
        }
        match (&subject.shown, subject.state.phase) {
            (SubjectState::Live(live), _) => {
                let waited = millis(Some(view.scene().now.millis_since(live.started)));
                self.add_text(&mut lines, &format!("Waiting for the first token: {waited}"), theme.accent());
            }
            (_, CasePhase::Paused) => self.add_text(&mut lines, &self.paused(), theme.warning()),
            (_, CasePhase::Cancelled) => self.add_text(&mut lines, &self.cancelled(), theme.warning()),
            (_, CasePhase::Unreached) => self.add_text(&mut lines, &self.unreached(), theme.warning()),
            (_, CasePhase::Running) => self.add_text(&mut lines, "Sending the request.", theme.accent()),
            _ => self.add_text(&mut lines, "Not sent yet.", theme.muted()),
        }
        lines
    }

    fn paused(&self) -> String {
        format!("Paused. {} resumes with a new attempt.", self.key_of(Action::TogglePauseCase))
    }

    fn cancelled(&self) -> String {
        format!("Cancelled. {} reruns the case.", self.key_of(Action::Rerun))
    }

    fn unreached(&self) -> String {
        format!("Skipped: the duration of the run ended first. {} runs the case.", self.key_of(Action::Rerun))
    }

    fn key_of(&self, action: Action) -> String {
        key_of(self.keymap, action)
    }
}

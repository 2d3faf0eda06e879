//! Title rule of the Answer pane: case, attempt, state and tokens.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::{Subject, SubjectState};
use crate::app::pane::PaneId;
use crate::app::state::Scene;
use crate::app::state::answer::{Drawn, Form};
use crate::domain::attempt::{AttemptRecord, AttemptStatus, TokenSource};
use crate::domain::finish_reason::FinishClass;
use crate::domain::live::{InFlight, StreamPhase};
use crate::domain::prefix_cache::PrefixCache;
use crate::domain::quantity::Quantity;
use crate::domain::session::CasePhase;
use crate::domain::text::sanitise_line;
use crate::ui::fit::{cut, spans_width, width};
use crate::ui::number::grouped;
use crate::ui::pane;
use crate::ui::pane::cases::status::failure;
use crate::ui::view::View;

/// Minimum columns of the name if text about the attempt follows it.
const MIN_NAME: usize = 16;
/// Maximum columns that the figures must leave to name and attempt: enough for each case of the built-in suite.
const MAX_RESERVED: usize = 28;
/// Cells of the rule apart from title, text and figures: strokes and blanks.
const STROKES: usize = 9;

/// Name of the case, and a text about form, attempt and turn in a long and a short version.
pub(super) struct About {
    name: String,
    long: String,
    short: String,
}

impl About {
    /// A title without a case.
    pub(super) const fn empty() -> Self {
        Self { name: String::new(), long: String::new(), short: String::new() }
    }

    fn add(&mut self, long: &str, short: &str) {
        self.long.push_str(" · ");
        self.long.push_str(long);
        self.short.push_str(" · ");
        self.short.push_str(short);
    }

    /// The text in at most `cells` cells. The short version is used before the name is cut.
    fn fitted(&self, cells: usize) -> String {
        let with = |words: &str| format!("{}{words}", self.name);
        let texts = [with(&self.long), with(&self.short)];
        if let Some(text) = texts.into_iter().find(|text| width(text) <= cells) {
            return text;
        }
        match cells.checked_sub(width(&self.short)).filter(|room| *room >= MIN_NAME.min(width(&self.name))) {
            Some(room) => cut(&self.name, room) + &self.short,
            None => cut(&self.name, cells),
        }
    }
}

/// Draws the rule and returns the area below it. On a short line, the last `figures` are dropped first, then the text
/// is shortened, and finally the name is cut.
pub(super) fn draw(
    frame: &mut Frame<'_>,
    area: Rect,
    about: &About,
    figures: Vec<Span<'static>>,
    view: &View<'_>,
) -> Rect {
    let taken = width(PaneId::Preview.title()) + STROKES;
    let reserved = width(&format!("{}{}", about.name, about.short)).min(MAX_RESERVED);
    let figures = joined(figures, usize::from(area.width).saturating_sub(taken + reserved), view);
    let beside = if figures.is_empty() { 0 } else { spans_width(&figures) + 3 };
    let about = about.fitted(usize::from(area.width).saturating_sub(taken + beside));
    pane::rule(frame, area, view, PaneId::Preview, pane::About::Name(&about), figures)
}

/// Name of the case, with the attempt if there are several.
pub(super) fn about(subject: &Subject<'_>, view: &View<'_>) -> About {
    let mut about = About { name: sanitise_line(&subject.spec.name), ..About::empty() };
    match view.app.ui.answer.form {
        Form::Rendered => {}
        Form::Raw => about.add("raw", "raw"),
        Form::Exchange => about.add("request and response", "request"),
    }
    let id = match &subject.shown {
        SubjectState::Live(live) => live.id,
        SubjectState::Ended(record) => record.id,
        SubjectState::Prompt => return about,
    };
    let state = subject.state;
    // A run with a duration has no fixed number of attempts.
    let is_timed = state.remaining == u32::MAX;
    let all = state.attempts.len() + if is_timed { 0 } else { state.remaining as usize };
    let number = id.number;
    // Name the model, because other attempts may have another one.
    if let Some(mix) = view.scene().session.suite.model_mix.as_ref().filter(|_| subject.spec.model.is_none()) {
        let first = subject.attempt().and_then(|attempt| attempt.turn).map_or(number, |turn| turn.conversation);
        let model = sanitise_line(mix.choose(subject.index, first));
        about.add(&model, &model);
    }
    match all {
        0 | 1 => {}
        _ if is_timed => about.add(&format!("attempt {number}"), &format!("#{number}")),
        _ => about.add(&format!("attempt {number} of {all}"), &format!("#{number}")),
    }
    let suite = &view.scene().session.suite;
    let is_probe = suite.workload.as_ref().is_some_and(|w| w.probe_number(id, suite.cases.len()).is_some());
    match subject.attempt().is_some_and(|attempt| attempt.warmup) {
        true if is_probe => about.add("probe for prompt lengths", "probe"),
        true => about.add("warm-up", "warm-up"),
        false => {}
    }
    if let Some(stage) = subject.attempt().and_then(|attempt| view.scene().session.stage_name_of(attempt)) {
        about.add(&stage, &stage);
    }
    if let Some(turn) = subject.attempt().and_then(|attempt| attempt.turn) {
        about.add(&format!("turn {} of {}", turn.number, turn.of), &format!("turn {}/{}", turn.number, turn.of));
    }
    about
}

/// Search, scroll position, state and tokens, most important first.
pub(super) fn figures(subject: &Subject<'_>, drawn: Drawn, view: &View<'_>) -> Vec<Span<'static>> {
    let theme = view.theme;
    let mut spans = Vec::new();
    if !view.app.ui.answer.search.field.is_empty() {
        spans.push(match drawn.matches {
            0 => Span::styled("no match", theme.warning()),
            all => Span::styled(format!("{}/{all}", drawn.selected_match + 1), theme.accent()),
        });
    }
    let at_end = drawn.from >= drawn.limit;
    if drawn.limit > 0 && (!at_end || view.is_focused(PaneId::Preview)) {
        let grows = drawn.page.grows && !drawn.page.home_is_start;
        let position = match drawn.from {
            _ if at_end && grows => "▼ following".to_owned(),
            _ if at_end => "end".to_owned(),
            0 => "top".to_owned(),
            from => format!("scroll {}%", from * 100 / drawn.limit),
        };
        spans.push(Span::styled(position, theme.accent()));
    }
    let word = match subject.state.phase {
        CasePhase::Queued => Some("queued"),
        CasePhase::Paused => Some("paused"),
        CasePhase::Cancelled => Some("cancelled"),
        CasePhase::Unreached => Some("skipped"),
        CasePhase::Running | CasePhase::Done | CasePhase::Failed => None,
    };
    if let (Some(word), SubjectState::Ended(_) | SubjectState::Prompt) = (word, &subject.shown) {
        spans.push(Span::styled(word, theme.warning()));
    }
    spans.extend(match &subject.shown {
        SubjectState::Live(live) => live_figures(live, view.scene(), view),
        SubjectState::Ended(record) => ended_figures(record, view),
        SubjectState::Prompt => Vec::new(),
    });
    spans
}

/// Joins the first figures that fit, with dots between them.
fn joined(figures: Vec<Span<'static>>, room: usize, view: &View<'_>) -> Vec<Span<'static>> {
    let mut all: Vec<Span<'static>> = Vec::new();
    for figure in figures {
        let dot = if all.is_empty() { 0 } else { 3 };
        if spans_width(&all) + dot + width(&figure.content) > room {
            break;
        }
        if dot > 0 {
            all.push(Span::styled(" · ", view.theme.muted()));
        }
        all.push(figure);
    }
    all
}

fn live_figures(live: &InFlight, scene: &Scene, view: &View<'_>) -> Vec<Span<'static>> {
    let theme = view.theme;
    let phase = match live.phase {
        StreamPhase::Waiting => return vec![Span::styled("waiting", theme.muted())],
        StreamPhase::Reasoning => Span::styled("reasoning", theme.accent()),
        StreamPhase::Answering => Span::styled("answering", theme.accent()),
    };
    let tokens = Quantity::grouped(f64::from(live.content_events) * scene.tokens_per_event).estimated_if(true);
    vec![phase, Span::styled(format!("{tokens} tokens"), theme.muted())]
}

fn ended_figures(record: &AttemptRecord, view: &View<'_>) -> Vec<Span<'static>> {
    let theme = view.theme;
    let reason = record.finish_reason.as_deref().map(|r| cut(&sanitise_line(r), 20));
    let mut spans = match (record.status, reason) {
        (AttemptStatus::Ok, Some(reason)) => {
            // Warn about an unusual finish reason, such as a limit that cut the answer.
            let is_usual = [FinishClass::Complete, FinishClass::ToolCall];
            let is_usual = is_usual.iter().any(|class| record.ends_as(*class));
            vec![Span::styled(reason, if is_usual { theme.good() } else { theme.warning() })]
        }
        (AttemptStatus::Ok, None) => vec![Span::styled("ok", theme.good())],
        (AttemptStatus::Cancelled, _) => Vec::new(),
        _ => vec![Span::styled(failure(record), theme.bad())],
    };
    if let Some(items) = record.items {
        spans.push(Span::styled(items.in_words(), theme.muted()));
        return spans;
    }
    if let Some((tokens, source)) = record.output_tokens() {
        let is_estimate = source == TokenSource::Estimate;
        let count = Quantity::grouped(tokens as f64).with_unit(" tokens").estimated_if(is_estimate);
        spans.push(Span::styled(count.to_string(), theme.muted()));
    }
    if let Some(reasoning) = record.usage.reasoning_tokens.filter(|&n| n > 0) {
        spans.push(Span::styled(format!("{} reasoning", grouped(reasoning)), theme.muted()));
    } else if !record.reasoning.is_empty() {
        spans.push(Span::styled("with reasoning", theme.muted()));
    }
    match (record.cache_doubt(), record.prefix_cache()) {
        _ if !record.is_ok() => {}
        (Some(doubt), _) => spans.push(Span::styled(doubt, theme.warning())),
        // A warm prompt needs no warning in a later turn of a conversation, which repeats the earlier ones.
        (None, PrefixCache::Warm) => spans.push(Span::styled("warm", theme.muted())),
        (None, PrefixCache::Cold) => spans.push(Span::styled("cold", theme.muted())),
        // A nonce made the prompt unique, but the server does not report a cold cache.
        (None, _) => spans.push(Span::styled("cache unknown", theme.muted())),
    }
    spans
}

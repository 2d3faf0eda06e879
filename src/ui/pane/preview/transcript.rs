//! Answer, reasoning and prompt as lines: rendered or raw, with the reasoning shown or folded.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::app::action::Action;
use crate::app::pane::PaneId;
use crate::app::state::answer::Form;
use crate::domain::attempt::AttemptRecord;
use crate::domain::check::ToolCall;
use crate::domain::live::InFlight;
use crate::domain::quantity::{count, plural};
use crate::domain::suite::CaseSpec;
use crate::domain::text::{sanitise, sanitise_line};
use crate::ui::fit::{ELLIPSIS, cut, width};
use crate::ui::keymap::Context;
use crate::ui::number::{grouped, millis};
use crate::ui::theme::Theme;
use crate::ui::view::View;
use crate::ui::widget::markdown;
use crate::ui::widget::wrap::{expand_tabs, wrap};

/// Width of the rule over a section, columns. A longer title extends the rule.
const LABEL: usize = 32;
/// Maximum raw text that is shown, bytes; rendered text has the same limit.
const MAX_RAW_BYTES: usize = 1024 * 1024;

type Render = fn(&str, u16, Theme, Style) -> Vec<Line<'static>>;

/// Reasoning and answer to be laid out.
struct Transcript<'a> {
    reasoning: &'a str,
    /// Number of words of the reasoning; `None` if its start is cut.
    words: Option<usize>,
    thinking_ms: Option<f64>,
    text: &'a str,
    tool_calls: &'a [ToolCall],
}

/// Lays out transcripts and prompts.
pub(super) struct TranscriptRenderer {
    columns: u16,
    theme: Theme,
    unfolded: bool,
    /// Name of the key that unfolds the reasoning.
    key: String,
}

impl TranscriptRenderer {
    pub(super) fn new(columns: u16, unfolded: bool, view: &View<'_>) -> Self {
        let key = view.keymap.key_of(Action::ToggleThinking, Context::In(PaneId::Preview));
        Self { columns, theme: view.theme, unfolded, key: key.map_or_else(String::new, ToString::to_string) }
    }

    /// Lays out an ended attempt.
    pub(super) fn ended(&self, record: &AttemptRecord, form: Form) -> Vec<Line<'static>> {
        let transcript = Transcript {
            reasoning: &record.reasoning,
            words: Some(record.reasoning.split_whitespace().count()),
            thinking_ms: record.thinking_ms(),
            text: &record.text,
            tool_calls: &record.tool_calls,
        };
        self.sections(&transcript, if form == Form::Raw { raw } else { markdown::render })
    }

    /// Lays out an attempt in flight.
    pub(super) fn live(&self, live: &InFlight, form: Form) -> Vec<Line<'static>> {
        let resumed = |text: &str, is_cut: bool| match form {
            Form::Rendered if is_cut => markdown::resume(text),
            _ => text.to_owned(),
        };
        let mut lines = Vec::new();
        if live.text_cut || live.reasoning_cut {
            let hint = format!("{ELLIPSIS} the full text is shown when the attempt ends");
            lines.push(Line::from(Span::styled(cut(&hint, usize::from(self.columns)), self.theme.muted())));
        }
        let transcript = Transcript {
            reasoning: &resumed(&live.reasoning, live.reasoning_cut),
            words: (!live.reasoning_cut).then(|| live.reasoning.split_whitespace().count()),
            thinking_ms: live.thinking_ms,
            text: &resumed(&live.text, live.text_cut),
            tool_calls: &live.tool_calls,
        };
        lines.extend(self.sections(&transcript, if form == Form::Raw { raw } else { markdown::render_growing }));
        lines
    }

    fn sections(&self, transcript: &Transcript<'_>, render: Render) -> Vec<Line<'static>> {
        let Self { columns, theme, .. } = *self;
        let mut lines = Vec::new();
        if !transcript.reasoning.trim().is_empty() {
            if self.unfolded {
                lines.push(label("reasoning", columns, theme));
                lines
                    .extend(dimmed(render(transcript.reasoning, columns, theme, theme.reasoning()), theme.reasoning()));
            } else {
                lines.push(self.folded(transcript));
            }
            if !transcript.text.is_empty() {
                lines.push(Line::default());
            }
            if self.unfolded && !transcript.text.is_empty() {
                lines.push(label("answer", columns, theme));
            }
        }
        if !transcript.text.is_empty() || transcript.tool_calls.is_empty() {
            lines.extend(render(transcript.text, columns, theme, theme.text()));
        }
        for call in transcript.tool_calls {
            if !lines.is_empty() {
                lines.push(Line::default());
            }
            lines.push(label(&format!("tool call: {}", sanitise_line(&call.name)), columns, theme));
            lines.extend(raw(&call.pretty_arguments(), columns, theme, theme.text()));
        }
        lines
    }

    /// The line of folded reasoning: `▸ reasoning, 812 words, 3.1 s · z unfolds`.
    fn folded(&self, transcript: &Transcript<'_>) -> Line<'static> {
        let words =
            transcript.words.map_or_else(String::new, |n| format!(", {} {}", grouped(n as u64), plural(n, "word")));
        let time = transcript.thinking_ms.map_or_else(String::new, |ms| format!(", {}", millis(Some(ms))));
        let key = &self.key;
        let texts = [format!("▸ reasoning{words}{time} · {key} unfolds"), format!("▸ reasoning · {key} unfolds")];
        let fitting = texts.iter().find(|text| width(text) <= usize::from(self.columns));
        let text = fitting.map_or("▸ reasoning", String::as_str).to_owned();
        Line::from(Span::styled(text, self.theme.reasoning()))
    }

    /// Lays out the prompt of a case.
    pub(super) fn prompt(&self, case: &CaseSpec, is_unique: bool) -> Vec<Line<'static>> {
        let Self { columns, theme, .. } = *self;
        let mut lines = Vec::new();
        for message in &case.messages {
            if !lines.is_empty() {
                lines.push(Line::default());
            }
            let is_first = lines.is_empty();
            lines.push(label(&sanitise_line(&message.role), columns, theme));
            if is_first && is_unique {
                let line = [Span::styled("[a line that is unique to each attempt]", theme.reasoning())];
                lines.extend(wrap(&line, usize::from(columns)).into_iter().map(Line::from));
            }
            lines.extend(dimmed(markdown::render(&message.content, columns, theme, theme.muted()), theme.muted()));
            lines.extend(message.media.iter().map(|media| self.about(&media.to_string())));
        }
        for images in &case.generated_images {
            let number = count(images.count as usize, "image");
            lines.push(self.about(&format!("{number} of {}x{}, new in each request", images.width, images.height)));
        }
        lines
    }

    /// The line that replaces an image or audio.
    fn about(&self, text: &str) -> Line<'static> {
        let text = format!("[{}]", sanitise_line(text));
        Line::from(Span::styled(cut(&text, usize::from(self.columns)), self.theme.reasoning()))
    }
}

/// Lays out raw text; a wrapped line keeps its indent.
fn raw(text: &str, columns: u16, _theme: Theme, style: Style) -> Vec<Line<'static>> {
    let columns = usize::from(columns);
    let mut lines = Vec::new();
    let mut end = text.len().min(MAX_RAW_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let clean = sanitise(text.split_at(end).0);
    for line in clean.trim_end_matches('\n').split('\n') {
        let line = expand_tabs(line);
        let rest = line.trim_start_matches(' ');
        let indent = (line.len() - rest.len()).min(columns / 2);
        for wrapped in wrap(&[Span::styled(rest, style)], columns - indent) {
            let indent = (indent > 0 && !wrapped.is_empty()).then(|| Span::raw(" ".repeat(indent)));
            lines.push(Line::from(indent.into_iter().chain(wrapped).collect::<Vec<_>>()));
        }
    }
    if end < text.len() {
        lines.push(Line::styled(ELLIPSIS, style));
    }
    lines
}

/// Draws the rule over a section: `─ reasoning ────────`.
pub(super) fn label(word: &str, columns: u16, theme: Theme) -> Line<'static> {
    let columns = usize::from(columns).min(LABEL.max(width(word) + 4));
    let start = cut(&format!("─ {word} "), columns);
    let rest = "─".repeat(columns - width(&start));
    Line::from(Span::styled(start + &rest, theme.muted()))
}

/// Applies `style` to all lines, so that no colour attracts attention.
pub(super) fn dimmed(mut lines: Vec<Line<'static>>, style: Style) -> Vec<Line<'static>> {
    for span in lines.iter_mut().flat_map(|l| &mut l.spans) {
        span.style = span.style.patch(style);
    }
    lines
}

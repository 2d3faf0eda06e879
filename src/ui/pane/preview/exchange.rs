//! The request as sent and the figures of its response, side by side if there is room.

use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::transcript::label;
use super::{Subject, SubjectState, is_wide};
use crate::domain::attempt::{AttemptRecord, AttemptStatus, TokenSource, Unresolved};
use crate::domain::live::{InFlight, StreamPhase};
use crate::domain::metrics::{METRICS, Metric, PREFILL, Unit};
use crate::domain::quantity::Quantity;
use crate::domain::sent_request::{REQUEST_NOT_STORED, SentRequest};
use crate::domain::statistics::{Stats, enough_for, needed_for};
use crate::domain::task::Task;
use crate::domain::text::{sanitise, sanitise_line};
use crate::ui::fit::{cut, left, spans_width};
use crate::ui::number::{UNKNOWN, grouped, millis};
use crate::ui::theme::Theme;
use crate::ui::view::View;
use crate::ui::widget::markdown;
use crate::ui::widget::wrap::{split, wrap};

/// Width of the names in front of values, columns.
const NAMES: usize = 15;
/// Maximum length of a text from the server on the screen, columns.
const MAX_WORD: usize = 1200;
/// Columns between request and response.
const GUTTER: usize = 3;

/// Returns the lines of request and response.
pub(super) fn lines(subject: &Subject<'_>, columns: u16, view: &View<'_>) -> Vec<Line<'static>> {
    let theme = view.theme;
    let columns = usize::from(columns);
    let wide = is_wide(columns as u16);
    // The request gets more room, because it has the longer lines.
    let request_columns = if wide { (columns - GUTTER) * 11 / 20 } else { columns };
    let response_columns = if wide { columns - GUTTER - request_columns } else { columns };
    let mut request = Column::new("request", request_columns, theme);
    let sent = match &subject.shown {
        SubjectState::Live(live) => live.sent_request.as_deref(),
        SubjectState::Ended(record) => record.sent_request.as_deref(),
        SubjectState::Prompt => None,
    };
    match sent {
        Some(sent) => request.request(sent),
        None => request.add_text(why_no_request(&subject.shown, view.app.playback.is_some()), theme.muted()),
    }
    let mut response = Column::new("response", response_columns, theme);
    match &subject.shown {
        SubjectState::Live(live) => response.live(live),
        SubjectState::Ended(record) => response.ended(record),
        SubjectState::Prompt => response.add_text("No response yet.", theme.muted()),
    }
    if wide {
        return beside(request.lines, response.lines, request_columns, theme);
    }
    let mut lines = request.lines;
    lines.push(Line::default());
    lines.extend(response.lines);
    lines
}

/// Reason why there is no request to show.
fn why_no_request(shown: &SubjectState<'_>, is_saved_run: bool) -> &'static str {
    match shown {
        SubjectState::Prompt => "Not sent yet.",
        SubjectState::Live(_) if !is_saved_run => "Not sent yet.",
        // In a resumed run, attempts from before the stop cannot be distinguished from later ones.
        SubjectState::Ended(record) if !is_saved_run && is_cancelled_without_response(record) => {
            "No request: the attempt was cancelled before it was sent, or it ended before the run was resumed."
        }
        SubjectState::Live(_) | SubjectState::Ended(_) => REQUEST_NOT_STORED,
    }
}

fn is_cancelled_without_response(record: &AttemptRecord) -> bool {
    record.status == AttemptStatus::Cancelled && record.headers_at.is_none()
}

fn beside(
    request: Vec<Line<'static>>,
    response: Vec<Line<'static>>,
    columns: usize,
    theme: Theme,
) -> Vec<Line<'static>> {
    let rows = request.len().max(response.len());
    let mut request = request.into_iter();
    let mut response = response.into_iter();
    let row = |_| {
        let mut spans = request.next().unwrap_or_default().spans;
        let blanks = columns.saturating_sub(spans_width(&spans));
        spans.push(Span::raw(" ".repeat(blanks)));
        spans.push(Span::styled(" │ ", theme.muted()));
        spans.extend(response.next().unwrap_or_default().spans);
        Line::from(spans)
    };
    (0..rows).map(row).collect()
}

/// Request or response while its lines are collected.
struct Column {
    columns: usize,
    theme: Theme,
    lines: Vec<Line<'static>>,
}

impl Column {
    fn new(name: &str, columns: usize, theme: Theme) -> Self {
        Self { columns, theme, lines: vec![label(name, columns as u16, theme)] }
    }

    fn section(&mut self, name: &str) {
        self.lines.push(Line::default());
        self.lines.push(label(name, self.columns as u16, self.theme));
    }

    fn add_text(&mut self, text: &str, style: Style) {
        let text = cut(&sanitise_line(text), MAX_WORD);
        self.lines.extend(wrap(&[Span::styled(text, style)], self.columns).into_iter().map(Line::from));
    }

    /// Adds a name and its value: `TTFT            84.1 ms`.
    fn field(&mut self, name: &str, value: &str) {
        let value = cut(&sanitise_line(value), MAX_WORD);
        let names = NAMES.min(self.columns / 2);
        for (i, wrapped) in wrap(&[Span::raw(value)], self.columns - names).into_iter().enumerate() {
            let name = Span::styled(left(if i == 0 { name } else { "" }, names), self.theme.muted());
            self.lines.push(Line::from([vec![name], wrapped].concat()));
        }
    }

    // ─── The request ───

    fn request(&mut self, sent: &SentRequest) {
        self.add_text(&format!("POST {}", sent.url), self.theme.value());
        for (name, value) in sent.headers.iter() {
            let value = value.as_deref().unwrap_or("(not shown)");
            self.add_text(&format!("{name}: {value}"), self.theme.muted());
        }
        if !sent.headers.iter().any(|(name, _)| name == "x-request-id") {
            self.add_text(&format!("x-request-id: {}", sent.request_id), self.theme.muted());
        }
        self.lines.push(Line::default());
        let body = sanitise(&sent.pretty_body());
        let mark = sent.nonce.as_deref().map(|nonce| format!("[{nonce}]"));
        for mut line in markdown::code_lines(&body, "json", self.theme, self.theme.text()) {
            let marked = mark.as_ref().is_some_and(|mark| self.mark(&mut line, mark));
            self.lines.extend(split(&line, self.columns).into_iter().map(Line::from));
            if let (true, Some(mark)) = (marked, &mark) {
                let note = format!("▲ {mark} is unique to this attempt: no prefix cache holds the prompt");
                self.add_text(&note, self.theme.reasoning());
            }
        }
    }

    /// Highlights the nonce in front of the prompt. Returns false if this line does not contain the nonce.
    fn mark(&self, line: &mut Vec<Span<'static>>, mark: &str) -> bool {
        let start = format!("\"{mark}\\n");
        let Some(at) = line.iter().position(|span| span.content.starts_with(&start)) else { return false };
        let span = line.remove(at);
        let (quote, rest) = span.content.split_at(1);
        let (mark, rest) = rest.split_at(mark.len());
        let set_off = self.theme.warning().add_modifier(Modifier::UNDERLINED);
        let parts = [(quote, span.style), (mark, set_off), (rest, span.style)];
        line.splice(at..at, parts.map(|(text, style)| Span::styled(text.to_owned(), style)));
        true
    }

    // ─── The response ───

    fn live(&mut self, live: &InFlight) {
        let phase = match live.phase {
            StreamPhase::Waiting => "waiting for the first token",
            StreamPhase::Reasoning => "reasoning",
            StreamPhase::Answering => "answering",
        };
        self.add_text(phase, self.theme.accent());
        self.field("TTFT", &millis(live.ttft_ms));
        self.field("Events", &format!("{} with text so far", grouped(u64::from(live.content_events))));
        self.add_text("More figures follow when the attempt ends.", self.theme.muted());
    }

    fn ended(&mut self, record: &AttemptRecord) {
        let status = record.http_status.map_or_else(|| "no HTTP status".to_owned(), |code| format!("HTTP {code}"));
        self.add_text(&format!("{status} · {}", record.status.as_str()), self.theme.value());
        let reason = |reason: &Option<String>| reason.clone().unwrap_or_else(|| UNKNOWN.to_owned());
        let each: Vec<String> = record.choice_finish_reasons.iter().map(reason).collect();
        let reasons = if each.is_empty() { reason(&record.finish_reason) } else { each.join(", ") };
        self.field("Finish reason", &reasons);
        self.field("Request id", &record.request_id);
        self.field("Model", &record.model);
        self.field("Prompt", &prompt_tokens(record));
        self.field("Output", &output_tokens(record));
        self.field("Events", &events(record));
        self.section("timings");
        let connect = millis(record.connect_ms);
        let reused = record.connect_ms.is_none() && record.headers_at.is_some();
        self.field("Connect", if reused { "reused connection" } else { &connect });
        self.field("Headers", &millis(record.time_to_headers_ms()));
        // Omit a prefill speed that is missing because the prompt is short, as most are.
        let is_shown = |m: &Metric| *m != PREFILL || (m.get)(record).is_some() || (m.unresolved)(record).is_some();
        let task = if record.items.is_some() { Task::Embeddings } else { Task::Generation };
        let applies = |m: &Metric| m.unit != Unit::Tokens && !m.is_share() && m.applies_to.includes(task);
        for metric in METRICS.iter().filter(|m| applies(m) && is_shown(m)) {
            self.field(metric.label, &figure(metric, record));
        }
        let gaps = record.inter_chunk_latency_ms();
        let gap = |get: fn(&Stats) -> f64| millis(gaps.as_ref().map(get));
        if let Some(why) = record.unresolved_gaps() {
            self.field("Gaps", &unresolved(why));
        } else {
            self.field("Gaps p50", &gap(|s| s.p50));
            let few = !enough_for(record.content_events().saturating_sub(1), 99);
            self.field("Gaps p99", &if few { format!("needs {} gaps", needed_for(99)) } else { gap(|s| s.p99) });
            self.field("Gaps max", &gap(|s| s.max));
        }
        if let Some(late) = record.dispatch_delay_ms() {
            self.field("Sent late", &millis(Some(late)));
        }
        let sentences: Vec<_> = record.server_timings.iter().flat_map(|t| t.sentences(record)).collect();
        if !sentences.is_empty() {
            self.section("server timings");
            for sentence in &sentences {
                self.add_text(sentence, self.theme.text());
            }
        }
        if !record.checks.is_empty() {
            self.section("checks");
            for check in &record.checks {
                match check.failure() {
                    Some(failure) => self.add_text(&format!("✗ {failure}"), self.theme.bad()),
                    None => self.add_text(&format!("✓ {}", check.kind.as_str()), self.theme.text()),
                }
            }
        }
        if record.notes().next().is_some() {
            self.section("notes");
            for note in record.notes() {
                self.add_text(&format!("! {note}"), self.theme.text());
            }
        }
    }
}

fn tokens(n: Option<u64>) -> String {
    Quantity::grouped(n.map(|n| n as f64)).with_unit(" tokens").to_string()
}

fn prompt_tokens(record: &AttemptRecord) -> String {
    let cached = record.usage.cached_tokens.map_or_else(String::new, |n| format!(", {} cached", grouped(n)));
    tokens(record.usage.prompt_tokens) + &cached
}

fn output_tokens(record: &AttemptRecord) -> String {
    let Some((n, source)) = record.output_tokens() else { return UNKNOWN.to_owned() };
    let from = match source {
        TokenSource::Usage => "usage",
        TokenSource::Tokenizer => "tokenizer",
        TokenSource::Estimate => "events",
    };
    let count = Quantity::grouped(n as f64).with_unit(" tokens").estimated_if(source == TokenSource::Estimate);
    let reasoning = record.usage.reasoning_tokens.filter(|n| *n > 0);
    let reasoning = reasoning.map_or_else(String::new, |n| format!(", {} reasoning", grouped(n)));
    format!("{count}{reasoning} (by {from})")
}

fn events(record: &AttemptRecord) -> String {
    let first = record.first_token_event_index.map_or_else(String::new, |at| format!(", first token no. {at}"));
    let coalesced = match record.coalesced_events() {
        0 => String::new(),
        n => format!(", {} sharing a read", grouped(n as u64)),
    };
    let with_text = grouped(record.content_events() as u64);
    format!("{}, {with_text} with text{first}{coalesced}", grouped(u64::from(record.event_count)))
}

fn unresolved(why: Unresolved) -> String {
    format!("unresolved: {why}")
}

fn figure(metric: &Metric, record: &AttemptRecord) -> String {
    let value = (metric.get)(record);
    if let (None, Some(why)) = (value, (metric.unresolved)(record)) {
        return unresolved(why);
    }
    let is_estimate = matches!(record.output_tokens(), Some((_, TokenSource::Estimate)));
    let quantity = match metric.unit {
        Unit::Milliseconds => Quantity::from_millis(value),
        Unit::TokensPerSecond => Quantity::new(value, 1).with_unit(" tok/s"),
        Unit::ItemsPerSecond => Quantity::new(value, 1).with_unit(" items/s"),
        Unit::Tokens => Quantity::new(value, 1),
        Unit::Percent => Quantity::new(value, 0).with_unit("%"),
    };
    quantity.estimated_if(metric.counts_output_tokens && is_estimate).to_string()
}

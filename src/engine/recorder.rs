//! Follows one stream: takes events with their arrival, keeps what a record needs.

mod choices;
mod document;
mod ending;
mod warnings;

use self::choices::{Choices, keep_reason};
use super::failure::Failure;
use super::secrets::{SearchedPrefix, Secrets};
use crate::domain::attempt::{Arrival, AttemptRecord, AttemptStatus, TextKind, count_in_quarter};
use crate::domain::live::{InFlight, StreamPhase, live_end, recent_gaps_ms};
use crate::domain::time::Nanos;
use crate::domain::trace::Trace;
use crate::protocol::api::{APIS, Api};
use crate::protocol::chunk::Chunk;
use crate::protocol::failure::{capped, kind_in_body, message_in_body};
use crate::protocol::surrogates::SurrogateJoiner;
use crate::protocol::thinking::InlineThinking;
use crate::protocol::usage;

/// Text beyond this is counted, not kept; the same holds for reasoning.
pub const MAX_TEXT_BYTES: usize = 4 * 1024 * 1024;
/// An answer may have so many events with text: what a record needs of each stays in memory.
pub const MAX_ARRIVALS: usize = 1024 * 1024;
/// Events that are compared with other APIs, as long as none is of the one that was asked.
const MAX_EXPLAINED_EVENTS: u32 = 64;
/// So many warnings of the server are kept.
const MAX_WARNINGS: usize = 16;
/// How many of the last arrivals the live view carries; they are shared from one view to the next.
const LIVE_ARRIVALS: usize = 65_536;

/// How much of an attempt the live view carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// What is counted.
    Counters,
    /// Its trace, too.
    Trace,
    /// Text and gaps, too.
    All,
}

/// An attempt while it runs.
#[derive(Debug)]
pub struct Recorder {
    /// What will be left of it.
    pub record: AttemptRecord,
    /// Events that held invalid UTF-8, which was replaced.
    pub replaced: u32,
    api: &'static Api,
    end_seen: bool,
    /// Events that came after it.
    after_end: u32,
    /// The request is out, and what follows is the server's.
    is_sent: bool,
    last_bytes_at: Option<Nanos>,
    beats: u32,
    malformed_events: u32,
    last_read: Option<u64>,
    /// Distinct times among the arrivals.
    arrival_times: u32,
    trace: Vec<u16>,
    live: Trace,
    text_cut: bool,
    thinking: InlineThinking,
    choices: Choices,
    halves: SurrogateJoiners,
    beside: ForeignContent,
    /// How far the live view was searched for secrets.
    text_searched: SearchedPrefix,
    reasoning_searched: SearchedPrefix,
}

/// What the body holds beside events of the API. It may explain a failure.
#[derive(Debug, Default)]
struct ForeignContent {
    /// First words of the server that are no event of the API.
    words: Option<String>,
    /// The API that the events are of, where none is of the one that was asked.
    other_api: Option<&'static Api>,
    /// The stream ended in the middle of an event.
    is_cut: bool,
    /// The body of the answer is empty.
    is_bodiless: bool,
}

/// Halves of characters, in each text that is generated.
#[derive(Debug, Default)]
struct SurrogateJoiners {
    text: SurrogateJoiner,
    reasoning: SurrogateJoiner,
    arguments: SurrogateJoiner,
}

impl Recorder {
    /// A recorder for a fresh record of an answer in that API.
    pub fn new(record: AttemptRecord, api: &'static Api) -> Self {
        Self {
            record,
            replaced: 0,
            api,
            end_seen: false,
            after_end: 0,
            is_sent: false,
            last_bytes_at: None,
            beats: 0,
            malformed_events: 0,
            last_read: None,
            arrival_times: 0,
            trace: Vec::new(),
            live: Trace::default(),
            text_cut: false,
            thinking: InlineThinking::default(),
            choices: Choices::default(),
            halves: SurrogateJoiners::default(),
            beside: ForeignContent::default(),
            text_searched: SearchedPrefix::default(),
            reasoning_searched: SearchedPrefix::default(),
        }
    }

    /// The API the answer comes in.
    pub const fn api(&self) -> &'static Api {
        self.api
    }

    /// Whether the answer is complete: what comes after it takes nothing away.
    pub fn has_ended(&self) -> bool {
        self.end_seen || self.choices.have_ended(self.record.finish_reason.is_some())
    }

    /// Whether its last word is said: `[DONE]`, or what the API has in its place. The usage has come by then.
    pub const fn has_said_all(&self) -> bool {
        self.end_seen
    }

    /// The request begins to go out: from now on the server is waited for.
    pub const fn sent(&mut self, at: Nanos) {
        self.is_sent = true;
        self.record.started = at;
    }

    /// It is to be sent again, later.
    pub const fn not_sent(&mut self) {
        self.is_sent = false;
    }

    /// Whether the request went out.
    pub const fn is_sent(&self) -> bool {
        self.is_sent
    }

    /// The thread that reads it was woken so late, milliseconds.
    pub fn note_lag(&mut self, ms: f64) {
        self.beats += 1;
        let mean = self.record.observer_lag_ms.unwrap_or(0.0);
        self.record.observer_lag_ms = Some(mean + (ms - mean) / f64::from(self.beats));
    }

    /// Bytes of the answer came, of whatever kind.
    pub const fn bytes_came(&mut self, at: Nanos) {
        self.last_bytes_at = Some(at);
    }

    /// When the last ones did.
    pub const fn last_bytes_at(&self) -> Option<Nanos> {
        self.last_bytes_at
    }

    /// Takes the data of one event that the read number `read`, returned at `at`, completed.
    pub fn event(&mut self, at: Nanos, read: u64, data: &str) -> Result<(), Failure> {
        self.any_event(at, read, data, true)
    }

    /// Takes the data of an event with a name of its own: JSON of the API counts, anything else is passed over.
    pub fn named_event(&mut self, at: Nanos, read: u64, data: &str) -> Result<(), Failure> {
        self.any_event(at, read, data, false)
    }

    /// Takes the data of an event whose name says that it is an error. After the last word of an answer it counts as any
    /// other.
    pub fn error_event(&mut self, at: Nanos, read: u64, data: &str) -> Result<(), Failure> {
        if !self.end_seen && !self.api.read(data).is_ok_and(|chunk| chunk.error.is_some()) {
            // Text beside the error is kept.
            let text = self.any_event(at, read, data, false);
            let kind = kind_in_body(data).unwrap_or("server");
            return text.and(Err(Failure::new(AttemptStatus::StreamError, kind, message_in_body(data))));
        }
        self.any_event(at, read, data, false)
    }

    /// Takes the data of an event whose end did not come before the end of the stream: JSON that is complete, or `[DONE]`.
    /// Keeps plain text as the server's words. Anything else was cut, and is no event.
    pub fn last_event(&mut self, at: Nanos, read: u64, data: &str) -> Result<(), Failure> {
        let data = data.trim_ascii();
        if data == "[DONE]" || self.api.read_or_error(data).is_ok() {
            return self.event(at, read, data);
        }
        if data.is_empty() || data.starts_with(['{', '[']) {
            self.beside.is_cut = true;
        } else {
            self.stray_words(data);
        }
        Ok(())
    }

    /// Keeps words of the server that are no event of the API, if they are the first.
    pub fn stray_words(&mut self, words: &str) {
        self.beside.words.get_or_insert_with(|| capped(words.to_owned()));
    }

    /// The answer is over, and its body was empty.
    pub const fn no_body(&mut self) {
        self.beside.is_bodiless = true;
    }

    fn any_event(&mut self, at: Nanos, read: u64, data: &str, must_be_json: bool) -> Result<(), Failure> {
        let index = self.record.event_count;
        self.record.event_count += 1;
        let coalesced = self.last_read.replace(read) == Some(read);
        let data = data.trim_ascii();
        if self.end_seen {
            // Some servers send it in every API.
            self.after_end += u32::from(data != "[DONE]");
            return Ok(());
        }
        if data == "[DONE]" {
            self.end_seen = true;
            return Ok(());
        }
        let chunk = if must_be_json { self.api.read_or_error(data) } else { self.api.read(data) };
        let Ok(mut chunk) = chunk else {
            if must_be_json {
                self.malformed_events += 1;
                self.stray_words(data);
            }
            return Ok(());
        };
        if must_be_json && chunk.is_empty() {
            self.explain(data);
        }
        let error = chunk.error.take();
        // An error may come beside the last text.
        self.take(at, index, coalesced, &chunk)?;
        let failure = |error| Failure::new(AttemptStatus::StreamError, kind_in_body(data).unwrap_or("server"), error);
        error.map_or(Ok(()), |error| Err(failure(error)))
    }

    /// Looks for the reason why an event holds nothing of an answer.
    fn explain(&mut self, data: &str) {
        if self.beside.words.is_none() && data.contains("\"message\":\"") {
            self.stray_words(&message_in_body(data));
        }
        if self.beside.other_api.is_none()
            && self.record.arrivals.is_empty()
            && self.record.event_count <= MAX_EXPLAINED_EVENTS
        {
            let says = |api: &&&Api| api.read(data).is_ok_and(|chunk| chunk.is_generated() || chunk.is_end);
            self.beside.other_api = APIS.iter().filter(|api| **api != self.api).find(says).copied();
        }
    }

    fn take(&mut self, at: Nanos, index: u32, coalesced: bool, chunk: &Chunk<'_>) -> Result<(), Failure> {
        if chunk.is_generated() {
            if self.record.arrivals.len() >= MAX_ARRIVALS {
                return Err(Failure::oversized("the server sent more than a million events with text"));
            }
            self.record.first_token_event_index.get_or_insert(index);
            let kind = self.keep(chunk);
            self.arrival_times += u32::from(self.record.last_arrival() != Some(at));
            self.record.arrivals.push(Arrival { at, kind, coalesced });
            count_in_quarter(&mut self.trace, at.since(self.record.started));
        }
        self.count_along(at, chunk);
        self.note(at, chunk);
        Ok(())
    }

    /// Where the server counts along, it tells when its first token was there and what the first event holds.
    fn count_along(&mut self, at: Nanos, chunk: &Chunk<'_>) {
        let record = &mut self.record;
        let so_far = chunk.usage.and_then(|u| u.completion_tokens).filter(|&n| n > 0);
        if so_far.is_some() && (record.arrivals.is_empty() || record.arrivals.len() == 1 && chunk.is_generated()) {
            record.first_counted_at.get_or_insert(at);
            record.tokens_in_first_event = so_far.filter(|_| chunk.is_generated());
        }
    }

    /// Keeps what is no text: how the answer ends, what it cost.
    fn note(&mut self, at: Nanos, chunk: &Chunk<'_>) {
        let record = &mut self.record;
        self.end_seen |= chunk.is_end;
        let first = chunk.finish_reason.as_deref();
        let mut has_reason = first.is_some_and(|reason| keep_reason(&mut record.finish_reason, reason));
        if let Some(told) = chunk.usage {
            record.usage = usage::merge(record.usage, told);
        }
        has_reason |= self.choices.note(chunk);
        if has_reason {
            record.finish_at = Some(at);
        }
        if let (Some(warning), true) = (&chunk.warning, record.warnings.len() < MAX_WARNINGS) {
            let warning = capped(warning.clone().into_owned());
            // Some come with every event.
            if !record.warnings.contains(&warning) {
                record.warnings.push(warning);
            }
        }
        if let Some(timings) = chunk.server_timings.as_deref() {
            record.server_timings = Some(*timings);
            record.usage.cached_tokens = record.usage.cached_tokens.or(timings.cached_tokens);
        }
    }

    /// Keeps the text; returns what the event is.
    fn keep(&mut self, chunk: &Chunk<'_>) -> TextKind {
        let record = &mut self.record;
        let mut says_more = chunk.has_tool_call;
        for other in &chunk.others {
            says_more |= !other.text.is_empty();
            self.text_cut |= self.choices.keep(other, chunk.has_marks);
        }
        if chunk.has_tool_call {
            let arguments = if chunk.marked_arguments.is_empty() { "-" } else { &chunk.marked_arguments };
            self.halves.arguments.join(arguments, chunk.has_marks);
        }
        if !chunk.reasoning.is_empty() {
            let held = self.thinking.stop();
            self.text_cut |= push(&mut record.text, &held.text);
            self.text_cut |= push(&mut record.reasoning, &held.reasoning);
            let reasoning = self.halves.reasoning.join(&chunk.reasoning, chunk.has_marks);
            self.text_cut |= push(&mut record.reasoning, &reasoning);
        }
        let text = self.halves.text.join(&chunk.text, chunk.has_marks);
        let split = self.thinking.take(&text);
        if split.relabels {
            // The opening tag came late or not at all: what looked like the answer was thinking.
            let thought = std::mem::take(&mut record.text);
            self.text_searched = SearchedPrefix::default();
            self.text_cut |= push(&mut record.reasoning, &thought);
            record.arrivals.iter_mut().for_each(|arrival| arrival.kind = TextKind::Reasoning);
            self.live = Trace::default();
        }
        self.text_cut |= push(&mut record.reasoning, &split.reasoning);
        self.text_cut |= push(&mut record.text, &split.text);
        record.is_text_whole &= !self.text_cut && !chunk.has_tool_call;
        says_more |= !split.text.is_empty() || !(chunk.text.is_empty() || split.is_thinking);
        if says_more { TextKind::Answer } else { TextKind::Reasoning }
    }

    /// How its events came, for the live view: only what is new is copied, and at most a block of the rest.
    pub fn arrivals(&mut self) -> Trace {
        self.live.follow(&self.record.arrivals, LIVE_ARRIVALS);
        self.live.clone()
    }

    /// What the screen needs of it, without these.
    pub fn in_flight(&self, detail: Detail, secrets: &Secrets) -> InFlight {
        let record = &self.record;
        let arrivals = &record.arrivals;
        let mut live = InFlight {
            id: record.id,
            phase: StreamPhase::after(arrivals),
            started: record.clock_start(),
            ttft_ms: record.first_text_ms(),
            content_events: arrivals.len() as u32,
            arrival_times: self.arrival_times,
            ..InFlight::default()
        };
        if detail >= Detail::Trace {
            live.trace.clone_from(&self.trace);
        }
        if detail >= Detail::All {
            live.recent_gaps_ms = recent_gaps_ms(arrivals);
            (live.reasoning, live.reasoning_cut) =
                secrets.redact_live(&record.reasoning, live_end(&record.reasoning), &self.reasoning_searched);
            (live.text, live.text_cut) = secrets.redact_live(&record.text, live_end(&record.text), &self.text_searched);
            live.thinking_ms = record.thinking_ms();
            live.sent_request.clone_from(&record.sent_request);
        }
        live
    }
}

/// Adds to what is kept, up to its limit; returns whether something was cut.
fn push(kept: &mut String, new: &str) -> bool {
    let mut room = MAX_TEXT_BYTES.saturating_sub(kept.len());
    if new.len() <= room {
        kept.push_str(new);
        return false;
    }
    while !new.is_char_boundary(room) {
        room -= 1;
    }
    kept.push_str(new.split_at(room).0);
    true
}

#[cfg(test)]
mod tests;

//! Follows one stream: takes events with their arrival, keeps what a record needs.

mod choices;
mod warnings;

use std::borrow::Cow;

use self::choices::Choices;
use super::failure::Failure;
use super::secrets::{Searched, Secrets};
use crate::domain::attempt::{Arrival, AttemptError, AttemptRecord, AttemptStatus, TextKind, count_in_quarter};
use crate::domain::live::{InFlight, StreamPhase, live_end, recent_gaps_ms};
use crate::domain::time::Nanos;
use crate::domain::trace::Trace;
use crate::protocol::api::Api;
use crate::protocol::chunk::Chunk;
use crate::protocol::failure::{capped, kind_in_body};
use crate::protocol::thinking::InlineThinking;
use crate::protocol::usage;

/// Text beyond this is counted, not kept; the same holds for reasoning.
pub const MAX_TEXT_BYTES: usize = 4 * 1024 * 1024;
/// An answer may have so many events with text: what a record needs of each stays in memory.
pub const MAX_ARRIVALS: usize = 1024 * 1024;
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
    malformed_events: u32,
    last_read: Option<u64>,
    trace: Vec<u16>,
    live: Trace,
    text_cut: bool,
    thinking: InlineThinking,
    choices: Choices,
    /// How far the live view was searched for secrets.
    text_searched: Searched,
    reasoning_searched: Searched,
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
            malformed_events: 0,
            last_read: None,
            trace: Vec::new(),
            live: Trace::default(),
            text_cut: false,
            thinking: InlineThinking::default(),
            choices: Choices::default(),
            text_searched: Searched::default(),
            reasoning_searched: Searched::default(),
        }
    }

    /// The API the answer comes in.
    pub const fn api(&self) -> &'static Api {
        self.api
    }

    /// Whether the answer is complete: what comes after it takes nothing away.
    pub const fn has_ended(&self) -> bool {
        self.end_seen || self.record.finish_reason.is_some()
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

    /// Counts an event that is looked at elsewhere.
    pub const fn event_without_text(&mut self) {
        self.record.event_count += 1;
    }

    fn any_event(&mut self, at: Nanos, read: u64, data: &str, must_be_json: bool) -> Result<(), Failure> {
        let index = self.record.event_count;
        self.record.event_count += 1;
        let coalesced = self.last_read.replace(read) == Some(read);
        if self.end_seen {
            self.after_end += 1;
            return Ok(());
        }
        let data = data.trim_ascii();
        if data == "[DONE]" {
            self.end_seen = true;
            return Ok(());
        }
        match self.api.read(data) {
            Ok(Chunk { error: Some(error), .. }) => {
                let kind = kind_in_body(data).unwrap_or("server");
                Err(Failure::new(AttemptStatus::StreamError, kind, error))
            }
            Ok(chunk) => self.take(at, index, coalesced, &chunk),
            Err(_) => {
                self.malformed_events += u32::from(must_be_json);
                Ok(())
            }
        }
    }

    fn take(&mut self, at: Nanos, index: u32, coalesced: bool, chunk: &Chunk<'_>) -> Result<(), Failure> {
        if chunk.is_generated() {
            if self.record.arrivals.len() >= MAX_ARRIVALS {
                return Err(Failure::oversized("the server sent more than a million events with text"));
            }
            self.record.first_token_event_index.get_or_insert(index);
            let kind = self.keep(chunk);
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
        if let (None, Some(reason)) = (&record.finish_reason, &chunk.finish_reason) {
            record.finish_reason = Some(capped(reason.clone().into_owned()));
            record.finish_at = Some(at);
        }
        if let Some(told) = chunk.usage {
            record.usage = usage::merge(record.usage, told);
        }
        self.choices.note(chunk);
        if let (Some(warning), true) = (&chunk.warning, record.warnings.len() < MAX_WARNINGS) {
            record.warnings.push(capped(warning.clone()));
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
            self.text_cut |= self.choices.keep(other);
        }
        if !chunk.reasoning.is_empty() {
            let held = self.thinking.stop();
            self.text_cut |= push(&mut record.text, &held.text);
            self.text_cut |= push(&mut record.reasoning, &held.reasoning);
            self.text_cut |= push(&mut record.reasoning, &chunk.reasoning);
        }
        let split = self.thinking.take(&chunk.text);
        if split.relabels {
            // The opening tag came late or not at all: what looked like the answer was thinking.
            let thought = std::mem::take(&mut record.text);
            self.text_searched = Searched::default();
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

    /// A whole answer that came as one JSON document: it has text and tokens, but no first token in time.
    pub fn whole_answer(&mut self, at: Nanos, body: &str) -> Result<(), Failure> {
        let kind = || kind_in_body(body).unwrap_or("json_error");
        let failed = |message: String| Failure::new(AttemptStatus::HttpError, kind(), message);
        let chunk = self.api.read(body.trim_start_matches('\u{feff}'));
        let mut chunk = chunk.map_err(|e| failed(format!("the answer is no JSON: {e}")))?;
        if let Some(error) = chunk.error {
            return Err(failed(error));
        }
        if !chunk.is_generated() && chunk.finish_reason.is_none() {
            // FastAPI and mistral.rs tell their errors without a field for them.
            let value: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
            let told = value.get("message").or_else(|| value.get("detail")).is_some();
            let message = "the answer is JSON, but none of a model".to_owned();
            return Err(failed(if told { crate::protocol::failure::message_of(&value) } else { message }));
        }
        let warning = "the server answered at once instead of streaming: no TTFT, no inter-token latency";
        self.record.warnings.push(warning.to_owned());
        chunk.finish_reason.get_or_insert(Cow::Borrowed("stop"));
        self.keep(&chunk);
        self.note(at, &chunk);
        self.end_seen = true;
        Ok(())
    }

    /// Ends what is still open in the text and the counts.
    fn close(&mut self) {
        let record = &mut self.record;
        // With the marks between several choices the text is not what was generated.
        record.is_text_whole &= !self.choices.are_many();
        let held = self.thinking.stop();
        self.text_cut |= push(&mut record.reasoning, &held.reasoning);
        self.text_cut |= push(&mut record.text, &held.text);
        self.choices.close(record);
    }

    /// Settles how a stream ended that ended without an error.
    pub fn settle(&mut self) {
        self.close();
        let ended = self.has_ended();
        let empty = self.record.arrivals.is_empty() && self.record.text.is_empty() && self.record.reasoning.is_empty();
        let (status, error) = match (ended, empty) {
            (true, false) => (AttemptStatus::Ok, None),
            (true, true) => (AttemptStatus::Empty, Some(("empty", "the server ended the stream without any text"))),
            (false, _) => {
                let why = "the stream ended without a finish reason and without [DONE]";
                (AttemptStatus::Truncated, Some(("truncated", why)))
            }
        };
        self.record.status = status;
        self.record.error = error.map(|(kind, message)| AttemptError { kind: kind.into(), message: message.into() });
    }

    /// Ends the attempt as failed.
    pub fn fail(&mut self, failure: Failure) {
        self.close();
        self.record.status = failure.status;
        self.record.error = Some(AttemptError { kind: failure.kind.to_owned(), message: failure.message });
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
            ttft_ms: record.time_to_first_token_ms(),
            content_events: arrivals.len() as u32,
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
            live.asked.clone_from(&record.asked);
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

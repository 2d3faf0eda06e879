//! A condensed record in few bytes: a long run has tens of thousands.

mod bytes;
#[cfg(test)]
mod tests;
mod words;

use std::sync::Arc;

use self::bytes::{Reader, Writer};
pub use self::words::Words;
use super::{AttemptError, AttemptId, AttemptRecord, AttemptStatus, Condensed, FailedTry, Usage};
use crate::domain::diagnosis::diagnosis;
use crate::domain::finding::Finding;
use crate::domain::prefix_cache::nonce;
use crate::domain::server_timings::{ServerTimings, TimingSource};
use crate::domain::statistics::Stats;
use crate::domain::time::Nanos;

/// By their places in the bytes. Nothing of this outlives the program.
const STATUSES: [AttemptStatus; 8] = [
    AttemptStatus::Ok,
    AttemptStatus::HttpError,
    AttemptStatus::StreamError,
    AttemptStatus::Truncated,
    AttemptStatus::Empty,
    AttemptStatus::Timeout,
    AttemptStatus::ConnectError,
    AttemptStatus::Cancelled,
];
const SOURCES: [TimingSource; 7] = [
    TimingSource::LlamaCpp,
    TimingSource::Vllm,
    TimingSource::Groq,
    TimingSource::MistralRs,
    TimingSource::Azure,
    TimingSource::Ollama,
    TimingSource::LmStudio,
];

const WARMUP: u8 = 1;
const TEXT_WHOLE: u8 = 1 << 1;
const HAD_REASONING: u8 = 1 << 2;
/// The request id is a word, the number of the case, and that of the attempt.
const NUMBERED: u8 = 1 << 3;
/// The nonce is the one that belongs to the request id.
const OWN_NONCE: u8 = 1 << 4;

/// A record without text and arrivals, packed; every figure is what it was to the last bit.
#[derive(Clone, Debug)]
pub struct Packed {
    words: Words,
    bytes: Arc<[u8]>,
}

/// What is asked of many records: it stands in front.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Front {
    /// How it ended.
    pub status: AttemptStatus,
    /// When its request was on its way, or in the open loop's queue.
    pub began: Nanos,
    /// When it was sent.
    pub started: Nanos,
    /// When it was over.
    pub ended: Nanos,
    /// Its events with generated text.
    pub events: usize,
}

impl Front {
    /// Of a record that is not packed.
    pub fn of(record: &AttemptRecord) -> Self {
        let AttemptRecord { status, started, ended, .. } = *record;
        Self { status, began: record.began(), started, ended, events: record.content_events() }
    }

    fn read(from: &mut Reader<'_>) -> Self {
        let status = STATUSES.get(usize::from(from.byte())).copied().unwrap_or(AttemptStatus::Truncated);
        let began = Nanos(from.number());
        let (started, ended) = (from.time(began), from.time(began));
        Self { status, began, started, ended, events: from.number() as usize }
    }

    fn write(self, out: &mut Writer) -> Option<()> {
        out.byte(STATUSES.iter().position(|s| *s == self.status)? as u8);
        out.number(self.began.0);
        out.time(self.started, self.began);
        out.time(self.ended, self.began);
        out.number(self.events as u64);
        Some(())
    }
}

impl Packed {
    /// Packs a condensed record; `None` where it has what has no place here.
    pub fn of(record: &AttemptRecord, words: &mut Words) -> Option<Self> {
        let mut packing = Packing { out: Writer::default(), words };
        packing.record(record)?;
        Some(Self { bytes: packing.out.into_bytes().into(), words: words.clone() })
    }

    /// What can be told without unpacking.
    pub fn front(&self) -> Front {
        Front::read(&mut Reader(&self.bytes))
    }

    /// The record.
    pub fn unpack(&self) -> AttemptRecord {
        Unpacking { from: Reader(&self.bytes), words: &self.words }.record()
    }
}

struct Packing<'a> {
    out: Writer,
    words: &'a mut Words,
}

impl Packing<'_> {
    fn record(&mut self, record: &AttemptRecord) -> Option<()> {
        // All by name: what is added has to be packed.
        let AttemptRecord {
            id,
            warmup,
            ref request_id,
            status: _,
            ref error,
            ref warnings,
            ref findings,
            ref model,
            ref asked,
            intended,
            started,
            ended,
            connect_ms,
            headers_at,
            http_status,
            ref finish_reason,
            finish_at,
            ref arrivals,
            ref condensed,
            first_token_event_index,
            ref observer_stalls,
            event_count,
            usage,
            tokens_in_first_event,
            first_counted_at,
            counted_tokens,
            is_text_whole,
            ref retries,
            nonce: ref prompt_nonce,
            server_timings,
            ref text,
            ref reasoning,
        } = *record;
        let condensed = condensed.as_deref()?;
        if asked.is_some() || !(arrivals.is_empty() && text.is_empty() && reasoning.is_empty()) {
            return None;
        }
        let front = Front::of(record);
        let began = front.began;
        front.write(&mut self.out)?;

        let numbered = request_id.strip_suffix(&numbers(id));
        let own_nonce = prompt_nonce.as_ref().is_some_and(|told| *told == nonce(request_id));
        let flags = [
            (warmup, WARMUP),
            (is_text_whole, TEXT_WHOLE),
            (condensed.had_reasoning, HAD_REASONING),
            (numbered.is_some(), NUMBERED),
            (own_nonce, OWN_NONCE),
        ];
        self.out.byte(flags.iter().filter(|(is, _)| *is).fold(0, |all, (_, flag)| all | flag));
        self.out.number(id.case as u64);
        self.out.number(id.number);
        self.word(Some(numbered.unwrap_or(request_id)));
        if !own_nonce {
            self.text(prompt_nonce.as_deref());
        }
        self.word(Some(model));
        self.word(finish_reason.as_deref());
        self.out.option(http_status);

        self.out.time_option(intended, began);
        self.out.time_option(headers_at, started);
        self.out.time_option(finish_at, ended);
        self.condensed(condensed, headers_at.unwrap_or(started), ended);
        self.out.time_option(first_counted_at, condensed.first.unwrap_or(started));
        self.out.float_option(connect_ms);

        self.out.option(first_token_event_index);
        self.out.number(event_count);
        let Usage { prompt_tokens, completion_tokens, reasoning_tokens, cached_tokens } = usage;
        let counts = [prompt_tokens, completion_tokens, reasoning_tokens, cached_tokens];
        for count in counts.into_iter().chain([tokens_in_first_event, counted_tokens]) {
            self.out.option(count);
        }

        self.word(error.as_ref().map(|e| e.kind.as_str()));
        if let Some(error) = error {
            self.text(Some(&error.message));
        }
        self.out.number(warnings.len() as u64);
        warnings.iter().for_each(|warning| self.text(Some(warning)));
        self.out.number(findings.len() as u64);
        for Finding { key, message } in findings {
            self.word(Some(key));
            self.text(Some(message));
        }
        self.out.number(observer_stalls.len() as u64);
        for (from, to) in observer_stalls {
            self.out.time(*from, started);
            self.out.time(*to, *from);
        }
        self.out.number(retries.len() as u64);
        for FailedTry { started, kind, http_status, waited_ms } in retries {
            self.out.time(*started, began);
            self.word(Some(kind));
            self.out.option(*http_status);
            self.out.float(*waited_ms);
        }
        self.timings(server_timings)
    }

    fn condensed(&mut self, condensed: &Condensed, near_first: Nanos, ended: Nanos) {
        let Condensed { first, first_answer, last, events: _, coalesced, gaps, had_reasoning: _ } = *condensed;
        self.out.time_option(first, near_first);
        self.out.time_option(first_answer, first.unwrap_or(near_first));
        self.out.time_option(last, ended);
        self.out.number(coalesced as u64);
        self.out.byte(u8::from(gaps.is_some()));
        if let Some(Stats { avg, min, max, p50, p90, p95, p99, std }) = gaps {
            [avg, min, max, p50, p90, p95, p99, std].into_iter().for_each(|value| self.out.float(value));
        }
    }

    fn timings(&mut self, timings: Option<ServerTimings>) -> Option<()> {
        let Some(timings) = timings else {
            self.out.byte(0);
            return Some(());
        };
        let ServerTimings { source, prompt_ms, decode_ms, queue_ms, ttft_ms, tokens_per_s, cached_tokens } = timings;
        self.out.byte(SOURCES.iter().position(|s| *s == source)? as u8 + 1);
        for value in [prompt_ms, decode_ms, queue_ms, ttft_ms, tokens_per_s] {
            self.out.float_option(value);
        }
        self.out.option(cached_tokens);
        Some(())
    }

    /// What mostly is one of few.
    fn word(&mut self, word: Option<&str>) {
        self.string(word, false);
    }

    /// What may be another one each time.
    fn text(&mut self, text: Option<&str>) {
        self.string(text, true);
    }

    /// 0 for none, 1 for one that follows, else the place of a word.
    fn string(&mut self, string: Option<&str>, is_sentence: bool) {
        let Some(string) = string else { return self.out.byte(0) };
        if let Some(place) = self.words.place(string, is_sentence) {
            self.out.number(place as u64 + 2);
        } else {
            self.out.byte(1);
            self.out.text(string);
        }
    }
}

/// What request ids end in.
fn numbers(id: AttemptId) -> String {
    format!("-{}-{}", id.case.saturating_add(1), id.number)
}

struct Unpacking<'a> {
    from: Reader<'a>,
    words: &'a Words,
}

impl Unpacking<'_> {
    fn record(mut self) -> AttemptRecord {
        let Front { status, began, started, ended, events } = Front::read(&mut self.from);
        let flags = self.from.byte();
        let has = |flag| flags & flag != 0;
        let id = AttemptId { case: self.from.number() as usize, number: self.from.number() as u32 };
        let mut request_id = self.string().unwrap_or_default();
        if has(NUMBERED) {
            request_id += &numbers(id);
        }
        let nonce = if has(OWN_NONCE) { Some(nonce(&request_id)) } else { self.string() };
        let (model, finish_reason) = (self.string().unwrap_or_default(), self.string());
        let http_status = self.from.option().map(|n| n as u16);

        let intended = self.from.time_option(began);
        let headers_at = self.from.time_option(started);
        let finish_at = self.from.time_option(ended);
        let condensed = self.condensed(headers_at.unwrap_or(started), ended);
        let condensed = Condensed { events, had_reasoning: has(HAD_REASONING), ..condensed };
        let first_counted_at = self.from.time_option(condensed.first.unwrap_or(started));
        let connect_ms = self.from.float_option();

        let first_token_event_index = self.from.option().map(|n| n as u32);
        let event_count = self.from.number() as u32;
        let [prompt_tokens, completion_tokens, reasoning_tokens, cached_tokens] = [(); 4].map(|()| self.from.option());
        let [tokens_in_first_event, counted_tokens] = [(); 2].map(|()| self.from.option());

        let error = self.string().map(|kind| AttemptError { kind, message: self.string().unwrap_or_default() });
        let warnings = self.list(|of| of.string().unwrap_or_default());
        let findings = self.list(|of| {
            let key = of.string().unwrap_or_default();
            Finding { key: diagnosis(&key).map_or("unknown", |d| d.key), message: of.string().unwrap_or_default() }
        });
        let observer_stalls = self.list(|of| {
            let from = of.from.time(started);
            (from, of.from.time(from))
        });
        let retries = self.list(|of| FailedTry {
            started: of.from.time(began),
            kind: of.string().unwrap_or_default(),
            http_status: of.from.option().map(|n| n as u16),
            waited_ms: of.from.float(),
        });
        let server_timings = self.timings();
        AttemptRecord {
            id,
            warmup: has(WARMUP),
            request_id,
            status,
            error,
            warnings,
            findings,
            model,
            asked: None,
            intended,
            started,
            ended,
            connect_ms,
            headers_at,
            http_status,
            finish_reason,
            finish_at,
            arrivals: Vec::new(),
            condensed: Some(Box::new(condensed)),
            first_token_event_index,
            observer_stalls,
            event_count,
            usage: Usage { prompt_tokens, completion_tokens, reasoning_tokens, cached_tokens },
            tokens_in_first_event,
            first_counted_at,
            counted_tokens,
            is_text_whole: has(TEXT_WHOLE),
            retries,
            nonce,
            server_timings,
            text: String::new(),
            reasoning: String::new(),
        }
    }

    fn condensed(&mut self, near_first: Nanos, ended: Nanos) -> Condensed {
        let first = self.from.time_option(near_first);
        let first_answer = self.from.time_option(first.unwrap_or(near_first));
        let last = self.from.time_option(ended);
        let coalesced = self.from.number() as usize;
        let gaps = (self.from.byte() != 0).then(|| {
            let [avg, min, max, p50, p90, p95, p99, std] = [(); 8].map(|()| self.from.float());
            Stats { avg, min, max, p50, p90, p95, p99, std }
        });
        Condensed { first, first_answer, last, events: 0, coalesced, gaps, had_reasoning: false }
    }

    fn timings(&mut self) -> Option<ServerTimings> {
        let source = *SOURCES.get(usize::from(self.from.byte()).checked_sub(1)?)?;
        let [prompt_ms, decode_ms, queue_ms, ttft_ms, tokens_per_s] = [(); 5].map(|()| self.from.float_option());
        let cached_tokens = self.from.option();
        Some(ServerTimings { source, prompt_ms, decode_ms, queue_ms, ttft_ms, tokens_per_s, cached_tokens })
    }

    fn string(&mut self) -> Option<String> {
        match self.from.number() {
            0 => None,
            1 => Some(self.from.text().to_owned()),
            place => Some(self.words.at(place as usize - 2).to_owned()),
        }
    }

    fn list<T>(&mut self, mut take: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let count = self.from.number();
        (0..count).map(|_| take(self)).collect()
    }
}

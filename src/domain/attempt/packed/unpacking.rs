//! From the bytes to the record, in the order of [`super::packing`].

use super::bytes::Reader;
use super::{Front, HAD_REASONING, NUMBERED, OWN_NONCE, SOURCES, TEXT_WHOLE, WARMUP, Words, numbers};
use crate::domain::attempt::{AttemptError, AttemptId, AttemptRecord, Condensed, FailedTry, Usage};
use crate::domain::diagnosis::diagnosis;
use crate::domain::finding::Finding;
use crate::domain::prefix_cache::nonce;
use crate::domain::server_timings::ServerTimings;
use crate::domain::statistics::Stats;
use crate::domain::time::Nanos;

/// Bytes on their way back to the record.
pub(super) struct Unpacking<'a> {
    pub(super) from: Reader<'a>,
    pub(super) words: &'a Words,
}

impl Unpacking<'_> {
    /// The record.
    pub(super) fn record(mut self) -> AttemptRecord {
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

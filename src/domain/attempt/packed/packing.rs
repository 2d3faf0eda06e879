//! From the record to the bytes. [`super::unpacking`] goes the same way back.

use super::bytes::Writer;
use super::{Front, HAD_REASONING, NUMBERED, OWN_NONCE, SOURCES, TEXT_WHOLE, WARMUP, Words, numbers};
use crate::domain::attempt::{AttemptRecord, Condensed, FailedTry, Usage};
use crate::domain::finding::Finding;
use crate::domain::prefix_cache::nonce;
use crate::domain::server_timings::ServerTimings;
use crate::domain::statistics::Stats;
use crate::domain::time::Nanos;

/// A record on its way into bytes.
pub(super) struct Packing<'a> {
    pub(super) out: Writer,
    pub(super) words: &'a mut Words,
}

impl Packing<'_> {
    /// `None` where it has what has no place in them.
    pub(super) fn record(&mut self, record: &AttemptRecord) -> Option<()> {
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
        for warning in warnings {
            self.text(Some(warning));
        }
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
            for value in [avg, min, max, p50, p90, p95, p99, std] {
                self.out.float(value);
            }
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

//! Follows one stream: takes events with their arrival, keeps what a record needs.

use std::borrow::Cow;

use crate::domain::attempt::{Arrival, AttemptError, AttemptRecord, AttemptStatus, TextKind, count_in_quarter};
use crate::domain::diagnosis::diagnose;
use crate::domain::live::{InFlight, StreamPhase};
use crate::domain::time::Nanos;
use crate::protocol::chunk::{self, Chunk};

/// Text beyond this is counted, not kept.
const MAX_TEXT_BYTES: usize = 4 * 1024 * 1024;
/// How much of the text the live view carries.
const LIVE_TEXT_BYTES: usize = 16 * 1024;
/// How many of the last gaps the live view carries.
const LIVE_GAPS: usize = 256;

/// An attempt while it runs.
#[derive(Debug)]
pub struct Recorder {
    /// What will be left of it.
    pub record: AttemptRecord,
    done_seen: bool,
    malformed_events: u32,
    last_read: Option<u64>,
    trace: Vec<u16>,
    text_cut: bool,
}

impl Recorder {
    /// A recorder for a fresh record.
    pub fn new(record: AttemptRecord) -> Self {
        Self { record, done_seen: false, malformed_events: 0, last_read: None, trace: Vec::new(), text_cut: false }
    }

    /// Takes the data of one event that the read number `read`, returned at `at`, completed. An error is the server's.
    pub fn event(&mut self, at: Nanos, read: u64, data: &str) -> Result<(), String> {
        let index = self.record.event_count;
        self.record.event_count += 1;
        let coalesced = self.last_read.replace(read) == Some(read);
        let data = data.trim_ascii();
        if data == "[DONE]" {
            self.done_seen = true;
            return Ok(());
        }
        let Ok(chunk) = chunk::parse(data) else {
            self.malformed_events += 1;
            return Ok(());
        };
        if let Some(error) = chunk.error {
            return Err(error);
        }
        self.take(at, index, coalesced, &chunk);
        Ok(())
    }

    fn take(&mut self, at: Nanos, index: u32, coalesced: bool, chunk: &Chunk<'_>) {
        let record = &mut self.record;
        if chunk.is_generated() {
            record.first_token_event_index.get_or_insert(index);
            let kind = if chunk.reasoning.is_empty() { TextKind::Answer } else { TextKind::Reasoning };
            record.arrivals.push(Arrival { at, kind, coalesced });
            count_in_quarter(&mut self.trace, at.since(record.started));
            for (kept, new) in [(&mut record.reasoning, &chunk.reasoning), (&mut record.text, &chunk.text)] {
                if kept.len() + new.len() <= MAX_TEXT_BYTES {
                    kept.push_str(new);
                } else {
                    self.text_cut = true;
                }
            }
            record.is_text_whole &= !self.text_cut && !chunk.has_tool_call;
        }
        let so_far = chunk.usage.and_then(|u| u.completion_tokens).filter(|&n| n > 0);
        if so_far.is_some() && (record.arrivals.is_empty() || record.arrivals.len() == 1 && chunk.is_generated()) {
            record.first_counted_at.get_or_insert(at);
            record.tokens_in_first_event = so_far.filter(|_| chunk.is_generated());
        }
        if let (None, Some(reason)) = (&record.finish_reason, &chunk.finish_reason) {
            record.finish_reason = Some(reason.clone().into_owned());
            record.finish_at = Some(at);
        }
        if let Some(usage) = chunk.usage {
            record.usage = chunk::merge_usage(record.usage, usage);
        }
        if let Some(timings) = chunk.server_timings.as_deref() {
            record.server_timings = Some(*timings);
            record.usage.cached_tokens = record.usage.cached_tokens.or(timings.cached_tokens);
        }
    }

    /// A whole answer that came as one JSON document: it has text and tokens, but no first token in time.
    pub fn whole_answer(&mut self, at: Nanos, body: &str) -> Result<(), String> {
        let parsed = chunk::parse(body).map_err(|e| format!("the answer is no JSON: {e}"))?;
        if let Some(error) = parsed.error {
            return Err(error);
        }
        let record = &mut self.record;
        if !parsed.is_generated() && parsed.finish_reason.is_none() {
            return Err("the answer is JSON, but no chat completion".to_owned());
        }
        record
            .warnings
            .push("the server answered at once instead of streaming: no TTFT, no inter-token latency".into());
        record.usage = parsed.usage.unwrap_or_default();
        record.server_timings = parsed.server_timings.as_deref().copied();
        record.finish_reason = Some(parsed.finish_reason.map_or_else(|| "stop".to_owned(), Cow::into_owned));
        record.text = parsed.text.into_owned();
        record.reasoning = parsed.reasoning.into_owned();
        record.is_text_whole = !parsed.has_tool_call;
        record.finish_at = Some(at);
        self.done_seen = true;
        Ok(())
    }

    /// Settles how a stream ended that ended without an error.
    pub fn settle(&mut self) {
        let ended = self.done_seen || self.record.finish_reason.is_some();
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
    pub fn fail(&mut self, status: AttemptStatus, kind: &str, message: impl Into<String>) {
        self.record.status = status;
        self.record.error = Some(AttemptError { kind: kind.to_owned(), message: message.into() });
    }

    /// Adds what makes the figures less than clean: what happened here, and what the timeline tells.
    pub fn warn_about(&mut self, replaced_reads: u32, max_tokens: u32) {
        let mut warnings = Vec::new();
        if self.malformed_events > 0 {
            warnings.push(format!("{} events were no valid JSON and were skipped", self.malformed_events));
        }
        if replaced_reads > 0 {
            warnings.push(format!("{replaced_reads} reads held invalid UTF-8, which was replaced"));
        }
        if self.text_cut {
            warnings.push("the text is longer than 4 MiB; the rest was counted, not kept".to_owned());
        }
        self.record.warnings.append(&mut warnings);
        self.record.findings = diagnose(&self.record, max_tokens);
    }

    /// What the screen needs; the text only with `with_text`.
    pub fn in_flight(&self, with_text: bool) -> InFlight {
        let record = &self.record;
        let arrivals = &record.arrivals;
        let recent = &arrivals[arrivals.len().saturating_sub(LIVE_GAPS + 1)..];
        InFlight {
            id: record.id,
            phase: match arrivals.last().map(|a| a.kind) {
                None => StreamPhase::Waiting,
                Some(TextKind::Reasoning) => StreamPhase::Reasoning,
                Some(TextKind::Answer) => StreamPhase::Answering,
            },
            started: record.clock_start(),
            ttft_ms: record.time_to_first_token_ms(),
            content_events: arrivals.len() as u32,
            trace: self.trace.clone(),
            recent_gaps_ms: recent.windows(2).map(|w| w[1].at.millis_since(w[0].at) as f32).collect(),
            reasoning: if with_text { tail(&record.reasoning).into() } else { "".into() },
            text: if with_text { tail(&record.text).into() } else { "".into() },
        }
    }
}

/// The end of a text, from a character's start.
fn tail(text: &str) -> &str {
    let mut from = text.len().saturating_sub(LIVE_TEXT_BYTES);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    text.split_at(from).1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::attempt::AttemptId;

    fn recorder() -> Recorder {
        let id = AttemptId { case: 0, number: 1 };
        Recorder::new(AttemptRecord::started(id, false, "r".into(), "m".into(), Nanos::from_millis(100)))
    }

    fn feed(events: &[(u64, u64, &str)]) -> Recorder {
        let mut r = recorder();
        for &(ms, read, data) in events {
            r.event(Nanos::from_millis(ms), read, data).unwrap();
        }
        r.settle();
        r
    }

    #[test]
    fn the_first_token_is_the_first_text_not_the_role() {
        let r = feed(&[
            (110, 1, r#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#),
            (300, 2, r#"{"choices":[{"delta":{"reasoning_content":"hm"}}]}"#),
            (320, 3, r#"{"choices":[{"delta":{"content":"a"}}]}"#),
            (320, 3, r#"{"choices":[{"delta":{"content":"b"},"finish_reason":"stop"}]}"#),
            (330, 4, r#"{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":3}}"#),
            (330, 4, "[DONE]"),
        ]);
        let record = &r.record;
        assert_eq!(record.status, AttemptStatus::Ok);
        assert_eq!(
            (record.time_to_first_token_ms(), record.time_to_first_output_token_ms()),
            (Some(200.0), Some(220.0))
        );
        assert_eq!(record.request_latency_ms(), Some(220.0));
        assert_eq!((record.event_count, record.first_token_event_index), (6, Some(1)));
        assert_eq!((record.text.as_str(), record.reasoning.as_str()), ("ab", "hm"));
        assert_eq!(record.arrivals.iter().map(|a| a.coalesced).collect::<Vec<_>>(), [false, false, true]);
    }

    #[test]
    fn how_streams_end() {
        let text = r#"{"choices":[{"delta":{"content":"a"}}]}"#;
        assert_eq!(feed(&[(1, 1, text)]).record.status, AttemptStatus::Truncated);
        assert_eq!(feed(&[(1, 1, "[DONE]")]).record.status, AttemptStatus::Empty);
        assert_eq!(feed(&[(1, 1, text), (2, 2, " [DONE] ")]).record.status, AttemptStatus::Ok);
        let error = recorder().event(Nanos(1), 1, r#"{"error":{"message":"out of memory"}}"#);
        assert_eq!(error, Err("out of memory".to_owned()));
    }

    #[test]
    fn a_server_that_counts_along_tells_the_tokens_of_the_first_event() {
        let event = |delta: &str, tokens: u64| {
            let usage = format!(r#"{{"prompt_tokens":9,"completion_tokens":{tokens}}}"#);
            format!(r#"{{"choices":[{{"delta":{delta}}}],"usage":{usage}}}"#)
        };
        let r = feed(&[
            (110, 1, &event(r#"{"role":"assistant","content":""}"#, 0)),
            // The first token is half a character.
            (200, 2, &event(r#"{"content":""}"#, 1)),
            (300, 3, &event(r#"{"content":"é漢"}"#, 4)),
            (340, 4, &event(r#"{"content":"a"}"#, 6)),
            (340, 4, "[DONE]"),
        ]);
        let record = &r.record;
        assert_eq!((record.tokens_in_first_event, record.usage.completion_tokens), (Some(4), Some(6)));
        assert_eq!(record.time_to_first_token_ms(), Some(200.0));
        assert_eq!(record.time_to_first_counted_token_ms(), Some(100.0));
        assert_eq!(record.inter_token_latency_ms(), Some(20.0));
        let mut r = r;
        r.warn_about(0, 10);
        let held_back = "the server counted its first token at 100 ms and held its text back until 200 ms";
        assert!(r.record.notes().any(|note| note == held_back));
    }

    #[test]
    fn counts_at_the_end_tell_nothing_of_the_first_event() {
        let text = r#"{"choices":[{"delta":{"content":"a"}}]}"#;
        let end = r#"{"choices":[{"delta":{"content":"b"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":7}}"#;
        let r = feed(&[(110, 1, text), (120, 2, end)]);
        assert_eq!((r.record.tokens_in_first_event, r.record.first_counted_at), (None, None));
        // A single token event with the counts: they are its own.
        let r = feed(&[(110, 1, end)]);
        assert_eq!(r.record.tokens_in_first_event, Some(7));
    }

    #[test]
    fn tool_calls_are_no_text_that_could_be_counted() {
        let text = r#"{"choices":[{"delta":{"content":"a"}}]}"#;
        let call = r#"{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"{\"a\""}}]}}]}"#;
        assert!(feed(&[(1, 1, text), (2, 2, "[DONE]")]).record.is_countable());
        assert!(!feed(&[(1, 1, text), (2, 2, call), (3, 3, "[DONE]")]).record.is_countable());
    }

    #[test]
    fn a_broken_event_is_skipped_and_told() {
        let mut r =
            feed(&[(1, 1, "{nonsense"), (2, 2, r#"{"choices":[{"delta":{"content":"a"}}]}"#), (3, 3, "[DONE]")]);
        r.warn_about(0, 10);
        assert_eq!(r.record.text, "a");
        assert!(r.record.warnings[0].starts_with("1 events were no valid JSON"), "{:?}", r.record.warnings);
    }

    #[test]
    fn what_the_timeline_tells_and_the_server_s_own_times_are_kept() {
        let mut r = feed(&[
            (300, 1, r#"{"choices":[{"delta":{"content":"a"}}]}"#),
            (320, 2, r#"{"choices":[{"delta":{"content":"b"},"finish_reason":"stop"}]}"#),
            (330, 3, r#"{"choices":[],"timings":{"cache_n":64,"prompt_ms":150.5,"predicted_ms":20.0}}"#),
        ]);
        r.warn_about(0, 10);
        assert!(r.record.warnings.is_empty());
        assert_eq!(r.record.findings.iter().map(|f| f.key).collect::<Vec<_>>(), ["usage_missing", "warm_prefix"]);
        assert_eq!(r.record.notes().count(), 2);
        let told = r.record.server_timings.unwrap();
        assert_eq!((told.prompt_ms, told.decode_ms), (Some(150.5), Some(20.0)));
        assert_eq!(r.record.usage.cached_tokens, Some(64));
    }
}

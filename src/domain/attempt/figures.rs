//! The figures of a record, each with its definition.

use serde::Serialize;

use super::{AttemptRecord, AttemptStatus, TextKind};
use crate::domain::statistics::Stats;
use crate::domain::time::Nanos;

/// Source of the number of output tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenSource {
    /// The server's `usage`.
    Usage,
    /// The user's tokenizer, applied to the received text. It may differ by a few tokens from what the model generated.
    Tokenizer,
    /// The number of events with generated text, shown with `~` because events are not tokens.
    Estimate,
}

impl AttemptRecord {
    /// Returns whether the attempt has a complete, measured answer.
    pub fn is_ok(&self) -> bool {
        self.status == AttemptStatus::Ok
    }

    /// Kind of the error, or else the status.
    pub fn failure_kind(&self) -> &str {
        self.error.as_ref().map_or(self.status.as_str(), |error| &error.kind)
    }

    /// Everything that affects the figures, one sentence each: warnings, then findings.
    pub fn notes(&self) -> impl Iterator<Item = &str> {
        self.warnings.iter().map(String::as_str).chain(self.findings.iter().map(|f| f.message.as_str()))
    }

    /// Tokens per stream event with text, from the server's usage; `None` if the usage or the events are missing.
    pub fn tokens_per_event(&self) -> Option<f64> {
        let is_exact = self.is_ok() && !self.has_hidden_reasoning() && self.content_events() > 0;
        match self.output_tokens().filter(|_| is_exact)? {
            (tokens, TokenSource::Usage) => Some(tokens as f64 / self.content_events() as f64),
            (_, TokenSource::Tokenizer | TokenSource::Estimate) => None,
        }
    }

    /// Time to the response headers, milliseconds.
    pub fn time_to_headers_ms(&self) -> Option<f64> {
        Some(self.headers_at?.millis_since(self.started))
    }

    /// Start of the clock for TTFT and latency: the intended start if there is one, else the actual start. A client
    /// that is late because the server is slow must not make the server look fast (coordinated omission).
    pub fn clock_start(&self) -> Nanos {
        self.intended.unwrap_or(self.started)
    }

    /// Time at which the request was sent or entered the queue of the open loop, whichever came first.
    pub fn began(&self) -> Nanos {
        self.clock_start().min(self.started)
    }

    /// Delay between intended and actual start, without the time to connect, milliseconds; `None` in a closed loop.
    /// TTFT and latency count from the intended start, so they include both.
    pub fn dispatch_delay_ms(&self) -> Option<f64> {
        if let Some(first) = self.retries.first() {
            // After the first try, the delay comes from the server's rejections and the waits it asked for.
            return Some(first.started.millis_since(self.intended?).max(0.0));
        }
        let late = self.started.millis_since(self.intended?);
        Some((late - self.connect_ms.unwrap_or(0.0)).max(0.0))
    }

    /// Time to the first event with generated text of any kind, milliseconds, even if the text was held back.
    pub fn first_text_ms(&self) -> Option<f64> {
        Some(self.first_arrival()?.millis_since(self.clock_start()))
    }

    /// TTFT: time to the first event with generated text of any kind; `None` if that text may have been held back.
    pub fn time_to_first_token_ms(&self) -> Option<f64> {
        self.first_text_ms().filter(|_| self.unresolved_first_token().is_none())
    }

    /// Time to the first token in the server's running count, if it has one. The text of that token may arrive later.
    pub fn time_to_first_counted_token_ms(&self) -> Option<f64> {
        Some(self.first_counted_at?.millis_since(self.clock_start()))
    }

    /// TTFO: time to the first generated text that is not reasoning; `None` if that text may have been held back.
    pub fn time_to_first_output_token_ms(&self) -> Option<f64> {
        self.first_answer_text_ms().filter(|_| self.unresolved_first_output_token().is_none())
    }

    /// Time to the first event with text that is not reasoning, milliseconds, even if the text was held back.
    pub fn first_answer_text_ms(&self) -> Option<f64> {
        let first = match &self.condensed {
            Some(condensed) => condensed.first_answer,
            None => self.arrivals.iter().find(|a| a.kind == TextKind::Answer).map(|a| a.at),
        };
        Some(first?.millis_since(self.clock_start()))
    }

    /// Time from the first reasoning to the first answer text, or else to the last reasoning; `None` without reasoning.
    pub fn thinking_ms(&self) -> Option<f64> {
        let first = self.arrivals.first().filter(|a| a.kind == TextKind::Reasoning)?;
        let answer = self.arrivals.iter().find(|a| a.kind == TextKind::Answer);
        Some(answer.or(self.arrivals.last())?.at.millis_since(first.at))
    }

    /// Time to the last event with generated text or to the finish reason, whichever is later, milliseconds.
    pub fn request_latency_ms(&self) -> Option<f64> {
        let last = self.last_arrival().max(self.finish_at)?;
        Some(last.millis_since(self.clock_start()))
    }

    /// Arrival time of the first generated text.
    pub fn first_arrival(&self) -> Option<Nanos> {
        self.condensed.as_ref().map_or_else(|| self.arrivals.first().map(|a| a.at), |c| c.first)
    }

    /// Arrival time of the last generated text.
    pub fn last_arrival(&self) -> Option<Nanos> {
        self.condensed.as_ref().map_or_else(|| self.arrivals.last().map(|a| a.at), |c| c.last)
    }

    /// Number of events with generated text.
    pub fn content_events(&self) -> usize {
        self.condensed.as_ref().map_or(self.arrivals.len(), |c| c.events)
    }

    /// Number of events with text that came from the same read as the event before.
    pub fn coalesced_events(&self) -> usize {
        self.condensed.as_ref().map_or_else(|| self.arrivals.iter().filter(|a| a.coalesced).count(), |c| c.coalesced)
    }

    /// Number of output tokens and its source; `None` if nothing was generated and nothing was reported. For a complete
    /// answer in a single event there is no estimate, because one event does not show how many tokens it carries.
    pub fn output_tokens(&self) -> Option<(u64, TokenSource)> {
        match (self.usage.completion_tokens, self.counted_tokens) {
            (Some(n), _) if n > 0 => Some((n, TokenSource::Usage)),
            (_, Some(n)) if n > 0 => Some((n, TokenSource::Tokenizer)),
            _ if self.content_events() == 0 => None,
            _ if self.content_events() == 1 && self.is_ok() => None,
            _ => Some((self.content_events() as u64, TokenSource::Estimate)),
        }
    }

    /// Returns whether reasoning tokens were billed but not streamed, so that the decode speed cannot be known.
    pub fn has_hidden_reasoning(&self) -> bool {
        let streamed = self.condensed.as_ref().map_or(!self.reasoning.is_empty(), |c| c.had_reasoning);
        !streamed && self.usage.reasoning_tokens.is_some_and(|n| n > 0)
    }

    /// ITL: (last token − first token) / (output tokens − tokens in the first event), milliseconds. If the server has
    /// no running count, the first event counts as one token, or as the mean per event if events carry several. `None`
    /// if the stream cannot carry it.
    pub fn inter_token_latency_ms(&self) -> Option<f64> {
        let mean_ms = self.mean_token_ms()?;
        self.unresolved_inter_token().is_none().then_some(mean_ms)
    }

    /// ITL even if the stream cannot carry it.
    fn mean_token_ms(&self) -> Option<f64> {
        let (first, last) = (self.first_arrival()?, self.last_arrival()?);
        let after_first = self.tokens_after_first_event()?;
        let window_ms = last.millis_since(first);
        (after_first > 0.0 && window_ms > 0.0).then(|| window_ms / after_first)
    }

    /// Output tokens minus those of the first event; zero or negative if the first event holds all.
    pub(super) fn tokens_after_first_event(&self) -> Option<f64> {
        let (tokens, source) = self.output_tokens()?;
        let share = (tokens as f64 / self.content_events() as f64).round().max(1.0);
        let counted = self.tokens_in_first_event.filter(|_| source == TokenSource::Usage);
        Some(tokens as f64 - counted.map_or(share, |n| n as f64))
    }

    /// Decode speed: 1000 / ITL, tokens per second.
    pub fn decode_tokens_per_s(&self) -> Option<f64> {
        Some(1000.0 / self.inter_token_latency_ms()?)
    }

    /// Output tokens / request latency, tokens per second: "Speed" in the report. `None` if the result is faster than
    /// any model, because the answer then existed before the request.
    pub fn output_tokens_per_s(&self) -> Option<f64> {
        if self.unresolved_speed().is_some() {
            return None;
        }
        let latency_s = self.request_latency_ms()? / 1000.0;
        let (tokens, _) = self.output_tokens()?;
        (latency_s > 0.0).then(|| tokens as f64 / latency_s)
    }

    /// Amount that the throughput of a run counts: items of an answer that has some, otherwise output tokens.
    pub fn work(&self) -> Option<u64> {
        self.items.map(|items| u64::from(items.count)).or_else(|| Some(self.output_tokens()?.0))
    }

    /// Items (inputs or documents) of the answer / request latency, per second; `None` for generated text.
    pub fn items_per_s(&self) -> Option<f64> {
        self.per_s_of_latency(f64::from(self.items?.count))
    }

    /// Prompt tokens / request latency, per second; `None` for generated text, whose latency includes the decoding.
    pub fn input_tokens_per_s(&self) -> Option<f64> {
        self.per_s_of_latency(self.items.and(self.usage.prompt_tokens)? as f64)
    }

    fn per_s_of_latency(&self, amount: f64) -> Option<f64> {
        let latency_s = self.request_latency_ms()? / 1000.0;
        (latency_s > 0.0).then(|| amount / latency_s)
    }

    /// Gaps between arrivals of generated text, milliseconds.
    pub fn gaps_ms(&self) -> impl Iterator<Item = f64> + '_ {
        self.arrivals.windows(2).map(|w| w[1].at.millis_since(w[0].at))
    }

    /// Distribution of the gaps, milliseconds; `None` if too many events share reads.
    pub fn inter_chunk_latency_ms(&self) -> Option<Stats> {
        if self.unresolved_gaps().is_some() {
            return None;
        }
        self.condensed.as_ref().map_or_else(|| Stats::from_values(self.gaps_ms()), |c| c.gaps)
    }

    /// Number of content events in each quarter of a second since the start, for the small chart of a case.
    pub fn trace(&self) -> Vec<u16> {
        let mut buckets: Vec<u16> = Vec::new();
        for arrival in &self.arrivals {
            count_in_quarter(&mut buckets, arrival.at.since(self.started));
        }
        buckets
    }
}

/// Counts one event in the quarter of a second it falls in.
pub fn count_in_quarter(buckets: &mut Vec<u16>, since_start: std::time::Duration) {
    // The list must stay bounded; a chart of more than an hour would show nothing.
    let index = (since_start.as_millis() / 250).min(14_400) as usize;
    if buckets.len() <= index {
        buckets.resize(index + 1, 0);
    }
    buckets[index] = buckets[index].saturating_add(1);
}

#[cfg(test)]
mod tests {
    use super::super::{Arrival, AttemptId, FailedTry};
    use super::*;
    use crate::domain::check::{CheckKind, CheckResult};

    fn record(arrivals_ms: &[(u64, TextKind)], tokens: Option<u64>) -> AttemptRecord {
        let mut r =
            AttemptRecord::started(AttemptId::default(), false, "r".into(), "m".into(), Nanos::from_millis(1000));
        r.arrivals = arrivals_ms
            .iter()
            .map(|&(ms, kind)| Arrival { at: Nanos::from_millis(1000 + ms), kind, coalesced: false })
            .collect();
        r.usage.completion_tokens = tokens;
        r
    }

    fn close(a: Option<f64>, b: f64) -> bool {
        a.is_some_and(|a| (a - b).abs() < 1e-9)
    }

    #[test]
    fn figures_of_a_stream_with_one_token_per_event() {
        let r = record(&[(200, TextKind::Reasoning), (210, TextKind::Reasoning), (240, TextKind::Answer)], Some(3));
        assert!(close(r.time_to_first_token_ms(), 200.0));
        assert!(close(r.time_to_first_output_token_ms(), 240.0));
        assert!(close(r.inter_token_latency_ms(), 20.0));
        assert!(close(r.decode_tokens_per_s(), 50.0));
        assert!(close(r.output_tokens_per_s(), 3.0 / 0.24));
    }

    #[test]
    fn several_tokens_per_event_do_not_lower_the_decode_speed() {
        // Ten events of four tokens, 40 ms apart: 10 ms per token.
        let arrivals: Vec<_> = (0..10).map(|i| (100 + i * 40, TextKind::Answer)).collect();
        assert!(close(record(&arrivals, Some(40)).inter_token_latency_ms(), 10.0));
    }

    #[test]
    fn a_running_count_gives_the_tokens_of_the_first_event() {
        // Seven tokens in the first event, then three in 60 ms. Without a running count, the first event would count as
        // the mean of 10 / 4 tokens, rounded to 3.
        let mut r = record(&[100, 120, 140, 160].map(|ms| (ms, TextKind::Answer)), Some(10));
        assert!(close(r.mean_token_ms(), 60.0 / 7.0));
        r.tokens_in_first_event = Some(7);
        assert!(close(r.mean_token_ms(), 20.0));
        // The running count belongs to the server's usage only, not to a tokenizer's count.
        r.usage.completion_tokens = None;
        r.counted_tokens = Some(9);
        assert!(close(r.mean_token_ms(), 60.0 / 7.0));
    }

    #[test]
    fn usage_is_preferred_to_the_tokenizer_and_that_to_the_estimate() {
        let mut r = record(&[(1, TextKind::Answer), (2, TextKind::Answer)], None);
        assert_eq!(r.output_tokens(), Some((2, TokenSource::Estimate)));
        r.counted_tokens = Some(7);
        assert_eq!(r.output_tokens(), Some((7, TokenSource::Tokenizer)));
        r.usage.completion_tokens = Some(8);
        assert_eq!(r.output_tokens(), Some((8, TokenSource::Usage)));
        // A tokenizer that counts zero tokens is ignored.
        (r.usage.completion_tokens, r.counted_tokens) = (Some(0), Some(0));
        assert_eq!(r.output_tokens(), Some((2, TokenSource::Estimate)));
        assert_eq!(record(&[], None).output_tokens(), None);
    }

    #[test]
    fn hidden_reasoning_leaves_no_decode_speed() {
        let mut r = record(&[(500, TextKind::Answer), (510, TextKind::Answer)], Some(75));
        r.usage.reasoning_tokens = Some(64);
        assert_eq!(r.inter_token_latency_ms(), None);
        assert!(r.output_tokens_per_s().is_some());
    }

    #[test]
    fn the_clock_starts_at_the_intended_start() {
        let mut r = record(&[(200, TextKind::Answer), (300, TextKind::Answer)], Some(2));
        assert_eq!(r.dispatch_delay_ms(), None);
        // Due 400 ms before it was sent: the user waited for the delay and for the answer.
        r.intended = Some(Nanos::from_millis(600));
        assert!(close(r.dispatch_delay_ms(), 400.0));
        r.connect_ms = Some(150.0);
        assert!(close(r.dispatch_delay_ms(), 250.0));
        // The delay after a rejected first try is the server's, not the client's.
        let mut retried = r.clone();
        let started = Nanos::from_millis(700);
        retried.retries.push(FailedTry {
            started,
            kind: "rate_limited".into(),
            http_status: Some(429),
            waited_ms: 250.0,
        });
        assert!(close(retried.dispatch_delay_ms(), 100.0));
        assert!(close(r.time_to_first_token_ms(), 600.0) && close(r.time_to_first_output_token_ms(), 600.0));
        assert!(close(r.request_latency_ms(), 700.0) && close(r.output_tokens_per_s(), 2.0 / 0.7));
        // The queue does not affect the ITL.
        assert!(close(r.inter_token_latency_ms(), 100.0));
    }

    #[test]
    fn a_condensed_record_keeps_every_figure_and_no_text() {
        let arrivals = [(200, TextKind::Reasoning), (215, TextKind::Answer), (240, TextKind::Answer)];
        for tokens in [None, Some(9)] {
            let mut full = record(&arrivals, tokens);
            full.arrivals[2].coalesced = true;
            full.usage.reasoning_tokens = Some(1);
            (full.reasoning, full.text, full.status) = ("hm".into(), "ab".into(), AttemptStatus::Ok);
            full.checks = vec![CheckResult { kind: CheckKind::Equals, passed: false, message: Some("no".into()) }];
            let condensed = full.clone().condense();
            assert!(condensed.text.is_empty() && condensed.reasoning.is_empty() && condensed.arrivals.is_empty());
            for m in crate::domain::metrics::METRICS {
                assert_eq!((m.get)(&condensed), (m.get)(&full), "{}", m.key);
            }
            assert_eq!(condensed.checks, full.checks);
            assert_eq!(condensed.inter_chunk_latency_ms(), full.inter_chunk_latency_ms());
            assert_eq!((condensed.content_events(), condensed.coalesced_events()), (3, 1));
            assert_eq!(condensed.clone().condense().content_events(), 3);
        }
    }

    #[test]
    fn the_finish_reason_ends_the_request() {
        let mut r = record(&[(200, TextKind::Answer)], Some(1));
        r.finish_at = Some(Nanos::from_millis(1250));
        assert!(close(r.request_latency_ms(), 250.0));
        assert_eq!(r.inter_token_latency_ms(), None);
    }
}

//! What a record tells: its figures, each by its definition.

use serde::Serialize;

use super::{AttemptRecord, AttemptStatus, TextKind};
use crate::domain::statistics::Stats;
use crate::domain::time::Nanos;

/// Where the number of output tokens comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenSource {
    /// The server's own `usage`.
    Usage,
    /// The user's tokenizer counted the text that came. Where generation joined tokens unusually it may be a few off.
    Tokenizer,
    /// The number of events with generated text. Events are not tokens: shown with `~`.
    Estimate,
}

impl AttemptRecord {
    /// A whole, measured answer.
    pub fn is_ok(&self) -> bool {
        self.status == AttemptStatus::Ok
    }

    /// How it failed: the kind of its error, else its status.
    pub fn failure_kind(&self) -> &str {
        self.error.as_ref().map_or(self.status.as_str(), |error| &error.kind)
    }

    /// All that makes its figures less than clean, a sentence each: warnings, then findings.
    pub fn notes(&self) -> impl Iterator<Item = &str> {
        self.warnings.iter().map(String::as_str).chain(self.findings.iter().map(|f| f.message.as_str()))
    }

    /// Tokens per stream event with text, by the server's own usage; `None` if this record cannot tell.
    pub fn tokens_per_event(&self) -> Option<f64> {
        let is_exact = self.is_ok() && !self.has_hidden_reasoning() && self.content_events() > 0;
        match self.output_tokens().filter(|_| is_exact)? {
            (tokens, TokenSource::Usage) => Some(tokens as f64 / self.content_events() as f64),
            (_, TokenSource::Tokenizer | TokenSource::Estimate) => None,
        }
    }

    /// Time to the response headers.
    pub fn time_to_headers_ms(&self) -> Option<f64> {
        Some(self.headers_at?.millis_since(self.started))
    }

    /// When the clock of TTFT and latency starts: when the request was to be sent, else when it was. A client that is
    /// late because the server is slow must not make the server look fast (coordinated omission).
    pub fn clock_start(&self) -> Nanos {
        self.intended.unwrap_or(self.started)
    }

    /// When its request was on its way, or in the open loop's queue.
    pub fn began(&self) -> Nanos {
        self.clock_start().min(self.started)
    }

    /// How long after its intended start it was sent, without the time to connect, which stands by itself; `None` in a
    /// closed loop. TTFT and latency count from the intended start, and so contain both.
    pub fn dispatch_delay_ms(&self) -> Option<f64> {
        if let Some(first) = self.retries.first() {
            // What came after the first try is the server's refusals and the pauses that it asked for.
            return Some(first.started.millis_since(self.intended?).max(0.0));
        }
        let late = self.started.millis_since(self.intended?);
        Some((late - self.connect_ms.unwrap_or(0.0)).max(0.0))
    }

    /// To the first event with generated text of any kind, whether or not it came when it was made.
    pub fn first_text_ms(&self) -> Option<f64> {
        Some(self.first_arrival()?.millis_since(self.clock_start()))
    }

    /// TTFT: to the first event with generated text of any kind; `None` where that may have been held back.
    pub fn time_to_first_token_ms(&self) -> Option<f64> {
        self.first_text_ms().filter(|_| self.unresolved_first_token().is_none())
    }

    /// To the first token that the server counted, where it counts along; its text may come later.
    pub fn time_to_first_counted_token_ms(&self) -> Option<f64> {
        Some(self.first_counted_at?.millis_since(self.clock_start()))
    }

    /// To the first generated text that is not reasoning; `None` where that may have been held back.
    pub fn time_to_first_output_token_ms(&self) -> Option<f64> {
        self.first_answer_text_ms().filter(|_| self.unresolved_first_output_token().is_none())
    }

    /// To the first event with text that is not reasoning, whether or not it came when it was made.
    pub fn first_answer_text_ms(&self) -> Option<f64> {
        let first = match &self.condensed {
            Some(condensed) => condensed.first_answer,
            None => self.arrivals.iter().find(|a| a.kind == TextKind::Answer).map(|a| a.at),
        };
        Some(first?.millis_since(self.clock_start()))
    }

    /// From the first reasoning to the first of the answer, else to the last of the reasoning; `None` without reasoning.
    pub fn thinking_ms(&self) -> Option<f64> {
        let first = self.arrivals.first().filter(|a| a.kind == TextKind::Reasoning)?;
        let answer = self.arrivals.iter().find(|a| a.kind == TextKind::Answer);
        Some(answer.or(self.arrivals.last())?.at.millis_since(first.at))
    }

    /// To the last event with generated text or the finish reason.
    pub fn request_latency_ms(&self) -> Option<f64> {
        let last = self.last_arrival().max(self.finish_at)?;
        Some(last.millis_since(self.clock_start()))
    }

    /// When the first generated text came.
    pub fn first_arrival(&self) -> Option<Nanos> {
        self.condensed.as_ref().map_or_else(|| self.arrivals.first().map(|a| a.at), |c| c.first)
    }

    /// When the last generated text came.
    pub fn last_arrival(&self) -> Option<Nanos> {
        self.condensed.as_ref().map_or_else(|| self.arrivals.last().map(|a| a.at), |c| c.last)
    }

    /// Events with generated text.
    pub fn content_events(&self) -> usize {
        self.condensed.as_ref().map_or(self.arrivals.len(), |c| c.events)
    }

    /// Of those, the ones that came out of the same read as the one before.
    pub fn coalesced_events(&self) -> usize {
        self.condensed.as_ref().map_or_else(|| self.arrivals.iter().filter(|a| a.coalesced).count(), |c| c.coalesced)
    }

    /// Output tokens and where their number comes from; `None` when nothing was generated and nothing was reported. A whole
    /// answer in a single event was not streamed: one event says nothing of its tokens.
    pub fn output_tokens(&self) -> Option<(u64, TokenSource)> {
        match (self.usage.completion_tokens, self.counted_tokens) {
            (Some(n), _) if n > 0 => Some((n, TokenSource::Usage)),
            (_, Some(n)) if n > 0 => Some((n, TokenSource::Tokenizer)),
            _ if self.content_events() == 0 => None,
            _ if self.content_events() == 1 && self.is_ok() => None,
            _ => Some((self.content_events() as u64, TokenSource::Estimate)),
        }
    }

    /// Reasoning tokens were billed, but no reasoning was streamed: the decode speed cannot be known.
    pub fn has_hidden_reasoning(&self) -> bool {
        let streamed = self.condensed.as_ref().map_or(!self.reasoning.is_empty(), |c| c.had_reasoning);
        !streamed && self.usage.reasoning_tokens.is_some_and(|n| n > 0)
    }

    /// (last token − first token) / (output tokens − tokens in the first event), in milliseconds. Where the server does
    /// not count along, the first event is taken to hold its share of the tokens: one, or the mean per event where
    /// events carry several. `None` where the stream does not carry it.
    pub fn inter_token_latency_ms(&self) -> Option<f64> {
        let mean_ms = self.mean_token_ms()?;
        self.unresolved_inter_token().is_none().then_some(mean_ms)
    }

    /// The same, whether or not the stream carries it.
    fn mean_token_ms(&self) -> Option<f64> {
        let (first, last) = (self.first_arrival()?, self.last_arrival()?);
        let after_first = self.tokens_after_first_event()?;
        let window_ms = last.millis_since(first);
        (after_first > 0.0 && window_ms > 0.0).then(|| window_ms / after_first)
    }

    /// Output tokens without those of the first event; none or less where that holds all.
    pub(super) fn tokens_after_first_event(&self) -> Option<f64> {
        let (tokens, source) = self.output_tokens()?;
        let share = (tokens as f64 / self.content_events() as f64).round().max(1.0);
        let counted = self.tokens_in_first_event.filter(|_| source == TokenSource::Usage);
        Some(tokens as f64 - counted.map_or(share, |n| n as f64))
    }

    /// The decode speed: 1000 / inter-token latency, tokens per second.
    pub fn decode_tokens_per_s(&self) -> Option<f64> {
        Some(1000.0 / self.inter_token_latency_ms()?)
    }

    /// Output tokens / request latency, tokens per second: the sample report's "Speed". `None` where no model is that fast.
    pub fn output_tokens_per_s(&self) -> Option<f64> {
        if self.unresolved_speed().is_some() {
            return None;
        }
        let latency_s = self.request_latency_ms()? / 1000.0;
        let (tokens, _) = self.output_tokens()?;
        (latency_s > 0.0).then(|| tokens as f64 / latency_s)
    }

    /// Gaps between arrivals of generated text, milliseconds.
    pub fn gaps_ms(&self) -> impl Iterator<Item = f64> + '_ {
        self.arrivals.windows(2).map(|w| w[1].at.millis_since(w[0].at))
    }

    /// The spread of the gaps; `None` where they are those of reads that many events share.
    pub fn inter_chunk_latency_ms(&self) -> Option<Stats> {
        if self.unresolved_gaps().is_some() {
            return None;
        }
        self.condensed.as_ref().map_or_else(|| Stats::from_values(self.gaps_ms()), |c| c.gaps)
    }

    /// Content events per quarter of a second since the start: the small trace of a case.
    pub fn trace(&self) -> Vec<u16> {
        let mut buckets: Vec<u16> = Vec::new();
        for arrival in &self.arrivals {
            count_in_quarter(&mut buckets, arrival.at.since(self.started));
        }
        buckets
    }
}

/// Counts one event in the quarter of a second it fell in.
pub fn count_in_quarter(buckets: &mut Vec<u16>, since_start: std::time::Duration) {
    // Beyond an hour a trace has no use on the screen, and must not grow.
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
    fn one_token_an_event() {
        let r = record(&[(200, TextKind::Reasoning), (210, TextKind::Reasoning), (240, TextKind::Answer)], Some(3));
        assert!(close(r.time_to_first_token_ms(), 200.0));
        assert!(close(r.time_to_first_output_token_ms(), 240.0));
        assert!(close(r.inter_token_latency_ms(), 20.0));
        assert!(close(r.decode_tokens_per_s(), 50.0));
        assert!(close(r.output_tokens_per_s(), 3.0 / 0.24));
    }

    #[test]
    fn several_tokens_an_event_do_not_slow_the_decode_speed() {
        // Ten events of four tokens, 40 ms apart: 10 ms a token.
        let arrivals: Vec<_> = (0..10).map(|i| (100 + i * 40, TextKind::Answer)).collect();
        assert!(close(record(&arrivals, Some(40)).inter_token_latency_ms(), 10.0));
    }

    #[test]
    fn a_server_that_counts_along_tells_what_the_first_event_holds() {
        // Seven tokens in the first event, then three in 60 ms; by its share the first would hold 10 / 4, that is three.
        let mut r = record(&[100, 120, 140, 160].map(|ms| (ms, TextKind::Answer)), Some(10));
        assert!(close(r.mean_token_ms(), 60.0 / 7.0));
        r.tokens_in_first_event = Some(7);
        assert!(close(r.mean_token_ms(), 20.0));
        // It belongs to the server's own count and to no other.
        r.usage.completion_tokens = None;
        r.counted_tokens = Some(9);
        assert!(close(r.mean_token_ms(), 60.0 / 7.0));
    }

    #[test]
    fn usage_comes_first_then_the_tokenizer_then_the_estimate() {
        let mut r = record(&[(1, TextKind::Answer), (2, TextKind::Answer)], None);
        assert_eq!(r.output_tokens(), Some((2, TokenSource::Estimate)));
        r.counted_tokens = Some(7);
        assert_eq!(r.output_tokens(), Some((7, TokenSource::Tokenizer)));
        r.usage.completion_tokens = Some(8);
        assert_eq!(r.output_tokens(), Some((8, TokenSource::Usage)));
        // A tokenizer that finds nothing in what came is no better than none.
        (r.usage.completion_tokens, r.counted_tokens) = (Some(0), Some(0));
        assert_eq!(r.output_tokens(), Some((2, TokenSource::Estimate)));
        assert_eq!(record(&[], None).output_tokens(), None);
    }

    #[test]
    fn hidden_reasoning_has_no_decode_speed() {
        let mut r = record(&[(500, TextKind::Answer), (510, TextKind::Answer)], Some(75));
        r.usage.reasoning_tokens = Some(64);
        assert_eq!(r.inter_token_latency_ms(), None);
        assert!(r.output_tokens_per_s().is_some());
    }

    #[test]
    fn the_clock_starts_at_the_intended_start() {
        let mut r = record(&[(200, TextKind::Answer), (300, TextKind::Answer)], Some(2));
        assert_eq!(r.dispatch_delay_ms(), None);
        // It was due 400 ms before it went out: the user waited for both.
        r.intended = Some(Nanos::from_millis(600));
        assert!(close(r.dispatch_delay_ms(), 400.0));
        r.connect_ms = Some(150.0);
        assert!(close(r.dispatch_delay_ms(), 250.0));
        // What followed a refused first try is the server's doing, not the client's delay.
        let mut tried = r.clone();
        let started = Nanos::from_millis(700);
        tried.retries.push(FailedTry {
            started,
            kind: "rate_limited".into(),
            http_status: Some(429),
            waited_ms: 250.0,
        });
        assert!(close(tried.dispatch_delay_ms(), 100.0));
        assert!(close(r.time_to_first_token_ms(), 600.0) && close(r.time_to_first_output_token_ms(), 600.0));
        assert!(close(r.request_latency_ms(), 700.0) && close(r.output_tokens_per_s(), 2.0 / 0.7));
        // Once tokens flow, the queue is over.
        assert!(close(r.inter_token_latency_ms(), 100.0));
    }

    #[test]
    fn condensed_keeps_every_figure_and_no_text() {
        let arrivals = [(200, TextKind::Reasoning), (215, TextKind::Answer), (240, TextKind::Answer)];
        for tokens in [None, Some(9)] {
            let mut whole = record(&arrivals, tokens);
            whole.arrivals[2].coalesced = true;
            whole.usage.reasoning_tokens = Some(1);
            (whole.reasoning, whole.text) = ("hm".into(), "ab".into());
            let small = whole.clone().condense();
            assert!(small.text.is_empty() && small.reasoning.is_empty() && small.arrivals.is_empty());
            for m in crate::domain::metrics::METRICS {
                assert_eq!((m.get)(&small), (m.get)(&whole), "{}", m.key);
            }
            assert_eq!(small.inter_chunk_latency_ms(), whole.inter_chunk_latency_ms());
            assert_eq!((small.content_events(), small.coalesced_events()), (3, 1));
            assert_eq!(small.clone().condense().content_events(), 3);
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

//! The times that a server told of itself, beside those measured here.

use super::attempt::AttemptRecord;
use super::server_timings::ServerTimings;

impl ServerTimings {
    /// The decode speed by its clock and as measured here, tokens per second. Both count the same tokens: what the two
    /// clocks say of the time between differs, not how it is counted. Without its decode time, its own figure.
    pub fn decode_beside_ours(&self, record: &AttemptRecord) -> Option<(f64, f64)> {
        let here = record.decode_tokens_per_s()?;
        let window_ms = record.last_arrival()?.millis_since(record.first_arrival()?);
        let by_its_clock = self.decode_ms.filter(|&ms| ms > 0.0).map(|ms| here * window_ms / ms);
        Some((by_its_clock.or(self.tokens_per_s)?, here))
    }

    /// What it says beside what was measured, a sentence each.
    pub fn sentences(&self, record: &AttemptRecord) -> Vec<String> {
        let name = self.source.name();
        let mut out = Vec::new();
        if let Some((server, here)) = self.decode_beside_ours(record) {
            let difference = signed((here / server - 1.0) * 100.0);
            out.push(format!("{name} says {server:.1} tok/s decode; measured here {here:.1} ({difference} %)"));
        }
        out.extend(self.buffered_sentence(record));
        if let (Some(server_ms), Some(ttft_ms)) = (self.before_first_token_ms(), record.time_to_first_token_ms()) {
            let parts = match (self.ttft_ms, self.queue_ms) {
                (Some(_), _) => "to its first token".to_owned(),
                (None, Some(queue_ms)) => format!("in the queue ({queue_ms:.1}) and on the prompt"),
                (None, None) => "on the prompt".to_owned(),
            };
            let rest_ms = ttft_ms - server_ms;
            let rest = match (rest_ms < 0.0, self.ttft_ms.or(self.queue_ms)) {
                (true, _) => "more than the TTFT measured here: the two clocks do not mean the same".to_owned(),
                (false, Some(_)) => format!("the other {rest_ms:.1} of the TTFT are network and client"),
                (false, None) => format!("the other {rest_ms:.1} of the TTFT are network, queue and client"),
            };
            out.push(format!("{name} spent {server_ms:.1} ms {parts}; {rest}"));
        }
        out
    }

    /// Its times beside a first text that was held back: the buffer held the decoding, which is no time of the network.
    fn buffered_sentence(&self, record: &AttemptRecord) -> Option<String> {
        record.unresolved_first_token()?;
        let (name, server_ms, text_ms) = (self.source.name(), self.before_first_token_ms()?, record.first_text_ms()?);
        let is_complete = record.first_arrival() == record.last_arrival();
        let rest = match self.decode_ms.filter(|_| is_complete) {
            Some(decode_ms) if server_ms + decode_ms <= text_ms => format!(
                "{decode_ms:.1} ms on decoding; the other {:.1} of the {text_ms:.1} ms to the buffered answer are network, queue \
                 and client",
                text_ms - server_ms - decode_ms
            ),
            Some(decode_ms) => {
                format!("{decode_ms:.1} ms on decoding; the buffered answer arrived after {text_ms:.1} ms")
            }
            None => format!("the buffered text arrived after {text_ms:.1} ms, which includes part of the decoding"),
        };
        let and = if rest.starts_with("the ") { ";" } else { " and" };
        Some(format!("{name} spent {server_ms:.1} ms before its first token{and} {rest}"))
    }
}

/// With a sign, a typographic minus, and one decimal.
fn signed(percent: f64) -> String {
    let digits = format!("{:.1}", percent.abs());
    match (digits.as_str(), percent < 0.0) {
        ("0.0", _) => "±0.0".to_owned(),
        (_, true) => format!("−{digits}"),
        (_, false) => format!("+{digits}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::attempt::{Arrival, AttemptId, TextKind};
    use crate::domain::server_timings::TimingSource;
    use crate::domain::time::Nanos;

    /// 101 tokens: the first after 500 ms, then one every 10 ms.
    fn record() -> AttemptRecord {
        let mut r = AttemptRecord::started(AttemptId::default(), false, "r".into(), "m".into(), Nanos(0));
        let arrival =
            |i: u64| Arrival { at: Nanos::from_millis(500 + i * 10), kind: TextKind::Answer, coalesced: false };
        r.arrivals = (0..101).map(arrival).collect();
        r.usage.completion_tokens = Some(101);
        r
    }

    #[test]
    fn the_same_time_is_the_same_speed_whatever_the_server_counts() {
        // llama.cpp divides 101 tokens, not 100 gaps, by the time.
        let told = ServerTimings {
            decode_ms: Some(1000.0),
            tokens_per_s: Some(101.0),
            ..ServerTimings::from_source(TimingSource::LlamaCpp)
        };
        let (server, here) = told.decode_beside_ours(&record()).unwrap();
        assert!((server - 100.0).abs() < 1e-9 && (here - 100.0).abs() < 1e-9);
        assert_eq!(told.sentences(&record()), ["llama.cpp says 100.0 tok/s decode; measured here 100.0 (±0.0 %)"]);
    }

    #[test]
    fn the_difference_has_its_sign() {
        let told = |ms| ServerTimings { decode_ms: Some(ms), ..ServerTimings::from_source(TimingSource::Ollama) };
        // The server took 1 % less than passed here, so what came here was slower.
        assert!(told(990.0).sentences(&record())[0].ends_with("says 101.0 tok/s decode; measured here 100.0 (−1.0 %)"));
        assert!(told(1010.0).sentences(&record())[0].ends_with("(+1.0 %)"));
        let rate = ServerTimings { tokens_per_s: Some(125.0), ..ServerTimings::from_source(TimingSource::Vllm) };
        assert!(rate.sentences(&record())[0].contains("vLLM says 125.0 tok/s decode; measured here 100.0 (−20.0 %)"));
    }

    #[test]
    fn what_is_left_of_the_ttft_has_a_name() {
        let said = |t: ServerTimings| t.sentences(&record()).remove(0);
        let base = ServerTimings::from_source(TimingSource::Groq);
        assert_eq!(
            said(ServerTimings { prompt_ms: Some(400.0), queue_ms: Some(60.0), ..base }),
            "Groq spent 460.0 ms in the queue (60.0) and on the prompt; the other 40.0 of the TTFT are network and client"
        );
        assert!(said(ServerTimings { prompt_ms: Some(400.0), ..base }).ends_with("network, queue and client"));
        assert!(
            said(ServerTimings { ttft_ms: Some(490.0), ..base })
                .contains("490.0 ms to its first token; the other 10.0")
        );
        assert!(said(ServerTimings { ttft_ms: Some(510.0), ..base }).contains("do not mean the same"));
    }

    #[test]
    fn a_buffered_decode_is_not_the_network_s() {
        let told = ServerTimings {
            prompt_ms: Some(52.0),
            decode_ms: Some(1700.0),
            ..ServerTimings::from_source(TimingSource::LlamaCpp)
        };
        let mut buffered = record();
        buffered.arrivals.iter_mut().for_each(|a| a.at = Nanos::from_millis(1800));
        assert_eq!(
            told.sentences(&buffered),
            [
                "llama.cpp spent 52.0 ms before its first token and 1700.0 ms on decoding; the other 48.0 of the 1800.0 ms to \
              the buffered answer are network, queue and client"
            ]
        );
        // The first half in one read: nothing says how much of the decoding came before it.
        let mut half = record();
        half.arrivals.iter_mut().take(50).for_each(|a| a.at = Nanos::from_millis(990));
        assert_eq!(
            told.sentences(&half),
            [
                "llama.cpp spent 52.0 ms before its first token; the buffered text arrived after 990.0 ms, which includes part of \
              the decoding"
            ]
        );
    }

    #[test]
    fn nothing_measured_or_nothing_told_is_nothing_said() {
        let base = ServerTimings::from_source(TimingSource::Azure);
        assert!(base.sentences(&record()).is_empty() && !base.tells());
        let mut empty = record();
        empty.arrivals.clear();
        let told = ServerTimings { prompt_ms: Some(1.0), decode_ms: Some(1.0), ..base };
        assert!(told.sentences(&empty).is_empty() && told.tells());
    }
}

//! Comparison of times that the server reported with those measured here.

use super::attempt::AttemptRecord;
use super::server_timings::ServerTimings;

impl ServerTimings {
    /// Returns the decode speed by the server's clock and as measured here, tokens per second. Both use the same number
    /// of tokens, so that only the clocks differ. If the server reported no decode time, the first value is the speed
    /// that it reported.
    pub fn decode_beside_ours(&self, record: &AttemptRecord) -> Option<(f64, f64)> {
        let here = record.decode_tokens_per_s()?;
        let window_ms = record.last_arrival()?.millis_since(record.first_arrival()?);
        let by_its_clock = self.decode_ms.filter(|&ms| ms > 0.0).map(|ms| here * window_ms / ms);
        Some((by_its_clock.or(self.tokens_per_s)?, here))
    }

    /// Compares each reported time with the measured one, one sentence each.
    pub fn sentences(&self, record: &AttemptRecord) -> Vec<String> {
        let name = self.source.name();
        let mut out = Vec::new();
        if let Some((server, here)) = self.decode_beside_ours(record) {
            let difference = signed((here / server - 1.0) * 100.0);
            out.push(format!("{name} reports {server:.1} tok/s decode; measured here: {here:.1} ({difference}%)"));
        }
        out.extend(self.buffered_sentence(record));
        if let (Some(server_ms), Some(ttft_ms)) = (self.before_first_token_ms(), record.time_to_first_token_ms()) {
            let parts = match (self.ttft_ms, self.queue_ms) {
                (Some(_), _) => "to its first token".to_owned(),
                (None, Some(queue_ms)) => format!("in the queue ({queue_ms:.1} ms) and on the prompt"),
                (None, None) => "on the prompt".to_owned(),
            };
            let rest_ms = ttft_ms - server_ms;
            let rest = match (rest_ms < 0.0, self.ttft_ms.or(self.queue_ms)) {
                (true, _) => "more than the TTFT measured here, so the two clocks measure different spans".to_owned(),
                (false, Some(_)) => format!("the other {rest_ms:.1} ms of the TTFT are network and client"),
                (false, None) => format!("the other {rest_ms:.1} ms of the TTFT are network, queue and client"),
            };
            out.push(format!("{name} spent {server_ms:.1} ms {parts}; {rest}"));
        }
        out
    }

    /// Compares the server's times with a first text that was held back. The delay is then due to a buffer during
    /// decoding, not to the network.
    fn buffered_sentence(&self, record: &AttemptRecord) -> Option<String> {
        record.unresolved_first_token()?;
        let (name, server_ms, text_ms) = (self.source.name(), self.before_first_token_ms()?, record.first_text_ms()?);
        let is_complete = record.first_arrival() == record.last_arrival();
        let rest = match self.decode_ms.filter(|_| is_complete) {
            Some(decode_ms) if server_ms + decode_ms <= text_ms => format!(
                "{decode_ms:.1} ms on decoding; the other {:.1} ms of the {text_ms:.1} ms to the buffered answer are network, queue \
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

/// Formats a number with its sign (a typographic minus) and one decimal.
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
    fn equal_times_give_equal_speeds_whatever_the_server_counts() {
        // The speed that llama.cpp reports is 101 tokens per time; the one measured here is 100 gaps per time.
        let timings = ServerTimings {
            decode_ms: Some(1000.0),
            tokens_per_s: Some(101.0),
            ..ServerTimings::from_source(TimingSource::LlamaCpp)
        };
        let (server, here) = timings.decode_beside_ours(&record()).unwrap();
        assert!((server - 100.0).abs() < 1e-9 && (here - 100.0).abs() < 1e-9);
        assert_eq!(
            timings.sentences(&record()),
            ["llama.cpp reports 100.0 tok/s decode; measured here: 100.0 (±0.0%)"]
        );
    }

    #[test]
    fn the_difference_has_its_sign() {
        let timings = |ms| ServerTimings { decode_ms: Some(ms), ..ServerTimings::from_source(TimingSource::Ollama) };
        // By its own clock, the server was 1% faster than the text arrived here.
        assert!(
            timings(990.0).sentences(&record())[0]
                .ends_with("reports 101.0 tok/s decode; measured here: 100.0 (−1.0%)")
        );
        assert!(timings(1010.0).sentences(&record())[0].ends_with("(+1.0%)"));
        let rate = ServerTimings { tokens_per_s: Some(125.0), ..ServerTimings::from_source(TimingSource::Vllm) };
        assert!(
            rate.sentences(&record())[0].contains("vLLM reports 125.0 tok/s decode; measured here: 100.0 (−20.0%)")
        );
    }

    #[test]
    fn the_rest_of_the_ttft_is_explained() {
        let first_sentence = |t: ServerTimings| t.sentences(&record()).remove(0);
        let base = ServerTimings::from_source(TimingSource::Groq);
        assert_eq!(
            first_sentence(ServerTimings { prompt_ms: Some(400.0), queue_ms: Some(60.0), ..base }),
            "Groq spent 460.0 ms in the queue (60.0 ms) and on the prompt; the other 40.0 ms of the TTFT are network and client"
        );
        assert!(
            first_sentence(ServerTimings { prompt_ms: Some(400.0), ..base }).ends_with("network, queue and client")
        );
        assert!(
            first_sentence(ServerTimings { ttft_ms: Some(490.0), ..base })
                .contains("490.0 ms to its first token; the other 10.0")
        );
        assert!(first_sentence(ServerTimings { ttft_ms: Some(510.0), ..base }).contains("measure different spans"));
    }

    #[test]
    fn decoding_hidden_by_a_buffer_is_not_blamed_on_the_network() {
        let timings = ServerTimings {
            prompt_ms: Some(52.0),
            decode_ms: Some(1700.0),
            ..ServerTimings::from_source(TimingSource::LlamaCpp)
        };
        let mut buffered = record();
        buffered.arrivals.iter_mut().for_each(|a| a.at = Nanos::from_millis(1800));
        assert_eq!(
            timings.sentences(&buffered),
            [
                "llama.cpp spent 52.0 ms before its first token and 1700.0 ms on decoding; the other 48.0 ms of the 1800.0 ms to \
              the buffered answer are network, queue and client"
            ]
        );
        // The first half of the text came in one read, so the decode time before this read is unknown.
        let mut half = record();
        half.arrivals.iter_mut().take(50).for_each(|a| a.at = Nanos::from_millis(990));
        assert_eq!(
            timings.sentences(&half),
            [
                "llama.cpp spent 52.0 ms before its first token; the buffered text arrived after 990.0 ms, which includes part of \
              the decoding"
            ]
        );
    }

    #[test]
    fn without_a_measured_or_reported_time_there_is_no_sentence() {
        let base = ServerTimings::from_source(TimingSource::Azure);
        assert!(base.sentences(&record()).is_empty() && !base.has_times());
        let mut empty = record();
        empty.arrivals.clear();
        let timings = ServerTimings { prompt_ms: Some(1.0), decode_ms: Some(1.0), ..base };
        assert!(timings.sentences(&empty).is_empty() && timings.has_times());
    }
}

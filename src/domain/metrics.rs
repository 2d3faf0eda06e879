//! The table of metrics that reports, columns and JSON are made from.

use super::attempt::{AttemptRecord, Unresolved};

/// Unit of a metric's raw value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Milliseconds.
    Milliseconds,
    /// Tokens.
    Tokens,
    /// Tokens per second.
    TokensPerSecond,
}

/// One figure of an attempt.
#[derive(Debug)]
pub struct Metric {
    /// The key in `results.json`, with the field's own name.
    pub key: &'static str,
    /// A short heading for people.
    pub label: &'static str,
    /// Unit of what `get` returns.
    pub unit: Unit,
    /// What it means, in one sentence.
    pub help: &'static str,
    /// Rests on the number of output tokens: an estimate where that is one.
    pub counts_output_tokens: bool,
    /// The figure; `None` where it is not known.
    pub get: fn(&AttemptRecord) -> Option<f64>,
    /// Why the stream does not carry it; `None` where it does, or there is no such figure.
    pub unresolved: fn(&AttemptRecord) -> Option<Unresolved>,
}

/// All metrics. Keys are only ever added.
pub const METRICS: &[Metric] = &[
    Metric {
        key: "time_to_first_token_ms",
        label: "TTFT",
        unit: Unit::Milliseconds,
        help: "from sending the request, with --rate from its intended start, to the first event with generated text of any kind",
        counts_output_tokens: false,
        get: AttemptRecord::time_to_first_token_ms,
        unresolved: AttemptRecord::unresolved_first_token,
    },
    Metric {
        key: "time_to_first_output_token_ms",
        label: "TTFO",
        unit: Unit::Milliseconds,
        help: "to the first generated text that is not reasoning",
        counts_output_tokens: false,
        get: AttemptRecord::time_to_first_output_token_ms,
        unresolved: AttemptRecord::unresolved_first_output_token,
    },
    Metric {
        key: "request_latency_ms",
        label: "Time",
        unit: Unit::Milliseconds,
        help: "to the last event with generated text or the finish reason",
        counts_output_tokens: false,
        get: AttemptRecord::request_latency_ms,
        unresolved: AttemptRecord::always_resolved,
    },
    Metric {
        key: "inter_token_latency_ms",
        label: "Inter-token",
        unit: Unit::Milliseconds,
        help: "(last token − first token) / (output tokens − tokens in the first event)",
        counts_output_tokens: true,
        get: AttemptRecord::inter_token_latency_ms,
        unresolved: AttemptRecord::unresolved_inter_token,
    },
    Metric {
        key: "output_token_throughput",
        label: "Speed",
        unit: Unit::TokensPerSecond,
        help: "output tokens / request latency",
        counts_output_tokens: true,
        get: AttemptRecord::output_tokens_per_s,
        unresolved: AttemptRecord::unresolved_speed,
    },
    Metric {
        key: "output_token_throughput_per_user",
        label: "Decode",
        unit: Unit::TokensPerSecond,
        help: "1000 / inter-token latency: the speed once tokens flow",
        counts_output_tokens: true,
        get: AttemptRecord::decode_tokens_per_s,
        unresolved: AttemptRecord::unresolved_inter_token,
    },
    Metric {
        key: "input_sequence_length",
        label: "Prompt",
        unit: Unit::Tokens,
        help: "tokens of the prompt, as the server counts them",
        counts_output_tokens: false,
        get: |a| a.usage.prompt_tokens.map(|n| n as f64),
        unresolved: AttemptRecord::always_resolved,
    },
    Metric {
        key: "output_sequence_length",
        label: "Tokens",
        unit: Unit::Tokens,
        help: "generated tokens, reasoning included",
        counts_output_tokens: true,
        get: |a| a.output_tokens().map(|(n, _source)| n as f64),
        unresolved: AttemptRecord::unresolved_tokens,
    },
];

/// The metric with this key.
pub fn metric(key: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|m| m.key == key)
}

#[cfg(test)]
mod tests {
    use super::METRICS;
    use crate::domain::attempt::{Arrival, AttemptId, AttemptRecord, TextKind};
    use crate::domain::time::Nanos;

    #[test]
    fn what_rests_on_the_tokens_moves_with_them_and_nothing_else_does() {
        let mut record = AttemptRecord::started(AttemptId::default(), false, String::new(), String::new(), Nanos(0));
        let arrival = |ms| Arrival { at: Nanos::from_millis(ms), kind: TextKind::Answer, coalesced: false };
        record.arrivals = (5..45).map(|i| arrival(i * 20)).collect();
        record.usage.prompt_tokens = Some(9);
        let (mut few, mut many) = (record.clone(), record);
        few.usage.completion_tokens = Some(40);
        many.usage.completion_tokens = Some(100);
        for m in METRICS {
            assert_eq!((m.get)(&few) != (m.get)(&many), m.counts_output_tokens, "{}", m.key);
        }
    }

    #[test]
    fn keys_are_unique_and_snake_case() {
        let mut keys: Vec<_> = METRICS.iter().map(|m| m.key).collect();
        assert!(keys.iter().all(|k| k.chars().all(|c| c.is_ascii_lowercase() || c == '_')));
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), METRICS.len());
    }
}

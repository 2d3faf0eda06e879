//! Histograms with the names and limits of the conventions.

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Histogram, Meter};

use super::names::{RunAttributes, TOKEN_TYPE};
use crate::domain::attempt::AttemptRecord;

/// Limits of histograms of times, seconds.
const TIME_LIMITS_S: [f64; 14] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
/// Limits of histograms of tokens.
const TOKEN_LIMITS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];

/// Instruments of a run.
pub struct Instruments {
    duration: Histogram<f64>,
    first_chunk: Histogram<f64>,
    output_chunk: Histogram<f64>,
    tokens: Histogram<u64>,
}

impl Instruments {
    /// Creates the instruments.
    pub fn new(meter: &Meter) -> Self {
        let seconds = |name: &'static str, description: &'static str| {
            let histogram = meter.f64_histogram(name).with_unit("s").with_description(description);
            histogram.with_boundaries(TIME_LIMITS_S.to_vec()).build()
        };
        let tokens = meter.u64_histogram("gen_ai.client.token.usage").with_unit("{token}");
        let tokens = tokens.with_description("Number of input and output tokens used.");
        Self {
            duration: seconds("gen_ai.client.operation.duration", "GenAI operation duration."),
            first_chunk: seconds("gen_ai.client.operation.time_to_first_chunk", "Time to receive the first chunk."),
            output_chunk: seconds("gen_ai.client.operation.time_per_output_chunk", "Time per output chunk."),
            tokens: tokens.with_boundaries(TOKEN_LIMITS.to_vec()).build(),
        }
    }

    /// Records a request that ended.
    pub fn record(&self, record: &AttemptRecord, run: &RunAttributes) {
        let attributes = run.of_request(record);
        let ended_ms = record.ended.millis_since(record.clock_start());
        let duration_ms = record.request_latency_ms().filter(|_| record.is_ok()).unwrap_or(ended_ms);
        self.duration.record(duration_ms / 1000.0, &attributes);
        if let Some(first_ms) = record.first_text_ms() {
            self.first_chunk.record(first_ms / 1000.0, &attributes);
        }
        for gap_ms in record.gaps_ms() {
            self.output_chunk.record(gap_ms / 1000.0, &attributes);
        }
        let output = record.output_tokens().map(|(tokens, _)| tokens);
        for (kind, tokens) in [("input", record.usage.prompt_tokens), ("output", output)] {
            if let Some(tokens) = tokens {
                let kind = [KeyValue::new(TOKEN_TYPE, kind)];
                self.tokens.record(tokens, &[&attributes[..], &kind[..]].concat());
            }
        }
    }
}

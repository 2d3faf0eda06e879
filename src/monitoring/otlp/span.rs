//! A span for each request, in a trace of its own.

use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceState};
use opentelemetry::{Array, InstrumentationScope, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, SpanData, SpanEvents, SpanLinks};

use super::WallEpoch;
use super::names::{FINISH_REASONS, INPUT_TOKENS, OUTPUT_TOKENS, RunAttributes, TIME_TO_FIRST_CHUNK};
use crate::domain::attempt::AttemptRecord;
use crate::domain::text::sanitise_line;

/// Makes spans of records.
pub struct SpanBuilder {
    attributes: RunAttributes,
    run_id: String,
    cases: Vec<String>,
    epoch: WallEpoch,
    ids: RandomIdGenerator,
    scope: InstrumentationScope,
}

impl SpanBuilder {
    /// Creates a builder for the requests of a run. `cases` are the names of the suite's cases.
    pub fn new(
        attributes: RunAttributes,
        run_id: String,
        cases: Vec<String>,
        epoch: WallEpoch,
        scope: InstrumentationScope,
    ) -> Self {
        Self { attributes, run_id, cases, epoch, ids: RandomIdGenerator::default(), scope }
    }

    /// Returns the span of a request that ended.
    pub fn span(&self, record: &AttemptRecord) -> SpanData {
        let flags = TraceFlags::SAMPLED;
        let (trace, span) = (self.ids.new_trace_id(), self.ids.new_span_id());
        let status = if record.is_ok() {
            Status::Unset
        } else {
            Status::Error { description: sanitise_line(record.failure_kind()).into() }
        };
        SpanData {
            span_context: SpanContext::new(trace, span, flags, false, TraceState::default()),
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            span_kind: SpanKind::Client,
            name: format!("{} {}", self.attributes.operation, sanitise_line(&record.model)).into(),
            start_time: self.epoch.time(record.started),
            end_time: self.epoch.time(record.ended),
            attributes: self.attributes(record),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status,
            instrumentation_scope: self.scope.clone(),
        }
    }

    fn attributes(&self, record: &AttemptRecord) -> Vec<KeyValue> {
        let mut all = self.attributes.of_request(record);
        let case = self.cases.get(record.id.case).map(|case| sanitise_line(case)).unwrap_or_default();
        let attempt = i64::from(record.id.number);
        all.push(KeyValue::new("tokscope.run_id", self.run_id.clone()));
        all.push(KeyValue::new("tokscope.case", case));
        all.push(KeyValue::new("tokscope.attempt", attempt));
        if let Some(reason) = record.finish_reason.as_deref() {
            let reasons = vec![StringValue::from(sanitise_line(reason))];
            all.push(KeyValue::new(FINISH_REASONS, Value::Array(Array::String(reasons))));
        }
        let output = record.output_tokens().map(|(tokens, _)| tokens);
        for (key, tokens) in [(INPUT_TOKENS, record.usage.prompt_tokens), (OUTPUT_TOKENS, output)] {
            all.extend(tokens.and_then(|tokens| i64::try_from(tokens).ok()).map(|tokens| KeyValue::new(key, tokens)));
        }
        all.extend(record.first_text_ms().map(|ms| KeyValue::new(TIME_TO_FIRST_CHUNK, ms / 1000.0)));
        all
    }
}

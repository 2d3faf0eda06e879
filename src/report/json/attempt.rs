//! One attempt in the JSON export.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::domain::attempt::{AttemptError, AttemptRecord, FailedTry, TokenSource};
use crate::domain::check::{CheckResult, ToolCall};
use crate::domain::diagnosis::Finding;
use crate::domain::media::MediaCount;
use crate::domain::metrics::{METRICS, Unit};
use crate::domain::prefix_cache::PrefixCache;
use crate::domain::server_timings::ServerTimings;
use crate::domain::session::AttemptState;
use crate::domain::statistics::{Stats, enough_for};
use crate::domain::time::Nanos;
use crate::domain::time::RFC_3339_MILLIS;
use crate::report::model::Report;

#[derive(Serialize)]
pub struct AttemptJson<'a> {
    number: u32,
    request_id: &'a str,
    status: &'static str,
    warmup: bool,
    /// Number of the turn, from 1; only present in conversations.
    #[serde(skip_serializing_if = "Option::is_none")]
    turn: Option<u16>,
    /// Planned number of turns of the conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    turns: Option<u16>,
    /// Number of the conversation's first attempt, which identifies the conversation within the case.
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation: Option<u32>,
    /// Row of the data set, from 0; only present with a data set.
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<u32>,
    /// Prompt and answer lengths that the workload requested; only present if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_input_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_output_tokens: Option<u32>,
    /// Images and audio in the request; only present if there were any.
    #[serde(skip_serializing_if = "Option::is_none")]
    media: Option<&'a MediaCount>,
    /// Vectors or scores of the answer; only present if it is not text.
    #[serde(skip_serializing_if = "Option::is_none")]
    item_count: Option<u32>,
    /// Numbers in each vector; only present for vectors.
    #[serde(skip_serializing_if = "Option::is_none")]
    embedding_dimensions: Option<u32>,
    /// Concurrency of the sweep's stage or of the run; `null` if only the rate limits requests in flight.
    concurrency: Option<usize>,
    /// Number of the stage of `--stages` in which the attempt was due or sent, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    load_stage: Option<usize>,
    /// Number of the run, from 1; only present in repeated runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<u16>,
    /// Whether the figures of the case and stage include this attempt. A complete rerun replaces earlier attempts.
    reported: bool,
    started_at: String,
    model: &'a str,
    http_status: Option<u16>,
    finish_reason: Option<&'a str>,
    /// Finish reason of each choice; only present if the answer has several choices.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    choice_finish_reasons: &'a [Option<String>],
    error: Option<&'a AttemptError>,
    warnings: Vec<&'a str>,
    findings: &'a [Finding],
    /// Failed tries before the measured one, oldest first.
    retries: Vec<RetryJson<'a>>,
    /// Time from the planned start to `started_at`; only present in an open loop.
    dispatch_delay_ms: Option<f64>,
    /// Part of `dispatch_delay_ms` that tokscope itself caused, while the request was due and a slot was free.
    own_dispatch_delay_ms: Option<f64>,
    /// Stalls of tokscope itself during the attempt.
    observer_stalls: Vec<StallJson>,
    connect_ms: Option<f64>,
    time_to_headers_ms: Option<f64>,
    #[serde(flatten)]
    figures: Figures<'a>,
    inter_chunk_latency_ms: Option<Gaps>,
    /// Reasons why figures are unresolved, by the key of the figure.
    unresolved: BTreeMap<&'static str, String>,
    resolution: Option<ResolutionJson>,
    /// Results of the case's checks, in order; empty without checks and for failed attempts.
    checks: &'a [CheckResult],
    reasoning_token_count: Option<u64>,
    cached_token_count: Option<u64>,
    prefix_cache: PrefixCache,
    prompt_nonce: Option<&'a str>,
    token_count_source: Option<TokenSource>,
    tokenizer_token_count: Option<u64>,
    tokens_in_first_event: Option<u64>,
    time_to_first_counted_token_ms: Option<f64>,
    event_count: u32,
    content_event_count: usize,
    coalesced_event_count: usize,
    first_token_event_index: Option<u32>,
    /// Whether text and reasoning were dropped to save memory, because the run has too many attempts.
    text_dropped: bool,
    server_timings: Option<ServerTimings>,
    text: &'a str,
    reasoning: &'a str,
    /// Tool calls in the first choice, in order; empty if the text was dropped.
    tool_calls: &'a [ToolCall],
}

#[derive(Serialize)]
struct RetryJson<'a> {
    started_at: String,
    kind: &'a str,
    http_status: Option<u16>,
    waited_ms: f64,
}

/// Arrival times of the text and the resulting error of figures.
#[derive(Serialize)]
struct ResolutionJson {
    arrival_times: usize,
    /// Largest share of the events that arrived in a single read.
    largest_read_share: Option<f64>,
    /// Maximum relative error of TTFT; `null` if it is unbounded.
    time_to_first_token_error: Option<f64>,
    /// Maximum relative error of ITL and decode speed; `null` if it is unbounded.
    inter_token_latency_error: Option<f64>,
}

impl ResolutionJson {
    fn from_record(r: &AttemptRecord) -> Option<Self> {
        let resolution = r.resolution().filter(|resolution| resolution.arrival_times > 0)?;
        let (largest, all) = (resolution.largest_read_events as f64, r.content_events());
        Some(Self {
            arrival_times: resolution.arrival_times,
            largest_read_share: (all > 0).then(|| largest / all as f64),
            time_to_first_token_error: r.first_token_error(),
            inter_token_latency_error: r.inter_token_error().filter(|error| error.is_finite()),
        })
    }
}

/// Key for the spread of the gaps between events, which is not in the table of metrics.
const GAPS: &str = "inter_chunk_latency_ms";

fn unresolved(r: &AttemptRecord) -> BTreeMap<&'static str, String> {
    let metrics = METRICS.iter().map(|m| (m.key, (m.unresolved)(r)));
    let all = metrics.chain([(GAPS, r.unresolved_gaps())]);
    all.filter_map(|(key, why)| Some((key, why?.to_string()))).collect()
}

#[derive(Serialize)]
struct StallJson {
    /// Start of the stall relative to the request; negative before the request.
    start_ms: f64,
    length_ms: f64,
}

impl StallJson {
    fn new(&(from, until): &(Nanos, Nanos), r: &AttemptRecord) -> Self {
        let start_ms = from.millis_since(r.started) - r.started.millis_since(from);
        Self { start_ms, length_ms: until.millis_since(from) }
    }
}

#[derive(Serialize)]
struct Gaps {
    p50: f64,
    p90: Option<f64>,
    p99: Option<f64>,
    max: f64,
    n: usize,
}

impl Gaps {
    fn from_stats(stats: &Stats, n: usize) -> Self {
        let percentile = |p, value| enough_for(n, p).then_some(value);
        Self { p50: stats.p50, p90: percentile(90, stats.p90), p99: percentile(99, stats.p99), max: stats.max, n }
    }
}

/// Writes one key per metric of the table.
struct Figures<'a>(&'a AttemptRecord);

impl Serialize for Figures<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(METRICS.len()))?;
        for metric in METRICS {
            match ((metric.get)(self.0), metric.unit) {
                (Some(tokens), Unit::Tokens) => map.serialize_entry(metric.key, &(tokens as u64))?,
                (value, _) => map.serialize_entry(metric.key, &value)?,
            }
        }
        map.end()
    }
}

impl<'a> AttemptJson<'a> {
    pub fn new(report: &Report, attempt: &AttemptState, reported: bool, r: &'a AttemptRecord) -> Self {
        let time = |at| report.wall_time(at).strftime(RFC_3339_MILLIS).to_string();
        let retry = |t: &'a FailedTry| RetryJson {
            started_at: time(t.started),
            kind: &t.kind,
            http_status: t.http_status,
            waited_ms: t.waited_ms,
        };
        let gaps = r.inter_chunk_latency_ms();
        Self {
            number: r.id.number,
            request_id: &r.request_id,
            status: r.status.as_str(),
            warmup: r.warmup,
            turn: attempt.turn.map(|turn| turn.number),
            turns: attempt.turn.map(|turn| turn.of),
            conversation: attempt.turn.map(|turn| turn.conversation),
            row: attempt.row,
            requested_input_tokens: r.lengths.input_tokens,
            requested_output_tokens: r.lengths.output_tokens,
            media: r.media.as_deref(),
            item_count: r.items.map(|items| items.count),
            embedding_dimensions: r.items.and_then(|items| items.dimensions),
            concurrency: report.session.concurrency_in(attempt.stage),
            run: (report.session.run_count() > 1).then_some(attempt.run + 1),
            load_stage: (!report.session.load_stages().is_empty()).then(|| report.session.load_stage_of(attempt) + 1),
            reported,
            started_at: time(r.started),
            model: &r.model,
            http_status: r.http_status,
            finish_reason: r.finish_reason.as_deref(),
            choice_finish_reasons: &r.choice_finish_reasons,
            error: r.error.as_ref(),
            warnings: r.notes().collect(),
            findings: &r.findings,
            retries: r.retries.iter().map(retry).collect(),
            dispatch_delay_ms: r.dispatch_delay_ms(),
            own_dispatch_delay_ms: r.own_delay_ms,
            observer_stalls: r.observer_stalls.iter().map(|stall| StallJson::new(stall, r)).collect(),
            connect_ms: r.connect_ms,
            time_to_headers_ms: r.time_to_headers_ms(),
            figures: Figures(r),
            inter_chunk_latency_ms: gaps.map(|g| Gaps::from_stats(&g, r.content_events().saturating_sub(1))),
            unresolved: unresolved(r),
            resolution: ResolutionJson::from_record(r),
            checks: &r.checks,
            reasoning_token_count: r.usage.reasoning_tokens,
            cached_token_count: r.usage.cached_tokens,
            prefix_cache: r.prefix_cache(),
            prompt_nonce: r.nonce.as_deref(),
            tokenizer_token_count: r.counted_tokens,
            tokens_in_first_event: r.tokens_in_first_event,
            time_to_first_counted_token_ms: r.time_to_first_counted_token_ms(),
            token_count_source: r.output_tokens().map(|(_, source)| source),
            event_count: r.event_count,
            content_event_count: r.content_events(),
            coalesced_event_count: r.coalesced_events(),
            first_token_event_index: r.first_token_event_index,
            text_dropped: r.condensed.is_some(),
            server_timings: r.server_timings,
            text: &r.text,
            reasoning: &r.reasoning,
            tool_calls: &r.tool_calls,
        }
    }
}

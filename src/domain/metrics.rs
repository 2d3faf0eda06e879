//! The table of metrics. Reports, columns, JSON, CSV, thresholds, comparisons and sort keys derive from it.

mod live;

use std::fmt;

pub use self::live::{LiveFigure, LiveStream};
use super::attempt::{AttemptRecord, Unresolved};
use super::task::Task;

/// Unit of a metric's raw value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Milliseconds.
    Milliseconds,
    /// Tokens.
    Tokens,
    /// Tokens per second.
    TokensPerSecond,
    /// Items per second: inputs or documents.
    ItemsPerSecond,
    /// Percent: 0 or 100 for a single request, so that the mean is a share of the requests.
    Percent,
}

/// Answers that have a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppliesTo {
    /// All answers.
    Every,
    /// Generated text.
    Text,
    /// Vectors and scores.
    Items,
}

impl AppliesTo {
    /// Whether answers to this kind of work have the metric.
    pub fn includes(self, task: Task) -> bool {
        match self {
            Self::Every => true,
            Self::Text => task.generates(),
            Self::Items => !task.generates(),
        }
    }
}

/// Direction in which a metric improves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Lower values are better.
    Low,
    /// Higher values are better.
    High,
}

/// Names of a metric in thresholds like `ttft_p95<500ms`.
#[derive(Debug)]
pub struct SloNames {
    /// Name in tokscope.
    pub name: &'static str,
    /// Heading on screen and in reports.
    pub label: &'static str,
    /// Names that other tools use for the same definition.
    pub aliases: &'static [&'static str],
}

/// Column of a metric in the table of cases.
#[derive(Debug)]
pub struct Column {
    /// Heading.
    pub heading: &'static str,
    /// Rank of the column, from left to right. A narrow table drops the columns with the highest ranks first.
    pub rank: u8,
    /// Whether a second column shows the difference from the baseline or from the attempt before.
    pub has_difference: bool,
}

/// Block of a metric in a comparison of two runs.
#[derive(Debug)]
pub struct ComparedAs {
    /// Rank of the block, from the first to the last.
    pub rank: u8,
    /// Heading with the unit.
    pub label: &'static str,
    /// Decimal places.
    pub digits: usize,
}

/// One figure of an attempt.
pub struct Metric {
    /// Key in `results.json`: the field's name, with the unit at the end.
    pub key: &'static str,
    /// Short heading on screen and in reports.
    pub label: &'static str,
    /// Unit of the value that `get` returns.
    pub unit: Unit,
    /// Direction of improvement; `None` if more is neither better nor worse.
    pub better: Option<Better>,
    /// Answers that have the metric.
    pub applies_to: AppliesTo,
    /// Definition in one sentence.
    pub help: &'static str,
    /// Whether the metric counts output tokens, so that it is an estimate if their number is one.
    pub counts_output_tokens: bool,
    /// Whether the metric ends with the first token, so that the prefix cache affects it. Means over warm and cold
    /// answers must be marked.
    pub is_first_token: bool,
    /// Value of a record; `None` if unknown.
    pub get: fn(&AttemptRecord) -> Option<f64>,
    /// Reason why the stream cannot carry the figure; `None` if it can, or if there is no such figure.
    pub unresolved: fn(&AttemptRecord) -> Option<Unresolved>,
    /// Value of a running stream; `None` if the value is not yet known.
    pub live: fn(&LiveStream) -> Option<LiveFigure>,
    /// Column in the table of cases, if any.
    pub column: Option<Column>,
    /// Names in thresholds; `None` if the metric cannot have a threshold.
    pub slo: Option<SloNames>,
    /// Block in a comparison of two runs, if any.
    pub compared: Option<ComparedAs>,
}

/// Two metrics are equal if their keys are.
impl PartialEq for Metric {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Metric {}

impl Metric {
    /// Returns whether the mean is a share of the requests. Such a metric has Wilson's interval and no meaningful
    /// percentiles.
    pub fn is_share(&self) -> bool {
        self.unit == Unit::Percent
    }
}

impl fmt::Debug for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Metric({})", self.key)
    }
}

/// Metrics of single attempts, in the order of reports. Keys are only ever added.
pub static METRICS: &[&Metric] = &[
    &TTFT,
    &TTFO,
    &LATENCY,
    &ITL,
    &SPEED,
    &DECODE,
    &PREFILL,
    &INPUT_TOKENS,
    &OUTPUT_TOKENS,
    &PASS_RATE,
    &ITEM_RATE,
    &INPUT_RATE,
];

/// Metrics that can have thresholds but are not reported, because they measure the schedule, not the server.
static THRESHOLD_ONLY: &[&Metric] = &[&QUEUE];

/// Metrics that support thresholds, with their names.
pub fn with_thresholds() -> impl Iterator<Item = (&'static Metric, &'static SloNames)> {
    METRICS.iter().chain(THRESHOLD_ONLY).filter_map(|m| Some((*m, m.slo.as_ref()?)))
}

/// Time to first token.
pub static TTFT: Metric = Metric {
    key: "time_to_first_token_ms",
    label: "TTFT",
    unit: Unit::Milliseconds,
    better: Some(Better::Low),
    applies_to: AppliesTo::Text,
    help: "from sending the request, with --rate from its intended start, to the first event with generated text of any kind",
    counts_output_tokens: false,
    is_first_token: true,
    get: AttemptRecord::time_to_first_token_ms,
    unresolved: AttemptRecord::unresolved_first_token,
    live: live::ttft,
    column: Some(Column { heading: "TTFT", rank: 1, has_difference: true }),
    slo: Some(SloNames { name: "ttft", label: "TTFT", aliases: &["time_to_first_token"] }),
    compared: Some(ComparedAs { rank: 0, label: "TTFT, ms", digits: 0 }),
};

/// Time to first output token: the first token that is not reasoning.
pub static TTFO: Metric = Metric {
    key: "time_to_first_output_token_ms",
    label: "TTFO",
    unit: Unit::Milliseconds,
    better: Some(Better::Low),
    applies_to: AppliesTo::Text,
    help: "to the first generated text that is not reasoning",
    counts_output_tokens: false,
    is_first_token: true,
    get: AttemptRecord::time_to_first_output_token_ms,
    unresolved: AttemptRecord::unresolved_first_output_token,
    live: live::not_before_the_end,
    column: Some(Column { heading: "TTFO", rank: 14, has_difference: false }),
    slo: Some(SloNames { name: "ttfo", label: "TTFO", aliases: &["ttfot", "time_to_first_output_token"] }),
    compared: None,
};

/// End-to-end latency of a request.
pub static LATENCY: Metric = Metric {
    key: "request_latency_ms",
    label: "Time",
    unit: Unit::Milliseconds,
    better: Some(Better::Low),
    applies_to: AppliesTo::Every,
    help: "to the last event with generated text or the finish reason",
    counts_output_tokens: false,
    is_first_token: false,
    get: AttemptRecord::request_latency_ms,
    unresolved: AttemptRecord::always_resolved,
    live: live::elapsed,
    column: Some(Column { heading: "Time", rank: 5, has_difference: false }),
    slo: Some(SloNames {
        name: "latency",
        label: "Latency",
        aliases: &["e2e", "e2el", "e2e_latency", "e2e_request_latency", "end_to_end_latency", "request_latency"],
    }),
    compared: Some(ComparedAs { rank: 4, label: "Latency, ms", digits: 0 }),
};

/// Inter-token latency.
pub static ITL: Metric = Metric {
    key: "inter_token_latency_ms",
    label: "ITL",
    unit: Unit::Milliseconds,
    better: Some(Better::Low),
    applies_to: AppliesTo::Text,
    help: "(last token − first token) / (output tokens − tokens in the first event)",
    counts_output_tokens: true,
    is_first_token: false,
    get: AttemptRecord::inter_token_latency_ms,
    unresolved: AttemptRecord::unresolved_inter_token,
    live: live::inter_token,
    column: Some(Column { heading: "ITL", rank: 11, has_difference: false }),
    // vLLM, SGLang and genai-bench define `tpot` as (E2E latency − TTFT) / (output tokens − 1): the same figure.
    slo: Some(SloNames { name: "itl", label: "ITL", aliases: &["tpot", "inter_token_latency"] }),
    compared: Some(ComparedAs { rank: 1, label: "ITL, ms", digits: 2 }),
};

/// Output tokens per second of request latency.
pub static SPEED: Metric = Metric {
    key: "output_token_throughput",
    label: "Speed",
    unit: Unit::TokensPerSecond,
    better: Some(Better::High),
    applies_to: AppliesTo::Text,
    help: "output tokens / request latency",
    counts_output_tokens: true,
    is_first_token: false,
    get: AttemptRecord::output_tokens_per_s,
    unresolved: AttemptRecord::unresolved_speed,
    live: live::speed,
    column: Some(Column { heading: "Speed", rank: 2, has_difference: true }),
    slo: Some(SloNames { name: "speed", label: "Speed", aliases: &[] }),
    compared: Some(ComparedAs { rank: 2, label: "Speed, tok/s", digits: 1 }),
};

/// Decode speed of a stream.
pub static DECODE: Metric = Metric {
    key: "output_token_throughput_per_user",
    label: "Decode",
    unit: Unit::TokensPerSecond,
    better: Some(Better::High),
    applies_to: AppliesTo::Text,
    help: "1000 / inter-token latency: the speed once tokens flow",
    counts_output_tokens: true,
    is_first_token: false,
    get: AttemptRecord::decode_tokens_per_s,
    unresolved: AttemptRecord::unresolved_inter_token,
    live: live::decode,
    column: Some(Column { heading: "Decode", rank: 9, has_difference: false }),
    slo: Some(SloNames {
        name: "decode",
        label: "Decode",
        aliases: &["output_token_throughput_per_user", "output_inference_speed", "decode_speed"],
    }),
    compared: None,
};

/// Prefill speed. `AIPerf`'s metric of this name also counts cached tokens.
pub static PREFILL: Metric = Metric {
    key: "prefill_throughput_per_user",
    label: "Prefill",
    unit: Unit::TokensPerSecond,
    better: Some(Better::High),
    applies_to: AppliesTo::Text,
    help: "prompt tokens without cached ones / TTFT, from 256 tokens on",
    counts_output_tokens: false,
    is_first_token: false,
    get: AttemptRecord::prefill_tokens_per_s,
    unresolved: AttemptRecord::unresolved_prefill,
    live: live::not_before_the_end,
    // Only runs that measure context depths show this column.
    column: Some(Column { heading: "Prefill", rank: 3, has_difference: false }),
    slo: Some(SloNames { name: "prefill", label: "Prefill", aliases: &["prefill_throughput_per_user"] }),
    compared: Some(ComparedAs { rank: 6, label: "Prefill, tok/s", digits: 1 }),
};

/// Tokens of the prompt.
pub static INPUT_TOKENS: Metric = Metric {
    key: "input_sequence_length",
    label: "Prompt",
    unit: Unit::Tokens,
    better: None,
    applies_to: AppliesTo::Every,
    help: "prompt tokens reported by the server",
    counts_output_tokens: false,
    is_first_token: false,
    get: |a| a.usage.prompt_tokens.map(|n| n as f64),
    unresolved: AttemptRecord::always_resolved,
    live: live::not_before_the_end,
    column: Some(Column { heading: "Prompt", rank: 12, has_difference: false }),
    slo: None,
    compared: None,
};

/// Generated tokens, reasoning included.
pub static OUTPUT_TOKENS: Metric = Metric {
    key: "output_sequence_length",
    label: "Tokens",
    unit: Unit::Tokens,
    better: None,
    applies_to: AppliesTo::Text,
    help: "generated tokens, reasoning included",
    counts_output_tokens: true,
    is_first_token: false,
    get: |a| a.output_tokens().map(|(n, _source)| n as f64),
    unresolved: AttemptRecord::unresolved_tokens,
    live: live::tokens,
    column: Some(Column { heading: "Tokens", rank: 4, has_difference: false }),
    slo: None,
    compared: Some(ComparedAs { rank: 3, label: "Output tokens", digits: 0 }),
};

/// Whether an answer passes all its checks: 100 or 0. The mean is the pass rate.
pub static PASS_RATE: Metric = Metric {
    key: "pass_rate",
    label: "Pass rate",
    unit: Unit::Percent,
    better: Some(Better::High),
    applies_to: AppliesTo::Text,
    help: "complete answers that pass all checks of their case, in percent of those with checks",
    counts_output_tokens: false,
    is_first_token: false,
    get: |a| a.passes().map(|passes| if passes { 100.0 } else { 0.0 }),
    unresolved: AttemptRecord::always_resolved,
    live: live::not_before_the_end,
    // Dropped first in a narrow table, because the status of each row still shows which answers are wrong.
    column: Some(Column { heading: "Pass", rank: 10, has_difference: false }),
    // Thresholds on the pass rate are about the whole run: `pass_rate>95%`.
    slo: None,
    compared: Some(ComparedAs { rank: 5, label: "Pass rate, %", digits: 1 }),
};

/// Items of an answer per second of its latency.
pub static ITEM_RATE: Metric = Metric {
    key: "item_throughput_per_request",
    label: "Items/s",
    unit: Unit::ItemsPerSecond,
    better: Some(Better::High),
    applies_to: AppliesTo::Items,
    help: "inputs of an embeddings request, or documents of a rerank request / request latency",
    counts_output_tokens: false,
    is_first_token: false,
    get: AttemptRecord::items_per_s,
    unresolved: AttemptRecord::always_resolved,
    live: live::not_before_the_end,
    column: Some(Column { heading: "Items/s", rank: 15, has_difference: true }),
    slo: Some(SloNames { name: "items", label: "Items/s", aliases: &["item_throughput_per_request"] }),
    compared: Some(ComparedAs { rank: 7, label: "Items per second", digits: 1 }),
};

/// Prompt tokens of an answer that is not text per second of its latency.
pub static INPUT_RATE: Metric = Metric {
    key: "input_token_throughput_per_request",
    label: "Input speed",
    unit: Unit::TokensPerSecond,
    better: Some(Better::High),
    applies_to: AppliesTo::Items,
    help: "prompt tokens of an embeddings or rerank request / request latency",
    counts_output_tokens: false,
    is_first_token: false,
    get: AttemptRecord::input_tokens_per_s,
    unresolved: AttemptRecord::always_resolved,
    live: live::not_before_the_end,
    column: Some(Column { heading: "Input tok/s", rank: 16, has_difference: false }),
    slo: Some(SloNames { name: "input_speed", label: "Input speed", aliases: &["input_token_throughput_per_request"] }),
    compared: Some(ComparedAs { rank: 8, label: "Input speed, tok/s", digits: 1 }),
};

/// Delay between the intended start of a request and its dispatch; only in an open loop.
pub static QUEUE: Metric = Metric {
    key: "dispatch_delay_ms",
    label: "Queue",
    unit: Unit::Milliseconds,
    better: Some(Better::Low),
    applies_to: AppliesTo::Every,
    help: "from the intended start of the request to its dispatch",
    counts_output_tokens: false,
    is_first_token: false,
    get: AttemptRecord::dispatch_delay_ms,
    unresolved: AttemptRecord::always_resolved,
    live: live::not_before_the_end,
    column: None,
    slo: Some(SloNames { name: "queue", label: "Queue", aliases: &["queue_time", "queue_delay", "dispatch_delay"] }),
    compared: None,
};

#[cfg(test)]
mod tests {
    use super::{METRICS, Metric, with_thresholds};
    use crate::domain::attempt::{Arrival, AttemptId, AttemptRecord, TextKind};
    use crate::domain::time::Nanos;

    #[test]
    fn only_metrics_marked_as_counting_tokens_depend_on_their_number() {
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

    #[test]
    fn ranks_and_names_of_thresholds_are_unique() {
        let has_duplicates = |mut all: Vec<String>| {
            let n = all.len();
            all.sort();
            all.dedup();
            all.len() < n
        };
        let collect =
            |get: fn(&Metric) -> Option<u8>| METRICS.iter().filter_map(|m| Some(get(m)?.to_string())).collect();
        assert!(!has_duplicates(collect(|m| m.column.as_ref().map(|c| c.rank))));
        assert!(!has_duplicates(collect(|m| m.compared.as_ref().map(|c| c.rank))));
        let names = with_thresholds().flat_map(|(_, slo)| slo.aliases.iter().chain([&slo.name]));
        assert!(!has_duplicates(names.map(|name| (*name).to_owned()).collect()));
    }
}

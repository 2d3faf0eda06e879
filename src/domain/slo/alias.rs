//! Names that other tools use for the figures of thresholds.
//!
//! Aliases of the figures of single requests are in the table of metrics. A name is an alias only if the other tool's
//! definition is the same; where definitions differ, [`hint`] says so.

/// Aliases of figures of the run, with tokscope's names.
const RUN_ALIASES: [(&str, &str); 9] = [
    ("output_throughput", "throughput"),
    ("output_token_throughput", "throughput"),
    ("output_tokens_per_second", "throughput"),
    ("request_throughput", "requests"),
    ("requests_per_second", "requests"),
    ("request_rate", "requests"),
    ("request_goodput", "goodput"),
    ("failure_rate", "error_rate"),
    ("request_error_rate", "error_rate"),
];

/// Aliases of statistics, with tokscope's names.
const STATISTIC_ALIASES: [(&str, &str); 5] =
    [("mean", "avg"), ("average", "avg"), ("median", "p50"), ("minimum", "min"), ("maximum", "max")];

/// Returns tokscope's name of a figure of the run; any other name unchanged.
pub(super) fn run_figure(name: &str) -> &str {
    own_name(&RUN_ALIASES, name)
}

/// Returns tokscope's name of a statistic; any other name unchanged.
pub(super) fn statistic(name: &str) -> &str {
    own_name(&STATISTIC_ALIASES, name)
}

fn own_name<'a>(aliases: &[(&str, &'static str)], name: &'a str) -> &'a str {
    aliases.iter().find(|(other, _)| *other == name).map_or(name, |(_, own)| *own)
}

/// Suggests an alternative to another tool's figure that cannot have a threshold here.
pub(super) fn hint(name: &str) -> Option<&'static str> {
    let has = |part: &str| name.contains(part);
    if has("time_per_output_token") {
        return Some(
            "guidellm's time_per_output_token includes the first token; use 'tpot' or 'itl' without it, or 'latency' for the whole request",
        );
    }
    if has("inter_chunk_latency") || has("icl") {
        return Some("gaps between chunks cannot have a threshold; 'itl' is the mean time per token of each request");
    }
    if has("total_token_throughput") || has("input_throughput") || has("prompt_tokens_per_second") {
        return Some("prompt throughput cannot have a threshold; 'throughput' counts output tokens");
    }
    if name.starts_with("std_") || name.ends_with("_std") {
        return Some("a standard deviation cannot have a threshold; use a percentile, like ttft_p95");
    }
    None
}

//! Names that other tools give to the figures of thresholds.
//!
//! Those of single requests stand in the table of metrics. A name is an alias only where the other tool's definition is the same as ours; where definitions differ, [`hint`] says so.

/// Other names of figures of the run, and ours.
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

/// Other names of statistics, and ours.
const STATISTIC_ALIASES: [(&str, &str); 5] =
    [("mean", "avg"), ("average", "avg"), ("median", "p50"), ("minimum", "min"), ("maximum", "max")];

/// Our name of a run's figure; the name itself if it has no other.
pub(super) fn run_figure(name: &str) -> &str {
    own_name(&RUN_ALIASES, name)
}

/// Our name of a statistic; the name itself if it has no other.
pub(super) fn statistic(name: &str) -> &str {
    own_name(&STATISTIC_ALIASES, name)
}

fn own_name<'a>(aliases: &[(&str, &'static str)], name: &'a str) -> &'a str {
    aliases.iter().find(|(other, _)| *other == name).map_or(name, |(_, own)| *own)
}

/// What to take instead of a name that other tools use for a figure which thresholds cannot have.
pub(super) fn hint(name: &str) -> Option<&'static str> {
    let has = |part: &str| name.contains(part);
    if has("time_per_output_token") {
        return Some(
            "guidellm's time_per_output_token includes the first token; 'tpot' or 'itl' leaves it out, 'latency' is the whole",
        );
    }
    if has("inter_chunk_latency") || has("icl") {
        return Some("gaps between chunks have no threshold; 'itl' is the mean time per token of each request");
    }
    if has("total_token_throughput") || has("input_throughput") || has("prompt_tokens_per_second") {
        return Some("prompt tokens have no throughput here; 'throughput' counts output tokens");
    }
    if name.starts_with("std_") || name.ends_with("_std") {
        return Some("a standard deviation has no threshold; take a percentile, like ttft_p95");
    }
    None
}

//! What servers call their own gauges, on pages in Prometheus' format.
//!
//! vLLM, SGLang, TensorRT-LLM and LMDeploy tell shares as 0 to 1; counters have an instance for each engine and rank, which are
//! added up; shares are never added. Names come with `:` or `_` behind the prefix, counters with and without `_total`.

use super::prometheus::{Sample, samples};
use crate::domain::live::SIMULATOR_KIND;
use crate::domain::server_gauges::{Meter, ServerGauges};

/// Where servers keep the page, below the root of the host, in the order to ask.
pub const PATHS: &[&str] = &["/metrics", "/prometheus/metrics", "/v1/metrics"];

/// How the instances of a metric become one figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// Added up.
    Sum,
    /// A share from 0 to 1: the highest, in percent.
    Share,
}

type Row = (Meter, How, &'static [&'static str]);

/// One server's names.
#[derive(Debug)]
struct Dialect {
    kind: &'static str,
    /// How a look disturbs it.
    warning: Option<&'static str>,
    /// Of several names, newer ones first; the first that is there counts.
    rows: &'static [Row],
}

use How::{Share, Sum};
use Meter as M;

const DIALECTS: &[Dialect] = &[
    Dialect {
        kind: "vLLM",
        warning: None,
        rows: &[
            (M::Running, Sum, &["vllm_num_requests_running"]),
            (M::Waiting, Sum, &["vllm_num_requests_waiting", "vllm_num_requests_waiting_by_reason"]),
            (M::KvCache, Share, &["vllm_kv_cache_usage_perc", "vllm_gpu_cache_usage_perc"]),
            (M::PrefixHits, Sum, &["vllm_prefix_cache_hits", "vllm_gpu_prefix_cache_hits"]),
            (M::PrefixQueries, Sum, &["vllm_prefix_cache_queries", "vllm_gpu_prefix_cache_queries"]),
            (M::Preemptions, Sum, &["vllm_num_preemptions"]),
            (M::GeneratedTokens, Sum, &["vllm_generation_tokens"]),
            (M::PromptTokens, Sum, &["vllm_prompt_tokens"]),
            (M::DraftTokens, Sum, &["vllm_spec_decode_num_draft_tokens"]),
            (M::AcceptedTokens, Sum, &["vllm_spec_decode_num_accepted_tokens"]),
            (M::TtftSeconds, Sum, &["vllm_time_to_first_token_seconds_sum"]),
            (M::TtftCount, Sum, &["vllm_time_to_first_token_seconds_count"]),
            (M::QueueSeconds, Sum, &["vllm_request_queue_time_seconds_sum"]),
            (M::QueueCount, Sum, &["vllm_request_queue_time_seconds_count"]),
        ],
    },
    Dialect {
        kind: "SGLang",
        warning: None,
        rows: &[
            (M::Running, Sum, &["sglang_num_running_reqs"]),
            (M::Waiting, Sum, &["sglang_num_queue_reqs"]),
            (M::KvCache, Share, &["sglang_token_usage"]),
            (M::PrefixHitRate, Share, &["sglang_cache_hit_rate"]),
            (M::Retracted, Sum, &["sglang_num_retracted_reqs"]),
            (M::GeneratedTokens, Sum, &["sglang_generation_tokens"]),
            (M::PromptTokens, Sum, &["sglang_prompt_tokens"]),
            (M::TtftSeconds, Sum, &["sglang_time_to_first_token_seconds_sum"]),
            (M::TtftCount, Sum, &["sglang_time_to_first_token_seconds_count"]),
            (M::QueueSeconds, Sum, &["sglang_queue_time_seconds_sum"]),
            (M::QueueCount, Sum, &["sglang_queue_time_seconds_count"]),
        ],
    },
    Dialect {
        kind: "llama.cpp",
        warning: Some(
            "in llama.cpp each look at its metrics is a task on the queue that the answers come from, and begins anew the \
             averages that others read there",
        ),
        rows: &[
            (M::Running, Sum, &["llamacpp_requests_processing"]),
            (M::Waiting, Sum, &["llamacpp_requests_deferred"]),
            (M::GeneratedTokens, Sum, &["llamacpp_tokens_predicted"]),
            (M::PromptTokens, Sum, &["llamacpp_prompt_tokens"]),
            (M::DraftTokens, Sum, &["llamacpp_spec_decode_num_draft_tokens"]),
            (M::AcceptedTokens, Sum, &["llamacpp_spec_decode_num_accepted_tokens"]),
        ],
    },
    Dialect {
        kind: "TGI",
        warning: None,
        rows: &[
            (M::Running, Sum, &["tgi_batch_current_size"]),
            (M::Waiting, Sum, &["tgi_queue_size"]),
            (M::GeneratedTokens, Sum, &["tgi_request_generated_tokens_sum"]),
            (M::PromptTokens, Sum, &["tgi_request_input_length_sum"]),
            (M::QueueSeconds, Sum, &["tgi_request_queue_duration_sum"]),
            (M::QueueCount, Sum, &["tgi_request_queue_duration_count"]),
        ],
    },
    Dialect {
        kind: "TensorRT-LLM",
        warning: None,
        rows: &[
            (M::Running, Sum, &["trtllm_num_requests_running"]),
            (M::Waiting, Sum, &["trtllm_num_requests_waiting"]),
            (M::KvCache, Share, &["trtllm_kv_cache_utilization"]),
            (M::PrefixHitRate, Share, &["trtllm_kv_cache_hit_rate"]),
            (M::GeneratedTokens, Sum, &["trtllm_generation_tokens"]),
            (M::PromptTokens, Sum, &["trtllm_prompt_tokens"]),
            (M::DraftTokens, Sum, &["trtllm_spec_decode_num_draft_tokens"]),
            (M::AcceptedTokens, Sum, &["trtllm_spec_decode_num_accepted_tokens"]),
            (M::TtftSeconds, Sum, &["trtllm_time_to_first_token_seconds_sum"]),
            (M::TtftCount, Sum, &["trtllm_time_to_first_token_seconds_count"]),
        ],
    },
    Dialect {
        kind: "LMDeploy",
        warning: None,
        rows: &[
            (M::Running, Sum, &["lmdeploy_num_requests_running"]),
            (M::Waiting, Sum, &["lmdeploy_num_requests_waiting"]),
            (M::KvCache, Share, &["lmdeploy_gpu_cache_usage_perc"]),
            (M::PrefixHitRate, Share, &["lmdeploy_prefix_cache_hit_rate"]),
            (M::GeneratedTokens, Sum, &["lmdeploy_generation_tokens"]),
            (M::PromptTokens, Sum, &["lmdeploy_prompt_tokens"]),
        ],
    },
    Dialect {
        kind: "NIM",
        warning: None,
        rows: &[
            (M::Running, Sum, &["num_requests_running"]),
            (M::Waiting, Sum, &["num_requests_waiting"]),
            (M::KvCache, Share, &["gpu_cache_usage_perc"]),
            (M::GeneratedTokens, Sum, &["generation_tokens"]),
            (M::PromptTokens, Sum, &["prompt_tokens"]),
        ],
    },
    Dialect {
        kind: SIMULATOR_KIND,
        warning: None,
        rows: &[
            (M::Running, Sum, &["tokscope_sim_requests_running"]),
            (M::Waiting, Sum, &["tokscope_sim_requests_waiting"]),
            (M::GeneratedTokens, Sum, &["tokscope_sim_generated_tokens"]),
            (M::PromptTokens, Sum, &["tokscope_sim_prompt_tokens"]),
        ],
    },
];

/// What a page tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Told {
    /// Whose names these are.
    pub kind: &'static str,
    /// How looking disturbs that server.
    pub warning: Option<&'static str>,
    /// The figures.
    pub gauges: ServerGauges,
}

/// Reads a page; `None` where it has no figure of any server that is known.
pub fn read(page: &str) -> Option<Told> {
    let of = |dialect: &Dialect| {
        let gauges = dialect.read(page);
        Told { kind: dialect.kind, warning: dialect.warning, gauges }
    };
    // A proxy or a front end may show some of another's names: the one that is told the most of is the one.
    let told = DIALECTS.iter().map(of).max_by_key(|told| told.gauges.told())?;
    (told.gauges.told() > 0).then_some(told)
}

impl Dialect {
    fn read(&self, page: &str) -> ServerGauges {
        // For each row the place of its name in the list, and what its instances make so far.
        let mut found: Vec<Option<(usize, f64)>> = vec![None; self.rows.len()];
        for sample in samples(page).filter(|s| s.value.is_finite()) {
            for ((_, how, names), found) in self.rows.iter().zip(&mut found) {
                let Some(rank) = names.iter().position(|name| is_called(&sample, name)) else { continue };
                *found = match *found {
                    Some((better, value)) if better < rank => Some((better, value)),
                    Some((same, value)) if same == rank => Some((same, how.joined(value, sample.value))),
                    _ => Some((rank, sample.value)),
                };
            }
        }
        let mut gauges = ServerGauges::default();
        for ((meter, how, _), (_, value)) in self.rows.iter().zip(found).filter_map(|(row, found)| Some((row, found?)))
        {
            let value = if *how == Share { value * 100.0 } else { value };
            // Beyond all numbers together is no figure either.
            if value.is_finite() {
                gauges.set(*meter, value);
            }
        }
        gauges
    }
}

impl How {
    fn joined(self, one: f64, other: f64) -> f64 {
        match self {
            Sum => one + other,
            Share => one.max(other),
        }
    }
}

/// Whether a sample has that name, up to the sign behind the prefix and `_total` at the end.
fn is_called(sample: &Sample<'_>, name: &str) -> bool {
    let told = sample.name.strip_suffix("_total").unwrap_or(sample.name);
    told.len() == name.len() && told.bytes().zip(name.bytes()).all(|(a, b)| a == b || a == b':' && b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(page: &str, meters: &[Meter]) -> (Option<&'static str>, Vec<Option<f64>>) {
        let told = read(page);
        (told.map(|t| t.kind), meters.iter().map(|m| told.and_then(|t| t.gauges.get(*m))).collect())
    }

    #[test]
    fn vllm_of_two_engines_old_and_new_names() {
        let page = r#"
vllm:num_requests_running{engine="0",model_name="m"} 3.0
vllm:num_requests_running{engine="1",model_name="m"} 2.0
vllm:num_requests_waiting{engine="0",model_name="m"} 0.0
vllm:num_requests_waiting_by_reason{engine="0",reason="capacity"} 9.0
vllm:kv_cache_usage_perc{engine="0"} 0.25
vllm:kv_cache_usage_perc{engine="1"} 0.75
vllm:gpu_cache_usage_perc{engine="0"} 0.99
vllm:generation_tokens_total{engine="0"} 1000.0
vllm:generation_tokens_total{engine="1"} 234.0
vllm:time_to_first_token_seconds_bucket{le="+Inf"} 7
vllm:time_to_first_token_seconds_sum 1.5
"#;
        let meters = [M::Running, M::Waiting, M::KvCache, M::GeneratedTokens, M::TtftSeconds, M::Preemptions];
        let expected = vec![Some(5.0), Some(0.0), Some(75.0), Some(1234.0), Some(1.5), None];
        assert_eq!(figures(page, &meters), (Some("vLLM"), expected));
        let old = "vllm:gpu_cache_usage_perc 0.5\nvllm_num_requests_running 1\n";
        assert_eq!(figures(old, &[M::KvCache, M::Running]), (Some("vLLM"), vec![Some(50.0), Some(1.0)]));
    }

    #[test]
    fn each_server_by_its_own_names() {
        let of = |page: &str| figures(page, &[M::Running, M::Waiting, M::KvCache, M::GeneratedTokens]);
        let some = |kind, figures: [Option<f64>; 4]| (Some(kind), figures.to_vec());
        assert_eq!(
            of(
                "sglang:num_running_reqs 4\nsglang:num_queue_reqs 1\nsglang:token_usage 0.1\nsglang:generation_tokens_total 9"
            ),
            some("SGLang", [Some(4.0), Some(1.0), Some(10.0), Some(9.0)])
        );
        assert_eq!(
            of(
                "trtllm_num_requests_running 2\ntrtllm_kv_cache_utilization{rank=\"0\"} 0.5\ntrtllm_generation_tokens_total 8"
            ),
            some("TensorRT-LLM", [Some(2.0), None, Some(50.0), Some(8.0)])
        );
        assert_eq!(
            of(
                "tgi_batch_current_size 3\ntgi_queue_size 5\ntgi_request_generated_tokens_sum 70\ntgi_request_generated_tokens_count 2"
            ),
            some("TGI", [Some(3.0), Some(5.0), None, Some(70.0)])
        );
        assert_eq!(
            of("num_requests_running 1\nnum_requests_waiting 0\ngpu_cache_usage_perc NaN\ngeneration_tokens_total 5"),
            some("NIM", [Some(1.0), Some(0.0), None, Some(5.0)])
        );
    }

    #[test]
    fn llama_cpp_warns() {
        let told = read("llamacpp:requests_processing 1\nllamacpp:tokens_predicted_total 40\n").unwrap();
        assert_eq!(told.gauges.get(M::GeneratedTokens), Some(40.0));
        assert!(told.warning.is_some());
    }

    #[test]
    fn a_page_of_something_else_tells_nothing() {
        assert_eq!(read("go_goroutines 12\nprocess_cpu_seconds_total 3.5\n"), None);
        assert_eq!(read("<html>not found</html>"), None);
        assert_eq!(read("{\"error\": {\"code\": 501}}"), None);
    }

    #[test]
    fn no_name_stands_in_two_dialects() {
        let names: Vec<_> = DIALECTS.iter().flat_map(|d| d.rows).flat_map(|(_, _, names)| *names).collect();
        for (i, name) in names.iter().enumerate() {
            assert!(!names[i + 1..].contains(name), "{name}");
            assert!(!name.contains(':') && !name.ends_with("_total"), "{name} can never be met");
        }
    }
}

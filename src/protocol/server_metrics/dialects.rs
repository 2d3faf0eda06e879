//! Metric names of each kind of server.
//!
//! Pages written by the servers themselves are in `tests/data/server-metrics`.

use super::Combine::{Engines, Parts, Share, Sum};
use super::Dialect;
use crate::domain::live::SIMULATOR_KIND;
use crate::domain::server_gauges::Meter as M;

pub(super) const DIALECTS: &[Dialect] = &[
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
            (M::DecodedTokens, Sum, &["vllm_generation_tokens"]),
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
            (M::Running, Engines, &["sglang_num_running_reqs"]),
            (M::Waiting, Engines, &["sglang_num_queue_reqs"]),
            (M::KvCache, Share, &["sglang_token_usage"]),
            (M::PrefixHitRate, Share, &["sglang_cache_hit_rate"]),
            (M::PrefixHits, Sum, &["sglang_cached_tokens"]),
            (M::PrefixQueries, Sum, &["sglang_prompt_tokens"]),
            (M::Retracted, Engines, &["sglang_num_retracted_reqs"]),
            (M::Preemptions, Engines, &["sglang_num_retracted_requests"]),
            (M::GeneratedTokens, Sum, &["sglang_generation_tokens"]),
            // Excludes the first token of each answer, which the prefill produces.
            (M::DecodedTokens, Engines, &["sglang_realtime_tokens{mode=decode}"]),
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
            "each read of llama.cpp's metrics runs as a task on the queue of the requests, and resets the averages that \
            other readers see there",
        ),
        rows: &[
            (M::Running, Sum, &["llamacpp_requests_processing"]),
            (M::Waiting, Sum, &["llamacpp_requests_deferred"]),
            (M::PrefixHits, Sum, &["llamacpp_prompt_tokens_cached"]),
            (M::PrefixQueries, Parts, &["llamacpp_prompt_tokens", "llamacpp_prompt_tokens_cached"]),
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
            (M::PrefixHits, Sum, &["trtllm_prompt_cached_tokens"]),
            (M::PrefixQueries, Sum, &["trtllm_prompt_tokens"]),
            (M::Retracted, Sum, &["trtllm_num_paused_requests"]),
            (M::GeneratedTokens, Sum, &["trtllm_generation_tokens"]),
            (M::PromptTokens, Sum, &["trtllm_prompt_tokens"]),
            (M::DraftTokens, Sum, &["trtllm_spec_decode_num_draft_tokens", "trtllm_spec_decode_drafted_tokens"]),
            (M::AcceptedTokens, Sum, &["trtllm_spec_decode_num_accepted_tokens", "trtllm_spec_decode_accepted_tokens"]),
            (M::TtftSeconds, Sum, &["trtllm_time_to_first_token_seconds_sum"]),
            (M::TtftCount, Sum, &["trtllm_time_to_first_token_seconds_count"]),
            (M::QueueSeconds, Sum, &["trtllm_request_queue_time_seconds_sum"]),
            (M::QueueCount, Sum, &["trtllm_request_queue_time_seconds_count"]),
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
            (M::PrefixHits, Sum, &["lmdeploy_cached_tokens"]),
            (M::PrefixQueries, Sum, &["lmdeploy_prompt_tokens"]),
            (M::GeneratedTokens, Sum, &["lmdeploy_generation_tokens"]),
            (M::DecodedTokens, Sum, &["lmdeploy_generation_tokens"]),
            (M::PromptTokens, Sum, &["lmdeploy_prompt_tokens"]),
            (M::DraftTokens, Sum, &["lmdeploy_spec_decode_num_draft_tokens"]),
            (M::AcceptedTokens, Sum, &["lmdeploy_spec_decode_num_accepted_tokens"]),
            (M::TtftSeconds, Sum, &["lmdeploy_time_to_first_token_seconds_sum"]),
            (M::TtftCount, Sum, &["lmdeploy_time_to_first_token_seconds_count"]),
            (M::QueueSeconds, Sum, &["lmdeploy_request_queue_time_seconds_sum"]),
            (M::QueueCount, Sum, &["lmdeploy_request_queue_time_seconds_count"]),
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
            (M::DecodedTokens, Sum, &["generation_tokens"]),
            (M::PromptTokens, Sum, &["prompt_tokens"]),
            (M::TtftSeconds, Sum, &["time_to_first_token_seconds_sum"]),
            (M::TtftCount, Sum, &["time_to_first_token_seconds_count"]),
        ],
    },
    Dialect {
        kind: SIMULATOR_KIND,
        warning: None,
        rows: &[
            (M::Running, Sum, &["tokscope_sim_requests_running"]),
            (M::Waiting, Sum, &["tokscope_sim_requests_waiting"]),
            (M::GeneratedTokens, Sum, &["tokscope_sim_generated_tokens"]),
            (M::DecodedTokens, Sum, &["tokscope_sim_generated_tokens"]),
            (M::PromptTokens, Sum, &["tokscope_sim_prompt_tokens"]),
        ],
    },
];

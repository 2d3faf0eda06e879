//! Stages for tests.

use super::Stage;
use crate::domain::pass_rate::PassRate;
use crate::domain::prefix_cache::CacheDoubts;

/// A stage with complete answers and only these figures.
pub fn stage(concurrency: usize, requests: usize, tokens_per_s: f64, latency_ms: f64) -> Stage {
    Stage {
        concurrency,
        requests,
        ok: requests,
        requests_per_s: None,
        tokens_per_s: Some(tokens_per_s),
        items_per_s: None,
        input_tokens_per_s: None,
        tokens_per_s_per_user: None,
        ttft_p50_ms: None,
        ttft_p95_ms: None,
        itl_p50_ms: None,
        itl_p95_ms: None,
        latency_p50_ms: Some(latency_ms),
        latency_p95_ms: None,
        doubts: CacheDoubts::default(),
        pass_rate: PassRate::default(),
        unresolved_first_token: 0,
        unresolved_inter_token: 0,
        estimated: false,
        slo_met: None,
    }
}

/// Five stages that bend after the third.
pub fn bent() -> Vec<Stage> {
    let bent_stage = |(concurrency, latency_ms, tokens_per_s): (usize, f64, f64)| Stage {
        requests_per_s: Some(tokens_per_s / 100.0),
        tokens_per_s_per_user: Some(tokens_per_s / concurrency as f64),
        ttft_p50_ms: Some(latency_ms / 10.0),
        itl_p50_ms: Some(10.0),
        ..stage(concurrency, 20, tokens_per_s, latency_ms)
    };
    let curve = [(1, 1000.0, 100.0), (2, 1100.0, 190.0), (4, 1300.0, 350.0), (8, 2500.0, 390.0), (16, 5000.0, 400.0)];
    curve.map(bent_stage).to_vec()
}

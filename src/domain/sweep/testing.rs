//! Stages for tests.

use super::Stage;
use crate::domain::prefix_cache::CacheDoubts;

/// Five stages that bend after the third.
pub fn bent() -> Vec<Stage> {
    let stage = |(concurrency, latency_ms, tokens_per_s): (usize, f64, f64)| Stage {
        concurrency,
        requests: 20,
        ok: 20,
        requests_per_s: Some(tokens_per_s / 100.0),
        tokens_per_s: Some(tokens_per_s),
        tokens_per_s_per_user: Some(tokens_per_s / concurrency as f64),
        ttft_p50_ms: Some(latency_ms / 10.0),
        ttft_p95_ms: None,
        itl_p50_ms: Some(10.0),
        itl_p95_ms: None,
        latency_p50_ms: Some(latency_ms),
        doubts: CacheDoubts::default(),
        unresolved_first_token: 0,
        unresolved_inter_token: 0,
        estimated: false,
        slo_met: None,
    };
    let curve = [(1, 1000.0, 100.0), (2, 1100.0, 190.0), (4, 1300.0, 350.0), (8, 2500.0, 390.0), (16, 5000.0, 400.0)];
    curve.map(stage).to_vec()
}

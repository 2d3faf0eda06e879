//! Page of `GET /metrics`, in Prometheus' format.

use std::fmt::Write;

use super::batch_engine::EngineStatus;

/// Figures that do not depend on the engine model.
#[derive(Clone, Copy, Debug)]
pub struct RequestCounts {
    /// Answers in flight.
    pub in_flight: u64,
    /// Tokens sent.
    pub generated_tokens: u64,
    /// Tokens of all prompts.
    pub prompt_tokens: u64,
}

/// Returns the page. Without the engine model, requests never wait and there is no GPU.
pub fn page(counts: RequestCounts, engine: Option<&EngineStatus>) -> String {
    let (running, waiting) =
        engine.map_or((counts.in_flight, 0), |engine| (engine.running as u64, engine.waiting as u64));
    let mut page = String::new();
    let mut add = |name: &str, kind: &str, value: f64| {
        // Writing to a string cannot fail.
        let _written = write!(page, "# TYPE tokscope_sim:{name} {kind}\ntokscope_sim:{name} {value}\n");
    };
    add("requests_running", "gauge", running as f64);
    add("requests_waiting", "gauge", waiting as f64);
    add("generated_tokens_total", "counter", counts.generated_tokens as f64);
    add("prompt_tokens_total", "counter", counts.prompt_tokens as f64);
    let Some(engine) = engine else { return page };
    let totals = engine.totals;
    add("kv_cache_usage", "gauge", engine.kv_usage);
    add("preemptions_total", "counter", totals.preemptions as f64);
    add("prefix_cache_hits_total", "counter", totals.cached as f64);
    add("prefix_cache_queries_total", "counter", totals.prompt as f64);
    if totals.drafted > 0 {
        add("draft_tokens_total", "counter", totals.drafted as f64);
        add("accepted_tokens_total", "counter", totals.accepted as f64);
    }
    page + &engine.gpu.page()
}

//! Telemetry of a run against the built-in simulator: its metrics page also has the figures of its simulated GPU.

use crate::telemetry::GpuChoice;

/// Returns the source of GPU figures and its pages. The user's choice stays.
pub(super) fn gpu(simulator_url: &str, chosen: (GpuChoice, Vec<String>)) -> (GpuChoice, Vec<String>) {
    match chosen {
        (GpuChoice::Auto, pages) if pages.is_empty() => (GpuChoice::SIMULATED, vec![metrics_url(simulator_url)]),
        chosen => chosen,
    }
}

/// Returns the pages of server metrics to read. The user's choice stays.
pub(super) fn server_metrics(simulator_url: &str, chosen: Vec<String>) -> Vec<String> {
    if chosen.is_empty() { vec![metrics_url(simulator_url)] } else { chosen }
}

fn metrics_url(simulator_url: &str) -> String {
    format!("{}/metrics", simulator_url.trim_end_matches("/v1"))
}

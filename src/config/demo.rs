//! Telemetry of a run against the built-in simulator, whose metrics page also has the figures of its simulated GPU.

use crate::telemetry::GpuChoice;

/// Returns the source of GPU figures and its metrics pages: the simulator, unless the user chose another source.
pub(super) fn gpu(simulator_url: &str, chosen: (GpuChoice, Vec<String>)) -> (GpuChoice, Vec<String>) {
    match chosen {
        (GpuChoice::Auto, pages) if pages.is_empty() => (GpuChoice::SIMULATED, vec![metrics_url(simulator_url)]),
        chosen => chosen,
    }
}

/// Returns the metrics pages of the server: the simulator's, unless the user chose others.
pub(super) fn server_metrics(simulator_url: &str, chosen: Vec<String>) -> Vec<String> {
    if chosen.is_empty() { vec![metrics_url(simulator_url)] } else { chosen }
}

fn metrics_url(simulator_url: &str) -> String {
    format!("{}/metrics", simulator_url.trim_end_matches("/v1"))
}

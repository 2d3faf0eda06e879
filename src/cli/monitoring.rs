//! Options of monitoring systems.

use clap::Args;

/// Monitoring systems that see a run in progress.
#[derive(Args, Debug, Default)]
pub struct MonitoringArgs {
    /// Show live metrics to Prometheus on this port, or address:port [default host: 127.0.0.1]
    #[arg(long, value_name = "ADDR", help_heading = "Output")]
    pub metrics_listen: Option<String>,
    /// Receiver of OTLP.
    #[arg(long, value_name = "URL", help_heading = "Output")]
    #[arg(help = "Export requests to an OpenTelemetry receiver (HTTP), like http://localhost:4318")]
    pub otlp: Option<String>,
}

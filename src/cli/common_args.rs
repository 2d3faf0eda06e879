//! Options for secrets and GPUs, shared by new and resumed runs.

use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::telemetry::{GpuChoice, SOURCES, Source};

/// Options for the API key and headers.
#[derive(Args, Debug, Default)]
pub struct SecretArgs {
    /// Environment variable that holds the API key.
    #[arg(long, value_name = "VAR", help_heading = "Endpoint")]
    #[arg(help = "Environment variable that holds the API key [default: OPENAI_API_KEY]")]
    pub api_key_env: Option<String>,
    /// File that holds the API key on its only line
    #[arg(long, value_name = "FILE", help_heading = "Endpoint", conflicts_with = "api_key_env")]
    pub api_key_file: Option<PathBuf>,
    /// Add a header to every request; visible in the process list; repeatable
    #[arg(long = "header", value_name = "NAME: VALUE", help_heading = "Endpoint")]
    pub headers: Vec<String>,
    /// Add a header whose value is in an environment variable; repeatable
    #[arg(long = "header-env", value_name = "NAME=VAR", help_heading = "Endpoint")]
    pub headers_env: Vec<String>,
}

/// Options for GPU figures.
#[derive(Args, Debug, Default)]
pub struct GpuArgs {
    /// Source of GPU figures.
    #[arg(long, value_name = "SOURCE", help_heading = "Machine", hide_possible_values = true)]
    #[arg(value_parser = PossibleValuesParser::new(GpuChoice::names()), help = gpu_help())]
    pub gpu: Option<String>,
    /// Read another machine's GPUs from its DCGM exporter (host or URL); repeatable
    #[arg(long = "gpu-metrics-url", value_name = "URL", help_heading = "Machine")]
    pub gpu_metrics_urls: Vec<String>,
}

fn gpu_help() -> String {
    let named = |source: &Source| format!("{} ({})", source.name, source.description);
    let sources = SOURCES.iter().map(named).collect::<Vec<_>>().join(", ");
    format!("Source of GPU figures: {sources}, or none [default: the first available]")
}

//! What the command line says of a run's secrets and its GPUs: given for a new run, and again for one that is gone on with.

use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::telemetry::{GpuChoice, SOURCES, Source};

/// The key and further headers.
#[derive(Args, Debug, Default)]
pub struct SecretArgs {
    /// The environment variable that holds the API key.
    #[arg(long, value_name = "VAR", help_heading = "Endpoint")]
    #[arg(help = "The variable that holds the API key [default: OPENAI_API_KEY]")]
    pub api_key_env: Option<String>,
    /// The file that holds the API key alone, on one line
    #[arg(long, value_name = "FILE", help_heading = "Endpoint", conflicts_with = "api_key_env")]
    pub api_key_file: Option<PathBuf>,
    /// A further header for every request; repeatable. Who may list processes sees it: for a secret take --header-env
    #[arg(long = "header", value_name = "NAME: VALUE", help_heading = "Endpoint")]
    pub headers: Vec<String>,
    /// The same with its value in this environment variable; repeatable
    #[arg(long = "header-env", value_name = "NAME=VAR", help_heading = "Endpoint")]
    pub headers_env: Vec<String>,
}

/// The GPUs.
#[derive(Args, Debug, Default)]
pub struct GpuArgs {
    /// Where GPU figures come from; by default the first source that is there.
    #[arg(long, value_name = "SOURCE", help_heading = "Machine", hide_possible_values = true)]
    #[arg(value_parser = PossibleValuesParser::new(GpuChoice::names()), help = gpu_help())]
    pub gpu: Option<String>,
    /// GPUs of another machine: its DCGM exporter's host, or the address of its page; repeatable
    #[arg(long = "gpu-metrics-url", value_name = "URL", help_heading = "Machine")]
    pub gpu_metrics_urls: Vec<String>,
}

fn gpu_help() -> String {
    let of = |source: &Source| format!("{} ({})", source.name, source.description);
    let sources = SOURCES.iter().map(of).collect::<Vec<_>>().join(", ");
    format!("Where GPU figures come from: {sources}, or none [default: auto, the first that is there]")
}

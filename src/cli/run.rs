//! What the command line says of a new run.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{NonEmptyStringValueParser, PossibleValuesParser};

use super::values::{MAX_CONCURRENCY, MAX_REPEAT, MAX_WARMUP, Sweep, process, request_rate, seconds, sweep};
use super::{GpuArgs, NetworkArgs, SecretArgs};
use crate::domain::open_loop::Process;
use crate::domain::slo::Slo;
use crate::protocol::api;
use crate::report::exporters::{EXPORTERS, Exporter};

/// What is run, and how. Empty, nothing is asked for.
#[derive(Args, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct RunArgs {
    /// Base URL of the endpoint.
    #[arg(help = "Base URL of the endpoint, like http://localhost:8000/v1")]
    pub url: Option<String>,

    /// The model to ask; by default the endpoint's own, if it has exactly one
    #[arg(long, value_name = "NAME", help_heading = "Endpoint", value_parser = NonEmptyStringValueParser::new())]
    pub model: Option<String>,
    /// The API to speak.
    #[arg(long, value_name = "API", help_heading = "Endpoint", conflicts_with = "demo", hide_possible_values = true)]
    #[arg(value_parser = PossibleValuesParser::new(api::names()), help = api_help())]
    pub api: Option<String>,
    /// The key.
    #[command(flatten)]
    pub secrets: SecretArgs,
    /// The way there.
    #[command(flatten)]
    pub network: NetworkArgs,
    /// No server at hand: run against the built-in simulator
    #[arg(long, conflicts_with = "url", help_heading = "Endpoint")]
    pub demo: bool,
    /// Read the server's own gauges each second: its page of metrics, or the one at this address
    #[arg(long, value_name = "URL", help_heading = "Machine", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "")]
    pub server_metrics: Option<String>,
    /// Send API key and headers with --server-metrics, endpoint's origin only
    #[arg(long, help_heading = "Machine", requires = "server_metrics")]
    pub server_metrics_auth: bool,
    /// The GPUs.
    #[command(flatten)]
    pub gpu: GpuArgs,

    /// The suite [default: ./cases.toml if there is one, else the one built in]
    #[arg(long, value_name = "FILE", help_heading = "Suite")]
    pub cases: Option<PathBuf>,
    /// Only cases whose name contains this, in any letter case; repeatable
    #[arg(long = "case", value_name = "PATTERN", help_heading = "Suite")]
    pub case_patterns: Vec<String>,
    /// Seconds after which an attempt is given up, instead of the suite's own
    #[arg(long, value_name = "S", help_heading = "Suite", value_parser = seconds)]
    pub timeout: Option<f64>,
    /// Seconds a connection may take, TLS included [default: the suite's, else 10]
    #[arg(long, value_name = "S", help_heading = "Suite", value_parser = seconds)]
    pub connect_timeout: Option<f64>,
    /// Seconds from the request to the first token [default: the suite's, else what --timeout leaves]
    #[arg(long, value_name = "S", help_heading = "Suite", value_parser = seconds)]
    pub first_token_timeout: Option<f64>,
    /// Seconds an answer that has begun may be silent [default: the suite's, else what --timeout leaves]
    #[arg(long, value_name = "S", help_heading = "Suite", value_parser = seconds)]
    pub stall_timeout: Option<f64>,
    /// A Hugging Face tokenizer.json, which counts the tokens where the server tells no usage
    #[arg(long, value_name = "FILE", help_heading = "Suite")]
    pub tokenizer: Option<PathBuf>,

    /// Requests in flight at once [default: 1; with --rate no limit]
    #[arg(long, value_name = "N", help_heading = "Load", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_CONCURRENCY)))]
    pub concurrency: Option<u32>,
    /// Measured attempts per case [default: 1]
    #[arg(long, value_name = "N", help_heading = "Load", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_REPEAT)))]
    pub repeat: Option<u32>,
    /// Unmeasured requests before the first measured one [default: 0]
    #[arg(long, value_name = "N", help_heading = "Load", value_parser = clap::value_parser!(u32).range(0..=i64::from(MAX_WARMUP)))]
    pub warmup: Option<u32>,
    /// Send a request again, so often, that got no answer or HTTP 429, 503 or 529; the last try is measured
    #[arg(long, value_name = "N", help_heading = "Load", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub retries: u32,
    /// Send the prompts as they are, not each with a first line that no prefix cache can hold
    #[arg(long, help_heading = "Load")]
    pub warm: bool,
    /// Start cases in turn for so long, instead of --repeat
    #[arg(long, value_name = "S", help_heading = "Load", value_parser = seconds, conflicts_with = "repeat")]
    pub duration: Option<f64>,
    /// Start at this rate, however fast the answers come; the queue counts
    #[arg(long, value_name = "REQ_PER_S", help_heading = "Load", value_parser = request_rate)]
    pub rate: Option<f64>,
    /// How the starts of --rate are spread: poisson (the default) or constant
    #[arg(long, value_name = "PROCESS", help_heading = "Load", value_parser = process, requires = "rate", hide_possible_values = true)]
    pub arrival: Option<Process>,
    /// Other gaps between the starts of --rate
    #[arg(long, value_name = "N", help_heading = "Load", default_value_t = 0, requires = "rate")]
    pub seed: u64,
    /// The whole run at these concurrencies in turn, like 1,2,4,8,16
    #[arg(long, value_name = "N,N", help_heading = "Load", value_parser = sweep, conflicts_with_all = ["rate", "concurrency"])]
    pub sweep: Option<Sweep>,
    /// What must be reached.
    #[arg(long = "slo", value_name = "THRESHOLD", help_heading = "Load")]
    #[arg(
        help = "What must be reached, like 'ttft_p95<500ms', in a sweep by one stage at least; else status 1; repeatable"
    )]
    pub slos: Vec<Slo>,

    /// No dashboard: progress on stderr, the summary on stdout
    #[arg(long, help_heading = "Output")]
    pub headless: bool,
    /// The reports that are written at the end; in the dashboard also what `e` writes.
    #[arg(long = "export", value_name = "PATH", help_heading = "Output", help = export_help(EXPORTERS))]
    pub exports: Vec<PathBuf>,
    /// Do not keep the run; else `tokscope runs` lists it
    #[arg(long, help_heading = "Output")]
    pub no_save: bool,
}

fn api_help() -> String {
    let names = api::names().join(", ");
    format!("What is spoken there: {names} [default: chat, or what the end of the URL tells]")
}

pub(super) fn export_help(exporters: &[Exporter]) -> String {
    let extensions = extensions(exporters);
    format!(
        "Write a report at the end, in the format of the extension ({extensions}); in the dashboard also what `e` writes; repeatable"
    )
}

/// The extensions of files that can be written, with their dots.
pub(crate) fn extensions(exporters: &[Exporter]) -> String {
    exporters.iter().map(|e| format!(".{}", e.extension)).collect::<Vec<_>>().join(" ")
}

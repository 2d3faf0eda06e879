//! Options of a new run.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{NonEmptyStringValueParser, PossibleValuesParser};

use super::prices::PriceArgs;
use super::values::{
    MAX_CONCURRENCY, MAX_REPEAT, MAX_REQUESTS, MAX_WARMUP, Sweep, burstiness, pause_s, process, request_rate,
    search_variable, seconds, sweep,
};
use super::{ColorArgs, GpuArgs, MonitoringArgs, NetworkArgs, SecretArgs, WorkloadArgs};
use crate::domain::load_search::SearchVariable;
use crate::domain::load_stages::LoadStages;
use crate::domain::open_loop::Process;
use crate::domain::repeated_runs::MAX_RUNS;
use crate::domain::shard::Shard;
use crate::domain::slo::Slo;
use crate::protocol::api;
use crate::report::exporters::{EXPORTERS, Exporter};
use crate::report::gate::RegressionRule;

/// Options of a regression gate.
#[derive(Args, Debug, Default)]
pub struct GateArgs {
    /// Saved run, results.json or file of another benchmark to compare this run with
    #[arg(long, value_name = "RUN|FILE", help_heading = "Gate", requires = "rules")]
    pub baseline: Option<String>,
    /// Rules.
    #[arg(
        long = "fail-on-regression",
        id = "rules",
        value_name = "RULE",
        help_heading = "Gate",
        requires = "baseline"
    )]
    #[arg(
        help = "Exit with 1 if a figure is worse than the baseline's by more than this, like 'ttft_p95:5%'; repeatable"
    )]
    pub rules: Vec<RegressionRule>,
    /// Write annotations and the job summary of GitHub Actions
    #[arg(long, help_heading = "Gate")]
    pub github: bool,
}

/// Options of a new run. The default value has no option set.
#[derive(Args, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct RunArgs {
    /// Base URL of the endpoint.
    #[arg(help = "Base URL of the endpoint, like http://localhost:8000/v1")]
    pub url: Option<String>,

    /// Model to benchmark [default: the endpoint's only model]
    #[arg(short, long, value_name = "NAME", help_heading = "Endpoint", value_parser = NonEmptyStringValueParser::new())]
    pub model: Option<String>,
    /// Models to mix.
    #[arg(long, value_names = ["NAME", "N"], num_args = 2, help_heading = "Endpoint", conflicts_with_all = ["model", "demo"])]
    #[arg(help = "Draw the model of each request by weight, as for LoRA adapters; repeatable")]
    pub model_mix: Vec<String>,
    /// API of the endpoint.
    #[arg(long, value_name = "API", help_heading = "Endpoint", conflicts_with = "demo", hide_possible_values = true)]
    #[arg(value_parser = PossibleValuesParser::new(api::names()), help = api_help())]
    pub api: Option<String>,
    /// API key and headers.
    #[command(flatten)]
    pub secrets: SecretArgs,
    /// Proxy and certificates.
    #[command(flatten)]
    pub network: NetworkArgs,
    /// Run against the built-in simulator; needs no server
    #[arg(long, conflicts_with_all = ["url", "proxy", "cacert", "insecure"], help_heading = "Endpoint")]
    pub demo: bool,
    /// Read the server's metrics every second [default URL: the server's /metrics]
    #[arg(long, value_name = "URL", help_heading = "Machine", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "")]
    pub server_metrics: Option<String>,
    /// Send API key and headers to --server-metrics (the endpoint's origin only)
    #[arg(long, help_heading = "Machine", requires = "server_metrics")]
    pub server_metrics_auth: bool,
    /// GPUs.
    #[command(flatten)]
    pub gpu: GpuArgs,

    /// Suite of cases [default: ./cases.toml if it exists, else built in]
    #[arg(long, value_name = "FILE", help_heading = "Suite")]
    pub cases: Option<PathBuf>,
    /// Run only cases whose name contains PATTERN (ignores case); repeatable
    #[arg(short = 'k', long = "case", value_name = "PATTERN", help_heading = "Suite")]
    pub case_patterns: Vec<String>,
    /// Time limit of an attempt in seconds [default: from the suite]
    #[arg(long, value_name = "S", help_heading = "Suite", value_parser = seconds)]
    pub timeout: Option<f64>,
    /// Time limit to connect, TLS included, in seconds [default: from the suite, else 10]
    #[arg(long, value_name = "S", help_heading = "Suite", value_parser = seconds)]
    pub connect_timeout: Option<f64>,
    /// Time limit to the first token in seconds [default: from the suite, else --timeout]
    #[arg(long, value_name = "S", help_heading = "Suite", value_parser = seconds)]
    pub first_token_timeout: Option<f64>,
    /// Time limit without data during an answer in seconds [default: from the suite, else --timeout]
    #[arg(long, value_name = "S", help_heading = "Suite", value_parser = seconds)]
    pub stall_timeout: Option<f64>,
    /// Count tokens with this tokenizer.json when the server reports no usage
    #[arg(long, value_name = "FILE", help_heading = "Suite")]
    pub tokenizer: Option<PathBuf>,

    /// Data sets, lengths, conversations and traces.
    #[command(flatten)]
    pub workload: WorkloadArgs,

    /// Requests in flight [default: 1; unlimited with --rate or --trace]
    #[arg(short, long, value_name = "N", help_heading = "Load", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_CONCURRENCY)))]
    pub concurrency: Option<u32>,
    /// Measured requests in all, cases in turn [default: one per case]
    #[arg(short = 'n', long, value_name = "N", help_heading = "Load", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_REQUESTS)))]
    #[arg(conflicts_with_all = ["repeat", "duration"])]
    pub requests: Option<u32>,
    /// Measured attempts per case [default: 1]
    #[arg(long, value_name = "N", help_heading = "Load", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_REPEAT)))]
    pub repeat: Option<u32>,
    /// Start cases in turn for S seconds
    #[arg(long, value_name = "S", help_heading = "Load", value_parser = seconds, conflicts_with = "repeat")]
    pub duration: Option<f64>,
    /// Start requests at this rate, without waiting for responses
    #[arg(long, value_name = "REQ_PER_S", help_heading = "Load", value_parser = request_rate, group = "open_loop")]
    pub rate: Option<f64>,
    /// Intervals between the starts of --rate or --stages: poisson or constant [default: poisson]
    #[arg(long, value_name = "PROCESS", help_heading = "Load", value_parser = process, requires = "open_loop", hide_possible_values = true)]
    pub arrival: Option<Process>,
    /// Gamma-distributed intervals of --rate: 1 is poisson, less comes in bursts, more is more even
    #[arg(long, value_name = "FACTOR", help_heading = "Load", value_parser = burstiness, requires = "open_loop", conflicts_with = "arrival")]
    pub burstiness: Option<f64>,
    /// Loads one after another: 4:60s,16:60s or 5/s:60s,10/s:60s; ramps: 1..16:60s, 1/s..10/s:60s
    #[arg(long, value_name = "LOAD:TIME,…", help_heading = "Load", group = "open_loop")]
    #[arg(conflicts_with_all = ["rate", "concurrency", "duration", "requests", "repeat", "sweep", "trace", "limit"])]
    pub stages: Option<LoadStages>,
    /// Find the largest concurrency or rate that meets every --slo, up to --max
    #[arg(long, value_name = "LOAD", help_heading = "Load", value_parser = search_variable, requires = "max", groups = ["open_loop", "with_cool_down"])]
    #[arg(conflicts_with_all = ["rate", "sweep", "stages", "trace", "requests", "repeat", "limit", "stop_when_saturated"])]
    pub find: Option<SearchVariable>,
    /// Highest load that --find tries
    #[arg(long, value_name = "N", help_heading = "Load", value_parser = request_rate, requires = "find")]
    pub max: Option<f64>,
    /// Whole runs, one after another, to separate the spread between runs from that within them
    #[arg(long, value_name = "N", help_heading = "Load", value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_RUNS)), group = "with_cool_down")]
    #[arg(conflicts_with_all = ["find", "sweep", "stages", "stop_when_saturated", "shard"])]
    pub runs: Option<u16>,
    /// Time between two probes of --find or two runs of --runs in seconds [default: 2]
    #[arg(long, value_name = "S", help_heading = "Load", value_parser = pause_s, requires = "with_cool_down")]
    pub cool_down: Option<f64>,
    /// End an open loop early if its queue only grows
    #[arg(long, help_heading = "Load")]
    pub stop_when_saturated: bool,
    /// Seed of everything random: intervals of --rate, order of rows, lengths
    #[arg(long, value_name = "N", help_heading = "Load", default_value_t = 0)]
    pub seed: u64,
    /// Run everything at each concurrency in turn, like 1,2,4,8,16
    #[arg(long, value_name = "N,N", help_heading = "Load", value_parser = sweep, conflicts_with_all = ["rate", "concurrency"])]
    pub sweep: Option<Sweep>,
    /// Send only part i of the load of N processes; i counts from 0 [default: from Slurm, MPI or Kubernetes]
    #[arg(long, value_name = "i/N", help_heading = "Load")]
    pub shard: Option<Shard>,
    /// Exit with 1 unless the run (or a stage of a sweep) meets the threshold.
    #[arg(long = "slo", value_name = "THRESHOLD", help_heading = "Load")]
    #[arg(help = "Exit with 1 unless met, like 'ttft_p95<500ms' (sweep: by any stage); repeatable")]
    pub slos: Vec<Slo>,
    /// Regression gate.
    #[command(flatten)]
    pub gate: GateArgs,
    /// Prices.
    #[command(flatten)]
    pub prices: PriceArgs,
    /// Unmeasured requests before the first measured one, in each of several runs [default: 0]
    #[arg(long, value_name = "N", help_heading = "Load", value_parser = clap::value_parser!(u32).range(0..=i64::from(MAX_WARMUP)))]
    pub warmup: Option<u32>,
    /// Retry a request up to N times on no response, HTTP 429, 503 or 529
    #[arg(long, value_name = "N", help_heading = "Load", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub retries: u32,
    /// Send prompts unchanged, so that the server's prefix cache can hold them
    #[arg(long, help_heading = "Load")]
    pub warm: bool,

    /// Run without the dashboard: progress on stderr, summary on stdout
    #[arg(long, help_heading = "Output")]
    pub headless: bool,
    /// Reports to write.
    #[arg(short = 'o', long = "export", value_name = "FILE", help_heading = "Output", help = export_help(EXPORTERS), allow_hyphen_values = true)]
    pub exports: Vec<PathBuf>,
    /// Write only results.json to stdout; implies --headless
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Monitoring systems.
    #[command(flatten)]
    pub monitoring: MonitoringArgs,
    /// Do not save the run
    #[arg(long, help_heading = "Output")]
    pub no_save: bool,
    /// Colour.
    #[command(flatten)]
    pub color: ColorArgs,
}

pub(super) fn api_help() -> String {
    let names = api::names().join(", ");
    format!("API of the endpoint: {names} [default: from the URL's path, else chat]")
}

pub(super) fn export_help(exporters: &[Exporter]) -> String {
    let extensions = extensions(exporters);
    format!("Write a report ({extensions}); `-` writes Markdown and `-.json` JSON to stdout, headless; repeatable")
}

/// Lists the extensions of the files that can be written, with their dots.
pub(crate) fn extensions(exporters: &[Exporter]) -> String {
    exporters.iter().map(|e| format!(".{}", e.extension)).collect::<Vec<_>>().join(" ")
}

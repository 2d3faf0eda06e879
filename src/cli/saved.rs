//! Options of the commands for saved runs.

use std::path::PathBuf;

use clap::Args;

use super::{ColorArgs, GpuArgs, MonitoringArgs, NetworkArgs, RivalArgs, ScreenArgs, SecretArgs};
use crate::report::gate::RegressionRule;

/// Options of `tokscope resume`.
#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
#[command(long_about = "\
Resume a saved run where it stopped.

Suite, load, model and URL are those of the run; new attempts are appended to its journal. Requests that were in flight \
when the run stopped are measured again. Keys, headers and the addresses of other machines' GPUs are not saved: pass them \
again. GPU figures come from the same source as before.")]
pub struct ResumeArgs {
    /// Run: its id, the start of its id, or the path of its journal [default: the last incomplete one]
    pub run: Option<String>,
    /// Base URL, if the run's URL had a user name, password or query (not saved)
    pub url: Option<String>,
    /// API key and headers.
    #[command(flatten)]
    pub secrets: SecretArgs,
    /// Key and headers of side B of a race.
    #[command(flatten)]
    pub rival: RivalArgs,
    /// Proxy and certificates.
    #[command(flatten)]
    pub network: NetworkArgs,
    /// Start the simulator again, to resume a run of --demo
    #[arg(long, conflicts_with_all = ["url", "proxy", "cacert", "insecure"])]
    pub demo: bool,
    /// Read the server's metrics at this URL [default: where the run read them]
    #[arg(long, value_name = "URL", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    #[arg(help_heading = "Machine")]
    pub server_metrics: Option<String>,
    /// Send API key and headers to --server-metrics (the endpoint's origin only)
    #[arg(long, help_heading = "Machine")]
    pub server_metrics_auth: bool,
    /// GPUs; by default those of the run.
    #[command(flatten)]
    pub gpu: GpuArgs,
    /// The tokenizer.json that the run used
    #[arg(long, value_name = "FILE")]
    pub tokenizer: Option<PathBuf>,
    /// Run without the dashboard: progress on stderr, summary on stdout
    #[arg(long)]
    pub headless: bool,
    /// Write a report of the whole run (`-`: Markdown to stdout, headless); repeatable
    #[arg(short = 'o', long = "export", value_name = "FILE", allow_hyphen_values = true)]
    pub exports: Vec<PathBuf>,
    /// Write only results.json to stdout; implies --headless
    #[arg(long)]
    pub json: bool,
    /// Monitoring systems.
    #[command(flatten)]
    pub monitoring: MonitoringArgs,
    /// Colour.
    #[command(flatten)]
    pub color: ColorArgs,
    /// The dashboard.
    #[command(flatten)]
    pub screen: ScreenArgs,
}

/// Options of `tokscope open`.
#[derive(Args, Debug)]
pub struct OpenArgs {
    /// Run: its id, the start of its id, or the path of its journal [default: last]
    pub run: Option<String>,
    /// File that the export keys write; repeatable
    #[arg(short = 'o', long = "export", value_name = "FILE", allow_hyphen_values = true)]
    pub exports: Vec<PathBuf>,
    /// The dashboard.
    #[command(flatten)]
    pub screen: ScreenArgs,
}

/// Options of `tokscope replay`.
#[derive(Args, Debug)]
pub struct ReplayArgs {
    /// Replay N times as fast as the run was
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = super::values::speed)]
    pub speed: f64,
    /// The run and the dashboard.
    #[command(flatten)]
    pub of: OpenArgs,
}

/// Options of `tokscope runs`.
#[derive(Args, Debug)]
#[command(long_about = "\
Browse the saved runs: filter, preview, open, compare, export, delete.

Without a terminal on stdin and stdout, or with --json, print them as a table. With --delete, delete runs.")]
pub struct RunsArgs {
    /// List as JSON
    #[arg(long)]
    pub json: bool,
    /// Delete these runs: their ids, the start of their ids, or `last` (asks first)
    #[arg(long, value_name = "RUN", num_args = 1.., conflicts_with = "json")]
    pub delete: Vec<String>,
    /// Do not ask before --delete
    #[arg(short = 'y', long, requires = "delete")]
    pub yes: bool,
    /// Colour.
    #[command(flatten)]
    pub color: ColorArgs,
    /// The screen.
    #[command(flatten)]
    pub screen: ScreenArgs,
}

/// Options of `tokscope merge`.
#[derive(Args, Debug)]
#[command(long_about = "\
Merge the saved runs of shards into one run.

Every figure of the merged run comes from the raw records of all shards. Report, compare, open and replay read it like \
any other run. Exit status 1: a shard is missing or incomplete, a request failed, or a threshold was missed.")]
pub struct MergeArgs {
    /// Shards: their ids, the start of their ids, or the paths of their journals
    #[arg(required = true, num_args = 1.., value_name = "RUN")]
    pub runs: Vec<String>,
}

/// Options of `tokscope report`.
#[derive(Args, Debug)]
pub struct ReportArgs {
    /// Run: its id, the start of its id, or the path of its journal [default: last]
    pub run: Option<String>,
    /// Write to this file, in the format of its extension [default: -, Markdown to stdout]; repeatable
    #[arg(short = 'o', long = "export", value_name = "FILE", allow_hyphen_values = true)]
    pub exports: Vec<PathBuf>,
    /// Write results.json to stdout
    #[arg(long)]
    pub json: bool,
    /// Colour of warnings; the report itself has none.
    #[command(flatten)]
    pub color: ColorArgs,
}

/// Options of `tokscope compare`.
#[derive(Args, Debug)]
#[command(long_about = "\
Compare two runs: saved ones, results.json files, Markdown reports, or files of other benchmarks.

The comparison is a screen. Without a terminal on stdin and stdout, or with --json or --export, it is text.")]
pub struct CompareArgs {
    /// Baseline: a saved run, a results.json, a Markdown report, or a file of another benchmark
    pub a: String,
    /// Run to compare with the baseline
    pub b: String,
    /// Write the comparison to a file (.md .json .html .svg); `-` writes Markdown to stdout; repeatable
    #[arg(short = 'o', long = "export", value_name = "FILE", allow_hyphen_values = true)]
    pub exports: Vec<PathBuf>,
    /// Rules.
    #[arg(long = "fail-on-regression", value_name = "RULE")]
    #[arg(
        help = "Exit with 1 if a figure of B is worse than that of A by more than this, like 'ttft_p95:5%'; repeatable"
    )]
    pub rules: Vec<RegressionRule>,
    /// Write the comparison as JSON to stdout
    #[arg(long)]
    pub json: bool,
    /// Colour.
    #[command(flatten)]
    pub color: ColorArgs,
    /// The screen.
    #[command(flatten)]
    pub screen: ScreenArgs,
}

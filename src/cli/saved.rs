//! What the command line asks of saved runs.

use std::path::PathBuf;

use clap::Args;

use super::{GpuArgs, NetworkArgs, ScreenArgs, SecretArgs};

/// What is gone on with.
#[derive(Args, Debug)]
#[command(long_about = "\
Go on with a saved run where it stopped.

Suite, plan, model and address are those of the run; what is measured is appended to its journal. What was in flight when \
it stopped is measured again. Keys, headers and the addresses of other machines' GPUs are not kept, and are given as for a \
new run; GPU figures come from where they came from.")]
pub struct ResumeArgs {
    /// The run: its id, the begin of it, `last`, or the path of its journal
    pub run: String,
    /// Its base URL, where it holds a user name, a password or a query: those were not kept
    pub url: Option<String>,
    /// The key.
    #[command(flatten)]
    pub secrets: SecretArgs,
    /// The way there.
    #[command(flatten)]
    pub network: NetworkArgs,
    /// It was a run of --demo: start the simulator again
    #[arg(long, conflicts_with = "url", help_heading = "Endpoint")]
    pub demo: bool,
    /// Read the server's own gauges at this address, if not where the run did
    #[arg(long, value_name = "URL", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub server_metrics: Option<String>,
    /// Send API key and headers with --server-metrics, endpoint's origin only
    #[arg(long)]
    pub server_metrics_auth: bool,
    /// The GPUs; by default those of the run.
    #[command(flatten)]
    pub gpu: GpuArgs,
    /// The tokenizer.json that the run counted with
    #[arg(long, value_name = "FILE")]
    pub tokenizer: Option<PathBuf>,
    /// No dashboard: progress on stderr, the summary on stdout
    #[arg(long)]
    pub headless: bool,
    /// Write a report of all of it at the end, in the format of the extension; repeatable
    #[arg(long = "export", value_name = "PATH")]
    pub exports: Vec<PathBuf>,
    /// The dashboard.
    #[command(flatten)]
    pub screen: ScreenArgs,
}

/// What is shown.
#[derive(Args, Debug)]
pub struct OpenArgs {
    /// The run: its id, the begin of it, `last`, or the path of its journal
    pub run: String,
    /// What `e` and `E` write; repeatable
    #[arg(long = "export", value_name = "PATH")]
    pub exports: Vec<PathBuf>,
    /// The dashboard.
    #[command(flatten)]
    pub screen: ScreenArgs,
}

/// What is played.
#[derive(Args, Debug)]
pub struct ReplayArgs {
    /// What.
    #[command(flatten)]
    pub of: OpenArgs,
    /// So many times as fast as it was
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = super::values::speed)]
    pub speed: f64,
}

/// How the saved runs are listed.
#[derive(Args, Debug)]
pub struct RunsArgs {
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// What is rendered.
#[derive(Args, Debug)]
pub struct ReportArgs {
    /// The run: its id, the begin of it, `last`, or the path of its journal
    pub run: String,
    /// Write it there, in the format of the extension, instead of Markdown on stdout; repeatable
    #[arg(long = "export", value_name = "PATH")]
    pub exports: Vec<PathBuf>,
}

/// What is compared.
#[derive(Args, Debug)]
pub struct CompareArgs {
    /// A saved run, a results.json, or a Markdown report: what the differences count from
    pub a: String,
    /// The other
    pub b: String,
    /// Write the comparison there, too (.md .json); repeatable
    #[arg(long = "export", value_name = "PATH")]
    pub exports: Vec<PathBuf>,
}

//! The command line.

mod calibrate;
mod color;
mod common_args;
mod engine;
mod help;
mod monitoring;
mod network;
mod pages;
mod prices;
mod race;
mod run;
mod saved;
mod screen;
mod sim;
mod values;
mod workload;

use clap::{Parser, Subcommand};

pub use self::calibrate::CalibrateArgs;
pub use self::color::ColorArgs;
pub use self::common_args::{GpuArgs, SecretArgs};
pub use self::help::parse;
pub use self::monitoring::MonitoringArgs;
pub use self::network::NetworkArgs;
pub use self::pages::{CompletionsArgs, completions, man_page, options_markdown};
pub use self::race::{RaceArgs, RivalArgs};
pub use self::run::RunArgs;
pub(crate) use self::run::extensions;
pub use self::saved::{CompareArgs, MergeArgs, OpenArgs, ReplayArgs, ReportArgs, ResumeArgs, RunsArgs};
pub use self::screen::ScreenArgs;
pub use self::sim::SimArgs;
pub use self::values::Sweep;
pub(crate) use self::values::{MAX_CONCURRENCY, MAX_REPEAT, MAX_REQUESTS, MAX_WARMUP};
pub use self::workload::WorkloadArgs;

/// An oscilloscope for LLM tokens: benchmark any OpenAI-compatible endpoint, live
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, max_term_width = 100)]
#[command(help_template = help::TEMPLATE, before_help = help::EXAMPLES, after_help = help::ENVIRONMENT)]
pub struct Cli {
    /// A command other than a run.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// A new run.
    #[command(flatten)]
    pub run: RunArgs,
    /// The dashboard.
    #[command(flatten)]
    pub screen: ScreenArgs,
}

/// Commands other than a run.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Race two endpoints, models or settings, interleaved
    Race(Box<RaceArgs>),
    /// Serve the built-in simulator
    #[command(after_help = sim::faults_help())]
    Sim(SimArgs),
    /// Measure tokscope's own error on this machine
    Calibrate(CalibrateArgs),
    /// Browse the saved runs, or list them in a pipe
    Runs(RunsArgs),
    /// Resume a saved run where it stopped
    Resume(Box<ResumeArgs>),
    /// Open a saved run in the dashboard
    Open(OpenArgs),
    /// Replay a saved run token by token
    Replay(ReplayArgs),
    /// Write the report of a saved run, in any format
    Report(ReportArgs),
    /// Compare two runs
    Compare(CompareArgs),
    /// Merge the shards of a run
    Merge(MergeArgs),
    /// Print shell completions
    Completions(CompletionsArgs),
    /// Print the man page
    Man,
}

#[cfg(test)]
mod tests;

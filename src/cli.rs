//! The command line.

mod calibrate;
mod common_args;
mod engine;
mod network;
mod pages;
mod run;
mod saved;
mod screen;
mod sim;
mod values;

use clap::{Parser, Subcommand};

pub use self::calibrate::CalibrateArgs;
pub use self::common_args::{GpuArgs, SecretArgs};
pub use self::network::NetworkArgs;
pub use self::pages::{CompletionsArgs, completions, man_page, options_markdown};
pub use self::run::RunArgs;
pub(crate) use self::run::extensions;
pub use self::saved::{CompareArgs, OpenArgs, ReplayArgs, ReportArgs, ResumeArgs, RunsArgs};
pub use self::screen::ScreenArgs;
pub use self::sim::SimArgs;
pub use self::values::Sweep;
pub(crate) use self::values::{MAX_CONCURRENCY, MAX_REPEAT, MAX_WARMUP};

/// What follows the options in the help.
const EXAMPLES: &str = "\
Examples:
  tokscope --demo                        nothing set up: a run against the built-in simulator
  tokscope http://localhost:8000/v1      the suite against a server, in the dashboard
  tokscope http://localhost:8000/v1 --headless --export report.md
                                         the same without a dashboard, with a report at the end

Environment:
  TOKSCOPE_URL, OPENAI_BASE_URL          the endpoint, where no URL is given
  OPENAI_API_KEY                         the API key, where no option names another
  TOKSCOPE_CONFIG                        the config file, where --config names no other
  NO_COLOR                               no colours, unless a theme is named

Exit status:
  0    all was measured
  1    some case failed, a threshold was missed, or the run was not saved in full
  2    the command line, the suite file or an export is at fault
  3    the endpoint was not reachable, or refused before anything was measured
  130  interrupted; what was measured is still reported";

/// An oscilloscope for LLM tokens: benchmarks any OpenAI-compatible chat endpoint, live in the terminal.
#[derive(Debug, Parser)]
#[command(version, about, args_conflicts_with_subcommands = true, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    /// What else than a run.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The run.
    #[command(flatten)]
    pub run: RunArgs,
    /// What the dashboard looks like, and where that is written down.
    #[command(flatten)]
    pub screen: ScreenArgs,
}

/// Other things the program does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the built-in simulator by itself
    #[command(after_help = sim::faults_help())]
    Sim(SimArgs),
    /// Measure this program's own error on this machine
    Calibrate(CalibrateArgs),
    /// List the saved runs
    Runs(RunsArgs),
    /// Go on with a saved run where it stopped
    Resume(Box<ResumeArgs>),
    /// Show a saved run in the dashboard
    Open(OpenArgs),
    /// Play a saved run again as it was, token by token
    Replay(ReplayArgs),
    /// Render a saved run again, in any format
    Report(ReportArgs),
    /// Two runs side by side
    Compare(CompareArgs),
    /// Write the completions for a shell to stdout
    Completions(CompletionsArgs),
    /// Write the man page to stdout
    Man,
}

#[cfg(test)]
mod tests;

//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// An oscilloscope for LLM tokens: benchmarks any OpenAI-compatible chat endpoint, live in the terminal.
#[derive(Debug, Parser)]
#[command(version, about, args_conflicts_with_subcommands = true, max_term_width = 100)]
pub struct Cli {
    /// What else than a run.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The run.
    #[command(flatten)]
    pub run: RunArgs,
}

/// Other things the program does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the built-in simulator by itself.
    Sim(SimArgs),
}

/// What is run, and how.
#[derive(Args, Debug)]
pub struct RunArgs {
    /// Base URL of the endpoint, like http://localhost:8000/v1 [env: TOKSCOPE_URL, OPENAI_BASE_URL]
    pub url: Option<String>,
    /// The model to ask; by default the endpoint's own, if it has exactly one
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// The environment variable that holds the API key
    #[arg(long, value_name = "VAR", default_value = "OPENAI_API_KEY")]
    pub api_key_env: String,
    /// A further header for every request; repeatable
    #[arg(long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
    /// The suite; by default ./cases.toml if there is one, else the one built in
    #[arg(long, value_name = "FILE")]
    pub cases: Option<PathBuf>,
    /// Only cases whose name contains this; repeatable
    #[arg(long = "case", value_name = "PATTERN")]
    pub case_patterns: Vec<String>,
    /// Requests in flight at once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub concurrency: u32,
    /// Measured attempts per case
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub repeat: u32,
    /// Unmeasured requests before the first measured one
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub warmup: u32,
    /// Seconds after which an attempt is given up, instead of the suite's own
    #[arg(long, value_name = "S", value_parser = seconds)]
    pub timeout: Option<f64>,
    /// No dashboard: progress on stderr, the summary on stdout
    #[arg(long)]
    pub headless: bool,
    /// Write a report at the end, in the format of the extension (.md .json); in the dashboard also what `e` writes; repeatable
    #[arg(long = "export", value_name = "PATH")]
    pub exports: Vec<PathBuf>,
    /// No server at hand: run against the built-in simulator
    #[arg(long, conflicts_with = "url")]
    pub demo: bool,
}

/// How the simulator behaves.
#[derive(Args, Debug)]
pub struct SimArgs {
    /// Port on the loopback address; 0 picks a free one
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// Milliseconds to the first token
    #[arg(long, value_name = "X", default_value_t = 180.0, value_parser = not_negative)]
    pub ttft_ms: f64,
    /// Tokens per second from then on
    #[arg(long, value_name = "Y", default_value_t = 115.0, value_parser = rate)]
    pub tokens_per_s: f64,
    /// Relative spread of the gaps between tokens, 0 to 1
    #[arg(long, value_name = "J", default_value_t = 0.15, value_parser = share)]
    pub jitter: f64,
    /// The name of the model it claims to serve
    #[arg(long, default_value = "tokscope-sim")]
    pub model: String,
}

fn number(text: &str, from: f64, to: f64) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_bad| format!("'{text}' is no number"))?;
    if (from..=to).contains(&value) { Ok(value) } else { Err(format!("'{text}' is not between {from} and {to}")) }
}

fn seconds(text: &str) -> Result<f64, String> {
    number(text, 0.001, 86_400.0)
}

fn not_negative(text: &str) -> Result<f64, String> {
    number(text, 0.0, 600_000.0)
}

fn rate(text: &str) -> Result<f64, String> {
    number(text, 0.1, 1_000_000.0)
}

fn share(text: &str) -> Result<f64, String> {
    number(text, 0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::Cli;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn bad_values_are_refused() {
        for bad in
            [&["--concurrency", "0"][..], &["--timeout", "-1"], &["--demo", "http://h"], &["sim", "--jitter", "2"]]
        {
            assert!(Cli::try_parse_from(["tokscope"].iter().chain(bad)).is_err(), "{bad:?}");
        }
    }
}

//! Options of `tokscope sim`.

use clap::Args;

use super::engine::EngineArgs;
use super::values::{not_negative, rate, share};
use crate::sim::FAULTS;

/// Options of the simulator.
#[derive(Args, Debug)]
pub struct SimArgs {
    /// Port on the loopback address; 0 picks a free one
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// Time to the first token in milliseconds
    #[arg(long, value_name = "X", default_value_t = 180.0, value_parser = not_negative)]
    pub ttft_ms: f64,
    /// Decode speed in tokens per second
    #[arg(long, value_name = "Y", default_value_t = 115.0, value_parser = rate)]
    pub tokens_per_s: f64,
    /// Relative spread of the gaps between tokens, 0 to 1
    #[arg(long, value_name = "J", default_value_t = 0.15, value_parser = share)]
    pub jitter: f64,
    /// Name of the simulated model
    #[arg(long, default_value = "tokscope-sim")]
    pub model: String,
    /// Simulate a prefix cache: answer repeated prompts sooner
    #[arg(long)]
    pub prefix_cache: bool,
    /// Record the time at which each event was sent, and end with the parent process. For calibration.
    #[arg(long, hide = true)]
    pub record_sent_times: bool,
    /// Parameters of the engine model.
    #[command(flatten)]
    pub engine: EngineArgs,
}

/// Lists the simulated failures that a case can request.
pub(super) fn faults_help() -> String {
    let widest = FAULTS.iter().map(|fault| fault.name.len()).max().unwrap_or(0);
    let rows: Vec<_> = FAULTS.iter().map(|fault| format!("  {:<widest$}  {}", fault.name, fault.effect)).collect();
    let how = "Failures to ask for in a case, like extra = { tokscope_sim = { fault = \"cut\", after_tokens = 30 } }:";
    format!("{how}\n{}", rows.join("\n"))
}

//! What the command line says of a calibration.

use std::path::PathBuf;

use clap::Args;

use super::values::MAX_CONCURRENCY;

/// How this program is calibrated.
#[derive(Args, Debug)]
#[command(long_about = "\
Measure this program's own error on this machine.

Runs the same engine as any run against a simulator in a process of its own, which records when every event left, and \
prints by how much the engine's times are off, at several numbers of streams at once, with and without the dashboard. \
Takes about a minute. The reports of later runs on this machine tell the result.")]
pub struct CalibrateArgs {
    /// Numbers of streams at once
    #[arg(long, value_name = "N,N", value_delimiter = ',', default_values_t = [1, 16, 128, 1024], value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_CONCURRENCY)))]
    pub streams: Vec<u32>,
    /// Some answers only: shows that it works, not how well; not kept for reports
    #[arg(long)]
    pub quick: bool,
    /// Write the result as JSON, too
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

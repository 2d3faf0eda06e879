//! Options of `tokscope calibrate`.

use std::path::PathBuf;

use clap::Args;

use super::ColorArgs;
use super::values::MAX_CONCURRENCY;

/// Options of a calibration.
#[derive(Args, Debug)]
#[command(long_about = "\
Measure tokscope's own error on this machine.

Runs the same engine as every run against a simulator in its own process, which records when each event left. Prints the \
error of the measured times at several concurrencies, with and without the dashboard. Takes about a minute. Later reports \
on this machine include the result.")]
pub struct CalibrateArgs {
    /// Concurrencies to measure
    #[arg(long, value_name = "N,N", value_delimiter = ',', default_values_t = [1, 16, 128, 1024], value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_CONCURRENCY)))]
    pub streams: Vec<u32>,
    /// Measure only a few answers, as a check; reports do not use the result
    #[arg(long)]
    pub quick: bool,
    /// Also write the result as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Colour.
    #[command(flatten)]
    pub color: ColorArgs,
}

//! Options for the price of a server.

use clap::Args;

use super::values::price;

/// Prices of the server.
#[derive(Args, Clone, Copy, Debug, Default, PartialEq)]
pub struct PriceArgs {
    /// Price of the server per hour in US dollars, for the price of tokens at the measured load
    #[arg(long, value_name = "X", help_heading = "Load", value_parser = price)]
    pub usd_per_hour: Option<f64>,
    /// Price of electricity in US dollars, added by the measured energy of the GPUs
    #[arg(long, value_name = "Y", help_heading = "Load", value_parser = price, requires = "usd_per_hour")]
    pub usd_per_kwh: Option<f64>,
}

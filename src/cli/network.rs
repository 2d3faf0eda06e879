//! Options for the connection to the endpoint.

use std::path::PathBuf;

use clap::Args;

/// Options for proxy and certificates.
#[derive(Args, Debug, Default)]
pub struct NetworkArgs {
    /// Proxy.
    #[arg(long, value_name = "URL", help_heading = "Endpoint", conflicts_with = "demo")]
    #[arg(help = "Connect through this proxy; `env` uses HTTPS_PROXY and NO_PROXY [default: none]")]
    pub proxy: Option<String>,
    /// Also trust the certificates in this PEM file
    #[arg(long, value_name = "FILE", help_heading = "Endpoint", conflicts_with = "demo")]
    pub cacert: Option<PathBuf>,
    /// Do not verify the server's certificate; others could read the API key
    #[arg(long, help_heading = "Endpoint", conflicts_with_all = ["demo", "cacert"])]
    pub insecure: bool,
}

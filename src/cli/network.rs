//! What the command line says of the way to the endpoint.

use std::path::PathBuf;

use clap::Args;

/// Whom to trust, and through whom to go.
#[derive(Args, Debug, Default)]
pub struct NetworkArgs {
    /// The proxy.
    #[arg(long, value_name = "URL", help_heading = "Endpoint", conflicts_with = "demo")]
    #[arg(help = "Go through this proxy; `env`: through the one that HTTPS_PROXY and the like name [default: none]")]
    pub proxy: Option<String>,
    /// Also trust the issuers, or the server's own certificate, in this PEM file
    #[arg(long, value_name = "FILE", help_heading = "Endpoint", conflicts_with = "demo")]
    pub cacert: Option<PathBuf>,
    /// Do not verify the server's certificate: anyone on the way may answer, and read the key
    #[arg(long, help_heading = "Endpoint", conflicts_with_all = ["demo", "cacert"])]
    pub insecure: bool,
}

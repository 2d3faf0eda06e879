//! Route to the endpoint: TLS and proxy.

use std::io::Write;

use super::console::say_to;
use crate::domain::route::Route;
use crate::domain::text::sanitise_line;
use crate::engine::Network;
use crate::protocol::url::without_secrets;

/// Warning for `--insecure`.
const INSECURE: &str = "warning: --insecure: the certificate is not checked; anyone on the network path can impersonate the server and read the key";

/// Returns the route to a base address.
pub fn route(base_url: &str, network: &Network) -> Route {
    Route {
        tls_verified: base_url.starts_with("https://").then_some(!network.insecure),
        proxy: network.proxy.as_ref().map(|proxy| without_secrets(&proxy.url)),
    }
}

/// Prints a warning for `--insecure`, and a note for a proxy.
pub fn print_notes(route: &Route, stderr: &mut dyn Write) {
    if route.is_unverified() {
        say_to(stderr, INSECURE);
    }
    if let Some(proxy) = &route.proxy {
        say_to(stderr, &format!("through the proxy {}; all figures include its delay", sanitise_line(proxy)));
    }
}

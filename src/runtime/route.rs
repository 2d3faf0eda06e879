//! What stands between here and the endpoint, and how it is told.

use std::io::Write;

use super::closing::say;
use crate::domain::route::Route;
use crate::domain::text::sanitise_line;
use crate::engine::Network;
use crate::protocol::url::without_secrets;

/// What `--insecure` means.
const INSECURE: &str = "warning: --insecure: the server need not prove who it is; anyone on the way may answer in its place, and read the key";

/// What stands between here and this base address.
pub fn route(base_url: &str, network: &Network) -> Route {
    Route {
        tls_verified: base_url.starts_with("https://").then_some(!network.insecure),
        proxy: network.proxy.as_ref().map(|proxy| without_secrets(&proxy.url)),
    }
}

/// Says what nobody may miss of it.
pub fn tell(route: &Route, stderr: &mut impl Write) {
    if route.is_unverified() {
        say(stderr, INSECURE);
    }
    if let Some(proxy) = &route.proxy {
        say(stderr, &format!("through the proxy {}: its time is in every figure", sanitise_line(proxy)));
    }
}

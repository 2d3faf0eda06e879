//! Fetches metrics pages over HTTP, on a thread that may block.

use std::time::Duration;

use futures_util::future::join_all;

use crate::domain::text::sanitise_line;

/// Timeout for one page.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Maximum size of a page, bytes. Even servers with many models and ranks stay below this size.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Fetches pages over reused connections.
pub(super) struct Fetcher {
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
}

impl Fetcher {
    /// Creates a client without a proxy, redirects or an API key.
    pub(super) fn new() -> Result<Self, String> {
        Self::with_client(reqwest::Client::builder().no_proxy())
    }

    /// Creates a client with the headers, certificates and proxy of `client`. Follows no redirects: they could send a
    /// key to another host.
    pub(super) fn with_client(client: reqwest::ClientBuilder) -> Result<Self, String> {
        // Installing a provider fails if one is already installed, which does no harm.
        let _already = rustls::crypto::ring::default_provider().install_default();
        let client = client.redirect(reqwest::redirect::Policy::none()).timeout(TIMEOUT);
        let client = client.build().map_err(|e| format!("cannot create the HTTP client: {e}"))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| format!("cannot create the runtime for reading metrics: {e}"))?;
        Ok(Self { client, runtime })
    }

    /// Returns the text of a page, or the reason why there is none. The reason leaves out the address.
    pub(super) fn fetch(&self, url: &str) -> Result<String, String> {
        self.runtime.block_on(self.page(url))
    }

    /// Fetches several pages at the same time, so that slow pages do not add up.
    pub(super) fn fetch_all(&self, urls: &[&str]) -> Vec<Result<String, String>> {
        self.runtime.block_on(join_all(urls.iter().map(|url| self.page(url))))
    }

    async fn page(&self, url: &str) -> Result<String, String> {
        let mut response = self.client.get(url).send().await.map_err(|e| describe(&e))?;
        let status = response.status();
        if !status.is_success() {
            return Err(format!("HTTP {}", status.as_u16()));
        }
        let mut bytes = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|e| describe(&e))? {
            bytes.extend_from_slice(&piece);
            if bytes.len() > MAX_BYTES {
                return Err(format!("the page exceeds {} MiB", MAX_BYTES / (1024 * 1024)));
            }
        }
        Ok(String::from_utf8_lossy(&bytes).trim_start_matches('\u{feff}').to_owned())
    }
}

/// Describes an error by its innermost cause. Leaves out the address, which may contain secrets.
fn describe(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no response within {} s", TIMEOUT.as_secs());
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let text =
        if std::ptr::eq(cause, std::ptr::from_ref(error)) { "no response".to_owned() } else { cause.to_string() };
    sanitise_line(&text)
}

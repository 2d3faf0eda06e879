//! A page of metrics over HTTP, fetched from a thread that may wait.

use std::time::Duration;

use futures_util::future::join_all;

use crate::domain::text::sanitise_line;

/// A page may take so long.
const PATIENCE: Duration = Duration::from_secs(2);
/// A page may be so long: a server of many models and ranks stays below it.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Fetches pages, over connections that it keeps.
pub(super) struct Fetcher {
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
}

impl Fetcher {
    /// A client that goes straight to the host, follows nothing, and carries no key of the user's.
    pub(super) fn new() -> Result<Self, String> {
        Self::with_client(reqwest::Client::builder().no_proxy())
    }

    /// A client with the headers, certificates and proxy of `client`. No redirect is followed: it would take a key elsewhere.
    pub(super) fn with_client(client: reqwest::ClientBuilder) -> Result<Self, String> {
        // A second installation is refused, and harmless.
        let _already = rustls::crypto::ring::default_provider().install_default();
        let client = client.redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE);
        let client = client.build().map_err(|e| format!("the HTTP client could not be set up: {e}"))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| format!("no runtime for reading metrics: {e}"))?;
        Ok(Self { client, runtime })
    }

    /// The text of a page, or why there is none, in words for people that do not repeat the address.
    pub(super) fn fetch(&self, url: &str) -> Result<String, String> {
        self.runtime.block_on(self.page(url))
    }

    /// The same of several at once: one that does not answer keeps the others waiting no longer than itself.
    pub(super) fn fetch_all(&self, urls: &[&str]) -> Vec<Result<String, String>> {
        self.runtime.block_on(join_all(urls.iter().map(|url| self.page(url))))
    }

    async fn page(&self, url: &str) -> Result<String, String> {
        let mut answer = self.client.get(url).send().await.map_err(|e| words(&e))?;
        let status = answer.status();
        if !status.is_success() {
            return Err(format!("HTTP {}", status.as_u16()));
        }
        let mut bytes = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(|e| words(&e))? {
            bytes.extend_from_slice(&piece);
            if bytes.len() > MAX_BYTES {
                return Err(format!("the page is longer than {} MiB", MAX_BYTES / (1024 * 1024)));
            }
        }
        Ok(String::from_utf8_lossy(&bytes).trim_start_matches('\u{feff}').to_owned())
    }
}

/// The innermost cause says what happened; the address may hold secrets and is left out.
fn words(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", PATIENCE.as_secs());
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let text = if std::ptr::eq(cause, std::ptr::from_ref(error)) { "no answer".to_owned() } else { cause.to_string() };
    sanitise_line(&text)
}

//! Looks for servers at addresses that may have none. Sends no key.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::client::{Endpoint, EngineConfig, Prepared};
use super::discovery::fetch_models;
use super::failure::InvalidConfig;
use super::network::Network;
use crate::domain::live::ServerInfo;
use crate::protocol::api::CHAT;

/// A server that answered.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundServer {
    /// Base URL, as given.
    pub base_url: String,
    /// Kind and version, as far as the server reports them.
    pub server: ServerInfo,
    /// Models of the server; `None` if the list requires a key.
    pub models: Option<Vec<String>>,
}

/// Asks all addresses for their models at the same time, each for at most `timeout`. Returns the servers that answered,
/// in the order of `base_urls`. Sends no key, because any program may listen at these addresses.
///
/// # Errors
///
/// The HTTP client or its runtime cannot be set up.
pub fn find_servers(
    base_urls: &[String],
    timeout: Duration,
    epoch: Instant,
) -> Result<Vec<FoundServer>, InvalidConfig> {
    let endpoints = base_urls.iter().map(|url| Prepared::new(config(url), epoch).map(Endpoint::new));
    let endpoints = endpoints.collect::<Result<Vec<_>, _>>()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| InvalidConfig(format!("the search for servers did not start: {e}")))?;
    let ask = async |endpoint: &Endpoint| {
        let (server, models) = match tokio::time::timeout(timeout, fetch_models(endpoint)).await.ok()? {
            Ok((models, server)) => (server, Some(models)),
            Err(trouble) if matches!(trouble.http_status, Some(401 | 403)) => (trouble.server?, None),
            Err(_) => return None,
        };
        Some(FoundServer { base_url: endpoint.base_url.clone(), server, models })
    };
    let answers = runtime.block_on(join_all(endpoints.iter().map(ask)));
    Ok(answers.into_iter().flatten().collect())
}

fn config(base_url: &str) -> EngineConfig {
    EngineConfig {
        session_header: None,
        base_url: base_url.to_owned(),
        api: &CHAT,
        api_key: None,
        headers: Vec::new(),
        run_id: "search".to_owned(),
        warm: false,
        network: Network::default(),
    }
}

//! Finds servers among addresses that may have none, without a key.

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
    /// Its base URL, as asked.
    pub base_url: String,
    /// Kind and version, as far as the server reports them.
    pub server: ServerInfo,
    /// Its models; `None` if the list needs a key.
    pub models: Option<Vec<String>>,
}

/// Asks all addresses for their models at the same time, each for at most `timeout`. Returns those that answered, in the
/// order of `base_urls`. No key is sent: any program may listen there.
///
/// # Errors
///
/// The HTTP client or its runtime could not be set up.
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

//! Finds the endpoint: its models, its kind, its version. Warms the connection on the way.

use std::time::Duration;

use serde_json::Value;

use super::client::{Endpoint, describe};
use crate::domain::live::{EngineFact, ServerInfo};
use crate::protocol::request::AskUsage;
use crate::protocol::{endpoint, failure};

/// Pause between two tries.
const RETRY_EVERY: Duration = Duration::from_secs(2);
/// A look-up may take so long.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks until the endpoint answers, or once.
pub async fn discover(at: &Endpoint, retry: bool, sink: &impl Fn(EngineFact)) {
    loop {
        let again = match look(at).await {
            Ok((models, server)) => {
                at.usage.set(AskUsage::of(server.kind.as_deref()));
                sink(EngineFact::Discovered { models, server });
                return;
            }
            Err(Trouble { reason, may_pass }) => {
                sink(EngineFact::Unreachable { reason, retrying: retry && may_pass });
                retry && may_pass
            }
        };
        if !again {
            return;
        }
        tokio::time::sleep(RETRY_EVERY).await;
    }
}

struct Trouble {
    reason: String,
    may_pass: bool,
}

async fn look(at: &Endpoint) -> Result<(Vec<String>, ServerInfo), Trouble> {
    let url = format!("{}/models", at.base_url);
    let answer = at.client.get(&url).timeout(PATIENCE).send().await;
    let response = answer.map_err(|e| Trouble { reason: describe(e), may_pass: true })?;
    let status = response.status();
    let header = response.headers().get("server").and_then(|v| v.to_str().ok()).map(str::to_owned);
    let body = response.text().await.map_err(|e| Trouble { reason: describe(e), may_pass: true })?;
    // Some endpoints keep no list; then the model must be named.
    if matches!(status.as_u16(), 404 | 405 | 501) {
        let guess = endpoint::kind_from_models(&Value::Null, header.as_deref());
        return Ok((Vec::new(), identify(at, guess).await));
    }
    if !status.is_success() {
        let said = failure::message_in_body(&body);
        let may_pass = status.is_server_error() || status.as_u16() == 429;
        return Err(Trouble { reason: format!("HTTP {}: {said}", status.as_u16()), may_pass });
    }
    let Ok(models) = serde_json::from_str::<Value>(&body) else {
        let reason = format!(
            "'{}' answers, but not with JSON; is this an OpenAI-compatible server?",
            endpoint::without_secrets(&url)
        );
        return Err(Trouble { reason, may_pass: false });
    };
    let guess = endpoint::kind_from_models(&models, header.as_deref());
    Ok((endpoint::model_names(&models), identify(at, guess).await))
}

/// Asks where servers tell who they are. A cloud is not asked: it would only see stray requests.
async fn identify(at: &Endpoint, guess: ServerInfo) -> ServerInfo {
    let root = at.base_url.trim_end_matches("/v1");
    if at.base_url.starts_with("https://") && guess.kind.is_none() {
        return guess;
    }
    for &(path, proves, pointer) in endpoint::IDENTITY {
        if proves.is_some() && guess.kind.is_some() && proves != guess.kind.as_deref() {
            continue;
        }
        let Ok(response) = at.client.get(format!("{root}{path}")).timeout(Duration::from_secs(2)).send().await else {
            continue;
        };
        if !response.status().is_success() {
            continue;
        }
        let Ok(body) = response.text().await else { continue };
        let Ok(value) = serde_json::from_str::<Value>(&body) else { continue };
        if let Some(version) = value.pointer(pointer).and_then(Value::as_str) {
            let kind = guess.kind.clone().or_else(|| proves.map(str::to_owned));
            return ServerInfo { kind, version: Some(version.to_owned()) };
        }
    }
    guess
}

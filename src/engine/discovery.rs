//! Finds the endpoint: its models, its kind, its version. Warms the connection on the way.

use std::time::Duration;

use reqwest::header::CONTENT_ENCODING;
use serde_json::Value;

use super::client::Endpoint;
use super::failure::describe;
use crate::domain::live::{EngineFact, LOOK_AGAIN_AFTER, ServerInfo};
use crate::protocol::encoding::unpack;
use crate::protocol::endpoint;
use crate::protocol::failure::{self, capped};
use crate::protocol::request::{AskUsage, Manner};

/// Pause between two tries; tests need no pause.
const RETRY_EVERY: Duration = if cfg!(test) { Duration::from_millis(1) } else { LOOK_AGAIN_AFTER };
/// A model may take so long to be loaded.
const LOADING_PATIENCE: Duration = Duration::from_secs(600);
/// An answer may be so long.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;
/// A look-up may take so long.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks until the endpoint answers, or once. A model that is being loaded is waited for in any case, within limits.
pub async fn discover(at: &Endpoint, retry: bool, sink: &impl Fn(EngineFact)) {
    let begun = at.now();
    loop {
        match look(at).await {
            Ok((mut models, server)) => {
                for model in &mut models {
                    at.secrets.redact_answer(model, false);
                }
                at.manner.set(Manner { usage: AskUsage::of(server.kind.as_deref()), ..at.manner.get() });
                sink(EngineFact::Discovered { models, server });
                return;
            }
            Err(trouble) => {
                let again = trouble.is_worth_a_try(retry, at.now().since(begun));
                let reason = at.secrets.redact(&capped(trouble.told(again)));
                sink(EngineFact::Unreachable { reason, retrying: again });
                if !again {
                    return;
                }
            }
        }
        tokio::time::sleep(RETRY_EVERY).await;
    }
}

/// Why an endpoint could not be looked at.
enum Trouble {
    /// It will not pass.
    Lasting(String),
    /// It may pass.
    Passing(String),
    /// The model is being loaded.
    Loading,
}

impl Trouble {
    fn is_worth_a_try(&self, retry: bool, waited: Duration) -> bool {
        match self {
            Self::Lasting(_) => false,
            Self::Passing(_) => retry,
            Self::Loading => retry || waited < LOADING_PATIENCE,
        }
    }

    fn told(self, again: bool) -> String {
        match self {
            Self::Lasting(reason) | Self::Passing(reason) => reason,
            Self::Loading if again => "the model is loading".to_owned(),
            Self::Loading => format!("the model is still loading after {} minutes", LOADING_PATIENCE.as_secs() / 60),
        }
    }
}

async fn look(at: &Endpoint) -> Result<(Vec<String>, ServerInfo), Trouble> {
    let url = endpoint::address_below(&at.base_url, at.api.models);
    let answer = at.client.get(&url).timeout(PATIENCE).send().await;
    let response = answer.map_err(|e| {
        let is_late = e.is_timeout() && !e.is_connect();
        let late = || format!("it did not answer within {} s", PATIENCE.as_secs());
        Trouble::Passing(if is_late { late() } else { describe(e) })
    })?;
    let status = response.status();
    let headers = response.headers().clone();
    let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let body = text(response).await.map_err(Trouble::Passing)?;
    // Some endpoints keep no list; then the model must be named.
    if matches!(status.as_u16(), 404 | 405 | 501) {
        let guess = endpoint::kind_from_models(&Value::Null, header("server").as_deref());
        return Ok((Vec::new(), identify(at, guess).await));
    }
    if !status.is_success() {
        if failure::is_loading(status.as_u16(), &body) {
            return Err(Trouble::Loading);
        }
        // Before anything is cut: a part of a secret is not found.
        let header = |name: &str| header(name).map(|value| at.secrets.redact(&value));
        let said = failure::refusal(status.as_u16(), &header, &at.secrets.redact(&body)).message;
        let may_pass = status.is_server_error() || status.as_u16() == 429;
        return Err(if may_pass { Trouble::Passing(said) } else { Trouble::Lasting(said) });
    }
    let Ok(models) = serde_json::from_str::<Value>(&body) else {
        let reason = format!(
            "'{}' answers, but not with JSON; is this an OpenAI-compatible server?",
            endpoint::without_secrets(&url)
        );
        return Err(Trouble::Lasting(reason));
    };
    let guess = endpoint::kind_from_models(&models, header("server").as_deref());
    Ok((endpoint::model_names(&models), identify(at, guess).await))
}

/// The body, if it is not longer than any list of models.
async fn text(mut response: reqwest::Response) -> Result<String, String> {
    let header = response.headers().get(CONTENT_ENCODING).and_then(|v| v.to_str().ok());
    let encoding = header.unwrap_or_default().to_owned();
    let too_long = || format!("its answer is longer than {} MiB", MAX_BODY_BYTES / (1024 * 1024));
    let mut bytes = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(describe)? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > MAX_BODY_BYTES {
            return Err(too_long());
        }
    }
    let bytes = unpack(&encoding, bytes, MAX_BODY_BYTES)?;
    if bytes.len() > MAX_BODY_BYTES {
        return Err(too_long());
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Asks where servers tell who they are. A cloud is not asked: it would only see stray requests.
async fn identify(at: &Endpoint, guess: ServerInfo) -> ServerInfo {
    let (base, _query) = endpoint::split_query(&at.base_url);
    let root = base.strip_suffix(at.api.root).unwrap_or(base);
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
        let Ok(body) = text(response).await else { continue };
        let Ok(value) = serde_json::from_str::<Value>(&body) else { continue };
        if let Some(version) = value.pointer(pointer).and_then(Value::as_str) {
            let kind = guess.kind.clone().or_else(|| proves.map(str::to_owned));
            return ServerInfo { kind, version: Some(at.secrets.redact(&capped(version.to_owned()))) };
        }
    }
    guess
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loading_is_waited_for_without_being_told_to() {
        let minutes = |n: u64| Duration::from_secs(n * 60);
        let passing = Trouble::Passing("refused".to_owned());
        assert!(passing.is_worth_a_try(true, minutes(600)) && !passing.is_worth_a_try(false, minutes(0)));
        assert!(!Trouble::Lasting("401".to_owned()).is_worth_a_try(true, minutes(0)));
        assert!(
            Trouble::Loading.is_worth_a_try(false, minutes(9)) && !Trouble::Loading.is_worth_a_try(false, minutes(10))
        );
        assert_eq!(Trouble::Loading.told(false), "the model is still loading after 10 minutes");
        assert_eq!(Trouble::Loading.told(true), "the model is loading");
    }
}

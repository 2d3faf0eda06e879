//! Discovers the endpoint's models, kind and version.

use std::time::Duration;

use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use serde_json::Value;

use super::client::Endpoint;
use super::failure::{Failure, describe};
use super::{retry, tunnel};
use crate::domain::attempt::AttemptStatus;
use crate::domain::live::{DISCOVERY_RETRY_DELAY, DISCOVERY_TIMEOUT, EngineFact, ServerInfo};
use crate::domain::refusal::TLS_EXPECTED;
use crate::protocol::encoding::unpack;
use crate::protocol::failure::{self, capped};
use crate::protocol::request::{RequestDialect, UsageRequest};
use crate::protocol::{endpoint, url};

/// Pause between two tries; short in tests.
const RETRY_PAUSE: Duration = if cfg!(test) { Duration::from_millis(1) } else { DISCOVERY_RETRY_DELAY };
/// Maximum time to wait while the server loads a model.
const LOADING_PATIENCE: Duration = Duration::from_secs(600);
/// Maximum total time for the retries of `--retries`.
const RETRY_PATIENCE: Duration = Duration::from_secs(120);
/// Maximum size of a response.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;
/// Timeout of a request for the kind and version of the server.
const IDENTIFY_TIMEOUT: Duration = Duration::from_secs(2);

/// Settings of the discovery.
#[derive(Clone, Copy, Debug)]
pub struct DiscoveryOptions {
    /// Whether to try again until the endpoint answers.
    pub keeps_trying: bool,
    /// Whether the run needs the list of models, because the user named no model.
    pub needs_list: bool,
}

/// Discovers the endpoint and its models, and reports the result to `sink`. Waits, within limits, while the server
/// loads a model. If the user named a model, discovery also succeeds without a list of models.
pub async fn discover(at: &Endpoint, how: DiscoveryOptions, sink: &impl Fn(EngineFact)) {
    let begun = at.now();
    let mut tries = 1;
    loop {
        let failure = match fetch_models(at).await {
            Ok((mut models, server)) => {
                for model in &mut models {
                    at.secrets.redact_answer(model, false);
                }
                return found(at, models, server, None, sink);
            }
            Err(failure) => failure,
        };
        let next = failure.next(how, at.retries, tries, at.now().since(begun));
        let reason = at.secrets.redact(&capped(failure.reason(next, how.needs_list)));
        let http_status = failure.http_status;
        match next {
            NextStep::Again(pause) => {
                sink(EngineFact::Unreachable { reason, http_status, retrying: true });
                tokio::time::sleep(pause).await;
                tries += 1;
            }
            NextStep::WithoutList => {
                let asks = failure.may_be_identified();
                let server = failure.server.unwrap_or_default();
                let server = if asks { identify(at, server).await } else { server };
                return found(at, Vec::new(), server, Some(reason), sink);
            }
            NextStep::GiveUp => return sink(EngineFact::Unreachable { reason, http_status, retrying: false }),
        }
    }
}

fn found(
    at: &Endpoint,
    models: Vec<String>,
    server: ServerInfo,
    list_error: Option<String>,
    sink: &impl Fn(EngineFact),
) {
    at.dialect.set(RequestDialect { usage: UsageRequest::for_server(server.kind.as_deref()), ..at.dialect.get() });
    if server.kind.is_some() {
        at.mark_reported();
    }
    sink(EngineFact::Discovered { models, server, list_error });
}

/// Failure to get the list of models.
pub struct DiscoveryFailure {
    failure: Failure,
    pub(super) http_status: Option<u16>,
    /// Whether a later try may succeed.
    may_pass: bool,
    /// Whether the server is loading the model.
    is_loading: bool,
    /// Whether the server accepted the request and did not answer in time.
    is_silent: bool,
    /// The server that answered, if any. Without a list it may still serve requests.
    pub(super) server: Option<ServerInfo>,
}

/// Next step after the request for the list failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NextStep {
    Again(Duration),
    WithoutList,
    GiveUp,
}

impl DiscoveryFailure {
    /// Creates the failure of a request without a response.
    fn no_answer(kind: &'static str, why: String) -> Self {
        let failure = Failure::new(AttemptStatus::ConnectError, kind, why);
        Self { failure, http_status: None, may_pass: true, is_loading: false, is_silent: false, server: None }
    }

    /// Creates the failure of a response that is not a list.
    fn no_list(why: String, server: ServerInfo) -> Self {
        let failure = Failure::new(AttemptStatus::HttpError, "no_list", why);
        Self { failure, http_status: None, may_pass: false, is_loading: false, is_silent: false, server: Some(server) }
    }

    fn next(&self, how: DiscoveryOptions, retries: u32, tries: u32, waited: Duration) -> NextStep {
        if self.is_loading {
            let waits = how.keeps_trying || waited < LOADING_PATIENCE;
            return if waits { NextStep::Again(RETRY_PAUSE) } else { NextStep::GiveUp };
        }
        // A gateway gives these responses while the server behind it starts.
        let is_gateway = matches!(self.http_status, Some(502..=504));
        let waits = how.keeps_trying && self.may_pass;
        let will_do = !how.needs_list && self.server.is_some() && !(waits && is_gateway);
        if !waits || will_do {
            let left = RETRY_PATIENCE.saturating_sub(waited);
            let pause = (tries <= retries).then(|| retry::pause(&self.failure, self.http_status, tries, left));
            if let Some(pause) = pause.flatten() {
                return NextStep::Again(pause);
            }
        }
        match (will_do, waits) {
            (true, _) => NextStep::WithoutList,
            (false, true) => NextStep::Again(RETRY_PAUSE),
            (false, false) => NextStep::GiveUp,
        }
    }

    fn reason(&self, next: NextStep, needs_list: bool) -> String {
        let message = &self.failure.message;
        match (self.is_loading, next) {
            (true, NextStep::Again(_)) => "the model is loading".to_owned(),
            (true, _) => format!("the model is still loading after {} minutes", LOADING_PATIENCE.as_secs() / 60),
            // Suggest no model name if the key or the address is wrong.
            (false, NextStep::GiveUp) if needs_list && self.server.is_some() && !self.is_about_access() => {
                format!("{message}; pass --model NAME to run without the list")
            }
            _ => message.clone(),
        }
    }

    /// Returns whether to ask the server for its kind. A server that left the first request unanswered would leave
    /// these requests unanswered, too.
    fn may_be_identified(&self) -> bool {
        !self.is_silent && self.server.as_ref().is_none_or(|server| server.kind.is_none())
    }

    fn is_about_access(&self) -> bool {
        matches!(self.http_status, Some(401 | 403 | 407 | 300..=399))
    }
}

/// Asks the endpoint once for its models and its kind.
pub async fn fetch_models(at: &Endpoint) -> Result<(Vec<String>, ServerInfo), DiscoveryFailure> {
    let address = url::address_below(&at.base_url, at.api.models);
    let shown = url::without_secrets(&address);
    let peer = at.transport.peer();
    let response = match at.client.get(&address).timeout(DISCOVERY_TIMEOUT).send().await {
        Ok(response) => response,
        Err(e) if e.is_timeout() && !e.is_connect() => return Err(too_late(&shown)),
        Err(e) if e.is_connect() => {
            let (kind, mut why) = peer.without_connection(e);
            if let ("proxy", Some(proxy), Some(target)) = (kind, &at.proxy, peer.tunnel_target())
                && let Some(status) = tunnel::refusal(proxy, target).await
            {
                why = format!("{why}: {}", at.secrets.redact(&status));
            }
            return Err(DiscoveryFailure::no_answer(kind, why));
        }
        Err(e) => return Err(DiscoveryFailure::no_answer("closed", peer.without_answer(e))),
    };
    at.transport.note_version(response.version());
    let status = response.status();
    let headers = response.headers().clone();
    let header = |name: &str| header_text(&headers, name).map(|value| at.secrets.redact(&value));
    let body = match read_text(response).await {
        Ok(body) => body,
        Err(BodyError::TooLate) => return Err(too_late(&shown)),
        Err(BodyError::Broken(why)) => {
            return Err(DiscoveryFailure::no_list(
                format!("GET {shown}: {why}"),
                endpoint::server_from_headers(&header),
            ));
        }
    };
    if !status.is_success() {
        return Err(refused(at, status.as_u16(), &header, &shown, &body));
    }
    let Ok(models) = serde_json::from_str::<Value>(body.trim_start_matches('\u{feff}')) else {
        let why = format!("'{shown}' did not return JSON; check that this is an OpenAI-compatible server");
        return Err(DiscoveryFailure::no_list(why, endpoint::server_from_headers(&header)));
    };
    let guess = endpoint::server_from_models(&models, &header);
    if models.get("error").is_some_and(|e| !e.is_null()) {
        let message = at.secrets.redact(&failure::message_in_body(&body));
        return Err(DiscoveryFailure::no_list(format!("GET {shown}: HTTP {}: {message}", status.as_u16()), guess));
    }
    Ok((endpoint::model_names(&models), identify(at, guess).await))
}

fn too_late(shown: &str) -> DiscoveryFailure {
    let why = format!("GET {shown}: no answer within {} s", DISCOVERY_TIMEOUT.as_secs());
    DiscoveryFailure { may_pass: true, is_silent: true, ..DiscoveryFailure::no_list(why, ServerInfo::default()) }
}

/// Creates the failure of an HTTP error.
fn refused(
    at: &Endpoint,
    status: u16,
    header: &dyn Fn(&str) -> Option<String>,
    shown: &str,
    body: &str,
) -> DiscoveryFailure {
    // Redact before any text is cut: a partial secret would not be recognised.
    let refusal = failure::refusal(status, header, &at.secrets.redact(body));
    let mut message = at.transport.peer().with_culprit(status, format!("GET {shown}: {}", refusal.message));
    match status {
        404 | 405 | 501 => message.push_str("; the server has no model list, or the address is wrong"),
        _ if refusal.kind == TLS_EXPECTED => message.push_str("; try https://"),
        _ => {}
    }
    let mut failure = Failure::new(AttemptStatus::HttpError, refusal.kind, message);
    failure.retry_after = failure::retry_after(header);
    let is_theirs = status != 407 && refusal.kind != TLS_EXPECTED;
    DiscoveryFailure {
        failure,
        http_status: Some(status),
        may_pass: (status >= 500 && status != 501) || status == 429,
        is_loading: failure::is_loading(status, body),
        is_silent: false,
        server: is_theirs.then(|| endpoint::server_from_headers(header)),
    }
}

fn header_text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned)
}

/// Failure to read a body.
enum BodyError {
    TooLate,
    Broken(String),
}

/// Reads a body up to the size limit.
async fn read_text(mut response: reqwest::Response) -> Result<String, BodyError> {
    let broken = |e: reqwest::Error| if e.is_timeout() { BodyError::TooLate } else { BodyError::Broken(describe(e)) };
    let encoding = header_text(response.headers(), CONTENT_ENCODING.as_str()).unwrap_or_default();
    let too_long = || BodyError::Broken(format!("the response is larger than {} MiB", MAX_BODY_BYTES / (1024 * 1024)));
    let mut bytes = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(broken)? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > MAX_BODY_BYTES {
            return Err(too_long());
        }
    }
    let bytes = unpack(&encoding, bytes, MAX_BODY_BYTES).map_err(BodyError::Broken)?;
    if bytes.len() > MAX_BODY_BYTES {
        return Err(too_long());
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Asks the server for its kind and version. Asks no cloud services: they would only see stray requests.
async fn identify(at: &Endpoint, guess: ServerInfo) -> ServerInfo {
    let (base, _query) = url::split_query(&at.base_url);
    let root = base.strip_suffix(at.api.root).unwrap_or(base);
    if (at.base_url.starts_with("https://") && guess.kind.is_none()) || guess.version.is_some() {
        return guess;
    }
    for &(path, proves, pointer) in endpoint::IDENTITY {
        if proves.is_some() && guess.kind.is_some() && proves != guess.kind.as_deref() {
            continue;
        }
        let response = match at.client.get(format!("{root}{path}")).timeout(IDENTIFY_TIMEOUT).send().await {
            Ok(response) => response,
            Err(e) if e.is_timeout() => return guess,
            Err(_) => continue,
        };
        let by_headers = endpoint::server_from_headers(&|name| header_text(response.headers(), name));
        if guess.kind.is_none() && by_headers.version.is_some() {
            return ServerInfo { version: by_headers.version.map(|v| at.secrets.redact(&capped(v))), ..by_headers };
        }
        if !response.status().is_success() {
            continue;
        }
        let Ok(body) = read_text(response).await else { continue };
        let Ok(value) = serde_json::from_str::<Value>(body.trim_start_matches('\u{feff}')) else { continue };
        if let Some(version) = value.pointer(pointer).and_then(Value::as_str) {
            let kind = guess.kind.clone().or_else(|| proves.map(str::to_owned));
            return ServerInfo { kind, version: Some(at.secrets.redact(&capped(version.to_owned()))) };
        }
    }
    guess
}

#[cfg(test)]
mod tests;

//! The endpoint and its HTTP client, configured so that the client adds nothing to measured times.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use rustls::ClientConfig;

use super::clock::EngineClock;
use super::connect::TimeConnect;
use super::failure::{InvalidConfig, describe};
use super::network::{Network, ProxyChoice};
use super::request_record::RequestRecord;
use super::secrets::Secrets;
use super::transport::{self, Transport};
use crate::domain::live::ServerInfo;
use crate::domain::text::sanitise_line;
use crate::domain::time::Nanos;
use crate::protocol::api::{Api, KeyHeader};
use crate::protocol::endpoint::server_from_headers;
use crate::protocol::request::RequestDialect;

/// Maximum threads that read documents of vectors or scores at the same time.
const ITEMS_READERS: usize = 2;

/// Configuration of the engine: the endpoint and how to send requests to it.
#[derive(Clone)]
pub struct EngineConfig {
    /// Base URL, including `/v1` or the like, without a slash at the end.
    pub base_url: String,
    /// API of the endpoint.
    pub api: &'static Api,
    /// API key, sent in the API's header.
    pub api_key: Option<String>,
    /// Further headers: names and values.
    pub headers: Vec<(String, String)>,
    /// Prefix of every request id.
    pub run_id: String,
    /// Whether prompts are sent without the nonce that keeps them out of prefix caches.
    pub warm: bool,
    /// Header for the number of the conversation, for servers that use the header to route requests.
    pub session_header: Option<String>,
    /// Certificates, proxy and retries.
    pub network: Network,
}

impl fmt::Debug for EngineConfig {
    // Keys and header values must never reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineConfig").field("run_id", &self.run_id).finish_non_exhaustive()
    }
}

/// The endpoint, its HTTP client and the run's clock.
pub struct Endpoint {
    /// HTTP client for requests that are not measured. Keeps connections alive.
    pub client: reqwest::Client,
    /// Transport of the measured requests.
    pub transport: Transport,
    /// Base URL, including `/v1` or the like.
    pub base_url: String,
    /// API of the endpoint.
    pub api: &'static Api,
    /// Prefix of every request id.
    pub run_id: String,
    /// Whether prompts are sent without a nonce.
    pub warm: bool,
    /// Header for the number of the conversation.
    pub session_header: Option<HeaderName>,
    /// Maximum number of retries of a request that gets no response or a temporary refusal.
    pub retries: u32,
    /// Proxy to the endpoint.
    pub proxy: Option<ProxyChoice>,
    /// Values to redact in text from the server.
    pub secrets: Rc<Secrets>,
    /// Part of each request that its record may show.
    pub request_record: RequestRecord,
    /// Permits to read documents of vectors or scores, so that they take at most this many processors.
    pub items_readers: tokio::sync::Semaphore,
    /// Request parameters that the server accepts, learned from its refusals.
    pub dialect: std::cell::Cell<RequestDialect>,
    /// Progress in recognising the kind of server from response headers.
    recognised: RefCell<Recognised>,
    clock: EngineClock,
}

/// Progress in recognising the kind of server.
#[derive(Debug, Default)]
enum Recognised {
    /// Unknown so far.
    #[default]
    Unknown,
    /// Named by response headers, not yet reported.
    ByHeaders(ServerInfo),
    /// Known and reported.
    Reported,
}

/// Parts of an endpoint, checked before the engine's thread starts.
pub struct Prepared {
    client: reqwest::Client,
    fresh: Option<reqwest::Client>,
    tls: Option<Arc<ClientConfig>>,
    secrets: Secrets,
    headers: HeaderMap,
    base_url: String,
    api: &'static Api,
    run_id: String,
    warm: bool,
    session_header: Option<HeaderName>,
    network: Network,
    clock: EngineClock,
}

impl Prepared {
    /// Checks the headers and builds the clients.
    pub fn new(config: EngineConfig, epoch: Instant) -> Result<Self, InvalidConfig> {
        let clock = EngineClock::new(epoch);
        // The process may already have a crypto provider. A second installation fails and does no harm.
        let _already = rustls::crypto::ring::default_provider().install_default();
        let headers = headers(&config)?;
        let proxy = config.network.proxy.as_ref().map(|proxy| proxy.url.as_str());
        let secrets = Secrets::new(config.api_key.as_deref(), &config.headers, &config.base_url, proxy);
        let session_header = config.session_header.as_deref().map(session_header).transpose()?;
        let EngineConfig { base_url, api, run_id, warm, network, .. } = config;
        let is_plain = transport::is_plain(&base_url, network.proxy.is_some());
        let tls = if is_plain { None } else { Some(network.tls_config()?) };
        let build = |keeps: bool| {
            network
                .apply(reqwest::Client::builder(), tls.as_ref())?
                .default_headers(headers.clone())
                .pool_idle_timeout(Duration::from_secs(300))
                .pool_max_idle_per_host(if keeps { usize::MAX } else { 0 })
                // Follow no redirect: its target would get the key.
                .redirect(reqwest::redirect::Policy::none())
                .connector_layer(TimeConnect(clock))
                .build()
                .map_err(|e| InvalidConfig(format!("the HTTP client could not be set up: {}", describe(e))))
        };
        let client = build(true)?;
        let fresh = if is_plain { None } else { Some(build(false)?) };
        Ok(Self { client, fresh, tls, secrets, headers, base_url, api, run_id, warm, session_header, network, clock })
    }

    /// Redacts the secrets of both endpoints in the texts of either.
    pub fn share_secrets(&mut self, other: &mut Self) {
        self.secrets = self.secrets.merged(&other.secrets);
        other.secrets = self.secrets.merged(&Secrets::default());
    }
}

/// Checks the name of the header for conversations.
fn session_header(name: &str) -> Result<HeaderName, InvalidConfig> {
    let invalid = |_| InvalidConfig(format!("'{}' is not the name of a header", sanitise_line(name)));
    HeaderName::from_bytes(name.as_bytes()).map_err(invalid)
}

impl Endpoint {
    /// Creates the endpoint. Call this on the thread that uses the endpoint.
    pub fn new(prepared: Prepared) -> Self {
        let Prepared {
            client,
            fresh,
            tls,
            secrets,
            headers,
            base_url,
            api,
            run_id,
            warm,
            session_header,
            network,
            clock,
        } = prepared;
        let transport = Transport::new(&base_url, &headers, clock, &client, fresh, tls, &network);
        let request_record = RequestRecord::new(&base_url, api, &headers);
        let retries = network.retries;
        let (secrets, dialect) = (Rc::new(secrets), std::cell::Cell::default());
        let (proxy, recognised) = (network.proxy, RefCell::default());
        Self {
            client,
            transport,
            base_url,
            api,
            run_id,
            warm,
            session_header,
            retries,
            proxy,
            secrets,
            request_record,
            items_readers: tokio::sync::Semaphore::new(ITEMS_READERS),
            dialect,
            recognised,
            clock,
        }
    }

    /// Current time on the run's clock.
    pub fn now(&self) -> Nanos {
        self.clock.now()
    }

    /// Records that the engine has reported the kind of server.
    pub fn mark_reported(&self) {
        *self.recognised.borrow_mut() = Recognised::Reported;
    }

    /// Recognises a server of unknown kind from its response headers: some servers identify themselves nowhere else.
    pub fn recognise(&self, headers: &HeaderMap) {
        let mut recognised = self.recognised.borrow_mut();
        if !matches!(*recognised, Recognised::Unknown) {
            return;
        }
        let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(|v| self.secrets.redact(v));
        let server = server_from_headers(&header);
        if server.kind.is_some() {
            *recognised = Recognised::ByHeaders(server);
        }
    }

    /// Returns the server that [`Self::recognise`] found; `None` on later calls.
    pub fn take_recognised(&self) -> Option<ServerInfo> {
        let mut recognised = self.recognised.borrow_mut();
        if !matches!(*recognised, Recognised::ByHeaders(_)) {
            return None;
        }
        match std::mem::replace(&mut *recognised, Recognised::Reported) {
            Recognised::ByHeaders(server) => Some(server),
            Recognised::Unknown | Recognised::Reported => None,
        }
    }

    /// The run's clock.
    pub const fn clock(&self) -> EngineClock {
        self.clock
    }
}

/// Returns a client for other pages of the endpoint's origin, with the same certificates and proxy. If `with_secrets`,
/// the client sends the key and the user's headers.
pub fn page_client(config: &EngineConfig, with_secrets: bool) -> Result<reqwest::ClientBuilder, InvalidConfig> {
    let _already = rustls::crypto::ring::default_provider().install_default();
    let is_plain = transport::is_plain(&config.base_url, config.network.proxy.is_some());
    let tls = if is_plain { None } else { Some(config.network.tls_config()?) };
    let client = config.network.apply(reqwest::Client::builder(), tls.as_ref())?;
    if !with_secrets {
        return Ok(client);
    }
    // `headers` marks the key and the user's headers as sensitive.
    let secrets = headers(config)?.into_iter().filter_map(|(name, value)| Some((name?, value)));
    Ok(client.default_headers(secrets.filter(|(_, value)| value.is_sensitive()).collect()))
}

fn headers(config: &EngineConfig) -> Result<HeaderMap, InvalidConfig> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream, application/json"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("tokscope/", env!("CARGO_PKG_VERSION"))));
    let secret = |value: &str, what: &str| {
        let parsed = HeaderValue::from_str(value);
        let mut value =
            parsed.map_err(|_bad| InvalidConfig(format!("{what} has characters that headers must not have")))?;
        value.set_sensitive(true);
        Ok(value)
    };
    for (name, value) in config.api.headers {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if let Some(key) = &config.api_key {
        let (name, value) = match config.api.auth {
            KeyHeader::Bearer => (AUTHORIZATION, format!("Bearer {key}")),
            KeyHeader::XApiKey => (HeaderName::from_static("x-api-key"), key.clone()),
        };
        headers.insert(name, secret(&value, "the API key")?);
    }
    for (name, value) in &config.headers {
        let parsed = HeaderName::try_from(name.as_str());
        let parsed = parsed.map_err(|_bad| InvalidConfig(format!("'{name}' is not a header name")))?;
        headers.insert(parsed, secret(value, &format!("the value of header '{name}'"))?);
    }
    Ok(headers)
}

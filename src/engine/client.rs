//! The endpoint and the HTTP client, made so that it adds nothing to what is measured.

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
use crate::domain::time::Nanos;
use crate::protocol::api::{Api, Auth};
use crate::protocol::endpoint::server_from_headers;
use crate::protocol::request::Manner;

/// Where and how to ask.
#[derive(Clone)]
pub struct EngineConfig {
    /// Base address, `/v1` or the like included, no slash at the end.
    pub base_url: String,
    /// The API that is spoken there.
    pub api: &'static Api,
    /// Sent as the API wants it.
    pub api_key: Option<String>,
    /// Further headers, name and value.
    pub headers: Vec<(String, String)>,
    /// Begins every request id.
    pub run_id: String,
    /// Prompts go out as they are, without the nonce that keeps them out of prefix caches.
    pub warm: bool,
    /// What is asked of the network in between.
    pub network: Network,
}

impl fmt::Debug for EngineConfig {
    // Keys and header values must never reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineConfig").field("run_id", &self.run_id).finish_non_exhaustive()
    }
}

/// The endpoint with its client and the run's clock.
pub struct Endpoint {
    /// The client; it keeps connections alive.
    pub client: reqwest::Client,
    /// How the measured requests go out.
    pub transport: Transport,
    /// Base address, `/v1` or the like included.
    pub base_url: String,
    /// The API that is spoken there.
    pub api: &'static Api,
    /// Begins every request id.
    pub run_id: String,
    /// Prompts go out as they are.
    pub warm: bool,
    /// Maximum number of times a request is sent again after a refusal for now or no response.
    pub retries: u32,
    /// The proxy in between.
    pub proxy: Option<ProxyChoice>,
    /// What must not come back in what the server says.
    pub secrets: Rc<Secrets>,
    /// What records may tell of how it is asked.
    pub request_record: RequestRecord,
    /// How the server wants to be asked, as its refusals taught.
    pub manner: std::cell::Cell<Manner>,
    /// What the headers of an answer say of the server, until it is told.
    recognised: RefCell<Recognised>,
    clock: EngineClock,
}

/// Whether the server's kind is known.
#[derive(Debug, Default)]
enum Recognised {
    /// Not yet.
    #[default]
    Unknown,
    /// An answer's headers named it; nobody was told.
    ByHeaders(ServerInfo),
    /// It is known, and was told.
    Told,
}

/// What of an endpoint can be checked before its thread runs.
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
    network: Network,
    clock: EngineClock,
}

impl Prepared {
    /// Checks the headers and builds the client.
    pub fn new(config: EngineConfig, epoch: Instant) -> Result<Self, InvalidConfig> {
        let clock = EngineClock::new(epoch);
        // A second installation is refused, and harmless.
        let _already = rustls::crypto::ring::default_provider().install_default();
        let headers = headers(&config)?;
        let proxy = config.network.proxy.as_ref().map(|proxy| proxy.url.as_str());
        let secrets = Secrets::new(config.api_key.as_deref(), &config.headers, &config.base_url, proxy);
        let EngineConfig { base_url, api, run_id, warm, network, .. } = config;
        let is_plain = transport::is_plain(&base_url, network.proxy.is_some());
        let tls = if is_plain { None } else { Some(network.tls_config()?) };
        let build = |keeps: bool| {
            network
                .apply(reqwest::Client::builder(), tls.as_ref())?
                .default_headers(headers.clone())
                .pool_idle_timeout(Duration::from_secs(300))
                .pool_max_idle_per_host(if keeps { usize::MAX } else { 0 })
                // Whoever is named in a redirect would get the key.
                .redirect(reqwest::redirect::Policy::none())
                .connector_layer(TimeConnect(clock))
                .build()
                .map_err(|e| InvalidConfig(format!("the HTTP client could not be set up: {}", describe(e))))
        };
        let client = build(true)?;
        let fresh = if is_plain { None } else { Some(build(false)?) };
        Ok(Self { client, fresh, tls, secrets, headers, base_url, api, run_id, warm, network, clock })
    }
}

impl Endpoint {
    /// The endpoint for the thread that is to use it.
    pub fn new(prepared: Prepared) -> Self {
        let Prepared { client, fresh, tls, secrets, headers, base_url, api, run_id, warm, network, clock } = prepared;
        let transport = Transport::new(&base_url, &headers, clock, &client, fresh, tls, &network);
        let request_record = RequestRecord::new(&base_url, api, &headers);
        let retries = network.retries;
        let (secrets, manner) = (Rc::new(secrets), std::cell::Cell::default());
        let (proxy, recognised) = (network.proxy, RefCell::default());
        Self {
            client,
            transport,
            base_url,
            api,
            run_id,
            warm,
            retries,
            proxy,
            secrets,
            request_record,
            manner,
            recognised,
            clock,
        }
    }

    /// Now, on the run's clock.
    pub fn now(&self) -> Nanos {
        self.clock.now()
    }

    /// Notes that the server's kind was told.
    pub fn told_kind(&self) {
        *self.recognised.borrow_mut() = Recognised::Told;
    }

    /// Notes what an answer's headers say of a server whose kind is not known: some name it nowhere else.
    pub fn look_at_headers(&self, headers: &HeaderMap) {
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

    /// What [`Self::look_at_headers`] found, once.
    pub fn take_recognised(&self) -> Option<ServerInfo> {
        let mut recognised = self.recognised.borrow_mut();
        if !matches!(*recognised, Recognised::ByHeaders(_)) {
            return None;
        }
        match std::mem::replace(&mut *recognised, Recognised::Told) {
            Recognised::ByHeaders(server) => Some(server),
            Recognised::Unknown | Recognised::Told => None,
        }
    }

    /// The clock by itself.
    pub const fn clock(&self) -> EngineClock {
        self.clock
    }
}

/// A client for other pages of the endpoint's own origin, over the same network; `with_secrets` it sends the key and the
/// user's headers.
pub fn page_client(config: &EngineConfig, with_secrets: bool) -> Result<reqwest::ClientBuilder, InvalidConfig> {
    let _already = rustls::crypto::ring::default_provider().install_default();
    let is_plain = transport::is_plain(&config.base_url, config.network.proxy.is_some());
    let tls = if is_plain { None } else { Some(config.network.tls_config()?) };
    let client = config.network.apply(reqwest::Client::builder(), tls.as_ref())?;
    if !with_secrets {
        return Ok(client);
    }
    // All that is the user's own is marked sensitive.
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
        let mut value = parsed.map_err(|_bad| InvalidConfig(format!("{what} holds characters no header may hold")))?;
        value.set_sensitive(true);
        Ok(value)
    };
    for (name, value) in config.api.headers {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if let Some(key) = &config.api_key {
        let (name, value) = match config.api.auth {
            Auth::Bearer => (AUTHORIZATION, format!("Bearer {key}")),
            Auth::XApiKey => (HeaderName::from_static("x-api-key"), key.clone()),
        };
        headers.insert(name, secret(&value, "the API key")?);
    }
    for (name, value) in &config.headers {
        let parsed = HeaderName::try_from(name.as_str());
        let parsed = parsed.map_err(|_bad| InvalidConfig(format!("'{name}' is no name of a header")))?;
        headers.insert(parsed, secret(value, &format!("the value of header '{name}'"))?);
    }
    Ok(headers)
}

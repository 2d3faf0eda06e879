//! The other end of a connection, endpoint or proxy. Writes the messages for failed connections: which end failed, how,
//! and what to try.

use std::io::{self, ErrorKind};

use reqwest::Url;

use super::failure::{ConnectTimedOut, causes, describe, tls};
use super::network::{Network, ProxyChoice};
use crate::protocol::url::without_secrets;

/// The endpoint and the proxy to it, as named in messages.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// Host and port of the endpoint.
    target: String,
    /// Host that tokscope connects to: the proxy if there is one, otherwise the endpoint.
    host: String,
    has_tls: bool,
    /// Description of the proxy for users, like `the proxy http://p:3128 (--proxy)`.
    proxy: Option<String>,
}

impl Peer {
    /// Returns the peer for this base URL.
    pub fn new(base_url: &str, network: &Network) -> Self {
        let host_of = |url: &Url| url.host_str().unwrap_or_default().to_owned();
        let Ok(url) = Url::parse(base_url) else { return Self::default() };
        let target = format!("{}:{}", host_of(&url), url.port_or_known_default().unwrap_or_default());
        let named = |proxy: &ProxyChoice| format!("the proxy {} ({})", without_secrets(&proxy.url), proxy.source);
        let via = network.proxy.as_ref().and_then(|proxy| Url::parse(&proxy.url).ok());
        Self {
            target,
            host: host_of(via.as_ref().unwrap_or(&url)),
            has_tls: url.scheme() == "https",
            proxy: network.proxy.as_ref().map(named),
        }
    }

    /// Returns kind and message of a client library error that occurred while connecting.
    pub fn without_connection(&self, error: reqwest::Error) -> (&'static str, String) {
        let kind = self.kind(&error);
        let message = match kind {
            "dns" => self.unknown_name(&error),
            "proxy" => self.proxy_refusal(&error),
            "connect_timeout" => {
                let late = causes(&error).find_map(|e| e.downcast_ref()).map(|late| self.too_late(late));
                late.unwrap_or_else(|| describe(error))
            }
            // The TLS handshake is with the server, even through a proxy.
            "tls" => return (kind, self.via_proxy(describe(error))),
            _ => {
                let io = innermost_io(&error);
                self.not_connected(io.as_ref(), || describe(error))
            }
        };
        (kind, message)
    }

    /// Returns the message for a client library error on an established connection.
    pub fn without_answer(&self, error: reqwest::Error) -> String {
        let is_closed =
            |e: &(dyn std::error::Error + 'static)| e.downcast_ref().is_some_and(hyper::Error::is_incomplete_message);
        let closed = causes(&error).any(is_closed).then_some(ErrorKind::ConnectionReset);
        let kind = causes(&error).find_map(io_of).map(io::Error::kind).or(closed);
        let message = with_hint(describe(error), kind.and_then(|kind| hint(kind, self.has_tls)));
        self.via_proxy(message)
    }

    /// Returns the message for a system error while connecting.
    pub fn refused(&self, error: &io::Error) -> String {
        self.not_connected(Some(&Io { kind: error.kind(), message: error.to_string() }), String::new)
    }

    /// Returns the message for a name that does not resolve.
    pub fn unknown(&self, error: &io::Error) -> String {
        self.unknown_name(error)
    }

    /// Returns the message for a connection that timed out.
    pub fn too_late(&self, timed_out: &ConnectTimedOut) -> String {
        let to = self.first_stop();
        format!("no connection to {to} within {} s; {}", timed_out.0.as_secs_f64(), LATE)
    }

    /// Returns the message for a connection that broke before a response.
    pub fn broken(&self, message: String, kind: Option<ErrorKind>) -> String {
        with_hint(message, kind.and_then(|kind| hint(kind, self.has_tls)))
    }

    /// Names the proxy in an HTTP error that the proxy may have caused.
    pub fn with_culprit(&self, http_status: u16, message: String) -> String {
        match (&self.proxy, http_status) {
            (Some(proxy), 407) => format!("{proxy} requires a user name and password: {message}; {PASSWORD}"),
            // In a tunnel, only the server can respond.
            (Some(proxy), 502..=504) if !self.has_tls => {
                format!(
                    "{message}; {proxy} may have answered instead of the server; check that it can reach {}",
                    self.target
                )
            }
            _ => message,
        }
    }

    /// Host and port of the endpoint if a proxy tunnels the connection; otherwise `None`.
    pub fn tunnel_target(&self) -> Option<&str> {
        (self.has_tls && self.proxy.is_some()).then_some(self.target.as_str())
    }

    fn kind(&self, error: &reqwest::Error) -> &'static str {
        for cause in causes(error) {
            if cause.is::<ConnectTimedOut>() {
                return "connect_timeout";
            }
            if tls(cause).is_some() {
                return "tls";
            }
            let text = cause.to_string();
            if text == "dns error" {
                return "dns";
            }
            // The type of this error is private to the library, so only its text identifies it.
            if self.proxy.is_some() && text.starts_with(TUNNEL) && !text.ends_with("underlying connection") {
                return "proxy";
            }
        }
        "connect"
    }

    fn first_stop(&self) -> &str {
        self.proxy.as_deref().unwrap_or(&self.target)
    }

    fn not_connected(&self, error: Option<&Io>, otherwise: impl FnOnce() -> String) -> String {
        let to = self.first_stop();
        match error {
            Some(Io { kind, message }) => {
                let hint = match (kind, &self.proxy) {
                    (ErrorKind::ConnectionRefused, Some(_)) => {
                        Some("check that the proxy is running and the port is right")
                    }
                    _ => hint(*kind, self.has_tls),
                };
                with_hint(format!("no connection to {to}: {message}"), hint)
            }
            None => format!("no connection to {to}: {}", otherwise()),
        }
    }

    fn unknown_name(&self, error: &(dyn std::error::Error + 'static)) -> String {
        let reason = causes(error).last().map(ToString::to_string).unwrap_or_default();
        let reason = reason.strip_prefix("failed to lookup address information: ").unwrap_or(&reason);
        let whose = self.proxy.as_ref().map_or_else(String::new, |proxy| format!(" of {proxy}"));
        format!("cannot resolve the host name '{}'{whose} ({reason}); check its spelling and the DNS", self.host)
    }

    fn proxy_refusal(&self, error: &reqwest::Error) -> String {
        let (proxy, target) = (self.first_stop(), &self.target);
        let message = causes(error).map(ToString::to_string).find(|text| text.starts_with(TUNNEL)).unwrap_or_default();
        match message.trim_start_matches(TUNNEL) {
            "proxy authorization required" => {
                format!("{proxy} requires a user name and password (HTTP 407); {PASSWORD}")
            }
            "unsuccessful" => format!("{proxy} refused to connect to {target}"),
            "unexpected end of file" => format!("{proxy} closed the connection instead of connecting to {target}"),
            why => format!("{proxy} could not connect to {target}: {why}"),
        }
    }

    fn via_proxy(&self, message: String) -> String {
        match &self.proxy {
            Some(proxy) => format!("{message} (through {proxy})"),
            None => message,
        }
    }
}

const TUNNEL: &str = "tunnel error: ";
const PASSWORD: &str = "add them to its address: http://USER:PASSWORD@HOST:PORT";
const LATE: &str = "check the host and any firewall, or raise --connect-timeout";

/// A system error.
struct Io {
    kind: ErrorKind,
    message: String,
}

fn io_of<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a io::Error> {
    error.downcast_ref()
}

fn innermost_io(error: &reqwest::Error) -> Option<Io> {
    let error = causes(error).filter_map(io_of).last()?;
    Some(Io { kind: error.kind(), message: error.to_string() })
}

fn with_hint(message: String, hint: Option<&str>) -> String {
    match hint {
        Some(hint) => format!("{message}; {hint}"),
        None => message,
    }
}

/// Returns advice on a system error.
fn hint(kind: ErrorKind, has_tls: bool) -> Option<&'static str> {
    match kind {
        ErrorKind::ConnectionRefused => Some("check that the server is running and the port is right"),
        ErrorKind::TimedOut => Some(LATE),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => {
            Some("check the address, the network and the VPN")
        }
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
            Some("the server or a proxy dropped the connection; see the server's log")
        }
        ErrorKind::UnexpectedEof if has_tls => Some("the server may not use TLS here; try http://"),
        ErrorKind::PermissionDenied => Some("this machine blocked the connection; check its firewall"),
        ErrorKind::AddrNotAvailable => Some("this machine has no free port left; lower --concurrency or --rate"),
        _ => None,
    }
}

#[cfg(test)]
mod tests;

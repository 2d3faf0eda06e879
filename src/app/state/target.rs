//! The endpoint under test.

use crate::domain::address::is_loopback;
use crate::domain::live::ServerInfo;
use crate::domain::route::Route;

/// Whether the endpoint can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connection {
    /// No answer yet.
    Connecting,
    /// The endpoint answered.
    Ready,
    /// The endpoint serves several models, and the user is choosing one.
    Unnamed,
    /// The endpoint did not answer, with the error. tokscope tries again.
    Unreachable(String),
    /// The endpoint cannot be used, with the reason. tokscope does not try again.
    Refused(String),
}

/// The endpoint under test.
#[derive(Clone, Debug)]
pub struct Target {
    /// Base URL, without secrets.
    pub url: String,
    /// Name of the model, once known.
    pub model: Option<String>,
    /// Name and version of the server.
    pub server: ServerInfo,
    /// Whether the built-in simulator answers, so that no figure is a model's.
    pub simulated: bool,
    /// Proxy and TLS between tokscope and the endpoint.
    pub route: Route,
    /// Whether the endpoint can be used.
    pub connection: Connection,
}

impl Target {
    /// Reason why the run has not started, as a sentence without its full stop; `None` if the endpoint can be used.
    pub fn why_not_started(&self) -> Option<String> {
        let url = &self.url;
        match &self.connection {
            Connection::Ready => None,
            Connection::Refused(why) => Some(format!("'{url}': {why}")),
            Connection::Connecting => {
                Some(format!("'{url}' did not answer before the run ended, so nothing was measured"))
            }
            Connection::Unreachable(why) => {
                Some(format!("'{url}' was not ready before the run ended, so nothing was measured: {why}"))
            }
            Connection::Unnamed => {
                Some(format!("'{url}' serves several models and none was chosen; pass one with --model"))
            }
        }
    }

    /// Whether the URL names this machine: `localhost`, `127.…` or `[::1]`. A tunnel behind such an address may still
    /// end elsewhere.
    pub fn is_local(&self) -> bool {
        let rest = self.url.split_once("://").map_or(self.url.as_str(), |(_scheme, rest)| rest);
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host_and_port = authority.rsplit_once('@').map_or(authority, |(_user, host)| host);
        let host = match host_and_port.strip_prefix('[') {
            Some(v6) => v6.split(']').next().unwrap_or_default(),
            None => host_and_port.split(':').next().unwrap_or_default(),
        };
        is_loopback(host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_hosts_are_local() {
        let is_local = |url: &str| {
            let target = Target {
                url: url.to_owned(),
                model: None,
                server: ServerInfo::default(),
                simulated: false,
                route: crate::domain::route::Route::default(),
                connection: Connection::Connecting,
            };
            target.is_local()
        };
        for url in ["http://localhost:8000/v1", "http://127.0.0.1/v1", "http://127.8.9.1:1", "http://[::1]:8000/v1"] {
            assert!(is_local(url), "{url}");
        }
        for url in [
            "https://api.openai.com/v1",
            "http://10.0.0.2:8000",
            "http://localhost.example.com/",
            "http://1270.0.0.1",
            "",
        ] {
            assert!(!is_local(url), "{url}");
        }
    }
}

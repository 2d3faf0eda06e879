//! What stands between this program and the endpoint.

/// The way that requests take.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Route {
    /// Whether the server had to prove who it is; `None`: there is no TLS.
    pub tls_verified: Option<bool>,
    /// The proxy in between, without secrets: its time is a part of every figure.
    pub proxy: Option<String>,
}

impl Route {
    /// Anyone could have answered.
    pub fn is_unverified(&self) -> bool {
        self.tls_verified == Some(false)
    }
}

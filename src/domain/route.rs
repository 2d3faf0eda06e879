//! Network path to the endpoint.

/// TLS and proxy between tokscope and the endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Route {
    /// Whether the server's certificate was verified; `None` without TLS.
    pub tls_verified: Option<bool>,
    /// Proxy on the path, without secrets. The proxy's delay is part of every figure.
    pub proxy: Option<String>,
}

impl Route {
    /// Returns whether the certificate was not verified, so that another server could have answered.
    pub fn is_unverified(&self) -> bool {
        self.tls_verified == Some(false)
    }
}

//! Settings of the network to the endpoint: trusted certificates and proxy.

use std::sync::Arc;

use reqwest::{ClientBuilder, Proxy};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::certificate::{self, Trust};
use super::failure::InvalidConfig;

/// Settings of the network. By default, certificates are verified against the platform's roots and no proxy is used.
#[derive(Clone, Default)]
pub struct Network {
    /// Whether to skip the verification of certificates.
    pub insecure: bool,
    /// Further certificates to trust, in PEM: of issuers or of the server itself. May be empty.
    pub cacert: Vec<u8>,
    /// Proxy for all requests.
    pub proxy: Option<ProxyChoice>,
    /// Maximum number of retries of a request that gets no response or a temporary refusal.
    pub retries: u32,
}

/// A proxy and the source of its URL.
#[derive(Clone)]
pub struct ProxyChoice {
    /// URL, including any password.
    pub url: String,
    /// Name of the option or environment variable that set the proxy.
    pub source: &'static str,
}

impl std::fmt::Debug for Network {
    // Show no proxy: its URL may contain a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network").field("insecure", &self.insecure).finish_non_exhaustive()
    }
}

impl Network {
    /// Applies these settings to a client. Without `tls`, loads no root certificates, because a machine may have none.
    pub(super) fn apply(
        &self,
        client: ClientBuilder,
        tls: Option<&Arc<ClientConfig>>,
    ) -> Result<ClientBuilder, InvalidConfig> {
        // Ignore proxies of the environment and the system: a proxy that the user did not ask for would distort the
        // measurement.
        let mut client = client.no_proxy();
        if let Some(proxy) = &self.proxy {
            let proxy = Proxy::all(&proxy.url).map_err(|e| InvalidConfig(format!("the proxy: {}", e.without_url())))?;
            client = client.proxy(proxy);
        }
        Ok(match tls {
            Some(config) => client.tls_backend_preconfigured(ClientConfig::clone(config)),
            None => client.tls_danger_accept_invalid_certs(true),
        })
    }

    /// Returns the TLS configuration for the endpoint.
    pub(super) fn tls_config(&self) -> Result<Arc<ClientConfig>, InvalidConfig> {
        let trust = if self.insecure { Trust::Anyone } else { Trust::Certified(certificates(&self.cacert)?) };
        let config = certificate::client_config(trust);
        config.map(Arc::new).map_err(|e| InvalidConfig(format!("TLS could not be set up: {e}")))
    }
}

/// Returns the certificates in a PEM file; fails if the file has none.
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, InvalidConfig> {
    if pem.is_empty() {
        return Ok(Vec::new());
    }
    let broken = |_e| InvalidConfig("holds a certificate that cannot be read".to_owned());
    let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().map_err(broken)?;
    if found.is_empty() {
        let why = "holds no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----";
        return Err(InvalidConfig(why.to_owned()));
    }
    // Check each certificate here: errors of the TLS library do not say which one is invalid.
    let mut roots = RootCertStore::empty();
    for (i, certificate) in found.iter().enumerate() {
        let added = roots.add(certificate.clone());
        added.map_err(|e| InvalidConfig(format!("certificate {} in it is invalid: {e}", i + 1)))?;
    }
    Ok(found)
}

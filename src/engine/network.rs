//! How the network between here and the endpoint is to be used: what is trusted, who stands in between.

use std::sync::Arc;

use reqwest::{ClientBuilder, Proxy};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::certificate::{self, Trust};
use super::failure::InvalidConfig;

/// What is asked for besides the usual: certificates verified against the platform's roots, no proxy.
#[derive(Clone, Default)]
pub struct Network {
    /// Certificates are not verified.
    pub insecure: bool,
    /// Certificates to trust besides the platform's own, in PEM: issuers, or the server's. Empty: none.
    pub cacert: Vec<u8>,
    /// The proxy that every request goes through.
    pub proxy: Option<ProxyChoice>,
    /// Maximum number of times a request is sent again after a refusal for now or no response.
    pub retries: u32,
}

/// A proxy, and who chose it.
#[derive(Clone)]
pub struct ProxyChoice {
    /// Its address, password included.
    pub url: String,
    /// The option or the environment variable that named it.
    pub source: &'static str,
}

impl std::fmt::Debug for Network {
    // A proxy's address may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network").field("insecure", &self.insecure).finish_non_exhaustive()
    }
}

impl Network {
    /// Sets a client up for it. Without `tls` no TLS stands in between, and no root is looked for: a machine may have none.
    pub(super) fn apply(
        &self,
        client: ClientBuilder,
        tls: Option<&Arc<ClientConfig>>,
    ) -> Result<ClientBuilder, InvalidConfig> {
        // What the environment or the system says of proxies has no part in it: a proxy nobody asked for would be
        // measured with the server.
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

/// The certificates in a PEM file; a file without any is refused.
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
    // Each must be one inside, too: the client would only say that something is wrong.
    let mut roots = RootCertStore::empty();
    for (i, certificate) in found.iter().enumerate() {
        let added = roots.add(certificate.clone());
        added.map_err(|e| InvalidConfig(format!("certificate {} in it is invalid: {e}", i + 1)))?;
    }
    Ok(found)
}

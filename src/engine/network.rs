//! How the network between here and the endpoint is to be used: what is trusted, who stands in between.

use reqwest::{Certificate, ClientBuilder, Proxy};

use super::failure::InvalidConfig;

/// What is asked for besides the usual: certificates verified against the platform's roots, no proxy.
#[derive(Clone, Default)]
pub struct Network {
    /// Certificates are not verified.
    pub insecure: bool,
    /// Issuers to trust besides the platform's own, in PEM; empty: none.
    pub cacert: Vec<u8>,
    /// The proxy that every request goes through, password included.
    pub proxy: Option<String>,
    /// So often a request is sent again that was refused for now, or got no connection.
    pub retries: u32,
}

impl std::fmt::Debug for Network {
    // A proxy's address may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network").field("insecure", &self.insecure).finish_non_exhaustive()
    }
}

impl Network {
    /// Sets a client up for it. Where `is_plain`, no TLS stands in between, and no root is looked for: a machine may have
    /// none.
    pub(super) fn apply(&self, client: ClientBuilder, is_plain: bool) -> Result<ClientBuilder, InvalidConfig> {
        // What the environment or the system says of proxies has no part in it: a proxy nobody asked for would be
        // measured with the server.
        let mut client = client.no_proxy();
        if let Some(proxy) = &self.proxy {
            let proxy = Proxy::all(proxy).map_err(|e| InvalidConfig(format!("the proxy: {}", e.without_url())))?;
            client = client.proxy(proxy);
        }
        if self.insecure || is_plain {
            return Ok(client.tls_danger_accept_invalid_certs(true));
        }
        Ok(client.tls_certs_merge(certificates(&self.cacert)?))
    }
}

/// The certificates in a PEM file; without any it is no such file.
pub fn certificates(pem: &[u8]) -> Result<Vec<Certificate>, InvalidConfig> {
    if pem.is_empty() {
        return Ok(Vec::new());
    }
    let broken = |_e| InvalidConfig("holds a certificate that cannot be read".to_owned());
    let found = Certificate::from_pem_bundle(pem).map_err(broken)?;
    if found.is_empty() {
        let why = "holds no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----";
        return Err(InvalidConfig(why.to_owned()));
    }
    // Each must be one inside, too: the client would only say that something is wrong.
    let mut roots = rustls::RootCertStore::empty();
    for (i, der) in rustls::pki_types::pem::PemObject::pem_slice_iter(pem).enumerate() {
        let der: rustls::pki_types::CertificateDer<'_> =
            der.map_err(|_e| InvalidConfig("holds a certificate that cannot be read".to_owned()))?;
        roots.add(der).map_err(|e| InvalidConfig(format!("certificate {} in it is none: {e}", i + 1)))?;
    }
    Ok(found)
}

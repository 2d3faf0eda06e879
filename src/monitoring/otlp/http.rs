//! HTTP client of the exporters: requests of any thread run on the runtime of the export's thread.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use tokio::runtime::Handle;

use super::counts::Counts;

/// Timeout of a request.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(3);

/// Client for one receiver. Follows no redirects: they could send headers to another host.
#[derive(Clone)]
pub struct OtlpClient {
    client: reqwest::Client,
    runtime: Handle,
    counts: Arc<Counts>,
}

impl fmt::Debug for OtlpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OtlpClient")
    }
}

impl OtlpClient {
    /// Creates a client whose requests run on `runtime`.
    ///
    /// # Errors
    ///
    /// The client cannot be created.
    pub fn new(runtime: &Handle, counts: Arc<Counts>) -> Result<Self, reqwest::Error> {
        // Installing a provider fails if one is already installed, which does no harm.
        let _already = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let client = client.timeout(REQUEST_TIMEOUT).build()?;
        Ok(Self { client, runtime: runtime.clone(), counts })
    }
}

/// Describes an error without the address, which is known.
fn describe(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the request failed"
    }
}

#[async_trait]
impl HttpClient for OtlpClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sent = self.runtime.spawn(async move {
            let (head, body) = request.into_parts();
            let sent = client.request(head.method, head.uri.to_string()).headers(head.headers).body(body);
            let received = sent.send().await?;
            // The body is not needed: it may be long, and may repeat a header.
            Ok::<_, reqwest::Error>(received.status())
        });
        match sent.await? {
            Ok(status) => {
                if !status.is_success() {
                    self.counts.note_failure(&format!("HTTP {}", status.as_u16()));
                }
                Ok(Response::builder().status(status).body(Bytes::new())?)
            }
            Err(why) => {
                self.counts.note_failure(describe(&why));
                Err(why.without_url().into())
            }
        }
    }
}

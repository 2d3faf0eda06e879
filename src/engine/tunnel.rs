//! Asks a proxy why it refused a tunnel: the client library does not report the status.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;
use reqwest::Url;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::network::ProxyChoice;

/// Maximum time to wait for the proxy's response.
const PATIENCE: Duration = Duration::from_secs(2);
/// Maximum length of the status line, bytes.
const MAX_LINE_BYTES: usize = 256;

/// Returns the status with which an HTTP proxy refuses a tunnel to `target`, like `HTTP 403 Forbidden`. Returns `None`
/// if the status is not available.
pub(super) async fn refusal(proxy: &ProxyChoice, target: &str) -> Option<String> {
    let url = Url::parse(&proxy.url).ok().filter(|url| url.scheme() == "http")?;
    let line = tokio::time::timeout(PATIENCE, status_line(&url, target)).await.ok()?.ok()?;
    let status = line.split_once(' ').filter(|(version, _)| version.starts_with("HTTP/"))?.1.trim();
    // The proxy accepts the tunnel now, which does not explain the earlier refusal.
    (!status.starts_with('2')).then(|| format!("HTTP {status}"))
}

async fn status_line(proxy: &Url, target: &str) -> std::io::Result<String> {
    let host = proxy.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let mut stream = TcpStream::connect((host, proxy.port_or_known_default().unwrap_or(80))).await?;
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n");
    if !proxy.username().is_empty() || proxy.password().is_some() {
        let pair = format!("{}:{}", proxy.username(), proxy.password().unwrap_or_default());
        let pair = BASE64_STANDARD.encode(percent_decode_str(&pair).collect::<Vec<u8>>());
        request.extend(["proxy-authorization: Basic ", &pair, "\r\n"]);
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut line = Vec::new();
    while line.len() < MAX_LINE_BYTES {
        match stream.read_u8().await? {
            b'\n' => break,
            byte => line.push(byte),
        }
    }
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}

//! A TLS server with a certificate per connection, chosen by the test.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Path of a test certificate.
pub fn file(name: &str) -> String {
    format!("{}/tests/data/tls/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn config(name: &str) -> Arc<ServerConfig> {
    let pem = std::fs::read(file(name)).unwrap();
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&pem).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(&pem).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_no_client_auth().with_single_cert(certificates, key).unwrap())
}

/// Serves one model over TLS, one request per connection. Connections use the first certificate until the model list
/// was read, then the second. Returns the port.
pub fn serve(first: &str, then: &str) -> u16 {
    let (first, then) = (config(first), config(then));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        // Whether the model list was read. Requests for it and for the server's version come first.
        let mut is_known = false;
        for wire in listener.incoming().flatten() {
            let config = if is_known { Arc::clone(&then) } else { Arc::clone(&first) };
            let mut wire = StreamOwned::new(ServerConnection::new(config).unwrap(), wire);
            is_known |= answer(&mut wire).is_ok_and(|request| request.starts_with("GET /v1/models"));
        }
    });
    port
}

/// Answers one request; returns its first line.
fn answer(wire: &mut (impl Read + Write)) -> std::io::Result<String> {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        wire.read_exact(&mut byte)?;
        request.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&request).to_lowercase();
    let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    wire.read_exact(&mut vec![0; length])?;
    let request = String::from_utf8_lossy(&request).lines().next().unwrap_or_default().to_owned();
    let models = r#"{"object":"list","data":[{"id":"m","object":"model"}]}"#;
    let (kind, body) = if request.starts_with("POST ") {
        ("text/event-stream", super::faults::ANSWER.to_owned())
    } else {
        ("application/json", models.to_owned())
    };
    let length = body.len();
    let head =
        format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    wire.write_all((head + &body).as_bytes())?;
    wire.flush()?;
    Ok(request)
}

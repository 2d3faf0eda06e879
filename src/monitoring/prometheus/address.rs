//! Address to listen on. Without a host, only this machine can reach it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// Reason why an address cannot be used, with advice.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The text is no address.
    #[error("is no address; use a port like 9464, or an IP address and a port like 0.0.0.0:9464")]
    Invalid,
    /// The system refused the address.
    #[error("cannot listen there ({0}); choose another port or address")]
    Refused(#[from] io::Error),
}

/// Returns the address that a text names: `9464`, `:9464`, `127.0.0.1:9464` or `[::1]:9464`.
///
/// # Errors
///
/// The text is no address.
pub(super) fn parse(text: &str) -> Result<SocketAddr, BindError> {
    let text = text.trim();
    let port = text.strip_prefix(':').unwrap_or(text);
    // `parse` accepts a sign.
    if let Some(port) = port.bytes().all(|b| b.is_ascii_digit()).then(|| port.parse().ok()).flatten() {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    let local = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    local.as_deref().unwrap_or(text).parse().map_err(|_invalid| BindError::Invalid)
}

/// Listens on the address that a text names, as `parse` reads it.
///
/// # Errors
///
/// The text is no address, or the address is taken or forbidden.
pub fn bind(text: &str) -> Result<TcpListener, BindError> {
    let listener = TcpListener::bind(parse(text)?)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_host_is_reachable_from_this_machine_only() {
        for (text, address) in [
            ("9464", "127.0.0.1:9464"),
            (":9464", "127.0.0.1:9464"),
            (" 9464 ", "127.0.0.1:9464"),
            ("localhost:9464", "127.0.0.1:9464"),
            ("127.0.0.1:1", "127.0.0.1:1"),
            ("0.0.0.0:9464", "0.0.0.0:9464"),
            ("[::1]:9464", "[::1]:9464"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), address, "{text}");
        }
        for text in ["", ":", "x", "65536", "-1", "+1", "127.0.0.1", "box:9464", "http://127.0.0.1:9464", "::1:9464:x"]
        {
            assert!(matches!(parse(text), Err(BindError::Invalid)), "{text}");
        }
    }

    #[test]
    fn a_taken_address_is_refused_with_advice() {
        let first = bind("0").unwrap();
        let why = bind(&first.local_addr().unwrap().to_string()).unwrap_err().to_string();
        assert!(why.starts_with("cannot listen there (") && why.ends_with("choose another port or address"), "{why}");
    }
}

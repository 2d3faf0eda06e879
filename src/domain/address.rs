//! What an address tells by itself.

/// Whether a host, a name or a number that may stand in brackets, is this machine's own. A tunnel may still end elsewhere.
pub fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_name_and_by_number() {
        assert!(is_loopback("LOCALHOST") && is_loopback("127.8.0.1") && is_loopback("[::1]") && is_loopback("::1"));
        assert!(!is_loopback("localhost.example.org") && !is_loopback("10.0.0.1") && !is_loopback(""));
    }
}

//! Checks on a host name alone, without looking it up.

/// Returns whether a host name or IP address (brackets allowed) is this machine. A tunnel there may still lead
/// elsewhere.
pub fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_recognised_by_name_and_by_address() {
        assert!(is_loopback("LOCALHOST") && is_loopback("127.8.0.1") && is_loopback("[::1]") && is_loopback("::1"));
        assert!(!is_loopback("localhost.example.org") && !is_loopback("10.0.0.1") && !is_loopback(""));
    }
}

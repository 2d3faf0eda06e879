use std::time::Duration;

use super::*;

fn peer(base_url: &str, proxy: Option<(&str, &'static str)>) -> Peer {
    let proxy = proxy.map(|(url, source)| ProxyChoice { url: url.to_owned(), source });
    Peer::new(base_url, &Network { proxy, ..Network::default() })
}

const ENDPOINT: &str = "http://u:hunter22@gpu.example:8000/v1?key=hunter22";
const PROXY: Option<(&str, &str)> = Some(("http://u:hunter22@proxy.example:3128", "HTTPS_PROXY"));

#[test]
fn system_errors_name_the_place_and_a_remedy() {
    for (kind, to_try) in [
        (ErrorKind::ConnectionRefused, "check that the server is running and the port is right"),
        (ErrorKind::TimedOut, "check the host and any firewall"),
        (ErrorKind::HostUnreachable, "check the address, the network and the VPN"),
        (ErrorKind::NetworkUnreachable, "check the address, the network and the VPN"),
        (ErrorKind::ConnectionReset, "see the server's log"),
        (ErrorKind::PermissionDenied, "check its firewall"),
        (ErrorKind::AddrNotAvailable, "lower --concurrency or --rate"),
    ] {
        let message = peer(ENDPOINT, None).refused(&io::Error::from(kind));
        assert!(message.starts_with("no connection to gpu.example:8000: ") && message.contains(to_try), "{message}");
    }
    let late = peer(ENDPOINT, None).too_late(&ConnectTimedOut(Duration::from_millis(200)));
    assert!(late.starts_with("no connection to gpu.example:8000 within 0.2 s; "), "{late}");
}

#[test]
fn an_unresolvable_host_name_has_one_sentence() {
    let error = io::Error::other("failed to lookup address information: Name or service not known");
    let message = peer(ENDPOINT, None).unknown(&error);
    let expected =
        "cannot resolve the host name 'gpu.example' (Name or service not known); check its spelling and the DNS";
    assert_eq!(message, expected);
    let message = peer(ENDPOINT, PROXY).unknown(&error);
    assert!(message.starts_with(
        "cannot resolve the host name 'proxy.example' of the proxy http://proxy.example:3128 (HTTPS_PROXY)"
    ));
}

#[test]
fn errors_that_only_a_proxy_can_cause_name_the_proxy() {
    let proxied = peer(ENDPOINT, PROXY);
    let message = proxied.refused(&io::Error::from(ErrorKind::ConnectionRefused));
    let start = "no connection to the proxy http://proxy.example:3128 (HTTPS_PROXY): ";
    assert!(
        message.starts_with(start) && message.ends_with("check that the proxy is running and the port is right"),
        "{message}"
    );
    let message = proxied.with_culprit(407, "HTTP 407".to_owned());
    assert!(message.starts_with("the proxy http://proxy.example:3128 (HTTPS_PROXY) requires a user name"), "{message}");
    let message = proxied.with_culprit(502, "HTTP 502".to_owned());
    assert!(
        message.contains("HTTPS_PROXY") && message.ends_with("check that it can reach gpu.example:8000"),
        "{message}"
    );
    assert_eq!(proxied.with_culprit(500, "HTTP 500".to_owned()), "HTTP 500");
    // In a tunnel the server answers, and without a proxy there is no proxy to name.
    for peer in [peer("https://gpu.example/v1", PROXY), peer(ENDPOINT, None)] {
        assert_eq!(peer.with_culprit(502, "HTTP 502".to_owned()), "HTTP 502");
    }
}

#[test]
fn no_secret_of_an_address_is_shown() {
    let proxied = peer(ENDPOINT, PROXY);
    assert!(!format!("{proxied:?}").contains("hunter22"));
    assert_eq!(peer("https://gpu.example/v1", PROXY).tunnel_target(), Some("gpu.example:443"));
    assert_eq!((proxied.tunnel_target(), peer("https://gpu.example/v1", None).tunnel_target()), (None, None));
}

//! URLs of metrics pages.

use reqwest::Url;

use super::ConfigError;
use crate::domain::text::sanitise_line;
use crate::protocol::api::Api;
use crate::protocol::server_metrics::PATHS;
use crate::protocol::url::{split_query, with_http_scheme, without_secrets};

/// Default port of a DCGM exporter.
const EXPORTER_PORT: u16 = 9400;

/// Returns the URLs to try in turn: the typed one, completed by the usual path, or if none was typed, those on the
/// endpoint's host.
pub(super) fn addresses(typed: &str, base_url: &str, api: &Api) -> Result<Vec<String>, ConfigError> {
    if typed.is_empty() {
        let (base, _query) = split_query(base_url);
        let root = base.strip_suffix(api.root).unwrap_or(base);
        return Ok(PATHS.iter().map(|path| format!("{root}{path}")).collect());
    }
    page(typed, "--server-metrics", "http://localhost:8000/metrics").map(|url| vec![url])
}

/// Returns whether a page is on the endpoint's origin: the same scheme, host and port.
pub(super) fn is_own_origin(page: &str, base_url: &str) -> bool {
    let origin = |url: &str| Url::parse(url).ok().map(|url| url.origin());
    origin(page).is_some_and(|page| page.is_tuple() && Some(page) == origin(base_url))
}

/// Checks that the API key would be sent only to the endpoint's origin.
pub(super) fn check_auth(wanted: bool, pages: &[String], base_url: &str) -> Result<(), ConfigError> {
    match pages.first() {
        _ if !wanted => Ok(()),
        None => Err(ConfigError("--server-metrics-auth needs --server-metrics".to_owned())),
        Some(page) if is_own_origin(page, base_url) => Ok(()),
        Some(page) => Err(ConfigError(format!(
            "--server-metrics-auth sends the API key only to the endpoint's own origin, and '{}' is another; remove one of the two options",
            sanitise_line(&without_secrets(page))
        ))),
    }
}

/// Completes the typed URL of a DCGM exporter's page. A bare host gets the exporter's default port.
pub(super) fn exporter(typed: &str) -> Result<String, ConfigError> {
    let (authority, rest) = typed.split_at(typed.find(['/', '?']).unwrap_or(typed.len()));
    let has_port = authority.rsplit(']').next().is_some_and(|after| after.contains(':'));
    let is_bare = !typed.contains("://") && !authority.is_empty() && !has_port;
    let typed = if is_bare { format!("{authority}:{EXPORTER_PORT}{rest}") } else { typed.to_owned() };
    page(&typed, "--gpu-metrics-url", &format!("http://gpu-box:{EXPORTER_PORT}/metrics"))
}

/// Completes the typed URL of a metrics page.
fn page(typed: &str, option: &str, example: &str) -> Result<String, ConfigError> {
    let refuse = |why: &str| {
        let typed = sanitise_line(without_secrets(typed).as_str());
        ConfigError(format!("{option} '{typed}' {why}; give an address like {example}"))
    };
    let with_scheme = with_http_scheme(typed).ok_or_else(|| refuse("is not an HTTP address"))?;
    let (scheme, rest) = with_scheme.split_once("://").unwrap_or_default();
    let (plain, query) = split_query(rest);
    let (host, path) = plain.split_once('/').unwrap_or((plain, ""));
    if host.is_empty() {
        return Err(refuse("has no host"));
    }
    let path = if path.is_empty() { "metrics" } else { path };
    Ok(format!("{scheme}://{host}/{path}{query}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::api::{CHAT, OLLAMA};

    fn one(typed: &str) -> String {
        addresses(typed, "http://h/v1", &CHAT).unwrap().remove(0)
    }

    #[test]
    fn the_endpoint_s_own_page_is_below_its_host() {
        let own = |base: &str, api| addresses("", base, api).unwrap();
        let expected = ["http://h:8000/metrics", "http://h:8000/prometheus/metrics", "http://h:8000/v1/metrics"];
        assert_eq!(own("http://h:8000/v1?key=1", &CHAT), expected);
        assert_eq!(own("http://h:1/api", &OLLAMA)[0], "http://h:1/metrics");
        assert_eq!(own("https://h/proxy/v1", &CHAT)[0], "https://h/proxy/metrics");
    }

    #[test]
    fn a_host_is_enough_for_an_exporter() {
        let url = |typed: &str| exporter(typed).unwrap();
        assert_eq!(url("gpu-box"), "http://gpu-box:9400/metrics");
        assert_eq!(url("gpu-box/dcgm?a=b:c"), "http://gpu-box:9400/dcgm?a=b:c");
        assert_eq!(url("[fd00::1]"), "http://[fd00::1]:9400/metrics");
        assert_eq!(url("[fd00::1]:80"), "http://[fd00::1]:80/metrics");
        assert_eq!(url("gpu-box:9401"), "http://gpu-box:9401/metrics");
        assert_eq!(url("https://gpu-box/metrics"), "https://gpu-box/metrics", "as it was typed");
        for typed in ["", "ftp://h", "/metrics"] {
            let why = exporter(typed).unwrap_err().to_string();
            assert!(why.starts_with("--gpu-metrics-url '") && why.ends_with(":9400/metrics"), "{why}");
        }
    }

    #[test]
    fn the_key_is_for_the_endpoint_s_own_origin() {
        let check = |pages: &[&str]| {
            let pages: Vec<String> = pages.iter().map(|page| (*page).to_owned()).collect();
            check_auth(true, &pages, "https://h/v1").map_err(|e| e.to_string())
        };
        for own in ["https://h/metrics", "https://h:443/prometheus/metrics", "https://u:p@H/metrics?a=b"] {
            assert_eq!(check(&[own]), Ok(()), "{own}");
        }
        for other in ["http://h/metrics", "https://h:8443/metrics", "https://h.example/metrics", "https://x@y/metrics"]
        {
            assert!(check(&[other]).unwrap_err().contains("only to the endpoint's own origin"), "{other}");
        }
        assert_eq!(check(&[]), Err("--server-metrics-auth needs --server-metrics".to_owned()));
        assert!(check_auth(false, &["http://elsewhere/".to_owned()], "https://h/v1").is_ok());
    }

    #[test]
    fn a_page_may_be_typed_in_any_way() {
        assert_eq!(one("other:9090"), "http://other:9090/metrics");
        assert_eq!(one("HTTPS://other/x"), "https://other/x");
        assert_eq!(one("https://other/"), "https://other/metrics");
        assert_eq!(one("http://other/a/b?c=d"), "http://other/a/b?c=d");
        for typed in ["ftp://h/x", "http://", "http:///metrics"] {
            let why = addresses(typed, "http://h/v1", &CHAT).unwrap_err().to_string();
            assert!(why.starts_with(&format!("--server-metrics '{typed}'")), "{why}");
        }
        let why = addresses("ftp://me:secret@h/", "http://h/v1", &CHAT).unwrap_err().to_string();
        assert!(!why.contains("secret"), "{why}");
    }
}

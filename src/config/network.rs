//! Proxy and certificates.

use std::path::Path;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;

use super::ConfigError;
use crate::cli::NetworkArgs;
use crate::domain::address::is_loopback;
use crate::domain::text::sanitise_line;
use crate::engine::{Network, ProxyChoice, certificates};
use crate::protocol::url::{with_http_scheme, without_secrets};
use crate::store::input::{self, Kind};

/// Value of `--proxy` that selects the proxy from the environment variables.
const FROM_ENVIRONMENT: &str = "env";
/// Maximum size of a file of certificates.
const CACERT: Kind = Kind { file_name: None, what: "certificates", max_bytes: 4 * 1024 * 1024 };

/// Returns the proxy, certificates and retries for this base URL.
pub(super) fn network(
    args: &NetworkArgs,
    retries: u32,
    base_url: &str,
    env: &dyn Fn(&str) -> Option<String>,
    folder: &Path,
) -> Result<Network, ConfigError> {
    let cacert = args.cacert.as_deref().map(|path| cacert(path, folder)).transpose()?.unwrap_or_default();
    let proxy = match args.proxy.as_deref() {
        None => None,
        Some(FROM_ENVIRONMENT) => from_environment(base_url, env)?,
        Some(url) => {
            let url = checked(url).map_err(|why| ConfigError(format!("--proxy: {why}")))?;
            Some(ProxyChoice { url, source: "--proxy" })
        }
    };
    Ok(Network { insecure: args.insecure, cacert, proxy, retries })
}

fn cacert(path: &Path, folder: &Path) -> Result<Vec<u8>, ConfigError> {
    let named = sanitise_line(&path.to_string_lossy());
    let failed = |why: String| ConfigError(format!("--cacert '{named}': {why}"));
    let pem = input::read(&folder.join(path), &named, &CACERT).map_err(|e| failed(e.0))?;
    if pem.is_empty() {
        return Err(failed("is empty".to_owned()));
    }
    certificates(&pem).map_err(|e| failed(e.to_string()))?;
    Ok(pem)
}

/// Returns the proxy that the environment variables name for this URL; `None` for this machine and for hosts in
/// `NO_PROXY`.
fn from_environment(base_url: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Option<ProxyChoice>, ConfigError> {
    let Ok(url) = Url::parse(base_url) else { return Ok(None) };
    if is_loopback(url.host_str().unwrap_or_default()) {
        return Ok(None);
    }
    let set = |name: &str| env(name).filter(|value| !value.trim().is_empty());
    let names: &[&'static str] = if url.scheme() == "https" {
        &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
    } else {
        &["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]
    };
    let Some((name, value)) = names.iter().find_map(|name| Some((*name, set(name)?))) else { return Ok(None) };
    let proxy = checked(&value).map_err(|why| ConfigError(format!("{name}: {why}")))?;
    let exempt = set("no_proxy").or_else(|| set("NO_PROXY")).unwrap_or_default();
    let matcher = Matcher::builder().all(proxy.as_str()).no(exempt).build();
    let target = url.as_str().parse::<hyper::Uri>().ok();
    Ok(target
        .is_none_or(|target| matcher.intercept(&target).is_some())
        .then_some(ProxyChoice { url: proxy, source: name }))
}

/// Checks the URL of a proxy. A URL without a scheme means plain HTTP.
fn checked(typed: &str) -> Result<String, String> {
    let typed = typed.trim();
    let whole = with_http_scheme(typed).unwrap_or_else(|| typed.to_owned());
    let shown = sanitise_line(&without_secrets(&whole));
    match Url::parse(&whole) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(whole),
        Ok(url) if url.has_host() => Err(format!("'{shown}' is not an HTTP proxy; use one like http://proxy:3128")),
        _ => Err(format!("'{shown}' is not a URL; use one like http://proxy:3128, or env")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(base_url: &str, variables: &[(&str, &str)]) -> Option<String> {
        choice(base_url, variables).map(|proxy| proxy.url)
    }

    fn choice(base_url: &str, variables: &[(&str, &str)]) -> Option<ProxyChoice> {
        let env = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        from_environment(base_url, &env).unwrap()
    }

    #[test]
    fn the_environment_names_the_proxy_of_the_scheme_but_never_one_for_this_machine() {
        let both = [("HTTPS_PROXY", "http://u:p@tls:1"), ("http_proxy", "plain:2"), ("ALL_PROXY", "http://all:3")];
        for (url, variables, expected) in [
            ("https://api.example/v1", &both[..], Some("http://u:p@tls:1")),
            ("http://api.example/v1", &both, Some("http://plain:2")),
            ("http://api.example/v1", &both[2..], Some("http://all:3")),
            ("https://localhost:8443/v1", &both, None),
            ("http://127.0.0.1/v1", &both, None),
            ("http://[::1]/v1", &both, None),
            ("https://api.example/v1", &[("HTTPS_PROXY", " ")], None),
        ] {
            assert_eq!(chosen(url, variables).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn the_variable_that_named_the_proxy_is_known() {
        for (name, url) in [("HTTPS_PROXY", "https://api.example/v1"), ("all_proxy", "http://api.example/v1")] {
            assert_eq!(choice(url, &[(name, "p:1")]).unwrap().source, name);
        }
    }

    #[test]
    fn no_proxy_exempts_hosts_domains_and_networks() {
        for (url, exempt, proxied) in [
            ("https://gpu.lab.example/v1", "lab.example", false),
            ("https://gpu.lab.example/v1", ".lab.example, other", false),
            ("https://notlab.example/v1", "lab.example", true),
            ("https://10.1.2.3/v1", "10.0.0.0/8", false),
            ("https://11.1.2.3/v1", "10.0.0.0/8", true),
            ("https://gpu.lab.example/v1", "*", false),
        ] {
            let variables = [("HTTPS_PROXY", "http://p:1"), ("NO_PROXY", exempt)];
            assert_eq!(chosen(url, &variables).is_some(), proxied, "{url} {exempt}");
        }
    }

    #[test]
    fn a_bad_address_is_shown_without_its_password() {
        assert_eq!(checked("proxy:3128").as_deref(), Ok("http://proxy:3128"));
        assert_eq!(checked("HTTP://proxy:3128").as_deref(), Ok("http://proxy:3128"));
        for (typed, expected) in [
            ("socks5://u:hunter2@p:1", "'socks5://p:1' is not an HTTP proxy; use one like http://proxy:3128"),
            ("http://u:hunter2@", "'http://' is not a URL; use one like http://proxy:3128, or env"),
        ] {
            assert_eq!(checked(typed), Err(expected.to_owned()));
        }
    }
}

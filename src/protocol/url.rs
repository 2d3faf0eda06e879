//! Functions for URLs as text: scheme, query, paths below a base address, and removal of secrets.

/// Returns the URL with its scheme in lower case; adds `http://` if the URL has no scheme. Returns `None` for schemes
/// other than HTTP and HTTPS.
pub fn with_http_scheme(typed: &str) -> Option<String> {
    let is_scheme = |scheme: &str| scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    let Some((scheme, rest)) = typed.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) else {
        return Some(format!("http://{typed}"));
    };
    let scheme = scheme.to_ascii_lowercase();
    matches!(scheme.as_str(), "http" | "https").then(|| format!("{scheme}://{rest}"))
}

/// Splits a URL before its query. The query includes its `?`; a `?` without a query is dropped.
pub fn split_query(url: &str) -> (&str, &str) {
    let (plain, query) = url.split_at(url.find('?').unwrap_or(url.len()));
    (plain, if query == "?" { "" } else { query })
}

/// Appends a path to a base address. The query of the base address stays at the end.
pub fn address_below(base_url: &str, path: &str) -> String {
    let (base, query) = split_query(base_url);
    format!("{base}{path}{query}")
}

/// Removes the parts of a URL that may be secret: user name, password and query.
pub fn without_secrets(url: &str) -> String {
    let (url, _query) = split_query(url);
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_once('/').map_or((rest, None), |(h, p)| (h, Some(p)));
            let host = host.rsplit('@').next().unwrap_or(host);
            path.map_or_else(|| format!("{scheme}://{host}"), |p| format!("{scheme}://{host}/{p}"))
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_removed_from_an_address() {
        assert_eq!(without_secrets("http://u:p@h:1/v1?api-key=k/@"), "http://h:1/v1");
        assert_eq!(without_secrets("http://u:p@h:1/v1"), "http://h:1/v1");
        assert_eq!(without_secrets("http://h:1/a@b"), "http://h:1/a@b");
    }
}

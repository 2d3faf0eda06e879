//! The endpoint's URL and API.

use super::ConfigError;
use crate::domain::text::sanitise_line;
use crate::protocol::api::Api;
use crate::protocol::endpoint;

/// Environment variables for the URL, in order of precedence.
pub(super) const VARIABLES: [&str; 2] = ["TOKSCOPE_URL", "OPENAI_BASE_URL"];

/// Base URL and API of an endpoint.
type Endpoint = (String, &'static Api);

/// Returns the base URL, from the command line or the environment, and the API: `wanted`, or else the one that the
/// URL's path indicates.
pub(super) fn endpoint(
    argument: Option<&str>,
    wanted: Option<&'static Api>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Endpoint, ConfigError> {
    if let Some(typed) = argument {
        return checked(typed, wanted).map_err(ConfigError);
    }
    for name in VARIABLES {
        // An empty variable counts as unset.
        if let Some(value) = env(name).filter(|v| !v.trim().is_empty()) {
            return checked(&value, wanted).map_err(|why| ConfigError(format!("{name}: {why}")));
        }
    }
    Err(ConfigError(
        "no endpoint given; name one, like `tokscope http://localhost:8000/v1`, or set TOKSCOPE_URL or \
         OPENAI_BASE_URL; `tokscope --demo` needs no server"
            .to_owned(),
    ))
}

pub(super) fn checked(typed: &str, wanted: Option<&'static Api>) -> Result<Endpoint, String> {
    let typed = typed.trim();
    let shown = presentable(typed);
    let (base, api) = endpoint::resolve(typed, wanted).map_err(|why| why.replace(typed, &shown))?;
    match reqwest::Url::parse(&base) {
        Ok(url) if url.has_host() => Ok((base, api)),
        Ok(_) => Err(format!("'{shown}' has no host; use a URL like http://localhost:8000/v1")),
        Err(why) => Err(format!("'{shown}' is not a URL: {why}; use one like http://localhost:8000/v1")),
    }
}

/// Returns a URL for an error message: without user, password and query.
fn presentable(typed: &str) -> String {
    let plain = typed.split(['?', '#']).next().unwrap_or_default();
    let plain = match plain.rsplit_once('@') {
        Some((_secret, host)) => format!("…@{host}"),
        None => plain.to_owned(),
    };
    sanitise_line(&plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_env(argument: Option<&str>, variables: &[(&str, &str)]) -> Result<String, String> {
        let env = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        endpoint(argument, None, &env).map(|(base, _api)| base).map_err(|e| e.to_string())
    }

    #[test]
    fn the_argument_comes_first_then_each_variable() {
        let both = [("OPENAI_BASE_URL", "http://openai"), ("TOKSCOPE_URL", "http://own")];
        assert_eq!(with_env(Some("h:1"), &both).as_deref(), Ok("http://h:1/v1"));
        assert_eq!(with_env(None, &both).as_deref(), Ok("http://own/v1"));
        assert_eq!(with_env(None, &both[..1]).as_deref(), Ok("http://openai/v1"));
        assert_eq!(with_env(None, &[both[0], ("TOKSCOPE_URL", " ")]).as_deref(), Ok("http://openai/v1"));
    }

    #[test]
    fn no_address_says_how_to_give_one() {
        assert_eq!(
            with_env(None, &[]),
            Err("no endpoint given; name one, like `tokscope http://localhost:8000/v1`, or set TOKSCOPE_URL or \
                 OPENAI_BASE_URL; `tokscope --demo` needs no server"
                .to_owned())
        );
    }

    #[test]
    fn bad_addresses_are_shown_without_their_secrets() {
        for (typed, expected) in [
            ("", "'' has no host; use an address like http://localhost:8000/v1"),
            (
                "ftp://u:hunter2@h/x?key=hunter2",
                "'…@h/x' is not an HTTP address; use one like http://localhost:8000/v1",
            ),
            (
                "http://u:hunter2@h:99999",
                "'…@h:99999' is not a URL: invalid port number; use one like http://localhost:8000/v1",
            ),
            ("ftp://h\u{1b}[2J", "'ftp://h' is not an HTTP address; use one like http://localhost:8000/v1"),
        ] {
            assert_eq!(with_env(Some(typed), &[]), Err(expected.to_owned()), "{typed}");
        }
        assert_eq!(
            with_env(None, &[("TOKSCOPE_URL", "file:///etc")]),
            Err("TOKSCOPE_URL: 'file:///etc' is not an HTTP address; use one like http://localhost:8000/v1".to_owned())
        );
        assert_eq!(with_env(Some("http://u:p@h"), &[]).as_deref(), Ok("http://u:p@h/v1"));
    }
}

//! API key and headers. Errors never repeat a possible secret.

use reqwest::header::{HeaderName, HeaderValue};

use super::ConfigError;
use crate::domain::key_source::KeySource;

/// Environment variable of the API key, if the command line names none.
const DEFAULT_VARIABLE: &str = "OPENAI_API_KEY";

/// Prefixes of the keys of well-known services.
const KEY_PREFIXES: &[&str] =
    &["sk-", "sk_", "sess-", "hf_", "gsk_", "nvapi-", "xai-", "pplx-", "r8_", "AIza", "Bearer"];

/// Reads the API key from the named variable, which must be set, or else from the usual one, which may be unset.
pub(super) fn api_key(
    named: Option<&str>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<String>, ConfigError> {
    if named.is_some_and(|name| !is_variable(name)) {
        return Err(ConfigError(
            "--api-key-env takes the name of an environment variable, not the key itself: every user of this \
             machine can see a key on the command line; put it into a variable and pass the name of the variable (the \
             value is not shown, because it may be a key)"
                .to_owned(),
        ));
    }
    let name = named.unwrap_or(DEFAULT_VARIABLE);
    let value = env(name);
    let key = value.as_deref().unwrap_or_default().trim();
    if key.is_empty() {
        let state = if value.is_some() { "is empty" } else { "is not set" };
        return match named {
            Some(name) => Err(ConfigError(format!("--api-key-env: {} {state}; export it first", variable(name)))),
            None => Ok(None),
        };
    }
    if !is_key(key) {
        return Err(ConfigError(format!(
            "the API key in {} has a space, a line break or another character that keys cannot have; set it to the key \
             only",
            variable(name)
        )));
    }
    Ok(Some(key.to_owned()))
}

/// Returns the source of the credentials: `from`, the variable or file with the key, or else a header.
pub(super) fn key_source(from: Option<KeySource>, headers: &[(String, String)]) -> KeySource {
    const AUTHENTICATES: [&str; 4] = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];
    let authenticates = |name: &str| AUTHENTICATES.iter().any(|known| known.eq_ignore_ascii_case(name));
    let header =
        || headers.iter().find(|(name, _)| authenticates(name)).map(|(name, _)| KeySource::Header(name.clone()));
    from.or_else(header).unwrap_or_default()
}

/// Returns the source of a key from a variable. The name is included only if it cannot be a key.
pub(super) fn from_variable(named: Option<&str>) -> KeySource {
    let name = named.unwrap_or(DEFAULT_VARIABLE);
    KeySource::Variable((variable(name) == name).then(|| name.to_owned()))
}

/// Whether a text can be the name of a variable. Otherwise it may be a key and must not be shown.
pub(super) fn is_variable(text: &str) -> bool {
    is_name(text) && !KEY_PREFIXES.iter().any(|prefix| text.starts_with(prefix))
}

/// Whether a text has only characters that keys can have.
pub(super) fn is_key(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}

fn is_name(text: &str) -> bool {
    let letters = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    letters && text.bytes().next().is_some_and(|b| !b.is_ascii_digit())
}

/// Returns the name for an error message if it looks like the name of a variable. Anything else may be a key and is not
/// repeated.
fn variable(name: &str) -> &str {
    let usual = name.len() <= 40 && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    if usual { name } else { "the variable it names" }
}

/// Headers that tokscope sets itself. A second one of the same name would break the request or its record.
const OWN_HEADERS: &[&str] =
    &["content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "expect", "x-request-id"];

/// Returns name and value of each header: first those with typed values, then those whose values are in variables.
pub(super) fn headers(
    typed: &[String],
    in_variables: &[String],
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<(String, String)>, ConfigError> {
    let typed = typed.iter().enumerate().map(|(i, header)| parse_header(header, i + 1));
    let in_variables = in_variables.iter().enumerate().map(|(i, header)| header_from_variable(header, i + 1, env));
    typed.chain(in_variables).collect()
}

fn parse_header(typed: &str, number: usize) -> Result<(String, String), ConfigError> {
    let refused = |why: &str| ConfigError(format!("--header, number {number}: {why}; write it as 'NAME: VALUE'"));
    let (name, value) = typed.split_once(':').ok_or_else(|| refused("the colon is missing"))?;
    let (name, value) = (name.trim(), value.trim());
    if HeaderName::try_from(name).is_err() {
        return Err(refused("the part before the colon is not a header name"));
    }
    not_our_own(name, &format!("--header, number {number}"))?;
    if value.is_empty() {
        return Err(refused("the value is empty"));
    }
    if HeaderValue::from_str(value).is_err() {
        return Err(refused("its value has characters that headers must not have"));
    }
    Ok((name.to_owned(), value.to_owned()))
}

fn header_from_variable(
    typed: &str,
    number: usize,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<(String, String), ConfigError> {
    let option = format!("--header-env, number {number}");
    let refused = |why: &str| ConfigError(format!("{option}: {why}; write it as 'NAME=VAR'"));
    let (name, named) = typed.split_once('=').ok_or_else(|| refused("the equals sign is missing"))?;
    let (name, named) = (name.trim(), named.trim());
    if HeaderName::try_from(name).is_err() {
        return Err(refused("the part before the equals sign is not a header name"));
    }
    not_our_own(name, &option)?;
    if !is_name(named) {
        return Err(refused("the part after the equals sign is not a variable name"));
    }
    let value = env(named).unwrap_or_default();
    let value = value.trim();
    if value.is_empty() {
        return Err(ConfigError(format!("{option}: {} is not set, or empty; export it first", variable(named))));
    }
    if HeaderValue::from_str(value).is_err() {
        let held = format!("{} has characters that headers must not have", variable(named));
        return Err(ConfigError(format!("{option}: {held}")));
    }
    Ok((name.to_owned(), value.to_owned()))
}

fn not_our_own(name: &str, option: &str) -> Result<(), ConfigError> {
    match OWN_HEADERS.iter().find(|own| own.eq_ignore_ascii_case(name)) {
        Some(own) => Err(ConfigError(format!("{option}: tokscope sets '{own}' itself; remove this option"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(named: Option<&str>, variable: (&str, &str)) -> Result<Option<String>, String> {
        let env = |name: &str| (name == variable.0).then(|| variable.1.to_owned());
        api_key(named, &env).map_err(|e| e.to_string())
    }

    #[test]
    fn a_key_is_found_and_trimmed() {
        assert_eq!(key(None, ("OPENAI_API_KEY", "sk-1\r\n")), Ok(Some("sk-1".to_owned())));
        assert_eq!(key(Some("MY_KEY"), ("MY_KEY", "abc")), Ok(Some("abc".to_owned())));
        assert_eq!(key(Some("my_key"), ("my_key", "abc")), Ok(Some("abc".to_owned())));
    }

    #[test]
    fn only_a_named_variable_must_be_there() {
        assert_eq!(key(None, ("OTHER", "x")), Ok(None));
        assert_eq!(key(None, ("OPENAI_API_KEY", " ")), Ok(None));
        assert_eq!(
            key(Some("MY_KEY"), ("OPENAI_API_KEY", "sk-1")),
            Err("--api-key-env: MY_KEY is not set; export it first".to_owned())
        );
        assert_eq!(
            key(Some("MY_KEY"), ("MY_KEY", "\n")),
            Err("--api-key-env: MY_KEY is empty; export it first".to_owned())
        );
    }

    #[test]
    fn a_bad_key_is_refused_without_being_shown() {
        for bad in ["hunter2 hunter2", "Bearer hunter2", "hunter2\u{7f}", "hunter2\nX-Evil: 1", "hünter2"] {
            let why = key(None, ("OPENAI_API_KEY", bad)).unwrap_err();
            assert!(why.starts_with("the API key in OPENAI_API_KEY has a space"), "{why}");
            assert!(!why.contains("nter2"), "{why}");
        }
    }

    #[test]
    fn a_key_in_place_of_a_name_is_never_repeated() {
        for bad in ["sk-hunter2", "hf_hunter2", "hunter2-hunter2", "2hunter2", "hunter2hunter2hunter2", ""] {
            let why = key(Some(bad), ("OPENAI_API_KEY", "x")).unwrap_err();
            assert!(why.starts_with("--api-key-env") && !why.contains("hunter2"), "{why}");
        }
        assert_eq!(
            key(Some("abcdef0123456789"), ("X", "x")),
            Err("--api-key-env: the variable it names is not set; export it first".to_owned())
        );
    }

    fn headers(typed: &[String]) -> Result<Vec<(String, String)>, ConfigError> {
        super::headers(typed, &[], &|_| None)
    }

    #[test]
    fn a_header_s_value_comes_out_of_its_variable_and_is_never_shown() {
        let env = |name: &str| match name {
            "TEAM" => Some(" hunter2=a:b\n".to_owned()),
            "BAD" => Some("hunter2\r\nX-Evil: 1".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let one = |typed: &str| super::headers(&[], &[typed.to_owned()], &env).map_err(|e| e.to_string());
        assert_eq!(one("X-Team=TEAM"), Ok(vec![("X-Team".to_owned(), "hunter2=a:b".to_owned())]));
        for (typed, why) in [
            ("X-Team", "the equals sign is missing; write it as 'NAME=VAR'"),
            ("X Team=TEAM", "the part before the equals sign is not a header name; write it as 'NAME=VAR'"),
            ("X-Team=hunter2 hunter2", "the part after the equals sign is not a variable name; write it as 'NAME=VAR'"),
            ("X-Team=EMPTY", "EMPTY is not set, or empty; export it first"),
            ("X-Team=hunter2", "the variable it names is not set, or empty; export it first"),
            ("X-Team=BAD", "BAD has characters that headers must not have"),
            ("Expect=TEAM", "tokscope sets 'expect' itself; remove this option"),
        ] {
            assert_eq!(one(typed), Err(format!("--header-env, number 1: {why}")));
        }
    }

    #[test]
    fn headers_are_split_at_the_first_colon() {
        let given = ["X-Team: a:b ".to_owned(), "authorization:Basic eA==".to_owned()];
        let pair = |n: &str, v: &str| (n.to_owned(), v.to_owned());
        assert_eq!(headers(&given).unwrap(), [pair("X-Team", "a:b"), pair("authorization", "Basic eA==")]);
    }

    #[test]
    fn bad_headers_are_refused_without_being_shown() {
        for (bad, why) in [
            ("hunter2", "the colon is missing"),
            ("Bearer hunter2: x", "the part before the colon is not a header name"),
            (": hunter2", "the part before the colon is not a header name"),
            ("X-Key:  ", "the value is empty"),
            ("X-Key: hunter2\r\nX-Evil: 1", "its value has characters that headers must not have"),
        ] {
            let error = headers(&["A: b".to_owned(), bad.to_owned()]).unwrap_err().to_string();
            assert_eq!(error, format!("--header, number 2: {why}; write it as 'NAME: VALUE'"));
        }
    }

    #[test]
    fn headers_that_frame_the_request_are_not_for_users() {
        for name in ["Content-Length", "transfer-encoding", "Connection", "X-Request-Id"] {
            let error = headers(&[format!("{name}: 5")]).unwrap_err().to_string();
            let own = name.to_lowercase();
            assert_eq!(error, format!("--header, number 1: tokscope sets '{own}' itself; remove this option"));
        }
    }
}

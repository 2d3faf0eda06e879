//! The API key and further headers. No error here repeats what may be a secret.

use reqwest::header::{HeaderName, HeaderValue};

use super::ConfigError;

/// Looked at where the command line names no variable.
const DEFAULT_VARIABLE: &str = "OPENAI_API_KEY";

/// How the keys of well-known services begin.
const KEY_PREFIXES: &[&str] =
    &["sk-", "sk_", "sess-", "hf_", "gsk_", "nvapi-", "xai-", "pplx-", "r8_", "AIza", "Bearer"];

/// The key from the variable that was named; without a name from the usual one, where there may be none.
pub(super) fn api_key(
    named: Option<&str>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<String>, ConfigError> {
    if named.is_some_and(|name| !is_variable(name)) {
        return Err(ConfigError(
            "--api-key-env takes the name of an environment variable, not the key itself: a key on the command line \
             is seen by every user of this machine; put it into a variable and name that one (what was given is not \
             shown here, it may be a key)"
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
    if !key.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(ConfigError(format!(
            "the API key in {} holds a blank, a line break or another character that no key has; set it to the key \
             alone",
            variable(name)
        )));
    }
    Ok(Some(key.to_owned()))
}

/// Whether this can be the name of a variable; what cannot may be a key, and is not shown.
pub(super) fn is_variable(text: &str) -> bool {
    is_name(text) && !KEY_PREFIXES.iter().any(|prefix| text.starts_with(prefix))
}

fn is_name(text: &str) -> bool {
    let letters = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    letters && text.bytes().next().is_some_and(|b| !b.is_ascii_digit())
}

/// A variable's name, if it is spelt as such names are; anything else may be a key.
fn variable(name: &str) -> &str {
    let usual = name.len() <= 40 && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    if usual { name } else { "the variable it names" }
}

/// What the transport says itself: a second one would break the request, or its record.
const OWN_HEADERS: &[&str] =
    &["content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "expect", "x-request-id"];

/// Name and value of each header.
pub(super) fn headers(typed: &[String]) -> Result<Vec<(String, String)>, ConfigError> {
    typed.iter().enumerate().map(|(i, header)| parse_header(header, i + 1)).collect()
}

fn parse_header(typed: &str, number: usize) -> Result<(String, String), ConfigError> {
    let refused = |why: &str| ConfigError(format!("--header, number {number}: {why}; write it as 'NAME: VALUE'"));
    let (name, value) = typed.split_once(':').ok_or_else(|| refused("there is no colon in it"))?;
    let (name, value) = (name.trim(), value.trim());
    if HeaderName::try_from(name).is_err() {
        return Err(refused("what stands before the colon is no name of a header"));
    }
    if let Some(own) = OWN_HEADERS.iter().find(|own| own.eq_ignore_ascii_case(name)) {
        let why = format!("tokscope writes '{own}' itself; leave this one out");
        return Err(ConfigError(format!("--header, number {number}: {why}")));
    }
    if value.is_empty() {
        return Err(refused("nothing stands after the colon"));
    }
    if HeaderValue::from_str(value).is_err() {
        return Err(refused("its value holds characters that no header may hold"));
    }
    Ok((name.to_owned(), value.to_owned()))
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
            assert!(why.starts_with("the API key in OPENAI_API_KEY holds a blank"), "{why}");
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

    #[test]
    fn headers_are_split_at_the_first_colon() {
        let given = ["X-Team: a:b ".to_owned(), "authorization:Basic eA==".to_owned()];
        let pair = |n: &str, v: &str| (n.to_owned(), v.to_owned());
        assert_eq!(headers(&given).unwrap(), [pair("X-Team", "a:b"), pair("authorization", "Basic eA==")]);
    }

    #[test]
    fn bad_headers_are_refused_without_being_shown() {
        for (bad, why) in [
            ("hunter2", "there is no colon in it"),
            ("Bearer hunter2: x", "what stands before the colon is no name of a header"),
            (": hunter2", "what stands before the colon is no name of a header"),
            ("X-Key:  ", "nothing stands after the colon"),
            ("X-Key: hunter2\r\nX-Evil: 1", "its value holds characters that no header may hold"),
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
            assert_eq!(error, format!("--header, number 1: tokscope writes '{own}' itself; leave this one out"));
        }
    }
}

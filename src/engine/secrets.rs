//! Keeps the user's secrets out of what servers say: some repeat a refused key, or a request's headers, in their errors.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use percent_encoding::percent_decode_str;

use crate::domain::attempt::AttemptRecord;
use crate::protocol::endpoint::split_query;

/// What stands in a secret's place.
const REDACTED: &str = "[redacted]";
/// Shorter values are words like any other, and hide nothing.
const LEAST_BYTES: usize = 6;
/// In a query, a value under a name that holds one of these is a secret.
const SECRET_NAMES: [&str; 6] = ["key", "token", "secret", "sig", "password", "auth"];

/// The values that must not come back.
pub struct Secrets {
    /// The longest first: one may hold another.
    values: Vec<String>,
}

impl Secrets {
    /// The key, all values of headers, and what the addresses of endpoint and proxy hold.
    pub fn new(api_key: Option<&str>, headers: &[(String, String)], base_url: &str, proxy: Option<&str>) -> Self {
        let mut values: Vec<&str> = api_key.into_iter().collect();
        // As they go out: user and password in one, encoded.
        let mut written: Vec<String> = Vec::new();
        for (name, value) in headers {
            values.push(value);
            // Servers tell a token without its scheme.
            if name.to_ascii_lowercase().ends_with("authorization") {
                values.extend(value.split_ascii_whitespace().skip(1));
            }
        }
        let (base, query) = split_query(base_url);
        for address in [Some(base), proxy].into_iter().flatten() {
            let authority = address.split('/').nth(2).unwrap_or_default();
            // A user without a password is a token.
            let user = authority.rsplit_once('@').map(|(user, _host)| user.split_once(':').unwrap_or(("", user)));
            values.extend(user.map(|(_name, password)| password));
            written.extend(user.map(|(name, password)| {
                let pair = if name.is_empty() { format!("{password}:") } else { format!("{name}:{password}") };
                BASE64_STANDARD.encode(percent_decode_str(&pair).collect::<Vec<u8>>())
            }));
        }
        for (name, value) in query.trim_start_matches('?').split('&').filter_map(|pair| pair.split_once('=')) {
            let name = name.to_ascii_lowercase();
            values.extend(SECRET_NAMES.iter().any(|secret| name.contains(secret)).then_some(value));
        }
        for value in values {
            // In an address it is written in another way than servers tell it.
            written.extend(percent_decode_str(value).decode_utf8().ok().map(std::borrow::Cow::into_owned));
            written.push(value.to_owned());
        }
        let mut values: Vec<String> = written.into_iter().filter(|v| v.len() >= LEAST_BYTES).collect();
        values.dedup();
        values.sort_by_key(|v| std::cmp::Reverse(v.len()));
        Self { values }
    }

    /// The text without them, also where it was cut within one.
    pub fn redact(&self, text: &str) -> String {
        let mut out = text.to_owned();
        for value in &self.values {
            if out.contains(value.as_str()) {
                out = out.replace(value.as_str(), REDACTED);
            }
            let (kept, end) = out.strip_suffix('…').map_or((out.as_str(), ""), |kept| (kept, "…"));
            let cut_within = |len: &usize| value.get(..*len).is_some_and(|begin| kept.ends_with(begin));
            if let Some(len) = (LEAST_BYTES..value.len()).rev().find(cut_within) {
                out = format!("{}{REDACTED}{end}", kept.split_at(kept.len() - len).0);
            }
        }
        out
    }

    /// Takes them out of all that a record repeats of a server's words beside its answer.
    pub fn redact_record(&self, record: &mut AttemptRecord) {
        let error = record.error.iter_mut().map(|e| &mut e.message);
        for said in error.chain(&mut record.finish_reason).chain(&mut record.warnings) {
            *said = self.redact(said);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> Secrets {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let headers = [
            header("x-team", "sk-key-and-more"),
            header("Proxy-Authorization", "Basic dXNlcjpwYXNz"),
            header("x-short", "v1"),
        ];
        Secrets::new(
            Some("sk-key"),
            &headers,
            "http://u:hunter22@h/v1?api-version=2024-10-21&Api-Key=abcdef",
            Some("http://u:swordfish@proxy:3128"),
        )
    }

    #[test]
    fn a_secret_is_redacted_wherever_it_comes_from() {
        for (said, expected) in [
            ("bad key sk-key!", "bad key [redacted]!"),
            ("sk-key-and-more, sk-key", "[redacted], [redacted]"),
            ("got Basic dXNlcjpwYXNz", "got [redacted]"),
            ("got dXNlcjpwYXNz", "got [redacted]"),
            ("hunter22 at abcdef", "[redacted] at [redacted]"),
            ("proxy refuses swordfish", "proxy refuses [redacted]"),
            ("no v1 in version 2024-10-21", "no v1 in version 2024-10-21"),
        ] {
            assert_eq!(secrets().redact(said), expected);
        }
    }

    #[test]
    fn what_an_address_holds_is_a_secret_in_every_way_it_is_written() {
        let secrets = Secrets::new(None, &[], "http://u:p%40ssw%6Frd@h/v1?key=a%2Fb-c-d", Some("http://token42@p"));
        for said in ["p%40ssw%6Frd", "p@ssword", "a%2Fb-c-d", "a/b-c-d", "token42", "dTpwQHNzd29yZA==", "dG9rZW40Mjo="]
        {
            assert_eq!(secrets.redact(&format!("got {said}!")), "got [redacted]!", "{said}");
        }
    }

    #[test]
    fn a_secret_that_was_cut_is_one() {
        assert_eq!(secrets().redact("you sent dXNlcjpw…"), "you sent [redacted]…");
        assert_eq!(secrets().redact("you sent hunter2"), "you sent [redacted]");
        assert_eq!(secrets().redact("you sent hunt"), "you sent hunt");
    }
}

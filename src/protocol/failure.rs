//! Reads error messages and retry hints from servers' responses.

mod cause;
mod message;

use std::time::Duration;

use serde_json::Value;

pub(super) use self::message::{declared_error, reported_error, shorten, undeclared_error};
pub use self::message::{message_in_body, message_of};
use super::surrogates::replace_lone_surrogates;
use super::url::without_secrets;
use crate::domain::refusal::KEY_REFUSED;
use crate::domain::text::truncate;

/// Maximum characters of a server's message in a record. An event may hold millions.
const MAX_MESSAGE_CHARS: usize = 2048;

/// Cuts a server's message to at most 2048 characters.
pub fn capped(message: String) -> String {
    // A text never has more characters than bytes, so a short message need not be counted.
    if message.len() <= MAX_MESSAGE_CHARS { message } else { truncate(&message, MAX_MESSAGE_CHARS, "…") }
}

/// Description of an HTTP error response for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Short stable identifier: `rate_limited`, `unavailable`, `redirect`, `model_not_found`, `key_refused`,
    /// `content_refused`, `context_exceeded`, `tls_expected`, or `http`.
    pub kind: &'static str,
    /// HTTP status, the server's message, when to retry, and the server's request ID.
    pub message: String,
}

/// Reads an HTTP error response. `header` looks up a header by its lower-case name.
pub fn refusal(http_status: u16, header: &dyn Fn(&str) -> Option<String>, body: &str) -> Refusal {
    let body = body.trim_start_matches('\u{feff}');
    let by_body = || cause::kind_of_refusal(http_status, body);
    let mut kind = kind_of_status(http_status.into()).or_else(by_body).unwrap_or("http");
    let mut message = format!("HTTP {http_status}");
    let text = message_in_body(body);
    // An error page repeats its status at the start. Other texts may start with an unrelated number.
    let repeated = format!("{http_status} ");
    let text = text.strip_prefix(&repeated).filter(|_| body.trim_start().starts_with('<')).unwrap_or(&text);
    if !text.is_empty() {
        message = format!("{message}: {text}");
    }
    if (300..400).contains(&http_status)
        && let Some(to) = header("location").filter(|to| !to.is_empty())
    {
        // Never follow a redirect: this would send the key to another host and distort the measured times.
        kind = "redirect";
        message = format!("HTTP {http_status}: redirects to {}, which is not followed", shorten(&without_secrets(&to)));
    }
    if let Some(wait) = retry_hint(header) {
        message = format!("{message}; {wait}");
    }
    if let Some(id) = ["x-request-id", "request-id"].iter().find_map(|name| header(name)).filter(|id| !id.is_empty()) {
        message = format!("{message} (request {})", shorten(&id));
    }
    Refusal { kind, message }
}

/// Kind of a status that asks the client to retry later. 529 is specific to Anthropic.
const fn kind_of_status(status: u64) -> Option<&'static str> {
    match status {
        429 => Some("rate_limited"),
        503 | 529 => Some("unavailable"),
        _ => None,
    }
}

/// Kind of a JSON error that asks to retry later or reports a wrong key; `None` for other errors. The error's code
/// decides, otherwise its type.
pub fn kind_in_body(body: &str) -> Option<&'static str> {
    let value: Value = serde_json::from_str(&replace_lone_surrogates(body.trim_start_matches('\u{feff}'))).ok()?;
    let outer = value.pointer("/response/error").or_else(|| value.get("error")).filter(|e| !e.is_null());
    let error = outer.map(|e| e.get("error").filter(|inner| inner.is_object()).unwrap_or(e));
    let field = |name: &str| error.and_then(|e| e.get(name)).or_else(|| value.get(name));
    let code = field("code").or_else(|| field("status"));
    let number = code.and_then(|c| c.as_u64().or_else(|| c.as_str()?.parse().ok()));
    let kind_of_code = |number| if number == 401 { Some(KEY_REFUSED) } else { kind_of_status(number) };
    number.and_then(kind_of_code).or_else(|| {
        let words = ["type", "code", "error_type"].map(|name| field(name).and_then(Value::as_str).unwrap_or_default());
        let any = |part: &str| words.iter().any(|word| word.contains(part));
        match () {
            () if any("rate_limit") => Some("rate_limited"),
            () if any("overloaded") || any("unavailable") => Some("unavailable"),
            () if words.iter().any(|word| cause::is_key_code(&word.to_lowercase())) => Some(KEY_REFUSED),
            () => None,
        }
    })
}

/// Describes when the server asks the client to retry.
fn retry_hint(header: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    match retry_after(header) {
        Some(wait) => Some(format!("retry after {} s", (wait.as_secs_f64() * 1000.0).round() / 1000.0)),
        // A date is relative to the server's clock, so without the `Date` header it can only be quoted.
        None => date(&header("retry-after")?).map(|then| format!("retry after {}", then.0)),
    }
}

/// Time that the server asks the client to wait before a retry. Servers give milliseconds, seconds, or a date, which is
/// relative to the `Date` header.
pub fn retry_after(header: &dyn Fn(&str) -> Option<String>) -> Option<Duration> {
    let number = |name: &str, units_per_second: f64| {
        let value = header(name)?.trim().parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 0.0)?;
        Duration::try_from_secs_f64(value / units_per_second).ok()
    };
    number("retry-after-ms", 1000.0).or_else(|| number("retry-after", 1.0)).or_else(|| {
        let ((_, then), (_, now)) = (date(&header("retry-after")?)?, date(&header("date")?)?);
        Some(Duration::from_millis(u64::try_from(then - now).unwrap_or(0)))
    })
}

/// Parses a date. Returns its text and its time in milliseconds since the Unix epoch.
fn date(text: &str) -> Option<(&str, i64)> {
    let text = text.trim();
    Some((text, jiff::fmt::rfc2822::parse(text).ok()?.timestamp().as_millisecond()))
}

/// Returns whether an HTTP error means that the model is still loading and a later try may succeed.
pub fn is_loading(http_status: u16, body: &str) -> bool {
    http_status == 503 && message_in_body(body).to_ascii_lowercase().contains("loading")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_refusal(http_status: u16, headers: &[(&str, &str)], body: &str) -> (&'static str, String) {
        let header = |name: &str| headers.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        let refusal = refusal(http_status, &header, body);
        (refusal.kind, refusal.message)
    }

    #[test]
    fn an_error_page_shows_its_status_once() {
        let nginx = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n\
                     <hr><center>nginx/1.22.1</center>\r\n</body>\r\n</html>\r\n";
        let haproxy = "<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>";
        for (status, page, expected) in [
            (502, nginx, "HTTP 502: Bad Gateway nginx/1.22.1"),
            (502, &nginx.to_ascii_uppercase(), "HTTP 502: BAD GATEWAY NGINX/1.22.1"),
            (503, haproxy, "HTTP 503: Service Unavailable No server is available to handle this request."),
            (502, "<head><title>502 Bad Gateway</title></head><body></body>", "HTTP 502: Bad Gateway"),
            (502, "<title>Oh</title></head>", "HTTP 502: Oh"),
            (502, "<head><title>Sorry</title></head><p>Oh</p>", "HTTP 502: Sorry Oh"),
            (502, "<head><title>502</title><style>p {}</style></head><p>Oh</p>", "HTTP 502: Oh"),
            (502, "502 servers are down", "HTTP 502: 502 servers are down"),
            (500, r#"{"error":{"message":"500 tokens at most"}}"#, "HTTP 500: 500 tokens at most"),
        ] {
            assert_eq!(read_refusal(status, &[], page).1, expected);
        }
    }

    #[test]
    fn retry_hints_are_read_in_every_form() {
        let date = ("date", "Tue, 24 Nov 2026 10:00:00 GMT");
        for (headers, expected) in [
            (vec![("retry-after", "12")], "HTTP 429: slow down; retry after 12 s"),
            (vec![("retry-after-ms", "1500"), ("retry-after", "2")], "HTTP 429: slow down; retry after 1.5 s"),
            (vec![("retry-after", "Tue, 24 Nov 2026 10:01:30 GMT"), date], "HTTP 429: slow down; retry after 90 s"),
            (vec![("retry-after", "Tue, 24 Nov 2026 09:00:00 GMT"), date], "HTTP 429: slow down; retry after 0 s"),
            (
                vec![("retry-after", "Tue, 24 Nov 2026 10:01:30 GMT")],
                "HTTP 429: slow down; retry after Tue, 24 Nov 2026 10:01:30 GMT",
            ),
            (vec![("retry-after", "soon")], "HTTP 429: slow down"),
            (vec![("retry-after", "-3")], "HTTP 429: slow down"),
            (vec![("x-request-id", "req_7")], "HTTP 429: slow down (request req_7)"),
        ] {
            assert_eq!(
                read_refusal(429, &headers, r#"{"error":{"message":"slow down"}}"#),
                ("rate_limited", expected.to_owned())
            );
        }
    }

    #[test]
    fn messages_are_cut_to_a_number_of_characters() {
        assert_eq!(capped("ä".repeat(2048)), "ä".repeat(2048));
        assert_eq!(capped("ä".repeat(1 << 20)), format!("{}…", "ä".repeat(2048)));
    }

    #[test]
    fn retryable_errors_are_recognised_by_code_or_type() {
        for (body, kind) in [
            (r#"{"error":{"code":429,"message":"x"}}"#, Some("rate_limited")),
            (r#"{"error":{"code":"rate_limit_exceeded","message":"x"}}"#, Some("rate_limited")),
            (r#"{"type":"error","error":{"type":"overloaded_error","message":"x"}}"#, Some("unavailable")),
            (r#"{"type":"response.failed","response":{"error":{"code":"rate_limit_exceeded"}}}"#, Some("rate_limited")),
            (r#"{"object":"error","type":"x","code":503}"#, Some("unavailable")),
            (r#"{"error":"x","error_type":"overloaded"}"#, Some("unavailable")),
            (r#"{"error":{"code":401,"message":"x"}}"#, Some(KEY_REFUSED)),
            (r#"{"type":"error","error":{"type":"authentication_error","message":"x"}}"#, Some(KEY_REFUSED)),
            (r#"{"error":{"code":500,"type":"server_error","message":"429"}}"#, None),
            ("429", None),
        ] {
            assert_eq!(kind_in_body(body), kind, "{body}");
        }
        assert_eq!(read_refusal(529, &[], "").0, "unavailable");
    }

    #[test]
    fn refusals_have_their_kind() {
        assert_eq!(read_refusal(503, &[], "busy"), ("unavailable", "HTTP 503: busy".to_owned()));
        assert_eq!(read_refusal(500, &[], ""), ("http", "HTTP 500".to_owned()));
        let location = ("location", "https://u:hunter2@other.example/v1?key=hunter2");
        let redirect = "HTTP 307: redirects to https://other.example/v1, which is not followed";
        assert_eq!(read_refusal(307, &[location], "<a>moved</a>"), ("redirect", redirect.to_owned()));
        assert_eq!(read_refusal(304, &[], ""), ("http", "HTTP 304".to_owned()));
        let loading = r#"{"error":{"message":"Loading model","type":"unavailable_error","code":503}}"#;
        assert!(is_loading(503, loading) && !is_loading(500, loading) && !is_loading(503, "server busy"));
    }
}

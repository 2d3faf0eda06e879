//! A request as it was sent, without its secrets.

use std::sync::Arc;

/// Text in place of the request of a saved attempt, because journals do not store requests.
pub const REQUEST_NOT_STORED: &str = "Saved runs do not store their requests.";

/// A request as it was sent. The URL has no user, password or query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentRequest {
    /// URL of the request.
    pub url: Arc<str>,
    /// Names and values of the headers in the order in which they were sent; `None` replaces values that may be secret.
    pub headers: Arc<[(String, Option<String>)]>,
    /// Value of `x-request-id`, unless the user set a header of that name.
    pub request_id: String,
    /// The JSON body.
    pub body: Arc<str>,
    /// The nonce before the prompt, which makes the prompt unique.
    pub nonce: Option<String>,
}

impl SentRequest {
    /// The body with one field per line, in the order sent; unchanged if the body is not JSON.
    pub fn pretty_body(&self) -> String {
        let value = serde_json::from_str::<serde_json::Value>(&self.body);
        value.and_then(|v| serde_json::to_string_pretty(&v)).unwrap_or_else(|_no_json| self.body.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pretty_body_has_the_same_content() {
        let with_body = |body: &str| SentRequest {
            url: "u".into(),
            headers: Arc::new([]),
            request_id: "r".into(),
            body: body.into(),
            nonce: None,
        };
        let pretty = with_body(r#"{"a":[1,"x\ny"],"b":0.7}"#).pretty_body();
        assert_eq!(pretty, "{\n  \"a\": [\n    1,\n    \"x\\ny\"\n  ],\n  \"b\": 0.7\n}");
        assert_eq!(with_body("{half").pretty_body(), "{half");
    }
}

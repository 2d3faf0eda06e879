//! A request as it went out, without what must stay secret.

use std::sync::Arc;

/// Stands in place of a request that came out of a journal, which holds none.
pub const REQUEST_NOT_STORED: &str = "Saved runs do not store their requests.";

/// A request as it went out. Of a header whose value may be a secret it holds the name alone, of the address neither
/// user, password nor query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Where it went.
    pub url: Arc<str>,
    /// Names and values in the order they were sent; `None`: the value is the user's own, and kept nowhere.
    pub headers: Arc<[(String, Option<String>)]>,
    /// Sent as `x-request-id`, unless the user has a header of that name.
    pub request_id: String,
    /// The JSON that was sent.
    pub body: Arc<str>,
    /// What stands before the prompt to make it unique.
    pub nonce: Option<String>,
}

impl Asked {
    /// The body on lines of its own, its fields in the order they were sent; as it is where it is no JSON.
    pub fn pretty_body(&self) -> String {
        let value = serde_json::from_str::<serde_json::Value>(&self.body);
        value.and_then(|v| serde_json::to_string_pretty(&v)).unwrap_or_else(|_no_json| self.body.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_on_lines_says_what_was_sent() {
        let asked = |body: &str| Asked {
            url: "u".into(),
            headers: Arc::new([]),
            request_id: "r".into(),
            body: body.into(),
            nonce: None,
        };
        let pretty = asked(r#"{"a":[1,"x\ny"],"b":0.7}"#).pretty_body();
        assert_eq!(pretty, "{\n  \"a\": [\n    1,\n    \"x\\ny\"\n  ],\n  \"b\": 0.7\n}");
        assert_eq!(asked("{half").pretty_body(), "{half");
    }
}

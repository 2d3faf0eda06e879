//! Parts of a request that a record may show: never a key or another value that the user entered.

use std::sync::Arc;

use reqwest::header::HeaderMap;

use crate::domain::sent_request::SentRequest;
use crate::protocol::api::Api;
use crate::protocol::url::{address_below, without_secrets};

/// URL and headers that all requests to an endpoint share, without secrets.
#[derive(Debug)]
pub struct RequestRecord {
    url: Arc<str>,
    headers: Arc<[(String, Option<String>)]>,
}

impl RequestRecord {
    /// Creates the shared part. Sensitive headers keep only their names.
    pub fn new(base_url: &str, api: &Api, headers: &HeaderMap) -> Self {
        let value = |v: &reqwest::header::HeaderValue| {
            (!v.is_sensitive()).then(|| v.to_str().ok()).flatten().map(str::to_owned)
        };
        Self {
            url: without_secrets(&address_below(base_url, api.path)).into(),
            headers: headers.iter().map(|(name, v)| (name.to_string(), value(v))).collect(),
        }
    }

    /// Returns the record of a request with this body. `nonce` is the nonce in the body.
    pub fn with_body(&self, request_id: String, body: &str, nonce: Option<String>) -> SentRequest {
        SentRequest {
            url: Arc::clone(&self.url),
            headers: Arc::clone(&self.headers),
            request_id,
            body: body.into(),
            nonce,
        }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;
    use crate::protocol::api::CHAT;

    #[test]
    fn no_secret_is_recorded() {
        let mut headers = HeaderMap::new();
        headers.insert("accept", HeaderValue::from_static("text/event-stream"));
        let mut key = HeaderValue::from_static("Bearer sk-canary");
        key.set_sensitive(true);
        headers.insert("authorization", key);
        let sent = RequestRecord::new("https://u:canary@h/v1?api-key=canary", &CHAT, &headers).with_body(
            "r".to_owned(),
            "{}",
            None,
        );
        assert_eq!(&*sent.url, "https://h/v1/chat/completions");
        let expected = [("accept", Some("text/event-stream")), ("authorization", None)];
        let shown: Vec<_> = sent.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
        assert_eq!(shown, expected);
        assert!(!format!("{sent:?}").contains("canary"));
    }
}

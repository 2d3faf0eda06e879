//! What a record may tell of its request: never a key, nor any other value that is the user's own.

use std::sync::Arc;

use reqwest::header::HeaderMap;

use crate::domain::asked::Asked;
use crate::protocol::api::Api;
use crate::protocol::url::{address_below, without_secrets};

/// What all requests to an endpoint have in common.
#[derive(Debug)]
pub struct Told {
    url: Arc<str>,
    headers: Arc<[(String, Option<String>)]>,
}

impl Told {
    /// Of headers, those that are marked sensitive are told by their names.
    pub fn new(base_url: &str, api: &Api, headers: &HeaderMap) -> Self {
        let value = |v: &reqwest::header::HeaderValue| {
            (!v.is_sensitive()).then(|| v.to_str().ok()).flatten().map(str::to_owned)
        };
        Self {
            url: without_secrets(&address_below(base_url, api.path)).into(),
            headers: headers.iter().map(|(name, v)| (name.to_string(), value(v))).collect(),
        }
    }

    /// A request with this body, in which the nonce is.
    pub fn asked(&self, request_id: String, body: &str, nonce: Option<String>) -> Asked {
        Asked { url: Arc::clone(&self.url), headers: Arc::clone(&self.headers), request_id, body: body.into(), nonce }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;
    use crate::protocol::api::CHAT;

    #[test]
    fn no_secret_is_told() {
        let mut headers = HeaderMap::new();
        headers.insert("accept", HeaderValue::from_static("text/event-stream"));
        let mut key = HeaderValue::from_static("Bearer sk-canary");
        key.set_sensitive(true);
        headers.insert("authorization", key);
        let asked =
            Told::new("https://u:canary@h/v1?api-key=canary", &CHAT, &headers).asked("r".to_owned(), "{}", None);
        assert_eq!(&*asked.url, "https://h/v1/chat/completions");
        let expected = [("accept", Some("text/event-stream")), ("authorization", None)];
        let told: Vec<_> = asked.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
        assert_eq!(told, expected);
        assert!(!format!("{asked:?}").contains("canary"));
    }
}

//! Address of a receiver.

use std::fmt;

use crate::protocol::url::without_secrets;

/// Reason why a text is no address of a receiver.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct InvalidOtlpUrl(&'static str);

/// Base address of a receiver; the paths of the signals are added to it.
#[derive(Clone)]
pub struct OtlpTarget {
    base: String,
}

impl fmt::Debug for OtlpTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OtlpTarget").field(&without_secrets(&self.base)).finish()
    }
}

impl OtlpTarget {
    /// Checks an address like `http://localhost:4318`.
    ///
    /// # Errors
    ///
    /// The text is no HTTP address, or has a part that may be secret.
    pub fn new(url: &str) -> Result<Self, InvalidOtlpUrl> {
        let url = url.trim();
        let parsed = reqwest::Url::parse(url).ok().filter(|url| ["http", "https"].contains(&url.scheme()));
        let parsed = parsed.ok_or(InvalidOtlpUrl("is no HTTP address; use one like http://localhost:4318"))?;
        if !parsed.username().is_empty() || parsed.password().is_some() || parsed.query().is_some() {
            return Err(InvalidOtlpUrl(
                "has a user name, a password or a query, which may be secret; put headers into OTEL_EXPORTER_OTLP_HEADERS",
            ));
        }
        let mut base = parsed;
        base.set_fragment(None);
        Ok(Self { base: base.as_str().trim_end_matches('/').to_owned() })
    }

    /// Address of a signal: `metrics` or `traces`.
    pub(super) fn url_of(&self, signal: &str) -> String {
        format!("{}/v1/{signal}", self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paths_of_the_signals_are_added_to_the_base() {
        for (url, metrics) in [
            ("http://localhost:4318", "http://localhost:4318/v1/metrics"),
            (" http://localhost:4318/ ", "http://localhost:4318/v1/metrics"),
            ("https://otlp.example/team/#x", "https://otlp.example/team/v1/metrics"),
        ] {
            assert_eq!(OtlpTarget::new(url).unwrap().url_of("metrics"), metrics);
        }
        for url in ["", "localhost:4318", "grpc://localhost:4317", "4318"] {
            assert!(OtlpTarget::new(url).unwrap_err().to_string().starts_with("is no HTTP address"), "{url}");
        }
        for url in ["http://u:hunter2@h:4318", "http://u@h:4318", "http://h:4318?key=hunter2"] {
            let why = OtlpTarget::new(url).unwrap_err().to_string();
            assert!(why.contains("OTEL_EXPORTER_OTLP_HEADERS") && !why.contains("hunter2"), "{why}");
        }
    }
}

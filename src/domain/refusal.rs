//! Kinds of refused requests that decide whether other requests would fail too.

/// The requested model does not exist, or the key may not use it.
pub const MODEL_NOT_FOUND: &str = "model_not_found";
/// The prompt was refused for its content; another prompt may pass.
pub const CONTENT_REFUSED: &str = "content_refused";
/// The port expects TLS but got plain HTTP.
pub const TLS_EXPECTED: &str = "tls_expected";

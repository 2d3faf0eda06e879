//! Kinds of errors of rejected requests. The kind decides whether other requests would fail too.

/// The requested model does not exist, or the API key may not use it.
pub const MODEL_NOT_FOUND: &str = "model_not_found";
/// The API key was rejected with a status other than 401 or 403.
pub const KEY_REFUSED: &str = "key_refused";
/// The prompt was rejected for its content; another prompt may pass.
pub const CONTENT_REFUSED: &str = "content_refused";
/// The prompt is too long for the context of the model, or for the server.
pub const CONTEXT_EXCEEDED: &str = "context_exceeded";
/// The port expects TLS but got plain HTTP.
pub const TLS_EXPECTED: &str = "tls_expected";

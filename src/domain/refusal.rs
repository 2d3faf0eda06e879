//! Kinds of refused requests that say whether other requests would fail alike.

/// The model that was asked does not exist there, or this key may not use it.
pub const MODEL_NOT_FOUND: &str = "model_not_found";
/// The key was refused with another status than 401 or 403.
pub const KEY_REFUSED: &str = "key_refused";
/// The prompt was refused for its content: another prompt may pass.
pub const CONTENT_REFUSED: &str = "content_refused";
/// The port expects TLS, and got plain HTTP.
pub const TLS_EXPECTED: &str = "tls_expected";

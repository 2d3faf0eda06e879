//! What was found in an attempt. What is looked for stands in the table of diagnoses.

use serde::Serialize;

/// Key of the finding that the server counted nothing.
pub const USAGE_MISSING: &str = "usage_missing";
/// Of a server without `usage`, before a tokenizer has counted.
pub const ESTIMATED: &str = "the server told no usage: tokens are an estimate from the events";

/// Something about an attempt that who reads its figures must know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable name, from the table of diagnoses.
    pub key: &'static str,
    /// One sentence for people, with its figures.
    pub message: String,
}

//! What was found in an attempt. What is looked for stands in the table of diagnoses.

use serde::Serialize;

/// Something about an attempt that who reads its figures must know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable name, from the table of diagnoses.
    pub key: &'static str,
    /// One sentence for people, with its figures.
    pub message: String,
}

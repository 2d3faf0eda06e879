//! What was found in an attempt. What is looked for stands in the table of diagnoses.

use serde::{Deserialize, Deserializer, Serialize};

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

impl<'de> Deserialize<'de> for Finding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Kept {
            key: String,
            message: String,
        }
        let Kept { key, message } = Kept::deserialize(deserializer)?;
        // One that a newer program looked for still has its sentence.
        let key = super::diagnosis::diagnosis(&key).map_or("unknown", |d| d.key);
        Ok(Self { key, message })
    }
}

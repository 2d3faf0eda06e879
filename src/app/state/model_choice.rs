//! The choice among the endpoint's models.

use super::text_field::TextField;
use crate::domain::text::sanitise_line;

/// The endpoint's models and the one that is highlighted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelChoice {
    /// Names of all models, in the endpoint's order and spelling.
    pub models: Vec<String>,
    /// Parts of a name to find, in any order.
    pub query: TextField,
    /// Index of the highlighted model among those found.
    pub highlighted: usize,
    /// The error to report if the user chooses no model.
    pub refusal: String,
    /// Reason for the question, in one or two sentences.
    pub about: String,
}

impl ModelChoice {
    /// Names that contain every word of the query.
    pub fn found(&self) -> Vec<&str> {
        let parts: Vec<String> = self.query.as_str().split_whitespace().map(str::to_lowercase).collect();
        let has_all = |name: &str| {
            let name = sanitise_line(name).to_lowercase();
            parts.iter().all(|part| name.contains(part.as_str()))
        };
        self.models.iter().map(String::as_str).filter(|name| has_all(name)).collect()
    }
}

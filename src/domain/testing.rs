//! Fixtures for tests of sessions.

use std::time::Duration;

use super::suite::{CaseSpec, RatingScale, Suite, Timeouts};

/// A case with this name and no messages.
pub fn case(name: &str) -> CaseSpec {
    CaseSpec {
        name: name.to_owned(),
        model: None,
        messages: Vec::new(),
        follow_ups: Vec::new(),
        think_time: Duration::ZERO,
        max_tokens: 1,
        temperature: 0.0,
        timeout: Duration::from_secs(1),
        patience: Timeouts::default(),
        generated_images: Vec::new(),
        tools: Vec::new(),
        tool_choice: None,
        response_format: None,
        extra: serde_json::Map::new(),
        checks: Vec::new(),
    }
}

/// A suite of this many cases: `case 0`, `case 1`, …
pub fn suite(cases: usize) -> Suite {
    suite_with((0..cases).map(|i| case(&format!("case {i}"))).collect())
}

/// A suite of these cases.
pub fn suite_with(cases: Vec<CaseSpec>) -> Suite {
    Suite { name: "s".to_owned(), rating: RatingScale::default(), slos: Vec::new(), cases, ..Suite::default() }
}

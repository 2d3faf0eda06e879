//! A suite of named cases, as it was read and checked.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::slo::Slo;

/// A named list of cases with the scale its result is rated by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Suite {
    /// The report's "Test Mode".
    pub name: String,
    /// From which speeds the conclusion speaks of excellent, good and fair.
    pub rating: RatingScale,
    /// What a run of it must reach.
    pub slos: Vec<Slo>,
    /// In the order they run.
    pub cases: Vec<CaseSpec>,
}

/// One prompt with the parameters it is asked with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseSpec {
    /// Unique in its suite.
    pub name: String,
    /// Another model of the same endpoint; `None` asks the run's model.
    pub model: Option<String>,
    /// The conversation that is sent.
    pub messages: Vec<Message>,
    /// Upper bound of the generated tokens.
    pub max_tokens: u32,
    /// Sampling temperature.
    pub temperature: f64,
    /// After this long without an end the attempt is a timeout.
    pub timeout: Duration,
    /// The times allowed within it.
    #[serde(default)]
    pub patience: Timeouts,
    /// Goes into the request body as it is.
    pub extra: serde_json::Map<String, serde_json::Value>,
}

impl CaseSpec {
    /// Whether a nonce would go out with it: it needs a message, and `extra` may bring messages of its own.
    pub fn takes_nonce(&self) -> bool {
        !self.messages.is_empty() && !self.extra.contains_key("messages")
    }
}

/// How long single steps of an attempt may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timeouts {
    /// A connection, TLS included, stands within this time.
    pub connect: Duration,
    /// From the request to the first generated text; `None`: whatever the whole leaves.
    pub first_token: Option<Duration>,
    /// Of the answer, from its first byte on, something comes at least so often; `None`: whatever the whole leaves.
    pub stall: Option<Duration>,
}

impl Default for Timeouts {
    /// A port where nobody answers is known within seconds. How long a prompt takes, and how long a server may pause
    /// between two tokens, depends on both: only who asks can tell.
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), first_token: None, stall: None }
    }
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// `system`, `user` or `assistant`.
    pub role: String,
    /// The text.
    pub content: String,
}

/// Tokens per second from which a run earns each word.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RatingScale {
    /// From here "Excellent".
    pub excellent: f64,
    /// From here "Good".
    pub good: f64,
    /// From here "Fair"; below it "Poor".
    pub fair: f64,
}

impl Default for RatingScale {
    fn default() -> Self {
        Self { excellent: 100.0, good: 50.0, fair: 20.0 }
    }
}

impl RatingScale {
    /// The word for a speed in tokens per second.
    pub fn rate(&self, tokens_per_s: f64) -> &'static str {
        self.step(tokens_per_s).map_or("Poor", |(word, _)| word)
    }

    /// What a speed was measured against to earn its word: `≥ 100 tok/s`, below all of them `< 20 tok/s`.
    pub fn measured_against(&self, tokens_per_s: f64) -> String {
        self.step(tokens_per_s).map_or_else(|| format!("< {} tok/s", self.fair), |(_, from)| format!("≥ {from} tok/s"))
    }

    /// The best word it earns, and from where on.
    fn step(&self, tokens_per_s: f64) -> Option<(&'static str, f64)> {
        let steps = [("Excellent", self.excellent), ("Good", self.good), ("Fair", self.fair)];
        steps.into_iter().find(|(_, from)| tokens_per_s >= *from)
    }
}

#[cfg(test)]
mod tests {
    use super::RatingScale;

    #[test]
    fn a_threshold_belongs_to_the_better_word() {
        let scale = RatingScale::default();
        assert_eq!(scale.rate(100.0), "Excellent");
        assert_eq!(scale.rate(99.9), "Good");
        assert_eq!(scale.rate(20.0), "Fair");
        assert_eq!(scale.rate(19.9), "Poor");
        let against = |speed| scale.measured_against(speed);
        assert_eq!([against(99.9), against(20.0), against(19.9)], ["≥ 50 tok/s", "≥ 20 tok/s", "< 20 tok/s"]);
    }
}

//! A validated suite of named cases.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::check::CheckSpec;
use super::context_depth::Depths;
use super::load_search::LoadSearch;
use super::load_stages::LoadStages;
use super::media::{GeneratedImages, Media, MediaCount};
use super::model_mix::ModelMix;
use super::price::Prices;
use super::race::Race;
use super::repeated_runs::RepeatedRuns;
use super::slo::Slo;
use super::task::Task;
use super::tools::{ResponseFormat, Tool, ToolChoice};
use super::workload::{Conversations, Workload};

/// A named list of cases with a rating scale for the results.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Suite {
    /// Name, shown as the report's "Test Mode".
    pub name: String,
    /// Minimum speeds for a result to count as excellent, good or fair.
    pub rating: RatingScale,
    /// Thresholds for a run.
    pub slos: Vec<Slo>,
    /// Cases in the order they run.
    pub cases: Vec<CaseSpec>,
    /// Patterns that selected these cases from the suite (`--case`); empty for all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub case_patterns: Vec<String>,
    /// Kind of work that the requests ask for.
    #[serde(default, skip_serializing_if = "Task::is_generation")]
    pub task: Task,
    /// Workload whose requests the cases represent; `None` if each case always sends its own prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<Workload>,
    /// Conversations of the run, in addition to those that cases define themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversations: Option<Conversations>,
    /// Models that requests draw from; `None` if the run has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_mix: Option<ModelMix>,
    /// Loads of the run, one after another; `None` if the plan has the only load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_stages: Option<LoadStages>,
    /// Prices of the server; `None` if the user gave none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices: Option<Prices>,
    /// Search for the largest load that meets the thresholds; `None` if the load is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub find: Option<LoadSearch>,
    /// Race of two sides, for which each case occurs twice; `None` for other runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub race: Option<Race>,
    /// Number of whole runs, one after another; `None` for a single run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeated_runs: Option<RepeatedRuns>,
}

/// Formats the name of a suite with the patterns that selected its cases.
pub fn title(name: &str, case_patterns: &[String]) -> String {
    if case_patterns.is_empty() { name.to_owned() } else { format!("{name} (--case {})", case_patterns.join(", ")) }
}

/// One prompt with its request parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseSpec {
    /// Name, unique in the suite.
    pub name: String,
    /// Model to use instead of the run's model, on the same endpoint.
    pub model: Option<String>,
    /// Messages to send; in a conversation, those of the first turn.
    pub messages: Vec<Message>,
    /// User messages of the later turns of a conversation. Each is sent with all messages and answers before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub follow_ups: Vec<String>,
    /// Think time between an answer and the next turn.
    #[serde(default, skip_serializing_if = "Duration::is_zero")]
    pub think_time: Duration,
    /// Maximum tokens to generate.
    pub max_tokens: u32,
    /// Sampling temperature.
    pub temperature: f64,
    /// Time after which an unfinished attempt counts as a timeout.
    pub timeout: Duration,
    /// Time limits for single steps of an attempt.
    #[serde(default)]
    pub patience: Timeouts,
    /// Images that are generated for each request, after the last message of its first turn.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub generated_images: Vec<GeneratedImages>,
    /// Tools that the model may call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Tool>,
    /// Whether the model must call a tool; `None` leaves it to the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_choice: Option<ToolChoice>,
    /// Form of the answer; `None` for plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_format: Option<ResponseFormat>,
    /// Additional fields for the request body, sent unchanged.
    pub extra: serde_json::Map<String, serde_json::Value>,
    /// Checks that an answer must pass to count as right; empty if nothing is checked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<CheckSpec>,
}

impl Suite {
    /// The name, with the patterns that selected the cases: `Complex Comprehensive (--case debug, data)`.
    pub fn title(&self) -> String {
        title(&self.name, &self.case_patterns)
    }

    /// Context depths of the cases; `None` unless the run measures depths.
    pub fn depths(&self) -> Option<&Depths> {
        self.workload.as_ref()?.source.depths()
    }

    /// Returns whether some case or row has checks.
    pub fn has_checks(&self) -> bool {
        self.workload.as_ref().is_some_and(|w| w.has_checks) || self.cases.iter().any(|case| !case.checks.is_empty())
    }
}

impl CaseSpec {
    /// A case with default parameters.
    pub fn new(name: &str, messages: Vec<Message>) -> Self {
        Self {
            name: name.to_owned(),
            model: None,
            messages,
            follow_ups: Vec::new(),
            think_time: Duration::ZERO,
            max_tokens: 600,
            temperature: 0.7,
            timeout: Duration::from_secs(120),
            patience: Timeouts::default(),
            generated_images: Vec::new(),
            tools: Vec::new(),
            tool_choice: None,
            response_format: None,
            extra: serde_json::Map::new(),
            checks: Vec::new(),
        }
    }

    /// Counts the images and audio files in the messages; `None` without any.
    pub fn media_count(&self) -> Option<MediaCount> {
        let mut count = MediaCount::default();
        self.messages.iter().flat_map(|message| &message.media).for_each(|media| count.add(media));
        (!count.is_empty()).then_some(count)
    }

    /// Returns whether a nonce would be sent: the case must have a message, and `extra` must not replace the messages.
    pub fn takes_nonce(&self) -> bool {
        let replaced = ["messages", "input", "query"].iter().any(|key| self.extra.contains_key(*key));
        !self.messages.is_empty() && !replaced
    }
}

/// Time limits for single steps of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timeouts {
    /// Maximum time to connect, including TLS.
    pub connect: Duration,
    /// Maximum time from the request to the first generated text; `None` means only the total timeout limits it.
    pub first_token: Option<Duration>,
    /// Maximum time without data, after the first byte; `None` means only the total timeout limits it.
    pub stall: Option<Duration>,
}

impl Default for Timeouts {
    /// Limits only the time to connect, so that a port that does not answer fails within seconds. The other limits have
    /// no default, because they depend on prompt and server.
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), first_token: None, stall: None }
    }
}

/// Role of a text to embed.
pub const INPUT: &str = "input";
/// Role of the query of a rerank request.
pub const QUERY: &str = "query";
/// Role of a document to rank.
pub const DOCUMENT: &str = "document";

/// One message of a conversation, an input to embed, or the query or a document of a rerank request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// `system`, `user` or `assistant`; or [`INPUT`], [`QUERY`] or [`DOCUMENT`].
    pub role: String,
    /// The text.
    pub content: String,
    /// Images and audio after the text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<Media>,
}

impl Message {
    /// A message of text.
    pub fn new(role: &str, content: &str) -> Self {
        Self { role: role.to_owned(), content: content.to_owned(), media: Vec::new() }
    }

    /// A message of the user.
    pub fn user(content: &str) -> Self {
        Self::new("user", content)
    }

    /// An answer of the model.
    pub fn assistant(content: &str) -> Self {
        Self::new("assistant", content)
    }
}

/// Minimum speed for each rating, tokens per second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RatingScale {
    /// Minimum for "Excellent".
    pub excellent: f64,
    /// Minimum for "Good".
    pub good: f64,
    /// Minimum for "Fair"; anything below is "Poor".
    pub fair: f64,
}

impl Default for RatingScale {
    fn default() -> Self {
        Self { excellent: 100.0, good: 50.0, fair: 20.0 }
    }
}

impl RatingScale {
    /// Rating of a speed in tokens per second.
    pub fn rate(&self, tokens_per_s: f64) -> &'static str {
        self.step(tokens_per_s).map_or("Poor", |(word, _)| word)
    }

    /// Bound that determines the rating of a speed: `≥ 100 tok/s`, or `< 20 tok/s` for "Poor".
    pub fn measured_against(&self, tokens_per_s: f64) -> String {
        self.step(tokens_per_s).map_or_else(|| format!("< {} tok/s", self.fair), |(_, from)| format!("≥ {from} tok/s"))
    }

    /// Best rating of a speed with its minimum; `None` for "Poor".
    fn step(&self, tokens_per_s: f64) -> Option<(&'static str, f64)> {
        let steps = [("Excellent", self.excellent), ("Good", self.good), ("Fair", self.fair)];
        steps.into_iter().find(|(_, from)| tokens_per_s >= *from)
    }
}

#[cfg(test)]
mod tests {
    use super::RatingScale;

    #[test]
    fn a_speed_at_the_bound_gets_the_better_rating() {
        let scale = RatingScale::default();
        assert_eq!(scale.rate(100.0), "Excellent");
        assert_eq!(scale.rate(99.9), "Good");
        assert_eq!(scale.rate(20.0), "Fair");
        assert_eq!(scale.rate(19.9), "Poor");
        let against = |speed| scale.measured_against(speed);
        assert_eq!([against(99.9), against(20.0), against(19.9)], ["≥ 50 tok/s", "≥ 20 tok/s", "< 20 tok/s"]);
    }
}

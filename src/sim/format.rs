//! The APIs that the simulator serves.

/// Format of requests and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Chat completions: messages.
    Chat,
    /// Legacy completions: a prompt without a template, and an answer without reasoning.
    Completion,
}

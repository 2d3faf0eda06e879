//! The checked answer of an attempt: what checks read, and what their results mean.

use super::{AttemptRecord, TextKind, TokenSource};
use crate::domain::check::Answer;
use crate::domain::finish_reason::FinishClass;

impl AttemptRecord {
    /// Returns the answer as checks see it.
    pub fn answer(&self) -> Answer<'_> {
        let parts = self.answer_parts.as_deref();
        let first_choice = parts.and_then(|parts| self.text.get(..parts.first_choice_bytes?));
        let (tokens, tokens_estimated) = self.answer_tokens();
        Answer {
            text: first_choice.unwrap_or(&self.text),
            tool_calls: parts.map_or(&[], |parts| &parts.tool_calls),
            tokens,
            tokens_estimated,
            is_cut: parts.is_some_and(|parts| parts.is_cut),
            is_capped: self.ends_as(FinishClass::Length),
        }
    }

    /// Tokens of the answer without reasoning, and whether their number is an estimate. If the server does not report
    /// the reasoning tokens it streamed, the events show the share of the answer. Without any token count, each word
    /// counts as a token, which is too few rather than too many.
    fn answer_tokens(&self) -> (u64, bool) {
        let Some((all, source)) = self.output_tokens() else {
            return (self.text.split_whitespace().count() as u64, true);
        };
        match self.usage.reasoning_tokens {
            Some(reasoning) if source == TokenSource::Usage => (all.saturating_sub(reasoning), false),
            _ if self.reasoning.is_empty() => (all, source == TokenSource::Estimate),
            _ => {
                let answer = self.arrivals.iter().filter(|a| a.kind == TextKind::Answer).count();
                let share = answer as f64 / self.arrivals.len().max(1) as f64;
                ((all as f64 * share).round() as u64, true)
            }
        }
    }

    /// Whether a complete answer passes all its checks; `None` without a complete answer or without checks.
    pub fn passes(&self) -> Option<bool> {
        (self.is_ok() && !self.checks.is_empty()).then(|| self.failed_checks() == 0)
    }

    /// Number of checks that the answer fails.
    pub fn failed_checks(&self) -> usize {
        self.checks.iter().filter(|check| !check.passed).count()
    }

    /// Describes the first check that the answer fails.
    pub fn check_failure(&self) -> Option<String> {
        self.checks.iter().find_map(crate::domain::check::CheckResult::failure)
    }
}

//! Checks of an attempt's answer: the parts of the answer that checks read, and the meaning of their results.

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
            tool_calls: &self.tool_calls,
            tokens,
            tokens_estimated,
            is_cut: parts.is_some_and(|parts| parts.is_cut),
            is_capped: self.ends_as(FinishClass::Length),
        }
    }

    /// Tokens of the answer without reasoning, and whether their number is an estimate. If the server streamed
    /// reasoning but does not report its tokens, the answer's share of the tokens is its share of the events. Without
    /// any token count, each word counts as one token: an underestimate, so that `min_tokens` never passes by mistake.
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

#[cfg(test)]
mod tests {
    use super::super::{Arrival, AttemptId, AttemptStatus};
    use super::*;
    use crate::domain::check::{CheckKind, CheckResult};
    use crate::domain::time::Nanos;

    /// An answer with this many events of reasoning and of text.
    fn record(reasoning: u64, text: u64, tokens: Option<u64>) -> AttemptRecord {
        let mut r = AttemptRecord::started(AttemptId::default(), false, String::new(), String::new(), Nanos(0));
        let kind = |i| if i < reasoning { TextKind::Reasoning } else { TextKind::Answer };
        r.arrivals = (0..reasoning + text).map(|i| Arrival { at: Nanos(i), kind: kind(i), coalesced: false }).collect();
        (r.text, r.status) = ("one two three".to_owned(), AttemptStatus::Ok);
        if reasoning > 0 {
            r.reasoning = "hm".to_owned();
        }
        r.usage.completion_tokens = tokens;
        r
    }

    #[test]
    fn tokens_of_an_answer_exclude_its_reasoning() {
        let tokens = |r: &AttemptRecord| (r.answer().tokens, r.answer().tokens_estimated);
        assert_eq!(tokens(&record(0, 10, Some(40))), (40, false));
        assert_eq!(tokens(&record(0, 10, None)), (10, true));
        // A quarter of the events is the answer.
        assert_eq!(tokens(&record(30, 10, Some(80))), (20, true));
        let mut reported = record(30, 10, Some(80));
        reported.usage.reasoning_tokens = Some(50);
        assert_eq!(tokens(&reported), (30, false));
        // A single event without usage says nothing about tokens, so words are counted.
        assert_eq!(tokens(&record(0, 1, None)), (3, true));
    }

    #[test]
    fn only_complete_answers_with_checks_pass_or_fail() {
        let mut r = record(0, 3, Some(3));
        assert_eq!(r.passes(), None);
        r.checks = vec![CheckResult::new(CheckKind::Contains, Ok(())), CheckResult::new(CheckKind::Regex, Ok(()))];
        assert_eq!((r.passes(), r.check_failure()), (Some(true), None));
        r.checks[1] = CheckResult::new(CheckKind::Regex, Err("no match".to_owned()));
        assert_eq!((r.passes(), r.failed_checks()), (Some(false), 1));
        assert_eq!(r.check_failure().unwrap(), "regex: no match");
        r.status = AttemptStatus::Timeout;
        assert_eq!(r.passes(), None);
    }
}

//! Token counts of the user's own tokenizer, compared with the server's.

use super::attempt::{AttemptRecord, AttemptStatus};
use super::finding::USAGE_MISSING;

/// Tolerated difference between server and tokenizer, tokens: end-of-turn and other special tokens are not in the text.
const MAX_SPECIAL_TOKENS: u64 = 5;
/// Divisor of the server's count that gives the tolerated relative difference: a tenth.
const TOLERANCE_DIVISOR: u64 = 10;

impl AttemptRecord {
    /// Returns whether the text has all generated tokens, so that a tokenizer can count them.
    pub fn is_countable(&self) -> bool {
        let has_text = !self.text.is_empty() || !self.reasoning.is_empty();
        // Cancelled attempts are not reported, and counting them must not delay the end of the run.
        has_text && self.is_text_whole && self.status != AttemptStatus::Cancelled
    }

    /// Stores the tokenizer's count of reasoning and answer. Warns if the server's usage differs.
    pub fn set_counted_tokens(&mut self, counted: u64) {
        self.counted_tokens = Some(counted);
        let Some(reported) = self.usage.completion_tokens.filter(|&n| n > 0) else {
            if let Some(finding) = self.findings.iter_mut().find(|f| f.key == USAGE_MISSING) {
                "the server reported no usage; the tokenizer counted the tokens".clone_into(&mut finding.message);
            }
            return;
        };
        // Text that was not streamed cannot be counted.
        let hidden = if self.has_hidden_reasoning() { self.usage.reasoning_tokens.unwrap_or(0) } else { 0 };
        let streamed = reported.saturating_sub(hidden);
        let difference = streamed.abs_diff(counted);
        if difference > MAX_SPECIAL_TOKENS && difference.saturating_mul(TOLERANCE_DIVISOR) > streamed {
            self.warnings.push(format!(
                "the tokenizer counts {counted} tokens in the streamed text, the server {streamed}; \
                 check that --tokenizer belongs to this model"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::attempt::{AttemptId, Usage};
    use super::super::finding::ESTIMATED;
    use super::super::time::Nanos;
    use super::*;

    fn record(usage: Usage) -> AttemptRecord {
        let mut record = AttemptRecord::started(AttemptId::default(), false, "r".into(), "m".into(), Nanos(0));
        record.status = AttemptStatus::Ok;
        (record.text, record.usage) = ("a b".into(), usage);
        record
    }

    fn warnings_for(usage: Usage, counted: u64) -> Vec<String> {
        let mut record = record(usage);
        record.set_counted_tokens(counted);
        record.warnings
    }

    #[test]
    fn a_difference_above_a_tenth_and_five_tokens_is_a_warning() {
        let usage = |n| Usage { completion_tokens: Some(n), ..Usage::default() };
        for (server, counted, is_warned) in
            [(100, 100, false), (100, 90, false), (100, 89, true), (100, 111, true), (20, 15, false), (20, 14, true)]
        {
            let warnings = warnings_for(usage(server), counted);
            assert_eq!(warnings.len(), usize::from(is_warned), "{counted} of {server}: {warnings:?}");
            if let [warning] = &warnings[..] {
                assert!(warning.contains(&format!("counts {counted} tokens")) && warning.contains(&server.to_string()));
            }
        }
    }

    #[test]
    fn hidden_reasoning_is_not_expected_in_the_text() {
        let usage = Usage { completion_tokens: Some(75), reasoning_tokens: Some(64), ..Usage::default() };
        assert!(warnings_for(usage, 11).is_empty());
        assert_eq!(warnings_for(usage, 75).len(), 1);
    }

    #[test]
    fn a_tokenizer_s_count_replaces_the_warning_about_an_estimate() {
        let mut record = record(Usage::default());
        record.finish_reason = Some("stop".into());
        record.findings = super::super::diagnosis::diagnose(&record, 100);
        assert_eq!(record.notes().collect::<Vec<_>>(), [ESTIMATED]);
        record.set_counted_tokens(2);
        assert!(record.notes().all(|n| n.ends_with("the tokenizer counted the tokens")) && record.notes().count() == 1);
    }

    #[test]
    fn only_complete_text_is_counted() {
        let whole = record(Usage::default());
        assert!(whole.is_countable());
        let countable_after = |change: fn(&mut AttemptRecord)| {
            let mut record = whole.clone();
            change(&mut record);
            record.is_countable()
        };
        assert!(!countable_after(|r| r.text.clear()));
        assert!(!countable_after(|r| r.is_text_whole = false));
        assert!(!countable_after(|r| r.status = AttemptStatus::Cancelled));
        assert!(countable_after(|r| (r.text, r.reasoning) = (String::new(), "hm".into())));
        assert!(countable_after(|r| r.status = AttemptStatus::Truncated));
    }
}

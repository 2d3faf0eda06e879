//! The user's own tokenizer beside the server's count.

use super::attempt::{AttemptRecord, AttemptStatus};
use super::finding::USAGE_MISSING;

/// Server and tokenizer may differ by so many tokens: ends of turns and other marks are in no text.
const MARKS: u64 = 5;
/// And by a tenth.
const TOLERANCE: u64 = 10;

impl AttemptRecord {
    /// Whether counting its text can tell how many tokens were generated.
    pub fn is_countable(&self) -> bool {
        let has_text = !self.text.is_empty() || !self.reasoning.is_empty();
        // What was given up is not reported, and must not hold up the end of the run.
        has_text && self.is_text_whole && self.status != AttemptStatus::Cancelled
    }

    /// Takes what a tokenizer counted in reasoning and answer. Where the server told another number, a warning says so.
    pub fn take_count(&mut self, counted: u64) {
        self.counted_tokens = Some(counted);
        let Some(told) = self.usage.completion_tokens.filter(|&n| n > 0) else {
            if let Some(finding) = self.findings.iter_mut().find(|f| f.key == USAGE_MISSING) {
                "the server told no usage: tokens are those that the tokenizer counts".clone_into(&mut finding.message);
            }
            return;
        };
        // What was not streamed cannot be counted.
        let hidden = if self.has_hidden_reasoning() { self.usage.reasoning_tokens.unwrap_or(0) } else { 0 };
        let streamed = told.saturating_sub(hidden);
        let apart = streamed.abs_diff(counted);
        if apart > MARKS && apart.saturating_mul(TOLERANCE) > streamed {
            self.warnings.push(format!(
                "the tokenizer counts {counted} tokens in what came, the server {streamed}: \
                 another model's tokenizer, or text that was not streamed"
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

    fn warned(usage: Usage, counted: u64) -> Vec<String> {
        let mut record = record(usage);
        record.take_count(counted);
        record.warnings
    }

    #[test]
    fn more_than_a_tenth_and_five_tokens_apart_is_told() {
        let told = |n| Usage { completion_tokens: Some(n), ..Usage::default() };
        for (server, counted, is_told) in
            [(100, 100, false), (100, 90, false), (100, 89, true), (100, 111, true), (20, 15, false), (20, 14, true)]
        {
            let warnings = warned(told(server), counted);
            assert_eq!(warnings.len(), usize::from(is_told), "{counted} of {server}: {warnings:?}");
            if let [warning] = &warnings[..] {
                assert!(warning.contains(&format!("counts {counted} tokens")) && warning.contains(&server.to_string()));
            }
        }
    }

    #[test]
    fn hidden_reasoning_is_not_missed_in_the_text() {
        let usage = Usage { completion_tokens: Some(75), reasoning_tokens: Some(64), ..Usage::default() };
        assert!(warned(usage, 11).is_empty());
        assert_eq!(warned(usage, 75).len(), 1);
    }

    #[test]
    fn the_warning_of_an_estimate_goes_with_the_estimate() {
        let mut record = record(Usage::default());
        record.finish_reason = Some("stop".into());
        record.findings = super::super::diagnosis::diagnose(&record, 100);
        assert_eq!(record.notes().collect::<Vec<_>>(), [ESTIMATED]);
        record.take_count(2);
        assert!(record.notes().all(|n| n.ends_with("the tokenizer counts")) && record.notes().count() == 1);
    }

    #[test]
    fn only_a_whole_text_is_counted() {
        let whole = record(Usage::default());
        assert!(whole.is_countable());
        let but = |change: fn(&mut AttemptRecord)| {
            let mut record = whole.clone();
            change(&mut record);
            record.is_countable()
        };
        assert!(!but(|r| r.text.clear()));
        assert!(!but(|r| r.is_text_whole = false));
        assert!(!but(|r| r.status = AttemptStatus::Cancelled));
        assert!(but(|r| (r.text, r.reasoning) = (String::new(), "hm".into())));
        assert!(but(|r| r.status = AttemptStatus::Truncated));
    }
}

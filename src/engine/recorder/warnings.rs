//! Warnings about an attempt's figures, and findings from its diagnosis.

use super::Recorder;
use crate::domain::diagnosis::diagnose;

impl Recorder {
    /// Adds warnings about the stream, and findings from its timeline.
    pub fn warn_about(&mut self, max_tokens: u32) {
        let mut warnings = Vec::new();
        if self.malformed_events > 0 {
            warnings.push(format!("{} events were not valid JSON and were skipped", self.malformed_events));
        }
        if self.after_end > 0 {
            warnings.push(format!("{} events came after the end of the answer and were ignored", self.after_end));
        }
        if self.invalid_utf8_events > 0 {
            warnings.push(format!("{} events held invalid UTF-8, which was replaced", self.invalid_utf8_events));
        }
        if self.lone_surrogates() > 0 {
            let lone = self.lone_surrogates();
            warnings.push(format!("lone surrogates replaced by substitute characters: {lone}"));
        }
        if self.foreign.is_cut && self.record.error.is_none() {
            warnings.push("the stream ended in the middle of an event after the answer was complete".to_owned());
        }
        if self.text_cut {
            warnings.push("the text is longer than 4 MiB; the rest was counted but not stored".to_owned());
        }
        self.record.warnings.append(&mut warnings);
        self.record.findings = diagnose(&self.record, max_tokens);
    }
}

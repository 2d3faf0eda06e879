//! What makes an attempt's figures less than clean.

use super::Recorder;
use crate::domain::prefix_cache::PrefixCache;
use crate::domain::token_count::ESTIMATED;

/// A first text that comes so much later than the first counted token is told of, milliseconds…
const HELD_BACK_MS: f64 = 50.0;
/// …and by this share of the time to it.
const HELD_BACK_SHARE: f64 = 0.2;

impl Recorder {
    /// Adds what makes the figures less than clean.
    pub fn warn_about(&mut self, max_tokens: u32) {
        let record = &self.record;
        let mut warnings = Vec::new();
        if self.malformed_events > 0 {
            warnings.push(format!("{} events were no valid JSON and were skipped", self.malformed_events));
        }
        if self.replaced > 0 {
            warnings.push(format!("{} events held invalid UTF-8, which was replaced", self.replaced));
        }
        if self.text_cut {
            warnings.push("the text is longer than 4 MiB; the rest was counted, not kept".to_owned());
        }
        let tokens = record.usage.completion_tokens;
        if record.is_ok() && tokens.is_none() {
            warnings.push(ESTIMATED.to_owned());
        }
        if let Some(more) = tokens.filter(|&n| n > u64::from(max_tokens)) {
            warnings.push(format!("{more} tokens came although {max_tokens} were asked for"));
        }
        if record.has_hidden_reasoning() {
            warnings.push("reasoning was billed but not streamed: the decode speed is not computable".to_owned());
        }
        let text_at = record.time_to_first_token_ms();
        if let (Some(counted), Some(text)) = (record.time_to_first_counted_token_ms(), text_at)
            && text - counted > HELD_BACK_MS.max(text * HELD_BACK_SHARE)
        {
            warnings.push(format!(
                "the server counted its first token at {counted:.0} ms and held its text back until {text:.0} ms"
            ));
        }
        if let (PrefixCache::Warm, Some(cached)) = (record.prefix_cache(), record.usage.cached_tokens) {
            warnings.push(format!("{cached} prompt tokens came from the prefix cache: this TTFT is a warm one"));
        }
        self.record.warnings.append(&mut warnings);
    }
}

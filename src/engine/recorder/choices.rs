//! Several choices in one answer (`n` > 1): keeps the texts of the choices apart and adds up the tokens.

use std::collections::BTreeMap;

use super::push;
use crate::domain::attempt::AttemptRecord;
use crate::domain::finish_reason::FinishClass;
use crate::protocol::chunk::{Chunk, OtherChoice};
use crate::protocol::failure::capped;
use crate::protocol::surrogates::SurrogateJoiner;
use crate::protocol::thinking::{InlineThinking, Split};

/// Maximum number of choices to keep besides the first.
const MAX_CHOICES: usize = 127;

/// A choice other than the first.
#[derive(Debug, Default)]
struct Choice {
    thinking: InlineThinking,
    reasoning: String,
    text: String,
    finish_reason: Option<String>,
    text_joiner: SurrogateJoiner,
    reasoning_joiner: SurrogateJoiner,
}

/// Choices of an answer besides the first, and counts of all choices.
#[derive(Debug, Default)]
pub struct Choices {
    others: BTreeMap<u32, Choice>,
    has_first: bool,
    lone_surrogates: u32,
    /// Highest index of a choice, plus one.
    count: u32,
    /// Number of usage reports that arrived without a choice.
    usages: u32,
    /// Sum of the completion tokens in these usage reports.
    completion_tokens: u64,
}

impl Choices {
    /// Records the finish reasons of an event's choices, and the usage of one choice. Returns whether a finish reason
    /// is new.
    pub fn note(&mut self, chunk: &Chunk<'_>) -> bool {
        self.has_first |= chunk.has_first_choice;
        let mut has_reason = false;
        for new in &chunk.others {
            if let (Some(choice), Some(reason)) = (self.choice(new.index), &new.finish_reason) {
                has_reason |= keep_reason(&mut choice.finish_reason, reason);
            }
        }
        self.count = self.count.max(chunk.choices);
        if let (0, Some(tokens)) = (chunk.choices, chunk.usage.and_then(|u| u.completion_tokens)) {
            self.usages = self.usages.saturating_add(1);
            self.completion_tokens = self.completion_tokens.saturating_add(tokens);
        }
        has_reason
    }

    /// Returns the choice with this index; `None` if the answer has too many choices.
    fn choice(&mut self, index: u32) -> Option<&mut Choice> {
        let has_room = self.others.len() < MAX_CHOICES || self.others.contains_key(&index);
        has_room.then(|| self.others.entry(index).or_default())
    }

    /// Whether any choice besides the first has text.
    pub fn have_texts(&self) -> bool {
        self.others.values().any(|choice| !choice.text.is_empty() || !choice.reasoning.is_empty())
    }

    /// Whether every choice has a finish reason. `first_has` says whether the first one has.
    pub fn have_ended(&self, first_has: bool) -> bool {
        let is_first_over = first_has || !self.has_first && !self.others.is_empty();
        is_first_over && self.others.values().all(|choice| choice.finish_reason.is_some())
    }

    /// Number of unpaired surrogates in the choices besides the first.
    pub const fn lone_surrogates(&self) -> u32 {
        self.lone_surrogates
    }

    /// Keeps the text of a choice. Returns whether any text was cut.
    pub fn keep(&mut self, new: &OtherChoice, has_marks: bool) -> bool {
        let Some(choice) = self.choice(new.index) else { return true };
        let mut cut = false;
        if !new.reasoning.is_empty() {
            let held = choice.thinking.stop();
            let reasoning = choice.reasoning_joiner.join(&new.reasoning, has_marks);
            cut |= choice.add(&held) | push(&mut choice.reasoning, &reasoning);
        }
        let text = choice.text_joiner.join(&new.text, has_marks);
        let split = choice.thinking.take(&text);
        cut | choice.add(&split)
    }

    /// Appends the texts of the other choices to the first. Adds up the tokens if each choice has a usage report of its
    /// own, as with llama.cpp.
    pub fn close(&mut self, record: &mut AttemptRecord) {
        let others = std::mem::take(&mut self.others);
        self.keep_reasons(&others, record);
        if !others.is_empty() {
            let more = others.len();
            record.warnings.push(format!("the answer has {} choices; their texts follow one another", more + 1));
        }
        for (index, mut choice) in others {
            choice.finish();
            let lone = choice.text_joiner.lone.saturating_add(choice.reasoning_joiner.lone);
            self.lone_surrogates = self.lone_surrogates.saturating_add(lone);
            for (kept, new) in [(&mut record.reasoning, &choice.reasoning), (&mut record.text, &choice.text)] {
                if !new.is_empty() {
                    push(kept, &format!("\n\n[choice {}]\n\n", u64::from(index) + 1));
                    push(kept, new);
                }
            }
        }
        if self.count > 1 && self.usages == self.count {
            record.usage.completion_tokens = Some(self.completion_tokens);
            self.usages = 0;
        }
    }
}

impl Choices {
    /// Copies the finish reasons to the record: that of the first choice, and a list of all if there are several
    /// choices.
    fn keep_reasons(&self, others: &BTreeMap<u32, Choice>, record: &mut AttemptRecord) {
        if !self.has_first && record.finish_reason.is_none() {
            // Some servers number choices from 1, so the record has no first choice yet.
            record.finish_reason = others.values().next().and_then(|choice| choice.finish_reason.clone());
        }
        let first = self.has_first.then(|| record.finish_reason.clone());
        let reasons = first.into_iter().chain(others.values().map(|choice| choice.finish_reason.clone()));
        let reasons: Vec<Option<String>> = reasons.collect();
        if reasons.len() > 1 {
            record.choice_finish_reasons = reasons;
        }
    }
}

/// Keeps the first finish reason of a choice; a later one replaces it only to report a failure. Returns whether the
/// kept reason changed.
pub fn keep_reason(kept: &mut Option<String>, new: &str) -> bool {
    let is_failure = |reason: &str| FinishClass::from_reason(reason) == FinishClass::Failure;
    let is_new = kept.as_deref().is_none_or(|kept| is_failure(new) && !is_failure(kept));
    if is_new {
        *kept = Some(capped(new.to_owned()));
    }
    is_new
}

impl Choice {
    /// Adds text that was held back to the end of the choice.
    fn finish(&mut self) {
        push(&mut self.reasoning, self.reasoning_joiner.finish());
        let split = self.thinking.take(self.text_joiner.finish());
        self.add(&split);
        let held = self.thinking.stop();
        self.add(&held);
    }

    fn add(&mut self, split: &Split<'_>) -> bool {
        if split.relabels {
            self.reasoning = std::mem::take(&mut self.text);
        }
        push(&mut self.reasoning, &split.reasoning) | push(&mut self.text, &split.text)
    }
}

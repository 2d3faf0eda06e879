//! Several choices in one answer (`n` > 1): their texts apart, their tokens together.

use std::collections::BTreeMap;

use super::push;
use crate::domain::attempt::AttemptRecord;
use crate::protocol::chunk::{Chunk, OtherChoice};
use crate::protocol::thinking::{InlineThinking, Split};

/// The texts of so many choices beside the first are kept.
const MAX_CHOICES: usize = 127;

/// The text of a choice beside the first.
#[derive(Debug, Default)]
struct Choice {
    thinking: InlineThinking,
    reasoning: String,
    text: String,
}

/// What is known of the choices.
#[derive(Debug, Default)]
pub struct Choices {
    others: BTreeMap<u32, Choice>,
    /// The highest index of any choice, plus one.
    count: u32,
    /// Usages that came without a choice, and the sum of their completion tokens.
    usages: u32,
    completion_tokens: u64,
}

impl Choices {
    /// Notes how many choices there are, and a usage of one of them.
    pub fn note(&mut self, chunk: &Chunk<'_>) {
        self.count = self.count.max(chunk.choices);
        if let (0, Some(tokens)) = (chunk.choices, chunk.usage.and_then(|u| u.completion_tokens)) {
            self.usages = self.usages.saturating_add(1);
            self.completion_tokens = self.completion_tokens.saturating_add(tokens);
        }
    }

    /// Whether any choice beside the first has text.
    pub fn are_many(&self) -> bool {
        !self.others.is_empty()
    }

    /// Keeps the text of a choice; returns whether something was cut.
    pub fn keep(&mut self, new: &OtherChoice) -> bool {
        if self.others.len() >= MAX_CHOICES && !self.others.contains_key(&new.index) {
            return true;
        }
        let choice = self.others.entry(new.index).or_default();
        let mut cut = false;
        if !new.reasoning.is_empty() {
            let held = choice.thinking.stop();
            cut |= choice.add(&held) | push(&mut choice.reasoning, &new.reasoning);
        }
        let split = choice.thinking.take(&new.text);
        cut | choice.add(&split)
    }

    /// Puts the texts of the other choices behind that of the first, and the tokens together where each choice had its
    /// own usage, as llama.cpp tells them.
    pub fn close(&mut self, record: &mut AttemptRecord) {
        let others = std::mem::take(&mut self.others);
        if !others.is_empty() {
            let more = others.len();
            record
                .warnings
                .push(format!("{} choices came in one answer; their texts stand one after the other", more + 1));
        }
        for (index, mut choice) in others {
            let held = choice.thinking.stop();
            choice.add(&held);
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

impl Choice {
    fn add(&mut self, split: &Split<'_>) -> bool {
        if split.relabels {
            self.reasoning = std::mem::take(&mut self.text);
        }
        push(&mut self.reasoning, &split.reasoning) | push(&mut self.text, &split.text)
    }
}

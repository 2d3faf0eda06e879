//! Writes prompts of a given length from prose. No two requests of a run share a prefix unless the workload asks for
//! it.

use super::prose::{Passage, Passages};
use super::ruler::Ruler;
use crate::domain::prefix_spec::PrefixSpec;
use crate::domain::random::mix;

/// End of every longer prompt. It makes a model continue the text instead of commenting on it.
const INSTRUCTION: &str = "\n\nContinue this text in the same style.";
/// Separator between a prefix and the rest of a prompt, and between the blocks of a trace.
const SEPARATOR: &str = "\n\n";
/// Number of words between the passages of consecutive block ids. This is about 512 tokens, so a prompt reads like a
/// book.
const BLOCK_WORDS: u64 = 389;
/// Minimum length of a prompt with the instruction, as a multiple of the instruction's length. Shorter prompts have
/// only prose.
const MIN_SHARE: f64 = 3.0;
/// Minimum tokens of a block after the first.
const MIN_BLOCK_TOKENS: f64 = 2.0;

/// Seeds of the independent sequences of passages.
const UNIQUE: u64 = 1;
const PREFIXES: u64 = 2;
const FOLLOW_UPS: u64 = 3;
const BLOCKS: u64 = 4;

/// A prompt and its length.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompt {
    /// Text of the message.
    pub text: String,
    /// Expected `usage.prompt_tokens` of a request with only this message: its tokens and, as far as known, the
    /// overhead of the chat template.
    pub tokens: u64,
}

/// Writes prompts. Equal seeds and indices always give the same prompt.
#[derive(Clone, Debug)]
pub struct Prompts {
    seed: u64,
    ruler: Ruler,
    prefix: Option<PrefixSpec>,
    instruction_tokens: f64,
    separator_tokens: f64,
}

impl Prompts {
    /// Creates the writer of a run's prompts. A prefix adds to the length of each prompt.
    pub fn new(seed: u64, ruler: Ruler, prefix: Option<PrefixSpec>) -> Self {
        let instruction_tokens = ruler.tokens_between(INSTRUCTION, true);
        let separator_tokens = ruler.tokens_between(SEPARATOR, false);
        Self { seed, ruler, prefix, instruction_tokens, separator_tokens }
    }

    /// Returns the first prompt of a request or conversation. Its length is `tokens` tokens, plus the prefix if there
    /// is one.
    pub fn first(&self, index: u64, tokens: u32) -> Prompt {
        let mut draft = Draft { prompts: self, text: String::new(), tokens: 0.0 };
        if let Some(spec) = self.prefix {
            draft.append(&self.prefix(spec, index), f64::from(spec.tokens()));
        }
        let (room, tail) = self.room(f64::from(tokens) - self.ruler.overhead_tokens());
        draft.append(&Passages::shuffled(self.salted(UNIQUE)).get(index), room);
        draft.finish(tail, self.ruler.overhead_tokens())
    }

    /// Returns the user's message in a later turn, about `tokens` tokens without the history. Turn 1 is the second turn
    /// of a conversation.
    pub fn follow_up(&self, index: u64, turn: u32, tokens: u32) -> Prompt {
        let mut draft = Draft { prompts: self, text: String::new(), tokens: 0.0 };
        let (room, tail) = self.room(f64::from(tokens));
        draft.append(&Passages::shuffled(mix(self.salted(FOLLOW_UPS) ^ u64::from(turn))).get(index), room);
        draft.finish(tail, 0.0)
    }

    /// Returns the prompt of a traced request. Each hash id names a block of `block_tokens` tokens of prose. Two
    /// prompts therefore share their beginning exactly as far as their ids agree.
    ///
    /// The last block is cut to the length of the prompt. Tokens beyond the listed ids are unique to the request.
    pub fn from_blocks(&self, hash_ids: &[u64], block_tokens: u32, tokens: u32, index: u64) -> Prompt {
        let mut draft = Draft { prompts: self, text: String::new(), tokens: 0.0 };
        let (room, tail) = self.room(f64::from(tokens) - self.ruler.overhead_tokens());
        let blocks = Passages::every(BLOCK_WORDS, self.salted(BLOCKS));
        let mut rest = room;
        for id in hash_ids {
            // Stop before a block of very few tokens: it would be cut to one word.
            if rest < MIN_BLOCK_TOKENS && !draft.text.is_empty() {
                break;
            }
            // The length depends only on the position of the block, so equal ids give equal text.
            draft.append(&blocks.get(*id), f64::from(block_tokens).min(rest));
            rest -= f64::from(block_tokens);
        }
        if rest >= MIN_BLOCK_TOKENS || draft.text.is_empty() {
            let own = room - draft.tokens;
            draft.append(&Passages::shuffled(self.salted(UNIQUE)).get(index), own);
        }
        draft.finish(tail, self.ruler.overhead_tokens())
    }

    /// Returns the text of a probe with about this many characters. Probes with different numbers differ.
    pub fn probe(&self, number: u64, chars: usize) -> String {
        let passage = Passages::shuffled(self.salted(UNIQUE)).get(u64::MAX - number);
        passage.text(passage.word_end(chars))
    }

    fn prefix(&self, spec: PrefixSpec, index: u64) -> Passage {
        let seed = self.salted(PREFIXES);
        Passages::shuffled(seed).get(u64::from(spec.sample(mix(seed), index)))
    }

    /// Returns the tokens of prose in a prompt of `budget` tokens, and the instruction at its end.
    fn room(&self, budget: f64) -> (f64, &'static str) {
        let is_long = budget >= MIN_SHARE * self.instruction_tokens;
        if is_long { (budget - self.instruction_tokens, INSTRUCTION) } else { (budget.max(1.0), "") }
    }

    const fn salted(&self, salt: u64) -> u64 {
        mix(self.seed.wrapping_add(salt.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }
}

/// A prompt that is being written.
struct Draft<'a> {
    prompts: &'a Prompts,
    text: String,
    /// Number of tokens in the text.
    tokens: f64,
}

impl Draft<'_> {
    /// Appends the beginning of a passage. `tokens` includes the separator before the passage, if there is one.
    fn append(&mut self, passage: &Passage, tokens: f64) {
        let joint = if self.text.is_empty() { 0.0 } else { self.prompts.separator_tokens };
        if !self.text.is_empty() {
            self.text.push_str(SEPARATOR);
        }
        let (text, counted) = self.prompts.ruler.cut(passage, tokens - joint);
        self.text.push_str(&text);
        self.tokens += joint + counted;
    }

    fn finish(self, tail: &str, overhead_tokens: f64) -> Prompt {
        let tail_tokens = if tail.is_empty() { 0.0 } else { self.prompts.instruction_tokens };
        let tokens = (self.tokens + tail_tokens + overhead_tokens).round() as u64;
        Prompt { text: self.text + tail, tokens }
    }
}

#[cfg(test)]
mod tests;

//! Prompts of a given length from prose. No two requests of a run share a prefix unless they are meant to.

use super::prose::{Passage, Passages};
use super::ruler::Ruler;
use crate::domain::prefix_spec::PrefixSpec;
use crate::domain::random::mix;

/// Ends every prompt, so that a model writes on instead of commenting.
const INSTRUCTION: &str = "\n\nContinue this text in the same style.";
/// Separates a prefix from the rest, and the blocks of a trace.
const SEPARATOR: &str = "\n\n";
/// Words between the passages of neighbouring block ids, about 512 tokens, so that a prompt reads like a book.
const BLOCK_WORDS: u64 = 389;
/// Prompts shorter than this multiple of the instruction do without it, so that most of a prompt is prose.
const MIN_SHARE: f64 = 3.0;
/// Least tokens of a block that is not the first.
const MIN_BLOCK_TOKENS: f64 = 2.0;

/// Seeds of the independent sequences of passages.
const UNIQUE: u64 = 1;
const PREFIXES: u64 = 2;
const FOLLOW_UPS: u64 = 3;
const BLOCKS: u64 = 4;

/// A prompt and its length.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompt {
    /// The text of the message.
    pub text: String,
    /// Expected `usage.prompt_tokens` of a request with this message alone: its tokens with the overhead of the chat
    /// template, as far as that is known.
    pub tokens: u64,
}

/// Writes prompts. The same seed and index always give the same prompt.
#[derive(Clone, Debug)]
pub struct Prompts {
    seed: u64,
    ruler: Ruler,
    prefix: Option<PrefixSpec>,
    instruction_tokens: f64,
    separator_tokens: f64,
}

impl Prompts {
    /// Creates the prompts of a run. A prefix comes in addition to the length of each prompt.
    pub fn new(seed: u64, ruler: Ruler, prefix: Option<PrefixSpec>) -> Self {
        let instruction_tokens = ruler.tokens_between(INSTRUCTION, true);
        let separator_tokens = ruler.tokens_between(SEPARATOR, false);
        Self { seed, ruler, prefix, instruction_tokens, separator_tokens }
    }

    /// The first prompt of a request or conversation, with `tokens` tokens after the prefix if there is one.
    pub fn first(&self, index: u64, tokens: u32) -> Prompt {
        let mut draft = Draft { prompts: self, text: String::new(), tokens: 0.0 };
        if let Some(spec) = self.prefix {
            draft.append(&self.prefix(spec, index), f64::from(spec.tokens()));
        }
        let (room, tail) = self.room(f64::from(tokens) - self.ruler.overhead_tokens());
        draft.append(&Passages::shuffled(self.salted(UNIQUE)).get(index), room);
        draft.finish(tail, self.ruler.overhead_tokens())
    }

    /// The user's message of a later turn, about `tokens` tokens without the history. Turns count from 1, the second
    /// of a conversation.
    pub fn follow_up(&self, index: u64, turn: u32, tokens: u32) -> Prompt {
        let mut draft = Draft { prompts: self, text: String::new(), tokens: 0.0 };
        let (room, tail) = self.room(f64::from(tokens));
        draft.append(&Passages::shuffled(mix(self.salted(FOLLOW_UPS) ^ u64::from(turn))).get(index), room);
        draft.finish(tail, 0.0)
    }

    /// The prompt of a traced request. Each hash id names a block of `block_tokens` tokens of prose, so prompts share
    /// their beginning exactly as far as their ids agree. The last block is cut to the length of the prompt. Tokens
    /// beyond the listed ids are the request's own.
    pub fn from_blocks(&self, hash_ids: &[u64], block_tokens: u32, tokens: u32, index: u64) -> Prompt {
        let mut draft = Draft { prompts: self, text: String::new(), tokens: 0.0 };
        let (room, tail) = self.room(f64::from(tokens) - self.ruler.overhead_tokens());
        let blocks = Passages::every(BLOCK_WORDS, self.salted(BLOCKS));
        let mut rest = room;
        for id in hash_ids {
            // A rest of a few tokens is no block: it would be cut to one word.
            if rest < MIN_BLOCK_TOKENS && !draft.text.is_empty() {
                break;
            }
            // The length depends on nothing but the block's place, so that equal ids are equal text.
            draft.append(&blocks.get(*id), f64::from(block_tokens).min(rest));
            rest -= f64::from(block_tokens);
        }
        if rest >= MIN_BLOCK_TOKENS || draft.text.is_empty() {
            let own = room - draft.tokens;
            draft.append(&Passages::shuffled(self.salted(UNIQUE)).get(index), own);
        }
        draft.finish(tail, self.ruler.overhead_tokens())
    }

    /// The text of a probe of about this many characters, for fitting characters to tokens. Probes of different
    /// numbers differ.
    pub fn probe(&self, number: u64, chars: usize) -> String {
        let passage = Passages::shuffled(self.salted(UNIQUE)).get(u64::MAX - number);
        passage.text(passage.word_end(chars))
    }

    fn prefix(&self, spec: PrefixSpec, index: u64) -> Passage {
        let seed = self.salted(PREFIXES);
        Passages::shuffled(seed).get(u64::from(spec.sample(mix(seed), index)))
    }

    /// Tokens for prose in a prompt of `budget` tokens, and the instruction after it.
    fn room(&self, budget: f64) -> (f64, &'static str) {
        let is_long = budget >= MIN_SHARE * self.instruction_tokens;
        if is_long { (budget - self.instruction_tokens, INSTRUCTION) } else { (budget.max(1.0), "") }
    }

    const fn salted(&self, salt: u64) -> u64 {
        mix(self.seed.wrapping_add(salt.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }
}

/// A prompt in the making.
struct Draft<'a> {
    prompts: &'a Prompts,
    text: String,
    /// Tokens of the text.
    tokens: f64,
}

impl Draft<'_> {
    /// Appends the beginning of a passage. Its tokens include the separator before it, if there is one.
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

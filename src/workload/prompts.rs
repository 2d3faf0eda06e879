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
}

impl Prompts {
    /// Creates the prompts of a run. A prefix comes in addition to the length of each prompt.
    pub fn new(seed: u64, ruler: Ruler, prefix: Option<PrefixSpec>) -> Self {
        let instruction_tokens = ruler.tokens(INSTRUCTION);
        Self { seed, ruler, prefix, instruction_tokens }
    }

    /// The first prompt of a request or conversation, with `tokens` tokens after the prefix if there is one.
    pub fn first(&self, index: u64, tokens: u32) -> Prompt {
        let budget = f64::from(tokens) - self.ruler.overhead_tokens();
        let head = self.prefix.map_or_else(String::new, |spec| self.prefix(spec, index) + SEPARATOR);
        let (room, tail) = self.room(budget);
        let text = head + &self.ruler.cut(&Passages::shuffled(self.salted(UNIQUE)).get(index), room) + tail;
        self.measured(text)
    }

    /// The user's message of a later turn, about `tokens` tokens without the history. Turns count from 1, the second
    /// of a conversation.
    pub fn follow_up(&self, index: u64, turn: u32, tokens: u32) -> Prompt {
        let (room, tail) = self.room(f64::from(tokens));
        let passages = Passages::shuffled(mix(self.salted(FOLLOW_UPS) ^ u64::from(turn)));
        let text = self.ruler.cut(&passages.get(index), room) + tail;
        let tokens = self.ruler.tokens(&text).round() as u64;
        Prompt { text, tokens }
    }

    /// The prompt of a traced request. Each hash id names a block of `block_tokens` tokens of prose, so prompts share
    /// their beginning exactly as far as their ids agree. The last block is cut to the length of the prompt. Tokens
    /// beyond the listed ids are the request's own.
    pub fn from_blocks(&self, hash_ids: &[u64], block_tokens: u32, tokens: u32, index: u64) -> Prompt {
        let (room, tail) = self.room(f64::from(tokens) - self.ruler.overhead_tokens());
        let separator_tokens = self.ruler.tokens(SEPARATOR);
        let blocks = Passages::every(BLOCK_WORDS, self.salted(BLOCKS));
        let mut text = String::new();
        let mut rest = room;
        let mut append = |passage: &Passage, block_tokens: f64| {
            // A rest of a few tokens is no block: it would be cut to one word.
            let is_needed = rest >= 1.0 || text.is_empty();
            if is_needed {
                let separator = if text.is_empty() { "" } else { SEPARATOR };
                let own = block_tokens.min(rest) - if text.is_empty() { 0.0 } else { separator_tokens };
                text.push_str(separator);
                text.push_str(&self.ruler.cut(passage, own));
                rest -= block_tokens;
            }
            is_needed
        };
        let is_full = !hash_ids.iter().all(|id| append(&blocks.get(*id), f64::from(block_tokens)));
        if !is_full {
            append(&Passages::shuffled(self.salted(UNIQUE)).get(index), f64::INFINITY);
        }
        self.measured(text + tail)
    }

    /// The text of a probe of about this many characters, for fitting characters to tokens. Probes of different
    /// numbers differ.
    pub fn probe(&self, number: u64, chars: usize) -> String {
        let passage = Passages::shuffled(self.salted(UNIQUE)).get(u64::MAX - number);
        passage.text(passage.word_end(chars))
    }

    fn prefix(&self, spec: PrefixSpec, index: u64) -> String {
        let seed = self.salted(PREFIXES);
        let number = u64::from(spec.sample(mix(seed), index));
        self.ruler.cut(&Passages::shuffled(seed).get(number), f64::from(spec.tokens()))
    }

    /// Tokens for prose in a prompt of `budget` tokens, and the instruction after it.
    fn room(&self, budget: f64) -> (f64, &'static str) {
        let is_long = budget >= MIN_SHARE * self.instruction_tokens;
        if is_long { (budget - self.instruction_tokens, INSTRUCTION) } else { (budget.max(1.0), "") }
    }

    fn measured(&self, text: String) -> Prompt {
        let tokens = (self.ruler.tokens(&text) + self.ruler.overhead_tokens()).round() as u64;
        Prompt { text, tokens }
    }

    const fn salted(&self, salt: u64) -> u64 {
        mix(self.seed.wrapping_add(salt.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }
}

#[cfg(test)]
mod tests;

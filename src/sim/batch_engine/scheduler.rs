//! Scheduler of the engine: decides which sequences a step computes, and how long the step takes. Reads no clock.

use std::collections::VecDeque;

use super::EngineConfig;
use super::kv_cache::KvCache;
use super::sequence::{Sequence, SequenceRequest};
use super::stalls::Stalls;
use crate::domain::random::Random;
use crate::sim::spread::Spread;

/// Probability that a drafted token is accepted, if all tokens before it were accepted.
const ACCEPTANCE: f64 = 0.7;

/// Reason for refusing a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// Too many requests are waiting.
    QueueFull,
    /// Prompt and answer do not fit into the KV cache.
    TooLong {
        /// Tokens of the KV cache.
        context_tokens: u64,
        /// Tokens of the prompt.
        prompt_tokens: u64,
    },
}

/// Tokens that a step has generated for one sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepOutput {
    /// ID of the sequence.
    pub id: u64,
    /// Number of tokens, at least 1.
    pub tokens: u64,
    /// Whether the answer is complete.
    pub is_last: bool,
}

/// One step of the engine.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// Duration in seconds, including a stall.
    pub seconds: f64,
    /// Stall within the step, seconds.
    pub stall_s: f64,
    /// Number of decoding sequences.
    pub decoding: u64,
    /// Prompt tokens computed.
    pub prefill_tokens: u64,
    /// Tokens that leave when the step ends.
    pub outputs: Vec<StepOutput>,
}

/// Counters since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Number of preemptions.
    pub preemptions: u64,
    /// Tokens drafted by speculative decoding.
    pub drafted: u64,
    /// Drafted tokens that were accepted.
    pub accepted: u64,
    /// Prompt tokens of admitted requests.
    pub prompt: u64,
    /// Prompt tokens from the prefix cache.
    pub cached: u64,
}

/// State of the engine between two steps.
#[derive(Debug)]
pub struct Scheduler {
    config: EngineConfig,
    spread: Spread,
    random: Random,
    next_id: u64,
    waiting: VecDeque<Sequence>,
    /// Sequences in the batch, in the order of admission: the youngest is last.
    running: Vec<Sequence>,
    cache: KvCache,
    totals: Totals,
    stalls: Stalls,
}

impl Scheduler {
    /// Creates an idle engine. `jitter` is the relative standard deviation of the duration of a step.
    pub fn new(config: EngineConfig, jitter: f64) -> Self {
        let mut random = Random::new(config.seed);
        let stalls = Stalls::new(config.stall_every_s, &mut random);
        Self {
            spread: Spread::new(jitter),
            random,
            next_id: 0,
            waiting: VecDeque::new(),
            running: Vec::new(),
            cache: KvCache::new(config.kv_blocks),
            totals: Totals::default(),
            stalls,
            config,
        }
    }

    /// Adds a request to the queue and returns its ID.
    pub fn submit(&mut self, request: SequenceRequest) -> Result<u64, Rejection> {
        let sequence = Sequence::new(self.next_id, request);
        let (context_tokens, prompt_tokens) = (self.config.context_tokens(), sequence.request.prompt);
        if prompt_tokens.saturating_add(sequence.request.output) > context_tokens {
            return Err(Rejection::TooLong { context_tokens, prompt_tokens });
        }
        if self.config.max_waiting.is_some_and(|limit| self.waiting.len() >= limit as usize) {
            return Err(Rejection::QueueFull);
        }
        self.next_id += 1;
        self.totals.prompt += sequence.request.prompt;
        self.totals.cached += sequence.request.cached;
        let id = sequence.id;
        self.waiting.push_back(sequence);
        Ok(id)
    }

    /// Removes a request whose client has hung up.
    pub fn cancel(&mut self, id: u64) {
        self.waiting.retain(|sequence| sequence.id != id);
        if let Some(at) = self.running.iter().position(|sequence| sequence.id == id) {
            let sequence = self.running.remove(at);
            self.cache.give_back(sequence.blocks);
        }
    }

    /// Number of sequences in the batch.
    pub const fn running(&self) -> usize {
        self.running.len()
    }

    /// Number of requests in the queue, including preempted ones.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Number of used blocks of the KV cache.
    pub const fn kv_used(&self) -> u64 {
        self.cache.used()
    }

    /// Used share of the KV cache, 0 to 1.
    pub fn kv_usage(&self) -> f64 {
        self.cache.used() as f64 / f64::from(self.config.kv_blocks)
    }

    /// Counters since the start.
    pub const fn totals(&self) -> Totals {
        self.totals
    }

    /// Computes one step; `None` without requests. Requests that arrive during the step take part in the next one.
    pub fn step(&mut self) -> Option<Step> {
        if self.running.is_empty() && self.waiting.is_empty() {
            return None;
        }
        let preempted = self.schedule_decodes();
        let decoding = self.running.iter().filter(|sequence| sequence.is_decoding()).count() as u64;
        let mut step = Step { decoding, ..Step::default() };
        let mut budget = u64::from(self.config.batch_tokens).saturating_sub(decoding);
        for sequence in self.running.iter_mut().filter(|sequence| !sequence.is_decoding()) {
            step.prefill_tokens += sequence.schedule_prefill(&mut budget);
        }
        // After a preemption, admit no request: the older sequences have priority for the freed blocks.
        if !preempted {
            step.prefill_tokens += self.admit(budget);
        }
        self.set_duration(&mut step);
        self.generate(&mut step);
        Some(step)
    }

    /// Schedules a token, or a burst, for each decoding sequence. Preempts the youngest sequence as long as blocks are
    /// missing. Returns whether a sequence was preempted.
    fn schedule_decodes(&mut self) -> bool {
        let mut preempted = false;
        let mut at = 0;
        while at < self.running.len() {
            let burst = self.draw_burst(at);
            while !self.schedule_decode(at, burst) {
                preempted = true;
                self.preempt_youngest();
            }
            at += 1;
        }
        preempted
    }

    /// Schedules this many tokens for a sequence, if the sequence is decoding. Returns false if blocks are missing.
    fn schedule_decode(&mut self, at: usize, burst: u64) -> bool {
        let Some(sequence) = self.running.get_mut(at).filter(|sequence| sequence.is_decoding()) else { return true };
        let missing = KvCache::blocks_for(sequence.computed + burst).saturating_sub(sequence.blocks);
        let fits = self.cache.take(missing);
        if fits {
            sequence.blocks += missing;
            sequence.scheduled = burst;
        }
        fits
    }

    /// Returns the number of tokens that a sequence generates in this step: one, and the accepted tokens of speculative
    /// decoding.
    fn draw_burst(&mut self, at: usize) -> u64 {
        let Some(left) = self.running.get(at).filter(|s| s.is_decoding()).map(Sequence::left) else { return 0 };
        let drafted = u64::from(self.config.burst - 1).min(left.saturating_sub(1));
        let mut accepted = 0;
        while accepted < drafted && self.random.unit() <= ACCEPTANCE {
            accepted += 1;
        }
        self.totals.drafted += drafted;
        self.totals.accepted += accepted;
        1 + accepted
    }

    /// Moves the youngest sequence to the front of the queue. The sequence loses its keys and values, but not its
    /// tokens.
    fn preempt_youngest(&mut self) {
        let Some(mut sequence) = self.running.pop() else { return };
        self.cache.give_back(sequence.blocks);
        sequence.forget();
        self.totals.preemptions += 1;
        self.waiting.push_front(sequence);
    }

    /// Admits requests in the order of the queue, while batch, budget and cache have room. Returns the number of
    /// scheduled prompt tokens.
    fn admit(&mut self, mut budget: u64) -> u64 {
        let mut tokens = 0;
        while budget > 0 && self.running.len() < self.config.max_batch as usize {
            let Some(first) = self.waiting.front() else { break };
            let blocks = KvCache::blocks_for(first.prefill_end);
            // Keep one block free for each running sequence: otherwise a request could be preempted right after its
            // admission.
            let reserve = self.running.len() as u64;
            if blocks + reserve > self.cache.free() || !self.cache.take(blocks) {
                break;
            }
            let Some(mut sequence) = self.waiting.pop_front() else { break };
            sequence.blocks = blocks;
            tokens += sequence.schedule_prefill(&mut budget);
            self.running.push(sequence);
        }
        tokens
    }

    fn set_duration(&mut self, step: &mut Step) {
        let config = &self.config;
        let tokens_ms = config.decode_ms * step.decoding as f64 + config.prefill_ms * step.prefill_tokens as f64;
        let work_s = (config.step_ms + tokens_ms) / 1e3 * self.spread.draw(&mut self.random);
        step.stall_s = self.stalls.after(work_s, &mut self.random);
        step.seconds = work_s + step.stall_s;
    }

    /// Applies the scheduled tokens and removes complete sequences.
    fn generate(&mut self, step: &mut Step) {
        let cache = &mut self.cache;
        self.running.retain_mut(|sequence| {
            let scheduled = std::mem::take(&mut sequence.scheduled);
            let was_decoding = sequence.is_decoding();
            sequence.computed += scheduled;
            if scheduled == 0 || !sequence.is_decoding() {
                return true;
            }
            // The last chunk of a prefill generates a token, too.
            let tokens = if was_decoding { scheduled } else { 1 };
            sequence.generated += tokens;
            let is_last = sequence.left() == 0;
            step.outputs.push(StepOutput { id: sequence.id, tokens, is_last });
            if is_last {
                cache.give_back(sequence.blocks);
            }
            !is_last
        });
    }
}

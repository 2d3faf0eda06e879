//! Model of an inference engine with continuous batching. All requests to the simulator share the engine's steps.
//!
//! In one step, the engine computes a chunk of the waiting prompts, and one token for each decoding sequence. A step
//! takes
//!
//! ```text
//! (step_ms + decode_ms × decoding sequences + prefill_ms × prompt tokens) × jitter
//! ```
//!
//! `scheduler::Scheduler` is a pure function of the seed and the arrivals; [`BatchEngine`] runs it on the clock.

mod driver;
mod gpu;
mod kv_cache;
mod scheduler;
mod sequence;
mod stalls;
#[cfg(test)]
mod tests;

pub use self::driver::{BatchEngine, EngineStatus, TokenFeed};
pub use self::kv_cache::BLOCK_TOKENS;
pub use self::scheduler::Rejection;
pub use self::sequence::SequenceRequest;

/// Maximum of [`EngineConfig::kv_blocks`], enough for a million tokens.
pub const MAX_KV_BLOCKS: u32 = 1 << 16;
/// Maximum of [`EngineConfig::burst`].
pub const MAX_BURST: u32 = 16;

/// Parameters of the engine. The defaults are those of `--demo`.
#[derive(Clone, Debug, PartialEq)]
pub struct EngineConfig {
    /// Time of a step without any tokens, milliseconds. A real engine spends this time on reading the weights.
    pub step_ms: f64,
    /// Additional time per decoding sequence, milliseconds.
    pub decode_ms: f64,
    /// Additional time per prompt token, milliseconds.
    pub prefill_ms: f64,
    /// Token budget of a step: one for each decoding sequence, and the rest for prompts.
    pub batch_tokens: u32,
    /// Maximum number of sequences in a step. Further requests wait.
    pub max_batch: u32,
    /// Size of the KV cache in blocks of `BLOCK_TOKENS` tokens.
    pub kv_blocks: u32,
    /// Maximum number of waiting requests. Further ones are refused with HTTP 429. `None` for no limit.
    pub max_waiting: Option<u32>,
    /// Maximum number of tokens per sequence and step. Speculative decoding sends them in one event. 1 turns it off.
    pub burst: u32,
    /// Mean working time between two stalls, seconds; 0 for no stalls.
    pub stall_every_s: f64,
    /// Seed of jitter, bursts and stalls.
    pub seed: u64,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            step_ms: 8.0,
            decode_ms: 0.6,
            prefill_ms: 1.5,
            batch_tokens: 64,
            max_batch: 16,
            kv_blocks: 512,
            max_waiting: None,
            burst: 1,
            stall_every_s: 60.0,
            seed: 0,
        }
    }
}

impl EngineConfig {
    /// Checks the parameters. The error is a reason for the user.
    pub fn check(&self) -> Result<(), &'static str> {
        let is_time = |value: f64| (0.0..=1e6).contains(&value);
        if ![self.step_ms, self.decode_ms, self.prefill_ms].into_iter().all(is_time) {
            Err("the times of an engine step must be between 0 and 1e6 ms")
        } else if self.step_ms + self.decode_ms < 0.01 {
            Err("an engine step with one sequence must take at least 0.01 ms")
        } else if !(0.0..=1e6).contains(&self.stall_every_s) || self.stall_every_s > 0.0 && self.stall_every_s < 1.0 {
            Err("the time between stalls must be 0 or between 1 and 1e6 s")
        } else if self.max_batch == 0 || self.batch_tokens < self.max_batch {
            Err("the token budget of an engine step must be at least the maximum batch, which must be at least 1")
        } else if !(1..=MAX_KV_BLOCKS).contains(&self.kv_blocks) {
            Err("the KV cache must have between 1 and 65536 blocks")
        } else if self.max_waiting == Some(0) {
            Err("the limit of waiting requests must be at least 1, because every request waits for the next step")
        } else if !(1..=MAX_BURST).contains(&self.burst) {
            Err("the burst must be between 1 and 16 tokens")
        } else {
            Ok(())
        }
    }

    /// Returns the maximum number of tokens of a prompt and its answer together.
    pub fn context_tokens(&self) -> u64 {
        u64::from(self.kv_blocks) * BLOCK_TOKENS
    }
}

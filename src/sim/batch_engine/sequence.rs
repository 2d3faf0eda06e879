//! A request in the queue or in the batch of the engine.

/// Size of a request in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SequenceRequest {
    /// Prompt tokens.
    pub prompt: u64,
    /// Prompt tokens from the prefix cache. These cost no time, but occupy blocks.
    pub cached: u64,
    /// Tokens of the answer.
    pub output: u64,
}

/// A request in the queue or in the batch.
#[derive(Clone, Debug)]
pub struct Sequence {
    /// ID of the request.
    pub id: u64,
    /// Size of the request.
    pub request: SequenceRequest,
    /// Tokens generated.
    pub generated: u64,
    /// Tokens whose keys and values have been computed or were cached.
    pub computed: u64,
    /// Tokens to compute before the next token is generated: the prompt, and after a preemption also the answer so far.
    pub prefill_end: u64,
    /// Number of blocks that the sequence occupies.
    pub blocks: u64,
    /// Tokens to compute in the current step or, for a decoding sequence, to generate.
    pub scheduled: u64,
}

impl Sequence {
    /// Creates a waiting sequence.
    pub fn new(id: u64, request: SequenceRequest) -> Self {
        let prompt = request.prompt.max(1);
        let cached = request.cached.min(prompt - 1);
        let request = SequenceRequest { prompt, cached, output: request.output.max(1) };
        Self { id, request, generated: 0, computed: cached, prefill_end: prompt, blocks: 0, scheduled: 0 }
    }

    /// Whether the prefill is complete.
    pub const fn is_decoding(&self) -> bool {
        self.computed >= self.prefill_end
    }

    /// Number of tokens still to generate.
    pub const fn left(&self) -> u64 {
        self.request.output.saturating_sub(self.generated)
    }

    /// Schedules as much of the prefill as the budget allows. Returns the number of scheduled tokens.
    pub fn schedule_prefill(&mut self, budget: &mut u64) -> u64 {
        let chunk = self.prefill_end.saturating_sub(self.computed).min(*budget);
        self.scheduled = chunk;
        *budget -= chunk;
        chunk
    }

    /// Discards the keys and values. The generated tokens must then be computed again, like a prompt.
    pub const fn forget(&mut self) {
        self.blocks = 0;
        self.scheduled = 0;
        self.computed = self.request.cached;
        self.prefill_end = self.request.prompt + self.generated;
    }
}

//! Runs the scheduler in real time, and delivers its tokens to the answers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep_until};

use super::EngineConfig;
use super::gpu::{Gpu, GpuFigures, Work};
use super::scheduler::{Rejection, Scheduler, Step, Totals};
use super::sequence::SequenceRequest;

/// Number of tokens to take when the engine is gone: all that are left.
const REST: u64 = u64::MAX;

/// A running engine. Clones share the same engine.
#[derive(Clone, Debug)]
pub struct BatchEngine(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    has_request: Notify,
}

#[derive(Debug)]
struct State {
    scheduler: Scheduler,
    feeds: HashMap<u64, UnboundedSender<u64>>,
    gpu: Gpu,
    /// Work of the step in progress.
    work: Work,
    /// Time up to which the GPU was advanced.
    gpu_at: Instant,
}

/// State of the engine, for the metrics page.
#[derive(Clone, Copy, Debug)]
pub struct EngineStatus {
    /// Number of sequences in the batch.
    pub running: usize,
    /// Number of requests in the queue.
    pub waiting: usize,
    /// Used share of the KV cache, 0 to 1.
    pub kv_usage: f64,
    /// Counters since the start.
    pub totals: Totals,
    /// The simulated GPU.
    pub gpu: GpuFigures,
}

/// Tokens of one answer, as the engine generates them. Dropping the feed cancels the request.
#[derive(Debug)]
pub struct TokenFeed {
    id: u64,
    tokens: UnboundedReceiver<u64>,
    engine: BatchEngine,
}

impl BatchEngine {
    /// Starts an engine on the current runtime. The engine sleeps while there are no requests.
    pub fn start(config: EngineConfig, jitter: f64) -> Self {
        let state = State {
            scheduler: Scheduler::new(config, jitter),
            feeds: HashMap::new(),
            gpu: Gpu::new(),
            work: Work::default(),
            gpu_at: Instant::now(),
        };
        let engine = Self(Arc::new(Shared { state: Mutex::new(state), has_request: Notify::new() }));
        drop(tokio::spawn(engine.clone().run()));
        engine
    }

    /// Adds a request to the queue.
    pub fn submit(&self, request: SequenceRequest) -> Result<TokenFeed, Rejection> {
        let mut state = self.lock();
        let id = state.scheduler.submit(request)?;
        let (sender, tokens) = unbounded_channel();
        state.feeds.insert(id, sender);
        drop(state);
        self.0.has_request.notify_one();
        Ok(TokenFeed { id, tokens, engine: self.clone() })
    }

    /// Returns the current state.
    pub fn status(&self) -> EngineStatus {
        let mut state = self.lock();
        state.advance_gpu();
        let (scheduler, kv_used) = (&state.scheduler, state.scheduler.kv_used());
        EngineStatus {
            running: scheduler.running(),
            waiting: scheduler.waiting(),
            kv_usage: scheduler.kv_usage(),
            totals: scheduler.totals(),
            gpu: state.gpu.figures(kv_used),
        }
    }

    async fn run(self) {
        loop {
            self.0.has_request.notified().await;
            // Each step starts exactly when the previous one was due to end, so a late wake-up does not delay the next
            // step.
            let mut ends = Instant::now();
            while let Some(step) = self.begin_step() {
                ends += Duration::from_secs_f64(step.seconds);
                sleep_until(ends).await;
                self.deliver(&step);
            }
        }
    }

    fn begin_step(&self) -> Option<Step> {
        let mut state = self.lock();
        state.advance_gpu();
        let step = state.scheduler.step();
        state.work = step
            .as_ref()
            .map_or_else(Work::default, |step| Work { decoding: step.decoding, prefill_tokens: step.prefill_tokens });
        step
    }

    fn deliver(&self, step: &Step) {
        let mut state = self.lock();
        for output in &step.outputs {
            if let Some(feed) = state.feeds.get(&output.id) {
                // Sending fails if the receiver was dropped just now, which cancels the request.
                let _delivered = feed.send(output.tokens);
            }
            if output.is_last {
                state.feeds.remove(&output.id);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn advance_gpu(&mut self) {
        let now = Instant::now();
        self.gpu.advance(now.duration_since(self.gpu_at).as_secs_f64(), self.work);
        self.gpu_at = now;
    }
}

impl TokenFeed {
    /// Polls for the number of tokens in the next event. When the engine is gone, returns a number larger than any
    /// answer.
    pub fn poll_tokens(&mut self, context: &mut Context<'_>) -> Poll<u64> {
        self.tokens.poll_recv(context).map(|tokens| tokens.unwrap_or(REST))
    }
}

impl Drop for TokenFeed {
    fn drop(&mut self) {
        let mut state = self.engine.lock();
        state.feeds.remove(&self.id);
        state.scheduler.cancel(self.id);
    }
}

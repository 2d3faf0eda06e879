//! Floor 2: the simulator, an HTTP server on loopback that speaks the OpenAI protocol without a model.
//!
//! * Routes: `GET /v1/models`, `/health` and `/version`, and `POST /v1/chat/completions`, streamed or not. Every
//!   response carries `server: tokscope-sim/VERSION`, so that clients recognise a simulator on any port.
//! * A stream looks like one of vLLM: headers at once; the role event together with the first token; one token per
//!   event, first as `reasoning_content`, then as `content`; the finish event, the usage event if requested, and
//!   `[DONE]`.
//! * The text is prepared Markdown on the prompt's topic. The answer has exactly `max_tokens` (or
//!   `max_completion_tokens`) tokens as long as there is text, some thousand tokens. Without a limit, and after the end
//!   of the text, the answer ends with `stop`. `ignore_eos: true` repeats the text without end.
//!   `chat_template_kwargs.enable_thinking: false` and `reasoning_effort: "none"` omit the reasoning.
//! * `usage.completion_tokens` is the number of token events. `usage.prompt_tokens` is the number of pieces in the
//!   messages' text, plus four per message, plus three.
//! * With `prefix_cache`, the simulator keeps prompts in blocks of sixteen pieces. Tokens at the start of a prompt that
//!   an earlier prompt shares count as `cached_tokens` and cost no time. Three fifths of the TTFT are proportional to
//!   the uncached part of the prompt, so a repeated prompt takes little more than two fifths. Without this option,
//!   `cached_tokens` is always 0.
//! * Without the engine model, events leave at deadlines that are fixed when the request arrives. Events are never
//!   early, and up to about a millisecond late. Late events leave together. Each stream has the full rate, regardless
//!   of the number of streams. A request with a `seed` always gets the same deadlines, apart from the time that the
//!   prefix cache saves.
//! * With [`EngineConfig`], all requests share an engine with continuous batching instead. Requests wait for a place in
//!   the batch, prefill delays decode, and decode slows down as the batch grows. Most answers then end with `stop`,
//!   after a paragraph. `GET /metrics` adds the engine's gauges and the figures of a simulated GPU.
//! * Images and audio take prompt tokens: a PNG image one for each square of 28 pixels, audio one for 1,280 bytes.
//! * With `tools`, the simulator calls a tool whose name or description shares a word with the last question, or the one
//!   that `tool_choice` names. With `response_format`, it answers with JSON. Arguments and JSON follow their schema, with
//!   names and numbers of the question.
//! * `POST /v1/embeddings` and `POST /v1/rerank` answer with numbers that depend only on the texts. Every input, and
//!   every pair of query and document, is a sequence of the engine that ends with its prefill. Without the engine model,
//!   an answer takes as long as the first token of a prompt with all its texts.
//! * `"tokscope_sim": {"fault": NAME, "after_tokens": N}` in the request body causes a failure. In a suite, write it
//!   under the case's `extra`. [`FAULTS`] lists the names.

mod admission;
mod answer;
mod batch_engine;
mod exposition;
mod fault;
mod format;
mod items;
mod media;
mod natural_end;
mod pace;
mod prefix_cache;
mod reply;
mod request;
mod schedule;
mod schema_instance;
mod sent;
mod server;
mod spread;
mod structured;
mod tokens;
mod wire;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread::JoinHandle;
use std::time::SystemTime;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{oneshot, watch};

pub use self::batch_engine::{EngineConfig, MAX_BURST, MAX_KV_BLOCKS};
pub use self::fault::{FAULTS, FaultRow};
pub use self::sent::{AllSentTimes, SentTimes, Write, monotonic_ns};

/// Maximum number of connections waiting to be accepted. The system may set a lower limit.
const ACCEPT_QUEUE: u32 = 4096;

/// Behaviour of the simulator.
#[derive(Clone, Debug)]
pub struct SimConfig {
    /// Port on the loopback address; 0 picks a free one.
    pub port: u16,
    /// Time to the first token of a very short prompt, milliseconds. A prompt of 8192 tokens doubles it.
    pub ttft_ms: f64,
    /// Decode speed after the first token, tokens per second.
    pub tokens_per_s: f64,
    /// Relative standard deviation of the gaps between tokens and of the TTFT, 0 to 1.
    pub jitter: f64,
    /// Name of the model that the simulator reports.
    pub model: String,
    /// Whether to simulate a prefix cache, which shortens the TTFT of repeated prompts.
    pub prefix_cache: bool,
    /// Engine that all requests share; `None` for fixed deadlines. With an engine, `ttft_ms` and `tokens_per_s` have no
    /// effect, and `jitter` varies the duration of its steps.
    pub engine: Option<EngineConfig>,
    /// Whether to record when each event left, which makes every write slightly slower. `GET /tokscope-sim/sent`
    /// returns the times.
    pub records_sent_times: bool,
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            port: 0,
            ttft_ms: 180.0,
            tokens_per_s: 115.0,
            jitter: 0.15,
            model: "tokscope-sim".to_owned(),
            prefix_cache: false,
            engine: None,
            records_sent_times: false,
        }
    }
}

impl SimConfig {
    /// Returns the behaviour of `--demo`.
    pub fn demo() -> Self {
        Self { prefix_cache: true, engine: Some(EngineConfig::default()), ..Self::default() }
    }

    fn check(&self) -> io::Result<()> {
        let fault = if !(0.0..=1e9).contains(&self.ttft_ms) {
            "the time to the first token must be between 0 and 1e9 ms"
        } else if !(1e-3..=1e9).contains(&self.tokens_per_s) {
            "the tokens per second must be between 0.001 and 1e9"
        } else if !(0.0..=1.0).contains(&self.jitter) {
            "the jitter must be between 0 and 1"
        } else if let Some(Err(fault)) = self.engine.as_ref().map(EngineConfig::check) {
            fault
        } else {
            return Ok(());
        };
        Err(io::Error::new(io::ErrorKind::InvalidInput, fault))
    }
}

/// Fails if the clock is outside of the years that HTTP dates can express (four digits, RFC 9110, section 5.6.7). The
/// server library panics for such times.
fn check_clock(now: SystemTime) -> io::Result<()> {
    /// Start of the last day before the year 10000, in seconds since 1970.
    const LAST_DAY_S: u64 = 253_402_214_400;
    let since_1970 = now.duration_since(SystemTime::UNIX_EPOCH);
    if since_1970.is_ok_and(|since| since.as_secs() < LAST_DAY_S) {
        return Ok(());
    }
    let fault =
        "the system clock is before 1970 or after 9999, which HTTP dates cannot express; correct the clock first";
    Err(io::Error::new(io::ErrorKind::InvalidInput, fault))
}

/// A running simulator. Dropping this value ends all streams and frees the port.
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    in_flight: watch::Receiver<usize>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Simulator {
    /// Binds the port and serves on a separate thread. Fails if the port is taken, or if a number in `config` or the
    /// system clock is out of range.
    pub fn start(config: SimConfig) -> io::Result<Self> {
        config.check()?;
        #[expect(clippy::disallowed_methods, reason = "checks whether responses can carry the current date")]
        check_clock(SystemTime::now())?;
        let port = config.port;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (state, in_flight) = runtime.block_on(async { server::State::new(config) });
        let listener = runtime
            .block_on(async { listen(port) })
            .map_err(|e| io::Error::new(e.kind(), format!("port {port} on 127.0.0.1 cannot be used: {e}")))?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        // The thread owns the runtime, so all connections end with the thread.
        let serve = move || runtime.block_on(server::serve(listener, state, stopped));
        let thread = std::thread::Builder::new().name("simulator".to_owned()).spawn(serve)?;
        Ok(Self { address, in_flight, stop: Some(stop), thread: Some(thread) })
    }

    /// Base URL, including `/v1`.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Returns the number of responses in flight, as a receiver that sees every change.
    pub fn in_flight(&self) -> watch::Receiver<usize> {
        self.in_flight.clone()
    }

    /// Serves until the process ends. Returns only if the server's thread ended because of an internal error.
    pub fn join(mut self) -> io::Result<()> {
        let ended = self.thread.take().map_or(Ok(()), JoinHandle::join);
        ended.map_err(|_panic| io::Error::other("the simulator stopped after an internal error"))
    }
}

/// Opens the listening socket. Thousands of clients may connect at once, so the queue is long. With a short queue, the
/// system would drop some connections, and the clients would retry a second later.
fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    // Allow binding a port that was just freed. On Windows the option has a different meaning.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
    socket.listen(ACCEPT_QUEUE)
}

impl Drop for Simulator {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // The panic hook has already reported any panic of the thread.
            let _ended = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;

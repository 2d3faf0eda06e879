//! Floor 2: the simulator, a real HTTP server on loopback that speaks the OpenAI wire and serves no model.
//!
//! * `GET /v1/models`, `/health`, `/version`; `POST /v1/chat/completions`, streamed and whole. Every answer carries
//!   `server: tokscope-sim/VERSION`, so that a client knows a simulator on any port.
//! * A stream is what vLLM sends: headers at once; the role event in one read with the first token; one token an
//!   event, `reasoning_content` first, then `content`; the finish event, the usage event if asked for, `[DONE]`.
//! * The text is prepared Markdown on the prompt's topic. `max_tokens` (or `max_completion_tokens`) is met exactly as
//!   long as there is text, some thousand tokens; then, and always without a limit, the answer ends with `stop`.
//!   `ignore_eos: true` repeats the text for ever. `chat_template_kwargs.enable_thinking: false` and
//!   `reasoning_effort: "none"` leave the reasoning out.
//! * `usage.completion_tokens` is the number of token events. `usage.prompt_tokens` counts the pieces of the messages'
//!   text, four more for each message, and three.
//! * With `prefix_cache` it remembers prompts in blocks of sixteen pieces. The start of a prompt that an earlier one had,
//!   too, is told as `cached_tokens` and takes no time: three fifths of the time to the first token are the prompt's, so
//!   that a prompt asked again is answered after little more than two. Without it `cached_tokens` is always 0.
//! * Events leave at deadlines that are fixed when the request comes, never early, up to about a millisecond late; what
//!   is late goes out together. Each stream has the whole rate, however many there are. A request with a `seed` gets
//!   the same deadlines every time, but for what the prefix cache saves.
//! * To see a failure, ask for one: `"tokscope_sim": {"fault": NAME, "after_tokens": N}` in the request's body, in a
//!   suite under the case's `extra`. [`FAULTS`] lists the names.

mod answer;
mod fault;
mod pace;
mod prefix_cache;
mod reply;
mod request;
mod sent;
mod server;
mod tokens;
mod wire;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread::JoinHandle;
use std::time::SystemTime;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{oneshot, watch};

pub use self::fault::{FAULTS, FaultRow};
pub use self::sent::{AllSentTimes, SentTimes, Write, monotonic_ns};

/// Connections that wait to be accepted; the system may hold fewer.
const LONGEST_QUEUE: u32 = 4096;

/// How it behaves.
#[derive(Clone, Debug)]
pub struct SimConfig {
    /// Port on the loopback address; 0 picks a free one.
    pub port: u16,
    /// Milliseconds to the first token of a short prompt; one of 8192 tokens doubles them.
    pub ttft_ms: f64,
    /// Tokens per second from then on.
    pub tokens_per_s: f64,
    /// Relative spread (standard deviation by mean) of the gaps between tokens and of the time to the first, 0 to 1.
    pub jitter: f64,
    /// The name of the model it claims to serve.
    pub model: String,
    /// A prompt asked again comes from a cache, and its first token sooner.
    pub prefix_cache: bool,
    /// Record when each event left; `GET /tokscope-sim/sent` hands the times out. Costs a little at every write.
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
            records_sent_times: false,
        }
    }
}

impl SimConfig {
    fn check(&self) -> io::Result<()> {
        let fault = if !(0.0..=1e9).contains(&self.ttft_ms) {
            "the time to the first token must be between 0 and 1e9 ms"
        } else if !(1e-3..=1e9).contains(&self.tokens_per_s) {
            "the tokens per second must be between 0.001 and 1e9"
        } else if !(0.0..=1.0).contains(&self.jitter) {
            "the jitter must be between 0 and 1"
        } else {
            return Ok(());
        };
        Err(io::Error::new(io::ErrorKind::InvalidInput, fault))
    }
}

/// HTTP dates have four digits for the year (RFC 9110, section 5.6.7), and the server library panics beyond them.
fn check_clock(now: SystemTime) -> io::Result<()> {
    /// A day before the year 10000, in seconds since 1970.
    const LAST_DAY_S: u64 = 253_402_214_400;
    let since_1970 = now.duration_since(SystemTime::UNIX_EPOCH);
    if since_1970.is_ok_and(|since| since.as_secs() < LAST_DAY_S) {
        return Ok(());
    }
    let fault = "this machine's clock is set to before 1970 or beyond 9999, for which HTTP has no dates; set it first";
    Err(io::Error::new(io::ErrorKind::InvalidInput, fault))
}

/// A running simulator. Dropping it ends all its streams and frees the port.
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    in_flight: watch::Receiver<usize>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Simulator {
    /// Binds the port and serves from a thread of its own. Fails, naming the port, when that is taken, and on a number
    /// in `config` or a clock that is out of its range.
    pub fn start(config: SimConfig) -> io::Result<Self> {
        config.check()?;
        #[expect(clippy::disallowed_methods, reason = "asked whether a server can stamp its answers with it")]
        check_clock(SystemTime::now())?;
        let port = config.port;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (state, in_flight) = runtime.block_on(async { server::State::new(config) });
        let listener = runtime
            .block_on(async { listen(port) })
            .map_err(|e| io::Error::new(e.kind(), format!("port {port} on 127.0.0.1 cannot be used: {e}")))?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        // The runtime ends with the thread, and all connections with the runtime.
        let serve = move || runtime.block_on(server::serve(listener, state, stopped));
        let thread = std::thread::Builder::new().name("simulator".to_owned()).spawn(serve)?;
        Ok(Self { address, in_flight, stop: Some(stop), thread: Some(thread) })
    }

    /// The base URL, `/v1` included.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// How many answers are being given, as it changes.
    pub fn in_flight(&self) -> watch::Receiver<usize> {
        self.in_flight.clone()
    }

    /// Serves until the process ends. Returns only when the server's thread has died of an internal error.
    pub fn join(mut self) -> io::Result<()> {
        let ended = self.thread.take().map_or(Ok(()), JoinHandle::join);
        ended.map_err(|_panic| io::Error::other("the simulator died of an internal error"))
    }
}

/// Thousands may connect at the same moment: a short queue would lose some, who then try again a second later.
fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    // A port that was just given back can be taken again; on Windows the option means something else.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
    socket.listen(LONGEST_QUEUE)
}

impl Drop for Simulator {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic over there has been reported by its hook; here it is over either way.
            let _ended = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;

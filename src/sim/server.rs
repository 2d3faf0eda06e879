//! The HTTP server: connections, routes, refusals.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, SERVER};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use super::SimConfig;
use super::answer::answer;
use super::fault::Fault;
use super::pace::{Pace, seed_of};
use super::prefix_cache::PrefixCache;
use super::reply::{EventStream, InFlight, Plan, UnstreamedReply, whole};
use super::request::{self, ChatRequest};
use super::sent::{SentLog, TappedStream, WriteRecorder};
use super::wire::{Refusal, Writer, models};

const VERSION: &str = env!("CARGO_PKG_VERSION");
const NAME: HeaderValue = HeaderValue::from_static(concat!("tokscope-sim/", env!("CARGO_PKG_VERSION")));
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EXPOSITION: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html");
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
const LARGEST_REQUEST: usize = 16 * 1024 * 1024;
/// After a connection could not be accepted: descriptors may become free.
const BREATHE: Duration = Duration::from_millis(50);
const PROXY_PAGE: &str =
    "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>";

type Answer = Response<Either<Full<Bytes>, EventStream>>;

/// The connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is cut, as was asked for")]
struct ConnectionCut;

/// What all connections share.
#[derive(Debug)]
pub struct State {
    config: SimConfig,
    /// The start, in seconds since 1970 and on the clock.
    started: (u64, Instant),
    requests: AtomicU64,
    /// Conversations that have had their 503.
    had_503: Mutex<HashSet<u64>>,
    prefix_cache: Option<Mutex<PrefixCache>>,
    in_flight: watch::Sender<usize>,
    generated_tokens: Arc<AtomicU64>,
    prompt_tokens: AtomicU64,
    sent: SentLog,
}

impl State {
    /// With the number of answers that are being given.
    pub fn new(config: SimConfig) -> (Arc<Self>, watch::Receiver<usize>) {
        #[expect(clippy::disallowed_methods, reason = "a server stamps its answers with the time of day")]
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let (in_flight, watched) = watch::channel(0);
        let started = (since_1970.as_secs(), Instant::now());
        let prefix_cache = config.prefix_cache.then(Mutex::default);
        let (requests, had_503) = (AtomicU64::new(0), Mutex::default());
        let (generated_tokens, prompt_tokens) = (Arc::default(), AtomicU64::new(0));
        let sent = SentLog::default();
        let state =
            Self { config, started, requests, had_503, prefix_cache, in_flight, generated_tokens, prompt_tokens, sent };
        (Arc::new(state), watched)
    }

    /// Tokens of the prompt that come from the prefix cache. The last one must always be computed.
    fn cached_tokens(&self, asked: &ChatRequest) -> u64 {
        let cache = self.prefix_cache.as_ref();
        let cached = cache.map(|c| c.lock().unwrap_or_else(PoisonError::into_inner).take(&asked.conversation));
        cached.unwrap_or(0).min(asked.prompt_tokens.saturating_sub(1))
    }

    /// Its gauges, in Prometheus' format. Nothing ever waits in it.
    fn metrics(&self) -> String {
        let rows = [
            ("requests_running", "gauge", *self.in_flight.borrow() as u64),
            ("requests_waiting", "gauge", 0),
            ("generated_tokens_total", "counter", self.generated_tokens.load(Ordering::Relaxed)),
            ("prompt_tokens_total", "counter", self.prompt_tokens.load(Ordering::Relaxed)),
        ];
        let row = |(name, kind, value)| format!("# TYPE tokscope_sim:{name} {kind}\ntokscope_sim:{name} {value}\n");
        rows.map(row).concat()
    }

    fn now_s(&self) -> u64 {
        self.started.0 + self.started.1.elapsed().as_secs()
    }
}

/// Serves until `stopped`.
pub async fn serve(listener: TcpListener, state: Arc<State>, mut stopped: oneshot::Receiver<()>) {
    loop {
        let accepted = tokio::select! {
            _ = &mut stopped => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _peer)) => drop(tokio::spawn(converse(stream, Arc::clone(&state)))),
            Err(_) => tokio::time::sleep(BREATHE).await,
        }
    }
}

async fn converse(stream: TcpStream, state: Arc<State>) {
    // Tokens must not wait for each other.
    let _best_effort = stream.set_nodelay(true);
    if state.config.records_sent_times {
        let tap = WriteRecorder::default();
        answer_all(TappedStream::new(stream, tap.clone()), state, Some(tap)).await;
    } else {
        answer_all(stream, state, None).await;
    }
}

async fn answer_all<S: AsyncRead + AsyncWrite + Unpin>(stream: S, state: Arc<State>, tap: Option<WriteRecorder>) {
    let serve = service_fn(move |request| {
        let (state, tap) = (Arc::clone(&state), tap.clone());
        async move {
            let mut answer = route(&state, request, tap.as_ref()).await?;
            answer.headers_mut().insert(SERVER, NAME);
            Ok::<_, ConnectionCut>(answer)
        }
    });
    // It ends with an error when the client hangs up, which is the client's right.
    let _ended = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), serve).await;
}

async fn route(
    state: &State,
    request: Request<Incoming>,
    tap: Option<&WriteRecorder>,
) -> Result<Answer, ConnectionCut> {
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/v1/models") => Ok(document(StatusCode::OK, &models(&state.config.model, state.started.0))),
        (&Method::GET, "/health") => Ok(full(StatusCode::OK, JSON, String::new())),
        (&Method::GET, "/version") => Ok(document(StatusCode::OK, &json!({ "version": VERSION }))),
        (&Method::GET, "/metrics") => Ok(full(StatusCode::OK, EXPOSITION, state.metrics())),
        (&Method::GET, "/tokscope-sim/sent") if tap.is_some() => {
            Ok(document(StatusCode::OK, &json!(state.sent.take())))
        }
        (&Method::POST, "/v1/chat/completions") => chat(state, request, tap).await,
        (method, path) => {
            let message = format!("There is no {method} {path} here");
            Ok(refuse(&Refusal::new(404, "NotFoundError", &message)))
        }
    }
}

async fn chat(state: &State, request: Request<Incoming>, tap: Option<&WriteRecorder>) -> Result<Answer, ConnectionCut> {
    let begun = Instant::now();
    let number = state.requests.fetch_add(1, Ordering::Relaxed);
    let caller = request.headers().get("x-request-id").map(|id| id.as_bytes().to_vec()).unwrap_or_default();
    let Ok(body) = Limited::new(request.into_body(), LARGEST_REQUEST).collect().await else {
        return Ok(refuse(&Refusal::new(
            413,
            "invalid_request_error",
            "The request is larger than 16 MiB or broke off",
        )));
    };
    let body = body.to_bytes();
    let asked = match request::read(&body, &state.config.model) {
        Ok(asked) => asked,
        Err(refusal) => return Ok(refuse(&refusal)),
    };
    if let Some(failure) = fail_at_once(state, &asked) {
        return Ok(failure);
    }
    // Asked again, it comes at another pace, as from a real machine.
    let unlike_any = seed_of(&[&body, &caller, &number.to_le_bytes()]);
    let id = format!("chatcmpl-{unlike_any:016x}");
    if let Some(tap) = tap {
        let known_as = if caller.is_empty() { id.clone() } else { String::from_utf8_lossy(&caller).into_owned() };
        tap.begin(known_as, &state.sent);
    }
    let writer = Writer::new(id, state.now_s(), state.config.model.clone());
    let streams = asked.stream && asked.planned.is_none_or(|p| p.fault != Fault::Json);
    state.prompt_tokens.fetch_add(asked.prompt_tokens, Ordering::Relaxed);
    let cached = state.cached_tokens(&asked);
    let pace = Pace::new(&state.config, asked.prompt_tokens, asked.seed.unwrap_or(unlike_any));
    let plan = Plan {
        writer,
        tokens: answer(&asked),
        pace: pace.with_cached(cached as f64 / asked.prompt_tokens as f64),
        begun,
        prompt_tokens: asked.prompt_tokens,
        cached_tokens: cached,
        max_tokens: asked.max_tokens,
        include_usage: asked.include_usage == Some(true) || !streams,
        planned: asked.planned,
        in_flight: InFlight::new(&state.in_flight, &state.generated_tokens),
    };
    if streams {
        let mut answer = Response::new(Either::Right(EventStream::new(plan)));
        answer.headers_mut().extend([(CONTENT_TYPE, EVENT_STREAM), (CACHE_CONTROL, NO_CACHE)]);
        return Ok(answer);
    }
    match whole(plan).await {
        UnstreamedReply::Document(value) => Ok(document(StatusCode::OK, &value)),
        UnstreamedReply::Malformed(text) => Ok(full(StatusCode::OK, JSON, text)),
        UnstreamedReply::Refused(refusal) => Ok(refuse(&refusal)),
        UnstreamedReply::Cut => Err(ConnectionCut),
    }
}

/// The faults that come instead of any generation.
fn fail_at_once(state: &State, asked: &ChatRequest) -> Option<Answer> {
    match asked.planned?.fault {
        Fault::Http500 => Some(refuse(&Refusal::new(500, "InternalServerError", "The simulated engine is dead"))),
        Fault::Http503Once => {
            let conversation = seed_of(&[asked.conversation.as_bytes()]);
            let is_first = state.had_503.lock().unwrap_or_else(PoisonError::into_inner).insert(conversation);
            is_first.then(|| refuse(&Refusal::new(503, "unavailable_error", "Loading model")))
        }
        Fault::Http429 => {
            let mut answer = refuse(&Refusal::new(429, "rate_limit_error", "Too many requests, try again in 1 second"));
            answer.headers_mut().extend([(RETRY_AFTER, HeaderValue::from_static("1"))]);
            Some(answer)
        }
        Fault::Proxy502 => Some(full(StatusCode::BAD_GATEWAY, HTML, PROXY_PAGE.to_owned())),
        Fault::RefuseStreamOptions => asked
            .include_usage
            .map(|_| refuse(&Refusal::bad_parameter("stream_options", "Extra inputs are not permitted"))),
        Fault::Json
        | Fault::ErrorInStream
        | Fault::Cut
        | Fault::NoFinish
        | Fault::Stall
        | Fault::MalformedEvent
        | Fault::Empty
        | Fault::NoUsage => None,
    }
}

fn refuse(refusal: &Refusal) -> Answer {
    document(StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), &refusal.body())
}

fn document(status: StatusCode, value: &Value) -> Answer {
    full(status, JSON, value.to_string())
}

fn full(status: StatusCode, content_type: HeaderValue, text: String) -> Answer {
    let mut answer = Response::new(Either::Left(Full::new(Bytes::from(text))));
    *answer.status_mut() = status;
    answer.headers_mut().extend::<[(HeaderName, HeaderValue); 1]>([(CONTENT_TYPE, content_type)]);
    answer
}

//! HTTP server of the simulator: connections, routes and error responses.

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
use super::admission::{Arrival, admit};
use super::answer::answer;
use super::batch_engine::{BatchEngine, Rejection};
use super::exposition::{self, RequestCounts};
use super::fault::Fault;
use super::format::Format;
use super::items::{ItemsKind, ItemsReply, ItemsRequest};
use super::pace::seed_of;
use super::prefix_cache::PrefixCache;
use super::reply::{EventStream, InFlight, ReplyPlan, UnstreamedReply, unstreamed};
use super::request::{self, ChatRequest};
use super::sent::{RecordedStream, SentLog, WriteRecorder};
use super::wire::{Refusal, Writer, models};

const VERSION: &str = env!("CARGO_PKG_VERSION");
const NAME: HeaderValue = HeaderValue::from_static(concat!("tokscope-sim/", env!("CARGO_PKG_VERSION")));
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EXPOSITION: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html");
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
const MAX_REQUEST_BYTES: usize = 16 * 1024 * 1024;
/// Pause after a failed accept. File descriptors may be free again afterwards.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);
const PROXY_PAGE: &str =
    "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>";

type Answer = Response<Either<Full<Bytes>, EventStream>>;

/// Error that makes the server close the connection without a response.
#[derive(Debug, thiserror::Error)]
#[error("the connection was cut as requested")]
struct ConnectionCut;

/// State shared by all connections.
#[derive(Debug)]
pub struct State {
    config: SimConfig,
    /// Time of the start, as seconds since 1970 and on the monotonic clock.
    started: (u64, Instant),
    requests: AtomicU64,
    /// Conversations whose first request was already refused with HTTP 503.
    had_503: Mutex<HashSet<u64>>,
    prefix_cache: Option<Mutex<PrefixCache>>,
    engine: Option<BatchEngine>,
    in_flight: watch::Sender<usize>,
    generated_tokens: Arc<AtomicU64>,
    prompt_tokens: AtomicU64,
    sent: SentLog,
}

impl State {
    /// Creates the state. Call this on the runtime that will serve. Also returns a receiver for the number of answers
    /// in flight.
    pub fn new(config: SimConfig) -> (Arc<Self>, watch::Receiver<usize>) {
        #[expect(clippy::disallowed_methods, reason = "responses carry the current time")]
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let (in_flight, watched) = watch::channel(0);
        let started = (since_1970.as_secs(), Instant::now());
        let prefix_cache = config.prefix_cache.then(Mutex::default);
        let (requests, had_503) = (AtomicU64::new(0), Mutex::default());
        let (generated_tokens, prompt_tokens) = (Arc::default(), AtomicU64::new(0));
        let engine = config.engine.clone().map(|engine| BatchEngine::start(engine, config.jitter));
        let state = Self {
            config,
            started,
            requests,
            had_503,
            prefix_cache,
            engine,
            in_flight,
            generated_tokens,
            prompt_tokens,
            sent: SentLog::default(),
        };
        (Arc::new(state), watched)
    }

    /// Returns the number of prompt tokens from the prefix cache. The last token is always computed.
    fn cached_tokens(&self, request: &ChatRequest) -> u64 {
        let cache = self.prefix_cache.as_ref();
        let cached = cache.map(|c| c.lock().unwrap_or_else(PoisonError::into_inner).insert(&request.conversation));
        cached.unwrap_or(0).min(request.prompt_tokens.saturating_sub(1))
    }

    /// Returns the metrics in Prometheus' format.
    fn metrics(&self) -> String {
        let counts = RequestCounts {
            in_flight: *self.in_flight.borrow() as u64,
            generated_tokens: self.generated_tokens.load(Ordering::Relaxed),
            prompt_tokens: self.prompt_tokens.load(Ordering::Relaxed),
        };
        exposition::page(counts, self.engine.as_ref().map(BatchEngine::status).as_ref())
    }

    fn now_s(&self) -> u64 {
        self.started.0 + self.started.1.elapsed().as_secs()
    }
}

/// Serves until `stopped` resolves.
pub async fn serve(listener: TcpListener, state: Arc<State>, mut stopped: oneshot::Receiver<()>) {
    loop {
        let accepted = tokio::select! {
            _ = &mut stopped => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _peer)) => drop(tokio::spawn(serve_connection(stream, Arc::clone(&state)))),
            Err(_) => tokio::time::sleep(ACCEPT_RETRY_DELAY).await,
        }
    }
}

async fn serve_connection(stream: TcpStream, state: Arc<State>) {
    // Without this option, TCP would delay small writes.
    let _best_effort = stream.set_nodelay(true);
    if state.config.records_sent_times {
        let recorder = WriteRecorder::default();
        answer_all(RecordedStream::new(stream, recorder.clone()), state, Some(recorder)).await;
    } else {
        answer_all(stream, state, None).await;
    }
}

async fn answer_all<S: AsyncRead + AsyncWrite + Unpin>(stream: S, state: Arc<State>, recorder: Option<WriteRecorder>) {
    let serve = service_fn(move |request| {
        let (state, recorder) = (Arc::clone(&state), recorder.clone());
        async move {
            let mut answer = route(&state, request, recorder.as_ref()).await?;
            answer.headers_mut().insert(SERVER, NAME);
            Ok::<_, ConnectionCut>(answer)
        }
    });
    // Ignore the error: it means that the client hung up.
    let _ended = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), serve).await;
}

async fn route(
    state: &State,
    request: Request<Incoming>,
    recorder: Option<&WriteRecorder>,
) -> Result<Answer, ConnectionCut> {
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/v1/models") => Ok(document(StatusCode::OK, &models(&state.config.model, state.started.0))),
        (&Method::GET, "/health") => Ok(full(StatusCode::OK, JSON, String::new())),
        (&Method::GET, "/version") => Ok(document(StatusCode::OK, &json!({ "version": VERSION }))),
        (&Method::GET, "/metrics") => Ok(full(StatusCode::OK, EXPOSITION, state.metrics())),
        (&Method::GET, "/tokscope-sim/sent") if recorder.is_some() => {
            Ok(document(StatusCode::OK, &json!(state.sent.take())))
        }
        (&Method::POST, "/v1/chat/completions") => generate(state, request, Format::Chat, recorder).await,
        (&Method::POST, "/v1/completions") => generate(state, request, Format::Completion, recorder).await,
        (&Method::POST, "/v1/embeddings") => answer_items(state, request, ItemsKind::Embeddings).await,
        (&Method::POST, "/v1/rerank") => answer_items(state, request, ItemsKind::Rerank).await,
        (method, path) => {
            let message = format!("Not found: {method} {path}");
            Ok(refuse(&Refusal::new(404, "NotFoundError", &message)))
        }
    }
}

async fn generate(
    state: &State,
    request: Request<Incoming>,
    format: Format,
    recorder: Option<&WriteRecorder>,
) -> Result<Answer, ConnectionCut> {
    let started = Instant::now();
    let number = state.requests.fetch_add(1, Ordering::Relaxed);
    let request_id = request.headers().get("x-request-id").map(|id| id.as_bytes().to_vec()).unwrap_or_default();
    let Ok(body) = Limited::new(request.into_body(), MAX_REQUEST_BYTES).collect().await else {
        return Ok(refuse(&Refusal::new(
            413,
            "invalid_request_error",
            "The request exceeds 16 MiB or was interrupted",
        )));
    };
    let body = body.to_bytes();
    let mut request = match request::read(&body, &state.config.model, format) {
        Ok(request) => request,
        Err(refusal) => return Ok(refuse(&refusal)),
    };
    if let Some(failure) = immediate_failure(state, &request) {
        return Ok(failure);
    }
    // A repeated request gets different deadlines, like on a real machine.
    let request_seed = seed_of(&[&body, &request_id, &number.to_le_bytes()]);
    let id = format!("{}-{request_seed:016x}", if format == Format::Chat { "chatcmpl" } else { "cmpl" });
    if let Some(recorder) = recorder {
        let record_id =
            if request_id.is_empty() { id.clone() } else { String::from_utf8_lossy(&request_id).into_owned() };
        recorder.begin(record_id, &state.sent);
    }
    let writer = Writer::new(id, state.now_s(), state.config.model.clone(), format);
    let streams = request.stream && request.planned.is_none_or(|p| p.fault != Fault::Json);
    let cached = state.cached_tokens(&request);
    let arrival = Arrival { number, at: started, cached, seed: request.seed.unwrap_or(request_seed) };
    let admission = match admit(&state.config, state.engine.as_ref(), &mut request, arrival) {
        Ok(admission) => admission,
        Err(rejection) => return Ok(reject(rejection)),
    };
    state.prompt_tokens.fetch_add(request.prompt_tokens, Ordering::Relaxed);
    let plan = ReplyPlan {
        writer,
        tokens: answer(&request),
        schedule: admission.schedule,
        prompt_tokens: request.prompt_tokens,
        cached_tokens: cached,
        max_tokens: admission.length_limit,
        include_usage: request.include_usage == Some(true) || !streams,
        planned: request.planned,
        in_flight: InFlight::new(&state.in_flight, &state.generated_tokens),
    };
    if streams {
        let mut answer = Response::new(Either::Right(EventStream::new(plan)));
        answer.headers_mut().extend([(CONTENT_TYPE, EVENT_STREAM), (CACHE_CONTROL, NO_CACHE)]);
        return Ok(answer);
    }
    match unstreamed(plan).await {
        UnstreamedReply::Document(value) => Ok(document(StatusCode::OK, &value)),
        UnstreamedReply::Malformed(text) => Ok(full(StatusCode::OK, JSON, text)),
        UnstreamedReply::Refused(refusal) => Ok(refuse(&refusal)),
        UnstreamedReply::Cut => Err(ConnectionCut),
    }
}

/// Answers with vectors or scores, once the prefill of all texts is computed.
async fn answer_items(state: &State, request: Request<Incoming>, kind: ItemsKind) -> Result<Answer, ConnectionCut> {
    let started = Instant::now();
    let number = state.requests.fetch_add(1, Ordering::Relaxed);
    let Ok(body) = Limited::new(request.into_body(), MAX_REQUEST_BYTES).collect().await else {
        return Ok(refuse(&Refusal::new(
            413,
            "invalid_request_error",
            "The request exceeds 16 MiB or was interrupted",
        )));
    };
    let body = body.to_bytes();
    let request = match ItemsRequest::read(&body, &state.config.model, kind) {
        Ok(request) => request,
        Err(refusal) => return Ok(refuse(&refusal)),
    };
    if let Some(failure) = request.fault.and_then(|fault| failure_at_once(state, fault, seed_of(&[&body]))) {
        return Ok(failure);
    }
    let _in_flight = InFlight::new(&state.in_flight, &state.generated_tokens);
    state.prompt_tokens.fetch_add(request.prompt_tokens(), Ordering::Relaxed);
    let seed = seed_of(&[&body, &number.to_le_bytes()]);
    if let Err(rejection) = request.compute(&state.config, state.engine.as_ref(), seed, started).await {
        return Ok(reject(rejection));
    }
    match request.reply(&state.config.model) {
        ItemsReply::Document(text) => Ok(full(StatusCode::OK, JSON, text)),
        ItemsReply::Cut => Err(ConnectionCut),
        ItemsReply::Never => std::future::pending().await,
    }
}

/// Returns the response of a fault that occurs before any token is generated.
fn immediate_failure(state: &State, request: &ChatRequest) -> Option<Answer> {
    match request.planned?.fault {
        Fault::RefuseStreamOptions => request
            .include_usage
            .map(|_| refuse(&Refusal::bad_parameter("stream_options", "Extra inputs are not permitted"))),
        fault => failure_at_once(state, fault, seed_of(&[request.conversation.as_bytes()])),
    }
}

/// Returns the response of a fault that refuses every request; `content` identifies what the request asks.
fn failure_at_once(state: &State, fault: Fault, content: u64) -> Option<Answer> {
    match fault {
        Fault::Http500 => Some(refuse(&Refusal::new(500, "InternalServerError", "The simulated engine is dead"))),
        Fault::Http503Once => {
            let is_first = state.had_503.lock().unwrap_or_else(PoisonError::into_inner).insert(content);
            is_first.then(|| refuse(&Refusal::new(503, "unavailable_error", "Loading model")))
        }
        Fault::Http429 => Some(refuse_for_now()),
        Fault::Proxy502 => Some(full(StatusCode::BAD_GATEWAY, HTML, PROXY_PAGE.to_owned())),
        Fault::RefuseStreamOptions
        | Fault::Json
        | Fault::ErrorInStream
        | Fault::Cut
        | Fault::NoFinish
        | Fault::Stall
        | Fault::MalformedEvent
        | Fault::Empty
        | Fault::NoUsage => None,
    }
}

fn reject(rejection: Rejection) -> Answer {
    match rejection {
        Rejection::QueueFull => refuse_for_now(),
        Rejection::TooLong { context_tokens, prompt_tokens } => refuse(&Refusal::bad_parameter(
            "messages",
            &format!(
                "This model's maximum context length is {context_tokens} tokens. However, your messages resulted in \
                 {prompt_tokens} tokens."
            ),
        )),
    }
}

fn refuse_for_now() -> Answer {
    let mut answer = refuse(&Refusal::new(429, "rate_limit_error", "Too many requests, try again in 1 second"));
    answer.headers_mut().extend([(RETRY_AFTER, HeaderValue::from_static("1"))]);
    answer
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

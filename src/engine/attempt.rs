//! One request from its first byte to its record.

use std::cell::{Cell, RefCell};
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::FutureExt;
use reqwest::header::CONTENT_TYPE;
use tokio::sync::oneshot;

use super::board::Board;
use super::client::{Endpoint, EngineClock};
use super::recorder::Recorder;
use super::transport::{self, Answer, Body, Trouble};
use crate::domain::attempt::{AttemptId, AttemptRecord, AttemptStatus};
use crate::domain::prefix_cache::nonce;
use crate::domain::suite::CaseSpec;
use crate::domain::time::Nanos;
use crate::protocol::framing::{EventReader, SseEvent};
use crate::protocol::request::AskUsage;
use crate::protocol::{failure, request};

/// An error body is read up to here.
const MAX_ERROR_BYTES: usize = 64 * 1024;
/// An answer that is one JSON document is read up to here.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// What to ask.
#[derive(Debug)]
pub struct Order {
    /// Whose attempt.
    pub id: AttemptId,
    /// The prompt and its parameters.
    pub case: Arc<CaseSpec>,
    /// Which model.
    pub model: String,
    /// Not measured.
    pub warmup: bool,
    /// When it was to be sent, in the open loop.
    pub due: Option<Nanos>,
}

/// How an attempt failed.
struct Failure {
    status: AttemptStatus,
    kind: &'static str,
    message: String,
}

impl Failure {
    fn new(status: AttemptStatus, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into() }
    }
}

/// Sends the request and follows it to its end, or until `cancelled`.
pub async fn run(
    endpoint: &Endpoint,
    board: &Board,
    order: Order,
    cancelled: oneshot::Receiver<()>,
    started: impl FnOnce(Nanos),
) -> AttemptRecord {
    let request_id = format!("{}-{}-{}", endpoint.run_id, order.id.case + 1, order.id.number);
    let now = endpoint.now();
    let mut record = AttemptRecord::started(order.id, order.warmup, request_id, order.model.clone(), now);
    record.nonce = (!endpoint.warm && order.case.takes_nonce()).then(|| nonce(&record.request_id));
    record.intended = order.due;
    let recorder = Rc::new(RefCell::new(Recorder::new(record)));
    board.add(Rc::clone(&recorder));
    started(now);

    let replaced = Cell::new(0);
    let work = AssertUnwindSafe(drive(endpoint, &order, &recorder, &replaced)).catch_unwind();
    let timeout = order.case.timeout;
    let outcome = tokio::select! {
        biased;
        _given_up = cancelled => {
            Err(Failure::new(AttemptStatus::Cancelled, "cancelled", "given up by the user"))
        }
        result = tokio::time::timeout(timeout, work) => match result {
            Ok(Ok(result)) => result,
            Ok(Err(_panic)) => Err(Failure::new(AttemptStatus::StreamError, "internal", "tokscope itself failed here")),
            Err(_elapsed) => Err(timed_out(&recorder.borrow().record, endpoint.now(), timeout)),
        },
    };

    board.remove(&recorder);
    let mut recorder = recorder.borrow_mut();
    recorder.record.ended = endpoint.now();
    match outcome {
        Ok(()) => recorder.settle(),
        Err(failure) => recorder.fail(failure.status, failure.kind, failure.message),
    }
    recorder.warn_about(replaced.get(), order.case.max_tokens);
    recorder.record.clone()
}

fn timed_out(record: &AttemptRecord, now: Nanos, timeout: std::time::Duration) -> Failure {
    let limit = timeout.as_secs_f64();
    let message = match record.arrivals.last() {
        None => format!("no token within {limit} s"),
        Some(last) => {
            let silent = now.millis_since(last.at) / 1000.0;
            format!("not finished within {limit} s; the last token came {silent:.1} s before that")
        }
    };
    Failure::new(AttemptStatus::Timeout, "timeout", message)
}

async fn drive(
    endpoint: &Endpoint,
    order: &Order,
    recorder: &RefCell<Recorder>,
    replaced: &Cell<u32>,
) -> Result<(), Failure> {
    let answer = loop {
        let usage = endpoint.usage.get();
        match (send(endpoint, order, recorder, usage).await, usage.less()) {
            (Err(failure), Some(less)) if request::refuses_stream_options(http_status(recorder), &failure.message) => {
                // Others in flight may have learnt more meanwhile.
                endpoint.usage.set(endpoint.usage.get().min(less));
                restart(endpoint, recorder, usage.field());
            }
            (other, _) => break other?,
        }
    };
    let content_type = answer.headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if content_type.contains("json") && !content_type.contains("ndjson") {
        let body = read_body(answer.body, MAX_ANSWER_BYTES).await?;
        let now = endpoint.now();
        let mut recorder = recorder.borrow_mut();
        return recorder
            .whole_answer(now, &body)
            .map_err(|message| Failure::new(AttemptStatus::HttpError, "json_error", message));
    }
    follow(answer.body, endpoint.clock(), recorder, replaced).await
}

fn http_status(recorder: &RefCell<Recorder>) -> u16 {
    recorder.borrow().record.http_status.unwrap_or(0)
}

/// The refused request must not count: the clock starts anew.
fn restart(endpoint: &Endpoint, recorder: &RefCell<Recorder>, refused: &str) {
    let record = &mut recorder.borrow_mut().record;
    record.started = endpoint.now();
    record.connect_ms = None;
    record.warnings.push(format!("the server refuses {refused}; asked again without it"));
}

async fn send(
    endpoint: &Endpoint,
    order: &Order,
    recorder: &RefCell<Recorder>,
    usage: AskUsage,
) -> Result<Answer, Failure> {
    let nonce = recorder.borrow().record.nonce.clone();
    let body = request::body(&order.case, &order.model, usage, nonce.as_deref()).to_string();
    let url = format!("{}/chat/completions", endpoint.base_url);
    let request_id = recorder.borrow().record.request_id.clone();
    recorder.borrow_mut().record.started = endpoint.now();
    let sent = transport::post(&endpoint.transport, &endpoint.client, endpoint.clock(), &url, &request_id, &body).await;
    let answer = sent.map_err(|trouble| match trouble {
        Trouble::Connect(why) => Failure::new(AttemptStatus::ConnectError, "connect", why),
        Trouble::Closed(why) => Failure::new(AttemptStatus::ConnectError, "closed", why),
    })?;
    {
        let record = &mut recorder.borrow_mut().record;
        record.started = answer.started;
        record.connect_ms = answer.connect_ms;
        record.headers_at = Some(answer.headers_at);
        record.http_status = Some(answer.status);
    }
    let status = answer.status;
    if (200..300).contains(&status) {
        return Ok(answer);
    }
    let body = read_body(answer.body, MAX_ERROR_BYTES).await.unwrap_or_default();
    let said = failure::message_in_body(&body);
    let message = if said.is_empty() { format!("HTTP {status}") } else { format!("HTTP {status}: {said}") };
    Err(Failure::new(AttemptStatus::HttpError, "http", message))
}

fn broken(why: &str) -> Failure {
    Failure::new(AttemptStatus::Truncated, "cut", format!("the connection broke: {why}"))
}

async fn read_body(mut body: Body, limit: usize) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let mut take = |_at, piece: &[u8]| {
        let room = limit.saturating_sub(bytes.len());
        bytes.extend_from_slice(piece.get(..room).unwrap_or(piece));
        bytes.len() < limit
    };
    let mut go_on = true;
    while go_on && body.read(&mut |at, piece| go_on &= take(at, piece)).await.map_err(|why| broken(&why))? {}
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Reads the stream to its end.
async fn follow(
    mut body: Body,
    clock: EngineClock,
    recorder: &RefCell<Recorder>,
    replaced: &Cell<u32>,
) -> Result<(), Failure> {
    let mut events = EventReader::default();
    let mut outcome = Ok(());
    let mut number = 0;
    loop {
        number += 1;
        let mut take = |at, piece: &[u8]| {
            let recorder = &mut recorder.borrow_mut();
            let pushed = events.push(piece, &mut |event| take_event(recorder, at, number, event, &mut outcome));
            if let (Err(error), Ok(())) = (pushed, &outcome) {
                outcome = Err(Failure::new(AttemptStatus::StreamError, "oversized", error.to_string()));
            }
        };
        let read = body.read(&mut take).await;
        replaced.set(events.replaced);
        std::mem::replace(&mut outcome, Ok(()))?;
        if let Ok(true) = read {
            continue;
        }
        let at = clock.now();
        let recorder = &mut recorder.borrow_mut();
        events.finish(&mut |event| take_event(recorder, at, number, event, &mut outcome));
        replaced.set(events.replaced);
        // A connection that breaks after the answer was complete took nothing away.
        return match read {
            Err(why) if recorder.record.finish_reason.is_none() => outcome.and(Err(broken(&why))),
            _ => outcome,
        };
    }
}

/// Records an event, unless one before it failed.
fn take_event(recorder: &mut Recorder, at: Nanos, read: u64, event: SseEvent<'_>, outcome: &mut Result<(), Failure>) {
    if outcome.is_err() {
        return;
    }
    let failed = |message| Failure::new(AttemptStatus::StreamError, "server", message);
    *outcome = recorder.event(at, read, event.data).map_err(failed);
    if event.name == "error" && outcome.is_ok() {
        *outcome = Err(failed(failure::message_in_body(event.data)));
    }
}

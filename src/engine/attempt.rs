//! One request from its first byte to its record.

use std::cell::{Cell, RefCell};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use futures_util::{FutureExt, Stream, StreamExt};
use reqwest::header::CONTENT_TYPE;
use tokio::sync::oneshot;

use super::board::Board;
use super::client::{CONNECT_TIMES, ConnectTimes, Endpoint, EngineClock, describe};
use super::recorder::Recorder;
use crate::domain::attempt::{AttemptId, AttemptRecord, AttemptStatus};
use crate::domain::suite::CaseSpec;
use crate::domain::time::Nanos;
use crate::protocol::framing::{EventReader, SseEvent};
use crate::protocol::{failure, request};

/// An error body is read up to here.
const MAX_ERROR_BYTES: usize = 64 * 1024;
/// An answer that is one JSON document is read up to here.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// So many kept connections may turn out to be closed before the attempt fails.
const MAX_KEPT_CONNECTIONS: usize = 16;

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
    let record = AttemptRecord::started(order.id, order.warmup, request_id, order.model.clone(), now);
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
    let response = match send_afresh(endpoint, order, recorder, !endpoint.without_stream_options.get()).await {
        Err(failure) if request::refuses_stream_options(http_status(recorder), &failure.message) => {
            endpoint.without_stream_options.set(true);
            restart(endpoint, recorder);
            send_afresh(endpoint, order, recorder, false).await?
        }
        other => other?,
    };
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if content_type.contains("json") && !content_type.contains("ndjson") {
        let body = read_body(response, MAX_ANSWER_BYTES).await?;
        let now = endpoint.now();
        let mut recorder = recorder.borrow_mut();
        return recorder
            .whole_answer(now, &body)
            .map_err(|message| Failure::new(AttemptStatus::HttpError, "json_error", message));
    }
    let broken = |e| Failure::new(AttemptStatus::Truncated, "cut", format!("the connection broke: {}", describe(e)));
    let bytes = response.bytes_stream().map(|read| read.map_err(broken));
    follow(bytes, endpoint.clock(), recorder, replaced).await
}

fn http_status(recorder: &RefCell<Recorder>) -> u16 {
    recorder.borrow().record.http_status.unwrap_or(0)
}

/// The refused request must not count: the clock starts anew.
fn restart(endpoint: &Endpoint, recorder: &RefCell<Recorder>) {
    let record = &mut recorder.borrow_mut().record;
    record.started = endpoint.now();
    record.connect_ms = None;
    record.warnings.push("the server refuses stream_options; asked again without it".to_owned());
}

/// Sends, over a new connection where the kept one turns out to be closed. llama.cpp closes one right after a stream, in
/// spite of its `Keep-Alive` header, so that the close often crosses the next request. `send` starts the clock anew.
async fn send_afresh(
    endpoint: &Endpoint,
    order: &Order,
    recorder: &RefCell<Recorder>,
    ask_usage: bool,
) -> Result<reqwest::Response, Failure> {
    for _kept in 0..MAX_KEPT_CONNECTIONS {
        match send(endpoint, order, recorder, ask_usage).await {
            Err(failure) if failure.kind == "closed" && recorder.borrow().record.connect_ms.is_none() => {}
            other => return other,
        }
    }
    send(endpoint, order, recorder, ask_usage).await
}

async fn send(
    endpoint: &Endpoint,
    order: &Order,
    recorder: &RefCell<Recorder>,
    ask_usage: bool,
) -> Result<reqwest::Response, Failure> {
    let body = request::body(&order.case, &order.model, ask_usage).to_string();
    let request = endpoint
        .client
        .post(format!("{}/chat/completions", endpoint.base_url))
        .header("x-request-id", &recorder.borrow().record.request_id)
        .body(body);
    let times = ConnectTimes::default();
    recorder.borrow_mut().record.started = endpoint.now();
    let result = CONNECT_TIMES.scope(Arc::clone(&times), request.send()).await;
    let now = endpoint.now();
    {
        let record = &mut recorder.borrow_mut().record;
        if let Some((begun, connected)) = *times.lock().unwrap_or_else(PoisonError::into_inner) {
            // Connecting stands by itself: the clock starts when the request could go out.
            record.connect_ms = Some(connected.millis_since(begun));
            record.started = record.started.max(connected);
        }
    }
    let response = result.map_err(|e| {
        let kind = if e.is_connect() { "connect" } else { "closed" };
        Failure::new(AttemptStatus::ConnectError, kind, describe(e))
    })?;
    let status = response.status();
    {
        let record = &mut recorder.borrow_mut().record;
        record.headers_at = Some(now);
        record.http_status = Some(status.as_u16());
    }
    if status.is_success() {
        return Ok(response);
    }
    let body = read_body(response, MAX_ERROR_BYTES).await.unwrap_or_default();
    let said = failure::message_in_body(&body);
    let message = if said.is_empty() { format!("HTTP {status}") } else { format!("HTTP {}: {said}", status.as_u16()) };
    Err(Failure::new(AttemptStatus::HttpError, "http", message))
}

async fn read_body(response: reqwest::Response, limit: usize) -> Result<String, Failure> {
    let mut body = Vec::new();
    let mut reads = response.bytes_stream();
    while let Some(read) = reads.next().await {
        let read = read.map_err(|e| Failure::new(AttemptStatus::Truncated, "cut", describe(e)))?;
        let room = limit.saturating_sub(body.len());
        body.extend_from_slice(read.get(..room).unwrap_or(&read));
        if body.len() >= limit {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// Reads the stream to its end. Every read is stamped before anything looks at its bytes.
async fn follow(
    reads: impl Stream<Item = Result<Bytes, Failure>>,
    clock: EngineClock,
    recorder: &RefCell<Recorder>,
    replaced: &Cell<u32>,
) -> Result<(), Failure> {
    let mut reads = pin!(reads);
    let mut events = EventReader::default();
    let mut number = 0;
    loop {
        let read = reads.next().await;
        let at = clock.now();
        number += 1;
        let mut recorder = recorder.borrow_mut();
        let mut outcome = Ok(());
        let mut each = |event: SseEvent<'_>| {
            if outcome.is_ok() {
                outcome = take_event(&mut recorder, at, number, event);
            }
        };
        let broken = match read {
            Some(Ok(bytes)) => {
                let taken = events.push(&bytes, &mut each);
                replaced.set(events.replaced);
                outcome?;
                taken.map_err(|e| Failure::new(AttemptStatus::StreamError, "oversized", e.to_string()))?;
                continue;
            }
            Some(Err(broken)) => Some(broken),
            None => None,
        };
        events.finish(&mut each);
        replaced.set(events.replaced);
        outcome?;
        // A connection that breaks after the answer was complete took nothing away.
        return match broken {
            Some(broken) if recorder.record.finish_reason.is_none() => Err(broken),
            _ => Ok(()),
        };
    }
}

fn take_event(recorder: &mut Recorder, at: Nanos, read: u64, event: SseEvent<'_>) -> Result<(), Failure> {
    let failed = |message| Failure::new(AttemptStatus::StreamError, "server", message);
    recorder.event(at, read, event.data).map_err(failed)?;
    if event.name == "error" { Err(failed(failure::message_in_body(event.data))) } else { Ok(()) }
}

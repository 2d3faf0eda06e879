//! One request from its first byte to its record.

use std::cell::RefCell;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::FutureExt;
use reqwest::header::CONTENT_ENCODING;
use tokio::sync::oneshot;

use super::board::Board;
use super::client::Endpoint;
use super::clock::EngineClock;
use super::failure::{Failure, Trouble};
use super::intake::Intake;
use super::recorder::Recorder;
use super::transport::{Answer, AnswerBody};
use crate::domain::attempt::{AttemptId, AttemptRecord, AttemptStatus};
use crate::domain::prefix_cache::nonce;
use crate::domain::suite::CaseSpec;
use crate::domain::time::Nanos;
use crate::protocol::endpoint::address_below;
use crate::protocol::failure;
use crate::protocol::request::Manner;

/// An error body is read up to here.
const MAX_ERROR_BYTES: usize = 64 * 1024;

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
    let recorder = Rc::new(RefCell::new(Recorder::new(record, endpoint.api)));
    board.add(Rc::clone(&recorder));
    started(now);

    let work = AssertUnwindSafe(drive(endpoint, &order, &recorder)).catch_unwind();
    let timeout = order.case.timeout;
    let outcome = tokio::select! {
        biased;
        _given_up = cancelled => {
            Err(Failure::new(AttemptStatus::Cancelled, "cancelled", "given up by the user"))
        }
        result = tokio::time::timeout(timeout, work) => match result {
            Ok(Ok(result)) => result,
            Ok(Err(_panic)) => Err(Failure::new(AttemptStatus::StreamError, "internal", "tokscope itself failed here")),
            Err(_elapsed) if recorder.borrow().has_ended() => {
                let warning = "the server kept the connection open after its answer was complete";
                recorder.borrow_mut().record.warnings.push(warning.to_owned());
                Ok(())
            }
            Err(_elapsed) => Err(timed_out(&recorder.borrow().record, endpoint.now(), timeout)),
        },
    };

    board.remove(&recorder);
    let mut recorder = recorder.borrow_mut();
    recorder.record.ended = endpoint.now();
    match outcome {
        Ok(()) => recorder.settle(),
        Err(failure) => recorder.fail(failure),
    }
    endpoint.secrets.redact_record(&mut recorder.record);
    recorder.warn_about(order.case.max_tokens);
    // Its timeline and its texts may be large: they are handed over, not copied.
    let nothing = AttemptRecord::started(order.id, order.warmup, String::new(), String::new(), now);
    std::mem::replace(&mut recorder.record, nothing)
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

async fn drive(endpoint: &Endpoint, order: &Order, recorder: &RefCell<Recorder>) -> Result<(), Failure> {
    let answer = loop {
        let manner = endpoint.manner.get();
        match send(endpoint, order, recorder, manner).await {
            Ok(answer) => break answer,
            Err(failure) => match manner.after_refusal(http_status(recorder), &failure.message) {
                Some((next, told)) => {
                    endpoint.manner.set(endpoint.manner.get().and(next));
                    restart(endpoint, recorder, told);
                }
                None => return Err(failure),
            },
        }
    };
    let encoding = answer.headers.get(CONTENT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let intake = Intake::new(encoding, &mut recorder.borrow_mut())?;
    follow(answer.body, endpoint.clock(), recorder, intake).await
}

fn http_status(recorder: &RefCell<Recorder>) -> u16 {
    recorder.borrow().record.http_status.unwrap_or(0)
}

/// The refused request must not count: the clock starts anew.
fn restart(endpoint: &Endpoint, recorder: &RefCell<Recorder>, told: String) {
    let record = &mut recorder.borrow_mut().record;
    record.started = endpoint.now();
    record.connect_ms = None;
    record.headers_at = None;
    record.http_status = None;
    record.warnings.push(told);
}

async fn send(
    endpoint: &Endpoint,
    order: &Order,
    recorder: &RefCell<Recorder>,
    manner: Manner,
) -> Result<Answer, Failure> {
    let nonce = recorder.borrow().record.nonce.clone();
    let body = (endpoint.api.body)(&order.case, &order.model, manner, nonce.as_deref()).to_string();
    let url = address_below(&endpoint.base_url, endpoint.api.path);
    let request_id = recorder.borrow().record.request_id.clone();
    recorder.borrow_mut().record.asked = Some(Arc::new(endpoint.told.asked(request_id.clone(), &body, nonce)));
    recorder.borrow_mut().record.started = endpoint.now();
    let sent = endpoint.transport.post(&url, &request_id, &body).await;
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
    let headers = answer.headers;
    let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let body = read_body(answer.body, MAX_ERROR_BYTES).await.unwrap_or_default();
    let refusal = failure::refusal(status, &header, &body);
    Err(Failure::new(AttemptStatus::HttpError, refusal.kind, refusal.message))
}

fn broken(why: &str) -> Failure {
    Failure::new(AttemptStatus::Truncated, "cut", format!("the connection broke: {why}"))
}

async fn read_body(mut body: AnswerBody, limit: usize) -> Result<String, Failure> {
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

/// Reads the answer to its end, also after `[DONE]`, so that the connection is free again.
async fn follow(
    mut body: AnswerBody,
    clock: EngineClock,
    recorder: &RefCell<Recorder>,
    mut intake: Intake,
) -> Result<(), Failure> {
    let mut outcome = Ok(());
    loop {
        intake.next_read();
        let mut take = |at, piece: &[u8]| {
            if outcome.is_ok() {
                outcome = intake.take(at, piece, &mut recorder.borrow_mut());
            }
        };
        let read = body.read(&mut take).await;
        std::mem::replace(&mut outcome, Ok(()))?;
        let gone = match read {
            Ok(true) => continue,
            Ok(false) => None,
            Err(why) => Some(broken(&why)),
        };
        return intake.end(clock.now(), gone, &mut recorder.borrow_mut());
    }
}

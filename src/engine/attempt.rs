//! Runs one attempt: sends its request, follows the response and builds the record.

use std::cell::RefCell;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use reqwest::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use tokio::sync::oneshot;

use super::board::Board;
use super::client::Endpoint;
use super::failure::Failure;
use super::follow::{KEPT_OPEN, follow};
use super::intake::Intake;
use super::recorder::Recorder;
use super::transport::{Answer, AnswerBody, Post};
use super::{retry, timeouts};
use crate::domain::attempt::{AttemptId, AttemptRecord, AttemptStatus, FailedTry};
use crate::domain::nonce::nonce;
use crate::domain::request_lengths::{RequestLengths, Uniqueness};
use crate::domain::suite::CaseSpec;
use crate::domain::time::Nanos;
use crate::domain::turn::Turn;
use crate::protocol::encoding::unpack;
use crate::protocol::failure;
use crate::protocol::items::{self, ExpectedItems};
use crate::protocol::media::with_contents;
use crate::protocol::request::RequestDialect;
use crate::protocol::url::address_below;

/// Maximum bytes to read from the body of an error response.
const MAX_ERROR_BYTES: usize = 64 * 1024;
/// Maximum time to read the body of an error response.
const ERROR_WITHIN: Duration = Duration::from_millis(if cfg!(test) { 200 } else { 5000 });

/// An attempt to run.
#[derive(Debug)]
pub struct Order {
    /// Case and number of the attempt.
    pub id: AttemptId,
    /// Prompt and parameters.
    pub case: Arc<CaseSpec>,
    /// Name of the model.
    pub model: String,
    /// Whether the attempt is a warm-up, which is not measured.
    pub warmup: bool,
    /// Scheduled time of the request in an open-loop run; `None` in a closed loop.
    pub due: Option<Nanos>,
    /// Place in a conversation; `None` for a single request.
    pub turn: Option<Turn>,
    /// Prompt and output lengths that the workload asks for.
    pub lengths: RequestLengths,
    /// Earliest time at which tokscope could have sent the request.
    pub ready: Option<Nanos>,
}

/// Sends the request and follows its response to the end, or until `cancelled`.
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
    (record.turn, record.lengths) = (order.turn, order.lengths);
    record.media = order.case.media_count().map(Box::new);
    // All turns of a conversation share one nonce, so that each turn finds the previous one in the prefix cache.
    let first = order.turn.map_or(order.id.number, |turn| turn.conversation);
    let first_id = format!("{}-{}-{first}", endpoint.run_id, order.id.case + 1);
    record.nonce = (!endpoint.warm && order.lengths.uniqueness == Uniqueness::Nonce && order.case.takes_nonce())
        .then(|| nonce(&first_id));
    record.intended = order.due;
    let recorder = Rc::new(RefCell::new(Recorder::new(record, endpoint.api)));
    board.add(Rc::clone(&recorder), now);
    started(now);

    let work = AssertUnwindSafe(drive(endpoint, &order, &recorder)).catch_unwind();
    let timeout = order.case.timeout;
    let outcome = tokio::select! {
        biased;
        _given_up = cancelled => {
            Err(Failure::new(AttemptStatus::Cancelled, "cancelled", "cancelled by the user"))
        }
        result = tokio::time::timeout(timeout, work) => match result {
            Ok(Ok(result)) => result,
            Ok(Err(_panic)) => Err(Failure::new(AttemptStatus::StreamError, "internal", "tokscope itself failed here")),
            Err(_elapsed) if recorder.borrow().has_ended() => {
                recorder.borrow_mut().record.warnings.push(KEPT_OPEN.to_owned());
                Ok(())
            }
            Err(_elapsed) => Err(timeouts::whole(timeout, endpoint.now(), &recorder.borrow())),
        },
        overdue = timeouts::watch(order.case.patience, endpoint.clock(), &recorder) => Err(overdue),
    };

    let ended = endpoint.now();
    board.remove(&recorder, ended);
    let mut recorder = recorder.borrow_mut();
    recorder.record.ended = ended;
    match outcome {
        Ok(()) => recorder.settle(),
        Err(failure) => recorder.fail(failure),
    }
    endpoint.secrets.redact_record(&mut recorder.record);
    recorder.warn_about(order.case.max_tokens);
    // Move the record out: copying its timeline and texts could be expensive.
    let nothing = AttemptRecord::started(order.id, order.warmup, String::new(), String::new(), now);
    std::mem::replace(&mut recorder.record, nothing)
}

async fn drive(endpoint: &Endpoint, order: &Order, recorder: &RefCell<Recorder>) -> Result<(), Failure> {
    let begun = endpoint.now();
    let mut tries = 1;
    let answer = loop {
        let dialect = endpoint.dialect.get();
        let failure = match send(endpoint, order, recorder, dialect).await {
            Ok(answer) => break answer,
            Err(failure) => failure,
        };
        let http_status = recorder.borrow().record.http_status;
        if let Some((next, warning)) = dialect.after_rejection(http_status.unwrap_or(0), &failure.message) {
            endpoint.dialect.set(endpoint.dialect.get().combine(next));
            restart(endpoint, recorder);
            recorder.borrow_mut().record.warnings.push(warning);
            continue;
        }
        let left = order.case.timeout.saturating_sub(endpoint.now().since(begun));
        let pause = (tries <= endpoint.retries).then(|| retry::pause(&failure, http_status, tries, left)).flatten();
        let Some(pause) = pause else { return Err(failure) };
        let (started, failed_at) = (recorder.borrow().record.started, endpoint.now());
        // No timeout runs during the pause.
        recorder.borrow_mut().note_unsent();
        tokio::time::sleep(pause).await;
        tries += 1;
        restart(endpoint, recorder);
        let waited_ms = endpoint.now().millis_since(failed_at);
        let failed = FailedTry { started, kind: failure.kind.to_owned(), http_status, waited_ms };
        recorder.borrow_mut().record.retries.push(failed);
    };
    let encoding = answer.headers.get(CONTENT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let intake = Intake::new(encoding, &mut recorder.borrow_mut())?;
    let Some(document) = follow(answer.body, endpoint.clock(), recorder, intake).await? else { return Ok(()) };
    let expected = endpoint.api.expected_items(&order.case);
    match expected {
        Some(expected) => read_items(document, expected, endpoint, recorder).await,
        None => Ok(()),
    }
}

/// Reads a document of vectors or scores in another thread, because megabytes of numbers take milliseconds. The latency
/// ends with the last byte.
async fn read_items(
    document: Vec<u8>,
    expected: ExpectedItems,
    endpoint: &Endpoint,
    recorder: &RefCell<Recorder>,
) -> Result<(), Failure> {
    // Never closed, so there is always a permit.
    let _permit = endpoint.items_readers.acquire().await;
    let read = tokio::task::spawn_blocking(move || items::read(&document, expected)).await;
    let internal = |_panic| Failure::new(AttemptStatus::StreamError, "internal", "tokscope itself failed here");
    recorder.borrow_mut().items(read.map_err(internal)?)
}

/// Resets the record for another try. The clock starts anew, so the figures exclude the refused try.
fn restart(endpoint: &Endpoint, recorder: &RefCell<Recorder>) {
    let mut recorder = recorder.borrow_mut();
    recorder.note_unsent();
    let record = &mut recorder.record;
    record.started = endpoint.now();
    record.connect_ms = None;
    record.headers_at = None;
    record.http_status = None;
    record.content_length = None;
}

async fn send(
    endpoint: &Endpoint,
    order: &Order,
    recorder: &RefCell<Recorder>,
    dialect: RequestDialect,
) -> Result<Answer, Failure> {
    let nonce = recorder.borrow().record.nonce.clone();
    let body = (endpoint.api.body)(&order.case, &order.model, dialect, nonce.as_deref()).to_string();
    let url = address_below(&endpoint.base_url, endpoint.api.path);
    let request_id = recorder.borrow().record.request_id.clone();
    recorder.borrow_mut().record.sent_request =
        Some(Arc::new(endpoint.request_record.with_body(request_id.clone(), &body, nonce)));
    // The record shows marks in place of megabytes.
    let body = with_contents(body, &order.case.messages);
    {
        let record = &mut recorder.borrow_mut().record;
        record.started = endpoint.now();
        // Count only the delay of the first try: tokscope caused this one, the server caused the later ones.
        if let (Some(ready), None) = (order.ready, record.own_delay_ms) {
            record.own_delay_ms = Some(record.started.millis_since(ready));
        }
    }
    // A request outside a conversation counts as a conversation of one turn.
    let first = order.turn.map_or(order.id.number, |turn| turn.conversation);
    let session = format!("{}-{}-{first}", endpoint.run_id, order.id.case + 1);
    let post = Post {
        url: &url,
        id: &request_id,
        session: endpoint.session_header.as_ref().map(|name| (name, session.as_str())),
        body: &body,
        connect_within: order.case.patience.connect,
        sent: &|at| recorder.borrow_mut().note_sent(at),
    };
    let answer = endpoint.transport.post(post).await?;
    {
        let record = &mut recorder.borrow_mut().record;
        record.started = answer.started;
        record.connect_ms = answer.connect_ms;
        record.headers_at = Some(answer.headers_at);
        record.http_status = Some(answer.status);
        let length = answer.headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok());
        record.content_length = length.and_then(|length| length.trim().parse().ok());
    }
    endpoint.recognise(&answer.headers);
    let status = answer.status;
    if (200..300).contains(&status) {
        return Ok(answer);
    }
    let headers = answer.headers;
    // Redact before any text is cut: a partial secret would not be recognised.
    let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(|v| endpoint.secrets.redact(v));
    let encoding = headers.get(CONTENT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let body = endpoint.secrets.redact(&error_body(encoding, answer.body).await);
    let refusal = failure::refusal(status, &header, &body);
    let message = endpoint.transport.peer().with_culprit(status, refusal.message);
    let mut failure = Failure::new(AttemptStatus::HttpError, refusal.kind, message);
    failure.retry_after = failure::retry_after(&header);
    Err(failure)
}

/// Reads the body of an error response within the limits. A body that breaks off or never ends still describes the
/// error.
async fn error_body(encoding: &str, mut body: AnswerBody) -> String {
    let mut bytes = Vec::new();
    let read = async {
        loop {
            let mut take = |_at, piece: &[u8]| {
                let room = MAX_ERROR_BYTES.saturating_sub(bytes.len());
                bytes.extend_from_slice(piece.get(..room).unwrap_or(piece));
            };
            let more = body.read(&mut take).await;
            if !more.unwrap_or(false) || bytes.len() >= MAX_ERROR_BYTES {
                return;
            }
        }
    };
    let _ended_or_not = tokio::time::timeout(ERROR_WITHIN, read).await;
    let mut bytes = match unpack(encoding, bytes, MAX_ERROR_BYTES) {
        Ok(bytes) => bytes,
        Err(reason) => return reason,
    };
    bytes.truncate(MAX_ERROR_BYTES);
    String::from_utf8_lossy(&bytes).into_owned()
}

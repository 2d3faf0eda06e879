//! Sends one answer on schedule, as a stream of events or as one document.

use std::borrow::Cow;
use std::io;
use std::iter::Peekable;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use serde_json::Value;
use tokio::sync::watch;

use super::answer::Tokens;
use super::fault::{Fault, PlannedFault};
use super::schedule::Schedule;
use super::wire::{Counts, Event, Refusal, TextPart, WholeAnswer, Writer};

/// Approximate maximum size of a block of late events that leave together, bytes.
const BLOCK_BYTES: usize = 16 * 1024;
const ENGINE_FAILED: &str = "The simulated engine failed while generating";

/// Guard that counts an answer as in flight until dropped.
#[derive(Debug)]
pub struct InFlight {
    count: watch::Sender<usize>,
    generated: Arc<AtomicU64>,
}

impl InFlight {
    /// Increments the count of answers in flight.
    pub fn new(count: &watch::Sender<usize>, generated: &Arc<AtomicU64>) -> Self {
        count.send_modify(|n| *n += 1);
        Self { count: count.clone(), generated: Arc::clone(generated) }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.count.send_modify(|n| *n -= 1);
    }
}

/// All data that determine an answer.
pub struct ReplyPlan {
    /// Writer of the answer's events.
    pub writer: Writer,
    /// Tokens of the text.
    pub tokens: Tokens,
    /// Times of the tokens.
    pub schedule: Schedule,
    /// Number of prompt tokens.
    pub prompt_tokens: u64,
    /// Number of prompt tokens from the prefix cache.
    pub cached_tokens: u64,
    /// Maximum number of generated tokens; reaching it makes the finish reason `length`. `None` for no limit.
    pub max_tokens: Option<u64>,
    /// Whether to report token counts.
    pub include_usage: bool,
    /// Failure to simulate.
    pub planned: Option<PlannedFault>,
    /// Guard that counts the answer as in flight.
    pub in_flight: InFlight,
}

/// An answer in progress.
struct Generation {
    plan: ReplyPlan,
    tokens: Peekable<Tokens>,
    counts: Counts,
    /// Whether the answer calls a tool.
    calls_tool: bool,
}

impl Generation {
    fn new(mut plan: ReplyPlan) -> Self {
        let none: Tokens = Box::new(std::iter::empty());
        let tokens = std::mem::replace(&mut plan.tokens, none);
        let is_empty = plan.planned.is_some_and(|p| p.fault == Fault::Empty);
        let tokens = if is_empty { Box::new(tokens.take(0)) } else { tokens };
        let counts = Counts { prompt: plan.prompt_tokens, cached: plan.cached_tokens, ..Counts::default() };
        Self { plan, tokens: tokens.peekable(), counts, calls_tool: false }
    }

    fn next_token(&mut self) -> Option<(TextPart, Cow<'static, str>)> {
        let token = self.tokens.next()?;
        self.plan.in_flight.generated.fetch_add(1, Ordering::Relaxed);
        self.counts.completion += 1;
        self.counts.reasoning += u64::from(token.0 == TextPart::Reasoning);
        self.calls_tool |= token.0 == TextPart::ToolName;
        Some(token)
    }

    /// Returns the planned fault if it is due: after its number of tokens, or at the end of the answer.
    fn due_fault(&mut self) -> Option<Fault> {
        let planned = self.plan.planned?;
        let is_due = self.counts.completion >= planned.after_tokens || self.tokens.peek().is_none();
        is_due.then_some(planned.fault)
    }

    fn finish_reason(&self) -> &'static str {
        match self.plan.max_tokens {
            Some(limit) if limit == self.counts.completion => "length",
            _ if self.calls_tool => "tool_calls",
            _ => "stop",
        }
    }

    fn reported_counts(&self) -> Option<Counts> {
        let is_withheld = self.plan.planned.is_some_and(|p| p.fault == Fault::NoUsage);
        (self.plan.include_usage && !is_withheld).then_some(self.counts)
    }
}

/// Next action of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReplyStep {
    /// Waits until the next token is due.
    Wait,
    /// Ends normally.
    End,
    /// Cuts the connection. `flushed` is whether the earlier data had a chance to leave.
    Cut { flushed: bool },
    /// Sends nothing more, but keeps the connection open.
    Stall,
}

/// Body of a streamed answer. Writes each event when it is due and the server can send it. If the client hangs up, the
/// server drops this body, which ends the answer.
pub struct EventStream {
    generation: Generation,
    then: ReplyStep,
}

impl EventStream {
    /// Creates a stream that begins by waiting for the first token.
    pub fn new(plan: ReplyPlan) -> Self {
        Self { generation: Generation::new(plan), then: ReplyStep::Wait }
    }

    /// Writes an event. All events go through this function.
    fn emit(&self, event: Event<'_>, out: &mut Vec<u8>) {
        self.generation.plan.writer.event(event, out);
    }

    /// Writes a fault if one is due; otherwise up to `tokens` tokens and the events that go with them.
    fn step(&mut self, tokens: u64, out: &mut Vec<u8>) -> ReplyStep {
        if let Some(then) = self.apply_due_fault(out) {
            return then;
        }
        if self.generation.counts.completion == 0 {
            self.emit(Event::Role, out);
        }
        self.emit_tokens(tokens, out);
        if self.generation.tokens.peek().is_some() {
            return ReplyStep::Wait;
        }
        if let Some(then) = self.apply_due_fault(out) {
            return then;
        }
        self.emit(Event::Finish(self.generation.finish_reason()), out);
        if let Some(counts) = self.generation.reported_counts() {
            self.emit(Event::Usage(counts), out);
        }
        self.emit(Event::Done, out);
        ReplyStep::End
    }

    /// Writes up to `tokens` tokens as one event, or as two if both reasoning and text are among them. A fault that is
    /// due in between ends the event.
    fn emit_tokens(&mut self, tokens: u64, out: &mut Vec<u8>) {
        let Some((mut part, mut text)) = self.generation.next_token() else { return };
        for _ in 1..tokens {
            if self.generation.due_fault().is_some() {
                break;
            }
            let Some((next_part, piece)) = self.generation.next_token() else { break };
            if next_part == part {
                text.to_mut().push_str(&piece);
            } else {
                self.emit(Event::Token(part, &text), out);
                (part, text) = (next_part, piece);
            }
        }
        self.emit(Event::Token(part, &text), out);
    }

    fn apply_due_fault(&mut self, out: &mut Vec<u8>) -> Option<ReplyStep> {
        match self.generation.due_fault()? {
            Fault::ErrorInStream => {
                self.emit(Event::Error(ENGINE_FAILED), out);
                self.emit(Event::Done, out);
                Some(ReplyStep::End)
            }
            Fault::MalformedEvent => {
                self.emit(Event::Malformed, out);
                self.generation.plan.planned = None;
                None
            }
            Fault::Cut => Some(ReplyStep::Cut { flushed: false }),
            Fault::NoFinish => Some(ReplyStep::End),
            Fault::Stall => Some(ReplyStep::Stall),
            Fault::Http500
            | Fault::Http503Once
            | Fault::Http429
            | Fault::Proxy502
            | Fault::RefuseStreamOptions
            | Fault::Json
            | Fault::Empty
            | Fault::NoUsage => None,
        }
    }

    /// Writes everything that is due, up to one block.
    fn write_due(&mut self, context: &mut Context<'_>, out: &mut Vec<u8>) {
        while self.then == ReplyStep::Wait && out.len() < BLOCK_BYTES {
            let waits = out.is_empty();
            let Poll::Ready(tokens) = self.generation.plan.schedule.poll_tokens(context, waits) else { return };
            self.then = self.step(tokens, out);
        }
    }
}

impl Body for EventStream {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let mut out = Vec::new();
        self.write_due(context, &mut out);
        if !out.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from(out)))));
        }
        match self.then {
            ReplyStep::Wait | ReplyStep::Stall => Poll::Pending,
            ReplyStep::End => Poll::Ready(None),
            ReplyStep::Cut { flushed: true } => Poll::Ready(Some(Err(io::Error::other("cut as requested")))),
            ReplyStep::Cut { flushed: false } => {
                // Let the server flush its buffer first: it flushes while the body is pending, but discards the buffer
                // on an error.
                self.then = ReplyStep::Cut { flushed: true };
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}

/// Outcome of an answer without streaming.
#[derive(Debug)]
pub enum UnstreamedReply {
    /// A complete document.
    Document(Value),
    /// A truncated document.
    Malformed(String),
    /// An error response.
    Refused(Refusal),
    /// A cut connection.
    Cut,
}

/// Generates an answer on the same schedule as a stream, and returns the answer as a whole.
pub async fn unstreamed(plan: ReplyPlan) -> UnstreamedReply {
    let mut generation = Generation::new(plan);
    let mut answer = WholeAnswer::default();
    let mut due_tokens = generation.plan.schedule.pass().await;
    let fault = loop {
        let fault = generation.due_fault();
        if matches!(fault, Some(Fault::ErrorInStream | Fault::Cut | Fault::NoFinish | Fault::Stall)) {
            break fault;
        }
        match generation.next_token() {
            Some((part, piece)) => answer.add(part, &piece),
            None => break fault,
        }
        due_tokens -= 1;
        if due_tokens == 0 && generation.tokens.peek().is_some() {
            due_tokens = generation.plan.schedule.pass().await;
        }
    };
    generation.plan.schedule.reach().await;
    let document = generation.plan.writer.document(&answer, generation.finish_reason(), generation.reported_counts());
    match fault {
        Some(Fault::ErrorInStream) => UnstreamedReply::Refused(Refusal::new(500, "InternalServerError", ENGINE_FAILED)),
        Some(Fault::Cut | Fault::NoFinish) => UnstreamedReply::Cut,
        Some(Fault::Stall) => std::future::pending().await,
        Some(Fault::MalformedEvent) => {
            let mut document = document.to_string();
            document.truncate(document.len() - 1);
            UnstreamedReply::Malformed(document)
        }
        _ => UnstreamedReply::Document(document),
    }
}

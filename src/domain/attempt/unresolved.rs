//! Figures that a stream cannot carry, and why.

use std::fmt;

use super::resolution::{FASTEST_TOKENS_PER_MS, Resolution};
use super::{AttemptRecord, TokenSource};

/// Largest relative error with which a figure is still shown.
pub const ERROR_BOUND: f64 = 0.1;
/// Minimum ratio of the server's own decode time to the time that the text took to arrive, from which the text counts
/// as held back.
const HELD_BACK_FACTOR: f64 = 2.0;
/// Maximum tokens in the only event of an unbuffered answer: one with text and one that ends the answer.
const TOKENS_OF_ONE_EVENT: u64 = 2;

/// Reason why a stream cannot carry a figure. Displayed as a sentence that follows the figure's name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unresolved {
    /// The whole answer was one document.
    NotStreamed,
    /// The event stream has a `Content-Length`, so the sender had the whole answer before it sent any of it.
    ContentLength {
        /// Length of the answer, bytes.
        bytes: u64,
    },
    /// The whole answer arrived in one event.
    OneEvent,
    /// The whole answer arrived in one event, with an unknown number of tokens.
    OneUncountedEvent,
    /// All events arrived within a time too short for a model.
    AtOnce {
        /// Number of events.
        events: usize,
        /// Time from the first to the last event, milliseconds; 0 for a single read.
        span_ms: f64,
    },
    /// Too many of the events share the first or the last arrival time.
    Bunched {
        /// Number of events that arrived with the first or with the last text, whichever causes the larger error.
        events: usize,
        /// Whether those events arrived with the last text.
        at_the_end: bool,
        /// Number of all events.
        of: usize,
        /// Largest error of the figure, as a share; `None` if unbounded.
        error: Option<f64>,
    },
    /// A few events carry many tokens, so the tokens of the first event are only estimated.
    FewEvents {
        /// Events with text.
        events: usize,
        /// Tokens in those events.
        tokens: u64,
    },
    /// At least half of the events share a read with others, so gaps are those between reads, not between events.
    SharedReads {
        /// Distinct arrival times.
        bunches: usize,
        /// Number of events with those arrival times.
        events: usize,
    },
    /// The whole answer arrived sooner after the request than any model decodes, so it already existed.
    TooFast {
        /// Output tokens.
        tokens: u64,
        /// Time from the request to the end of the answer, milliseconds.
        latency_ms: f64,
    },
    /// Decoding took much longer, by the server's own clock, than the text took to arrive.
    HeldBack {
        /// Decode time by the server's clock, milliseconds.
        decode_ms: f64,
        /// Time from the first to the last text, milliseconds.
        window_ms: f64,
    },
    /// Reasoning was billed but not streamed.
    HiddenReasoning,
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotStreamed => f.write_str("the answer was not streamed"),
            Self::ContentLength { bytes } => {
                write!(f, "the answer's Content-Length ({bytes} bytes) was known before it was sent")
            }
            Self::OneEvent => f.write_str("the whole answer arrived in one event"),
            Self::OneUncountedEvent => {
                f.write_str("the whole answer arrived in one event and the server reported no usage")
            }
            Self::AtOnce { events, span_ms } if span_ms > 0.0 => {
                write!(f, "all {events} events arrived within {span_ms:.1} ms")
            }
            Self::AtOnce { events, .. } => write!(f, "all {events} events arrived in one read"),
            Self::Bunched { events, at_the_end, of, error } => {
                let end = if at_the_end { "last" } else { "first" };
                write!(f, "{events} of {of} events arrived with the {end} text; ")?;
                match error.filter(|error| *error < 10.0) {
                    Some(error) => write!(f, "error up to {:.0}%", error * 100.0),
                    None => f.write_str("the error is unbounded"),
                }
            }
            Self::FewEvents { events, tokens } => {
                write!(f, "{events} events carry {tokens} tokens; the first event's token count is only estimated")
            }
            Self::SharedReads { bunches, events } => {
                write!(f, "{events} events arrived at {bunches} distinct times; gaps are between reads")
            }
            Self::TooFast { tokens, latency_ms } => write!(
                f,
                "all {tokens} tokens arrived within {latency_ms:.1} ms of the request; no model decodes that fast"
            ),
            Self::HeldBack { decode_ms, window_ms } => write!(
                f,
                "the server decoded for {decode_ms:.0} ms by its own clock, but the text arrived within {window_ms:.0} ms"
            ),
            Self::HiddenReasoning => f.write_str("reasoning was billed but not streamed"),
        }
    }
}

impl Unresolved {
    /// Returns whether the timing is unknown because of buffering; other reasons concern tokens or reasoning.
    pub const fn is_timing(self) -> bool {
        !matches!(self, Self::HiddenReasoning | Self::FewEvents { .. })
    }
}

impl AttemptRecord {
    /// Reason why the complete answer arrived at once, so that its first token has no time of its own. `None` if the
    /// answer was streamed or is not complete.
    pub fn not_streamed(&self) -> Option<Unresolved> {
        self.not_streamed_by(self.resolution().as_ref())
    }

    fn not_streamed_by(&self, resolution: Option<&Resolution>) -> Option<Unresolved> {
        if self.items.is_some() {
            return None;
        }
        let events = self.content_events();
        if let Some(bytes) = self.content_length.filter(|_| events > 0) {
            return Some(Unresolved::ContentLength { bytes });
        }
        match events {
            0 if self.is_ok() => Some(Unresolved::NotStreamed),
            0 => None,
            1 if !self.is_ok() => None,
            1 => match self.visible_tokens() {
                None => Some(Unresolved::OneUncountedEvent),
                Some(tokens) => (tokens > TOKENS_OF_ONE_EVENT).then_some(Unresolved::OneEvent),
            },
            _ => {
                let resolution = resolution.filter(|resolution| resolution.is_one_bunch())?;
                Some(Unresolved::AtOnce { events, span_ms: resolution.first_bunch_ms })
            }
        }
    }

    /// Tokens of the streamed text, if counted rather than estimated.
    fn visible_tokens(&self) -> Option<u64> {
        let hidden = if self.has_hidden_reasoning() { self.usage.reasoning_tokens.unwrap_or(0) } else { 0 };
        match self.output_tokens() {
            Some((tokens, TokenSource::Usage)) => Some(tokens.saturating_sub(hidden)),
            Some((tokens, TokenSource::Tokenizer)) => Some(tokens),
            Some((_, TokenSource::Estimate)) | None => None,
        }
    }

    /// Reason why the TTFT is unresolved.
    pub fn unresolved_first_token(&self) -> Option<Unresolved> {
        self.unresolved_first(self.first_text_ms(), |r| (r.first_bunch_events > 1).then_some(r.first_hold_ms))
    }

    /// Reason why the time to the first token that is not reasoning is unresolved.
    pub fn unresolved_first_output_token(&self) -> Option<Unresolved> {
        self.unresolved_first(self.first_answer_text_ms(), |r| Some(r.answer_hold_ms))
    }

    /// Reason why the time to a first text is unresolved. `hold_ms` returns the longest time for which that text may
    /// have been held back: the inner `None` means unbounded, the outer `None` that the text was not held back.
    fn unresolved_first(
        &self,
        measured_ms: Option<f64>,
        hold_ms: impl Fn(&Resolution) -> Option<Option<f64>>,
    ) -> Option<Unresolved> {
        let resolution = self.resolution();
        if let Some(why) = self.not_streamed_by(resolution.as_ref()) {
            return Some(why);
        }
        let (measured_ms, resolution) = (measured_ms?, resolution?);
        if let Some(why @ Unresolved::HeldBack { decode_ms, window_ms }) = self.held_back() {
            let is_off = relative(decode_ms - window_ms, measured_ms).is_none_or(|error| error > ERROR_BOUND);
            return is_off.then_some(why);
        }
        let hold_ms = hold_ms(&resolution)?;
        let error = hold_ms.and_then(|hold_ms| relative(hold_ms, measured_ms));
        let (events, of) = (resolution.first_bunch_events, self.content_events());
        let why = Unresolved::Bunched { events, at_the_end: false, of, error };
        error.is_none_or(|error| error > ERROR_BOUND).then_some(why)
    }

    /// Reason why ITL and decode speed are unresolved.
    pub fn unresolved_inter_token(&self) -> Option<Unresolved> {
        if self.has_hidden_reasoning() {
            return Some(Unresolved::HiddenReasoning);
        }
        let resolution = self.resolution();
        self.unresolved_window(resolution.as_ref()).or_else(|| {
            let (tokens, _) = self.output_tokens()?;
            let error = self.window_error(&resolution?)?.max() + self.share_error()?;
            let events = self.content_events();
            (error > ERROR_BOUND).then_some(Unresolved::FewEvents { events, tokens })
        })
    }

    /// Reason why the number of tokens is unknown, even as an estimate.
    pub fn unresolved_tokens(&self) -> Option<Unresolved> {
        self.not_streamed().filter(|why| *why == Unresolved::OneUncountedEvent)
    }

    /// Reason why output tokens per request latency is not a model's speed.
    pub fn unresolved_speed(&self) -> Option<Unresolved> {
        let why = self.not_streamed()?;
        if why == Unresolved::OneUncountedEvent {
            return Some(why);
        }
        let ((tokens, _), latency_ms) = (self.output_tokens()?, self.request_latency_ms()?);
        let is_too_fast = tokens as f64 > latency_ms * FASTEST_TOKENS_PER_MS;
        is_too_fast.then_some(Unresolved::TooFast { tokens, latency_ms })
    }

    /// Returns `None`, for metrics that do not depend on how reads group the text.
    pub const fn always_resolved(&self) -> Option<Unresolved> {
        None
    }

    /// Reason why the gaps between events are unresolved.
    pub fn unresolved_gaps(&self) -> Option<Unresolved> {
        let resolution = self.resolution();
        self.unresolved_window(resolution.as_ref()).or_else(|| {
            let (events, bunches) = (self.content_events(), resolution?.bunches);
            (events > 1 && bunches * 2 <= events).then_some(Unresolved::SharedReads { bunches, events })
        })
    }

    /// Reason why the time from the first to the last text is unresolved.
    fn unresolved_window(&self, resolution: Option<&Resolution>) -> Option<Unresolved> {
        if let Some(why) = self.not_streamed_by(resolution).or_else(|| self.held_back()) {
            return Some(why);
        }
        let resolution = resolution?;
        let error = self.window_error(resolution)?;
        if error.max() <= ERROR_BOUND {
            return None;
        }
        let at_the_end = error.last > error.first;
        let events = if at_the_end { resolution.last_bunch_events } else { resolution.first_bunch_events };
        let known = Some(error.max()).filter(|error| error.is_finite());
        Some(Unresolved::Bunched { events, at_the_end, of: self.content_events(), error: known })
    }

    /// Largest error of the ITL, as a share; infinite if unbounded. `None` without two events.
    pub fn inter_token_error(&self) -> Option<f64> {
        Some(self.window_error(&self.resolution()?)?.max() + self.share_error()?)
    }

    /// Largest error of the TTFT, as a share; `None` without a TTFT or if unbounded.
    pub fn first_token_error(&self) -> Option<f64> {
        let resolution = self.resolution().filter(|_| self.not_streamed().is_none())?;
        let measured_ms = self.first_text_ms()?;
        if resolution.first_bunch_events < 2 { Some(0.0) } else { relative(resolution.first_hold_ms?, measured_ms) }
    }

    /// Largest error of the time from the first to the last text.
    fn window_error(&self, resolution: &Resolution) -> Option<WindowError> {
        let window_ms = self.last_arrival()?.millis_since(self.first_arrival()?);
        if self.content_events() < 2 {
            return None;
        }
        let first = resolution.first_hold_ms.filter(|_| window_ms > 0.0).map(|hold_ms| hold_ms / window_ms);
        let last = relative(resolution.last_hold_ms, window_ms);
        Some(WindowError { first: first.unwrap_or(f64::INFINITY), last: last.unwrap_or(f64::INFINITY) })
    }

    /// Largest error of the number of tokens after the first event, as a share. It arises where the tokens of the first
    /// event are only estimated as the mean per event.
    fn share_error(&self) -> Option<f64> {
        let (tokens, source) = self.output_tokens()?;
        let is_counted = source == TokenSource::Usage && self.tokens_in_first_event.is_some();
        let share = tokens as f64 / self.content_events() as f64;
        Some(if is_counted || share <= 1.0 { 0.0 } else { (share - 1.0) / (tokens as f64 - share) })
    }

    /// Returns the proof that text was held back: by its own clock, the server decoded much longer than the text took
    /// to arrive.
    pub(super) fn held_back(&self) -> Option<Unresolved> {
        let (tokens, _) = self.output_tokens()?;
        // A server's decode time includes the first token; the time measured here does not.
        let share = self.tokens_after_first_event()? / tokens as f64;
        let decode_ms = self.server_timings?.decode_ms? * share;
        let window_ms = self.last_arrival()?.millis_since(self.first_arrival()?);
        let is_held_back = decode_ms > window_ms * HELD_BACK_FACTOR && self.content_events() > 1;
        is_held_back.then_some(Unresolved::HeldBack { decode_ms, window_ms })
    }
}

/// Errors of the time from the first to the last text, as shares of the true time. They act in opposite directions.
#[derive(Clone, Copy)]
struct WindowError {
    first: f64,
    last: f64,
}

impl WindowError {
    const fn max(self) -> f64 {
        self.first.max(self.last)
    }
}

/// Error of a measured time that is up to `excess_ms` too long, as a share of the true time; `None` if
/// unbounded.
fn relative(excess_ms: f64, measured_ms: f64) -> Option<f64> {
    let least_ms = measured_ms - excess_ms;
    if excess_ms <= 0.0 {
        return Some(0.0);
    }
    (least_ms > 0.0).then(|| excess_ms / least_ms)
}

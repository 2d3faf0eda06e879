//! Metrics of a stream that still runs: estimates from its events, and the time so far.

/// Shortest time that a rate is computed over, milliseconds.
const MIN_RATE_MS: f64 = 250.0;

/// A running stream at one moment, as far as metrics need it.
#[derive(Clone, Copy, Debug)]
pub struct LiveStream {
    /// Time since its clock started, milliseconds.
    pub elapsed_ms: f64,
    /// Time to first token, once it came.
    pub ttft_ms: Option<f64>,
    /// Events with generated text so far.
    pub content_events: u32,
    /// Estimated tokens that one event holds.
    pub tokens_per_event: f64,
    /// Whether most events came in reads of their own.
    pub is_resolved: bool,
}

/// Figure of a running stream, in the unit of its metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LiveFigure {
    /// Measured; the end of the stream does not change it.
    Measured(f64),
    /// Rests on an estimated number of tokens.
    Estimate(f64),
    /// Time so far, milliseconds.
    Elapsed(f64),
}

pub(super) fn ttft(live: &LiveStream) -> Option<LiveFigure> {
    live.ttft_ms.map(LiveFigure::Measured)
}

#[expect(clippy::unnecessary_wraps, reason = "a row of the table of metrics")]
pub(super) const fn elapsed(live: &LiveStream) -> Option<LiveFigure> {
    Some(LiveFigure::Elapsed(live.elapsed_ms))
}

pub(super) fn tokens(live: &LiveStream) -> Option<LiveFigure> {
    let tokens = output_tokens(live);
    (tokens > 0.0).then_some(LiveFigure::Estimate(tokens))
}

pub(super) fn speed(live: &LiveStream) -> Option<LiveFigure> {
    rate_per_s(output_tokens(live), live.elapsed_ms).map(LiveFigure::Estimate)
}

pub(super) fn decode(live: &LiveStream) -> Option<LiveFigure> {
    decode_per_s(live).map(LiveFigure::Estimate)
}

pub(super) fn inter_token(live: &LiveStream) -> Option<LiveFigure> {
    Some(LiveFigure::Estimate(1000.0 / decode_per_s(live)?))
}

/// Of metrics that are only known at the end.
pub(super) const fn not_before_the_end(_live: &LiveStream) -> Option<LiveFigure> {
    None
}

fn output_tokens(live: &LiveStream) -> f64 {
    f64::from(live.content_events) * live.tokens_per_event
}

/// Decode speed since the first token; `None` where reads hold several events, which makes it that of a buffer.
fn decode_per_s(live: &LiveStream) -> Option<f64> {
    let since_first_ms = live.ttft_ms.map_or(0.0, |ttft| live.elapsed_ms - ttft);
    let after_first = output_tokens(live) - live.tokens_per_event;
    rate_per_s(after_first, since_first_ms).filter(|_| live.is_resolved)
}

fn rate_per_s(tokens: f64, ms: f64) -> Option<f64> {
    (tokens > 0.0 && ms >= MIN_RATE_MS).then(|| tokens / ms * 1000.0)
}

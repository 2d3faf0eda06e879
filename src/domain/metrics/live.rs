//! Metrics of a stream that still runs: estimates from its events, and the time so far.

use crate::domain::live::LiveStream;

/// Shortest time that a rate is computed over, milliseconds.
const MIN_RATE_MS: f64 = 250.0;

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

pub(super) fn ttft(live: &LiveStream<'_>) -> Option<LiveFigure> {
    live.stream.ttft_ms.map(LiveFigure::Measured)
}

#[expect(clippy::unnecessary_wraps, reason = "a row of the table of metrics")]
pub(super) const fn elapsed(live: &LiveStream<'_>) -> Option<LiveFigure> {
    Some(LiveFigure::Elapsed(live.elapsed_ms))
}

pub(super) fn tokens(live: &LiveStream<'_>) -> Option<LiveFigure> {
    let tokens = output_tokens(live);
    (tokens > 0.0).then_some(LiveFigure::Estimate(tokens))
}

pub(super) fn speed(live: &LiveStream<'_>) -> Option<LiveFigure> {
    rate_per_s(output_tokens(live), live.elapsed_ms).map(LiveFigure::Estimate)
}

pub(super) fn decode(live: &LiveStream<'_>) -> Option<LiveFigure> {
    decode_per_s(live).map(LiveFigure::Estimate)
}

pub(super) fn inter_token(live: &LiveStream<'_>) -> Option<LiveFigure> {
    Some(LiveFigure::Estimate(1000.0 / decode_per_s(live)?))
}

/// Of metrics that are only known at the end.
pub(super) const fn not_before_the_end(_live: &LiveStream<'_>) -> Option<LiveFigure> {
    None
}

fn output_tokens(live: &LiveStream<'_>) -> f64 {
    f64::from(live.stream.content_events) * live.tokens_per_event
}

/// Decode speed since the first token; `None` where reads hold several events, which makes it that of a buffer.
fn decode_per_s(live: &LiveStream<'_>) -> Option<f64> {
    let since_first_ms = live.stream.ttft_ms.map_or(0.0, |ttft| live.elapsed_ms - ttft);
    let after_first = output_tokens(live) - live.tokens_per_event;
    rate_per_s(after_first, since_first_ms).filter(|_| live.stream.is_resolved())
}

fn rate_per_s(tokens: f64, ms: f64) -> Option<f64> {
    (tokens > 0.0 && ms >= MIN_RATE_MS).then(|| tokens / ms * 1000.0)
}

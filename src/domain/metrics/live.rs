//! Metrics of running streams: estimates from events, and elapsed time.

/// Minimum time over which a rate is computed, milliseconds.
const MIN_RATE_MS: f64 = 250.0;

/// State of a running stream, reduced to what metrics need.
#[derive(Clone, Copy, Debug)]
pub struct LiveStream {
    /// Time since the clock of the request started, milliseconds.
    pub elapsed_ms: f64,
    /// Time to the first event with text, milliseconds, even if the text was held back. `None` before this event.
    pub ttft_ms: Option<f64>,
    /// Events with generated text so far.
    pub content_events: u32,
    /// Estimated tokens per event.
    pub tokens_per_event: f64,
    /// Whether most events had their own read.
    pub is_resolved: bool,
}

/// Value of a metric for a running stream, in the metric's unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LiveFigure {
    /// Final measured value.
    Measured(f64),
    /// Value based on an estimated number of tokens.
    Estimate(f64),
    /// Elapsed time of a figure that has no value yet, milliseconds.
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

/// Function of metrics that are known only after the end.
pub(super) const fn not_before_the_end(_live: &LiveStream) -> Option<LiveFigure> {
    None
}

fn output_tokens(live: &LiveStream) -> f64 {
    f64::from(live.content_events) * live.tokens_per_event
}

/// Decode speed since the first token, tokens per second. `None` if most reads have several events, because the speed
/// would be that of a buffer.
fn decode_per_s(live: &LiveStream) -> Option<f64> {
    let since_first_ms = live.ttft_ms.map_or(0.0, |ttft| live.elapsed_ms - ttft);
    let after_first = output_tokens(live) - live.tokens_per_event;
    rate_per_s(after_first, since_first_ms).filter(|_| live.is_resolved)
}

fn rate_per_s(tokens: f64, ms: f64) -> Option<f64> {
    (tokens > 0.0 && ms >= MIN_RATE_MS).then(|| tokens / ms * 1000.0)
}

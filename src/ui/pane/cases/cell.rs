//! The content of a cell: a measured or live figure, a difference, or progress.

use ratatui::text::Span;

use super::columns::{Column, Kind};
use super::row::Row;
use super::trace;
use crate::app::state::Scene;
use crate::domain::attempt::{AttemptRecord, TokenSource};
use crate::domain::difference::{Difference, Verdict, compare_means};
use crate::domain::live::{InFlight, StreamPhase};
use crate::domain::metrics::{LiveFigure, LiveStream, Metric, SPEED, TTFT, Unit};
use crate::domain::pass_rate::whole_percent;
use crate::domain::prefix_cache::PrefixCache;
use crate::domain::quantity::Quantity;
use crate::domain::session::CasePhase;
use crate::domain::text::sanitise_line;
use crate::ui::mark::{CACHE_UNKNOWN, ESTIMATED, SAME, WARM};
use crate::ui::number;
use crate::ui::theme::Theme;
use crate::ui::widget::bar::Bar;

/// Width of the share in the progress column, cells: `~100%`.
const SHARE: usize = 5;

impl Column {
    /// Returns the content of this column in a row.
    pub(super) fn cell(&self, row: &Row<'_>, theme: Theme) -> Vec<Span<'static>> {
        let text = match self.kind {
            Kind::State => String::new(),
            Kind::Metric(metric) => return vec![self.metric(metric, row, theme)],
            Kind::Difference(metric) => return vec![self.difference(metric, row, theme)],
            Kind::Progress => return self.progress(row, theme),
            Kind::Attempts => attempts(row),
            Kind::Finish => finish(row),
            Kind::Trace => return trace::spans(row, self.width, theme),
        };
        vec![Span::styled(self.aligned(&text), theme.muted())]
    }

    fn metric(&self, metric: &Metric, row: &Row<'_>, theme: Theme) -> Span<'static> {
        let figure = match (row.live, row.record.as_deref()) {
            _ if row.is_mean() => mean(metric, row, self.width),
            _ if row.phase == CasePhase::Running && row.live.is_none() => None,
            (Some(live), _) => live_figure(metric, live, row.scene),
            (None, Some(record)) => Some(measured(metric, record)),
            (None, None) => None,
        };
        let text = figure.unwrap_or_default();
        let style = if *metric == SPEED { theme.value() } else { theme.text() };
        let style = if text.is_empty() || text == number::UNKNOWN { theme.muted() } else { style };
        Span::styled(self.aligned(&text), style)
    }

    /// The difference from the baseline: sign and share, or `≈` where it may be chance.
    fn difference(&self, metric: &Metric, row: &Row<'_>, theme: Theme) -> Span<'static> {
        let (text, style) = match difference(metric, row) {
            None => (String::new(), theme.muted()),
            Some(Difference::OtherCache) => ("cache".to_owned(), theme.muted()),
            Some(Difference::Measured { verdict: Verdict::Same, .. }) => (SAME.to_owned(), theme.muted()),
            Some(Difference::Measured { share, verdict, estimated }) => {
                let style = if verdict == Verdict::Better { theme.good() } else { theme.bad() };
                (signed(share, estimated), style)
            }
        };
        Span::styled(self.aligned(&text), style)
    }

    fn progress(&self, row: &Row<'_>, theme: Theme) -> Vec<Span<'static>> {
        let (tokens, estimated) = match (row.live, &row.record) {
            // Leave the cell blank: the state column already says that the row waits for its first token.
            (Some(live), _) if live.phase == StreamPhase::Waiting => return vec![Span::raw(" ".repeat(self.width))],
            (Some(live), _) => (f64::from(live.content_events) * row.scene.tokens_per_event, true),
            (None, Some(record)) if row.phase != CasePhase::Running => match record.output_tokens() {
                Some((n, source)) => (n as f64, source == TokenSource::Estimate),
                None => return vec![Span::styled(self.aligned(number::UNKNOWN), theme.muted())],
            },
            (None, _) => return vec![Span::raw(" ".repeat(self.width))],
        };
        let share = tokens / f64::from(row.spec.max_tokens.max(1));
        let filled = if row.live.is_some() { theme.accent() } else { theme.muted() };
        let bar = Bar { share, tick: None, filled, rest: theme.muted(), ticked: filled };
        let mark = if estimated { ESTIMATED } else { "" };
        let mut spans = bar.spans(self.width.saturating_sub(SHARE + 1));
        let share = crate::ui::fit::right(&format!("{mark}{:.0}%", share * 100.0), SHARE + 1);
        spans.push(Span::styled(share, theme.muted()));
        spans
    }
}

/// The finish reason that the server reported.
fn finish(row: &Row<'_>) -> String {
    let record = row.record.as_ref().filter(|_| row.phase != CasePhase::Running);
    record.and_then(|r| r.finish_reason.as_deref()).map(sanitise_line).unwrap_or_default()
}

/// Formats a share with its sign: `+12.3%`, `−4.0%`, `~+3.1%`.
fn signed(share: f64, estimated: bool) -> String {
    let percent = (share * 100.0).abs();
    let sign = if share < 0.0 { "−" } else { "+" };
    let mark = if estimated { ESTIMATED } else { "" };
    if percent < 99.95 { format!("{mark}{sign}{percent:.1}%") } else { format!("{mark}{sign}{percent:.0}%") }
}

fn difference(metric: &Metric, row: &Row<'_>) -> Option<Difference> {
    // Only complete, measured answers have a figure to compare.
    row.record.as_ref().filter(|r| (row.live.is_none() || row.is_mean()) && !r.warmup)?;
    compare_means(metric, row.figures(), row.baseline?)
}

/// Formats the mean of a case's reported attempts, with half its 95% interval if that fits: `195 ± 12 ms`.
fn mean(metric: &Metric, row: &Row<'_>, cells: usize) -> Option<String> {
    let spread = row.spread(metric)?;
    let figures = row.figures();
    let estimated = metric.counts_output_tokens && figures.is_estimated();
    let is_cold = figures.cache() == Some(PrefixCache::Cold)
        || (figures.cache() == Some(PrefixCache::Unknown)
            && row.record.as_ref().is_some_and(|r| r.has_unique_prompt()));
    let cache = match figures.cache() {
        _ if *metric != TTFT || is_cold => String::new(),
        Some(PrefixCache::Unknown) => format!("{CACHE_UNKNOWN} "),
        _ => format!("{WARM} "),
    };
    let with = |half_width: Option<f64>, lacks_interval: bool| {
        let quantity = match metric.unit {
            Unit::Milliseconds => Quantity::from_millis_within(spread.stats.avg, half_width),
            Unit::TokensPerSecond | Unit::ItemsPerSecond => {
                Quantity::new(spread.stats.avg, 1).with_half_width(half_width)
            }
            Unit::Tokens => Quantity::grouped(spread.stats.avg),
            Unit::Percent => return whole_percent(spread.stats.avg),
        };
        let lacks = lacks_interval && metric.unit != Unit::Tokens;
        format!("{cache}{}", quantity.lacking_half_width_if(lacks).estimated_if(estimated))
    };
    let full = with(spread.mean_half_width, spread.has_too_few_repeats());
    Some(if crate::ui::fit::width(&full) <= cells { full } else { with(None, false) })
}

/// Number of measured attempts and their statistic, `5× mean`, with a mark if they are unfolded.
pub(super) fn attempts(row: &Row<'_>) -> String {
    if row.attempt.is_some() {
        return String::new();
    }
    let mark = if row.is_unfolded { "▾" } else { "" };
    match row.state.measured_count() {
        // Means are over the reported attempts, as in the report.
        _ if row.is_mean() => format!("{mark}{}× mean", row.state.reported_count_in(row.stage)),
        count if row.is_unfolded || count > 1 => format!("{mark}{count}×"),
        _ => String::new(),
    }
}

/// State of the server's prefix cache for the prompt. `None` if the server reports nothing and the prompt was made
/// unique.
pub(super) fn cache(record: &AttemptRecord) -> Option<&'static str> {
    match record.prefix_cache() {
        PrefixCache::Cold => Some("cold"),
        PrefixCache::Warm => Some("warm"),
        PrefixCache::Unknown => (!record.has_unique_prompt()).then_some("cache unknown"),
    }
}

/// Formats a figure of a complete answer; `~` marks one that rests on an estimated number of tokens.
pub(super) fn measured(metric: &Metric, record: &AttemptRecord) -> String {
    let estimated = matches!(record.output_tokens(), Some((_, TokenSource::Estimate)));
    let figure = text(metric.unit, (metric.get)(record), estimated && metric.counts_output_tokens);
    match record.prefix_cache() {
        _ if *metric != TTFT || record.is_later_turn() => figure,
        PrefixCache::Warm => format!("{WARM} {figure}"),
        PrefixCache::Unknown if !record.has_unique_prompt() => format!("{CACHE_UNKNOWN} {figure}"),
        _ => figure,
    }
}

fn text(unit: Unit, value: Option<f64>, estimated: bool) -> String {
    let quantity = match unit {
        Unit::Milliseconds => Quantity::from_millis(value),
        Unit::TokensPerSecond | Unit::ItemsPerSecond => Quantity::new(value, 1),
        Unit::Tokens => Quantity::grouped(value),
        Unit::Percent => return value.map_or_else(|| number::UNKNOWN.to_owned(), whole_percent),
    };
    quantity.estimated_if(estimated).to_string()
}

/// Formats a figure of a stream in flight; `None` while it is unknown.
pub(super) fn live_figure(metric: &Metric, live: &InFlight, scene: &Scene) -> Option<String> {
    let elapsed_ms = scene.now.millis_since(live.started);
    let stream = LiveStream {
        elapsed_ms,
        ttft_ms: live.ttft_ms,
        content_events: live.content_events,
        tokens_per_event: scene.tokens_per_event,
        is_resolved: live.is_resolved(),
    };
    Some(match (metric.live)(&stream)? {
        LiveFigure::Measured(value) => text(metric.unit, Some(value), false),
        LiveFigure::Estimate(value) => text(metric.unit, Some(value), true),
        LiveFigure::Elapsed(ms) => format!("{:.1} s", ms / 1000.0),
    })
}

#[cfg(test)]
mod tests;

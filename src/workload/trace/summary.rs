//! Describes a trace in one line, which is shown before the run.

use std::fmt;
use std::time::Duration;

use super::error::TraceError;
use super::format::TraceFormat;
use crate::domain::quantity::{Quantity, count, grouped};
use crate::domain::statistics::percentile_by;
use crate::domain::time::clock;

/// Median and 95th percentile of lengths, tokens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lengths {
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
}

impl Lengths {
    /// Computes both percentiles. Returns `None` if there are no lengths.
    pub(super) fn from_tokens(mut tokens: Vec<u32>) -> Option<Self> {
        tokens.sort_unstable();
        let percentile = |p| percentile_by(tokens.len(), p, |i| tokens.get(i).copied().map_or(0.0, f64::from));
        (!tokens.is_empty()).then(|| Self { p50: percentile(50.0), p95: percentile(95.0) })
    }
}

/// Figures of a whole trace.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceSummary {
    /// Format of the trace.
    pub format: TraceFormat,
    /// Number of usable rows.
    pub requests: u64,
    /// Time from the first to the last request, as recorded.
    pub span: Duration,
    /// Lengths of the prompts whose length is known.
    pub input: Option<Lengths>,
    /// Lengths of the answers whose length is known.
    pub output: Option<Lengths>,
    /// Number of rows that start before the previous row. Requests are replayed in order of time.
    pub out_of_order: u64,
    /// Number of rows skipped because of a fault.
    pub skipped: u64,
    /// Fault of the first skipped row.
    pub first_skipped: Option<TraceError>,
}

impl fmt::Display for TraceSummary {
    /// Formats the figures like `Mooncake trace: 12,031 requests in 58:56, input p50 6,909 and p95 44,000 tokens, …`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = if self.requests == 1 { "request" } else { "requests" };
        write!(f, "{}: {} {noun} in {}", self.format.as_str(), grouped(self.requests), clock(self.span))?;
        for (name, lengths) in [("input", self.input), ("output", self.output)] {
            if let Some(Lengths { p50, p95 }) = lengths {
                write!(f, ", {name} p50 {} and p95 {} tokens", Quantity::grouped(p50), Quantity::grouped(p95))?;
            }
        }
        if self.out_of_order > 0 {
            write!(f, ", {} out of order (sorted by time)", count(self.out_of_order as usize, "row"))?;
        }
        if self.skipped > 0 {
            write!(f, ", {} skipped", count(self.skipped as usize, "row"))?;
            if let Some(first) = &self.first_skipped {
                write!(f, " ({first})")?;
            }
        }
        Ok(())
    }
}

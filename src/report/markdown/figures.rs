//! Formats figures for the report. Each metric has the same unit and number of decimals everywhere.

use crate::domain::metrics::{ITL, LATENCY, METRICS, Metric, OUTPUT_TOKENS, Unit};
use crate::domain::quantity::{self, ESTIMATED, Quantity};
use crate::domain::statistics::needed_for;
use crate::report::spread::Spread;

use super::escape::UNKNOWN;

/// Percentiles that a report shows.
pub const PERCENTILES: [u32; 4] = [50, 90, 95, 99];

/// Formats a figure, with `~` before an estimate; a dash for a missing figure.
pub fn figure(value: Option<f64>, digits: usize, estimated: bool) -> String {
    Quantity::new(value, digits).estimated_if(estimated).to_string()
}

/// Formats a figure with its unit; a dash alone for a missing figure.
pub fn with_unit(value: Option<f64>, digits: usize, estimated: bool, unit: &str) -> String {
    Quantity::new(value, digits).with_unit(unit).estimated_if(estimated).to_string()
}

/// Formats a whole number with commas between thousands: `97,887`.
pub fn grouped(value: f64) -> String {
    quantity::grouped(value.round().max(0.0) as u64).replace(|c: char| !c.is_ascii_digit(), ",")
}

/// Formats a token count: `6,600`, `~6,600`, or a dash.
pub fn tokens(value: Option<f64>, estimated: bool) -> String {
    let mark = if estimated { ESTIMATED } else { "" };
    value.map_or_else(|| UNKNOWN.to_owned(), |n| format!("{mark}{}", grouped(n)))
}

/// Returns the short name of a metric.
pub fn label(metric: &Metric) -> &'static str {
    match metric {
        m if *m == ITL => "ITL",
        m if *m == OUTPUT_TOKENS => "Completion",
        m => m.label,
    }
}

/// Returns the heading of a metric with its unit: `TTFT (ms)`.
pub fn heading(metric: &Metric) -> String {
    format!("{} ({})", label(metric), unit(metric))
}

/// Returns the unit of a metric in the report: seconds for whole requests, milliseconds for shorter times.
pub fn unit(metric: &Metric) -> &'static str {
    match metric.unit {
        Unit::Milliseconds if *metric == LATENCY => "s",
        Unit::Milliseconds => "ms",
        Unit::TokensPerSecond => "tok/s",
        Unit::ItemsPerSecond => "items/s",
        Unit::Tokens => "tokens",
        Unit::Percent => "%",
    }
}

/// Formats a metric's value in the unit of the report, without the unit.
pub fn bare(metric: &Metric, value: Option<f64>, estimated: bool) -> String {
    let estimated = estimated && metric.counts_output_tokens;
    match metric.unit {
        Unit::Tokens => tokens(value, estimated),
        _ => figure(value.map(|v| v * scale(metric)), digits(metric), estimated),
    }
}

/// Formats a metric's value with its unit; a dash alone for a missing value.
pub fn quantity(metric: &Metric, value: Option<f64>, estimated: bool) -> String {
    let bare = bare(metric, value, estimated);
    if value.is_some() { format!("{bare} {}", unit(metric)) } else { bare }
}

/// Formats a mean with half the width of its 95% interval: `112.9 ± 1.4`, or `112.9 ± –` with too few repeats. Without
/// repeats, formats only the mean.
pub fn mean(metric: &Metric, spread: Option<&Spread>, estimated: bool) -> String {
    let mean = bare(metric, spread.map(|s| s.stats.avg), estimated);
    match spread {
        Some(Spread { mean_half_width: Some(half), .. }) => {
            format!("{mean} ± {:.*}", digits(metric), half * scale(metric))
        }
        Some(spread) if spread.has_too_few_repeats() => format!("{mean} ± {UNKNOWN}"),
        _ => mean,
    }
}

/// Returns the factor from a metric's own unit to that of the report.
pub fn scale(metric: &Metric) -> f64 {
    if *metric == LATENCY { 0.001 } else { 1.0 }
}

/// Returns the number of decimals of a metric's values.
pub fn digits(metric: &Metric) -> usize {
    match metric.unit {
        Unit::Milliseconds if *metric == LATENCY || *metric == ITL => 2,
        Unit::Milliseconds | Unit::TokensPerSecond | Unit::ItemsPerSecond => 1,
        Unit::Tokens | Unit::Percent => 0,
    }
}

/// Returns the metrics that are times, in the order of reports.
pub fn times() -> impl Iterator<Item = &'static Metric> {
    METRICS.iter().copied().filter(|m| m.unit == Unit::Milliseconds)
}

/// Returns the metrics that are speeds, in the order of reports.
pub fn speeds() -> impl Iterator<Item = &'static Metric> {
    METRICS.iter().copied().filter(|m| matches!(m.unit, Unit::TokensPerSecond | Unit::ItemsPerSecond))
}

/// Returns a footnote about percentiles that need more requests than the run has.
pub fn needed(percentiles: &[u32]) -> String {
    let needs: Vec<String> = percentiles.iter().map(|p| format!("p{p} needs {}", needed_for(*p))).collect();
    format!("Percentiles without enough requests are omitted: {}.", needs.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::metrics::{SPEED, TTFT};

    #[test]
    fn every_metric_has_one_unit_and_number_of_decimals() {
        assert_eq!(quantity(&LATENCY, Some(7034.0), false), "7.03 s");
        assert_eq!(quantity(&TTFT, Some(436.74), true), "436.7 ms");
        assert_eq!(quantity(&SPEED, Some(114.51), true), "~114.5 tok/s");
        assert_eq!(quantity(&OUTPUT_TOKENS, Some(6600.0), true), "~6,600 tokens");
        assert_eq!(quantity(&ITL, None, true), UNKNOWN);
        assert_eq!([heading(&ITL), heading(&LATENCY)], ["ITL (ms)", "Time (s)"]);
        assert_eq!([0.4, 999.0, 97_887.3].map(grouped), ["0", "999", "97,887"]);
    }

    #[test]
    fn the_footnote_names_the_requests_that_each_percentile_needs() {
        assert_eq!(needed(&[95, 99]), "Percentiles without enough requests are omitted: p95 needs 20, p99 needs 100.");
    }
}

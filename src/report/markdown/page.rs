//! A Markdown page that grows line by line, and the forms its figures have.

use crate::domain::metrics::{Metric, Unit};
use crate::domain::quantity::Quantity;
use crate::report::spread::Spread;

/// The page so far.
#[derive(Debug, Default)]
pub struct Page {
    /// What was written.
    pub text: String,
}

impl Page {
    /// A line; empty for a blank one.
    pub fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// A heading or a paragraph with a blank line after it.
    pub fn block(&mut self, line: &str) {
        self.line(line);
        self.line("");
    }

    /// `- **Name**: value`.
    pub fn field(&mut self, name: &str, value: &str) {
        self.line(&format!("- **{name}**: {value}"));
    }

    /// A table with a blank line after it. The cells are Markdown already.
    pub fn table(&mut self, header: &[String], rows: &[Vec<String>]) {
        self.row(header);
        let rule: Vec<_> = header.iter().map(|h| "-".repeat(h.chars().count() + 2)).collect();
        self.line(&format!("|{}|", rule.join("|")));
        for row in rows {
            self.row(row);
        }
        self.line("");
    }

    fn row(&mut self, cells: &[String]) {
        self.line(&format!("| {} |", cells.join(" | ")));
    }
}

/// A figure, with `~` before it where it is an estimate; a dash where there is none.
pub fn figure(value: Option<f64>, digits: usize, estimated: bool) -> String {
    Quantity::new(value, digits).estimated_if(estimated).to_string()
}

/// A figure with its unit; a dash alone where there is none.
pub fn with_unit(value: Option<f64>, digits: usize, estimated: bool, unit: &str) -> String {
    Quantity::new(value, digits).with_unit(unit).estimated_if(estimated).to_string()
}

/// Milliseconds as seconds.
pub fn seconds(ms: Option<f64>, digits: usize) -> String {
    with_unit(ms.map(|ms| ms / 1000.0), digits, false, "s")
}

/// A metric's heading with its unit.
pub fn heading(metric: &Metric) -> String {
    match unit(metric) {
        "" => metric.label.to_owned(),
        unit => format!("{} {unit}", metric.label),
    }
}

/// The word for a metric's unit; none for tokens, which the label names.
pub fn unit(metric: &Metric) -> &'static str {
    match metric.unit {
        Unit::Milliseconds => "ms",
        Unit::TokensPerSecond => "tok/s",
        Unit::Tokens => "",
    }
}

/// A metric's figure in its own unit, without the unit.
pub fn bare(metric: &Metric, value: Option<f64>, estimated: bool) -> String {
    figure(value, digits(metric, value), estimated && metric.counts_output_tokens)
}

/// Decimals that a metric's figure of this size has.
pub fn digits(metric: &Metric, value: Option<f64>) -> usize {
    match metric.unit {
        Unit::Milliseconds if value.is_some_and(|v| v < 100.0) => 2,
        Unit::Milliseconds | Unit::TokensPerSecond => 1,
        Unit::Tokens => 0,
    }
}

/// A mean with half the width of its interval, as exact as the mean: `112.9 ± 1.4`. Without repeats the mean alone.
pub fn give_or_take(metric: &Metric, spread: Option<&Spread>, estimated: bool) -> String {
    let mean = spread.map(|s| s.stats.avg);
    let half = spread.and_then(|s| s.mean_half_width);
    let quantity = Quantity::new(mean, digits(metric, mean)).with_half_width(half);
    quantity.estimated_if(estimated && metric.counts_output_tokens).to_string()
}

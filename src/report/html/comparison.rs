//! A comparison of two runs as one HTML file.

use maud::html;

use super::figure::{figure, halves};
use super::markdown;
use super::page::{Part, document};
use crate::report::compare::{self, Comparison};
use crate::report::plots;

/// Heading of the part with the charts.
const CHARTS: &str = "Distributions";

/// Returns the comparison as HTML: its Markdown text in sections, and charts of both runs.
pub fn comparison(comparison: &Comparison) -> String {
    let text = compare::markdown(comparison);
    let mut blocks = text.split("\n## ");
    let front = blocks.next().unwrap_or_default();
    let (title, front) = front.split_once('\n').unwrap_or((front, ""));
    let front = html! { h1 { (title.trim_start_matches("# ")) } (markdown::report(front)) };
    let difference = plots::differences(comparison);
    let mut parts = Vec::new();
    if let Some(chart) = &difference {
        parts.push(Part::new("Differences", figure(chart)));
    }
    let distributions = plots::two_distributions(comparison);
    if !distributions.is_empty() {
        parts.push(Part::new(CHARTS, halves(&distributions)));
    }
    parts.extend(blocks.map(|block| {
        let (heading, body) = block.split_once('\n').unwrap_or((block, ""));
        Part::new(heading, markdown::report(body))
    }));
    document("Comparison of two runs · tokscope", &front, &parts)
}

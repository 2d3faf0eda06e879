//! The chart that describes the run, as an SVG file of its own.

use std::io::{self, Write};

use maud::html;

use super::chart::{Chart, Theme, WIDE, draw};
use super::compare::{ComparedRun, Comparison, NO_VERDICT};
use super::model::Report;
use super::plots;
use crate::domain::text::sanitise_line;

/// Writes the chart of a run.
///
/// # Errors
///
/// `to` does not accept it.
pub fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    to.write_all(render(report).as_bytes())
}

/// Renders the chart of a run; without a figure, a chart without panels that says so.
pub fn render(report: &Report) -> String {
    let chart = plots::headline(report).unwrap_or_else(|| empty("No request was measured"));
    let simulated = if report.simulated { " · SIMULATED" } else { "" };
    let started = report.started_at().strftime("%Y-%m-%d %H:%M").to_string();
    let run = format!(
        "{} · {} · {started} · tokscope {}{simulated}",
        sanitise_line(&report.model),
        sanitise_line(&report.session.suite.title()),
        env!("CARGO_PKG_VERSION")
    );
    file(&chart, &run)
}

/// Renders the chart of a comparison: the differences over all cases; without any, a chart without panels that says so.
pub fn comparison(comparison: &Comparison) -> String {
    let chart = plots::differences(comparison).unwrap_or_else(|| empty(NO_VERDICT));
    let run = |side: &ComparedRun| sanitise_line(side.model.as_deref().unwrap_or(&side.name));
    let simulated = if comparison.a.simulated || comparison.b.simulated { " · SIMULATED" } else { "" };
    let about = format!(
        "A {} ({}) · B {} ({}) · tokscope {}{simulated}",
        run(&comparison.a),
        sanitise_line(&comparison.a.name),
        run(&comparison.b),
        sanitise_line(&comparison.b.name),
        env!("CARGO_PKG_VERSION")
    );
    file(&chart, &about)
}

/// A chart without figures.
fn empty(title: &str) -> Chart {
    let about = "There are no figures to draw.".to_owned();
    Chart { id: "empty", title: title.to_owned(), about, panels: Vec::new(), legend: Vec::new() }
}

/// Returns a chart as a file, with a line that names its run.
fn file(chart: &Chart, run: &str) -> String {
    let theme = Theme { heading: vec![chart.title.clone(), run.to_owned()] };
    let drawing = html! { (draw(chart, WIDE, &theme)) }.into_string();
    // No characters of XML 1.0.
    let drawing = drawing.replace(['\u{fffe}', '\u{ffff}'], "");
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{drawing}\n")
}

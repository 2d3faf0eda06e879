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
    let simulated = if report.simulated { "SIMULATED · " } else { "" };
    let started = report.started_at().strftime("%Y-%m-%d %H:%M").to_string();
    let run = format!(
        "{simulated}{} · {started} · tokscope {} · {}",
        sanitise_line(&report.model),
        env!("CARGO_PKG_VERSION"),
        sanitise_line(&report.session.suite.title())
    );
    file(&chart, &run)
}

/// Renders the chart of a comparison: the differences over all cases; without any, a chart without panels that says so.
pub fn comparison(comparison: &Comparison) -> String {
    let chart = plots::differences(comparison).unwrap_or_else(|| empty(NO_VERDICT));
    let run = |side: &ComparedRun| sanitise_line(side.model.as_deref().unwrap_or(&side.name));
    let simulated = if comparison.a.simulated || comparison.b.simulated { "SIMULATED · " } else { "" };
    let about = format!(
        "{simulated}A {} ({}) · B {} ({}) · tokscope {}",
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::session::{Plan, Session};
    use crate::report::fixture::{answer, report, run, sample_session, staged_session, suite, sweep_session};

    /// Checks that each element of a file ends, and that all attributes have quotes.
    fn check(file: &str) {
        let drawing = file.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n").unwrap();
        let (before, rest) = drawing.split_once("<style>").unwrap();
        let (_, after) = rest.split_once("</style>").unwrap();
        let mut open = Vec::new();
        for piece in [before, after].concat().split('<').skip(1) {
            let (tag, _) = piece.split_once('>').unwrap();
            assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
            match tag.strip_prefix('/') {
                Some(name) => assert_eq!(open.pop().as_deref(), Some(name)),
                None => open.push(tag.split(' ').next().unwrap().to_owned()),
            }
        }
        assert!(open.is_empty(), "{open:?}");
        let title = "</title><desc>";
        assert!(file.contains("xmlns=\"http://www.w3.org/2000/svg\"") && file.contains(title), "{file}");
    }

    fn title(session: Session) -> String {
        let file = render(&report(session));
        check(&file);
        let (_, rest) = file.split_once("<title>").unwrap();
        rest.split_once("</title>").unwrap().0.to_owned()
    }

    #[test]
    fn the_chart_is_the_one_that_describes_the_run() {
        assert_eq!(title(sample_session()), "TTFT distribution and Decode distribution");
        assert_eq!(title(sweep_session(&[1, 2, 4])), "Sweep over concurrency");
        assert_eq!(title(staged_session()), "Load over the run");
        let single = run(suite(&["a"]), Plan::default(), |id, now| Some(answer(id, now, 1000, 10, 20)));
        assert_eq!(title(single), "Requests over the run");
        assert_eq!(title(run(suite(&["a"]), Plan::default(), |_, _| None)), "No request was measured");
    }

    #[test]
    fn hostile_names_make_no_element() {
        let mut hostile = report(run(suite(&["</text><script>\u{1b}[2J\u{fffe}", "b"]), Plan::default(), |id, now| {
            Some(answer(id, now, 1000 + id.case as u64 * 100, 10, 20))
        }));
        hostile.model = "\"><script>alert(1)</script>".to_owned();
        let file = render(&hostile);
        check(&file);
        assert!(!file.contains("<script") && !file.contains(['\u{1b}', '\u{fffe}']), "{file}");
    }
}

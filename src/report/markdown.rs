//! Report as Markdown: verdict and chart first, then results, environment and method.
//!
//! Keeps the headings, fields and first columns of older reports, so that scripts and `compare` still find them.

mod chart;
mod checks;
mod depth;
mod details;
mod environment;
mod escape;
mod figures;
mod find;
mod front;
mod gate;
mod gpu;
mod load;
mod load_stages;
mod method;
mod models;
mod numbers;
mod page;
mod race;
mod repeated_runs;
mod results;
mod server;
mod shards;
mod statistics;
mod steady;
mod sweep;
mod verdict;
mod workload;

use std::io::{self, Write};

use super::case::{CaseView, cases_in};
use super::model::Report;
use super::summary::Summary;
pub(super) use escape::inline;
pub(super) use figures::{bare, heading, label, scale};
use page::Page;

/// A report with its summary and case views, which are computed once.
pub(super) struct View<'a> {
    /// The report.
    pub(super) report: &'a Report,
    /// Summary of the report.
    pub(super) summary: &'a Summary,
    /// Cases of the report.
    pub(super) cases: Vec<CaseView<'a>>,
}

/// A section of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Front,
    Race,
    Conclusion,
    Results,
    Depth,
    Models,
    Workload,
    Load,
    RepeatedRuns,
    Gate,
    Statistics,
    Shards,
    Environment,
    Gpu,
    Server,
    Details,
    Method,
}

/// Writes a section; nothing if the run has nothing to say in it.
type WriteSection = fn(&View<'_>, &mut Page);

/// All sections, in their order.
const SECTIONS: [(Section, WriteSection); 17] = [
    (Section::Front, front::write),
    (Section::Race, race::write),
    (Section::Conclusion, verdict::write),
    (Section::Results, results::write),
    (Section::Depth, depth::write),
    (Section::Models, models::write),
    (Section::Workload, workload::write),
    (Section::Load, load::write),
    (Section::RepeatedRuns, repeated_runs::write),
    (Section::Gate, gate::write),
    (Section::Statistics, statistics::write),
    (Section::Shards, shards::write),
    (Section::Environment, environment::write),
    (Section::Gpu, gpu::write),
    (Section::Server, server::write),
    (Section::Details, details::write),
    (Section::Method, method::write),
];

impl<'a> View<'a> {
    /// Creates the view of a report.
    pub(super) fn new(report: &'a Report) -> Self {
        let summary = report.summary();
        Self { report, summary, cases: cases_in(&report.session, summary.headline) }
    }

    /// Returns the sections that have text, without charts of characters, for a document that draws its charts.
    pub(super) fn sections(&self) -> Vec<(Section, String)> {
        let text = |write: WriteSection| {
            let mut page = Page { omits_charts: true, ..Page::default() };
            write(self, &mut page);
            page.text
        };
        let all = SECTIONS.into_iter().map(|(section, write)| (section, text(write)));
        all.filter(|(_, text)| !text.is_empty()).collect()
    }

    /// Returns the figures and notes of a case as they are in its section of the details.
    pub(super) fn notes(&self, case: &CaseView<'_>) -> String {
        let mut page = Page::default();
        details::notes(case, &mut page, self.report.session.suite.task);
        page.text
    }

    /// Names the stage of a sweep that a figure describes: ` at concurrency 8`. Empty without a sweep.
    fn at_stage(&self) -> String {
        self.summary.stage.map_or_else(String::new, |concurrency| format!(" at concurrency {concurrency}"))
    }

    /// Writes a line that names the stage of a sweep that the section describes.
    fn name_stage(&self, page: &mut Page) {
        if let Some(concurrency) = self.summary.stage {
            page.block(&format!("Concurrency {concurrency}, the best stage of the sweep."));
        }
    }
}

/// Writes the whole report to `to`.
///
/// # Errors
///
/// Returns the error of `to`.
pub fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    to.write_all(render(report).as_bytes())
}

/// Renders the whole report.
pub fn render(report: &Report) -> String {
    let (view, mut page) = (View::new(report), Page::default());
    for (_, write) in SECTIONS {
        write(&view, &mut page);
    }
    page.text
}

#[cfg(test)]
mod tests;

//! The report as Markdown: verdict and chart first, then the results, the environment, and how the numbers were taken.
//!
//! The headings, fields and first columns of older reports stay, so that scripts and `compare` still find them.

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
mod results;
mod server;
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
use page::Page;

/// A report and the figures that are computed from it once.
struct View<'a> {
    report: &'a Report,
    summary: &'a Summary,
    cases: Vec<CaseView<'a>>,
}

impl View<'_> {
    /// Names the stage of a sweep that a figure describes: ` at concurrency 8`. Empty without a sweep.
    fn at_stage(&self) -> String {
        self.summary.stage.map_or_else(String::new, |concurrency| format!(" at concurrency {concurrency}"))
    }

    /// Says which stage of a sweep the section describes.
    fn name_stage(&self, page: &mut Page) {
        if let Some(concurrency) = self.summary.stage {
            page.block(&format!("Concurrency {concurrency}, the best stage of the sweep."));
        }
    }
}

/// Writes the whole document.
///
/// # Errors
///
/// `to` does not accept it.
pub fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    to.write_all(render(report).as_bytes())
}

/// Renders the whole document.
pub fn render(report: &Report) -> String {
    let view = View { report, summary: report.summary(), cases: cases_in(&report.session, report.summary().headline) };
    let mut page = Page::default();
    front::write(&view, &mut page);
    verdict::write(&view, &mut page);
    results::write(&view, &mut page);
    depth::write(&view, &mut page);
    models::write(&view, &mut page);
    workload::write(&view, &mut page);
    load::write(&view, &mut page);
    gate::write(&view, &mut page);
    statistics::write(&view, &mut page);
    environment::write(&view, &mut page);
    gpu::write(&view, &mut page);
    server::write(&view, &mut page);
    details::write(&view, &mut page);
    method::write(&view, &mut page);
    page.text
}

#[cfg(test)]
mod tests;

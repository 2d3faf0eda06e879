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
use page::Page;

/// A report with its summary and case views, which are computed once.
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
    shards::write(&view, &mut page);
    environment::write(&view, &mut page);
    gpu::write(&view, &mut page);
    server::write(&view, &mut page);
    details::write(&view, &mut page);
    method::write(&view, &mut page);
    page.text
}

#[cfg(test)]
mod tests;

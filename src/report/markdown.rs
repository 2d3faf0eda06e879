//! The report as Markdown. What stood in the reports that came before it (headings, fields, first columns) stands where
//! it was; what is new comes after.

mod details;
mod escape;
mod front;
mod gpu;
mod load;
mod method;
mod numbers;
mod page;
mod results;
mod server;

use super::case::{CaseView, cases};
use super::model::Report;
use super::summary::Summary;
pub(super) use escape::inline;
use page::Page;

/// A report with what is computed from it once.
struct View<'a> {
    report: &'a Report,
    summary: Summary,
    cases: Vec<CaseView<'a>>,
}

/// The whole document.
pub fn render(report: &Report) -> String {
    let view = View { report, summary: Summary::from_session(&report.session), cases: cases(&report.session) };
    let mut page = Page::default();
    front::write(&view, &mut page);
    results::write(&view, &mut page);
    load::write(&view, &mut page);
    server::write(&view, &mut page);
    details::write(&view, &mut page);
    method::write(&view, &mut page);
    page.text
}

#[cfg(test)]
mod tests;

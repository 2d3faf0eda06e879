//! The report as one HTML file: the text of the Markdown report, with drawn charts, sortable tables and whole answers.
//!
//! The file loads nothing and needs no script to be read. Foreign text is escaped; besides, its content security policy allows
//! only the style and the script of this module.

mod answers;
mod comparison;
mod figure;
mod markdown;
#[cfg(any(test, fuzzing))]
pub mod oracle;
mod page;
mod policy;
mod requests;
mod table;

use std::io::{self, Write};

use maud::{Markup, html};

pub use self::comparison::comparison;
use self::figure::{figure, halves};
use self::page::{Part, document};
use super::chart::Chart;
use super::markdown::{Section, View};
use super::model::Report;
use super::plots;
use crate::domain::sweep::stages;
use crate::domain::text::sanitise_line;

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
    let view = View::new(report);
    let mut front = None;
    let mut parts = Vec::new();
    for (section, text) in view.sections() {
        let (heading, body) = text.split_once('\n').unwrap_or((&text, ""));
        let heading = heading.trim_start_matches(['#', ' ']);
        match section {
            Section::Front => front = Some(html! { h1 { (markdown::inline(heading)) } (markdown::report(body)) }),
            Section::Details => parts.push(Part::new(heading, answers::answers(&view))),
            _ => parts.push(Part::new(heading, html! { (markdown::report(body)) (charts(section, &view)) })),
        }
    }
    let title = format!("{} · tokscope", sanitise_line(&report.model));
    document(&title, &front.unwrap_or_default(), &parts)
}

/// Charts of a section, below its text.
fn charts(section: Section, view: &View<'_>) -> Markup {
    let (report, session) = (view.report, &view.report.session);
    let one = |chart: Option<Chart>| html! { @if let Some(chart) = &chart { (figure(chart)) } };
    match section {
        Section::Conclusion => {
            let stages = stages(session);
            if session.search().is_some() {
                return one(plots::search(session));
            }
            if stages.is_empty() { one(plots::speeds(&view.cases)) } else { one(plots::sweep(&stages)) }
        }
        Section::Results => requests::requests_table(session),
        Section::Depth => one(plots::depths(session)),
        Section::Workload => one(plots::turns(view.summary)),
        Section::Load => {
            let end = session.last_ended.unwrap_or(report.finished_at);
            let pareto = plots::pareto(&stages(session), &report.gpu);
            // Stages and probes each have their own time.
            let is_one_load = session.sweep.is_empty() && session.search().is_none();
            let load = is_one_load.then(|| plots::load_over_time(session, end)).flatten();
            html! { (one(pareto)) (one(load)) }
        }
        Section::Statistics => html! {
            (halves(&plots::distributions(&view.cases, view.summary)))
            (one(plots::requests(session)))
            (one(plots::arrivals(&view.cases)))
        },
        Section::Gpu => one(plots::gpus(report)),
        Section::Server => one(plots::server(report)),
        Section::Front
        | Section::Models
        | Section::Race
        | Section::RepeatedRuns
        | Section::Gate
        | Section::Shards
        | Section::Environment
        | Section::Details
        | Section::Method => html! {},
    }
}

#[cfg(test)]
mod tests;

//! A search for the largest load, as lines of the summary.

use super::entry::entry;
use crate::domain::load_search::{LoadSearch, ProbeVerdict, SearchVariable};
use crate::domain::quantity::count;
use crate::domain::search_results::{ProbeResult, SearchResult};
use crate::domain::session::Session;
use crate::domain::slo::Slo;

/// The result, and a line for each probe; empty without a search.
pub(super) fn lines(session: &Session) -> Vec<String> {
    let Some((search, result)) = session.search().zip(SearchResult::from_session(session)) else { return Vec::new() };
    let probes = result.probes.iter().map(|probe| {
        let load = search.settings.number(probe.probe.load);
        let label = match search.settings.variable {
            SearchVariable::Concurrency => format!("Concurrency {load}"),
            SearchVariable::Rate => format!("Rate {load}/s"),
        };
        entry(&label, words(probe, session.slos()).map(Some))
    });
    std::iter::once(entry("Largest load", [Some(result.sentence.clone())])).chain(probes).collect()
}

/// Verdict, figures and number of requests of a probe.
fn words(result: &ProbeResult, slos: &[Slo]) -> impl Iterator<Item = String> {
    let verdict = match result.probe.verdict {
        _ if result.probe.judged.is_none() => "not over",
        ProbeVerdict::Pass => "✓ pass",
        ProbeVerdict::Fail => "✗ fail",
        ProbeVerdict::Undecided => "? undecided",
    };
    let figures = result.figures.iter().zip(slos);
    let figures = figures.filter_map(|(f, slo)| Some(format!("{} {}", slo.name(), slo.with_unit(f.value?))));
    let figures: Vec<String> = figures.collect();
    let n = format!("n {}", result.stage.requests);
    std::iter::once(verdict.to_owned()).chain(figures).chain([n])
}

/// One line about a probe that is over, for the log of a headless run.
pub fn probe_line(number: usize, settings: &LoadSearch, result: &ProbeResult, slos: &[Slo]) -> String {
    let load = settings.in_words(result.probe.load);
    let why = result.deciding(slos).map_or_else(String::new, |why| format!(": {why}"));
    let verdict = result.probe.verdict.as_str();
    format!("probe {number}, {load}: {verdict}{why} ({})", count(result.stage.requests, "steady request"))
}

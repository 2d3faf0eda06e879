//! The one chart that describes a run.

use super::{distribution, load, requests, search, sweep};
use crate::domain::sweep::stages;
use crate::report::case::cases;
use crate::report::chart::Chart;
use crate::report::model::Report;

/// The chart that describes a run: its search, its sweep, its load over time, the distributions of TTFT and decode speed, or
/// its requests over time. `None` if nothing was measured.
pub fn headline(report: &Report) -> Option<Chart> {
    let session = &report.session;
    if let Some(chart) = search::search(session) {
        return Some(chart);
    }
    if let Some(chart) = sweep::sweep(&stages(session)) {
        return Some(chart);
    }
    if session.is_load() {
        let end = session.last_ended.unwrap_or(report.finished_at);
        if let Some(chart) = load::load_over_time(session, end) {
            return Some(chart);
        }
    }
    let all = distribution::distributions(&cases(session), report.summary());
    let mut wanted = all.into_iter().filter(|chart| ["ttft", "decode"].contains(&chart.id));
    let Some(first) = wanted.next() else { return requests::requests(session) };
    let rest: Vec<Chart> = wanted.collect();
    let panels = std::iter::once(&first).chain(&rest).flat_map(|chart| chart.panels.clone()).collect();
    let titles: Vec<&str> = std::iter::once(&first).chain(&rest).map(|chart| chart.title.as_str()).collect();
    let abouts: Vec<&str> = std::iter::once(&first).chain(&rest).map(|chart| chart.about.as_str()).collect();
    Some(Chart {
        id: "distributions",
        title: titles.join(" and "),
        about: abouts.join(" "),
        panels,
        legend: Vec::new(),
    })
}

//! Section about a search for the largest load: the result, and a row for each probe.

use crate::domain::load_search::{ProbeVerdict, SearchVariable};
use crate::domain::search_results::{ProbeResult, SearchResult};
use crate::report::sweep_table::columns_of;

use super::View;
use super::escape::inline;
use super::figures::figure;
use super::page::{Page, Table};

pub fn write(view: &View<'_>, page: &mut Page) {
    let session = &view.report.session;
    let Some((search, result)) = session.search().zip(SearchResult::from_session(session)) else { return };
    let (settings, slos) = (search.settings, session.slos());
    page.block("### Largest Load");
    page.block(&format!("**{}**", inline(&result.sentence)));
    page.block(&format!(
        "The search doubles the {}, then halves the distance between the last load that passed and the first that failed. \
         A probe passes or fails only if the interval of each threshold lies on one side of it. Ramps and drains are left out.",
        settings.variable.as_str()
    ));
    let heading = match settings.variable {
        SearchVariable::Concurrency => "Concurrency",
        SearchVariable::Rate => "Rate (req/s)",
    };
    let mut table = Table::default().number(heading).text("Verdict").number("n").number("Ok");
    for slo in slos {
        table = table.number(&inline(&slo.to_string()));
    }
    table = table.number("Goodput (req/s)");
    let task = view.report.session.suite.task;
    for column in columns_of(task).take(2) {
        let (label, unit) = (column.label, column.unit.as_str());
        table = table.number(&if label == unit { label.to_owned() } else { format!("{label} ({unit})") });
    }
    for probe in &result.probes {
        let mut row = vec![
            settings.number(probe.probe.load),
            verdict(probe).to_owned(),
            probe.stage.requests.to_string(),
            probe.stage.ok.to_string(),
        ];
        row.extend(probe.figures.iter().zip(slos).map(|(figure, slo)| {
            let range = figure.interval.map(|ci| format!(" ({} to {})", bare(ci.low), bare(ci.high)));
            figure.value.map_or_else(|| "—".to_owned(), |value| slo.with_unit(value) + &range.unwrap_or_default())
        }));
        row.push(figure(probe.goodput_per_s, 2, false));
        row.extend(columns_of(task).take(2).map(|c| c.cell(&probe.stage, |value| figure(value, c.digits, false))));
        table.row(row);
    }
    page.table(&table);
    page.block("In parentheses: 95% intervals. A probe at the same load as an earlier one confirms it.");
}

fn verdict(probe: &ProbeResult) -> &'static str {
    match probe.probe.verdict {
        _ if probe.probe.judged.is_none() => "not over",
        ProbeVerdict::Pass => "✓ pass",
        ProbeVerdict::Fail => "✗ fail",
        ProbeVerdict::Undecided => "undecided",
    }
}

/// Formats an end of an interval with three significant digits.
fn bare(value: f64) -> String {
    let digits = if value.abs() >= 100.0 {
        0
    } else if value.abs() >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.digits$}")
}

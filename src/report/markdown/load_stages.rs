//! Table with a row for each stage of `--stages`.

use crate::domain::load_stage_results::{LoadStageResult, load_stage_results};
use crate::report::sweep_table::{columns_of, n_of_all, samples_needed};

use super::figures::figure;
use super::page::{Page, Table};
use super::{View, chart};

pub fn write(view: &View<'_>, page: &mut Page) {
    let results = load_stage_results(&view.report.session);
    if results.is_empty() {
        return;
    }
    page.block("### Stages");
    page.block(
        "Stages follow each other without a pause. Each row has the requests that were due or sent in its stage, even if \
         they ended later.",
    );
    let is_judged = results.iter().any(|r| r.figures.slo_met.is_some());
    let mut table = Table::default().text("Load").number("Time (s)").number("Ok");
    let task = view.report.session.suite.task;
    for column in columns_of(task) {
        let (label, unit) = (column.label, column.unit.as_str());
        table = table.number(&if label == unit { label.to_owned() } else { format!("{label} ({unit})") });
    }
    if is_judged {
        table = table.text("SLOs");
    }
    for LoadStageResult { stage, figures } in &results {
        let mut row = vec![stage.load.to_string(), stage.time.as_secs_f64().to_string(), n_of_all(figures)];
        row.extend(columns_of(task).map(|column| column.cell(figures, |value| figure(value, column.digits, false))));
        if is_judged {
            row.push(if figures.slo_met == Some(true) { "✓".to_owned() } else { "✗ missed".to_owned() });
        }
        table.row(row);
    }
    page.table(&table);
    let end = view.report.session.last_ended.unwrap_or(view.report.finished_at);
    if let Some(chart) = chart::load_stages(&view.report.session, end) {
        page.chart(&chart);
        page.chart("Each row of the chart has the requests that were due or sent in its time; tokens are spread evenly from the first to \
                    the last one of an answer.");
    }
    let figures: Vec<_> = results.into_iter().map(|result| result.figures).collect();
    if let Some(needed) = samples_needed(&figures) {
        page.block(&format!("—: {needed}."));
    }
}

//! Table of figures by model for a run that mixes models.

use crate::domain::metrics::{DECODE, LATENCY, Metric, OUTPUT_TOKENS, PASS_RATE, TTFT};
use crate::report::models::{ModelFigures, figures};
use crate::report::spread::Spread;

use super::View;
use super::escape::{UNKNOWN, inline};
use super::figures::{bare, heading};
use super::page::{Page, Table};

/// Column of the table: a metric and its spread for a model.
type Column = (&'static Metric, fn(&ModelFigures) -> Option<Spread>);

static COLUMNS: [Column; 5] = [
    (&TTFT, |f| f.ttft_ms),
    (&LATENCY, |f| f.latency_ms),
    (&DECODE, |f| f.decode_tokens_per_s),
    (&OUTPUT_TOKENS, |f| f.output_tokens),
    (&PASS_RATE, |f| f.pass_rate_percent),
];

pub fn write(view: &View<'_>, page: &mut Page) {
    let models = figures(&view.report.session);
    if models.is_empty() {
        return;
    }
    page.block("## By Model");
    view.name_stage(page);
    let mut table = Table::default().text("Model").number("Weight");
    for (metric, _) in COLUMNS {
        table = table.number(&heading(metric));
    }
    table = table.number("n").number("Failed");
    for model in &models {
        let mut row = vec![inline(&model.name), model.weight.to_string()];
        row.extend(COLUMNS.iter().map(|(metric, get)| bare(metric, get(model).map(|s| s.stats.avg), false)));
        row.push(model.n.to_string());
        row.push(if model.failed > 0 { model.failed.to_string() } else { UNKNOWN.to_owned() });
        table.row(row);
    }
    page.table(&table.without_empty_columns());
    page.block("Each request draws its model by weight. Figures are means over the attempts that count.");
}

//! A comparison for the terminal.

use super::{Compared, ComparedRun, Comparison, Figure, Row};
use crate::domain::quantity::{Quantity, UNKNOWN};
use crate::domain::text::sanitise_line;
use crate::report::runs_table::table;

/// What the rows of whole runs are called.
pub(super) const ALL: &str = "all cases";
/// How the judgement is made.
pub(super) const METHOD: [&str; 2] = [
    "Figures are means; ± is half of the mean's 95 % interval (Student's t within cases).",
    "A difference is called better or worse only where the intervals do not meet.",
];

/// The whole comparison.
pub fn text(comparison: &Comparison) -> String {
    let sides = [('A', &comparison.a), ('B', &comparison.b)];
    let mut lines: Vec<String> = sides.map(|(letter, side)| format!("{letter}  {}", about(side))).to_vec();
    lines.extend(comparison.warnings.iter().map(|warning| format!("!  {}", sanitise_line(warning))));
    lines.push(String::new());
    for block in &comparison.blocks {
        let c = &block.compared;
        let mut head = vec![c.label, "A", "B", "DIFF", ""];
        if comparison.is_by_stage {
            head.insert(1, "AT ONCE");
        }
        let head = head.into_iter().map(str::to_owned).collect();
        let rows: Vec<Vec<String>> = std::iter::once(head).chain(block.rows.iter().map(|row| cells(row, c))).collect();
        let right: &[usize] = if comparison.is_by_stage { &[1, 2, 3, 4] } else { &[1, 2, 3] };
        lines.push(table(&rows, right));
    }
    lines.extend(METHOD.map(str::to_owned));
    lines.join("\n") + "\n"
}

/// A run in one line.
pub(super) fn about(side: &ComparedRun) -> String {
    let simulated = side.simulated.then(|| "SIMULATED".to_owned());
    let of_kind = Some(format!("{} ({})", side.name, side.kind));
    let parts = [of_kind, side.model.clone(), side.started_at.clone(), side.suite.clone(), simulated];
    sanitise_line(&parts.into_iter().flatten().collect::<Vec<_>>().join(" · "))
}

/// Case, the stage if it is of one, A, B, difference, judgement.
pub(super) fn cells(row: &Row, compared: &Compared) -> Vec<String> {
    let name = row.case.as_deref().map_or_else(|| ALL.to_owned(), sanitise_line);
    let difference = row.difference_percent().map_or_else(|| UNKNOWN.to_owned(), |d| format!("{d:+.1} %"));
    let judged = row.judge(compared.metric.better).map_or("", super::Judgement::words).to_owned();
    let figures = [row.a, row.b].map(|f| figure(f, compared.digits));
    let stage = row.concurrency.map(|n| n.to_string());
    [name].into_iter().chain(stage).chain(figures).chain([difference, judged]).collect()
}

fn figure(figure: Option<Figure>, digits: usize) -> String {
    let quantity = Quantity::new(figure.map(|f| f.mean), digits).with_half_width(figure.and_then(|f| f.half_width));
    quantity.estimated_if(figure.is_some_and(|f| f.estimated)).to_string()
}

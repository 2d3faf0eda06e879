//! Lines of the summary about the stages of a changing load.

use super::entry::entry;
use crate::domain::load_stage_results::{LoadStageResult, load_stage_results};
use crate::domain::quantity::Quantity;
use crate::domain::session::Session;
use crate::domain::task::Task;
use crate::report::sweep_table::{SweepColumn, columns_of, n_of_all};

/// Number of figures in a line.
const COLUMNS: usize = 4;

/// Returns a line for each stage that has begun.
pub(super) fn lines(session: &Session) -> impl Iterator<Item = String> {
    let task = session.suite.task;
    load_stage_results(session).into_iter().map(move |result| line(&result, task))
}

fn line(LoadStageResult { stage, figures }: &LoadStageResult, task: Task) -> String {
    let column = |c: &SweepColumn| {
        let value = c.cell(figures, |v| Quantity::new(v, c.digits).to_string());
        Some(format!("{value} {}", c.after_figure()))
    };
    let n = Some(format!("n {}", n_of_all(figures)));
    let slo = figures.slo_met.map(|met| if met { "SLO ✓" } else { "SLO ✗" }.to_owned());
    entry(&format!("Stage {}", stage.load), columns_of(task).take(COLUMNS).map(column).chain([n, slo]))
}

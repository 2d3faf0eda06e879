//! Section with the result of a regression gate.

use super::View;
use super::escape::inline;
use super::page::Page;

pub fn write(view: &View<'_>, page: &mut Page) {
    let Some(gate) = &view.report.gate else { return };
    page.block("## Regression Gate");
    page.block(&format!("Baseline: {}", inline(&gate.baseline)));
    for line in gate.lines() {
        page.line(&format!("- {}", inline(&line)));
    }
    page.line("");
    page.block(
        "A rule fails only if the whole 95% interval of the change lies beyond its tolerance. With another machine, server or \
         suite, the gate is advisory.",
    );
}

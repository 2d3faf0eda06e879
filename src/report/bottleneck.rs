//! Names the bottleneck of a run in one sentence, which claims no more than the figures show.

mod conditions;
mod evidence;
mod one_at_a_time;
mod rules;
mod system_figures;

use self::evidence::Evidence;
use self::rules::{RULES, Rule};
pub use self::system_figures::SystemFigures;
use super::gpu::IDLE_PERCENT;
use super::summary::Summary;
use crate::domain::session::Session;

/// Label before the sentence, in all outputs.
pub const LABEL: &str = "Bottleneck";
/// Cause to report if no rule applies.
const NOT_CLEAR: &str = "no clear bottleneck";
/// Minimum peak load of a busy GPU, percent.
const BUSY_PERCENT: f64 = 90.0;

/// Cause that limited a run, with its evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bottleneck {
    /// Cause in the field's terms, such as `decode-bound`.
    pub cause: &'static str,
    /// Figures that show the cause and any further causes, as a clause that ends with a full stop.
    pub evidence: String,
    /// Further causes that `evidence` names.
    pub also: Vec<&'static str>,
}

impl Bottleneck {
    fn new(cause: &'static str, found: &str, further: &[(&Rule, String)], gpu: &str) -> Self {
        let mut also = Vec::new();
        let name_or_extend = |(rule, found): &(&Rule, String)| {
            // `also` names each cause once; further evidence of it is appended without the name.
            if rule.cause == cause || also.contains(&rule.cause) {
                return format!("; {found}");
            }
            also.push(rule.cause);
            format!("; also {}: {found}", rule.cause)
        };
        let clauses: Vec<String> = further.iter().map(name_or_extend).collect();
        let clauses = clauses.concat();
        Self { cause, evidence: format!("{found}{clauses}{gpu}."), also }
    }

    /// Returns the cause with a capital first letter, to begin a sentence.
    pub fn headline(&self) -> String {
        let mut letters = self.cause.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    }
}

/// Returns the bottleneck of a run; `None` before the first measured attempt ends. The rules are checked in the order
/// of the table: the first that applies names the cause. The next that applies names a second cause, unless the first
/// rule hides it. Rules with `is_always_named` are named in any case.
pub fn bottleneck(session: &Session, summary: &Summary, system: SystemFigures) -> Option<Bottleneck> {
    if summary.examined() == 0 {
        return None;
    }
    let evidence = Evidence::new(session, summary, system);
    let fitting: Vec<(&Rule, String)> = RULES.iter().filter_map(|rule| Some((rule, (rule.find)(&evidence)?))).collect();
    let gpu = gpu(system.busiest_gpu_percent);
    let lead = fitting.iter().find(|(rule, _)| !rule.is_always_named);
    let Some((first, found)) = lead else {
        let found = not_clear(&evidence)?;
        return Some(Bottleneck::new(NOT_CLEAR, &found, &fitting, &gpu));
    };
    let is_other = |(rule, _): &&(&Rule, String)| rule.cause != first.cause && !first.hides.contains(&rule.key);
    let next = fitting.iter().find(|other| is_other(other) && !other.0.is_always_named);
    let named: Vec<_> =
        next.into_iter().chain(fitting.iter().filter(|(rule, _)| rule.is_always_named)).cloned().collect();
    Some(Bottleneck::new(first.cause, found, &named, &gpu))
}

fn not_clear(evidence: &Evidence<'_>) -> Option<String> {
    if evidence.summary.attempts == 0 {
        return None;
    }
    let stage = evidence.at_stage();
    let shares =
        |prefill| format!("{} of the median request{stage} is prefill, the rest decode", evidence::percent(prefill));
    Some(evidence.prefill_share.map_or_else(|| "no attempt has the timings to find one".to_owned(), shares))
}

/// Returns the rules as a Markdown table, in the order in which they are checked.
pub fn rules_markdown() -> String {
    let row = |(at, rule): (usize, &Rule)| {
        let hides: Vec<String> = rule.hides.iter().map(|key| format!("`{key}`")).collect();
        let cells = [rule.cause, rule.condition, rule.example].join(" | ");
        format!("| {}. `{}` | {cells} | {} |", at + 1, rule.key, hides.join(", "))
    };
    let heading = ["| | cause | condition | evidence in the sentence | hides |", "|---|---|---|---|---|"];
    let rows = RULES.iter().enumerate().map(row);
    heading.into_iter().map(str::to_owned).chain(rows).collect::<Vec<_>>().join("\n")
}

/// Returns a note on the busiest GPU if it was clearly busy or idle.
fn gpu(busiest: Option<f64>) -> String {
    match busiest {
        Some(percent) if percent < IDLE_PERCENT => "; no visible GPU was busy".to_owned(),
        Some(percent) if percent >= BUSY_PERCENT => format!("; GPU up to {percent:.0}%"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests;

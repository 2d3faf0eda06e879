//! Regression gate for continuous integration: decides whether a run is worse than a baseline by more than a tolerance.

mod rule;

pub use self::rule::{InvalidRule, RegressionRule};
use super::compare::{COMPARED, ComparedRun};
use super::fingerprint::Fingerprint;
use super::gate_result::{GateResult, GateVerdict, RuleResult};
use crate::domain::bootstrap::relative_change;
use crate::domain::interval::Interval;
use crate::domain::metrics::Better;

/// Random seed of the bootstrap, fixed so that the same two runs always get the same verdict.
const SEED: u64 = 1;

/// Evaluates the rules of a gate.
pub fn evaluate(rules: &[RegressionRule], baseline: &ComparedRun, run: &ComparedRun) -> GateResult {
    let differences = Fingerprint::differences(&baseline.fingerprint, &run.fingerprint);
    let versions = [baseline, run].map(|side| side.fingerprint.server_version.as_deref());
    let notes = match versions {
        [Some(old), Some(new)] if old != new => vec![format!("the server's version changed: '{old}' and '{new}'")],
        _ => Vec::new(),
    };
    let rules = rules.iter().map(|rule| judge(rule, baseline, run)).collect();
    GateResult { baseline: baseline.name.clone(), differences, notes, rules }
}

fn judge(rule: &RegressionRule, baseline: &ComparedRun, run: &ComparedRun) -> RuleResult {
    let place = COMPARED.iter().position(|compared| compared.metric == rule.metric);
    let of = |side: &ComparedRun| place.and_then(|at| side.whole.observations.get(at)).cloned().unwrap_or_default();
    let change = relative_change(&of(baseline), &of(run), rule.statistic, SEED);
    // A lower speed is worse; for times, a higher value is worse.
    let sign = if rule.metric.better == Some(Better::High) { -100.0 } else { 100.0 };
    let worse = change.map(|change| {
        let ends = [change.ci95.low * sign, change.ci95.high * sign];
        Interval { low: ends[0].min(ends[1]), high: ends[0].max(ends[1]) }
    });
    let verdict = match worse {
        None => GateVerdict::NoInterval,
        Some(worse) if worse.low > rule.tolerance_percent => GateVerdict::Fail,
        Some(worse) if worse.high <= rule.tolerance_percent => GateVerdict::Pass,
        Some(_) => GateVerdict::NotShown,
    };
    RuleResult {
        text: rule.text.clone(),
        figure: rule.name(),
        unit: rule.unit(),
        tolerance_percent: rule.tolerance_percent,
        baseline: change.map(|change| change.from),
        value: change.map(|change| change.to),
        worse_percent: change.map(|change| change.share * sign),
        worse_percent_ci95: worse,
        verdict,
    }
}

#[cfg(test)]
mod tests;

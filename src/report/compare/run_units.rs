//! Groups of repeated runs, whose runs are the units of intervals and tests: requests of a run depend on each other.

use std::collections::{BTreeMap, BTreeSet};

use super::{COMPARED, ComparedRun, Figure, Measured};
use crate::domain::bootstrap::{Observation, RelativeChange, Statistic, relative_change};
use crate::domain::interval::{Interval, MIN_FREEDOM, t_975};
use crate::domain::quantity::count;
use crate::domain::run_difference::relative_change_of_runs;
use crate::domain::statistics::{enough_for, percentile};
use crate::domain::variance_components::adjusted_run_means;

/// Explanation of intervals and tests of groups.
pub(super) const METHOD: &str = "Repeated runs (--runs) are the units of intervals and tests: Welch's test of their means, for percentiles of their logarithms.";

impl Measured {
    /// Number of runs with an answer.
    pub fn run_count(&self) -> usize {
        let runs: BTreeSet<u16> = self.observations.iter().flatten().map(|observation| observation.run).collect();
        runs.len()
    }

    /// Gives all means intervals over runs, if there are several.
    #[must_use]
    pub fn with_runs_as_units(mut self) -> Self {
        if self.run_count() < 2 {
            return self;
        }
        for (place, _) in COMPARED.iter().enumerate().filter(|(_, compared)| !compared.metric.is_share()) {
            let Some(observations) = self.observations.get(place) else { continue };
            if let Some(Some(figure)) = self.total.get_mut(place) {
                over_runs(figure, observations, None);
            }
            for case in &mut self.cases {
                if let Some(Some(figure)) = case.figures.get_mut(place) {
                    over_runs(figure, observations, Some(&case.name));
                }
            }
        }
        self
    }

    /// Mean or percentile of a metric in each run; `None` for a single run, or if a run has too few values.
    fn statistic_of_runs(&self, place: usize, statistic: Statistic) -> Option<Vec<f64>> {
        match statistic {
            Statistic::Percentile(percent) => self.percentiles_of_runs(place, percent),
            Statistic::Mean => {
                let observations = self.observations.get(place)?;
                let means = adjusted_run_means(observations.iter().map(|o| (&o.cluster, o.run, o.value)));
                (means.len() > 1).then_some(means)
            }
        }
    }

    /// Percentile of a metric in each run; `None` for a single run, or if a run has too few values.
    pub(super) fn percentiles_of_runs(&self, place: usize, percent: u32) -> Option<Vec<f64>> {
        let mut runs: BTreeMap<u16, Vec<f64>> = BTreeMap::new();
        for Observation { run, value, .. } in self.observations.get(place)? {
            runs.entry(*run).or_default().push(*value);
        }
        let of_run = |mut values: Vec<f64>| {
            values.sort_by(f64::total_cmp);
            enough_for(values.len(), percent).then(|| percentile(&values, percent.into()))
        };
        if runs.len() < 2 { None } else { runs.into_values().map(of_run).collect() }
    }
}

/// Replaces the interval of a mean by that over runs.
fn over_runs(figure: &mut Figure, observations: &[Observation], case: Option<&str>) {
    let wanted = observations.iter().filter(|o| case.is_none_or(|case| *o.cluster.case == *case));
    let means = adjusted_run_means(wanted.map(|o| (&o.cluster, o.run, o.value)));
    figure.half_width = half_width(&means);
    figure.freedom = means.len().saturating_sub(1);
}

fn half_width(values: &[f64]) -> Option<f64> {
    let freedom = values.len().checked_sub(1).filter(|freedom| *freedom >= MIN_FREEDOM)?;
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / freedom as f64;
    Some(t_975(freedom) * (variance / n).sqrt())
}

/// Interval of a percentile over runs; `None` with fewer than three.
pub(super) fn percentile_ci95(of_runs: &[f64]) -> Option<Interval> {
    let (half, n) = (half_width(of_runs)?, of_runs.len() as f64);
    let mean = of_runs.iter().sum::<f64>() / n;
    Some(Interval { low: mean - half, high: mean + half })
}

/// Change of a metric's statistic from one run to another: over their runs if both are groups, else by a bootstrap. The same
/// seed gives the same interval. `None` with too few runs or values.
pub fn change(a: &Measured, b: &Measured, place: usize, statistic: Statistic, seed: u64) -> Option<RelativeChange> {
    if a.run_count() > 1 && b.run_count() > 1 {
        return relative_change_of_runs(
            &a.statistic_of_runs(place, statistic)?,
            &b.statistic_of_runs(place, statistic)?,
        );
    }
    relative_change(a.observations.get(place)?, b.observations.get(place)?, statistic, seed)
}

/// Warns if only one side is a group.
pub(super) fn warning(a: &ComparedRun, b: &ComparedRun) -> Option<String> {
    let [of_a, of_b] = [a, b].map(|side| side.whole.run_count());
    let (group, runs, single) = match (of_a > 1, of_b > 1) {
        (true, false) if of_b > 0 => ('A', of_a, 'B'),
        (false, true) if of_a > 0 => ('B', of_b, 'A'),
        _ => return None,
    };
    Some(format!(
        "{group} is a group of {} and {single} a single run, whose spread between runs is unknown; measure {single} with \
         --runs, too",
        count(runs, "run")
    ))
}

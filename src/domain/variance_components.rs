//! Variance of repeated runs, split into the part between runs and the part within a run.
//!
//! Model: value = mean + block + run + error. A block is what every run sends alike: a case, or a row of a data set.
//! Blocks are fixed, because their differences come from the prompts. Runs and errors are random.

use std::collections::{BTreeMap, BTreeSet};

/// A value with the block and the run that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunValue {
    /// Index of the block.
    pub block: usize,
    /// Index of the run, from 0 without gaps.
    pub run: usize,
    /// Value in the unit of its metric.
    pub value: f64,
}

/// Components of the variance of repeated runs.
#[derive(Clone, Debug, PartialEq)]
pub struct VarianceComponents {
    /// Mean of each run, as if each had answered all blocks alike: least-squares means.
    pub run_means: Vec<f64>,
    /// Variance of the true means of runs, at least 0: the square of the unit.
    pub between_runs: f64,
    /// Variance of the values of a block within a run.
    pub within_run: f64,
    /// Degrees of freedom of the variance within a run.
    pub within_freedom: usize,
}

impl VarianceComponents {
    /// Share of the variance of a single value that comes from its run, 0 to 1: the intraclass correlation.
    pub fn share_between_runs(&self) -> f64 {
        let all = self.between_runs + self.within_run;
        if all > 0.0 { self.between_runs / all } else { 0.0 }
    }
}

/// Computes the components by the method of Henderson that keeps blocks fixed (method III; C. R. Henderson, Biometrics 9
/// (1953), 226). For equal numbers of values in each block and run, it is the classical analysis of variance. `None` with
/// fewer than two runs, without a degree of freedom within runs, or if blocks do not connect all runs.
pub fn variance_components(values: &[RunValue]) -> Option<VarianceComponents> {
    let runs = values.iter().map(|v| v.run + 1).max()?;
    let blocks = values.iter().map(|v| v.block + 1).max()?;
    let mut cells = vec![vec![(0.0_f64, 0.0_f64); runs]; blocks];
    for v in values {
        let (n, sum) = cells.get_mut(v.block)?.get_mut(v.run)?;
        (*n, *sum) = (*n + 1.0, *sum + v.value);
    }
    cells.retain(|cell| cell.iter().any(|(n, _)| *n > 0.0));
    let totals: Vec<(f64, f64)> =
        cells.iter().map(|cell| cell.iter().fold((0.0, 0.0), |sum, (n, s)| (sum.0 + n, sum.1 + s))).collect();
    let count = values.len() as f64;
    let freedom = values.len().checked_sub(cells.len() + runs - 1).filter(|freedom| *freedom > 0)?;
    if runs < 2 {
        return None;
    }
    // Normal equations of the effects of runs, with the blocks absorbed.
    let mut matrix = vec![vec![0.0; runs]; runs];
    let mut right = vec![0.0; runs];
    let mut sizes = vec![0.0; runs];
    let mut coefficient = count;
    for (cell, (n_block, sum_block)) in cells.iter().zip(&totals) {
        for (i, (n, sum)) in cell.iter().enumerate() {
            sizes[i] += n;
            matrix[i][i] += n;
            right[i] += sum - n * sum_block / n_block;
            coefficient -= n * n / n_block;
            for (j, (m, _)) in cell.iter().enumerate() {
                matrix[i][j] -= n * m / n_block;
            }
        }
    }
    let effects = solve(matrix, &right, &sizes)?;
    let explained: f64 = effects.iter().zip(&right).map(|(effect, r)| effect * r).sum();
    let squares: f64 = values.iter().map(|v| v.value * v.value).sum();
    let of_blocks: f64 = totals.iter().map(|(n, sum)| sum * sum / n).sum();
    let within_run = ((squares - of_blocks - explained) / freedom as f64).max(0.0);
    let between_runs = ((explained - (runs - 1) as f64 * within_run) / coefficient).max(0.0);
    let weighted: f64 = effects.iter().zip(&sizes).map(|(effect, n)| effect * n).sum();
    let mean = (values.iter().map(|v| v.value).sum::<f64>() - weighted) / count;
    let run_means = effects.iter().map(|effect| mean + effect).collect();
    Some(VarianceComponents { run_means, between_runs, within_run, within_freedom: freedom })
}

/// Means of runs, given as values with their blocks and runs. They are adjusted for blocks that not every run has, if blocks
/// connect the runs and repeat; otherwise each is the mean of the values of its run. Ordered by run.
pub fn adjusted_run_means<K: Ord>(values: impl IntoIterator<Item = (K, u16, f64)>) -> Vec<f64> {
    let values: Vec<(K, u16, f64)> = values.into_iter().collect();
    let runs: BTreeSet<u16> = values.iter().map(|v| v.1).collect();
    let runs: Vec<u16> = runs.into_iter().collect();
    let blocks: BTreeSet<&K> = values.iter().map(|v| &v.0).collect();
    let blocks: BTreeMap<&K, usize> = blocks.into_iter().zip(0..).collect();
    let indexed = values.iter().filter_map(|(block, run, value)| {
        Some(RunValue { block: *blocks.get(block)?, run: runs.binary_search(run).ok()?, value: *value })
    });
    let indexed: Vec<RunValue> = indexed.collect();
    variance_components(&indexed).map_or_else(
        || {
            let of_run = |run: usize| indexed.iter().filter(move |v| v.run == run).map(|v| v.value);
            (0..runs.len()).map(|run| of_run(run).sum::<f64>() / of_run(run).count() as f64).collect()
        },
        |found| found.run_means,
    )
}

/// Solves the normal equations with the last effect at 0, by elimination with pivots. `None` if they have no single
/// solution. `sizes` scale the test for that.
fn solve(mut matrix: Vec<Vec<f64>>, right: &[f64], sizes: &[f64]) -> Option<Vec<f64>> {
    let unknown = right.len() - 1;
    let mut right = right.to_vec();
    for at in 0..unknown {
        let pivot = (at..unknown).max_by(|a, b| matrix[*a][at].abs().total_cmp(&matrix[*b][at].abs()))?;
        if matrix[pivot][at].abs() <= 1e-9 * sizes[at].max(1.0) {
            return None;
        }
        matrix.swap(at, pivot);
        right.swap(at, pivot);
        for row in at + 1..unknown {
            let factor = matrix[row][at] / matrix[at][at];
            let (upper, lower) = matrix.split_at_mut(row);
            for (value, above) in lower[0].iter_mut().zip(&upper[at]).skip(at) {
                *value -= factor * above;
            }
            right[row] -= factor * right[at];
        }
    }
    let mut effects = vec![0.0; unknown + 1];
    for at in (0..unknown).rev() {
        let known: f64 = (at + 1..unknown).map(|column| matrix[at][column] * effects[column]).sum();
        effects[at] = (right[at] - known) / matrix[at][at];
    }
    Some(effects)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::random::Random;
    use crate::domain::testing::{numbers, reference};

    fn values(list: &serde_json::Value) -> Vec<RunValue> {
        let value = |row: &serde_json::Value| {
            let row = numbers(row);
            RunValue { block: row[0] as usize, run: row[1] as usize, value: row[2] }
        };
        list.as_array().unwrap().iter().map(value).collect()
    }

    #[test]
    fn components_match_the_analysis_of_variance_of_statsmodels() {
        let reference = reference();
        for row in reference["variance_components"].as_array().unwrap() {
            let own = variance_components(&values(&row["values"])).unwrap();
            let close = |own: f64, key: &str| (own - row[key].as_f64().unwrap()).abs() < 1e-6;
            assert!(close(own.within_run, "within_run") && close(own.between_runs, "between_runs"), "{own:?} {row}");
            assert_eq!(own.within_freedom as u64, row["within_freedom"].as_u64().unwrap());
            for (mean, expected) in own.run_means.iter().zip(numbers(&row["run_means"])) {
                assert!((mean - expected).abs() < 1e-6, "{own:?} {row}");
            }
        }
    }

    #[test]
    fn a_case_that_one_run_lacks_does_not_move_the_mean_of_that_run() {
        let slow = |run| RunValue { block: 1, run, value: 900.0 };
        let fast = |run| RunValue { block: 0, run, value: 100.0 };
        let own = variance_components(&[fast(0), slow(0), fast(1), fast(1), fast(2), slow(2)]).unwrap();
        assert!(own.run_means.iter().all(|mean| (mean - own.run_means[0]).abs() < 1e-9), "{own:?}");
        assert!(own.between_runs < 1e-9 && own.within_run < 1e-9, "{own:?}");
    }

    #[test]
    fn estimates_are_right_on_average() {
        let (mut between, mut within) = (0.0, 0.0);
        for seed in 0..400 {
            let mut random = Random::for_index(5, seed);
            let runs: Vec<f64> = (0..6).map(|_| 3.0 * random.normal()).collect();
            let mut all = Vec::new();
            for (run, effect) in runs.iter().enumerate() {
                for block in 0..4 {
                    // The last run lacks a block.
                    if run < 5 || block > 0 {
                        let value = 100.0 + 50.0 * block as f64 + effect + 2.0 * random.normal();
                        all.push(RunValue { block, run, value });
                    }
                }
            }
            let own = variance_components(&all).unwrap();
            (between, within) = (between + own.between_runs / 400.0, within + own.within_run / 400.0);
        }
        // Their standard errors are 0.3 and 0.07.
        assert!((between - 9.0).abs() < 1.2 && (within - 4.0).abs() < 0.3, "{between} {within}");
    }

    #[test]
    fn runs_without_a_common_block_or_repeats_have_no_components() {
        let value = |block, run| RunValue { block, run, value: 1.0 };
        assert_eq!(variance_components(&[]), None);
        assert_eq!(variance_components(&[value(0, 0), value(0, 0)]), None, "one run");
        assert_eq!(variance_components(&[value(0, 0), value(0, 1)]), None, "no degree of freedom");
        assert_eq!(variance_components(&[value(0, 0), value(0, 0), value(1, 1), value(1, 1)]), None, "not connected");
    }
}

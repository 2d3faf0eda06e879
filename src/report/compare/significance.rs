//! Significance tests of the differences between two runs. Tests use pairs if the runs sent the same requests, and
//! correct for the number of cases.

use std::collections::BTreeMap;

use super::{Measured, Row};
use crate::domain::bootstrap::{ClusterKey, MIN_CLUSTERS, Observation};
use crate::domain::hypothesis_test::{DifferenceTest, holm, paired};

/// Tests a metric over all cases, or over one case, in pairs: the means of the same case, row or conversation in both
/// runs. `None` if the runs share too few of these. This test needs no repeats.
pub(super) fn paired_test(a: &Measured, b: &Measured, place: usize, case: Option<&str>) -> Option<DifferenceTest> {
    let (a, b) = (means(a.observations.get(place)?, case), means(b.observations.get(place)?, case));
    let pairs: Vec<(f64, f64)> = a.iter().filter_map(|(key, a)| Some((*a, *b.get(key)?))).collect();
    if pairs.len() >= MIN_CLUSTERS { paired(&pairs) } else { None }
}

fn means<'a>(observations: &'a [Observation], case: Option<&str>) -> BTreeMap<&'a ClusterKey, f64> {
    let is_wanted = |o: &&Observation| case.is_none_or(|case| *o.cluster.case == *case);
    let mut sums: BTreeMap<&ClusterKey, (f64, usize)> = BTreeMap::new();
    for Observation { cluster, value } in observations.iter().filter(is_wanted) {
        let (sum, n) = sums.entry(cluster).or_default();
        (*sum, *n) = (*sum + value, *n + 1);
    }
    sums.into_iter().map(|(key, (sum, n))| (key, sum / n as f64)).collect()
}

/// Corrects the p-values of one metric by Holm's method. `rows` has one row per case.
pub(super) fn correct(rows: &mut [Row]) {
    let tested: Vec<(usize, f64)> =
        rows.iter().enumerate().filter_map(|(at, row)| Some((at, row.p_value()?))).collect();
    let p_values: Vec<f64> = tested.iter().map(|(_, p)| *p).collect();
    for ((at, _), corrected) in tested.into_iter().zip(holm(&p_values)) {
        if let Some(row) = rows.get_mut(at) {
            row.corrected_p = Some(corrected);
        }
    }
}

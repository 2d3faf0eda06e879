//! Confidence interval of the relative change of a statistic between two runs, by a bootstrap that draws whole
//! clusters.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::interval::Interval;
use super::random::Random;
use super::statistics::enough_for;

/// Minimum clusters to draw from. Intervals from fewer clusters are too narrow (A. C. Cameron, J. B. Gelbach and D. L.
/// Miller, Rev. Econ. Stat. 90 (2008), 414).
pub const MIN_CLUSTERS: usize = 10;
/// Minimum values of a case to draw from, if there are too few cases to draw cases themselves.
pub const MIN_VALUES_PER_CASE: usize = 5;
/// Number of draws for an interval, unless the runs are very large.
const DRAWS: usize = 2000;
/// Minimum number of draws. The bounds of the interval are then the 10th values from either end.
const MIN_DRAWS: usize = 400;
/// Maximum number of values that all draws together read, to bound the computing time.
const MAX_WORK: usize = 40_000_000;

/// A value and its cluster. Values of one cluster depend on each other, such as turns of a conversation or attempts of
/// a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// Cluster of the value. Clusters with the same key in two runs sent the same requests.
    pub cluster: ClusterKey,
    /// Value in the unit of its metric.
    pub value: f64,
}

/// Identifies a cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClusterKey {
    /// Name of the case.
    pub case: Arc<str>,
    /// Conversation or row of the data set; `None` if all attempts of the case send the same request.
    pub member: Option<u32>,
}

/// Statistic of a set of values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Statistic {
    /// Arithmetic mean.
    Mean,
    /// Percentile from 0 to 100, interpolated as in [`super::statistics::percentile`].
    Percentile(u32),
}

/// Units that each draw takes from the two runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Design {
    /// Clusters, the same ones from both runs.
    Paired,
    /// Clusters from each run by itself, because the runs share too few.
    Independent,
    /// Attempts within each case, because there are too few cases to draw.
    WithinCases,
}

impl Design {
    /// Name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Paired => "paired_clusters",
            Self::Independent => "independent_clusters",
            Self::WithinCases => "attempts_within_cases",
        }
    }
}

/// A relative change and its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RelativeChange {
    /// Statistic of the first run.
    pub from: f64,
    /// Statistic of the second run.
    pub to: f64,
    /// Change as a share of the first: 0.1 is 10% more.
    pub share: f64,
    /// 95% interval of the share, from the 2.5% and 97.5% quantiles of the draws.
    pub ci95: Interval,
    /// Units that each draw takes from the two runs.
    pub design: Design,
    /// Number of units (clusters or attempts) that a draw takes, in the run that has fewer.
    pub units: usize,
}

/// Computes the relative change from one run to another, with the percentile interval of a cluster bootstrap (A. C.
/// Davison and D. V. Hinkley, Bootstrap Methods and their Application, 1997, sections 3.8 and 5.3.1). The same seed
/// gives the same interval. `None` if there are too few values or clusters, or if the first statistic is not above 0.
///
/// If the runs share at least ten clusters, only those are compared, and each draw takes the same clusters from both
/// runs. Otherwise, if both runs have at least ten clusters, each draw takes clusters from each run independently. With
/// fewer clusters, each draw takes attempts within each case, so the interval holds for these cases only.
pub fn relative_change(
    from: &[Observation],
    to: &[Observation],
    statistic: Statistic,
    seed: u64,
) -> Option<RelativeChange> {
    let (design, [from, to]) = pools(from, to)?;
    let shared_draw = design == Design::Paired;
    if let Statistic::Percentile(p) = statistic
        && [&from, &to].into_iter().any(|pool| !enough_for(pool.sorted.len(), p))
    {
        return None;
    }
    let whole = [&from, &to].map(|pool| pool.statistic(&vec![1; pool.units()], statistic));
    let [Some(before), Some(after)] = whole else { return None };
    if before <= 0.0 || !after.is_finite() {
        return None;
    }
    let draws = (MAX_WORK / (from.sorted.len() + to.sorted.len())).clamp(MIN_DRAWS, DRAWS);
    let mut random = Random::new(seed);
    let mut shares: Vec<f64> = Vec::with_capacity(draws);
    for _ in 0..draws {
        let counts = from.draw(&mut random);
        let other = if shared_draw { counts.clone() } else { to.draw(&mut random) };
        if let (Some(a), Some(b)) = (from.statistic(&counts, statistic), to.statistic(&other, statistic))
            && a > 0.0
        {
            shares.push(b / a - 1.0);
        }
    }
    if shares.len() < MIN_DRAWS {
        return None;
    }
    shares.sort_by(f64::total_cmp);
    let quantile = |p| super::statistics::percentile(&shares, p);
    let ci95 = Interval { low: quantile(2.5), high: quantile(97.5) };
    let units = from.units().min(to.units());
    Some(RelativeChange { from: before, to: after, share: after / before - 1.0, ci95, design, units })
}

/// Values of a run, grouped into the units (clusters or attempts) that a draw takes.
struct Pool {
    /// Values in ascending order, each with the index of its unit.
    sorted: Vec<(f64, usize)>,
    /// Number of units in each stratum. From each stratum, a draw takes as many units as the stratum has. Units are
    /// numbered consecutively over all strata.
    strata: Vec<usize>,
}

impl Pool {
    fn new(mut sorted: Vec<(f64, usize)>, strata: Vec<usize>) -> Self {
        sorted.retain(|(value, _)| value.is_finite());
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self { sorted, strata }
    }

    fn units(&self) -> usize {
        self.strata.iter().sum()
    }

    /// Draws units with replacement; returns how often each was taken.
    fn draw(&self, random: &mut Random) -> Vec<u32> {
        let mut counts = vec![0; self.units()];
        let mut begin = 0;
        for &units in &self.strata {
            for _ in 0..units {
                counts[begin + random.below(units as u64) as usize] += 1;
            }
            begin += units;
        }
        counts
    }

    /// Statistic of the values, each counted as often as a draw took its unit; `None` without values.
    fn statistic(&self, counts: &[u32], statistic: Statistic) -> Option<f64> {
        let weighted = || self.sorted.iter().map(|(value, unit)| (*value, u64::from(counts[*unit])));
        let total: u64 = weighted().map(|(_, weight)| weight).sum();
        let last = total.checked_sub(1)? as f64;
        match statistic {
            Statistic::Mean => {
                Some(weighted().map(|(value, weight)| value * weight as f64).sum::<f64>() / total as f64)
            }
            Statistic::Percentile(p) => {
                let rank = f64::from(p.min(100)) / 100.0 * last;
                let (lower, upper) = (rank.floor() as u64, rank.ceil() as u64);
                let (mut passed, mut below) = (0, None);
                for (value, weight) in weighted() {
                    passed += weight;
                    if below.is_none() && passed > lower {
                        below = Some(value);
                    }
                    if passed > upper {
                        let below = below?;
                        return Some(below + (value - below) * (rank - rank.floor()));
                    }
                }
                None
            }
        }
    }
}

/// Values of a run by cluster.
type Clusters<'a> = BTreeMap<&'a ClusterKey, Vec<f64>>;

fn clusters(observations: &[Observation]) -> Clusters<'_> {
    let mut out = Clusters::new();
    for observation in observations {
        out.entry(&observation.cluster).or_default().push(observation.value);
    }
    out
}

/// Chooses the design for two runs, and their values.
fn pools(from: &[Observation], to: &[Observation]) -> Option<(Design, [Pool; 2])> {
    let (from, to) = (clusters(from), clusters(to));
    let shared: Vec<&ClusterKey> = from.keys().filter(|key| to.contains_key(*key)).copied().collect();
    let by_cluster = |run: &Clusters<'_>, keys: &[&ClusterKey]| {
        let values = keys
            .iter()
            .enumerate()
            .flat_map(|(unit, key)| run.get(key).into_iter().flatten().map(move |value| (*value, unit)));
        Pool::new(values.collect(), vec![keys.len()])
    };
    if shared.len() >= MIN_CLUSTERS {
        return Some((Design::Paired, [&from, &to].map(|run| by_cluster(run, &shared))));
    }
    if from.len() >= MIN_CLUSTERS && to.len() >= MIN_CLUSTERS {
        let own = |run: &Clusters<'_>| by_cluster(run, &run.keys().copied().collect::<Vec<_>>());
        return Some((Design::Independent, [own(&from), own(&to)]));
    }
    let is_case = |key: &&&ClusterKey| key.member.is_none();
    let cases: Vec<&ClusterKey> = shared.iter().filter(is_case).copied().collect();
    let is_whole = !cases.is_empty() && cases.len() == shared.len();
    let has_enough = |run: &Clusters<'_>| cases.iter().all(|case| run[case].len() >= MIN_VALUES_PER_CASE);
    if !is_whole || !has_enough(&from) || !has_enough(&to) {
        return None;
    }
    let within = |run: &Clusters<'_>| {
        let values = cases.iter().flat_map(|case| run[case].iter().copied());
        Pool::new(values.enumerate().map(|(unit, value)| (value, unit)).collect(), {
            cases.iter().map(|case| run[case].len()).collect()
        })
    };
    Some((Design::WithinCases, [within(&from), within(&to)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::testing::{numbers, reference};

    fn observation(case: &str, member: Option<u32>, value: f64) -> Observation {
        Observation { cluster: ClusterKey { case: case.into(), member }, value }
    }

    /// Observations, each in a cluster of its own.
    fn rows(case: &str, values: &[f64]) -> Vec<Observation> {
        (0..).zip(values).map(|(row, value)| observation(case, Some(row), *value)).collect()
    }

    #[test]
    fn intervals_of_independent_values_match_those_of_scipy() {
        let reference = reference();
        let [from, to] = [("latencies", "a"), ("slower", "b")].map(|(key, case)| rows(case, &numbers(&reference[key])));
        let statistics =
            [(Statistic::Mean, "mean"), (Statistic::Percentile(50), "p50"), (Statistic::Percentile(95), "p95")];
        for (statistic, key) in statistics {
            let own = relative_change(&from, &to, statistic, 7).unwrap();
            let expected = &reference["bootstrap"][key];
            let interval = numbers(&expected["interval"]);
            assert!((own.share - expected["share"].as_f64().unwrap()).abs() < 1e-9, "{own:?} {expected}");
            // Both intervals are random. With 2,000 draws, only one comparison in a thousand differs by more than this.
            assert!(
                (own.ci95.low - interval[0]).abs() < 0.02 && (own.ci95.high - interval[1]).abs() < 0.02,
                "{own:?} {expected}"
            );
            assert_eq!((own.design, own.units), (Design::Independent, 400));
        }
    }

    #[test]
    fn repeating_the_values_of_a_cluster_adds_no_certainty() {
        let mut random = Random::new(3);
        let mut values = |shift: f64| -> Vec<f64> { (0..40).map(|_| 100.0 + shift + 10.0 * random.normal()).collect() };
        let (from, to) = (values(0.0), values(5.0));
        let repeated = |values: &[f64], case: &str| -> Vec<Observation> {
            (0..).zip(values).flat_map(|(row, value)| vec![observation(case, Some(row), *value); 10]).collect()
        };
        let single = relative_change(&rows("a", &from), &rows("b", &to), Statistic::Mean, 1).unwrap();
        let many = relative_change(&repeated(&from, "a"), &repeated(&to, "b"), Statistic::Mean, 1).unwrap();
        assert!((single.ci95.low - many.ci95.low).abs() < 1e-12 && (single.ci95.high - many.ci95.high).abs() < 1e-12);
    }

    #[test]
    fn pairs_of_the_same_requests_are_compared_more_precisely() {
        let mut random = Random::new(5);
        let sizes: Vec<f64> = (0..50).map(|_| 100.0 * random.gamma(2.0)).collect();
        let slower: Vec<f64> = sizes.iter().map(|size| size * (1.05 + 0.01 * random.normal())).collect();
        let paired = relative_change(&rows("a", &sizes), &rows("a", &slower), Statistic::Mean, 1).unwrap();
        let apart = relative_change(&rows("a", &sizes), &rows("b", &slower), Statistic::Mean, 1).unwrap();
        assert_eq!((paired.design, apart.design), (Design::Paired, Design::Independent));
        assert!(paired.ci95.low > 0.0 && apart.ci95.low < 0.0, "{paired:?} {apart:?}");
    }

    #[test]
    fn an_interval_covers_a_true_change_of_zero_in_about_95_of_100_runs() {
        let covered = |seed: u64| {
            let mut random = Random::for_index(11, seed);
            let mut run = |case| rows(case, &(0..60).map(|_| 50.0 + random.gamma(3.0)).collect::<Vec<_>>());
            let (from, to) = (run("a"), run("b"));
            let change = relative_change(&from, &to, Statistic::Percentile(50), seed).unwrap();
            change.ci95.low <= 0.0 && 0.0 <= change.ci95.high
        };
        // 95 expected, with a standard deviation of 2.2.
        let n = (0..100).filter(|seed| covered(*seed)).count();
        assert!((88..=100).contains(&n), "{n}");
    }

    #[test]
    fn few_cases_are_kept_and_their_attempts_drawn() {
        let run = |offset: f64, n: u32| -> Vec<Observation> {
            let attempt = |case: &'static str, base: f64| {
                (0..n).map(move |i| observation(case, None, base + offset + f64::from(i)))
            };
            attempt("a", 100.0).chain(attempt("b", 500.0)).collect()
        };
        let change = relative_change(&run(0.0, 6), &run(30.0, 6), Statistic::Mean, 1).unwrap();
        assert_eq!((change.design, change.units), (Design::WithinCases, 12));
        // Drawing cases instead of attempts would give bounds far from 10%.
        assert!(change.ci95.low > 0.08 && change.ci95.high < 0.12, "{change:?}");
        assert_eq!(relative_change(&run(0.0, 4), &run(30.0, 6), Statistic::Mean, 1), None);
        assert_eq!(relative_change(&run(0.0, 6), &run(0.0, 6), Statistic::Percentile(95), 1), None, "p95 needs 20");
        assert_eq!(relative_change(&[], &[], Statistic::Mean, 1), None);
    }
}

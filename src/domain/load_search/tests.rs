use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const NO_TIME: Duration = Duration::ZERO;

fn probe(load: u32, verdict: ProbeVerdict) -> FinishedProbe {
    FinishedProbe { load: SearchLoad(load), verdict, meets: verdict == ProbeVerdict::Pass }
}

/// Runs a search against a judge; returns its probes.
fn run(search: &LoadSearch, judge: impl Fn(u32, usize) -> ProbeVerdict) -> Vec<FinishedProbe> {
    let mut probes = Vec::new();
    while let SearchStep::Probe(load) = search.next(&probes) {
        let before = probes.iter().filter(|p: &&FinishedProbe| p.load == load).count();
        probes.push(probe(load.0, judge(load.0, before)));
    }
    probes
}

fn with_limit(limit: u32) -> impl Fn(u32, usize) -> ProbeVerdict {
    move |load, _| if load <= limit { ProbeVerdict::Pass } else { ProbeVerdict::Fail }
}

#[test]
fn the_load_doubles_then_the_distance_halves_then_both_ends_are_confirmed() {
    let search = LoadSearch::concurrency(64, NO_TIME);
    let probes = run(&search, with_limit(11));
    let loads: Vec<u32> = probes.iter().map(|probe| probe.load.0).collect();
    assert_eq!(loads, [1, 2, 4, 8, 16, 12, 10, 11, 11, 12]);
    let outcome = search.outcome(&probes);
    assert_eq!((outcome.last_pass, outcome.first_fail), (Some(SearchLoad(11)), Some(SearchLoad(12))));
    assert!(outcome.is_complete && outcome.undecided.is_empty());
}

#[test]
fn the_maximum_is_probed_twice_and_never_exceeded() {
    let search = LoadSearch::concurrency(24, NO_TIME);
    let probes = run(&search, with_limit(1000));
    let loads: Vec<u32> = probes.iter().map(|probe| probe.load.0).collect();
    assert_eq!(loads, [1, 2, 4, 8, 16, 24, 24]);
    assert_eq!(search.outcome(&probes).last_pass, Some(SearchLoad(24)));
}

#[test]
fn a_server_that_holds_no_load_is_known_after_two_probes() {
    let search = LoadSearch::concurrency(64, NO_TIME);
    let probes = run(&search, with_limit(0));
    assert_eq!(probes.len(), 2);
    let outcome = search.outcome(&probes);
    assert_eq!((outcome.last_pass, outcome.first_fail), (None, Some(SearchLoad(1))));
}

#[test]
fn a_rate_begins_at_a_64th_of_the_maximum_and_falls_if_that_is_too_much() {
    let search = LoadSearch::rate(64.0, NO_TIME);
    let loads = |limit| run(&search, with_limit(limit)).iter().map(|p| search.value(p.load)).collect::<Vec<_>>();
    assert_eq!(loads(u32::MAX)[..4], [1.0, 2.0, 4.0, 8.0]);
    let falling = loads(300);
    assert_eq!(falling[..3], [1.0, 0.5, 0.25]);
    assert!(falling.iter().all(|rate| *rate <= 64.0));
    assert_eq!(search.in_words(SearchLoad(2500)), "2.5 requests/s");
    assert_eq!(LoadSearch::rate(0.1, NO_TIME).max, SearchLoad(100));
}

#[test]
fn a_contradicted_end_is_probed_again_until_two_probes_agree() {
    let search = LoadSearch::concurrency(16, NO_TIME);
    // The first probe at 5 passes by luck; the true limit is 4. The evidence of two probes leaves it open.
    let probes = run(&search, |load, before| match load {
        5 if before == 0 => ProbeVerdict::Pass,
        5 if before == 1 => ProbeVerdict::Undecided,
        load if load <= 4 => ProbeVerdict::Pass,
        _ => ProbeVerdict::Fail,
    });
    let outcome = search.outcome(&probes);
    assert_eq!((outcome.last_pass, outcome.first_fail), (Some(SearchLoad(4)), Some(SearchLoad(5))));
    assert_eq!(probes.iter().filter(|probe| probe.load.0 == 5).count(), MAX_PROBES_PER_LOAD);
}

#[test]
fn undecided_loads_count_as_neither_passed_nor_failed() {
    let search = LoadSearch::concurrency(16, NO_TIME);
    let probes = run(&search, |load, _| match load {
        0..=4 => ProbeVerdict::Pass,
        5..=6 => ProbeVerdict::Undecided,
        _ => ProbeVerdict::Fail,
    });
    let outcome = search.outcome(&probes);
    assert!(outcome.is_complete);
    assert_eq!(outcome.last_pass, Some(SearchLoad(4)));
    assert_eq!(outcome.first_fail, Some(SearchLoad(8)), "7 lies above undecided loads whose estimates miss");
    assert!(outcome.undecided.contains(&SearchLoad(5)), "{outcome:?}");
    assert_eq!(outcome.estimate, Some(SearchLoad(4)), "the estimates of undecided loads miss");
    let leaning: Vec<FinishedProbe> =
        probes.iter().map(|probe| FinishedProbe { meets: probe.load.0 <= 5, ..*probe }).collect();
    assert_eq!(search.outcome(&leaning).estimate, Some(SearchLoad(5)));
}

proptest! {
    #[test]
    fn a_monotonic_server_gives_its_exact_limit(limit in 0_u32..70, max in 1_u32..64) {
        let search = LoadSearch::concurrency(max, NO_TIME);
        let outcome = search.outcome(&run(&search, with_limit(limit)));
        let expected = limit.min(max);
        prop_assert_eq!(outcome.last_pass, (expected > 0).then_some(SearchLoad(expected)));
        prop_assert_eq!(outcome.estimate, outcome.last_pass);
        prop_assert_eq!(outcome.first_fail, (limit < max).then_some(SearchLoad(limit + 1)));
    }

    #[test]
    fn any_verdicts_end_the_search_within_its_bounds(
        verdicts in prop::collection::vec(0_u8..3, 200), max in 1_u32..5000, is_rate: bool,
    ) {
        let search = if is_rate { LoadSearch::rate(max.into(), NO_TIME) } else { LoadSearch::concurrency(max, NO_TIME) };
        let mut probes: Vec<FinishedProbe> = Vec::new();
        while let SearchStep::Probe(load) = search.next(&probes) {
            prop_assert!(load <= search.max && load.0 > 0);
            let verdict = match verdicts[probes.len()] {
                0 => ProbeVerdict::Pass,
                1 => ProbeVerdict::Fail,
                _ => ProbeVerdict::Undecided,
            };
            probes.push(probe(load.0, verdict));
        }
        prop_assert!(probes.len() <= MAX_PROBES);
        let outcome = search.outcome(&probes);
        prop_assert!(outcome.is_complete);
        if let Some((pass, fail)) = outcome.last_pass.zip(outcome.first_fail) {
            prop_assert!(pass < fail);
        }
        let probed: BTreeSet<SearchLoad> = probes.iter().map(|p| p.load).collect();
        prop_assert!(outcome.last_pass.is_none_or(|pass| probed.contains(&pass)));
    }
}

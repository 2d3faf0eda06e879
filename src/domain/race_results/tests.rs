use super::*;
use crate::domain::attempt::{Arrival, AttemptId, AttemptStatus, TextKind};
use crate::domain::race::RaceSide;
use crate::domain::random::Random;
use crate::domain::time::Nanos;

fn race() -> Race {
    let sides = [RaceSide::default(), RaceSide::default()];
    Race { sides, seed: 1, margin_percent: 2.0, takes_turns: false, runs_all: false, until: Vec::new() }
}

/// A complete answer with this TTFT and these gaps between its 20 tokens, milliseconds.
fn answer(ttft_ms: f64, itl_ms: f64) -> AttemptRecord {
    let mut record = AttemptRecord::started(AttemptId::default(), false, String::new(), String::new(), Nanos(0));
    let at = |token: u32| Nanos(((ttft_ms + itl_ms * f64::from(token)) * 1e6) as u64);
    record.arrivals = (0..20).map(|i| Arrival { at: at(i), kind: TextKind::Answer, coalesced: false }).collect();
    record.usage.completion_tokens = Some(20);
    record.finish_at = Some(at(19));
    record.ended = at(19);
    record.status = AttemptStatus::Ok;
    record.text = "word ".repeat(20);
    record
}

/// Runs a race of skewed latencies until it is decided, or for `blocks`. Side B takes `factor` times as long as side A.
/// Both sides drift together. At a `noise` of 1, latencies vary by 12%, and 2% of them stall to three times as much.
fn simulated(seed: u64, factor: f64, noise: f64, blocks: usize) -> RaceTally {
    let (race, mut tally) = (race(), RaceTally::default());
    let mut random = Random::new(seed);
    for block in 0..blocks {
        let drift = 1.0 + 0.5 * (block as f64 / 20.0).sin();
        let mut draw = |sigma: f64| {
            let stall = if random.unit() < 0.02 * noise { 3.0 } else { 1.0 };
            (sigma * noise * random.normal()).exp() * stall
        };
        let mut side = |ttft: f64, f: f64| Some(answer(ttft * f * drift * draw(0.12), 20.0 * f * drift * draw(0.05)));
        let pairs: Vec<_> = [80.0, 400.0].map(|ttft| [1.0, factor].map(|f| side(ttft, f))).into();
        tally.add_block(&pairs);
        if tally.is_decided(&race) {
            break;
        }
    }
    tally
}

fn verdicts(tally: &RaceTally) -> Vec<RaceVerdict> {
    tally.differences(&race()).iter().map(|difference| difference.verdict).collect()
}

#[test]
fn equal_sides_claim_a_winner_in_at_most_five_percent_of_two_hundred_races() {
    let claims = (0..200).filter(|seed| {
        let found = verdicts(&simulated(*seed, 1.0, 1.0, 24));
        found.iter().any(|verdict| matches!(verdict, RaceVerdict::A | RaceVerdict::B))
    });
    let claims = claims.count();
    assert!(claims <= 10, "{claims} of 200 races of equal sides claim a winner");
}

#[test]
fn a_side_that_is_five_percent_slower_loses() {
    let races: Vec<RaceTally> = (0..20).map(|seed| simulated(1000 + seed, 1.05, 0.5, 150)).collect();
    let lost: Vec<usize> = races.iter().map(RaceTally::blocks).collect();
    for tally in &races {
        let found = verdicts(tally);
        assert!(!found.contains(&RaceVerdict::B), "{found:?}");
    }
    let decided = races.iter().filter(|tally| verdicts(tally) == [RaceVerdict::A; 4]).count();
    assert!(decided >= 19, "{decided} of 20 are decided; blocks: {lost:?}");
}

#[test]
fn equal_sides_are_found_to_have_no_difference() {
    let found: Vec<_> = (0..6).map(|seed| verdicts(&simulated(2000 + seed, 1.0, 0.25, 150))).collect();
    let equal = found.iter().filter(|verdicts| **verdicts == vec![RaceVerdict::NoDifference; 4]).count();
    assert!(equal >= 5, "{found:?}");
}

#[test]
fn a_higher_speed_and_a_lower_latency_are_better() {
    let decide = |metric, interval| RaceVerdict::new(metric, Some(interval), 0.02);
    let [ttft, _, _, speed] = RACED;
    assert_eq!((decide(ttft, (0.01, 0.05)), decide(ttft, (-0.05, -0.01))), (RaceVerdict::A, RaceVerdict::B));
    assert_eq!((decide(speed, (0.01, 0.05)), decide(speed, (-0.05, -0.01))), (RaceVerdict::B, RaceVerdict::A));
    assert_eq!(decide(ttft, (-0.02, 0.02)), RaceVerdict::NoDifference);
    assert_eq!(decide(ttft, (0.005, 0.015)), RaceVerdict::NoDifference, "smaller than the margin");
    assert_eq!(decide(ttft, (-0.021, 0.02)), RaceVerdict::Undecided);
    assert_eq!(RaceVerdict::new(ttft, None, 0.02), RaceVerdict::Undecided);
}

#[test]
fn a_failed_answer_has_no_pair_and_the_block_still_counts() {
    let mut tally = RaceTally::default();
    let mut failed = answer(1.0, 1.0);
    failed.status = AttemptStatus::Timeout;
    tally.add_block(&[
        [Some(answer(100.0, 10.0)), Some(failed)],
        [Some(answer(100.0, 10.0)), Some(answer(200.0, 10.0))],
    ]);
    tally.add_block(&[[Some(answer(100.0, 10.0)), None]]);
    let differences = tally.differences(&race());
    assert_eq!((tally.blocks(), differences[0].blocks), (2, 1));
    assert!((differences[0].percent() - 100.0).abs() < 1e-6 && differences[0].interval.is_none());
    assert_eq!((tally.cases()[0].answers, tally.cases()[0].requests), ([2, 0], [2, 1]));
    assert_eq!((tally.cases()[1].pairs, tally.cases()[1].equal_texts), (1, 1));
    assert_eq!(sentence(&race(), &RaceTally::default()), "no block is complete yet, so nothing can be compared");
}

#[test]
fn answers_that_are_always_longer_are_named() {
    let mut tally = RaceTally::default();
    for _ in 0..12 {
        let mut long = answer(100.0, 10.0);
        long.usage.completion_tokens = Some(30);
        tally.add_block(&[
            [Some(answer(100.0, 10.0)), Some(long)],
            [Some(answer(100.0, 10.0)), Some(answer(100.0, 10.0))],
        ]);
    }
    assert_eq!(tally.differing_lengths(&race()), [0]);
    assert_eq!(tally.cases()[0].output_tokens(), Some([20.0, 30.0]));
}

#[test]
fn the_sentence_says_who_is_better_at_what_and_how_sure() {
    let mut tally = RaceTally::default();
    for block in 0..20 {
        let noise = 1.0 + 0.01 * f64::from(block % 5);
        tally.add_block(&[[Some(answer(100.0 * noise, 10.0)), Some(answer(80.0, 10.0))]]);
    }
    let text = sentence(&race(), &tally);
    assert!(text.starts_with("B is better: TTFT of B 21.") && text.contains("% lower (2"), "{text}");
    assert!(text.contains("no difference beyond 2%: ITL of B +0.0%"), "{text}");
}

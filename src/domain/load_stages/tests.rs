use proptest::prelude::*;

use super::*;

fn stages(text: &str) -> LoadStages {
    text.parse().unwrap()
}

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn stages_are_written_as_they_are_read() {
    for text in ["4:60s,16:30s", "1..16:60s", "5/s:60s,10/s:0.5s", "0.5/s..10/s:60s,10/s..0/s:60s"] {
        assert_eq!(stages(text).to_string(), text);
        let json = serde_json::to_string(&stages(text)).unwrap();
        assert_eq!((json.as_str(), serde_json::from_str(&json).ok()), (&*format!("\"{text}\""), Some(stages(text))));
    }
    assert_eq!(stages(" 4:1m, 5 : 500ms").to_string(), "4:60s,5:0.5s");
}

#[test]
fn bad_stages_are_refused_with_their_reason() {
    let reason = |text: &str| text.parse::<LoadStages>().unwrap_err().0;
    assert_eq!(reason("4"), "the stage '4' has no time");
    assert_eq!(reason("4:60"), "'60' is not a time from 0s to 24h, like 2s or 500ms");
    assert_eq!(reason("0:60s"), "'0' is not a concurrency from 1 to 65536");
    assert_eq!(reason("4:60s,5/s:60s"), "some stages set a rate and others a concurrency");
    assert_eq!(reason("1/s..4:60s"), "the ramp '1/s..4' lacks '/s' at one end");
    assert_eq!(reason("NaN/s:60s"), "'NaN/s' is not a rate from 0/s to 100000/s");
    assert_eq!(reason("0/s:60s"), "a stage at 0/s sends no requests");
    assert_eq!(reason("4:0s"), "the stage '4:0s' is shorter than 100 ms");
    assert_eq!(reason("4:60s,"), "the stage '' has no time");
}

#[test]
fn a_ramp_of_concurrency_is_linear_and_rounded() {
    let ramp = stages("1..5:40s,2:10s");
    let at: Vec<_> = [0, 4, 6, 20, 36, 39, 40, 99].iter().map(|t| ramp.concurrency_at(s(*t)).unwrap()).collect();
    assert_eq!(at, [1, 1, 2, 3, 5, 5, 2, 2]);
    assert_eq!((ramp.most_concurrent(), ramp.time(), ramp.begins_at(1)), (Some(5), s(50), Some(s(40))));
    assert_eq!((ramp.begins_at(2), ramp.mean_rate_per_s()), (None, None));
}

#[test]
fn a_constant_rate_and_a_ramp_expect_their_integral() {
    let curve = stages("2/s:10s,2/s..6/s:10s").rates().unwrap();
    // 20 in the first stage; the mean rate of the second is 4/s.
    let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
    for (t, starts) in [(5.0, 10.0), (10.0, 20.0), (20.0, 60.0), (21.0, 66.0)] {
        assert!(close(curve.starts_until(t), starts), "{t}");
    }
    assert!(close(curve.time_of_s(10.0), 5.0));
    // 2t + 0.2t² = 15 has its root at t = 5.
    assert!((curve.time_of_s(35.0) - 15.0).abs() < 1e-9);
    assert_eq!(stages("2/s:10s,2/s..6/s:10s").mean_rate_per_s(), Some(3.0));
    assert!(stages("4/s..0/s:1s").rates().unwrap().time_of_s(3.0).is_infinite());
}

proptest! {
    #[test]
    fn the_time_of_a_start_is_the_inverse_of_the_integrated_rate(
        pieces in prop::collection::vec((1_u32..100, 0_u32..50, 1_u32..50), 1..6), share in 0.0_f64..1.2,
    ) {
        let text: Vec<String> = pieces.iter().map(|(time, from, to)| format!("{from}/s..{to}/s:{time}s")).collect();
        let stages = stages(&text.join(","));
        let curve = stages.rates().unwrap();
        let starts = share * curve.starts_until(stages.time().as_secs_f64());
        let back = curve.starts_until(curve.time_of_s(starts));
        prop_assert!((back - starts).abs() <= 1e-6 * starts.max(1.0), "{starts} became {back}");
    }

    #[test]
    fn slots_become_free_exactly_at_the_announced_time(
        pieces in prop::collection::vec((1_u64..5000, 1_u32..40, 1_u32..40), 1..5), spare in 0_usize..10, share in 0.0_f64..1.0,
    ) {
        let text: Vec<String> = pieces.iter().map(|(ms, from, to)| format!("{from}..{to}:{}ms", ms + 100)).collect();
        let stages = stages(&text.join(","));
        let at = stages.time().mul_f64(share);
        let users = stages.concurrency_at(at).unwrap() + spare;
        match stages.rises_above(users, at) {
            Some(rise) => {
                prop_assert!(rise > at && stages.concurrency_at(rise).unwrap() > users);
                prop_assert!(stages.concurrency_at(rise.saturating_sub(Duration::from_nanos(2))).unwrap() <= users);
            }
            None => for step in 0..200 {
                let later = at + (stages.time().saturating_sub(at)).mul_f64(f64::from(step) / 200.0);
                prop_assert!(stages.concurrency_at(later.min(stages.time().saturating_sub(Duration::from_nanos(1)))).unwrap() <= users);
            },
        }
    }
}

use super::*;

fn gauges(pairs: &[(Meter, f64)]) -> ServerGauges {
    let mut gauges = ServerGauges::default();
    for (meter, value) in pairs {
        gauges.set(*meter, *value);
    }
    gauges
}

fn history(samples: &[(u64, ServerGauges)]) -> GaugeHistory {
    let mut history = GaugeHistory::default();
    history.begin_run();
    for (at_ms, gauges) in samples {
        history.apply(GaugeEvent::Sample(Nanos::from_millis(*at_ms), Box::new(*gauges)));
    }
    history
}

#[test]
fn counters_give_differences_and_gauges_give_states() {
    use Meter as M;
    let history = history(&[
        (
            0,
            gauges(&[
                (M::Running, 1.0),
                (M::GeneratedTokens, 1000.0),
                (M::DecodedTokens, 1000.0),
                (M::PrefixHits, 5.0),
                (M::PrefixQueries, 50.0),
            ]),
        ),
        (1000, gauges(&[(M::Running, 4.0), (M::DecodedTokens, 1100.0)])),
        (
            3000,
            gauges(&[
                (M::Running, 2.0),
                (M::GeneratedTokens, 1500.0),
                (M::DecodedTokens, 1500.0),
                (M::PrefixHits, 25.0),
                (M::PrefixQueries, 90.0),
            ]),
        ),
    ]);
    let rates: Vec<_> = history.generated_per_s.iter().map(|p| p.1).collect();
    assert_eq!(rates, [Some(100.0), Some(200.0)]);
    assert_eq!(history.grown(M::GeneratedTokens), Some(500.0));
    assert_eq!(history.share(M::PrefixHits, M::PrefixQueries), Some(50.0));
    assert_eq!((history.now(M::Running), history.highest(M::Running)), (Some(2.0), Some(4.0)));
    assert_eq!(history.mean(M::Running), Some(7.0 / 3.0));
    assert_eq!((history.grown(M::Preemptions), history.now(M::KvCache)), (None, None));
    assert_eq!(history.share(M::AcceptedTokens, M::DraftTokens), None);
}

#[test]
fn a_counter_that_was_missing_starts_at_zero() {
    use Meter as M;
    let history = history(&[
        (0, gauges(&[(M::Running, 0.0)])),
        (1000, gauges(&[(M::Running, 1.0), (M::DecodedTokens, 30.0)])),
        (2000, gauges(&[(M::Running, 0.0), (M::DecodedTokens, 80.0), (M::GeneratedTokens, 80.0)])),
    ]);
    assert_eq!(history.generated_per_s.iter().map(|p| p.1).collect::<Vec<_>>(), [Some(30.0), Some(50.0)]);
    assert_eq!((history.grown(M::GeneratedTokens), history.grown(M::Preemptions)), (Some(80.0), None));
}

#[test]
fn tokens_counted_at_the_end_of_answers_give_no_rate() {
    let generated = |n| gauges(&[(Meter::GeneratedTokens, n)]);
    let history = history(&[(0, generated(0.0)), (1000, generated(0.0)), (2000, generated(600.0))]);
    assert_eq!(history.generated_per_s.mean(), None);
    assert_eq!(history.grown(Meter::GeneratedTokens), Some(600.0));
}

#[test]
fn a_mean_is_computed_from_a_sum_and_a_count() {
    use Meter as M;
    let history = history(&[
        (0, gauges(&[(M::TtftSeconds, 10.0), (M::TtftCount, 40.0)])),
        (1000, gauges(&[(M::TtftSeconds, 10.6), (M::TtftCount, 43.0)])),
    ]);
    assert!((history.mean_ms(M::TtftSeconds, M::TtftCount).unwrap() - 200.0).abs() < 1e-6);
    assert_eq!(history.mean_ms(M::QueueSeconds, M::QueueCount), None);
}

#[test]
fn a_restart_makes_counts_unknown_and_rates_never_negative() {
    let generated = |n| gauges(&[(Meter::GeneratedTokens, n), (Meter::DecodedTokens, n)]);
    let history = history(&[(0, generated(900.0)), (1000, generated(10.0)), (2000, generated(60.0))]);
    assert!(history.was_restarted());
    assert_eq!(history.grown(Meter::GeneratedTokens), None);
    assert_eq!(history.generated_per_s.iter().map(|p| p.1).collect::<Vec<_>>(), [None, Some(50.0)]);
}

#[test]
fn counts_made_while_the_program_was_gone_are_excluded() {
    let generated = |n| Box::new(gauges(&[(Meter::GeneratedTokens, n), (Meter::DecodedTokens, n)]));
    let mut history = history(&[(0, *generated(0.0)), (1000, *generated(10.0))]);
    history.interrupt();
    for (at, n) in [(1001, 9000.0), (2001, 9020.0)] {
        history.apply(GaugeEvent::Sample(Nanos::from_millis(at), generated(n)));
    }
    assert_eq!(history.generated_per_s.iter().map(|p| p.1).collect::<Vec<_>>(), [Some(10.0), Some(20.0)]);
    assert_eq!((history.grown(Meter::GeneratedTokens), history.was_restarted()), (None, false));
}

#[test]
fn work_for_other_clients_between_active_spans_is_excluded() {
    let at = |s: u64| Nanos::from_millis(s * 1000);
    let generated = |n| gauges(&[(Meter::GeneratedTokens, n), (Meter::Running, n)]);
    let mut history = history(&[(0, generated(0.0)), (1000, generated(100.0))]);
    let sample = |history: &mut GaugeHistory, s, n| history.apply(GaugeEvent::Sample(at(s), Box::new(generated(n))));
    history.set_active(false, at(2));
    sample(&mut history, 2, 150.0);
    sample(&mut history, 3600, 9000.0);
    history.apply(GaugeEvent::Gap(at(3601), "gone".to_owned()));
    assert_eq!((history.grown(Meter::GeneratedTokens), history.samples, history.missed), (Some(150.0), 3, 0));
    // The sample after the end shows requests of other clients only.
    assert_eq!(history.highest(Meter::Running), Some(100.0));
    assert_eq!(history.mean(Meter::Running), Some(50.0));
    // The run resumes: the hour in between does not count, later samples do.
    history.set_active(true, at(3700));
    sample(&mut history, 3700, 9500.0);
    sample(&mut history, 3701, 9530.0);
    assert_eq!(history.grown(Meter::GeneratedTokens), Some(180.0));
    assert!(!history.was_restarted());
}

#[test]
fn a_meter_is_a_gauge_or_a_counter() {
    assert_eq!(Meter::GAUGES.len() + Meter::COUNTERS.len(), Meter::COUNT);
    assert!(Meter::GAUGES.iter().all(|m| !Meter::COUNTERS.contains(m)));
}

#[test]
fn silence_is_a_gap_and_hides_the_last_value() {
    let mut history = history(&[(0, gauges(&[(Meter::Waiting, 3.0)]))]);
    history.apply(GaugeEvent::Gap(Nanos::from_millis(1000), "timed out".to_owned()));
    assert_eq!((history.now(Meter::Waiting), history.missed), (None, 1));
    assert_eq!(history.series(Meter::Waiting).unwrap().last(), None);
    assert_eq!(history.series(Meter::GeneratedTokens).map(|s| s.iter().count()), None);
    assert_eq!(history.grown(Meter::GeneratedTokens), None);
}

#[test]
fn the_extremes_of_a_day_are_exact_though_its_history_is_condensed() {
    let mut history = GaugeHistory::default();
    history.begin_run();
    for second in 0..86_400_u32 {
        let running = if second == 5 { 99.0 } else { 1.0 };
        let sample = Box::new(gauges(&[(Meter::Running, running)]));
        history.apply(GaugeEvent::Sample(Nanos::from_millis(u64::from(second) * 1000), sample));
    }
    assert_eq!(history.highest(Meter::Running), Some(99.0));
    assert!(history.mean(Meter::Running).is_some_and(|mean| (mean - 86_498.0 / 86_400.0).abs() < 1e-9));
    let series = history.series(Meter::Running).unwrap();
    assert!(series.iter().count() <= HISTORY_POINTS && series.iter().next().is_some_and(|point| point.0 == Nanos(0)));
}

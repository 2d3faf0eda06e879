use super::*;

fn arrival(ms: u64) -> Arrival {
    Arrival { at: Nanos::from_millis(ms), kind: TextKind::Answer, coalesced: false }
}

/// One arrival every 10 ms, with a gap of 900 ms before the event `pause_at`.
fn steady(count: u64, pause_at: u64) -> Vec<Arrival> {
    (0..count).map(|i| arrival(1000 + i * 10 + if i >= pause_at { 890 } else { 0 })).collect()
}

fn at(ms: u64) -> Nanos {
    Nanos::from_millis(ms)
}

fn highs(trace: &Trace, from: u64, to: u64, count: usize) -> Vec<Option<f32>> {
    columns(trace, None, at(from), at(to), count).into_iter().map(|c| c.map(|c| c.high_ms)).collect()
}

#[test]
fn a_trace_built_step_by_step_equals_one_built_at_once() {
    let all = steady(1000, 700);
    let mut live = Trace::default();
    for n in [0, 1, 2, 255, 256, 257, 511, 512, 900, 1000] {
        live.extend_from(&all[..n], usize::MAX);
        assert_eq!((live.len(), live.last()), (n, all[..n].last().map(|a| a.at)));
    }
    let whole = Trace::from_arrivals(&all);
    assert_eq!(highs(&live, 0, 12_000, 97), highs(&whole, 0, 12_000, 97));
    assert_eq!(live.blocks.len(), 4);
    for (a, b) in live.blocks.iter().zip(&whole.blocks) {
        assert_eq!((a.previous, &a.arrivals), (b.previous, &b.arrivals));
    }
}

#[test]
fn clones_share_full_blocks_and_the_oldest_blocks_are_dropped() {
    let all = steady(1000, 1000);
    let mut live = Trace::default();
    live.extend_from(&all[..600], 512);
    let earlier = live.clone();
    live.extend_from(&all[..700], 512);
    assert!(Arc::ptr_eq(&earlier.blocks[earlier.blocks.len() - 2], &live.blocks[live.blocks.len() - 2]));
    live.extend_from(&all, 512);
    assert_eq!((live.blocks.len(), live.len(), live.first()), (2, 1000, Some(at(1000))));
    // The gap before the first arrival that is kept is known.
    assert_eq!(live.blocks[0].previous, Some(all[511].at));
    let mut late = Trace::default();
    late.extend_from(&all, 512);
    assert_eq!(late.blocks.len(), 2);
}

#[test]
fn a_gap_covers_the_columns_of_its_duration() {
    let trace = Trace::from_arrivals(&[arrival(100), arrival(200), arrival(400)]);
    assert_eq!(
        highs(&trace, 0, 500, 5),
        [None, Some(100.0), Some(200.0), Some(200.0), Some(200.0)],
        "the column of an arrival shows the gap before and after it"
    );
    assert_eq!(highs(&trace, 250, 350, 2), [Some(200.0); 2]);
    assert_eq!(highs(&trace, 401, 500, 2), [None; 2]);
    assert_eq!(columns(&trace, None, at(5), at(5), 3), [None; 3]);
    let open = Gap { from: at(400), to: at(1000), kind: TextKind::Answer };
    let seen = columns(&trace, Some(open), at(800), at(1200), 2);
    assert_eq!(seen[0].map(|c| c.high_ms), Some(600.0));
}

#[test]
fn a_column_shows_its_extremes_however_many_arrivals_it_has() {
    let trace = Trace::from_arrivals(&steady(20_000, 15_000));
    let seen = highs(&trace, 0, 202_000, 40);
    let long: Vec<_> = (0..40).filter(|i| seen[*i] == Some(900.0)).collect();
    // The gap ends 151.89 s after the epoch, and a column covers 5.05 s.
    assert!(long.contains(&30) && long.len() <= 2, "{long:?}");
    assert!(seen.iter().flatten().all(|ms| [10.0, 900.0].contains(ms)));
    // About 415 gaps of 10 ms and one of 900 ms.
    let means: Vec<_> = columns(&trace, None, at(0), at(202_000), 40).iter().map(|c| c.unwrap().mean_ms()).collect();
    assert!((11.5..13.0).contains(&means[30]), "{}", means[30]);
    assert!((means[20] - 10.0).abs() < 1e-6, "{}", means[20]);
}

#[test]
fn events_from_one_read_share_one_gap() {
    let shared = |ms| Arrival { coalesced: true, ..arrival(ms) };
    let trace = Trace::from_arrivals(&[arrival(100), arrival(140), shared(140), shared(140), arrival(150)]);
    let columns = columns(&trace, None, at(0), at(200), 200);
    assert_eq!(columns[120].unwrap(), Column { sum_ms: 40.0, gaps: 1, high_ms: 40.0, kind: TextKind::Answer });
    assert!(columns.iter().flatten().all(|c| c.mean_ms() >= 10.0));
    assert_eq!(trace.gap_at(at(145)).map(|g| g.ms()), Some(10.0));
}

#[test]
fn the_gap_at_a_time_is_found() {
    let trace = Trace::from_arrivals(&steady(600, 600));
    let gap = trace.gap_at(at(1000 + 2561)).unwrap();
    assert_eq!((gap.from, gap.to), (at(3560), at(3570)));
    assert_eq!(trace.gap_at(at(3560)).unwrap().from, at(3560));
    assert_eq!(trace.gap_at(at(999)), None);
    assert_eq!(trace.gap_at(trace.last().unwrap()), None);
}

#[test]
fn stalls_match_the_diagnosis() {
    let trace = Trace::from_arrivals(&steady(600, 300));
    assert_eq!(trace.stall_limit_ms(), Some(500.0));
    let stalls = |from, to, own: &[(Nanos, Nanos)]| trace.stalls(at(from), at(to), 500.0, own);
    let all = stalls(0, 20_000, &[]);
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].gap.from, all[0].gap.to, all[0].is_own), (at(3990), at(4890), false));
    // Found also where only the middle of the stall is in the span, and nowhere else.
    assert_eq!(stalls(4300, 4400, &[]), all);
    assert!(stalls(5000, 6000, &[]).is_empty() && stalls(0, 3990, &[]).is_empty());
    assert!(stalls(0, 20_000, &[(at(4000), at(4800))])[0].is_own);
    assert!(!stalls(0, 20_000, &[(at(4000), at(4100))])[0].is_own);
    assert_eq!(Trace::from_arrivals(&steady(5, 2)).stall_limit_ms(), None, "too few to know what is usual");
}

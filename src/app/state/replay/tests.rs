use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::app::state::load::Load;
use crate::app::update::testing::app;
use crate::domain::attempt::{AttemptId, AttemptStatus, StringPool};
use crate::domain::gpu::{GpuEvent, GpuInfo, GpuSample};
use crate::domain::session::{CasePhase, Mode, Plan, SessionCommand, SessionInput};

const fn ms(at: u64) -> Nanos {
    Nanos::from_millis(at)
}

/// An attempt of `millis` milliseconds with `events` events spread evenly; the first half of them are reasoning.
fn record(id: AttemptId, started: Nanos, millis: u64, events: u64) -> AttemptRecord {
    let mut r = AttemptRecord::started(id, false, String::new(), "m".into(), started);
    let at = |i: u64| started.plus(Duration::from_millis(millis * (i + 1) / (events + 1)));
    let kind = |i| if i < events / 2 { TextKind::Reasoning } else { TextKind::Answer };
    r.arrivals = (0..events).map(|i| Arrival { at: at(i), kind: kind(i), coalesced: false }).collect();
    r.status = if events == 0 { AttemptStatus::Timeout } else { AttemptStatus::Ok };
    r.ended = started.plus(Duration::from_millis(millis));
    r.reasoning = "héllo ".repeat(events as usize / 2);
    r.text = "wörld ".repeat(events as usize - events as usize / 2);
    r
}

/// A finished run. `attempts` lists durations in milliseconds and numbers of events, which the attempts use in turn.
fn whole(cases: usize, plan: Plan, attempts: &[(u64, u64)]) -> Recording {
    swept(cases, plan, &[], attempts)
}

/// A finished sweep over these concurrencies.
fn swept(cases: usize, plan: Plan, sweep: &[usize], attempts: &[(u64, u64)]) -> Recording {
    let mut scene = app(cases).scene;
    let mut session = Session::new(Arc::clone(&scene.session.suite), plan).with_sweep(sweep.to_vec());
    let mut open: Vec<AttemptRecord> = Vec::new();
    let mut attempts = attempts.iter().cycle();
    let mut now = ms(400);
    let mut commands = session.handle_at(now, SessionInput::Begin(now));
    loop {
        for command in std::mem::take(&mut commands) {
            if let (SessionCommand::Start { id, warmup, .. }, Some((millis, events))) = (command, attempts.next()) {
                open.push(AttemptRecord { warmup, ..record(id, now, *millis, *events) });
            }
        }
        let Some(first) = (0..open.len()).min_by_key(|i| open[*i].ended) else { break };
        let done = open.remove(first);
        now = now.max(done.ended);
        scene.traces.add(&done);
        commands = session.handle_at(now, SessionInput::Ended(done.id, Arc::new(done)));
    }
    let gpu = GpuInfo { index: 0, model: "A".into(), ..GpuInfo::default() };
    let mut telemetry = vec![TelemetryEvent::Gpu(GpuEvent::Found {
        source: "nvml".into(),
        driver: None,
        gpus: vec![gpu],
        interval_ms: 100,
    })];
    telemetry.push(TelemetryEvent::Began(ms(400)));
    for at in (0..now.0).step_by(100_000_000) {
        let sample = GpuSample { at: Nanos(at), power_w: Some(1.0), ..GpuSample::default() };
        telemetry.push(TelemetryEvent::Gpu(GpuEvent::Sample(sample)));
        scene.throughput.push(Nanos(at), Some(5.0));
    }
    for event in &telemetry {
        event.clone().apply(&mut scene.gpu, &mut scene.gauges, &mut scene.host);
    }
    scene.load = Load::from_session(&session, now);
    let events = session.take_events().into();
    scene.session = session;
    scene.now = now;
    Recording { whole: scene, events, telemetry }
}

/// The scene at `at`. The case at index `selected` has its full text.
fn scene_at(recording: &Recording, at: Nanos, selected: usize) -> Scene {
    let mut scene = recording.whole.clone();
    Cursor::default().show(&mut scene, recording, at, selected);
    scene
}

/// The part of a session that a frame shows.
fn shown(session: &Session) -> impl PartialEq + std::fmt::Debug + use<> {
    let cases: Vec<_> = session.cases.iter().map(|c| (c.phase, c.remaining, c.attempts.clone())).collect();
    (session.mode, session.stage, session.last_ended, cases)
}

fn ended(scene: &Scene) -> usize {
    scene.session.attempts().filter(|a| a.record.is_some()).count()
}

#[test]
fn a_replayed_answer_grows_as_it_arrived() {
    let recording = whole(1, Plan::default(), &[(1000, 9)]);
    let at = |t| scene_at(&recording, ms(t), 0);
    let in_flight = |t| at(t).live.in_flight.first().cloned().unwrap();
    let waiting = in_flight(499);
    assert_eq!((waiting.phase, waiting.ttft_ms, waiting.content_events), (StreamPhase::Waiting, None, 0));
    let thinking = in_flight(600);
    assert_eq!((thinking.phase, thinking.ttft_ms, thinking.content_events), (StreamPhase::Reasoning, Some(100.0), 2));
    assert_eq!((&*thinking.reasoning, &*thinking.text), ("héllo héllo ", ""));
    assert_eq!(thinking.recent_gaps_ms, [100.0]);
    let answering = in_flight(1000);
    assert_eq!((answering.phase, answering.thinking_ms), (StreamPhase::Answering, Some(400.0)));
    assert_eq!((answering.reasoning.len(), &*answering.text), (7 * 4, "wörld wörld "));
    // A case that is not selected has no text.
    assert_eq!(scene_at(&recording, ms(1000), 7).live.in_flight[0].text.len(), 0);
    assert_eq!(at(0).session.mode, Mode::Waiting);
    assert_eq!(at(600).session.cases[0].phase, CasePhase::Running);
    let done = at(1400);
    assert_eq!((done.session.cases[0].phase, done.live.in_flight.len()), (CasePhase::Done, 0));
}

#[test]
fn a_condensed_attempt_counts_once_it_has_ended() {
    let mut recording = whole(1, Plan { repeat: 2, ..Plan::default() }, &[(1000, 9)]);
    let first = &mut recording.whole.session.cases[0].attempts[0].record;
    *first = first.take().map(|record| record.pack(&mut StringPool::default()));
    let at = |t| scene_at(&recording, ms(t), 0);
    assert_eq!((at(1000).live.content_events_total, at(1000).live.in_flight.len()), (0, 1));
    let after = at(1401);
    assert_eq!((after.live.content_events_total, ended(&after)), (9, 1));
    let figure = after.session.cases[0].attempts[0].record().unwrap().time_to_first_token_ms();
    assert_eq!(figure, Some(100.0));
}

#[test]
fn a_text_is_cut_between_characters() {
    let r = record(AttemptId::default(), ms(0), 1000, 3);
    let odd = AttemptRecord { text: "ééé".into(), ..r };
    for count in 0..=3 {
        let arrived = &odd.arrivals[..count];
        let shown = share_of(&odd.text, &odd, arrived, TextKind::Answer);
        assert!("ééé".starts_with(shown), "{shown}");
    }
    assert_eq!(share_of(&odd.text, &odd, &odd.arrivals, TextKind::Answer), "ééé");
}

proptest! {
    #[test]
    fn a_scene_shows_what_had_happened_by_then_and_the_last_one_everything(
        (cases, concurrency, repeat, warmup) in (1_usize..4, 1_usize..4, 1_u32..4, 0_u32..2),
        attempts in prop::collection::vec((1_u64..900, 0_u64..12), 1..8),
        mut times in prop::collection::vec(0_u64..6000, 1..6),
        selected in 0_usize..4,
    ) {
        let recording = whole(cases, Plan { concurrency, repeat, warmup, ..Plan::default() }, &attempts);
        let whole = &recording.whole;
        times.sort_unstable();
        let (mut cursor, mut scene, mut before) = (Cursor::default(), whole.clone(), None);
        for at in times.into_iter().map(ms) {
            cursor.show(&mut scene, &recording, at, selected);
            let fresh = scene_at(&recording, at, selected);
            prop_assert_eq!(shown(&scene.session), shown(&fresh.session));
            prop_assert_eq!(format!("{:?}", scene.live), format!("{:?}", fresh.live));
            prop_assert_eq!(scene.gpu.samples, fresh.gpu.samples);
            let records = || scene.session.records();
            prop_assert!(records().all(|r| r.ended <= at || at >= whole.now));
            // Session and live view have the same requests in flight.
            prop_assert_eq!(scene.session.in_flight(), scene.in_flight().count());
            prop_assert_eq!(scene.in_flight().count(), scene.live.in_flight.len());
            prop_assert!(scene.throughput.iter().all(|p| p.0 <= at));
            let figures = (ended(&scene), scene.live.content_events_total, scene.gpu.samples, scene.load.tally.ended);
            if at < whole.now {
                let grows = before.is_none_or(|b: (usize, u64, u64, usize)| {
                    b.0 <= figures.0 && b.1 <= figures.1 && b.2 <= figures.2 && b.3 <= figures.3
                });
                prop_assert!(grows, "{:?} before {:?}", before, figures);
                before = Some(figures);
            }
        }
        let end = scene_at(&recording, whole.now, selected);
        prop_assert_eq!(shown(&end.session), shown(&whole.session));
        prop_assert_eq!((ended(&end), end.gpu.samples), (ended(whole), whole.gpu.samples));
        let nearly = whole.session.as_at(&recording.events, Nanos(whole.now.0 - 1));
        prop_assert_eq!(nearly.mode, Mode::Running);
        prop_assert!(nearly.in_flight() > 0);
    }

    #[test]
    fn counting_frame_by_frame_equals_counting_from_the_start(
        (cases, concurrency, repeat, warmup, stages) in (1_usize..4, 1_usize..4, 1_u32..5, 0_u32..2, 0_usize..4),
        attempts in prop::collection::vec((1_u64..900, 0_u64..12), 1..8),
        steps in prop::collection::vec(prop_oneof![Just(50_u64), 1_u64..4000], 1..60),
        back_at in 0_usize..60,
    ) {
        let sweep: Vec<usize> = (1..=stages).collect();
        let recording = swept(cases, Plan { concurrency, repeat, warmup, ..Plan::default() }, &sweep, &attempts);
        let whole = &recording.whole;
        let (mut cursor, mut scene, mut at) = (Cursor::default(), whole.clone(), ms(0));
        for (i, step) in steps.into_iter().enumerate() {
            at = if i == back_at { ms(at.0 / 2_000_000) } else { at.plus(Duration::from_millis(step)) };
            if at >= whole.now {
                at = ms(0);
            }
            cursor.show(&mut scene, &recording, at, 0);
            let anew = Load::from_session(&scene.session, at);
            prop_assert_eq!(format!("{:?}", scene.load), format!("{:?}", anew), "at {:?}", at);
        }
    }
}

#[test]
fn a_request_in_flight_is_as_resolved_as_in_the_live_run() {
    let recording = whole(1, Plan::default(), &[(10_000, 100)]);
    let scene = scene_at(&recording, ms(5400), 0);
    let flight = scene.in_flight().next().unwrap();
    assert!(flight.content_events > 40 && flight.is_resolved(), "{flight:?}");
    assert_eq!(flight.arrival_times, flight.content_events);
}

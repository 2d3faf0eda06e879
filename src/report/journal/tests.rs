use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::domain::attempt::{Arrival, AttemptError, AttemptId, AttemptRecord, AttemptStatus, TextKind, Usage};
use crate::domain::finding::Finding;
use crate::domain::gpu::{GpuEvent, GpuInfo, GpuSample};
use crate::domain::live::EngineLag;
use crate::domain::open_loop::{OpenLoop, Process};
use crate::domain::server_timings::{ServerTimings, TimingSource};
use crate::domain::session::restore::AttemptFacts;
use crate::domain::session::{Session, SessionEvent};
use crate::domain::time::Nanos;
use crate::report::exporters::EXPORTERS;
use crate::report::fixture::{answer, refusal, report, run, sample_session, suite, sweep_session};
use crate::report::model::Report;

fn header_of(report: &Report) -> RunHeader {
    RunHeader {
        id: report.run_id.clone(),
        tool: "0.1.0".into(),
        epoch: report.epoch.clone(),
        base_url: "http://localhost:8000/v1".into(),
        url: report.url.clone(),
        api: report.api.into(),
        model: report.model.clone(),
        server: report.server.clone(),
        simulated: report.simulated,
        local: true,
        route: report.route.clone(),
        gauges: false,
        suite: Arc::clone(&report.session.suite),
        plan: first_plan(&report.session),
        sweep: report.session.sweep.clone(),
        environment: report.environment.clone(),
        calibration: report.calibration.clone(),
    }
}

/// The plan as it was before a sweep went on.
fn first_plan(session: &Session) -> Plan {
    Plan { concurrency: session.sweep.first().copied().unwrap_or(session.plan.concurrency), ..session.plan }
}

/// The journal of a run, as it would have been written.
fn journal_of(report: &Report) -> String {
    let session = &report.session;
    let mut records: Vec<_> =
        session.cases.iter().flat_map(|c| &c.attempts).filter_map(|a| a.record.as_deref()).collect();
    records.sort_by_key(|r| r.ended);
    let mut out = header(&header_of(report));
    for record in records {
        out += &attempt(session.facts(record.id).unwrap(), record);
    }
    out += &state(report.finished_at, &session.standing(), report.lag);
    out + &end(report.finished_at, 0)
}

/// The report out of a journal; what is no part of it stands beside.
fn report_again(saved: Saved, beside: &Report) -> Report {
    Report {
        session: saved.session,
        epoch: saved.run.epoch,
        url: saved.run.url,
        api: beside.api,
        model: saved.run.model,
        server: saved.run.server,
        simulated: saved.run.simulated,
        run_id: saved.run.id,
        environment: saved.run.environment,
        gpu: beside.gpu.clone(),
        gauges: beside.gauges.clone(),
        host: beside.host.clone(),
        local: beside.local,
        route: saved.run.route,
        lag: saved.lag,
        calibration: saved.run.calibration,
        finished_at: saved.last_at,
    }
}

fn failing() -> Session {
    run(suite(&["a", "b"]), Plan { repeat: 2, warmup: 1, ..Plan::default() }, |id, now| {
        Some(if id.case == 1 { refusal(id, now, "no\u{1b}[2J room\n") } else { answer(id, now, 1234, 7, 321) })
    })
}

fn rerun() -> Session {
    let mut session = failing();
    session.handle(SessionEvent::RerunFailed);
    for number in [3, 4] {
        let id = AttemptId { case: 1, number };
        let mut record = answer(id, Nanos::from_millis(60_000 * u64::from(number)), 999, 8, 77);
        record.server_timings =
            Some(ServerTimings { prompt_ms: Some(0.1 + 0.2), ..ServerTimings::of(TimingSource::LlamaCpp) });
        record.usage.completion_tokens = None;
        session.handle(SessionEvent::Ended(id, Arc::new(record)));
    }
    session
}

fn interrupted() -> Session {
    let mut session =
        run(suite(&["a", "b", "c"]), Plan::default(), |id, now| (id.case == 0).then(|| answer(id, now, 500, 5, 50)));
    session.handle(SessionEvent::Abort);
    let id = AttemptId { case: 1, number: 1 };
    let mut record = answer(id, Nanos::from_millis(2000), 300, 5, 20);
    record.status = AttemptStatus::Cancelled;
    session.handle(SessionEvent::Ended(id, Arc::new(record)));
    session
}

fn load() -> Session {
    let open_loop = Some(OpenLoop { rate_per_s: 1e9, process: Process::default(), seed: 3 });
    let plan = Plan { concurrency: 1, open_loop, repeat: 700, ..Plan::default() };
    run(suite(&["only"]), plan, |id, now| {
        let mut record = answer(id, now, 10 + u64::from(id.number), 5, 4);
        record.intended = Some(Nanos::from_millis(400));
        Some(record)
    })
}

#[test]
fn every_report_of_a_journal_is_the_run_s_to_the_last_byte() {
    for session in [sample_session(), failing(), rerun(), interrupted(), load(), sweep_session(&[1, 2, 4])] {
        let live = report(session);
        let saved = read(journal_of(&live).as_bytes()).unwrap();
        assert_eq!((saved.ended, saved.warnings.as_slice()), (Some(0), &[][..]));
        let again = report_again(saved, &live);
        for exporter in EXPORTERS {
            let (live, again) = ((exporter.render)(&live), (exporter.render)(&again));
            assert!(live == again, "{}", first_difference(&live, &again));
        }
    }
}

fn first_difference(a: &str, b: &str) -> String {
    let pair = a.lines().zip(b.lines()).find(|(a, b)| a != b);
    pair.map_or_else(|| "one is longer".to_owned(), |(a, b)| format!("\n{a}\n{b}"))
}

#[test]
fn a_long_run_drops_the_same_texts_again() {
    let live = report(load());
    let condensed =
        |s: &Session| s.cases[0].attempts.iter().filter(|a| a.record.as_ref().unwrap().condensed.is_some()).count();
    let mut whole = String::new();
    // The journal is written as attempts end: with their texts.
    for (i, a) in live.session.cases[0].attempts.iter().enumerate() {
        let record = answer(AttemptId { case: 0, number: i as u32 + 1 }, a.record.as_ref().unwrap().started, 10, 5, 4);
        whole += &attempt(live.session.facts(record.id).unwrap(), &record);
    }
    let saved = read((header(&header_of(&live)) + &whole).as_bytes()).unwrap();
    assert!(condensed(&live.session) > 100);
    assert_eq!(condensed(&saved.session), condensed(&live.session));
}

#[test]
fn gpus_and_throughput_are_kept_with_their_gaps() {
    let live = report(sample_session());
    let info = GpuInfo { index: 0, model: "A".into(), ..GpuInfo::default() };
    let sample = |ms, used: u64| GpuSample {
        at: Nanos::from_millis(ms),
        memory_used_bytes: Some(used << 20),
        power_w: Some(0.1 + 0.2),
        ..GpuSample::default()
    };
    let events = [
        GpuEvent::Found { source: "nvml".to_owned(), driver: Some("5".into()), gpus: vec![info], interval_ms: 250 },
        GpuEvent::Sample(sample(1000, 9)),
        GpuEvent::Gap { at: Nanos::from_millis(1250), index: 0, lost: true, reason: "lost".into() },
    ];
    let newer = r#"{"type":"gpu","events":[{"melted":{"index":0}},{"sample":{"index":0,"at":1500000000,"memory_used_bytes":3145728,"new":1}}]}"#;
    let points = [(Nanos(1), Some(0.1 + 0.2)), (Nanos(2), None), (Nanos(3), Some(3.0))];
    let text = header(&header_of(&live)) + &gpu(&events) + newer + "\n" + &throughput(&points);
    let saved = read(text.as_bytes()).unwrap();
    assert_eq!(saved.warnings, [""; 0]);
    let track = &saved.gpu.gpus[0];
    let memory: Vec<_> = track.memory_used_mib.iter().map(|p| p.1).collect();
    assert_eq!(memory, [Some(9.0), None, Some(3.0)]);
    assert_eq!(track.power_w.iter().next().unwrap().1, Some(0.1 + 0.2));
    assert_eq!((saved.gpu.samples, saved.gpu.missed, track.lost.as_deref()), (2, 1, None));
    assert_eq!(saved.throughput.iter().collect::<Vec<_>>(), points);
}

#[test]
fn what_a_newer_program_adds_is_passed_over_and_another_format_refused() {
    let live = report(failing());
    let text = journal_of(&live);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines[0] = lines[0].replacen("\"run\":{", "\"more\":[1],\"run\":{\"weather\":\"fine\",", 1);
    lines[1] = lines[1].replacen("\"record\":{", "\"record\":{\"mood\":null,", 1);
    lines.insert(1, r#"{"type":"weather","rain":true}"#.to_owned());
    let saved = read((lines.join("\n") + "\n").as_bytes()).unwrap();
    assert_eq!(saved.warnings, [""; 0]);
    assert_eq!(saved.session.standing(), live.session.standing());
    let newer = text.replacen("{\"tokscope_journal\":1", "{\"tokscope_journal\":2", 1);
    let why = |text: &str| read(text.as_bytes()).unwrap_err().to_string();
    assert!(why(&newer).starts_with("a newer tokscope wrote it (journal version 2;"), "{}", why(&newer));
    assert!(why("{}\n").contains("no journal's") && why("# A report\n").contains("no journal's"));
    assert!(why("").contains("cut off") && why("# A report").contains("no journal's"));
}

#[test]
fn broken_lines_are_told_with_their_number_and_left_out() {
    let live = report(failing());
    let mut lines: Vec<String> = journal_of(&live).lines().map(str::to_owned).collect();
    lines[2] = "{\"type\":\"attempt\",\"facts\":\u{1b}[2J".to_owned();
    lines.insert(3, "not even JSON".to_owned());
    let twice = lines[4].clone();
    lines.insert(5, twice);
    let saved = read((lines.join("\n") + "\n").as_bytes()).unwrap();
    let begins: Vec<_> = saved.warnings.iter().map(|w| w.split(':').next().unwrap()).collect();
    assert_eq!(begins, ["line 3 is left out", "line 4 is left out", "line 6 is left out"]);
    assert!(saved.warnings[2].contains("there already") && !saved.warnings.concat().contains('\u{1b}'));
}

#[test]
fn cut_at_any_byte_it_loses_the_last_line_at_most() {
    let session = run(suite(&["a"]), Plan { repeat: 3, ..Plan::default() }, |id, now| {
        let mut record = answer(id, now, 100, 5, 3);
        record.reasoning = "é\n".into();
        Some(record)
    });
    let text = journal_of(&report(session));
    let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at + 1).collect();
    for cut in 0..=text.len() {
        let part = text.as_bytes().split_at(cut).0;
        let whole = ends.iter().filter(|end| **end <= cut).count();
        let is_torn = !ends.contains(&cut);
        match read(part) {
            Err(JournalError::Empty) => assert_eq!(whole, 0),
            Err(JournalError::NoJournal(_)) => assert!(cut < 19, "{cut}"),
            Err(other) => panic!("{other}"),
            Ok(saved) => {
                let kept = saved.session.cases[0].reported().len();
                assert_eq!((kept, saved.warnings.len()), ((whole - 1).min(3), usize::from(is_torn)), "{cut}");
                assert_eq!(saved.session.in_flight(), 0);
                assert_eq!(saved.ended.is_some(), whole == ends.len());
            }
        }
    }
}

#[test]
fn a_zone_nobody_knows_leaves_its_offset() {
    let mut h = header_of(&report(sample_session()));
    let text = serde_json::to_string(&h).unwrap();
    let moved: RunHeader = serde_json::from_str(&text.replace("Europe/Berlin", "Nowhere/Atall")).unwrap();
    assert_eq!(moved.epoch.timestamp(), h.epoch.timestamp());
    assert_eq!(moved.epoch.offset(), h.epoch.offset());
    h.epoch = "2026-02-06T21:49:41.123456789+01:00[Europe/Berlin]".parse().unwrap();
    let back: RunHeader = serde_json::from_str(&serde_json::to_string(&h).unwrap()).unwrap();
    assert_eq!(back, h);
}

#[test]
fn a_finding_nobody_knows_keeps_its_sentence() {
    let finding: Finding = serde_json::from_str(r#"{"key":"gremlins","message":"there were gremlins"}"#).unwrap();
    assert_eq!((finding.key, finding.message.as_str()), ("unknown", "there were gremlins"));
    let known: Finding = serde_json::from_str(r#"{"key":"pauses","message":"m"}"#).unwrap();
    assert_eq!(known.key, "pauses");
}

fn arrivals() -> impl Strategy<Value = Vec<Arrival>> {
    let kind = prop_oneof![Just(TextKind::Answer), Just(TextKind::Reasoning)];
    let arrival = (any::<u64>(), kind, any::<bool>()).prop_map(|(at, kind, coalesced)| Arrival {
        at: Nanos(at),
        kind,
        coalesced,
    });
    prop::collection::vec(arrival, 0..40)
}

prop_compose! {
    fn record()(
        arrivals in arrivals(),
        (text, reasoning, message) in (any::<String>(), any::<String>(), any::<String>()),
        status in prop::sample::select(&[AttemptStatus::Ok, AttemptStatus::Timeout, AttemptStatus::ConnectError]),
        times in prop::array::uniform6(prop::option::of(any::<u64>())),
        connect_ms in prop::option::of(-1e300..1e300_f64),
        tokens in prop::array::uniform4(prop::option::of(any::<u64>())),
        (http_status, warmup) in (prop::option::of(any::<u16>()), any::<bool>()),
        stalls in prop::collection::vec((any::<u64>(), any::<u64>()), 0..3),
        condensed in any::<bool>(),
    ) -> AttemptRecord {
        let at = |i: usize| times[i].map(Nanos);
        let id = AttemptId { case: 0, number: 1 };
        let record = AttemptRecord {
            warmup, status, arrivals, http_status, connect_ms, text, reasoning,
            error: tokens[0].map(|_| AttemptError { kind: "k".into(), message: message.clone() }),
            warnings: vec![message.clone()],
            findings: vec![Finding { key: "pauses", message: message.clone() }],
            intended: at(0), headers_at: at(1), finish_at: at(2), first_counted_at: at(3),
            ended: at(4).unwrap_or_default(), started: at(5).unwrap_or_default(),
            finish_reason: tokens[1].map(|_| message.clone()),
            observer_stalls: stalls.into_iter().map(|(a, b)| (Nanos(a), Nanos(b))).collect(),
            usage: Usage { prompt_tokens: tokens[0], completion_tokens: tokens[1], reasoning_tokens: tokens[2], cached_tokens: tokens[3] },
            counted_tokens: tokens[2], tokens_in_first_event: tokens[3],
            event_count: tokens[0].unwrap_or_default() as u32,
            first_token_event_index: tokens[1].map(|n| n as u32),
            is_text_whole: !warmup,
            nonce: tokens[2].map(|_| message.clone()),
            server_timings: connect_ms.map(|ms| ServerTimings { decode_ms: Some(ms), ..ServerTimings::of(TimingSource::Vllm) }),
            ..AttemptRecord::started(id, warmup, message, "m".into(), Nanos(0))
        };
        if condensed { record.condense() } else { record }
    }
}

proptest! {
    #[test]
    fn an_attempt_is_the_same_again(record in record()) {
        let facts = AttemptFacts { case: 0, number: 1, warmup: record.warmup, due: record.intended, ..AttemptFacts::default() };
        let line = attempt(facts, &record);
        prop_assert_eq!(line.matches('\n').count(), 1);
        let text = header(&header_of(&report(run(suite(&["a"]), Plan::default(), |_, _| None)))) + &line;
        let saved = read(text.as_bytes()).unwrap();
        prop_assert_eq!(&saved.warnings, &Vec::<String>::new());
        let state = &saved.session.cases[0].attempts[0];
        prop_assert_eq!(&**state.record.as_ref().unwrap(), &record);
        prop_assert_eq!(saved.session.facts(record.id), Some(facts));
    }

    #[test]
    fn no_line_makes_it_panic(
        lines in prop::collection::vec(prop_oneof![
            Just(attempt(AttemptFacts { number: u32::MAX, ..AttemptFacts::default() }, &AttemptRecord {
                id: AttemptId { case: 0, number: u32::MAX }, ..AttemptRecord::default()
            })),
            Just(attempt(AttemptFacts { number: 900, ..AttemptFacts::default() }, &AttemptRecord {
                id: AttemptId { case: 0, number: 900 }, ..AttemptRecord::default()
            })),
            Just(end(Nanos(1), 0)),
            Just(r#"{"type":"state","at":1,"standing":{"mode":"running","began":0,"cases":[{"phase":"running","remaining":4294967295,"attempts":3}]}}"#.to_owned() + "\n"),
            Just(r#"{"type":"attempt","facts":{},"record":{"arrivals":{"ns":[1,2],"kinds":[18446744073709551615],"coalesced":[]}}}"#.to_owned() + "\n"),
            any::<String>(),
        ], 0..6),
    ) {
        let text = header(&header_of(&report(run(suite(&["a"]), Plan::default(), |_, _| None)))) + &lines.concat();
        let saved = read(text.as_bytes()).unwrap();
        prop_assert!(saved.session.in_flight() == 0 && saved.session.cases[0].attempts.len() <= 900);
    }
}

#[test]
fn attempts_that_never_were_cost_bounded_memory() {
    let header = header(&header_of(&report(run(suite(&["a", "b"]), Plan::default(), |_, _| None))));
    let state = r#"{"type":"state","at":1,"standing":{"mode":"running","began":0,"cases":[CASE,CASE]}}"#;
    let case = r#"{"phase":"running","remaining":4294967295,"attempts":4294967295}"#;
    let saved = read((header + &state.replace("CASE", case) + "\n").as_bytes()).unwrap();
    let attempts: usize = saved.session.cases.iter().map(|c| c.attempts.len()).sum();
    assert_eq!((attempts, saved.session.in_flight()), (100_000, 0));
}

#[test]
fn the_lag_and_the_time_are_those_of_the_end() {
    let live = report(failing());
    let lag = EngineLag { p50_ms: Some(0.1), p99_ms: None, max_ms: Some(0.1 + 0.2) };
    let late = live.finished_at.plus(Duration::from_secs(5));
    let text = journal_of(&live) + &state(late, &live.session.standing(), lag);
    let saved = read(text.as_bytes()).unwrap();
    assert_eq!((saved.lag, saved.last_at, saved.ended), (lag, late, None), "gone on with, and not ended again");
}

#[test]
fn gauges_that_are_not_kept_are_told() {
    let run = RunHeader { gauges: true, ..header_of(&report(failing())) };
    let saved = read(header(&run).as_bytes()).unwrap();
    assert_eq!(saved.warnings, ["the server's own gauges are not kept, and left out"]);
}

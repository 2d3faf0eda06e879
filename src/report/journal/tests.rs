use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::domain::attempt::{
    Arrival, AttemptError, AttemptId, AttemptRecord, AttemptStatus, StoredRecord, TextKind, Usage,
};
use crate::domain::check::{CheckKind, CheckResult, ToolCall};
use crate::domain::finding::Finding;
use crate::domain::gpu::{GpuEvent, GpuInfo, GpuSample, Throttle};
use crate::domain::gpu_history::GpuHistory;
use crate::domain::gpu_scope::GpuScope;
use crate::domain::host::HostHistory;
use crate::domain::live::EngineLag;
use crate::domain::open_loop::{OpenLoop, Process};
use crate::domain::server_gauges::{GaugeEvent, Meter, ServerGauges};
use crate::domain::server_timings::{ServerTimings, TimingSource};
use crate::domain::session::{CasePhase, EventKind, Mode, RunEvent, Session, SessionCommand, SessionInput};
use crate::domain::telemetry_event::TelemetryEvent;
use crate::domain::time::Nanos;
use crate::report::exporters::EXPORTERS;
use crate::report::fixture::workload::conversations;
use crate::report::fixture::{answer, refusal, report, run, sample_session, suite, sweep_session};
use crate::report::gpu::GpuReport;
use crate::report::model::{Report, Resumption};
use crate::report::run_figures::RunFigures;

pub(super) fn header_of(report: &Report) -> RunHeader {
    RunHeader {
        id: report.run_id.clone(),
        tool: "0.1.0".into(),
        command_line: report.command_line.clone(),
        epoch: report.epoch.clone(),
        base_url: "http://localhost:8000/v1".into(),
        url: report.url.clone(),
        url_cut: false,
        retries: 0,
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
        whole: None,
        shards: report.shards.clone(),
        environment: report.environment.clone(),
        calibration: report.calibration.clone(),
    }
}

/// Returns the plan of the first stage of a sweep.
fn first_plan(session: &Session) -> Plan {
    Plan { concurrency: session.sweep.first().copied().unwrap_or(session.plan.concurrency), ..session.plan }
}

/// Returns the lines of the events that the session recorded since the last call.
pub(super) fn events_of(session: &Session) -> String {
    let lines = session.clone().take_events().into_iter().map(|e| {
        let record = session.record_of(&e).map(StoredRecord::get);
        event(&e, record.as_deref())
    });
    lines.collect()
}

/// Returns the journal of a finished run.
fn journal_of(report: &Report) -> String {
    let (at, lag_then) = (report.finished_at, report.lag);
    let figures = RunFigures::new(report);
    header(&header_of(report)) + &events_of(&report.session) + &lag(at, lag_then) + &end(at, 0, Some(figures))
}

#[test]
fn tool_calls_are_saved_and_take_no_bytes_if_there_are_none() {
    let mut report = report(sample_session());
    let lines = journal_of(&report);
    assert!(!lines.contains("tool_calls"));
    let call = ToolCall { name: "weather".into(), arguments: "{\"city\":\"Rome\"}".into() };
    let mut session = Session::new(Arc::clone(&report.session.suite), first_plan(&report.session));
    session.handle(SessionInput::Begin(Nanos::default()));
    let id = AttemptId { case: 0, number: 1 };
    let record = AttemptRecord { tool_calls: vec![call.clone()], ..answer(id, Nanos::default(), 100, 5, 10) };
    session.handle(SessionInput::Ended(id, Arc::new(record)));
    report.session = session;
    let saved = read(journal_of(&report).as_bytes()).unwrap();
    assert_eq!(saved.session.cases[0].attempts[0].record().unwrap().tool_calls, [call]);
}

/// Returns the line for an attempt that ended.
fn attempt(record: &AttemptRecord) -> String {
    event(&RunEvent { at: record.ended, what: EventKind::Ended(record.id) }, Some(record))
}

fn is_attempt(line: &str) -> bool {
    line.starts_with("{\"type\":\"attempt\"")
}

/// Builds a report from a journal. Takes the parts that a journal does not hold from `beside`.
fn report_again(saved: Saved, beside: &Report) -> Report {
    Report {
        session: saved.session,
        workload_notes: saved.workload_notes,
        epoch: saved.run.epoch,
        resumed: saved.resumed,
        url: saved.run.url,
        api: beside.api,
        model: saved.run.model,
        server: saved.run.server,
        simulated: saved.run.simulated,
        tool: saved.run.tool,
        command_line: saved.run.command_line,
        run_id: saved.run.id,
        shards: saved.run.shards,
        environment: saved.run.environment,
        gpu: beside.gpu.clone(),
        gauges: beside.gauges.clone(),
        host: beside.host.clone(),
        local: beside.local,
        route: saved.run.route,
        lag: saved.lag,
        calibration: saved.run.calibration,
        gate: None,
        finished_at: saved.last_at,
        summary: crate::report::summary::SummaryCell::default(),
    }
}

fn failing() -> Session {
    run(suite(&["a", "b"]), Plan { repeat: 2, warmup: 1, ..Plan::default() }, |id, now| {
        Some(if id.case == 1 { refusal(id, now, "no\u{1b}[2J room\n") } else { answer(id, now, 1234, 7, 321) })
    })
}

fn rerun() -> Session {
    let mut session = failing();
    session.handle(SessionInput::RerunFailed);
    for number in [3, 4] {
        let id = AttemptId { case: 1, number };
        let mut record = answer(id, Nanos::from_millis(60_000 * u64::from(number)), 999, 8, 77);
        record.server_timings =
            Some(ServerTimings { prompt_ms: Some(0.1 + 0.2), ..ServerTimings::from_source(TimingSource::LlamaCpp) });
        record.usage.completion_tokens = None;
        session.handle(SessionInput::Ended(id, Arc::new(record)));
    }
    session
}

fn interrupted() -> Session {
    let mut session =
        run(suite(&["a", "b", "c"]), Plan::default(), |id, now| (id.case == 0).then(|| answer(id, now, 500, 5, 50)));
    session.handle(SessionInput::Abort);
    let id = AttemptId { case: 1, number: 1 };
    let mut record = answer(id, Nanos::from_millis(2000), 300, 5, 20);
    record.status = AttemptStatus::Cancelled;
    session.handle(SessionInput::Ended(id, Arc::new(record)));
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
fn reports_of_a_journal_equal_those_of_the_run() {
    for session in [sample_session(), failing(), rerun(), interrupted(), load(), sweep_session(&[1, 2, 4])] {
        let live = report(session);
        let saved = read(journal_of(&live).as_bytes()).unwrap();
        assert_eq!((saved.ended, saved.warnings.as_slice()), (Some(0), &[][..]));
        let again = report_again(saved, &live);
        for exporter in EXPORTERS {
            let (live, again) = (exporter.render(&live), exporter.render(&again));
            assert!(live == again, "{}", first_difference(&live, &again));
        }
    }
}

fn first_difference(a: &str, b: &str) -> String {
    let pair = a.lines().zip(b.lines()).find(|(a, b)| a != b);
    pair.map_or_else(|| "one is longer".to_owned(), |(a, b)| format!("\n{a}\n{b}"))
}

#[test]
fn a_long_run_drops_the_same_texts_when_read() {
    let live = report(load());
    let condensed = |s: &Session| s.records().filter(|r| r.condensed.is_some()).count();
    // The journal is written as attempts end, so it has their texts even if the live run drops them later.
    let with_text = |e: RunEvent| match live.session.record_of(&e) {
        Some(record) => event(&e, Some(&answer(record.get().id, record.started(), 10, 5, 4))),
        None => event(&e, None),
    };
    let lines: String = live.session.clone().take_events().into_iter().map(with_text).collect();
    let saved = read((header(&header_of(&live)) + &lines).as_bytes()).unwrap();
    assert!(condensed(&live.session) > 100);
    assert_eq!(condensed(&saved.session), condensed(&live.session));
}

#[test]
fn a_journal_grows_in_proportion_to_the_cases() {
    let bytes = |cases: usize| {
        let names: Vec<String> = (0..cases).map(|case| format!("case {case:06}")).collect();
        let suite = suite(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let session = run(suite, Plan { concurrency: 8, ..Plan::default() }, |id, now| {
            Some(AttemptRecord { reasoning: String::new(), ..answer(id, now, 20, 5, 3) })
        });
        journal_of(&report(session)).len()
    };
    let [some, more] = [500, 1000].map(bytes);
    assert!(more * 10 <= some * 21, "{some} bytes, then {more}");
    assert!(some / 500 < 1500, "{} bytes a case", some / 500);
}

#[test]
fn the_line_of_a_started_attempt_is_short() {
    let what = EventKind::Started {
        row: None,
        turn: None,
        case: 99_999,
        number: 12,
        warmup: false,
        due: Some(Nanos::from_millis(86_400_000)),
    };
    let line = event(&RunEvent { at: Nanos::from_millis(86_400_000), what }, None);
    assert!(line.len() <= 100, "{line}");
}

#[test]
fn gpus_and_throughput_are_saved_with_their_gaps() {
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
    let text =
        header(&header_of(&live)) + &telemetry(&events.map(TelemetryEvent::Gpu)) + newer + "\n" + &throughput(&points);
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
fn additions_of_newer_versions_are_ignored_and_other_formats_refused() {
    let live = report(failing());
    let text = journal_of(&live);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines[0] = lines[0].replacen("\"run\":{", "\"more\":[1],\"run\":{\"weather\":\"fine\",", 1);
    let first = lines.iter().position(|l| is_attempt(l)).unwrap();
    lines[first] = lines[first].replacen("\"record\":{", "\"record\":{\"mood\":null,", 1);
    lines.insert(1, r#"{"type":"weather","rain":true}"#.to_owned());
    let saved = read((lines.join("\n") + "\n").as_bytes()).unwrap();
    assert_eq!(saved.warnings, [""; 0]);
    let shown = |s: &Session| (s.mode, s.cases.iter().map(|c| (c.phase, c.attempts.clone())).collect::<Vec<_>>());
    assert_eq!(shown(&saved.session), shown(&live.session));
    let of_version = |n: u32| text.replacen("{\"tokscope_journal\":2", &format!("{{\"tokscope_journal\":{n}"), 1);
    let why = |text: &str| read(text.as_bytes()).unwrap_err().to_string();
    let newer = why(&of_version(3));
    assert!(newer.starts_with("a newer tokscope wrote it (journal version 3;"), "{newer}");
    let older = why(&of_version(1));
    assert!(older.starts_with("an older tokscope wrote it (journal version 1;"), "{older}");
    assert!(
        why("{}\n").contains("not the header of a journal")
            && why("# A report\n").contains("not the header of a journal")
    );
    assert!(why("").contains("cut off") && why("# A report").contains("not the header of a journal"));
}

#[test]
fn broken_lines_are_skipped_and_listed_with_their_number() {
    let live = report(failing());
    let mut lines: Vec<String> = journal_of(&live).lines().map(str::to_owned).collect();
    let attempts: Vec<usize> = (0..lines.len()).filter(|i| is_attempt(&lines[*i])).collect();
    let twice = lines[attempts[2]].clone();
    lines.insert(attempts[2] + 1, twice);
    lines.insert(attempts[1] + 1, "not even JSON".to_owned());
    lines[attempts[1]] = "{\"type\":\"attempt\",\"at\":\u{1b}[2J".to_owned();
    let saved = read((lines.join("\n") + "\n").as_bytes()).unwrap();
    let begins: Vec<_> = saved.warnings.iter().map(|w| w.split(':').next().unwrap()).collect();
    // Line numbers start at 1, and one line was inserted before the last attempt.
    let numbers = [attempts[1] + 1, attempts[1] + 2, attempts[2] + 3];
    assert_eq!(begins, numbers.map(|n| format!("line {n} was skipped")));
    assert!(saved.warnings[2].contains("already started or ended") && !saved.warnings.concat().contains('\u{1b}'));
}

#[test]
fn a_journal_cut_at_any_byte_loses_at_most_its_last_line() {
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
                let saved_attempts = saved.session.cases[0].reported().count();
                let whole_attempts = text.lines().take(whole).filter(|l| is_attempt(l)).count();
                assert_eq!((saved_attempts, saved.warnings.len()), (whole_attempts, usize::from(is_torn)), "{cut}");
                assert_eq!(saved.session.in_flight(), 0);
                assert_eq!(saved.ended.is_some(), whole == ends.len());
            }
        }
    }
}

#[test]
fn an_unknown_time_zone_is_read_as_its_offset() {
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
fn a_finding_of_a_newer_version_keeps_its_key_and_message_if_the_key_is_a_plain_word() {
    let finding: Finding = serde_json::from_str(r#"{"key":"gremlins","message":"there were gremlins"}"#).unwrap();
    assert_eq!(finding, Finding::new("gremlins", "there were gremlins"));
    for hostile in ["", "a b", "a\u{1b}[31m", "**a**", &"a".repeat(41)] {
        let text = serde_json::json!({ "key": hostile, "message": "m" }).to_string();
        assert_eq!(serde_json::from_str::<Finding>(&text).unwrap(), Finding::new("unknown", "m"));
    }
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
            warmup, status, arrivals, http_status, connect_ms, text, reasoning, own_delay_ms: connect_ms,
            error: tokens[0].map(|_| AttemptError { kind: "k".into(), message: message.clone() }),
            warnings: vec![message.clone()],
            findings: vec![Finding::new("pauses", message.clone())],
            checks: tokens[3].map_or_else(Vec::new, |n| vec![CheckResult {
                kind: CheckKind::ALL[n as usize % CheckKind::ALL.len()], passed: warmup, message: (!warmup).then(|| message.clone()),
            }]),
            intended: at(0), headers_at: at(1), finish_at: at(2), first_counted_at: at(3),
            ended: at(4).unwrap_or_default(), started: at(5).unwrap_or_default(),
            finish_reason: tokens[1].map(|_| message.clone()),
            choice_finish_reasons: if condensed { vec![Some(message.clone()), None] } else { Vec::new() },
            observer_stalls: stalls.into_iter().map(|(a, b)| (Nanos(a), Nanos(b))).collect(),
            usage: Usage { prompt_tokens: tokens[0], completion_tokens: tokens[1], reasoning_tokens: tokens[2], cached_tokens: tokens[3] },
            counted_tokens: tokens[2], tokens_in_first_event: tokens[3],
            event_count: tokens[0].unwrap_or_default() as u32,
            first_token_event_index: tokens[1].map(|n| n as u32),
            is_text_whole: !warmup,
            nonce: tokens[2].map(|_| message.clone()),
            server_timings: connect_ms.map(|ms| ServerTimings { decode_ms: Some(ms), ..ServerTimings::from_source(TimingSource::Vllm) }),
            ..AttemptRecord::started(id, warmup, message, "m".into(), Nanos(0))
        };
        if condensed { record.condense() } else { record }
    }
}

proptest! {
    #[test]
    fn an_attempt_is_unchanged_after_saving_and_reading(record in record()) {
        let line = attempt(&record);
        prop_assert_eq!(line.matches('\n').count(), 1);
        let text = header(&header_of(&report(run(suite(&["a"]), Plan::default(), |_, _| None)))) + &line;
        let saved = read(text.as_bytes()).unwrap();
        prop_assert_eq!(&saved.warnings, &Vec::<String>::new());
        let state = &saved.session.cases[0].attempts[0];
        prop_assert_eq!(&*state.record().unwrap(), &record);
        prop_assert_eq!((state.warmup, state.due), (record.warmup, record.intended));
    }

    #[test]
    fn no_line_causes_a_panic(
        lines in prop::collection::vec(prop_oneof![
            Just(attempt(&AttemptRecord { id: AttemptId { case: 0, number: u32::MAX }, ..AttemptRecord::default() })),
            Just(attempt(&AttemptRecord { id: AttemptId { case: 0, number: 900 }, ..AttemptRecord::default() })),
            Just(end(Nanos(1), 0, None)),
            Just(r#"{"type":"began","at":18446744073709551615}"#.to_owned() + "\n"),
            Just(r#"{"type":"started","at":1,"case":0,"number":3}"#.to_owned() + "\n"),
            Just(r#"{"type":"time_up","at":1,"not_started":18446744073709551615}"#.to_owned() + "\n"),
            Just(r#"{"type":"held","at":"soon"}"#.to_owned() + "\n"),
            Just(r#"{"type":"attempt","at":7,"record":{"arrivals":{"ns":[1,2],"kinds":[18446744073709551615],"coalesced":[]}}}"#.to_owned() + "\n"),
            any::<String>(),
        ], 0..6),
    ) {
        let text = header(&header_of(&report(run(suite(&["a"]), Plan::default(), |_, _| None)))) + &lines.concat();
        let saved = read(text.as_bytes()).unwrap();
        prop_assert!(saved.session.in_flight() == 0 && saved.session.cases[0].attempts.len() <= 900);
    }
}

#[test]
fn lag_and_time_are_those_of_the_last_line() {
    let live = report(failing());
    let last = EngineLag { p50_ms: Some(0.1), p99_ms: None, max_ms: Some(0.1 + 0.2) };
    let late = live.finished_at.plus(Duration::from_secs(5));
    let text = journal_of(&live) + &lag(late, last);
    let saved = read(text.as_bytes()).unwrap();
    assert_eq!((saved.lag, saved.last_at, saved.ended), (last, late, None), "resumed, and not ended again");
}

#[test]
fn missing_server_metrics_have_a_warning() {
    let run = RunHeader { gauges: true, ..header_of(&report(failing())) };
    let saved = read(header(&run).as_bytes()).unwrap();
    assert_eq!(saved.warnings, ["the metrics of the server were not saved with this run"]);
}

/// Returns samples of two GPUs and the server over 60 s, from 0.4 s on. One GPU falls silent and is lost in the middle.
fn telemetry_events() -> Vec<TelemetryEvent> {
    use TelemetryEvent as T;
    let info = |index: u32| GpuInfo {
        index,
        uuid: Some(format!("GPU-{index}")),
        model: format!("M{index}"),
        memory_total_bytes: Some(80 << 30),
        power_limit_w: Some(700.0),
        ..GpuInfo::default()
    };
    let gauges = |at: u64| {
        let mut sample = ServerGauges::default();
        sample.set(Meter::Running, at as f64 / 7.0);
        sample.set(Meter::GeneratedTokens, at as f64 * 100.1);
        T::Gauges(GaugeEvent::Sample(Nanos::from_millis(at), Box::new(sample)))
    };
    let url = "http://localhost:8000/metrics".to_owned();
    let warning = Some("it costs\u{1b}[2J".into());
    let mut events = vec![
        T::Gpu(GpuEvent::Found {
            source: "nvml".into(),
            driver: Some("580".into()),
            gpus: vec![info(0), info(1)],
            interval_ms: 250,
        }),
        T::Gpu(GpuEvent::Scope(GpuScope::Unknown { why: "not seen".into() })),
        T::Gauges(GaugeEvent::Found { kind: "vLLM".into(), url, interval_ms: 1000, warning }),
        gauges(0),
    ];
    for step in 0..240_u64 {
        let at = step * 250;
        if step == 2 {
            events.push(T::Began(Nanos::from_millis(400)));
            events.push(T::Active(Nanos::from_millis(400)));
            events.push(T::Gpu(GpuEvent::Scope(GpuScope::EndpointHost {
                evidence: "pid 4".into(),
                gpus: vec!["GPU-1".into()],
            })));
        }
        for index in [0, 1] {
            let (at, lost) = (Nanos::from_millis(at), index == 0 && (100..110).contains(&step));
            let sample = GpuSample {
                at,
                index,
                memory_used_bytes: Some((step + 1) << 28),
                utilization_percent: Some((step % 100) as f64 + 0.1),
                power_w: Some(300.0 + 0.1 * step as f64),
                energy_j: Some(step as f64 * 0.3 + 1e6),
                throttle: Some(if step % 3 == 0 { Throttle::POWER_CAP } else { Throttle::default() }),
                ..GpuSample::default()
            };
            match (lost, step) {
                (_, 200..230) => {}
                (true, _) => events.push(T::Gpu(GpuEvent::Gap { at, index, lost: true, reason: "gone".into() })),
                (false, _) => events.push(T::Gpu(GpuEvent::Sample(sample))),
            }
        }
        if step % 4 == 0 {
            events.push(gauges(at));
        }
    }
    events.push(T::Gauges(GaugeEvent::Gap(Nanos::from_millis(59_900), "timed out".into())));
    events.push(T::Idle(Nanos::from_millis(59_950)));
    events
}

#[test]
fn saved_telemetry_gives_the_same_reports() {
    let (mut gpu, mut gauges, mut host) = (GpuHistory::default(), None, HostHistory::default());
    for event in telemetry_events() {
        event.apply(&mut gpu, &mut gauges, &mut host);
    }
    let mut live = report(sample_session());
    live.gpu = GpuReport::from_history(&gpu, &live.session, true, live.finished_at);
    live.gauges = gauges;
    let devices = &live.gpu.as_ref().unwrap().devices;
    assert!(devices[0].energy.is_err() && devices[1].energy.is_ok() && devices[1].throttled.is_some());
    assert!(live.gpu.as_ref().unwrap().driver_silent_s.is_some());
    let run = RunHeader { gauges: true, ..header_of(&live) };
    let journal = journal_of(&live);
    let (_, rest) = journal.split_once('\n').unwrap();
    // Writes the samples in several lines, as a run does.
    let lines: String = telemetry_events().chunks(7).map(telemetry).collect();
    let saved = read((header(&run) + &lines + rest).as_bytes()).unwrap();
    assert_eq!(saved.warnings, [""; 0]);
    let gpu = GpuReport::from_history(&saved.gpu, &saved.session, true, saved.last_at);
    let gauges = saved.gauges.clone();
    let again = Report { gpu, gauges, ..report_again(saved, &live) };
    for exporter in EXPORTERS {
        let (live, again) = (exporter.render(&live), exporter.render(&again));
        assert!(live == again, "{}", first_difference(&live, &again));
        assert!(!live.contains('\u{1b}'));
    }
}

/// Cancels the attempts in flight, as the end of the program does. Returns the lines.
fn closed(session: &mut Session, at: u64) -> String {
    session.take_events();
    session.handle_at(Nanos::from_millis(at), SessionInput::Abort);
    for id in session.open_ids() {
        let mut record = AttemptRecord::started(id, false, String::new(), String::new(), Nanos::from_millis(at - 1));
        (record.status, record.ended) = (AttemptStatus::Cancelled, Nanos::from_millis(at + 1));
        session.handle(SessionInput::Ended(id, Arc::new(record)));
    }
    events_of(session) + &lag(Nanos::from_millis(at + 2), EngineLag::default())
}

#[test]
fn attempts_cut_off_by_the_programs_end_are_rerun_and_cancelled_ones_are_not() {
    let mut session = run(suite(&["a", "b", "c"]), Plan { repeat: 2, ..Plan::default() }, |id, now| {
        (id.case == 0).then(|| answer(id, now, 500, 5, 50))
    });
    session.handle(SessionInput::Cancel(2));
    let so_far = journal_of(&report(session.clone()));
    let (so_far, _end) = so_far.trim_end().rsplit_once('\n').unwrap();
    let text = format!("{so_far}\n{}{}", closed(&mut session, 5000), end(Nanos::from_millis(5003), 130, None));
    let saved = read(text.as_bytes()).unwrap();
    assert_eq!(saved.warnings, [""; 0]);
    assert_eq!((saved.session.mode, saved.session.cases[1].phase), (Mode::Finished, CasePhase::Cancelled));
    let mut goes_on = saved.to_resume();
    let phases: Vec<_> = goes_on.cases.iter().map(|c| (c.phase, c.remaining)).collect();
    assert_eq!(phases, [(CasePhase::Done, 0), (CasePhase::Queued, 2), (CasePhase::Cancelled, 0)]);
    assert_eq!(goes_on.mode, Mode::Waiting);
    let began = goes_on.began;
    let commands = goes_on.handle(SessionInput::Begin(Nanos::from_millis(9000)));
    let id = AttemptId { case: 1, number: 2 };
    assert!(matches!(commands[..], [SessionCommand::Start { id: started, .. }] if started == id), "{commands:?}");
    // The time between both parts of a resumed run does not count.
    assert_eq!((goes_on.began, goes_on.schedule_pauses().last().map(|s| s.1)), (began, Some(Nanos::from_millis(9000))));
    let gone = goes_on.running_for(Nanos::from_millis(9500)).unwrap();
    // The last attempt ended at 5,001 ms.
    assert_eq!(gone, Duration::from_millis(5001 - 400 + 500));
    // A complete run has nothing left to resume.
    let whole = read(journal_of(&report(sample_session())).as_bytes()).unwrap();
    assert_eq!(whole.to_resume().mode, Mode::Finished);
}

#[test]
fn a_resumed_run_lists_the_resumption_and_keeps_its_wall_time() {
    let mut live = report(sample_session());
    let at = live.finished_at.plus(Duration::from_millis(1));
    let resumption = Resumption {
        stopped_at: live.finished_at,
        at,
        epoch: "2026-02-07T09:00:00+01:00[Europe/Berlin]".parse().unwrap(),
        tool: "0.2.0".into(),
        environment: Environment { hostname: "other*".into(), ..live.environment.clone() },
    };
    let text = journal_of(&live) + &super::resumption(&resumption) + &lag(at, EngineLag::default());
    let saved = read(text.as_bytes()).unwrap();
    assert_eq!((saved.ended, saved.lag), (None, live.lag), "the worse of both");
    let again = report_again(saved, &live);
    assert_eq!(again.resumed, std::slice::from_ref(&resumption));
    let markdown = EXPORTERS[0].render(&again);
    let notice = "> **Resumed**: the run stopped at 2026-02-06 21:50:40 and was resumed at 2026-02-07 09:00:59 on 'other\\*' \
                instead of 'bench' and by tokscope 0.2.0 instead of 0.1.0.";
    assert!(markdown.contains(notice), "{}", markdown.lines().filter(|l| l.contains("Resumed")).collect::<String>());
    live.resumed = vec![resumption];
    assert_eq!(live.wall_time(at).strftime("%d %H:%M:%S").to_string(), "07 09:00:59");
    assert_eq!(live.wall_time(live.finished_at).strftime("%d").to_string(), "06");
}

#[test]
fn a_resumed_timed_run_has_only_its_remaining_time() {
    let plan = Plan { duration: Some(Duration::from_secs(10)), ..Plan::default() };
    let live = report(run(suite(&["a"]), plan, |id, now| (id.number < 8).then(|| answer(id, now, 1000, 5, 4))));
    let share = live.session.share_of_time(live.finished_at).unwrap();
    assert!((0.69..0.71).contains(&share), "{share}");
    let mut goes_on = read(journal_of(&live).as_bytes()).unwrap().to_resume();
    let begin = Nanos::from_millis(100_000);
    goes_on.handle(SessionInput::Begin(begin));
    assert_eq!(goes_on.share_of_time(begin).map(|s| (s * 10.0).round()), Some(7.0));
    let mut now = begin;
    for number in 9.. {
        now = now.plus(Duration::from_secs(1));
        let id = AttemptId { case: 0, number };
        if goes_on.handle_at(now, SessionInput::Ended(id, Arc::new(answer(id, now, 1, 5, 4)))).is_empty() {
            break;
        }
    }
    assert_eq!((now.since(begin).as_secs(), goes_on.mode), (3, Mode::Finished));
}

#[test]
fn a_model_chosen_during_the_run_is_read_and_a_byte_order_mark_ignored() {
    let session = run(suite(&["a", "b"]), Plan::default(), |id, now| {
        let mut record = answer(id, now, 100, 7, 3);
        record.model = if id.case == 0 { "wrong" } else { "chosen" }.to_owned();
        Some(record)
    });
    let mut of_wrong = report(session);
    of_wrong.model = "wrong".to_owned();
    let journal = format!("\u{feff}{}", journal_of(&of_wrong));
    assert_eq!(read(journal.as_bytes()).unwrap().run.model, "chosen");
    // The model of a single case does not become the model of the run.
    let mut suite = (*of_wrong.session.suite).clone();
    suite.cases[1].model = Some("chosen".to_owned());
    of_wrong.session.suite = Arc::new(suite);
    assert_eq!(read(journal_of(&of_wrong).as_bytes()).unwrap().run.model, "wrong");
}

#[test]
fn the_first_and_the_last_line_are_enough_for_the_list_of_runs() {
    let live = report(failing());
    let text = journal_of(&live);
    let (first, last) = (text.lines().next().unwrap().as_bytes(), text.lines().last().unwrap().as_bytes());
    let brief = read_brief(first, last).unwrap().unwrap();
    assert_eq!(brief.figures, RunFigures::new(&live));
    let names = (brief.header.id, brief.header.model, brief.header.suite.name);
    assert_eq!(names, (live.run_id.clone(), live.model.clone(), live.session.suite.name.clone()));
    // The last line of an interrupted run has no figures.
    assert!(read_brief(first, text.lines().nth(1).unwrap().as_bytes()).unwrap().is_none());
    assert!(read_brief(first, end(Nanos(1), 0, None).as_bytes()).unwrap().is_none());
    assert!(matches!(read_brief(b"{\"tokscope_journal\":1}", last), Err(JournalError::Older(1))));
}

#[test]
fn sentences_about_the_workload_are_saved() {
    let report = conversations();
    let note = "prompt lengths were fitted to 5 probes,\nwithin 3 tokens";
    let saved = read((header(&header_of(&report)) + &workload_note(note) + &events_of(&report.session)).as_bytes());
    let saved = saved.unwrap();
    assert_eq!(saved.workload_notes, ["prompt lengths were fitted to 5 probes, within 3 tokens"]);
    assert_eq!(saved.warnings, Vec::<String>::new());
    assert_eq!(saved.session.suite.workload, report.session.suite.workload);
}

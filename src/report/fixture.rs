//! Sample runs for the tests of reports.

pub mod depth;
pub mod workload;

use std::sync::Arc;
use std::time::Duration;

use crate::domain::attempt::{Arrival, AttemptError, AttemptId, AttemptRecord, AttemptStatus, TextKind};
use crate::domain::energy::{Efficiency, Energy, EnergyMethod};
use crate::domain::gpu::MemoryKind;
use crate::domain::gpu_scope::GpuScope;
use crate::domain::live::{EngineLag, ServerInfo};
use crate::domain::session::{Plan, Session, SessionCommand, SessionInput};
use crate::domain::suite::{CaseSpec, Suite};
use crate::domain::testing::{case, suite_with};
use crate::domain::time::Nanos;
use crate::domain::turn::Turn;

use super::gpu::{GpuDeviceReport, GpuReport};
use super::host::HostReport;
use super::level::Level;
use super::model::{Environment, Report, USUAL_API};

/// Name, latency in milliseconds, prompt tokens and output tokens of each case in `tests/data/sample-report.md`. That
/// report rounds latencies to 10 ms and speeds to 0.1 tok/s. These latencies agree with both, and with its total of
/// 58.67 s, while its rounded latencies add up to 58.65 s.
pub const SAMPLE: [(&str, u64, u64, u64); 10] = [
    ("Full Backend System", 7034, 85, 800),
    ("Microservices Architecture", 5194, 92, 600),
    ("Complex Algorithms", 6531, 50, 700),
    ("Debug Task", 4367, 142, 500),
    ("Data Analysis Report", 5133, 100, 600),
    ("System Design Interview", 5243, 82, 600),
    ("Multi-turn Conversation", 7553, 132, 800),
    ("Technical Documentation", 6103, 81, 700),
    ("Database Optimization", 4352, 115, 500),
    ("ML Project", 7162, 129, 800),
];

pub fn suite(names: &[&str]) -> Suite {
    let spec =
        |name: &&str| CaseSpec { max_tokens: 800, temperature: 0.7, timeout: Duration::from_secs(120), ..case(name) };
    let cases = names.iter().map(spec).collect();
    Suite { name: "Complex Comprehensive".into(), ..suite_with(cases) }
}

/// Returns a complete answer with a latency of `millis`. The first token arrives after a tenth of it, and the others
/// follow at equal intervals, one event per token.
pub fn answer(id: AttemptId, started: Nanos, millis: u64, prompt: u64, tokens: u64) -> AttemptRecord {
    let request_id = format!("ts-1-{}-{}", id.case, id.number);
    let mut r = AttemptRecord::started(id, false, request_id, "glm-4.7-flash".into(), started);
    let (first, rest) = (millis * 100_000, millis * 900_000);
    let at = |i| Nanos(started.0 + first + rest * i / (tokens - 1).max(1));
    let kind = |i| if i < tokens / 2 { TextKind::Reasoning } else { TextKind::Answer };
    r.arrivals = (0..tokens).map(|i| Arrival { at: at(i), kind: kind(i), coalesced: false }).collect();
    r.status = AttemptStatus::Ok;
    r.ended = at(tokens - 1).plus(Duration::from_millis(1));
    r.headers_at = Some(started.plus(Duration::from_millis(3)));
    r.http_status = Some(200);
    r.finish_reason = Some("length".into());
    r.first_token_event_index = Some(1);
    r.event_count = tokens as u32 + 3;
    r.usage.prompt_tokens = Some(prompt);
    r.usage.completion_tokens = Some(tokens);
    r.nonce = Some("3f9a1c07".into());
    r.reasoning = "1.  **Analyze the Request:**\n".repeat(20);
    r.text = "Here it is.".into();
    r
}

/// Returns an attempt that the server refused with HTTP 503.
pub fn refusal(id: AttemptId, started: Nanos, message: &str) -> AttemptRecord {
    let mut r = AttemptRecord::started(id, false, "ts-1".into(), "glm-4.7-flash".into(), started);
    r.status = AttemptStatus::HttpError;
    r.http_status = Some(503);
    r.ended = started.plus(Duration::from_millis(40));
    r.error = Some(AttemptError { kind: "unavailable".into(), message: message.into() });
    r
}

/// Runs a suite. `respond` returns the record of each attempt in turn; with `None`, the attempt stays in flight.
pub fn run(suite: Suite, plan: Plan, mut respond: impl FnMut(AttemptId, Nanos) -> Option<AttemptRecord>) -> Session {
    run_session(Session::new(Arc::new(suite), plan), |id, _turn, now| respond(id, now))
}

/// Runs a session like [`run`]. `respond` also receives the attempt's place in its conversation, which is set in the
/// record.
pub fn run_session(
    mut session: Session,
    mut respond: impl FnMut(AttemptId, Option<Turn>, Nanos) -> Option<AttemptRecord>,
) -> Session {
    let mut now = Nanos::from_millis(400);
    session.handle(SessionInput::Begin(now));
    let next = |s: &Session| {
        let attempts = |(case, c): (usize, &crate::domain::session::CaseState)| {
            let open = c.attempts.iter().find(|a| a.record.is_none());
            open.map(|a| (AttemptId { case, number: a.number }, a.warmup, a.turn))
        };
        s.cases.iter().enumerate().find_map(attempts)
    };
    while let Some((id, warmup, turn)) = next(&session) {
        let Some(mut record) = respond(id, turn, now) else { break };
        (record.warmup, record.turn) = (warmup, turn);
        now = record.ended;
        session.handle(SessionInput::Ended(id, Arc::new(record)));
    }
    session
}

/// Runs the ten cases of [`SAMPLE`].
pub fn sample_session() -> Session {
    let names: Vec<&str> = SAMPLE.iter().map(|s| s.0).collect();
    run(suite(&names), Plan::default(), |id, now| {
        let (_, millis, prompt, tokens) = SAMPLE[id.case];
        Some(answer(id, now, millis, prompt, tokens))
    })
}

/// Runs four cases at each concurrency, on a server that finishes two requests per second.
pub fn sweep_session(concurrencies: &[usize]) -> Session {
    let session = Session::new(Arc::new(suite(&["a", "b", "c", "d"])), Plan::default());
    let mut session = session.with_sweep(concurrencies.to_vec());
    let mut now = Nanos::from_millis(400);
    let mut open: Vec<AttemptId> = Vec::new();
    let take = |open: &mut Vec<AttemptId>, commands: Vec<SessionCommand>| {
        open.extend(commands.iter().filter_map(|c| match c {
            SessionCommand::Start { id, .. } => Some(*id),
            SessionCommand::Abort(_) => None,
        }));
    };
    take(&mut open, session.handle(SessionInput::Begin(now)));
    while !open.is_empty() {
        // All requests in flight end together.
        let millis = 1000 * (open.len() as u64).div_ceil(2);
        let started = now;
        for id in std::mem::take(&mut open) {
            let record = answer(id, started, millis, 10, 100);
            now = record.ended;
            take(&mut open, session.handle(SessionInput::Ended(id, Arc::new(record))));
        }
    }
    session
}

/// Runs one request in flight for four seconds, then three in flight for another four.
pub fn staged_session() -> Session {
    let mut asked = suite(&["a"]);
    asked.load_stages = "1:4s,3:4s".parse().ok();
    let plan = Plan { concurrency: 3, duration: Some(Duration::from_secs(8)), ..Plan::default() };
    run(asked, plan, |id, now| Some(answer(id, now, 300 + u64::from(id.number) * 10, 10, 50)))
}

/// Returns a report of a session on the sample machine.
pub fn report(session: Session) -> Report {
    Report {
        gate: None,
        finished_at: session.last_ended.unwrap_or_default(),
        session,
        workload_notes: Vec::new(),
        epoch: "2026-02-06T21:49:41+01:00[Europe/Berlin]".parse().expect("a time"),
        resumed: Vec::new(),
        url: "http://localhost:8000/v1/chat/completions".into(),
        api: USUAL_API,
        model: "glm-4.7-flash".into(),
        server: ServerInfo { kind: Some("vLLM".into()), version: Some("0.11.0".into()) },
        rival: None,
        simulated: false,
        route: crate::domain::route::Route::default(),
        tool: "0.1.0".into(),
        command_line: Some("tokscope http://localhost:8000/v1 --headless --export report.md".into()),
        shards: Vec::new(),
        run_id: "ts-64a1".into(),
        environment: Environment {
            hostname: "bench".into(),
            os: "Debian 13 x86_64".into(),
            cpu: Some("EPYC 9654".into()),
            cores: 16,
            memory_mib: Some(128_000),
        },
        gauges: None,
        host: Ok(host()),
        local: true,
        gpu: Ok(gpu()),
        lag: EngineLag { p50_ms: Some(0.02), p99_ms: Some(0.4), max_ms: Some(1.9) },
        calibration: None,
        summary: super::summary::SummaryCell::default(),
    }
}

/// Returns the load of the sample machine.
fn host() -> HostReport {
    let level = |avg, max| Some(Level { avg, max });
    HostReport {
        samples: 58,
        cpu_busy_percent: level(12.5, 31.0),
        busiest_core_percent: level(88.0, 100.0),
        memory_used_mib: level(40_960.0, 41_000.0),
        memory_total_mib: Some(128_000.0),
        own_cpu_percent: level(3.2, 9.0),
        own_engine_percent: level(1.1, 2.0),
        own_rss_mib_max: Some(21.4),
    }
}

/// Returns the figures of the sample GPU.
pub fn gpu() -> GpuReport {
    let device = GpuDeviceReport {
        index: 0,
        uuid: Some("GPU-6f3c".into()),
        parent_uuid: None,
        host: None,
        samples: 235,
        samples_apart_ms: None,
        model: "NVIDIA RTX PRO 6000 Blackwell Workstation Edition".into(),
        serves: Some(true),
        memory_kind: MemoryKind::Dedicated,
        memory_total_mib: Some(97887.0),
        memory_total_is_least: false,
        memory_reserved_mib: Some(636.0),
        memory_used_start_mib: Some(60000.0),
        memory_peak_mib: Some(62123.4),
        memory_peak_at_s: Some(2.44),
        memory_used_includes_reserved: false,
        memory_used_is_machines: false,
        memory_unknown_because: None,
        memory_peak_unknown_because: None,
        utilization_mean_percent: Some(91.4),
        utilization_max_percent: Some(98.0),
        utilization_unknown_because: None,
        power_mean_w: Some(402.5),
        power_max_w: Some(598.0),
        power_limit_w: Some(600.0),
        energy: Ok(Energy { joules: 23_616.0, method: EnergyMethod::Counter }),
        throttled: Some(vec![("sw_power_cap", "power cap", 0.25)]),
        lost: None,
        lost_at_s: None,
        load_course: Vec::new(),
        memory_course: Vec::new(),
        power_course: Vec::new(),
    };
    GpuReport {
        source: "nvml".into(),
        is_part_of_chip: false,
        scope: GpuScope::EndpointHost {
            evidence: "pid 4242 owns :8000 and uses GPU-6f3c".into(),
            gpus: vec!["GPU-6f3c".into()],
        },
        driver: Some("580.126.09".into()),
        sample_interval_ms: 250,
        samples: 235,
        missed: 0,
        driver_silent_s: None,
        devices: vec![device],
        efficiency: Ok(Efficiency { joules: 23_616.0, output_tokens: 6600 }),
        tokens_estimated: false,
    }
}

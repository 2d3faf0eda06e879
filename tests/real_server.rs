//! The engine, the whole program and its dashboard against a real llama.cpp server. Tests check counts and contents,
//! never times.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test")]

mod support;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::json;
use support::dashboard::{Dashboard, statuses, suite};
use support::real_server::RealServer;
use tokscope::domain::attempt::{AttemptId, AttemptRecord, AttemptStatus, TokenSource};
use tokscope::domain::live::{EngineCommand, EngineFact, ServerInfo};
use tokscope::domain::prefix_cache::PrefixCache;
use tokscope::domain::request_lengths::RequestLengths;
use tokscope::domain::suite::{CaseSpec, Message};
use tokscope::engine::{Engine, EngineConfig};
use tokscope::protocol::api::CHAT;

const MODEL: &str = "random-words";

fn engine(url: &str) -> (Engine, Receiver<EngineFact>) {
    engine_with(url, false)
}

fn engine_with(url: &str, warm: bool) -> (Engine, Receiver<EngineFact>) {
    let (sender, facts) = channel();
    let config = EngineConfig {
        session_header: None,
        base_url: url.to_owned(),
        api: &CHAT,
        api_key: None,
        headers: Vec::new(),
        run_id: "run".to_owned(),
        warm,
        network: tokscope::engine::Network::default(),
    };
    #[expect(clippy::disallowed_methods, reason = "the epoch of this test's run")]
    let epoch = Instant::now();
    let engine = Engine::start(config, epoch, move |fact| drop(sender.send(fact))).unwrap();
    (engine, facts)
}

fn case(prompt: &str, max_tokens: u32) -> CaseSpec {
    CaseSpec {
        name: prompt.to_owned(),
        messages: vec![Message::user(prompt)],
        max_tokens,
        temperature: 0.7,
        timeout: Duration::from_secs(120),
        ..CaseSpec::new("", Vec::new())
    }
}

fn start(engine: &Engine, index: usize, case: CaseSpec) {
    let id = AttemptId { case: index, number: 1 };
    engine.send(EngineCommand::Start {
        lengths: RequestLengths::default(),
        row: None,
        turn: None,
        id,
        case: Arc::new(case),
        model: MODEL.to_owned(),
        warmup: false,
        due: None,
        ready: None,
    });
}

fn end(facts: &Receiver<EngineFact>) -> Arc<AttemptRecord> {
    loop {
        if let EngineFact::Ended { record, .. } = facts.recv().unwrap() {
            return record;
        }
    }
}

fn assert_complete(record: &AttemptRecord, max_tokens: u32) {
    assert_eq!((record.status, &record.error), (AttemptStatus::Ok, &None));
    assert_eq!(record.finish_reason.as_deref(), Some("length"));
    assert_eq!(record.usage.completion_tokens, Some(max_tokens.into()));
    assert_eq!(record.output_tokens(), Some((max_tokens.into(), TokenSource::Usage)));
}

#[test]
fn the_server_is_recognised_and_measured() {
    let Some(server) = RealServer::start() else { return };
    let (engine, facts) = engine(server.url());

    engine.send(EngineCommand::Discover { retry: false, needs_list: true });
    let EngineFact::Discovered { models, server: ServerInfo { kind, version }, .. } = facts.recv().unwrap() else {
        panic!("not found")
    };
    assert_eq!((models, kind.as_deref()), (vec![MODEL.to_owned()], Some("llama.cpp")));
    // The build as the server reports it, like b6710-2c301e91.
    assert!(version.is_some_and(|v| v.starts_with('b') && v.contains('-')));

    for (index, (prompt, max_tokens)) in
        [("What is an event loop?", 100), ("Grüße 漢字 😀\n\nfn main() {}", 250), ("", 500)].into_iter().enumerate()
    {
        start(&engine, index, case(prompt, max_tokens));
        let record = end(&facts);
        assert_complete(&record, max_tokens);
        // This model writes whole words, so an event is a token here. Further events: role, finish, usage, [DONE].
        assert_eq!((record.arrivals.len(), record.event_count), (max_tokens as usize, max_tokens + 4));
        assert_eq!(record.first_token_event_index, Some(1));
        assert!(record.usage.prompt_tokens > Some(0) && record.text.split_whitespace().count() > 50);
    }
}

#[test]
fn reasoning_and_answer_are_separate() {
    let Some(server) = RealServer::start() else { return };
    let (engine, facts) = engine(server.url());
    let mut case = case("Think first.", 120);
    case.extra.insert("chat_template_kwargs".to_owned(), json!({ "enable_thinking": true }));
    case.extra.insert("thinking_budget_tokens".to_owned(), json!(40));
    start(&engine, 0, case);
    let record = end(&facts);
    assert_complete(&record, 120);
    assert!(!record.reasoning.is_empty() && !record.text.is_empty(), "{record:?}");
    assert!(!record.reasoning.contains("think>") && !record.text.contains("think>"), "{record:?}");
    // The end of the reasoning is a token without an event.
    assert_eq!(record.arrivals.len(), 119);
}

#[test]
fn a_unique_prompt_is_cold_and_a_repeated_one_is_warm() {
    let Some(server) = RealServer::start() else { return };
    let prompt = "Explain what a prefix cache is, what it saves, and how a benchmark has to deal with it. ".repeat(6);
    let measure = |warm: bool| {
        let (engine, facts) = engine_with(server.url(), warm);
        [1, 2, 3].map(|number| {
            let id = AttemptId { case: 0, number };
            let case = Arc::new(case(&prompt, 5));
            engine.send(EngineCommand::Start {
                lengths: RequestLengths::default(),
                row: None,
                turn: None,
                id,
                case,
                model: MODEL.to_owned(),
                warmup: false,
                due: None,
                ready: None,
            });
            let record = end(&facts);
            assert_complete(&record, 5);
            let (cached, prompt) = (record.usage.cached_tokens.unwrap(), record.usage.prompt_tokens.unwrap());
            (record.prefix_cache(), cached, prompt)
        })
    };
    for (state, cached, prompt) in measure(false) {
        assert_eq!(state, PrefixCache::Cold, "{cached} of {prompt}");
        assert!(cached < 16 && prompt > 100, "{cached} of {prompt}");
    }
    let [_first, again @ ..] = measure(true);
    for (state, cached, prompt) in again {
        assert_eq!(state, PrefixCache::Warm, "{cached} of {prompt}");
        assert!(cached * 10 >= prompt * 9, "{cached} of {prompt}");
    }
}

#[test]
fn concurrent_requests_do_not_mix() {
    let Some(server) = RealServer::start() else { return };
    let (engine, facts) = engine(server.url());
    let lengths = [60, 120, 180];
    for (index, max_tokens) in lengths.into_iter().enumerate() {
        start(&engine, index, case("Count.", max_tokens));
    }
    for _ in lengths {
        let record = end(&facts);
        assert_complete(&record, lengths[record.id.case]);
    }
}

#[test]
fn a_dying_server_fails_its_attempt_and_works_again_later() {
    let Some(server) = RealServer::start() else { return };
    let (engine, facts) = engine(server.url());
    start(&engine, 0, case("Go on and on.", 8000));
    while engine.live().content_events_total == 0 {
        match facts.recv_timeout(Duration::from_millis(10)) {
            Ok(EngineFact::Started { .. }) | Err(RecvTimeoutError::Timeout) => {}
            other => panic!("{other:?}"),
        }
    }
    let port = server.port();
    drop(server);
    let record = end(&facts);
    assert!(matches!(record.status, AttemptStatus::Truncated | AttemptStatus::StreamError), "{record:?}");
    assert!(!record.text.is_empty());

    start(&engine, 1, case("Are you there?", 10));
    assert_eq!(end(&facts).status, AttemptStatus::ConnectError);

    let Some(_server) = RealServer::start_on(port) else { return };
    start(&engine, 2, case("Are you back?", 10));
    assert_complete(&end(&facts), 10);
}

#[test]
fn the_suite_is_measured_with_the_servers_token_counts() {
    let Some(server) = RealServer::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let out = std::process::Command::new(env!("CARGO_BIN_EXE_tokscope"))
        .args([server.url(), "--headless", "--export", "r.json"])
        .current_dir(folder.path())
        .env("XDG_STATE_HOME", folder.path())
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stderr));
    let json = std::fs::read_to_string(folder.path().join("r.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&report["target"]["model"], &report["target"]["server"]["kind"]), (&json!(MODEL), &json!("llama.cpp")));
    assert_eq!((&report["run"]["simulated"], &report["run"]["partial"]), (&json!(false), &json!(false)));
    let cases = report["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 10);
    let mut total = 0;
    for case in cases {
        let attempts = case["attempts"].as_array().unwrap();
        let [attempt] = &attempts[..] else { panic!("{attempts:?}") };
        let max_tokens = case["max_tokens"].as_u64().unwrap();
        assert_eq!((&attempt["status"], &attempt["finish_reason"]), (&json!("ok"), &json!("length")), "{attempt}");
        // The server counted as many tokens as were requested.
        assert_eq!(
            (&attempt["token_count_source"], attempt["output_sequence_length"].as_u64()),
            (&json!("usage"), Some(max_tokens))
        );
        assert!(attempt["input_sequence_length"].as_u64() > Some(0), "{attempt}");
        total += max_tokens;
    }
    assert_eq!(
        (&report["summary"]["ok"], report["summary"]["total_output_tokens"].as_u64()),
        (&json!(10), Some(total))
    );
}

#[test]
fn the_dashboard_controls_the_run() {
    let Some(server) = RealServer::start() else { return };
    // The first two answers would take minutes.
    let cases = suite(&["First", "Second"], "max_tokens = 100000\ntimeout_s = 600") + SHORT;
    let mut screen = Dashboard::start(&cases, server.url());
    screen.wait_for_text("llama.cpp");
    screen.wait_for_line("First", "answering");
    // While held, the first case is cancelled and no other starts.
    screen.send(" ");
    screen.wait_for_text("held  1 request finishing");
    screen.send("x");
    screen.wait_for_line("First", "cancelled");
    screen.wait_for_line("held  0/4", "0:");
    screen.wait_for_line("Second", "queued");
    screen.send(" ");
    screen.wait_for_line("Second", "answering");
    // The selection stayed at the cancelled case.
    screen.send("jp");
    screen.wait_for_line("Second", "paused");
    screen.wait_for_text("✓ Third");
    screen.wait_for_text("✓ Fourth");
    screen.send("Gr");
    // After resuming, the second case is measured again. After it is cancelled, the rerun follows.
    screen.wait_for_line("3/4", "0:");
    screen.send("gjp");
    screen.wait_for_line("Second", "answering");
    screen.send("x");
    screen.wait_for_text("finished  2 cancelled  3/4");
    screen.send("e");
    screen.wait_for_text("Report written to 'r.md'");
    screen.send("q");
    let (ended, folder, report) = screen.end_with_folder();
    let report = report.unwrap();
    assert_eq!(ended.status, 1);
    assert_eq!(
        [0, 1, 2, 3].map(|case| statuses(&report, case).join(" ")),
        ["cancelled", "cancelled cancelled", "ok", "ok ok"]
    );
    let markdown = std::fs::read_to_string(folder.path().join("r.md")).unwrap();
    assert!(markdown.contains(MODEL) && markdown.contains("Fourth"), "{markdown}");
}

const SHORT: &str = r#"
[[case]]
name = "Third"
prompt = "Say a word."
[[case]]
name = "Fourth"
prompt = "Say another."
"#;

/// The model's weights are random: its answers are words, as many as asked for, and never the right one.
#[test]
fn answers_of_a_real_server_are_checked() {
    let Some(server) = RealServer::start() else { return };
    let suite = r#"
[[case]]
name = "Words"
prompt = "What is the capital of Italy?"
max_tokens = 20
check = [{ min_tokens = 20 }, { regex = '[a-z]{3}' }, { equals = "Rome" }, { json_schema = { type = "object" } }]
"#;
    let place = support::place::Place::with(suite);
    place.run(&[server.url(), "--export", "r.json"], 0);
    let attempt = &place.json("r.json")["cases"][0]["attempts"][0];
    let checks = attempt["checks"].as_array().unwrap();
    let passed: Vec<bool> = checks.iter().map(|check| check["passed"].as_bool().unwrap()).collect();
    assert_eq!(passed, [true, true, false, false], "{attempt}");
    assert_eq!((&attempt["status"], &attempt["pass_rate"]), (&"ok".into(), &0.0.into()));
}

/// Runs headless with a JSON export and returns it, with what was written to stderr.
fn headless(server: &RealServer, args: &[&str], status: i32) -> (serde_json::Value, String) {
    let place = support::place::Place::with("[[case]]\nname = \"Words\"\nprompt = \"Say a word.\"\nmax_tokens = 20\n");
    let (_, stderr) = place.run(&[&[server.url(), "--headless", "--export", "r.json"], args].concat(), status);
    (place.json("r.json"), stderr)
}

#[test]
fn legacy_completions_are_measured_with_the_servers_counts_and_times() {
    let Some(server) = RealServer::start() else { return };
    let (report, _) = headless(&server, &["--api", "completions"], 0);
    assert_eq!(
        (&report["target"]["api"], &report["target"]["server"]["kind"]),
        (&json!("completions"), &json!("llama.cpp"))
    );
    let attempt = &report["cases"][0]["attempts"][0];
    assert_eq!(
        (
            &attempt["status"],
            &attempt["finish_reason"],
            &attempt["output_sequence_length"],
            &attempt["token_count_source"]
        ),
        (&json!("ok"), &json!("length"), &json!(20), &json!("usage"))
    );
    assert!(attempt["input_sequence_length"].as_u64() > Some(0) && attempt["server_timings"].is_object(), "{attempt}");
}

#[test]
fn depths_are_measured_cold_until_the_context_ends() {
    let Some(server) = RealServer::start() else { return };
    let args = ["--depth", "0,500,100000", "--isl", "400", "--osl", "16", "--repeat", "2"];
    let (report, stderr) = headless(&server, &args, 1);
    let depth = report["depth"].as_array().unwrap();
    for (row, asked) in depth.iter().zip([400.0, 900.0]) {
        let real = row["input_sequence_length"]["mean"].as_f64().unwrap();
        // The tokenizer of this model is odd, so its prompts fit worse.
        assert!((real - asked).abs() < 0.25 * asked, "asked {asked}, real {real}");
        // Sixteen tokens of this model may arrive in one read.
        for key in ["prefill_throughput_per_user", "server_prefill_throughput"] {
            assert_eq!(row[key]["n"], 2, "{row}");
        }
    }
    assert!(depth[2]["n"] == 0 && depth[2]["unavailable"].as_str().unwrap().contains("context size"), "{depth:?}");
    assert!(stderr.contains("context size"), "{stderr}");
    let measured = |case: &serde_json::Value| -> Vec<serde_json::Value> {
        let attempts = case["attempts"].as_array().unwrap().iter();
        attempts.filter(|attempt| attempt["warmup"] == false).cloned().collect()
    };
    let all: Vec<_> = report["cases"].as_array().unwrap().iter().flat_map(measured).collect();
    assert_eq!(all.len(), 5);
    assert_eq!(all[4]["error"]["kind"], "context_exceeded");
    for attempt in &all[..4] {
        let cached = attempt["cached_token_count"].as_u64().unwrap_or(0);
        assert!(cached < 20, "only the template is shared: {attempt}");
    }
}

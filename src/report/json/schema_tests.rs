//! Compares `docs/results.schema.json` with exported documents and with the program's tables.

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::time::Duration;

use jsonschema::Validator;
use serde_json::{Map, Value};

use super::super::fixture::depth::depth_session;
use super::super::fixture::workload::conversations;
use super::super::fixture::{answer, refusal, report, run as run_suite, sample_session, suite, sweep_session};
use super::summary::summary_key;
use super::*;
use crate::domain::attempt::FailedTry;
use crate::domain::calibration::{ErrorSpread, Level, Machine, Peak};
use crate::domain::check::{CheckKind, CheckResult, ToolCall};
use crate::domain::diagnosis::{DIAGNOSES, diagnose};
use crate::domain::gpu::Throttle;
use crate::domain::interval::Interval;
use crate::domain::live::{EngineLag, ServerInfo};
use crate::domain::load_search::LoadSearch;
use crate::domain::media::MediaCount;
use crate::domain::metrics::{METRICS, Unit};
use crate::domain::model_mix::{ModelMix, WeightedModel};
use crate::domain::open_loop::{OpenLoop, Process};
use crate::domain::price::Prices;
use crate::domain::race::{Race, RaceSide};
use crate::domain::repeated_runs::RepeatedRuns;
use crate::domain::server_gauges::{GaugeEvent, GaugeHistory, Meter, ServerGauges};
use crate::domain::server_timings::{ServerTimings, TimingSource};
use crate::domain::session::{EventKind, Plan, RunEvent, Session, SessionInput};
use crate::domain::task::{AnswerItems, Task};
use crate::domain::time::Nanos;
use crate::domain::workload::{Workload, WorkloadSource};
use crate::report::bottleneck::rules_markdown;
use crate::report::gate_result::{GateResult, GateVerdict, RuleResult};
use crate::report::model::{Resumption, Rival};
use crate::report::shards::ShardRun;

pub fn schema() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/results.schema.json");
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    })
}

fn validator() -> &'static Validator {
    static VALIDATOR: OnceLock<Validator> = OnceLock::new();
    VALIDATOR.get_or_init(|| jsonschema::options().should_validate_formats(true).build(schema()).unwrap())
}

/// Panics unless the document follows the schema.
pub fn validate(document: &Value) {
    let errors: Vec<_> = validator().iter_errors(document).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "not as in docs/results.schema.json:\n{}", errors.join("\n"));
}

/// Follows a reference, or the branch of an `anyOf` that is not `null`.
fn resolve(part: &'static Value) -> &'static Value {
    if let Some(name) = part.get("$ref") {
        let pointer = name.as_str().unwrap().strip_prefix('#').unwrap();
        return resolve(schema().pointer(pointer).unwrap());
    }
    match part.get("anyOf") {
        Some(branches) => resolve(&branches[0]),
        None => part,
    }
}

/// Collects the paths of all keys in the schema, such as `cases[].attempts[].error.kind`.
fn described(part: &'static Value, path: &str, out: &mut BTreeSet<String>) {
    let part = resolve(part);
    if let Some(items) = part.get("items") {
        described(items, &format!("{path}[]"), out);
    }
    for (key, value) in part.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let path = format!("{path}.{key}");
        out.insert(path.clone());
        described(value, &path, out);
    }
}

/// Collects the paths of all keys in a document. Omits the keys of maps, which the schema does not list.
fn written(value: &Value, part: &'static Value, path: &str, out: &mut BTreeSet<String>) {
    let part = resolve(part);
    match value {
        Value::Array(items) => {
            for item in items {
                written(item, &part["items"], &format!("{path}[]"), out);
            }
        }
        Value::Object(entries) if part.get("properties").is_some() => {
            for (key, value) in entries {
                let path = format!("{path}.{key}");
                out.insert(path.clone());
                written(value, &part["properties"][key], &path, out);
            }
        }
        _ => {}
    }
}

fn calibration() -> Calibration {
    let spread = ErrorSpread::from_errors(&[0.1, 0.2]).unwrap();
    let level = Level {
        streams: 1,
        dashboard: false,
        answers: 2,
        unmatched: 0,
        events: 40,
        ttft_error_ms: spread,
        inter_token_error_ms: spread,
        total_error_ms: spread,
        truth_width_ms: 0.06,
        engine_cpu_share: Some(0.01),
        main_cpu_share: None,
        resident_mib: Some(10.3),
    };
    let peak = Peak {
        streams: 32,
        events: 1_000_000,
        events_per_s: 1.2e6,
        cpu_s_per_million_events: Some(0.8),
        engine_cpu_share: Some(1.0),
    };
    Calibration {
        version: "0.1.0".into(),
        build: "release".into(),
        date: "2026-02-06T21:00:00Z".into(),
        machine: Machine { hostname: "bench".into(), cpu: None, cores: 2 },
        levels: vec![level],
        peak: Some(peak),
    }
}

fn gauges(began: Nanos) -> GaugeHistory {
    let mut history = GaugeHistory::default();
    let url = "http://h/metrics".to_owned();
    history.apply(GaugeEvent::Found { kind: "vLLM".into(), url, interval_ms: 1000, warning: None });
    history.begin_run();
    for (at, value) in [(0, 1.0), (1, 2.0)] {
        let mut sample = ServerGauges::default();
        for meter in
            [Meter::Running, Meter::Waiting, Meter::Retracted, Meter::KvCache].into_iter().chain(Meter::COUNTERS)
        {
            sample.set(meter, value);
        }
        history.apply(GaugeEvent::Sample(began.plus(Duration::from_secs(at)), Box::new(sample)));
    }
    history
}

/// Returns a report with as many optional keys as possible: a resumed open loop with thresholds, repeats, a retry, a stall
/// of tokscope, two choices, cold and warm prompts, a failure, a calibration and the server's metrics.
pub fn load() -> Report {
    let open_loop = Some(OpenLoop { rate_per_s: 2.5, process: Process::Constant, seed: 7 });
    let mut asked = suite(&["a", "b"]);
    let model = WeightedModel { name: "glm-4.7-flash".to_owned(), weight: 2 };
    asked.model_mix = Some(ModelMix { models: vec![model], seed: 0 });
    asked.slos = ["ttft_p95<500ms", "error_rate<10%"].map(|slo| slo.parse().unwrap()).to_vec();
    let session = run_suite(asked, Plan { repeat: 400, open_loop, ..Plan::default() }, |id, now| {
        if (id.case, id.number) == (1, 7) {
            return Some(refusal(id, now, "busy"));
        }
        let mut r = answer(id, now, 1000, 1000, 20);
        r.intended = Some(Nanos(now.0 - 300_000_000));
        r.usage.cached_tokens = Some(if id.case == 0 { 0 } else { 90 });
        r.choice_finish_reasons = vec![Some("stop".to_owned()), None];
        r.media = Some(Box::new(MediaCount { images: 2, image_bytes: 9, audio: 1, audio_bytes: 5 }));
        r.tool_calls = vec![ToolCall { name: "f".to_owned(), arguments: "{}".to_owned() }];
        r.retries.push(FailedTry { started: now, kind: "unavailable".into(), http_status: Some(503), waited_ms: 1.5 });
        r.observer_stalls.push((now, now.plus(Duration::from_millis(5))));
        r.server_timings =
            Some(ServerTimings { prompt_ms: Some(90.5), ..ServerTimings::from_source(TimingSource::LlamaCpp) });
        r.findings = diagnose(&r, 800);
        let failure = (id.number == 2).then(|| "no match".to_owned());
        r.checks = vec![CheckResult { kind: CheckKind::Regex, passed: failure.is_none(), message: failure }];
        Some(r)
    });
    let mut report = report(session);
    report.gauges = Some(gauges(report.session.began.unwrap()));
    report.calibration = Some(calibration());
    report.resumed = vec![Resumption {
        stopped_at: Nanos(1),
        at: Nanos(2),
        epoch: report.epoch.clone(),
        tool: "0.1.0".into(),
        environment: report.environment.clone(),
    }];
    report
}

/// Returns a run in stages with a threshold. Requests start in bursts until the queue only grows.
fn staged() -> Report {
    let mut asked = suite(&["a"]);
    asked.load_stages = "5/s:1s,5/s..9/s:1s".parse().ok();
    asked.slos = vec!["ttft_p95<500ms".parse().unwrap()];
    let open_loop = Some(OpenLoop { rate_per_s: 6.0, process: Process::Gamma { burstiness: 0.5 }, seed: 7 });
    let plan = Plan { open_loop, duration: Some(Duration::from_secs(2)), concurrency: 4, ..Plan::default() };
    let mut session = run_suite(asked, plan, |id, now| Some(answer(id, now, 1000, 100, 20)));
    let saturated = RunEvent { at: session.last_ended.unwrap(), what: EventKind::Saturated { not_started: 3 } };
    session.apply(&saturated, None).unwrap();
    report(session)
}

/// Returns a search for the largest concurrency up to 1, with a gate against an identical run.
fn searched() -> Report {
    let mut asked = suite(&["a"]);
    asked.find = Some(LoadSearch::concurrency(1, Duration::ZERO));
    asked.slos = vec!["ttft_p50<500ms".parse().unwrap()];
    let plan = Plan { duration: Some(Duration::from_secs(60)), ..Plan::default() };
    let mut report = report(run_suite(asked, plan, |id, now| Some(answer(id, now, 1000, 100, 20))));
    let rule = RuleResult {
        text: "ttft_p50:5%".to_owned(),
        figure: "TTFT p50".to_owned(),
        unit: "ms",
        tolerance_percent: 5.0,
        baseline: Some(100.0),
        value: Some(100.0),
        worse_percent: Some(0.0),
        worse_percent_ci95: Some(Interval { low: -1.0, high: 1.0 }),
        verdict: GateVerdict::Pass,
    };
    let (differences, notes) = (Vec::new(), Vec::new());
    report.gate = Some(GateResult { baseline: "ts-1".to_owned(), differences, notes, rules: vec![rule] }.into());
    report
}

/// Returns a race of one case, in which side B is faster.
fn raced() -> Report {
    let mut asked = suite(&["A: a", "B: a"]);
    let sides = ["http://h:1/v1", "http://h:2/v1"].map(|url| RaceSide { url: url.to_owned(), ..RaceSide::default() });
    asked.race =
        Some(Race { sides, seed: 1, margin_percent: 2.0, takes_turns: true, runs_all: false, until: Vec::new() });
    let mut report = report(run_suite(asked, Plan { repeat: 40, ..Plan::default() }, |id, now| {
        let mut record = answer(id, now, if id.case == 0 { 1000 } else { 800 } + u64::from(id.number), 100, 20);
        let passed = id.case == 0;
        record.checks = vec![CheckResult { kind: CheckKind::Contains, passed, message: None }];
        Some(record)
    }));
    let server = ServerInfo { kind: Some("llama.cpp".to_owned()), version: None };
    report.rival = Some(Rival { model: "b".to_owned(), server, ..Rival::default() });
    report
}

#[test]
fn a_race_has_its_verdicts_and_the_differences_between_the_answers() {
    let report = raced();
    let document: Value = serde_json::from_str(&render(&report)).unwrap();
    let race = &document["race"];
    for metric in race["metrics"].as_array().unwrap() {
        assert_eq!(metric["verdict"], "b", "{metric}");
    }
    assert_eq!((&race["decided"], &race["max_blocks"]), (&true.into(), &40.into()));
    assert!(race["blocks"].as_u64().unwrap() < 20, "a clear race stops early: {race}");
    assert_eq!((&race["cases"][0]["name"], &race["cases"][0]["differs_in_checks"]), (&"a".into(), &true.into()));
    assert_eq!((&race["sides"][0]["model"], &race["sides"][1]["model"]), (&"glm-4.7-flash".into(), &"b".into()));
    assert!(race["sentence"].as_str().unwrap().starts_with("B is better: TTFT of B 19.9% lower ("), "{race}");
    let markdown = crate::report::markdown::render(&report);
    assert!(
        markdown.contains("## Race") && markdown.contains("| a | ") && markdown.contains("| checks |"),
        "{markdown}"
    );
}

/// Returns a group of five runs whose TTFT rises.
fn repeated() -> Report {
    let mut asked = suite(&["a", "b"]);
    asked.repeated_runs = Some(RepeatedRuns { count: 5, cool_down: Duration::ZERO });
    report(run_suite(asked, Plan::default(), |id, now| {
        Some(answer(id, now, 1000 + 100 * u64::from(id.number), 100, 20))
    }))
}

#[test]
fn a_group_has_the_spread_of_its_runs_and_their_drift() {
    let document: Value = serde_json::from_str(&render(&repeated())).unwrap();
    let runs = &document["runs"];
    assert_eq!((&runs["planned"], &runs["completed"]), (&5.into(), &5.into()));
    let figures = runs["figures"].as_array().unwrap();
    let ttft = figures.iter().find(|figure| figure["key"] == "time_to_first_token_ms").unwrap();
    // A tenth of 1100 ms to 1500 ms.
    let values: Vec<f64> = ttft["values"].as_array().unwrap().iter().filter_map(Value::as_f64).collect();
    assert!(
        values.iter().zip([110.0, 120.0, 130.0, 140.0, 150.0]).all(|(own, expected)| (own - expected).abs() < 1e-6)
    );
    assert_eq!(ttft["trend"]["drifts"], true);
    assert!(runs["drift"][0].as_str().unwrap().starts_with("TTFT rises by 10.0 ms per run"), "{runs}");
    assert_eq!(document["cases"][0]["attempts"][4]["run"], 5);
}

#[test]
fn a_search_has_its_largest_load_and_its_probes() {
    let document: Value = serde_json::from_str(&render(&searched())).unwrap();
    let find = &document["find"];
    assert_eq!(
        (&find["variable"], &find["last_pass"], &find["first_fail"]),
        (&"concurrency".into(), &1.0.into(), &Value::Null)
    );
    let probes = find["probes"].as_array().unwrap();
    assert_eq!(probes.len(), 2, "the maximum is confirmed");
    assert!(
        probes.iter().all(|probe| probe["value"] == 1.0 && probe["verdict"] == "pass" && probe["n"].as_u64() > Some(7))
    );
    let sentence = find["sentence"].as_str().unwrap();
    let expected = "Holds 1 concurrent user within TTFT p50 < 500 ms, with a goodput of ";
    assert!(sentence.starts_with(expected) && sentence.ends_with(", the maximum of the search."), "{sentence}");
    assert_eq!((&document["run"]["partial"], &document["summary"]["slo_met"]), (&false.into(), &true.into()));
    let rule = &document["gate"]["rules"][0];
    assert_eq!((&rule["verdict"], &rule["worse_percent"]), (&"pass".into(), &0.0.into()));
    assert_eq!((&document["gate"]["advisory"], &document["gate"]["regression"]), (&false.into(), &false.into()));
}

/// Returns an embeddings run at a rate, with prices.
fn items() -> Report {
    let open_loop = Some(OpenLoop { rate_per_s: 2.5, process: Process::Constant, seed: 7 });
    let mut asked = suite(&["a"]);
    asked.task = Task::Embeddings;
    asked.prices = Some(Prices { usd_per_hour: 3.6, usd_per_kwh: Some(0.4) });
    report(run_suite(asked, Plan { repeat: 800, open_loop, ..Plan::default() }, |id, now| {
        let mut r = answer(id, now, 1000, 50, 20);
        r.finish_at = r.last_arrival();
        r.arrivals.clear();
        r.usage.completion_tokens = None;
        r.items = Some(AnswerItems { count: 3, dimensions: Some(8) });
        r.intended = Some(Nanos(now.0 - 300_000_000));
        Some(r)
    }))
}

#[test]
fn an_embeddings_run_has_figures_of_items_instead_of_tokens() {
    let document: Value = serde_json::from_str(&render(&items())).unwrap();
    let (summary, attempt) = (&document["summary"], &document["cases"][0]["attempts"][0]);
    // Due 0.3 s before it was sent, and 1 s later complete.
    assert!((attempt["item_throughput_per_request"].as_f64().unwrap() - 3.0 / 1.3).abs() < 1e-9, "{attempt}");
    assert!((attempt["input_token_throughput_per_request"].as_f64().unwrap() - 50.0 / 1.3).abs() < 1e-9);
    assert_eq!((&summary["total_items"], &summary["total_input_tokens"]), (&2400.into(), &40_000.into()));
    assert_eq!((&summary["output_token_throughput"], &summary["total_output_tokens"]), (&Value::Null, &Value::Null));
    // $0.001 per second, and the energy of the sample GPU, 23,616 J, at $0.40 per kWh.
    let (per_s, usd) = (summary["item_throughput"].as_f64().unwrap(), &document["cost"]["usd_per_thousand_items"]);
    let electricity = 23_616.0 / 2400.0 * 1000.0 / 3.6e6 * 0.4;
    assert!((usd.as_f64().unwrap() - 1.0 / per_s - electricity).abs() < 1e-9, "{usd} {per_s}");
}

/// Returns a run that replays a trace.
fn traced() -> Report {
    let mut asked = suite(&["a"]);
    asked.workload = Some(Workload {
        items: None,
        source: WorkloadSource::Trace {
            path: "/trace".to_owned(),
            skips_bad_rows: false,
            speed: 2.0,
            fingerprint: None,
        },
        summary: String::new(),
        rows: Some(1),
        sample: crate::domain::row_order::Sample::Ordered,
        seed: 3,
        output: None,
        probes: 0,
        has_checks: false,
        planned: vec![1],
    });
    report(run_suite(asked, Plan::default(), |id, now| Some(answer(id, now, 1000, 100, 20))))
}

/// Returns a run that measures context depths, on a server whose timings give a prefill speed.
fn depths() -> Report {
    report(depth_session(|_, mut record| {
        record.server_timings =
            Some(ServerTimings { prompt_ms: Some(400.0), ..ServerTimings::from_source(TimingSource::LlamaCpp) });
        record
    }))
}

/// Returns a run that was merged from the first of two shards.
fn of_shards() -> Report {
    let shard = ShardRun {
        rank: 0,
        of: 2,
        run_id: "ts-1".to_owned(),
        hostname: "node-a".to_owned(),
        started_after_ms: 0.0,
        is_complete: true,
        lag: EngineLag::default(),
    };
    Report { shards: vec![shard], ..report(sample_session()) }
}

#[test]
fn every_key_of_an_export_is_described_and_every_described_key_is_written() {
    let (mut all_described, mut all_written) = (BTreeSet::new(), BTreeSet::new());
    described(schema(), "", &mut all_described);
    let mut left = Session::new(std::sync::Arc::new(suite(&["a"])), Plan::default());
    left.handle(SessionInput::Begin(Nanos(0)));
    left.handle(SessionInput::Abort);
    let sampled = [report(sample_session()), report(sweep_session(&[1, 2, 4])), report(left)];
    let workloads = vec![load(), conversations(), staged(), traced(), depths(), searched()];
    let more = workloads.into_iter().chain(vec![of_shards(), raced(), repeated(), items()]);
    for report in sampled.into_iter().chain(more) {
        let document: Value = serde_json::from_str(&render(&report)).unwrap();
        validate(&document);
        written(&document, schema(), "", &mut all_written);
    }
    let never_written: Vec<_> = all_described.difference(&all_written).collect();
    assert!(never_written.is_empty(), "described, but never written: {never_written:#?}");
    assert_eq!(all_written.difference(&all_described).count(), 0, "the schema refuses keys that it does not describe");
}

#[test]
fn every_key_has_a_description_and_every_object_refuses_other_keys() {
    fn check(part: &Value, path: &str) {
        for (key, value) in part.as_object().into_iter().flatten() {
            check(value, &format!("{path}/{key}"));
        }
        for item in part.get("anyOf").and_then(Value::as_array).into_iter().flatten() {
            check(item, path);
        }
        let Some(properties) = part.get("properties").and_then(Value::as_object) else { return };
        if part.get("type").is_none() {
            return;
        }
        assert_eq!(part["additionalProperties"], false, "{path}");
        for (key, value) in properties {
            let described = value.get("description").and_then(Value::as_str).is_some_and(|text| text.ends_with('.'));
            assert!(described, "{path}/{key} has no description");
        }
    }
    check(schema(), "");
}

/// Returns the values of the `enum` or the `examples` at this path, without `null`.
fn values(path: &str, list: &str) -> BTreeSet<String> {
    let mut part = schema();
    for step in path.split('.') {
        part = resolve(part);
        part = if step == "[]" { &part["items"] } else { &part["properties"][step] };
    }
    resolve(part)[list].as_array().unwrap().iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn set<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

#[test]
fn names_in_the_schema_match_the_tables_of_the_program() {
    let attempt = "cases.[].attempts.[]";
    let keys = set(DIAGNOSES.iter().map(|d| d.key));
    assert_eq!(values(&format!("{attempt}.findings.[].key"), "examples"), keys);
    assert_eq!(values("summary.findings.[].key", "examples"), keys);
    assert_eq!(values(&format!("{attempt}.checks.[].kind"), "enum"), set(CheckKind::ALL.map(CheckKind::as_str)));
    assert_eq!(values("gpu.devices.[].throttled.[]", "enum"), set(Throttle::REASONS.iter().map(|r| r.1)));
    assert_eq!(values("summary.bottleneck.cause", "enum"), causes());
    let metrics = set(METRICS.iter().map(|m| m.key).chain(["inter_chunk_latency_ms"]));
    let unresolved = resolve(&resolve(&schema()["$defs"]["attempt"])["properties"]["unresolved"]);
    assert_eq!(names_of(&unresolved["propertyNames"]), metrics);
    let unresolved = &schema()["properties"]["summary"]["properties"]["unresolved"];
    assert_eq!(names_of(&unresolved["propertyNames"]), set(METRICS.iter().map(|m| summary_key(m))));
}

fn causes() -> BTreeSet<String> {
    let rules = rules_markdown();
    let by_rule = rules.lines().skip(2).filter_map(|row| row.split(" | ").nth(1));
    set(by_rule.chain(["no clear bottleneck"]))
}

fn names_of(property_names: &Value) -> BTreeSet<String> {
    set(property_names["enum"].as_array().unwrap().iter().filter_map(Value::as_str))
}

#[test]
fn counts_are_whole_numbers() {
    for metric in METRICS {
        let attempt = &schema()["$defs"]["attempt"]["properties"][metric.key];
        let expected = if metric.unit == Unit::Tokens { "integer" } else { "number" };
        assert_eq!(attempt["type"][0], expected, "{}", metric.key);
    }
}

#[test]
fn additional_and_missing_keys_are_rejected() {
    let document: Value = serde_json::from_str(&render(&report(sample_session()))).unwrap();
    let changed = |change: &dyn Fn(&mut Map<String, Value>)| {
        let mut document = document.clone();
        change(document["cases"][0]["attempts"][0].as_object_mut().unwrap());
        validator().is_valid(&document)
    };
    assert!(changed(&|_| {}));
    assert!(!changed(&|attempt| drop(attempt.insert("new".into(), 1.into()))));
    assert!(!changed(&|attempt| drop(attempt.remove("text"))));
    assert!(!changed(&|attempt| drop(attempt.insert("started_at".into(), "yesterday".into()))));
}

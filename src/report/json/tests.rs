use serde_json::Value;

use super::super::fixture::{answer, refusal, report, run as run_suite, sample_session, suite};
use super::*;
use crate::domain::session::Plan;
use crate::domain::text::sanitise;
use crate::report::bottleneck::{SystemFigures, bottleneck};

/// Type of a value in the documented format.
#[derive(Clone, Copy, Debug)]
enum Is {
    Text,
    Bool,
    Count,
    Number,
    List,
    Object,
    /// Time in RFC 3339 with an offset.
    Time,
}
use Is::{Bool, Count, List, Number, Object, Text, Time};

/// Name, type and nullability of each field, in the documented order.
type Fields = &'static [(&'static str, Is, bool)];

const DOCUMENT: Fields = &[
    ("schema_version", Count, false),
    ("tool", Object, false),
    ("tool.name", Text, false),
    ("tool.version", Text, false),
    ("run", Object, false),
    ("run.id", Text, false),
    ("run.started_at", Time, false),
    ("run.finished_at", Time, true),
    ("run.suite", Text, false),
    ("run.concurrency", Count, true),
    ("run.peak_in_flight", Count, false),
    ("run.repeat", Count, false),
    ("run.planned_requests", Count, true),
    ("run.measured_requests", Count, false),
    ("run.successful_requests", Count, false),
    ("run.warmup", Count, false),
    ("run.warm", Bool, false),
    ("run.rate", Number, true),
    ("run.arrival", Object, true),
    ("run.duration_limit_s", Number, true),
    ("run.simulated", Bool, false),
    ("run.partial", Bool, false),
    ("run.requests_digest", Text, false),
    ("run.duration_s", Number, true),
    ("run.resumed", List, false),
    ("target.url", Text, false),
    ("target.api", Text, false),
    ("target.model", Text, true),
    ("target.server.kind", Text, true),
    ("target.server.version", Text, true),
    ("environment.hostname", Text, false),
    ("environment.os", Text, false),
    ("environment.cpu", Text, true),
    ("environment.cores", Count, false),
    ("environment.memory_mib", Count, true),
    ("gpu", Object, true),
    ("gpu_unavailable", Text, true),
    ("host", Object, true),
    ("host_unavailable", Text, true),
    ("server_metrics", Object, true),
    ("server_metrics_unavailable", Text, true),
    ("cases", List, false),
    ("summary", Object, false),
    ("sweep", List, false),
    ("observer.engine_lag_ms.p50", Number, true),
    ("observer.engine_lag_ms.p99", Number, true),
    ("observer.engine_lag_ms.max", Number, true),
    ("observer.dispatch_delay_ms.p50", Number, true),
    ("observer.dispatch_delay_ms.p99", Number, true),
    ("observer.dispatch_delay_ms.max", Number, true),
    ("observer.dispatch_delay_ms.n", Count, false),
    ("observer.stalled_attempts", Count, false),
    ("observer.late_attempts", Count, false),
    ("observer.coalesced_event_share", Number, true),
];

const HOST: Fields = &[
    ("samples", Count, false),
    ("cpu_busy_percent.avg", Number, false),
    ("cpu_busy_percent.max", Number, false),
    ("busiest_core_percent", Object, true),
    ("memory_used_mib.max", Number, false),
    ("memory_total_mib", Number, true),
    ("own_cpu_percent.avg", Number, false),
    ("own_engine_percent.avg", Number, false),
    ("own_rss_mib_max", Number, true),
];

const GPU: Fields = &[
    ("source", Text, false),
    ("scope", Text, false),
    ("scope_evidence", Text, false),
    ("driver_silent_s", Number, true),
    ("driver_version", Text, true),
    ("sample_interval_ms", Count, false),
    ("samples", Count, false),
    ("missed", Count, false),
    ("devices", List, false),
    ("devices.0.index", Count, false),
    ("devices.0.uuid", Text, true),
    ("devices.0.model", Text, false),
    ("devices.0.memory_total_mib", Number, true),
    ("devices.0.memory_used_start_mib", Number, true),
    ("devices.0.memory_used_peak_mib", Number, true),
    ("devices.0.memory_peak_at_s", Number, true),
    ("devices.0.memory_used_includes_reserved", Bool, false),
    ("devices.0.memory_used_is_machines", Bool, false),
    ("devices.0.memory_unknown_because", Text, true),
    ("devices.0.utilization_max_percent", Number, true),
    ("devices.0.parent_uuid", Text, true),
    ("devices.0.serves", Bool, true),
    ("devices.0.memory_kind", Text, false),
    ("devices.0.memory_reserved_mib", Number, true),
    ("devices.0.utilization_mean_percent", Number, true),
    ("devices.0.utilization_unknown_because", Text, true),
    ("devices.0.power_mean_w", Number, true),
    ("devices.0.power_max_w", Number, true),
    ("devices.0.power_limit_w", Number, true),
    ("devices.0.energy_j", Number, true),
    ("devices.0.energy_method", Text, true),
    ("devices.0.energy_unknown_because", Text, true),
    ("devices.0.throttled", List, true),
    ("devices.0.throttled_share", Object, true),
    ("devices.0.lost", Text, true),
    ("devices.0.lost_at_s", Number, true),
];

const CASE: Fields =
    &[("name", Text, false), ("model", Text, true), ("max_tokens", Count, false), ("attempts", List, false)];

const ATTEMPT: Fields = &[
    ("number", Count, false),
    ("request_id", Text, false),
    ("status", Text, false),
    ("warmup", Bool, false),
    ("concurrency", Count, true),
    ("started_at", Time, false),
    ("http_status", Count, true),
    ("finish_reason", Text, true),
    ("error", Object, true),
    ("warnings", List, false),
    ("dispatch_delay_ms", Number, true),
    ("own_dispatch_delay_ms", Number, true),
    ("observer_stalls", List, false),
    ("findings", List, false),
    ("server_timings", Object, true),
    ("connect_ms", Number, true),
    ("time_to_headers_ms", Number, true),
    ("time_to_first_token_ms", Number, true),
    ("time_to_first_output_token_ms", Number, true),
    ("request_latency_ms", Number, true),
    ("inter_token_latency_ms", Number, true),
    ("inter_chunk_latency_ms", Object, true),
    ("unresolved", Object, false),
    ("resolution", Object, true),
    ("output_token_throughput", Number, true),
    ("output_token_throughput_per_user", Number, true),
    ("prefill_throughput_per_user", Number, true),
    ("input_sequence_length", Count, true),
    ("output_sequence_length", Count, true),
    ("pass_rate", Number, true),
    ("item_throughput_per_request", Number, true),
    ("input_token_throughput_per_request", Number, true),
    ("checks", List, false),
    ("reasoning_token_count", Count, true),
    ("cached_token_count", Count, true),
    ("prefix_cache", Text, false),
    ("prompt_nonce", Text, true),
    ("tokenizer_token_count", Count, true),
    ("tokens_in_first_event", Count, true),
    ("time_to_first_counted_token_ms", Number, true),
    ("token_count_source", Text, true),
    ("event_count", Count, false),
    ("content_event_count", Count, false),
    ("first_token_event_index", Count, true),
    ("text_dropped", Bool, false),
    ("text", Text, false),
    ("reasoning", Text, false),
    ("tool_calls", List, false),
];

const SUMMARY: Fields = &[
    ("time_to_first_token_ms", Object, true),
    ("time_to_first_output_token_ms", Object, true),
    ("request_latency_ms", Object, true),
    ("inter_token_latency_ms", Object, true),
    ("output_token_throughput_per_user", Object, true),
    ("prefill_throughput_per_user", Object, true),
    ("output_token_throughput_per_request", Object, true),
    ("input_sequence_length", Object, true),
    ("output_sequence_length", Object, true),
    ("pass_rate", Object, true),
    ("item_throughput_per_request", Object, true),
    ("input_token_throughput_per_request", Object, true),
    ("checked_attempts", Count, false),
    ("passed_attempts", Count, false),
    ("ok", Count, false),
    ("failed", Count, false),
    ("total_output_tokens", Count, true),
    ("total_time_s", Number, true),
    ("output_token_throughput", Number, true),
    ("request_throughput", Number, true),
    ("output_tokens_per_joule", Number, true),
    ("joules_per_output_token", Number, true),
    ("efficiency_unknown_because", Text, true),
    ("rating", Text, true),
    ("rating_note", Text, true),
    ("bottleneck", Object, true),
    ("unresolved", Object, false),
    ("findings", List, false),
    ("measured_requests", Count, false),
    ("not_started", Count, false),
    ("errors", Object, false),
    ("dispatch_delay_ms", Object, true),
    ("saturated_from_concurrency", Count, true),
    ("slo", List, false),
    ("slo_met", Bool, true),
    ("goodput", Object, true),
];

const GOODPUT: Fields = &[
    ("good", Count, false),
    ("of", Count, false),
    ("unresolved", Count, false),
    ("percent", Number, true),
    ("requests_per_s", Number, true),
];

const SLO: Fields = &[
    ("text", Text, false),
    ("name", Text, false),
    ("stat", Text, true),
    ("comparison", Text, false),
    ("threshold", Number, false),
    ("unit", Text, false),
    ("value", Number, true),
    ("n", Count, false),
    ("unresolved", Count, false),
    ("warm", Count, false),
    ("cache_unknown", Count, false),
    ("compared", Text, true),
    ("met", Bool, false),
];

const STAGE: Fields = &[
    ("concurrency", Count, false),
    ("requests", Count, false),
    ("ok", Count, false),
    ("warm", Count, false),
    ("cache_unknown", Count, false),
    ("request_throughput", Number, true),
    ("output_token_throughput", Number, true),
    ("output_token_throughput_per_user_p50", Number, true),
    ("time_to_first_token_p50_ms", Number, true),
    ("time_to_first_token_p95_ms", Number, true),
    ("inter_token_latency_p50_ms", Number, true),
    ("request_latency_p50_ms", Number, true),
    ("item_throughput", Number, true),
    ("request_latency_p95_ms", Number, true),
    ("input_token_throughput", Number, true),
    ("tokens_estimated", Bool, false),
    ("slo_met", Bool, true),
    ("knee", Bool, false),
];

const SPREAD: Fields = &[
    ("avg", Number, false),
    ("min", Number, false),
    ("max", Number, false),
    ("p50", Number, false),
    ("p90", Number, true),
    ("p95", Number, true),
    ("p99", Number, true),
    ("std", Number, false),
    ("n", Count, false),
    ("n_all", Count, false),
    ("ci95.mean", Object, true),
    ("ci95.mean_method", Text, false),
    ("ci95.median", Object, true),
    ("ci95.median_method", Text, false),
    ("ci95.p90", Object, true),
    ("ci95.p95", Object, true),
    ("ci95.p99", Object, true),
    ("ci95.percentile_method", Text, false),
];

const GAPS: Fields = &[
    ("p50", Number, false),
    ("p90", Number, true),
    ("p99", Number, true),
    ("max", Number, false),
    ("n", Count, false),
];
const ERROR: Fields = &[("kind", Text, false), ("message", Text, false)];

fn is(value: &Value, kind: Is) -> bool {
    match kind {
        Text => value.is_string(),
        Bool => value.is_boolean(),
        Count => value.is_u64(),
        Number => value.is_number(),
        List => value.is_array(),
        Object => value.is_object(),
        Time => value
            .as_str()
            .is_some_and(|t| t.parse::<jiff::Timestamp>().is_ok() && !t.ends_with('Z') && t.get(10..11) == Some("T")),
    }
}

/// Panics unless every field is present with its type.
fn check(value: &Value, fields: Fields) {
    for &(path, kind, nullable) in fields {
        let found = value.pointer(&format!("/{}", path.replace('.', "/")));
        let found = found.unwrap_or_else(|| panic!("'{path}' is missing in {value}"));
        assert!(is(found, kind) || (nullable && found.is_null()), "'{path}' is {found}, not {kind:?}");
    }
}

fn parse(report: &Report) -> Value {
    let value: Value = serde_json::from_str(&render(report)).expect("JSON");
    super::schema_tests::validate(&value);
    check(&value, DOCUMENT);
    check(&value["summary"], SUMMARY);
    for (_, spread) in value["summary"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(k, v)| v.is_object() && !["goodput", "errors", "unresolved", "bottleneck"].contains(&k.as_str()))
    {
        check(spread, SPREAD);
    }
    if !value["summary"]["goodput"].is_null() {
        check(&value["summary"]["goodput"], GOODPUT);
    }
    for slo in value["summary"]["slo"].as_array().unwrap() {
        check(slo, SLO);
    }
    for stage in value["sweep"].as_array().unwrap() {
        check(stage, STAGE);
    }
    for case in value["cases"].as_array().unwrap() {
        check(case, CASE);
        for attempt in case["attempts"].as_array().unwrap() {
            check(attempt, ATTEMPT);
            for (part, fields) in [("inter_chunk_latency_ms", GAPS), ("error", ERROR)] {
                if !attempt[part].is_null() {
                    check(&attempt[part], fields);
                }
            }
        }
    }
    assert_eq!(value["gpu"].is_null(), !value["gpu_unavailable"].is_null());
    if !value["gpu"].is_null() {
        check(&value["gpu"], GPU);
    }
    assert_eq!(value["host"].is_null(), !value["host_unavailable"].is_null());
    if !value["host"].is_null() {
        check(&value["host"], HOST);
    }
    value
}

#[test]
fn a_complete_run_has_all_documented_fields_and_the_figures_of_the_sample() {
    let value = parse(&report(sample_session()));
    assert_eq!((&value["schema_version"], &value["tool"]["name"]), (&1.into(), &"tokscope".into()));
    assert_eq!(value["run"]["started_at"], "2026-02-06T21:49:41.400+01:00");
    assert_eq!(value["run"]["partial"], false);
    let summary = &value["summary"];
    assert_eq!((&summary["ok"], &summary["failed"], &summary["rating"]), (&10.into(), &0.into(), &"Excellent".into()));
    assert_eq!(summary["total_output_tokens"], 6600);
    let close = |v: &Value, expected: f64| (v.as_f64().unwrap() - expected).abs() < 0.01;
    assert!(close(&summary["total_time_s"], 58.672));
    assert!(close(&summary["output_token_throughput"], 6600.0 / 58.672));
    assert!(close(&summary["output_token_throughput_per_request"]["avg"], 112.946));
    let debug = &value["cases"][3]["attempts"][0];
    assert_eq!((&debug["number"], &debug["status"], &debug["error"]), (&1.into(), &"ok".into(), &Value::Null));
    assert_eq!((&debug["input_sequence_length"], &debug["output_sequence_length"]), (&142.into(), &500.into()));
    assert!(close(&debug["time_to_first_token_ms"], 436.7) && close(&debug["request_latency_ms"], 4367.0));
    assert_eq!(debug["token_count_source"], "usage");
    assert_eq!((&debug["prefix_cache"], &debug["prompt_nonce"]), (&"unknown".into(), &"3f9a1c07".into()));
    assert_eq!((&summary["unknown_cache_attempts"], &summary["cold_attempts"]), (&10.into(), &0.into()));
    assert!(summary["time_to_first_token_ms_cold"].is_null() && summary["time_to_first_token_ms_warm"].is_null());
    let device = &value["gpu"]["devices"][0];
    assert_eq!((&device["memory_used_peak_mib"], &device["serves"]), (&62123.4.into(), &true.into()));
    assert_eq!((&device["energy_j"], &device["energy_method"]), (&23_616.0.into(), &"counter".into()));
    assert_eq!(device["throttled"], serde_json::json!(["sw_power_cap"]));
    assert_eq!(device["throttled_share"], serde_json::json!({ "sw_power_cap": 0.25 }));
    assert_eq!(value["gpu"]["scope"], "endpoint-host");
    assert!(close(&summary["joules_per_output_token"], 23_616.0 / 6600.0));
    assert!(close(&summary["output_tokens_per_joule"], 6600.0 / 23_616.0));
}

#[test]
fn unknown_values_are_null_and_failed_attempts_and_warm_ups_are_listed() {
    let plan = Plan { warmup: 1, ..Plan::default() };
    let session = run_suite(suite(&["a", "b", "c"]), plan, |id, now| match (id.case, id.number) {
        (0, 1) => Some(answer(id, now, 1000, 10, 20)),
        (0, _) => Some(refusal(id, now, "overloaded")),
        (1, _) => {
            let mut r = answer(id, now, 1000, 10, 20);
            r.usage = crate::domain::attempt::Usage::default();
            Some(r)
        }
        _ => None,
    });
    let mut report = report(session);
    report.gpu = Err("no NVIDIA driver".into());
    report.host = Err("not on this system".into());
    report.model = String::new();
    report.server = crate::domain::live::ServerInfo::default();
    report.simulated = true;
    let value = parse(&report);
    let run = &value["run"];
    assert_eq!((&run["simulated"], &run["partial"], &run["finished_at"]), (&true.into(), &true.into(), &Value::Null));
    assert_eq!(value["summary"]["efficiency_unknown_because"], "no NVIDIA driver");
    assert_eq!((&value["gpu_unavailable"], &value["target"]["model"]), (&"no NVIDIA driver".into(), &Value::Null));
    let of_a = value["cases"][0]["attempts"].as_array().unwrap();
    assert_eq!((&of_a[0]["warmup"], &of_a[1]["warmup"]), (&true.into(), &false.into()));
    assert_eq!((&of_a[1]["status"], &of_a[1]["http_status"]), (&"http_error".into(), &503.into()));
    assert_eq!(of_a[1]["error"], serde_json::json!({ "kind": "unavailable", "message": "overloaded" }));
    for unknown in ["time_to_first_token_ms", "output_sequence_length", "token_count_source", "inter_chunk_latency_ms"]
    {
        assert!(of_a[1][unknown].is_null(), "{unknown}");
    }
    let of_b = &value["cases"][1]["attempts"][0];
    assert_eq!((&of_b["token_count_source"], &of_b["input_sequence_length"]), (&"estimate".into(), &Value::Null));
    // An attempt in flight is not exported yet.
    assert_eq!(value["cases"][2]["attempts"], serde_json::json!([]));
    assert_eq!((&value["summary"]["ok"], &value["summary"]["failed"]), (&1.into(), &1.into()));
}

#[test]
fn a_load_has_its_rate_thresholds_and_goodput() {
    use crate::domain::open_loop::{OpenLoop, Process};
    let open_loop = Some(OpenLoop { rate_per_s: 2.5, process: Process::Constant, seed: 7 });
    let plan = Plan { concurrency: crate::domain::session::NO_LIMIT, repeat: 2, open_loop, ..Plan::default() };
    let mut loaded = suite(&["a"]);
    loaded.slos = ["ttft_p95<500ms", "error_rate<10%"].map(|slo| slo.parse().unwrap()).to_vec();
    // One request is sent 300 ms late and answered 400 ms after it was due. The other is refused.
    let session = run_suite(loaded, plan, |id, now| {
        let mut r = if id.number == 1 { answer(id, now, 1000, 10, 20) } else { refusal(id, now, "busy") };
        r.intended = Some(crate::domain::time::Nanos(now.0 - 300_000_000));
        Some(r)
    });
    let value = parse(&report(session));
    assert_eq!(value["run"]["rate"], 2.5);
    assert_eq!((&value["run"]["concurrency"], &value["run"]["peak_in_flight"]), (&Value::Null, &1.into()));
    assert_eq!(value["run"]["arrival"], serde_json::json!({ "process": "constant", "seed": 7 }));
    let attempt = &value["cases"][0]["attempts"][0];
    assert_eq!((&attempt["dispatch_delay_ms"], &attempt["time_to_first_token_ms"]), (&300.0.into(), &400.0.into()));
    let summary = &value["summary"];
    assert_eq!(summary["errors"], serde_json::json!({ "unavailable": 1 }));
    assert_eq!((&summary["goodput"]["good"], &summary["goodput"]["percent"]), (&1.into(), &50.0.into()));
    assert_eq!(summary["slo_met"], false);
    let met: Vec<_> = summary["slo"].as_array().unwrap().iter().map(|slo| slo["met"].as_bool().unwrap()).collect();
    assert_eq!((met, &summary["slo"][0]["compared"]), (vec![true, false], &"max".into()));
    assert_eq!(summary["dispatch_delay_ms"]["n"], 1);
}

#[test]
fn a_sweep_lists_its_stages() {
    let session = crate::report::fixture::sweep_session(&[1, 2, 4]);
    let value = parse(&report(session));
    let stages = value["sweep"].as_array().unwrap();
    let counts: Vec<_> = stages.iter().map(|s| (s["concurrency"].as_u64(), s["ok"].as_u64())).collect();
    assert_eq!(counts, [(Some(1), Some(4)), (Some(2), Some(4)), (Some(4), Some(4))]);
    assert_eq!(stages.iter().filter(|s| s["knee"] == true).count(), 1);
    for case in value["cases"].as_array().unwrap() {
        let attempts = case["attempts"].as_array().unwrap();
        let at_once: Vec<_> = attempts.iter().map(|a| a["concurrency"].as_u64()).collect();
        assert_eq!(at_once, [Some(1), Some(2), Some(4)]);
    }
}

#[test]
fn a_run_without_a_figure_has_no_zeros() {
    let session = run_suite(suite(&["a"]), Plan::default(), |id, now| Some(refusal(id, now, "no")));
    let value = parse(&report(session));
    for name in ["total_output_tokens", "total_time_s", "output_token_throughput", "request_throughput", "rating"] {
        assert!(value["summary"][name].is_null(), "{name}");
    }
    assert!(value["summary"]["time_to_first_token_ms"].is_null());
}

#[test]
fn hidden_characters_survive_as_escapes() {
    let hostile = "a\u{1b}[31m\u{9b}2J\u{202e}\u{7f}é漢🦀\u{feff}\n\t\"\\";
    let session = run_suite(suite(&["a"]), Plan::default(), |id, now| {
        let mut r = answer(id, now, 1000, 1, 2);
        r.text = hostile.into();
        Some(r)
    });
    let report = report(session);
    assert_eq!(parse(&report)["cases"][0]["attempts"][0]["text"], hostile);
    let text = render(&report);
    assert_eq!(sanitise(&text), text);
    assert!(text.contains("é漢🦀"));
}

#[test]
fn few_figures_have_no_high_percentiles() {
    let value = parse(&report(sample_session()));
    let ttft = &value["summary"]["time_to_first_token_ms"];
    assert_eq!(ttft["prefix_cache"], serde_json::json!({ "cold": 0, "warm": 0, "unknown": 10 }));
    assert!(value["summary"]["request_latency_ms"].get("prefix_cache").is_none());
    assert_eq!((&ttft["n"], &ttft["n_all"]), (&10.into(), &10.into()));
    assert!(ttft["p90"].is_number() && ttft["p95"].is_null() && ttft["p99"].is_null());
    // Without repeats there are no intervals.
    assert!(ttft["ci95"]["mean"].is_null() && ttft["ci95"]["median"].is_null());
    // 500 tokens have 499 gaps, enough for every percentile.
    let gaps = &value["cases"][3]["attempts"][0]["inter_chunk_latency_ms"];
    assert_eq!((&gaps["n"], gaps["p99"].is_number()), (&499.into(), true));
}

#[test]
fn repeats_have_intervals() {
    let plan = Plan { repeat: 6, ..Plan::default() };
    let session = run_suite(suite(&["a"]), plan, |id, now| Some(answer(id, now, 1000 + u64::from(id.number), 10, 50)));
    let value = parse(&report(session));
    let time = &value["summary"]["request_latency_ms"];
    assert_eq!(time["ci95"]["median"], serde_json::json!({ "low": 1001.0, "high": 1006.0 }));
    // For the values 1001 to 1006, s = √3.5 and t = 2.5706.
    let half = 2.5706 * (3.5_f64 / 6.0).sqrt();
    let ends = ["low", "high"].map(|end| time["ci95"]["mean"][end].as_f64().unwrap());
    assert!((ends[0] - (1003.5 - half)).abs() < 1e-6 && (ends[1] - (1003.5 + half)).abs() < 1e-6, "{ends:?}");
}

#[test]
fn attempts_have_their_findings_and_server_timings() {
    use crate::domain::diagnosis::diagnose;
    use crate::domain::server_timings::{ServerTimings, TimingSource};
    let session = run_suite(suite(&["a"]), Plan::default(), |id, now| {
        let mut r = answer(id, now, 1000, 10, 50);
        r.warnings.push("from the recorder".into());
        r.server_timings =
            Some(ServerTimings { prompt_ms: Some(90.5), ..ServerTimings::from_source(TimingSource::LlamaCpp) });
        r.usage.completion_tokens = None;
        r.findings = diagnose(&r, 800);
        Some(r)
    });
    let value = parse(&report(session));
    let attempt = &value["cases"][0]["attempts"][0];
    assert_eq!(attempt["findings"][0]["key"], "usage_missing");
    assert_eq!(attempt["warnings"][0], "from the recorder");
    assert_eq!(attempt["warnings"][1], attempt["findings"][0]["message"]);
    assert_eq!(
        (&attempt["server_timings"]["source"], &attempt["server_timings"]["prompt_ms"]),
        (&"llama.cpp".into(), &90.5.into())
    );
    assert!(attempt["server_timings"]["decode_ms"].is_null());
    assert!(attempt["inter_chunk_latency_ms"]["p90"].is_number() && attempt["inter_chunk_latency_ms"]["p99"].is_null());
    assert_eq!(value["summary"]["findings"], serde_json::json!([{ "key": "usage_missing", "attempts": 1 }]));
}

#[test]
fn an_answer_of_several_choices_has_the_finish_reason_of_each() {
    let session = run_suite(suite(&["a"]), Plan { repeat: 2, ..Plan::default() }, |id, now| {
        let mut r = answer(id, now, 1000, 10, 20);
        if id.number == 1 {
            r.choice_finish_reasons = vec![Some("stop".to_owned()), None];
        }
        Some(r)
    });
    let value = parse(&report(session));
    let attempts = &value["cases"][0]["attempts"];
    assert_eq!(attempts[0]["choice_finish_reasons"], serde_json::json!(["stop", null]));
    assert_eq!(attempts[1].get("choice_finish_reasons"), None);
}

#[test]
fn the_summary_names_the_bottleneck_as_the_report_does() {
    let session = run_suite(suite(&["a"]), Plan::default(), |id, now| Some(answer(id, now, 100, 10, 100)));
    let report = report(session);
    let bottleneck =
        bottleneck(&report.session, &Summary::from_session(&report.session), SystemFigures::from_report(&report))
            .unwrap();
    let value = parse(&report);
    let expected = serde_json::json!({ "cause": bottleneck.cause, "evidence": bottleneck.evidence });
    assert_eq!(value["summary"]["bottleneck"], expected);
}

#[test]
fn unresolved_figures_are_null_with_their_reason() {
    let session = run_suite(suite(&["a"]), Plan { repeat: 2, ..Plan::default() }, |id, now| {
        let mut r = answer(id, now, 1000, 10, 108);
        if id.number == 2 {
            let last = r.last_arrival().unwrap();
            r.arrivals.iter_mut().skip(1).for_each(|a| a.at = last);
        }
        Some(r)
    });
    let value = parse(&report(session));
    let [resolved, buffered] = value["cases"][0]["attempts"].as_array().unwrap().as_slice() else { panic!("two") };
    assert_eq!(resolved["unresolved"], serde_json::json!({}));
    assert_eq!(resolved["resolution"]["arrival_times"], 108);
    assert!(resolved["inter_token_latency_ms"].is_number() && resolved["inter_chunk_latency_ms"].is_object());
    for key in ["inter_token_latency_ms", "output_token_throughput_per_user", "inter_chunk_latency_ms"] {
        assert!(buffered[key].is_null(), "{key}");
        let why = buffered["unresolved"][key].as_str().unwrap();
        assert!(why.starts_with("107 of 108 events arrived with the last text"), "{why}");
    }
    assert!(
        buffered["time_to_first_token_ms"].is_number() && buffered["unresolved"]["time_to_first_token_ms"].is_null()
    );
    assert_eq!(buffered["resolution"]["arrival_times"], 2);
    assert!(buffered["resolution"]["inter_token_latency_error"].is_null());
    let spread = &value["summary"]["inter_token_latency_ms"];
    assert_eq!((&spread["n"], &spread["n_all"], &spread["unresolved"]), (&1.into(), &2.into(), &1.into()));
    let left_out = &value["summary"]["unresolved"];
    let counted = serde_json::json!({
        "inter_token_latency_ms": 1,
        "output_token_throughput_per_user": 1,
        "time_to_first_output_token_ms": 1,
    });
    assert_eq!(*left_out, counted);
    assert_eq!(value["summary"]["rating_note"], "1 of 2 answers are not rated: their decode speed is unresolved");
}

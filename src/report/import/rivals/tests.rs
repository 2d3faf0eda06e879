use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::domain::metrics::{ITL, LATENCY, Metric, OUTPUT_TOKENS, TTFT};
use crate::report::compare::{COMPARED, Comparison, Figure};

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/rivals").join(name);
    std::fs::read_to_string(path).unwrap()
}

fn document(name: &str) -> Value {
    serde_json::from_str(&file(name)).unwrap()
}

fn place(metric: &Metric) -> usize {
    COMPARED.iter().position(|compared| *compared.metric == *metric).unwrap()
}

fn figure(side: &ComparedRun, metric: &Metric) -> Figure {
    side.whole.total[place(metric)].unwrap()
}

/// Checks that the means are those that the benchmark computed itself.
#[track_caller]
fn means_are(side: &ComparedRun, expected: [(&Metric, &Value, f64); 4]) {
    for (metric, own, factor) in expected {
        let (read, own) = (figure(side, metric), own.as_f64().unwrap() * factor);
        assert!((read.mean - own).abs() < 1e-6 * own, "{}: {} and {own}", metric.key, read.mean);
    }
}

#[test]
fn an_aiperf_summary_has_its_means_and_percentiles() {
    let (side, own) = (read(&file("aiperf-0.13.0.json")).unwrap(), document("aiperf-0.13.0.json"));
    means_are(
        &side,
        [
            (&TTFT, &own["time_to_first_token"]["avg"], 1.0),
            (&ITL, &own["inter_token_latency"]["avg"], 1.0),
            (&LATENCY, &own["request_latency"]["avg"], 1.0),
            (&OUTPUT_TOKENS, &own["output_sequence_length"]["avg"], 1.0),
        ],
    );
    assert_eq!((side.kind, side.whole.answers, side.plan.unwrap().concurrency), ("AIPerf", 12, Some(2)));
    assert_eq!(side.model.as_deref(), Some("tokscope-sim"));
    let stated = &side.whole.stated_percentiles[place(&TTFT)];
    assert_eq!(stated[1], (95, own["time_to_first_token"]["p95"].as_f64().unwrap()));
    assert!(figure(&side, &TTFT).half_width.is_none());
    assert!(side.notes.iter().any(|note| note.contains("only a summary")), "{:?}", side.notes);
}

#[test]
fn aiperf_records_have_the_means_of_the_summary_and_intervals() {
    let text = file("aiperf-0.13.0.jsonl");
    assert!(is_record(text.lines().next().unwrap()));
    let (side, own) = (read_records(&text).unwrap(), document("aiperf-0.13.0.json"));
    means_are(
        &side,
        [
            (&TTFT, &own["time_to_first_token"]["avg"], 1.0),
            (&ITL, &own["inter_token_latency"]["avg"], 1.0),
            (&LATENCY, &own["request_latency"]["avg"], 1.0),
            (&OUTPUT_TOKENS, &own["output_sequence_length"]["avg"], 1.0),
        ],
    );
    assert_eq!(figure(&side, &TTFT).freedom, 11);
}

#[test]
fn a_guidellm_report_has_its_means_in_milliseconds() {
    let (side, own) = (read(&file("guidellm-0.8.1.json")).unwrap(), document("guidellm-0.8.1.json"));
    let mean = |key: &str| own["benchmarks"][0]["metrics"][key]["successful"]["mean"].clone();
    means_are(
        &side,
        [
            (&TTFT, &mean("time_to_first_token_ms"), 1.0),
            (&ITL, &mean("inter_token_latency_ms"), 1.0),
            (&LATENCY, &mean("request_latency"), 1000.0),
            (&OUTPUT_TOKENS, &mean("output_token_count"), 1.0),
        ],
    );
    assert_eq!((side.is_sweep, side.plan.unwrap().concurrency), (false, Some(2)));
    assert!(side.notes.iter().any(|note| note.contains("guidellm 0.8.1")), "{:?}", side.notes);
}

#[test]
fn several_concurrencies_of_guidellm_are_the_stages_of_a_sweep() {
    let mut own = document("guidellm-0.8.1.json");
    let mut second = own["benchmarks"][0].clone();
    second["config"]["strategy"]["streams"] = 4.into();
    second["duration"] = 0.1.into();
    own["benchmarks"].as_array_mut().unwrap().push(second);
    let side = read(&own.to_string()).unwrap();
    let levels: Vec<u64> = side.stages.iter().map(|stage| stage.concurrency).collect();
    assert_eq!((side.is_sweep, levels, side.stage), (true, vec![2, 4], Some(4)));
    // The same concurrency twice says nothing about which one to compare.
    own["benchmarks"][1]["config"]["strategy"]["streams"] = 2.into();
    let why = read(&own.to_string()).unwrap_err().to_string();
    assert!(why.starts_with("guidellm file: 2 benchmarks"), "{why}");
}

#[test]
fn a_genai_bench_file_has_its_means_in_either_unit() {
    let (text, own) = (file("genai-bench-0.0.5.json"), document("genai-bench-0.0.5.json"));
    let stats = &own["aggregated_metrics"]["stats"];
    for (text, factor) in [(text.clone(), 1000.0), (text.replace(r#""_time_unit":"s""#, r#""_time_unit":"ms""#), 1.0)] {
        let side = read(&text).unwrap();
        means_are(
            &side,
            [
                (&TTFT, &stats["ttft"]["mean"], factor),
                (&LATENCY, &stats["e2e_latency"]["mean"], factor),
                (&OUTPUT_TOKENS, &stats["num_output_tokens"]["mean"], 1.0),
                (&OUTPUT_TOKENS, &stats["num_output_tokens"]["p50"], 1.0),
            ],
        );
        assert!(side.notes.iter().any(|note| note.contains("opens a connection")), "{:?}", side.notes);
    }
}

#[test]
fn a_vllm_result_compares_tpot_as_itl_and_skips_failed_requests() {
    for (name, n, has_interval) in [("vllm.json", 3, false), ("vllm-detailed.json", 3, true)] {
        let (side, own) = (read(&file(name)).unwrap(), document(name));
        assert_eq!((side.whole.answers, figure(&side, &TTFT).n), (n, n), "{name}");
        for (metric, key) in [(&TTFT, "mean_ttft_ms"), (&ITL, "mean_tpot_ms"), (&LATENCY, "mean_e2el_ms")] {
            assert!((figure(&side, metric).mean - own[key].as_f64().unwrap()).abs() < 1e-6, "{name} {key}");
        }
        assert_eq!(figure(&side, &TTFT).half_width.is_some(), has_interval, "{name}");
        assert!(side.notes.iter().any(|note| note.contains("1 request failed")), "{:?}", side.notes);
        assert!(side.notes.iter().any(|note| note.contains("gap between two chunks")), "{:?}", side.notes);
    }
}

#[test]
fn two_files_are_compared_request_by_request_and_not_in_pairs() {
    let [a, b] = ["guidellm-0.8.1.json", "genai-bench-0.0.5.json"].map(|name| read(&file(name)).unwrap());
    let comparison = Comparison::new(a, b);
    let block = comparison.blocks.iter().find(|block| *block.compared.metric == TTFT).unwrap();
    assert_eq!(block.rows.len(), 1, "a row over all requests");
    assert!(block.rows[0].test.is_some_and(|test| !test.is_paired));
    let p50 = comparison.percentiles.iter().find(|row| row.percent == 50).unwrap();
    assert_eq!(p50.change.unwrap().design.as_str(), "independent_clusters");
}

#[test]
fn errors_name_the_benchmark_the_place_and_what_to_do() {
    let broken = |name: &str, from: &str, to: &str| {
        let text = file(name);
        assert!(text.contains(from), "{name} {from}");
        read(&text.replacen(from, to, 1)).unwrap_err().to_string()
    };
    let why = broken("genai-bench-0.0.5.json", r#""ttft":0.0872050300022238"#, r#""ttft":"fast""#);
    assert_eq!(why, "genai-bench file: individual_request_metrics[0].ttft: expected a number of 0 or more");
    let why = broken("vllm-detailed.json", r#""latencies":[0.1,"#, r#""latencies":["#);
    assert!(
        why.starts_with("vLLM bench serve file: ttfts, latencies") && why.contains("save the result again"),
        "{why}"
    );
    let why = broken("aiperf-0.13.0.json", r#""unit":"ms""#, r#""unit":"fortnights""#);
    assert!(why.contains("unknown unit 'fortnights'"), "{why}");
    let why = broken("vllm.json", r#""completed":3"#, r#""completed":0"#);
    assert!(why.contains("no complete request; measure again"), "{why}");
    let records = file("aiperf-0.13.0.jsonl");
    let second = records.lines().nth(1).unwrap();
    let why = read_records(&records.replace(second, second.get(..40).unwrap())).unwrap_err().to_string();
    assert!(why.starts_with("AIPerf records: line 2: "), "{why}");
    let why = read(r#"{"something":"else"}"#).unwrap_err().to_string();
    assert!(why.contains("AIPerf, guidellm, vLLM bench serve, genai-bench"), "{why}");
}

#[test]
fn a_torn_file_is_an_error() {
    for name in ["aiperf-0.13.0.json", "guidellm-0.8.1.json", "genai-bench-0.0.5.json", "vllm-detailed.json"] {
        let text = file(name);
        for at in (1..text.len() - 1).step_by(211) {
            assert!(text.get(..at).is_none_or(|part| read(part).is_err()), "{name} {at}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any value may stand in place of any other: the reader rejects it with a message, or the run can be compared.
    #[test]
    fn no_value_makes_a_reader_panic(
        name in prop::sample::select(vec!["aiperf-0.13.0.json", "guidellm-0.8.1.json", "genai-bench-0.0.5.json", "vllm-detailed.json"]),
        at in 0_usize..10_000,
        value in prop::sample::select(vec!["null", "[]", "{}", "-1", "1e308", "0", "\"\\u001b[31m\"", "true", "[[]]", "[{}]"]),
    ) {
        let text = file(name);
        let colons: Vec<usize> = text.match_indices("\":").map(|(at, _)| at + 2).collect();
        let from = colons[at % colons.len()];
        let length = serde_json::Deserializer::from_str(text.get(from..).unwrap()).into_iter::<IgnoredAny>();
        let length = { let mut values = length; values.next().unwrap().unwrap(); values.byte_offset() };
        let changed = format!("{}{value}{}", text.get(..from).unwrap(), text.get(from + length..).unwrap());
        prop_assert_eq!(crate::report::oracle::check_import(&changed), Ok(()));
    }
}

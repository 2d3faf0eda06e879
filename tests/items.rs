//! Embeddings and rerank, with the whole program against the simulator.
#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

mod support;

use serde_json::{Value, json};
use support::place::Place;
use support::server::Server;
use tokscope::sim::{EngineConfig, SimConfig, Simulator};

const SUITE: &str = "[[case]]\nname = \"one\"\nprompt = \"The first text.\"\n\
    [[case]]\nname = \"three\"\ninputs = [\"Red.\", \"Green.\", \"Blue.\"]\nextra = { encoding_format = \"base64\", dimensions = 64 }\n";

const RERANK: &str = "[[case]]\nname = \"animals\"\nquery = \"giant panda\"\n\
    documents = [\"Rain.\", \"The giant panda is a bear.\", \"A panda.\"]\n";

/// A simulator whose engine takes almost no time.
fn simulator() -> Simulator {
    let engine = EngineConfig {
        step_ms: 0.5,
        decode_ms: 0.01,
        prefill_ms: 0.001,
        batch_tokens: 4096,
        max_batch: 64,
        kv_blocks: 4096,
        stall_every_s: 0.0,
        ..EngineConfig::default()
    };
    Simulator::start(SimConfig { engine: Some(engine), jitter: 0.0, ..SimConfig::default() }).unwrap()
}

/// All attempts of an export.
fn attempts(results: &Value) -> Vec<Value> {
    let cases = results["cases"].as_array().unwrap().iter();
    cases.flat_map(|case| case["attempts"].as_array().unwrap().clone()).collect()
}

#[test]
fn an_embeddings_run_counts_inputs_and_prompt_tokens() {
    let (place, simulator) = (Place::with(SUITE), simulator());
    let url = simulator.url();
    let (stdout, stderr) =
        place.run(&[&url, "--api", "embeddings", "--repeat", "2", "--export", "a.json", "--export", "r.md"], 0);
    assert!(stderr.contains("3 vectors of 64 dimensions"), "{stderr}");
    assert!(stdout.contains("Items               8   ") && stdout.contains("generates no tokens"), "{stdout}");
    let results = place.json("a.json");
    assert_eq!((&results["run"]["task"], &results["target"]["api"]), (&json!("embeddings"), &json!("embeddings")));
    let all = attempts(&results);
    let counts: Vec<_> = all.iter().map(|a| (a["item_count"].clone(), a["embedding_dimensions"].clone())).collect();
    let (one, three) = ((json!(1), json!(384)), (json!(3), json!(64)));
    assert_eq!(counts, [one.clone(), one, three.clone(), three]);
    let summary = &results["summary"];
    let tokens: u64 = all.iter().map(|a| a["input_sequence_length"].as_u64().unwrap()).sum();
    assert_eq!((&summary["total_items"], &summary["total_input_tokens"]), (&json!(8), &json!(tokens)));
    for missing in ["time_to_first_token_ms", "inter_token_latency_ms", "output_token_throughput", "rating"] {
        assert_eq!(summary[missing], Value::Null, "{missing}");
    }
    assert_eq!(summary["unresolved"], json!({}));
    for attempt in &all {
        let seconds = attempt["request_latency_ms"].as_f64().unwrap() / 1000.0;
        let items = attempt["item_count"].as_f64().unwrap();
        let rate = attempt["item_throughput_per_request"].as_f64().unwrap();
        assert!((rate * seconds - items).abs() < 1e-6, "{attempt}");
    }
    // One request at a time: the busy time is the sum of the latencies.
    let busy_s: f64 = all.iter().map(|a| a["request_latency_ms"].as_f64().unwrap() / 1000.0).sum();
    let throughput = summary["item_throughput"].as_f64().unwrap();
    assert!((throughput - 8.0 / busy_s).abs() < 1e-6 * throughput, "{throughput} {busy_s}");
    let markdown = place.read("r.md");
    assert!(markdown.contains("**Latency**: p50 ") && markdown.contains("items/s"), "{markdown}");
    assert!(!markdown.contains("TTFT (ms)") && !markdown.contains("Performance Rating"), "{markdown}");
}

#[test]
fn a_rerank_run_counts_documents_and_obeys_a_batch() {
    let (place, simulator) = (Place::with(RERANK), simulator());
    let url = simulator.url();
    place.run(&[&url, "--api", "rerank", "--export", "a.json"], 0);
    assert_eq!(attempts(&place.json("a.json"))[0]["item_count"], 3);
    place.run(&[&url, "--api", "rerank", "--batch", "7", "--export", "b.json"], 0);
    assert_eq!(attempts(&place.json("b.json"))[0]["item_count"], 7);
}

#[test]
fn without_cases_of_its_own_a_run_sends_the_built_in_suite() {
    let (place, simulator) = (
        Place::with(
            "[[case]]\nname = \"chat\"\nmessages = [{ role = \"system\", content = \"s\" }, { role = \"user\", content = \"u\" }]\n",
        ),
        simulator(),
    );
    let url = simulator.url();
    for (api, counts) in [("embeddings", vec![1, 1, 1, 32]), ("rerank", vec![10, 100])] {
        place.run(&[&url, "--api", api, "--export", &format!("{api}.json")], 0);
        let found: Vec<u64> =
            attempts(&place.json(&format!("{api}.json"))).iter().map(|a| a["item_count"].as_u64().unwrap()).collect();
        assert_eq!(found, counts, "{api}");
    }
}

#[test]
fn rows_and_synthetic_texts_fill_the_requests() {
    let (place, simulator) = (Place::with(SUITE), simulator());
    let url = simulator.url();
    let rows = (0..5).map(|n| format!("{{\"prompt\": \"Row {n}.\"}}")).collect::<Vec<_>>().join("\n");
    std::fs::write(place.folder.path().join("rows.jsonl"), rows).unwrap();
    let queries = "{\"query\": \"sun\", \"documents\": [\"The sun.\", {\"text\": \"Rain.\"}]}\n";
    std::fs::write(place.folder.path().join("queries.jsonl"), queries).unwrap();
    let counts = |args: &[&str]| -> Vec<u64> {
        place.run(&[&[url.as_str(), "--export", "a.json"], args].concat(), 0);
        std::fs::rename(place.folder.path().join("a.json"), place.folder.path().join("last.json")).unwrap();
        let results = place.json("last.json");
        attempts(&results).iter().filter(|a| a["warmup"] == false).map(|a| a["item_count"].as_u64().unwrap()).collect()
    };
    // The last request has the row that is left.
    assert_eq!(counts(&["--api", "embeddings", "--dataset", "rows.jsonl", "--batch", "2"]), [2, 2, 1]);
    assert_eq!(counts(&["--api", "rerank", "--dataset", "queries.jsonl"]), [2]);
    assert_eq!(counts(&["--api", "embeddings", "--isl", "64", "--batch", "4", "-n", "3"]), [4, 4, 4]);
    assert_eq!(counts(&["--api", "rerank", "--isl", "64", "-n", "2"]), [10, 10]);
}

#[test]
fn sweeps_and_searches_use_items_per_second() {
    let (place, simulator) = (Place::with(SUITE), simulator());
    let url = simulator.url();
    let sweep = ["--sweep", "1,2,4", "-n", "24", "--slo", "latency_p95<5s", "--export", "s.json", "--export", "s.md"];
    let (stdout, _) = place.run(&[&[url.as_str(), "--api", "embeddings"], &sweep[..]].concat(), 0);
    assert!(stdout.contains("items/s"), "{stdout}");
    let results = place.json("s.json");
    let stages = results["sweep"].as_array().unwrap();
    assert_eq!(stages.len(), 3);
    for stage in stages {
        assert!(stage["item_throughput"].as_f64().unwrap() > 0.0, "{stage}");
        assert!(stage["output_token_throughput"].is_null() && stage["request_latency_p95_ms"].is_number(), "{stage}");
    }
    assert!(place.read("s.md").contains("Throughput (items/s)"));
}

#[test]
fn options_about_generated_text_are_refused() {
    let place = Place::with(SUITE);
    for (args, why) in [
        (vec!["--api", "embeddings", "--slo", "ttft_p95<1s"], "generates no tokens"),
        (vec!["--api", "embeddings", "--slo", "throughput>1"], "item_throughput"),
        (vec!["--slo", "items_p50>1/s"], "--api embeddings"),
        (vec!["--api", "embeddings", "--osl", "5"], "--osl is about generated text"),
        (vec!["--batch", "2"], "--api rerank"),
        (vec!["--api", "rerank", "--cases", "cases.toml"], "a query and documents"),
        (vec![], "--api embeddings or --api rerank"),
    ] {
        let (_, stderr) = place.run(&[&["http://127.0.0.1:9/v1"], &args[..]].concat(), 2);
        assert!(stderr.contains(why), "{args:?}: {stderr}");
    }
}

#[test]
fn a_faulty_reply_is_a_failed_attempt_with_its_reason() {
    let place = Place::with(RERANK);
    let server = Server::start(&["m"], |mut request| {
        let body = r#"{"results":[{"index":0,"relevance_score":0.1},{"index":1,"relevance_score":0.9},{"index":2,"relevance_score":0.5}]}"#;
        request.send(body);
    });
    place.run(&[&server.url(), "--api", "rerank", "--export", "a.json"], 1);
    let attempt = attempts(&place.json("a.json")).remove(0);
    assert_eq!((&attempt["status"], &attempt["error"]["kind"]), (&json!("stream_error"), &json!("invalid_answer")));
    let message = attempt["error"]["message"].as_str().unwrap();
    assert!(message.contains("not sorted") && !message.contains('\n'), "{message}");
    assert!(attempt.get("item_count").is_none(), "{attempt}");
}

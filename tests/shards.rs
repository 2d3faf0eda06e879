//! Runs that several processes share, and their merge, in the whole program.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

mod support;

use std::collections::BTreeSet;
use std::process::Child;

use serde_json::{Value, json};
use support::place::{Place, server};

const SUITE: &str = "[[case]]\nname = \"a\"\nprompt = \"p\"\n[[case]]\nname = \"b\"\nprompt = \"q\"\n";

/// Runs shards at the same time, and returns the ids of their runs by their numbers.
fn run_shards(place: &Place, name: &str, args: &[&str], count: usize) -> Vec<String> {
    let start = |index: usize| {
        let shard = format!("{index}/{count}");
        let export = format!("{name}{index}.json");
        place.command(&[args, &["--headless", "--shard", &shard, "--export", &export]].concat()).spawn().unwrap()
    };
    let children: Vec<Child> = (0..count).map(start).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    (0..count)
        .map(|index| place.json(&format!("{name}{index}.json"))["run"]["id"].as_str().unwrap().to_owned())
        .collect()
}

fn attempts(results: &Value) -> impl Iterator<Item = &Value> {
    results["cases"].as_array().unwrap().iter().flat_map(|case| case["attempts"].as_array().unwrap())
}

/// Request ids with figures that a merge must not change.
fn figures(results: &Value) -> BTreeSet<String> {
    let keys = ["request_id", "status", "time_to_first_token_ms", "request_latency_ms", "text", "event_count"];
    attempts(results).map(|attempt| keys.map(|key| attempt[key].to_string()).join(" ")).collect()
}

#[test]
fn shards_send_the_whole_load_once_and_their_merge_has_every_request() {
    let (place, server) = (Place::with(SUITE), server());
    let url = server.url();
    let ids = run_shards(&place, "", &[&url, "--concurrency", "3", "--repeat", "5"], 3);
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let (merged, stderr) = place.run(&[&["merge"], &ids[..]].concat(), 0);
    assert!(stderr.contains("Merged 3 shards with 10 requests as ts-"), "{stderr}");
    place.run(&["report", merged.trim(), "--export", "m.json", "--export", "m.md"], 0);
    let results = place.json("m.json");
    let parts: Vec<Value> = (0..3).map(|index| place.json(&format!("{index}.json"))).collect();
    let of_shards: BTreeSet<String> = parts.iter().flat_map(figures).collect();
    assert_eq!((figures(&results), of_shards.len()), (of_shards.clone(), 10));
    for case in results["cases"].as_array().unwrap() {
        assert_eq!(case["attempts"].as_array().unwrap().len(), 5, "{case}");
    }
    let sum = |key: &str| parts.iter().map(|part| part["summary"][key].as_u64().unwrap()).sum::<u64>();
    assert_eq!(results["summary"]["total_output_tokens"], json!(sum("total_output_tokens")));
    assert_eq!((&results["run"]["concurrency"], &results["run"]["partial"]), (&json!(3), &json!(false)));
    let shards = results["shards"].as_array().unwrap();
    assert_eq!(shards.iter().map(|s| s["attempts"].as_u64().unwrap()).sum::<u64>(), 10);
    assert!(shards.iter().zip(0..).all(|(s, rank)| s["rank"] == json!(rank) && s["complete"] == json!(true)));
    let markdown = place.read("m.md");
    assert!(markdown.contains("## Shards") && markdown.contains("**Merged**: 3 shards"), "{markdown}");
    let (_, refused) = place.run(&["resume", merged.trim()], 2);
    assert!(refused.contains("merged from shards"), "{refused}");
}

#[test]
fn a_missing_shard_and_shards_of_other_runs_are_named() {
    let (place, server) = (Place::with(SUITE), server());
    let url = server.url();
    let ids = run_shards(&place, "", &[&url, "--concurrency", "3", "--repeat", "3"], 3);
    let (merged, stderr) = place.run(&["merge", &ids[0], &ids[2]], 1);
    assert!(stderr.contains("Merged incomplete: 2 of 3 shards with 4 requests"), "{stderr}");
    place.run(&["report", merged.trim(), "--export", "m.json"], 0);
    let results = place.json("m.json");
    assert_eq!((&results["run"]["partial"], attempts(&results).count()), (&json!(true), 4));
    let others = run_shards(&place, "other", &[&url, "--concurrency", "3", "--repeat", "6"], 3);
    let (_, why) = place.run(&["merge", &ids[0], &others[1]], 2);
    assert!(why.contains("are not shards of one run: they differ in their suite or load"), "{why}");
    let (_, why) = place.run(&["merge", &ids[0], &ids[0]], 2);
    assert!(why.contains("are both shard 0/3; leave one out"), "{why}");
    let (_, why) = place.run(&["merge", merged.trim()], 2);
    assert!(why.contains("is a merged run; merge its shards instead"), "{why}");
}

#[test]
fn rows_of_a_data_set_are_divided_and_slurm_names_the_shard() {
    let (place, server) = (Place::with(SUITE), server());
    let row = |n: u32| format!("{{\"prompt\": \"row {n}\", \"tag\": \"t{}\"}}\n", n % 2);
    let rows = (0..23).map(row).collect::<Vec<_>>().concat();
    std::fs::write(place.folder.path().join("d.jsonl"), rows).unwrap();
    let url = server.url();
    for index in ["0", "1"] {
        let export = format!("{index}.json");
        let args = [&url, "--dataset", "d.jsonl", "--column", "tag=tag", "--sample", "shuffled", "-c", "2"];
        let mut command = place.command(&[&args[..], &["--headless", "--export", &export]].concat());
        command.envs([("SLURM_PROCID", index), ("SLURM_NTASKS", "2"), ("SLURM_STEP_ID", "0")]);
        let output = command.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            output.status.success() && stderr.contains(&format!("this is shard {index} of 2 (from Slurm)")),
            "{stderr}"
        );
    }
    let parts: Vec<Value> = ["0.json", "1.json"].map(|name| place.json(name)).into();
    let rows: Vec<u64> = parts.iter().flat_map(|part| attempts(part).map(|a| a["row"].as_u64().unwrap())).collect();
    let distinct: BTreeSet<u64> = rows.iter().copied().collect();
    assert_eq!((rows.len(), distinct.len()), (23, 23), "{rows:?}");
    let ids: Vec<&str> = parts.iter().map(|part| part["run"]["id"].as_str().unwrap()).collect();
    let (merged, _) = place.run(&["merge", ids[0], ids[1]], 0);
    place.run(&["report", merged.trim(), "--export", "m.json"], 0);
    assert_eq!(attempts(&place.json("m.json")).count(), 23);
}

#[test]
fn loads_that_cannot_be_divided_are_refused_before_the_first_request() {
    let (place, server) = (Place::with(SUITE), server());
    let url = server.url();
    let why = |args: &[&str]| place.run(&[&[url.as_str(), "--headless"], args].concat(), 2).1;
    let few = why(&["--shard", "0/4", "-c", "3"]);
    assert!(few.contains("--concurrency 3 cannot be divided among 4 shards; ask for at least 4"), "{few}");
    let sweep = why(&["--shard", "0/4", "--sweep", "2,8"]);
    assert!(sweep.contains("a stage of --sweep with 2 requests in flight cannot be divided"), "{sweep}");
    let find = why(&["--shard", "0/2", "--find", "concurrency", "--max", "4", "--slo", "ttft_p95<500ms"]);
    assert!(find.contains("--find steers the load"), "{find}");
    let form = why(&["--shard", "4/4"]);
    assert!(form.contains("shards are numbered from 0, so the last of 4 is 3/4"), "{form}");
    assert_eq!(server.request_count(), 0);
}

//! Saved runs: killed, disk full, listed, reported, compared.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

mod support;

use std::path::Path;

use serde_json::Value;
use support::dashboard::{Dashboard, suite};
use support::place::{Place, kill, server, stalling, wait_for_attempts};

#[test]
fn a_saved_run_gives_the_same_reports_again() {
    let (place, server) = (Place::with(&suite(&["First", "Second"], "")), server());
    let (_, stderr) = place.run(&[&server.url(), "--repeat", "2", "--export", "r.json", "--export", "r.md"], 0);
    let path = place.journal().unwrap();
    let id = path.file_stem().unwrap().to_str().unwrap();
    assert!(stderr.contains(&format!("Saved as run {id} (tokscope report {id})")), "{stderr}");
    let (_, stderr) = place.run(&["report", "last", "--export", "again.json", "--export", "again.md"], 0);
    let (taken, written) = stderr.split_once('\n').unwrap();
    assert!(taken.starts_with(&format!("Last run: {id} (")) && taken.ends_with(", lone-model)"), "{taken}");
    assert_eq!(written, "Report written to 'again.json'\nReport written to 'again.md'\n");
    assert_eq!(place.json("r.json"), place.json("again.json"));
    assert_eq!(place.read("r.md"), place.read("again.md"));
    let (markdown, _) = place.run(&["report", id], 0);
    assert_eq!(markdown, place.read("again.md"));
    let (by_path, _) = place.run(&["report", path.to_str().unwrap()], 0);
    assert_eq!(by_path, markdown);
}

#[test]
fn a_killed_run_loses_only_attempts_in_flight() {
    let place = Place::with(&suite(&["First", "Second", "Third"], ""));
    let (server, _hold) = stalling(1);
    let child = place.command(&[&server.url()]).spawn().unwrap();
    wait_for_attempts(&place, 1);
    kill(child);
    let (_, stderr) = place.run(&["report", "last", "--export", "r.json"], 0);
    assert!(stderr.contains("the run was interrupted"), "{stderr}");
    let report = place.json("r.json");
    let first = &report["cases"][0]["attempts"][0];
    assert_eq!((&first["status"], &first["text"]), (&"ok".into(), &"one two three".into()));
    assert_eq!((&report["run"]["partial"], &report["summary"]["ok"]), (&true.into(), &1.into()));
    assert!(report["cases"][1]["attempts"].as_array().unwrap().iter().all(|a| a["status"] == "cancelled"), "{report}");
    let (listed, _) = place.run(&["runs"], 0);
    assert!(listed.contains("1/3 ok") && listed.contains("unfinished"), "{listed}");
}

#[test]
fn every_journal_of_a_killed_run_is_readable() {
    let place = Place::with(&suite(&["First", "Second"], ""));
    let server = server();
    // TOKSCOPE_TEST_KILLS allows more rounds.
    let kills = std::env::var("TOKSCOPE_TEST_KILLS").map_or(7, |n| n.parse::<usize>().unwrap());
    for round in 1..=kills {
        let attempts = 1 + round % 23;
        let child = place.command(&[&server.url(), "--repeat", "500"]).spawn().unwrap();
        let seen = wait_for_attempts(&place, attempts);
        kill(child);
        // Lines seen while the program ran must still be there.
        let (seen, _in_the_middle) = seen.rsplit_once('\n').unwrap();
        let left = std::fs::read_to_string(place.journal().unwrap()).unwrap();
        assert!(left.starts_with(seen), "{} bytes of {}", left.len(), seen.len());
        let whole = seen.lines().filter(|l| l.starts_with("{\"type\":\"attempt\"")).count();
        let (json, _) = place.run(&["runs", "--json"], 0);
        let listed: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(listed[0]["state"], "unfinished", "{json}");
        place.run(&["report", "last", "--export", &format!("r{round}.json")], 0);
        let report = place.json(&format!("r{round}.json"));
        let reported = report["summary"]["attempts"].as_u64().unwrap() as usize;
        assert!(reported >= whole && reported > 0, "{reported} of {whole}");
        std::fs::remove_file(place.journal().unwrap()).unwrap();
    }
}

/// Size of a journal's lines without those written continuously over time, bytes.
fn bytes_of_events(journal: &str) -> usize {
    let is_continuous =
        |l: &&str| ["gpu", "throughput", "lag"].iter().any(|kind| l.starts_with(&format!("{{\"type\":\"{kind}\"")));
    journal.lines().filter(|l| !is_continuous(l)).map(str::len).sum()
}

#[test]
fn a_journal_grows_linearly_with_the_cases() {
    let server = server();
    let bytes = |cases: usize| {
        let names: Vec<String> = (0..cases).map(|n| format!("Case {n:03}")).collect();
        let place = Place::with(&suite(&names.iter().map(String::as_str).collect::<Vec<_>>(), ""));
        place.run(&[&server.url(), "--concurrency", "4"], 0);
        bytes_of_events(&std::fs::read_to_string(place.journal().unwrap()).unwrap())
    };
    let [some, more] = [60, 120].map(bytes);
    assert!(more * 10 <= some * 21, "{some} bytes, then {more}");
}

#[test]
fn the_list_of_runs_reads_the_first_and_the_last_line_of_a_run_that_ended() {
    let (place, server) = (Place::with(&suite(&["First", "Second"], "")), server());
    place.run(&[&server.url()], 0);
    let (before, _) = place.run(&["runs", "--json"], 0);
    let path = place.journal().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    // Only the first and the last line are read. Anything between may be destroyed.
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let last = lines.len() - 1;
    lines[1..last].iter_mut().for_each(|line| *line = "#".repeat(line.len()));
    std::fs::write(&path, lines.join("\n") + "\n").unwrap();
    assert_eq!(place.run(&["runs", "--json"], 0).0, before);
    let listed: Value = serde_json::from_str(&before).unwrap();
    assert_eq!((&listed[0]["ok"], &listed[0]["cases"], &listed[0]["state"]), (&2.into(), &2.into(), &"whole".into()));
}

#[test]
fn runs_are_listed_and_found_by_unique_parts() {
    let (place, server) = (Place::with(&suite(&["First"], "")), server());
    let (none, _) = place.run(&["runs"], 0);
    assert!(none.starts_with("No saved runs in '"), "{none}");
    place.run(&["report", "last"], 2);
    place.run(&[&server.url()], 0);
    let (listed, _) = place.run(&["runs"], 0);
    let row = listed.lines().nth(1).unwrap();
    for part in ["ts-", "lone-model", "127.0.0.1:", "Small", "1/1 ok", "complete"] {
        assert!(row.contains(part), "'{part}' in {listed}");
    }
    let (json, _) = place.run(&["runs", "--json"], 0);
    let listed: Value = serde_json::from_str(&json).unwrap();
    let id = listed[0]["id"].as_str().unwrap();
    let (_, stderr) = place.run(&["report", "ts-0"], 2);
    assert!(stderr.contains("no run 'ts-0'; closest: ") && stderr.contains(id), "{stderr}");
    place.run(&["report", id.trim_start_matches("ts-").split_at(3).0], 0);
    let (_, stderr) = place.run(&["report", "last", "--export", "r.docx"], 2);
    assert!(stderr.contains("unknown extension; use .md .json"), "{stderr}");
    std::fs::write(place.runs().join("ts-f.jsonl"), "{\"tokscope_journal\":9}\n").unwrap();
    let (listed, _) = place.run(&["runs"], 0);
    assert!(listed.contains("ts-f: a newer tokscope wrote it"), "{listed}");
}

#[test]
fn a_run_is_compared_with_results_and_with_a_scripted_report() {
    let (place, server) = (Place::with(&suite(&["Debug Task", "Other"], "")), server());
    place.run(&[&server.url(), "--repeat", "3", "--export", "r.json"], 0);
    let scripted = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/scripted-report.md");
    let args = ["compare", scripted.to_str().unwrap(), "last", "--export", "c.json", "--export", "c.md"];
    let (text, stderr) = place.run(&args, 0);
    for part in
        ["the model differs: 'glm-4.7-flash' and 'lone-model'", "its TTFT is estimated", "Debug Task", "all cases"]
    {
        assert!(text.contains(part), "'{part}' in {text}");
    }
    assert!(stderr.contains("Comparison written to 'c.json'"), "{stderr}");
    let comparison = serde_json::from_str::<Value>(&place.read("c.json")).unwrap();
    let latency = comparison["metrics"].as_array().unwrap().iter().find(|m| m["key"] == "request_latency_ms").unwrap();
    let row = latency["rows"].as_array().unwrap().iter().find(|r| r["case"] == "Debug Task").unwrap();
    assert_eq!((&row["a"]["mean"], &row["b"]["n"], &row["judgement"]), (&4370.0.into(), &3.into(), &Value::Null));
    // Both ways give the same figures.
    let (text, _) = place.run(&["compare", "r.json", "last"], 0);
    assert!(text.contains("+0.0%") && text.contains("no difference shown") && !text.contains("differs"), "{text}");
    let (_, stderr) = place.run(&["compare", "last", "cases.toml"], 2);
    assert!(stderr.contains("cases.toml"), "{stderr}");
}

#[test]
fn a_failure_to_save_is_reported_and_the_run_continues() {
    let (place, server) = (Place::with(&suite(&["First"], "")), server());
    std::fs::write(place.state.path().join("tokscope"), "").unwrap();
    let (stdout, stderr) = place.run(&[&server.url()], 1);
    assert!(stdout.contains("1/1") && stderr.contains("this run was not saved in full: '"), "{stdout}\n{stderr}");
}

#[test]
fn a_failure_to_save_is_shown_on_the_dashboard() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tokscope"), "no folder").unwrap();
    let state = folder.path().to_str().unwrap();
    let mut screen =
        Dashboard::start_with(&suite(&["First"], ""), &[&server.url()], &[("XDG_STATE_HOME", state)], (140, 40));
    screen.wait_for_text("This run is not being saved: ");
    screen.wait_for_text("finished  1/1");
    screen.send("q");
    let (ended, _) = screen.end();
    assert_eq!(ended.status, 1);
    assert!(ended.raw.contains("this run was not saved in full: "), "{}", ended.text);
}

#[test]
fn the_dashboard_saves_too_and_no_save_does_not() {
    let server = server();
    for (args, saves) in [(&["--no-save"][..], false), (&[], true)] {
        let url = server.url();
        let args = [&[url.as_str()][..], args].concat();
        let state = tempfile::tempdir().unwrap();
        let env = [("XDG_STATE_HOME", state.path().to_str().unwrap())];
        let mut screen = Dashboard::start_with(&suite(&["First"], ""), &args, &env, (120, 40));
        screen.wait_for_text("finished  1/1");
        screen.send("q");
        let (ended, _) = screen.end();
        assert_eq!(ended.raw.contains("Saved as run ts-"), saves, "{}", ended.text);
        assert_eq!(state.path().join("tokscope/runs").exists(), saves);
    }
}

#[test]
fn a_journal_contains_no_secret() {
    let (place, server) = (Place::with(&suite(&["First"], "")), server());
    let url = server.url().replacen("http://", "http://user:canary-pass@", 1);
    let mut command = place.command(&[&url, "--api-key-env", "CANARY", "--header", "x-secret: canary-header"]);
    let out = command.env("CANARY", "canary-key").output().unwrap();
    let journal = std::fs::read_to_string(place.journal().unwrap()).unwrap();
    assert!(journal.contains("lone-model"), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(!journal.contains("canary"), "{journal}");
}

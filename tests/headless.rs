//! The whole program without a dashboard: exit status, streams, files.
#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

#[path = "support/schema.rs"]
mod schema;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tokscope::sim::{SimConfig, Simulator};

const SUITE: &str = r#"
[suite]
name = "Three"
[defaults]
max_tokens = 20
[[case]]
name = "First"
prompt = "Write a REST API."
[[case]]
name = "Second"
prompt = "Explain this SQL query."
max_tokens = 30
[[case]]
name = "Third"
prompt = "Document a tool."
"#;

fn simulator() -> Simulator {
    Simulator::start(SimConfig { ttft_ms: 5.0, tokens_per_s: 5000.0, ..SimConfig::default() }).unwrap()
}

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tokscope"));
    for name in ["TOKSCOPE_URL", "OPENAI_BASE_URL", "OPENAI_API_KEY"] {
        command.env_remove(name);
    }
    command.env_remove("TOKSCOPE_CONFIG");
    for home in ["XDG_STATE_HOME", "XDG_CONFIG_HOME", "LOCALAPPDATA", "APPDATA"] {
        command.env(home, folder);
    }
    command.args(args).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn tokscope(folder: &Path, args: &[&str]) -> Output {
    command(folder, args).output().unwrap()
}

fn folder_with(suite: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cases.toml"), suite).unwrap();
    folder
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_run_measures_all_cases_and_writes_its_exports() {
    let (folder, sim) = (folder_with(SUITE), simulator());
    let out = tokscope(folder.path(), &[&sim.url(), "--export", "r.md", "--export", "r.json"]);
    let (stdout, stderr) = (text(&out.stdout), text(&out.stderr));
    assert_eq!(out.status.code(), Some(0), "{stderr}");
    assert!(stdout.contains("3/3") && stdout.contains("70"), "{stdout}");
    for line in ["[1/3] First", "[2/3] Second", "[3/3] Third", "20 tokens", "30 tokens"] {
        assert!(stderr.contains(line), "{line} in {stderr}");
    }
    let json: Value = schema::read_results(folder.path().join("r.json"));
    let tokens: Vec<_> = json["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["attempts"][0]["output_sequence_length"].as_u64().unwrap())
        .collect();
    assert_eq!(tokens, [20, 30, 20]);
    // The simulator is recognised on any port and never reported as a model.
    assert_eq!(json["run"]["simulated"], true);
    let markdown = std::fs::read_to_string(folder.path().join("r.md")).unwrap();
    assert!(markdown.contains("**Test Mode**: Three") && markdown.to_lowercase().contains("simulat"));
}

const LONG_SUITE: &str = r#"
[[case]]
name = "Long"
max_tokens = 20
prompt = "Implement Dijkstra and A* in Python, compare their time complexity and explain when each of them is the one to take."
"#;

fn attempts(folder: &Path) -> Value {
    let json: Value = schema::read_results(folder.join("r.json"));
    assert_eq!(json["run"]["partial"], false);
    json
}

#[test]
fn repeats_are_cold_unless_warm_is_given() {
    let sim =
        Simulator::start(SimConfig { ttft_ms: 800.0, tokens_per_s: 100.0, prefix_cache: true, ..SimConfig::default() });
    let (folder, sim) = (folder_with(LONG_SUITE), sim.unwrap());
    let args = [&sim.url(), "--repeat", "2", "--export", "r.json", "--export", "r.md"];
    let states = |json: &Value| -> Vec<String> {
        let all = json["cases"][0]["attempts"].as_array().unwrap();
        all.iter().map(|a| a["prefix_cache"].as_str().unwrap().to_owned()).collect()
    };
    let out = tokscope(folder.path(), &args);
    let json = attempts(folder.path());
    assert_eq!((states(&json), &json["run"]["warm"]), (vec!["cold".to_owned(); 2], &Value::Bool(false)));
    let nonces = [0, 1].map(|i| json["cases"][0]["attempts"][i]["prompt_nonce"].as_str().unwrap().to_owned());
    assert_ne!(nonces[0], nonces[1]);
    assert!(!text(&out.stderr).contains("(warm)") && text(&out.stdout).contains("2 cold; unique prompts"));
    assert!(std::fs::read_to_string(folder.path().join("r.md")).unwrap().contains("2 cold; unique prompts"));

    let folder = folder_with(LONG_SUITE);
    let out = tokscope(folder.path(), &[&args[..], &["--warm"]].concat());
    let json = attempts(folder.path());
    assert_eq!((states(&json), &json["run"]["warm"]), (vec!["cold".to_owned(), "warm".to_owned()], &Value::Bool(true)));
    let [first, second] = [0, 1].map(|i| json["cases"][0]["attempts"][i].clone());
    assert!(first["prompt_nonce"].is_null() && first["cached_token_count"] == 0);
    let (cached, prompt) =
        (second["cached_token_count"].as_u64().unwrap(), second["input_sequence_length"].as_u64().unwrap());
    assert!(cached >= 16 && cached < prompt, "{cached} of {prompt}");
    let summary = &json["summary"];
    assert_eq!((&summary["cold_attempts"], &summary["cached_attempts"]), (&1.into(), &1.into()));
    for (state, attempt) in [("cold", first), ("warm", second)] {
        let ttft = &summary[format!("time_to_first_token_ms_{state}")];
        assert_eq!((&ttft["n"], &ttft["avg"]), (&1.into(), &attempt["time_to_first_token_ms"]), "{state}");
    }
    let (stdout, stderr) = (text(&out.stdout), text(&out.stderr));
    assert_eq!(stderr.lines().filter(|l| l.contains(" ms (warm)  ")).count(), 1, "{stderr}");
    for line in ["TTFT, cold", "TTFT, warm", "1 cold, 1 warm; prompts sent unchanged (--warm)"] {
        assert!(stdout.contains(line), "{line} in {stdout}");
    }
    let markdown = std::fs::read_to_string(folder.path().join("r.md")).unwrap();
    for line in [
        "| TTFT (ms), cold |",
        "| TTFT (ms), warm |",
        "1 cold, 1 warm; prompts sent unchanged (`--warm`)",
        "ok, 1 warm",
    ] {
        assert!(markdown.contains(line), "{line} in {markdown}");
    }
}

#[cfg(feature = "tokenizer")]
#[test]
fn a_tokenizer_counts_if_the_server_does_not() {
    let data = |name: &str| format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
    let suite = format!("{SUITE}extra = {{ tokscope_sim = {{ fault = \"no_usage\" }} }}\n");
    let (folder, sim) = (folder_with(&suite), simulator());
    let tokenizer = data("tokenizer-characters.json");
    let out =
        tokscope(folder.path(), &[&sim.url(), "--tokenizer", &tokenizer, "--export", "r.json", "--export", "r.md"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    let json = attempts(folder.path());
    let attempt = |case: usize| &json["cases"][case]["attempts"][0];
    let characters = |case: usize| -> usize {
        ["text", "reasoning"].iter().map(|part| attempt(case)[part].as_str().unwrap().chars().count()).sum()
    };
    // This tokenizer counts every character as one token.
    let third = attempt(2);
    assert_eq!(
        (&third["token_count_source"], &third["output_sequence_length"]),
        (&"tokenizer".into(), &characters(2).into())
    );
    // If the server counts tokens, its count is used, and a different count of the tokenizer gives a warning.
    let first = attempt(0);
    assert_eq!((&first["token_count_source"], &first["output_sequence_length"]), (&"usage".into(), &20.into()));
    assert_eq!(first["tokenizer_token_count"], characters(0));
    let message = format!("the tokenizer counts {} tokens in the streamed text, the server 20", characters(0));
    assert!(first["warnings"].to_string().contains(&message), "{}", first["warnings"]);
    assert!(text(&out.stderr).contains(&format!("{} tokens", characters(2))) && !text(&out.stderr).contains('~'));
    let markdown = std::fs::read_to_string(folder.path().join("r.md")).unwrap();
    assert!(markdown.contains("counted by the given tokenizer in 1 of 3 attempts"), "{markdown}");

    for (name, why) in
        [("none.json", "there is no such file"), ("../headless.rs", "is not a Hugging Face tokenizer.json")]
    {
        let out = tokscope(folder.path(), &[&sim.url(), "--tokenizer", &data(name)]);
        assert_eq!(out.status.code(), Some(2));
        assert!(text(&out.stderr).contains("--tokenizer") && text(&out.stderr).contains(why), "{}", text(&out.stderr));
    }
}

#[test]
fn findings_are_shown_with_their_case_and_in_every_report() {
    let suite = format!("{SUITE}[case.extra.tokscope_sim]\nfault = \"no_usage\"\n");
    let (folder, sim) = (folder_with(&suite), simulator());
    let out = tokscope(folder.path(), &[&sim.url(), "--export", "r.md", "--export", "r.json"]);
    let (stdout, stderr) = (text(&out.stdout), text(&out.stderr));
    let finding = "the server reported no usage";
    let after_third = stderr.split_once("[3/3] Third").map(|(_, after)| after.to_owned()).unwrap_or_default();
    assert!(after_third.lines().skip(1).any(|l| l.starts_with("      ! ") && l.contains(finding)), "{stderr}");
    assert!(
        stdout.lines().any(|l| l.starts_with("Finding") && l.ends_with("no usage reported: 1 of 3 attempts")),
        "{stdout}"
    );
    let json: Value = schema::read_results(folder.path().join("r.json"));
    let findings = json["cases"][2]["attempts"][0]["findings"].as_array().unwrap();
    assert!(findings.iter().any(|f| f["key"] == "usage_missing"), "{findings:?}");
    let markdown = std::fs::read_to_string(folder.path().join("r.md")).unwrap();
    assert!(markdown.contains("- no usage reported: 1 of 3 attempts") && markdown.contains(finding), "{markdown}");
}

/// The server's own count is reported next to ours, and a reason if there is none.
#[test]
fn the_servers_metrics_are_reported() {
    let (folder, sim) = (folder_with(SUITE), simulator());
    let out = tokscope(folder.path(), &[&sim.url(), "--server-metrics", "--export", "r.json", "--export", "r.md"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    let report = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let json: Value = schema::read_results(folder.path().join("r.json"));
    let message = &json["server_metrics"];
    assert_eq!((&message["kind"], &message["sample_interval_ms"]), (&"tokscope-sim".into(), &1000.into()), "{message}");
    assert_eq!((&message["generated_tokens"], &message["output_tokens_here"]), (&70.0.into(), &70.into()), "{message}");
    assert!(message["samples"].as_u64().is_some_and(|n| n >= 2), "{message}");
    assert_eq!((&message["kv_cache_usage_percent"], &message["warnings"]), (&Value::Null, &Value::Array(Vec::new())));
    let markdown = report("r.md");
    assert!(
        markdown.contains("## Server Metrics") && markdown.contains("**Tokens Generated**: 70; tokscope received 70")
    );

    let missing = format!("--server-metrics={}", sim.url().replace("/v1", "/nothing?key=secret"));
    let out = tokscope(folder.path(), &[&sim.url(), &missing, "--case", "first", "--export", "none.md"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    let markdown = report("none.md");
    assert!(markdown.contains("/nothing: HTTP 404.") && !markdown.contains("secret"), "{markdown}");
}

/// The text of the code block under a report's command line.
fn command_line(report: &str) -> &str {
    report.split_once("**Command Line**").unwrap().1.split("```").nth(1).unwrap().trim()
}

#[test]
fn a_saved_run_keeps_its_command_line_without_secrets() {
    let (folder, sim) = (folder_with(SUITE), simulator());
    let url = format!("{}?api-key=hunter2", sim.url());
    let out = tokscope(folder.path(), &[&url, "--case", "first", "--header", "X-Team: hunter2", "--export", "r.md"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    let again = tokscope(folder.path(), &["report", "last", "--export", "again.md"]);
    assert_eq!(again.status.code(), Some(0), "{}", text(&again.stderr));
    let expected = format!("tokscope '{}?REDACTED' --case first --header 'X-Team: REDACTED' --export r.md", sim.url());
    for name in ["r.md", "again.md"] {
        let report = std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(command_line(&report), expected, "{name}");
        assert!(!report.contains("hunter2"), "{report}");
    }
}

#[test]
fn exports_overwrite_no_file() {
    let (folder, sim) = (folder_with(SUITE), simulator());
    std::fs::write(folder.path().join("r.md"), "mine").unwrap();
    let out = tokscope(folder.path(), &[&sim.url(), "--case", "second", "--export", "r.md"]);
    assert_eq!(out.status.code(), Some(0));
    assert_eq!(std::fs::read_to_string(folder.path().join("r.md")).unwrap(), "mine");
    assert!(text(&out.stderr).contains("r-2.md"), "{}", text(&out.stderr));
}

#[test]
fn a_failed_case_is_status_1_and_the_run_continues() {
    let suite = format!("{SUITE}extra = {{ tokscope_sim = {{ fault = \"error_in_stream\", after_tokens = 3 }} }}\n");
    let (folder, sim) = (folder_with(&suite), simulator());
    let out = tokscope(folder.path(), &[&sim.url(), "--export", "r.json"]);
    assert_eq!(out.status.code(), Some(1), "{}", text(&out.stderr));
    assert!(text(&out.stdout).contains("2/3"));
    let json: Value = schema::read_results(folder.path().join("r.json"));
    assert_eq!(json["cases"][2]["attempts"][0]["status"], "stream_error");
}

#[test]
fn mistakes_are_status_2_with_file_and_line() {
    let folder = folder_with(&SUITE.replace("max_tokens = 30", "max_token = 30"));
    let out = tokscope(folder.path(), &["http://127.0.0.1:9/v1"]);
    let stderr = text(&out.stderr);
    assert_eq!(out.status.code(), Some(2));
    assert!(stderr.contains("cases.toml:12") && stderr.contains("max_tokens"), "{stderr}");
    assert_eq!(tokscope(folder.path(), &["--concurrency", "0"]).status.code(), Some(2));
}

#[test]
fn a_dead_endpoint_is_status_3_and_writes_no_report() {
    let folder = folder_with(SUITE);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let out = tokscope(folder.path(), &[&format!("http://127.0.0.1:{port}/v1"), "--export", "r.md"]);
    assert_eq!(out.status.code(), Some(3));
    assert!(text(&out.stderr).contains("refused"), "{}", text(&out.stderr));
    assert!(!folder.path().join("r.md").exists());
}

#[test]
fn keys_are_sent_and_shown_nowhere() {
    let (folder, sim) = (folder_with(SUITE), simulator());
    let url = sim.url().replace("http://", "http://user:url-canary@");
    let args = [url.as_str(), "--header", "x-team: header-canary", "--export", "r.md", "--export", "r.json"];
    let out = command(folder.path(), &args).env("OPENAI_API_KEY", "sk-key-canary").output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    let mut all = format!("{}{}", text(&out.stdout), text(&out.stderr));
    for file in ["r.md", "r.json"] {
        all.push_str(&std::fs::read_to_string(folder.path().join(file)).unwrap());
    }
    for canary in ["url-canary", "header-canary", "key-canary"] {
        assert!(!all.contains(canary), "'{canary}' leaked");
    }
}

/// A server that repeats the key and the team header of each request, optionally for the model list too.
fn echoes(also_models: bool) -> String {
    use std::io::{BufRead, BufReader, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let request_line = lines.next().unwrap().unwrap();
            let secret = |line: &String| line.starts_with("authorization: ") || line.starts_with("x-team: ");
            let secrets: Vec<String> =
                lines.map_while(Result::ok).take_while(|l| !l.is_empty()).filter(secret).collect();
            let (status, body) = if request_line.starts_with("GET /v1/models") && !also_models {
                ("200 OK", r#"{"data":[{"id":"m"}]}"#.to_owned())
            } else {
                ("401 Unauthorized", format!(r#"{{"error":{{"message":"refused: {}"}}}}"#, secrets.join(" ")))
            };
            let length = body.len();
            let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
            // The client may be gone.
            let _sent = stream.write_all((head + &body).as_bytes());
            let _closed = stream.shutdown(std::net::Shutdown::Write);
            let _rest = std::io::copy(&mut stream, &mut std::io::sink());
        }
    });
    url
}

#[test]
fn a_key_repeated_by_the_server_is_shown_nowhere() {
    for (also_models, status) in [(false, 3), (true, 3)] {
        let (folder, url) = (folder_with(SUITE), echoes(also_models));
        let args = [url.as_str(), "--header", "x-team: header-canary", "--export", "r.md", "--export", "r.json"];
        let out = command(folder.path(), &args).env("OPENAI_API_KEY", "sk-key-canary").output().unwrap();
        assert_eq!(out.status.code(), Some(status), "{}", text(&out.stderr));
        let mut all = format!("{}{}", text(&out.stdout), text(&out.stderr));
        assert!(all.contains("refused: ") && all.contains("Bearer [redacted]"), "{all}");
        if !also_models {
            for file in ["r.md", "r.json"] {
                all.push_str(&std::fs::read_to_string(folder.path().join(file)).unwrap());
            }
        }
        for canary in ["header-canary", "key-canary"] {
            assert!(!all.contains(canary), "'{canary}' leaked: {all}");
        }
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_is_status_130_and_keeps_its_results() {
    use std::io::{BufRead, BufReader, Read};
    let slow = SUITE.replace(
        "name = \"Second\"",
        "name = \"Second\"\nextra = { tokscope_sim = { fault = \"stall\", after_tokens = 2 } }",
    );
    let (folder, sim) = (folder_with(&slow), simulator());
    let mut child = command(folder.path(), &[&sim.url(), "--export", "r.json"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("[1/3]") {
        line.clear();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "the run ended before the first case");
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success());
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
    let json: Value = schema::read_results(folder.path().join("r.json"));
    assert_eq!(json["run"]["partial"], true);
    let status = |case: usize| json["cases"][case]["attempts"][0]["status"].as_str().map(str::to_owned);
    assert_eq!((status(0).as_deref(), status(1).as_deref(), status(2)), (Some("ok"), Some("cancelled"), None));
}

#[test]
fn a_rate_starts_requests_on_schedule() {
    let (folder, sim) = (folder_with(SUITE), simulator());
    let args = [&sim.url(), "--rate", "20", "--arrival", "constant", "--seed", "5", "--duration", "1"];
    let out = tokscope(
        folder.path(),
        &[&args[..], &["--slo", "latency_max<600s", "--slo", "goodput>99%", "--export", "r.json"]].concat(),
    );
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    let json: Value = schema::read_results(folder.path().join("r.json"));
    assert_eq!((&json["run"]["rate"], &json["run"]["arrival"]["seed"]), (&20.0.into(), &5.into()));
    let cases = json["cases"].as_array().unwrap();
    let attempts: Vec<&Value> = cases.iter().flat_map(|c| c["attempts"].as_array().unwrap()).collect();
    // Starts at 0, 50, … 950 ms, cycling through the cases.
    assert_eq!(attempts.len(), 20);
    assert_eq!(cases.iter().map(|c| c["attempts"].as_array().unwrap().len()).collect::<Vec<_>>(), [7, 7, 6]);
    assert!(attempts.iter().all(|a| a["dispatch_delay_ms"].as_f64().unwrap() >= 0.0));
}

#[test]
fn a_missed_slo_is_status_1() {
    let (folder, sim) = (folder_with(SUITE), simulator());
    let url = sim.url();
    let run = |slo: &str| tokscope(folder.path(), &[&url, "--concurrency", "3", "--slo", slo]);
    let met = run("latency_max<600s");
    assert_eq!(met.status.code(), Some(0), "{}", text(&met.stderr));
    assert!(text(&met.stdout).contains("✓ Latency max") && text(&met.stdout).contains("3/3 (100.0%)"));
    let missed = run("ttft_min<0.001ms");
    assert_eq!(missed.status.code(), Some(1), "{}", text(&missed.stderr));
    assert!(
        text(&missed.stdout).contains("✗ TTFT min") && text(&missed.stdout).contains("3/3"),
        "{}",
        text(&missed.stdout)
    );
    assert_eq!(run("tfft_min<1s").status.code(), Some(2));
}

#[test]
fn a_sweep_measures_the_suite_at_each_concurrency() {
    let (folder, sim) = (folder_with(SUITE), simulator());
    let out = tokscope(folder.path(), &[&sim.url(), "--sweep", "1,2,3", "--export", "r.json", "--export", "r.md"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    let json: Value = schema::read_results(folder.path().join("r.json"));
    let stages: Vec<_> =
        json["sweep"].as_array().unwrap().iter().map(|s| (s["concurrency"].as_u64(), s["ok"].as_u64())).collect();
    assert_eq!(stages, [(Some(1), Some(3)), (Some(2), Some(3)), (Some(3), Some(3))]);
    assert!(std::fs::read_to_string(folder.path().join("r.md")).unwrap().contains("### Sweep"));
}

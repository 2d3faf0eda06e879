//! Endpoints that refuse, proxies that fail, files with a byte order mark: the program says what happened, where, and what to
//! do, and sends no more requests than necessary.
#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

#[path = "support/schema.rs"]
mod schema;

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use serde_json::Value;

const STREAM: &str = concat!(
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"b\"},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n",
);
const MODELS: &str = r#"{"object":"list","data":[{"id":"small"},{"id":"large"}]}"#;
const NO_KEY: (&str, &str) = ("401 Unauthorized", r#"{"error":{"message":"bad key"}}"#);
const NO_MODEL: (&str, &str) =
    ("404 Not Found", r#"{"error":{"message":"The model `x` does not exist.","code":"model_not_found"}}"#);

/// A received request: first line, headers in lower case, body.
struct Request {
    line: String,
    head: String,
    body: String,
}

/// Responds to each request with the status and body from `answer`, on its own connection and thread.
fn serve(answer: impl Fn(&Request) -> (&'static str, String) + Send + Sync + 'static) -> (String, Receiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (sender, requests) = channel();
    let (answer, sender) = (Arc::new(answer), Arc::new(Mutex::new(sender)));
    std::thread::spawn(move || {
        for mut wire in listener.incoming().flatten() {
            let (answer, sender) = (Arc::clone(&answer), Arc::clone(&sender));
            std::thread::spawn(move || respond(&mut wire, &*answer, &sender));
        }
    });
    (address, requests)
}

fn respond(
    wire: &mut std::net::TcpStream,
    answer: &dyn Fn(&Request) -> (&'static str, String),
    sender: &Mutex<Sender<Request>>,
) {
    let mut lines = BufReader::new(wire.try_clone().unwrap());
    let (mut line, mut head) = (String::new(), String::new());
    if lines.read_line(&mut line).unwrap_or(0) == 0 {
        return;
    }
    while lines.read_line(&mut head).unwrap_or(0) > 2 {}
    let head = head.to_lowercase();
    let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    if lines.read_exact(&mut body).is_err() {
        return;
    }
    let request = Request { line, head, body: String::from_utf8(body).unwrap() };
    let (status, body) = answer(&request);
    let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    let _no_receiver = sender.lock().unwrap().send(request);
    let _closed = wire.write_all((head + &body).as_bytes());
}

/// An endpoint that lists two models and responds to each completion with `post`.
fn endpoint(post: impl Fn(&Request) -> (&'static str, String) + Send + Sync + 'static) -> (String, Receiver<Request>) {
    let (address, requests) = serve(move |request| match request.line.split(' ').next() {
        Some("POST") => post(request),
        _ if request.line.contains("/v1/models ") => ("200 OK", MODELS.to_owned()),
        _ => ("404 Not Found", "{}".to_owned()),
    });
    (format!("http://{address}/v1"), requests)
}

fn owned((status, body): (&'static str, &str)) -> (&'static str, String) {
    (status, body.to_owned())
}

fn posts(requests: &Receiver<Request>) -> Vec<Request> {
    requests.try_iter().filter(|request| request.line.starts_with("POST ")).collect()
}

fn suite(cases: usize) -> String {
    (0..cases).fold(String::new(), |mut suite, case| {
        write!(suite, "[[case]]\nname = \"Case {case}\"\nprompt = \"Go.\"\n").unwrap();
        suite
    })
}

fn folder_with(suite: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cases.toml"), suite).unwrap();
    folder
}

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tokscope"));
    for name in ["TOKSCOPE_URL", "OPENAI_BASE_URL", "OPENAI_API_KEY", "TOKSCOPE_CONFIG", "NO_PROXY", "no_proxy"] {
        command.env_remove(name);
    }
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env_remove(name);
    }
    for home in ["XDG_STATE_HOME", "XDG_CONFIG_HOME", "LOCALAPPDATA", "APPDATA"] {
        command.env(home, folder);
    }
    command.args(args).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Exit status and stderr.
fn run(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = command(folder, args).output().unwrap();
    (status.code(), text(&stderr))
}

fn report(folder: &Path) -> Value {
    schema::read_results(folder.join("r.json"))
}

#[test]
fn a_failing_model_list_is_a_warning_if_a_model_is_given() {
    for (status, body) in [
        ("500 Oh", "out of mem"),
        ("404 Not Found", "404 page not found"),
        ("405 Method Not Allowed", ""),
        ("429 Slow", ""),
        ("501 Not Implemented", ""),
        ("200 OK", "<html>"),
    ] {
        let (address, requests) = serve(move |request| match request.line.starts_with("POST ") {
            true => ("200 OK", STREAM.to_owned()),
            false if request.line.contains("/v1/models ") => (status, body.to_owned()),
            false => ("404 Not Found", String::new()),
        });
        let url = format!("http://{address}/v1");
        let folder = folder_with(&suite(1));
        let (ended, stderr) = run(folder.path(), &[&url, "--model", "x"]);
        assert_eq!((ended, posts(&requests).len()), (Some(0), 1), "{status}: {stderr}");
        assert!(stderr.lines().any(|line| line == "x on unknown server"), "{status}: {stderr}");
        assert!(stderr.contains("warning: could not list the models, using 'x' anyway: "), "{status}: {stderr}");
        let (ended, stderr) = run(folder.path(), &[&url]);
        assert_eq!((ended, posts(&requests).len()), (Some(3), 0), "{status}: {stderr}");
        assert!(stderr.contains("/v1/models") && stderr.contains("--model NAME"), "{status}: {stderr}");
    }
}

#[test]
fn a_rejected_key_stops_the_run_and_names_its_source() {
    for (variable, args, message) in [
        (None, &[][..], "no API key was sent; set OPENAI_API_KEY"),
        (Some("OPENAI_API_KEY"), &[], "the API key from OPENAI_API_KEY was sent"),
        (Some("MY_KEY"), &["--api-key-env", "MY_KEY"], "the API key from MY_KEY was sent"),
        (None, &["--header", "Authorization: Basic eA=="], "your header 'Authorization' was sent"),
    ] {
        let (url, requests) = endpoint(|_| owned(NO_KEY));
        let folder = folder_with(&suite(10));
        let mut command =
            command(folder.path(), &[&[url.as_str(), "--model", "x", "--export", "r.json"], args].concat());
        if let Some(variable) = variable {
            command.env(variable, "sk-hunter22");
        }
        let out = command.output().unwrap();
        let stderr = text(&out.stderr);
        assert_eq!((out.status.code(), posts(&requests).len()), (Some(3), 1), "{stderr}");
        assert!(stderr.contains("stopped: HTTP 401: bad key; ") && stderr.contains(message), "{message}: {stderr}");
        assert!(!stderr.contains("hunter22"), "{stderr}");
        // The report says what happened.
        let attempts: Vec<_> =
            report(folder.path())["cases"].as_array().unwrap().iter().map(|c| c["attempts"].clone()).collect();
        let statuses: Vec<_> =
            attempts.iter().flat_map(|a| a.as_array().unwrap()).map(|a| a["status"].clone()).collect();
        assert_eq!(statuses, ["http_error"]);
    }
}

#[test]
fn no_request_follows_the_first_rejection() {
    let (url, requests) = endpoint(|_| owned(NO_KEY));
    let folder = folder_with(&suite(30));
    let (ended, stderr) = run(folder.path(), &[&url, "--model", "x", "--concurrency", "4", "--repeat", "5"]);
    let request = posts(&requests).len();
    assert!(ended == Some(3) && (1..=4).contains(&request), "{request}: {stderr}");
    assert_eq!(stderr.matches("stopped: ").count(), 1, "{stderr}");
}

#[test]
fn a_wrong_model_stops_the_run_and_lists_the_models() {
    let (url, requests) = endpoint(|_| owned(NO_MODEL));
    let folder = folder_with(&suite(10));
    let (ended, stderr) = run(folder.path(), &[&url, "--model", "x"]);
    assert_eq!((ended, posts(&requests).len()), (Some(3), 1), "{stderr}");
    let message = "stopped: model 'x': HTTP 404: The model `x` does not exist; pass another model with --model; the endpoint lists small, large";
    assert!(stderr.contains(message), "{stderr}");
}

#[test]
fn failures_of_single_cases_do_not_stop_the_run() {
    let flagged = r#"{"error":{"message":"Your input was flagged by moderation"}}"#;
    let (url, requests) = endpoint(move |request| match &request.body {
        body if body.contains("\"own\"") => owned(NO_MODEL),
        body if body.contains("flag this") => ("403 Forbidden", flagged.to_owned()),
        body if body.contains("too often") => ("429 Slow", String::new()),
        _ => ("200 OK", STREAM.to_owned()),
    });
    let cases = "[[case]]\nname = \"Own\"\nprompt = \"Go.\"\nmodel = \"own\"\n[[case]]\nname = \"Flagged\"\nprompt = \"flag this\"\n\
                 [[case]]\nname = \"Limited\"\nprompt = \"too often\"\n";
    let folder = folder_with(&format!("{cases}{}", suite(2)));
    let (ended, stderr) = run(folder.path(), &[&url, "--model", "x", "--export", "r.json"]);
    assert_eq!((ended, posts(&requests).len()), (Some(1), 5), "{stderr}");
    let report = report(folder.path());
    let attempt = |case: usize| report["cases"][case]["attempts"][0].clone();
    let statuses: Vec<_> = (0..5).map(|case| attempt(case)["status"].as_str().unwrap().to_owned()).collect();
    assert_eq!(statuses, ["http_error", "http_error", "http_error", "ok", "ok"]);
    assert_eq!(
        (&attempt(0)["error"]["kind"], &attempt(1)["error"]["kind"]),
        (&"model_not_found".into(), &"content_refused".into())
    );
}

#[test]
fn a_key_rejected_later_keeps_the_results() {
    let (url, requests) =
        endpoint(|request| if request.body.contains("second") { owned(NO_KEY) } else { ("200 OK", STREAM.to_owned()) });
    let folder = folder_with(&suite(1).replace("Go.", "first").replace("Case 0", "First"));
    let second = suite(3).replace("Go.", "second");
    std::fs::OpenOptions::new()
        .append(true)
        .open(folder.path().join("cases.toml"))
        .unwrap()
        .write_all(second.as_bytes())
        .unwrap();
    let (ended, stderr) = run(folder.path(), &[&url, "--model", "x", "--export", "r.json"]);
    assert_eq!((ended, posts(&requests).len()), (Some(1), 2), "{stderr}");
    assert_eq!(report(folder.path())["cases"][0]["attempts"][0]["status"], "ok");
    assert!(stderr.contains("stopped: HTTP 401"), "{stderr}");
}

/// An address without a listener.
fn dead() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[test]
fn errors_name_a_dead_or_rejecting_proxy() {
    let dead = dead();
    let folder = folder_with(&suite(1));
    for url in ["http://model.invalid/v1", "https://model.invalid/v1"] {
        let (ended, stderr) = run(folder.path(), &[url, "--model", "x", "--proxy", &dead]);
        assert_eq!(ended, Some(3), "{stderr}");
        let message = format!("no connection to the proxy http://{dead} (--proxy): ");
        assert!(
            stderr.contains(&message) && stderr.contains("check that the proxy is running and the port is right"),
            "{stderr}"
        );
        for (variable, proxy) in [("HTTPS_PROXY", "https://"), ("http_proxy", "http://")] {
            if !url.starts_with(proxy) {
                continue;
            }
            let mut command = command(folder.path(), &[url, "--proxy", "env"]);
            let out = command.env(variable, format!("u:hunter22@{dead}")).output().unwrap();
            let stderr = text(&out.stderr);
            assert_eq!(out.status.code(), Some(3), "{stderr}");
            assert!(stderr.contains(&format!("no connection to the proxy http://{dead} ({variable}): ")), "{stderr}");
            assert!(!stderr.contains("hunter22"), "{stderr}");
        }
    }
    for (status, message) in [
        ("403 Forbidden", "refused to connect to model.invalid:443: HTTP 403 Forbidden"),
        ("502 Bad Gateway", "refused to connect to model.invalid:443: HTTP 502 Bad Gateway"),
        ("407 Proxy Authentication Required", "requires a user name and password (HTTP 407); add them to its address"),
    ] {
        let (address, requests) = serve(move |_| (status, String::new()));
        let (ended, stderr) = run(folder.path(), &["https://model.invalid/v1", "--model", "x", "--proxy", &address]);
        assert_eq!(ended, Some(3), "{stderr}");
        assert!(stderr.contains(&format!("the proxy http://{address} (--proxy) {message}")), "{stderr}");
        assert!(requests.try_iter().all(|request| request.line.starts_with("CONNECT model.invalid:443 ")));
    }
    // Plain HTTP requests get the proxy's own response.
    for (status, message) in [
        ("407 Proxy Authentication Required", "(--proxy) requires a user name and password: "),
        (
            "502 Bad Gateway",
            "(--proxy) may have answered instead of the server; check that it can reach model.invalid:80",
        ),
    ] {
        let (address, _) = serve(move |_| (status, String::new()));
        let (ended, stderr) = run(folder.path(), &["http://model.invalid/v1", "--proxy", &address]);
        assert!(ended == Some(3) && stderr.contains(&format!("the proxy http://{address} {message}")), "{stderr}");
    }
}

#[test]
fn a_scheme_may_be_written_in_capitals() {
    let (url, _) = endpoint(|_| ("200 OK", STREAM.to_owned()));
    let folder = folder_with(&suite(1));
    let (ended, stderr) = run(folder.path(), &[&url.replace("http://", "HTTP://"), "--model", "small"]);
    assert_eq!(ended, Some(0), "{stderr}");
    let (ended, stderr) = run(folder.path(), &["HTTPS://127.0.0.1:1/v1"]);
    assert!(ended == Some(3) && stderr.contains("no connection to 127.0.0.1:1: "), "{stderr}");
}

#[cfg(feature = "tokenizer")]
#[test]
fn files_may_start_with_a_byte_order_mark_but_not_be_utf_16() {
    let (url, requests) = endpoint(|_| ("200 OK", STREAM.to_owned()));
    let folder = folder_with(&suite(1));
    let place = |name: &str| folder.path().join(name);
    let (ended, stderr) = run(folder.path(), &[&url, "--model", "small", "--export", "r.json", "--export", "r.md"]);
    assert_eq!(ended, Some(0), "{stderr}");
    let tokenizer = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/tokenizer-characters.json");
    std::fs::copy(tokenizer, place("tokenizer.json")).unwrap();
    std::fs::write(place("config.toml"), "theme = \"dark\"\n").unwrap();
    std::fs::write(place("key"), "sk-hunter22\n").unwrap();
    let runs: [&[&str]; 3] = [
        &[
            &url,
            "--model",
            "small",
            "--config",
            "config.toml",
            "--api-key-file",
            "key",
            "--tokenizer",
            "tokenizer.json",
        ],
        &["compare", "r.json", "r.json"],
        &["compare", "r.md", "r.md"],
    ];
    let files = ["cases.toml", "config.toml", "key", "tokenizer.json", "r.json", "r.md"];
    let plain: Vec<String> = files.iter().map(|name| std::fs::read_to_string(place(name)).unwrap()).collect();
    for (name, content) in files.iter().zip(&plain) {
        std::fs::write(place(name), format!("\u{feff}{content}")).unwrap();
    }
    drop(posts(&requests));
    for args in runs {
        let (ended, stderr) = run(folder.path(), args);
        assert_eq!(ended, Some(0), "{args:?}: {stderr}");
    }
    assert!(posts(&requests)[0].head.contains("authorization: bearer sk-hunter22\r\n"));
    for (name, content) in files.iter().zip(&plain) {
        let utf_16: Vec<u8> =
            std::iter::once(0xfeff).chain(content.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        std::fs::write(place(name), utf_16).unwrap();
        let args = match *name {
            "r.json" => runs[1],
            "r.md" => runs[2],
            _ => runs[0],
        };
        let (ended, stderr) = run(folder.path(), args);
        let message = "is UTF-16 or UTF-32 text; save the file as UTF-8";
        assert!(ended == Some(2) && stderr.contains(name) && stderr.contains(message), "{name}: {stderr}");
        std::fs::write(place(name), content).unwrap();
    }
}

#[test]
fn the_metrics_page_gets_the_key_only_on_request() {
    let page = "vllm:num_requests_running 1\nvllm:generation_tokens_total 2\n";
    let (address, requests) = serve(move |request| match request.line.split(' ').nth(1).unwrap_or_default() {
        "/metrics" if request.head.contains("authorization: bearer sk-hunter22\r\n") => ("200 OK", page.to_owned()),
        "/metrics" => ("401 Unauthorized", String::new()),
        "/v1/models" => ("200 OK", MODELS.to_owned()),
        "/v1/chat/completions" => ("200 OK", STREAM.to_owned()),
        _ => ("404 Not Found", String::new()),
    });
    let url = format!("http://{address}/v1");
    let folder = folder_with(&suite(1));
    let measured = |args: &[&str]| {
        let args = [&[url.as_str(), "--model", "small", "--server-metrics", "--export", "r.json"], args].concat();
        let _old = std::fs::remove_file(folder.path().join("r.json"));
        let out = command(folder.path(), &args).env("OPENAI_API_KEY", "sk-hunter22").output().unwrap();
        assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
        let keys: Vec<bool> = requests
            .try_iter()
            .filter(|request| request.line.starts_with("GET /metrics "))
            .map(|request| request.head.contains("hunter22"))
            .collect();
        (report(folder.path()), keys)
    };
    let (json, keys) = measured(&[]);
    assert!(!keys.is_empty() && keys.iter().all(|sent| !sent), "{keys:?}");
    assert!(json.to_string().contains("HTTP 401; pass --server-metrics-auth to send the API key"), "{json}");
    let (json, keys) = measured(&["--server-metrics-auth"]);
    assert!(!keys.is_empty() && keys.iter().all(|sent| *sent), "{keys:?}");
    assert_eq!(json["server_metrics"]["kind"], "vLLM");

    for args in [
        &["--server-metrics=http://elsewhere.invalid/metrics", "--server-metrics-auth"][..],
        &["--server-metrics-auth"],
    ] {
        let (ended, stderr) = run(folder.path(), &[&[url.as_str()], args].concat());
        assert!(ended == Some(2) && stderr.contains("--server-metrics"), "{stderr}");
    }
}

#[test]
fn slos_accept_names_of_other_tools_and_warn_about_the_direction() {
    let (url, _) = endpoint(|_| ("200 OK", STREAM.to_owned()));
    let folder = folder_with(&suite(1));
    let base = [url.as_str(), "--model", "small"];
    let (ended, stderr) =
        run(folder.path(), &[&base[..], &["--slo", "p99_e2el_ms<600000", "--slo", "e2el_avg<600s"]].concat());
    assert_eq!(ended, Some(0), "{stderr}");
    assert!(!stderr.contains("did you mean"), "{stderr}");
    let (ended, stderr) = run(folder.path(), &[&base[..], &["--slo", "e2e_latency_p95>600s"]].concat());
    assert_eq!(ended, Some(1), "{stderr}");
    assert!(stderr.contains("warning: threshold 'e2e_latency_p95>600s' passes when the figure is worse; did you mean 'e2e_latency_p95<600s'?"), "{stderr}");
}

#[test]
fn a_key_rejected_with_another_status_stops_the_run() {
    let folder = folder_with(&suite(3));
    for status in ["400 Bad Request", "200 OK"] {
        let refusal = r#"{"error":{"message":"Incorrect API key provided","code":"invalid_api_key"}}"#;
        let (address, requests) = endpoint(move |_| owned((status, refusal)));
        let (code, stderr) = run(folder.path(), &[&address, "--model", "small"]);
        assert_eq!((code, posts(&requests).len()), (Some(3), 1), "{status}: {stderr}");
        assert!(stderr.contains("Incorrect API key provided; no API key was sent; set OPENAI_API_KEY"), "{stderr}");
    }
}

#[test]
fn a_server_that_closes_without_a_response_gives_advice() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for wire in listener.incoming().flatten() {
            // Reads the request, because unread bytes would turn the close into a reset.
            let mut lines = BufReader::new(wire);
            let mut line = String::new();
            while lines.read_line(&mut line).unwrap_or(0) > 2 {
                line.clear();
            }
        }
    });
    let (code, stderr) = run(folder_with(&suite(1)).path(), &[&address]);
    assert_eq!(code, Some(3), "{stderr}");
    assert!(stderr.contains("dropped the connection; see the server's log"), "{stderr}");
}

#[test]
fn each_turn_is_sent_with_the_answers_before_it() {
    let (url, requests) = endpoint(|request| {
        let body: Value = serde_json::from_str(&request.body).unwrap();
        let count = body["messages"].as_array().unwrap().len();
        ("200 OK", STREAM.replace("\"a\"", &format!("\"answer after {count} messages, \"")))
    });
    let folder = folder_with(
        "[[case]]\nname = \"Talk\"\nmessages = [{ role = \"system\", content = \"Be kind.\" }]\n\
         turns = [\"Hi\", \"Why?\", \"Bye\"]\nthink_time_s = 0.01\n",
    );
    let (status, stderr) = run(folder.path(), &[&url, "--headless", "--export", "out.json", "-m", "small"]);
    assert_eq!(status, Some(0), "{stderr}");
    let sent: Vec<Vec<(String, String)>> = posts(&requests)
        .iter()
        .map(|request| {
            let body: Value = serde_json::from_str(&request.body).unwrap();
            let part = |m: &Value, key: &str| m[key].as_str().unwrap().to_owned();
            let messages = body["messages"].as_array().unwrap().iter().map(|m| (part(m, "role"), part(m, "content")));
            messages.collect()
        })
        .collect();
    assert_eq!(sent.len(), 3);
    // The first line makes the prompt unique, and is the same in all turns, so that the prefix cache can help.
    let opening = sent[0][0].1.clone();
    assert!(opening.ends_with("]\nBe kind."), "{opening}");
    let expected = [
        ("system", opening.as_str()),
        ("user", "Hi"),
        ("assistant", "answer after 2 messages, b"),
        ("user", "Why?"),
        ("assistant", "answer after 4 messages, b"),
        ("user", "Bye"),
    ];
    let owned = |(role, content): &(&str, &str)| ((*role).to_owned(), (*content).to_owned());
    assert_eq!(sent[0], expected[..2].iter().map(owned).collect::<Vec<_>>());
    assert_eq!(sent[1], expected[..4].iter().map(owned).collect::<Vec<_>>());
    assert_eq!(sent[2], expected.iter().map(owned).collect::<Vec<_>>());
    let report: Value = schema::read_results(folder.path().join("out.json"));
    let turns: Vec<_> = report["cases"][0]["attempts"].as_array().unwrap().iter().map(|a| a["turn"].as_u64()).collect();
    assert_eq!(turns, [Some(1), Some(2), Some(3)]);
    assert_eq!(report["cases"][0]["attempts"][2]["turns"], 3);
}

#[test]
fn the_turns_of_a_conversation_carry_its_number_in_a_header() {
    let (url, requests) = endpoint(|_| ("200 OK", STREAM.to_owned()));
    let folder = folder_with("[[case]]\nname = \"Talk\"\nturns = [\"Hi\", \"Bye\"]\n");
    let args = [&url, "--headless", "--no-save", "-m", "small", "-n", "2", "--session-header", "X-Session-ID"];
    let (status, stderr) = run(folder.path(), &args);
    assert_eq!(status, Some(0), "{stderr}");
    let session = |request: &Request| {
        let line = request.head.lines().find_map(|l| l.strip_prefix("x-session-id: ").map(str::to_owned)).unwrap();
        line.rsplit_once('-').unwrap().1.to_owned()
    };
    let sessions: Vec<String> = posts(&requests).iter().map(session).collect();
    // The second conversation begins with the third request.
    assert_eq!(sessions, ["1", "1", "3", "3"]);
    let (status, stderr) = run(folder.path(), &[&url, "--headless", "--session-header", "a b"]);
    assert_eq!(status, Some(2), "{stderr}");
    assert!(stderr.contains("'a b' is not the name of a header"), "{stderr}");
}

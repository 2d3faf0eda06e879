//! Failing servers. Each attempt must end with the right status and a readable reason, in bounded memory, and the run
//! must continue. What can still be read after a reset is as on Linux.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

mod support;

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;

use serde_json::Value;
use tokscope::sim::{SimConfig, Simulator};

use support::faults::{ANSWER, Fault, HEAD, Server, TOKEN, Wire, canary};
use support::tls;

/// A fault: name, limits of its case, behaviour, and the expected end of its attempt: status, kind of error, and a text
/// in the reason (for a complete answer, in its warnings).
type Row = (&'static str, &'static str, Fault, &'static str, &'static str, &'static str);

const OPEN: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

fn finish(reason: &str) -> String {
    format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{}},\"finish_reason\":{reason}}}]}}\n\ndata: [DONE]\n\n")
}

fn refuse(mut wire: Wire, status: &str, headers: &str, body: &str) {
    let length = body.len();
    wire.send(format!("HTTP/1.1 {status}\r\n{headers}connection: close\r\ncontent-length: {length}\r\n\r\n{body}"));
}

/// All faults.
#[rustfmt::skip]
const ROWS: &[Row] = &[
    // ─── Broken connections ───
    ("reset_at_once", "", |wire| wire.reset_after(""), "connect_error", "closed", "reset"),
    ("closed_at_once", "", |mut wire| { wire.send(""); }, "connect_error", "closed", "closed the connection without a response"),
    ("half_closed_at_once", "", |mut wire| wire.half_close(), "connect_error", "closed", "closed the connection without a response"),
    ("reset_in_headers", "", |wire| wire.reset_after("HTTP/1.1 200 OK\r\ncontent-ty"), "connect_error", "closed", "reset"),
    ("half_closed_in_headers", "", |mut wire| { wire.send("HTTP/1.1 200 OK\r\ncontent-ty"); wire.half_close(); }, "connect_error", "closed", "in the middle of the headers"),
    ("reset_in_stream", "", |wire| wire.reset_after(&format!("{HEAD}{TOKEN}")), "truncated", "cut", "reset"),
    ("half_closed_in_stream", "", |mut wire| { wire.send(format!("{OPEN}{}", chunk(TOKEN))); wire.half_close(); }, "truncated", "cut", "closed in the middle of the answer"),
    ("half_closed_until_close", "", |mut wire| { wire.send(format!("{HEAD}{TOKEN}")); wire.half_close(); }, "truncated", "truncated", "without a finish reason"),
    // ─── Silence and slowness ───
    ("black_hole", "timeout_s = 0.4", |mut wire| wire.hold(), "timeout", "timeout", "within the total of 0.4 s: the server sent no response"),
    ("black_hole_first_token", "first_token_timeout_s = 0.4", |mut wire| wire.hold(), "timeout", "first_token_timeout", "no token within 0.4 s: the server sent no response"),
    ("slow_headers", "timeout_s = 0.4", |mut wire| { wire.send("HTTP/1.1 200 OK\r\nx: "); wire.trickle("y"); }, "timeout", "timeout", "the total of 0.4 s: the server sent no response"),
    ("slow_body", "first_token_timeout_s = 0.6", |mut wire| { wire.send(format!("{HEAD}data: ")); wire.trickle("y"); }, "timeout", "first_token_timeout", "no token within 0.6 s: "),
    ("comments_only", "first_token_timeout_s = 0.6\nstall_timeout_s = 60", |mut wire| { wire.send(HEAD); wire.trickle(": ping\n\n"); }, "timeout", "first_token_timeout", "no token within 0.6 s: "),
    ("stall", "stall_timeout_s = 0.4", |mut wire| { wire.send(format!("{HEAD}{TOKEN}")); wire.hold(); }, "timeout", "stall_timeout", "no data for 0.4 s: 1 event with text arrived"),
    ("stall_in_prompt", "stall_timeout_s = 0.2\ntimeout_s = 0.8", |mut wire| { wire.send(HEAD); wire.hold(); }, "timeout", "timeout", "only headers arrived (HTTP 200)"),
    // ─── Unlimited data ───
    ("endless_stream", "timeout_s = 1", |mut wire| { wire.send(HEAD); wire.trickle(TOKEN); }, "timeout", "timeout", "within 1 s"),
    ("endless_after_done", "", |mut wire| { wire.send(format!("{HEAD}{ANSWER}")); wire.flood(TOKEN.repeat(999)); }, "ok", "", "went on sending after its answer was complete"),
    ("open_after_done", "", |mut wire| { wire.send(format!("{HEAD}{ANSWER}")); wire.hold(); }, "ok", "", "kept the connection open after its answer was complete"),
    ("error_after_done", "", |mut wire| { wire.send(format!("{HEAD}{ANSWER}data: {{\"error\":\"x\"}}\n\n")); }, "ok", "", "1 events came after the end of the answer"),
    ("document_of_10_gib", "", |mut wire| { wire.send("HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n{\"a\":\""); wire.flood(vec![b'x'; 1 << 20]); }, "stream_error", "oversized", "more than 16 MiB"),
    ("event_of_10_gib", "", |mut wire| { wire.send("HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\ndata: "); wire.flood(vec![b'x'; 1 << 20]); }, "stream_error", "oversized", "16 MiB"),
    ("page_of_10_gib", "", |mut wire| { wire.send("HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n<html>oh no "); wire.flood(vec![b'x'; 1 << 20]); }, "stream_error", "no_stream", "oh no"),
    ("error_of_10_gib", "", |mut wire| { wire.send("HTTP/1.1 500 Oh\r\ncontent-length: 10737418240\r\n\r\noh no "); wire.flood(vec![b'x'; 1 << 20]); }, "http_error", "http", "HTTP 500: oh no"),
    ("header_of_1_mib", "", |mut wire| { wire.send(format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n{ANSWER}", "y".repeat(1 << 20))); }, "connect_error", "closed", "headers are longer than 256 KiB"),
    ("headers_of_1_mib", "", |mut wire| { wire.send(format!("HTTP/1.1 200 OK\r\n{}\r\n{ANSWER}", format!("x: {}\r\n", "y".repeat(100)).repeat(9999))); }, "connect_error", "closed", "more than 128 headers"),
    ("interim_flood", "", |mut wire| wire.flood("HTTP/1.1 100 Continue\r\n\r\n".repeat(10)), "connect_error", "closed", "more than 64 interim responses"),
    // ─── Invalid HTTP ───
    ("no_http", "", |mut wire| { wire.send("SSH-2.0-OpenSSH_9.7\r\n"); }, "connect_error", "closed", "check that this is an HTTP server"),
    ("tls_on_a_plain_port", "", |mut wire| { wire.send([0x15, 3, 3, 0, 2, 2, 70]); }, "connect_error", "closed", "speaks TLS there; try https://"),
    ("chunks_of_garbage", "", |mut wire| { wire.send(format!("{OPEN}{}zzz\r\n", chunk(TOKEN))); }, "truncated", "cut", "the size of a chunk of the response is not a number"),
    ("length_too_long", "", |mut wire| { wire.send(format!("HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n{TOKEN}")); }, "truncated", "cut", "closed in the middle of the answer"),
    ("length_too_short", "", |mut wire| { wire.send(format!("HTTP/1.1 200 OK\r\ncontent-length: 70\r\n\r\n{ANSWER}")); wire.hold(); }, "truncated", "truncated", "without a finish reason"),
    // ─── Rejections ───
    ("limited", "", |wire| refuse(wire, "429 No", "retry-after: 3600\r\n", "{\"error\":\"slow down\"}"), "http_error", "rate_limited", "HTTP 429: slow down; retry after 3600 s"),
    ("error_in_html", "", |wire| refuse(wire, "502 Bad", "", "<html><h1>Bad Gateway</h1></html>"), "http_error", "http", "HTTP 502: Bad Gateway"),
    ("error_in_json", "", |wire| refuse(wire, "503 No", "", "{\"error\":{\"message\":\"busy\"}}"), "http_error", "unavailable", "HTTP 503: busy"),
    ("error_without_a_body", "", |wire| refuse(wire, "500 Oh", "", ""), "http_error", "http", "HTTP 500"),
    ("empty", "", |wire| refuse(wire, "200 OK", "", ""), "truncated", "truncated", "empty body, without a finish reason"),
    ("no_content", "", |mut wire| { wire.send("HTTP/1.1 204 No Content\r\n\r\n"); wire.hold(); }, "empty", "no_content", "HTTP 204: the server sent no content; check that the address"),
    ("reset_content", "", |mut wire| { wire.send("HTTP/1.1 205 Reset Content\r\n\r\n"); wire.hold(); }, "empty", "no_content", "HTTP 205: the server sent no content"),
    // ─── Ends of streams ───
    ("aborted", "", |mut wire| { wire.send(format!("{HEAD}{TOKEN}{}", finish("\"abort\""))); }, "stream_error", "finish_reason", "the server ended the answer with finish reason \"abort\""),
    ("object_as_finish_reason", "", |mut wire| { wire.send(format!("{HEAD}{TOKEN}{}", finish("{\"message\":\"oh no\"}"))); }, "stream_error", "finish_reason", "oh no"),
    ("unknown_finish_reason", "", |mut wire| { wire.send(format!("{HEAD}{TOKEN}{}", finish("\"bored\""))); }, "ok", "", "unknown finish reason \\\"bored\\\""),
    ("error_as_a_field", "", |mut wire| { wire.send(format!("{HEAD}{TOKEN}error: {{\"message\":\"oh no\"}}\n\n")); }, "stream_error", "server", "oh no"),
    ("cut_in_an_event", "", |mut wire| { wire.send(format!("{HEAD}{TOKEN}data: {{\"cho")); }, "truncated", "truncated", "ended in the middle of an event"),
    ("completions", "", |mut wire| { wire.send(format!("{HEAD}{}data: [DONE]\n\n", TOKEN.replace("\"delta\":{\"content\":\"a\"}", "\"text\":\"a\""))); }, "ok", "", "legacy completions API"),
    ("other_api", "", |mut wire| { wire.send(format!("{HEAD}data: {{\"type\":\"content_block_delta\",\"delta\":{{\"text\":\"a\"}}}}\n\n")); }, "truncated", "truncated", "pass --api messages"),
];

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tokscope"));
    for name in ["TOKSCOPE_URL", "OPENAI_BASE_URL", "OPENAI_API_KEY", "NO_PROXY", "no_proxy"] {
        command.env_remove(name);
    }
    command.env("XDG_STATE_HOME", folder).current_dir(folder);
    command.args(["--headless", "--export", "r.json", "--export", "r.md"]).args(args);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn folder_with(suite: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cases.toml"), suite).unwrap();
    folder
}

const ONE_CASE: &str = "[[case]]\nname = \"Only\"\nprompt = \"Go.\"\n";

fn case_of(scenario: &str) -> String {
    format!("[[case]]\nname = \"{scenario}\"\nprompt = \"This is scenario {scenario}.\"\n")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn report(folder: &Path) -> Value {
    support::schema::read_results(folder.join("r.json"))
}

/// Status, kind of error, and error message (without an error, all warnings).
fn outcome(attempt: &Value) -> (String, String, String) {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let error = &attempt["error"];
    let reason = if error.is_null() { attempt["warnings"].to_string() } else { text(&error["message"]) };
    (text(&attempt["status"]), text(&error["kind"]), reason)
}

#[test]
fn every_fault_has_its_status_and_reason_and_the_run_continues() {
    let server = Server::start(ROWS.iter().map(|row| (row.0, row.2)).collect());
    let mut suite = String::new();
    for (name, limits, ..) in ROWS {
        write!(suite, "{}{limits}\n{}", case_of(name), case_of(&format!("well_after_{name}"))).unwrap();
    }
    let folder = folder_with(&suite);
    let out = command(folder.path(), &[&server.url()]).output().unwrap();
    assert_eq!(out.status.code(), Some(1), "{}", text(&out.stderr));
    let json = report(folder.path());
    let attempts: Vec<&Value> = json["cases"].as_array().unwrap().iter().map(|c| &c["attempts"][0]).collect();
    assert_eq!(attempts.len(), 2 * ROWS.len());
    let mut wrong = Vec::new();
    for (row, pair) in ROWS.iter().zip(attempts.chunks(2)) {
        let (name, _, _, status, kind, says) = *row;
        let (got, got_kind, reason) = outcome(pair[0]);
        if (got.as_str(), got_kind.as_str()) != (status, kind) || !reason.contains(says) || reason.len() > 3000 {
            wrong.push(format!("{name}: {got} {got_kind}: {reason}"));
        }
        if pair[1]["status"] != "ok" || pair[1]["text"] != "ab" {
            wrong.push(format!("after {name}: {}", pair[1]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // The faults offer more than 40 GiB.
    let sent = server.sent.load(Ordering::SeqCst) >> 20;
    assert!(sent < 256, "{sent} MiB were read from the server or wait in sockets");
}

#[test]
fn an_aborted_answer_is_status_1_and_counts_in_the_error_rate() {
    let abort: Fault = |mut wire| {
        wire.send(format!("{HEAD}{TOKEN}{}", finish("\"abort\"")));
    };
    let server = Server::start(vec![("abort", abort)]);
    let folder = folder_with(&(case_of("abort") + &case_of("well")));
    let out = command(folder.path(), &[&server.url(), "--slo", "error_rate<10%"]).output().unwrap();
    assert_eq!(out.status.code(), Some(1), "{}", text(&out.stderr));
    assert!(text(&out.stderr).contains("finish reason \"abort\""), "{}", text(&out.stderr));
    let json = report(folder.path());
    assert_eq!((&json["summary"]["ok"], &json["summary"]["failed"]), (&1.into(), &1.into()));
    let attempt = &json["cases"][0]["attempts"][0];
    assert_eq!((&attempt["status"], &attempt["finish_reason"]), (&"stream_error".into(), &"abort".into()));
    assert_eq!(json["summary"]["errors"], serde_json::json!({ "finish_reason": 1 }));
    assert_eq!(json["summary"]["slo_met"], false);
    let markdown = std::fs::read_to_string(folder.path().join("r.md")).unwrap();
    assert!(markdown.contains("finish reason \"abort\""), "{markdown}");
}

#[test]
fn retries_are_reported_and_excluded_from_timings() {
    let storm: Fault = |wire| {
        if wire.number < 2 { refuse(wire, "429 No", "retry-after: 0\r\n", "no") } else { well(wire) }
    };
    let server = Server::start(vec![("storm", storm)]);
    let folder = folder_with(&case_of("storm"));
    let out = command(folder.path(), &[&server.url(), "--retries", "2"]).output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    let json = report(folder.path());
    let attempt = &json["cases"][0]["attempts"][0];
    let retries = attempt["retries"].as_array().unwrap();
    let facts: Vec<_> = retries.iter().map(|r| (r["kind"].as_str().unwrap(), r["http_status"].as_u64())).collect();
    assert_eq!(facts, [("rate_limited", Some(429)); 2]);
    let start = |v: &Value| v["started_at"].as_str().unwrap().to_owned();
    assert!(start(&retries[0]) <= start(&retries[1]) && start(&retries[1]) <= start(attempt));
    let message = "answered on try 3 after 2 × HTTP 429; times count from the last try";
    assert!(attempt["warnings"].to_string().contains(message), "{attempt}");
    assert!(text(&out.stderr).contains(message) && text(&out.stdout).contains("needed retries: 1 of 1 attempt"));
    assert_eq!(json["summary"]["findings"][0], serde_json::json!({ "key": "retried", "attempts": 1 }));
    assert!(std::fs::read_to_string(folder.path().join("r.md")).unwrap().contains("- needed retries: 1 of 1 attempt"));
}

fn well(mut wire: Wire) {
    wire.send(format!("{HEAD}{ANSWER}"));
}

#[test]
fn a_redirect_sends_no_key_to_another_host() {
    use std::sync::OnceLock;
    static ELSEWHERE: OnceLock<u16> = OnceLock::new();
    let (port, visits) = canary();
    ELSEWHERE.set(port).unwrap();
    let redirect: Fault = |wire| {
        let to = format!("location: http://u:hunter22@127.0.0.1:{}/v1?key=hunter22\r\n", ELSEWHERE.get().unwrap());
        refuse(wire, "307 Elsewhere", &to, "");
    };
    let server = Server::start(vec![("redirect", redirect)]);
    let folder = folder_with(&case_of("redirect"));
    let run = |url: &str| command(folder.path(), &[url]).env("OPENAI_API_KEY", "sk-canary").output().unwrap();
    let out = run(&server.url());
    assert_eq!(out.status.code(), Some(1), "{}", text(&out.stderr));
    let (status, kind, reason) = outcome(&report(folder.path())["cases"][0]["attempts"][0]);
    assert_eq!((status.as_str(), kind.as_str()), ("http_error", "redirect"));
    assert_eq!(reason, format!("HTTP 307: redirects to http://127.0.0.1:{port}/v1, which is not followed"));

    // A redirect of the model list.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _asked = BufReader::new(stream.try_clone().unwrap())
                .lines()
                .take_while(|l| l.as_ref().is_ok_and(|l| !l.is_empty()))
                .count();
            let head = format!("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{port}/v1/models\r\n");
            let _closed = stream.write_all(format!("{head}connection: close\r\ncontent-length: 0\r\n\r\n").as_bytes());
        }
    });
    let out = run(&url);
    assert_eq!(out.status.code(), Some(3));
    assert!(text(&out.stderr).contains("which is not followed"), "{}", text(&out.stderr));
    assert_eq!(visits.load(Ordering::SeqCst), 0);
}

/// Runs one case against this address. Returns status, stderr and, if written, the reports.
fn run_once(url: &str, args: &[&str]) -> (Option<i32>, String, Option<(Value, String)>) {
    let folder = folder_with(ONE_CASE);
    let out = command(folder.path(), &[&[url], args].concat()).output().unwrap();
    let markdown = std::fs::read_to_string(folder.path().join("r.md")).ok();
    (out.status.code(), text(&out.stderr), markdown.map(|md| (report(folder.path()), md)))
}

#[test]
fn certificates_are_verified_unless_disabled_with_a_warning() {
    let ca = tls::file("ca.pem");
    let url = |port: u16| format!("https://localhost:{port}/v1");
    let trusted = ["--cacert", ca.as_str()];
    let (status, stderr, written) = run_once(&url(tls::serve("good.pem", "good.pem")), &trusted);
    assert_eq!(status, Some(0), "{stderr}");
    let (json, markdown) = written.unwrap();
    assert_eq!((&json["target"]["tls_verified"], &json["target"]["proxy"]), (&Value::Bool(true), &Value::Null));
    assert!(json["cases"][0]["attempts"][0]["connect_ms"].is_number());
    assert!(!stderr.contains("insecure") && !markdown.contains("insecure"));

    for (certificate, args, reason) in [
        ("good.pem", &[][..], "trust the issuer or this certificate with --cacert FILE"),
        ("self-signed.pem", &trusted, "skip verification with --insecure"),
        ("expired.pem", &trusted, "expired"),
        ("elsewhere.pem", &trusted, "elsewhere.example"),
    ] {
        let (status, stderr, written) = run_once(&url(tls::serve(certificate, certificate)), args);
        assert_eq!((status, written.is_some()), (Some(3), false), "{certificate}: {stderr}");
        assert!(stderr.contains("certificate") && stderr.contains(reason), "{certificate}: {stderr}");
        let (status, stderr, written) = run_once(&url(tls::serve(certificate, certificate)), &["--insecure"]);
        assert_eq!(status, Some(0), "{certificate}: {stderr}");
        assert!(stderr.contains("warning: --insecure: the certificate is not checked"), "{stderr}");
        let (json, markdown) = written.unwrap();
        assert_eq!(json["target"]["tls_verified"], false);
        assert!(markdown.contains("> **TLS not verified**") && markdown.contains("not verified (`--insecure`)"));
    }
}

#[test]
fn a_given_certificate_is_trusted_while_valid() {
    let port = tls::serve("openssl-req.pem", "openssl-req.pem");
    for (certificate, host, trusted) in [
        ("openssl-req.pem", "localhost", true),
        ("openssl-req.pem", "127.0.0.1", true),
        // Giving this very certificate means trusting the server under any name.
        ("openssl-req-elsewhere.pem", "localhost", true),
        ("self-signed.pem", "localhost", true),
        ("openssl-req-expired.pem", "localhost", false),
    ] {
        let own = tls::file(certificate);
        let url = format!("https://{host}:{}/v1", tls::serve(certificate, certificate));
        let (status, stderr, written) = run_once(&url, &["--cacert", &own]);
        assert_eq!(status, Some(if trusted { 0 } else { 3 }), "{certificate}: {stderr}");
        assert_eq!(stderr.contains("expired"), !trusted, "{certificate}: {stderr}");
        assert!(written.is_none_or(|(json, _)| json["target"]["tls_verified"] == true), "{certificate}");
    }
    // A different certificate of the same kind is not trusted.
    let other = tls::file("openssl-req-elsewhere.pem");
    let (status, stderr, _) = run_once(&format!("https://localhost:{port}/v1"), &["--cacert", &other]);
    assert!(status == Some(3) && stderr.contains("certificate"), "{stderr}");
}

#[test]
fn a_certificate_that_expires_in_the_run_fails_its_attempt() {
    let ca = tls::file("ca.pem");
    let port = tls::serve("good.pem", "expired.pem");
    let (status, stderr, written) =
        run_once(&format!("https://localhost:{port}/v1"), &["--cacert", &ca, "--retries", "3"]);
    assert_eq!(status, Some(1), "{stderr}");
    let attempt = &written.unwrap().0["cases"][0]["attempts"][0];
    let (status, kind, reason) = outcome(attempt);
    assert_eq!((status.as_str(), kind.as_str()), ("connect_error", "tls"));
    assert!(reason.contains("expired"), "{reason}");
    // A retry would not help.
    assert_eq!(attempt["retries"], serde_json::json!([]));
}

#[test]
fn a_wrong_protocol_is_reported_both_ways() {
    let plain = Simulator::start(SimConfig::default()).unwrap();
    let (status, stderr, _) = run_once(&plain.url().replace("http://", "https://"), &[]);
    assert_eq!(status, Some(3), "{stderr}");
    assert!(stderr.contains("the server may not use TLS here; try http://"), "{stderr}");
    let (status, stderr, _) = run_once(&format!("http://localhost:{}/v1", tls::serve("good.pem", "good.pem")), &[]);
    assert_eq!(status, Some(3), "{stderr}");
    assert!(stderr.contains("check that this is an HTTP server; it may need https://"), "{stderr}");
    let (status, stderr, _) = run_once("http://nonexistent.invalid/v1", &[]);
    assert_eq!(status, Some(3), "{stderr}");
    assert!(stderr.contains("cannot resolve the host name 'nonexistent.invalid' ("), "{stderr}");
}

#[test]
fn a_file_without_certificates_is_a_mistake() {
    let folder = folder_with(ONE_CASE);
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (content, reason) in [
        (Some(""), "is empty"),
        (Some("DER?"), "holds no certificate in PEM"),
        (Some(key), "holds no certificate in PEM"),
        (Some(broken), "certificate 1 in it is invalid"),
        (None, "there is no such file"),
    ] {
        let path = folder.path().join("ca.pem");
        match content {
            Some(content) => std::fs::write(&path, content).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        let out = command(folder.path(), &["https://localhost:1/v1", "--cacert", "ca.pem"]).output().unwrap();
        let stderr = text(&out.stderr);
        assert_eq!(out.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains("--cacert 'ca.pem'") && stderr.contains(reason), "{reason} in {stderr}");
    }
}

#[test]
fn plain_http_needs_no_roots() {
    let server = Server::start(Vec::new());
    let folder = folder_with(ONE_CASE);
    let mut command = command(folder.path(), &[&server.url()]);
    let out = command.env("SSL_CERT_FILE", "/nonexistent").env("SSL_CERT_DIR", "/nonexistent").output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
}

/// A proxy that answers all requests itself and sends their first lines.
fn proxy() -> (String, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (request_line, requests) = channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(stream.try_clone().unwrap());
            let (mut first, mut line, mut length) = (String::new(), String::new(), 0);
            lines.read_line(&mut first).unwrap();
            while lines.read_line(&mut line).unwrap_or(0) > 2 {
                length =
                    line.to_lowercase().strip_prefix("content-length: ").map_or(length, |l| l.trim().parse().unwrap());
                line.clear();
            }
            lines.read_exact(&mut vec![0; length]).unwrap();
            let models = r#"{"object":"list","data":[{"id":"m","object":"model"}]}"#;
            let body = if first.starts_with("POST ") { ANSWER } else { models };
            let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
            request_line.send(first).unwrap();
            let _closed = stream.write_all((head + body).as_bytes());
        }
    });
    (address, requests)
}

fn run_with_proxies(url: &str, args: &[&str], proxy: &str) -> (Output, tempfile::TempDir) {
    let folder = folder_with(ONE_CASE);
    let mut command = command(folder.path(), &[&[url], args].concat());
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env(name, proxy);
    }
    (command.output().unwrap(), folder)
}

#[test]
fn a_proxy_is_used_only_on_request_and_reported() {
    let server = Server::start(Vec::new());
    for args in [&[][..], &["--proxy", "env"]] {
        // Requests to this machine never use a proxy from the environment.
        let (address, requests) = proxy();
        let (out, folder) = run_with_proxies(&server.url(), args, &format!("http://{address}"));
        assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
        assert_eq!(requests.try_iter().count(), 0);
        assert_eq!(report(folder.path())["target"]["proxy"], Value::Null);
    }
    let (address, requests) = proxy();
    let (out, folder) =
        run_with_proxies("http://model.invalid/v1", &["--proxy", "env"], &format!("http://u:hunter22@{address}"));
    let stderr = text(&out.stderr);
    assert_eq!(out.status.code(), Some(0), "{stderr}");
    let request_line: Vec<String> = requests.try_iter().collect();
    assert!(
        request_line.iter().any(|r| r.starts_with("POST http://model.invalid/v1/chat/completions ")),
        "{request_line:?}"
    );
    let shown = format!("http://{address}");
    assert_eq!(report(folder.path())["target"]["proxy"], shown);
    let markdown = std::fs::read_to_string(folder.path().join("r.md")).unwrap();
    assert!(stderr.contains(&format!("through the proxy {shown}")) && markdown.contains("**Proxy**"), "{markdown}");
    let json = std::fs::read_to_string(folder.path().join("r.json")).unwrap();
    assert!(![stderr, text(&out.stdout), markdown, json].iter().any(|t| t.contains("hunter22")));

    // A proxy given on the command line is used even for this machine.
    let (address, requests) = proxy();
    let (status, stderr, _) = run_once(&server.url(), &["--proxy", &address]);
    assert_eq!(status, Some(0), "{stderr}");
    assert!(requests.try_iter().count() > 0);
    let (status, stderr, _) = run_once(&server.url(), &["--proxy", "socks5://u:hunter22@h:1"]);
    assert!(status == Some(2) && stderr.contains("is not an HTTP proxy") && !stderr.contains("hunter22"), "{stderr}");
}

#[test]
fn a_suspended_headless_run_marks_attempts_in_flight() {
    use std::sync::{Mutex, OnceLock};
    static GATE: OnceLock<Mutex<std::sync::mpsc::Receiver<()>>> = OnceLock::new();
    static STARTED: OnceLock<Mutex<std::sync::mpsc::Sender<()>>> = OnceLock::new();
    let (open, gate) = channel();
    let (started, wait_for_start) = channel();
    GATE.set(Mutex::new(gate)).unwrap();
    STARTED.set(Mutex::new(started)).unwrap();
    let gated: Fault = |mut wire| {
        wire.send(HEAD);
        STARTED.get().unwrap().lock().unwrap().send(()).unwrap();
        GATE.get().unwrap().lock().unwrap().recv().unwrap();
        wire.send(ANSWER);
    };
    let server = Server::start(vec![("gated", gated)]);
    let folder = folder_with(&format!("{}{}", case_of("gated"), case_of("well")));
    let child = command(folder.path(), &[&server.url()]).spawn().unwrap();
    wait_for_start.recv().unwrap();
    let pid = child.id();
    let signal = |name: &str| {
        assert!(Command::new("kill").args(["-s", name, &pid.to_string()]).status().unwrap().success());
    };
    let state = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    signal("TSTP");
    while !state().contains(") T ") {
        std::thread::yield_now();
    }
    open.send(()).unwrap();
    signal("CONT");
    let out = child.wait_with_output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    let json = report(folder.path());
    let warnings = |case: usize| json["cases"][case]["attempts"][0]["warnings"].to_string();
    assert!(warnings(0).contains("suspended") && !warnings(1).contains("suspended"), "{} {}", warnings(0), warnings(1));
}

//! Tests of the engine against a scripted server on a loopback socket. They check order and content, never times.

mod faults;
mod list;
mod tls;
mod wire;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use super::*;
use crate::domain::attempt::{AttemptRecord, AttemptStatus, TokenSource};
use crate::domain::request_lengths::RequestLengths;
use crate::domain::suite::{CaseSpec, Message};
use crate::protocol::api::{Api, CHAT};

const TEXT: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
const FINISH: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n";

fn sse(events: &[&str]) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n{}", events.concat())
}

fn json(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n{body}")
}

/// Starts a server that answers each connection with the next script. Returns its URL, and a channel with the requests.
fn serve(answers: Vec<String>) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let (asked, requests) = channel();
    thread::spawn(move || {
        for answer in answers {
            let (mut stream, _peer) = listener.accept().unwrap();
            asked.send(read_request(&mut stream)).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
        }
    });
    (url, requests)
}

pub(in crate::engine) fn read_request(stream: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    let mut block = [0; 4096];
    loop {
        let n = stream.read(&mut block).unwrap();
        bytes.extend_from_slice(&block[..n]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(n > 0 || text.contains("\r\n\r\n"), "the connection closed within a request");
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if n == 0 || body.len() >= length.unwrap_or(0) {
            return text;
        }
    }
}

fn engine(url: &str) -> (Engine, Receiver<EngineFact>) {
    engine_with(url, false)
}

fn engine_with(url: &str, warm: bool) -> (Engine, Receiver<EngineFact>) {
    engine_for(url, &CHAT, warm)
}

fn engine_for(url: &str, api: &'static Api, warm: bool) -> (Engine, Receiver<EngineFact>) {
    engine_of(config(url, api, warm))
}

fn config(url: &str, api: &'static Api, warm: bool) -> EngineConfig {
    EngineConfig {
        session_header: None,
        base_url: url.to_owned(),
        api,
        api_key: Some("sk-canary".to_owned()),
        headers: vec![("x-team".to_owned(), "ours".to_owned())],
        run_id: "run".to_owned(),
        warm,
        network: Network::default(),
    }
}

fn engine_of(config: EngineConfig) -> (Engine, Receiver<EngineFact>) {
    let (sender, facts) = channel();
    #[expect(clippy::disallowed_methods, reason = "the epoch of this test's run")]
    let epoch = Instant::now();
    let engine = Engine::start(config, epoch, move |fact| drop(sender.send(fact))).unwrap();
    (engine, facts)
}

fn start(engine: &Engine, timeout: Duration) -> AttemptId {
    start_number(engine, 1, timeout)
}

fn start_number(engine: &Engine, number: u32, timeout: Duration) -> AttemptId {
    start_case(engine, number, case(timeout))
}

fn start_case(engine: &Engine, number: u32, case: CaseSpec) -> AttemptId {
    let id = AttemptId { case: 0, number };
    let case = Arc::new(case);
    engine.send(EngineCommand::Start {
        lengths: RequestLengths::default(),
        row: None,
        turn: None,
        id,
        case,
        model: "m".into(),
        warmup: false,
        due: None,
        ready: None,
    });
    id
}

fn case(timeout: Duration) -> CaseSpec {
    CaseSpec { messages: vec![Message::user("hi")], max_tokens: 10, timeout, ..crate::domain::testing::case("c") }
}

fn end(facts: &Receiver<EngineFact>) -> Arc<AttemptRecord> {
    loop {
        if let EngineFact::Ended { record, .. } = facts.recv().unwrap() {
            return record;
        }
    }
}

fn measure(answers: Vec<String>) -> (Arc<AttemptRecord>, Vec<String>) {
    measure_in(&CHAT, answers)
}

fn measure_in(api: &'static Api, answers: Vec<String>) -> (Arc<AttemptRecord>, Vec<String>) {
    let (url, requests) = serve(answers);
    let (engine, facts) = engine_for(&url, api, true);
    start(&engine, Duration::from_secs(30));
    let record = end(&facts);
    (record, requests.try_iter().collect())
}

fn failure(record: &AttemptRecord) -> (AttemptStatus, &str) {
    (record.status, record.error.as_ref().map_or("", |e| e.message.as_str()))
}

#[test]
fn a_whole_stream() {
    let (record, requests) = measure(vec![sse(&[TEXT, TEXT, FINISH, USAGE, "data: [DONE]\n\n"])]);
    assert_eq!(failure(&record), (AttemptStatus::Ok, ""));
    assert_eq!((record.text.as_str(), record.output_tokens()), ("aa", Some((2, TokenSource::Usage))));
    assert!(record.connect_ms.is_some() && record.first_text_ms().is_some());
    // The whole answer arrived in one read, so there is no time to the first token.
    assert_eq!(record.time_to_first_token_ms(), None);
    assert_eq!(record.event_count, 5);
    let asked = requests[0].to_lowercase();
    assert!(asked.starts_with("post /v1/chat/completions"), "{asked}");
    for header in ["authorization: bearer sk-canary", "x-team: ours", "x-request-id: run-1-1"] {
        assert!(asked.contains(header), "{header} in {asked}");
    }
    assert!(!asked.contains("accept-encoding"), "compression would hold tokens back");
}

#[test]
fn a_panic_in_one_attempt_is_reported_and_ends_the_engine() {
    let (url, _requests) = serve(vec![sse(&[TEXT, FINISH])]);
    let (sender, facts) = channel();
    // The engine calls the sink from within the attempt.
    let sink = move |fact| match fact {
        EngineFact::Started { .. } => panic!("within an attempt"),
        fact => drop(sender.send(fact)),
    };
    #[expect(clippy::disallowed_methods, reason = "the epoch of this test's run")]
    let engine = Engine::start(config(&url, &CHAT, true), Instant::now(), sink).unwrap();
    start(&engine, Duration::from_secs(30));
    let fact = facts.recv_timeout(Duration::from_secs(60)).unwrap();
    assert!(matches!(&fact, EngineFact::Died(why) if why == "an internal error"), "{fact:?}");
    // The sink is dropped when the thread ends, which closes the channel.
    assert!(facts.recv_timeout(Duration::from_secs(60)).is_err());
    assert!(!engine.send(EngineCommand::Shutdown));
}

#[test]
fn a_failing_helper_is_reported_and_ends_the_engine() {
    let (engine, facts) = engine("http://127.0.0.1:1/v1");
    engine.failed.send("an internal error in the thread 'pulse'".to_owned()).unwrap();
    let fact = facts.recv_timeout(Duration::from_secs(60)).unwrap();
    assert!(matches!(&fact, EngineFact::Died(why) if why.ends_with("'pulse'")), "{fact:?}");
    assert!(facts.recv_timeout(Duration::from_secs(60)).is_err());
    assert!(!engine.send(EngineCommand::Shutdown));
}

#[test]
fn the_last_event_may_lack_its_blank_line() {
    let (record, _) = measure(vec![sse(&[TEXT, "data: [DONE]"])]);
    assert_eq!((record.status, record.text.as_str()), (AttemptStatus::Ok, "a"));
}

#[test]
fn a_reused_connection_that_closes_before_the_response_is_replaced() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let body = [TEXT, FINISH, USAGE, "data: [DONE]\n\n"].concat();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length:";
        let answer = format!("{head} {}\r\n\r\n{body}", body.len());
        let (mut kept, _peer) = listener.accept().unwrap();
        read_request(&mut kept);
        kept.write_all(answer.as_bytes()).unwrap();
        let lost = read_request(&mut kept);
        drop(kept);
        let (mut fresh, _peer) = listener.accept().unwrap();
        let repeated = read_request(&mut fresh);
        fresh.write_all(answer.as_bytes()).unwrap();
        (lost, repeated)
    });
    let (engine, facts) = engine(&url);
    start(&engine, Duration::from_secs(30));
    assert_eq!(failure(&end(&facts)), (AttemptStatus::Ok, ""));
    start(&engine, Duration::from_secs(30));
    let record = end(&facts);
    assert_eq!(failure(&record), (AttemptStatus::Ok, ""));
    assert!(record.connect_ms.is_some());
    // The whole stream was ready before the server sent its first byte, so it has a length but no TTFT.
    assert!(record.content_length.is_some() && record.first_text_ms().is_some());
    assert_eq!(record.time_to_first_token_ms(), None);
    let (lost, repeated) = server.join().unwrap();
    assert!(lost.starts_with("POST") && lost == repeated);
}

#[test]
fn rejected_stream_options_are_omitted_and_the_clock_restarts() {
    let refusal = json("400 Bad Request", r#"{"error":{"message":"stream_options: Extra inputs are not permitted"}}"#);
    let (record, requests) = measure(vec![refusal, sse(&[TEXT, TEXT, FINISH])]);
    assert_eq!(record.status, AttemptStatus::Ok);
    assert_eq!(record.output_tokens(), Some((2, TokenSource::Estimate)));
    assert!(requests[0].contains("stream_options") && !requests[1].contains("stream_options"));
}

#[test]
fn counts_per_event_are_requested_until_the_server_rejects_the_option() {
    let refuse =
        |field: &str| json("400 Bad Request", &format!(r#"{{"message":"{field}: Extra inputs are not permitted"}}"#));
    let (url, requests) = serve(vec![
        json("200 OK", r#"{"data":[{"id":"m","owned_by":"vllm"}]}"#),
        json("200 OK", r#"{"version":"0.29.0"}"#),
        refuse("stream_options.continuous_usage_stats"),
        sse(&[TEXT, FINISH, USAGE]),
        refuse("stream_options"),
        sse(&[TEXT, FINISH]),
        sse(&[TEXT, FINISH]),
    ]);
    let (engine, facts) = engine(&url);
    engine.send(EngineCommand::Discover { retry: false, needs_list: true });
    assert!(matches!(facts.recv().unwrap(), EngineFact::Discovered { .. }));
    let warnings = [1, 2, 3].map(|number| {
        start_number(&engine, number, Duration::from_secs(30));
        let record = end(&facts);
        assert_eq!(failure(&record), (AttemptStatus::Ok, ""));
        record.warnings.iter().filter(|w| w.contains("rejects")).cloned().collect::<Vec<_>>()
    });
    let asked: Vec<_> = requests.try_iter().filter(|r| r.starts_with("POST")).collect();
    let fields: Vec<_> = asked
        .iter()
        .map(|r| (r.contains("\"include_usage\":true"), r.contains("\"continuous_usage_stats\":true")))
        .collect();
    assert_eq!(fields, [(true, true), (true, false), (true, false), (false, false), (false, false)]);
    assert_eq!(warnings[0], ["the server rejects continuous_usage_stats; tokscope now omits it"]);
    assert_eq!(warnings[1], ["the server rejects stream_options; tokscope now omits it"]);
    assert!(warnings[2].is_empty());
}

#[test]
fn prompts_are_unique_without_the_option_warm() {
    let prompts = |warm: bool| {
        let answer = || sse(&[TEXT, FINISH, USAGE]);
        let (url, requests) = serve(vec![answer(), answer()]);
        let (engine, facts) = engine_with(&url, warm);
        [1, 2].map(|number| {
            start_number(&engine, number, Duration::from_secs(30));
            let record = end(&facts);
            let request = requests.recv().unwrap();
            let body: serde_json::Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
            (body["messages"][0]["content"].as_str().unwrap().to_owned(), record.nonce.clone())
        })
    };
    let [(first, nonce), (second, other)] = prompts(false);
    assert_eq!(first, format!("[{}]\nhi", nonce.unwrap()));
    assert_eq!(second, format!("[{}]\nhi", other.unwrap()));
    assert_ne!(first, second);
    assert_eq!(prompts(true), [("hi".to_owned(), None), ("hi".to_owned(), None)]);
}

#[test]
fn a_record_has_its_request_as_sent_without_secrets() {
    let (url, requests) = serve(vec![sse(&[TEXT, FINISH, USAGE])]);
    let (engine, facts) = engine(&format!("{url}?api-key=sk-canary"));
    start(&engine, Duration::from_secs(30));
    let record = end(&facts);
    let sent = requests.recv().unwrap();
    assert!(sent.contains("sk-canary") && sent.contains("ours"), "{sent}");
    let asked = record.sent_request.as_ref().unwrap();
    assert_eq!(sent.split_once("\r\n\r\n").unwrap().1, &*asked.body);
    assert_eq!(&*asked.url, format!("{url}/chat/completions"));
    let names = asked.headers.iter().map(|(name, _)| name.as_str());
    assert_eq!(names.filter(|name| ["authorization", "x-team"].contains(name)).count(), 2);
    let shown = format!("{record:?}");
    assert!(!shown.contains("sk-canary") && !shown.contains("ours"), "{shown}");
}

#[test]
fn failures_quote_the_servers_error_message() {
    let overloaded = json("503 Service Unavailable", r#"{"error":"server busy"}"#);
    assert_eq!(failure(&measure(vec![overloaded]).0), (AttemptStatus::HttpError, "HTTP 503: server busy"));

    let in_stream = sse(&[TEXT, "data: {\"error\":{\"message\":\"out of memory\"}}\n\n", "data: [DONE]\n\n"]);
    assert_eq!(failure(&measure(vec![in_stream]).0), (AttemptStatus::StreamError, "out of memory"));

    let named = sse(&[TEXT, "event: error\ndata: {\"message\":\"lost\"}\n\n"]);
    assert_eq!(failure(&measure(vec![named]).0), (AttemptStatus::StreamError, "lost"));

    assert_eq!(measure(vec![sse(&[TEXT])]).0.status, AttemptStatus::Truncated);
    assert_eq!(measure(vec![sse(&[FINISH])]).0.status, AttemptStatus::Empty);

    let cut = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\nff\r\ndata: {";
    let record = measure(vec![cut.to_owned()]).0;
    assert_eq!(record.status, AttemptStatus::Truncated);
    assert!(failure(&record).1.contains("the connection broke"), "{record:?}");

    let as_json = json("200 OK", r#"{"error":{"message":"no such adapter"}}"#);
    assert_eq!(failure(&measure(vec![as_json]).0), (AttemptStatus::HttpError, "no such adapter"));
}

#[test]
fn a_cut_stream_has_the_same_message_on_both_transports() {
    let begins = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";
    let chunked = format!("{begins}transfer-encoding: chunked\r\n\r\nff\r\ndata: {{");
    let counted = format!("{begins}content-length: 500\r\n\r\ndata: {{");
    let expected = (AttemptStatus::Truncated, "the connection broke: closed in the middle of the answer");
    for cut in [chunked, counted] {
        assert_eq!(failure(&measure(vec![cut.clone()]).0), expected);
        // Through a proxy, reqwest reads the response instead.
        let (proxy, _requests) = serve(vec![cut]);
        let proxy = ProxyChoice { url: proxy, source: "--proxy" };
        let network = Network { proxy: Some(proxy), ..Network::default() };
        let (engine, facts) = engine_of(EngineConfig { network, ..config("http://endpoint.invalid/v1", &CHAT, false) });
        start(&engine, Duration::from_secs(30));
        assert_eq!(failure(&end(&facts)), expected);
    }
}

#[test]
fn an_answer_without_a_stream_has_tokens_but_no_ttft() {
    let body = r#"{"choices":[{"message":{"content":"whole"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":7}}"#;
    let (record, _) = measure(vec![json("200 OK", body)]);
    assert_eq!((record.status, record.text.as_str()), (AttemptStatus::Ok, "whole"));
    assert_eq!((record.time_to_first_token_ms(), record.output_tokens()), (None, Some((7, TokenSource::Usage))));
}

#[test]
fn a_dead_port_is_a_connect_error_and_unreachable() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (engine, facts) = engine(&format!("http://127.0.0.1:{port}/v1"));
    engine.send(EngineCommand::Discover { retry: false, needs_list: true });
    let EngineFact::Unreachable { reason, retrying: false, .. } = facts.recv().unwrap() else { panic!() };
    assert!(reason.contains("refused"), "{reason}");
    start(&engine, Duration::from_secs(30));
    assert_eq!(end(&facts).status, AttemptStatus::ConnectError);
}

/// Starts a server that sends one token and then keeps the connection open without sending.
fn silent_server() -> (String, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let hold = thread::spawn(move || {
        let (mut stream, _peer) = listener.accept().unwrap();
        read_request(&mut stream);
        stream.write_all(sse(&[TEXT]).as_bytes()).unwrap();
        // The read ends when the client closes the connection.
        let _closed = stream.read(&mut [0; 1]);
    });
    (url, hold)
}

#[test]
fn a_silent_server_ends_in_a_timeout_with_the_text_so_far() {
    let (url, hold) = silent_server();
    let (engine, facts) = engine(&url);
    start(&engine, Duration::from_millis(300));
    let record = end(&facts);
    assert_eq!((record.status, record.text.as_str()), (AttemptStatus::Timeout, "a"));
    hold.join().unwrap();
}

#[test]
fn an_abort_hangs_up_and_leaves_a_cancelled_record() {
    let (url, hold) = silent_server();
    let (engine, facts) = engine(&url);
    let id = start(&engine, Duration::from_secs(60));
    while !engine.live().in_flight.iter().any(|f| f.content_events > 0) {
        thread::yield_now();
    }
    engine.send(EngineCommand::Abort(id));
    let record = end(&facts);
    assert_eq!((record.status, record.text.as_str()), (AttemptStatus::Cancelled, "a"));
    hold.join().unwrap();
}

#[test]
fn discovery_finds_models_kind_and_version() {
    let models = json("200 OK", r#"{"data":[{"id":"m1","owned_by":"vllm"}]}"#);
    let (url, requests) = serve(vec![models, json("200 OK", r#"{"version":"0.29.0"}"#)]);
    let (engine, facts) = engine(&url);
    engine.send(EngineCommand::Discover { retry: false, needs_list: true });
    let EngineFact::Discovered { models, server, .. } = facts.recv().unwrap() else { panic!() };
    assert_eq!(models, ["m1"]);
    assert_eq!((server.kind.as_deref(), server.version.as_deref()), (Some("vLLM"), Some("0.29.0")));
    assert!(requests.try_iter().nth(1).unwrap().starts_with("GET /version "));
}

/// Starts a server that answers the requests on one connection, in the order of `answers`.
fn serve_kept(answers: Vec<String>) -> (String, thread::JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _peer) = listener.accept().unwrap();
        for answer in &answers {
            read_request(&mut stream);
            stream.write_all(answer.as_bytes()).unwrap();
        }
        answers.len()
    });
    (url, server)
}

#[test]
fn a_connection_is_reused_after_a_complete_answer() {
    let body = [TEXT, FINISH, USAGE, "data: [DONE]\n\n"].map(|e| format!("{:x}\r\n{e}\r\n", e.len())).concat();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let interim = "HTTP/1.1 100 Continue\r\n\r\n";
    let chunked = format!("{interim}{head}{body}0\r\n\r\n");
    let (url, server) = serve_kept(vec![chunked.clone(), chunked]);
    let (engine, facts) = engine(&url);
    start(&engine, Duration::from_secs(30));
    let first = end(&facts);
    start(&engine, Duration::from_secs(30));
    let second = end(&facts);
    assert_eq!((failure(&first), failure(&second)), ((AttemptStatus::Ok, ""), (AttemptStatus::Ok, "")));
    assert_eq!((first.text.as_str(), first.event_count), ("a", 4));
    assert!(first.connect_ms.is_some() && second.connect_ms.is_none());
    assert_eq!(server.join().unwrap(), 2);
}

#[test]
fn a_response_that_is_not_http_is_reported() {
    let (record, _) = measure(vec!["SSH-2.0-OpenSSH_9.7\r\n".to_owned()]);
    assert_eq!(record.status, AttemptStatus::ConnectError);
    assert!(failure(&record).1.contains("check that this is an HTTP server"), "{record:?}");

    let endless = format!("HTTP/1.1 200 OK\r\nx-long: {}\r\n", "x".repeat(1 << 20));
    let (record, _) = measure(vec![endless]);
    assert_eq!(record.status, AttemptStatus::ConnectError);
    assert!(failure(&record).1.contains("headers"), "{:?}", record.error);
}

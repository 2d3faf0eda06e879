//! Tests of the simulator over a socket, and of its schedule on a paused clock.

mod engine;

use std::borrow::Cow;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::answer::answer;
use super::pace::Pace;
use super::reply::{EventStream, InFlight, ReplyPlan};
use super::schedule::Schedule;
use super::wire::Writer;
use super::{FAULTS, SimConfig, Simulator, check_clock};
use crate::protocol::api::COMPLETIONS;
use crate::protocol::chunk::{Chunk, parse};
use crate::protocol::failure::message_in_body;
use crate::protocol::request::{RequestDialect, UsageRequest};

/// Number of prompt tokens of [`chat_body`]: "Imple", "ment", " Dijkstra" and "."; four for the message, and three
/// more.
const PROMPT_TOKENS: u64 = 4 + 4 + 3;

fn quick() -> SimConfig {
    SimConfig { ttft_ms: 0.0, tokens_per_s: 1e6, model: "m".into(), ..SimConfig::default() }
}

fn simulator() -> Simulator {
    Simulator::start(quick()).unwrap()
}

fn connect(to: &Simulator) -> TcpStream {
    let stream = TcpStream::connect(to.address).unwrap();
    // Timeout for a test that would otherwise hang. No test depends on its length.
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

#[derive(Debug)]
struct Reply {
    status: u16,
    head: String,
    body: String,
    is_complete: bool,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn events(&self) -> Vec<&str> {
        self.body.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap()).collect()
    }
}

fn request(method: &str, path: &str, body: &str) -> String {
    let length = body.len();
    format!("{method} {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
}

fn ask(sim: &Simulator, method: &str, path: &str, body: &str) -> Reply {
    let mut stream = connect(sim);
    stream.write_all(request(method, path, body).as_bytes()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let Some((head, rest)) = text.split_once("\r\n\r\n") else {
        return Reply { status: 0, head: text, body: String::new(), is_complete: false };
    };
    let head = head.to_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let chunked = head.contains("transfer-encoding: chunked");
    let (body, is_complete) = if chunked { unchunk(rest) } else { (rest.to_owned(), true) };
    Reply { status, head, body, is_complete }
}

/// Returns the body, and whether its final chunk arrived.
fn unchunk(mut rest: &str) -> (String, bool) {
    let mut body = String::new();
    while let Some((length, tail)) = rest.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        if length == 0 {
            return (body, true);
        }
        let Some((chunk, tail)) = tail.split_at_checked(length) else { break };
        body.push_str(chunk);
        rest = tail.strip_prefix("\r\n").unwrap_or("");
    }
    (body, false)
}

fn chat_body(more: &Value) -> Value {
    let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "Implement Dijkstra." }],
        "max_tokens": 800, "stream": true, "stream_options": { "include_usage": true } });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn chat(sim: &Simulator, more: &Value) -> Reply {
    ask(sim, "POST", "/v1/chat/completions", &chat_body(more).to_string())
}

fn fault(sim: &Simulator, name: &str, more: &Value) -> Reply {
    let mut field = json!({ "tokscope_sim": { "fault": name, "after_tokens": 30 } });
    field.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    chat(sim, &field)
}

/// Content of a stream.
#[derive(Debug, Default)]
struct StreamContent {
    tokens: u64,
    reasoning: String,
    text: String,
    finish_reason: Option<String>,
    completion_tokens: Option<u64>,
    errors: Vec<String>,
    broken: usize,
    done: bool,
}

fn read(reply: &Reply) -> StreamContent {
    let mut out = StreamContent::default();
    for event in reply.events() {
        assert!(!out.done, "{event} after [DONE]");
        if event == "[DONE]" {
            out.done = true;
            continue;
        }
        let Ok(chunk) = parse(event) else {
            out.broken += 1;
            continue;
        };
        out.tokens += u64::from(chunk.is_generated());
        assert!(out.text.is_empty() || chunk.reasoning.is_empty(), "reasoning after the answer began");
        assert!(out.finish_reason.is_none() || !chunk.is_generated(), "a token after the end");
        let Chunk { reasoning, text, finish_reason, usage, error, .. } = chunk;
        out.reasoning.push_str(&reasoning);
        out.text.push_str(&text);
        out.finish_reason = out.finish_reason.or(finish_reason.map(Cow::into_owned));
        out.completion_tokens = out.completion_tokens.or(usage.and_then(|u| u.completion_tokens));
        out.errors.extend(error);
    }
    out
}

#[test]
fn legacy_completions_continue_a_prompt_without_reasoning() {
    let sim = simulator();
    let body = json!({ "model": "m", "prompt": "Implement Dijkstra.", "max_tokens": 40, "stream": true,
        "stream_options": { "include_usage": true } });
    let reply = ask(&sim, "POST", "/v1/completions", &body.to_string());
    assert!(reply.status == 200 && reply.is_complete, "{}", reply.body);
    let chunks: Vec<_> = reply
        .events()
        .into_iter()
        .filter(|event| *event != "[DONE]")
        .map(|event| COMPLETIONS.read(event).unwrap())
        .collect();
    assert_eq!(chunks.iter().filter(|chunk| chunk.is_generated()).count(), 40);
    assert!(chunks.iter().all(|chunk| chunk.reasoning.is_empty() && chunk.warning.is_none()));
    assert_eq!(chunks.iter().find_map(|chunk| chunk.finish_reason.as_deref()), Some("length"));
    let usage = chunks.iter().find_map(|chunk| chunk.usage).unwrap();
    assert_eq!(usage.completion_tokens, Some(40));
    let whole = json!({ "model": "m", "prompt": "Implement Dijkstra.", "max_tokens": 40 });
    let document = ask(&sim, "POST", "/v1/completions", &whole.to_string()).json();
    let streamed: String = chunks.iter().map(|chunk| chunk.text.as_ref()).collect();
    assert_eq!(
        (&document["object"], document["choices"][0]["text"].as_str()),
        (&json!("text_completion"), Some(streamed.as_str()))
    );
}

#[test]
fn the_simulator_identifies_itself() {
    let sim = simulator();
    let models = ask(&sim, "GET", "/v1/models", "");
    assert!(models.head.contains(concat!("server: tokscope-sim/", env!("CARGO_PKG_VERSION"))), "{}", models.head);
    let models = models.json();
    assert_eq!(models["data"].as_array().unwrap().len(), 1);
    assert_eq!((&models["data"][0]["id"], &models["data"][0]["owned_by"]), (&json!("m"), &json!("tokscope-sim")));
    assert_eq!(ask(&sim, "GET", "/health", "").status, 200);
    assert_eq!(ask(&sim, "GET", "/version", "").json(), json!({ "version": env!("CARGO_PKG_VERSION") }));
    let unknown = ask(&sim, "GET", "/v1/embeddings", "");
    assert_eq!((unknown.status, &unknown.json()["error"]["type"]), (404, &json!("NotFoundError")));
    assert!(unknown.head.contains("server: tokscope-sim/"));
}

#[test]
fn a_stream_has_every_event() {
    let sim = simulator();
    let reply = chat(&sim, &json!({}));
    assert!(reply.status == 200 && reply.is_complete);
    assert!(reply.head.contains("content-type: text/event-stream"), "{}", reply.head);
    let first: Value = serde_json::from_str(reply.events()[0]).unwrap();
    assert_eq!(first["choices"][0]["delta"], json!({ "role": "assistant", "content": "" }));
    let seen = read(&reply);
    assert_eq!((seen.tokens, seen.completion_tokens), (800, Some(800)));
    assert_eq!((seen.finish_reason.as_deref(), seen.done), (Some("length"), true));
    assert!(seen.reasoning.starts_with("We need to implement A*"), "{}", seen.reasoning);
    assert!(seen.text.starts_with("# Shortest Paths"), "{}", seen.text);
    // The events are the role, the tokens, finish, usage and [DONE].
    assert_eq!(reply.events().len(), 1 + 800 + 3);
    let usage: Value = serde_json::from_str(reply.events()[802]).unwrap();
    assert_eq!((&usage["choices"], &usage["usage"]["prompt_tokens"]), (&json!([]), &json!(PROMPT_TOKENS)));
    let reasoning = reply.events().iter().filter(|e| e.contains("reasoning_content")).count();
    assert_eq!(usage["usage"]["completion_tokens_details"]["reasoning_tokens"], reasoning);
    assert_eq!(usage["usage"]["prompt_tokens_details"]["cached_tokens"], 0);
}

#[test]
fn with_a_prefix_cache_a_repeated_prompt_is_cached() {
    let prompt = "Implement Dijkstra and A* and compare their time complexity on graphs of several kinds, please.";
    let cached = |sim: &Simulator, prompt: &str| {
        let reply = chat(sim, &json!({ "max_tokens": 2, "messages": [{ "role": "user", "content": prompt }] }));
        let usage: Value = serde_json::from_str(reply.events()[4]).unwrap();
        usage["usage"]["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap()
    };
    let sim = Simulator::start(SimConfig { prefix_cache: true, ..quick() }).unwrap();
    let seen = [cached(&sim, prompt), cached(&sim, prompt), cached(&sim, &format!("[0a1b2c3d]\n{prompt}"))];
    assert_eq!((seen[0], seen[2]), (0, 0));
    assert!(seen[1] >= 16 && seen[1] % 16 == 0, "{seen:?}");
    let without = simulator();
    assert_eq!([cached(&without, prompt), cached(&without, prompt)], [0, 0]);
}

#[test]
fn usage_is_sent_only_on_request() {
    let reply = chat(&simulator(), &json!({ "stream_options": null, "max_tokens": 3 }));
    assert_eq!(reply.events().len(), 1 + 3 + 2);
    assert_eq!(read(&reply).completion_tokens, None);
}

#[test]
fn an_answer_without_limit_ends_with_stop() {
    let seen = read(&chat(&simulator(), &json!({ "max_tokens": null })));
    assert_eq!(seen.finish_reason.as_deref(), Some("stop"));
    assert_eq!(seen.completion_tokens, Some(seen.tokens));
    assert!(seen.text.ends_with("must equal the distance of Dijkstra."), "{}", seen.text);
}

#[test]
fn a_document_has_the_same_text_as_a_stream() {
    let sim = simulator();
    let streamed = read(&chat(&sim, &json!({})));
    let reply = chat(&sim, &json!({ "stream": false, "stream_options": null }));
    assert!(reply.head.contains("content-type: application/json"), "{}", reply.head);
    let whole = parse(&reply.body).unwrap();
    assert_eq!((&*whole.reasoning, &*whole.text), (&*streamed.reasoning, &*streamed.text));
    assert_eq!(whole.finish_reason.as_deref(), Some("length"));
    assert_eq!(whole.usage.unwrap().completion_tokens, Some(800));
}

#[test]
fn bad_requests_are_rejected() {
    let sim = simulator();
    let broken = ask(&sim, "POST", "/v1/chat/completions", "{\"model\": ");
    assert_eq!((broken.status, &broken.json()["error"]["type"]), (400, &json!("invalid_request_error")));
    let unknown = chat(&sim, &json!({ "model": "gpt-7" }));
    assert_eq!((unknown.status, &unknown.json()["error"]["code"]), (404, &json!("model_not_found")));
    assert_eq!(chat(&sim, &json!({ "messages": null })).status, 400);
}

#[test]
fn faults_strike_before_the_stream() {
    let sim = simulator();
    for (name, status, message) in
        [("http_500", 500, "The simulated engine is dead"), ("proxy_502", 502, "502 Bad Gateway")]
    {
        let reply = fault(&sim, name, &json!({}));
        assert_eq!((reply.status, message_in_body(&reply.body).as_str()), (status, message), "{name}");
    }
    let limited = fault(&sim, "http_429", &json!({}));
    assert!(limited.status == 429 && limited.head.contains("retry-after: 1"), "{}", limited.head);

    let other = json!({ "messages": [{ "role": "user", "content": "Another conversation." }] });
    let statuses = [&json!({}), &other, &json!({}), &other].map(|more| fault(&sim, "http_503_once", more).status);
    assert_eq!(statuses, [503, 503, 200, 200]);

    let refused = fault(&sim, "refuse_stream_options", &json!({}));
    let next = RequestDialect::default().after_rejection(refused.status, &message_in_body(&refused.body));
    assert!(next.is_some_and(|(dialect, _notice)| dialect.usage == UsageRequest::No), "{}", refused.body);
    let without = fault(&sim, "refuse_stream_options", &json!({ "stream_options": null }));
    assert_eq!((without.status, read(&without).tokens), (200, 800));

    let json = fault(&sim, "json", &json!({}));
    assert_eq!(parse(&json.body).unwrap().usage.unwrap().completion_tokens, Some(800));
}

#[test]
fn faults_strike_within_the_stream() {
    let sim = simulator();
    let failed = fault(&sim, "error_in_stream", &json!({}));
    let seen = read(&failed);
    assert_eq!((seen.tokens, seen.errors.len(), seen.done, failed.is_complete), (30, 1, true, true));
    assert_eq!((seen.finish_reason, seen.completion_tokens), (None, None));

    let cut = fault(&sim, "cut", &json!({}));
    let seen = read(&cut);
    assert_eq!((seen.tokens, seen.done, cut.is_complete), (30, false, false));

    let unfinished = fault(&sim, "no_finish", &json!({}));
    let seen = read(&unfinished);
    assert_eq!((seen.tokens, seen.finish_reason, seen.done, unfinished.is_complete), (30, None, false, true));

    let seen = read(&fault(&sim, "malformed_event", &json!({})));
    assert_eq!((seen.broken, seen.tokens, seen.completion_tokens, seen.done), (1, 800, Some(800), true));

    let seen = read(&fault(&sim, "empty", &json!({})));
    assert_eq!((seen.tokens, seen.finish_reason.as_deref(), seen.done), (0, Some("stop"), true));

    let seen = read(&fault(&sim, "no_usage", &json!({})));
    assert_eq!((seen.tokens, seen.completion_tokens, seen.done), (800, None, true));
}

#[test]
fn a_fault_after_the_last_token_strikes_at_the_end() {
    let sim = simulator();
    let short = json!({ "max_tokens": 5 });
    let cut = fault(&sim, "cut", &short);
    assert_eq!((read(&cut).tokens, cut.is_complete), (5, false));
    let seen = read(&fault(&sim, "malformed_event", &short));
    assert_eq!((seen.tokens, seen.broken, seen.finish_reason.as_deref()), (5, 1, Some("length")));
    let seen = read(&fault(
        &sim,
        "error_in_stream",
        &json!({ "tokscope_sim": { "fault": "error_in_stream", "after_tokens": 0 } }),
    ));
    assert_eq!((seen.tokens, seen.errors.len()), (0, 1));
}

#[test]
fn faults_strike_an_unstreamed_answer() {
    let sim = simulator();
    let whole = |name| fault(&sim, name, &json!({ "stream": false, "stream_options": null }));
    assert_eq!(whole("error_in_stream").status, 500);
    assert_eq!(whole("cut").head, "");
    assert!(serde_json::from_str::<Value>(&whole("malformed_event").body).is_err());
    let empty = whole("empty");
    let empty = parse(&empty.body).unwrap();
    assert!(!empty.is_generated() && empty.finish_reason.as_deref() == Some("stop"));
    assert!(parse(&whole("no_usage").body).unwrap().usage.is_none());
}

#[test]
fn every_fault_has_an_effect_and_errors_list_every_name() {
    let sim = simulator();
    let good = |reply: &Reply| {
        let right_type = reply.status == 200 && reply.head.contains("text/event-stream") && reply.is_complete;
        let seen = if right_type { read(reply) } else { StreamContent::default() };
        seen.completion_tokens == Some(800) && seen.done && seen.broken == 0 && seen.errors.is_empty()
    };
    assert!(good(&chat(&sim, &json!({}))));
    for row in FAULTS.iter().filter(|row| row.name != "stall") {
        assert!(!good(&fault(&sim, row.name, &json!({}))), "{} does nothing", row.name);
    }
    let unknown = fault(&sim, "fire", &json!({}));
    assert_eq!(unknown.status, 400);
    assert!(FAULTS.iter().all(|row| unknown.body.contains(row.name)), "{}", unknown.body);
}

/// Waits until exactly this number of answers is in flight.
fn wait_for(sim: &Simulator, answers: usize) {
    let mut in_flight = sim.in_flight();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let reached =
        async { tokio::time::timeout(Duration::from_secs(60), in_flight.wait_for(|n| *n == answers)).await.is_ok() };
    assert!(runtime.block_on(reached), "never {answers} answers in flight");
}

fn read_until(stream: &mut TcpStream, wanted: &str) {
    let mut seen = Vec::new();
    let mut block = [0; 4096];
    while !String::from_utf8_lossy(&seen).contains(wanted) {
        let n = stream.read(&mut block).unwrap();
        assert!(n > 0, "the stream ended before {wanted}");
        seen.extend_from_slice(&block[..n]);
    }
}

#[test]
fn hanging_up_ends_the_answer() {
    let sim = simulator();
    for more in [json!({}), json!({ "stream": false, "stream_options": null })] {
        let mut body = chat_body(&more);
        body["tokscope_sim"] = json!({ "fault": "stall", "after_tokens": 2 });
        let mut stream = connect(&sim);
        stream.write_all(request("POST", "/v1/chat/completions", &body.to_string()).as_bytes()).unwrap();
        wait_for(&sim, 1);
        if body["stream"] == true {
            read_until(&mut stream, "reasoning_content");
        }
        stream.shutdown(Shutdown::Both).unwrap();
        wait_for(&sim, 0);
    }
}

#[test]
fn dropping_the_simulator_ends_streams_and_frees_the_port() {
    // Another test may take the port in between, but hardly five times.
    let is_freed = (0..5).any(|_| {
        let sim = simulator();
        let mut stream = connect(&sim);
        let body = chat_body(&json!({ "tokscope_sim": { "fault": "stall", "after_tokens": 1 } })).to_string();
        stream.write_all(request("POST", "/v1/chat/completions", &body).as_bytes()).unwrap();
        read_until(&mut stream, "reasoning_content");
        let address = sim.address;
        drop(sim);
        let mut rest = Vec::new();
        assert!(!stream.read_to_end(&mut rest).is_err_and(|e| e.kind() == ErrorKind::WouldBlock));
        TcpListener::bind(address).is_ok()
    });
    assert!(is_freed);
}

#[test]
fn a_failed_start_gives_a_reason() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = Simulator::start(SimConfig { port, ..quick() }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    assert!(error.to_string().contains(&port.to_string()), "{error}");
    for bad in [
        SimConfig { ttft_ms: f64::NAN, ..quick() },
        SimConfig { tokens_per_s: 0.0, ..quick() },
        SimConfig { jitter: -0.1, ..quick() },
    ] {
        assert_eq!(Simulator::start(bad).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}

/// Returns the arrival times of a stream's blocks, and the number of events in each. Only waiting advances the clock.
async fn arrivals(config: &SimConfig, max_tokens: u64) -> Vec<(Duration, usize)> {
    let body = chat_body(&json!({ "max_tokens": max_tokens })).to_string();
    let request = super::request::read(body.as_bytes(), &config.model, super::format::Format::Chat).unwrap();
    let started = tokio::time::Instant::now();
    let (count, _watched) = tokio::sync::watch::channel(0);
    let mut stream = EventStream::new(ReplyPlan {
        writer: Writer::new("id".into(), 0, config.model.clone(), super::format::Format::Chat),
        tokens: answer(&request),
        schedule: Schedule::fixed(Pace::new(config, request.prompt_tokens, 9), started),
        prompt_tokens: request.prompt_tokens,
        cached_tokens: 0,
        max_tokens: request.max_tokens,
        include_usage: true,
        planned: None,
        in_flight: InFlight::new(&count, &Arc::default()),
    });
    let mut seen = Vec::new();
    while let Some(frame) = stream.frame().await {
        let data = frame.unwrap().into_data().unwrap();
        let events = String::from_utf8(data.to_vec()).unwrap().matches("\n\n").count();
        seen.push((started.elapsed(), events));
    }
    seen
}

#[tokio::test(start_paused = true)]
async fn each_token_leaves_separately_at_its_deadline() {
    let config = SimConfig { model: "m".into(), ..SimConfig::default() };
    let seen = arrivals(&config, 200).await;
    let due: Vec<Duration> = Pace::new(&config, PROMPT_TOKENS, 9).take(200).collect();
    assert_eq!(seen.len(), 200);
    // The first token leaves together with the role, the last one with finish, usage and [DONE].
    assert!(seen[0].1 == 2 && seen[199].1 == 4 && seen[1..199].iter().all(|(_, events)| *events == 1));
    for ((at, _), due) in seen.iter().zip(due) {
        // The timer has a resolution of one millisecond.
        assert!(*at >= due && *at <= due + Duration::from_millis(2), "due at {due:?}, left at {at:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn events_due_together_leave_together() {
    let seen = arrivals(&quick(), 4096).await;
    assert_eq!(seen.iter().map(|(_, events)| events).sum::<usize>(), 4096 + 4);
    assert!(seen.len() < 200, "{} blocks", seen.len());
}

#[test]
fn a_clock_outside_of_http_dates_is_rejected() {
    let epoch = SystemTime::UNIX_EPOCH;
    let years = |n: u64| Duration::from_secs(n * 366 * 24 * 3600);
    assert!(check_clock(epoch).is_ok() && check_clock(epoch + years(7900)).is_ok());
    for time in [epoch - Duration::from_secs(1), epoch + years(8030)] {
        let why = check_clock(time).unwrap_err().to_string();
        assert!(why.contains("the system clock is before 1970 or after 9999"), "{why}");
    }
}

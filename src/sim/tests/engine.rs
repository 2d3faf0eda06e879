//! Tests of the engine model over a socket, and of its driver on a paused clock.

use std::future::poll_fn;

use super::*;
use crate::domain::server_gauges::{Meter, ServerGauges};
use crate::protocol::{dcgm, server_metrics};
use crate::sim::EngineConfig;
use crate::sim::batch_engine::{BatchEngine, SequenceRequest};

/// Returns an engine whose steps take a tenth of a millisecond.
fn fast() -> EngineConfig {
    EngineConfig { step_ms: 0.1, decode_ms: 0.0, prefill_ms: 0.0, stall_every_s: 0.0, ..EngineConfig::default() }
}

/// Returns an engine that completes no step during a test.
fn stuck() -> EngineConfig {
    EngineConfig { step_ms: 1e6, ..fast() }
}

fn start(engine: EngineConfig) -> Simulator {
    Simulator::start(SimConfig { engine: Some(engine), prefix_cache: true, ..quick() }).unwrap()
}

fn page(sim: &Simulator) -> String {
    ask(sim, "GET", "/metrics", "").body
}

fn gauges(sim: &Simulator) -> ServerGauges {
    server_metrics::read(&page(sim)).unwrap().gauges
}

/// Waits for these numbers of running and waiting requests.
fn wait_for_load(sim: &Simulator, running: f64, waiting: f64) {
    let load = |gauges: ServerGauges| (gauges.get(Meter::Running), gauges.get(Meter::Waiting));
    let patience = tokio::time::Instant::now();
    while load(gauges(sim)) != (Some(running), Some(waiting)) {
        assert!(patience.elapsed() < Duration::from_secs(60), "never {running} running and {waiting} waiting");
        std::thread::yield_now();
    }
}

/// Sends a request, and returns its open connection.
fn send(sim: &Simulator) -> TcpStream {
    let mut stream = connect(sim);
    stream.write_all(request("POST", "/v1/chat/completions", &chat_body(&json!({})).to_string()).as_bytes()).unwrap();
    stream
}

#[test]
fn most_answers_end_by_themselves_and_every_fourth_at_its_limit() {
    let sim = start(fast());
    let answers: Vec<StreamContent> = (0..4).map(|_| read(&chat(&sim, &json!({})))).collect();
    for answer in &answers[..3] {
        assert_eq!((answer.finish_reason.as_deref(), answer.done), (Some("stop"), true));
        assert!((640..800).contains(&answer.tokens), "{}", answer.tokens);
        assert_eq!(answer.completion_tokens, Some(answer.tokens));
        assert!(!answer.text.ends_with('\n') && answer.text.matches("```").count() % 2 == 0, "{}", answer.text);
    }
    assert_eq!((answers[3].finish_reason.as_deref(), answers[3].tokens), (Some("length"), 800));
    assert!(answers[3].text.starts_with(&answers[0].text), "the same text, longer");
    let endless = read(&chat(&sim, &json!({ "ignore_eos": true })));
    assert_eq!((endless.finish_reason.as_deref(), endless.tokens), (Some("length"), 800));
    let unlimited = read(&chat(&sim, &json!({ "max_tokens": null })));
    assert_eq!((unlimited.finish_reason.as_deref(), unlimited.done), (Some("stop"), true));
}

#[test]
fn an_unstreamed_answer_has_the_same_text() {
    let sim = start(fast());
    let more = json!({ "seed": 5 });
    let streamed = read(&chat(&sim, &more));
    let whole = chat(&sim, &json!({ "seed": 5, "stream": false, "stream_options": null }));
    let whole = parse(&whole.body).unwrap().into_owned();
    assert_eq!((whole.text.as_ref(), whole.finish_reason.as_deref()), (streamed.text.as_str(), Some("stop")));
}

#[test]
fn a_burst_is_one_event_with_several_tokens() {
    let (plain, bursts) = (start(fast()), start(EngineConfig { burst: 4, ..fast() }));
    let more = json!({ "ignore_eos": true });
    let (one_by_one, reply) = (read(&chat(&plain, &more)), chat(&bursts, &more));
    let seen = read(&reply);
    assert_eq!((seen.completion_tokens, seen.finish_reason.as_deref()), (Some(800), Some("length")));
    assert!(seen.tokens < 600, "{} events for 800 tokens", seen.tokens);
    assert_eq!((&seen.reasoning, &seen.text), (&one_by_one.reasoning, &one_by_one.text));
    let gauges = gauges(&bursts);
    let [drafted, accepted] = [Meter::DraftTokens, Meter::AcceptedTokens].map(|meter| gauges.get(meter).unwrap());
    assert!(drafted > accepted && accepted > 0.0);
}

#[test]
fn a_fault_within_a_burst_strikes_at_its_token() {
    let sim = start(EngineConfig { burst: 8, ..fast() });
    for after_tokens in 28..34 {
        let more =
            json!({ "tokscope_sim": { "fault": "error_in_stream", "after_tokens": after_tokens }, "stream": true });
        let reply = chat(&sim, &more);
        let pieces: String = answer_text(after_tokens);
        let seen = read(&reply);
        assert_eq!((seen.reasoning + &seen.text, seen.errors.len()), (pieces, 1), "after {after_tokens}");
    }
}

/// Returns the text of the first tokens of the answer to [`chat_body`].
fn answer_text(tokens: u64) -> String {
    let body = chat_body(&json!({ "max_tokens": tokens })).to_string();
    answer(&crate::sim::request::read(body.as_bytes(), "m", crate::sim::format::Format::Chat).unwrap())
        .map(|(_, piece)| piece)
        .collect()
}

#[test]
fn the_metrics_have_the_engine_and_its_gpu() {
    let sim = start(fast());
    let prompt = "Implement Dijkstra and A* and compare their time complexity on graphs of several kinds, please.";
    let messages = json!({ "messages": [{ "role": "user", "content": prompt }] });
    for _ in 0..2 {
        assert_eq!(chat(&sim, &messages).status, 200);
    }
    let seen = gauges(&sim);
    let [hits, queries] = [Meter::PrefixHits, Meter::PrefixQueries].map(|meter| seen.get(meter).unwrap());
    assert!(hits >= 16.0 && queries > 2.0 * hits);
    assert_eq!((seen.get(Meter::KvCache), seen.get(Meter::Preemptions)), (Some(0.0), Some(0.0)));
    let gpus = dcgm::read(&page(&sim));
    assert_eq!(gpus.iter().map(|gpu| gpu.model.as_deref()).collect::<Vec<_>>(), [Some("Simulated GPU")]);
    assert!(dcgm::read(&page(&simulator())).is_empty(), "without the engine model there is no GPU");
}

#[test]
fn requests_queue_behind_a_full_batch_and_hanging_up_frees_their_places() {
    let sim = start(EngineConfig { max_batch: 1, ..stuck() });
    let first = send(&sim);
    wait_for_load(&sim, 1.0, 0.0);
    let second = send(&sim);
    wait_for_load(&sim, 1.0, 1.0);
    assert!(gauges(&sim).get(Meter::KvCache) > Some(0.0));
    second.shutdown(Shutdown::Both).unwrap();
    wait_for_load(&sim, 1.0, 0.0);
    first.shutdown(Shutdown::Both).unwrap();
    wait_for_load(&sim, 0.0, 0.0);
    assert_eq!(gauges(&sim).get(Meter::KvCache), Some(0.0));
}

#[test]
fn a_full_queue_answers_429_and_an_oversized_prompt_400() {
    let sim = start(EngineConfig { max_batch: 1, max_waiting: Some(1), ..stuck() });
    let _first = send(&sim);
    wait_for_load(&sim, 1.0, 0.0);
    let _second = send(&sim);
    wait_for_load(&sim, 1.0, 1.0);
    let refused = chat(&sim, &json!({}));
    assert_eq!(refused.status, 429);
    assert!(refused.head.contains("retry-after: 1"), "{}", refused.head);

    let small = start(EngineConfig { kv_blocks: 1, ..fast() });
    let refused = chat(&small, &json!({ "messages": [{ "role": "user", "content": "a b c d e f g h i j k l m n" }] }));
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("context"), "{}", refused.body);
    // The block holds 16 tokens. 11 prompt tokens leave room for 5.
    let short = read(&chat(&small, &json!({})));
    assert_eq!((short.tokens, short.finish_reason.as_deref()), (16 - PROMPT_TOKENS, Some("length")));
}

#[test]
fn engine_parameters_are_checked() {
    for bad in [
        EngineConfig { step_ms: f64::NAN, ..fast() },
        EngineConfig { step_ms: 0.0, ..fast() },
        EngineConfig { batch_tokens: 15, ..fast() },
        EngineConfig { max_batch: 0, ..fast() },
        EngineConfig { kv_blocks: 0, ..fast() },
        EngineConfig { burst: 0, ..fast() },
        EngineConfig { max_waiting: Some(0), ..fast() },
        EngineConfig { stall_every_s: 0.5, ..fast() },
    ] {
        let error = Simulator::start(SimConfig { engine: Some(bad.clone()), ..quick() }).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{bad:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn tokens_leave_when_their_step_ends() {
    let config = EngineConfig { stall_every_s: 0.0, ..EngineConfig::default() };
    let request = SequenceRequest { prompt: 100, cached: 0, output: 200 };
    let engine = BatchEngine::start(config.clone(), 0.0);
    let started = tokio::time::Instant::now();
    let mut feeds = [engine.submit(request).unwrap(), engine.submit(request).unwrap()];
    // The first two steps compute 64 and 36 tokens of the first prompt, and 28 of the second one. Then the first
    // sequence decodes a token per step, which leaves 63 tokens of the budget; the other 72 take two steps.
    let prefill_ms = |steps: f64, tokens: f64| config.step_ms.mul_add(steps, config.prefill_ms * tokens);
    let first_ms = prefill_ms(2.0, 128.0);
    let second_ms = first_ms + prefill_ms(2.0, 72.0) + 2.0 * config.decode_ms;
    let last_ms = second_ms + 199.0 * config.step_ms + (2.0 * 197.0 + 2.0) * config.decode_ms;
    let mut next = async |feed: usize| {
        assert_eq!(poll_fn(|context| feeds[feed].poll_tokens(context)).await, 1);
        started.elapsed().as_secs_f64() * 1e3
    };
    // The timer has a resolution of one millisecond.
    let is_at = |at_ms: f64, due_ms: f64| (due_ms..due_ms + 2.0).contains(&(at_ms + 0.001));
    let at_ms = next(0).await;
    assert!(is_at(at_ms, first_ms), "{at_ms}, due at {first_ms}");
    let at_ms = next(1).await;
    assert!(is_at(at_ms, second_ms), "{at_ms}, due at {second_ms}");
    for _ in 0..198 {
        next(1).await;
    }
    let at_ms = next(1).await;
    assert!(is_at(at_ms, last_ms), "{at_ms}, due at {last_ms}");
}

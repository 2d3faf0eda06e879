//! Tests of the list of models, and of the kind that the server reports.

use super::*;

/// Discovers the endpoint. Returns the facts, and the number of requests for the list.
fn discovery(answers: Vec<String>, retries: u32, needs_list: bool) -> (Vec<EngineFact>, usize) {
    let (url, requests) = serve(answers);
    let network = Network { retries, ..Network::default() };
    let (engine, facts) = engine_of(EngineConfig { network, ..config(&url, &CHAT, true) });
    engine.send(EngineCommand::Discover { retry: false, needs_list });
    let mut came = Vec::new();
    loop {
        let fact = facts.recv().unwrap();
        let is_last = !matches!(fact, EngineFact::Unreachable { retrying: true, .. });
        came.push(fact);
        if is_last {
            return (came, requests.try_iter().filter(|asked| asked.starts_with("GET /v1/models ")).count());
        }
    }
}

#[test]
fn a_failed_model_list_is_an_error_only_without_a_named_model() {
    let html = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n<html>hi</html>".to_owned();
    for (answer, expected) in [
        (
            json("404 Not Found", r#"{"detail":"Not Found"}"#),
            "/v1/models: HTTP 404: Not Found; the server has no model list",
        ),
        (json("405 Method Not Allowed", ""), "/v1/models: HTTP 405; the server has no model list"),
        (json("501 Not Implemented", ""), "/v1/models: HTTP 501; the server has no model list"),
        (json("500 Oh", "out of mem"), "/v1/models: HTTP 500: out of mem"),
        (json("429 Slow", "slow down"), "/v1/models: HTTP 429: slow down"),
        (html, "did not return JSON"),
        (json("200 OK", "{\"data\": ["), "did not return JSON"),
        (json("200 OK", r#"{"error":{"message":"no database"}}"#), "/v1/models: HTTP 200: no database"),
    ] {
        let (facts, _) = discovery(vec![answer.clone()], 0, true);
        let [EngineFact::Unreachable { reason, retrying: false, .. }] = facts.as_slice() else { panic!("{facts:?}") };
        let advice = "pass --model NAME to run without the list";
        assert!(reason.contains(expected) && reason.ends_with(advice), "{reason}");
        let (facts, _) = discovery(vec![answer], 0, false);
        let [EngineFact::Discovered { models, list_error: Some(why), .. }] = facts.as_slice() else {
            panic!("{facts:?}")
        };
        assert!(models.is_empty() && why.contains(expected) && !why.contains("--model"), "{why}");
    }
}

#[test]
fn the_list_of_models_is_retried_like_a_request() {
    let limited = || "HTTP/1.1 429 No\r\nretry-after: 0\r\nconnection: close\r\n\r\nslow down".to_owned();
    let list = || json("200 OK", r#"{"data":[{"id":"m","owned_by":"me"},{"id":"m"}]}"#);
    let (facts, asked) = discovery(vec![limited(), limited(), list()], 2, true);
    let Some(EngineFact::Discovered { models, list_error: None, .. }) = facts.last() else { panic!("{facts:?}") };
    assert_eq!((models.as_slice(), asked), (["m".to_owned()].as_slice(), 3), "the same id twice counts once");
    let (facts, asked) = discovery(vec![limited(), limited()], 1, true);
    assert!(matches!(facts.last(), Some(EngineFact::Unreachable { retrying: false, .. })), "{facts:?}");
    assert_eq!(asked, 2);
    // Permanent failures are not retried.
    assert_eq!(discovery(vec![json("500 Oh", "")], 3, true).1, 1);
}

#[test]
fn a_list_without_models_or_with_a_byte_order_mark_is_a_list() {
    for (body, models) in [(r#"{"object":"list","data":null}"#, 0), ("\u{feff}{\"data\":[{\"id\":\"m\"}]}", 1)] {
        let (facts, _) = discovery(vec![json("200 OK", body)], 0, true);
        let [EngineFact::Discovered { models: listed, list_error: None, .. }] = facts.as_slice() else {
            panic!("{facts:?}")
        };
        assert_eq!(listed.len(), models, "{body}");
    }
}

#[test]
fn litellm_is_recognised_by_the_headers_of_an_answer() {
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-litellm-version: 1.83.14\r\nconnection: close\r\n\r\n";
    let answer = || format!("{head}{TEXT}{FINISH}");
    let (url, _requests) = serve(vec![answer(), answer()]);
    let (engine, facts) = engine(&url);
    start(&engine, Duration::from_secs(60));
    let mut servers = Vec::new();
    for number in [1, 2] {
        loop {
            match facts.recv().unwrap() {
                EngineFact::Recognised(server) => servers.push(server),
                EngineFact::Ended { .. } => break,
                _ => {}
            }
        }
        if number == 1 {
            start_number(&engine, 2, Duration::from_secs(60));
        }
    }
    let [server] = servers.as_slice() else { panic!("{servers:?}") };
    assert_eq!((server.kind.as_deref(), server.version.as_deref()), (Some("LiteLLM"), Some("1.83.14")));
}

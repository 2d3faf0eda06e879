//! Tests of other APIs, overloaded servers and unusual transports.

use super::*;
use crate::protocol::api::{MESSAGES, OLLAMA, RESPONSES};

#[test]
fn a_rejected_max_tokens_is_sent_as_max_completion_tokens() {
    let words =
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
    let refusal = json("400 Bad Request", &format!("{{\"error\":{{\"message\":\"{words}\"}}}}"));
    let (record, requests) = measure(vec![refusal, sse(&[TEXT, FINISH])]);
    assert_eq!(record.status, AttemptStatus::Ok);
    assert!(requests[0].contains("\"max_tokens\":10") && requests[1].contains("\"max_completion_tokens\":10"));
    assert!(record.warnings.iter().any(|w| w.contains("max_completion_tokens")), "{:?}", record.warnings);
}

#[test]
fn an_overloaded_server_is_quoted_and_not_retried_by_default() {
    let limited = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 12\r\nconnection: close\r\n\r\n{\"error\":{\"message\":\"slow down\"}}";
    let (record, requests) = measure(vec![limited.to_owned()]);
    assert_eq!(failure(&record), (AttemptStatus::HttpError, "HTTP 429: slow down; retry after 12 s"));
    assert_eq!((record.error.as_ref().unwrap().kind.as_str(), requests.len()), ("rate_limited", 1));
    let body = r#"{"error":{"type":"overloaded_error","message":"busy","code":503}}"#;
    let (in_stream, named) = (format!("data: {body}\n\n"), format!("event: error\ndata: {body}\n\n"));
    let busy = json("503 Service Unavailable", r#"{"error":"server busy"}"#);
    for answer in [busy, json("200 OK", body), sse(&[&in_stream]), sse(&[&named])] {
        assert_eq!(measure(vec![answer]).0.error.as_ref().unwrap().kind, "unavailable");
    }
}

#[test]
fn an_endless_error_body_is_read_up_to_the_limit() {
    let page = format!("<html><p>oh no</p>{}", "x".repeat(1 << 20));
    let (record, _) = measure(vec![format!("HTTP/1.1 500 Oh\r\nconnection: close\r\n\r\n{page}")]);
    let (status, message) = failure(&record);
    assert_eq!(status, AttemptStatus::HttpError);
    assert!(message.starts_with("HTTP 500: oh no x") && message.len() < 1000, "{message}");
}

#[test]
fn endless_headers_are_an_error() {
    let headers = format!("x-long: {}\r\n", "y".repeat(1000)).repeat(2000);
    let (record, _) = measure(vec![format!("HTTP/1.1 200 OK\r\n{headers}\r\n{TEXT}")]);
    assert_eq!(record.status, AttemptStatus::ConnectError, "{record:?}");
}

#[test]
fn a_compressed_stream_is_decompressed() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all([TEXT, FINISH].concat().as_bytes()).unwrap();
    let body = encoder.finish().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _peer) = listener.accept().unwrap();
        read_request(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\nconnection: close\r\n\r\n").unwrap();
        stream.write_all(&body).unwrap();
    });
    let (engine, facts) = engine(&url);
    start(&engine, Duration::from_secs(30));
    let record = end(&facts);
    assert_eq!((record.status, record.text.as_str()), (AttemptStatus::Ok, "a"));
    server.join().unwrap();
}

#[test]
fn a_compressed_list_of_models_and_a_compressed_error_are_read() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let request = read_request(&mut stream);
            let (status, body) = match request.split(' ').nth(1).unwrap() {
                "/v1/models" => ("200 OK", r#"{"data":[{"id":"m","owned_by":"vllm"}]}"#),
                "/v1/chat/completions" => ("400 No", r#"{"error":{"message":"no such thing"}}"#),
                _ => ("404 Not Found", ""),
            };
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(body.as_bytes()).unwrap();
            let head = format!("HTTP/1.1 {status}\r\ncontent-encoding: gzip\r\nconnection: close\r\n\r\n");
            stream.write_all(&[head.as_bytes(), &encoder.finish().unwrap()].concat()).unwrap();
        }
    });
    let (engine, facts) = engine(&url);
    engine.send(EngineCommand::Discover { retry: false, needs_list: true });
    let EngineFact::Discovered { models, server, .. } = facts.recv().unwrap() else { panic!("it is not found") };
    assert_eq!((models, server.kind.as_deref()), (vec!["m".to_owned()], Some("vLLM")));
    start(&engine, Duration::from_secs(30));
    assert_eq!(failure(&end(&facts)), (AttemptStatus::HttpError, "HTTP 400: no such thing"));
}

#[test]
fn an_answer_is_complete_although_the_connection_stays_open() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let hold = thread::spawn(move || {
        let (mut stream, _peer) = listener.accept().unwrap();
        read_request(&mut stream);
        stream.write_all(sse(&[TEXT, FINISH, "data: [DONE]\n\n"]).as_bytes()).unwrap();
        let _closed = stream.read(&mut [0; 1]);
    });
    let (engine, facts) = engine(&url);
    start(&engine, Duration::from_millis(300));
    let record = end(&facts);
    assert_eq!(failure(&record), (AttemptStatus::Ok, ""));
    assert!(record.warnings.iter().any(|w| w.contains("kept the connection open")), "{:?}", record.warnings);
    hold.join().unwrap();
}

#[test]
fn each_api_has_its_own_path_and_key_header() {
    for (api, answer, path, key) in [
        (
            &RESPONSES,
            "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"a\"}\n\nevent: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\",\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}}\n\n",
            "post /v1/responses ",
            "authorization: bearer sk-canary",
        ),
        (
            &MESSAGES,
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":2}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
            "post /v1/messages ",
            "x-api-key: sk-canary",
        ),
        (
            &OLLAMA,
            "{\"message\":{\"content\":\"a\"},\"done\":false}\n{\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\",\"prompt_eval_count\":1,\"eval_count\":2}\n",
            "post /v1/chat ",
            "authorization: bearer sk-canary",
        ),
    ] {
        let (record, requests) = measure_in(api, vec![sse(&[answer])]);
        assert_eq!(failure(&record), (AttemptStatus::Ok, ""), "{api:?}");
        assert_eq!((record.text.as_str(), record.output_tokens()), ("a", Some((2, TokenSource::Usage))), "{api:?}");
        let asked = requests[0].to_lowercase();
        assert!(asked.starts_with(path) && asked.contains(key), "{asked}");
        assert_eq!(asked.contains("anthropic-version: 2023-06-01"), *api == MESSAGES);
        assert_eq!(asked.contains("bearer"), *api != MESSAGES, "{asked}");
    }
}

#[test]
fn ollama_lists_its_models_at_its_own_path() {
    let tags = json("200 OK", r#"{"models":[{"name":"llama3.2:latest","model":"llama3.2:latest","size":1}]}"#);
    let (url, requests) = serve(vec![tags, json("404 Not Found", ""), json("200 OK", r#"{"version":"0.12.0"}"#)]);
    let (engine, facts) = engine_for(&url.replace("/v1", "/api"), &OLLAMA, true);
    engine.send(EngineCommand::Discover { retry: false, needs_list: true });
    let EngineFact::Discovered { models, server, .. } = facts.recv().unwrap() else { panic!() };
    assert_eq!(
        (models.as_slice(), server.kind.as_deref()),
        (["llama3.2:latest".to_owned()].as_slice(), Some("Ollama"))
    );
    let asked: Vec<String> = requests.try_iter().collect();
    assert!(asked[0].starts_with("GET /api/tags ") && asked[2].starts_with("GET /api/version "), "{asked:?}");
}

#[test]
fn discovery_waits_for_a_loading_model_by_default() {
    let loading = r#"{"error":{"message":"Loading model","type":"unavailable_error","code":503}}"#;
    let loading = || json("503 Service Unavailable", loading);
    let (url, _requests) =
        serve(vec![loading(), loading(), json("200 OK", r#"{"data":[{"id":"m","owned_by":"vllm"}]}"#)]);
    let (loading_engine, facts) = engine(&url);
    loading_engine.send(EngineCommand::Discover { retry: false, needs_list: true });
    for _ in 0..2 {
        let EngineFact::Unreachable { reason, retrying: true, .. } = facts.recv().unwrap() else { panic!() };
        assert_eq!(reason, "the model is loading");
    }
    assert!(matches!(facts.recv().unwrap(), EngineFact::Discovered { .. }));

    let (url, _requests) = serve(vec![json("503 Service Unavailable", r#"{"error":"server busy"}"#)]);
    let (engine, facts) = engine(&url);
    engine.send(EngineCommand::Discover { retry: false, needs_list: true });
    assert!(matches!(facts.recv().unwrap(), EngineFact::Unreachable { retrying: false, .. }));
}

#[test]
fn the_query_of_the_base_url_is_sent_with_every_request() {
    let models = json("200 OK", r#"{"data":[{"id":"m","owned_by":"vllm"}]}"#);
    let (url, requests) = serve(vec![models, json("200 OK", r#"{"version":"1"}"#), sse(&[TEXT, FINISH])]);
    let (engine, facts) = engine(&format!("{url}?api-version=1"));
    engine.send(EngineCommand::Discover { retry: false, needs_list: true });
    while !matches!(facts.recv().unwrap(), EngineFact::Discovered { .. }) {}
    start(&engine, Duration::from_secs(30));
    assert_eq!(failure(&end(&facts)).1, "");
    let asked: Vec<String> = requests.try_iter().collect();
    let lines: Vec<_> = asked.iter().map(|r| r.lines().next().unwrap()).collect();
    assert_eq!(lines[0], "GET /v1/models?api-version=1 HTTP/1.1");
    assert_eq!(lines.last(), Some(&"POST /v1/chat/completions?api-version=1 HTTP/1.1"));
}

#[test]
fn a_retry_keeps_nothing_of_the_rejected_request() {
    let refusal = json("400 Bad Request", r#"{"error":{"message":"stream_options: Extra inputs are not permitted"}}"#);
    // No server answers the second request.
    let (record, _) = measure(vec![refusal]);
    assert_eq!(record.status, AttemptStatus::ConnectError, "{record:?}");
    assert_eq!((record.http_status, record.headers_at), (None, None));
}

#[test]
fn a_key_at_the_cut_end_of_an_error_is_redacted() {
    let body = format!("{}sk-canary and more", "x".repeat(393));
    let answer = format!("HTTP/1.1 401 No\r\nx-request-id: abc\r\nconnection: close\r\n\r\n{body}");
    let (record, _) = measure(vec![answer.clone()]);
    let (url, _requests) = serve(vec![answer]);
    let (engine, facts) = engine(&url);
    engine.send(EngineCommand::Discover { retry: false, needs_list: true });
    let EngineFact::Unreachable { reason, .. } = facts.recv().unwrap() else { panic!() };
    for message in [failure(&record).1, reason.as_str()] {
        assert!(message.ends_with("(request abc)") && !message.contains("sk-can"), "{message}");
    }
}

#[test]
fn a_key_repeated_by_the_server_is_redacted_and_the_error_bounded() {
    let key = "sk-canary";
    let message = format!("you sent Bearer {key} and ours");
    let body = format!(r#"{{"error":{{"message":"{message}"}}}}"#);
    let in_stream = format!("data: {body}\n\n");
    for answer in [json("401 Unauthorized", &body), sse(&[TEXT, &in_stream]), json("200 OK", &body)] {
        let (record, _) = measure(vec![answer]);
        let (_, message) = failure(&record);
        assert!(message.contains("you sent Bearer [redacted] and ours"), "{message}");
    }
    let reason = format!("data: {{\"choices\":[{{\"finish_reason\":\"{key}{}\"}}]}}\n\n", "x".repeat(1 << 20));
    let (record, _) = measure(vec![sse(&[TEXT, &reason])]);
    let reason = record.finish_reason.clone().unwrap();
    assert!(reason.starts_with("[redacted]x") && reason.ends_with("x…") && reason.len() < 3000, "{}", reason.len());
    let long = format!("data: {{\"error\":\"{}\"}}\n\n", "y".repeat(1 << 20));
    assert_eq!(failure(&measure(vec![sse(&[&long])]).0).1.chars().count(), 2049);

    let (url, _requests) = serve(vec![json("401 Unauthorized", &body)]);
    let (engine, facts) = engine(&url);
    engine.send(EngineCommand::Discover { retry: false, needs_list: true });
    let EngineFact::Unreachable { reason, .. } = facts.recv().unwrap() else { panic!() };
    assert_eq!(reason, format!("GET {url}/models: HTTP 401: you sent Bearer [redacted] and ours"));
}

#[test]
fn an_endless_model_list_is_an_error() {
    let (url, _requests) = serve(vec![json("200 OK", &" ".repeat(5 << 20))]);
    let (engine, facts) = engine(&url);
    engine.send(EngineCommand::Discover { retry: false, needs_list: true });
    let EngineFact::Unreachable { reason, .. } = facts.recv().unwrap() else { panic!() };
    let expected = "the response is larger than 4 MiB; pass --model NAME to run without the list";
    assert_eq!(reason, format!("GET {url}/models: {expected}"));
}

//! Streams of every supported server in `assets/transcripts/servers`, written after its source, documentation or
//! captures.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::ends::ENDS;
use super::*;
use crate::protocol::api::by_name;

/// File, API, the expected [`line`], and part of a warning that the record must have.
const TRANSCRIPTS: &[(&str, &str, &str, &str)] = &[
    // ─── The first token ───
    ("vllm.sse", "chat", r#"ok | 1:raa | "Let me see." "So it is" | 12/6/-/- | length"#, ""),
    ("vllm-both-names.sse", "chat", r#"ok | 1:ra | "Hm" "Yes" | 12/3/-/- | stop"#, ""),
    ("sglang.sse", "chat", r#"ok | 1:ra | "Think" "It is 4" | 20/9/3/- | stop"#, ""),
    ("llama-cpp.sse", "chat", r#"ok | 1:ra | "a" "b" | 35/5/-/34 | stop"#, "prefix cache"),
    ("llama-cpp-python.sse", "chat", r#"ok | 1:aa | "" "Hi you" | -/-/-/- | stop"#, "no usage"),
    ("sse-starlette.sse", "chat", r#"ok | 1:a | "" "Hi" | -/-/-/- | stop"#, "no usage"),
    ("ollama-v1.sse", "chat", r#"ok | 0:ra | "Hm" "Hi" | 9/4/-/- | stop"#, ""),
    ("tgi.sse", "chat", r#"ok | 0:aa | "" "Hi you" | 9/3/-/- | eos_token"#, ""),
    ("tensorrt-llm.sse", "chat", r#"ok | 1:aa | "" "Hi you" | 9/3/-/0 | stop"#, ""),
    ("triton.sse", "chat", r#"ok | 1:a | "" "Hi" | 9/2/-/- | stop"#, ""),
    ("lmdeploy.sse", "chat", r#"ok | 1:aaa | "" "你😀a�b" | 7/4/-/- | stop"#, ""),
    ("mistral-rs.sse", "chat", r#"ok | 0:aa | "" "Hi you" | 9/2/-/- | stop"#, ""),
    ("openrouter.sse", "chat", r#"ok | 0:ra | "Hm" "Hi" | 14/18/5/- | stop"#, ""),
    ("azure.sse", "chat", r#"ok | 2:a | "" "Hi" | 11/12/0/- | stop"#, ""),
    ("deepseek.sse", "chat", r#"ok | 1:ra | "We" "Hi" | 15/7/4/8 | stop"#, "prefix cache"),
    ("zai.sse", "chat", r#"ok | 0:rra | "\nHm" "Hi" | 15/734/708/14 | stop"#, "prefix cache"),
    ("groq.sse", "chat", r#"ok | 1:ra | "Hm" "Hi" | 10/4/-/- | stop"#, ""),
    ("mistral-api.sse", "chat", r#"ok | 1:raa | "Hm" "Hi you" | 9/3/-/- | stop"#, ""),
    ("perplexity.sse", "chat", r#"ok | 0:aa | "" "Hi you" | 9/2/-/- | stop"#, ""),
    // ─── Tokens ───
    (
        "openai-hidden-reasoning.sse",
        "chat",
        r#"ok | 1:aa | "" "Hi!" | 11/75/64/0 | stop"#,
        "reasoning was billed but not streamed",
    ),
    ("xai.sse", "chat", r#"ok | 0:rra | "FirstHm" "Hi" | 12/342/340/- | stop"#, ""),
    (
        "vercel-gateway.sse",
        "chat",
        r#"ok | 1:a | "" "Hi there" | 9/27/25/- | stop"#,
        "reasoning was billed but not streamed",
    ),
    ("ollama-zero-usage.sse", "chat", r#"ok | 0:a | "" "Hi" | 9/2/-/- | stop"#, ""),
    ("vllm-n2.sse", "chat", r#"ok | 2:aaaa | "" "red!\n\n[choice 2]\n\nblue?" | 12/4/-/- | stop"#, "2 choices"),
    ("llama-cpp-n2.sse", "chat", r#"ok | 2:aa | "" "one\n\n[choice 2]\n\ntwo" | 35/16/-/- | stop"#, "2 choices"),
    // ─── Text outside plain content ───
    ("openai-tools.sse", "chat", r#"ok | 0:aaa | "" "" | 60/15/-/- | tool_calls"#, ""),
    ("openai-refusal.sse", "chat", r#"ok | 1:aa | "" "I'm sorry, no." | 60/6/-/- | stop"#, ""),
    ("legacy-function-call.sse", "chat", r#"ok | 0:aa | "" "" | -/-/-/- | function_call"#, "no usage"),
    ("think-inline.sse", "chat", r#"ok | 1:rrrrra | "Why?" "Because" | 9/7/-/- | stop"#, ""),
    ("think-without-opening-tag.sse", "chat", r#"ok | 1:rra | "Why?" "So" | 9/6/-/- | stop"#, ""),
    ("tags-beside-a-reasoning-field.sse", "chat", r#"ok | 0:ra | "Hm" "<think>x</think>" | 9/6/-/- | stop"#, ""),
    ("names-its-choice-strangely.sse", "chat", r#"ok | 0:a | "" "a" | -/-/-/- | stop"#, "no usage"),
    // ─── Ends ───
    ("no-done.sse", "chat", r#"ok | 0:a | "" "Hi" | 9/1/-/- | stop"#, ""),
    ("no-finish-reason.sse", "chat", r#"ok | 0:a | "" "Hi" | 9/1/-/- | -"#, ""),
    (
        "empty.sse",
        "chat",
        r#"empty (empty: the server ended the stream without any text) | -: | "" "" | 9/1/-/- | stop"#,
        "",
    ),
    ("malformed-event.sse", "chat", r#"ok | 0:aa | "" "ab" | -/-/-/- | stop"#, "1 events were not valid JSON"),
    ("error-vllm.sse", "chat", r#"stream_error (server: boom) | 0:a | "" "Hi" | -/-/-/- | -"#, ""),
    ("error-sglang-first.sse", "chat", r#"stream_error (server: boom) | -: | "" "" | -/-/-/- | -"#, ""),
    ("error-llama-cpp.sse", "chat", r#"stream_error (server: boom) | 0:a | "" "Hi" | -/-/-/- | -"#, ""),
    ("error-tgi.sse", "chat", r#"stream_error (server: boom) | 0:a | "" "Hi" | -/-/-/- | -"#, ""),
    ("error-openrouter.sse", "chat", r#"stream_error (server: boom) | 0:a | "" "Hi" | -/-/-/- | error"#, ""),
    ("error-lm-studio.sse", "chat", r#"stream_error (server: boom) | 0:a | "" "Hi" | -/-/-/- | -"#, ""),
    ("error-litellm.sse", "chat", r#"stream_error (server: boom) | 0:a | "" "Hi" | -/-/-/- | -"#, ""),
    ("error-after-finish.sse", "chat", r#"stream_error (server: boom) | 0:a | "" "Hi" | -/-/-/- | stop"#, ""),
    ("error-named.sse", "chat", r#"stream_error (unavailable: boom) | 0:a | "" "Hi" | -/-/-/- | -"#, ""),
    (
        "error-ollama-v1.sse",
        "chat",
        r#"truncated (truncated: the stream ended without a finish reason and without [DONE]) | 0:a | "" "Hi" | -/-/-/- | -"#,
        "",
    ),
    // ─── No stream at all ───
    ("whole.json", "chat", r#"ok | -: | "Hm" "Hi" | 9/6/-/- | stop"#, "in one piece instead of streaming"),
    ("whole-error.json", "chat", r#"http_error (json_error: boom) | -: | "" "" | -/-/-/- | -"#, ""),
    ("whole-detail.json", "chat", r#"http_error (json_error: boom) | -: | "" "" | -/-/-/- | -"#, ""),
    (
        "page.html",
        "chat",
        r#"stream_error (no_stream: the server sent no stream, but: 502 Bad Gateway) | -: | "" "" | -/-/-/- | -"#,
        "",
    ),
    // ─── Responses ───
    ("responses.sse", "responses", r#"ok | 3:raa | "Hm" "Hi \"you\"" | 20/9/5/4 | stop"#, ""),
    ("responses-tool.sse", "responses", r#"ok | 1:aa | "" "" | 20/9/5/4 | stop"#, ""),
    ("responses-incomplete.sse", "responses", r#"ok | 0:a | "" "Hi" | 20/9/5/4 | length"#, ""),
    ("responses-failed.sse", "responses", r#"stream_error (server: boom) | 0:a | "" "Hi" | -/-/-/- | failed"#, ""),
    ("responses-error.sse", "responses", r#"stream_error (server: boom) | 0:a | "" "Hi" | -/-/-/- | -"#, ""),
    (
        "responses-cut.sse",
        "responses",
        r#"truncated (truncated: the stream ended without a finish reason and without [DONE]) | 1:a | "" "Hi" | -/-/-/- | -"#,
        "",
    ),
    (
        "responses-whole.json",
        "responses",
        r#"ok | -: | "Hm" "Hi" | 20/9/5/4 | stop"#,
        "in one piece instead of streaming",
    ),
    // ─── Messages ───
    ("messages.sse", "messages", r#"ok | 3:raa | "Hm" "Hi!" | 40/15/6/10 | end_turn"#, ""),
    ("messages-tool.sse", "messages", r#"ok | 1:aa | "" "" | 25/15/-/- | tool_use"#, ""),
    ("messages-error.sse", "messages", r#"stream_error (unavailable: boom) | 1:a | "" "Hi" | 25/-/-/- | -"#, ""),
    (
        "messages-whole.json",
        "messages",
        r#"ok | -: | "" "Hi" | 25/3/-/- | max_tokens"#,
        "in one piece instead of streaming",
    ),
    // ─── Ollama ───
    ("ollama.ndjson", "ollama", r#"ok | 0:raa | "Hm" "Hi you" | 26/5/-/- | stop"#, ""),
    (
        "ollama-cold.ndjson",
        "ollama",
        r#"ok | 0:a | "" "Hi" | 26/5/-/- | stop"#,
        "the server loaded the model during this request (6.3 s)",
    ),
    ("ollama-tool.ndjson", "ollama", r#"ok | 0:a | "" "" | 26/5/-/- | stop"#, ""),
    ("ollama-error.ndjson", "ollama", r#"stream_error (server: boom) | 0:a | "" "Hi" | -/-/-/- | -"#, ""),
    (
        "ollama-cut.ndjson",
        "ollama",
        r#"truncated (truncated: the stream ended without a finish reason and without [DONE]) | 0:a | "" "Hi" | -/-/-/- | -"#,
        "",
    ),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/transcripts/servers")
}

#[test]
fn every_server_in_every_split() {
    let mut wrong = Vec::new();
    for &(name, api, expected, warning) in TRANSCRIPTS.iter().chain(ENDS) {
        let bytes = std::fs::read(folder().join(name)).unwrap();
        let api = by_name(api).unwrap();
        let whole = feed_as(api, "", &[&bytes]);
        if line(&whole) != expected {
            wrong.push(format!("{name}: {}", line(&whole)));
            continue;
        }
        let is_noted = |part: &str| whole.notes().any(|w| w.contains(part));
        if !warning.is_empty() && !is_noted(warning) {
            wrong.push(format!("{name} without {warning:?}: {:?}", whole.notes().collect::<Vec<_>>()));
        }
        assert_eq!(is_noted("JSON"), warning.contains("JSON"), "{name}: {:?}", whole.notes().collect::<Vec<_>>());
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(line(&feed_as(api, "", &single)), expected, "{name}, byte by byte");
        for at in (0..bytes.len()).step_by(7) {
            let (first, second) = bytes.split_at(at);
            assert_eq!(line(&feed_as(api, "", &[first, second])), expected, "{name} at {at}");
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_transcript_has_an_expectation() {
    let there: BTreeSet<String> =
        std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let expected = TRANSCRIPTS.iter().chain(ENDS).map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(there, expected);
}

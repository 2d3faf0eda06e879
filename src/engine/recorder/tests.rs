use super::*;
use crate::domain::attempt::AttemptId;
use crate::protocol::api::CHAT;

fn recorder() -> Recorder {
    let id = AttemptId { case: 0, number: 1 };
    Recorder::new(AttemptRecord::started(id, false, "r".into(), "m".into(), Nanos::from_millis(100)), &CHAT)
}

fn feed(events: &[(u64, u64, &str)]) -> Recorder {
    let mut r = recorder();
    for &(ms, read, data) in events {
        r.event(Nanos::from_millis(ms), read, data).unwrap();
    }
    r.settle();
    r
}

#[test]
fn the_first_token_is_the_first_text_not_the_role() {
    let r = feed(&[
        (110, 1, r#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#),
        (300, 2, r#"{"choices":[{"delta":{"reasoning_content":"hm"}}]}"#),
        (320, 3, r#"{"choices":[{"delta":{"content":"a"}}]}"#),
        (320, 3, r#"{"choices":[{"delta":{"content":"b"},"finish_reason":"stop"}]}"#),
        (330, 4, r#"{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":3}}"#),
        (330, 4, "[DONE]"),
    ]);
    let record = &r.record;
    assert_eq!(record.status, AttemptStatus::Ok);
    assert_eq!((record.time_to_first_token_ms(), record.time_to_first_output_token_ms()), (Some(200.0), Some(220.0)));
    assert_eq!(record.request_latency_ms(), Some(220.0));
    assert_eq!((record.event_count, record.first_token_event_index), (6, Some(1)));
    assert_eq!((record.text.as_str(), record.reasoning.as_str()), ("ab", "hm"));
    assert_eq!(record.arrivals.iter().map(|a| a.coalesced).collect::<Vec<_>>(), [false, false, true]);
}

#[test]
fn how_streams_end() {
    let text = r#"{"choices":[{"delta":{"content":"a"}}]}"#;
    assert_eq!(feed(&[(1, 1, text)]).record.status, AttemptStatus::Truncated);
    assert_eq!(feed(&[(1, 1, "[DONE]")]).record.status, AttemptStatus::Empty);
    assert_eq!(feed(&[(1, 1, text), (2, 2, " [DONE] ")]).record.status, AttemptStatus::Ok);
    let error = recorder().event(Nanos(1), 1, r#"{"error":{"message":"out of memory"}}"#);
    assert_eq!(error, Err(Failure::new(AttemptStatus::StreamError, "server", "out of memory")));
}

#[test]
fn a_text_at_its_limit_is_cut_between_characters() {
    let mut kept = "x".repeat(MAX_TEXT_BYTES - 3);
    assert!(push(&mut kept, "éé"));
    assert!(kept.ends_with("xé") && kept.len() == MAX_TEXT_BYTES - 1);
    assert!(!push(&mut kept, "y"));
    assert!(push(&mut kept, "z"));
}

#[test]
fn a_partial_tag_is_kept_as_text_when_an_attempt_fails() {
    let mut r = recorder();
    r.event(Nanos(1), 1, r#"{"choices":[{"delta":{"content":"a </thi"}}]}"#).unwrap();
    assert_eq!(r.record.text, "a ");
    r.fail(Failure::new(AttemptStatus::Cancelled, "cancelled", "given up"));
    assert_eq!(r.record.text, "a </thi");
}

#[test]
fn counts_per_event_give_the_tokens_of_the_first_event() {
    let event = |delta: &str, tokens: u64| {
        let usage = format!(r#"{{"prompt_tokens":9,"completion_tokens":{tokens}}}"#);
        format!(r#"{{"choices":[{{"delta":{delta}}}],"usage":{usage}}}"#)
    };
    let r = feed(&[
        (110, 1, &event(r#"{"role":"assistant","content":""}"#, 0)),
        // The first token is half a character, so its event has no text.
        (200, 2, &event(r#"{"content":""}"#, 1)),
        (300, 3, &event(r#"{"content":"é漢"}"#, 4)),
        (340, 4, &event(r#"{"content":"a"}"#, 6)),
        (340, 4, "[DONE]"),
    ]);
    let record = &r.record;
    assert_eq!((record.tokens_in_first_event, record.usage.completion_tokens), (Some(4), Some(6)));
    assert_eq!(record.time_to_first_token_ms(), Some(200.0));
    assert_eq!(record.time_to_first_counted_token_ms(), Some(100.0));
    assert_eq!(record.inter_token_latency_ms(), Some(20.0));
    let mut r = r;
    r.warn_about(10);
    let held_back = "the server counted its first token at 100 ms and held its text back until 200 ms";
    assert!(r.record.notes().any(|note| note == held_back));
}

#[test]
fn a_final_count_does_not_give_the_tokens_of_the_first_event() {
    let text = r#"{"choices":[{"delta":{"content":"a"}}]}"#;
    let end = r#"{"choices":[{"delta":{"content":"b"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":7}}"#;
    let r = feed(&[(110, 1, text), (120, 2, end)]);
    assert_eq!((r.record.tokens_in_first_event, r.record.first_counted_at), (None, None));
    // A single event with text and counts: the counts are those of this event.
    let r = feed(&[(110, 1, end)]);
    assert_eq!(r.record.tokens_in_first_event, Some(7));
}

#[test]
fn tool_calls_have_no_text_to_count() {
    let text = r#"{"choices":[{"delta":{"content":"a"}}]}"#;
    let call = r#"{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"{\"a\""}}]}}]}"#;
    assert!(feed(&[(1, 1, text), (2, 2, "[DONE]")]).record.is_countable());
    assert!(!feed(&[(1, 1, text), (2, 2, call), (3, 3, "[DONE]")]).record.is_countable());
}

#[test]
fn findings_and_server_timings_are_recorded() {
    let mut r = feed(&[
        (300, 1, r#"{"choices":[{"delta":{"content":"a"}}]}"#),
        (320, 2, r#"{"choices":[{"delta":{"content":"b"},"finish_reason":"stop"}]}"#),
        (330, 3, r#"{"choices":[],"timings":{"cache_n":64,"prompt_ms":150.5,"predicted_ms":20.0}}"#),
    ]);
    r.warn_about(10);
    assert!(r.record.warnings.is_empty());
    assert_eq!(r.record.findings.iter().map(|f| f.key.clone()).collect::<Vec<_>>(), ["usage_missing", "warm_prefix"]);
    assert_eq!(r.record.notes().count(), 2);
    let timings = r.record.server_timings.unwrap();
    assert_eq!((timings.prompt_ms, timings.decode_ms), (Some(150.5), Some(20.0)));
    assert_eq!(r.record.usage.cached_tokens, Some(64));
}

#[test]
fn an_answer_of_several_choices_ends_with_the_last_of_them() {
    let event = |index: u32, text: &str, reason: &str| {
        format!(r#"{{"choices":[{{"index":{index},"delta":{{"content":"{text}"}},"finish_reason":{reason}}}]}}"#)
    };
    let mut r = recorder();
    let mut take = |ms, data: &str| {
        r.event(Nanos::from_millis(ms), ms, data).unwrap();
        r.has_ended()
    };
    assert!(!take(110, &event(0, "a", "null")));
    assert!(!take(120, &event(1, "b", "null")));
    assert!(!take(130, &event(0, "", r#""stop""#)), "the other choice still streams");
    assert!(take(140, &event(1, "", r#""length""#)));
    r.settle();
    let record = &r.record;
    assert_eq!((record.status, record.finish_reason.as_deref()), (AttemptStatus::Ok, Some("stop")));
    assert_eq!(record.choice_finish_reasons, [Some("stop".to_owned()), Some("length".to_owned())]);
    assert_eq!(record.finish_at, Some(Nanos::from_millis(140)));
    // Some servers number choices from 1.
    let r = feed(&[(110, 1, &event(1, "a", r#""stop""#))]);
    assert_eq!((r.record.status, r.record.finish_reason.as_deref()), (AttemptStatus::Ok, Some("stop")));
}

#[test]
fn a_split_surrogate_pair_has_the_time_of_its_event() {
    let r = feed(&[
        (110, 1, r#"{"choices":[{"delta":{"content":"\ud83d"}}]}"#),
        (120, 2, r#"{"choices":[{"delta":{"content":"\ude00"}}]}"#),
        (130, 3, "[DONE]"),
    ]);
    assert_eq!(r.record.text, "😀");
    assert_eq!(r.record.arrivals.iter().map(|a| a.at).collect::<Vec<_>>(), [110, 120].map(Nanos::from_millis));
    assert_eq!((r.record.time_to_first_token_ms(), r.lone_surrogates()), (Some(10.0), 0));
}

#[test]
fn done_after_the_end_of_any_api_is_normal() {
    let mut r = feed(&[(110, 1, r#"{"choices":[{"delta":{"content":"a"}}]}"#), (120, 2, "[DONE]"), (130, 3, "[DONE]")]);
    r.warn_about(10);
    assert_eq!(r.record.warnings, [""; 0]);
}

#[test]
fn tool_calls_are_assembled_in_every_api() {
    use crate::protocol::api::{APIS, by_name};
    let of = |api: &str, events: &[&str]| {
        let id = AttemptId { case: 0, number: 1 };
        let record = AttemptRecord::started(id, false, "r".into(), "m".into(), Nanos(0));
        let mut r = Recorder::new(record, by_name(api).unwrap());
        for (at, data) in events.iter().enumerate() {
            r.event(Nanos::from_millis(at as u64 + 1), at as u64, data).unwrap();
        }
        r.settle();
        r.record.tool_calls.into_iter().map(|call| (call.name, call.arguments)).collect::<Vec<_>>()
    };
    let expected = [("weather".to_owned(), r#"{"city":"Rome"}"#.to_owned())];
    for (api, events) in [
        (
            "chat",
            &[
                r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"weather","arguments":""}}]}}]}"#,
                r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"city\":"}}]}}]}"#,
                r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\"Rome\"}"}}]}}]}"#,
                r#"{"choices":[{"index":1,"delta":{"tool_calls":[{"index":0,"function":{"name":"other","arguments":"{}"}}]}}]}"#,
                "[DONE]",
            ][..],
        ),
        (
            "chat",
            &[r#"{"choices":[{"delta":{"function_call":{"name":"weather","arguments":"{\"city\":\"Rome\"}"}}}]}"#][..],
        ),
        (
            "messages",
            &[
                r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"c","name":"weather","input":{}}}"#,
                r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"city\":"}}"#,
                r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"\"Rome\"}"}}"#,
                r#"{"type":"message_stop"}"#,
            ][..],
        ),
        (
            "responses",
            &[
                r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","call_id":"c","name":"weather","arguments":""}}"#,
                r#"{"type":"response.function_call_arguments.delta","output_index":0,"delta":"{\"city\":\"Rome\"}"}"#,
                r#"{"type":"response.completed","response":{"status":"completed"}}"#,
            ][..],
        ),
        (
            "ollama",
            &[
                r#"{"message":{"content":"","tool_calls":[{"function":{"name":"weather","arguments":{"city":"Rome"}}}]},"done":false}"#,
                r#"{"message":{"content":""},"done":true}"#,
            ][..],
        ),
    ] {
        assert_eq!(of(api, events), expected, "{api}");
    }
    // Legacy completions, embeddings and rerank have no tool calls.
    assert_eq!(APIS.len() - 3, 4, "an API without an example");
}

#[test]
fn a_split_surrogate_in_arguments_is_joined() {
    let piece = |arguments: &str| {
        format!(
            r#"{{"choices":[{{"delta":{{"tool_calls":[{{"index":0,"function":{{"name":"f","arguments":"{arguments}"}}}}]}}}}]}}"#
        )
    };
    let r = feed(&[(1, 1, &piece(r#"\"\ud83d"#)), (2, 2, &piece(r#"\ude00\""#)), (3, 3, "[DONE]")]);
    assert_eq!(r.record.tool_calls[0].arguments, "\"😀\"");
}

#[test]
fn checks_see_the_first_of_several_choices() {
    let event = |index: u32, text: &str| {
        format!(r#"{{"choices":[{{"index":{index},"delta":{{"content":"{text}"}},"finish_reason":"stop"}}]}}"#)
    };
    let r = feed(&[(1, 1, &event(0, "first")), (2, 2, &event(1, "second"))]);
    assert!(r.record.text.contains("second"));
    assert_eq!(r.record.answer().text, "first");
    assert_eq!(feed(&[(1, 1, &event(0, "only"))]).record.answer_parts, None);
}

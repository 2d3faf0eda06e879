use super::*;

fn text(json: &str) -> (String, String) {
    let c = parse(json).unwrap();
    (c.reasoning.into_owned(), c.text.into_owned())
}

#[test]
fn role_null_and_empty_are_not_generated_but_whitespace_is() {
    for delta in
        [r#"{"role":"assistant","content":""}"#, r#"{"role":"assistant","content":null}"#, r#"{"role":"assistant"}"#]
    {
        assert!(!parse(&format!(r#"{{"choices":[{{"delta":{delta}}}]}}"#)).unwrap().is_generated(), "{delta}");
    }
    assert!(parse(r#"{"choices":[{"delta":{"content":"","reasoning_content":"\n"}}]}"#).unwrap().is_generated());
    assert!(!parse(r#"{"choices":[],"prompt_filter_results":[]}"#).unwrap().is_generated());
}

#[test]
fn reasoning_is_read_once_under_every_name() {
    for delta in [
        r#"{"reasoning_content":"a"}"#,
        r#"{"reasoning":"a","content":""}"#,
        r#"{"reasoning_content":"","reasoning":"a"}"#,
        r#"{"reasoning":"a","reasoning_details":[{"type":"reasoning.text","text":"a"}]}"#,
        r#"{"reasoning_details":[{"type":"reasoning.text","text":"a"},{"type":"reasoning.encrypted","data":"zz"}]}"#,
        r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"a"}]}]}"#,
    ] {
        assert_eq!(text(&format!(r#"{{"choices":[{{"delta":{delta}}}]}}"#)), ("a".into(), String::new()), "{delta}");
    }
}

#[test]
fn content_arrays_refusals_and_tool_calls_are_read() {
    assert_eq!(text(r#"{"choices":[{"delta":{"content":[{"type":"text","text":"x"}]}}]}"#).1, "x");
    assert_eq!(text(r#"{"choices":[{"delta":{"refusal":"no"}}]}"#).1, "no");
    let call = r#"{"choices":[{"delta":{"content":null,"tool_calls":[{"function":{"name":"f","arguments":""}}]}}]}"#;
    let c = parse(call).unwrap();
    assert!(c.is_generated() && c.text.is_empty());
}

#[test]
fn usage_is_found_in_every_position() {
    let on_finish =
        r#"{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4}}"#;
    let c = parse(on_finish).unwrap();
    assert_eq!((c.finish_reason.as_deref(), c.usage.unwrap().completion_tokens), (Some("stop"), Some(4)));
    assert_eq!(parse(r#"{"choices":[],"usage":null}"#).unwrap().usage, None);
    assert_eq!(parse(r#"{"choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0}}"#).unwrap().usage, None);
    let groq = r#"{"choices":[],"x_groq":{"usage":{"prompt_tokens":1,"completion_tokens":2}}}"#;
    assert_eq!(parse(groq).unwrap().usage.unwrap().completion_tokens, Some(2));
    let xai = r#"{"usage":{"prompt_tokens":12,"completion_tokens":2,"total_tokens":354,"completion_tokens_details":{"reasoning_tokens":340}}}"#;
    assert_eq!(parse(xai).unwrap().usage.unwrap().completion_tokens, Some(342));
}

#[test]
fn errors_are_read_with_and_without_choices() {
    let c = parse(
        r#"{"error":{"message":"boom","code":502},"choices":[{"delta":{"content":""},"finish_reason":"error"}]}"#,
    );
    assert_eq!(c.unwrap().error.as_deref(), Some("boom"));
    assert_eq!(parse(r#"{"error":null,"choices":[]}"#).unwrap().error, None);
}

#[test]
fn a_lone_surrogate_becomes_one_replacement_character() {
    let text = |json: &str| without_marks(&text(json).1);
    assert_eq!(text(r#"{"choices":[{"delta":{"content":"a\ud83db\ud83d\ude00\\u"}}]}"#), "a\u{fffd}b😀\\u");
    assert_eq!(text(r#"{"choices":[{"delta":{"content":"\ude00x"}}]}"#), "\u{fffd}x");
}

#[test]
fn cached_tokens_are_read_under_every_name() {
    let counts = r#""prompt_tokens":40,"completion_tokens":2"#;
    for more in [
        r#""prompt_tokens_details":{"cached_tokens":32}"#,
        r#""prompt_tokens_details":null,"prompt_cache_hit_tokens":32,"prompt_cache_miss_tokens":8"#,
        r#""cached_tokens":32"#,
        r#""cache_read_input_tokens":32"#,
    ] {
        let usage = parse(&format!(r#"{{"usage":{{{counts},{more}}}}}"#)).unwrap().usage.unwrap();
        assert_eq!(usage.cached_tokens, Some(32), "{more}");
    }
    let not_reported =
        parse(&format!(r#"{{"usage":{{{counts},"prompt_tokens_details":{{}}}}}}"#)).unwrap().usage.unwrap();
    assert_eq!(not_reported.cached_tokens, None);
}

#[test]
fn timings_of_llama_cpp_complete_its_usage() {
    let timings = r#""timings":{"cache_n":83,"prompt_n":1,"prompt_ms":9.1,"predicted_n":32,"predicted_ms":400.5}"#;
    let alone = format!(r#"{{"choices":[{{"delta":{{}},"finish_reason":"length"}}],{timings}}}"#);
    let expected =
        Usage { prompt_tokens: Some(84), completion_tokens: Some(32), reasoning_tokens: None, cached_tokens: Some(83) };
    assert_eq!(parse(&alone).unwrap().usage, Some(expected));
    let usage = r#""usage":{"prompt_tokens":84,"completion_tokens":31}"#;
    let both = parse(&format!(r#"{{"choices":[],{usage},{timings}}}"#)).unwrap().usage.unwrap();
    assert_eq!((both.completion_tokens, both.cached_tokens), (Some(31), Some(83)));
    // Builds of llama.cpp that do not report cached tokens leave the prompt's total unknown.
    let older = parse(r#"{"timings":{"prompt_n":84,"predicted_n":3}}"#).unwrap().usage.unwrap();
    assert_eq!((older.prompt_tokens, older.cached_tokens), (None, None));
}

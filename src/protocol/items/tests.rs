use super::*;

fn embeddings(sent: usize) -> ExpectedItems {
    ExpectedItems { task: Task::Embeddings, sent, top_n: None, dimensions: None }
}

fn rerank(sent: usize) -> ExpectedItems {
    ExpectedItems { task: Task::Rerank, sent, top_n: None, dimensions: None }
}

fn fault(body: &str, expected: ExpectedItems) -> String {
    match read(body.as_bytes(), expected) {
        Err(ItemsFault::Reported(why) | ItemsFault::Invalid(why)) => why,
        Ok(answer) => panic!("{answer:?}"),
    }
}

#[test]
fn a_list_of_vectors_is_counted() {
    let body = r#"{"object":"list","data":[{"object":"embedding","index":1,"embedding":[1,-2e3,0.5]},
        {"index":0,"embedding":[0,0,1]}],"model":"m","usage":{"prompt_tokens":9,"total_tokens":9}}"#;
    let answer = read(body.as_bytes(), embeddings(2)).unwrap();
    assert_eq!(answer.items, AnswerItems { count: 2, dimensions: Some(3) });
    assert_eq!(answer.usage.prompt_tokens, Some(9));
}

#[test]
fn base64_holds_four_bytes_for_each_dimension() {
    // More than one block, so that the blocks must fit together.
    let numbers: Vec<u8> = (0..4000_u16).flat_map(|n| f32::from(n).to_le_bytes()).collect();
    let body = |bytes: &[u8]| {
        let text = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, bytes);
        format!(r#"{{"data":[{{"index":0,"embedding":"{text}"}}]}}"#)
    };
    let answer = read(body(&numbers).as_bytes(), embeddings(1)).unwrap();
    assert_eq!(answer.items.dimensions, Some(4000));
    assert!(fault(&body(&numbers[..7]), embeddings(1)).contains("incomplete number"));
    assert!(fault(&body(&f32::NAN.to_le_bytes()), embeddings(1)).contains("not finite"));
    assert!(fault(r#"{"data":[{"embedding":"~"}]}"#, embeddings(1)).contains("not base64"));
}

#[test]
fn every_faulty_list_of_vectors_has_its_reason() {
    let body = |entries: &str| format!(r#"{{"data":[{entries}]}}"#);
    for (entries, sent, why) in [
        (r#"{"index":0,"embedding":[1]}"#, 2, "1 entries for 2 inputs"),
        (r#"{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}"#, 2, "two entries for input 0"),
        (r#"{"index":2,"embedding":[1]},{"index":0,"embedding":[1]}"#, 2, "an entry for input 2"),
        (r#"{"index":0,"embedding":[1]},{"index":1,"embedding":[1,2]}"#, 2, "has 2 dimensions, not the 1 of the first"),
        (r#"{"index":0,"embedding":[]}"#, 1, "is empty"),
        (r#"{"index":0,"embedding":[1,null]}"#, 1, "not finite"),
        (r#"{"index":0,"embedding":[1,"2"]}"#, 1, "not a number"),
        (r#"{"index":0,"embedding":[[1,2],[3,4]]}"#, 1, "a vector for each token"),
        (r#"{"index":0}"#, 1, "no embedding"),
        (r#"{"index":0,"embedding":[1e999]}"#, 1, "not valid JSON"),
        (r#"{"index":-1,"embedding":[1]}"#, 1, "another form"),
    ] {
        let found = fault(&body(entries), embeddings(sent));
        assert!(found.contains(why) && !found.contains('\n'), "{entries}: {found}");
    }
    let other = ExpectedItems { dimensions: Some(2), ..embeddings(1) };
    let found = fault(&body(r#"{"embedding":[1,2,3]}"#), other);
    assert!(found.contains("3 dimensions, not the 2 requested"), "{found}");
}

#[test]
fn scores_are_read_in_every_servers_form() {
    let vllm = r#"{"id":"r","model":"m","usage":{"total_tokens":56},"results":[
        {"index":1,"document":{"text":"b"},"relevance_score":0.99},{"index":0,"document":{"text":"a"},"relevance_score":-1.5}]}"#;
    let answer = read(vllm.as_bytes(), rerank(2)).unwrap();
    assert_eq!((answer.items, answer.usage.prompt_tokens), (AnswerItems { count: 2, dimensions: None }, Some(56)));
    let sglang = r#"[{"score":0.9,"document":"b","index":1,"meta_info":{}},{"score":0.1,"document":"a","index":0}]"#;
    assert_eq!(read(sglang.as_bytes(), rerank(2)).unwrap().usage, Usage::default());
    let best = ExpectedItems { top_n: Some(1), ..rerank(2) };
    let answer = read(br#"{"results":[{"index":1,"relevance_score":1}]}"#, best).unwrap();
    assert_eq!(answer.items.count, 2, "the model has scored both");
}

#[test]
fn every_faulty_list_of_scores_has_its_reason() {
    for (body, why) in [
        (r#"{"results":[{"index":0,"relevance_score":1},{"index":1,"relevance_score":2}]}"#, "not sorted"),
        (
            r#"{"results":[{"index":0,"relevance_score":1},{"index":0,"relevance_score":1}]}"#,
            "two entries for document 0",
        ),
        (r#"{"results":[{"index":0,"relevance_score":1}]}"#, "1 entries for 2 documents"),
        (r#"{"results":[{"index":0,"relevance_score":1},{"index":1}]}"#, "no relevance_score"),
        (r#"{"results":[{"index":0,"relevance_score":1},{"index":1,"relevance_score":null}]}"#, "no relevance_score"),
        (r#"{"model":"m"}"#, "no list"),
        (r#"{"error":{"message":"model does not support reranking"}}"#, "does not support reranking"),
        (r#"{"detail":"Not authenticated"}"#, "Not authenticated"),
        ("null", "another form"),
        ("{", "not valid JSON"),
    ] {
        let found = fault(body, rerank(2));
        assert!(found.contains(why) && !found.contains('\n'), "{body}: {found}");
    }
}

#[test]
fn a_total_of_zero_tokens_is_unknown() {
    let body = r#"{"data":[{"embedding":[1]}],"usage":{"prompt_tokens":0,"total_tokens":0}}"#;
    assert_eq!(read(body.as_bytes(), embeddings(1)).unwrap().usage.prompt_tokens, None);
}

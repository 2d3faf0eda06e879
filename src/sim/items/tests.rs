use super::*;
use crate::domain::task::{AnswerItems, Task};
use crate::protocol::items::{ExpectedItems, read};

fn request(kind: ItemsKind, body: &Value) -> Result<ItemsRequest, Refusal> {
    ItemsRequest::read(body.to_string().as_bytes(), "m", kind)
}

fn document(kind: ItemsKind, body: &Value) -> String {
    match request(kind, body).unwrap().reply("m") {
        ItemsReply::Document(document) => document,
        other => panic!("{other:?}"),
    }
}

#[test]
fn vectors_are_read_by_the_client_in_both_encodings() {
    for format in ["float", "base64"] {
        let body = json!({ "model": "m", "input": ["a b", "c"], "dimensions": 7, "encoding_format": format });
        let expected = ExpectedItems { task: Task::Embeddings, sent: 2, top_n: None, dimensions: Some(7) };
        let answer = read(document(ItemsKind::Embeddings, &body).as_bytes(), expected).unwrap();
        assert_eq!(answer.items, AnswerItems { count: 2, dimensions: Some(7) });
        // "a", " b" and "c", and two tokens around each input.
        assert_eq!(answer.usage.prompt_tokens, Some(3 + 4));
    }
}

#[test]
fn the_document_with_the_words_of_the_query_is_the_best() {
    let documents = ["Rain fell on the town.", "The giant panda is a bear of China."];
    let body = json!({ "model": "m", "query": "giant panda", "documents": documents, "top_n": 1 });
    let document: Value = serde_json::from_str(&document(ItemsKind::Rerank, &body)).unwrap();
    let results = document["results"].as_array().unwrap();
    assert_eq!((results.len(), &results[0]["index"]), (1, &json!(1)));
}

#[test]
fn faults_and_bad_requests_have_their_replies() {
    let with = |fault: &str| json!({ "model": "m", "input": "a", "tokscope_sim": { "fault": fault } });
    let reply = |fault: &str| request(ItemsKind::Embeddings, &with(fault)).unwrap().reply("m");
    assert_eq!((reply("cut"), reply("stall")), (ItemsReply::Cut, ItemsReply::Never));
    let expected = ExpectedItems { task: Task::Embeddings, sent: 1, top_n: None, dimensions: None };
    for fault in ["malformed_event", "empty", "error_in_stream"] {
        let ItemsReply::Document(document) = reply(fault) else { panic!("{fault}") };
        assert!(read(document.as_bytes(), expected).is_err(), "{fault}");
    }
    for (kind, body, named) in [
        (ItemsKind::Embeddings, json!({ "model": "x", "input": "a" }), "x"),
        (ItemsKind::Embeddings, json!({ "model": "m" }), "input"),
        (ItemsKind::Embeddings, json!({ "model": "m", "input": [] }), "input"),
        (ItemsKind::Embeddings, json!({ "model": "m", "input": "a", "dimensions": 0 }), "dimensions"),
        (ItemsKind::Embeddings, json!({ "model": "m", "input": "a", "encoding_format": "int8" }), "encoding_format"),
        (ItemsKind::Rerank, json!({ "model": "m", "documents": ["a"] }), "query"),
        (ItemsKind::Rerank, json!({ "model": "m", "query": "a" }), "documents"),
    ] {
        let refusal = request(kind, &body).unwrap_err();
        assert!(refusal.body().to_string().contains(named), "{named}: {}", refusal.body());
    }
}

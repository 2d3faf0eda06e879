use serde_json::json;

use super::*;
use crate::domain::data_fingerprint::DataFingerprint;
use crate::domain::media::{Media, MediaContent, MediaFormat};
use crate::domain::suite::{DOCUMENT, INPUT, Message, QUERY};
use crate::domain::tools::{AnswerSchema, ResponseFormat, Tool, ToolChoice};
use crate::protocol::media::with_contents;
use crate::protocol::request::UsageRequest;

fn case() -> CaseSpec {
    let message = Message::new;
    CaseSpec {
        messages: vec![message("system", "be brief"), message("user", "hi")],
        max_tokens: 5,
        temperature: 1.5,
        extra: json!({ "top_p": 0.9 }).as_object().unwrap().clone(),
        checks: Vec::new(),
        ..crate::domain::testing::case("c")
    }
}

fn body(api: &Api) -> Value {
    (api.body)(&case(), "m", RequestDialect::default(), None)
}

#[test]
fn each_api_builds_its_own_body() {
    let messages = json!([{ "role": "system", "content": "be brief" }, { "role": "user", "content": "hi" }]);
    assert_eq!(
        body(&CHAT),
        json!({ "model": "m", "messages": messages, "max_tokens": 5, "temperature": 1.5, "stream": true,
            "stream_options": { "include_usage": true }, "top_p": 0.9 })
    );
    let one = CaseSpec { messages: vec![Message::user("hi")], ..case() };
    assert_eq!(
        (COMPLETIONS.body)(&one, "m", RequestDialect::default(), Some("0a1b2c3d")),
        json!({ "model": "m", "prompt": "[0a1b2c3d]\nhi", "max_tokens": 5, "temperature": 1.5, "stream": true,
            "stream_options": { "include_usage": true }, "top_p": 0.9 })
    );
    assert_eq!(
        body(&RESPONSES),
        json!({ "model": "m", "input": messages, "max_output_tokens": 5, "temperature": 1.5, "stream": true, "store": false,
            "top_p": 0.9 })
    );
    // Anthropic rejects a temperature above 1.
    assert_eq!(
        body(&MESSAGES),
        json!({ "model": "m", "system": "be brief", "messages": [{ "role": "user", "content": "hi" }], "max_tokens": 5,
            "temperature": 1.0, "stream": true, "top_p": 0.9 })
    );
    assert_eq!(
        body(&OLLAMA),
        json!({ "model": "m", "messages": messages, "stream": true, "options": { "num_predict": 5, "temperature": 1.5 },
            "top_p": 0.9 })
    );
}

#[test]
fn extra_of_the_case_overrides_every_field() {
    let mut case = case();
    case.extra =
        json!({ "temperature": 0, "options": { "num_ctx": 4096, "num_predict": 9 } }).as_object().unwrap().clone();
    for api in APIS {
        assert_eq!((api.body)(&case, "m", RequestDialect::default(), None)["temperature"], 0, "{api:?}");
    }
    let options = &(OLLAMA.body)(&case, "m", RequestDialect::default(), None)["options"];
    assert_eq!(*options, json!({ "num_predict": 9, "temperature": 1.5, "num_ctx": 4096 }));
}

#[test]
fn a_dialect_omits_and_renames_refused_fields() {
    let dialect = RequestDialect { usage: UsageRequest::No, max_completion_tokens: true };
    let body = (CHAT.body)(&case(), "m", dialect, None);
    assert_eq!((body.get("stream_options"), body.get("max_tokens")), (None, None));
    assert_eq!(body["max_completion_tokens"], 5);
}

#[test]
fn names_are_unique_and_found() {
    for api in APIS {
        assert_eq!(by_name(api.name), Some(*api));
    }
    assert_eq!(by_name("edits"), None);
}

#[test]
fn a_lone_surrogate_loses_no_event_in_any_api() {
    for (api, event) in [
        (&CHAT, r#"{"choices":[{"delta":{"content":"a\ud83d"}}]}"#),
        (&RESPONSES, r#"{"type":"response.output_text.delta","delta":"a\ud83d"}"#),
        (&MESSAGES, r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"a\ud83d"}}"#),
        (&OLLAMA, r#"{"message":{"content":"a\ud83d"}}"#),
        (&COMPLETIONS, r#"{"choices":[{"text":"a\ud83d"}]}"#),
    ] {
        let chunk = api.read(event).unwrap();
        let mut joiner = crate::protocol::surrogates::SurrogateJoiner::default();
        let text = joiner.join(&chunk.text, chunk.has_marks) + joiner.finish();
        assert_eq!((text.as_ref(), joiner.lone), ("a\u{fffd}", 1), "{api:?}");
    }
}

#[test]
fn unexpected_shapes_yield_no_text_and_do_not_panic() {
    for api in APIS {
        for event in [
            "{}",
            r#"{"type":null}"#,
            r#"{"type":"response.completed"}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":null},"usage":null}"#,
            r#"{"message":{"content":null,"tool_calls":null},"error":null}"#,
            r#"{"type":"response.output_text.delta","delta":{"odd":1}}"#,
            r#"{"type":"content_block_start"}"#,
        ] {
            if let Ok(chunk) = api.read(event) {
                assert!(!chunk.is_generated() && chunk.error.is_none(), "{api:?} {event}");
            }
        }
    }
}

#[test]
fn a_nonce_is_prepended_and_changes_nothing_else() {
    for (api, first) in [
        (&CHAT, "/messages/0/content"),
        (&RESPONSES, "/input/0/content"),
        (&MESSAGES, "/system"),
        (&OLLAMA, "/messages/0/content"),
    ] {
        let mut expected = body(api);
        *expected.pointer_mut(first).unwrap() = "[0a1b2c3d]\nbe brief".into();
        assert_eq!((api.body)(&case(), "m", RequestDialect::default(), Some("0a1b2c3d")), expected, "{api:?}");
    }
}

#[test]
fn messages_in_extra_are_sent_unchanged() {
    let own = json!([{ "role": "user", "content": "own" }]);
    let mut case = case();
    case.extra = json!({ "messages": own }).as_object().unwrap().clone();
    assert_eq!((CHAT.body)(&case, "m", RequestDialect::default(), Some("0a1b2c3d"))["messages"], own);
    assert!(!case.takes_nonce());
    assert!(!CaseSpec { messages: Vec::new(), extra: serde_json::Map::new(), ..case }.takes_nonce());
}

#[test]
fn requests_for_items_have_texts_and_a_nonce_in_each_sequence() {
    let messages = |role: &str, texts: &[&str]| texts.iter().map(|text| Message::new(role, text)).collect::<Vec<_>>();
    let body = |api: &Api, messages: Vec<Message>, nonce: Option<&str>| {
        (api.body)(&CaseSpec::new("c", messages), "m", RequestDialect::default(), nonce)
    };
    let one = body(&EMBEDDINGS, vec![Message::user("a")], None);
    assert_eq!(one, json!({ "model": "m", "input": "a" }));
    let two = body(&EMBEDDINGS, messages(INPUT, &["a", "b"]), Some("0a1b2c3d"));
    assert_eq!(two["input"], json!(["[0a1b2c3d]\na", "[0a1b2c3d]\nb"]));
    let ranked = [messages(QUERY, &["q"]), messages(DOCUMENT, &["x", "y"])].concat();
    let both = body(&RERANK, ranked.clone(), Some("0a1b2c3d"));
    assert_eq!(both, json!({ "model": "m", "query": "[0a1b2c3d]\nq", "documents": ["x", "y"] }));
    let case = CaseSpec { extra: json!({ "top_n": 1 }).as_object().unwrap().clone(), ..CaseSpec::new("c", ranked) };
    let expected = RERANK.expected_items(&case).unwrap();
    assert_eq!((expected.sent, expected.top_n), (2, Some(1)));
}

#[test]
fn each_api_takes_messages_of_its_own_form() {
    let text = vec![Message::user("a")];
    let inputs = vec![Message::new(INPUT, "a"); 2];
    let ranked = vec![Message::new(QUERY, "q"), Message::new(DOCUMENT, "d")];
    for (api, fits) in
        [(&CHAT, [true, false, false]), (&EMBEDDINGS, [true, true, false]), (&RERANK, [false, false, true])]
    {
        let found = [&text, &inputs, &ranked].map(|messages| api.check_messages(messages).is_ok());
        assert_eq!(found, fits, "{}", api.name);
    }
    assert!(RERANK.check_messages(&ranked[..1]).is_err(), "a query without documents");
}

#[test]
fn only_a_single_user_message_is_one_text() {
    let user = Message::user("hi");
    let system = Message { role: "system".into(), ..Message::user("be brief") };
    assert_eq!(COMPLETIONS.check_messages(std::slice::from_ref(&user)), Ok(()));
    assert_eq!(CHAT.check_messages(&[system.clone(), user.clone()]), Ok(()));
    let why = "the completions API takes one text, so it needs a single user message instead of system, user; use another --api";
    assert_eq!(COMPLETIONS.check_messages(&[system.clone(), user]), Err(why.to_owned()));
    assert!(COMPLETIONS.check_messages(&[system]).is_err());
}

/// A case that must call one of two tools, and must answer in JSON.
fn formed(choice: ToolChoice) -> CaseSpec {
    let schema = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
    let tool = |name: &str, description: Option<&str>, strict| Tool {
        name: name.to_owned(),
        description: description.map(str::to_owned),
        parameters: schema.clone(),
        strict,
    };
    let answer = AnswerSchema { name: "place".to_owned(), schema: schema.clone(), strict: Some(true) };
    CaseSpec {
        tools: vec![tool("weather", Some("Weather of a city"), Some(true)), tool("time", None, None)],
        tool_choice: Some(choice),
        response_format: Some(ResponseFormat::JsonSchema(answer)),
        ..case()
    }
}

#[test]
fn tools_and_response_format_have_the_form_of_each_api() {
    let schema = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
    let function =
        json!({ "name": "weather", "description": "Weather of a city", "parameters": schema, "strict": true });
    let bare = json!({ "name": "time", "parameters": schema });
    let fields = |api: &Api, names: &[&str]| {
        let body = (api.body)(&formed(ToolChoice::Named("time".to_owned())), "m", RequestDialect::default(), None);
        names.iter().map(|name| body.get(*name).cloned().unwrap_or_default()).collect::<Vec<_>>()
    };
    let wrapped = json!([{ "type": "function", "function": function }, { "type": "function", "function": bare }]);
    assert_eq!(
        fields(&CHAT, &["tools", "tool_choice", "response_format"]),
        [
            wrapped.clone(),
            json!({ "type": "function", "function": { "name": "time" } }),
            json!({ "type": "json_schema", "json_schema": { "name": "place", "schema": schema, "strict": true } }),
        ]
    );
    let flat = |function: &Value| {
        let mut flat = function.clone();
        flat["type"] = "function".into();
        flat
    };
    assert_eq!(
        fields(&RESPONSES, &["tools", "tool_choice", "text"]),
        [
            json!([flat(&function), flat(&bare)]),
            json!({ "type": "function", "name": "time" }),
            json!({ "format": { "type": "json_schema", "name": "place", "schema": schema, "strict": true } }),
        ]
    );
    assert_eq!(
        fields(&MESSAGES, &["tools", "tool_choice", "output_config"]),
        [
            json!([
                { "name": "weather", "description": "Weather of a city", "input_schema": schema, "strict": true },
                { "name": "time", "input_schema": schema },
            ]),
            json!({ "type": "tool", "name": "time" }),
            json!({ "format": { "type": "json_schema", "schema": schema } }),
        ]
    );
    assert_eq!(fields(&OLLAMA, &["tools", "tool_choice", "format"]), [wrapped, Value::Null, schema]);
}

#[test]
fn an_api_names_what_it_cannot_send() {
    let any_json = CaseSpec { response_format: Some(ResponseFormat::JsonObject), ..case() };
    for api in APIS {
        assert_eq!((api.unsupported)(&case()), None, "{api:?}");
        let is_text = *api == &COMPLETIONS || !api.task.generates();
        assert_eq!((api.unsupported)(&formed(ToolChoice::Auto)).is_some(), is_text, "{api:?}");
        assert_eq!((api.unsupported)(&formed(ToolChoice::Required)).is_some(), is_text || *api == &OLLAMA, "{api:?}");
        assert_eq!((api.unsupported)(&any_json).is_some(), is_text || *api == &MESSAGES, "{api:?}");
    }
}

fn media(format: MediaFormat) -> Media {
    let fingerprint = DataFingerprint { bytes: 3, crc32: 7 };
    Media::Content(MediaContent { format, path: None, fingerprint, base64: "AAAA".into() })
}

/// Body of a request with this media in its only message, as it is sent.
fn body_with(api: &Api, media: Vec<Media>) -> Value {
    let case = CaseSpec { messages: vec![Message { media, ..Message::user("look") }], ..case() };
    let body = (api.body)(&case, "m", RequestDialect::default(), None).to_string();
    serde_json::from_str(&with_contents(body, &case.messages)).unwrap()
}

#[test]
fn images_and_audio_have_the_form_of_each_api() {
    let url = Media::Url("https://h/x.png".to_owned());
    let text = |kind: &str| json!({ "type": kind, "text": "look" });
    let data = "data:image/jpeg;base64,AAAA";
    assert_eq!(
        body_with(&CHAT, vec![media(MediaFormat::Jpeg), url.clone(), media(MediaFormat::Wav)])["messages"][0]["content"],
        json!([
            text("text"),
            { "type": "image_url", "image_url": { "url": data } },
            { "type": "image_url", "image_url": { "url": "https://h/x.png" } },
            { "type": "input_audio", "input_audio": { "data": "AAAA", "format": "wav" } },
        ])
    );
    assert_eq!(
        body_with(&RESPONSES, vec![media(MediaFormat::Jpeg)])["input"][0]["content"],
        json!([text("input_text"), { "type": "input_image", "image_url": data }])
    );
    let base64 = json!({ "type": "base64", "media_type": "image/jpeg", "data": "AAAA" });
    assert_eq!(
        body_with(&MESSAGES, vec![media(MediaFormat::Jpeg), url.clone()])["messages"][0]["content"],
        json!([
            text("text"),
            { "type": "image", "source": base64 },
            { "type": "image", "source": { "type": "url", "url": "https://h/x.png" } },
        ])
    );
    let message = &body_with(&OLLAMA, vec![media(MediaFormat::Png)])["messages"][0];
    assert_eq!(*message, json!({ "role": "user", "content": "look", "images": ["AAAA"] }));
    let with = |media| CaseSpec { messages: vec![Message { media: vec![media], ..Message::user("") }], ..case() };
    for api in APIS {
        let is_text = *api == &COMPLETIONS || !api.task.generates();
        assert_eq!((api.unsupported)(&with(media(MediaFormat::Png))).is_some(), is_text, "{api:?}");
        assert_eq!((api.unsupported)(&with(media(MediaFormat::Mp3))).is_some(), *api != &CHAT, "{api:?}");
        assert_eq!((api.unsupported)(&with(url.clone())).is_some(), is_text || *api == &OLLAMA, "{api:?}");
    }
}

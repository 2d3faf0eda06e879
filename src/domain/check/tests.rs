use serde_json::{Value, json};

use super::*;

/// Evaluates one check of an answer's text; the message of its failure.
fn fail(spec: CheckSpec, text: &str) -> Option<String> {
    fail_answer(spec, &Answer { text, ..Answer::default() })
}

fn fail_answer(spec: CheckSpec, answer: &Answer<'_>) -> Option<String> {
    let kind = spec.kind();
    let checks = Checks::new(&[spec]).unwrap();
    let [result] = checks.evaluate(answer).try_into().unwrap();
    assert_eq!(result.kind, kind);
    assert_eq!(result.passed, result.message.is_none());
    result.message
}

fn refused(spec: CheckSpec) -> String {
    Checks::new(&[spec]).unwrap_err().to_string()
}

fn contains(text: &str) -> CheckSpec {
    CheckSpec::Contains(text.to_owned())
}

fn regex(pattern: &str) -> CheckSpec {
    CheckSpec::Regex(pattern.to_owned())
}

fn equals(text: &str) -> CheckSpec {
    CheckSpec::Equals(text.to_owned())
}

fn call(name: &str, arguments: Option<Value>) -> CheckSpec {
    let arguments = arguments.map(|arguments| arguments.as_object().unwrap().clone());
    CheckSpec::ToolCall(ExpectedCall { name: name.to_owned(), arguments })
}

fn city() -> Value {
    json!({ "type": "object", "required": ["city"], "properties": { "city": { "type": "string", "pattern": "^[A-Z]" } } })
}

#[test]
fn each_kind_of_text_check_passes_and_fails() {
    assert_eq!(fail(contains("index"), "Add an index."), None);
    assert_eq!(fail(contains("Index"), "Add an index.").unwrap(), "the answer does not contain 'Index'");
    assert_eq!(fail(regex("(?i)INDEX"), "Add an index."), None);
    assert_eq!(fail(regex("^index$"), "Add an index.").unwrap(), "the answer has no match of '^index$'");
    assert_eq!(fail(equals("Paris"), " **paris**.\n"), None);
    assert_eq!(fail(equals("Paris"), "It is Paris.").unwrap(), "the answer is 'It is Paris.', not 'Paris'");
    assert_eq!(fail(equals("-5"), "5").unwrap(), "the answer is '5', not '-5'");
}

#[test]
fn a_schema_checks_the_whole_answer_and_names_the_place() {
    let schema = || CheckSpec::JsonSchema(city());
    assert_eq!(fail(schema(), "\n{\"city\": \"Rome\", \"more\": 1}\n"), None);
    assert_eq!(fail(schema(), "{}").unwrap(), "\"city\" is a required property");
    assert_eq!(fail(schema(), "{\"city\": 5}").unwrap(), "/city: 5 is not of type \"string\"");
    assert_eq!(fail(schema(), "{\"city\": \"rome\"}").unwrap(), "/city: \"rome\" does not match \"^[A-Z]\"");
    let cut = fail(schema(), "{\"city\": \"Ro").unwrap();
    assert!(cut.starts_with("the answer is not JSON: EOF while parsing a string"), "{cut}");
    let fenced = fail(schema(), "```json\n{\"city\": \"Rome\"}\n```").unwrap();
    assert!(fenced.ends_with("the answer is in a Markdown fence"), "{fenced}");
    assert!(fail(schema(), "{\"city\": \"Rome\"} Here you are.").unwrap().contains("trailing characters"));
}

#[test]
fn an_answer_without_text_says_why() {
    let none = Answer::default();
    for spec in [contains("a"), regex("a"), equals("a"), CheckSpec::JsonSchema(city())] {
        assert_eq!(fail_answer(spec, &none).unwrap(), "the answer is empty");
    }
    let capped = Answer { is_capped: true, ..none };
    assert!(fail_answer(contains("a"), &capped).unwrap().contains("raise max_tokens"));
    let calls = [ToolCall::default()];
    let calling = Answer { tool_calls: &calls, ..none };
    assert_eq!(fail_answer(contains("a"), &calling).unwrap(), "the answer calls a tool and has no text");
}

#[test]
fn a_tool_call_needs_its_name_and_at_least_the_expected_arguments() {
    let calls = [
        ToolCall { name: "time".to_owned(), arguments: "{}".to_owned() },
        ToolCall {
            name: "weather".to_owned(),
            arguments: r#"{"city": "Rome", "days": 3.0, "unit": {"name": "C", "short": true}, "tags": ["a"]}"#
                .to_owned(),
        },
    ];
    let answer = Answer { tool_calls: &calls, ..Answer::default() };
    let fails = |name: &str, arguments: Option<Value>| fail_answer(call(name, arguments), &answer);
    assert_eq!(fails("weather", None), None);
    assert_eq!(fails("weather", Some(json!({"city": "Rome", "days": 3, "unit": {"name": "C"}}))), None);
    assert_eq!(fails("weather", Some(json!({"tags": ["a"]}))), None);
    let expected = "in the call of 'weather': 'unit.name' is \"C\", not \"F\"";
    assert_eq!(fails("weather", Some(json!({"unit": {"name": "F"}}))).unwrap(), expected);
    let expected = "in the call of 'weather': 'zip' is missing";
    assert_eq!(fails("weather", Some(json!({"zip": 1}))).unwrap(), expected);
    assert!(fails("weather", Some(json!({"tags": ["a", "b"]}))).is_some(), "lists are compared as a whole");
    assert_eq!(fails("search", None).unwrap(), "the answer calls 'time', not 'search'");
    let none = fail_answer(call("search", None), &Answer::default()).unwrap();
    assert_eq!(none, "the answer calls no tool; expected 'search'");
}

#[test]
fn broken_arguments_fail_and_any_of_several_calls_may_pass() {
    let broken = ToolCall { name: "f".to_owned(), arguments: "{\"a\": 1".to_owned() };
    let list = ToolCall { arguments: "[1]".to_owned(), ..broken.clone() };
    let right = ToolCall { arguments: "{\"a\": 1}".to_owned(), ..broken.clone() };
    let fails = |calls: &[ToolCall]| {
        fail_answer(call("f", Some(json!({"a": 1}))), &Answer { tool_calls: calls, ..Answer::default() })
    };
    assert!(fails(std::slice::from_ref(&broken)).unwrap().starts_with("the arguments of 'f' are not JSON: EOF"));
    assert_eq!(fails(&[list]).unwrap(), "the arguments of 'f' are [1], not an object");
    assert_eq!(fails(&[broken, right]), None);
}

#[test]
fn tokens_are_counted_and_estimates_say_so() {
    let tokens = |tokens, tokens_estimated| Answer { tokens, tokens_estimated, ..Answer::default() };
    assert_eq!(fail_answer(CheckSpec::MinTokens(50), &tokens(50, false)), None);
    let few = fail_answer(CheckSpec::MinTokens(50), &tokens(49, false)).unwrap();
    assert_eq!(few, "the answer has 49 tokens, fewer than 50");
    assert!(fail_answer(CheckSpec::MinTokens(50), &tokens(3, true)).unwrap().contains("about 3 tokens"));
}

#[test]
fn checks_that_say_nothing_are_refused() {
    for (spec, why) in [
        (contains(""), "every answer contains the empty text"),
        (regex(".*"), "every answer matches"),
        (regex("(a|)"), "every answer matches"),
        (regex(r"[^\s\S]"), "no answer can match"),
        (equals(" .!"), "nothing is left to compare"),
        (CheckSpec::MinTokens(0), "write 1 or more"),
        (CheckSpec::JsonSchema(json!({})), "every JSON answer passes"),
        (CheckSpec::JsonSchema(json!(false)), "no answer can pass"),
        (CheckSpec::JsonSchema(json!({"not": {}})), "no answer can pass"),
        (call(" ", None), "the tool has no name"),
    ] {
        let refused = refused(spec);
        assert!(refused.contains(why), "{refused}");
    }
    // Matching nothing but an empty line, or a word boundary, says something.
    for pattern in ["^$", r"\b", "^a*$"] {
        assert!(Checks::new(&[regex(pattern)]).is_ok(), "{pattern}");
    }
}

#[test]
fn invalid_patterns_and_schemas_are_explained() {
    for (spec, why) in [
        (regex("a("), "not a regular expression: unclosed group at character 2"),
        (regex("(?=a)b"), "look-around"),
        (regex(r"(a)\1"), "backreferences are not supported"),
        (regex("((a{1000}){1000}){1000}"), "too large when compiled"),
        (CheckSpec::JsonSchema(json!("objekt")), "is not a schema"),
        (CheckSpec::JsonSchema(json!({"type": "objekt"})), "not a valid JSON Schema, at /type"),
        (CheckSpec::JsonSchema(json!({"pattern": "(?=a)"})), "look-around"),
        (CheckSpec::JsonSchema(json!({"$ref": "http://example.com/a.json"})), "which is not fetched"),
        (CheckSpec::JsonSchema(json!({"$ref": "file:///etc/passwd"})), "which is not fetched"),
        (CheckSpec::JsonSchema(json!({"$ref": "other.json"})), "which is not fetched"),
    ] {
        let refused = refused(spec);
        assert!(refused.contains(why) && !refused.contains('\n'), "{refused}");
    }
}

#[test]
fn hostile_answers_are_evaluated_and_messages_stay_short() {
    let huge = "a".repeat(10 * 1024 * 1024);
    assert!(fail(regex("^(a+)+$"), &format!("{huge}b")).is_some(), "catastrophic for a backtracking engine");
    assert!(fail(contains("b"), &huge).is_some());
    let shown = fail(equals("b"), &huge).unwrap();
    assert!(shown.chars().count() < 200, "{}", shown.len());
    let deep = "[".repeat(1_000_000);
    for answer in [deep.as_str(), &huge, "\u{1b}[31m{", "{\"city\": \"\\ud800\"}"] {
        let message = fail(CheckSpec::JsonSchema(city()), answer).unwrap();
        assert!(message.chars().count() <= 241 && !message.contains('\u{1b}'), "{message}");
    }
    let pattern = CheckSpec::JsonSchema(json!({"type": "string", "pattern": "^(a+)+$"}));
    assert!(fail(pattern, &format!("\"{}b\"", "a".repeat(1_000_000))).is_some());
    let names = ToolCall { name: "\u{1b}[2J".repeat(100_000), arguments: deep };
    let message = fail_answer(call("f", None), &Answer { tool_calls: &[names], ..Answer::default() }).unwrap();
    assert!(message.len() < 300 && !message.contains('\u{1b}'), "{message}");
}

#[test]
fn a_cut_answer_is_not_judged_by_what_is_missing() {
    let cut = Answer { text: "start", is_cut: true, ..Answer::default() };
    assert_eq!(fail_answer(contains("start"), &cut), None);
    assert_eq!(fail_answer(regex("^st"), &cut), None);
    assert!(fail_answer(regex("^[a-z]+$"), &cut).unwrap().contains("its end was not kept"));
    assert!(fail_answer(contains("end"), &cut).unwrap().ends_with("in the part that was kept"));
    assert_eq!(fail_answer(CheckSpec::JsonSchema(city()), &cut).unwrap(), "the answer is too long to be read as JSON");
    assert!(fail_answer(equals("start"), &cut).is_some());
}

#[test]
fn schemas_that_refer_to_themselves_end() {
    for schema in [
        json!({"$ref": "#"}),
        json!({"allOf": [{"$ref": "#"}]}),
        json!({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"anyOf": [{"$ref": "#/$defs/a"}]}}, "$ref": "#/$defs/a"}),
        json!({"$dynamicAnchor": "x", "$dynamicRef": "#x"}),
    ] {
        assert_eq!(fail(CheckSpec::JsonSchema(schema), "1"), None);
    }
}

#[test]
fn rows_carry_checks_in_the_form_of_a_suite() {
    let one = CheckSpec::list_from_json(&json!({"contains": "a"})).unwrap();
    assert_eq!(one, [contains("a")]);
    let several = json!([{"regex": "a+"}, {"tool_call": {"name": "f", "arguments": {"a": 1}}}, {"min_tokens": 3}]);
    let read = CheckSpec::list_from_json(&several).unwrap();
    assert_eq!(read, [regex("a+"), call("f", Some(json!({"a": 1}))), CheckSpec::MinTokens(3)]);
    assert_eq!(serde_json::to_value(&read).unwrap(), several);
    assert_eq!(CheckSpec::list_from_json(&Value::Null).unwrap(), []);
    let both = CheckSpec::list_from_json(&json!({"contains": "a", "min_tokens": 3})).unwrap();
    assert_eq!(both, [contains("a"), CheckSpec::MinTokens(3)]);
    for wrong in [json!({"contain": "a"}), json!(["a"]), json!({"min_tokens": -1}), json!({"regex": "("})] {
        assert!(CheckSpec::list_from_json(&wrong).is_err(), "{wrong}");
    }
}

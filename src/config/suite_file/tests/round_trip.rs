use std::fmt::Write as _;
use std::time::Duration;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::Value;

use crate::config::suite_file::parse;
use crate::domain::check::{CheckSpec, ExpectedCall};
use crate::domain::suite::{CaseSpec, Message, RatingScale, Suite, Timeouts};
use crate::domain::tools::{AnswerSchema, ResponseFormat, Tool, ToolChoice};

/// Writes a suite as a file. JSON strings are valid TOML except for the delete character, which is not generated.
fn written(suite: &Suite) -> String {
    let text = |s: &str| Value::from(s).to_string();
    let scale = suite.rating;
    let mut out = format!(
        "suite = {{ name = {}, slo = [{}] }}\nrating = {{ excellent = {}, good = {}, fair = {} }}\n",
        text(&suite.name),
        suite.slos.iter().map(|slo| text(&slo.text)).collect::<Vec<_>>().join(", "),
        scale.excellent,
        scale.good,
        scale.fair
    );
    for case in &suite.cases {
        let temperature = case.temperature;
        write!(out, "[[case]]\nname = {}\ntemperature = {temperature:?}\n", text(&case.name)).unwrap();
        writeln!(out, "max_tokens = {}", case.max_tokens).unwrap();
        for (key, time) in [
            ("timeout_s", Some(case.timeout)),
            ("connect_timeout_s", Some(case.patience.connect)),
            ("first_token_timeout_s", case.patience.first_token),
            ("stall_timeout_s", case.patience.stall),
        ] {
            let Some(millis) = time.map(|t| t.as_millis()) else { continue };
            writeln!(out, "{key} = {}.{:03}", millis / 1000, millis % 1000).unwrap();
        }
        let mut messages = case.messages.clone();
        if !case.follow_ups.is_empty() {
            let first = messages.pop().unwrap().content;
            let turns: Vec<_> = std::iter::once(&first).chain(&case.follow_ups).map(|turn| text(turn)).collect();
            writeln!(out, "turns = [{}]", turns.join(", ")).unwrap();
            let millis = case.think_time.as_millis();
            writeln!(out, "think_time_s = {}.{:03}", millis / 1000, millis % 1000).unwrap();
        }
        match messages.as_slice() {
            [] => {}
            [only] if only.role == "user" && case.follow_ups.is_empty() => {
                writeln!(out, "prompt = {}", text(&only.content)).unwrap();
            }
            list => {
                let one = |m: &Message| format!("{{ role = {}, content = {} }}", text(&m.role), text(&m.content));
                writeln!(out, "messages = [{}]", list.iter().map(one).collect::<Vec<_>>().join(", ")).unwrap();
            }
        }
        if let Some(model) = &case.model {
            writeln!(out, "model = {}", text(model)).unwrap();
        }
        let tools: Vec<String> =
            case.tools.iter().map(|tool| toml_value(&serde_json::to_value(tool).unwrap())).collect();
        writeln!(out, "tools = [{}]", tools.join(", ")).unwrap();
        if let Some(choice) = &case.tool_choice {
            let choice = match choice {
                ToolChoice::Named(name) => format!("{{ name = {} }}", text(name)),
                word => text(word.word().unwrap()),
            };
            writeln!(out, "tool_choice = {choice}").unwrap();
        }
        match &case.response_format {
            None => {}
            Some(ResponseFormat::JsonObject) => out += "response_format = { type = \"json_object\" }\n",
            Some(ResponseFormat::JsonSchema(answer)) => {
                let schema = toml_value(&serde_json::to_value(answer).unwrap());
                writeln!(out, "response_format = {{ type = \"json_schema\", json_schema = {schema} }}").unwrap();
            }
        }
        let checks: Vec<String> =
            case.checks.iter().map(|check| toml_value(&serde_json::to_value(check).unwrap())).collect();
        writeln!(out, "check = [{}]", checks.join(", ")).unwrap();
        writeln!(out, "extra = {}", toml_value(&Value::Object(case.extra.clone()))).unwrap();
    }
    out
}

fn toml_value(value: &Value) -> String {
    match value {
        Value::Array(list) => format!("[{}]", list.iter().map(toml_value).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let pair = |(k, v): (&String, &Value)| format!("{} = {}", Value::from(k.as_str()), toml_value(v));
            format!("{{{}}}", map.iter().map(pair).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e6..1e6).prop_map(Value::from),
        "[^\u{7f}]*".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            btree_map("[^\u{7f}]{0,5}", inner, 0..3).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

prop_compose! {
    fn conversation()(
        messages in vec((prop::sample::select(vec!["system", "user", "assistant"]), "x[^\u{7f}\r]{0,20}"), 1..4)
    ) -> Vec<Message> {
        messages.into_iter().map(|(role, content)| Message::new(role, &content)).collect()
    }
}

fn check() -> impl Strategy<Value = CheckSpec> {
    let text = || "[a-z][^\u{7f}\r]{0,10}";
    let object = || btree_map("x[^\u{7f}]{0,5}", json_value(), 0..3).prop_map(|map| map.into_iter().collect());
    prop_oneof![
        text().prop_map(CheckSpec::Contains),
        text().prop_map(CheckSpec::Equals),
        "[a-z]{1,5}\\\\d".prop_map(CheckSpec::Regex),
        (1..u32::MAX).prop_map(CheckSpec::MinTokens),
        (text(), prop::option::of(object()))
            .prop_map(|(name, arguments)| CheckSpec::ToolCall(ExpectedCall { name, arguments })),
        prop::sample::select(vec!["object", "string"])
            .prop_map(|kind| CheckSpec::JsonSchema(serde_json::json!({ "type": kind }))),
    ]
}

fn schema() -> impl Strategy<Value = Value> {
    "x[^\u{7f}]{0,5}"
        .prop_map(|key| serde_json::json!({ "type": "object", "properties": { key: { "type": "string" } } }))
}

prop_compose! {
    fn tool()(
        name in "[a-zA-Z0-9_-]{1,64}",
        description in prop::option::of("x[^\u{7f}\r]{0,20}"),
        parameters in schema(),
        strict in any::<Option<bool>>(),
    ) -> Tool {
        Tool { name, description, parameters, strict }
    }
}

fn response_format() -> impl Strategy<Value = ResponseFormat> {
    let json_schema = ("[a-zA-Z0-9_-]{1,64}", schema(), any::<Option<bool>>())
        .prop_map(|(name, schema, strict)| ResponseFormat::JsonSchema(AnswerSchema { name, schema, strict }));
    prop_oneof![Just(ResponseFormat::JsonObject), json_schema]
}

prop_compose! {
    fn case()(
        model in prop::option::of("[a-z/.-]{1,10}"),
        mut messages in conversation(),
        follow_ups in vec("x[^\u{7f}\r]{0,20}", 0..3),
        think in 1..=60_000_u64,
        max_tokens in 1..=u32::MAX,
        temperature in 0.0..=2.0,
        timeout in 1..=86_400_000_u64,
        (connect, first_token, stall) in (1..=60_000_u64, prop::option::of(1..=60_000_u64), prop::option::of(1..=60_000_u64)),
        extra in btree_map("x[^\u{7f}]{0,5}", json_value(), 0..3),
        checks in vec(check(), 0..3),
        mut tools in vec(tool(), 0..3),
        choice in 0..5,
        response_format in prop::option::of(response_format()),
    ) -> CaseSpec {
        // A conversation of several turns has no tools, and each tool has its own name.
        tools.truncate(if follow_ups.is_empty() { 3 } else { 0 });
        for (number, tool) in tools.iter_mut().enumerate() {
            tool.name = format!("{number}{}", tool.name.split_at(tool.name.len() / 2).0);
        }
        let tool_choice = tools.last().and_then(|last| match choice {
            0 => None,
            1 => Some(ToolChoice::Auto),
            2 => Some(ToolChoice::None),
            3 => Some(ToolChoice::Required),
            _ => Some(ToolChoice::Named(last.name.clone())),
        });
        let (extra, timeout) = (extra.into_iter().collect(), Duration::from_millis(timeout));
        let (connect, first_token, stall) =
            (Duration::from_millis(connect), first_token.map(Duration::from_millis), stall.map(Duration::from_millis));
        let think_time = if follow_ups.is_empty() { Duration::ZERO } else { Duration::from_millis(think) };
        if !follow_ups.is_empty() {
            messages.push(Message::user("x"));
        }
        let patience = Timeouts { connect, first_token, stall };
        CaseSpec { model, messages, follow_ups, think_time, max_tokens, temperature, timeout, patience, tools, tool_choice,
            response_format, extra, checks, ..CaseSpec::new("", Vec::new()) }
    }
}

prop_compose! {
    fn suite()(
        name in "[A-Za-zäß#\"'\\\\]{1,10}",
        steps in (0.0..1e3, 0.001..1e3, 0.001..1e3),
        slos in vec(prop::sample::select(vec!["ttft_p95<500ms", "decode_min>=12.5tok/s", "goodput>90%"]), 0..3),
        mut cases in vec(case(), 1..4),
    ) -> Suite {
        for (i, case) in cases.iter_mut().enumerate() {
            case.name = format!("{name} {i}");
        }
        let (fair, good, excellent) = (steps.0, steps.0 + steps.1, steps.0 + steps.1 + steps.2);
        let slos = slos.iter().map(|slo| slo.parse().unwrap()).collect();
        Suite { name, rating: RatingScale { excellent, good, fair }, slos, cases, ..Suite::default() }
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_back_the_same(suite in suite()) {
        let text = written(&suite);
        prop_assert_eq!(parse(&text, "f").map_err(|e| format!("{e}\n{text}")), Ok(suite));
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        drop(parse(&text, "f"));
    }

    #[test]
    fn no_text_out_of_pieces_of_suites_makes_it_panic(pieces in vec(prop::sample::select(PIECES.to_vec()), 0..30)) {
        if let Err(error) = parse(&pieces.concat(), "f") {
            prop_assert!(!error.mistakes().is_empty());
            prop_assert!(error.mistakes().iter().all(|m| m.line.is_some_and(|line| line >= 1)));
        }
    }
}

const PIECES: &[&str] = &[
    "[suite]",
    "[[case]]",
    "[case]",
    "[case.extra]",
    "[[case.messages]]",
    "[defaults]",
    "[workload]",
    "isl",
    "turns",
    "columns",
    "[rating]",
    "[a.b]",
    "\n",
    "\n",
    "\n",
    "\n",
    "name",
    "prompt",
    "messages",
    "role",
    "content",
    "extra",
    "check",
    "contains",
    "regex",
    "json_schema",
    "tool_call",
    "tools",
    "tool_choice",
    "images",
    "audio",
    "width",
    "response_format",
    "schema",
    "max_tokens",
    "excellent",
    "good",
    "a",
    ".",
    "=",
    " = ",
    " = ",
    "\"x\"",
    "\"\"\"",
    "'''",
    "\"",
    "1",
    "-1",
    "0x",
    "1.5",
    "nan",
    "1e999",
    "true",
    "2026-02-06",
    "[",
    "]",
    "{",
    "}",
    ",",
    "#",
    "\u{1b}",
    "ü",
    "\r",
    "\0",
    "\u{feff}",
];

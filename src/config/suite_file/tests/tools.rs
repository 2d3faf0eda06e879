use serde_json::json;

use super::CASE;
use crate::config::suite_file::{load, parse};
use crate::domain::check::CheckSpec;
use crate::domain::suite::CaseSpec;
use crate::domain::tools::{AnswerSchema, ResponseFormat, Tool, ToolChoice};

/// The case that these lines complete.
fn case(lines: &str) -> CaseSpec {
    parse(&format!("{CASE}{lines}"), "f").unwrap_or_else(|e| panic!("{e}")).cases.remove(0)
}

fn mistake(lines: &str) -> String {
    parse(&format!("{CASE}{lines}"), "f.toml").expect_err(lines).to_string()
}

#[test]
fn tools_are_written_short_or_as_the_api_has_them() {
    let short = case(
        r#"
        tool_choice = { name = "weather" }
        [[case.tools]]
        name = "weather"
        description = "Weather of a city"
        strict = true
        parameters = { type = "object", properties = { city = { type = "string" } }, required = ["city"] }
        "#,
    );
    let long = case(
        r#"
        tool_choice = { type = "function", function = { name = "weather" } }
        tools = [{ type = "function", function = { name = "weather", description = "Weather of a city", strict = true,
            parameters = '{"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}' } }]
        "#,
    );
    let parameters = json!({ "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] });
    let description = Some("Weather of a city".to_owned());
    let weather = Tool { name: "weather".to_owned(), description, parameters, strict: Some(true) };
    assert_eq!(short.tools, [weather]);
    assert_eq!(short.tool_choice, Some(ToolChoice::Named("weather".to_owned())));
    assert_eq!(short, long);
    let bare = &case("tools = [{ name = \"time\" }]").tools[0];
    assert_eq!(bare.parameters, json!({ "type": "object", "properties": {} }));
}

#[test]
fn an_answer_with_a_schema_is_checked_unless_the_case_says_otherwise() {
    let schema = json!({ "type": "object", "required": ["city"] });
    let line = "response_format = { type = \"json_schema\", schema = { type = \"object\", required = [\"city\"] } }\n";
    let implied = case(line);
    let answer = AnswerSchema { name: "answer".to_owned(), schema: schema.clone(), strict: None };
    assert_eq!(implied.response_format, Some(ResponseFormat::JsonSchema(answer)));
    assert_eq!(implied.checks, [CheckSpec::JsonSchema(schema)]);
    assert_eq!(case(&format!("{line}check = {{ min_tokens = 3 }}")).checks, [CheckSpec::MinTokens(3)]);
    assert_eq!(case(&format!("{line}check = []")).checks, []);
    let any = case("response_format = { type = \"json_object\" }");
    assert_eq!((any.response_format, any.checks), (Some(ResponseFormat::JsonObject), Vec::new()));
}

#[test]
fn a_schema_may_be_a_file_beside_the_suite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cases.toml");
    std::fs::write(folder.path().join("a.json"), r#"{"type": "object", "required": ["a"]}"#).unwrap();
    let line = "response_format = { type = \"json_schema\", json_schema = { name = \"n\", schema = \"a.json\" } }";
    std::fs::write(&path, format!("{CASE}{line}")).unwrap();
    let case = load(&path).unwrap().suite.cases.remove(0);
    let schema = json!({ "type": "object", "required": ["a"] });
    assert_eq!(
        case.response_format,
        Some(ResponseFormat::JsonSchema(AnswerSchema { name: "n".to_owned(), schema, strict: None }))
    );
}

#[test]
fn cases_inherit_tools_and_replace_them() {
    let text = r#"
        [defaults]
        tools = [{ name = "weather" }, { name = "time" }]
        tool_choice = "required"
        [[case]]
        name = "inherits"
        prompt = "p"
        [[case]]
        name = "own"
        prompt = "p"
        tools = [{ name = "mail" }]
        [[case]]
        name = "none"
        prompt = "p"
        tools = []
    "#;
    let cases = parse(text, "f").unwrap().cases;
    let names = |case: &CaseSpec| case.tools.iter().map(|tool| tool.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&cases[0]), ["weather", "time"]);
    assert_eq!((names(&cases[1]), cases[1].tool_choice.clone()), (vec!["mail".to_owned()], Some(ToolChoice::Required)));
    assert_eq!((names(&cases[2]), cases[2].tool_choice.clone()), (Vec::new(), None));
}

#[test]
fn mistakes_name_their_line_and_the_remedy() {
    for (lines, expected) in [
        ("tools = 5", "f.toml:4: 'tools' is an integer; it must be a list: tools = ["),
        ("tools = [5]", "f.toml:4:10: a tool is an integer; it must be a table: tools = ["),
        ("tools = [{}]", "this tool has no name; write tools = ["),
        (
            "tools = [{ name = \"get weather\" }]",
            "'get weather' cannot be the name of a tool; APIs accept 1 to 64 letters",
        ),
        ("tools = [{ name = \"a\" }, { name = \"a\" }]", "two tools have the name 'a'; rename one"),
        ("tools = [{ name = \"a\", parameter = {} }]", "unknown key 'parameter'; did you mean 'parameters'?"),
        ("tools = [{ name = \"a\", parameters = { type = \"objekt\" } }]", "'parameters': not a valid JSON Schema"),
        (
            "tools = [{ name = \"a\", parameters = { type = \"array\" } }]",
            "'parameters' must be the schema of an object",
        ),
        ("tools = [{ type = \"function\" }]", "this tool has no 'function'"),
        ("tool_choice = \"required\"", "f.toml:4: 'tool_choice' needs tools; add tools = ["),
        ("tools = [{ name = \"a\" }]\ntool_choice = \"allways\"", "'tool_choice' is 'allways'; "),
        (
            "tools = [{ name = \"a\" }]\ntool_choice = 3",
            "it must be \"auto\", \"none\", \"required\" or { name = \"…\" }",
        ),
        ("tools = [{ name = \"a\" }]\ntool_choice = { name = \"b\" }", "no tool has the name 'b'; the case has 'a'"),
        (
            "tools = [{ name = \"a\" }]\nextra = { tools = [] }",
            "'tools' is also in 'extra', which would replace this one",
        ),
        ("response_format = \"json\"", "'response_format' is a string; it must be a table"),
        ("response_format = { schema = {} }", "this response_format has no type; write response_format = {"),
        ("response_format = { type = \"json\" }", "'type' is 'json'; "),
        ("response_format = { type = \"json_schema\" }", "this response_format has no schema; write"),
        ("response_format = { type = \"json_schema\", schema = {} }", "'schema': the schema is empty"),
        (
            "response_format = { type = \"json_schema\", schema = \"x.json\" }",
            "'schema': the file 'x.json' cannot be read",
        ),
    ] {
        let found = mistake(lines);
        assert!(found.contains(expected), "{lines}\n{found}");
    }
    let turns = "[[case]]\nname = \"a\"\nturns = [\"x\", \"y\"]\ntools = [{ name = \"f\" }]";
    let found = parse(turns, "f.toml").unwrap_err().to_string();
    assert!(found.starts_with("f.toml:3: a case with tools cannot have several turns"), "{found}");
    let inherited = format!(
        "[defaults]\ntools = [{{ name = \"a\" }}]\ntool_choice = {{ name = \"a\" }}\n{CASE}tools = [{{ name = \"b\" }}]"
    );
    assert!(parse(&inherited, "f").unwrap_err().to_string().contains("no tool has the name 'a'; the case has 'b'"));
}

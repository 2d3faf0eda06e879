use super::CASE;
use crate::config::suite_file::parse;

fn error(text: &str) -> String {
    parse(text, "cases.toml").expect_err(text).to_string()
}

/// Returns a complete case followed by lines that belong to it.
fn after_case(lines: &str) -> String {
    format!("{CASE}{lines}")
}

/// Returns lines followed by a complete case.
fn before_case(lines: &str) -> String {
    format!("{lines}\n{CASE}")
}

fn only(text: &str) -> String {
    text.to_owned()
}

/// Checks each text against its expected errors.
fn check_mistakes(table: &[(String, &str)]) {
    for (text, expected) in table {
        assert_eq!(error(text), *expected, "{text}");
    }
}

#[test]
fn mistakes_in_thresholds_have_their_place() {
    let error_of = |slo: &str| {
        let text = format!("[suite]\nslo = {slo}\n[[case]]\nname = \"a\"\nprompt = \"p\"\n");
        parse(&text, "f.toml").unwrap_err().to_string()
    };
    assert_eq!(
        error_of("[\"ttft_p95<500ms\", \"tfft_p95<1s\"]"),
        "f.toml:2:26: 'tfft_p95<1s': unknown figure 'tfft_p95'; did you mean 'ttft_p95'?"
    );
    assert!(error_of("\"ttft_p95<500ms\"").contains("'slo' is a string; it must be a list"));
    assert!(error_of("[500]").contains("a threshold is an integer"));
}

#[test]
fn unknown_keys() {
    check_mistakes(&[
        (after_case("max_token = 5"), "cases.toml:4: unknown key 'max_token'; did you mean 'max_tokens'?"),
        (
            before_case("[defaults]\n\nTimeout-s = 5"),
            "cases.toml:3: unknown key 'Timeout-s'; did you mean 'timeout_s'?",
        ),
        (before_case("[sute]"), "cases.toml:1: unknown key 'sute'; did you mean 'suite'?"),
        (only("[[cases]]\nname = \"a\""), "cases.toml:1: unknown key 'cases'; did you mean 'case'?"),
        (after_case("temp = 1"), "cases.toml:4: unknown key 'temp'; did you mean 'temperature'?"),
        (before_case("[suite]\ntitle = \"x\""), "cases.toml:2: unknown key 'title'; known here: name, slo"),
        (before_case("[rating]\npoor = 1"), "cases.toml:2: unknown key 'poor'; known here: excellent, good, fair"),
        (
            after_case("top_p = 1"),
            "cases.toml:4: unknown key 'top_p'; known here: name, prompt, messages, turns, inputs, query, documents, think_time_s, images, audio, check, max_tokens, temperature, timeout_s, \
             connect_timeout_s, first_token_timeout_s, stall_timeout_s, model, tools, tool_choice, response_format, extra; other parameters of the request go into extra = { … }",
        ),
    ]);
}

#[test]
fn cases_that_are_none() {
    check_mistakes(&[
        (
            only(""),
            "cases.toml:1: the suite has no case; write [[case]], then name = \"…\" and prompt = \"…\" below it",
        ),
        (
            only("case = []"),
            "cases.toml:1: the list of cases is empty; write [[case]], then name = \"…\" and prompt = \"…\" below it",
        ),
        (
            only("case = 3"),
            "cases.toml:1: 'case' is an integer; write [[case]], then name = \"…\" and prompt = \"…\" below it",
        ),
        (
            only("case = [1]"),
            "cases.toml:1:9: a case is an integer; write [[case]], then name = \"…\" and prompt = \"…\" below it",
        ),
        (
            only("[case]\nname = \"a\"\nprompt = \"p\""),
            "cases.toml:1: [case] is a single table; a case begins with [[case]], two brackets",
        ),
        (only("\n[[case]]\nprompt = \"p\""), "cases.toml:2: this case has no name; give it one: name = \"…\""),
        (
            only("[[case]]\nname = \" \"\nprompt = \"p\""),
            "cases.toml:2: 'name' is blank; write a text, or leave the key out",
        ),
        (
            only("[[case]]\nname = \"\\u200B\"\nprompt = \"p\""),
            "cases.toml:2: 'name' has no visible character; write a name",
        ),
        (
            after_case("[[case]]\nname = \" a\"\nprompt = \"q\""),
            "cases.toml:5: the name 'a' is taken by the case on line 2; rename one",
        ),
    ]);
}

#[test]
fn texts_to_embed_and_to_rank() {
    check_mistakes(&[
        (
            only("[[case]]\nname = \"a\"\nprompt = \"p\"\ninputs = [\"q\"]"),
            "cases.toml:3: case 'a' has both 'inputs' and 'prompt'; keep one of them",
        ),
        (
            only("[[case]]\nname = \"a\"\ninputs = []"),
            "cases.toml:3: 'inputs' is empty; it must hold at least one text: write inputs = [\"…\", \"…\"]",
        ),
        (
            only("[[case]]\nname = \"a\"\ninputs = \"q\""),
            "cases.toml:3: 'inputs' is a string; it must be a list of texts: write inputs = [\"…\", \"…\"]",
        ),
        (
            only("[[case]]\nname = \"a\"\nquery = \"q\""),
            "cases.toml:1: case 'a' has no 'documents', which a rerank request needs; write query = \"…\" and documents = \
         [\"…\", \"…\"]",
        ),
        (
            only("[[case]]\nname = \"a\"\ninputs = [\"p\"]\nquery = \"q\""),
            "cases.toml:4: case 'a' has both 'inputs' and 'query'; keep one of them",
        ),
    ]);
}

#[test]
fn prompts_and_messages() {
    check_mistakes(&[
        (
            only("[[case]]\nname = \"a\""),
            "cases.toml:1: case 'a' has no prompt; give it prompt = \"…\", messages = [{ role = \"user\", content = \
         \"…\" }] or turns = [\"…\", \"…\"]",
        ),
        (
            after_case("messages = [{ role = \"user\", content = \"c\" }]"),
            "cases.toml:4: case 'a' has both 'prompt' and 'messages'; keep one of them",
        ),
        (after_case("turns = [\"hi\"]"), "cases.toml:4: case 'a' has both 'prompt' and 'turns'; keep one of them"),
        (
            only("[[case]]\nname = \"a\"\nturns = \"hi\""),
            "cases.toml:3: 'turns' is a string; it must be a list of messages: write turns = [\"first message\", \
             \"second message\"]",
        ),
        (
            only("[[case]]\nname = \"a\"\nturns = []"),
            "cases.toml:3: 'turns' is empty; it must hold at least one message: write turns = [\"first message\", \
             \"second message\"]",
        ),
        (
            only("[[case]]\nname = \"a\"\nturns = [1]"),
            "cases.toml:3:10: a turn is an integer; it must be text: write turns = [\"first message\", \"second message\"]",
        ),
        (
            only("[[case]]\nname = \"a\"\nturns = [\"hi\"]\nthink_time_s = 2"),
            "cases.toml:4: 'think_time_s' is the time between turns, but this case has one; add turns = [\"…\", \"…\"]",
        ),
        (
            only("[[case]]\nname = \"a\"\nprompt = \"\\n\""),
            "cases.toml:3: 'prompt' is blank; write a text, or leave the key out",
        ),
        (
            only("[[case]]\nname = \"a\"\nprompt = [\"p\"]"),
            "cases.toml:3: 'prompt' is an array; it must be a string, in quotes",
        ),
        (
            only("[[case]]\nname = \"a\"\nmessages = []"),
            "cases.toml:3: 'messages' is empty; it must hold at least one message: [{ role = \"user\", content = \"…\" }]",
        ),
        (
            only("[[case]]\nname = \"a\"\nmessages = \"hi\""),
            "cases.toml:3: 'messages' is a string; it must be a list: messages = [{ role = \"user\", content = \"…\" }]",
        ),
        (
            only("[[case]]\nname = \"a\"\nmessages = [\n\"hi\"]"),
            "cases.toml:4: a message is a string; it must be a table: { role = \"user\", content = \"…\" }",
        ),
        (
            only("[[case]]\nname = \"a\"\nmessages = [{ role = \"users\", content = \"c\" }]"),
            "cases.toml:3:15: unknown role 'users'; did you mean 'user'?",
        ),
        (
            only("[[case]]\nname = \"a\"\nmessages = [{ content = \"c\", role = \"bot\" }]"),
            "cases.toml:3:30: unknown role 'bot'; it must be one of system, user, assistant",
        ),
        (
            only("[[case]]\nname = \"a\"\nmessages = [{ role = \"user\" }]"),
            "cases.toml:3:13: this message has no 'content'; write content = \"…\"",
        ),
        (
            only("[[case]]\nname = \"a\"\nmessages = [{ role = \"user\", content = \"c\", text = \"c\" }]"),
            "cases.toml:3:45: unknown key 'text'; known here: role, content",
        ),
    ]);
}

#[test]
fn values_of_the_wrong_kind_or_size() {
    check_mistakes(&[
        (
            after_case("max_tokens = 0"),
            "cases.toml:4: 'max_tokens' is 0; it must be a whole number from 1 to 4294967295",
        ),
        (
            after_case("max_tokens = 4294967296"),
            "cases.toml:4: 'max_tokens' is 4294967296; it must be a whole number from 1 to 4294967295",
        ),
        (
            after_case("max_tokens = 600.0"),
            "cases.toml:4: 'max_tokens' is 600.0; it must be a whole number from 1 to 4294967295",
        ),
        (
            after_case("max_tokens = \"600\""),
            "cases.toml:4: 'max_tokens' is a string; it must be a whole number from 1 to 4294967295, without quotes",
        ),
        (after_case("temperature = -0.1"), "cases.toml:4: 'temperature' is -0.1; it must be a number from 0 to 2"),
        (after_case("temperature = 2.1"), "cases.toml:4: 'temperature' is 2.1; it must be a number from 0 to 2"),
        (after_case("temperature = nan"), "cases.toml:4: 'temperature' is nan; it must be a number from 0 to 2"),
        (after_case("temperature = true"), "cases.toml:4: 'temperature' is a boolean; it must be a number from 0 to 2"),
        (
            before_case("[defaults]\ntimeout_s = 0"),
            "cases.toml:2: 'timeout_s' is 0; it must be a number of seconds from 0.001 to 86400",
        ),
        (
            before_case("[defaults]\nstall_timeout_s = -1"),
            "cases.toml:2: 'stall_timeout_s' is -1; it must be a number of seconds from 0.001 to 86400",
        ),
        (
            after_case("first_token_timeout_s = \"5\""),
            "cases.toml:4: 'first_token_timeout_s' is a string; it must be a number of seconds from 0.001 to 86400, \
             without quotes",
        ),
        (
            before_case("[defaults]\ntimeout_s = inf"),
            "cases.toml:2: 'timeout_s' is inf; it must be a number of seconds from 0.001 to 86400",
        ),
        (after_case("model = 4"), "cases.toml:4: 'model' is an integer; it must be a string, in quotes"),
    ]);
}

#[test]
fn tables() {
    check_mistakes(&[
        (before_case("suite = \"x\""), "cases.toml:1: 'suite' is a string; it must be a table: [suite]"),
        (before_case("[[defaults]]"), "cases.toml:1: 'defaults' is an array; it must be a table: [defaults]"),
        (
            before_case("[rating]\nexcellent = 100\ngood = 100"),
            "cases.toml:3: 'excellent' is 100 and 'good' is 100; the scale must descend: excellent above good above fair",
        ),
        (
            before_case("[rating]\nexcellent = 40"),
            "cases.toml:2: 'excellent' is 40 and 'good' is 50; the scale must descend: excellent above good above fair",
        ),
        (
            before_case("[rating]\nfair = -1"),
            "cases.toml:2: 'fair' is -1; it must be a number of tokens per second, 0 or more",
        ),
    ]);
}

#[test]
fn extra() {
    check_mistakes(&[
        (after_case("extra = 1"), "cases.toml:4: 'extra' is an integer; it must be a table: extra = { top_p = 0.9 }"),
        (
            after_case("extra = { when = 2026-02-06 }"),
            "cases.toml:4:18: JSON has no dates; put quotes around it: \"2026-02-06\"",
        ),
        (after_case("[case.extra]\na = [1, inf]"), "cases.toml:5:9: JSON cannot express inf"),
        (
            after_case("[case.extra]\na = 18446744073709551616"),
            "cases.toml:5:5: 18446744073709551616 is too large for a number in JSON",
        ),
        (
            after_case("extra = { stream = false }"),
            "cases.toml:4:11: 'extra' may not set 'stream'; every case is streamed, else its first token could not be timed",
        ),
    ]);
}

#[test]
fn text_that_is_no_toml() {
    check_mistakes(&[
        (after_case("name = \"b\""), "cases.toml:4: not valid TOML: duplicate key"),
        (
            only("[[case]]\nname = a"),
            "cases.toml:2:8: not valid TOML: string values must be quoted, expected literal string",
        ),
    ]);
}

#[test]
fn hostile_text_stays_on_one_line() {
    check_mistakes(&[
        (
            before_case("\"\\u001b[2J\\nx.toml:9: all is well\" = 1"),
            "cases.toml:1: unknown key ' x.toml:9: all is well'; known here: suite, model, defaults, rating, workload, case",
        ),
        (
            before_case("\"key\\u001b]0;title\" = 1"),
            "cases.toml:1: unknown key 'key'; known here: suite, model, defaults, rating, workload, case",
        ),
        (
            before_case(&format!("{} = 1", "x".repeat(61))),
            "cases.toml:1: unknown key 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…'; known here: suite, \
             model, defaults, rating, workload, case",
        ),
    ]);
}

#[test]
fn all_mistakes_are_reported_in_the_order_of_the_file() {
    let text = "[[case]]\nname = \"a\"\ntemperature = 3\n[[case]]\nprompt = \"p\"\n[rating]\nodd = 1\n";
    assert_eq!(
        error(text),
        "cases.toml:1: case 'a' has no prompt; give it prompt = \"…\", messages = [{ role = \"user\", content = \"…\" }] \
         or turns = [\"…\", \"…\"]\n\
         cases.toml:3: 'temperature' is 3; it must be a number from 0 to 2\n\
         cases.toml:4: this case has no name; give it one: name = \"…\"\n\
         cases.toml:7: unknown key 'odd'; known here: excellent, good, fair"
    );
    let many = (0..25).map(|i| format!("x{i} = 1\n")).collect::<Vec<_>>().concat() + CASE;
    let error = error(&many);
    assert_eq!(error.lines().count(), 21);
    assert!(error.ends_with("\ncases.toml: and 5 more"), "{error}");
}

#[test]
fn checks_that_cannot_be_evaluated() {
    let known = "known here: contains, regex, json_schema, equals, tool_call, min_tokens; a check says what must be in the \
                 answer, and cannot be negated";
    check_mistakes(&[
        (after_case("check = 5"), "cases.toml:4: a check is an integer; write check = { contains = \"…\" }, or a list of such tables"),
        (after_case("check = { contain = \"a\" }"), "cases.toml:4:11: unknown key 'contain'; did you mean 'contains'?"),
        (after_case("check = { never = \"a\" }"), &format!("cases.toml:4:11: unknown key 'never'; {known}")),
        (after_case("check = { }"), "cases.toml:4: this check is empty; write check = { contains = \"…\" }, or a list of such tables"),
        (after_case("check = [{ contains = \"a\" },\n  { min_tokens = 0 }]"), "cases.toml:5:5: 'min_tokens' is 0; it must be a whole number from 1 to 4294967295"),
        (after_case("check = { contains = \" \" }"), "cases.toml:4:11: 'contains' is blank; write a text, or leave the key out"),
        (
            after_case("check = { regex = 'a(' }"),
            "cases.toml:4:11: 'regex': not a regular expression: unclosed group at character 2; in TOML, put it in single quotes: '…'",
        ),
        (
            after_case("check.regex = '.*'"),
            "cases.toml:4:7: 'regex': every answer matches the regular expression, because it may match nothing; use + instead of *",
        ),
        (
            after_case("check = { json_schema = 5 }"),
            "cases.toml:4:25: 'json_schema' is an integer; it must be a table, a string of JSON, or the name of a file",
        ),
        (
            after_case("check = { json_schema = { \"$ref\" = \"http://a/b.json\" } }"),
            "cases.toml:4:11: 'json_schema': the schema refers to another document (Resource 'http://a/b.json' is not \
             present in a registry and retrieving it failed: Retrieval is disabled, cannot fetch http://a/b.json), which is \
             not fetched; copy that document under $defs",
        ),
        (
            after_case("check = { json_schema = \"a.json\" }"),
            "cases.toml:4:25: 'json_schema': the file 'a.json' cannot be read, because this suite is not a file; write the schema as a table",
        ),
        (
            after_case("check = { json_schema = '{\"type\": ' }"),
            "cases.toml:4:25: 'json_schema' is not valid JSON: EOF while parsing a value at line 1 column 9",
        ),
        (
            after_case("check = { tool_call = { arguments = { a = 2026-01-01 } } }"),
            "cases.toml:4:11: this tool_call has no name; write { name = \"…\", arguments = { … } }\n\
             cases.toml:4:43: JSON has no dates; put quotes around it: \"2026-01-01\"",
        ),
        (after_case("check = { tool_call = \"f\" }"), "cases.toml:4:11: 'tool_call' is a string; it must be a table: [tool_call]"),
    ].map(|(text, expected)| (text, expected)));
}

#[test]
fn a_schema_file_lies_beside_the_suite() {
    let folder = tempfile::tempdir().unwrap();
    let suite = folder.path().join("s.toml");
    std::fs::write(&suite, after_case("check = { json_schema = \"a.json\" }")).unwrap();
    let error = || crate::config::suite_file::load_as(&suite, "s.toml").unwrap_err().to_string();
    assert!(error().ends_with("the file 'a.json' there is no such file"), "{}", error());
    std::fs::write(folder.path().join("a.json"), "{\"type\":").unwrap();
    assert!(error().contains("the file 'a.json' is not valid JSON: EOF"), "{}", error());
    std::fs::write(folder.path().join("a.json"), "\u{feff}{\"type\": \"object\"}").unwrap();
    let read = crate::config::suite_file::load_as(&suite, "s.toml").unwrap().suite;
    let expected = crate::domain::check::CheckSpec::JsonSchema(serde_json::json!({"type": "object"}));
    assert_eq!(read.cases[0].checks, [expected]);
}

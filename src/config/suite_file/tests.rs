mod builtin;
mod media;
mod mistakes;
mod models;
mod round_trip;
mod tools;
mod workload;

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::domain::suite::Message;

/// A complete case, so that a text has only the mistake under test.
const CASE: &str = "[[case]]\nname = \"a\"\nprompt = \"p\"\n";

#[test]
fn the_built_in_suite_is_that_of_the_sample_report() {
    let suite = builtin().unwrap();
    assert_eq!(suite.name, "Complex Comprehensive");
    assert_eq!(suite.rating, RatingScale { excellent: 100.0, good: 50.0, fair: 20.0 });
    let cases: Vec<(&str, u32)> = suite.cases.iter().map(|c| (c.name.as_str(), c.max_tokens)).collect();
    assert_eq!(
        cases,
        [
            ("Full Backend System", 800),
            ("Microservices Architecture", 600),
            ("Complex Algorithms", 700),
            ("Debug Task", 500),
            ("Data Analysis Report", 600),
            ("System Design Interview", 600),
            ("Multi-turn Conversation", 800),
            ("Technical Documentation", 700),
            ("Database Optimization", 500),
            ("ML Project", 800),
        ]
    );
    for case in &suite.cases {
        assert_eq!((case.temperature, case.timeout), (0.7, Duration::from_secs(120)), "{}", case.name);
        assert!(case.model.is_none() && case.extra.is_empty(), "{}", case.name);
    }
    let content = |i: usize| suite.cases[i].messages[0].content.as_str();
    assert!(content(3).contains("        t.start()\n        t.join()\n    return results"));
    assert!(content(4).contains("a sales forecast and visualizations"), "lines are joined without a gap");
    assert!(content(8).contains("PostgreSQL") && content(8).contains("customer_id IN (\n    SELECT"));
    let roles: Vec<&str> = suite.cases[6].messages.iter().map(|m| m.role.as_str()).collect();
    assert_eq!(roles, ["system", "user", "assistant", "user"]);
}

/// Compares with the Prompt column of the sample report, without a tokenizer: in such prompts, a word, a run of
/// punctuation and a line break are about one token each, and the chat template adds four, plus two per message.
#[test]
fn prompts_are_about_as_long_as_in_the_sample_report() {
    let columns = [85.0, 92.0, 50.0, 142.0, 100.0, 82.0, 132.0, 81.0, 115.0, 129.0];
    for (case, tokens) in builtin().unwrap().cases.iter().zip(columns) {
        let pieces: usize = case.messages.iter().map(|m| pieces(&m.content) + 2).sum();
        let ratio = (pieces + 4) as f64 / tokens;
        assert!((0.85..1.16).contains(&ratio), "{}: {ratio}", case.name);
    }
}

fn pieces(text: &str) -> usize {
    let kind = |c: char| match c {
        '\n' => 'n',
        c if c.is_whitespace() => ' ',
        c if c.is_alphanumeric() || c == '_' => 'w',
        _ => 'p',
    };
    let mut last = ' ';
    let begins_one = |c| {
        let before = std::mem::replace(&mut last, kind(c));
        last != ' ' && (last != before || last == 'n')
    };
    text.chars().map(begins_one).filter(|begins| *begins).count()
}

#[test]
fn a_case_needs_only_name_and_prompt() {
    let suite = parse(CASE, "/some/where/my suite.toml").unwrap();
    let case = CaseSpec::new("a", vec![Message::user("p")]);
    assert_eq!((case.max_tokens, case.temperature, case.timeout.as_secs()), (600, 0.7, 120));
    assert_eq!(
        suite,
        Suite {
            name: "my suite".into(),
            rating: RatingScale::default(),
            slos: Vec::new(),
            cases: vec![case],
            ..Suite::default()
        }
    );
}

#[test]
fn a_case_overrides_the_defaults() {
    let text = r#"
        [defaults]
        max_tokens = 0x10
        temperature = 0
        timeout_s = 1.5
        connect_timeout_s = 0.5
        first_token_timeout_s = 4
        model = "m"
        extra = { top_p = 0.5, seed = 1, kwargs = { a = 1, b = 2 } }
        [[case]]
        name = "plain"
        prompt = "p"
        [[case]]
        name = "own"
        messages = [{ role = "system", content = "s" }, { role = "user", content = "u" }]
        max_tokens = 5
        temperature = 2
        timeout_s = 3
        first_token_timeout_s = 2.5
        stall_timeout_s = 1
        model = "n"
        [case.extra]
        seed = 18446744073709551615
        kwargs = { a = 3 }
        list = [true, "x", -1, [2.5]]
    "#;
    let cases = parse(text, "f").unwrap().cases;
    let facts = |c: &CaseSpec| (c.max_tokens, c.temperature, c.timeout.as_millis(), c.model.clone());
    assert_eq!(facts(&cases[0]), (16, 0.0, 1500, Some("m".to_owned())));
    assert_eq!(facts(&cases[1]), (5, 2.0, 3000, Some("n".to_owned())));
    let patience = |c: &CaseSpec| {
        let millis = |t: Duration| t.as_millis();
        (millis(c.patience.connect), c.patience.first_token.map(millis), c.patience.stall.map(millis))
    };
    assert_eq!(patience(&cases[0]), (500, Some(4000), None));
    assert_eq!(patience(&cases[1]), (500, Some(2500), Some(1000)));
    let extra = |c: &CaseSpec| Value::Object(c.extra.clone());
    assert_eq!(extra(&cases[0]), json!({ "top_p": 0.5, "seed": 1, "kwargs": { "a": 1, "b": 2 } }));
    let list = json!([true, "x", -1, [2.5]]);
    assert_eq!(extra(&cases[1]), json!({ "top_p": 0.5, "seed": u64::MAX, "kwargs": { "a": 3 }, "list": list }));
    assert_eq!(cases[1].messages.len(), 2);
}

#[test]
fn line_ends_of_windows_do_not_lengthen_a_prompt() {
    let suite = parse("[[case]]\r\nname = \"a\"\r\nprompt = \"\"\"\r\nx\r\ny\"\"\"\r\n", "f").unwrap();
    assert_eq!(suite.cases[0].messages[0].content, "x\ny");
}

#[test]
fn names_are_sanitised_to_one_line() {
    let suite =
        parse("[suite]\nname = \" a\\u001b[31mb\\nc \"\n[[case]]\nname = \"x\\u202Ey\"\nprompt = \"p\"", "f").unwrap();
    assert_eq!((suite.name.as_str(), suite.cases[0].name.as_str()), ("ab c", "xy"));
}

#[test]
fn files_without_a_suite_have_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let error = |name: &str| {
        let text = load(&path(name)).unwrap_err().to_string();
        text.replace(&path("").display().to_string(), "").replace('\\', "/")
    };
    std::fs::create_dir(path("sub")).unwrap();
    std::fs::create_dir(path("bus\u{202e}")).unwrap();
    std::fs::write(path("latin.toml"), b"# one\n# \xfc\n").unwrap();
    std::fs::write(path("utf16.toml"), b"\xff\xfe#\0").unwrap();
    std::fs::File::create(path("large.toml")).unwrap().set_len(64 * 1024 * 1024 + 1).unwrap();
    std::fs::write(path("bad.toml"), "x = 1").unwrap();
    assert_eq!(error("none.toml"), "none.toml: there is no such file");
    assert_eq!(error("sub"), "sub: is a folder; name the file in it, like sub/cases.toml");
    assert_eq!(error("bus\u{202e}"), "bus: is a folder; name the file in it, like bus/cases.toml");
    assert_eq!(error("latin.toml"), "latin.toml:2: is not UTF-8 text; save the file as UTF-8");
    assert_eq!(error("utf16.toml"), "utf16.toml: is UTF-16 or UTF-32 text; save the file as UTF-8");
    assert_eq!(error("large.toml"), "large.toml: is larger than 64 MiB, too large for a suite");
    assert!(error("bad.toml").starts_with("bad.toml:1: unknown key 'x'"));
    std::fs::write(path("bom.toml"), format!("\u{feff}{CASE}")).unwrap();
    assert_eq!(load(&path("bom.toml")).unwrap().suite.name, "bom");
}

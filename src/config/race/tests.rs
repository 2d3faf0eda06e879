use clap::Parser;

use super::*;
use crate::cli::{Cli, Command};

fn parsed(args: &[&str]) -> RaceArgs {
    let all = ["tokscope", "race"].iter().chain(args);
    match Cli::try_parse_from(all).unwrap().command {
        Some(Command::Race(args)) => *args,
        other => panic!("{other:?}"),
    }
}

fn spec_with(args: &[&str], variables: &[(&str, &str)]) -> Result<RunSpec, String> {
    let env = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
    // A folder without cases.toml: the suite is the built-in one.
    race_spec(parsed(args), &env, Path::new("/nonexistent")).map(|(spec, _)| spec).map_err(|e| e.to_string())
}

fn spec(args: &[&str]) -> Result<RunSpec, String> {
    spec_with(args, &[])
}

fn settings(spec: &RunSpec) -> &Race {
    spec.session.suite.race.as_ref().unwrap()
}

#[test]
fn each_case_occurs_once_on_each_side() {
    let spec = spec(&["http://a", "http://b:1"]).unwrap();
    let names: Vec<&str> = spec.session.suite.cases.iter().map(|case| case.name.as_str()).collect();
    for pair in names.chunks(2) {
        assert_eq!(pair[0].strip_prefix("A: "), pair[1].strip_prefix("B: "));
    }
    let rival = spec.rival.as_ref().unwrap();
    assert_eq!((spec.engine.base_url.as_str(), rival.base_url.as_str()), ("http://a/v1", "http://b:1/v1"));
    assert_eq!((spec.session.plan.repeat, spec.session.plan.warmup, spec.session.plan.concurrency), (100, 2, 1));
    assert!(!settings(&spec).takes_turns, "two hosts run at once");
}

#[test]
fn sides_on_one_host_take_turns_unless_the_user_says_otherwise() {
    let takes_turns = |args: &[&str]| spec(args).map(|spec| settings(&spec).takes_turns).unwrap();
    assert!(takes_turns(&["http://h:1", "http://h:2"]));
    assert!(takes_turns(&["http://a", "http://b", "--in-turn"]));
    assert!(!takes_turns(&["http://h:1", "http://h:2", "--at-once"]));
    assert!(!takes_turns(&["http://h:1", "http://h:2", "-c", "4"]));
    let warned = spec(&["http://h:1", "http://h:2", "-c", "4"]).unwrap().warnings;
    assert!(warned.iter().any(|text| text.contains("compete")), "{warned:?}");
}

#[test]
fn two_models_and_two_settings_of_one_endpoint_can_race() {
    let models = spec(&["http://h", "-m", "x", "-m", "y"]).unwrap();
    let asked: Vec<_> = models.session.suite.cases.iter().take(2).map(|case| case.model.as_deref()).collect();
    assert_eq!((asked, models.session.model.as_deref()), (vec![Some("x"), Some("y")], Some("x")));
    let extras = spec(&["http://h", "-m", "x", "--b-extra", "{\"top_k\": 1}"]).unwrap();
    let fields: Vec<_> = extras.session.suite.cases.iter().take(2).map(|case| case.extra.get("top_k")).collect();
    assert_eq!(fields, [None, Some(&Value::from(1))]);
    assert_eq!(extras.session.suite.cases[0].model, None, "both sides have the run's model");
    assert_eq!(settings(&extras).sides[1].extra, "{\"top_k\":1}");
}

#[test]
fn races_that_cannot_be_run_say_why() {
    let why = |args: &[&str]| spec(args).err().unwrap();
    assert!(why(&["http://h"]).contains("both sides are the same; name a second URL"));
    assert!(why(&["http://h", "-m", "x", "-m", "x"]).contains("both sides are the same"));
    assert!(why(&["http://h", "-m", "x", "-m", "y", "-m", "z"]).contains("one model or two"));
    assert!(why(&["http://h", "--b-extra", "[1]"]).contains("--b-extra: not a JSON object"));
    assert!(why(&["http://h", "--b-extra", "{\"model\": \"x\"}"]).contains("--b-extra: 'model'"));
    assert!(why(&["http://h", "http://h/v1/messages"]).contains("a race needs one: pass it with --api"));
    assert!(spec(&["http://h", "http://h"]).is_ok(), "an endpoint against itself");
}

#[test]
fn a_key_for_side_a_reaches_side_b_only_at_the_same_origin() {
    let variables = [("OPENAI_API_KEY", "sk-of-side-a-123456"), ("KEY_B", "sk-of-side-b-123456")];
    let key = |args: &[&str]| spec_with(args, &variables).unwrap().rival.unwrap().api_key;
    assert_eq!(key(&["http://a", "http://b"]), None);
    assert_eq!(key(&["http://a:1", "http://a:2"]), None);
    assert_eq!(key(&["http://a", "-m", "x", "-m", "y"]).as_deref(), Some("sk-of-side-a-123456"));
    assert_eq!(key(&["http://a", "http://b", "--b-api-key-env", "KEY_B"]).as_deref(), Some("sk-of-side-b-123456"));
    let why = spec_with(&["http://a", "http://b", "--b-api-key-env", "UNSET"], &variables).err().unwrap();
    assert!(why.starts_with("--b-api-key-env: UNSET is not set"), "{why}");
    let headers = spec(&["http://a", "http://b", "--header", "X-A: 1", "--b-header", "X-B: 2"]).unwrap();
    assert_eq!(headers.rival.unwrap().headers, [("X-B".to_owned(), "2".to_owned())]);
}

#[test]
fn the_command_line_shows_no_secret_of_either_side() {
    let typed = ["http://a", "http://b", "--header", "X-A: secret-aaaa", "--b-header", "X-B: secret-bbbb"];
    let env = |_: &str| None;
    let (spec, run) = race_spec(parsed(&typed), &env, Path::new("/nonexistent")).unwrap();
    let line = race_command_line(["race"].iter().chain(&typed).map(OsString::from), &run, &spec, &env);
    assert!(!line.contains("secret-") && line.contains("--b-header"), "{line}");
}

#[test]
fn the_metrics_that_decide_are_named_as_in_thresholds() {
    let spec = spec(&["http://a", "http://b", "--until", "ttft", "--until", "itl"]).unwrap();
    assert_eq!(settings(&spec).until, ["time_to_first_token_ms", "inter_token_latency_ms"]);
}

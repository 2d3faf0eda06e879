use serde_json::{Value, json};

use super::*;
use crate::domain::attempt::{AttemptId, AttemptStatus};
use crate::domain::check::{AnswerParts, CheckSpec, ExpectedCall, ToolCall};
use crate::domain::suite::CaseSpec;

fn record(case: usize, text: &str, status: AttemptStatus) -> AttemptRecord {
    let id = AttemptId { case, number: 1 };
    let mut record = AttemptRecord::started(id, false, "r".into(), "m".into(), Nanos(0));
    (record.text, record.status) = (text.into(), status);
    record
}

fn case(checks: Vec<CheckSpec>) -> CaseSpec {
    CaseSpec { checks, ..crate::domain::testing::case("c") }
}

fn contains(text: &str) -> CheckSpec {
    CheckSpec::Contains(text.to_owned())
}

/// Sends these records through the thread. Returns whether each of their checks passed.
fn checked(cases: Vec<CaseSpec>, records: Vec<AttemptRecord>) -> Vec<Vec<bool>> {
    let (sender, out) = channel();
    let checks = of_suite(&crate::domain::testing::suite_with(cases), RowChecks::default()).unwrap().unwrap();
    let input = start(checks, move |at, fact| drop(sender.send((at, fact)))).unwrap();
    for (at, record) in records.into_iter().enumerate() {
        input(Nanos(at as u64), EngineFact::Ended { id: record.id, record: Arc::new(record) });
    }
    drop(input);
    let outcomes = |(at, fact): (usize, (Nanos, EngineFact))| {
        assert_eq!(fact.0, Nanos(at as u64), "facts keep their order and time");
        let EngineFact::Ended { record, .. } = fact.1 else { panic!("another fact") };
        assert!(record.answer_parts.is_none() || record.checks.is_empty());
        record.checks.iter().map(|check| check.passed).collect()
    };
    out.iter().enumerate().map(outcomes).collect()
}

#[test]
fn complete_measured_answers_of_cases_with_checks_are_checked() {
    let warmup = AttemptRecord { warmup: true, ..record(0, "a", AttemptStatus::Ok) };
    let records = vec![
        record(0, "ab", AttemptStatus::Ok),
        record(0, "b", AttemptStatus::Ok),
        record(1, "b", AttemptStatus::Ok),
        record(0, "ab", AttemptStatus::Timeout),
        warmup,
    ];
    let outcomes = checked(vec![case(vec![contains("a"), contains("b")]), case(Vec::new())], records);
    assert_eq!(outcomes, [vec![true, true], vec![false, true], vec![], vec![], vec![]]);
}

#[test]
fn reasoning_is_not_the_answer_and_the_first_choice_is() {
    let thought = AttemptRecord { reasoning: "a".to_owned(), ..record(0, "b", AttemptStatus::Ok) };
    let text = "b\n\n[choice 2]\n\na";
    let parts = AnswerParts { first_choice_bytes: Some(1), ..AnswerParts::default() };
    let choices = AttemptRecord { answer_parts: Some(Box::new(parts)), ..record(0, text, AttemptStatus::Ok) };
    assert_eq!(checked(vec![case(vec![contains("a")])], vec![thought, choices]), [[false], [false]]);
}

#[test]
fn calls_of_tools_reach_their_check() {
    let call = ExpectedCall { name: "f".to_owned(), arguments: None };
    let tool_calls = vec![ToolCall { name: "f".into(), ..ToolCall::default() }];
    let calling = AttemptRecord { tool_calls, ..record(0, "", AttemptStatus::Ok) };
    let checks = vec![CheckSpec::ToolCall(call)];
    assert_eq!(checked(vec![case(checks)], vec![calling, record(0, "", AttemptStatus::Ok)]), [[true], [false]]);
}

#[test]
fn a_suite_without_checks_needs_no_thread() {
    assert!(of_suite(&crate::domain::testing::suite(3), RowChecks::default()).unwrap().is_none());
    let broken = crate::domain::testing::suite_with(vec![case(vec![CheckSpec::Regex("(".to_owned())])]);
    let Err(InvalidConfig(why)) = of_suite(&broken, RowChecks::default()) else { panic!("compiled") };
    assert!(why.starts_with("case 'c': not a regular expression"), "{why}");
}

/// Returns a small schema whose evaluation takes 2^40 steps.
fn exponential() -> Value {
    let link = |i: u32| {
        let next = format!("#/$defs/d{}", i + 1);
        let both = json!({"anyOf": [{"allOf": [{"$ref": next}]}, {"allOf": [{"$ref": next}]}]});
        (format!("d{i}"), both)
    };
    let mut links: serde_json::Map<String, Value> = (0..40).map(link).collect();
    links.insert("d40".to_owned(), json!(false));
    json!({"$defs": links, "$ref": "#/$defs/d0"})
}

#[test]
fn checks_that_never_end_are_abandoned_and_others_still_work() {
    let never = Arc::new(Checks::new(&[CheckSpec::JsonSchema(exponential())]).unwrap());
    let quick = Arc::new(Checks::new(&[contains("1")]).unwrap());
    let answer = Arc::new(record(0, "1", AttemptStatus::Ok));
    let mut evaluator = Evaluator::new(Duration::from_millis(200));
    let message = |results: &[CheckResult]| results[0].message.clone().unwrap_or_default();
    let results = evaluator.evaluate(&never, &answer);
    assert_eq!(message(&results), "not evaluated: it took more than 0.2 s; simplify the schema");
    // These checks are not tried again, but other checks are.
    evaluator.limit = Duration::from_secs(600);
    assert!(message(&evaluator.evaluate(&never, &answer)).contains("for an earlier answer"));
    assert!(evaluator.evaluate(&quick, &answer)[0].passed);
}

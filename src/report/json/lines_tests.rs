//! Compares JSON Lines with `docs/attempts.schema.json` and with `results.json`.

use jsonschema::Validator;
use serde_json::{Map, Value};

use super::super::fixture::workload::conversations;
use super::super::fixture::{report, sample_session, sweep_session};
use super::schema_tests::{load, schema};
use super::{render, write_lines};
use crate::report::model::Report;

/// Keys of a line that an attempt in `results.json` does not have.
const OWN_KEYS: [&str; 7] = [
    "schema_version",
    "run_id",
    "case",
    "simulated",
    "content_event_ms",
    "content_event_kind",
    "content_event_coalesced",
];

fn schema_of_lines() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/attempts.schema.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn lines(report: &Report) -> Vec<Map<String, Value>> {
    let mut out = Vec::new();
    write_lines(report, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn validate(validator: &Validator, line: &Map<String, Value>) {
    let line = Value::Object(line.clone());
    let errors: Vec<_> = validator.iter_errors(&line).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "not as in docs/attempts.schema.json:\n{}", errors.join("\n"));
}

#[test]
fn lines_have_the_attempts_of_results_json_and_follow_their_schema() {
    let validator = jsonschema::options().should_validate_formats(true).build(&schema_of_lines()).unwrap();
    let sweep = || report(sweep_session(&[1, 2, 4]));
    let all: [fn() -> Report; 4] = [|| report(sample_session()), sweep, load, conversations];
    for make in all {
        let report = make();
        let document: Value = serde_json::from_str(&render(&report)).unwrap();
        let mut lines = lines(&report).into_iter();
        for case in document["cases"].as_array().unwrap() {
            for attempt in case["attempts"].as_array().unwrap() {
                let mut line = lines.next().unwrap();
                validate(&validator, &line);
                assert_eq!((&line["case"], &line["run_id"]), (&case["name"], &document["run"]["id"]));
                for key in OWN_KEYS {
                    line.remove(key);
                }
                assert_eq!(&Value::Object(line), attempt);
            }
        }
        assert_eq!(lines.next(), None);
    }
}

#[test]
fn a_line_has_the_time_of_each_event_from_the_start_of_the_ttft_clock() {
    for line in lines(&report(sample_session())) {
        let times = line["content_event_ms"].as_array().unwrap();
        assert_eq!(times.len() as u64, line["content_event_count"].as_u64().unwrap());
        assert_eq!(times[0], line["time_to_first_token_ms"]);
        for key in ["content_event_kind", "content_event_coalesced"] {
            assert_eq!(line[key].as_array().unwrap().len(), times.len(), "{key}");
        }
    }
}

#[test]
fn condensed_attempts_have_no_times_of_events() {
    let mut condensed = report(sample_session());
    for attempt in condensed.session.cases.iter_mut().flat_map(|case| &mut case.attempts) {
        attempt.record = attempt.record().map(|record| std::sync::Arc::unwrap_or_clone(record).condense().into());
    }
    for line in lines(&condensed) {
        assert_eq!((&line["content_event_ms"], &line["text_dropped"]), (&Value::Null, &Value::Bool(true)));
        assert!(line["content_event_count"].as_u64().unwrap() > 0);
    }
}

#[test]
fn the_schema_of_lines_describes_the_keys_of_attempts_as_that_of_results_json() {
    let mut lines = schema_of_lines();
    for (name, definition) in lines["$defs"].as_object().into_iter().flatten() {
        assert_eq!(definition, &schema()["$defs"][name], "{name}");
    }
    let properties = lines["properties"].as_object_mut().unwrap();
    assert!(OWN_KEYS.iter().all(|key| properties.remove(*key).is_some()));
    assert_eq!(lines["properties"], schema()["$defs"]["attempt"]["properties"]);
}

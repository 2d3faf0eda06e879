//! Invariants of any trace. Fuzzer and property tests check them.

use std::io::Cursor;

use super::{BadRows, Trace, TraceError, TraceOptions, TraceRequest};
use crate::domain::length_spec::MAX_LENGTH;
use crate::domain::text::oracle::fault;

/// Checks a trace with these bytes.
///
/// # Errors
///
/// Describes the violated invariant.
pub fn check(bytes: &[u8]) -> Result<(), String> {
    let options = |bad_rows, speed| TraceOptions { bad_rows, speed, ..TraceOptions::default() };
    let open = |options: TraceOptions| Trace::open(Cursor::new(bytes), &options);
    let strict = open(options(BadRows::Refuse, 1.0));
    let mut lenient = match (open(options(BadRows::Skip, 1.0)), &strict) {
        (Ok(trace), _) => trace,
        (Err(error), Err(strict)) => return check_error(&error).and(check_error(strict)),
        (Err(error), Ok(_)) => return Err(format!("only skipping rows failed: {error}")),
    };
    check_line(&lenient.summary().to_string())?;
    match &strict {
        Ok(trace) if trace.len() != lenient.len() || lenient.summary().skipped > 0 => {
            return Err("a row was skipped although none is bad".to_owned());
        }
        Err(error) if error.line.is_none() || lenient.summary().skipped == 0 => {
            return Err(format!("no row was skipped although one is bad: {error}"));
        }
        Ok(_) => {}
        Err(error) => check_error(error)?,
    }
    let fast = open(options(BadRows::Skip, 4.0)).map_err(|error| error.to_string())?;
    let mut latest = None;
    for index in 0..lenient.len() {
        let request = lenient.request(index).map_err(|error| format!("request {index}: {error}"))?;
        if latest > Some(request.at) || lenient.at(index) != Some(request.at) {
            return Err(format!("request {index} at {:?}, after {latest:?}", request.at));
        }
        let four_times = fast.at(index).map_or(0.0, |at| at.as_secs_f64() * 4.0);
        if (four_times - request.at.as_secs_f64()).abs() > 1e-6 * (1.0 + four_times) {
            return Err(format!("{four_times} s instead of {:?} at four times the speed", request.at));
        }
        latest = Some(request.at);
        check_request(&request)?;
    }
    if lenient.request(lenient.len()).is_ok() { Err("a request beyond the last".to_owned()) } else { Ok(()) }
}

fn check_request(request: &TraceRequest) -> Result<(), String> {
    let lengths = [request.input_tokens, request.output_tokens];
    if let Some(length) = lengths.into_iter().flatten().find(|n| !(1..=MAX_LENGTH).contains(n)) {
        return Err(format!("a length of {length}"));
    }
    let has_prompt = request.input_tokens.is_some() || request.messages.as_ref().is_some_and(|m| !m.is_empty());
    if has_prompt { Ok(()) } else { Err(format!("no prompt: {request:?}")) }
}

fn check_error(error: &TraceError) -> Result<(), String> {
    if error.line == Some(0) { Err("line 0".to_owned()) } else { check_line(&error.to_string()) }
}

/// Checks that a message is one line, safe to display and not long.
fn check_line(text: &str) -> Result<(), String> {
    if let Some(fault) = fault(text) {
        return Err(fault);
    }
    let is_line = !text.contains(['\n', '\t']) && text.chars().count() < 800;
    if is_line { Ok(()) } else { Err(format!("not one short line: {text:?}")) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::text::oracle::hostile;

    /// Generates lines of traces and noise.
    fn line() -> impl Strategy<Value = Vec<u8>> {
        let known = vec![
            r#"{"timestamp": 0, "input_length": 655, "output_length": 52, "hash_ids": [46, 47]}"#,
            r#"{"timestamp": 10535.5, "input_length": 672, "output_length": 26, "hash_ids": [18446744073709551615]}"#,
            r#"{"timestamp": 1e300, "input_length": 1, "output_length": 1}"#,
            r#"{"timestamp": -1, "input_length": 1, "output_length": 1}"#,
            r#"{"timestamp": 5, "text_input": "x", "output_length": 1}"#,
            "TIMESTAMP,ContextTokens,GeneratedTokens",
            "2023-11-16 18:15:46.6805900,374,44",
            "2024-05-10 00:00:00.009930+00:00,2162,5",
            "-009999-01-01T00:00:00Z,1,1",
            "1e308,1,1",
            "nan,1,1",
            "9999-12-31 23:59:59,1,0",
            r#"{"timestamp": "2026-05-01T12:00:00Z", "body": {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 5}}"#,
            r#"{"created": 1714564800, "request": "{\"prompt\": \"hi\"}", "response": {"body": {"usage": {"prompt_tokens": 3, "completion_tokens": 9}}}}"#,
            r#"{"time": 1, "messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]}"#,
            r#"{"time": 1, "messages": []}"#,
            r#"{"time": {}, "prompt": 5, "body": [[[["#,
            "",
            "[",
        ];
        prop_oneof![
            6 => prop::sample::select(known).prop_map(|line| line.as_bytes().to_vec()),
            1 => hostile().prop_map(String::into_bytes),
            1 => hostile().prop_map(|text| {
                let body = serde_json::json!({ "time": text, "input_length": text, "messages": [{ "role": text, "content": text }] });
                body.to_string().into_bytes()
            }),
            1 => prop::collection::vec(any::<u8>(), 0..40),
        ]
    }

    proptest! {
        #[test]
        fn holds_for_traces_with_noise(lines in prop::collection::vec(line(), 0..12), end in prop::sample::select(vec!["\n", "\r\n"])) {
            prop_assert_eq!(check(&lines.join(end.as_bytes())), Ok(()));
        }

        #[test]
        fn holds_for_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(check(&bytes), Ok(()));
        }
    }
}

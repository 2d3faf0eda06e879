//! Properties of any suite file, for the fuzzer and the property tests.

use std::collections::BTreeSet;

use super::{FILE_NAME, parse_in};
use crate::config::toml_file::FileError;
use crate::domain::check::Checks;
use crate::domain::suite::Suite;
use crate::domain::text::oracle::fault;

/// Checks a file with this text.
///
/// # Errors
///
/// Describes the property that does not hold.
pub fn check(text: &str) -> Result<(), String> {
    match parse_in(None, text, FILE_NAME) {
        Ok(file) if file.workload.has_source() && file.suite.cases.is_empty() => Ok(()),
        Ok(file) => sound(&file.suite),
        Err(error) => check_error(&error, text.replace("\r\n", "\n").matches('\n').count() + 1),
    }
}

/// Checks that an accepted suite can be run, and its names can be shown.
fn sound(suite: &Suite) -> Result<(), String> {
    let names: BTreeSet<&str> = suite.cases.iter().map(|case| case.name.as_str()).collect();
    if suite.cases.is_empty() || names.len() != suite.cases.len() {
        return Err("no case, or two of one name".to_owned());
    }
    for name in names.into_iter().chain([suite.name.as_str()]) {
        if name.trim().is_empty() || name.contains(['\n', '\t']) || fault(name).is_some() {
            return Err(format!("{name:?} as a name"));
        }
    }
    for case in &suite.cases {
        let patience =
            [Some(case.patience.connect), case.patience.first_token, case.patience.stall, Some(case.timeout)];
        if patience.iter().flatten().any(std::time::Duration::is_zero) || case.max_tokens == 0 {
            return Err("no time, or no token".to_owned());
        }
        if let Err(why) = Checks::new(&case.checks) {
            return Err(format!("a check that cannot be evaluated: {why}"));
        }
        if !(case.temperature.is_finite() && case.temperature >= 0.0) || case.messages.is_empty() {
            return Err(format!("temperature {}, {} messages", case.temperature, case.messages.len()));
        }
    }
    let rating = suite.rating;
    let descends = rating.excellent > rating.good && rating.good > rating.fair && rating.fair >= 0.0;
    if descends { Ok(()) } else { Err(format!("{rating:?}")) }
}

/// Checks that mistakes have their place, and that errors contain no control characters of the file.
fn check_error(error: &FileError, lines: usize) -> Result<(), String> {
    let message = error.to_string();
    if let Some(fault) = fault(&message) {
        return Err(fault);
    }
    if error.mistakes().is_empty() || message.lines().any(|line| !line.starts_with(FILE_NAME)) {
        return Err(format!("error: {message:?}"));
    }
    match error.mistakes().iter().find(|m| m.line.is_some_and(|line| line == 0 || line > lines)) {
        Some(mistake) => Err(format!("a mistake beyond the {lines} lines: {mistake:?}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::text::oracle::hostile;

    /// Generates lines of suite files and noise.
    fn line() -> impl Strategy<Value = String> {
        let known = vec![
            "[suite]",
            "[defaults]",
            "[rating]",
            "[[case]]",
            "[case]",
            "slo = [\"ttft_p95<500ms\"]",
            "max_tokens = 5",
            "max_tokens = 0",
            "temperature = nan",
            "timeout_s = 1e400",
            "timeout_s = 0.5",
            "stall_timeout_s = -1",
            "excellent = 1",
            "good = 50",
            "prompt = \"p\"",
            "prompt = \"\"\"",
            "messages = [{ role = \"user\", content = \"x\" }]",
            "extra = { a = { b = [1, nan] } }",
            "extra.model = \"x\"",
            "check = { contains = \"a\", regex = '(' }",
            "check = [{ json_schema = { type = \"x\" } }, { equals = \"\" }]",
            "check = { tool_call = { name = \"f\", arguments = { a = nan } } }",
            "check = { json_schema = \"../x.json\" }",
            "tools = [{ name = \"f\" }]",
            "tools = [{ name = \"f\", parameters = { type = \"x\" } }, 3]",
            "tool_choice = { name = \"f\" }",
            "response_format = { type = \"json_schema\", schema = { type = \"object\" } }",
            "response_format = { type = \"json_object\", schema = nan }",
            "images = [\"x.png\", { width = 3, height = 0 }, 3]",
            "audio = [{ width = 3 }]",
            "[[model]]",
            "weight = 0",
            "max_token = 1",
            "model = \"\"",
        ];
        prop_oneof![
            6 => prop::sample::select(known).prop_map(str::to_owned),
            3 => hostile().prop_map(|name| format!("name = {}", toml_string(&name))),
            1 => hostile().prop_map(|key| format!("{} = 1", toml_string(&key))),
            1 => hostile(),
        ]
    }

    fn toml_string(text: &str) -> String {
        let escaped = text.chars().fold(String::new(), |out, c| out + &format!("\\U{:08X}", c as u32));
        format!("\"{escaped}\"")
    }

    proptest! {
        #[test]
        fn holds_for_files_with_noise(lines in prop::collection::vec(line(), 0..12)) {
            prop_assert_eq!(check(&lines.join("\n")), Ok(()));
        }

        #[test]
        fn holds_for_any_name(name in hostile()) {
            let file = format!("[suite]\nname = {0}\n[[case]]\nname = {0}\nprompt = \"p\"\n", toml_string(&name));
            prop_assert_eq!(check(&file), Ok(()));
        }
    }
}

//! Which suite, and which of its cases.

use std::path::Path;

use super::ConfigError;
use super::suite_file::{self, FILE_NAME};
use crate::domain::suite::Suite;
use crate::domain::text::sanitise_line;
use crate::runtime::spec::SuiteSource;

/// The suite that was asked for; else the file in `folder`, if there is one; else the one built in.
pub(super) fn suite(asked: Option<&Path>, folder: &Path) -> Result<(Suite, SuiteSource), ConfigError> {
    if let Some(path) = asked {
        let suite = suite_file::load_as(&folder.join(path), &path.display().to_string())?;
        return Ok((suite, SuiteSource::File(path.to_owned())));
    }
    let found = folder.join(FILE_NAME);
    // A broken link or a file that may not be read is told, not passed over.
    if found.symlink_metadata().is_ok() {
        return Ok((suite_file::load_as(&found, FILE_NAME)?, SuiteSource::File(FILE_NAME.into())));
    }
    Ok((suite_file::builtin()?, SuiteSource::Builtin))
}

/// Keeps the cases whose names hold one of the patterns, whatever their letter case; all, if there is no pattern.
pub(super) fn keep_matching(suite: &mut Suite, patterns: &[String]) -> Result<(), ConfigError> {
    let patterns: Vec<(&String, String)> = patterns.iter().map(|p| (p, p.to_lowercase())).collect();
    let names: Vec<String> = suite.cases.iter().map(|case| case.name.to_lowercase()).collect();
    // A pattern without a case is a misspelt one, also where others match.
    if let Some((typed, _)) = patterns.iter().find(|(_, p)| !names.iter().any(|name| name.contains(p.as_str()))) {
        let list: Vec<String> = suite.cases.iter().map(|case| format!("\n  {}", sanitise_line(&case.name))).collect();
        let (typed, suite) = (sanitise_line(typed), sanitise_line(&suite.name));
        return Err(ConfigError(format!("no case of '{suite}' matches --case '{typed}'; there are:{}", list.concat())));
    }
    if !patterns.is_empty() {
        suite.cases.retain(|case| {
            let name = case.name.to_lowercase();
            patterns.iter().any(|(_, p)| name.contains(p.as_str()))
        });
    }
    Ok(())
}

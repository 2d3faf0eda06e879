//! Result files of other benchmarks, recognised by their content: one row and one file each.
#![expect(clippy::zero_sized_map_values, reason = "serde reads the keys of an object from a map only")]

mod aiperf;
mod fields;
mod foreign_run;
mod genai_bench;
mod guidellm;
mod vllm;

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde_json::Value;

use self::foreign_run::{ForeignRun, compared};
use super::{ImportError, results};
use crate::domain::text::sanitise_line;
use crate::report::compare::ComparedRun;

/// Maximum size of a result file of another benchmark, bytes.
const MAX_BYTES: usize = 256 << 20;

/// Top-level keys of a JSON document.
type Keys = BTreeMap<String, IgnoredAny>;

/// A benchmark whose result files can be compared.
struct Rival {
    /// Name, with the kind of file where it has several.
    name: &'static str,
    /// Returns whether a document with these keys is such a file.
    is_file: fn(&Keys) -> bool,
    /// Reads the runs of a document, at least one. The error names the place in the file.
    read: fn(&Value) -> Result<Vec<ForeignRun>, String>,
}

/// All of them.
static RIVALS: &[Rival] = &[
    Rival { name: "AIPerf", is_file: aiperf::is_summary, read: aiperf::read_summary },
    Rival { name: "guidellm", is_file: guidellm::is_file, read: guidellm::read },
    Rival { name: "vLLM bench serve", is_file: vllm::is_file, read: vllm::read },
    Rival { name: "genai-bench", is_file: genai_bench::is_file, read: genai_bench::read },
];

/// Names of the benchmarks whose files can be compared.
fn names() -> String {
    RIVALS.iter().map(|rival| rival.name).collect::<Vec<_>>().join(", ")
}

/// Reads a JSON document for a comparison: a `results.json` of tokscope, or a result file of another benchmark.
///
/// # Errors
///
/// The document is neither, or a value in it has the wrong type.
pub fn read(text: &str) -> Result<ComparedRun, ImportError> {
    let keys: Option<Keys> = serde_json::from_str(text).ok();
    let is_unknown = keys.as_ref().is_some_and(|keys| !keys.contains_key("schema_version"));
    let Some(rival) = keys.and_then(|keys| RIVALS.iter().find(|rival| (rival.is_file)(&keys))) else {
        let with_known = |ImportError(why)| ImportError(format!("{why}; files of {} can be compared, too", names()));
        return results::read(text).map_err(|error| if is_unknown { with_known(error) } else { error });
    };
    let failed = |why: &str| ImportError(format!("{} file: {}", rival.name, sanitise_line(why)));
    if text.len() > MAX_BYTES {
        return Err(failed(&format!("larger than {} MiB; measure fewer requests, or omit texts", MAX_BYTES >> 20)));
    }
    let document: Value = serde_json::from_str(text).map_err(|e| failed(&format!("line {}: {e}", e.line())))?;
    let runs = (rival.read)(&document).map_err(|why| failed(&why))?;
    compared(rival.name, crc32fast::hash(text.as_bytes()), runs).map_err(|why| failed(&why))
}

/// Returns whether the first line of a file is a record of AIPerf's `profile_export.jsonl`.
pub fn is_record(first_line: &str) -> bool {
    serde_json::from_str::<Keys>(first_line).is_ok_and(|keys| aiperf::is_record(&keys))
}

/// Reads AIPerf's `profile_export.jsonl` for a comparison.
///
/// # Errors
///
/// A line is not a record. The message names the line.
pub fn read_records(text: &str) -> Result<ComparedRun, ImportError> {
    let failed = |why: &str| ImportError(format!("AIPerf records: {}", sanitise_line(why)));
    if text.len() > MAX_BYTES {
        return Err(failed(&format!("larger than {} MiB; measure fewer requests", MAX_BYTES >> 20)));
    }
    let run = aiperf::read_records(text).map_err(|why| failed(&why))?;
    compared("AIPerf", crc32fast::hash(text.as_bytes()), vec![run]).map_err(|why| failed(&why))
}

#[cfg(test)]
mod tests;

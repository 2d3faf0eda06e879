//! Faults of a trace, each in one line.

use crate::domain::text::sanitise_line;

/// Maximum characters of a reason. Rows may be megabytes long, and errors of parsers repeat parts of them.
const MAX_REASON_CHARS: usize = 300;

/// A fault of a trace: one line, without control characters of the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", self.prefix())]
pub struct TraceError {
    /// Line of the fault, from 1; `None` if the fault concerns the whole file.
    pub line: Option<u64>,
    /// Description of the fault, and how to fix it.
    pub reason: String,
}

impl TraceError {
    /// Creates a fault of the whole file.
    pub(super) fn new(reason: &str) -> Self {
        let line = sanitise_line(reason);
        let is_long = line.chars().count() > MAX_REASON_CHARS;
        let reason = if is_long { line.chars().take(MAX_REASON_CHARS).chain(['…']).collect() } else { line };
        Self { line: None, reason }
    }

    /// Creates a fault of one line.
    pub(super) fn at_line(line: u64, reason: &str) -> Self {
        Self { line: Some(line), ..Self::new(reason) }
    }

    fn prefix(&self) -> String {
        self.line.map_or_else(String::new, |line| format!("line {line}: "))
    }
}

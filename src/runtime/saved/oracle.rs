//! Invariant of every journal, for the fuzzer.

use super::super::assemble::report_from_saved;
use crate::report::journal;
use crate::report::oracle::check_report;

/// Checks that these bytes are refused as a journal with a message, or give a run that every format can render. The
/// error describes the violation.
pub fn check(bytes: &[u8]) -> Result<(), String> {
    match journal::read(bytes) {
        Ok(saved) => check_report(&report_from_saved(saved)),
        Err(why) => {
            let why = why.to_string();
            let fault = crate::domain::text::oracle::fault(&why);
            if why.is_empty() || fault.is_some() { Err(format!("error: {why:?}")) } else { Ok(()) }
        }
    }
}

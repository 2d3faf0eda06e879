//! What must hold for any journal: for the fuzzer.

use super::report_of;
use crate::report::journal;
use crate::report::oracle::check_report;

/// Says what does not hold for a journal of these bytes: it is refused in words, or is a run that can be told in every
/// format.
pub fn check(bytes: &[u8]) -> Result<(), String> {
    match journal::read(bytes) {
        Ok(saved) => check_report(&report_of(saved)),
        Err(why) => {
            let why = why.to_string();
            let fault = crate::domain::text::oracle::fault(&why);
            if why.is_empty() || fault.is_some() { Err(format!("said is {why:?}")) } else { Ok(()) }
        }
    }
}

//! Panics as errors, so that one failing step does not take others with it.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs a step and returns its result. A panic is reported on stderr as usual, and returned as an error that names `what`.
pub fn catch_panic<T>(what: &str, step: impl FnOnce() -> T) -> Result<T, String> {
    // State that the step left unfinished is only read, to save what there is.
    catch_unwind(AssertUnwindSafe(step)).map_err(|_panic| format!("{what}: an internal error"))
}

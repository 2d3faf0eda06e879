//! Converts panics to errors, so that a failing step does not end the steps after it.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs a step and returns its result. A panic is printed to stderr as usual, and returned as an error that names
/// `what`.
pub fn catch_panic<T>(what: &str, step: impl FnOnce() -> T) -> Result<T, String> {
    // After a panic, the state is only read, to save as much as possible.
    catch_unwind(AssertUnwindSafe(step)).map_err(|_panic| format!("{what}: an internal error"))
}

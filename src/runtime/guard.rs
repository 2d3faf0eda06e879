//! A step that takes no other along when it fails.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// What the step makes. A panic in it is told on stderr like any other, and here as an error about `what`.
pub fn guarded<T>(what: &str, step: impl FnOnce() -> T) -> Result<T, String> {
    // What it left half done is only looked at, to keep what there is.
    catch_unwind(AssertUnwindSafe(step)).map_err(|_panic| format!("{what}: an internal error"))
}

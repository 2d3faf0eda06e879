//! With a screen.

use super::RunSpec;

/// Shows the suite run; returns the exit status.
pub fn run(_spec: RunSpec) -> anyhow::Result<u8> {
    Ok(0)
}

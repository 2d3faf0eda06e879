//! Stores the calibration of this machine for the reports of later runs.

use std::path::PathBuf;

use crate::domain::calibration::{Calibration, Machine};
use crate::report::model::Environment;
use crate::store::state;

/// File name in the folder of the state files.
const FILE: &str = "calibration.json";

/// Stores a calibration, given as JSON. Returns the path of its file.
///
/// # Errors
///
/// The file cannot be written; the error is a sentence for the user.
pub fn store(json: &str) -> Result<PathBuf, String> {
    state::write(FILE, json).map_err(|why| why.to_string())
}

/// Returns the stored calibration, if it is for this version, build and machine.
pub fn load(environment: &Environment) -> Option<Calibration> {
    let calibration: Calibration = serde_json::from_str(&state::read(FILE)?).ok()?;
    calibration.is_of(env!("CARGO_PKG_VERSION"), build(), &machine(environment)).then_some(calibration)
}

/// Build profile of this program.
pub const fn build() -> &'static str {
    if cfg!(debug_assertions) { "debug" } else { "release" }
}

/// Describes this machine as a calibration records it.
pub fn machine(environment: &Environment) -> Machine {
    Machine { hostname: environment.hostname.clone(), cpu: environment.cpu.clone(), cores: environment.cores }
}

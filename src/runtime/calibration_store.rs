//! The calibration of this machine, stored for the reports of later runs.

use std::path::PathBuf;

use crate::domain::calibration::{Calibration, Machine};
use crate::report::model::Environment;
use crate::store::state;

/// File name in the folder of the program's state.
const FILE: &str = "calibration.json";

/// Stores a calibration, as JSON. Returns the path of its file.
///
/// # Errors
///
/// A sentence that says why the file could not be written.
pub fn store(json: &str) -> Result<PathBuf, String> {
    state::write(FILE, json).map_err(|why| why.to_string())
}

/// Loads the calibration of this program on this machine, if there is one.
pub fn load(environment: &Environment) -> Option<Calibration> {
    let calibration: Calibration = serde_json::from_str(&state::read(FILE)?).ok()?;
    calibration.is_of(env!("CARGO_PKG_VERSION"), build(), &machine(environment)).then_some(calibration)
}

/// Build profile of this program.
pub const fn build() -> &'static str {
    if cfg!(debug_assertions) { "debug" } else { "release" }
}

/// The machine that a calibration belongs to.
pub fn machine(environment: &Environment) -> Machine {
    Machine { hostname: environment.hostname.clone(), cpu: environment.cpu.clone(), cores: environment.cores }
}

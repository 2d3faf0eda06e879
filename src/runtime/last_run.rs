//! Chooses a run if the user names none: the newest run, or the newest one that can be resumed.

use anyhow::bail;

use super::console::say_to;
use super::saved;
use crate::domain::session::Mode;
use crate::domain::text::sanitise_line;
use crate::report::runs_table::{self, Outcome, RunRow};
use crate::store::lock;
use crate::store::runs::{self, SavedRunFile};

/// Name of the newest run on the command line.
pub const LAST: &str = "last";

/// Returns the name that the user gave. Without a name, or with [`LAST`], returns the id of the newest run and prints
/// which run this is.
///
/// # Errors
///
/// No runs are saved, or the folder cannot be read.
pub fn named_or_last(wanted: Option<&str>) -> anyhow::Result<String> {
    if let Some(name) = wanted.filter(|name| *name != LAST) {
        return Ok(name.to_owned());
    }
    let kept = runs::list(&saved::folder()?)?;
    let Some(newest) = kept.first() else { bail!("no runs are saved yet; try `tokscope --demo`") };
    announce("Last run", &saved::list_entry(newest), newest);
    Ok(newest.id.clone())
}

/// Returns the name that the user gave. Without a name, returns the id of the newest run that can be resumed, and
/// prints which run this is.
///
/// # Errors
///
/// No saved run can be resumed, or the folder cannot be read.
pub fn named_or_last_resumable(wanted: Option<&str>) -> anyhow::Result<String> {
    if wanted.is_some() {
        return named_or_last(wanted);
    }
    for kept in runs::list(&saved::folder()?)? {
        let row = saved::list_entry(&kept);
        if has_something_left(&kept, row.state) {
            announce("Last run with something left", &row, &kept);
            return Ok(kept.id);
        }
    }
    bail!("no saved run has anything left to run; list all with `tokscope runs`")
}

fn has_something_left(kept: &SavedRunFile, state: Outcome) -> bool {
    match state {
        Outcome::Partial | Outcome::Unfinished => {
            let is_open = lock::is_locked(&kept.path).unwrap_or(false);
            !is_open && saved::read(&kept.path).is_ok_and(|saved| saved.to_resume().mode != Mode::Finished)
        }
        Outcome::Whole | Outcome::Running | Outcome::Unreadable => false,
    }
}

/// Prints which run was chosen: its id, start time and model.
fn announce(what: &str, row: &RunRow, kept: &SavedRunFile) {
    let started = row.started_at.as_deref().map(runs_table::minute);
    let about: Vec<String> = started.into_iter().chain(row.model.as_deref().map(sanitise_line)).collect();
    let about = if about.is_empty() { String::new() } else { format!(" ({})", about.join(", ")) };
    say_to(&mut std::io::stderr(), &format!("{what}: {}{about}", kept.id));
}

//! Deletes the saved runs that the command line names, after asking the user.

use std::io::{BufRead, Write};

use anyhow::bail;

use super::console::say_to;
use super::saved;
use crate::domain::quantity::count;
use crate::domain::text::sanitise_line;
use crate::report::runs_table::{self, RunRow};
use crate::store::runs::{self, SavedRunFile};

/// Exit status if a run could not be deleted.
const NOT_DELETED: u8 = 1;

/// Source of the user's confirmation.
pub enum Confirmation<'a> {
    /// The user has asked to delete without a question.
    Given,
    /// Ask the user; read the answer from here.
    Asked(&'a mut dyn BufRead),
    /// There is no terminal on which to ask.
    Impossible,
}

/// Deletes saved runs. Each name is an id, the beginning of an id, or `last`. Returns the exit status.
///
/// # Errors
///
/// A name matches no run or several runs, or the user cannot be asked. Nothing is deleted then.
pub fn delete(wanted: &[String], confirmation: Confirmation<'_>, stderr: &mut dyn Write) -> anyhow::Result<u8> {
    let kept = runs::list(&saved::folder()?)?;
    let mut chosen: Vec<&SavedRunFile> = Vec::new();
    for name in wanted {
        let run = runs::find(&kept, name)?;
        if !chosen.contains(&run) {
            chosen.push(run);
        }
    }
    for run in &chosen {
        say_to(stderr, &format!("  {}", about(run, &saved::list_entry(run))));
    }
    let is_confirmed = match confirmation {
        Confirmation::Given => true,
        Confirmation::Asked(stdin) => ask(chosen.len(), stdin, stderr)?,
        Confirmation::Impossible => {
            bail!("--delete asks first, which needs a terminal; pass --yes to delete without asking")
        }
    };
    if !is_confirmed {
        say_to(stderr, "Nothing was deleted.");
        return Ok(0);
    }
    let mut status = 0;
    let mut deleted = 0;
    for run in chosen {
        match saved::delete(&run.path) {
            Ok(()) => deleted += 1,
            Err(why) => {
                say_to(stderr, &format!("tokscope: {} was not deleted: {why}", run.id));
                status = NOT_DELETED;
            }
        }
    }
    say_to(stderr, &format!("Deleted {}.", count(deleted, "run")));
    Ok(status)
}

fn about(run: &SavedRunFile, row: &RunRow) -> String {
    let started = row.started_at.as_deref().map(runs_table::minute);
    let model = row.model.as_deref().map(sanitise_line);
    [Some(run.id.clone()), started, model].into_iter().flatten().collect::<Vec<_>>().join("  ")
}

/// Asks until the answer is yes or no. An empty line and the end of the input count as no.
fn ask(runs: usize, stdin: &mut dyn BufRead, stderr: &mut dyn Write) -> anyhow::Result<bool> {
    loop {
        write!(stderr, "Delete {}? This cannot be undone. [y/N] ", count(runs, "run"))?;
        stderr.flush()?;
        let mut line = String::new();
        if stdin.read_line(&mut line)? == 0 {
            say_to(stderr, "");
            return Ok(false);
        }
        match line.trim().to_lowercase().as_str() {
            "y" | "yes" => return Ok(true),
            "" | "n" | "no" => return Ok(false),
            other => {
                say_to(stderr, &format!("'{}' is not a choice. Type y to delete, n to keep.", sanitise_line(other)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_deletes_and_another_word_is_explained() {
        for (typed, expected) in [("y\n", true), ("YES\n", true), ("\n", false), ("n\n", false), ("", false)] {
            let mut printed = Vec::new();
            assert_eq!(ask(2, &mut typed.as_bytes(), &mut printed).unwrap(), expected, "{typed:?}");
            assert!(String::from_utf8(printed).unwrap().starts_with("Delete 2 runs? This cannot be undone. [y/N] "));
        }
        let mut printed = Vec::new();
        assert!(ask(1, &mut "2\ny\n".as_bytes(), &mut printed).unwrap());
        assert!(String::from_utf8(printed).unwrap().contains("'2' is not a choice. Type y to delete, n to keep.\n"));
    }
}

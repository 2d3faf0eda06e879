//! Commands about saved runs: list, report, compare.

#[cfg(fuzzing)]
pub mod oracle;

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::assemble::report_from_saved;
use super::console::say_to;
use super::export::{self, report_written};
use super::stdout;
use crate::domain::text::sanitise_line;
use crate::report::compare::{self, ComparedRun, Comparison};
use crate::report::exporters::{EXPORTERS, Exporter, exporter_for_path};
use crate::report::import::{self, ImportError};
use crate::report::journal::{self, JournalError, JournalSummaryHeader, Saved};
use crate::report::run_figures::RunFigures;
use crate::report::runs_table::{self, Outcome, RunRow};
use crate::store::input::{self, Kind};
use crate::store::lock;
use crate::store::runs::{self, SavedRunFile};

/// Finds the journal of a run by its path, its id or the start of it, or `last`.
pub fn find(wanted: &str) -> anyhow::Result<PathBuf> {
    locate(wanted).map(|(path, _named)| path)
}

/// Reads a saved run, named as for [`find`].
pub fn load(wanted: &str) -> anyhow::Result<Saved> {
    let (path, named) = locate(wanted)?;
    read(&path).context(named)
}

/// Finds a journal, and its name for error messages.
fn locate(wanted: &str) -> anyhow::Result<(PathBuf, String)> {
    let path = Path::new(wanted);
    if path.is_file() {
        return Ok((path.to_owned(), format!("'{}'", path.display())));
    }
    let kept = runs::list(&folder()?)?;
    let found = match runs::find(&kept, wanted) {
        Ok(found) => found,
        Err(_) if path.is_dir() => bail!("'{}' is a folder; name the journal in it, or a run", path.display()),
        Err(_) if path.exists() => bail!("'{}' is a pipe or a device; a saved run is a file", path.display()),
        Err(unknown) => return Err(unknown.into()),
    };
    Ok((found.path.clone(), format!("run {}", found.id)))
}

fn folder() -> anyhow::Result<PathBuf> {
    runs::folder().context("this user has no home folder, and so no saved runs")
}

fn read(path: &Path) -> Result<Saved, JournalError> {
    journal::read(BufReader::with_capacity(1 << 16, File::open(path)?))
}

/// Writes the report of a saved run: to these files, else as Markdown to stdout. Returns the exit status.
pub fn report(wanted: &str, exports: &[PathBuf]) -> anyhow::Result<u8> {
    let mut stderr = std::io::stderr();
    let formats: Vec<_> = exports.iter().map(|path| (path, exporter_for_path(path))).collect();
    if let Some((path, _)) = formats.iter().find(|(_, format)| format.is_none()) {
        let known: Vec<_> = EXPORTERS.iter().map(|e| format!(".{}", e.extension)).collect();
        bail!("--export '{}': no format has this extension; there are {}", path.display(), known.join(" "));
    }
    let (path, named) = locate(wanted)?;
    // Checked before the read: a run that ends in between is read to its end.
    let is_running = lock::is_locked(&path).unwrap_or(false);
    let saved = read(&path).context(named)?;
    for warning in &saved.warnings {
        say_to(&mut stderr, &format!("{}: {warning}", saved.run.id));
    }
    if saved.ended.is_none() {
        let id = &saved.run.id;
        let how = if is_running {
            format!("{id}: the run is not over yet; this is what was saved of it so far")
        } else {
            format!("{id}: the run did not end in order; this is what was saved of it (tokscope resume {id})")
        };
        say_to(&mut stderr, &how);
    }
    let report = report_from_saved(saved);
    if exports.is_empty() {
        let markdown = EXPORTERS.first().map(|e| (e.render)(&report)).unwrap_or_default();
        stdout::write(markdown.as_bytes())?;
        return Ok(0);
    }
    let write = |(path, exporter): (&PathBuf, Option<&Exporter>)| {
        export::write(path, || exporter.map(|e| (e.render)(&report)).unwrap_or_default())
    };
    Ok(report_written("Report", formats.into_iter().map(write), &mut stderr))
}

/// Lists the saved runs, newest first. Returns the exit status.
pub fn list(json: bool) -> anyhow::Result<u8> {
    let folder = folder()?;
    let kept = runs::list(&folder).with_context(|| format!("'{}'", folder.display()))?;
    let listed: Vec<RunRow> = kept.iter().map(list_entry).collect();
    let text = if json { runs_table::json(&listed) } else { runs_table::text(&listed, &folder.display().to_string()) };
    stdout::write(text.as_bytes())?;
    Ok(0)
}

fn list_entry(kept: &SavedRunFile) -> RunRow {
    let is_running = lock::is_locked(&kept.path).unwrap_or(false);
    let state = |is_over: bool, is_partial: bool| match (is_running, is_over) {
        (true, _) => Outcome::Running,
        (_, false) => Outcome::Unfinished,
        _ if is_partial => Outcome::Partial,
        _ => Outcome::Whole,
    };
    let listed = || {
        let (first, last) = runs::first_and_last_line(&kept.path, journal::LONGEST_LINE)?;
        if let Some(brief) = journal::read_brief(&first, &last)? {
            let state = state(true, brief.figures.partial);
            return Ok(RunRow::new(brief.header, brief.figures, state, kept.bytes));
        }
        // The run is still going, or was cut off: its journal has no final figures.
        let saved = read(&kept.path)?;
        let (header, is_over) = (JournalSummaryHeader::from(&saved.run), saved.ended.is_some());
        let figures = RunFigures::new(&report_from_saved(saved));
        let state = state(is_over, figures.partial);
        Ok(RunRow::new(header, figures, state, kept.bytes))
    };
    listed().unwrap_or_else(|e: JournalError| RunRow::unreadable(kept.id.clone(), kept.bytes, &e.to_string()))
}

/// Compares two runs: saved ones, `results.json` files or Markdown reports. Writes to stdout and to these files. Returns
/// the exit status.
pub fn compare(a: &str, b: &str, exports: &[PathBuf]) -> anyhow::Result<u8> {
    type Render = fn(&Comparison) -> String;
    let format = |path: &PathBuf| -> anyhow::Result<Render> {
        match path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase).as_deref() {
            Some("md") => Ok(compare::markdown),
            Some("json") => Ok(compare::json),
            _ => bail!("--export '{}': a comparison is written as .md or .json", path.display()),
        }
    };
    let formats = exports.iter().map(format).collect::<anyhow::Result<Vec<_>>>()?;
    let comparison = Comparison::new(side(a)?, side(b)?);
    let printed = stdout::write(compare::text(&comparison).as_bytes());
    let files = exports.iter().zip(formats).map(|(path, render)| export::write(path, || render(&comparison)));
    let status = report_written("Comparison", files, &mut std::io::stderr());
    printed.map(|()| status)
}

/// Reads a report that was exported.
type Import = fn(&str) -> Result<ComparedRun, ImportError>;

/// Maximum size of a `results.json`: four times that of 100,000 attempts without long responses.
const RESULTS: Kind = Kind { file_name: Some("results.json"), what: "a results.json", max_bytes: 1024 * 1024 * 1024 };
const MARKDOWN: Kind = Kind { file_name: Some("report.md"), what: "a Markdown report", max_bytes: 64 * 1024 * 1024 };

fn side(wanted: &str) -> anyhow::Result<ComparedRun> {
    let path = Path::new(wanted);
    let extension = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    let format: Option<(Import, &Kind)> = match extension.as_deref() {
        Some("json") => Some((import::results::read, &RESULTS)),
        Some("md" | "markdown") => Some((import::markdown::read, &MARKDOWN)),
        _ => None,
    };
    let Some((import, kind)) = format else {
        let saved = load(wanted)?;
        let notes = saved.warnings.clone();
        return Ok(ComparedRun { notes, ..ComparedRun::from_report(&report_from_saved(saved)) });
    };
    let named = sanitise_line(wanted);
    let bytes = input::read(path, &named, kind).with_context(|| format!("'{named}'"))?;
    let text = String::from_utf8(bytes).ok().with_context(|| format!("'{named}' is not UTF-8 text"))?;
    let side = import(&text).with_context(|| format!("'{named}'"))?;
    Ok(ComparedRun { name: named, ..side })
}

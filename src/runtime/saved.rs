//! Commands for saved runs: list, report and compare.

#[cfg(fuzzing)]
pub mod oracle;

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::assemble::report_from_saved;
use super::color::ColorWhen;
use super::console::say_to;
use super::export::{self, report_written};
use super::stdout;
use crate::domain::text::sanitise_line;
use crate::report::compare::{self, ComparedRun, Comparison};
use crate::report::comparison_exporters::ComparisonExporter;
use crate::report::exporters::{EXPORTERS, Exporter, exporter_for_path, stdout_exporter};
use crate::report::gate::{self, RegressionRule};
use crate::report::gate_result::GateResult;
use crate::report::import::{self, ImportError};
use crate::report::journal::{self, JournalError, JournalSummaryHeader, Saved};
use crate::report::run_figures::RunFigures;
use crate::report::runs_table::{self, Outcome, RunRow};
use crate::report::style::Layout;
use crate::store::input::{self, Kind};
use crate::store::lock;
use crate::store::runs::{self, SavedRunFile};

/// Finds the journal of a run by its path, its id, the beginning of its id, or `last`.
pub fn find(wanted: &str) -> anyhow::Result<PathBuf> {
    locate(wanted).map(|(path, _named)| path)
}

/// Reads a saved run. `wanted` names it as for [`find`].
pub fn load(wanted: &str) -> anyhow::Result<Saved> {
    let (path, named) = locate(wanted)?;
    read(&path).context(named)
}

/// Finds a journal, and returns its path and its name for error messages.
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

pub(super) fn folder() -> anyhow::Result<PathBuf> {
    runs::folder().context("this user has no home folder, so no runs are saved")
}

/// Deletes the journal of a run. The error says why it still exists.
pub(super) fn delete(path: &Path) -> Result<(), String> {
    match runs::delete(path) {
        Ok(true) => Ok(()),
        Ok(false) => Err("another tokscope still has it open".to_owned()),
        Err(why) => Err(why.to_string()),
    }
}

pub(super) fn read(path: &Path) -> Result<Saved, JournalError> {
    journal::read(BufReader::with_capacity(1 << 16, File::open(path)?))
}

/// Reads a run for a report. If another process is still writing the run, its requests in flight are not interrupted
/// ones.
pub(super) fn read_for_report(path: &Path) -> Result<Saved, JournalError> {
    // Check this before reading, so that a run that ends in between is read completely.
    if !lock::is_locked(path).unwrap_or(false) {
        return read(path);
    }
    journal::read_in_progress(BufReader::with_capacity(1 << 16, File::open(path)?))
}

/// Writes the report of a saved run to these files, or as JSON to stdout if `json`. Without either, writes Markdown to
/// stdout. Returns the exit status.
pub fn report(wanted: &str, exports: &[PathBuf], json: bool, color: ColorWhen) -> anyhow::Result<u8> {
    let mut stderr = std::io::stderr();
    let style = color.style_for(&stderr);
    let mut formats = Vec::new();
    let mut printed: Vec<&Exporter> = EXPORTERS.iter().filter(|e| json && e.id == "json").collect();
    for path in exports {
        match (stdout_exporter(path, EXPORTERS), exporter_for_path(path)) {
            (Some(format), _) => printed.push(format),
            (None, Some(format)) => formats.push((path, format)),
            (None, None) => {
                let known: Vec<_> = EXPORTERS.iter().map(|e| format!(".{}", e.extension)).collect();
                bail!("--export '{}': unknown extension; use {}", path.display(), known.join(" "));
            }
        }
    }
    printed.dedup_by_key(|format| format.id);
    if printed.len() > 1 {
        bail!("stdout takes one format; write the others to files with --export FILE");
    }
    if formats.is_empty() && printed.is_empty() {
        printed.extend(EXPORTERS.first());
    }
    let (path, named) = locate(wanted)?;
    let is_open = lock::is_locked(&path).unwrap_or(false);
    let saved = read_for_report(&path).context(named)?;
    for warning in &saved.warnings {
        say_to(&mut stderr, &style.warning(&format!("{}: {warning}", saved.run.id)));
    }
    if !saved.is_over() {
        let id = &saved.run.id;
        let how = if is_open {
            format!("{id}: the run is still in progress; this report covers what is saved so far")
        } else {
            format!("{id}: the run was interrupted; continue it with `tokscope resume {id}`")
        };
        say_to(&mut stderr, &style.warning(&how));
    }
    let report = report_from_saved(saved);
    let written = printed.first().map_or(Ok(()), |format| stdout::write_with(|to| format.write(&report, to)));
    let write = |(path, format): (&PathBuf, &Exporter)| export::write_with(path, |to| format.write(&report, to));
    let status = report_written("Report", formats.into_iter().map(write), &mut stderr);
    written.map(|()| status)
}

/// Lists the saved runs, newest first. Returns the exit status.
pub fn list(json: bool, color: ColorWhen) -> anyhow::Result<u8> {
    let folder = folder()?;
    let kept = runs::list(&folder).with_context(|| format!("'{}'", folder.display()))?;
    let listed: Vec<RunRow> = kept.iter().map(list_entry).collect();
    let text = if json {
        runs_table::json(&listed)
    } else {
        runs_table::text(&listed, &folder.display().to_string(), layout(color))
    };
    stdout::write(text.as_bytes())?;
    Ok(0)
}

pub(super) fn list_entry(kept: &SavedRunFile) -> RunRow {
    let is_open = lock::is_locked(&kept.path).unwrap_or(false);
    // A finished run stays finished while its dashboard is open.
    let state = |is_over: bool, is_partial: bool| match (is_over, is_open) {
        (false, true) => Outcome::Running,
        (false, false) => Outcome::Unfinished,
        (true, _) if is_partial => Outcome::Partial,
        (true, _) => Outcome::Whole,
    };
    let listed = || {
        let (first, last) = runs::first_and_last_line(&kept.path, journal::LONGEST_LINE)?;
        if let Some(brief) = journal::read_brief(&first, &last)? {
            let state = state(true, brief.figures.partial);
            return Ok(RunRow::new(brief.header, brief.figures, state, kept.bytes));
        }
        // The journal has no final figures: the run is still in progress or was cut off.
        let saved = read_for_report(&kept.path)?;
        let (header, is_over) = (JournalSummaryHeader::from(&saved.run), saved.is_over());
        let figures = RunFigures::new(&report_from_saved(saved));
        let state = state(is_over, figures.partial);
        Ok(RunRow::new(header, figures, state, kept.bytes))
    };
    listed().unwrap_or_else(|e: JournalError| RunRow::unreadable(kept.id.clone(), kept.bytes, &e.to_string()))
}

/// Returns style and width for text on stdout.
fn layout(color: ColorWhen) -> Layout {
    Layout { style: color.style_for(&std::io::stdout()), width: stdout::terminal_columns() }
}

/// Compares two runs: saved runs, `results.json` files, Markdown reports, or result files of other benchmarks. Writes the comparison to these files, and
/// to stdout as text or in the requested format. Returns the exit status.
pub fn compare(
    [a, b]: [&str; 2],
    exports: &[PathBuf],
    json: bool,
    rules: &[RegressionRule],
    color: ColorWhen,
) -> anyhow::Result<u8> {
    let (mut files, mut printed): (Vec<(&PathBuf, &ComparisonExporter)>, Vec<&ComparisonExporter>) =
        (Vec::new(), Vec::new());
    for path in exports {
        match (ComparisonExporter::for_stdout(path), ComparisonExporter::for_file(path)) {
            (Some(format), _) => printed.push(format),
            (None, Some(format)) => files.push((path, format)),
            (None, None) => {
                let known = ComparisonExporter::extensions();
                bail!("--export '{}': a comparison is written as one of {known}", path.display());
            }
        }
    }
    if json {
        printed.extend(ComparisonExporter::for_stdout(Path::new("-.json")));
    }
    if printed.len() > 1 {
        bail!("stdout takes one format; write the others to files with --export FILE");
    }
    let (a, b) = (side(a)?, side(b)?);
    let gate = (!rules.is_empty()).then(|| gate::evaluate(rules, &a, &b));
    let comparison = Comparison::new(a, b);
    let text = match printed.first() {
        Some(format) => (format.render)(&comparison),
        None => compare::text(&comparison, layout(color)),
    };
    let printed = stdout::write(text.as_bytes());
    let files = files.into_iter().map(|(path, format)| export::write(path, || (format.render)(&comparison)));
    let mut stderr = std::io::stderr();
    let status = report_written("Comparison", files, &mut stderr);
    for line in gate.iter().flat_map(GateResult::lines) {
        say_to(&mut stderr, &sanitise_line(&line));
    }
    let is_worse = gate.is_some_and(|gate| gate.fails());
    printed.map(|()| status.max(u8::from(is_worse)))
}

/// Reads the baseline of a regression gate, named as for [`compare()`].
pub fn baseline(wanted: &str) -> anyhow::Result<ComparedRun> {
    side(wanted).context("--baseline")
}

/// Returns whether a file is not the journal of a run, but has the records of another benchmark.
fn is_foreign_record(path: &Path) -> bool {
    let first = || {
        let mut line = Vec::new();
        let file = File::open(path).ok().filter(|_| path.is_file())?;
        BufReader::new(file.take(MAX_FIRST_LINE)).read_until(b'\n', &mut line).ok()?;
        String::from_utf8(line).ok()
    };
    first().is_some_and(|line| import::rivals::is_record(&line))
}

/// Function that reads an exported report.
type Import = fn(&str) -> Result<ComparedRun, ImportError>;

/// Maximum size of a `results.json`: four times the size for 100,000 attempts without long responses.
const RESULTS: Kind = Kind { file_name: Some("results.json"), what: "a results file", max_bytes: 1024 * 1024 * 1024 };
const RECORDS: Kind =
    Kind { file_name: Some("profile_export.jsonl"), what: "records of AIPerf", max_bytes: 256 * 1024 * 1024 };
/// Maximum length of the first line of another benchmark's records, bytes.
const MAX_FIRST_LINE: u64 = 1 << 20;
const MARKDOWN: Kind = Kind { file_name: Some("report.md"), what: "a Markdown report", max_bytes: 64 * 1024 * 1024 };

pub(super) fn side(wanted: &str) -> anyhow::Result<ComparedRun> {
    let path = Path::new(wanted);
    let extension = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    let format: Option<(Import, &Kind)> = match extension.as_deref() {
        Some("json") => Some((import::rivals::read, &RESULTS)),
        Some("jsonl") if is_foreign_record(path) => Some((import::rivals::read_records, &RECORDS)),
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

//! Runs that were kept, out of their journals again.

#[cfg(fuzzing)]
pub mod oracle;

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::closing::say;
use super::export::{self, tell_written};
use super::stdout;
use crate::domain::text::sanitise_line;
use crate::protocol::api::by_name;
use crate::report::compare::{self, Comparison, Side};
use crate::report::exporters::{EXPORTERS, Exporter, exporter_for_path};
use crate::report::gpu::GpuReport;
use crate::report::host::HostReport;
use crate::report::import::{self, ImportError};
use crate::report::journal::{self, BriefHeader, JournalError, Saved};
use crate::report::model::Report;
use crate::report::run_figures::RunFigures;
use crate::report::runs_table::{self, Listed, Outcome};
use crate::store::input::{self, Kind};
use crate::store::lock;
use crate::store::runs::{self, Kept};

/// The journal of the run that is meant: a path to one, an id or its begin, or `last`.
pub(super) fn find(wanted: &str) -> anyhow::Result<PathBuf> {
    locate(wanted).map(|(path, _named)| path)
}

/// The run that is meant, as `find` finds it.
pub fn load(wanted: &str) -> anyhow::Result<Saved> {
    let (path, named) = locate(wanted)?;
    read(&path).context(named)
}

/// Its journal, and what it is called in errors.
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

/// The report that the run would have made at its end.
pub fn report_of(saved: Saved) -> Report {
    let Saved { run, session, resumed, gpu, gauges, host, lag, last_at, .. } = saved;
    Report {
        gpu: GpuReport::of_run(run.simulated, run.local, &gpu, &session, last_at),
        gauges,
        host: HostReport::of(&host),
        local: run.local,
        route: run.route,
        session,
        epoch: run.epoch,
        resumed,
        url: run.url,
        api: by_name(&run.api).map_or("unknown", |api| api.name),
        model: run.model,
        server: run.server,
        simulated: run.simulated,
        tool: run.tool,
        run_id: run.id,
        environment: run.environment,
        lag,
        calibration: run.calibration,
        finished_at: last_at,
    }
}

/// Renders a run again: to these files, else as Markdown on stdout. Returns the exit status.
pub fn report(wanted: &str, exports: &[PathBuf]) -> anyhow::Result<u8> {
    let mut stderr = std::io::stderr();
    let formats: Vec<_> = exports.iter().map(|path| (path, exporter_for_path(path))).collect();
    if let Some((path, _)) = formats.iter().find(|(_, format)| format.is_none()) {
        let known: Vec<_> = EXPORTERS.iter().map(|e| format!(".{}", e.extension)).collect();
        bail!("--export '{}': no format has this extension; there are {}", path.display(), known.join(" "));
    }
    let (path, named) = locate(wanted)?;
    // Asked before it is read: what ends meanwhile is then read to its end.
    let is_running = lock::is_taken(&path).unwrap_or(false);
    let saved = read(&path).context(named)?;
    for warning in &saved.warnings {
        say(&mut stderr, &format!("{}: {warning}", saved.run.id));
    }
    if saved.ended.is_none() {
        let id = &saved.run.id;
        let how = if is_running {
            format!("{id}: the run is not over yet; this is what was saved of it so far")
        } else {
            format!("{id}: the run did not end in order; this is what was saved of it (tokscope resume {id})")
        };
        say(&mut stderr, &how);
    }
    let report = report_of(saved);
    if exports.is_empty() {
        let markdown = EXPORTERS.first().map(|e| (e.render)(&report)).unwrap_or_default();
        stdout::write(markdown.as_bytes())?;
        return Ok(0);
    }
    let write = |(path, exporter): (&PathBuf, Option<&Exporter>)| {
        export::write(path, || exporter.map(|e| (e.render)(&report)).unwrap_or_default())
    };
    Ok(tell_written("Report", formats.into_iter().map(write), &mut stderr))
}

/// Lists the runs that were kept, the newest first. Returns the exit status.
pub fn list(json: bool) -> anyhow::Result<u8> {
    let folder = folder()?;
    let kept = runs::list(&folder).with_context(|| format!("'{}'", folder.display()))?;
    let listed: Vec<Listed> = kept.iter().map(look).collect();
    let text = if json { runs_table::json(&listed) } else { runs_table::text(&listed, &folder.display().to_string()) };
    stdout::write(text.as_bytes())?;
    Ok(0)
}

fn look(kept: &Kept) -> Listed {
    let is_running = lock::is_taken(&kept.path).unwrap_or(false);
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
            return Ok(Listed::new(brief.header, brief.figures, state, kept.bytes));
        }
        // It did not end in order, or goes on: its figures stand nowhere.
        let saved = read(&kept.path)?;
        let (header, is_over) = (BriefHeader::from(&saved.run), saved.ended.is_some());
        let figures = RunFigures::new(&report_of(saved));
        let state = state(is_over, figures.partial);
        Ok(Listed::new(header, figures, state, kept.bytes))
    };
    listed().unwrap_or_else(|e: JournalError| Listed::unreadable(kept.id.clone(), kept.bytes, &e.to_string()))
}

/// Two runs side by side: saved ones, files `results.json`, or Markdown reports. To these files, else to stdout. Returns
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
    let comparison = Comparison::of(side(a)?, side(b)?);
    let told = stdout::write(compare::text(&comparison).as_bytes());
    let files = exports.iter().zip(formats).map(|(path, render)| export::write(path, || render(&comparison)));
    let status = tell_written("Comparison", files, &mut std::io::stderr());
    told.map(|()| status)
}

/// Reads a report that was written before.
type Import = fn(&str) -> Result<Side, ImportError>;

/// A hundred thousand attempts take a quarter of it, the longest answers that are kept of them left out.
const RESULTS: Kind = Kind { file_name: Some("results.json"), what: "a results.json", max_bytes: 1024 * 1024 * 1024 };
const MARKDOWN: Kind = Kind { file_name: Some("report.md"), what: "a Markdown report", max_bytes: 64 * 1024 * 1024 };

fn side(wanted: &str) -> anyhow::Result<Side> {
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
        return Ok(Side { notes, ..Side::of(&report_of(saved)) });
    };
    let named = sanitise_line(wanted);
    let bytes = input::read(path, &named, kind).with_context(|| format!("'{named}'"))?;
    let text = String::from_utf8(bytes).ok().with_context(|| format!("'{named}' is not UTF-8 text"))?;
    let side = import(&text).with_context(|| format!("'{named}'"))?;
    Ok(Side { name: named, ..side })
}

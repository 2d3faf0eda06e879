//! Threads that read the disk for the browser, so that the screen never waits for the disk.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

use super::entries::{comparison_view, entry};
use crate::app::browser::message::{BrowserMsg, PreviewText};
use crate::report::compare::Comparison;
use crate::report::exporters::EXPORTERS;
use crate::report::journal::Saved;
use crate::runtime::assemble::report_from_saved;
use crate::runtime::panic_guard::catch_panic;
use crate::runtime::wake::Wake;
use crate::runtime::{export, saved};
use crate::store::file::default_name;
use crate::store::runs;

/// Number of runs to send to the screen at once.
const BATCH: usize = 100;
/// Number of runs in the first batch: a small one fills the screen sooner.
const FIRST_BATCH: usize = 20;

/// A result of the threads.
#[derive(Debug)]
pub(super) enum News {
    /// A message for the browser.
    Msg(BrowserMsg),
    /// A run to open in the dashboard.
    Loaded(Result<Box<Saved>, String>),
}

/// A job for the thread.
#[derive(Debug)]
pub(super) enum Job {
    Preview(String),
    Compare(String, String),
    Delete(Vec<String>),
    Export(String, &'static str),
    Load(String),
}

/// Sends results to the browser, and wakes the main thread.
#[derive(Clone, Debug)]
pub(super) struct Reporter {
    pub(super) news: Sender<News>,
    pub(super) waker: Sender<Wake>,
}

impl Reporter {
    /// Sends a result. Returns false if the browser has ended.
    fn send(&self, news: News) -> bool {
        self.news.send(news).is_ok() && self.waker.send(Wake::BrowserNews).is_ok()
    }

    fn msg(&self, msg: BrowserMsg) -> bool {
        self.send(News::Msg(msg))
    }
}

/// Starts a thread that reads the summaries of all runs in `folder`, newest first.
pub(super) fn start_listing(listing: u64, folder: PathBuf, reporter: Reporter) -> std::io::Result<()> {
    let run = move || list(listing, &folder, &reporter);
    std::thread::Builder::new().name("run-list".to_owned()).spawn(run).map(drop)
}

fn list(listing: u64, folder: &Path, reporter: &Reporter) {
    let files = match runs::list(folder) {
        Ok(files) => files,
        Err(why) => {
            reporter.msg(BrowserMsg::ListFailed(listing, format!("'{}': {why}", folder.display())));
            return;
        }
    };
    let name = folder.display().to_string();
    if !reporter.msg(BrowserMsg::Listed { listing, folder: name, total: files.len() }) {
        return;
    }
    let (first, rest) = files.split_at(FIRST_BATCH.min(files.len()));
    for batch in std::iter::once(first).chain(rest.chunks(BATCH)).filter(|batch| !batch.is_empty()) {
        let read = |file| entry(file, saved::list_entry(file));
        if !reporter.msg(BrowserMsg::Read(listing, batch.iter().map(read).collect())) {
            return;
        }
    }
}

/// Starts a thread that carries out the jobs in order. If several previews wait, it skips all but the last.
pub(super) fn start(folder: PathBuf, jobs: Receiver<Job>, reporter: Reporter) -> std::io::Result<()> {
    let run = move || {
        let mut waiting = VecDeque::new();
        while let Some(job) = waiting.pop_front().or_else(|| jobs.recv().ok()) {
            waiting.extend(jobs.try_iter());
            let is_stale = matches!(job, Job::Preview(_)) && waiting.iter().any(|next| matches!(next, Job::Preview(_)));
            if !is_stale && !reporter.send(carry_out(job, &folder)) {
                return;
            }
        }
    };
    std::thread::Builder::new().name("run-reader".to_owned()).spawn(run).map(drop)
}

fn carry_out(job: Job, folder: &Path) -> News {
    let path = |id: &str| runs::journal_path(folder, id);
    let read = |id: &str| saved::read(&path(id)).map_err(|why| why.to_string());
    let read_for_report = |id: &str| saved::read_for_report(&path(id)).map_err(|why| why.to_string());
    News::Msg(match job {
        Job::Preview(id) => {
            let text = guarded("the report", || read_for_report(&id).map(preview));
            BrowserMsg::Previewed(id, text)
        }
        Job::Compare(a, b) => {
            let side = |id: &str| saved::side(&path(id).to_string_lossy()).map_err(|why| format!("{why:#}"));
            let compared = || Ok(Arc::new(comparison_view(&Comparison::new(side(&a)?, side(&b)?))));
            BrowserMsg::Compared(guarded("the comparison", compared))
        }
        Job::Delete(ids) => {
            let delete = |id: String| {
                let outcome = saved::delete(&path(&id));
                (id, outcome)
            };
            BrowserMsg::Deleted(ids.into_iter().map(delete).collect())
        }
        Job::Export(id, format) => BrowserMsg::Exported(guarded("the report", || write(read_for_report(&id)?, format))),
        Job::Load(id) => {
            return News::Loaded(guarded("the run", || read(&id).map(Box::new)).map_err(|why| format!("{id}: {why}")));
        }
    })
}

/// Runs a step. Returns a panic as an error, too.
fn guarded<T>(what: &str, step: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_panic(what, step).and_then(std::convert::identity)
}

fn preview(saved: Saved) -> PreviewText {
    let command_line = saved.run.command_line.clone();
    let report = report_from_saved(saved);
    let markdown = EXPORTERS.first().map_or_else(String::new, |markdown| markdown.render(&report));
    PreviewText { command_line, markdown: markdown.into() }
}

/// Writes the report of a run to a new file in the current folder. Returns the file's path.
fn write(saved: Saved, format: &str) -> Result<String, String> {
    let exporter = EXPORTERS.iter().find(|exporter| exporter.id == format).ok_or("there is no such format")?;
    let stamp = saved.run.epoch.strftime("%Y-%m-%d-%H%M%S").to_string();
    let name = default_name(&saved.run.model, &stamp, exporter.extension);
    let report = report_from_saved(saved);
    let path = export::write_with(Path::new(&name), |to| exporter.write(&report, to))?;
    Ok(path.display().to_string())
}

//! Ends a live run: cancels the requests in flight, saves the journal, writes the reports and prints the summary.

use std::fs::OpenOptions;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use super::super::console::{self, say_to};
use super::super::export::report_written;
use super::super::panic_guard::catch_panic;
use super::super::run::Run;
use super::super::spec::GateSpec;
use super::super::summary::{styled, summary};
use super::super::wake::Wake;
use super::LiveRun;
use crate::app::message::Msg;
use crate::domain::live::EngineCommand;
use crate::domain::session::Mode;
use crate::domain::text::sanitise;
use crate::report::compare::ComparedRun;
use crate::report::model::Report;
use crate::report::run_figures::RunFigures;
use crate::report::{gate, github};

/// Maximum time to wait for the next record of a cancelled request. A tokenizer may still be counting the finished
/// ones.
const RECORD_TIMEOUT: Duration = Duration::from_millis(500);

/// Variable with the file of the job summary, which GitHub Actions sets.
const JOB_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// Exit status of a run whose journal is incomplete.
const NOT_SAVED: u8 = 1;

/// Ends the run. Writes the summary to stdout, and the result of each write to `stderr`. Returns the exit status,
/// raised if a file, including the journal, could not be written.
pub fn close(run: &mut LiveRun, status: u8, stderr: &mut dyn Write) -> u8 {
    let mut status = status;
    if let Err(why) = catch_panic("ending the requests in flight", || cancel_in_flight(run)) {
        say_to(stderr, &format!("tokscope: {why}"));
        status = status.max(2);
    }
    if run.base.app.scene.session.began.is_none() {
        return status;
    }
    run.command_and_wait(EngineCommand::Publish);
    // Write the files first: even if stdout has no reader, the files must still be written.
    let saved = catch_panic("this run was not saved in full", || save_end(run, status));
    let undelivered = catch_panic("--otlp", || run.monitoring.finish());
    let report = match run.final_report.take().map_or_else(|| catch_panic("the report", || run.report()), Ok) {
        Ok(report) => run.final_report.insert(report),
        Err(why) => {
            say_to(stderr, &format!("tokscope: {why}"));
            return status.max(2);
        }
    };
    if let Err(why) = catch_panic("the regression gate", || judge(&run.gate, report)) {
        say_to(stderr, &format!("tokscope: {why}"));
        status = status.max(2);
    }
    let files = run.base.exports.write_all(report);
    run.written = files.iter().flatten().cloned().collect();
    let plain = || sanitise(&summary(report));
    let text = match run.base.exports.stdout() {
        None => catch_panic("the summary", || styled(&plain(), run.summary_style) + "\n"),
        // Stdout gets only the export, for scripts.
        Some(exporter) => {
            say_to(stderr, &catch_panic("the summary", plain).unwrap_or_else(|why| why));
            catch_panic("the report for stdout", || exporter.render(report))
        }
    };
    let printed = text.and_then(|text| console::print(text.as_bytes()).map_err(|why| format!("{why:#}")));
    match saved {
        Ok(Ok(saved)) => saved.iter().for_each(|saved| say_to(stderr, saved)),
        Ok(Err(not_saved)) | Err(not_saved) => {
            say_to(stderr, &format!("tokscope: {not_saved}"));
            status = status.max(NOT_SAVED);
        }
    }
    if let Some(why) = undelivered.unwrap_or_else(Some) {
        say_to(stderr, &format!("tokscope: {why}"));
    }
    if let Err(why) = printed {
        say_to(stderr, &format!("tokscope: {why}"));
        status = status.max(2);
    }
    let has_regression = report.gate.as_ref().is_some_and(|gate| gate.fails());
    status = status.max(u8::from(has_regression)).max(report_written("Report", files, stderr));
    if run.gate.github {
        status = status.max(write_for_github(report, stderr));
    }
    status
}

/// Compares the run with the baseline, if there is one.
fn judge(spec: &GateSpec, report: &mut Report) {
    let Some(baseline) = &spec.baseline else { return };
    let result = gate::evaluate(&spec.rules, baseline, &ComparedRun::from_report(report));
    report.gate = Some(Arc::new(result));
}

/// Writes annotations to `stderr`, where GitHub Actions also looks for them, and adds the job summary to its file. Returns
/// the exit status of the write.
fn write_for_github(report: &Report, stderr: &mut dyn Write) -> u8 {
    let texts = catch_panic("the annotations", || (github::annotations(report), github::job_summary(report)));
    let (annotations, summary) = match texts {
        Ok(texts) => texts,
        Err(why) => {
            say_to(stderr, &format!("tokscope: {why}"));
            return 2;
        }
    };
    annotations.lines().for_each(|line| say_to(stderr, line));
    let Some(path) = std::env::var_os(JOB_SUMMARY).filter(|path| !path.is_empty()) else {
        say_to(stderr, &format!("tokscope: {JOB_SUMMARY} is not set, so no job summary is written"));
        return 0;
    };
    let appended = OpenOptions::new().create(true).append(true).open(path);
    match appended.and_then(|mut file| file.write_all(summary.as_bytes())) {
        Ok(()) => 0,
        Err(why) => {
            say_to(stderr, &format!("tokscope: the job summary was not written: {why}"));
            2
        }
    }
}

/// Saves the end of the run. Returns the line to print, or `None` if the run is not saved. Later reports end at the
/// same time.
fn save_end(run: &mut LiveRun, status: u8) -> Result<Option<String>, String> {
    let (now, lag) = *run.ended.insert((run.base.now(), run.engine.live().lag));
    let LiveRun { base, saving, origin, final_report, .. } = run;
    let scene = &base.app.scene;
    let report = final_report.insert(origin.report(scene, now, lag));
    let is_saved = saving.finish(scene, now, lag, status, || RunFigures::new(report))?;
    let id = &origin.id;
    let is_left = scene.session.to_resume(now).mode != Mode::Finished;
    let how = if is_left { format!("; continue it with `tokscope resume {id}`") } else { String::new() };
    Ok(is_saved.then(|| format!("Saved as run {id} (tokscope report {id}){how}")))
}

/// Cancels the requests in flight, and waits for the last records and samples.
fn cancel_in_flight(run: &mut LiveRun) {
    drop(run.take(Msg::Closing));
    let mut deadline = run.base.now().plus(RECORD_TIMEOUT);
    let mut in_flight = run.base.app.scene.session.in_flight();
    while in_flight > 0 {
        let Ok(wake) = run.base.inbox.recv_timeout(deadline.since(run.base.now())) else { break };
        take_fact(run, wake);
        let remaining = run.base.app.scene.session.in_flight();
        if remaining < in_flight {
            deadline = run.base.now().plus(RECORD_TIMEOUT);
        }
        in_flight = remaining;
    }
    if run.base.app.scene.session.began.is_some() {
        run.samplers.sample_last();
    }
    while let Ok(wake) = run.base.inbox.try_recv() {
        take_fact(run, wake);
    }
}

fn take_fact(run: &mut LiveRun, wake: Wake) {
    if let Wake::Msg(msg @ (Msg::Engine(..) | Msg::Gpu(_) | Msg::Gauges(_) | Msg::Host(_) | Msg::NotSaved(..))) = wake {
        drop(run.take(msg));
    }
}

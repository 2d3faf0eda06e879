//! Evaluates the checks of finished answers, on a thread between engine and main thread.
//!
//! A check must not hang the run: patterns take linear time, but a schema may branch exponentially. A second thread
//! therefore evaluates, and is abandoned if it takes too long; the checks that kept it busy are not evaluated again.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::Builder;
use std::time::Duration;

use super::token_counting::Facts;
use crate::domain::attempt::{AttemptId, AttemptRecord};
use crate::domain::check::{CheckResult, Checks, InvalidCheck};
use crate::domain::live::EngineFact;
use crate::domain::suite::Suite;
use crate::domain::time::Nanos;
use crate::domain::turn::Turn;
use crate::engine::InvalidConfig;

/// Maximum time to evaluate the checks of one answer.
const MAX_EVALUATION: Duration = Duration::from_secs(10);
/// Maximum number of abandoned threads, each of which keeps a CPU core busy. After that, nothing is evaluated any more.
const MAX_ABANDONED: usize = 2;
/// Stack of the evaluating thread, bytes. Schemas and answers nest up to 128 levels.
const STACK_BYTES: usize = 8 * 1024 * 1024;

/// Finds the checks for a record; `None` if there are none.
pub type ChecksOf = Box<dyn Fn(&AttemptRecord) -> Option<Arc<Checks>> + Send>;

/// Checks of the rows in flight, by attempt. The main thread adds them, and the thread that checks takes them.
pub type RowChecks = Arc<Mutex<HashMap<AttemptId, Arc<Checks>>>>;

/// Compiles the checks of a suite's cases; `None` if neither cases nor rows have any. A conversation is checked by its
/// last answer.
pub fn of_suite(suite: &Suite, of_rows: RowChecks) -> Result<Option<ChecksOf>, InvalidConfig> {
    if !suite.has_checks() {
        return Ok(None);
    }
    let compile = |case: &crate::domain::suite::CaseSpec| {
        let invalid = |why: InvalidCheck| InvalidConfig(format!("case '{}': {why}", case.name));
        let checks = (!case.checks.is_empty()).then(|| Checks::new(&case.checks)).transpose();
        Ok(checks.map_err(invalid)?.map(Arc::new))
    };
    let of_cases: Vec<Option<Arc<Checks>>> = suite.cases.iter().map(compile).collect::<Result<_, InvalidConfig>>()?;
    Ok(Some(Box::new(move |record| {
        let of_row = of_rows.lock().ok().and_then(|mut rows| rows.remove(&record.id));
        let is_last = record.turn.is_none_or(Turn::is_last);
        of_row.or_else(|| of_cases.get(record.id.case)?.clone()).filter(|_| is_last)
    })))
}

/// Starts the thread and returns its input. Facts reach `deliver` in the same order, records with their results. The
/// thread ends once the input is dropped and empty.
pub fn start(
    checks_of: ChecksOf,
    deliver: impl Fn(Nanos, EngineFact) + Send + 'static,
) -> Result<Facts, InvalidConfig> {
    let (sender, facts) = channel::<(Nanos, EngineFact)>();
    let work = move || {
        let mut last = Nanos::default();
        let mut evaluator = Evaluator::new(MAX_EVALUATION);
        let all = || {
            for (at, mut fact) in facts {
                last = at;
                if let EngineFact::Ended { record, .. } = &mut fact {
                    check(record, &checks_of, &mut evaluator);
                }
                deliver(at, fact);
            }
        };
        // The thread is gone: no further record would arrive.
        if catch_unwind(AssertUnwindSafe(all)).is_err() {
            deliver(last, EngineFact::Died("an internal error in the thread that checks answers".to_owned()));
        }
    };
    let thread = Builder::new().name("checks".to_owned()).spawn(work);
    thread.map_err(|e| InvalidConfig(format!("the thread that checks answers did not start: {e}")))?;
    // A send fails only once the main thread has ended, and then the fact is not needed.
    Ok(Box::new(move |at, fact| drop(sender.send((at, fact)))))
}

/// Adds the results to a record with a complete, measured answer.
fn check(record: &mut Arc<AttemptRecord>, checks_of: &ChecksOf, evaluator: &mut Evaluator) {
    // The checks of the row are taken in any case, so that they do not pile up.
    let Some(checks) = checks_of(record).filter(|_| record.is_ok() && !record.warmup) else { return };
    let results = evaluator.evaluate(&checks, record);
    let record = Arc::make_mut(record);
    record.checks = results;
    // Only checks need them.
    record.answer_parts = None;
}

type Job = (Arc<Checks>, Arc<AttemptRecord>);

/// Thread that evaluates.
struct Worker {
    jobs: Sender<Job>,
    results: Receiver<Vec<CheckResult>>,
}

impl Worker {
    fn start() -> Option<Self> {
        let (jobs, inbox) = channel::<Job>();
        let (outbox, results) = channel();
        let work = move || {
            for (checks, record) in inbox {
                let found = checks.evaluate(&record.answer());
                // The receiver changes the record, which would copy a shared one.
                drop(record);
                if outbox.send(found).is_err() {
                    return;
                }
            }
        };
        Builder::new().name("check".to_owned()).stack_size(STACK_BYTES).spawn(work).ok()?;
        Some(Self { jobs, results })
    }
}

/// Evaluates within a time limit.
struct Evaluator {
    limit: Duration,
    worker: Option<Worker>,
    /// Checks that took too long; each of them keeps a thread busy.
    abandoned: Vec<Arc<Checks>>,
}

impl Evaluator {
    const fn new(limit: Duration) -> Self {
        Self { limit, worker: None, abandoned: Vec::new() }
    }

    fn evaluate(&mut self, checks: &Arc<Checks>, record: &Arc<AttemptRecord>) -> Vec<CheckResult> {
        let not_evaluated =
            |why: &str| -> Vec<_> { checks.kinds().map(|kind| CheckResult::not_evaluated(kind, why)).collect() };
        if self.abandoned.len() >= MAX_ABANDONED || self.abandoned.iter().any(|known| Arc::ptr_eq(known, checks)) {
            return not_evaluated("checks took too long for an earlier answer; simplify the schema");
        }
        if self.worker.is_none() {
            self.worker = Worker::start();
        }
        let Some(worker) = &self.worker else { return not_evaluated("a thread did not start") };
        if worker.jobs.send((Arc::clone(checks), Arc::clone(record))).is_err() {
            self.worker = None;
            return not_evaluated("an internal error");
        }
        match worker.results.recv_timeout(self.limit) {
            Ok(results) => results,
            Err(RecvTimeoutError::Timeout) => {
                self.abandoned.push(Arc::clone(checks));
                self.worker = None;
                not_evaluated(&format!("it took more than {} s; simplify the schema", self.limit.as_secs_f64()))
            }
            Err(RecvTimeoutError::Disconnected) => {
                self.worker = None;
                not_evaluated("an internal error")
            }
        }
    }
}

#[cfg(test)]
mod tests;

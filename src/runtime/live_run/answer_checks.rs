//! Evaluates the checks of finished answers, on a thread between the engine and the main thread.
//!
//! A check must not hang the run. Patterns take linear time, but a JSON schema may branch exponentially. A second
//! thread therefore evaluates the checks and is abandoned if this takes too long. The checks that kept it busy are not
//! evaluated again.

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
/// Maximum number of abandoned threads, each of which keeps a CPU core busy. Once reached, no more checks are
/// evaluated.
const MAX_ABANDONED: usize = 2;
/// Stack size of the evaluating thread, bytes. Schemas and answers may be nested up to 128 levels deep.
const STACK_BYTES: usize = 8 * 1024 * 1024;

/// Function that finds the checks for a record; `None` if there are none.
pub type ChecksOf = Box<dyn Fn(&AttemptRecord) -> Option<Arc<Checks>> + Send>;

/// Checks of the rows in flight, by attempt. The main thread adds them, and the checking thread removes them.
pub type RowChecks = Arc<Mutex<HashMap<AttemptId, Arc<Checks>>>>;

/// Compiles the checks of a suite's cases. Returns `None` if neither cases nor rows have checks. In a conversation,
/// only the last answer is checked.
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

/// Starts the thread and returns its input. Facts reach `deliver` in the same order, and records with the results of
/// their checks. The thread ends when the input is dropped and all facts are delivered.
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
        // Report a panic as the end of the engine: no further record would arrive.
        if catch_unwind(AssertUnwindSafe(all)).is_err() {
            deliver(last, EngineFact::Died("an internal error in the thread that checks answers".to_owned()));
        }
    };
    let thread = Builder::new().name("checks".to_owned()).spawn(work);
    thread.map_err(|e| InvalidConfig(format!("the thread that checks answers did not start: {e}")))?;
    // Sending fails only if the main thread has ended; then no fact is needed.
    Ok(Box::new(move |at, fact| drop(sender.send((at, fact)))))
}

/// Adds the results to the record of a complete, measured answer.
fn check(record: &mut Arc<AttemptRecord>, checks_of: &ChecksOf, evaluator: &mut Evaluator) {
    // Always remove the checks of the row, even if they are not used: otherwise they would pile up.
    let Some(checks) = checks_of(record).filter(|_| record.is_ok() && !record.warmup) else { return };
    let results = evaluator.evaluate(&checks, record);
    let record = Arc::make_mut(record);
    record.checks = results;
    // Drop these parts, which only checks need.
    record.answer_parts = None;
}

type Job = (Arc<Checks>, Arc<AttemptRecord>);

/// The evaluating thread.
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
                // Drop this handle first: the receiver modifies the record, and a second handle would force a copy.
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

/// Evaluates checks within a time limit.
struct Evaluator {
    limit: Duration,
    worker: Option<Worker>,
    /// Checks that took too long. Each set keeps a thread busy.
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

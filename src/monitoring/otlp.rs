//! Exports finished requests to an OpenTelemetry receiver, as metrics and spans with the names of the `GenAI` semantic
//! conventions (version 1.41).
//!
//! The main thread puts each record into a bounded queue. A thread of its own turns records into measurements and
//! spans, and sends them. What a receiver does not accept is counted and dropped.

mod counts;
mod http;
mod metrics;
mod names;
mod span;
mod target;
mod worker;

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;

use self::counts::Counts;
use self::worker::Worker;
use super::RunIdentity;
use crate::domain::attempt::AttemptRecord;
use crate::domain::time::Nanos;

pub use self::target::{InvalidOtlpUrl, OtlpTarget};

/// Maximum records that wait for the thread; further ones are dropped.
const MAX_QUEUED: usize = 1_000;
/// Maximum time to send what is left at the end of a run.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// Wall time of the run's clock at zero.
#[derive(Clone, Copy, Debug)]
pub struct WallEpoch(pub SystemTime);

impl WallEpoch {
    fn time(self, at: Nanos) -> SystemTime {
        self.0.checked_add(Duration::from_nanos(at.0)).unwrap_or(self.0)
    }
}

/// Receives one sentence, the first time that the receiver does not accept an export.
pub type OnFailure = Box<dyn Fn(String) + Send + Sync>;

/// A running export.
pub struct OtlpExport {
    records: mpsc::Sender<Arc<AttemptRecord>>,
    counts: Arc<Counts>,
    finished: Receiver<()>,
}

impl OtlpExport {
    /// Starts the thread. Nothing is sent before the first request ended. `cases` are the names of the suite's cases.
    ///
    /// # Errors
    ///
    /// The thread or one of its parts cannot be created.
    pub fn start(
        target: &OtlpTarget,
        run: &RunIdentity,
        cases: Vec<String>,
        epoch: WallEpoch,
        on_failure: OnFailure,
    ) -> io::Result<Self> {
        let (records, queue) = mpsc::channel(MAX_QUEUED);
        let (finish, finished) = channel();
        let counts = Arc::new(Counts::new(on_failure));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let worker = Worker::new(target, run, cases, epoch, Arc::clone(&counts), runtime.handle())?;
        let thread = std::thread::Builder::new().name("otlp".to_owned());
        thread.spawn(move || {
            runtime.block_on(worker.run(queue));
            // The main thread may have stopped waiting.
            let _late = finish.send(());
        })?;
        Ok(Self { records, counts, finished })
    }

    /// Queues a request that ended. Warm-ups are not exported.
    pub fn note_ended(&self, record: &Arc<AttemptRecord>) {
        if !record.warmup && self.records.try_send(Arc::clone(record)).is_err() {
            self.counts.drop_spans(1);
        }
    }

    /// Sends what is left, for a limited time. Returns a sentence for the user about what was not delivered.
    pub fn finish(self) -> Option<String> {
        let Self { records, counts, finished } = self;
        drop(records);
        let in_time = finished.recv_timeout(FLUSH_TIMEOUT).is_ok();
        counts.summary(in_time)
    }
}

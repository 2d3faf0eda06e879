//! A saved run as a trace: the same requests at the same times.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::config::ConfigError;
use crate::domain::data_fingerprint::DataFingerprint;
use crate::domain::quantity::count;
use crate::domain::row_order::Sample;
use crate::domain::session::{AttemptState, RowPlan, Session};
use crate::domain::shard::Shard;
use crate::domain::suite::Suite;
use crate::domain::text::sanitise_line;
use crate::domain::time::Nanos;
use crate::runtime::saved;
use crate::workload::trace::fingerprint;

/// Begins the first line of a journal.
const JOURNAL_START: &[u8] = b"{\"tokscope_journal\"";

/// Requests of a saved run, in the order in which they were due or, in a closed loop, sent.
pub(super) struct RecordedRun {
    /// Path of the journal.
    pub(super) path: String,
    /// Size and checksum of the journal.
    pub(super) fingerprint: DataFingerprint,
    /// Suite of the run, without cases that sent nothing.
    pub(super) suite: Suite,
    /// One line about the requests.
    pub(super) summary: String,
    /// Row of the run's own workload that each request sent; empty if it sent its cases.
    pub(super) rows: Vec<u32>,
    /// Case of each request.
    cases: Arc<[u16]>,
    /// Time of each request since the first one, at the speed of the replay.
    times: Arc<[Duration]>,
}

impl RecordedRun {
    /// Reads the saved run that `named` means: the path of a journal or, if there is no such file, the id of a run or
    /// the start of an id. `None` if `named` is a file of another kind, or no saved run.
    pub(super) fn open(named: &Path, folder: &Path, speed: f64) -> Option<Result<Self, ConfigError>> {
        let path = folder.join(named);
        if path.exists() {
            return is_journal(&path).then(|| Self::read(&path, speed));
        }
        // A name that is not a saved run either is most likely a mistyped file name, which the caller reports.
        let found = saved::find(named.to_str()?).ok()?;
        Some(Self::read(&found, speed))
    }

    fn read(path: &Path, speed: f64) -> Result<Self, ConfigError> {
        let path = path.to_string_lossy().into_owned();
        let failed = |why: &str| ConfigError(format!("the saved run '{}' {why}", sanitise_line(&path)));
        let unreadable = |e: std::io::Error| failed(&format!("cannot be read: {e}"));
        let fingerprint = File::open(&path).and_then(|file| fingerprint(BufReader::new(file))).map_err(unreadable)?;
        let run =
            saved::load(&path).map_err(|e| failed(&format!("cannot be read: {}", sanitise_line(&format!("{e:#}")))))?;
        let mut requests = requests(&run.session);
        requests.sort_by_key(|request| request.0);
        let mut sending: Vec<u16> = requests.iter().map(|request| request.1).collect();
        sending.sort_unstable();
        sending.dedup();
        let place =
            |case: u16| sending.binary_search(&case).ok().and_then(|at| u16::try_from(at).ok()).unwrap_or_default();
        let mut suite = Suite::clone(&run.session.suite);
        suite.cases = sending.iter().filter_map(|case| suite.cases.get(usize::from(*case))).cloned().collect();
        let first = requests.first().ok_or_else(|| failed("has no measured request"))?.0;
        let time =
            |at: Nanos| Duration::try_from_secs_f64(at.since(first).as_secs_f64() / speed).unwrap_or(Duration::MAX);
        let span = requests.last().map_or(Duration::ZERO, |last| last.0.since(first));
        let sent = count(requests.len(), "request");
        Ok(Self {
            summary: format!("{}: {sent} of a saved run over {:.1} s", sanitise_line(&run.run.id), span.as_secs_f64()),
            rows: if suite.workload.is_some() { requests.iter().filter_map(|r| r.2).collect() } else { Vec::new() },
            cases: requests.iter().map(|request| place(request.1)).collect(),
            suite,
            times: requests.iter().map(|request| time(request.0)).collect(),
            path,
            fingerprint,
        })
    }

    /// Number of requests.
    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    /// Order and times of the requests of this shard.
    pub(super) fn row_plan(&self, shard: Shard) -> Result<RowPlan, ConfigError> {
        let plan = if shard.is_whole() {
            RowPlan::tagged(Arc::clone(&self.cases), Sample::Ordered, 0, shard)
        } else {
            RowPlan::every_nth(&self.cases, shard)
        };
        let times = (0..).zip(self.times.iter()).filter(|(row, _)| shard.has_row(*row)).map(|(_, at)| *at);
        Ok(plan.map_err(|e| ConfigError(e.to_string()))?.with_times(times.collect()))
    }
}

/// Time, case and row of each measured request. Later turns of a conversation follow its first one by themselves.
fn requests(session: &Session) -> Vec<(Nanos, u16, Option<u32>)> {
    let request = |case: usize, attempt: &AttemptState| {
        let is_first = attempt.turn.is_none_or(|turn| turn.number == 1);
        let counts = !attempt.warmup && !attempt.abandoned && is_first;
        let at = attempt.due.or_else(|| Some(attempt.record.as_ref()?.began())).filter(|_| counts)?;
        Some((at, u16::try_from(case).ok()?, attempt.row))
    };
    let cases = session.cases.iter().enumerate();
    cases.flat_map(|(case, state)| state.attempts.iter().filter_map(move |attempt| request(case, attempt))).collect()
}

fn is_journal(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(path)
        .and_then(|file| BufReader::new(file).take(JOURNAL_START.len() as u64).read_until(b'\n', &mut start));
    read.is_ok() && start == JOURNAL_START
}

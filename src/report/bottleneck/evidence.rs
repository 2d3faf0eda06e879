//! Collects the figures that the rules check.

use super::SystemFigures;
use super::one_at_a_time::{Exchange, OneAtATime};
use crate::domain::attempt::AttemptRecord;
use crate::domain::attempt::Unresolved;
use crate::domain::diagnosis::{READ_LATE, SENT_LATE};
use crate::domain::session::Session;
use crate::domain::statistics::{enough_for, median};
use crate::domain::sweep::{Stage, stages};
use crate::report::summary::Summary;

/// Keys of the findings that show text was held back.
const BUFFER_FINDINGS: [&str; 3] = ["fake_streaming", "bursts", "shared_reads"];
/// HTTP statuses of an overloaded server.
const REFUSALS: [u16; 3] = [429, 503, 529];

/// Figures of a run for the rules.
pub(super) struct Evidence<'a> {
    pub summary: &'a Summary,
    pub system: SystemFigures,
    /// Times of the reported attempts; in a sweep, of its headline stage.
    pub times: Vec<Times>,
    /// Median share of TTFT in the request latency, from 0 to 1.
    pub prefill_share: Option<f64>,
    /// Stages of the sweep with enough requests to fill their concurrency.
    pub stages: Vec<Stage>,
    /// Evidence of a server that decodes one request at a time.
    pub one_at_a_time: Option<OneAtATime>,
    pub counts: Counts,
    /// Number of requests due in an open loop that got no slot within `--duration`.
    pub not_started: usize,
}

/// Counts of measured attempts that ended, reruns included.
#[derive(Default)]
pub(super) struct Counts {
    pub ended: usize,
    /// Attempts in which tokscope itself stalled; next, its longest stall in milliseconds.
    pub stalled: usize,
    pub longest_stall_ms: f64,
    /// Requests that tokscope itself sent late; next, the longest such delay in milliseconds.
    pub sent_late: usize,
    pub longest_own_delay_ms: f64,
    /// Attempts whose stream tokscope itself read late.
    pub read_late: usize,
    /// Attempts whose text was held back, except those in which tokscope stalled or read late.
    pub buffered: usize,
    /// Attempts that the server refused at least once, with one of the statuses in [`REFUSALS`].
    pub refused: usize,
}

/// Times of a reported attempt; `None` for an unknown time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub ttft_ms: Option<f64>,
    pub latency_ms: Option<f64>,
    pub token_ms: Option<f64>,
    /// Wait for a free slot in the open loop, without delays by tokscope itself.
    pub slot_ms: Option<f64>,
    /// Wait in the server's queue, as the server reports it.
    pub queue_ms: Option<f64>,
    /// Ratio of p99 to median of the gaps between events; `None` with too few gaps.
    pub spread: Option<f64>,
}

impl<'a> Evidence<'a> {
    pub fn new(session: &Session, summary: &'a Summary, system: SystemFigures) -> Self {
        let stage = summary.headline;
        let (mut times, mut counts, mut exchanges) = (Vec::new(), Counts::default(), Vec::new());
        for case in &session.cases {
            let mut reported = case.reported_in(stage).map(|a| a.number).peekable();
            for attempt in case.attempts.iter().filter(|a| !a.warmup) {
                let Some(record) = attempt.record() else { continue };
                if reported.next_if_eq(&attempt.number).is_some() {
                    times.push(Times::new(&record));
                }
                counts.add(&record);
                exchanges.extend(Exchange::new(&record));
            }
        }
        let prefill = |t: &Times| Some(t.ttft_ms? / t.latency_ms.filter(|ms| *ms > 0.0)?);
        Self {
            summary,
            system,
            prefill_share: median(times.iter().filter_map(prefill)),
            times,
            stages: stages(session).into_iter().filter(Stage::fills_slots).collect(),
            one_at_a_time: OneAtATime::find(exchanges),
            counts,
            not_started: session.not_started,
        }
    }

    /// Returns whether any figures exist. Without them, a busy machine distorts nothing.
    pub const fn has_answers(&self) -> bool {
        self.summary.attempts > 0
    }

    /// Names the stage of a sweep that the medians describe: ` at concurrency 8`. Empty without a sweep.
    pub fn at_stage(&self) -> String {
        self.summary.stage.map_or_else(String::new, |concurrency| format!(" at concurrency {concurrency}"))
    }

    /// Returns the median of a time over the attempts that have it.
    pub fn median(&self, time: impl Fn(&Times) -> Option<f64>) -> Option<f64> {
        median(self.times.iter().filter_map(time))
    }

    /// Returns the median wait and the median TTFT of the attempts that have both.
    pub fn wait_of_ttft(&self, wait: impl Fn(&Times) -> Option<f64>) -> Option<(f64, f64)> {
        let both: Vec<(f64, f64)> = self.times.iter().filter_map(|t| Some((wait(t)?, t.ttft_ms?))).collect();
        Some((median(both.iter().map(|b| b.0))?, median(both.iter().map(|b| b.1))?))
    }
}

impl Counts {
    fn add(&mut self, record: &AttemptRecord) {
        self.ended += 1;
        let stalls =
            record.observer_stalls.iter().filter(|(from, until)| *from < record.ended && *until > record.began());
        let longest_ms = stalls.map(|(from, until)| until.millis_since(*from)).reduce(f64::max);
        if let Some(ms) = longest_ms {
            self.stalled += 1;
            self.longest_stall_ms = self.longest_stall_ms.max(ms);
        }
        let has = |key: &str| record.findings.iter().any(|f| f.key == key);
        if has(SENT_LATE) {
            self.sent_late += 1;
            self.longest_own_delay_ms = self.longest_own_delay_ms.max(record.own_delay_ms.unwrap_or_default());
        }
        self.read_late += usize::from(has(READ_LATE));
        if longest_ms.is_none() && !has(READ_LATE) && record.is_ok() && is_buffered(record) {
            self.buffered += 1;
        }
        let is_refusal = |status: Option<u16>| status.is_some_and(|status| REFUSALS.contains(&status));
        let was_refused = is_refusal(record.http_status) || record.retries.iter().any(|t| is_refusal(t.http_status));
        self.refused += usize::from(was_refused);
    }
}

fn is_buffered(record: &AttemptRecord) -> bool {
    let is_found = record.findings.iter().any(|f| BUFFER_FINDINGS.contains(&&*f.key));
    is_found || record.unresolved_inter_token().is_some_and(Unresolved::is_timing)
}

impl Times {
    fn new(record: &AttemptRecord) -> Self {
        let spread = || {
            let gaps = record.inter_chunk_latency_ms()?;
            (gaps.p50 > 0.0).then(|| gaps.p99 / gaps.p50)
        };
        Self {
            ttft_ms: record.time_to_first_token_ms(),
            latency_ms: record.request_latency_ms(),
            token_ms: record.inter_token_latency_ms(),
            slot_ms: record.dispatch_delay_ms().map(|ms| (ms - record.own_delay_ms.unwrap_or_default()).max(0.0)),
            queue_ms: record.server_timings.and_then(|t| t.queue_ms),
            spread: enough_for(record.content_events().saturating_sub(1), 99).then(spread).flatten(),
        }
    }
}

pub(super) fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

pub(super) fn millis(ms: f64) -> String {
    match ms {
        ms if ms < 10.0 => format!("{ms:.1} ms"),
        ms if ms < 1000.0 => format!("{ms:.0} ms"),
        ms => format!("{:.2} s", ms / 1000.0),
    }
}

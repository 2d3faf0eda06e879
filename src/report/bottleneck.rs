//! What held the run back, in one sentence that says no more than the figures show.

use crate::domain::attempt::AttemptRecord;
use crate::domain::diagnosis::{OBSERVER_STALLED, READ_LATE, SENT_LATE};
use crate::domain::session::{AttemptState, CaseState, Session};
use crate::domain::statistics::{enough_for, median};
use crate::domain::sweep::stages;

use super::gpu::IDLE_PERCENT;
use super::host::HostReport;
use super::summary::Summary;

/// The engine's own lateness from which figures are doubtful, milliseconds at the 99th percentile.
const LATE_MS: f64 = 5.0;
/// A thread that takes so much of a core reads no faster, percent.
const SATURATED_PERCENT: f64 = 90.0;
/// A machine this busy serves neither client nor server as it could, percent.
const EXHAUSTED_PERCENT: f64 = 95.0;
/// From this share of the attempts on, tokscope's own delays are in the run's percentiles.
const OWN_SHARE: f64 = 0.1;
/// A finding in this share of the attempts is the run's, not an attempt's.
const MOST: f64 = 0.5;
/// From this share of an answer's time on the wait for its first token is what holds it back; below the other, decoding.
const WAIT_HOLDS: f64 = 0.5;
const DECODE_HOLDS: f64 = 0.2;
/// A TTFT that grows by this factor over a sweep has become a queue's.
const QUEUE_GROWTH: f64 = 3.0;
/// Causes that have several signs.
const THIS_MACHINE: &str = "this machine";
const QUEUEING: &str = "queueing";
/// Gaps are steady while the 99th percentile is no more than this many medians.
const STEADY: f64 = 3.0;
/// A GPU that is busier than this in one sample at least was at work.
const BUSY_PERCENT: f64 = 90.0;

/// What is known beside the session itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Around {
    /// The highest load of a GPU during the run, percent; `None` where none of those that are seen can have done the work.
    pub busiest_gpu_percent: Option<f64>,
    /// How late tokscope itself was at the 99th percentile, milliseconds.
    pub lag_p99_ms: Option<f64>,
    /// What its thread that reads the streams took of a core, percent, on average.
    pub engine_percent: Option<f64>,
    /// How busy all cores were on average, percent, of a machine that client and server share; `None` where they do not.
    pub shared_machine_percent: Option<f64>,
}

impl Around {
    /// With what is known of this machine. `is_local`: the endpoint's address is its own.
    #[must_use]
    pub fn with_host(self, host: Option<&HostReport>, is_local: bool) -> Self {
        let busy = host.and_then(|h| h.cpu_busy_percent).filter(|_| is_local);
        Self {
            engine_percent: host.and_then(|h| h.own_engine_percent).map(|l| l.avg),
            shared_machine_percent: busy.map(|l| l.avg),
            ..self
        }
    }
}

/// How the sentence begins, wherever it stands.
pub const HELD_BACK_BY: &str = "Held back by";

/// What held a run back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bottleneck {
    /// What it was, as it follows [`HELD_BACK_BY`].
    pub cause: &'static str,
    /// What the figures show of it, with a full stop.
    pub evidence: String,
}

/// What held it back; `None` while nothing is measured.
pub fn bottleneck(session: &Session, summary: &Summary, around: Around) -> Option<Bottleneck> {
    if summary.attempts == 0 {
        return None;
    }
    let times = Times::reported(session);
    let shares = Shares::of(&times);
    let causes: [&dyn Fn() -> Option<Bottleneck>; 6] = [
        &|| client(summary, around),
        &|| buffered(summary),
        &|| queue(session),
        &|| server_queue(&times),
        &|| first_token(&shares),
        &|| decode(&times, &shares),
    ];
    let cause = causes.iter().find_map(|cause| cause());
    let Bottleneck { cause, evidence } = cause.unwrap_or_else(|| nothing(&shares));
    Some(Bottleneck {
        cause,
        evidence: format!("{evidence}{}", beside(&evidence, summary)) + &gpu(around.busiest_gpu_percent) + ".",
    })
}

const fn by(cause: &'static str, evidence: String) -> Bottleneck {
    Bottleneck { cause, evidence }
}

/// The times of an attempt that counts.
#[derive(Clone, Copy, Debug)]
struct Times {
    ttft_ms: Option<f64>,
    latency_ms: Option<f64>,
    token_ms: Option<f64>,
    /// It waited for a slot in the open loop.
    slot_ms: Option<f64>,
    /// By the server's own clock.
    queue_ms: Option<f64>,
    /// The p99 of its gaps by their median, of those that have enough.
    spread: Option<f64>,
}

impl Times {
    fn of(record: &AttemptRecord) -> Self {
        let spread = || {
            let gaps = record.inter_chunk_latency_ms()?;
            (gaps.p50 > 0.0).then(|| gaps.p99 / gaps.p50)
        };
        Self {
            ttft_ms: record.time_to_first_token_ms(),
            latency_ms: record.request_latency_ms(),
            token_ms: record.inter_token_latency_ms(),
            slot_ms: record.dispatch_delay_ms().map(|ms| (ms - record.own_delay_ms.unwrap_or(0.0)).max(0.0)),
            queue_ms: record.server_timings.and_then(|t| t.queue_ms),
            spread: enough_for(record.content_events().saturating_sub(1), 99).then(spread).flatten(),
        }
    }

    /// Of all attempts that count.
    fn reported(session: &Session) -> Vec<Self> {
        let reported = session.cases.iter().flat_map(CaseState::reported);
        reported.filter_map(AttemptState::record).map(|r| Self::of(&r)).collect()
    }
}

/// Where the time of the median answer went.
struct Shares {
    /// Before its first token, of 1.
    wait: Option<f64>,
    ttft_ms: Option<f64>,
}

impl Shares {
    fn of(times: &[Times]) -> Self {
        let wait = |t: &Times| Some(t.ttft_ms? / t.latency_ms.filter(|ms| *ms > 0.0)?);
        Self { wait: median(times.iter().filter_map(wait)), ttft_ms: median(times.iter().filter_map(|t| t.ttft_ms)) }
    }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

fn millis(ms: f64) -> String {
    match ms {
        ms if ms < 10.0 => format!("{ms:.1} ms"),
        ms if ms < 1000.0 => format!("{ms:.0} ms"),
        ms => format!("{:.2} s", ms / 1000.0),
    }
}

fn client(summary: &Summary, around: Around) -> Option<Bottleneck> {
    saturated(around).or_else(|| own_delays(summary)).or_else(|| late(summary, around)).or_else(|| exhausted(around))
}

fn saturated(around: Around) -> Option<Bottleneck> {
    let engine = around.engine_percent.filter(|percent| *percent >= SATURATED_PERCENT)?;
    let told = format!(
        "tokscope's thread that reads the streams took {engine:.0} % of a core, so that figures may be its own"
    );
    Some(by(THIS_MACHINE, told))
}

/// How the sentences name this program.
const ITSELF: &str = "tokscope itself";

/// In how many of all attempts tokscope itself stood still, sent or read late, by the kind there is most of.
fn delayed_by_us(summary: &Summary) -> (usize, usize) {
    let own = [OBSERVER_STALLED, SENT_LATE, READ_LATE].map(|key| summary.found_in(key));
    (own.into_iter().max().unwrap_or(0), summary.ended_attempts())
}

fn own_delays(summary: &Summary) -> Option<Bottleneck> {
    let (n, all) = delayed_by_us(summary);
    (n > 0 && n as f64 >= all as f64 * OWN_SHARE).then(|| {
        let told = format!(
            "in {n} of {all} attempts tokscope itself stood still, or sent or read late, so that their times are its own"
        );
        by(THIS_MACHINE, told)
    })
}

/// What tokscope's own delays add to another cause.
fn beside(evidence: &str, summary: &Summary) -> String {
    match delayed_by_us(summary) {
        (n, all) if n > 0 && !evidence.contains(ITSELF) => {
            format!("; in {n} of {all} attempts tokscope itself stood still, or sent or read late")
        }
        _ => String::new(),
    }
}

fn exhausted(around: Around) -> Option<Bottleneck> {
    let busy = around.shared_machine_percent.filter(|percent| *percent >= EXHAUSTED_PERCENT)?;
    let told = format!(
        "its cores were {busy:.0} % busy with client and server both on it, so that each may have waited for the other"
    );
    Some(by(THIS_MACHINE, told))
}

fn late(summary: &Summary, around: Around) -> Option<Bottleneck> {
    let late = around.lag_p99_ms.filter(|ms| *ms >= LATE_MS)?;
    let gap = summary.stats("inter_token_latency_ms")?.p50;
    // Against gaps of a second some milliseconds are nothing.
    (late >= gap / 2.0).then(|| {
        let (late, gap) = (millis(late), millis(gap));
        let told =
            format!("tokscope itself was {late} late (p99), beside gaps of {gap}, so that figures may be its own");
        by(THIS_MACHINE, told)
    })
}

fn buffered(summary: &Summary) -> Option<Bottleneck> {
    let causes = ["fake_streaming", "bursts", "shared_reads"];
    let of = |key: &str| summary.findings.iter().find(|(d, _)| d.key == key).map_or(0, |(_, n)| *n);
    let (n, all) = (causes.iter().map(|key| of(key)).max()?, summary.ended_attempts());
    (n > 0 && n as f64 >= all as f64 * MOST).then(|| {
        let told = format!(
            "in {n} of {all} attempts the text did not come token by token, so that neither TTFT nor gaps are the model's alone"
        );
        by("buffering", told)
    })
}

/// Over a sweep the first token comes ever later, and the throughput does not keep up.
fn queue(session: &Session) -> Option<Bottleneck> {
    let stages = stages(session);
    let (first, last) = (stages.first()?, stages.last()?);
    let (before, after) = (first.ttft_p50_ms?, last.ttft_p50_ms?);
    let (less, more) = (first.tokens_per_s?, last.tokens_per_s?);
    let load = last.concurrency as f64 / first.concurrency.max(1) as f64;
    let grown = more / less;
    (load > 1.0 && after >= before * QUEUE_GROWTH && grown < load / 2.0).then(|| {
        let told = format!(
            "from {} to {} at once the median TTFT grew from {} to {}, the throughput only {grown:.1}-fold",
            first.concurrency,
            last.concurrency,
            millis(before),
            millis(after)
        );
        by(QUEUEING, told)
    })
}

/// The server says itself that requests waited, or the open loop found no slot.
fn server_queue(times: &[Times]) -> Option<Bottleneck> {
    let of = |part: fn(&Times) -> Option<f64>| {
        let figures: Vec<(f64, f64)> = times.iter().filter_map(|t| Some((part(t)?, t.ttft_ms?))).collect();
        let (part, ttft) = (median(figures.iter().map(|f| f.0))?, median(figures.iter().map(|f| f.1))?);
        (ttft > 0.0 && part >= ttft * WAIT_HOLDS).then_some((part, ttft))
    };
    if let Some((slot, ttft)) = of(|t| t.slot_ms) {
        let (slot, ttft) = (millis(slot), millis(ttft));
        let told = format!("requests waited {slot} for a free slot, of a TTFT of {ttft} (medians)");
        return Some(by("too high a rate", told));
    }
    let (queue, ttft) = of(|t| t.queue_ms)?;
    let (queue, ttft) = (millis(queue), millis(ttft));
    let told = format!("by the server's own clock requests waited {queue} of a TTFT of {ttft} (medians)");
    Some(by(QUEUEING, told))
}

fn first_token(shares: &Shares) -> Option<Bottleneck> {
    let (wait, ttft) = (shares.wait.filter(|wait| *wait >= WAIT_HOLDS)?, shares.ttft_ms?);
    let (wait, ttft) = (percent(wait), millis(ttft));
    let told = format!("{wait} of the median answer pass before it (TTFT {ttft}), in prefill or in a queue before it");
    Some(by("the first token", told))
}

fn decode(times: &[Times], shares: &Shares) -> Option<Bottleneck> {
    let wait = shares.wait.filter(|wait| *wait <= DECODE_HOLDS)?;
    let gap = median(times.iter().filter_map(|t| t.token_ms))?;
    let how = match median(times.iter().filter_map(|t| t.spread)) {
        Some(ratio) if ratio <= STEADY => ", steady",
        Some(_) => ", with uneven gaps",
        None => "",
    };
    Some(by("decoding", format!("{} of the median answer, {} a token{how}", percent(1.0 - wait), millis(gap))))
}

fn nothing(shares: &Shares) -> Bottleneck {
    let told =
        |wait| format!("{} of the median answer pass before its first token, the rest in decoding", percent(wait));
    let told = shares.wait.map_or_else(|| "no answer says where its time went".to_owned(), told);
    by("nothing that stands out", told)
}

/// What the GPU adds to it: a word only where it was clearly busy or idle.
fn gpu(busiest: Option<f64>) -> String {
    match busiest {
        Some(percent) if percent < IDLE_PERCENT => "; no GPU seen here was at work".to_owned(),
        Some(percent) if percent >= BUSY_PERCENT => format!("; GPU up to {percent:.0} %"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests;

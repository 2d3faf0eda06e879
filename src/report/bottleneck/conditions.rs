//! Conditions of the rules. Each function returns the evidence if its rule applies.

use super::evidence::{Evidence, millis, percent};
use crate::domain::sweep::saturated_from_start;

/// Minimum delay (p99) of tokscope's reading thread that makes figures doubtful, milliseconds.
const LATE_MS: f64 = 5.0;
/// Minimum share of attempts that tokscope itself delayed to be the cause. A smaller share is only mentioned.
const OWN_DELAYS: f64 = 0.1;
/// Minimum load of the reading thread that limits it, percent of one core.
const SATURATED_PERCENT: f64 = 90.0;
/// Minimum load of all cores at which client and server slow each other, percent.
const EXHAUSTED_PERCENT: f64 = 95.0;
/// Minimum share of attempts that must be buffered for the whole run to count as buffered.
const MOST: f64 = 0.5;
/// Minimum share and number of attempts that the server refused, to be the cause.
const REFUSED: f64 = 0.1;
const REFUSED_AT_LEAST: usize = 3;
/// Minimum average number of requests waiting in the server, according to its metrics.
const WAITING: f64 = 1.0;
/// Minimum share of the run in which a GPU was throttled, percent.
const THROTTLED_PERCENT: f64 = 25.0;
/// Minimum share of a wait in the TTFT for a queue to be the cause, and of the TTFT in the request for the prefill.
const WAIT_HOLDS: f64 = 0.5;
/// Minimum share of the due requests that got no slot before the run's time ended.
const NOT_STARTED: f64 = 0.1;
/// Maximum share of the TTFT in the request for decoding to be the cause.
const DECODE_HOLDS: f64 = 0.2;
/// Minimum growth factor of the median TTFT over a sweep that indicates a queue.
const QUEUE_GROWTH: f64 = 3.0;
/// Maximum ratio of p99 to median for gaps to count as steady.
const STEADY: f64 = 3.0;

pub(super) fn own_standstill(e: &Evidence<'_>) -> Option<String> {
    is_own_standstill(e).then(|| standstills(e)).flatten()
}

/// Returns delays that tokscope itself caused in too few attempts to be the cause. The sentence mentions them anyway.
pub(super) fn few_own_delays(e: &Evidence<'_>) -> Option<String> {
    let counts = &e.counts;
    let stalled = || (!is_own_standstill(e)).then(|| standstills(e)).flatten();
    let sent = || (!is_own_share(e, counts.sent_late)).then(|| sent_late(e)).flatten();
    let read = || (!is_own_share(e, counts.read_late)).then(|| read_late(e)).flatten();
    stalled().or_else(sent).or_else(read)
}

/// Returns whether tokscope's own stalls explain the run. If text was also held back, any stall counts: a stall makes
/// an answer look buffered.
fn is_own_standstill(e: &Evidence<'_>) -> bool {
    is_own_share(e, e.counts.stalled) || buffered(e).is_some()
}

/// Returns whether tokscope delayed enough attempts to distort the run's percentiles.
fn is_own_share(e: &Evidence<'_>, attempts: usize) -> bool {
    attempts as f64 >= e.counts.ended as f64 * OWN_DELAYS
}

fn standstills(e: &Evidence<'_>) -> Option<String> {
    let (n, all) = (e.counts.stalled, e.counts.ended);
    let longest_s = e.counts.longest_stall_ms / 1000.0;
    (n > 0).then(|| format!("tokscope itself stalled in {n} of {all} attempts, for up to {longest_s:.2} s"))
}

pub(super) fn own_dispatch_delay(e: &Evidence<'_>) -> Option<String> {
    is_own_share(e, e.counts.sent_late).then(|| sent_late(e)).flatten()
}

fn sent_late(e: &Evidence<'_>) -> Option<String> {
    let (n, all, most) = (e.counts.sent_late, e.counts.ended, millis(e.counts.longest_own_delay_ms));
    (n > 0).then(|| format!("tokscope itself sent {n} of {all} requests late, by up to {most}"))
}

fn read_late(e: &Evidence<'_>) -> Option<String> {
    let (n, all) = (e.counts.read_late, e.counts.ended);
    (n > 0).then(|| format!("tokscope itself read {n} of {all} streams late"))
}

pub(super) fn own_thread(e: &Evidence<'_>) -> Option<String> {
    let engine = e.system.engine_percent.filter(|percent| e.has_answers() && *percent >= SATURATED_PERCENT)?;
    Some(format!("tokscope's reading thread used {engine:.0}% of a core, so its own delay may distort the figures"))
}

pub(super) fn own_lateness(e: &Evidence<'_>) -> Option<String> {
    let late_by_lag = || {
        let late_ms = e.system.lag_p99_ms.filter(|ms| *ms >= LATE_MS)?;
        let token_ms = e.median(|t| t.token_ms)?;
        // A delay of a few milliseconds does not matter at an ITL of a second.
        (late_ms >= token_ms / 2.0).then(|| {
            let (late, token) = (millis(late_ms), millis(token_ms));
            format!(
                "tokscope itself was {late} late (p99) at an ITL of {token}, so its own delay may distort the figures"
            )
        })
    };
    late_by_lag().or_else(|| is_own_share(e, e.counts.read_late).then(|| read_late(e)).flatten())
}

pub(super) fn shared_machine(e: &Evidence<'_>) -> Option<String> {
    let busy = e.system.shared_machine_percent.filter(|percent| e.has_answers() && *percent >= EXHAUSTED_PERCENT)?;
    Some(format!(
        "client and server share a machine whose cores were {busy:.0}% busy, so each may have slowed the other"
    ))
}

pub(super) fn buffered(e: &Evidence<'_>) -> Option<String> {
    let (n, all) = (e.counts.buffered, e.counts.ended);
    (n > 0 && n as f64 >= all as f64 * MOST)
        .then(|| format!("text was held back in {n} of {all} attempts, so TTFT and ITL do not reflect the model"))
}

pub(super) fn refused(e: &Evidence<'_>) -> Option<String> {
    let (n, all) = (e.counts.refused, e.counts.ended);
    (n >= REFUSED_AT_LEAST && n as f64 >= all as f64 * REFUSED)
        .then(|| format!("the server refused {n} of {all} requests (HTTP 429, 503 or 529)"))
}

pub(super) fn one_at_a_time(e: &Evidence<'_>) -> Option<String> {
    let found = e.one_at_a_time?;
    let (least, most) = found.first_text_ms;
    Some(format!(
        "the server decodes one request at a time: {} of {} overlapping requests got their first token only after \
         the previous one ended (after {} to {})",
        found.apart,
        found.waited,
        millis(least),
        millis(most)
    ))
}

pub(super) fn no_slot(e: &Evidence<'_>) -> Option<String> {
    // Requests that never started have no TTFT, so the median TTFT of the others hides the queue.
    let due = e.counts.ended + e.not_started;
    if e.not_started as f64 > due as f64 * NOT_STARTED {
        return Some(format!("at this rate, {} of {due} requests found no free slot in time", e.not_started));
    }
    let (slot, ttft) = e.wait_of_ttft(|t| t.slot_ms).filter(holds)?;
    let (slot, ttft) = (millis(slot), millis(ttft));
    Some(format!("at this rate, requests spent {slot} of their {ttft} TTFT waiting for a free slot (medians)"))
}

pub(super) fn server_queue_time(e: &Evidence<'_>) -> Option<String> {
    let (queue, ttft) = e.wait_of_ttft(|t| t.queue_ms).filter(holds)?;
    let (queue, ttft) = (millis(queue), millis(ttft));
    let stage = e.at_stage();
    Some(format!("the server reports that requests spent {queue} of their {ttft} TTFT in its queue (medians{stage})"))
}

/// Returns whether a wait is at least half of the TTFT, which includes it.
fn holds(&(wait_ms, ttft_ms): &(f64, f64)) -> bool {
    ttft_ms > 0.0 && wait_ms >= ttft_ms * WAIT_HOLDS
}

pub(super) fn server_queue_length(e: &Evidence<'_>) -> Option<String> {
    let waiting = e.system.server_waiting.filter(|n| *n >= WAITING)?;
    Some(format!("the server's metrics report {waiting:.1} waiting requests on average"))
}

pub(super) fn growing_ttft(e: &Evidence<'_>) -> Option<String> {
    let (first, last) = (e.stages.first()?, e.stages.last()?);
    let (before, after) = (first.ttft_p50_ms?, last.ttft_p50_ms?);
    let (less, more) = (first.tokens_per_s?, last.tokens_per_s?);
    let load = last.concurrency as f64 / first.concurrency.max(1) as f64;
    let grown = more / less;
    (load > 1.0 && after >= before * QUEUE_GROWTH && grown < load / 2.0).then(|| {
        format!(
            "from concurrency {} to {}, median TTFT grew from {} to {}, while throughput scaled only {grown:.1}×",
            first.concurrency,
            last.concurrency,
            millis(before),
            millis(after)
        )
    })
}

pub(super) fn flat_sweep(e: &Evidence<'_>) -> Option<String> {
    let found = saturated_from_start(&e.stages)?.to_string();
    Some(found.trim_start_matches("saturated ").to_owned())
}

pub(super) fn gpu_throttled(e: &Evidence<'_>) -> Option<String> {
    let (why, percent) = e.system.gpu_throttled.filter(|(_, percent)| *percent >= THROTTLED_PERCENT)?;
    Some(format!("a GPU was throttled for {percent:.0}% of the run ({why})"))
}

pub(super) fn prefill(e: &Evidence<'_>) -> Option<String> {
    let (share, ttft) = (e.prefill_share.filter(|share| *share >= WAIT_HOLDS)?, e.median(|t| t.ttft_ms)?);
    let (share, ttft) = (percent(share), millis(ttft));
    let stage = e.at_stage();
    Some(format!(
        "{share} of the median request{stage} is spent before its first token (TTFT {ttft}), in prefill or in a queue"
    ))
}

pub(super) fn decode(e: &Evidence<'_>) -> Option<String> {
    let prefill = e.prefill_share.filter(|share| *share <= DECODE_HOLDS)?;
    let token = millis(e.median(|t| t.token_ms)?);
    let how = match e.median(|t| t.spread) {
        Some(ratio) if ratio <= STEADY => ", steady",
        Some(_) => ", with uneven gaps",
        None => "",
    };
    let (share, stage) = (percent(1.0 - prefill), e.at_stage());
    Some(format!("{share} of the median request{stage}, {token} per token{how}"))
}

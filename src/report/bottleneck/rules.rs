//! The table of rules, in the order of how directly the evidence shows the cause: what tokscope saw of itself, when the text
//! arrived, when requests overlapped, what the server reports, how throughput grew, and at last where the time went.

use super::evidence::{Evidence, millis, percent};
use crate::domain::sweep::saturated_from_start;

/// tokscope's own lateness from which figures are doubtful, milliseconds at the 99th percentile.
const LATE_MS: f64 = 5.0;
/// Share of attempts with a standstill of tokscope from which that is the cause; below it is named beside another one.
const STALLED: f64 = 0.1;
/// A dispatch delay of tokscope that is this share of the TTFT is part of it.
const DELAYED: f64 = 0.1;
/// A thread that takes this share of a core reads no faster, percent.
const SATURATED_PERCENT: f64 = 90.0;
/// A machine this busy serves neither client nor server as it could, percent.
const EXHAUSTED_PERCENT: f64 = 95.0;
/// What is seen in this share of the attempts is the run's, not an attempt's.
const MOST: f64 = 0.5;
/// Share and number of the requests that a server may refuse before that limits the run.
const REFUSED: f64 = 0.1;
const REFUSED_AT_LEAST: usize = 3;
/// Requests that wait at the server on average, by its metrics.
const WAITING: f64 = 1.0;
/// A GPU whose clock is throttled for this share of the run is slower than it could be, percent.
const THROTTLED_PERCENT: f64 = 25.0;
/// Share of a wait in the TTFT, and of the TTFT in the request, from which it is the cause; below the other, decoding is.
const WAIT_HOLDS: f64 = 0.5;
const DECODE_HOLDS: f64 = 0.2;
/// A TTFT that grows by this factor over a sweep has become a queue's.
const QUEUE_GROWTH: f64 = 3.0;
/// Gaps are steady while the 99th percentile is no more than this many medians.
const STEADY: f64 = 3.0;

/// One rule.
pub(super) struct Rule {
    /// Its name in the table.
    pub key: &'static str,
    /// What it says: the field's word.
    pub cause: &'static str,
    /// When it holds, for people.
    pub condition: &'static str,
    /// Its evidence, with sample figures.
    pub example: &'static str,
    /// Rules that hold as a consequence of this one: they are not named beside it.
    pub explains: &'static [&'static str],
    /// Named also where another rule already stands beside the cause.
    pub is_always_named: bool,
    /// The evidence; `None` where the rule does not hold.
    pub find: fn(&Evidence<'_>) -> Option<String>,
}

const CLIENT: &str = "client-bound";
const QUEUE: &str = "queue-bound";
const SATURATED: &str = "saturated";

/// All of them. The first that holds is the cause.
pub(super) const RULES: &[Rule] = &[
    Rule {
        key: "own_standstill",
        cause: CLIENT,
        condition: "tokscope itself stood still in at least 10% of the attempts, or in any where `buffered` holds too",
        example: "tokscope itself stood still in 5 of 50 attempts, for 0.90 s at most",
        explains: &[],
        is_always_named: false,
        find: own_standstill,
    },
    Rule {
        key: "own_dispatch_delay",
        cause: CLIENT,
        condition: "tokscope sent requests at least 5 ms late (p99), and that is 10% of the median TTFT or more",
        example: "tokscope itself sent requests 12 ms late (p99), beside a TTFT of 40 ms",
        explains: &[],
        is_always_named: false,
        find: own_dispatch_delay,
    },
    Rule {
        key: "own_thread",
        cause: CLIENT,
        condition: "tokscope's reading thread took at least 90% of a core",
        example: "tokscope's reading thread took 97% of a core, so the figures may be its own",
        explains: &["shared_machine", "own_lateness"],
        is_always_named: false,
        find: own_thread,
    },
    Rule {
        key: "own_lateness",
        cause: CLIENT,
        condition: "tokscope's reading thread was at least 5 ms late (p99), and that is half of the median ITL or more",
        example: "tokscope itself was 12 ms late (p99), beside an ITL of 9.0 ms, so the figures may be its own",
        explains: &[],
        is_always_named: false,
        find: own_lateness,
    },
    Rule {
        key: "shared_machine",
        cause: CLIENT,
        condition: "client and server share a machine whose cores were at least 95% busy",
        example: "the cores were 98% busy with client and server on one machine, so each may have waited for the other",
        explains: &[],
        is_always_named: false,
        find: shared_machine,
    },
    Rule {
        key: "buffered",
        cause: "buffered stream",
        condition: "in at least half of the attempts the text was held back on its way, and tokscope did not stand still in them",
        example: "in 14 of 14 attempts the text did not arrive as it was made, so TTFT and ITL are not the model's",
        explains: &["decode", "prefill"],
        is_always_named: false,
        find: buffered,
    },
    Rule {
        key: "refused",
        cause: SATURATED,
        condition: "the server refused at least 3 requests, and 10% of all, with HTTP 429, 503 or 529",
        example: "the server refused 5 of 20 requests (HTTP 429, 503 or 529)",
        explains: &[],
        is_always_named: false,
        find: refused,
    },
    Rule {
        key: "one_at_a_time",
        cause: QUEUE,
        condition: "at least 3 requests were in flight with another one, 90% of them got their first token only after the other \
                    had its last, and decoding of others fills half of their wait",
        example: "the server decodes one request at a time: 3 of 3 overlapping requests got their first token only after the one \
                  before had ended (37 ms to 1.37 s after the request)",
        explains: &["server_queue_time", "server_queue_length", "growing_ttft", "flat_sweep", "prefill"],
        is_always_named: false,
        find: one_at_a_time,
    },
    Rule {
        key: "no_slot",
        cause: SATURATED,
        condition: "with --rate, at least half of the median TTFT is the wait for one of --concurrency's slots",
        example: "at this rate requests waited 250 ms for a free slot, of a TTFT of 300 ms (medians)",
        explains: &["prefill"],
        is_always_named: false,
        find: no_slot,
    },
    Rule {
        key: "server_queue_time",
        cause: QUEUE,
        condition: "by the server's own clock at least half of the median TTFT is the wait in its queue",
        example: "by the server's own clock requests waited 200 ms of a TTFT of 300 ms (medians)",
        explains: &["server_queue_length", "growing_ttft", "prefill"],
        is_always_named: false,
        find: server_queue_time,
    },
    Rule {
        key: "server_queue_length",
        cause: QUEUE,
        condition: "by the server's metrics at least one request waits on average",
        example: "by the server's metrics 3.2 requests waited on average",
        explains: &["growing_ttft", "prefill"],
        is_always_named: false,
        find: server_queue_length,
    },
    Rule {
        key: "growing_ttft",
        cause: QUEUE,
        condition: "over a sweep the median TTFT grew at least 3-fold, and throughput by less than half of what concurrency did",
        example: "from concurrency 1 to 8 the median TTFT grew from 100 ms to 400 ms, throughput only 0.8-fold",
        explains: &["prefill"],
        is_always_named: false,
        find: growing_ttft,
    },
    Rule {
        key: "flat_sweep",
        cause: SATURATED,
        condition: "over a sweep that at least doubles concurrency, throughput grew by less than 20% beyond its first stage",
        example: "from concurrency 1 on: 270 tok/s there, 290 tok/s at most up to concurrency 4",
        explains: &[],
        is_always_named: false,
        find: flat_sweep,
    },
    Rule {
        key: "gpu_throttled",
        cause: "GPU-throttled",
        condition: "a GPU that may serve was throttled for at least 25% of the run",
        example: "a GPU was throttled for 40% of the run (power cap)",
        explains: &[],
        is_always_named: false,
        find: gpu_throttled,
    },
    Rule {
        key: "prefill",
        cause: "prefill-bound",
        condition: "at least half of the median request passes before its first token",
        example: "75% of the median request passes before its first token (TTFT 300 ms), in prefill or in a queue before it",
        explains: &["decode"],
        is_always_named: false,
        find: prefill,
    },
    Rule {
        key: "decode",
        cause: "decode-bound",
        condition: "at most 20% of the median request passes before its first token",
        example: "90% of the median request, 9.0 ms per token, steady",
        explains: &[],
        is_always_named: false,
        find: decode,
    },
    Rule {
        key: "few_standstills",
        cause: CLIENT,
        condition: "tokscope itself stood still in some attempts, but in fewer than 10%: always named beside another cause",
        example: "tokscope itself stood still in 1 of 50 attempts, for 0.90 s at most",
        explains: &[],
        is_always_named: true,
        find: few_standstills,
    },
];

fn own_standstill(e: &Evidence<'_>) -> Option<String> {
    is_own_standstill(e).then(|| standstills(e)).flatten()
}

fn few_standstills(e: &Evidence<'_>) -> Option<String> {
    (!is_own_standstill(e)).then(|| standstills(e)).flatten()
}

/// A standstill holds up whole answers as a buffer does: where there is one, a buffer is the second explanation.
fn is_own_standstill(e: &Evidence<'_>) -> bool {
    e.counts.stalled as f64 >= e.counts.ended as f64 * STALLED || buffered(e).is_some()
}

fn standstills(e: &Evidence<'_>) -> Option<String> {
    let (n, all) = (e.counts.stalled, e.counts.ended);
    let longest_s = e.counts.longest_stall_ms / 1000.0;
    (n > 0).then(|| format!("tokscope itself stood still in {n} of {all} attempts, for {longest_s:.2} s at most"))
}

fn own_dispatch_delay(e: &Evidence<'_>) -> Option<String> {
    let delay_ms = e.around.dispatch_delay_p99_ms.filter(|ms| *ms >= LATE_MS)?;
    let ttft_ms = e.median(|t| t.ttft_ms)?;
    (delay_ms >= ttft_ms * DELAYED).then(|| {
        format!("tokscope itself sent requests {} late (p99), beside a TTFT of {}", millis(delay_ms), millis(ttft_ms))
    })
}

fn own_thread(e: &Evidence<'_>) -> Option<String> {
    let engine = e.around.engine_percent.filter(|percent| *percent >= SATURATED_PERCENT)?;
    Some(format!("tokscope's reading thread took {engine:.0}% of a core, so the figures may be its own"))
}

fn own_lateness(e: &Evidence<'_>) -> Option<String> {
    let late_ms = e.around.lag_p99_ms.filter(|ms| *ms >= LATE_MS)?;
    let token_ms = e.median(|t| t.token_ms)?;
    // Beside an ITL of a second some milliseconds are nothing.
    (late_ms >= token_ms / 2.0).then(|| {
        let (late, token) = (millis(late_ms), millis(token_ms));
        format!("tokscope itself was {late} late (p99), beside an ITL of {token}, so the figures may be its own")
    })
}

fn shared_machine(e: &Evidence<'_>) -> Option<String> {
    let busy = e.around.shared_machine_percent.filter(|percent| *percent >= EXHAUSTED_PERCENT)?;
    Some(format!(
        "the cores were {busy:.0}% busy with client and server on one machine, so each may have waited for the other"
    ))
}

fn buffered(e: &Evidence<'_>) -> Option<String> {
    let (n, all) = (e.counts.buffered, e.counts.ended);
    (n > 0 && n as f64 >= all as f64 * MOST).then(|| {
        format!("in {n} of {all} attempts the text did not arrive as it was made, so TTFT and ITL are not the model's")
    })
}

fn refused(e: &Evidence<'_>) -> Option<String> {
    let (n, all) = (e.counts.refused, e.counts.ended);
    (n >= REFUSED_AT_LEAST && n as f64 >= all as f64 * REFUSED)
        .then(|| format!("the server refused {n} of {all} requests (HTTP 429, 503 or 529)"))
}

fn one_at_a_time(e: &Evidence<'_>) -> Option<String> {
    let found = e.one_at_a_time?;
    let (least, most) = found.first_text_ms;
    Some(format!(
        "the server decodes one request at a time: {} of {} overlapping requests got their first token only after the one \
         before had ended ({} to {} after the request)",
        found.apart,
        found.waited,
        millis(least),
        millis(most)
    ))
}

fn no_slot(e: &Evidence<'_>) -> Option<String> {
    let (slot, ttft) = e.wait_of_ttft(|t| t.slot_ms).filter(holds)?;
    let (slot, ttft) = (millis(slot), millis(ttft));
    Some(format!("at this rate requests waited {slot} for a free slot, of a TTFT of {ttft} (medians)"))
}

fn server_queue_time(e: &Evidence<'_>) -> Option<String> {
    let (queue, ttft) = e.wait_of_ttft(|t| t.queue_ms).filter(holds)?;
    let (queue, ttft) = (millis(queue), millis(ttft));
    Some(format!("by the server's own clock requests waited {queue} of a TTFT of {ttft} (medians)"))
}

/// Whether a wait is most of the TTFT that holds it.
fn holds(&(wait_ms, ttft_ms): &(f64, f64)) -> bool {
    ttft_ms > 0.0 && wait_ms >= ttft_ms * WAIT_HOLDS
}

fn server_queue_length(e: &Evidence<'_>) -> Option<String> {
    let waiting = e.around.server_waiting.filter(|n| *n >= WAITING)?;
    Some(format!("by the server's metrics {waiting:.1} requests waited on average"))
}

fn growing_ttft(e: &Evidence<'_>) -> Option<String> {
    let (first, last) = (e.stages.first()?, e.stages.last()?);
    let (before, after) = (first.ttft_p50_ms?, last.ttft_p50_ms?);
    let (less, more) = (first.tokens_per_s?, last.tokens_per_s?);
    let load = last.concurrency as f64 / first.concurrency.max(1) as f64;
    let grown = more / less;
    (load > 1.0 && after >= before * QUEUE_GROWTH && grown < load / 2.0).then(|| {
        format!(
            "from concurrency {} to {} the median TTFT grew from {} to {}, throughput only {grown:.1}-fold",
            first.concurrency,
            last.concurrency,
            millis(before),
            millis(after)
        )
    })
}

fn flat_sweep(e: &Evidence<'_>) -> Option<String> {
    let found = saturated_from_start(&e.stages)?.to_string();
    Some(found.trim_start_matches("saturated ").to_owned())
}

fn gpu_throttled(e: &Evidence<'_>) -> Option<String> {
    let (why, percent) = e.around.gpu_throttled.filter(|(_, percent)| *percent >= THROTTLED_PERCENT)?;
    Some(format!("a GPU was throttled for {percent:.0}% of the run ({why})"))
}

fn prefill(e: &Evidence<'_>) -> Option<String> {
    let (share, ttft) = (e.prefill_share.filter(|share| *share >= WAIT_HOLDS)?, e.median(|t| t.ttft_ms)?);
    let (share, ttft) = (percent(share), millis(ttft));
    Some(format!(
        "{share} of the median request passes before its first token (TTFT {ttft}), in prefill or in a queue before it"
    ))
}

fn decode(e: &Evidence<'_>) -> Option<String> {
    let prefill = e.prefill_share.filter(|share| *share <= DECODE_HOLDS)?;
    let token = millis(e.median(|t| t.token_ms)?);
    let how = match e.median(|t| t.spread) {
        Some(ratio) if ratio <= STEADY => ", steady",
        Some(_) => ", with uneven gaps",
        None => "",
    };
    Some(format!("{} of the median request, {token} per token{how}", percent(1.0 - prefill)))
}

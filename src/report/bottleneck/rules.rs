//! Table of the rules, strongest evidence first: delays by tokscope itself, when text arrived, which requests
//! overlapped, load of a shared machine, the server's own figures, growth of throughput, and where the median request
//! spent its time.

use super::conditions::{
    buffered, decode, few_own_delays, flat_sweep, gpu_throttled, growing_ttft, no_slot, one_at_a_time,
    own_dispatch_delay, own_lateness, own_standstill, own_thread, prefill, refused, server_queue_length,
    server_queue_time, shared_machine,
};
use super::evidence::Evidence;

/// One rule of the table: a cause, its condition and its evidence.
pub(super) struct Rule {
    /// Short stable name of the rule.
    pub key: &'static str,
    /// Cause in the field's terms, such as `queue-bound`.
    pub cause: &'static str,
    /// Condition as text, for the documentation.
    pub condition: &'static str,
    /// Sample of the evidence, for the documentation.
    pub example: &'static str,
    /// Keys of rules that follow from this one. If this rule names the cause, they are not named as a second cause.
    pub hides: &'static [&'static str],
    /// Whether the sentence names this rule even if it already names a second cause.
    pub is_always_named: bool,
    /// Returns the evidence if the rule applies.
    pub find: fn(&Evidence<'_>) -> Option<String>,
}

const CLIENT: &str = "client-bound";
const QUEUE: &str = "queue-bound";
const SATURATED: &str = "saturated";

/// All rules in the order in which they are checked. The first that applies names the cause.
pub(super) const RULES: &[Rule] = &[
    Rule {
        key: "own_standstill",
        cause: CLIENT,
        condition: "tokscope itself stalled in at least 10% of the attempts, or in any if `buffered` also holds",
        example: "tokscope itself stalled in 5 of 50 attempts, for up to 0.90 s",
        hides: &[],
        is_always_named: false,
        find: own_standstill,
    },
    Rule {
        key: "own_dispatch_delay",
        cause: CLIENT,
        condition: "tokscope sent at least 10% of the requests late (finding `sent_late`)",
        example: "tokscope itself sent 7 of 50 requests late, by up to 12 ms",
        hides: &[],
        is_always_named: false,
        find: own_dispatch_delay,
    },
    Rule {
        key: "own_thread",
        cause: CLIENT,
        condition: "at least one answer was measured, and tokscope's reading thread used at least 90% of a core",
        example: "tokscope's reading thread used 97% of a core, so its own delay may distort the figures",
        hides: &["shared_machine", "own_lateness"],
        is_always_named: false,
        find: own_thread,
    },
    Rule {
        key: "own_lateness",
        cause: CLIENT,
        condition: "tokscope's reading thread was late by at least 5 ms and half the median ITL (p99), or read at least 10% of the \
                    streams late (finding `read_late`)",
        example: "tokscope itself was 12 ms late (p99) at an ITL of 9.0 ms, so its own delay may distort the figures",
        hides: &[],
        is_always_named: false,
        find: own_lateness,
    },
    Rule {
        key: "buffered",
        cause: "buffered stream",
        condition: "in at least half of the attempts, text was held back and tokscope neither stalled nor read late",
        example: "text was held back in 14 of 14 attempts, so TTFT and ITL do not reflect the model",
        hides: &["decode", "prefill"],
        is_always_named: false,
        find: buffered,
    },
    Rule {
        key: "refused",
        cause: SATURATED,
        condition: "the server refused at least 3 requests, and at least 10% of all, with HTTP 429, 503 or 529",
        example: "the server refused 5 of 20 requests (HTTP 429, 503 or 529)",
        hides: &[],
        is_always_named: false,
        find: refused,
    },
    Rule {
        key: "one_at_a_time",
        cause: QUEUE,
        condition: "of at least 3 overlapping requests, 90% got their first token only after the previous one ended, and half of their \
                    wait was spent decoding others",
        example: "the server decodes one request at a time: 3 of 3 overlapping requests got their first token only after \
         the previous one ended (after 37 ms to 1.37 s)",
        hides: &["server_queue_time", "server_queue_length", "growing_ttft", "flat_sweep", "prefill"],
        is_always_named: false,
        find: one_at_a_time,
    },
    Rule {
        key: "shared_machine",
        cause: CLIENT,
        condition: "at least one answer was measured, and client and server share a machine whose cores were at least 95% busy",
        example: "client and server share a machine whose cores were 98% busy, so each may have slowed the other",
        hides: &[],
        is_always_named: false,
        find: shared_machine,
    },
    Rule {
        key: "no_slot",
        cause: SATURATED,
        condition: "with --rate, more than 10% of the requests found no free slot of --concurrency within --duration, or at least \
                    half of the median TTFT is the wait for a slot",
        example: "at this rate, requests spent 250 ms of their 300 ms TTFT waiting for a free slot (medians)",
        hides: &["prefill"],
        is_always_named: false,
        find: no_slot,
    },
    Rule {
        key: "server_queue_time",
        cause: QUEUE,
        condition: "the server reports at least half of the median TTFT as time in its queue",
        example: "the server reports that requests spent 200 ms of their 300 ms TTFT in its queue (medians)",
        hides: &["server_queue_length", "growing_ttft", "prefill"],
        is_always_named: false,
        find: server_queue_time,
    },
    Rule {
        key: "server_queue_length",
        cause: QUEUE,
        condition: "the server's metrics report at least one waiting request on average",
        example: "the server's metrics report 3.2 waiting requests on average",
        hides: &["growing_ttft", "prefill"],
        is_always_named: false,
        find: server_queue_length,
    },
    Rule {
        key: "growing_ttft",
        cause: QUEUE,
        condition: "over a sweep, median TTFT grew at least 3-fold, and throughput less than half as much as concurrency",
        example: "from concurrency 1 to 8, median TTFT grew from 100 ms to 400 ms, while throughput scaled only 0.8×",
        hides: &["prefill"],
        is_always_named: false,
        find: growing_ttft,
    },
    Rule {
        key: "flat_sweep",
        cause: SATURATED,
        condition: "over a sweep that at least doubles concurrency, no stage has 20% more throughput than the first",
        example: "from concurrency 1, with 270 tok/s there and at most 290 tok/s up to concurrency 4",
        hides: &[],
        is_always_named: false,
        find: flat_sweep,
    },
    Rule {
        key: "gpu_throttled",
        cause: "GPU-throttled",
        condition: "a GPU that may serve the model was throttled for at least 25% of the run",
        example: "a GPU was throttled for 40% of the run (power cap)",
        hides: &[],
        is_always_named: false,
        find: gpu_throttled,
    },
    Rule {
        key: "prefill",
        cause: "prefill-bound",
        condition: "at least half of the median request is spent before its first token",
        example: "75% of the median request is spent before its first token (TTFT 300 ms), in prefill or in a queue",
        hides: &["decode"],
        is_always_named: false,
        find: prefill,
    },
    Rule {
        key: "decode",
        cause: "decode-bound",
        condition: "at most 20% of the median request is spent before its first token",
        example: "90% of the median request, 9.0 ms per token, steady",
        hides: &[],
        is_always_named: false,
        find: decode,
    },
    Rule {
        key: "few_own_delays",
        cause: CLIENT,
        condition: "tokscope itself stalled, sent late or read late in some attempts, but in fewer than 10%; always named beside \
                    another cause",
        example: "tokscope itself stalled in 1 of 50 attempts, for up to 0.90 s",
        hides: &[],
        is_always_named: true,
        find: few_own_delays,
    },
];

//! The table of rules, in the order of how directly the evidence shows the cause: what tokscope saw of itself, when the text
//! arrived, when requests overlapped, what the server reports, how throughput grew, and at last where the time went.

use super::conditions::{
    buffered, decode, few_own_delays, flat_sweep, gpu_throttled, growing_ttft, no_slot, one_at_a_time,
    own_dispatch_delay, own_lateness, own_standstill, own_thread, prefill, refused, server_queue_length,
    server_queue_time, shared_machine,
};
use super::evidence::Evidence;

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
        condition: "tokscope sent at least 10% of the requests late (finding `sent_late`)",
        example: "tokscope itself sent 7 of 50 requests late, by 12 ms at most",
        explains: &[],
        is_always_named: false,
        find: own_dispatch_delay,
    },
    Rule {
        key: "own_thread",
        cause: CLIENT,
        condition: "at least one answer was measured, and tokscope's reading thread took at least 90% of a core",
        example: "tokscope's reading thread took 97% of a core, so the figures may be its own",
        explains: &["shared_machine", "own_lateness"],
        is_always_named: false,
        find: own_thread,
    },
    Rule {
        key: "own_lateness",
        cause: CLIENT,
        condition: "tokscope's reading thread was at least 5 ms late (p99), and that is half of the median ITL or more; or it \
                    read at least 10% of the streams late (finding `read_late`)",
        example: "tokscope itself was 12 ms late (p99), beside an ITL of 9.0 ms, so the figures may be its own",
        explains: &[],
        is_always_named: false,
        find: own_lateness,
    },
    Rule {
        key: "shared_machine",
        cause: CLIENT,
        condition: "at least one answer was measured, and client and server share a machine whose cores were at least 95% busy",
        example: "the cores were 98% busy with client and server on one machine, so each may have waited for the other",
        explains: &[],
        is_always_named: false,
        find: shared_machine,
    },
    Rule {
        key: "buffered",
        cause: "buffered stream",
        condition: "in at least half of the attempts the text was held back on its way, and tokscope neither stood still nor read \
                    late in them",
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
        key: "few_own_delays",
        cause: CLIENT,
        condition: "tokscope itself stood still, sent late or read late in some attempts, but in fewer than 10%: always named \
                    beside another cause",
        example: "tokscope itself stood still in 1 of 50 attempts, for 0.90 s at most",
        explains: &[],
        is_always_named: true,
        find: few_own_delays,
    },
];

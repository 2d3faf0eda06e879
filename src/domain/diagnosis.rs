//! Diagnoses: remarks on attempts whose figures need a caveat. Each finding is one plain sentence.

mod ending;
mod timeline;

use self::ending::{choices, cut_short, filtered, no_finish_reason, unknown_finish_reason};
use self::timeline::Timeline;
pub use self::timeline::pause_limit_ms;
use super::attempt::{AttemptRecord, AttemptStatus, FASTEST_TOKENS_PER_MS, Resolution, Unresolved};
pub use super::finding::Finding;
use super::finding::{ESTIMATED, USAGE_MISSING};
use super::prefix_cache::PrefixCache;

/// One diagnosis: a key, a label and its detector.
#[derive(Debug)]
pub struct Diagnosis {
    /// Stable name, in snake case.
    pub key: &'static str,
    /// Short name for summaries.
    pub label: &'static str,
    find: fn(&Subject<'_>) -> Option<String>,
}

/// A row of the table of diagnoses.
const fn row(key: &'static str, label: &'static str, find: fn(&Subject<'_>) -> Option<String>) -> Diagnosis {
    Diagnosis { key, label, find }
}

/// All diagnoses, most severe first. Keys are only ever added.
pub const DIAGNOSES: &[Diagnosis] = &[
    row(OBSERVER_STALLED, "tokscope itself stalled", observer_stalled),
    row(SENT_LATE, "sent late by tokscope", sent_late),
    row(READ_LATE, "read late by tokscope", read_late),
    row(RETRIED, "needed retries", retried),
    row(FAKE_STREAMING, "not streamed: the whole answer was buffered", fake_streaming),
    row("bursts", "events in bursts", bursts),
    row("pauses", "stalls in the stream", pauses),
    row("shared_reads", "most events share a read", shared_reads),
    row(UNRESOLVED, "figures unresolved", unresolved),
    row("text_held_back", "text held back", text_held_back),
    row("tokens_per_event", "several tokens per event", tokens_per_event),
    row("slower_than_server", "slower than the server's own clock", slower_than_server),
    row("no_finish_reason", "no finish reason", no_finish_reason),
    row("cut_short", "cut short by the server", cut_short),
    row("filtered", "ended by the server's filter", filtered),
    row("unknown_finish_reason", "unknown finish reason", unknown_finish_reason),
    row("choices_end_differently", "choices ended differently", choices),
    row("more_than_asked", "more tokens than requested", more_than_asked),
    row(USAGE_MISSING, "no usage reported", usage_missing),
    row("usage_contradicts_stream", "usage contradicts the stream", usage_contradicts_stream),
    row("hidden_reasoning", "hidden reasoning", hidden_reasoning),
    row(WARM_PREFIX, "warm prefix cache", warm_prefix),
];

/// Key of the finding that the answer was complete before its first text arrived.
pub const FAKE_STREAMING: &str = "fake_streaming";

/// Key of the finding that figures are missing because events shared reads. Used only if no other finding explains the
/// missing figures.
pub const UNRESOLVED: &str = "unresolved";

/// Key of the finding that part of the prompt was in the server's prefix cache.
pub const WARM_PREFIX: &str = "warm_prefix";

/// Key of the finding that the thread that reads the streams stalled.
pub const OBSERVER_STALLED: &str = "observer_stalled";

/// Key of the finding that tokscope itself delayed a request.
pub const SENT_LATE: &str = "sent_late";

/// Key of the finding that tokscope itself read late, so that events piled up.
pub const READ_LATE: &str = "read_late";

/// Key of the finding that an attempt needed more than one try.
pub const RETRIED: &str = "retried";

/// Findings of an attempt that ended; none for a cancelled one.
pub fn diagnose(record: &AttemptRecord, asked_max_tokens: u32) -> Vec<Finding> {
    // Answers of vectors or scores are no stream.
    if record.status == AttemptStatus::Cancelled || record.items.is_some() {
        return Vec::new();
    }
    let subject = Subject { record, asked_max_tokens, timeline: Timeline::from_record(record) };
    let found = |d: &Diagnosis| Some(Finding::new(d.key, (d.find)(&subject)?));
    DIAGNOSES.iter().filter_map(found).collect()
}

/// Input of every detector.
struct Subject<'a> {
    record: &'a AttemptRecord,
    asked_max_tokens: u32,
    timeline: Timeline,
}

impl Subject<'_> {
    /// Reason why the whole answer arrived at once. `None` if it did not, or if a stall of tokscope explains it.
    fn not_streamed(&self) -> Option<Unresolved> {
        let why = self.record.not_streamed().filter(|why| *why != Unresolved::NotStreamed)?;
        let is_own = matches!(why, Unresolved::AtOnce { .. }) && self.timeline.observer_explains_wait();
        (!is_own).then_some(why)
    }

    /// Tokens of the streamed text according to the server's usage.
    fn visible_tokens(&self) -> Option<u64> {
        let usage = self.record.usage;
        let hidden = if self.record.has_hidden_reasoning() { usage.reasoning_tokens.unwrap_or(0) } else { 0 };
        usage.completion_tokens.map(|n| n.saturating_sub(hidden))
    }
}

/// Formats milliseconds as seconds.
fn seconds(ms: f64) -> String {
    format!("{:.2} s", ms / 1000.0)
}

// ─── The timeline ───

/// Minimum tokens of an answer that must have been buffered if it arrives in only one or two events.
const MANY_TOKENS: u64 = 32;

fn observer_stalled(s: &Subject<'_>) -> Option<String> {
    let stalls = &s.timeline.stalls;
    let longest = stalls.iter().max_by(|a, b| a.length_ms().total_cmp(&b.length_ms()))?;
    let length = seconds(longest.length_ms());
    let when = match longest.from_ms {
        from if from < 0.0 => "starting before the request".to_owned(),
        from => format!("{} after the request", seconds(from)),
    };
    let times = if stalls.len() == 1 { "once".to_owned() } else { format!("{} times", stalls.len()) };
    Some(format!(
        "tokscope itself stalled {times}, for up to {length}, {when}; timestamps of that time are late; rerun on an idle machine"
    ))
}

/// Minimum delay caused by tokscope worth a finding, as a share of the figure that includes the delay. Equals the bound
/// of a figure's error.
const LATE_SHARE: f64 = 0.1;
/// Minimum delay caused by tokscope worth a finding in an open loop, where TTFT includes the delay, milliseconds.
const LATE_MS: f64 = 5.0;
/// Minimum delay caused by tokscope worth a finding in a closed loop, where only the throughput includes the delay,
/// milliseconds.
const LATE_IN_CLOSED_LOOP_MS: f64 = 50.0;

fn sent_late(s: &Subject<'_>) -> Option<String> {
    let late = s.record.own_delay_ms?;
    let (figure, least, what) = if s.record.intended.is_some() {
        let what = "TTFT and latency count from the intended start and include this delay";
        (s.record.time_to_first_token_ms(), LATE_MS, what)
    } else {
        let what = "TTFT and latency do not include this delay, but throughput does";
        (s.record.request_latency_ms(), LATE_IN_CLOSED_LOOP_MS, what)
    };
    let is_late = late >= least && figure.is_none_or(|ms| late >= ms * LATE_SHARE);
    is_late.then(|| format!("tokscope itself sent the request {} late; {what}", seconds(late)))
}

/// Minimum delay of the reading thread, as a share of the time between two reads, from which the delay may have caused
/// the grouping of events.
const READ_LATE_SHARE: f64 = 0.5;

fn read_late(s: &Subject<'_>) -> Option<String> {
    let late = s.record.observer_lag_ms?;
    let t = &s.timeline;
    let reads = t.events.saturating_sub(t.coalesced).max(1);
    let apart = t.bursts.map_or(t.window_ms / reads as f64, |b| b.apart_ms);
    let piled_up = t.bursts.is_some() || shares_reads(t);
    // Events closer together than any server generates them were already buffered before the reader's delay.
    let bunches = Resolution::from_arrivals(&s.record.arrivals).bunches.max(1);
    let together = t.bursts.map_or(t.events as f64 / bunches as f64, |b| b.mean_events);
    // A Content-Length proves a buffer before tokscope: a late reader does not add one.
    let could_be_made = together <= late * FASTEST_TOKENS_PER_MS && s.record.content_length.is_none();
    (piled_up && could_be_made && late >= apart * READ_LATE_SHARE).then(|| {
        format!(
            "tokscope itself read {late:.1} ms late on average, with {apart:.1} ms between reads; the events may have arrived one by one; rerun on an idle machine"
        )
    })
}

/// Returns whether at least half of the events share a read, so that the median gap is 0.
fn shares_reads(t: &Timeline) -> bool {
    t.events >= timeline::MIN_EVENTS && t.coalesced as f64 >= t.events as f64 * 0.5
}

fn retried(s: &Subject<'_>) -> Option<String> {
    let record = s.record;
    let mut kinds: Vec<(&str, Option<u16>, usize)> = Vec::new();
    for failed in &record.retries {
        match kinds.iter_mut().find(|(kind, status, _)| *kind == failed.kind && *status == failed.http_status) {
            Some((_, _, n)) => *n += 1,
            None => kinds.push((&failed.kind, failed.http_status, 1)),
        }
    }
    let describe = |(kind, status, n): &(&str, Option<u16>, usize)| match status {
        Some(status) => format!("{n} × HTTP {status}"),
        None => format!("{n} × {kind}"),
    };
    let failures = kinds.iter().map(describe).reduce(|a, b| format!("{a}, {b}"))?;
    let last = record.retries.len() + 1;
    let how = if record.is_ok() { "answered" } else { "also failed" };
    let clock = match record.intended {
        Some(_) => "times count from the intended start and include all tries and waits",
        None => "times count from the last try",
    };
    Some(format!("{how} on try {last} after {failures}; {clock}"))
}

fn fake_streaming(s: &Subject<'_>) -> Option<String> {
    let (wait_ms, events) = (s.timeline.wait_ms, s.timeline.events);
    if let Some(why) = s.not_streamed() {
        return Some(format!(
            "the answer was not streamed: {why}; TTFT and ITL do not reflect the model; check proxies for buffering"
        ));
    }
    if let (2, Some(tokens)) = (events, s.visible_tokens().filter(|&n| n >= MANY_TOKENS)) {
        return Some(format!(
            "the answer was not streamed: all {tokens} tokens arrived in two events; TTFT and ITL do not reflect the model; check proxies for buffering"
        ));
    }
    let burst = s.timeline.whole_answer_burst(s.record.request_latency_ms()?)?;
    let share = burst.events as f64 / events as f64 * 100.0;
    Some(format!(
        "the stream was buffered: {share:.0}% of its events arrived within {:.1} ms after a wait of {}; TTFT and gaps do not \
         reflect the model",
        burst.span_ms,
        seconds(wait_ms.max(burst.wait_ms)),
    ))
}

fn bursts(s: &Subject<'_>) -> Option<String> {
    if is_fake(s) {
        return None;
    }
    let b = s.timeline.bursts?;
    // Speculative decoding sends a handful of verified tokens at a time; larger bursts come from a buffer.
    let cause = if b.mean_events < 8.0 {
        "a proxy or the server buffers them, or the server decodes several tokens at a time"
    } else {
        "a proxy or the server buffers them"
    };
    let (events, apart) = (b.mean_events, b.apart_ms);
    Some(format!("events arrive in bursts of {events:.1} on average, {apart:.0} ms apart: {cause}"))
}

fn pauses(s: &Subject<'_>) -> Option<String> {
    if is_fake(s) {
        return None;
    }
    let p = s.timeline.pauses()?;
    let (longest, at) = (seconds(p.longest_ms), seconds(p.longest_at_ms));
    Some(match p.count {
        1 => format!("the stream stalled for {longest}, {at} after the request"),
        n => format!(
            "the stream stalled {n} times for {} in total; the longest stall took {longest}, {at} after the request",
            seconds(p.total_ms)
        ),
    })
}

fn is_fake(s: &Subject<'_>) -> bool {
    let is_burst = |ms| s.timeline.whole_answer_burst(ms).is_some();
    s.not_streamed().is_some() || s.record.request_latency_ms().is_some_and(is_burst)
}

fn shared_reads(s: &Subject<'_>) -> Option<String> {
    let share = s.timeline.coalesced as f64 / s.timeline.events.max(1) as f64;
    let is_reported = s.timeline.bursts.is_some() || is_fake(s);
    (shares_reads(&s.timeline) && !is_reported).then(|| {
        format!(
            "{:.0}% of the events shared a read with the one before; gaps are coarser than single tokens",
            share * 100.0
        )
    })
}

/// Explains missing figures, unless an earlier finding already does.
fn unresolved(s: &Subject<'_>) -> Option<String> {
    // An answer that is not an event stream (no events) has its own warning.
    let is_reported = is_fake(s) || s.timeline.bursts.is_some() || s.timeline.events == 0;
    if !s.record.is_ok() || is_reported {
        return None;
    }
    let first = s.record.unresolved_first_token().map(|why| ("TTFT is", why));
    let flow = s.record.unresolved_inter_token().filter(|why| *why != Unresolved::HiddenReasoning);
    let (what, why) = match (first, flow) {
        (Some(_), Some(why)) => ("TTFT, ITL and decode speed are", why),
        (None, Some(why)) => ("ITL and decode speed are", why),
        (first, None) => first?,
    };
    // A stall of tokscope makes events pile up, as a buffer does.
    let own = if s.timeline.stalls.is_empty() { "" } else { "; tokscope itself stalled meanwhile" };
    Some(format!("{what} unresolved: {why}{own}"))
}

fn text_held_back(s: &Subject<'_>) -> Option<String> {
    let (counted, text) = (s.record.time_to_first_counted_token_ms()?, s.record.time_to_first_token_ms()?);
    (text - counted > 50.0_f64.max(text * 0.2)).then(|| {
        format!("the server counted its first token at {counted:.0} ms and held its text back until {text:.0} ms")
    })
}

fn tokens_per_event(s: &Subject<'_>) -> Option<String> {
    let (tokens, events) = (s.visible_tokens()?, s.timeline.events as u64);
    // Even with one token per event, characters of several tokens and control tokens make a difference of a few tokens
    // in short answers.
    let many = events >= 3 && tokens >= events + 16 && tokens >= events + events / 2;
    let mean = tokens as f64 / events as f64;
    many.then(|| format!("events carry {mean:.1} tokens on average; gaps are between events, not tokens"))
}

fn slower_than_server(s: &Subject<'_>) -> Option<String> {
    let theirs = s.record.server_timings.as_ref()?;
    let (server, here) = theirs.decode_beside_ours(s.record)?;
    let long_enough = s.timeline.window_ms >= 200.0 && s.timeline.events >= timeline::MIN_EVENTS;
    (long_enough && here < server * 0.85).then(|| {
        let lost = (1.0 - here / server) * 100.0;
        format!(
            "{} decoded at {server:.1} tok/s by its own clock, but {here:.1} tok/s arrived: {lost:.0}% lost; check network and proxies",
            theirs.source.name()
        )
    })
}

// ─── Token counts ───

fn more_than_asked(s: &Subject<'_>) -> Option<String> {
    let tokens = s.record.usage.completion_tokens.filter(|&n| n > u64::from(s.asked_max_tokens))?;
    Some(format!("the answer has {tokens} tokens although at most {} were requested", s.asked_max_tokens))
}

fn usage_missing(s: &Subject<'_>) -> Option<String> {
    if s.record.unresolved_tokens().is_some() {
        return Some("the server reported no usage, and one event does not show how many tokens it carries".to_owned());
    }
    (s.record.is_ok() && s.record.usage.completion_tokens.is_none()).then(|| ESTIMATED.to_owned())
}

fn usage_contradicts_stream(s: &Subject<'_>) -> Option<String> {
    let (tokens, events) = (s.record.usage.completion_tokens?, s.timeline.events);
    (s.record.is_ok() && counts_too_few(s)).then(|| {
        format!("the server reports {tokens} tokens but sent {events} events with text; its usage is incomplete, or it splits tokens")
    })
}

/// Returns whether usage counts fewer tokens than there were events with text. Tolerates 5%, and always two events,
/// because servers flush remainders of text.
fn counts_too_few(s: &Subject<'_>) -> bool {
    let events = s.timeline.events as u64;
    s.record.usage.completion_tokens.is_some_and(|n| n.saturating_add((events / 20).max(2)) < events)
}

fn hidden_reasoning(s: &Subject<'_>) -> Option<String> {
    s.record
        .has_hidden_reasoning()
        .then(|| "reasoning was billed but not streamed; the decode speed is unknown".to_owned())
}

fn warm_prefix(s: &Subject<'_>) -> Option<String> {
    let cached = s.record.usage.cached_tokens?;
    (s.record.prefix_cache() == PrefixCache::Warm && !s.record.is_later_turn())
        .then(|| format!("{cached} prompt tokens came from the prefix cache, so the TTFT is warm"))
}

#[cfg(test)]
mod tests;

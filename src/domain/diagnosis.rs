//! What makes an attempt's figures mean something else than they seem to: one finding, one plain sentence.

mod ending;
mod timeline;

use self::ending::{choices, cut_short, filtered, no_finish_reason, unknown_finish_reason};
use self::timeline::Timeline;
pub use self::timeline::pause_limit_ms;
use super::attempt::{AttemptRecord, AttemptStatus, FASTEST_TOKENS_PER_MS, Resolution, Unresolved};
pub use super::finding::Finding;
use super::finding::{ESTIMATED, USAGE_MISSING};
use super::prefix_cache::PrefixCache;

/// One thing that is looked for.
#[derive(Debug)]
pub struct Diagnosis {
    /// Stable name, in snake case.
    pub key: &'static str,
    /// What is the matter, in a few words.
    pub label: &'static str,
    find: fn(&Subject<'_>) -> Option<String>,
}

/// The table row of a diagnosis.
const fn row(key: &'static str, label: &'static str, find: fn(&Subject<'_>) -> Option<String>) -> Diagnosis {
    Diagnosis { key, label, find }
}

/// All that is looked for, the gravest first. Keys are only ever added.
pub const DIAGNOSES: &[Diagnosis] = &[
    row(OBSERVER_STALLED, "tokscope itself stalled", observer_stalled),
    row(SENT_LATE, "sent late by tokscope", sent_late),
    row(READ_LATE, "read late by tokscope", read_late),
    row(RETRIED, "needed retries", retried),
    row(FAKE_STREAMING, "not streamed: the whole answer was buffered", fake_streaming),
    row("bursts", "events in bursts", bursts),
    row("pauses", "pauses in the stream", pauses),
    row("shared_reads", "most events share a read", shared_reads),
    row(UNRESOLVED, "figures unresolved", unresolved),
    row("text_held_back", "text held back", text_held_back),
    row("tokens_per_event", "several tokens an event", tokens_per_event),
    row("slower_than_server", "slower than the server's own clock", slower_than_server),
    row("no_finish_reason", "no finish reason", no_finish_reason),
    row("cut_short", "cut short by the server", cut_short),
    row("filtered", "ended by the server's filter", filtered),
    row("unknown_finish_reason", "unknown finish reason", unknown_finish_reason),
    row("choices_end_differently", "choices end differently", choices),
    row("more_than_asked", "more tokens than asked for", more_than_asked),
    row(USAGE_MISSING, "no usage", usage_missing),
    row("usage_contradicts_stream", "usage contradicts the stream", usage_contradicts_stream),
    row("hidden_reasoning", "hidden reasoning", hidden_reasoning),
    row(WARM_PREFIX, "from the prefix cache", warm_prefix),
];

/// Key of the finding that the answer was complete before its first text came.
pub const FAKE_STREAMING: &str = "fake_streaming";

/// Key of the finding that figures are missing because events shared reads, where no other finding says it.
pub const UNRESOLVED: &str = "unresolved";

/// Key of the finding that part of the prompt was in the server's cache.
pub const WARM_PREFIX: &str = "warm_prefix";

/// Key of the finding that the thread that reads the streams stood still.
pub const OBSERVER_STALLED: &str = "observer_stalled";

/// Key of the finding that tokscope itself kept a request waiting.
pub const SENT_LATE: &str = "sent_late";

/// Key of the finding that tokscope itself read so late that events piled up.
pub const READ_LATE: &str = "read_late";

/// Key of the finding that an attempt needed more than one try.
pub const RETRIED: &str = "retried";

/// Findings of an attempt that is over. Of one that the user gave up there are none.
pub fn diagnose(record: &AttemptRecord, asked_max_tokens: u32) -> Vec<Finding> {
    if record.status == AttemptStatus::Cancelled {
        return Vec::new();
    }
    let subject = Subject { record, asked_max_tokens, timeline: Timeline::from_record(record) };
    let found = |d: &Diagnosis| Some(Finding::new(d.key, (d.find)(&subject)?));
    DIAGNOSES.iter().filter_map(found).collect()
}

/// What every diagnosis looks at.
struct Subject<'a> {
    record: &'a AttemptRecord,
    asked_max_tokens: u32,
    timeline: Timeline,
}

impl Subject<'_> {
    /// Why the whole answer came at once, where that is not tokscope's own standstill.
    fn not_streamed(&self) -> Option<Unresolved> {
        let why = self.record.not_streamed().filter(|why| *why != Unresolved::NotStreamed)?;
        let is_own = matches!(why, Unresolved::AtOnce { .. }) && self.timeline.observer_explains_wait();
        (!is_own).then_some(why)
    }

    /// The server's count of the tokens whose text was streamed.
    fn visible_tokens(&self) -> Option<u64> {
        let usage = self.record.usage;
        let hidden = if self.record.has_hidden_reasoning() { usage.reasoning_tokens.unwrap_or(0) } else { 0 };
        usage.completion_tokens.map(|n| n.saturating_sub(hidden))
    }
}

/// Milliseconds as seconds for people.
fn seconds(ms: f64) -> String {
    format!("{:.2} s", ms / 1000.0)
}

// ─── The timeline ───

/// An answer of so many tokens is more than one or two events can stream.
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
        "tokscope itself stalled {times}, for up to {length}, {when}; events received meanwhile have late timestamps"
    ))
}

/// A delay of our own is worth a word from this part of the figure it is in, the bound of what a figure may be off;
const LATE_SHARE: f64 = 0.1;
/// and from so many milliseconds: in an open loop it is part of the TTFT,
const LATE_MS: f64 = 5.0;
/// in a closed one of no figure but the throughput.
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

/// From this share of the time between two reads on, the delay of the reader makes the pattern in which events come.
const READ_LATE_SHARE: f64 = 0.5;

fn read_late(s: &Subject<'_>) -> Option<String> {
    let late = s.record.observer_lag_ms?;
    let t = &s.timeline;
    let reads = t.events.saturating_sub(t.coalesced).max(1);
    let apart = t.bursts.map_or(t.window_ms / reads as f64, |b| b.apart_ms);
    let piled_up = t.bursts.is_some() || shares_reads(t);
    // Events that no server makes within the delay were together before: the reader did not pile them up.
    let bunches = Resolution::from_arrivals(&s.record.arrivals).bunches.max(1);
    let together = t.bursts.map_or(t.events as f64 / bunches as f64, |b| b.mean_events);
    // Nor does a late reader cause a Content-Length.
    let could_be_made = together <= late * FASTEST_TOKENS_PER_MS && s.record.content_length.is_none();
    (piled_up && could_be_made && late >= apart * READ_LATE_SHARE).then(|| {
        format!(
            "tokscope itself read {late:.1} ms late on average, with {apart:.1} ms between reads; the events may have arrived one by one"
        )
    })
}

/// From half of them on the median gap is 0.
fn shares_reads(t: &Timeline) -> bool {
    t.events >= timeline::ENOUGH_EVENTS && t.coalesced as f64 >= t.events as f64 * 0.5
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
    let told = |(kind, status, n): &(&str, Option<u16>, usize)| match status {
        Some(status) => format!("{n} × HTTP {status}"),
        None => format!("{n} × {kind}"),
    };
    let before = kinds.iter().map(told).reduce(|a, b| format!("{a}, {b}"))?;
    let last = record.retries.len() + 1;
    let how = if record.is_ok() { "answered" } else { "failed, too," };
    let clock = match record.intended {
        Some(_) => "the times count from the intended start and hold all tries and waits",
        None => "the times count from the last try",
    };
    Some(format!("{how} at try {last} after {before}; {clock}"))
}

fn fake_streaming(s: &Subject<'_>) -> Option<String> {
    let (wait_ms, events) = (s.timeline.wait_ms, s.timeline.events);
    if let Some(why) = s.not_streamed() {
        return Some(format!("the answer was not streamed: {why}; TTFT and ITL do not reflect the model"));
    }
    if let (2, Some(tokens)) = (events, s.visible_tokens().filter(|&n| n >= MANY_TOKENS)) {
        return Some(format!(
            "the answer was not streamed: all {tokens} tokens arrived in two events; TTFT and ITL do not reflect the model"
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
    // Verified drafts come a handful at a time; what holds more than that is a buffer.
    let cause = if b.mean_events < 8.0 {
        "something on the way buffers them, or the server decodes several tokens at a time"
    } else {
        "something on the way buffers them"
    };
    let (events, apart) = (b.mean_events, b.apart_ms);
    Some(format!("events come in bursts of {events:.1} on average, {apart:.0} ms apart: {cause}"))
}

fn pauses(s: &Subject<'_>) -> Option<String> {
    if is_fake(s) {
        return None;
    }
    let p = s.timeline.pauses()?;
    let (longest, at) = (seconds(p.longest_ms), seconds(p.longest_at_ms));
    Some(match p.count {
        1 => format!("the stream paused for {longest}, {at} after the request"),
        n => format!(
            "the stream paused {n} times, {} in all: the longest for {longest}, {at} after the request",
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
    let told = s.timeline.bursts.is_some() || is_fake(s);
    (shares_reads(&s.timeline) && !told).then(|| {
        format!(
            "{:.0}% of the events shared a read with the one before; gaps are coarser than the tokens",
            share * 100.0
        )
    })
}

/// Says why figures are missing where the findings before do not.
fn unresolved(s: &Subject<'_>) -> Option<String> {
    // A document at once has a warning of its own.
    let is_told = is_fake(s) || s.timeline.bursts.is_some() || s.timeline.events == 0;
    if !s.record.is_ok() || is_told {
        return None;
    }
    let first = s.record.unresolved_first_token().map(|why| ("TTFT is", why));
    let flow = s.record.unresolved_inter_token().filter(|why| *why != Unresolved::HiddenReasoning);
    let (what, why) = match (first, flow) {
        (Some(_), Some(why)) => ("TTFT, ITL and decode speed are", why),
        (None, Some(why)) => ("ITL and decode speed are", why),
        (first, None) => first?,
    };
    // A stop of tokscope piles events up as a buffer does.
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
    // Characters of several tokens and control tokens make short answers differ by a few.
    let many = events >= 3 && tokens >= events + 16 && tokens >= events + events / 2;
    let mean = tokens as f64 / events as f64;
    many.then(|| format!("events carry {mean:.1} tokens on average: gaps are between events, not tokens"))
}

fn slower_than_server(s: &Subject<'_>) -> Option<String> {
    let theirs = s.record.server_timings.as_ref()?;
    let (server, here) = theirs.decode_beside_ours(s.record)?;
    let long_enough = s.timeline.window_ms >= 200.0 && s.timeline.events >= timeline::ENOUGH_EVENTS;
    (long_enough && here < server * 0.85).then(|| {
        let lost = (1.0 - here / server) * 100.0;
        format!(
            "{} decoded at {server:.1} tok/s by its own clock, {here:.1} arrived here: {lost:.0} % were lost on the way",
            theirs.source.name()
        )
    })
}

// ─── What it counted ───

fn more_than_asked(s: &Subject<'_>) -> Option<String> {
    let tokens = s.record.usage.completion_tokens.filter(|&n| n > u64::from(s.asked_max_tokens))?;
    Some(format!("{tokens} tokens came although {} were asked for", s.asked_max_tokens))
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
        format!("the server counts {tokens} tokens but sent {events} events with text: its usage leaves some out, or it splits tokens")
    })
}

/// More events with text than tokens, by more than a flushed rest or two.
fn counts_too_few(s: &Subject<'_>) -> bool {
    let events = s.timeline.events as u64;
    s.record.usage.completion_tokens.is_some_and(|n| n.saturating_add((events / 20).max(2)) < events)
}

fn hidden_reasoning(s: &Subject<'_>) -> Option<String> {
    s.record
        .has_hidden_reasoning()
        .then(|| "reasoning was billed but not streamed: the decode speed is not computable".to_owned())
}

fn warm_prefix(s: &Subject<'_>) -> Option<String> {
    let cached = s.record.usage.cached_tokens?;
    (s.record.prefix_cache() == PrefixCache::Warm)
        .then(|| format!("{cached} prompt tokens came from the prefix cache: this TTFT is a warm one"))
}

#[cfg(test)]
mod tests;

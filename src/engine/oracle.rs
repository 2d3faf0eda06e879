//! Invariants of the path from socket to record, for arbitrary bytes and reads. Fuzzer and property tests check them.

use super::failure::Failure;
use super::intake::Intake;
use super::recorder::{MAX_ARRIVALS, MAX_TEXT_BYTES, Recorder};
use crate::domain::attempt::{AttemptId, AttemptRecord};
use crate::domain::time::Nanos;
use crate::protocol::api::{APIS, Api, Framing};
use crate::protocol::framing::{EventReader, EventTooLarge};
use crate::protocol::lines::LineReader;
use crate::protocol::surrogates::SurrogateJoiner;

/// Content encodings to try.
const ENCODINGS: [&str; 3] = ["", "gzip", "deflate"];

/// Checks the invariants for an input. Byte 0 selects API and encoding. Byte 1 gives the number of cut positions, which
/// follow; the rest is the response.
pub fn check(input: &[u8]) -> Result<(), String> {
    let [choice, cuts, rest @ ..] = input else { return Ok(()) };
    let Some(api) = APIS.get(usize::from(*choice) % APIS.len()) else { return Ok(()) };
    let encoding = ENCODINGS.get(usize::from(*choice) / APIS.len() % ENCODINGS.len()).copied().unwrap_or_default();
    let (cuts, bytes) = rest.split_at(usize::from(cuts % 16).min(rest.len()));
    let mut places: Vec<usize> = cuts.iter().map(|&c| usize::from(c) * bytes.len() / 256).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    let reads: Vec<&[u8]> = places.windows(2).filter_map(|w| bytes.get(*w.first()?..*w.get(1)?)).collect();

    let whole = feed(api, encoding, &[bytes]);
    let split = feed(api, encoding, &reads);
    for record in [&whole, &split] {
        if record.text.len() > MAX_TEXT_BYTES || record.reasoning.len() > MAX_TEXT_BYTES {
            return Err("more text is kept than is meant to be".to_owned());
        }
        if record.arrivals.len() > MAX_ARRIVALS {
            return Err("more arrivals are kept than are meant to be".to_owned());
        }
        if record.arrivals.windows(2).any(|w| matches!(w, [a, b] if a.at > b.at)) {
            return Err("an arrival is before the one before it".to_owned());
        }
    }
    // For a broken compressed body, the decompressed output depends on the reads.
    if encoding.is_empty() {
        same(&whole, &split)?;
        nothing_lost(api, bytes, &whole)?;
    }
    Ok(())
}

fn feed(api: &'static Api, encoding: &str, reads: &[&[u8]]) -> AttemptRecord {
    let record = AttemptRecord::started(AttemptId::default(), false, String::new(), String::new(), Nanos::default());
    let mut recorder = Recorder::new(record, api);
    let mut at = Nanos::default();
    let outcome: Result<(), Failure> = Intake::new(encoding, &mut recorder).and_then(|mut intake| {
        for read in reads {
            at = Nanos(at.0 + 1);
            intake.next_read();
            intake.take(at, read, &mut recorder)?;
        }
        intake.end(at, None, &mut recorder)
    });
    match outcome {
        Ok(()) => recorder.settle(),
        Err(failure) => recorder.fail(failure),
    }
    recorder.warn_about(u32::MAX);
    recorder.record
}

/// Checks that two divisions into reads differ in times only.
fn same(a: &AttemptRecord, b: &AttemptRecord) -> Result<(), String> {
    let facts = |r: &AttemptRecord| {
        let kinds: Vec<_> = r.arrivals.iter().map(|a| a.kind).collect();
        let reasons = (r.finish_reason.clone(), r.choice_finish_reasons.clone());
        let counts = (r.event_count, r.first_token_event_index, r.usage);
        (r.status, r.error.clone(), counts, r.text.clone(), r.reasoning.clone(), reasons, kinds)
    };
    let (a, b) = (facts(a), facts(b));
    if a == b { Ok(()) } else { Err(format!("the reads make a difference: {a:?} and {b:?}")) }
}

/// Checks that the record holds all generated text up to the first error or the last event, except for thinking tags.
fn nothing_lost(api: &'static Api, bytes: &[u8], record: &AttemptRecord) -> Result<(), String> {
    if record.event_count == 0 {
        return Ok(());
    }
    let (mut content, mut reasoning_bytes, mut over) = (String::new(), 0, false);
    let (mut text_halves, mut reasoning_halves) = (SurrogateJoiner::default(), SurrogateJoiner::default());
    let mut add = |name: &str, data: &str| -> Result<(), EventTooLarge> {
        over |= data.trim_ascii() == "[DONE]";
        let is_foreign = name != "message" && api.ignores_named_events;
        let read = if is_foreign { api.read(data.trim_ascii()) } else { api.read_or_error(data.trim_ascii()) };
        if let (false, Ok(chunk)) = (over, read) {
            if chunk.others.is_empty() {
                content.push_str(&text_halves.join(&chunk.text, chunk.has_marks));
                reasoning_bytes += reasoning_halves.join(&chunk.reasoning, chunk.has_marks).len();
            }
            // Count text in an event with an error, too.
            over |= chunk.error.is_some() || chunk.is_end;
        }
        over |= name == "error";
        Ok(())
    };
    let first = bytes.iter().find(|b| !b.is_ascii_whitespace());
    if api.framing == Framing::Ndjson && first == Some(&b'{') {
        let mut lines = LineReader::default();
        let _whole = lines.push(bytes, &mut |line| add("message", line));
        let _whole = lines.finish(&mut |line| add("message", line));
    } else {
        let mut events = EventReader::default();
        let _whole = events.push(bytes, &mut |event| add(event.name, event.data));
        let _whole = events.finish(&mut |event| add(event.name, event.data));
    }
    let (sent, kept) = (content.len() + reasoning_bytes, record.text.len() + record.reasoning.len());
    if kept >= MAX_TEXT_BYTES || kept + tag_bytes(&content) >= sent {
        Ok(())
    } else {
        Err(format!("{sent} bytes of text were sent and {kept} kept"))
    }
}

/// Returns the maximum number of bytes that the removal of inline thinking tags, and of white space before them, may
/// take away.
fn tag_bytes(content: &str) -> usize {
    let (open, close) = ("<think>", "</think>");
    let begun = content.trim_start();
    let opening = if begun.starts_with(open) { content.len() - begun.len() + open.len() } else { 0 };
    opening + if content.contains(close) { close.len() } else { 0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Generates bytes that reach deep into the parsers: events, parts of events, and noise.
    fn piece() -> impl Strategy<Value = Vec<u8>> {
        let known: Vec<&[u8]> = vec![
            b"data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n",
            b"data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"b\",\"reasoning\":\"c\"}}]}\r\n\r\n",
            b"data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"r\"},\"finish_reason\":\"stop\"}]}\n\n",
            b"data: {\"choices\":[{\"delta\":{\"content\":\"<think>\"}}]}\n\n",
            b"data: {\"choices\":[{\"delta\":{\"content\":\"</th\"}}]}\n\n",
            b"data: {\"choices\":[{\"delta\":{\"content\":\"ink>\\ud83d\"}}]}\n\n",
            b"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":18446744073709551615}}\n\n",
            b"data: {\"error\":{\"message\":\"x\"}}\n\n",
            b"event: error\ndata: {\"message\":\"x\"}\n\n",
            b"error: {\"message\":\"x\"}\n\n",
            b"{\"error\":{\"message\":\"x\"}}\n",
            b"{\n\"choices\": [{\"delta\":{\"content\":\"d\"}}]\n}\n",
            b"data: {\"message\":\"x\",\"code\":500}\n\n",
            b"data: {\"choices\":[{\"delta\":{\"content\":\"\\ude00e\"}}],\"error\":\"x\"}\n\n",
            b"data: {\"choices\":[{\"delta\":{\"content\":\"\\ude00f\\ud83d\"}}]}\n\n",
            b"data: {\"choices\":[{\"index\":1,\"delta\":{},\"finish_reason\":{\"type\":\"abort\"}}]}\n\n",
            b"data: {\"choices\":[{\"text\":\"g\",\"finish_reason\":\"pause_turn\"}]}\n\n",
            b"data: {\"type\":\"response.output_text.delta\",\"delta\":\"a\"}\n\n",
            b"data: {\"type\":\"content_block_delta\",\"delta\":{\"thinking\":\"t\"}}\n\n",
            b"{\"message\":{\"content\":\"a\",\"thinking\":\"t\"},\"done\":false}\n",
            b"{\"message\":{\"content\":\"\"},\"done\":true,\"eval_count\":3}\n",
            b"data: [DONE]\n\n",
            b": ping\n\n",
            b"\xef\xbb\xbf",
            b"data:",
            b"\n",
            b"\r",
            b"{",
            b"<html>",
        ];
        prop_oneof![
            4 => prop::sample::select(known).prop_map(<[u8]>::to_vec),
            1 => prop::collection::vec(any::<u8>(), 0..8),
        ]
    }

    proptest! {
        #[test]
        fn holds_for_streams_with_noise(
            head in prop::collection::vec(any::<u8>(), 18..19),
            pieces in prop::collection::vec(piece(), 0..12),
            plain in prop::bool::weighted(0.8),
        ) {
            let mut input = head;
            if plain {
                input[0] %= APIS.len() as u8;
            }
            input.extend(pieces.concat());
            prop_assert_eq!(check(&input), Ok(()));
        }

        #[test]
        fn holds_for_any_bytes(input in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(check(&input), Ok(()));
        }
    }
}

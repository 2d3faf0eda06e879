//! Tests from the bytes of a response to the record.

mod ends;
mod limits;
mod transcripts;

use proptest::prelude::*;

use super::*;
use crate::domain::attempt::{AttemptId, AttemptRecord, TextKind};
use crate::protocol::api::{Api, CHAT, OLLAMA, RESPONSES};

/// Returns the record of an attempt whose response arrives in these reads: the first 100 ms after the start, then one
/// every 10 ms.
fn feed_as(api: &'static Api, encoding: &str, reads: &[&[u8]]) -> AttemptRecord {
    let id = AttemptId { case: 0, number: 1 };
    let record = AttemptRecord::started(id, false, "r".into(), "m".into(), Nanos::default());
    let mut recorder = Recorder::new(record, api);
    let mut at = Nanos::from_millis(90);
    let outcome = Intake::new(encoding, &mut recorder).and_then(|mut intake| {
        for read in reads {
            at = at.plus(std::time::Duration::from_millis(10));
            intake.next_read();
            intake.take(at, read, &mut recorder)?;
        }
        intake.end(at, None, &mut recorder)
    });
    match outcome {
        Ok(()) => recorder.settle(),
        Err(failure) => recorder.fail(failure),
    }
    recorder.warn_about(1000);
    recorder.record
}

fn feed(reads: &[&[u8]]) -> AttemptRecord {
    feed_as(&CHAT, "", reads)
}

/// Formats a record on one line: status; index of the first event with text, and the kind of each arrival (`r`easoning
/// or `a`nswer); reasoning and text; prompt, completion, reasoning and cached tokens; finish reason.
fn line(record: &AttemptRecord) -> String {
    let kinds: String = record.arrivals.iter().map(|a| if a.kind == TextKind::Reasoning { 'r' } else { 'a' }).collect();
    let or_dash = |n: Option<u64>| n.map_or_else(|| "-".to_owned(), |n| n.to_string());
    let usage = record.usage;
    let tokens = [usage.prompt_tokens, usage.completion_tokens, usage.reasoning_tokens, usage.cached_tokens];
    format!(
        "{}{} | {}:{kinds} | {:?} {:?} | {} | {}",
        record.status.as_str(),
        record.error.as_ref().map_or_else(String::new, |e| format!(" ({}: {})", e.kind, e.message)),
        or_dash(record.first_token_event_index.map(u64::from)),
        record.reasoning,
        record.text,
        tokens.map(or_dash).join("/"),
        record.finish_reason.as_deref().unwrap_or("-"),
    )
}

fn text_event(text: &str) -> String {
    format!("data: {}\n\n", serde_json::json!({ "choices": [{ "delta": { "content": text } }] }))
}

#[test]
fn an_event_has_the_time_of_the_read_that_completed_it() {
    let (a, b) = (text_event("a"), text_event("b"));
    let (b1, b2) = b.split_at(20);
    let reads = [": ping\n\n", &a, b1, b2, &(text_event("c") + &text_event("d")), "data: [DONE]\n\n"];
    let record = feed(&reads.map(str::as_bytes));
    let times: Vec<_> = record.arrivals.iter().map(|a| (a.at.millis_since(Nanos::default()), a.coalesced)).collect();
    assert_eq!(times, [(110.0, false), (130.0, false), (140.0, false), (140.0, true)]);
    assert_eq!((record.first_token_event_index, record.event_count), (Some(0), 5));
    // The end of the stream counts towards the latency, but not as a token.
    assert_eq!(record.request_latency_ms(), Some(140.0));
}

#[test]
fn inline_reasoning_does_not_count_as_the_first_output_token() {
    let reads = ["why", "</th", "ink>", "so", "."].map(text_event);
    let record = feed(&reads.each_ref().map(String::as_bytes));
    assert_eq!(record.time_to_first_token_ms(), Some(100.0));
    assert_eq!(record.time_to_first_output_token_ms(), Some(130.0));
}

#[test]
fn the_first_byte_decides_the_format_of_a_body() {
    let event = text_event("a");
    for (api, body, text) in [
        (&CHAT, format!("\u{feff}{event}"), "a"),
        (&CHAT, format!("\r\n \n{event}"), "a"),
        (&CHAT, format!(": comment\n\n{event}"), "a"),
        (&CHAT, format!("event: message\n{event}"), "a"),
        (&CHAT, "\u{feff} {\"choices\":[{\"message\":{\"content\":\"a\"}}]}".to_owned(), "a"),
        (&OLLAMA, "\n{\"message\":{\"content\":\"a\"}}\n".to_owned(), "a"),
        (&OLLAMA, "data: {\"message\":{\"content\":\"a\"}}\n\n".to_owned(), "a"),
    ] {
        for at in 0..body.len() {
            let (first, second) = body.as_bytes().split_at(at);
            assert_eq!(feed_as(api, "", &[first, second]).text, text, "{body:?} at {at}");
        }
    }
    assert_eq!(line(&feed(&[])), line(&feed(&[b" \n"])));
    assert!(line(&feed(&[])).starts_with("truncated"));
}

#[test]
fn compressed_streams_are_decompressed_per_read_with_a_warning() {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut reads: Vec<Vec<u8>> = Vec::new();
    for event in [text_event("a"), text_event("b"), "data: [DONE]\n\n".to_owned()] {
        let before = encoder.get_ref().len();
        encoder.write_all(event.as_bytes()).unwrap();
        encoder.flush().unwrap();
        reads.push(encoder.get_ref()[before..].to_vec());
    }
    let reads: Vec<&[u8]> = reads.iter().map(Vec::as_slice).collect();
    let record = feed_as(&CHAT, "gzip", &reads);
    assert_eq!((record.is_ok(), record.text.as_str()), (true, "ab"));
    assert_eq!(record.arrivals.iter().map(|a| a.at).collect::<Vec<_>>(), [100, 110].map(Nanos::from_millis));
    assert!(record.warnings.iter().any(|w| w.contains("compressed")), "{:?}", record.warnings);

    let broken = feed_as(&CHAT, "gzip", &[reads[0], b"\0\0\0 garbage"]);
    assert!(line(&broken).starts_with("stream_error (encoding: "), "{}", line(&broken));
    assert_eq!(broken.text, "a");
    let brotli = feed_as(&CHAT, "br", &[b"\x8b\x00"]);
    assert!(line(&brotli).starts_with("stream_error (encoding: the response is compressed as 'br'"));
}

#[test]
fn a_complete_answer_survives_a_broken_connection() {
    let cut = || Some(Failure::new(AttemptStatus::Truncated, "cut", "reset"));
    for (body, expected) in [
        (text_event("a"), Err(cut().unwrap())),
        (text_event("a") + "data: [DONE]\n\n", Ok(())),
        (text_event("a") + "data: [DONE]", Ok(())),
        ("{\"choices\":[{\"mess".to_owned(), Err(cut().unwrap())),
        ("<html><bo".to_owned(), Err(cut().unwrap())),
        (String::new(), Err(cut().unwrap())),
        ("data: {\"error\":\"boom\"}".to_owned(), Err(Failure::new(AttemptStatus::StreamError, "server", "boom"))),
    ] {
        let record = AttemptRecord::started(AttemptId::default(), false, "r".into(), "m".into(), Nanos::default());
        let mut recorder = Recorder::new(record, &CHAT);
        let mut intake = Intake::new("", &mut recorder).unwrap();
        intake.take(Nanos(1), body.as_bytes(), &mut recorder).unwrap();
        assert_eq!(intake.end(Nanos(2), cut(), &mut recorder), expected, "{body}");
    }
}

#[test]
fn invalid_utf8_and_malformed_events_have_warnings() {
    let broken =
        [b"data: {\"choices\":[{\"delta\":{\"content\":\"a\xff\"}}]}\n\n".as_slice(), b"data: {oh\n\n"].concat();
    let record = feed(&[&broken, b"data: [DONE]\n\n"]);
    assert_eq!(record.text, "a\u{fffd}");
    for warning in ["1 events were not valid JSON", "1 events held invalid UTF-8"] {
        assert!(record.warnings.iter().any(|w| w.starts_with(warning)), "{warning} in {:?}", record.warnings);
    }
}

/// Generates a piece of a stream, and the answer text that the piece adds if it arrives undivided.
fn piece() -> impl Strategy<Value = (String, String)> {
    let text = prop::sample::select(vec!["a", " ", "\n", "é", "日本", "😀", "<b>", "\u{2028}", "\"", "\\", "data: x"]);
    prop_oneof![
        6 => text.prop_map(|t| (text_event(t), t.to_owned())),
        1 => Just((": ping\n\n".to_owned(), String::new())),
        1 => Just((":\r\n\r\n".to_owned(), String::new())),
        1 => Just(("event: progress\ndata: 7\n\n".to_owned(), String::new())),
        1 => Just(("data: {broken\n\n".to_owned(), String::new())),
        1 => Just(("data: {\"choices\":[],\"usage\":null}\r\n\r\n".to_owned(), String::new())),
    ]
}

proptest! {
    #[test]
    fn no_text_is_lost_wherever_reads_are_cut(
        pieces in prop::collection::vec(piece(), 0..20),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let stream: String = pieces.iter().map(|(bytes, _)| bytes.as_str()).collect();
        let text: String = pieces.iter().map(|(_, text)| text.as_str()).collect();
        let mut places: Vec<usize> = cuts.iter().map(|c| c.index(stream.len() + 1)).collect();
        places.extend([0, stream.len()]);
        places.sort_unstable();
        let reads: Vec<&[u8]> = places.windows(2).map(|w| &stream.as_bytes()[w[0]..w[1]]).collect();
        let record = feed(&reads);
        prop_assert_eq!(&record.text, &text);
        prop_assert_eq!(record.arrivals.len(), pieces.iter().filter(|(_, t)| !t.is_empty()).count());
        prop_assert!(record.arrivals.windows(2).all(|w| w[0].at <= w[1].at));
    }

    #[test]
    fn any_bytes_in_any_reads_are_accepted(
        reads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..10),
        api in prop::sample::select(vec![&CHAT, &RESPONSES, &OLLAMA]),
        encoding in prop::sample::select(vec!["", "gzip", "deflate"]),
    ) {
        let reads: Vec<&[u8]> = reads.iter().map(Vec::as_slice).collect();
        let record = feed_as(api, encoding, &reads);
        prop_assert!(record.text.len() <= reads.concat().len() * 1032);
    }
}

//! Tests of the memory limits.

use super::*;
use crate::engine::recorder::{MAX_ARRIVALS, MAX_TEXT_BYTES};
use crate::protocol::framing::MAX_EVENT_BYTES;

fn recorder() -> Recorder {
    Recorder::new(AttemptRecord::started(AttemptId::default(), false, "r".into(), "m".into(), Nanos::default()), &CHAT)
}

fn oversized(outcome: Result<(), Failure>) -> String {
    match outcome {
        Err(Failure { kind: "oversized", message, .. }) => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_event_of_one_mebibyte_is_read_and_an_endless_one_rejected() {
    let large = "y".repeat(1 << 20);
    assert_eq!(feed(&[text_event(&large).as_bytes()]).text, large);
    let mut recorder = recorder();
    let mut intake = Intake::new("", &mut recorder).unwrap();
    intake.take(Nanos(1), b"data: ", &mut recorder).unwrap();
    let outcome = intake.take(Nanos(1), &vec![b'x'; MAX_EVENT_BYTES], &mut recorder);
    assert!(oversized(outcome).contains("16 MiB"));
}

#[test]
fn four_mebibytes_of_text_are_kept_and_the_rest_is_counted() {
    let piece = "é".repeat(300_000);
    let events: Vec<_> = (0..8).map(|_| text_event(&piece)).collect();
    let reads: Vec<&[u8]> = events.iter().map(String::as_bytes).collect();
    let record = feed(&reads);
    assert_eq!(record.text.len(), MAX_TEXT_BYTES);
    assert_eq!(record.arrivals.len(), 8);
    assert!(record.warnings.iter().any(|w| w.contains("4 MiB")), "{:?}", record.warnings);
}

#[test]
fn an_endless_stream_ends_at_the_limit_of_arrivals() {
    let mut recorder = recorder();
    let text = r#"{"choices":[{"delta":{"content":"a"}}]}"#;
    recorder.event(Nanos(1), 1, text).unwrap();
    // Pretend that this many arrivals came before.
    let arrival = recorder.record.arrivals[0];
    recorder.record.arrivals = vec![arrival; MAX_ARRIVALS - 1];
    recorder.event(Nanos(1), 1, text).unwrap();
    let outcome = recorder.event(Nanos(1), 1, text);
    assert!(oversized(outcome).contains("million"));
    assert_eq!(recorder.record.arrivals.len(), MAX_ARRIVALS);
}

#[test]
fn an_endless_body_of_comments_ends_at_the_limit() {
    let mut recorder = recorder();
    let mut intake = Intake::new("", &mut recorder).unwrap();
    // Pretend that this many bytes came before.
    intake.take(Nanos(1), b": ping\n\n", &mut recorder).unwrap();
    intake.bytes = MAX_BODY_BYTES - 1;
    assert!(intake.take(Nanos(2), b"\n", &mut recorder).is_ok());
    assert!(oversized(intake.take(Nanos(2), b"\n", &mut recorder)).contains("512 MiB"));
}

#[test]
fn documents_pages_and_white_space_are_bounded() {
    let document = [b"{\"a\":\"".as_slice(), &vec![b'x'; MAX_DOCUMENT_BYTES]].concat();
    let record = feed(&[&document]);
    assert!(line(&record).starts_with("stream_error (oversized: "), "{}", line(&record));
    let page = [b"<p>oh no</p>".as_slice(), &vec![b' '; MAX_PAGE_BYTES]].concat();
    let record = feed(&[&page]);
    assert!(line(&record).starts_with("stream_error (no_stream: the server sent no stream, but: oh no)"));
    let record = feed(&[&vec![b'\n'; MAX_PAGE_BYTES]]);
    assert!(line(&record).starts_with("stream_error (no_stream: "), "{}", line(&record));
}

#[test]
fn a_decompression_bomb_ends_at_the_limit() {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(b"data: ").unwrap();
    for _ in 0..=MAX_EVENT_BYTES >> 20 {
        encoder.write_all(&vec![b'x'; 1 << 20]).unwrap();
    }
    let record = feed_as(&CHAT, "gzip", &[&encoder.finish().unwrap()]);
    assert!(line(&record).starts_with("stream_error (oversized: "), "{}", line(&record));
}

#[test]
fn choices_and_warnings_are_bounded() {
    let mut recorder = recorder();
    for index in 0..1000 {
        let event = format!(r#"{{"choices":[{{"index":{index},"delta":{{"content":"a"}}}}]}}"#);
        recorder.event(Nanos(1), 1, &event).unwrap();
    }
    recorder.settle();
    assert_eq!(recorder.record.text.matches("[choice ").count(), 127);
    assert_eq!(recorder.record.arrivals.len(), 1000);

    let line = "{\"message\":{\"content\":\"a\"},\"done\":true,\"load_duration\":9000000000}\n".repeat(1000);
    assert!(feed_as(&OLLAMA, "", &[line.as_bytes()]).warnings.len() < 30);
}

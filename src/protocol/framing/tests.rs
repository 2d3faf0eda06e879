use proptest::prelude::*;

use super::*;

/// Appends an event as `name|data`.
#[expect(clippy::unnecessary_wraps, reason = "callbacks of a reader return a result")]
fn keep(out: &mut Vec<String>, event: SseEvent<'_>) -> Result<(), EventTooLarge> {
    out.push(format!("{}|{}", event.name, event.data));
    Ok(())
}

/// Returns the events of a stream that arrives in these reads, as `name|data`.
fn events(reads: &[&[u8]]) -> Vec<String> {
    let mut reader = EventReader::default();
    let mut out = Vec::new();
    let mut each = |event: SseEvent<'_>| keep(&mut out, event);
    for read in reads {
        reader.push(read, &mut each).unwrap();
    }
    reader.finish(&mut each).unwrap();
    out
}

/// Returns the events according to eventsource-stream alone. The text has LF line ends; a blank line is appended.
fn reference(text: &str) -> Vec<String> {
    let mut unusual = FullParser::default();
    let mut out = Vec::new();
    for line in text.split('\n') {
        unusual.line(line, &mut |event| keep(&mut out, event)).unwrap();
    }
    unusual.line("", &mut |event| keep(&mut out, event)).unwrap();
    out
}

#[test]
fn every_line_end_field_and_split_is_read() {
    let stream = "\u{feff}data: é1\r\n\r\ndata: 2\r\rdata:3\n\n: ping\n\nevent: error\ndata: a\ndata: b\n\n\
                  id: 7\nretry: 5\ndata:  4 \n\n:\r\ndata\n\ndata:\n\ndata: \u{2028}\u{85}\n\ndata: 5"
        .as_bytes();
    let expected =
        ["message|é1", "message|2", "message|3", "error|a\nb", "message| 4 ", "message|\u{2028}\u{85}", "message|5"];
    assert_eq!(events(&[stream]), expected);
    for at in 0..=stream.len() {
        let (a, b) = stream.split_at(at);
        assert_eq!(events(&[a, b]), expected, "split at {at}");
    }
    let single: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(events(&single), expected);
}

#[test]
fn an_event_is_complete_only_with_its_blank_line() {
    let mut reader = EventReader::default();
    let mut seen = Vec::new();
    reader.push(b"data: a\n", &mut |event| keep(&mut seen, event)).unwrap();
    assert!(seen.is_empty());
    reader.push(b"\n", &mut |event| keep(&mut seen, event)).unwrap();
    assert_eq!(seen, ["message|a"]);
}

#[test]
fn an_invalid_byte_becomes_one_replacement_character() {
    assert_eq!(events(&[b"data: a\xffb\n\n", b"data: c\n\n"]), ["message|a\u{fffd}b", "message|c"]);
    assert_eq!(events(&[b"event: x\ndata: a\xffb\n\n", b"data: c\n\n"]), ["x|a\u{fffd}b", "message|c"]);
}

#[test]
fn many_events_in_one_read_and_one_event_in_many_reads() {
    let many = "data: x\n\n".repeat(5000);
    assert_eq!(events(&[many.as_bytes()]).len(), 5000);
    let large = format!("data: {}\n\n", "y".repeat(1 << 20));
    let reads: Vec<&[u8]> = large.as_bytes().chunks(1000).collect();
    assert_eq!(events(&reads), [format!("message|{}", "y".repeat(1 << 20))]);
}

#[test]
fn an_event_without_end_is_rejected() {
    let mut reader = EventReader::default();
    let block = vec![b'x'; MAX_EVENT_BYTES];
    assert_eq!(reader.push(&block, &mut |_| Ok(())), Ok::<_, EventTooLarge>(()));
    assert_eq!(reader.push(b"x", &mut |_| Ok(())), Err(EventTooLarge));

    let mut reader = EventReader::default();
    let line = format!("data: {}\n", "x".repeat(1 << 20));
    let outcome = (0..20).try_for_each(|_| reader.push(line.as_bytes(), &mut |_| Ok(())));
    assert_eq!(outcome, Err(EventTooLarge));
}

#[test]
fn the_first_error_of_the_callback_ends_the_read() {
    for stream in ["data: a\n\ndata: b\n\ndata: c\n\n", "data: a\r\n\r\ndata: b\r\n\r\ndata: c\r\n\r\n"] {
        let mut taken = Vec::new();
        let outcome = EventReader::default().push(stream.as_bytes(), &mut |event| {
            keep(&mut taken, event)?;
            if event.data == "b" { Err(EventTooLarge) } else { Ok(()) }
        });
        assert_eq!((outcome, taken), (Err(EventTooLarge), vec!["message|a".to_owned(), "message|b".to_owned()]));
    }
}

fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "data: ",
        "data:",
        "data",
        "event: e",
        "id: 1",
        ": c",
        ":",
        "retry: 3",
        "x",
        " ",
        "é😀",
        "\u{2028}",
        "\n",
        "\n\n",
        "\n\n\n",
        "{\"a\":1}",
        "[DONE]",
        "data: [DONE]\n\n",
        "foo: bar",
    ])
}

proptest! {
    #[test]
    fn both_parsers_return_the_same_events(pieces in prop::collection::vec(piece(), 0..40), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..5)) {
        let text = pieces.concat();
        let expected = reference(&text);
        let mut positions: Vec<usize> = cuts.iter().map(|c| c.index(text.len() + 1)).collect();
        positions.sort_unstable();
        let mut reads = Vec::new();
        let mut from = 0;
        for at in positions.into_iter().chain([text.len()]) {
            reads.push(&text.as_bytes()[from..at]);
            from = at;
        }
        prop_assert_eq!(&events(&reads), &expected);
        // Other line ends give the same events.
        prop_assert_eq!(events(&[text.replace('\n', "\r\n").as_bytes()]), expected.clone());
        prop_assert_eq!(events(&[text.replace('\n', "\r").as_bytes()]), expected);
    }

    #[test]
    fn any_bytes_in_any_pieces_are_accepted(reads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..20)) {
        let reads: Vec<&[u8]> = reads.iter().map(Vec::as_slice).collect();
        let whole = reads.concat();
        prop_assert_eq!(events(&reads), events(&[&whole]));
    }
}

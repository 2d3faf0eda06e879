//! Splits a stream of newline-delimited JSON into its lines.

use memchr::memchr;

use super::framing::{EventTooLarge, MAX_EVENT_BYTES};

/// Callback for one line. If it fails, the reader stops.
pub type OnLine<'a, E> = dyn FnMut(&str) -> Result<(), E> + 'a;

/// Splits one stream into its lines.
#[derive(Debug, Default)]
pub struct LineReader {
    /// The unfinished last line.
    pending: Vec<u8>,
    /// Number of lines in which invalid UTF-8 was replaced.
    pub invalid_utf8_lines: u32,
}

impl LineReader {
    /// Passes each line that this read completes to `each`, except empty ones. Stops if `each` fails.
    pub fn push<E: From<EventTooLarge>>(&mut self, read: &[u8], each: &mut OnLine<'_, E>) -> Result<(), E> {
        let mut rest = read;
        while let Some(end) = memchr(b'\n', rest) {
            let (line, tail) = rest.split_at(end);
            rest = tail.get(1..).unwrap_or_default();
            if self.pending.is_empty() {
                self.pass_on(line, each)?;
            } else {
                let mut whole = std::mem::take(&mut self.pending);
                whole.extend_from_slice(line);
                self.pass_on(&whole, each)?;
            }
        }
        self.pending.extend_from_slice(rest);
        if self.pending.len() > MAX_EVENT_BYTES { Err(EventTooLarge.into()) } else { Ok(()) }
    }

    /// Passes on the last line, even if it lacks its line end.
    pub fn finish<E>(&mut self, each: &mut OnLine<'_, E>) -> Result<(), E> {
        let last = std::mem::take(&mut self.pending);
        self.pass_on(&last, each)
    }

    fn pass_on<E>(&mut self, line: &[u8], each: &mut OnLine<'_, E>) -> Result<(), E> {
        let text = String::from_utf8_lossy(line);
        self.invalid_utf8_lines += u32::from(matches!(text, std::borrow::Cow::Owned(_)));
        let text = text.trim_start_matches('\u{feff}').trim_ascii();
        if text.is_empty() { Ok(()) } else { each(text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "callbacks of a reader return a result")]
    fn keep(out: &mut Vec<String>, line: &str) -> Result<(), EventTooLarge> {
        out.push(line.to_owned());
        Ok(())
    }

    fn lines(reads: &[&[u8]]) -> Vec<String> {
        let mut reader = LineReader::default();
        let mut out = Vec::new();
        for read in reads {
            reader.push(read, &mut |line| keep(&mut out, line)).unwrap();
        }
        reader.finish(&mut |line| keep(&mut out, line)).unwrap();
        out
    }

    #[test]
    fn lines_are_read_at_every_split() {
        let stream = "\u{feff}{\"a\":1}\r\n\n{\"é\u{2028}\":2}\n  \n{\"c\":3}".as_bytes();
        let expected = ["{\"a\":1}", "{\"é\u{2028}\":2}", "{\"c\":3}"];
        for at in 0..=stream.len() {
            let (a, b) = stream.split_at(at);
            assert_eq!(lines(&[a, b]), expected, "split at {at}");
        }
    }

    #[test]
    fn a_line_without_end_is_rejected() {
        let mut reader = LineReader::default();
        assert_eq!(reader.push(&vec![b'x'; MAX_EVENT_BYTES], &mut |_| Ok(())), Ok::<_, EventTooLarge>(()));
        assert_eq!(reader.push(b"x", &mut |_| Ok(())), Err(EventTooLarge));
    }

    #[test]
    fn the_first_error_of_the_callback_ends_the_read() {
        let mut taken = Vec::new();
        let outcome = LineReader::default().push(b"a\nb\nc\n", &mut |line| {
            taken.push(line.to_owned());
            if line == "b" { Err(EventTooLarge) } else { Ok(()) }
        });
        assert_eq!((outcome, taken), (Err(EventTooLarge), vec!["a".to_owned(), "b".to_owned()]));
    }
}

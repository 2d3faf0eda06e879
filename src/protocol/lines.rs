//! From a server's reads to the lines of newline-delimited JSON.

use memchr::memchr;

use super::framing::{EventTooLarge, MAX_EVENT_BYTES};

/// Follows one stream of lines.
#[derive(Debug, Default)]
pub struct LineReader {
    /// A line whose end has not come.
    pending: Vec<u8>,
    /// Lines that held invalid UTF-8, which was replaced.
    pub replaced: u32,
}

impl LineReader {
    /// Hands out the lines that this read completes; empty ones are none.
    pub fn push(&mut self, read: &[u8], each: &mut dyn FnMut(&str)) -> Result<(), EventTooLarge> {
        let mut rest = read;
        while let Some(end) = memchr(b'\n', rest) {
            let (line, tail) = rest.split_at(end);
            rest = tail.get(1..).unwrap_or_default();
            if self.pending.is_empty() {
                self.hand_out(line, each);
            } else {
                let mut whole = std::mem::take(&mut self.pending);
                whole.extend_from_slice(line);
                self.hand_out(&whole, each);
            }
        }
        self.pending.extend_from_slice(rest);
        if self.pending.len() > MAX_EVENT_BYTES { Err(EventTooLarge) } else { Ok(()) }
    }

    /// Hands out the last line, which may lack its end.
    pub fn finish(&mut self, each: &mut dyn FnMut(&str)) {
        let last = std::mem::take(&mut self.pending);
        self.hand_out(&last, each);
    }

    fn hand_out(&mut self, line: &[u8], each: &mut dyn FnMut(&str)) {
        let text = String::from_utf8_lossy(line);
        self.replaced += u32::from(matches!(text, std::borrow::Cow::Owned(_)));
        let text = text.trim_start_matches('\u{feff}').trim_ascii();
        if !text.is_empty() {
            each(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(reads: &[&[u8]]) -> Vec<String> {
        let mut reader = LineReader::default();
        let mut out = Vec::new();
        for read in reads {
            reader.push(read, &mut |l| out.push(l.to_owned())).unwrap();
        }
        reader.finish(&mut |l| out.push(l.to_owned()));
        out
    }

    #[test]
    fn lines_at_every_split() {
        let stream = "\u{feff}{\"a\":1}\r\n\n{\"é\u{2028}\":2}\n  \n{\"c\":3}".as_bytes();
        let expected = ["{\"a\":1}", "{\"é\u{2028}\":2}", "{\"c\":3}"];
        for at in 0..=stream.len() {
            let (a, b) = stream.split_at(at);
            assert_eq!(lines(&[a, b]), expected, "split at {at}");
        }
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let mut reader = LineReader::default();
        assert!(reader.push(&vec![b'x'; MAX_EVENT_BYTES], &mut |_| ()).is_ok());
        assert_eq!(reader.push(b"x", &mut |_| ()), Err(EventTooLarge));
    }
}

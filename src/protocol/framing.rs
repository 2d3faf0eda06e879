//! Makes any server's bytes into what the event parser can take.
//!
//! eventsource-stream goes silent after one invalid UTF-8 byte, drops a last event without a blank line, and knows LF
//! and CRLF only where they come whole. So each read is passed on as valid UTF-8 with LF line ends, up to its last
//! complete line; the end of the stream adds the blank line that may be missing. An event is complete only with its
//! blank line, so holding an unfinished line back costs no time.

use bytes::Bytes;

/// No event may be larger than this.
pub const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;

/// A line that is longer than [`MAX_LINE_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server sent a line of more than 16 MiB")]
pub struct LineTooLong;

/// Turns reads into complete lines.
#[derive(Debug, Default)]
pub struct LineFeed {
    pending: Vec<u8>,
    skip_lf: bool,
    started: bool,
    /// Reads in which bytes had to be replaced because they were no UTF-8.
    pub replaced: u32,
}

impl LineFeed {
    /// The complete lines so far, empty when there is none.
    pub fn push(&mut self, read: &Bytes) -> Result<Bytes, LineTooLong> {
        let ready = self.started && !self.skip_lf && self.pending.is_empty();
        if ready && read.last() == Some(&b'\n') && !read.contains(&b'\r') && std::str::from_utf8(read).is_ok() {
            return Ok(read.clone());
        }
        for &byte in read {
            let after_cr = std::mem::replace(&mut self.skip_lf, byte == b'\r');
            match byte {
                b'\n' if after_cr => {}
                b'\r' => self.pending.push(b'\n'),
                _ => self.pending.push(byte),
            }
        }
        let Some(end) = self.pending.iter().rposition(|&b| b == b'\n') else {
            return if self.pending.len() > MAX_LINE_BYTES { Err(LineTooLong) } else { Ok(Bytes::new()) };
        };
        let rest = self.pending.split_off(end + 1);
        let lines = std::mem::replace(&mut self.pending, rest);
        Ok(self.decode(lines))
    }

    /// What is left at the end of the stream, with the blank line that ends its event.
    pub fn finish(&mut self) -> Bytes {
        let mut rest = std::mem::take(&mut self.pending);
        rest.extend_from_slice(b"\n\n");
        self.decode(rest)
    }

    fn decode(&mut self, mut lines: Vec<u8>) -> Bytes {
        if !std::mem::replace(&mut self.started, true) && lines.starts_with(b"\xef\xbb\xbf") {
            lines.drain(..3);
        }
        match String::from_utf8(lines) {
            Ok(text) => Bytes::from(text),
            Err(broken) => {
                self.replaced += 1;
                Bytes::from(String::from_utf8_lossy(broken.as_bytes()).into_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(parts: &[&[u8]]) -> String {
        let mut lines = LineFeed::default();
        let mut out = Vec::new();
        for part in parts {
            out.extend_from_slice(&lines.push(&Bytes::copy_from_slice(part)).unwrap());
        }
        out.extend_from_slice(&lines.finish());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_split_of_every_line_end_gives_the_same_lines() {
        let stream = "\u{feff}data: é1\r\n\r\ndata: 2\r\rdata: 3\n\n: c\r\ndata: 4".as_bytes();
        let whole = feed(&[stream]);
        assert_eq!(whole, "data: é1\n\ndata: 2\n\ndata: 3\n\n: c\ndata: 4\n\n");
        for at in 0..=stream.len() {
            let (a, b) = stream.split_at(at);
            assert_eq!(feed(&[a, b]), whole, "split at {at}");
        }
    }

    #[test]
    fn a_broken_byte_costs_one_character_only() {
        assert_eq!(feed(&[b"data: a\xffb\n\n", b"data: c\n\n"]), "data: a\u{fffd}b\n\ndata: c\n\n\n\n");
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let mut lines = LineFeed::default();
        let block = Bytes::from(vec![b'x'; MAX_LINE_BYTES]);
        assert!(lines.push(&block).is_ok());
        assert_eq!(lines.push(&Bytes::from_static(b"x")), Err(LineTooLong));
    }
}

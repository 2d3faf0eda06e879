//! Reads lines of limited length.

use std::io::{self, BufRead};

/// Maximum length of a line, bytes. The header holds the whole suite, so it may be long.
pub const LONGEST: usize = 256 << 20;

/// Result of reading a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineRead {
    /// A complete line, without its line feed.
    Line,
    /// A line that exceeded the limit and was skipped.
    TooLong,
    /// An unfinished last line without a line feed, because writing was interrupted.
    Torn,
    /// End of the input.
    Nothing,
}

/// Reads the next line into `line`. Skips a line of more than `longest` bytes.
pub fn next(from: &mut impl BufRead, line: &mut Vec<u8>, longest: usize) -> io::Result<LineRead> {
    line.clear();
    let (mut length, mut ended) = (0_usize, false);
    while !ended {
        let block = match from.fill_buf() {
            Ok(block) => block,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        if block.is_empty() {
            return Ok(if length == 0 { LineRead::Nothing } else { LineRead::Torn });
        }
        let end = memchr::memchr(b'\n', block);
        let (part, _) = block.split_at(end.unwrap_or(block.len()));
        length = length.saturating_add(part.len());
        if length <= longest {
            line.extend_from_slice(part);
        }
        let taken = part.len() + usize::from(end.is_some());
        // An empty last line has lost nothing, so it is the normal end.
        ended = end.is_some();
        from.consume(taken);
    }
    Ok(if length > longest { LineRead::TooLong } else { LineRead::Line })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_too_long_or_torn_are_reported() {
        // The buffer is smaller than most lines, so they arrive in pieces.
        let mut from = io::BufReader::with_capacity(3, &b"ab\n\nabcdef\nabcdefg\nxy"[..]);
        let mut line = Vec::new();
        let mut came = || {
            let came = next(&mut from, &mut line, 6).unwrap();
            (came, String::from_utf8(line.clone()).unwrap())
        };
        assert_eq!(came(), (LineRead::Line, "ab".to_owned()));
        assert_eq!(came(), (LineRead::Line, String::new()));
        assert_eq!(came(), (LineRead::Line, "abcdef".to_owned()));
        assert_eq!(came().0, LineRead::TooLong);
        assert_eq!(came().0, LineRead::Torn);
        assert_eq!(came().0, LineRead::Nothing);
    }
}

//! Finds the chunks and the end of a response's body (RFC 9112, sections 6 and 7).

/// Marker of the end of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyEnd {
    /// Chunks, each with its size; an empty chunk is the last.
    Chunked,
    /// Length in bytes.
    Length(u64),
    /// The server closes the connection.
    UntilClose,
}

/// Extracts the body from the bytes of a connection.
#[derive(Debug)]
pub struct Dechunker {
    state: State,
    surplus: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Within the line with a chunk's size: the value and number of digits so far.
    Size {
        size: u64,
        digits: u8,
    },
    /// In the rest of that line: an extension and the line end.
    SizeEnd {
        size: u64,
    },
    /// Within a chunk: remaining bytes.
    Chunk(u64),
    /// At the line end after a chunk.
    ChunkEnd,
    /// Within the trailers: whether the current line is empty so far.
    Trailer {
        empty: bool,
    },
    /// Within a body of known length: remaining bytes.
    Length(u64),
    UntilClose,
    Over,
}

impl Dechunker {
    /// Creates a parser for a body with this kind of end.
    pub const fn new(end: BodyEnd) -> Self {
        let state = match end {
            BodyEnd::Chunked => State::Size { size: 0, digits: 0 },
            BodyEnd::Length(0) => State::Over,
            BodyEnd::Length(n) => State::Length(n),
            BodyEnd::UntilClose => State::UntilClose,
        };
        Self { state, surplus: false }
    }

    /// Whether the body is complete.
    pub const fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// Whether the body is complete if the server closes the connection now.
    pub const fn may_end(&self) -> bool {
        matches!(self.state, State::Over | State::UntilClose)
    }

    /// Whether bytes followed the body, so that the connection cannot be reused.
    pub const fn has_surplus(&self) -> bool {
        self.surplus
    }

    /// Passes the pieces of the body in these bytes to `each`.
    pub fn take(&mut self, bytes: &[u8], each: &mut dyn FnMut(&[u8])) -> Result<(), String> {
        let mut rest = bytes;
        while let Some((&first, tail)) = rest.split_first() {
            match self.state {
                State::Chunk(left) | State::Length(left) => {
                    let now = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                    let (piece, tail) = rest.split_at(now);
                    each(piece);
                    rest = tail;
                    let left = left - now as u64;
                    self.state = match self.state {
                        State::Chunk(_) if left == 0 => State::ChunkEnd,
                        State::Chunk(_) => State::Chunk(left),
                        _ if left == 0 => State::Over,
                        _ => State::Length(left),
                    };
                    continue;
                }
                State::UntilClose => {
                    each(rest);
                    return Ok(());
                }
                State::Over => {
                    self.surplus = true;
                    return Ok(());
                }
                State::Size { size, digits } => self.state = size_byte(size, digits, first)?,
                State::SizeEnd { size } => {
                    if first == b'\n' {
                        self.state = if size == 0 { State::Trailer { empty: true } } else { State::Chunk(size) };
                    }
                }
                State::ChunkEnd => match first {
                    b'\r' => {}
                    b'\n' => self.state = State::Size { size: 0, digits: 0 },
                    _ => return Err("a chunk of the response is longer than its declared size".to_owned()),
                },
                State::Trailer { empty } => match first {
                    b'\n' if empty => self.state = State::Over,
                    b'\n' => self.state = State::Trailer { empty: true },
                    b'\r' => {}
                    _ => self.state = State::Trailer { empty: false },
                },
            }
            rest = tail;
        }
        Ok(())
    }
}

fn size_byte(size: u64, digits: u8, byte: u8) -> Result<State, String> {
    let digit = char::from(byte).to_digit(16);
    match (digit, byte) {
        // A 64-bit size has at most 16 hexadecimal digits.
        (Some(digit), _) if digits < 16 => Ok(State::Size { size: size << 4 | u64::from(digit), digits: digits + 1 }),
        (None, b'\n') if digits > 0 => Ok(if size == 0 { State::Trailer { empty: true } } else { State::Chunk(size) }),
        (None, b'\r' | b';' | b' ' | b'\t') if digits > 0 => Ok(State::SizeEnd { size }),
        _ => Err("the size of a chunk of the response is not a number".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns the body in these reads, and whether it is complete.
    fn body(end: BodyEnd, reads: &[&[u8]]) -> Result<(String, bool), String> {
        let mut dechunker = Dechunker::new(end);
        let mut out = Vec::new();
        for read in reads {
            dechunker.take(read, &mut |piece| out.extend_from_slice(piece))?;
        }
        Ok((String::from_utf8_lossy(&out).into_owned(), dechunker.is_over()))
    }

    #[test]
    fn chunks_with_extensions_and_trailers_at_every_split() {
        let wire = b"5\r\nhello\r\n1;name=\"v\"\r\n \r\n00a \r\nworld67890\r\n0\r\nX-A: b\r\n\r\n";
        for at in 0..=wire.len() {
            let (a, b) = wire.split_at(at);
            assert_eq!(body(BodyEnd::Chunked, &[a, b]), Ok(("hello world67890".to_owned(), true)), "split at {at}");
        }
        let (unfinished, _) = wire.split_at(wire.len() - 1);
        assert!(!body(BodyEnd::Chunked, &[unfinished]).unwrap().1);
    }

    #[test]
    fn bare_line_feeds_are_accepted() {
        assert_eq!(body(BodyEnd::Chunked, &[b"3\nabc\n0\n\n"]), Ok(("abc".to_owned(), true)));
    }

    #[test]
    fn malformed_chunks_are_refused() {
        for wire in [&b"xyz"[..], b"\r\n", b";a\r\n", b"2\r\nabc\r\n", b"11112222333344445\r\n"] {
            assert!(body(BodyEnd::Chunked, &[wire]).is_err(), "{:?}", String::from_utf8_lossy(wire));
        }
    }

    #[test]
    fn a_length_ends_the_body_and_more_is_surplus() {
        let mut dechunker = Dechunker::new(BodyEnd::Length(3));
        dechunker.take(b"ab", &mut |_| ()).unwrap();
        assert!(!dechunker.is_over() && !dechunker.may_end());
        dechunker.take(b"c", &mut |_| ()).unwrap();
        assert!(dechunker.is_over() && !dechunker.has_surplus());
        dechunker.take(b"HTTP", &mut |_| ()).unwrap();
        assert!(dechunker.has_surplus());
        assert!(Dechunker::new(BodyEnd::Length(0)).is_over());
        assert_eq!(body(BodyEnd::UntilClose, &[b"ab", b"c"]), Ok(("abc".to_owned(), false)));
    }

    proptest! {
        #[test]
        fn a_chunked_body_comes_out_complete(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..10), cut in any::<prop::sample::Index>()) {
            let mut wire = Vec::new();
            for piece in &pieces {
                wire.extend_from_slice(format!("{:X}\r\n", piece.len()).as_bytes());
                wire.extend_from_slice(piece);
                wire.extend_from_slice(b"\r\n");
            }
            wire.extend_from_slice(b"0\r\n\r\n");
            let (a, b) = wire.split_at(cut.index(wire.len() + 1));
            let mut dechunker = Dechunker::new(BodyEnd::Chunked);
            let mut out = Vec::new();
            for read in [a, b] {
                dechunker.take(read, &mut |p| out.extend_from_slice(p)).unwrap();
            }
            prop_assert_eq!(out, pieces.concat());
            prop_assert!(dechunker.is_over() && !dechunker.has_surplus());
        }

        #[test]
        fn any_bytes_are_accepted_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _either = body(BodyEnd::Chunked, &[&bytes]);
        }
    }
}

//! Parses the status line and headers of a response, and finds how its body ends.

use reqwest::header::{CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};

use super::super::failure::NO_ONE_LENGTH;
use super::dechunk::BodyEnd;

/// Maximum number of headers.
const MAX_HEADERS: usize = 128;

/// Status line and headers.
#[derive(Debug)]
pub struct Head {
    /// HTTP status code.
    pub status: u16,
    /// Valid headers; invalid ones are dropped.
    pub headers: HeaderMap,
    /// Size of the head, bytes.
    pub length: usize,
    is_http_1_1: bool,
}

impl Head {
    /// Parses a response's head. Returns `None` while the head is incomplete.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, String> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut fields);
        let length = match response.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => return Err(format!("there are more than {MAX_HEADERS} headers")),
            // TLS records begin like this: 0x15 is an alert, 0x16 a handshake.
            Err(_) if matches!(bytes, [0x15 | 0x16, 0x03, ..]) => {
                return Err("the server speaks TLS there; try https://".to_owned());
            }
            Err(error) => {
                return Err(format!("the response is not HTTP/1.1 ({error}); check that this is an HTTP server"));
            }
        };
        let mut headers = HeaderMap::new();
        for field in response.headers {
            // Drop invalid headers: tokscope needs none of them.
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(field.name), HeaderValue::from_bytes(field.value)) {
                headers.append(name, value);
            }
        }
        let status = response.code.unwrap_or(0);
        Ok(Some(Self { status, headers, length, is_http_1_1: response.version == Some(1) }))
    }

    /// Returns how the body ends, and whether the connection can be reused (RFC 9112, sections 6.3 and 9.3). Fails if
    /// the response has several different lengths, because a proxy in between may have used another one than tokscope
    /// would.
    pub fn body_end(&self) -> Result<(BodyEnd, bool), String> {
        let has_word = |name: &HeaderName, word: &str| {
            let values = self.headers.get_all(name).iter();
            values
                .filter_map(|v| v.to_str().ok())
                .flat_map(|v| v.split(','))
                .any(|v| v.trim().eq_ignore_ascii_case(word))
        };
        let keep = if self.is_http_1_1 { !has_word(&CONNECTION, "close") } else { has_word(&CONNECTION, "keep-alive") };
        Ok(if matches!(self.status, 204 | 304) {
            (BodyEnd::Length(0), keep)
        } else if has_word(&TRANSFER_ENCODING, "chunked") {
            // Chunks contradict a length. The start of the next response would be a guess, so the connection is not
            // reused.
            (BodyEnd::Chunked, keep && !self.headers.contains_key(CONTENT_LENGTH))
        } else if let Some(length) = self.content_length()? {
            (BodyEnd::Length(length), keep)
        } else if self.status == 205 {
            // A 205 response has no content (RFC 9110, section 15.3.6).
            (BodyEnd::Length(0), keep)
        } else {
            (BodyEnd::UntilClose, false)
        })
    }

    /// Returns the body's length if all `Content-Length` fields agree. A field may list several values (RFC 9110,
    /// section 8.6).
    fn content_length(&self) -> Result<Option<u64>, String> {
        let mut agreed = None;
        for value in self.headers.get_all(CONTENT_LENGTH) {
            for length in value.as_bytes().split(|b| *b == b',').map(<[u8]>::trim_ascii) {
                let digits = str::from_utf8(length).ok().filter(|d| d.bytes().all(|b| b.is_ascii_digit()));
                let length = digits.and_then(|digits| digits.parse().ok()).ok_or(NO_ONE_LENGTH)?;
                if agreed.replace(length).is_some_and(|before| before != length) {
                    return Err(NO_ONE_LENGTH.to_owned());
                }
            }
        }
        Ok(agreed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body_end(head: &str) -> (BodyEnd, bool) {
        Head::parse(head.as_bytes()).unwrap().unwrap().body_end().unwrap()
    }

    #[test]
    fn several_lengths_must_agree() {
        let lengths = |fields: &str| {
            let head = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
            Head::parse(head.as_bytes()).unwrap().unwrap().body_end().map(|(end, _)| end)
        };
        for same in ["content-length: 3\r\n", "content-length: 3\r\nContent-Length: 03\r\n", "content-length: 3, 3\r\n"]
        {
            assert_eq!(lengths(same), Ok(BodyEnd::Length(3)), "{same}");
        }
        for bad in ["3\r\ncontent-length: 4", "3, 4", "-1", "+3", "", "3,", "0x3", "3 3", "18446744073709551616"] {
            assert_eq!(lengths(&format!("content-length: {bad}\r\n")), Err(NO_ONE_LENGTH.to_owned()), "{bad}");
        }
    }

    #[test]
    fn a_connection_with_two_ends_of_a_body_is_not_reused() {
        let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n";
        assert_eq!(body_end(&format!("{chunked}\r\n")), (BodyEnd::Chunked, true));
        let empty = "HTTP/1.1 205 Reset\r\n\r\n";
        assert_eq!(body_end(empty), (BodyEnd::Length(0), true));
        assert_eq!(body_end(&format!("{chunked}content-length: 3\r\n\r\n")), (BodyEnd::Chunked, false));
    }
}

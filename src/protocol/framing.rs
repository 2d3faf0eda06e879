//! From a server's reads to the events of its stream.
//!
//! Nearly all events of nearly all servers are one `data:` line and a blank line, with LF ends: those are found and handed
//! out where they lie, without a copy. Everything else (CR and CRLF, several lines, names, comments) goes line by line
//! through eventsource-stream, fed so that its weak places stay out of reach: it goes silent after one invalid UTF-8 byte,
//! drops a last event without a blank line, and searches its whole buffer again for every line. That both roads hand out
//! the same events is a property test below.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use eventsource_stream::EventStream;
use futures_util::Stream;
use memchr::memchr2;
use serde::de::IgnoredAny;

/// JSON of several lines without `data:` may not be larger than this: it is read again with every line.
const MAX_BARE_BYTES: usize = 16 * 1024;
/// Characters that are kept of a line that is no part of an event.
const MAX_STRAY_CHARS: usize = 400;
/// No event may be larger than this.
pub const MAX_EVENT_BYTES: usize = 16 * 1024 * 1024;

/// An event that is larger than [`MAX_EVENT_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server sent an event of more than 16 MiB")]
pub struct EventTooLarge;

/// One event of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SseEvent<'a> {
    /// Its type; `message` where the server gives none.
    pub name: &'a str,
    /// Its data, lines joined by LF. Never empty.
    pub data: &'a str,
}

/// Follows one stream.
#[derive(Default)]
pub struct EventReader {
    /// An unfinished line, or an event whose blank line has not come.
    pending: Vec<u8>,
    /// So much of `pending` is known to hold no line end.
    searched: usize,
    started: bool,
    skip_lf: bool,
    unusual: Unusual,
    /// Events that held invalid UTF-8, which was replaced.
    pub replaced: u32,
}

impl fmt::Debug for EventReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventReader").field("pending_bytes", &self.pending.len()).finish_non_exhaustive()
    }
}

impl EventReader {
    /// Hands out the events that this read completes.
    pub fn push(&mut self, read: &[u8], each: &mut dyn FnMut(SseEvent<'_>)) -> Result<(), EventTooLarge> {
        if self.pending.is_empty() {
            let used = self.take(read, 0, each)?;
            self.pending.extend_from_slice(read.get(used..).unwrap_or_default());
        } else {
            let mut pending = std::mem::take(&mut self.pending);
            pending.extend_from_slice(read);
            let used = self.take(&pending, self.searched, each)?;
            pending.drain(..used);
            self.pending = pending;
        }
        // The last byte may be the first half of a line end that tells something.
        self.searched = self.pending.len().saturating_sub(1);
        if self.pending.len() > MAX_EVENT_BYTES { Err(EventTooLarge) } else { Ok(()) }
    }

    /// Hands out what is left at the end of the stream: the last event may lack its blank line.
    pub fn finish(&mut self, each: &mut dyn FnMut(SseEvent<'_>)) {
        self.started = true;
        // What is too large was told when it came.
        let _told = self.push(b"\n\n", each);
    }

    /// First line that is no part of an event: a server that does not stream may say there why.
    pub fn stray_words(&self) -> Option<&str> {
        self.unusual.stray_words.as_deref()
    }

    /// Takes complete lines from `bytes`, whose first line holds no end before `searched`; returns how much it used.
    fn take(
        &mut self,
        bytes: &[u8],
        mut searched: usize,
        each: &mut dyn FnMut(SseEvent<'_>),
    ) -> Result<usize, EventTooLarge> {
        let mut used = 0;
        if !self.started {
            const BOM: &[u8] = b"\xef\xbb\xbf";
            if bytes.len() < BOM.len() && BOM.starts_with(bytes) {
                return Ok(0);
            }
            self.started = true;
            used = if bytes.starts_with(BOM) { BOM.len() } else { 0 };
        }
        loop {
            let mut rest = bytes.get(used..).unwrap_or_default();
            if let ([first, after @ ..], true) = (rest, self.skip_lf) {
                self.skip_lf = false;
                if *first == b'\n' {
                    used += 1;
                    rest = after;
                }
            }
            let from = searched.saturating_sub(used).min(rest.len());
            searched = 0;
            let (before, after) = rest.split_at(from);
            let Some(end) = memchr2(b'\n', b'\r', after).map(|at| at + before.len()) else { return Ok(used) };
            let (line, tail) = rest.split_at(end);
            if self.unusual.is_between_events() && tail.first() == Some(&b'\n') {
                match (line.strip_prefix(b"data:"), tail.get(1)) {
                    (Some(data), Some(b'\n')) => {
                        self.hand_out(data.strip_prefix(b" ").unwrap_or(data), each);
                        used += end + 2;
                        continue;
                    }
                    // Whether the event is over is not known yet; it is whole only with its blank line.
                    (Some(_), None) => return Ok(used),
                    _ => {}
                }
            }
            self.skip_lf = tail.first() == Some(&b'\r');
            used += end + 1;
            let line = String::from_utf8_lossy(line);
            self.replaced += u32::from(matches!(line, std::borrow::Cow::Owned(_)));
            self.unusual.line(&line, each)?;
        }
    }

    fn hand_out(&mut self, data: &[u8], each: &mut dyn FnMut(SseEvent<'_>)) {
        if data.is_empty() {
            return;
        }
        match std::str::from_utf8(data) {
            Ok(data) => each(SseEvent { name: "message", data }),
            Err(_broken) => {
                self.replaced += 1;
                each(SseEvent { name: "message", data: &String::from_utf8_lossy(data) });
            }
        }
    }
}

/// The road of everything that is not one plain `data:` line: eventsource-stream, fed with whole lines.
struct Unusual {
    lines: Rc<RefCell<VecDeque<String>>>,
    events: EventStream<Lines>,
    open_bytes: usize,
    /// JSON of several lines without `data:`, as far as it came.
    bare: String,
    stray_words: Option<String>,
}

/// The lines that wait for eventsource-stream.
struct Lines(Rc<RefCell<VecDeque<String>>>);

impl Stream for Lines {
    type Item = Result<String, Infallible>;

    fn poll_next(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.borrow_mut().pop_front().map_or(Poll::Pending, |line| Poll::Ready(Some(Ok(line))))
    }
}

impl Default for Unusual {
    fn default() -> Self {
        let lines = Rc::new(RefCell::new(VecDeque::new()));
        let events = EventStream::new(Lines(Rc::clone(&lines)));
        Self { events, lines, open_bytes: 0, bare: String::new(), stray_words: None }
    }
}

impl Unusual {
    /// Whether no line of an event has come whose blank line has not.
    const fn is_between_events(&self) -> bool {
        self.open_bytes == 0
    }

    /// Takes a line without its end.
    fn line(&mut self, line: &str, each: &mut dyn FnMut(SseEvent<'_>)) -> Result<(), EventTooLarge> {
        self.open_bytes = if line.is_empty() { 0 } else { self.open_bytes + line.len() };
        if self.open_bytes > MAX_EVENT_BYTES {
            return Err(EventTooLarge);
        }
        if self.bare_json(line, each) {
            return Ok(());
        }
        if let Some(error) = line.strip_prefix("error:").map(str::trim_ascii).filter(|error| !error.is_empty()) {
            // An event of llama.cpp's own: what was open before it is over.
            self.end_event(each);
            each(SseEvent { name: "error", data: error });
            return Ok(());
        }
        if self.stray_words.is_none() && !is_field(line) {
            self.stray_words = Some(line.chars().take(MAX_STRAY_CHARS).collect());
        }
        self.field(line, each);
        Ok(())
    }

    /// Takes a line of JSON that lacks its `data:`. Returns whether the line is done with.
    fn bare_json(&mut self, line: &str, each: &mut dyn FnMut(SseEvent<'_>)) -> bool {
        let is_first = self.bare.is_empty();
        if is_first && !line.trim_ascii_start().starts_with('{') {
            return false;
        }
        if !is_first && (line.is_empty() || is_field(line) || self.bare.len() + line.len() > MAX_BARE_BYTES) {
            // It is none after all.
            let words = std::mem::take(&mut self.bare);
            self.stray_words.get_or_insert_with(|| words.chars().take(MAX_STRAY_CHARS).collect());
            return false;
        }
        self.bare.push_str(line);
        self.bare.push('\n');
        if line.trim_ascii_end().ends_with('}') && serde_json::from_str::<IgnoredAny>(&self.bare).is_ok() {
            let json = std::mem::take(&mut self.bare);
            self.end_event(each);
            each(SseEvent { name: "message", data: json.trim_ascii() });
        }
        true
    }

    /// Ends the event that is open, as its blank line does.
    fn end_event(&mut self, each: &mut dyn FnMut(SseEvent<'_>)) {
        self.open_bytes = 0;
        self.field("", each);
    }

    /// Takes a line that is a field, a comment, or blank.
    fn field(&mut self, line: &str, each: &mut dyn FnMut(SseEvent<'_>)) {
        self.lines.borrow_mut().push_back(format!("{line}\n"));
        // Nothing is ever waited for: what there is, is there.
        let mut context = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(event)) = Pin::new(&mut self.events).poll_next(&mut context) {
            match event {
                Ok(event) if event.data.is_empty() => {}
                Ok(event) => each(SseEvent { name: &event.event, data: &event.data }),
                // Only a line that is no line at all could bring it here; it must not stop what follows.
                Err(_no_line) => {
                    *self = Self::default();
                    break;
                }
            }
        }
    }
}

/// Whether the line is blank, a comment, or a field of the standard, or may be the begin of one.
fn is_field(line: &str) -> bool {
    const NAMES: [&str; 5] = ["data", "event", "id", "retry", "error"];
    let name = line.split_once(':').map_or(line, |(name, _)| name);
    let begins_one = || !line.contains(':') && NAMES.iter().any(|known| known.starts_with(line));
    line.is_empty() || NAMES.contains(&name) || name.is_empty() || begins_one()
}

#[cfg(test)]
mod tests;

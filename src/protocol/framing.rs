//! Splits a server-sent event stream into events.
//!
//! Nearly every event is one `data:` line and a blank line, both ended by LF. Such events are passed on without a copy.
//! All other lines (CR or CRLF, several lines, names, comments) go through eventsource-stream, one complete line at a
//! time.
//!
//! Feeding whole lines avoids three faults of that crate. It returns nothing after an invalid UTF-8 byte, drops a last
//! event without a blank line, and searches its whole buffer again for every line. A property test checks that both
//! paths return the same events.

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

/// Maximum size of JSON that spans several lines without `data:`, bytes. The JSON is parsed again for each further
/// line.
const MAX_BARE_BYTES: usize = 16 * 1024;
/// Maximum characters to keep of a line that belongs to no event.
const MAX_STRAY_CHARS: usize = 400;
/// Maximum size of an event, bytes.
pub const MAX_EVENT_BYTES: usize = 16 * 1024 * 1024;

/// An event that is larger than [`MAX_EVENT_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server sent an event of more than 16 MiB")]
pub struct EventTooLarge;

/// One event of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SseEvent<'a> {
    /// Type of the event; `message` if the server gives none.
    pub name: &'a str,
    /// Data of the event, lines joined by LF. Never empty.
    pub data: &'a str,
}

/// Callback for one event of a stream. If it fails, the reader stops.
pub type OnEvent<'a, E> = dyn FnMut(SseEvent<'_>) -> Result<(), E> + 'a;

/// Splits one stream into its events.
#[derive(Default)]
pub struct EventReader {
    /// An unfinished line, or an event whose blank line has not arrived.
    pending: Vec<u8>,
    /// Number of bytes at the start of `pending` that are known to hold no line end.
    searched: usize,
    started: bool,
    skip_lf: bool,
    unusual: FullParser,
    /// Number of events in which invalid UTF-8 was replaced.
    pub invalid_utf8_events: u32,
}

impl fmt::Debug for EventReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventReader").field("pending_bytes", &self.pending.len()).finish_non_exhaustive()
    }
}

impl EventReader {
    /// Passes each event that this read completes to `each`. Stops if `each` fails.
    pub fn push<E: From<EventTooLarge>>(&mut self, read: &[u8], each: &mut OnEvent<'_, E>) -> Result<(), E> {
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
        // Search the last byte again: it may be the first half of a CRLF.
        self.searched = self.pending.len().saturating_sub(1);
        if self.pending.len() > MAX_EVENT_BYTES { Err(EventTooLarge.into()) } else { Ok(()) }
    }

    /// Passes on the rest at the end of the stream, even if the last event lacks its blank line.
    pub fn finish<E: From<EventTooLarge>>(&mut self, each: &mut OnEvent<'_, E>) -> Result<(), E> {
        self.started = true;
        self.push(b"\n\n", each)
    }

    /// First line that belongs to no event. A server that does not stream may explain itself in such a line.
    pub fn stray_text(&self) -> Option<&str> {
        self.unusual.stray_text.as_deref()
    }

    /// Reads complete lines from `bytes`; the first line has no end before `searched`. Returns the number of bytes
    /// used.
    fn take<E: From<EventTooLarge>>(
        &mut self,
        bytes: &[u8],
        mut searched: usize,
        each: &mut OnEvent<'_, E>,
    ) -> Result<usize, E> {
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
                        self.pass_on(data.strip_prefix(b" ").unwrap_or(data), each)?;
                        used += end + 2;
                        continue;
                    }
                    // The event is complete only with its blank line, which has not arrived yet.
                    (Some(_), None) => return Ok(used),
                    _ => {}
                }
            }
            self.skip_lf = tail.first() == Some(&b'\r');
            used += end + 1;
            let line = String::from_utf8_lossy(line);
            self.invalid_utf8_events += u32::from(matches!(line, std::borrow::Cow::Owned(_)));
            self.unusual.line(&line, each)?;
        }
    }

    fn pass_on<E>(&mut self, data: &[u8], each: &mut OnEvent<'_, E>) -> Result<(), E> {
        if data.is_empty() {
            return Ok(());
        }
        match std::str::from_utf8(data) {
            Ok(data) => each(SseEvent { name: "message", data }),
            Err(_broken) => {
                self.invalid_utf8_events += 1;
                each(SseEvent { name: "message", data: &String::from_utf8_lossy(data) })
            }
        }
    }
}

/// Parses all lines but plain `data:` lines. Feeds eventsource-stream with complete lines.
struct FullParser {
    lines: Rc<RefCell<VecDeque<String>>>,
    events: EventStream<LineQueue>,
    open_bytes: usize,
    /// Unfinished JSON that spans several lines without `data:`.
    bare: String,
    stray_text: Option<String>,
}

/// Lines queued for eventsource-stream.
struct LineQueue(Rc<RefCell<VecDeque<String>>>);

impl Stream for LineQueue {
    type Item = Result<String, Infallible>;

    fn poll_next(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.borrow_mut().pop_front().map_or(Poll::Pending, |line| Poll::Ready(Some(Ok(line))))
    }
}

impl Default for FullParser {
    fn default() -> Self {
        let lines = Rc::new(RefCell::new(VecDeque::new()));
        let events = EventStream::new(LineQueue(Rc::clone(&lines)));
        Self { events, lines, open_bytes: 0, bare: String::new(), stray_text: None }
    }
}

impl FullParser {
    /// Returns whether no event is unfinished.
    const fn is_between_events(&self) -> bool {
        self.open_bytes == 0
    }

    /// Parses a line, passed without its line end.
    fn line<E: From<EventTooLarge>>(&mut self, line: &str, each: &mut OnEvent<'_, E>) -> Result<(), E> {
        self.open_bytes = if line.is_empty() { 0 } else { self.open_bytes + line.len() };
        if self.open_bytes > MAX_EVENT_BYTES {
            return Err(EventTooLarge.into());
        }
        if self.bare_json(line, each)? {
            return Ok(());
        }
        if let Some(error) = line.strip_prefix("error:").map(str::trim_ascii).filter(|error| !error.is_empty()) {
            // llama.cpp sends this line as an event of its own, without a blank line before.
            self.end_event(each)?;
            return each(SseEvent { name: "error", data: error });
        }
        if self.stray_text.is_none() && !is_field(line) {
            self.stray_text = Some(line.chars().take(MAX_STRAY_CHARS).collect());
        }
        self.field(line, each)
    }

    /// Parses a line of JSON that lacks its `data:`. Returns whether the line was used.
    fn bare_json<E>(&mut self, line: &str, each: &mut OnEvent<'_, E>) -> Result<bool, E> {
        let is_first = self.bare.is_empty();
        if is_first && !line.trim_ascii_start().starts_with('{') {
            return Ok(false);
        }
        if !is_first && (line.is_empty() || is_field(line) || self.bare.len() + line.len() > MAX_BARE_BYTES) {
            // The collected lines turned out not to be JSON.
            let words = std::mem::take(&mut self.bare);
            self.stray_text.get_or_insert_with(|| words.chars().take(MAX_STRAY_CHARS).collect());
            return Ok(false);
        }
        self.bare.push_str(line);
        self.bare.push('\n');
        if line.trim_ascii_end().ends_with('}') && serde_json::from_str::<IgnoredAny>(&self.bare).is_ok() {
            let json = std::mem::take(&mut self.bare);
            self.end_event(each)?;
            each(SseEvent { name: "message", data: json.trim_ascii() })?;
        }
        Ok(true)
    }

    /// Ends the open event, as a blank line does.
    fn end_event<E>(&mut self, each: &mut OnEvent<'_, E>) -> Result<(), E> {
        self.open_bytes = 0;
        self.field("", each)
    }

    /// Parses a line that is a field, a comment, or blank.
    fn field<E>(&mut self, line: &str, each: &mut OnEvent<'_, E>) -> Result<(), E> {
        self.lines.borrow_mut().push_back(format!("{line}\n"));
        // Polling never waits, because the queue already holds the whole line.
        let mut context = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(event)) = Pin::new(&mut self.events).poll_next(&mut context) {
            match event {
                Ok(event) if event.data.is_empty() => {}
                Ok(event) => each(SseEvent { name: &event.event, data: &event.data })?,
                // Complete lines cause no error. If one does, reset the parser to read later events.
                Err(_no_line) => {
                    *self = Self::default();
                    break;
                }
            }
        }
        Ok(())
    }
}

/// Returns whether the line is blank, a comment, a field of the standard, or the beginning of one.
fn is_field(line: &str) -> bool {
    const NAMES: [&str; 5] = ["data", "event", "id", "retry", "error"];
    let name = line.split_once(':').map_or(line, |(name, _)| name);
    let begins_one = || !line.contains(':') && NAMES.iter().any(|known| known.starts_with(line));
    line.is_empty() || NAMES.contains(&name) || name.is_empty() || begins_one()
}

#[cfg(test)]
mod tests;

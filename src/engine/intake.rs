//! Passes the events in a response's bytes to the recorder. The response may be an event stream, a JSON document per
//! line, one JSON document, or an HTML page. Reads no clock: callers pass each read with its time.

use super::failure::Failure;
use super::recorder::Recorder;
use crate::domain::attempt::AttemptStatus;
use crate::domain::time::Nanos;
use crate::protocol::api::Framing;
use crate::protocol::encoding::Decoder;
use crate::protocol::failure;
use crate::protocol::framing::{EventReader, SseEvent};
use crate::protocol::lines::LineReader;

/// Maximum size of a response after decompression.
pub const MAX_BODY_BYTES: u64 = 512 * 1024 * 1024;
/// Maximum size of a response that is one JSON document.
pub const MAX_DOCUMENT_BYTES: usize = 16 * 1024 * 1024;
/// Maximum size of a document of vectors or scores: 1,000 vectors of 4,096 numbers take about 50 MiB.
pub const MAX_ITEMS_BYTES: usize = 128 * 1024 * 1024;
/// Maximum bytes to read of a response that is not from a model.
const MAX_PAGE_BYTES: usize = 64 * 1024;

/// Format of a response. The first byte decides, because content types are often wrong.
enum Shape {
    /// Unknown: only white space has arrived.
    Unknown(Vec<u8>),
    /// Server-sent events.
    Events(Box<EventReader>),
    /// A JSON document per line.
    Lines(LineReader),
    /// One JSON document.
    Document(Vec<u8>),
    /// An HTML page.
    Page(Vec<u8>),
}

/// Reads one response.
pub struct Intake {
    shape: Shape,
    decoder: Option<Decoder>,
    reads: u64,
    bytes: u64,
}

impl Intake {
    /// Creates the intake of a response with this `Content-Encoding`.
    pub fn new(encoding: &str, recorder: &mut Recorder) -> Result<Self, Failure> {
        let decoder = Decoder::new(encoding).map_err(|m| Failure::new(AttemptStatus::StreamError, "encoding", m))?;
        if decoder.is_some() && recorder.api().task.generates() {
            let warning = "the stream is compressed; a compressor may hold text back, so these times are unreliable";
            recorder.record.warnings.push(warning.to_owned());
        }
        Ok(Self { shape: Shape::Unknown(Vec::new()), decoder, reads: 0, bytes: 0 })
    }

    /// Starts the next read. Pieces passed from now on belong to this read.
    pub const fn next_read(&mut self) {
        self.reads += 1;
    }

    /// Passes on a piece of a read that returned at `at`.
    pub fn take(&mut self, at: Nanos, bytes: &[u8], recorder: &mut Recorder) -> Result<(), Failure> {
        let Some(mut decoder) = self.decoder.take() else { return self.unpacked(at, bytes, recorder) };
        let outcome = decoder.push(bytes, &mut |piece| self.unpacked(at, piece, recorder));
        self.decoder = Some(decoder);
        outcome
    }

    fn unpacked(&mut self, at: Nanos, bytes: &[u8], recorder: &mut Recorder) -> Result<(), Failure> {
        self.bytes += bytes.len() as u64;
        if self.bytes > MAX_BODY_BYTES {
            return Err(Failure::oversized("the server sent more than 512 MiB"));
        }
        match &mut self.shape {
            Shape::Events(events) => take_events(events, at, self.reads, bytes, recorder),
            Shape::Lines(lines) => take_lines(lines, at, self.reads, bytes, recorder),
            Shape::Document(document) => {
                document.extend_from_slice(bytes);
                let limit = if recorder.api().task.generates() { MAX_DOCUMENT_BYTES } else { MAX_ITEMS_BYTES };
                if document.len() > limit {
                    let limit_mib = limit / 1024 / 1024;
                    let why = format!("the server answered with a JSON document of more than {limit_mib} MiB");
                    return Err(Failure::oversized(why));
                }
                Ok(())
            }
            Shape::Page(page) => {
                let room = MAX_PAGE_BYTES.saturating_sub(page.len());
                page.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
                if page.len() < MAX_PAGE_BYTES { Ok(()) } else { Err(no_stream(page)) }
            }
            Shape::Unknown(before) => {
                before.extend_from_slice(bytes);
                let Some(kind) = recognise(before, recorder.api().framing) else {
                    // Stop if the white space never ends.
                    return if before.len() < MAX_PAGE_BYTES { Ok(()) } else { Err(no_stream(before)) };
                };
                let before = std::mem::take(before);
                self.bytes -= before.len() as u64;
                self.shape = kind;
                self.unpacked(at, &before, recorder)
            }
        }
    }

    /// Takes a complete document of vectors or scores, which is still to be read; `None` for other responses.
    pub fn take_items(&mut self, recorder: &Recorder) -> Option<Vec<u8>> {
        match &mut self.shape {
            Shape::Document(document) if !recorder.api().task.generates() => Some(std::mem::take(document)),
            _ => None,
        }
    }

    /// Ends the response. `broken` is the failure of its connection, if any.
    pub fn end(&mut self, at: Nanos, broken: Option<Failure>, recorder: &mut Recorder) -> Result<(), Failure> {
        let outcome = match &mut self.shape {
            Shape::Events(events) => {
                let outcome = events.finish(&mut |event| match event.name {
                    // Report a server's error message even if it was cut off.
                    "error" => take_event(recorder, at, self.reads, event),
                    _ => recorder.last_event(at, self.reads, event.data),
                });
                recorder.invalid_utf8_events = events.invalid_utf8_events;
                let stray_words = events.stray_text();
                if let Some(words) = stray_words {
                    recorder.stray_words(words);
                }
                let is_page = recorder.record.event_count == 0 && broken.is_none();
                match stray_words.filter(|_| is_page && outcome.is_ok()) {
                    Some(page) => Err(no_stream(page.as_bytes())),
                    None => outcome,
                }
            }
            Shape::Lines(lines) => {
                let outcome = lines.finish(&mut |line| recorder.last_event(at, self.reads, line));
                recorder.invalid_utf8_events = lines.invalid_utf8_lines;
                outcome
            }
            // An incomplete document cannot be parsed.
            Shape::Document(_) | Shape::Page(_) if broken.is_some() => Ok(()),
            // Vectors may take milliseconds to read, so that happens elsewhere.
            Shape::Document(_) if !recorder.api().task.generates() => Ok(()),
            Shape::Document(document) => recorder.whole_answer(at, &String::from_utf8_lossy(document)),
            Shape::Page(page) => Err(no_stream(page)),
            Shape::Unknown(_) => {
                recorder.no_body();
                Ok(())
            }
        };
        match (outcome, broken) {
            // A connection that breaks after a complete answer does no harm.
            (Ok(()), Some(broken)) if !recorder.has_ended() => Err(broken),
            (outcome, _) => outcome,
        }
    }
}

/// Recognises the format by the first byte that is not white space. Returns `None` until such a byte arrives.
fn recognise(bytes: &[u8], framing: Framing) -> Option<Shape> {
    const BOM: &[u8] = b"\xef\xbb\xbf";
    if bytes.len() < BOM.len() && BOM.starts_with(bytes) {
        return None;
    }
    let first = bytes.strip_prefix(BOM).unwrap_or(bytes).iter().find(|b| !b.is_ascii_whitespace())?;
    Some(match (first, framing) {
        (b'{', Framing::Ndjson) => Shape::Lines(LineReader::default()),
        (b'{' | b'[', _) => Shape::Document(Vec::new()),
        (b'<', _) => Shape::Page(Vec::new()),
        _ => Shape::Events(Box::default()),
    })
}

fn no_stream(page: &[u8]) -> Failure {
    let message = failure::message_in_body(&String::from_utf8_lossy(page));
    Failure::new(AttemptStatus::StreamError, "no_stream", format!("the server sent no stream, but: {message}"))
}

fn take_events(
    events: &mut EventReader,
    at: Nanos,
    read: u64,
    bytes: &[u8],
    recorder: &mut Recorder,
) -> Result<(), Failure> {
    let outcome = events.push(bytes, &mut |event| take_event(recorder, at, read, event));
    recorder.invalid_utf8_events = events.invalid_utf8_events;
    outcome
}

fn take_lines(
    lines: &mut LineReader,
    at: Nanos,
    read: u64,
    bytes: &[u8],
    recorder: &mut Recorder,
) -> Result<(), Failure> {
    let outcome = lines.push(bytes, &mut |line| recorder.event(at, read, line));
    recorder.invalid_utf8_events = lines.invalid_utf8_lines;
    outcome
}

fn take_event(recorder: &mut Recorder, at: Nanos, read: u64, event: SseEvent<'_>) -> Result<(), Failure> {
    match event.name {
        "error" => recorder.error_event(at, read, event.data),
        // The API has no named events, so a proxy or another API sent this one.
        name if name != "message" && recorder.api().ignores_named_events => recorder.named_event(at, read, event.data),
        _ => recorder.event(at, read, event.data),
    }
}

#[cfg(test)]
mod tests;

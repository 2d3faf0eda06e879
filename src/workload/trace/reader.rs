//! Opens a trace, keeps an index of its rows, and reads single rows on demand.

use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::time::Duration;

use super::TraceRequest;
use super::checksum::Checksum;
use super::error::TraceError;
use super::format::RowReader;
use super::summary::{Lengths, TraceSummary};
use crate::domain::data_fingerprint::DataFingerprint;

/// Maximum length of a row, bytes.
const MAX_LINE_BYTES: u64 = 64 << 20;
/// First bytes of some UTF-8 files from Windows.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Block size of Mooncake's traces, tokens.
const MOONCAKE_BLOCK_TOKENS: u32 = 512;

/// Treatment of rows with a fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BadRows {
    /// Fail at the first row with a fault.
    #[default]
    Refuse,
    /// Skip the rows with a fault, and count them.
    Skip,
}

/// Options for reading a trace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TraceOptions {
    /// Treatment of rows with a fault.
    pub bad_rows: BadRows,
    /// Speed of the replay, above 0. A speed of 2 halves all gaps between requests.
    pub speed: f64,
    /// Number of tokens in the block of a hash id.
    pub block_tokens: u32,
}

impl Default for TraceOptions {
    fn default() -> Self {
        Self { bad_rows: BadRows::Refuse, speed: 1.0, block_tokens: MOONCAKE_BLOCK_TOKENS }
    }
}

/// Index entry of a row: 16 bytes, so a million rows take 16 MB, however long they are.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Recorded start, nanoseconds since the zero of the trace's times.
    at_ns: u64,
    /// Start of the row, bytes from the start of the file.
    offset: u64,
}

/// A trace whose rows stay in the file. Memory holds only the start time and the position of each row.
#[derive(Debug)]
pub struct Trace<R> {
    source: BufReader<R>,
    reader: RowReader,
    /// Index of the rows, in order of time.
    index: Vec<Entry>,
    speed: f64,
    summary: TraceSummary,
    fingerprint: DataFingerprint,
}

impl<R: Read + Seek> Trace<R> {
    /// Reads a trace once, from start to end. Checks every row, so that no bad row can stop the run later.
    pub fn open(source: R, options: &TraceOptions) -> Result<Self, TraceError> {
        let mut lines = Lines {
            source: BufReader::new(source),
            offset: 0,
            number: 0,
            line: Vec::new(),
            checksum: Checksum::default(),
        };
        lines.next()?;
        if lines.line.is_empty() {
            return Err(TraceError::new("is empty; a trace has one request per line"));
        }
        let reader = RowReader::recognise(&lines.line, options.block_tokens).map_err(|why| TraceError::new(&why))?;
        let mut scan = Scan::default();
        if reader.has_header() {
            lines.next()?;
        }
        while !lines.line.is_empty() {
            scan.add(reader, &lines, options.bad_rows)?;
            lines.next()?;
        }
        scan.finish(lines, reader, options.speed)
    }

    /// Returns the number of requests.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Returns whether the trace has no requests. An open trace always has at least one.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Returns the figures of the whole trace.
    pub const fn summary(&self) -> &TraceSummary {
        &self.summary
    }

    /// Length and checksum of the file when it was opened.
    pub const fn fingerprint(&self) -> DataFingerprint {
        self.fingerprint
    }

    /// Returns the start of a request, as the time since the first request at the speed of the replay; `None` after the
    /// last request.
    pub fn at(&self, index: usize) -> Option<Duration> {
        let entry = self.index.get(index)?;
        let since_ns = entry.at_ns - self.index.first().map_or(0, |first| first.at_ns);
        Some(Duration::try_from_secs_f64(since_ns as f64 / 1e9 / self.speed).unwrap_or(Duration::MAX))
    }

    /// Reads a request. Requests are numbered in order of time, from 0.
    pub fn request(&mut self, index: usize) -> Result<TraceRequest, TraceError> {
        let out_of_range = || TraceError::new(&format!("has no request {index}"));
        let (at, entry) = (self.at(index), self.index.get(index).copied());
        let (at, entry) = at.zip(entry).ok_or_else(out_of_range)?;
        self.source.seek(SeekFrom::Start(entry.offset)).map_err(|error| unreadable(&error))?;
        let mut line = Vec::new();
        self.source.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line).map_err(|error| unreadable(&error))?;
        let changed = |why: String| TraceError::new(&format!("has changed since the start of the run: {why}"));
        let row = self.reader.read(line.trim_ascii()).map_err(&changed)?;
        if row.time.0 != entry.at_ns {
            return Err(changed("another request is in this place".to_owned()));
        }
        Ok(TraceRequest {
            at,
            input_tokens: row.input_tokens,
            output_tokens: row.output_tokens,
            hash_ids: row.hash_ids,
            messages: row.messages,
            model: row.model,
        })
    }
}

fn unreadable(error: &std::io::Error) -> TraceError {
    TraceError::new(&format!("cannot be read: {error}"))
}

/// Iterates over the lines of a file that have text, without surrounding white space.
struct Lines<R> {
    source: BufReader<R>,
    /// Start of the current line, bytes.
    offset: u64,
    /// Number of the current line, from 1.
    number: u64,
    /// Text of the current line; empty at the end of the file.
    line: Vec<u8>,
    checksum: Checksum,
}

impl<R: Read + Seek> Lines<R> {
    /// Advances to the next line with text.
    fn next(&mut self) -> Result<(), TraceError> {
        let mut start = self.source.stream_position().map_err(|error| unreadable(&error))?;
        loop {
            self.line.clear();
            let limit = self.source.by_ref().take(MAX_LINE_BYTES + 1).read_until(b'\n', &mut self.line);
            let bytes = limit.map_err(|error| unreadable(&error))? as u64;
            if bytes == 0 {
                return Ok(());
            }
            self.checksum.add(&self.line);
            self.number += 1;
            if bytes > MAX_LINE_BYTES {
                let reason = format!("is longer than {} MiB", MAX_LINE_BYTES >> 20);
                return Err(TraceError::at_line(self.number, &reason));
            }
            let mark = if start == 0 && self.line.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
            let text = self.line.get(mark..).unwrap_or_default().trim_ascii();
            if !text.is_empty() {
                self.offset = start + mark as u64;
                self.line = text.to_vec();
                return Ok(());
            }
            start += bytes;
        }
    }
}

/// State of the first pass over a trace.
#[derive(Default)]
struct Scan {
    index: Vec<Entry>,
    input: Vec<u32>,
    output: Vec<u32>,
    latest_ns: u64,
    out_of_order: u64,
    skipped: u64,
    first_skipped: Option<TraceError>,
}

impl Scan {
    fn add<R>(&mut self, reader: RowReader, lines: &Lines<R>, bad_rows: BadRows) -> Result<(), TraceError> {
        match reader.read(&lines.line) {
            Ok(row) => {
                let at_ns = row.time.0;
                self.out_of_order += u64::from(at_ns < self.latest_ns);
                self.latest_ns = self.latest_ns.max(at_ns);
                self.index.push(Entry { at_ns, offset: lines.offset });
                self.input.extend(row.input_tokens);
                self.output.extend(row.output_tokens);
            }
            Err(why) => {
                let fault = TraceError::at_line(lines.number, &why);
                if bad_rows == BadRows::Refuse {
                    return Err(fault);
                }
                self.skipped += 1;
                self.first_skipped.get_or_insert(fault);
            }
        }
        Ok(())
    }

    fn finish<R>(mut self, lines: Lines<R>, reader: RowReader, speed: f64) -> Result<Trace<R>, TraceError> {
        // Sort the rows, because logs are often in order of the requests' ends. Rows with equal times keep their order.
        self.index.sort_by_key(|entry| entry.at_ns);
        let (Some(first), Some(last)) = (self.index.first(), self.index.last()) else {
            let why =
                self.first_skipped.map_or_else(|| "it ends after its header".to_owned(), |fault| fault.to_string());
            return Err(TraceError::new(&format!("has no usable request: {why}")));
        };
        let summary = TraceSummary {
            format: reader.format(),
            requests: self.index.len() as u64,
            span: Duration::from_nanos(last.at_ns - first.at_ns),
            input: Lengths::from_tokens(self.input),
            output: Lengths::from_tokens(self.output),
            out_of_order: self.out_of_order,
            skipped: self.skipped,
            first_skipped: self.first_skipped,
        };
        let speed = if speed > 0.0 { speed } else { 1.0 };
        let Lines { source, checksum, .. } = lines;
        Ok(Trace { source, reader, index: self.index, speed, summary, fingerprint: checksum.finish() })
    }
}

#[cfg(test)]
mod tests;

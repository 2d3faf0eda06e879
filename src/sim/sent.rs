//! Records when each event left, as a reference for the measurements of a client.
//!
//! The recorder observes the socket, not the code that fills it. An event has left when a write has taken its last
//! byte. `GET /tokscope-sim/sent` returns the records and clears them.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use memchr::memmem::Finder;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Returns the time of the system's monotonic clock, nanoseconds. All processes share this clock. Returns `None` on
/// systems without such a clock.
pub fn monotonic_ns() -> Option<u64> {
    #[cfg(target_os = "linux")]
    {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let (seconds, nanos) = (u64::try_from(now.tv_sec).ok()?, u64::try_from(now.tv_nsec).ok()?);
        Some(seconds * 1_000_000_000 + nanos)
    }
    #[cfg(not(target_os = "linux"))]
    None
}

/// A write to the socket that took the last byte of at least one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Write {
    /// Time just before the call, nanoseconds on the monotonic clock.
    pub before_ns: u64,
    /// Time just after the call, nanoseconds on the monotonic clock.
    pub after_ns: u64,
    /// Number of events that the write completed, including `[DONE]`.
    pub events: u32,
}

/// Times of one answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentTimes {
    /// Time when the read that completed the request returned, nanoseconds on the monotonic clock.
    pub received_ns: u64,
    /// Writes in the order of the stream.
    pub writes: Vec<Write>,
}

/// Times of all answers, by the request's `x-request-id`. A request without that header is identified by the answer's
/// id.
pub type AllSentTimes = HashMap<String, SentTimes>;

/// Times that no client has requested yet.
#[derive(Debug, Default)]
pub struct SentLog(Mutex<HashMap<String, Arc<Mutex<SentTimes>>>>);

impl SentLog {
    /// Returns the recorded times and clears them.
    pub fn take(&self) -> AllSentTimes {
        let taken = std::mem::take(&mut *lock(&self.0));
        taken.into_iter().map(|(id, times)| (id, lock(&times).clone())).collect()
    }
}

/// Recorder of one connection, shared by its socket and the code that answers on it. A connection serves one answer at
/// a time.
#[derive(Clone, Debug, Default)]
pub struct WriteRecorder(Arc<Mutex<RecorderState>>);

#[derive(Debug, Default)]
struct RecorderState {
    read_ns: u64,
    ends: EventEnds,
    answer: Option<Arc<Mutex<SentTimes>>>,
}

impl WriteRecorder {
    /// Starts recording an answer. All further writes belong to it.
    pub fn begin(&self, id: String, log: &SentLog) {
        let mut state = lock(&self.0);
        let times = SentTimes { received_ns: state.read_ns, writes: Vec::new() };
        let times = Arc::new(Mutex::new(times));
        lock(&log.0).insert(id, Arc::clone(&times));
        state.answer = Some(times);
        state.ends = EventEnds::default();
    }

    fn record_write(&self, bytes: &[u8], before_ns: u64, after_ns: u64) {
        let state = &mut *lock(&self.0);
        let events = state.ends.count(bytes);
        if let (Some(answer), 1..) = (&state.answer, events) {
            lock(answer).writes.push(Write { before_ns, after_ns, events });
        }
    }
}

/// Counts the blank lines that end events. JSON has none, and the lines of HTTP end in CR LF.
#[derive(Debug, Default)]
struct EventEnds {
    ends_in_lf: bool,
}

impl EventEnds {
    fn count(&mut self, bytes: &[u8]) -> u32 {
        let Some((first, last)) = bytes.first().zip(bytes.last()) else { return 0 };
        let across_writes = self.ends_in_lf && *first == b'\n';
        let whole = Finder::new(b"\n\n").find_iter(bytes).count() as u32;
        self.ends_in_lf = *last == b'\n' && !bytes.ends_with(b"\n\n") && !(across_writes && bytes.len() == 1);
        whole + u32::from(across_writes)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A socket that records the times of its reads and writes.
#[derive(Debug)]
pub struct RecordedStream {
    stream: TcpStream,
    recorder: WriteRecorder,
}

impl RecordedStream {
    /// Wraps a socket. The times go to `recorder`.
    pub fn new(stream: TcpStream, recorder: WriteRecorder) -> Self {
        Self { stream, recorder }
    }
}

impl AsyncRead for RecordedStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if read.is_ready() {
            lock(&self.recorder.0).read_ns = monotonic_ns().unwrap_or_default();
        }
        read
    }
}

impl AsyncWrite for RecordedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let before_ns = monotonic_ns().unwrap_or_default();
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        let after_ns = monotonic_ns().unwrap_or_default();
        if let Poll::Ready(Ok(length)) = written {
            self.recorder.record_write(buf.get(..length).unwrap_or(buf), before_ns, after_ns);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &[u8] = b"d\r\ndata: {}\n\n\r\n10\r\ndata: a\n\ndata: b\n\n\r\ne\r\ndata: [DONE]\n\n\r\n0\r\n\r\n";

    #[test]
    fn an_event_has_left_with_its_last_byte_at_every_split() {
        assert_eq!(EventEnds::default().count(STREAM), 4);
        for cut in 0..=STREAM.len() {
            let (head, tail) = STREAM.split_at(cut);
            let mut ends = EventEnds::default();
            let complete = head.windows(2).filter(|w| w == b"\n\n").count() as u32;
            assert_eq!(ends.count(head), complete, "up to byte {cut}");
            assert_eq!(ends.count(tail), 4 - complete, "from byte {cut}");
        }
        let mut ends = EventEnds::default();
        assert_eq!(STREAM.iter().map(|byte| ends.count(&[*byte])).sum::<u32>(), 4);
    }

    #[test]
    fn writes_belong_to_the_current_answer() {
        let (recorder, log) = (WriteRecorder::default(), SentLog::default());
        recorder.record_write(b"data: nobody\n\n", 1, 2);
        recorder.begin("a".into(), &log);
        recorder.record_write(b"HTTP/1.1 200 OK\r\n\r\n", 3, 4);
        recorder.record_write(b"data: 1\n\ndata: 2\n", 5, 6);
        recorder.record_write(b"\n", 7, 8);
        recorder.begin("b".into(), &log);
        recorder.record_write(b"data: 1\n\n", 9, 10);
        let taken = log.take();
        let writes =
            |id: &str| taken[id].writes.iter().map(|w| (w.before_ns, w.after_ns, w.events)).collect::<Vec<_>>();
        assert_eq!(writes("a"), [(5, 6, 1), (7, 8, 1)]);
        assert_eq!(writes("b"), [(9, 10, 1)]);
        assert!(log.take().is_empty(), "records are returned once");
    }
}

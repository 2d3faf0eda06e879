//! When each event left: the truth that a client's own times can be held against.
//!
//! The socket itself is watched, not the code that fills it: an event has left with the write that took its last byte.
//! `GET /tokscope-sim/sent` hands out what was recorded, and forgets it.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use memchr::memmem::Finder;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Now on the machine's monotonic clock, nanoseconds, comparable between processes; `None` where there is no such clock.
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

/// One write to the socket that took the last byte of at least one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Write {
    /// Just before the call, nanoseconds on the machine's monotonic clock.
    pub before_ns: u64,
    /// Just after it.
    pub after_ns: u64,
    /// Events that it completed, `[DONE]` included.
    pub events: u32,
}

/// When an answer's events left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentTimes {
    /// When the read that completed the request returned.
    pub received_ns: u64,
    /// In the order of the stream.
    pub writes: Vec<Write>,
}

/// The times of all answers, by their `x-request-id`, or by their own id where the request has none.
pub type AllSentTimes = HashMap<String, SentTimes>;

/// Where the times are kept until they are asked for.
#[derive(Debug, Default)]
pub struct SentLog(Mutex<HashMap<String, Arc<Mutex<SentTimes>>>>);

impl SentLog {
    /// Hands out what was recorded so far, and forgets it.
    pub fn take(&self) -> AllSentTimes {
        let taken = std::mem::take(&mut *lock(&self.0));
        taken.into_iter().map(|(id, times)| (id, lock(&times).clone())).collect()
    }
}

/// A connection's recorder, shared by its socket and by whoever answers on it. One answer is given at a time.
#[derive(Clone, Debug, Default)]
pub struct WriteRecorder(Arc<Mutex<TapState>>);

#[derive(Debug, Default)]
struct TapState {
    read_ns: u64,
    ends: EventEnds,
    answer: Option<Arc<Mutex<SentTimes>>>,
}

impl WriteRecorder {
    /// What is written from now on belongs to this answer.
    pub fn begin(&self, id: String, log: &SentLog) {
        let mut tapped = lock(&self.0);
        let times = SentTimes { received_ns: tapped.read_ns, writes: Vec::new() };
        let times = Arc::new(Mutex::new(times));
        lock(&log.0).insert(id, Arc::clone(&times));
        tapped.answer = Some(times);
        tapped.ends = EventEnds::default();
    }

    fn wrote(&self, bytes: &[u8], before_ns: u64, after_ns: u64) {
        let tapped = &mut *lock(&self.0);
        let events = tapped.ends.count(bytes);
        if let (Some(answer), 1..) = (&tapped.answer, events) {
            lock(answer).writes.push(Write { before_ns, after_ns, events });
        }
    }
}

/// Counts blank lines, which end events: JSON holds none, and HTTP's own lines end in CR LF.
#[derive(Debug, Default)]
struct EventEnds {
    half: bool,
}

impl EventEnds {
    fn count(&mut self, bytes: &[u8]) -> u32 {
        let Some((first, last)) = bytes.first().zip(bytes.last()) else { return 0 };
        let over_the_edge = self.half && *first == b'\n';
        let whole = Finder::new(b"\n\n").find_iter(bytes).count() as u32;
        self.half = *last == b'\n' && !bytes.ends_with(b"\n\n") && !(over_the_edge && bytes.len() == 1);
        whole + u32::from(over_the_edge)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A socket that records when it was read and written.
#[derive(Debug)]
pub struct TappedStream {
    stream: TcpStream,
    tap: WriteRecorder,
}

impl TappedStream {
    /// Records into `tap` from now on.
    pub fn new(stream: TcpStream, tap: WriteRecorder) -> Self {
        Self { stream, tap }
    }
}

impl AsyncRead for TappedStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if read.is_ready() {
            lock(&self.tap.0).read_ns = monotonic_ns().unwrap_or_default();
        }
        read
    }
}

impl AsyncWrite for TappedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let before_ns = monotonic_ns().unwrap_or_default();
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        let after_ns = monotonic_ns().unwrap_or_default();
        if let Poll::Ready(Ok(length)) = written {
            self.tap.wrote(buf.get(..length).unwrap_or(buf), before_ns, after_ns);
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
    fn an_event_has_left_with_its_last_byte_wherever_the_writes_break() {
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
    fn writes_belong_to_the_answer_that_is_being_given() {
        let (tap, log) = (WriteRecorder::default(), SentLog::default());
        tap.wrote(b"data: nobody\n\n", 1, 2);
        tap.begin("a".into(), &log);
        tap.wrote(b"HTTP/1.1 200 OK\r\n\r\n", 3, 4);
        tap.wrote(b"data: 1\n\ndata: 2\n", 5, 6);
        tap.wrote(b"\n", 7, 8);
        tap.begin("b".into(), &log);
        tap.wrote(b"data: 1\n\n", 9, 10);
        let taken = log.take();
        let writes =
            |id: &str| taken[id].writes.iter().map(|w| (w.before_ns, w.after_ns, w.events)).collect::<Vec<_>>();
        assert_eq!(writes("a"), [(5, 6, 1), (7, 8, 1)]);
        assert_eq!(writes("b"), [(9, 10, 1)]);
        assert!(log.take().is_empty(), "it is handed out once");
    }
}

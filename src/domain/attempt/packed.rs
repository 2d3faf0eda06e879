//! A condensed record in few bytes: a long run has tens of thousands.

mod bytes;
mod packing;
#[cfg(test)]
mod tests;
mod unpacking;
mod words;

use std::sync::Arc;

use self::bytes::{Reader, Writer};
use self::packing::Packing;
use self::unpacking::Unpacking;
pub use self::words::Words;
use super::{AttemptId, AttemptRecord, AttemptStatus};
use crate::domain::server_timings::TimingSource;
use crate::domain::time::Nanos;

/// By their places in the bytes. Nothing of this outlives the program.
const STATUSES: [AttemptStatus; 8] = [
    AttemptStatus::Ok,
    AttemptStatus::HttpError,
    AttemptStatus::StreamError,
    AttemptStatus::Truncated,
    AttemptStatus::Empty,
    AttemptStatus::Timeout,
    AttemptStatus::ConnectError,
    AttemptStatus::Cancelled,
];
const SOURCES: [TimingSource; 7] = [
    TimingSource::LlamaCpp,
    TimingSource::Vllm,
    TimingSource::Groq,
    TimingSource::MistralRs,
    TimingSource::Azure,
    TimingSource::Ollama,
    TimingSource::LmStudio,
];

const WARMUP: u8 = 1;
const TEXT_WHOLE: u8 = 1 << 1;
const HAD_REASONING: u8 = 1 << 2;
/// The request id is a word, the number of the case, and that of the attempt.
const NUMBERED: u8 = 1 << 3;
/// The nonce is the one that belongs to the request id.
const OWN_NONCE: u8 = 1 << 4;

/// A record without text and arrivals, packed; every figure is what it was to the last bit.
#[derive(Clone, Debug)]
pub struct Packed {
    words: Words,
    bytes: Arc<[u8]>,
}

/// What is asked of many records: it stands in front.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Front {
    /// How it ended.
    pub status: AttemptStatus,
    /// When its request was on its way, or in the open loop's queue.
    pub began: Nanos,
    /// When it was sent.
    pub started: Nanos,
    /// When it was over.
    pub ended: Nanos,
    /// Its events with generated text.
    pub events: usize,
}

impl Front {
    /// Of a record that is not packed.
    pub fn of(record: &AttemptRecord) -> Self {
        let AttemptRecord { status, started, ended, .. } = *record;
        Self { status, began: record.began(), started, ended, events: record.content_events() }
    }

    fn read(from: &mut Reader<'_>) -> Self {
        let status = STATUSES.get(usize::from(from.byte())).copied().unwrap_or(AttemptStatus::Truncated);
        let began = Nanos(from.number());
        let (started, ended) = (from.time(began), from.time(began));
        Self { status, began, started, ended, events: from.number() as usize }
    }

    fn write(self, out: &mut Writer) -> Option<()> {
        out.byte(STATUSES.iter().position(|s| *s == self.status)? as u8);
        out.number(self.began.0);
        out.time(self.started, self.began);
        out.time(self.ended, self.began);
        out.number(self.events as u64);
        Some(())
    }
}

impl Packed {
    /// Packs a condensed record; `None` where it has what has no place here.
    pub fn of(record: &AttemptRecord, words: &mut Words) -> Option<Self> {
        let mut packing = Packing { out: Writer::default(), words };
        packing.record(record)?;
        Some(Self { bytes: packing.out.into_bytes().into(), words: words.clone() })
    }

    /// What can be told without unpacking.
    pub fn front(&self) -> Front {
        Front::read(&mut Reader(&self.bytes))
    }

    /// The record.
    pub fn unpack(&self) -> AttemptRecord {
        Unpacking { from: Reader(&self.bytes), words: &self.words }.record()
    }
}

/// What request ids end in.
fn numbers(id: AttemptId) -> String {
    format!("-{}-{}", id.case.saturating_add(1), id.number)
}

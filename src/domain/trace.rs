//! Arrivals of one stream, in a form that can be drawn at any zoom in bounded time. Arrivals are stored in blocks,
//! which never change once full. Each block is divided into stretches, which store summaries of their gaps.

mod columns;

use std::collections::VecDeque;
use std::sync::Arc;

pub use self::columns::{Column, columns};
use super::attempt::{Arrival, TextKind};
use super::diagnosis::pause_limit_ms;
use super::time::Nanos;

/// Number of arrivals in a full block.
const BLOCK: usize = 256;
/// Number of arrivals in a stretch.
const STRETCH: usize = 16;
/// Number of recent gaps from which the usual gap of a running stream is computed.
const RECENT_GAPS: usize = 512;

/// Time between two arrivals. Arrivals from one read share a single gap, which ends with the first of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gap {
    /// Time of the arrival before.
    pub from: Nanos,
    /// Time of the arrival that ended the gap.
    pub to: Nanos,
    /// Kind of text in that arrival.
    pub kind: TextKind,
}

impl Gap {
    /// Length of the gap, milliseconds.
    pub fn ms(&self) -> f64 {
        self.to.millis_since(self.from)
    }
}

/// A gap far longer than the usual gap of its stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stall {
    /// The gap.
    pub gap: Gap,
    /// Whether tokscope's own stalls explain the gap.
    pub is_own: bool,
}

/// Summary of consecutive gaps.
#[derive(Clone, Copy, Debug)]
struct GapBin {
    from: Nanos,
    to: Nanos,
    sum_ms: f32,
    gaps: u32,
    high_ms: f32,
    kind: TextKind,
}

#[derive(Debug)]
struct Block {
    /// Time of the last arrival in the block before.
    previous: Option<Nanos>,
    arrivals: Box<[Arrival]>,
    stretches: Box<[GapBin]>,
}

/// Arrivals of a stream. Clones share the full blocks.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    blocks: VecDeque<Arc<Block>>,
    first: Option<Nanos>,
    len: usize,
}

impl Trace {
    /// Creates the trace of a complete stream.
    pub fn from_arrivals(arrivals: &[Arrival]) -> Self {
        let mut trace = Self::default();
        trace.extend_from(arrivals, usize::MAX);
        trace
    }

    /// Adds the arrivals since the last call. `all` has all arrivals, including those of earlier calls. Keeps about the
    /// last `max_arrivals`.
    pub fn extend_from(&mut self, all: &[Arrival], max_arrivals: usize) {
        if all.len() == self.len {
            return;
        }
        let max_blocks = max_arrivals.div_ceil(BLOCK).max(1);
        let full = self.len / BLOCK;
        if !self.len.is_multiple_of(BLOCK) {
            self.blocks.pop_back();
        }
        let begin = full.max(all.len().div_ceil(BLOCK).saturating_sub(max_blocks)) * BLOCK;
        let mut previous = begin.checked_sub(1).and_then(|i| all.get(i)).map(|a| a.at);
        for arrivals in all.get(begin..).unwrap_or_default().chunks(BLOCK) {
            self.blocks.push_back(Arc::new(Block::from_arrivals(previous, arrivals)));
            previous = arrivals.last().map(|a| a.at);
        }
        while self.blocks.len() > max_blocks {
            self.blocks.pop_front();
        }
        self.first = all.first().map(|a| a.at);
        self.len = all.len();
    }

    /// Number of arrivals so far, including dropped ones.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Returns whether nothing has arrived.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Time of the first arrival.
    pub const fn first(&self) -> Option<Nanos> {
        self.first
    }

    /// Time of the last arrival.
    pub fn last(&self) -> Option<Nanos> {
        Some(self.blocks.back()?.arrivals.last()?.at)
    }

    /// Kind of text in the last arrival.
    pub fn last_kind(&self) -> Option<TextKind> {
        Some(self.blocks.back()?.arrivals.last()?.kind)
    }

    /// All gaps between stored arrivals, in order.
    pub fn gaps(&self) -> impl Iterator<Item = Gap> {
        self.blocks.iter().flat_map(|block| block.gaps(0..block.arrivals.len()))
    }

    /// The last gap that has ended.
    pub fn last_gap(&self) -> Option<Gap> {
        let block = self.blocks.back()?;
        block.gaps(block.arrivals.len().saturating_sub(STRETCH)..block.arrivals.len()).last()
    }

    /// The gap that contains a time.
    pub fn gap_at(&self, at: Nanos) -> Option<Gap> {
        let block = self.blocks.get(self.block_index(at))?;
        block.gaps(0..block.arrivals.len()).find(|g| g.from <= at && at < g.to)
    }

    /// Minimum length of a stall in a running stream, milliseconds, based on its recent gaps.
    pub fn stall_limit_ms(&self) -> Option<f64> {
        let times = self.blocks.iter().rev().flat_map(|b| b.arrivals.iter().rev()).map(|a| a.at);
        let mut times: Vec<Nanos> = times.take(RECENT_GAPS + 1).collect();
        times.reverse();
        let gaps: Vec<f64> = times.windows(2).map(|w| w[1].millis_since(w[0])).collect();
        pause_limit_ms(&gaps)
    }

    /// Gaps longer than `limit_ms` that overlap a span. `own` lists the stalls of tokscope itself.
    pub fn stalls(&self, from: Nanos, to: Nanos, limit_ms: f64, own: &[(Nanos, Nanos)]) -> Vec<Stall> {
        let mut stalls = Vec::new();
        for (block, index, stretch) in self.stretches(from, to) {
            if f64::from(stretch.high_ms) < limit_ms {
                continue;
            }
            let long = block.gaps_of(index).filter(|g| g.ms() > limit_ms && g.to > from && g.from < to);
            stalls.extend(long.map(|gap| {
                let both = |o: &(Nanos, Nanos)| o.1.min(gap.to).millis_since(o.0.max(gap.from));
                Stall { gap, is_own: gap.ms() - own.iter().map(both).sum::<f64>() <= limit_ms }
            }));
        }
        stalls
    }

    /// Index of the first block with an arrival after `at`.
    fn block_index(&self, at: Nanos) -> usize {
        self.blocks.partition_point(|b| b.arrivals.last().is_none_or(|a| a.at <= at))
    }

    /// Stretches that overlap a span.
    fn stretches(&self, from: Nanos, to: Nanos) -> impl Iterator<Item = (&Block, usize, GapBin)> {
        let blocks = self.blocks.iter().skip(self.block_index(from));
        let all = blocks.flat_map(|b| b.stretches.iter().enumerate().map(move |(i, s)| (b.as_ref(), i, *s)));
        all.skip_while(move |(.., s)| s.to <= from).take_while(move |(.., s)| s.from < to)
    }
}

impl Block {
    fn from_arrivals(previous: Option<Nanos>, arrivals: &[Arrival]) -> Self {
        let mut block = Self { previous, arrivals: arrivals.into(), stretches: Box::default() };
        block.stretches = (0..arrivals.len().div_ceil(STRETCH)).filter_map(|i| block.stretch(i)).collect();
        block
    }

    fn stretch(&self, index: usize) -> Option<GapBin> {
        let arrivals = self.arrivals.chunks(STRETCH).nth(index)?;
        let (first, last) = (arrivals.first()?, arrivals.last()?);
        let previous = match (index * STRETCH).checked_sub(1) {
            Some(i) => self.arrivals.get(i).map(|a| a.at),
            None => self.previous,
        };
        let mut stretch = GapBin {
            from: previous.unwrap_or(first.at),
            to: last.at,
            sum_ms: 0.0,
            gaps: 0,
            high_ms: 0.0,
            kind: last.kind,
        };
        for gap in self.gaps_of(index) {
            stretch.sum_ms += gap.ms() as f32;
            stretch.gaps += 1;
            stretch.high_ms = stretch.high_ms.max(gap.ms() as f32);
        }
        Some(stretch)
    }

    fn gaps_of(&self, stretch: usize) -> impl Iterator<Item = Gap> {
        self.gaps(stretch * STRETCH..((stretch + 1) * STRETCH).min(self.arrivals.len()))
    }

    fn gaps(&self, range: std::ops::Range<usize>) -> impl Iterator<Item = Gap> {
        range.filter_map(|i| {
            let arrival = self.arrivals.get(i).filter(|a| !a.coalesced)?;
            let from = i.checked_sub(1).map_or(self.previous, |i| self.arrivals.get(i).map(|a| a.at))?;
            Some(Gap { from, to: arrival.at, kind: arrival.kind })
        })
    }
}

#[cfg(test)]
mod tests;

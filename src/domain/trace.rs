//! How the events of one stream came. Any part of it can be drawn at any width in bounded time: arrivals lie in blocks that
//! change no more once they are full, and stretches of a block know the extremes of their gaps.

mod columns;

use std::collections::VecDeque;
use std::sync::Arc;

pub use self::columns::{Column, columns};
use super::attempt::{Arrival, TextKind};
use super::diagnosis::pause_limit_ms;
use super::time::Nanos;

/// Arrivals of a full block.
const BLOCK: usize = 256;
/// Arrivals of a stretch.
const STRETCH: usize = 16;
/// What is usual in a stream that runs is told by so many of its last gaps.
const USUAL_OF: usize = 512;

/// The silence before an arrival. Arrivals out of one read have one, that of the first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gap {
    /// The arrival before.
    pub from: Nanos,
    /// The arrival that ended it.
    pub to: Nanos,
    /// What that carried.
    pub kind: TextKind,
}

impl Gap {
    /// How long.
    pub fn ms(&self) -> f64 {
        self.to.millis_since(self.from)
    }
}

/// A gap that is far longer than what is usual in its stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stall {
    /// When.
    pub gap: Gap,
    /// Without the time in which tokscope itself stood still it would be none.
    pub is_own: bool,
}

/// Some gaps that follow one another.
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
    /// The last arrival of the block before.
    before: Option<Nanos>,
    arrivals: Box<[Arrival]>,
    stretches: Box<[GapBin]>,
}

/// The arrivals of a stream. A copy shares the full blocks.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    blocks: VecDeque<Arc<Block>>,
    first: Option<Nanos>,
    len: usize,
}

impl Trace {
    /// All of a stream that is over.
    pub fn from_arrivals(arrivals: &[Arrival]) -> Self {
        let mut trace = Self::default();
        trace.follow(arrivals, usize::MAX);
        trace
    }

    /// Takes what came since the last call; `all` holds what it held then. Keeps about the last `most` arrivals.
    pub fn follow(&mut self, all: &[Arrival], most: usize) {
        if all.len() == self.len {
            return;
        }
        let most_blocks = most.div_ceil(BLOCK).max(1);
        let full = self.len / BLOCK;
        if !self.len.is_multiple_of(BLOCK) {
            self.blocks.pop_back();
        }
        let begin = full.max(all.len().div_ceil(BLOCK).saturating_sub(most_blocks)) * BLOCK;
        let mut before = begin.checked_sub(1).and_then(|i| all.get(i)).map(|a| a.at);
        for arrivals in all.get(begin..).unwrap_or_default().chunks(BLOCK) {
            self.blocks.push_back(Arc::new(Block::from_arrivals(before, arrivals)));
            before = arrivals.last().map(|a| a.at);
        }
        while self.blocks.len() > most_blocks {
            self.blocks.pop_front();
        }
        self.first = all.first().map(|a| a.at);
        self.len = all.len();
    }

    /// Arrivals that there were.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Nothing came.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// When the first came.
    pub const fn first(&self) -> Option<Nanos> {
        self.first
    }

    /// When the last came.
    pub fn last(&self) -> Option<Nanos> {
        Some(self.blocks.back()?.arrivals.last()?.at)
    }

    /// What the last carried.
    pub fn last_kind(&self) -> Option<TextKind> {
        Some(self.blocks.back()?.arrivals.last()?.kind)
    }

    /// The gap in which a time lies.
    pub fn gap_at(&self, at: Nanos) -> Option<Gap> {
        let block = self.blocks.get(self.block_of(at))?;
        block.gaps(0..block.arrivals.len()).find(|g| g.from <= at && at < g.to)
    }

    /// From which length on a gap is far longer than what is usual in a stream that runs, milliseconds: by its last gaps.
    pub fn stall_limit_ms(&self) -> Option<f64> {
        let times = self.blocks.iter().rev().flat_map(|b| b.arrivals.iter().rev()).map(|a| a.at);
        let mut times: Vec<Nanos> = times.take(USUAL_OF + 1).collect();
        times.reverse();
        let gaps: Vec<f64> = times.windows(2).map(|w| w[1].millis_since(w[0])).collect();
        pause_limit_ms(&gaps)
    }

    /// The gaps longer than `limit_ms` of which something lies between two times. `own` is when tokscope itself stood still.
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

    /// The first block with an arrival after `at`.
    fn block_of(&self, at: Nanos) -> usize {
        self.blocks.partition_point(|b| b.arrivals.last().is_none_or(|a| a.at <= at))
    }

    /// The stretches of which something lies between two times.
    fn stretches(&self, from: Nanos, to: Nanos) -> impl Iterator<Item = (&Block, usize, GapBin)> {
        let blocks = self.blocks.iter().skip(self.block_of(from));
        let all = blocks.flat_map(|b| b.stretches.iter().enumerate().map(move |(i, s)| (b.as_ref(), i, *s)));
        all.skip_while(move |(.., s)| s.to <= from).take_while(move |(.., s)| s.from < to)
    }
}

impl Block {
    fn from_arrivals(before: Option<Nanos>, arrivals: &[Arrival]) -> Self {
        let mut block = Self { before, arrivals: arrivals.into(), stretches: Box::default() };
        block.stretches = (0..arrivals.len().div_ceil(STRETCH)).filter_map(|i| block.stretch(i)).collect();
        block
    }

    fn stretch(&self, index: usize) -> Option<GapBin> {
        let arrivals = self.arrivals.chunks(STRETCH).nth(index)?;
        let (first, last) = (arrivals.first()?, arrivals.last()?);
        let before = match (index * STRETCH).checked_sub(1) {
            Some(i) => self.arrivals.get(i).map(|a| a.at),
            None => self.before,
        };
        let mut stretch = GapBin {
            from: before.unwrap_or(first.at),
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

    fn gaps(&self, which: std::ops::Range<usize>) -> impl Iterator<Item = Gap> {
        which.filter_map(|i| {
            let arrival = self.arrivals.get(i).filter(|a| !a.coalesced)?;
            let from = i.checked_sub(1).map_or(self.before, |i| self.arrivals.get(i).map(|a| a.at))?;
            Some(Gap { from, to: arrival.at, kind: arrival.kind })
        })
    }
}

#[cfg(test)]
mod tests;

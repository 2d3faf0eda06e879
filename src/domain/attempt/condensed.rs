//! Condensed records: without text and arrivals, but with every figure.

use serde::{Deserialize, Serialize};

use super::resolution::Resolution;
use super::{AttemptRecord, TextKind};
use crate::domain::statistics::Stats;
use crate::domain::time::Nanos;

/// Summary of text and arrivals, as far as figures need them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Condensed {
    pub(super) first: Option<Nanos>,
    pub(super) first_answer: Option<Nanos>,
    pub(super) last: Option<Nanos>,
    pub(super) events: usize,
    pub(super) coalesced: usize,
    pub(super) gaps: Option<Stats>,
    pub(super) had_reasoning: bool,
    #[serde(default)]
    pub(super) resolution: StoredResolution,
}

/// Resolution of a stream in a few bytes: most streams have one event per read and need no numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StoredResolution {
    /// The record comes from an older version that did not store the resolution.
    #[default]
    Unknown,
    /// Every event had its own read.
    Alone,
    /// Some events shared a read.
    Shared(Resolution),
}

impl StoredResolution {
    fn new(resolution: Option<Resolution>, events: usize) -> Self {
        match resolution {
            None => Self::Unknown,
            Some(resolution) if resolution == Resolution::from_single_events(events) => Self::Alone,
            Some(resolution) => Self::Shared(resolution),
        }
    }

    pub(super) fn get(self, events: usize) -> Option<Resolution> {
        match self {
            Self::Unknown => None,
            Self::Alone => Some(Resolution::from_single_events(events)),
            Self::Shared(resolution) => Some(resolution),
        }
    }
}

impl AttemptRecord {
    /// Drops text and arrivals to save memory in long runs with thousands of records. All figures stay the same.
    #[must_use]
    pub fn condense(mut self) -> Self {
        if self.condensed.is_none() {
            let condensed = Condensed {
                first: self.first_arrival(),
                first_answer: self.arrivals.iter().find(|a| a.kind == TextKind::Answer).map(|a| a.at),
                last: self.last_arrival(),
                events: self.content_events(),
                coalesced: self.coalesced_events(),
                gaps: self.inter_chunk_latency_ms(),
                had_reasoning: !self.reasoning.is_empty(),
                resolution: StoredResolution::new(self.resolution(), self.content_events()),
            };
            self.condensed = Some(Box::new(condensed));
            (self.arrivals, self.text, self.reasoning) = (Vec::new(), String::new(), String::new());
            (self.sent_request, self.answer_parts, self.tool_calls) = (None, None, Vec::new());
        }
        self
    }
}

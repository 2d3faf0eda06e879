//! A record as a session keeps it.

use std::sync::Arc;

use super::packed::{Front, Packed, Words};
use super::{AttemptRecord, AttemptStatus};
use crate::domain::time::Nanos;

/// The record of an attempt that is over: as it came, or packed into a small part of the memory, then without text and
/// single arrivals.
#[derive(Clone, Debug)]
pub struct KeptRecord(Form);

#[derive(Clone, Debug)]
enum Form {
    Whole(Arc<AttemptRecord>),
    Packed(Packed),
}

impl From<Arc<AttemptRecord>> for KeptRecord {
    fn from(record: Arc<AttemptRecord>) -> Self {
        Self(Form::Whole(record))
    }
}

impl From<AttemptRecord> for KeptRecord {
    fn from(record: AttemptRecord) -> Self {
        Arc::new(record).into()
    }
}

/// Of the records, whatever their form.
impl PartialEq for KeptRecord {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl KeptRecord {
    /// The record; a packed one is unpacked for it, which takes some hundred nanoseconds.
    pub fn get(&self) -> Arc<AttemptRecord> {
        match &self.0 {
            Form::Whole(record) => Arc::clone(record),
            Form::Packed(packed) => Arc::new(packed.unpack()),
        }
    }

    /// How it ended. This and what follows do not unpack.
    pub fn status(&self) -> AttemptStatus {
        self.front().status
    }

    /// When its request was on its way, or in the open loop's queue.
    pub fn began(&self) -> Nanos {
        self.front().began
    }

    /// When it was sent.
    pub fn started(&self) -> Nanos {
        self.front().started
    }

    /// When it was over.
    pub fn ended(&self) -> Nanos {
        self.front().ended
    }

    /// Its events with generated text.
    pub fn content_events(&self) -> usize {
        self.front().events
    }

    fn front(&self) -> Front {
        match &self.0 {
            Form::Whole(record) => Front::of(record),
            Form::Packed(packed) => packed.front(),
        }
    }

    /// The same without text and single arrivals, packed where it can be.
    #[must_use]
    pub fn pack(self, words: &mut Words) -> Self {
        let Form::Whole(record) = self.0 else { return self };
        // Nobody else holds so old a record as a rule: nothing is copied only to be dropped.
        let record = Arc::unwrap_or_clone(record).condense();
        match Packed::of(&record, words) {
            Some(packed) => Self(Form::Packed(packed)),
            None => record.into(),
        }
    }
}

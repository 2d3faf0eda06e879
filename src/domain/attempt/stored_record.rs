//! The record of an ended attempt as a session stores it: whole, or packed.

use std::sync::Arc;

use super::packed::{Packed, PackedHead, StringPool};
use super::{AttemptRecord, AttemptStatus};
use crate::domain::time::Nanos;

/// The record of an ended attempt. Packed records take a small part of the memory and have neither text nor arrivals.
#[derive(Clone, Debug)]
pub struct StoredRecord(Form);

#[derive(Clone, Debug)]
enum Form {
    Whole(Arc<AttemptRecord>),
    Packed(Packed),
}

impl From<Arc<AttemptRecord>> for StoredRecord {
    fn from(record: Arc<AttemptRecord>) -> Self {
        Self(Form::Whole(record))
    }
}

impl From<AttemptRecord> for StoredRecord {
    fn from(record: AttemptRecord) -> Self {
        Arc::new(record).into()
    }
}

/// Compares the records, packed or not.
impl PartialEq for StoredRecord {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl StoredRecord {
    /// Returns the record. Unpacking a packed record takes some hundred nanoseconds.
    pub fn get(&self) -> Arc<AttemptRecord> {
        match &self.0 {
            Form::Whole(record) => Arc::clone(record),
            Form::Packed(packed) => Arc::new(packed.unpack()),
        }
    }

    /// Returns whether the record is packed, without text and arrivals.
    pub const fn is_packed(&self) -> bool {
        matches!(self.0, Form::Packed(_))
    }

    /// Status of the attempt. Read without unpacking the record, like the figures below.
    pub fn status(&self) -> AttemptStatus {
        self.head().status
    }

    /// Time at which the request was sent or entered the queue of the open loop.
    pub fn began(&self) -> Nanos {
        self.head().began
    }

    /// Time at which the request was sent.
    pub fn started(&self) -> Nanos {
        self.head().started
    }

    /// Time at which the attempt ended.
    pub fn ended(&self) -> Nanos {
        self.head().ended
    }

    /// Number of events with generated text.
    pub fn content_events(&self) -> usize {
        self.head().events
    }

    fn head(&self) -> PackedHead {
        match &self.0 {
            Form::Whole(record) => PackedHead::new(record),
            Form::Packed(packed) => packed.head(),
        }
    }

    /// Drops text and arrivals and packs the record; records that cannot be packed stay as they are.
    #[must_use]
    pub fn pack(self, pool: &mut StringPool) -> Self {
        let Form::Whole(record) = self.0 else { return self };
        // As a rule no one else holds the record, so this copies nothing.
        let record = Arc::unwrap_or_clone(record).condense();
        match Packed::new(&record, pool) {
            Some(packed) => Self(Form::Packed(packed)),
            None => record.into(),
        }
    }
}

//! List of the records of a run that still have text and arrivals.

use std::collections::VecDeque;

use crate::domain::attempt::AttemptId;

/// Number of entries up to which packed records are not removed from the list.
const FEW: usize = 1024;

/// Attempts whose records have text and arrivals, oldest first, with the sizes of their records in bytes.
#[derive(Clone, Debug, Default)]
pub struct UnpackedRecords {
    entries: VecDeque<(AttemptId, usize)>,
    bytes: usize,
    /// Number of entries left after packed records were last removed.
    kept: usize,
}

impl UnpackedRecords {
    /// Adds the record of an attempt that ended. Entries whose records have been packed since (`is_packed`) are removed
    /// once they may be half of all.
    pub fn push(&mut self, id: AttemptId, bytes: usize, is_packed: impl Fn(AttemptId) -> bool) {
        self.entries.push_back((id, bytes));
        self.bytes += bytes;
        if self.entries.len() > FEW + 2 * self.kept {
            self.entries.retain(|(id, _)| !is_packed(*id));
            self.bytes = self.entries.iter().map(|(_, bytes)| bytes).sum();
            self.kept = self.entries.len();
        }
    }

    /// Removes and returns the oldest attempt if all records together are larger than `max_bytes`.
    pub fn pop_beyond(&mut self, max_bytes: usize) -> Option<AttemptId> {
        if self.bytes <= max_bytes {
            return None;
        }
        let (oldest, bytes) = self.entries.pop_front()?;
        self.bytes -= bytes;
        Some(oldest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u32) -> AttemptId {
        AttemptId { case: 0, number }
    }

    #[test]
    fn packed_records_leave_no_entry_behind() {
        let mut unpacked = UnpackedRecords::default();
        // The first record is never packed. Of the others, all but the last ten are.
        for number in 1..=100_000 {
            unpacked.push(id(number), 100, |id| id.number > 1 && id.number + 10 <= number);
        }
        assert!(unpacked.entries.len() <= FEW + 2 * 11 && unpacked.bytes == 100 * unpacked.entries.len());
        assert_eq!(unpacked.entries[0].0, id(1));
    }

    #[test]
    fn the_oldest_records_come_first_beyond_the_limit() {
        let mut unpacked = UnpackedRecords::default();
        for number in 1..=3 {
            unpacked.push(id(number), 10, |_| false);
        }
        let beyond: Vec<_> = std::iter::from_fn(|| unpacked.pop_beyond(15)).collect();
        assert_eq!(beyond, [id(1), id(2)]);
    }
}

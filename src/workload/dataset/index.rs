//! Index of the positions of rows in a file, about five bytes per row.

/// Number of rows per block. Finding a row decodes half a block on average.
const ROWS_PER_BLOCK: usize = 64;

/// Position of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Offset of the first byte.
    pub offset: u64,
    /// Length, bytes.
    pub length: u64,
    /// Number of the line or array element, from 1.
    pub ordinal: u64,
}

/// Positions of a file's rows, in ascending order.
///
/// Each row takes three variable-length integers (LEB128): the number of bytes since the end of the previous row, the
/// length of the row, and the number of lines since the previous row. Each block of 64 rows starts with absolute
/// values.
#[derive(Debug, Default)]
pub struct RowIndex {
    blocks: Vec<Block>,
    steps: Vec<u8>,
    rows: u64,
    last: Cursor,
}

#[derive(Debug)]
struct Block {
    before: Cursor,
    /// Start of the block in `steps`.
    start: usize,
}

/// End and line number of a row.
#[derive(Clone, Copy, Debug, Default)]
struct Cursor {
    end: u64,
    ordinal: u64,
}

impl RowIndex {
    /// Appends a row, which must not begin before the end of the previous row.
    pub fn push(&mut self, row: Position) {
        if self.rows.is_multiple_of(ROWS_PER_BLOCK as u64) {
            self.blocks.push(Block { before: self.last, start: self.steps.len() });
        }
        write_integer(&mut self.steps, row.offset.saturating_sub(self.last.end));
        write_integer(&mut self.steps, row.length);
        write_integer(&mut self.steps, row.ordinal.saturating_sub(self.last.ordinal));
        self.last = Cursor { end: row.offset + row.length, ordinal: row.ordinal };
        self.rows += 1;
    }

    /// Returns the position of a row. Rows count from 0.
    pub fn get(&self, row: u64) -> Option<Position> {
        if row >= self.rows {
            return None;
        }
        let block = self.blocks.get(usize::try_from(row).ok()? / ROWS_PER_BLOCK)?;
        let mut steps = self.steps.get(block.start..)?.iter().copied();
        let mut cursor = block.before;
        for is_wanted in (0..=row % ROWS_PER_BLOCK as u64).map(|n| n == row % ROWS_PER_BLOCK as u64) {
            let offset = cursor.end + read_integer(&mut steps)?;
            let length = read_integer(&mut steps)?;
            let ordinal = cursor.ordinal + read_integer(&mut steps)?;
            if is_wanted {
                return Some(Position { offset, length, ordinal });
            }
            cursor = Cursor { end: offset + length, ordinal };
        }
        None
    }

    /// Frees unused memory.
    pub fn shrink(&mut self) {
        self.blocks.shrink_to_fit();
        self.steps.shrink_to_fit();
    }

    /// Returns the memory of the index, bytes.
    pub const fn memory_bytes(&self) -> usize {
        self.blocks.capacity() * size_of::<Block>() + self.steps.capacity()
    }
}

fn write_integer(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn read_integer(bytes: &mut impl Iterator<Item = u8>) -> Option<u64> {
    let (mut number, mut shift) = (0, 0);
    loop {
        let byte = bytes.next()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
        shift += 7;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_are_found_where_they_were_put(
            rows in prop::collection::vec((0_u64..300, 0_u64..1 << 40, 1_u64..300), 0..300),
        ) {
            let (mut index, mut expected) = (RowIndex::default(), Vec::new());
            let (mut end, mut ordinal) = (0, 0);
            for (gap, length, lines) in rows {
                ordinal += lines;
                let row = Position { offset: end + gap, length, ordinal };
                end = row.offset + length;
                index.push(row);
                expected.push(row);
            }
            index.shrink();
            let found: Vec<_> = (0..expected.len() as u64).map_while(|row| index.get(row)).collect();
            prop_assert_eq!(index.get(expected.len() as u64), None);
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_million_rows_of_a_chat_log_take_less_than_six_bytes_each() {
        let mut index = RowIndex::default();
        for n in 0..1_000_000 {
            index.push(Position { offset: n * 3001, length: 3000, ordinal: n + 1 });
        }
        index.shrink();
        assert!(index.memory_bytes() < 6_000_000, "{} bytes", index.memory_bytes());
    }
}

//! A sorted list of figures. The time to add a figure hardly grows with the length of the list.

use std::fmt::{self, Debug, Formatter};

/// Maximum figures in a block; a full block is split in two.
const BLOCK: usize = 1024;

/// Figures in ascending order.
#[derive(Clone, Default)]
pub struct Sorted {
    /// Consecutive parts of the list; no block is empty.
    blocks: Vec<Vec<f64>>,
    length: usize,
}

impl Sorted {
    /// Adds a figure.
    pub fn insert(&mut self, figure: f64) {
        self.length += 1;
        let is_below = |block: &Vec<f64>| block.last().is_some_and(|last| *last < figure);
        let at = self.blocks.partition_point(is_below).min(self.blocks.len().saturating_sub(1));
        let Some(block) = self.blocks.get_mut(at) else { return self.blocks.push(vec![figure]) };
        block.insert(block.partition_point(|f| *f < figure), figure);
        if block.len() > BLOCK {
            let upper = block.split_off(BLOCK / 2);
            self.blocks.insert(at + 1, upper);
        }
    }

    /// Number of figures.
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Returns whether there are no figures.
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Figure at this index, from 0.
    pub fn get(&self, mut index: usize) -> Option<f64> {
        for block in &self.blocks {
            match block.get(index) {
                Some(figure) => return Some(*figure),
                None => index -= block.len(),
            }
        }
        None
    }

    /// All figures, ascending.
    pub fn iter(&self) -> impl Iterator<Item = f64> {
        self.blocks.iter().flatten().copied()
    }
}

impl Extend<f64> for Sorted {
    fn extend<T: IntoIterator<Item = f64>>(&mut self, figures: T) {
        let mut all: Vec<f64> = self.iter().chain(figures).collect();
        all.sort_by(f64::total_cmp);
        self.length = all.len();
        self.blocks = all.chunks(BLOCK).map(<[f64]>::to_vec).collect();
    }
}

impl Debug for Sorted {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inserting_and_extending_give_the_same_order() {
        let figures: Vec<f64> = (0..5000_u64).map(|i| ((i * 7919) % 1201) as f64 / 7.0).collect();
        let (mut one_by_one, mut at_once) = (Sorted::default(), Sorted::default());
        for figure in &figures {
            one_by_one.insert(*figure);
        }
        at_once.extend(figures.iter().copied());
        let mut expected = figures;
        expected.sort_by(f64::total_cmp);
        for sorted in [&one_by_one, &at_once] {
            assert_eq!((sorted.len(), sorted.is_empty()), (5000, false));
            assert!(sorted.iter().eq(expected.iter().copied()));
            for place in [0, 1, 1023, 1024, 2500, 4999, 5000] {
                assert_eq!(sorted.get(place), expected.get(place).copied());
            }
            assert!(sorted.blocks.iter().all(|b| !b.is_empty() && b.len() <= BLOCK));
        }
    }
}

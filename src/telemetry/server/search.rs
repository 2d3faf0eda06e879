//! Whose turn it is to be asked for a page that none of them has shown yet.

use std::time::Duration;

use crate::domain::time::Nanos;

/// The rest after a first round that found nothing, and after each later one: what is asked is what is measured.
const RESTS: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(30)];

/// Rounds over all addresses, one address at a time, with rests between.
#[derive(Debug)]
pub(super) struct Search {
    /// Why each has no page, as of when it was last asked.
    whys: Vec<Option<String>>,
    turn: usize,
    /// Rounds that found nothing since it was begun.
    rounds: usize,
    /// It rests until then.
    until: Nanos,
}

impl Search {
    /// Over so many addresses.
    pub(super) fn new(addresses: usize) -> Self {
        Self { whys: vec![None; addresses], turn: 0, rounds: 0, until: Nanos::default() }
    }

    /// Begins anew with the first address, and without a rest before it.
    pub(super) fn begin(&mut self) {
        (self.turn, self.rounds, self.until) = (0, 0, Nanos::default());
    }

    /// Whose turn it is; `None` while it rests.
    pub(super) fn turn(&self, now: Nanos) -> Option<usize> {
        (now >= self.until && self.turn < self.whys.len()).then_some(self.turn)
    }

    /// The one whose turn it was has no page, and why.
    pub(super) fn miss(&mut self, why: String, now: Nanos) {
        if let Some(place) = self.whys.get_mut(self.turn) {
            *place = Some(why);
        }
        self.turn += 1;
        if self.turn >= self.whys.len() {
            let [first, later] = RESTS;
            self.until = now.plus(if self.rounds == 0 { first } else { later });
            self.rounds += 1;
            self.turn = 0;
        }
    }

    /// Why none has a page; `None` while there is one that was never asked.
    pub(super) fn why(&self) -> Option<String> {
        let whys: Option<Vec<&str>> = self.whys.iter().map(Option::as_deref).collect();
        whys.map(|whys| whys.join("; "))
    }
}

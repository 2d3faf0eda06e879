//! Decides which address to try next until one has a metrics page.

use std::time::Duration;

use crate::domain::time::Nanos;

/// Pauses after the first round without a page, and after each later round. The search must not load the server, which
/// may be the one that is being measured.
const PAUSES: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(30)];

/// Rounds over all addresses, with one address at a time and pauses between rounds.
#[derive(Debug)]
pub(super) struct Search {
    /// Reason why each address has no page, from its latest try.
    reasons: Vec<Option<String>>,
    position: usize,
    /// Number of rounds without a page since the last restart.
    rounds: usize,
    /// End of the current pause.
    until: Nanos,
}

impl Search {
    /// Creates a search over this number of addresses.
    pub(super) fn new(addresses: usize) -> Self {
        Self { reasons: vec![None; addresses], position: 0, rounds: 0, until: Nanos::default() }
    }

    /// Restarts with the first address and without a pause.
    pub(super) fn restart(&mut self) {
        (self.position, self.rounds, self.until) = (0, 0, Nanos::default());
    }

    /// Returns the index of the next address; `None` during a pause.
    pub(super) fn next(&self, now: Nanos) -> Option<usize> {
        (now >= self.until && self.position < self.reasons.len()).then_some(self.position)
    }

    /// Records that the current address has no page, and moves on.
    pub(super) fn record_failure(&mut self, why: String, now: Nanos) {
        if let Some(reason) = self.reasons.get_mut(self.position) {
            *reason = Some(why);
        }
        self.position += 1;
        if self.position >= self.reasons.len() {
            let [first, later] = PAUSES;
            self.until = now.plus(if self.rounds == 0 { first } else { later });
            self.rounds += 1;
            self.position = 0;
        }
    }

    /// Returns the reasons of all addresses; `None` until each was tried once.
    pub(super) fn reasons(&self) -> Option<String> {
        let reasons: Option<Vec<&str>> = self.reasons.iter().map(Option::as_deref).collect();
        reasons.map(|reasons| reasons.join("; "))
    }
}

//! Figures of a run at one time after another.

use crate::app::state::load::Load;
use crate::domain::attempt::KeptRecord;
use crate::domain::session::{AttemptState, Session};
use crate::domain::time::Nanos;

/// Maximum number of attempts that are added one by one. Beyond that, counting all of them again is faster.
const MAX_ADDED: usize = 256;

/// Figures up to the last time, so that the next time unpacks only the attempts that ended since.
#[derive(Clone, Debug, Default)]
pub(super) struct Counted {
    /// End of each attempt, ascending, with the index of its case and its index in the case.
    ended: Vec<(Nanos, usize, usize)>,
    /// Number of attempts counted so far.
    count: usize,
    /// Figures so far, and the stage of the sweep they belong to.
    load: Option<(Load, usize)>,
}

impl Counted {
    /// The same as [`Load::from_session`] for `session`, which is `whole` at `at`. `at` must not be before the last one.
    pub fn load(&mut self, whole: &Session, session: &Session, at: Nanos) -> Load {
        if self.load.is_none() {
            self.ended = ended(whole);
        }
        let count = self.ended.partition_point(|e| e.0 <= at);
        let since = self.ended.get(self.count..count).unwrap_or_default();
        self.count = count;
        let attempt = |&(_, case, place): &(Nanos, usize, usize)| whole.cases.get(case)?.attempts.get(place);
        let can_add = since.len() <= MAX_ADDED
            && since.iter().filter_map(attempt).all(|a| session.sweep.is_empty() || a.stage == session.stage);
        let load = match self.load.take().filter(|(_, stage)| can_add && *stage == session.stage) {
            Some((mut load, _)) => {
                for record in since.iter().filter_map(attempt).filter_map(AttemptState::record) {
                    load.add(&record, session);
                }
                load.advance(at, session);
                load
            }
            None => Load::from_session(session, at),
        };
        self.load = Some((load.clone(), session.stage));
        load
    }
}

/// End of each attempt of a session, as [`Counted::ended`] has them.
fn ended(session: &Session) -> Vec<(Nanos, usize, usize)> {
    let of_case = |(case, attempts): (usize, &[AttemptState])| {
        let ended = |(place, a): (usize, &AttemptState)| Some((a.record.as_ref().map(KeptRecord::ended)?, case, place));
        attempts.iter().enumerate().filter_map(ended).collect::<Vec<_>>()
    };
    let mut all: Vec<_> = session.cases.iter().map(|c| c.attempts.as_slice()).enumerate().flat_map(of_case).collect();
    all.sort_unstable();
    all
}

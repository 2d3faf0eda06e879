//! The load of a run at one time after another.

use crate::app::load::Load;
use crate::domain::attempt::KeptRecord;
use crate::domain::session::{AttemptState, Session};
use crate::domain::time::Nanos;

/// So many attempts more are counted in one by one; of more, all are counted anew, which then is faster.
const MOST_ADDED: usize = 256;

/// What of a run was counted up to a time: for the next time, only what ended since is unpacked.
#[derive(Clone, Debug, Default)]
pub(super) struct Counted {
    /// When the run's attempts ended, ascending, with their places among the cases and in their case.
    ended: Vec<(Nanos, usize, usize)>,
    /// So many of them are counted.
    count: usize,
    /// Up to now, and the sweep's stage.
    load: Option<(Load, usize)>,
}

impl Counted {
    /// [`Load::of`] the `session`, which is the `whole` as it was at `at`: no earlier than when it was last asked for.
    pub fn load(&mut self, whole: &Session, session: &Session, at: Nanos) -> Load {
        if self.load.is_none() {
            self.ended = ended(whole);
        }
        let count = self.ended.partition_point(|e| e.0 <= at);
        let since = self.ended.get(self.count..count).unwrap_or_default();
        self.count = count;
        let attempt = |&(_, case, place): &(Nanos, usize, usize)| whole.cases.get(case)?.attempts.get(place);
        let goes_on = since.len() <= MOST_ADDED
            && since.iter().filter_map(attempt).all(|a| session.sweep.is_empty() || a.stage == session.stage);
        let load = match self.load.take().filter(|(_, stage)| goes_on && *stage == session.stage) {
            Some((mut load, _)) => {
                for record in since.iter().filter_map(attempt).filter_map(AttemptState::record) {
                    load.add(&record, session);
                }
                load.pass(at, session);
                load
            }
            None => Load::of(session, at),
        };
        self.load = Some((load.clone(), session.stage));
        load
    }
}

fn ended(session: &Session) -> Vec<(Nanos, usize, usize)> {
    let of_case = |(case, attempts): (usize, &[AttemptState])| {
        let ended = |(place, a): (usize, &AttemptState)| Some((a.record.as_ref().map(KeptRecord::ended)?, case, place));
        attempts.iter().enumerate().filter_map(ended).collect::<Vec<_>>()
    };
    let mut all: Vec<_> = session.cases.iter().map(|c| c.attempts.as_slice()).enumerate().flat_map(of_case).collect();
    all.sort_unstable();
    all
}

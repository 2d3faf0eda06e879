//! Counts the conversations of a run by how they ended.

use std::collections::BTreeMap;

use crate::domain::session::Session;

/// Number of conversations by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConversationCounts {
    /// Conversations whose last turn has a complete answer.
    pub complete: usize,
    /// Conversations that ended early, because a turn failed or was discarded, or because the run ended.
    pub broken_off: usize,
    /// Conversations that are still in progress.
    pub in_progress: usize,
}

#[derive(Clone, Copy, Default)]
struct State {
    is_complete: bool,
    is_open: bool,
}

impl ConversationCounts {
    /// Counts the conversations of a session over all stages; `None` if it has none.
    pub fn from_session(session: &Session) -> Option<Self> {
        let mut states: BTreeMap<(usize, u32), State> = BTreeMap::new();
        for (case, state) in session.cases.iter().enumerate() {
            for attempt in state.attempts.iter().filter(|a| !a.warmup) {
                let Some(turn) = attempt.turn else { continue };
                let found = states.entry((case, turn.conversation)).or_default();
                found.is_complete |= turn.is_last() && attempt.is_good();
                found.is_open |= attempt.record.is_none() && !attempt.abandoned;
            }
            for next in state.next_turns().iter().filter(|_| session.is_active()) {
                states.entry((case, next.turn.conversation)).or_default().is_open = true;
            }
        }
        let count = |is: fn(&State) -> bool| states.values().filter(|s| is(s)).count();
        (!states.is_empty()).then(|| Self {
            complete: count(|s| s.is_complete),
            broken_off: count(|s| !s.is_complete && !s.is_open),
            in_progress: count(|s| !s.is_complete && s.is_open),
        })
    }

    /// Returns the number of conversations that began.
    pub const fn all(self) -> usize {
        self.complete + self.broken_off + self.in_progress
    }

    /// Formats the counts: `8 of 10 complete, 1 broken off, 1 in progress`.
    pub fn words(self) -> String {
        let part = |n: usize, what: &str| if n > 0 { format!(", {n} {what}") } else { String::new() };
        let (broken_off, in_progress) = (part(self.broken_off, "broken off"), part(self.in_progress, "in progress"));
        format!("{} of {} complete{broken_off}{in_progress}", self.complete, self.all())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::session::Plan;
    use crate::report::fixture::{answer, refusal, run, suite};

    #[test]
    fn a_failed_turn_ends_its_conversation() {
        let mut asked = suite(&["a"]);
        asked.cases[0].follow_ups = vec!["And then?".to_owned()];
        let plan = Plan { repeat: 3, ..Plan::default() };
        let session = run(asked.clone(), plan, |id, now| {
            Some(if id.number == 4 { refusal(id, now, "busy") } else { answer(id, now, 1000, 10, 10) })
        });
        let counts = ConversationCounts::from_session(&session).unwrap();
        assert_eq!(counts.words(), "2 of 3 complete, 1 broken off");
        let session = run(asked, plan, |id, now| (id.number < 4).then(|| answer(id, now, 1000, 10, 10)));
        let counts = ConversationCounts::from_session(&session).unwrap();
        assert_eq!(counts, ConversationCounts { complete: 1, broken_off: 0, in_progress: 1 });
        let single = run(suite(&["a"]), plan, |id, now| Some(answer(id, now, 1000, 10, 10)));
        assert_eq!(ConversationCounts::from_session(&single), None);
    }
}

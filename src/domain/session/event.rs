//! Everything that can happen in a run. A journal holds these events, and a session is what they add up to.

use serde::{Deserialize, Serialize};

use crate::domain::attempt::AttemptId;
use crate::domain::time::Nanos;

/// Something that happened, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunEvent {
    /// On the run's clock.
    pub at: Nanos,
    /// What happened.
    pub what: What,
}

/// What happened. Whatever follows from an event is not said again: pausing a case discards its running attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum What {
    /// The endpoint answered, and the run began.
    Began,
    /// The user held the run. Attempts that were not due yet are taken back.
    Held,
    /// The user ended the hold.
    HoldEnded,
    /// An attempt was ordered. It belongs to the case's present round and stage.
    Started {
        /// Index of the case in the suite.
        case: usize,
        /// Counted from 1 within the case.
        number: u32,
        /// Not measured.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        warmup: bool,
        /// Its intended start in the open loop.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due: Option<Nanos>,
    },
    /// An attempt is over. Its record is kept beside the event.
    Ended(AttemptId),
    /// The user paused a case. It owes the attempts that were running.
    CasePaused {
        /// Index of the case in the suite.
        case: usize,
    },
    /// The user resumed a paused case.
    CaseResumed {
        /// Index of the case in the suite.
        case: usize,
    },
    /// The user had a case run again.
    CaseRerun {
        /// Index of the case in the suite.
        case: usize,
    },
    /// The user cancelled a case.
    CaseCancelled {
        /// Index of the case in the suite.
        case: usize,
    },
    /// The next stage of the sweep began.
    StageBegan {
        /// Counted from 0.
        stage: usize,
    },
    /// The plan's duration is over.
    TimeUp {
        /// Requests intended within it that got no slot.
        not_started: usize,
    },
    /// Nothing is left to do.
    Finished,
    /// The program began to end, and cancelled what was left. All of that is owed when the run is resumed.
    Closing,
    /// The program was last heard of. Attempts in flight left nothing.
    Stopped,
    /// The run was resumed after that.
    Resumed,
}

impl What {
    /// The `type` of every event that has a journal line of its own. A line of any other type is no event.
    pub const TYPES: [&str; 14] = [
        "began",
        "held",
        "hold_ended",
        "started",
        "case_paused",
        "case_resumed",
        "case_rerun",
        "case_cancelled",
        "stage_began",
        "time_up",
        "finished",
        "closing",
        "stopped",
        "resumed",
    ];
}

/// Why an event cannot have happened to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEvent {
    /// The suite has no such case.
    #[error("the suite has no such case")]
    NoSuchCase,
    /// The sweep has no such stage, or not now.
    #[error("the sweep does not go on to such a stage")]
    NoSuchStage,
    /// No attempt can have this number.
    #[error("no attempt can have this number")]
    NoSuchNumber,
    /// The attempt started or ended before.
    #[error("the attempt is there already")]
    AlreadyThere,
    /// The record is missing.
    #[error("the attempt has no record")]
    NoRecord,
    /// The run or the case is in a state in which this cannot happen.
    #[error("this cannot happen in the state that the run is in")]
    OutOfOrder,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_a_short_line_of_a_known_type() {
        let started = What::Started { case: 12_345, number: 67, warmup: false, due: Some(Nanos(987_654_321_012)) };
        let case = 12_345;
        let all = [
            What::Began,
            What::Held,
            What::HoldEnded,
            started,
            What::CasePaused { case },
            What::CaseResumed { case },
            What::CaseRerun { case },
            What::CaseCancelled { case },
            What::StageBegan { stage: 3 },
            What::TimeUp { not_started: 17 },
            What::Finished,
            What::Closing,
            What::Stopped,
            What::Resumed,
        ];
        for (what, name) in all.into_iter().zip(What::TYPES) {
            let text = serde_json::to_string(&what).unwrap();
            assert!(text.starts_with(&format!("{{\"type\":\"{name}\"")) && text.len() <= 80, "{text}");
            assert_eq!(serde_json::from_str::<What>(&text).unwrap(), what);
        }
    }
}

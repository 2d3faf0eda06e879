//! Events of a run. A journal stores them, and they determine the session.

use serde::{Deserialize, Serialize};

use crate::domain::attempt::AttemptId;
use crate::domain::load_search::{ProbeVerdict, SearchLoad};
use crate::domain::time::Nanos;
use crate::domain::turn::Turn;

/// Something that happened, with its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunEvent {
    /// Time on the run's clock.
    pub at: Nanos,
    /// Kind of event.
    pub what: EventKind,
}

/// Kind of event. Consequences are not separate events: pausing a case discards its running attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EventKind {
    /// The endpoint answered, and the run began.
    Began,
    /// The user held the run. Attempts that were not due yet are withdrawn.
    Held,
    /// The user ended the hold.
    HoldEnded,
    /// An attempt was scheduled. It belongs to the case's current batch and stage.
    Started {
        /// Index of the case in the suite.
        case: usize,
        /// Number within the case, from 1.
        number: u32,
        /// Whether the attempt is an unmeasured warm-up.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        warmup: bool,
        /// Intended start in the open loop.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due: Option<Nanos>,
        /// Row of the data set that the request sends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        row: Option<u32>,
        /// Place of the request in its conversation; `None` for a single request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        turn: Option<Turn>,
    },
    /// An attempt ended. Its record is stored with the event.
    Ended(AttemptId),
    /// The user paused a case. Its running attempts are queued again.
    CasePaused {
        /// Index of the case in the suite.
        case: usize,
    },
    /// The user resumed a paused case.
    CaseResumed {
        /// Index of the case in the suite.
        case: usize,
    },
    /// The user reran a case.
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
        /// Index of the stage of the sweep, from 0.
        stage: usize,
    },
    /// A probe of the search began.
    ProbeBegan {
        /// Index of the probe, from 0.
        probe: usize,
        /// Load of the probe.
        load: SearchLoad,
    },
    /// A probe of the search was judged. No more of its requests start. Unless the probe passed, its requests in flight
    /// are discarded.
    ProbeJudged {
        /// Verdict of the probe.
        verdict: ProbeVerdict,
        /// Whether the estimates of the probe meet every threshold.
        meets: bool,
        /// Number of requests on which the verdict is based.
        requests: u32,
    },
    /// The plan's duration is over.
    TimeUp {
        /// Number of requests due within the duration that got no slot.
        not_started: usize,
    },
    /// The queue of the open loop only grew, so no more requests start.
    Saturated {
        /// Number of requests of the plan that were not sent.
        not_started: usize,
    },
    /// Nothing is left to do.
    Finished,
    /// The program began to end and cancelled the attempts that were left. A resumed run starts them all.
    Closing,
    /// The program ended without an orderly end; this is the last time at which it is known to have run. The attempts
    /// in flight are lost.
    Stopped,
    /// The run was resumed after the program had ended.
    Resumed,
}

impl EventKind {
    /// Values of `type` in the journal lines of events. A line of any other type is not an event.
    pub const TYPES: [&str; 17] = [
        "began",
        "held",
        "hold_ended",
        "started",
        "case_paused",
        "case_resumed",
        "case_rerun",
        "case_cancelled",
        "stage_began",
        "probe_began",
        "probe_judged",
        "time_up",
        "saturated",
        "finished",
        "closing",
        "stopped",
        "resumed",
    ];
}

/// Reason why an event cannot happen in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEvent {
    /// The suite has no such case.
    #[error("the suite has no such case")]
    NoSuchCase,
    /// The sweep has no such stage, or it is not the next one.
    #[error("the sweep has no such next stage")]
    NoSuchStage,
    /// No attempt can have this number.
    #[error("no attempt can have this number")]
    NoSuchNumber,
    /// The attempt already started or ended.
    #[error("the attempt has already started or ended")]
    AlreadyThere,
    /// The record is missing.
    #[error("the attempt has no record")]
    NoRecord,
    /// The state of the run or the case does not allow it.
    #[error("the state of the run does not allow this event")]
    OutOfOrder,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_a_short_line_with_a_known_type() {
        let started = EventKind::Started {
            row: None,
            turn: None,
            case: 12_345,
            number: 67,
            warmup: false,
            due: Some(Nanos(987_654_321_012)),
        };
        let case = 12_345;
        let all = [
            EventKind::Began,
            EventKind::Held,
            EventKind::HoldEnded,
            started,
            EventKind::CasePaused { case },
            EventKind::CaseResumed { case },
            EventKind::CaseRerun { case },
            EventKind::CaseCancelled { case },
            EventKind::StageBegan { stage: 3 },
            EventKind::ProbeBegan { probe: 12, load: SearchLoad(123_456) },
            EventKind::ProbeJudged { verdict: ProbeVerdict::Undecided, meets: true, requests: 4321 },
            EventKind::TimeUp { not_started: 17 },
            EventKind::Saturated { not_started: 9 },
            EventKind::Finished,
            EventKind::Closing,
            EventKind::Stopped,
            EventKind::Resumed,
        ];
        for (what, name) in all.into_iter().zip(EventKind::TYPES) {
            let text = serde_json::to_string(&what).unwrap();
            assert!(text.starts_with(&format!("{{\"type\":\"{name}\"")) && text.len() <= 80, "{text}");
            assert_eq!(serde_json::from_str::<EventKind>(&text).unwrap(), what);
        }
    }
}

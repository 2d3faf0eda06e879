//! Idle time in a replay: each gap without requests in flight takes at most a second on the screen.

use std::time::Duration;

use crate::app::state::replay::Recording;
use crate::domain::session::IdleReason;
use crate::domain::spans::{Span, subtract};
use crate::domain::time::Nanos;

/// Time that a skipped gap takes on the screen. A gap that would take up to twice as long at the replay's speed is
/// played in full.
const MAX_SHOWN: Duration = Duration::from_secs(1);
/// Time for which the header reports a skipped gap after its end, seconds on the screen.
const REPORTED_FOR_S: f64 = 4.0;

/// A gap that the replay skips.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Length of the gap.
    pub time: Duration,
    /// Reason why nothing was in flight.
    pub why: IdleReason,
}

/// Time at which a run was resumed, on the run's clock, and how long it had been stopped. The run's clock hardly
/// advances while the program is stopped.
pub type Stop = (Nanos, Duration);

/// A time without requests in flight, on the run's clock, and its real length, which includes stops of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    pub from: Nanos,
    pub to: Nanos,
    pub time: Duration,
    pub why: IdleReason,
}

/// The gaps of a run, ascending and disjoint.
pub(super) fn gaps(recording: &Recording, stops: &[Stop]) -> Vec<Gap> {
    let session = &recording.whole.session;
    let (began, end) = (session.began.unwrap_or_default(), recording.end());
    let time = |&(from, to): &Span| {
        let within = stops.iter().filter(|(at, _)| from <= *at && *at <= to);
        let stopped: Duration = within.map(|(_, stopped)| *stopped).sum();
        to.since(from).saturating_add(stopped)
    };
    let mut idle = subtract(&[(began, end)], &session.in_flight_spans());
    idle.retain(|span| time(span) > 2 * MAX_SHOWN);
    let why = session.idle_reasons(&recording.events, &idle);
    idle.into_iter().zip(why).map(|(span, why)| Gap { from: span.0, to: span.1, time: time(&span), why }).collect()
}

/// Position of a replay that started at `at`, after `seconds` of screen time.
pub(super) fn advance(gaps: &[Gap], mut at: Nanos, speed: f64, seconds: f64) -> Nanos {
    let mut left = seconds;
    let ahead = gaps.partition_point(|gap| gap.to <= at);
    for gap in gaps.iter().skip(ahead) {
        for (until, speed) in [(gap.from, speed), (gap.to, gap.speed(speed))] {
            let takes = until.since(at).as_secs_f64() / speed;
            if left < takes {
                return at.plus(played(left, speed));
            }
            (at, left) = (at.max(until), left - takes);
        }
    }
    at.plus(played(left, speed))
}

/// Position of a replay `seconds` of screen time before it reaches `at`.
pub(super) fn rewind(gaps: &[Gap], mut at: Nanos, speed: f64, seconds: f64) -> Nanos {
    let earlier =
        |at: Nanos, by: Duration| Nanos(at.0.saturating_sub(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX)));
    let mut left = seconds;
    let behind = gaps.partition_point(|gap| gap.from < at);
    for gap in gaps.iter().take(behind).rev() {
        for (until, speed) in [(gap.to, speed), (gap.from, gap.speed(speed))] {
            let takes = at.since(until).as_secs_f64() / speed;
            if left < takes {
                return earlier(at, played(left, speed));
            }
            (at, left) = (at.min(until), left - takes);
        }
    }
    earlier(at, played(left, speed))
}

/// Time of the run that passes in `seconds` on the screen. Saturates, because any speed is allowed.
fn played(seconds: f64, speed: f64) -> Duration {
    Duration::try_from_secs_f64(seconds * speed).unwrap_or(Duration::MAX)
}

impl Gap {
    /// Speed at which a replay of speed `speed` passes the gap.
    fn speed(&self, speed: f64) -> f64 {
        speed.max(self.to.since(self.from).as_secs_f64() / MAX_SHOWN.as_secs_f64())
    }
}

/// The gap that contains `at`, or that ended less than [`REPORTED_FOR_S`] before.
pub(super) fn recent(gaps: &[Gap], at: Nanos, speed: f64) -> Option<Gap> {
    let last = gaps.get(gaps.partition_point(|gap| gap.from <= at).checked_sub(1)?)?;
    let until = last.to.plus(Duration::try_from_secs_f64(REPORTED_FOR_S * speed).unwrap_or(Duration::MAX));
    (at < until).then_some(*last)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(at: u64) -> Nanos {
        Nanos::from_millis(at * 1000)
    }

    /// A gap of two minutes from 10 s on, and one of ten seconds from 140 s on.
    const GAPS: [Gap; 2] = [gap(10, 130), gap(140, 150)];

    const fn gap(from: u64, to: u64) -> Gap {
        Gap { from: s(from), to: s(to), time: Duration::from_secs(to - from), why: IdleReason::Held }
    }

    #[test]
    fn gaps_take_a_second_and_the_rest_plays_at_its_speed() {
        let at = |from, speed, seconds| advance(&GAPS, s(from), speed, seconds);
        assert_eq!(at(0, 1.0, 9.0), s(9));
        assert_eq!(at(0, 1.0, 10.5), s(70));
        assert_eq!(at(0, 1.0, 11.0), s(130));
        assert_eq!([at(0, 1.0, 22.0), at(0, 1.0, 30.0)], [s(150), s(158)]);
        // A replay that starts within a gap plays the rest of the gap's second.
        assert_eq!([at(70, 1.0, 0.5), at(70, 1.0, 2.5)], [s(130), s(132)]);
        // At half speed; then at a speed so high that no gap is skipped.
        assert_eq!(at(0, 0.5, 22.0), Nanos::from_millis(130_500));
        assert_eq!(at(0, 200.0, 1.0), s(200));
    }

    #[test]
    fn rewinding_takes_as_long_as_playing() {
        let at = |from, seconds| rewind(&GAPS, s(from), 1.0, seconds);
        // Rewinds that start after a gap, within it, at its end and at its start.
        assert_eq!([at(134, 6.0), at(70, 5.5), at(130, 5.0), at(10, 5.0)], [s(9), s(5), s(6), s(5)]);
        assert_eq!([at(131, 1.5), at(152, 14.0), at(3, 5.0)], [s(70), s(10), s(0)]);
        for seconds in 0..30 {
            let seconds = f64::from(seconds) + 0.25;
            assert_eq!(rewind(&GAPS, advance(&GAPS, s(0), 1.0, seconds), 1.0, seconds), s(0), "{seconds}");
        }
    }

    #[test]
    fn a_skipped_gap_is_reported_during_it_and_shortly_after() {
        let at = |at, speed| recent(&GAPS, s(at), speed);
        assert_eq!([at(9, 1.0), at(10, 1.0), at(129, 1.0)], [None, Some(GAPS[0]), Some(GAPS[0])]);
        assert_eq!([at(133, 1.0), at(134, 1.0), at(134, 2.0)], [Some(GAPS[0]), None, Some(GAPS[0])]);
        // The second gap begins while the first is still reported: the second wins.
        assert_eq!([at(141, 8.0), at(159, 1.0)], [Some(GAPS[1]), None]);
    }
}

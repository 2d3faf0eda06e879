//! When the next frame is due: never more than 20 a second, none while nothing changes.

use std::time::Duration;

use crate::domain::time::Nanos;

/// The shortest time between two frames.
pub const FRAME_TIME: Duration = Duration::from_millis(50);

/// Decides when to draw. Pure: the time comes in.
#[derive(Debug, Default)]
pub struct FramePacer {
    drawn_at: Option<Nanos>,
    dirty: bool,
}

impl FramePacer {
    /// Something changed that the screen does not show yet.
    pub fn touch(&mut self) {
        self.dirty = true;
    }

    /// Whether to draw now.
    pub fn is_due(&self, now: Nanos) -> bool {
        self.dirty && self.drawn_at.is_none_or(|at| now.since(at) >= FRAME_TIME)
    }

    /// A frame was drawn.
    pub fn drawn(&mut self, now: Nanos) {
        self.drawn_at = Some(now);
        self.dirty = false;
    }

    /// How long to sleep at most: to the next frame while something is `live` or waits to be shown, else to `wake_at`,
    /// else for ever (`None`).
    pub fn patience(&self, now: Nanos, live: bool, wake_at: Option<Nanos>) -> Option<Duration> {
        let next_frame = self.drawn_at.map_or(now, |at| at.plus(FRAME_TIME));
        let due = if live || self.dirty { Some(next_frame) } else { None };
        let earliest = due.into_iter().chain(wake_at).min()?;
        Some(earliest.since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Nanos {
        Nanos::from_millis(n)
    }

    #[test]
    fn frames_come_at_most_twenty_times_a_second() {
        let mut pacer = FramePacer::default();
        assert!(!pacer.is_due(ms(0)));
        pacer.touch();
        assert!(pacer.is_due(ms(0)));
        pacer.drawn(ms(0));
        pacer.touch();
        assert!(!pacer.is_due(ms(49)));
        assert_eq!(pacer.patience(ms(49), false, None), Some(Duration::from_millis(1)));
        assert!(pacer.is_due(ms(50)));
    }

    #[test]
    fn idle_sleeps_for_ever_or_to_the_next_appointment() {
        let mut pacer = FramePacer::default();
        pacer.touch();
        pacer.drawn(ms(100));
        assert_eq!(pacer.patience(ms(120), false, None), None);
        assert_eq!(pacer.patience(ms(120), false, Some(ms(8000))), Some(Duration::from_millis(7880)));
        assert_eq!(pacer.patience(ms(120), true, Some(ms(8000))), Some(Duration::from_millis(30)));
    }
}

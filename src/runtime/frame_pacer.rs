//! Decides when the next frame is due: at most 20 times a second, and only after a change. With reduced motion, changes
//! without input are shown at most twice a second; input of the user is still shown immediately.

use std::time::Duration;

use crate::domain::time::Nanos;

/// Minimum time between two frames.
pub const FRAME_TIME: Duration = Duration::from_millis(50);

/// Minimum time between two frames without input, if motion is reduced.
pub const CALM_FRAME_TIME: Duration = Duration::from_millis(500);

/// Decides when to draw. Reads no clock: callers pass the time.
#[derive(Debug)]
pub struct FramePacer {
    frame_time: Duration,
    drawn_at: Option<Nanos>,
    dirty: bool,
    asked: bool,
}

impl FramePacer {
    /// Creates a pacer for a screen that shows no frame yet.
    pub const fn new(reduced_motion: bool) -> Self {
        let frame_time = if reduced_motion { CALM_FRAME_TIME } else { FRAME_TIME };
        Self { frame_time, drawn_at: None, dirty: false, asked: false }
    }

    /// Records a change that the screen does not show yet.
    pub const fn touch(&mut self) {
        self.dirty = true;
    }

    /// Records input of the user. The next frame shows its effect.
    pub const fn ask(&mut self) {
        self.asked = true;
    }

    /// Returns whether to draw now.
    pub fn is_due(&self, now: Nanos) -> bool {
        (self.dirty || self.asked) && self.drawn_at.is_none_or(|at| now.since(at) >= self.frame_time())
    }

    /// Records that a due frame was not drawn, because the terminal has not read the last one. The frame stays due.
    pub const fn skipped(&mut self, now: Nanos) {
        self.drawn_at = Some(now);
    }

    /// Records that a frame was drawn.
    pub const fn drawn(&mut self, now: Nanos) {
        self.drawn_at = Some(now);
        self.dirty = false;
        self.asked = false;
    }

    const fn frame_time(&self) -> Duration {
        if self.asked { FRAME_TIME } else { self.frame_time }
    }

    /// Returns the maximum time to sleep: until the next frame if values are `live` or a change can be drawn, and until
    /// `wake_at` if that is earlier. Returns `None` if neither applies.
    pub fn patience(&self, now: Nanos, live: bool, can_draw: bool, wake_at: Option<Nanos>) -> Option<Duration> {
        let next_frame = self.drawn_at.map_or(now, |at| at.plus(self.frame_time()));
        let due = (live || can_draw && (self.dirty || self.asked)).then_some(next_frame);
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
        let mut pacer = FramePacer::new(false);
        assert!(!pacer.is_due(ms(0)));
        pacer.touch();
        assert!(pacer.is_due(ms(0)));
        pacer.drawn(ms(0));
        pacer.touch();
        assert!(!pacer.is_due(ms(49)));
        assert_eq!(pacer.patience(ms(49), false, true, None), Some(Duration::from_millis(1)));
        assert!(pacer.is_due(ms(50)));
    }

    #[test]
    fn idle_sleeps_for_ever_or_to_the_next_appointment() {
        let mut pacer = FramePacer::new(false);
        pacer.touch();
        pacer.drawn(ms(100));
        assert_eq!(pacer.patience(ms(120), false, true, None), None);
        assert_eq!(pacer.patience(ms(120), false, true, Some(ms(8000))), Some(Duration::from_millis(7880)));
        assert_eq!(pacer.patience(ms(120), true, true, Some(ms(8000))), Some(Duration::from_millis(30)));
    }

    #[test]
    fn a_frame_that_could_not_be_drawn_stays_due_without_a_wake_up() {
        let mut pacer = FramePacer::new(false);
        pacer.touch();
        pacer.skipped(ms(100));
        assert_eq!(pacer.patience(ms(120), false, false, None), None);
        assert_eq!(pacer.patience(ms(120), false, false, Some(ms(200))), Some(Duration::from_millis(80)));
        // Live values still update.
        assert_eq!(pacer.patience(ms(120), true, false, None), Some(Duration::from_millis(30)));
        assert!(!pacer.is_due(ms(149)) && pacer.is_due(ms(150)));
    }

    #[test]
    fn with_reduced_motion_the_screen_moves_twice_a_second_and_answers_at_once() {
        let mut pacer = FramePacer::new(true);
        pacer.touch();
        pacer.drawn(ms(0));
        pacer.touch();
        assert!(!pacer.is_due(ms(499)));
        assert_eq!(pacer.patience(ms(100), true, true, None), Some(Duration::from_millis(400)));
        assert!(pacer.is_due(ms(500)));
        pacer.ask();
        assert!(pacer.is_due(ms(50)) && !pacer.is_due(ms(49)));
        assert_eq!(pacer.patience(ms(10), true, true, None), Some(Duration::from_millis(40)));
        pacer.drawn(ms(50));
        pacer.touch();
        assert!(!pacer.is_due(ms(549)));
    }
}

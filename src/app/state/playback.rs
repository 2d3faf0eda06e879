//! A saved run on the screen: opened at its end, or replayed.

mod idle;

use std::time::Duration;

use self::idle::Gap;
pub use self::idle::{Skipped, Stop};
use super::replay::{Cursor, Recording};
use super::scene::Scene;
use crate::app::action::Action;
use crate::domain::time::{Nanos, clock};

/// Length of a skip in a replay, seconds at normal speed. A shortened gap counts with its time on the screen.
const STEP_S: f64 = 5.0;
/// Slowest and fastest replay speed, as factors of the run's own speed.
const SPEED_LIMITS: (f64, f64) = (1.0 / 64.0, 1024.0);
/// Length of a run, in seconds, from which positions are shown in minutes.
const LONG_S: f64 = 600.0;

/// A saved run on the screen.
#[derive(Clone, Debug)]
pub struct Playback {
    /// Date and time at which the run started, as shown in the header.
    date: String,
    recording: Recording,
    /// Times without requests in flight that a replay skips.
    gaps: Vec<Gap>,
    player: Option<Player>,
}

/// Position and speed of a replay.
#[derive(Clone, Debug)]
struct Player {
    /// Position on the run's clock when the screen's clock was at [`Self::since`].
    at: Nanos,
    since: Nanos,
    speed: f64,
    is_playing: bool,
    cursor: Cursor,
    /// Position and selected case of the last scene.
    shown: Option<(Nanos, usize)>,
}

impl Playback {
    /// Opens the run at its end.
    pub const fn open(date: String, recording: Recording) -> Self {
        Self { date, recording, gaps: Vec::new(), player: None }
    }

    /// Replays the run from its start at `speed` times its own speed. `now` is on the screen's clock; `stops` lists
    /// when the run was resumed.
    pub fn replay(date: String, recording: Recording, stops: &[Stop], speed: f64, now: Nanos) -> Self {
        let at = recording.whole.session.began.unwrap_or_default();
        let player = Player { at, since: now, speed, is_playing: true, cursor: Cursor::default(), shown: None };
        let gaps = idle::gaps(&recording, stops);
        Self { date, recording, gaps, player: Some(player) }
    }

    /// Whether the run is replayed instead of only shown at its end.
    pub const fn is_replay(&self) -> bool {
        self.player.is_some()
    }

    /// Whether the user stopped the replay.
    pub fn is_stopped(&self) -> bool {
        self.player.as_ref().is_some_and(|p| !p.is_playing)
    }

    /// Whether the replay is at its end.
    pub fn is_over(&self) -> bool {
        self.player.as_ref().is_some_and(|p| p.shown.is_some_and(|(at, _)| at >= self.recording.end()))
    }

    /// The gap that the replay skips at `at`, or has just skipped.
    pub fn skipped(&self, at: Nanos) -> Option<Skipped> {
        let player = self.player.as_ref().filter(|_| at < self.recording.end())?;
        let Gap { time, why, .. } = idle::recent(&self.gaps, at, player.speed)?;
        Some(Skipped { time, why })
    }

    /// Whether the screen changes without input.
    pub fn is_moving(&self) -> bool {
        self.is_replay() && !self.is_stopped() && !self.is_over()
    }

    /// Label in the header while the scene of time `at` is shown: the date, or speed and position of a replay.
    /// Positions exclude the time before a resume, so that a replay ends at the run's own duration.
    pub fn badge(&self, at: Nanos) -> String {
        let Some(player) = &self.player else { return format!("saved run, {}", self.date) };
        let session = &self.recording.whole.session;
        let [here, total] = [at, self.recording.end()].map(|at| session.run_time_at(at));
        let speed = player.speed;
        let speed = if speed < 1.0 { format!("1/{:.0}", 1.0 / speed) } else { format!("{speed}") };
        let mark = if player.is_playing { "replay" } else { "replay stopped" };
        let position = |time: Duration| match time.as_secs_f64() {
            _ if total.as_secs_f64() >= LONG_S => clock(time),
            s => format!("{s:.1} s"),
        };
        format!("{mark} {speed}× {} / {}", position(here), position(total))
    }

    /// Position of the replay at `now` on the screen's clock.
    fn position(&self, now: Nanos) -> Nanos {
        let Some(p) = self.player.as_ref() else { return self.recording.whole.now };
        let elapsed_s = if p.is_playing { now.since(p.since).as_secs_f64() } else { 0.0 };
        idle::advance(&self.gaps, p.at, p.speed, elapsed_s).min(self.recording.end())
    }

    /// Carries out an action that steers the replay.
    pub fn steer(&mut self, action: Action, now: Nanos) {
        let (at, began) = (self.position(now), self.recording.whole.session.began.unwrap_or_default());
        let end = self.recording.end();
        let Some(p) = &mut self.player else { return };
        (p.at, p.since) = (at, now);
        match action {
            // At the end, the replay starts again.
            Action::ToggleHold if p.is_playing && at >= end => p.at = began,
            Action::ToggleHold => p.is_playing = !p.is_playing,
            Action::ReplayBack => p.at = idle::rewind(&self.gaps, at, 1.0, STEP_S).max(began),
            Action::ReplayForward => p.at = idle::advance(&self.gaps, at, 1.0, STEP_S).min(end),
            Action::ReplaySlower => p.speed = (p.speed / 2.0).max(SPEED_LIMITS.0),
            Action::ReplayFaster => p.speed = (p.speed * 2.0).min(SPEED_LIMITS.1.max(p.speed)),
            _ => {}
        }
    }

    /// Brings the scene to `now` on the screen's clock.
    pub(in crate::app) fn show(&mut self, scene: &mut Scene, now: Nanos, selected: usize) {
        let at = self.position(now);
        let Some(player) = &mut self.player else {
            // An action may have set this time to the screen's clock.
            scene.now = at;
            return;
        };
        if player.shown == Some((at, selected)) {
            scene.now = at;
            return;
        }
        player.shown = Some((at, selected));
        player.cursor.show(scene, &self.recording, at, selected);
    }
}

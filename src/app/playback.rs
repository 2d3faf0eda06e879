//! A saved run on the screen: as it was at its end, or played again.

mod idle;

use std::time::Duration;

use self::idle::Gap;
pub use self::idle::{Skipped, Stop};
use super::cases::choose_case;
use super::message::Action;
use super::model::{App, Scene};
use super::replay::{Cursor, Recording};
use crate::domain::time::{Nanos, clock};

/// How far a key goes: so many seconds of what ran, played as it was. A gap between counts as on the screen, a second at most.
const STEP_S: f64 = 5.0;
/// The slowest and the fastest speed that a key reaches.
const SPEEDS: (f64, f64) = (1.0 / 64.0, 1024.0);
/// From here on a position has minutes, in seconds.
const LONG: f64 = 600.0;

/// A saved run.
#[derive(Clone, Debug)]
pub struct Playback {
    /// When it began, for people.
    date: String,
    recording: Recording,
    /// When nothing ran, for so long that nobody would sit through it.
    gaps: Vec<Gap>,
    player: Option<Player>,
}

/// Where a replay is.
#[derive(Clone, Debug)]
struct Player {
    /// Where it was, on the run's clock, at [`Self::since`] on the screen's.
    at: Nanos,
    since: Nanos,
    speed: f64,
    is_playing: bool,
    cursor: Cursor,
    /// What the screen shows: the time, and the case it looks at.
    shown: Option<(Nanos, usize)>,
}

impl Playback {
    /// The run as it was at its end.
    pub const fn open(date: String, recording: Recording) -> Self {
        Self { date, recording, gaps: Vec::new(), player: None }
    }

    /// The run from its beginning on, at `speed` times its own speed; it is `now` on the screen's clock. `stops` are the
    /// times at which it was resumed.
    pub fn replay(date: String, recording: Recording, stops: &[Stop], speed: f64, now: Nanos) -> Self {
        let at = recording.whole.session.began.unwrap_or_default();
        let player = Player { at, since: now, speed, is_playing: true, cursor: Cursor::default(), shown: None };
        let gaps = idle::gaps(&recording, stops);
        Self { date, recording, gaps, player: Some(player) }
    }

    /// It is played again, not only shown.
    pub const fn is_replay(&self) -> bool {
        self.player.is_some()
    }

    /// A replay that the user stopped.
    pub fn is_stopped(&self) -> bool {
        self.player.as_ref().is_some_and(|p| !p.is_playing)
    }

    /// A replay at its end.
    pub fn is_over(&self) -> bool {
        self.player.as_ref().is_some_and(|p| p.shown.is_some_and(|(at, _)| at >= self.recording.whole.now))
    }

    /// What is skipped with `at` on the screen, or was a moment ago.
    pub fn skipped(&self, at: Nanos) -> Option<Skipped> {
        let player = self.player.as_ref().filter(|_| at < self.recording.whole.now)?;
        let Gap { time, why, .. } = idle::told(&self.gaps, at, player.speed)?;
        Some(Skipped { time, why })
    }

    /// The picture moves by itself.
    pub fn is_moving(&self) -> bool {
        self.is_replay() && !self.is_stopped() && !self.is_over()
    }

    /// What the header says of it, with `at` on the screen.
    pub fn badge(&self, at: Nanos) -> String {
        let Some(player) = &self.player else { return format!("saved run, {}", self.date) };
        let began = self.recording.whole.session.began.unwrap_or_default();
        let (speed, all) = (player.speed, self.recording.whole.now.since(began));
        let here = at.since(began).min(all);
        let speed = if speed < 1.0 { format!("1/{:.0}", 1.0 / speed) } else { format!("{speed}") };
        let mark = if player.is_playing { "replay" } else { "replay stopped" };
        let place = |time: Duration| match time.as_secs_f64() {
            _ if all.as_secs_f64() >= LONG => clock(time),
            s => format!("{s:.1} s"),
        };
        format!("{mark} {speed}× {} / {}", place(here), place(all))
    }

    /// Where the replay is when it is `now` on the screen's clock.
    fn position(&self, now: Nanos) -> Nanos {
        let Some(p) = self.player.as_ref() else { return self.recording.whole.now };
        let gone = if p.is_playing { now.since(p.since).as_secs_f64() } else { 0.0 };
        idle::go_on(&self.gaps, p.at, p.speed, gone).min(self.recording.whole.now)
    }

    /// Carries an action out that steers a replay.
    pub fn act(&mut self, action: Action, now: Nanos) {
        let (at, began) = (self.position(now), self.recording.whole.session.began.unwrap_or_default());
        let end = self.recording.whole.now;
        let Some(p) = &mut self.player else { return };
        (p.at, p.since) = (at, now);
        match action {
            // At the end there is nothing to go on with: it begins anew.
            Action::ToggleHold if p.is_playing && at >= end => p.at = began,
            Action::ToggleHold => p.is_playing = !p.is_playing,
            Action::ReplayBack => p.at = idle::go_back(&self.gaps, at, 1.0, STEP_S).max(began),
            Action::ReplayForward => p.at = idle::go_on(&self.gaps, at, 1.0, STEP_S).min(end),
            Action::ReplaySlower => p.speed = (p.speed / 2.0).max(SPEEDS.0),
            Action::ReplayFaster => p.speed = (p.speed * 2.0).min(SPEEDS.1.max(p.speed)),
            _ => {}
        }
    }

    /// Brings the scene to `now` on the screen's clock.
    fn show(&mut self, scene: &mut Scene, now: Nanos, selected: usize) {
        let at = self.position(now);
        let Some(player) = &mut self.player else {
            // An action may have set the screen's own time.
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

/// Brings the scene to `now` on the screen's clock. Nothing else moves a saved run.
pub(super) fn show(app: &mut App, now: Nanos) {
    let Some(playback) = &mut app.playback else { return };
    playback.show(&mut app.scene, now, app.ui.selected);
    let newest = app.scene.in_flight().max_by_key(|f| (f.started, f.id)).map(|f| f.id.case);
    if let Some(case) = newest.filter(|case| app.ui.follows && *case != app.ui.selected && app.is_listed(*case)) {
        choose_case(app, case);
    }
}

#[cfg(test)]
mod tests;

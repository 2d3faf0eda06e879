//! A saved run on the screen: as it was at its end, or played again.

use std::time::Duration;

use super::cases::choose_case;
use super::message::Action;
use super::model::{App, Scene};
use super::replay::Tape;
use crate::domain::telemetry_event::TelemetryEvent;
use crate::domain::time::Nanos;

/// How far a key goes in time.
const STEP: Duration = Duration::from_secs(5);
/// The slowest and the fastest speed that a key reaches.
const SPEEDS: (f64, f64) = (1.0 / 64.0, 1024.0);

/// A saved run.
#[derive(Clone, Debug)]
pub struct Playback {
    /// When it began, for people.
    date: String,
    whole: Scene,
    telemetry: Vec<TelemetryEvent>,
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
    tape: Tape,
    /// What the screen shows: the time, and the case it looks at.
    shown: Option<(Nanos, usize)>,
}

impl Playback {
    /// The run as it was at its end.
    pub const fn open(date: String, whole: Scene) -> Self {
        Self { date, whole, telemetry: Vec::new(), player: None }
    }

    /// The run from its begin on, at so many times its speed; it is `now` on the screen's clock.
    pub fn replay(date: String, whole: Scene, telemetry: Vec<TelemetryEvent>, speed: f64, now: Nanos) -> Self {
        let at = whole.session.began.unwrap_or_default();
        let player = Player { at, since: now, speed, is_playing: true, tape: Tape::default(), shown: None };
        Self { date, whole, telemetry, player: Some(player) }
    }

    /// It is played again, not only shown.
    pub const fn is_replay(&self) -> bool {
        self.player.is_some()
    }

    /// A replay that stands still before its end.
    pub fn is_paused(&self) -> bool {
        self.player.as_ref().is_some_and(|p| !p.is_playing)
    }

    /// The picture moves by itself.
    pub fn is_moving(&self) -> bool {
        let moves = |p: &Player| p.is_playing && p.shown.is_none_or(|(at, _)| at < self.whole.now);
        self.player.as_ref().is_some_and(moves)
    }

    /// What the header says of it, with `at` on the screen.
    pub fn badge(&self, at: Nanos) -> String {
        let Some(player) = &self.player else { return format!("saved run, {}", self.date) };
        let began = self.whole.session.began.unwrap_or_default();
        let (speed, all) = (player.speed, self.whole.now.since(began).as_secs_f64());
        let here = at.since(began).as_secs_f64().min(all);
        let speed = if speed < 1.0 { format!("1/{:.0}", 1.0 / speed) } else { format!("{speed}") };
        let mark = if player.is_playing { "replay" } else { "replay paused" };
        format!("{mark} {speed}× {here:.1} s / {all:.1} s")
    }

    /// Where the replay is when it is `now` on the screen's clock.
    fn position(&self, now: Nanos) -> Nanos {
        let Some(p) = self.player.as_ref() else { return self.whole.now };
        let gone = if p.is_playing { now.since(p.since).as_secs_f64() * p.speed } else { 0.0 };
        // More than a run can last, whatever the speed.
        p.at.plus(Duration::try_from_secs_f64(gone).unwrap_or(Duration::MAX)).min(self.whole.now)
    }

    /// Carries an action out that steers a replay.
    pub fn act(&mut self, action: Action, now: Nanos) {
        let (at, began) = (self.position(now), self.whole.session.began.unwrap_or_default());
        let end = self.whole.now;
        let Some(p) = &mut self.player else { return };
        (p.at, p.since) = (at, now);
        match action {
            // At the end there is nothing to go on with: it begins anew.
            Action::ToggleHold if p.is_playing && at >= end => p.at = began,
            Action::ToggleHold => p.is_playing = !p.is_playing,
            Action::ReplayBack => p.at = Nanos(at.0.saturating_sub(STEP.as_nanos() as u64)).max(began),
            Action::ReplayForward => p.at = at.plus(STEP).min(end),
            Action::ReplaySlower => p.speed = (p.speed / 2.0).max(SPEEDS.0),
            Action::ReplayFaster => p.speed = (p.speed * 2.0).min(SPEEDS.1.max(p.speed)),
            _ => {}
        }
    }

    /// The scene for `now` on the screen's clock, if the screen shows another one.
    fn next_scene(&mut self, now: Nanos, selected: usize) -> Option<Scene> {
        let at = self.position(now);
        let p = self.player.as_mut()?;
        if p.shown == Some((at, selected)) {
            return None;
        }
        p.shown = Some((at, selected));
        Some(p.tape.scene(&self.whole, &self.telemetry, at, selected))
    }
}

/// Brings the scene to `now` on the screen's clock. Nothing else moves a saved run.
pub(super) fn show(app: &mut App, now: Nanos) {
    let Some(playback) = &mut app.playback else { return };
    match playback.next_scene(now, app.ui.selected) {
        Some(scene) => app.scene = scene,
        // An action may have told the screen's own time.
        None => app.scene.now = playback.position(now),
    }
    let newest = app.scene.in_flight().max_by_key(|f| (f.started, f.id)).map(|f| f.id.case);
    if let Some(case) = newest.filter(|case| app.ui.follows && *case != app.ui.selected && app.is_listed(*case)) {
        choose_case(app, case);
    }
}

#[cfg(test)]
mod tests;

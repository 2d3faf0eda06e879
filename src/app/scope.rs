//! What the scope shows: which part of the run, and a time in it.

mod streams;

use std::time::Duration;

pub use self::streams::{Shown, Stream, Traces};
use super::message::Action;
use super::model::{App, Scene};
use crate::domain::time::Nanos;

/// How much is shown of a run that goes on, until the user wishes something else.
const NOW: Duration = Duration::from_secs(20);
/// The least that is shown of a run that is over.
const SHORTEST: Duration = Duration::from_secs(1);
/// What zooming goes through, milliseconds.
const SPANS_MS: [u64; 18] = [
    50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000,
    3_600_000, 14_400_000, 86_400_000,
];
/// The cursor goes by this share of the window, the window by that.
const STEPS: (u64, u64) = (100, 5);

/// The wishes of the user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScopeState {
    /// How much is shown; `None`: the last seconds of a run that goes on, the whole of one that is over.
    pub span: Option<Duration>,
    /// The end of what is shown; `None` follows now.
    pub end: Option<Nanos>,
    /// The time whose exact values are told.
    pub cursor: Option<Nanos>,
    /// A lane for each stream; else all lie over one another.
    pub stacked: bool,
}

/// From when to when the run went so far.
pub fn run_of(scene: &Scene) -> (Nanos, Nanos) {
    let began = scene.session.began.unwrap_or(scene.now);
    (began, scene.end())
}

impl ScopeState {
    /// From when to when is shown.
    pub fn window(&self, scene: &Scene) -> (Nanos, Nanos) {
        let (began, now) = run_of(scene);
        let whole = now.since(began).max(SHORTEST);
        let span = self.span.unwrap_or(if scene.session.is_active() { NOW } else { whole });
        let from = before(self.end.unwrap_or(now), span).max(began);
        (from, from.plus(span))
    }

    /// What is shown goes along with the run.
    pub const fn follows(&self) -> bool {
        self.end.is_none()
    }

    /// Something else is shown than without a wish.
    pub const fn is_moved(&self) -> bool {
        self.span.is_some() || self.end.is_some() || self.cursor.is_some()
    }

    /// It has no wider window.
    pub fn shows_whole(&self, scene: &Scene) -> bool {
        let ((from, to), (began, now)) = (self.window(scene), run_of(scene));
        to.since(from) >= now.since(began)
    }

    /// Nothing lies before the window, and there is no cursor to go back in it.
    pub fn is_at_start(&self, scene: &Scene) -> bool {
        self.cursor.is_none() && self.window(scene).0 <= run_of(scene).0
    }

    /// Nothing lies after the window, and there is no cursor to go on in it.
    pub const fn is_at_end(&self) -> bool {
        self.cursor.is_none() && self.follows()
    }

    /// Shows less in more detail, or more. The cursor stays where it is on the screen; without one the middle, or now.
    fn zoom(&mut self, scene: &Scene, closer: bool) {
        let (from, to) = self.window(scene);
        let (began, now) = run_of(scene);
        let before_ms = to.since(from).as_millis() as u64;
        let next = if closer {
            SPANS_MS.iter().rev().find(|ms| **ms < before_ms)
        } else if to.since(from) < now.since(began) {
            SPANS_MS.iter().find(|ms| **ms > before_ms)
        } else {
            None
        };
        let Some(span) = next.map(|ms| Duration::from_millis(*ms)) else { return };
        self.span = Some(span);
        if self.end.is_some() {
            let fixed = self.cursor.unwrap_or_else(|| from.plus(to.since(from) / 2));
            let share = fixed.since(from).as_secs_f64() / to.since(from).as_secs_f64();
            self.end = Some(before(fixed, span.mul_f64(share)).plus(span));
            self.keep_in_run(scene);
        }
    }

    /// Moves the cursor, or without one the window.
    fn step(&mut self, scene: &Scene, later: bool) {
        let (from, to) = self.window(scene);
        let (began, now) = run_of(scene);
        let span = to.since(from);
        let by = |at: Nanos, step| if later { at.plus(step) } else { before(at, step) };
        let Some(cursor) = self.cursor else {
            self.end = Some(by(to, span / STEPS.1 as u32));
            self.span = Some(span);
            self.keep_in_run(scene);
            if later && self.end >= Some(now) {
                self.end = None;
            }
            return;
        };
        let cursor = by(cursor, span / STEPS.0 as u32).clamp(began, now);
        self.cursor = Some(cursor);
        if cursor < from {
            self.end = Some(cursor.plus(span));
        } else if cursor > to {
            self.end = Some(cursor);
        }
    }

    /// The cursor comes into the middle of what is shown, which then stands still; or it goes.
    fn toggle_cursor(&mut self, scene: &Scene) {
        if self.cursor.take().is_some() {
            return;
        }
        let (from, to) = self.window(scene);
        let seen = to.min(run_of(scene).1).since(from);
        if !seen.is_zero() {
            (self.span, self.end) = (Some(to.since(from)), Some(to));
            self.cursor = Some(from.plus(seen / 2));
        }
    }

    /// Nothing is shown from before the run, and its end is not left.
    fn keep_in_run(&mut self, scene: &Scene) {
        let ((began, now), span) = (run_of(scene), self.span.unwrap_or_default());
        let first = began.plus(span);
        self.end = self.end.map(|end| end.clamp(first, now.max(first)));
    }
}

/// The point `by` earlier, saturating.
fn before(at: Nanos, by: Duration) -> Nanos {
    Nanos(at.0.saturating_sub(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX)))
}

/// What the user does in the scope.
pub(super) fn act(app: &mut App, action: Action) {
    let (mut scope, scene) = (app.ui.scope, app.shown());
    match action {
        Action::ScopeCloser => scope.zoom(scene, true),
        Action::ScopeWider => scope.zoom(scene, false),
        Action::ScopeEarlier => scope.step(scene, false),
        Action::ScopeLater => scope.step(scene, true),
        Action::ScopeCursor => scope.toggle_cursor(scene),
        Action::ScopeStack => scope.stacked = !scope.stacked,
        _ => scope = ScopeState { stacked: scope.stacked, ..ScopeState::default() },
    }
    app.ui.scope = scope;
}

#[cfg(test)]
mod tests;

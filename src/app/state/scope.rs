//! Time span and cursor of the scope.

use std::time::Duration;

use super::scene::Scene;
use crate::domain::time::Nanos;

/// Default spans of an active run. The scope uses the shortest span that shows the whole run, or else the longest.
const DEFAULT_SPANS: [Duration; 3] = [Duration::from_secs(5), Duration::from_secs(10), Duration::from_secs(20)];
/// Minimum default span of a run that ended.
const MIN_SPAN: Duration = Duration::from_secs(1);
/// Spans of the zoom keys, milliseconds.
const SPANS_MS: [u64; 18] = [
    50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000,
    3_600_000, 14_400_000, 86_400_000,
];
/// Number of key presses that move the cursor across the window.
const CURSOR_STEPS: u32 = 100;
/// Number of key presses that move the window by its own length.
const WINDOW_STEPS: u32 = 5;

/// Choices of the user in the scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScopeState {
    /// Length of the window; `None` shows up to 20 s of an active run, or a whole run that ended.
    pub span: Option<Duration>,
    /// End of the window; `None` follows the run.
    pub end: Option<Nanos>,
    /// Time whose exact values are shown.
    pub cursor: Option<Nanos>,
    /// Whether each stream has a lane; otherwise streams overlay one another.
    pub stacked: bool,
    /// Whether the axis of the gaps is linear; otherwise it is logarithmic.
    pub linear: bool,
}

impl ScopeState {
    /// Start and end of the window.
    pub fn window(&self, scene: &Scene) -> (Nanos, Nanos) {
        let (began, now) = scene.run_span();
        let whole = now.since(began).max(MIN_SPAN);
        let [.., longest] = DEFAULT_SPANS;
        let live = || DEFAULT_SPANS.into_iter().find(|span| *span >= whole).unwrap_or(longest);
        let span = self.span.unwrap_or_else(|| if scene.session.is_active() { live() } else { whole });
        let from = before(self.end.unwrap_or(now), span).max(began);
        (from, from.plus(span))
    }

    /// Whether the window follows the run.
    pub const fn follows(&self) -> bool {
        self.end.is_none()
    }

    /// Whether the user changed the window or set a cursor.
    pub const fn is_moved(&self) -> bool {
        self.span.is_some() || self.end.is_some() || self.cursor.is_some()
    }

    /// Whether the window shows the whole run.
    pub fn shows_whole(&self, scene: &Scene) -> bool {
        let ((from, to), (began, now)) = (self.window(scene), scene.run_span());
        to.since(from) >= now.since(began)
    }

    /// Whether nothing lies before the window, and there is no cursor to move back.
    pub fn is_at_start(&self, scene: &Scene) -> bool {
        self.cursor.is_none() && self.window(scene).0 <= scene.run_span().0
    }

    /// Whether nothing lies after the window, and there is no cursor to move on.
    pub const fn is_at_end(&self) -> bool {
        self.cursor.is_none() && self.follows()
    }

    /// Zooms in or out. The cursor keeps its place on the screen; without a cursor, the current time does, or the
    /// middle of a window that does not follow the run.
    pub(in crate::app) fn zoom(&mut self, scene: &Scene, closer: bool) {
        let (from, to) = self.window(scene);
        let (began, now) = scene.run_span();
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

    /// Moves the cursor; without one, moves the window.
    pub(in crate::app) fn step(&mut self, scene: &Scene, later: bool) {
        let (from, to) = self.window(scene);
        let (began, now) = scene.run_span();
        let span = to.since(from);
        let by = |at: Nanos, step| if later { at.plus(step) } else { before(at, step) };
        let Some(cursor) = self.cursor else {
            self.end = Some(by(to, span / WINDOW_STEPS));
            self.span = Some(span);
            self.keep_in_run(scene);
            if later && self.end >= Some(now) {
                self.end = None;
            }
            return;
        };
        let cursor = by(cursor, span / CURSOR_STEPS).clamp(began, now);
        self.cursor = Some(cursor);
        if cursor < from {
            self.end = Some(cursor.plus(span));
        } else if cursor > to {
            self.end = Some(cursor);
        }
    }

    /// Sets the cursor in the middle of the window, which then no longer follows the run; or removes the cursor.
    pub(in crate::app) fn toggle_cursor(&mut self, scene: &Scene) {
        if self.cursor.take().is_some() {
            return;
        }
        let (from, to) = self.window(scene);
        let shown = to.min(scene.run_span().1).since(from);
        if !shown.is_zero() {
            (self.span, self.end) = (Some(to.since(from)), Some(to));
            self.cursor = Some(from.plus(shown / 2));
        }
    }

    /// Keeps the window within the run.
    fn keep_in_run(&mut self, scene: &Scene) {
        let ((began, now), span) = (scene.run_span(), self.span.unwrap_or_default());
        let first = began.plus(span);
        self.end = self.end.map(|end| end.clamp(first, now.max(first)));
    }
}

/// The time `by` before `at`, but not before zero.
fn before(at: Nanos, by: Duration) -> Nanos {
    Nanos(at.0.saturating_sub(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX)))
}

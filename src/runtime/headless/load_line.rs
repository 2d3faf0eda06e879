//! Progress of a load in a pipe or a file: one plain line at intervals, in place of one per request.

use std::time::Duration;

use crate::app::state::Scene;
use crate::domain::time::Nanos;

/// Time between two lines, each from this elapsed time of the run on. Long runs print fewer lines, to keep logs
/// readable.
const INTERVALS: [(Duration, Duration); 3] = [
    (Duration::from_secs(600), Duration::from_secs(60)),
    (Duration::from_secs(30), Duration::from_secs(10)),
    (Duration::ZERO, Duration::from_secs(1)),
];

/// Progress of a load.
#[derive(Debug, Default)]
pub struct LoadLine {
    next: Nanos,
}

impl LoadLine {
    /// Returns the progress line, if one is due.
    pub fn line(&mut self, scene: &Scene, now: Nanos) -> Option<String> {
        if now < self.next {
            return None;
        }
        let elapsed = scene.session.running_for(now).unwrap_or_default();
        let interval = INTERVALS.iter().find(|(from, _)| elapsed >= *from).map_or(Duration::ZERO, |(_, every)| *every);
        self.next = now.plus(interval);
        let (session, tally) = (&scene.session, &scene.load.tally);
        let stage = match session.sweep.len() {
            0 => session.load_stage_name().map_or_else(String::new, |name| format!("  {name}")),
            all => format!("  stage {}/{all}, concurrency {}", session.stage + 1, session.plan.concurrency),
        };
        let (ok, failed, open) = (tally.ok, tally.ended - tally.ok, session.in_flight());
        Some(format!("{:.1} s{stage}  {ok} ok  {failed} failed  {open} in flight", elapsed.as_secs_f64()))
    }
}

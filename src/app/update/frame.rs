//! Ticks of the frame clock.

use std::sync::Arc;
use std::time::Duration;

use super::notices::expire_notice;
use crate::app::state::App;
use crate::domain::live::LiveSnapshot;
use crate::domain::time::Nanos;

/// Interval between two points of the throughput chart.
const THROUGHPUT_STEP: Duration = Duration::from_millis(250);
/// Length of the window over which a point of the throughput chart averages.
const THROUGHPUT_WINDOW: Duration = Duration::from_secs(1);

/// Takes the snapshot of the engine, and removes an expired notice.
pub(super) fn tick(app: &mut App, now: Nanos, live: Arc<LiveSnapshot>) {
    app.scene.now = app.scene.now.max(now);
    expire_notice(app, now);
    if app.playback.is_none() {
        add_throughput(app, &live);
        app.scene.live = live;
    }
}

/// Adds a point to the throughput chart every [`THROUGHPUT_STEP`]: the mean over the last [`THROUGHPUT_WINDOW`].
fn add_throughput(app: &mut App, live: &LiveSnapshot) {
    let (at, total) = (live.at, live.content_events_total);
    let recent = &mut app.recent_totals;
    let Some(&(last_at, last_total)) = recent.back() else { return recent.push_back((at, total)) };
    if at.since(last_at) < THROUGHPUT_STEP {
        return;
    }
    let is_busy = !live.in_flight.is_empty() || total > last_total;
    if !is_busy {
        // An idle run leaves a gap in the line instead of a zero, and the window after the gap does not include it.
        recent.clear();
        recent.push_back((at, total));
        return app.scene.throughput.push(at, None);
    }
    recent.push_back((at, total));
    // The window begins at the newest point that is at least one window length old.
    while recent.get(1).is_some_and(|&(second, _)| at.since(second) >= THROUGHPUT_WINDOW) {
        recent.pop_front();
    }
    if let Some(&(from, before)) = recent.front() {
        let rate = total.saturating_sub(before) as f64 / at.since(from).as_secs_f64();
        app.scene.throughput.push(at, Some(rate * app.scene.tokens_per_event));
    }
}

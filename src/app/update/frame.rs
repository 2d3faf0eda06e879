//! The frame clock: what is in flight, and a point of the throughput now and then.

use std::sync::Arc;
use std::time::Duration;

use crate::app::model::{App, NOTICE_FOR};
use crate::domain::live::LiveSnapshot;
use crate::domain::time::Nanos;

/// Distance of two points of the throughput series.
const THROUGHPUT_STEP: Duration = Duration::from_millis(250);
/// Over how long a point of it is taken.
const THROUGHPUT_WINDOW: Duration = Duration::from_secs(1);

pub(super) fn take(app: &mut App, now: Nanos, live: Arc<LiveSnapshot>) {
    app.scene.now = app.scene.now.max(now);
    if app.ui.notice.as_ref().is_some_and(|n| now.since(n.at) >= NOTICE_FOR) {
        app.ui.notice = None;
    }
    if app.playback.is_none() {
        throughput(app, &live);
        app.scene.live = live;
    }
}

/// Takes a point of the throughput every [`THROUGHPUT_STEP`], over the [`THROUGHPUT_WINDOW`] before it.
fn throughput(app: &mut App, live: &LiveSnapshot) {
    let (at, total) = (live.at, live.content_events_total);
    let recent = &mut app.recent_totals;
    let Some(&(last_at, last_total)) = recent.back() else { return recent.push_back((at, total)) };
    if at.since(last_at) < THROUGHPUT_STEP {
        return;
    }
    let busy = !live.in_flight.is_empty() || total > last_total;
    if !busy {
        // A gap in the line, not a zero; and what comes after it is not thinned by it.
        recent.clear();
        recent.push_back((at, total));
        return app.scene.throughput.push(at, None);
    }
    recent.push_back((at, total));
    // The window begins at the last point that is at least its length ago.
    while recent.get(1).is_some_and(|&(second, _)| at.since(second) >= THROUGHPUT_WINDOW) {
        recent.pop_front();
    }
    if let Some(&(from, before)) = recent.front() {
        let rate = total.saturating_sub(before) as f64 / at.since(from).as_secs_f64();
        app.scene.throughput.push(at, Some(rate * app.scene.tokens_per_event));
    }
}

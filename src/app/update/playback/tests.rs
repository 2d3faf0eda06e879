use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::app::action::Action;
use crate::app::message::{Effect, Msg, ReportEffect};
use crate::app::state::playback::{Playback, Skipped, Stop};
use crate::app::state::replay::Recording;
use crate::app::update::testing::{app as measured, discovered};
use crate::app::update::update;
use crate::domain::attempt::{AttemptId, AttemptRecord, AttemptStatus};
use crate::domain::live::{EngineFact, EngineLag, LiveSnapshot};
use crate::domain::session::{CasePhase, IdleReason, Mode};

const fn s(at: u64) -> Nanos {
    Nanos::from_millis(at * 1000)
}

/// A saved run of a minute: replayed at `speed`, or only shown.
fn app(speed: Option<f64>) -> App {
    let mut app = measured(2);
    discovered(&mut app, &["m"]);
    ends_at(&mut app, 1, Nanos(5), s(50));
    ends_at(&mut app, 1, s(50), s(60));
    saved(app, speed)
}

/// Ends the running case at `to`.
fn ends_at(app: &mut App, number: u32, from: Nanos, to: Nanos) {
    let case = app.scene.session.open_ids()[0].case;
    let id = AttemptId { case, number };
    let mut record = AttemptRecord::started(id, false, String::new(), String::new(), from);
    (record.status, record.ended) = (AttemptStatus::Ok, to);
    update(app, Msg::Engine(to, EngineFact::Ended { id, record: Arc::new(record) }));
}

/// Saves the run; then replays it at `speed`, or shows its end without one.
fn saved(app: App, speed: Option<f64>) -> App {
    saved_and_resumed(app, speed, &[])
}

/// Saves a run that was resumed after `stops`; then replays it at `speed`, or shows its end without one.
fn saved_and_resumed(mut app: App, speed: Option<f64>, stops: &[Stop]) -> App {
    let now = app.scene.now;
    let events = app.scene.session.clone().take_events().into();
    let recording = Recording { whole: app.scene.clone(), events, telemetry: Vec::new() };
    app.playback = Some(Box::new(match speed {
        None => Playback::open("2026-02-06 21:49".into(), recording),
        Some(speed) => Playback::replay("2026-02-06 21:49".into(), recording, stops, speed, now),
    }));
    app
}

/// A replay of a run whose first case is rerun at 180 s, which takes 2 s.
fn rerun_late(speed: f64) -> App {
    let mut app = app(None);
    app.playback = None;
    app.ui.selected = 0;
    press(&mut app, 180, Action::Rerun);
    ends_at(&mut app, 2, s(180), s(182));
    saved(app, Some(speed))
}

fn frame(app: &mut App, at: u64) -> Nanos {
    let effects = update(app, Msg::Frame { now: s(at), live: std::sync::Arc::default() });
    assert!(effects.is_empty(), "{effects:?}");
    app.scene.now
}

fn press(app: &mut App, at: u64, action: Action) -> Vec<Effect> {
    update(app, Msg::Action(s(at), action))
}

#[test]
fn actions_that_measure_are_unavailable_in_a_saved_run() {
    let mut app = app(None);
    assert_eq!(frame(&mut app, 70), s(60));
    for action in [Action::ToggleHold, Action::TogglePauseCase, Action::Rerun, Action::RerunFailed, Action::Cancel] {
        app.ui.notice = None;
        assert!(press(&mut app, 71, action).is_empty());
        let notice = app.ui.notice.as_ref().map(|n| n.text.as_str());
        assert_eq!(notice, Some("Not available in a saved run"), "{action:?}");
    }
    // The notice expires on the screen's clock, not on the run's.
    assert_eq!(app.wake_at(), Some(s(79)));
    frame(&mut app, 79);
    assert_eq!((app.ui.notice.as_ref(), app.wake_at(), app.is_live()), (None, None, false));
    assert!(matches!(press(&mut app, 80, Action::Export)[..], [Effect::Report(ReportEffect::Export { exporter: 0 })]));
    assert!(press(&mut app, 80, Action::ReplayFaster).is_empty());
    assert!(app.ui.notice.as_ref().is_some_and(|n| n.text.contains("tokscope replay")));
    assert!(matches!(press(&mut app, 81, Action::Quit)[..], [Effect::Quit(0)]));
    assert_eq!(app.playback.unwrap().badge(s(60)), "saved run, 2026-02-06 21:49");
}

#[test]
fn a_replay_plays_at_its_speed_stops_skips_and_ends() {
    let mut app = app(Some(2.0));
    assert_eq!(frame(&mut app, 65).0, s(10).0 + 5);
    assert!(app.is_live());
    press(&mut app, 66, Action::ToggleHold);
    assert_eq!(frame(&mut app, 90).0, s(12).0 + 5);
    assert!(!app.is_live() && app.playback.as_ref().unwrap().is_stopped());
    press(&mut app, 90, Action::ReplayForward);
    assert_eq!(app.scene.now.0, s(17).0 + 5);
    press(&mut app, 90, Action::ReplayFaster);
    press(&mut app, 90, Action::ToggleHold);
    assert_eq!(frame(&mut app, 91).0, s(21).0 + 5);
    for _ in 0..9 {
        press(&mut app, 91, Action::ReplayBack);
    }
    assert_eq!(app.scene.now, Nanos(5), "not before the start");
    assert_eq!(app.playback.as_ref().unwrap().badge(app.scene.now), "replay 4× 0.0 s / 60.0 s");
    assert_eq!(frame(&mut app, 1000), s(60));
    assert!(!app.is_live());
    // At the end, the replay starts again.
    press(&mut app, 1001, Action::ToggleHold);
    assert_eq!(frame(&mut app, 1002).0, s(4).0 + 5);
}

#[test]
fn the_replay_speed_is_bounded() {
    let mut app = app(Some(1.0));
    for _ in 0..20 {
        press(&mut app, 60, Action::ReplaySlower);
    }
    assert!(app.playback.as_ref().unwrap().badge(Nanos(5)).starts_with("replay 1/64× "));
    for _ in 0..40 {
        press(&mut app, 60, Action::ReplayFaster);
    }
    assert!(app.playback.as_ref().unwrap().badge(Nanos(5)).starts_with("replay 1024× "));
}

#[test]
fn idle_time_takes_a_second_and_is_reported() {
    let mut app = rerun_late(1.0);
    let skipped = |app: &App| app.playback.as_ref().unwrap().skipped(app.scene.now);
    // The replay starts at 182 s on the screen's clock.
    assert_eq!((frame(&mut app, 182 + 59).0, skipped(&app)), (s(59).0 + 5, None));
    update(&mut app, Msg::Frame { now: Nanos::from_millis(242_500), live: Arc::default() });
    assert!((s(119)..s(121)).contains(&app.scene.now), "{:?}", app.scene.now);
    let gap = Skipped { time: Duration::from_secs(120), why: IdleReason::Finished };
    assert_eq!((app.scene.session.mode, skipped(&app)), (Mode::Finished, Some(gap)));
    assert_eq!((app.scene.session.settled(), app.scene.elapsed().as_secs()), (2, 59));
    let badge = |app: &App| app.playback.as_ref().unwrap().badge(app.scene.now);
    assert_eq!(badge(&app), "replay 1× 60.0 s / 62.0 s", "idle time does not count");
    frame(&mut app, 244);
    assert_eq!(skipped(&app), Some(gap), "reported for a moment afterwards");
    assert_eq!((app.scene.session.mode, app.scene.session.cases[0].phase), (Mode::Running, CasePhase::Running));
    assert_eq!((frame(&mut app, 246), skipped(&app)), (s(182), None));
}

/// Asserts that the replay is at `at` seconds, within a millisecond because positions are rounded.
fn assert_near(app: &App, at: u64) {
    assert!(app.scene.now.0.abs_diff(s(at).0) < 1_000_000, "{:?}, not {at} s", app.scene.now);
}

#[test]
fn one_skip_passes_a_gap_whether_the_replay_plays_or_not() {
    for is_stopped in [false, true] {
        // The run was idle from 60 s to 180 s. The replay starts at 182 s on the screen's clock.
        let mut app = rerun_late(1.0);
        frame(&mut app, 182 + 58);
        if is_stopped {
            press(&mut app, 240, Action::ToggleHold);
        }
        press(&mut app, 240, Action::ReplayForward);
        assert_near(&app, 182);
        press(&mut app, 240, Action::ReplayBack);
        assert_near(&app, 58);
        // Skip into the gap, and out of it again.
        press(&mut app, 240, Action::ReplayForward);
        for back in [58, 53] {
            press(&mut app, 240, Action::ReplayBack);
            assert_near(&app, back);
        }
        assert_eq!(frame(&mut app, 241).0.abs_diff(s(if is_stopped { 53 } else { 54 }).0) / 1_000_000, 0);
    }
}

#[test]
fn positions_of_a_long_run_are_in_minutes() {
    let mut app = measured(2);
    discovered(&mut app, &["m"]);
    ends_at(&mut app, 1, Nanos(5), s(50));
    ends_at(&mut app, 1, s(50), s(1999));
    let app = saved(app, Some(0.5));
    assert_eq!(app.playback.as_ref().unwrap().badge(s(754)), "replay 1/2× 12:33 / 33:18");
}

#[test]
fn a_replay_ends_with_the_last_request_and_shows_the_finished_run() {
    let mut app = app(None);
    app.playback = None;
    // The dashboard stayed open for four minutes after the last answer.
    app.scene.now = s(300);
    let lag = EngineLag { p99_ms: Some(7.0), ..EngineLag::default() };
    app.scene.live = Arc::new(LiveSnapshot { lag, ..LiveSnapshot::default() });
    let (mut opened, mut replayed) = (saved(app.clone(), None), saved(app, Some(1.0)));
    frame(&mut opened, 301);
    frame(&mut replayed, 300 + 60);
    let playback = replayed.playback.as_ref().unwrap();
    assert!(playback.is_over() && !playback.is_moving());
    assert_eq!(playback.badge(replayed.scene.now), "replay 1× 60.0 s / 60.0 s");
    assert_eq!(format!("{:?}", replayed.scene), format!("{:?}", opened.scene));
}

#[test]
fn the_time_before_a_resume_is_reported_however_short_on_the_runs_clock() {
    // The program was stopped for a day between the two cases.
    let stopped = Duration::from_secs(86_400);
    let mut app = measured(2);
    discovered(&mut app, &["m"]);
    ends_at(&mut app, 1, Nanos(5), s(20));
    ends_at(&mut app, 1, Nanos::from_millis(20_001), s(40));
    let mut app = saved_and_resumed(app, Some(1.0), &[(Nanos::from_millis(20_001), stopped)]);
    frame(&mut app, 40 + 19);
    let skipped = |app: &App| app.playback.as_ref().unwrap().skipped(app.scene.now).map(|s| s.time.as_secs());
    assert_eq!(skipped(&app), None);
    assert_eq!(frame(&mut app, 40 + 22).0, s(22).0 + 5);
    assert_eq!(skipped(&app), Some(86_400));
}

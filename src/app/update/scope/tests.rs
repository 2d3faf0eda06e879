use std::sync::Arc;

use super::*;
use crate::app::message::Msg;
use crate::app::state::streams::StreamSelection;
use crate::app::state::traces::Traces;
use crate::app::state::{Connection, Target};
use crate::app::update::update;
use crate::domain::attempt::{Arrival, AttemptId, AttemptRecord, AttemptStatus, TextKind};
use crate::domain::live::{EngineFact, InFlight, LiveSnapshot, ServerInfo, TRACED_STREAMS};
use crate::domain::session::{Plan, Session};
use crate::domain::testing::suite;
use crate::domain::time::Nanos;

/// A run that began one second after the epoch and is `seconds` old.
fn running(seconds: u64) -> App {
    let target = Target {
        url: "http://h/v1".into(),
        model: None,
        server: ServerInfo::default(),
        simulated: false,
        route: crate::domain::route::Route::default(),
        connection: Connection::Connecting,
    };
    let session = Session::new(Arc::new(suite(1)), Plan { concurrency: 8, repeat: 100, ..Plan::default() });
    let mut app = App::new(target, session, Some("m".into()), vec!["Markdown"]);
    let fact = EngineFact::Discovered { models: Vec::new(), server: ServerInfo::default(), list_error: None };
    update(&mut app, Msg::Engine(Nanos::from_millis(1000), fact));
    pass(&mut app, seconds);
    app
}

fn pass(app: &mut App, until_s: u64) {
    let now = Nanos::from_millis(1000 + until_s * 1000);
    update(app, Msg::Frame { now, live: Arc::new(LiveSnapshot { at: now, ..LiveSnapshot::default() }) });
}

fn act_all(app: &mut App, actions: &[Action]) {
    for action in actions {
        let now = app.scene.now;
        update(app, Msg::Action(now, *action));
    }
}

/// The window of the scope, milliseconds since the start of the run.
fn window(app: &App) -> (u64, u64) {
    let (from, to) = app.ui.scope.window(app.shown());
    (from.0 / 1_000_000 - 1000, to.0 / 1_000_000 - 1000)
}

fn cursor(app: &App) -> Option<u64> {
    app.ui.scope.cursor.map(|at| at.0 / 1_000_000 - 1000)
}

#[test]
fn the_window_follows_the_run_until_it_is_moved() {
    let mut app = running(5);
    assert_eq!(window(&app), (0, 5_000));
    pass(&mut app, 6);
    assert_eq!(window(&app), (0, 10_000));
    pass(&mut app, 11);
    assert_eq!(window(&app), (0, 20_000));
    pass(&mut app, 100);
    assert_eq!(window(&app), (80_000, 100_000));
    act_all(&mut app, &[Action::ScopeEarlier]);
    assert_eq!(window(&app), (76_000, 96_000));
    pass(&mut app, 120);
    assert_eq!(window(&app), (76_000, 96_000));
    act_all(&mut app, &[Action::ScopeNow]);
    assert_eq!(window(&app), (100_000, 120_000));
}

#[test]
fn panning_stops_at_the_start_and_follows_again_at_the_end() {
    let mut app = running(30);
    act_all(&mut app, &[Action::ScopeEarlier; 9]);
    assert_eq!(window(&app), (0, 20_000));
    act_all(&mut app, &[Action::ScopeLater; 2]);
    assert_eq!(window(&app), (8_000, 28_000));
    act_all(&mut app, &[Action::ScopeLater]);
    assert!(app.ui.scope.follows());
    pass(&mut app, 40);
    assert_eq!(window(&app), (20_000, 40_000));
}

#[test]
fn zooming_keeps_now_the_middle_or_the_cursor_in_place() {
    let mut app = running(100);
    act_all(&mut app, &[Action::ScopeCloser]);
    assert_eq!(window(&app), (90_000, 100_000));
    act_all(&mut app, &[Action::ScopeEarlier, Action::ScopeCloser]);
    assert_eq!(window(&app), (90_500, 95_500));
    act_all(&mut app, &[Action::ScopeWider]);
    assert_eq!(window(&app), (88_000, 98_000));
    act_all(&mut app, &[Action::ScopeCursor]);
    assert_eq!(cursor(&app), Some(93_000));
    act_all(&mut app, &[Action::ScopeLater; 25]);
    assert_eq!((cursor(&app), window(&app)), (Some(95_500), (88_000, 98_000)));
    act_all(&mut app, &[Action::ScopeCloser]);
    assert_eq!((cursor(&app), window(&app)), (Some(95_500), (91_750, 96_750)));
}

#[test]
fn zoom_is_limited_to_the_whole_run_and_to_fifty_milliseconds() {
    let mut app = running(25);
    act_all(&mut app, &[Action::ScopeWider; 9]);
    assert_eq!(window(&app), (0, 30_000));
    act_all(&mut app, &[Action::ScopeCloser; 40]);
    assert_eq!(window(&app), (24_950, 25_000));
}

#[test]
fn the_cursor_moves_the_window_and_stays_in_the_run() {
    let mut app = running(100);
    act_all(&mut app, &[Action::ScopeCursor]);
    act_all(&mut app, &[Action::ScopeEarlier; 51]);
    // The window was from 80 s to 100 s.
    assert_eq!((cursor(&app), window(&app)), (Some(79_800), (79_800, 99_800)));
    act_all(&mut app, &[Action::ScopeEarlier; 1000]);
    assert_eq!((cursor(&app), window(&app)), (Some(0), (0, 20_000)));
    act_all(&mut app, &[Action::ScopeLater; 1000]);
    assert_eq!((cursor(&app), window(&app).1), (Some(100_000), 100_000));
    act_all(&mut app, &[Action::ScopeCursor]);
    assert_eq!(cursor(&app), None);
}

#[test]
fn there_is_no_cursor_before_the_run() {
    let mut app = running(0);
    act_all(&mut app, &[Action::ScopeCursor]);
    assert_eq!(app.ui.scope.cursor, None);
    act_all(&mut app, &[Action::ScopeEarlier, Action::ScopeWider, Action::ScopeLater]);
    assert_eq!(window(&app), (0, 5_000));
}

#[test]
fn a_frozen_scope_zooms_at_its_frozen_time() {
    let mut app = running(50);
    act_all(&mut app, &[Action::ToggleFreeze]);
    pass(&mut app, 90);
    act_all(&mut app, &[Action::ScopeCloser]);
    assert_eq!(window(&app), (40_000, 50_000));
}

fn end(app: &mut App, number: u32, from_ms: u64, count: u64) {
    let id = AttemptId { case: 0, number };
    let mut record =
        AttemptRecord::started(id, false, String::new(), String::new(), Nanos::from_millis(1000 + from_ms));
    let arrival =
        |i| Arrival { at: Nanos::from_millis(1000 + from_ms + 10 * (i + 1)), kind: TextKind::Answer, coalesced: false };
    record.arrivals = (0..count).map(arrival).collect();
    record.status = AttemptStatus::Ok;
    record.ended = Nanos::from_millis(1000 + from_ms + 10 * (count + 1));
    let now = record.ended;
    update(app, Msg::Engine(now, EngineFact::Ended { id, record: Arc::new(record) }));
}

/// The streams between two times of the run: attempt numbers of those to draw, and the number of all.
fn shown(app: &App, from_ms: u64, to_ms: u64) -> (Vec<u32>, usize) {
    let at = |ms| Nanos::from_millis(1000 + ms);
    let shown = StreamSelection::new(app.shown(), at(from_ms), at(to_ms), app.selected_row());
    (shown.streams.iter().map(|s| s.id.number).collect(), shown.count)
}

#[test]
fn streams_of_the_window_are_shown_in_flight_or_ended() {
    let mut app = running(0);
    end(&mut app, 1, 0, 9);
    end(&mut app, 2, 50, 99);
    let live = |number, ms: u64| InFlight {
        id: AttemptId { case: 0, number },
        started: Nanos::from_millis(1000 + ms),
        ..InFlight::default()
    };
    let now = Nanos::from_millis(3000);
    // The second stream has ended; the live view lags behind.
    let in_flight = vec![live(2, 50), live(3, 400), live(4, 700)];
    update(&mut app, Msg::Frame { now, live: Arc::new(LiveSnapshot { at: now, in_flight, ..Default::default() }) });
    assert_eq!(shown(&app, 0, 2000), (vec![1, 2, 3, 4], 4));
    assert_eq!(shown(&app, 0, 50), (vec![1], 1));
    assert_eq!(shown(&app, 100, 500), (vec![2, 3], 2));
    assert_eq!(shown(&app, 1100, 1200), (vec![3, 4], 2));
    assert_eq!(shown(&app, 2100, 2200), (vec![], 0));
}

#[test]
fn only_the_newest_streams_are_shown_but_all_are_counted() {
    let mut app = running(0);
    for number in 1..=100 {
        end(&mut app, number, u64::from(number), 9);
    }
    let (numbers, count) = shown(&app, 0, 1000);
    assert_eq!(count, 100);
    assert_eq!(numbers, (101 - TRACED_STREAMS as u32..=100).collect::<Vec<_>>());
}

#[test]
fn the_stream_of_the_selected_row_is_always_shown() {
    let mut app = running(0);
    for number in 1..=100 {
        end(&mut app, number, u64::from(number), 9);
    }
    app.ui.selected_attempt = Some(3);
    let at = |ms: u64| Nanos::from_millis(1000 + ms);
    let mut shown = StreamSelection::new(app.shown(), at(0), at(1000), app.selected_row());
    let selected = |shown: &StreamSelection<'_>| shown.selected.map(|i| shown.streams[i].id.number);
    assert_eq!((shown.streams[0].id.number, selected(&shown), shown.is_crowded), (3, Some(3), true));
    shown.keep_newest(4);
    let numbers: Vec<_> = shown.streams.iter().map(|s| s.id.number).collect();
    assert_eq!((numbers, selected(&shown)), (vec![3, 98, 99, 100], Some(3)));
}

#[test]
fn dropped_streams_stay_in_the_envelope() {
    let mut app = running(0);
    for number in 1..=5 {
        end(&mut app, number, u64::from(number) * 10_000, 300_000);
    }
    let at = |ms: u64| Nanos::from_millis(1000 + ms);
    let shown = |from_ms| StreamSelection::new(app.shown(), at(from_ms), at(from_ms + 90_000), app.selected_row());
    // Each stream lasts 3,000 s. The second one, which ends after 3,020 s, is dropped.
    assert_eq!((shown(0).count, shown(0).is_crowded, shown(3_025_000).is_crowded), (3, true, false));
    assert!(app.shown().traces.envelope().spread(at(10_000), at(20_000)).is_some());
}

#[test]
fn the_number_of_stored_streams_is_bounded() {
    let mut app = running(0);
    for number in 1..=5 {
        end(&mut app, number, u64::from(number), 300_000);
    }
    assert_eq!(shown(&app, 0, 1000).0, [3, 4, 5]);
    let mut traces = Traces::default();
    let record = AttemptRecord::started(AttemptId::default(), false, String::new(), String::new(), Nanos(0));
    (0..5000).for_each(|_| traces.add(&record));
    assert_eq!(traces.ended.len(), 4096);
}

#[test]
fn holds_are_recorded() {
    let mut app = running(1);
    act_all(&mut app, &[Action::ToggleHold]);
    pass(&mut app, 3);
    assert_eq!(app.scene.traces.holds(), [(Nanos::from_millis(2000), None)]);
    act_all(&mut app, &[Action::ToggleHold]);
    pass(&mut app, 4);
    assert_eq!(app.scene.traces.holds(), [(Nanos::from_millis(2000), Some(Nanos::from_millis(4000)))]);
}

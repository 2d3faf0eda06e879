use super::*;
use crate::app::message::{Effect, Msg};
use crate::app::update::testing::{app as measured, discovered, ended};
use crate::app::update::update;
use crate::domain::attempt::AttemptStatus;

const fn s(at: u64) -> Nanos {
    Nanos::from_millis(at * 1000)
}

/// A run of a minute on its clock, looked at from then on.
fn app(speed: Option<f64>) -> App {
    let mut app = measured(2);
    discovered(&mut app, &["m"]);
    ended(&mut app, 0, 1, AttemptStatus::Ok);
    ended(&mut app, 1, 1, AttemptStatus::Timeout);
    app.scene.now = s(60);
    let whole = app.scene.clone();
    app.playback = Some(Box::new(match speed {
        None => Playback::open("2026-02-06 21:49".into(), whole),
        Some(speed) => Playback::replay("2026-02-06 21:49".into(), whole, Vec::new(), speed, s(60)),
    }));
    app
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
fn a_saved_run_measures_nothing_and_says_so() {
    let mut app = app(None);
    assert_eq!(frame(&mut app, 70), s(60));
    for action in [Action::ToggleHold, Action::TogglePauseCase, Action::Rerun, Action::RerunFailed, Action::Cancel] {
        app.ui.notice = None;
        assert!(press(&mut app, 71, action).is_empty());
        let told = app.ui.notice.as_ref().map(|n| n.text.as_str());
        assert_eq!(told, Some("This is a saved run: nothing is measured"), "{action:?}");
    }
    // The notice goes by the screen's clock, not by the run's.
    assert_eq!(app.wake_at(), Some(s(79)));
    frame(&mut app, 79);
    assert_eq!((app.ui.notice.as_ref(), app.wake_at(), app.is_live()), (None, None, false));
    assert!(matches!(press(&mut app, 80, Action::Export)[..], [Effect::Export { exporter: 0 }]));
    assert!(press(&mut app, 80, Action::ReplayFaster).is_empty());
    assert!(app.ui.notice.as_ref().is_some_and(|n| n.text.contains("tokscope replay")));
    assert!(matches!(press(&mut app, 81, Action::Quit)[..], [Effect::Quit(0)]));
    assert_eq!(app.playback.unwrap().badge(s(60)), "saved run, 2026-02-06 21:49");
}

#[test]
fn a_replay_goes_at_its_speed_stops_seeks_and_ends() {
    let mut app = app(Some(2.0));
    assert_eq!(frame(&mut app, 65).0, s(10).0 + 5);
    assert!(app.is_live());
    press(&mut app, 66, Action::ToggleHold);
    assert_eq!(frame(&mut app, 90).0, s(12).0 + 5);
    assert!(!app.is_live() && app.playback.as_ref().unwrap().is_paused());
    press(&mut app, 90, Action::ReplayForward);
    assert_eq!(app.scene.now.0, s(17).0 + 5);
    press(&mut app, 90, Action::ReplayFaster);
    press(&mut app, 90, Action::ToggleHold);
    assert_eq!(frame(&mut app, 91).0, s(21).0 + 5);
    for _ in 0..9 {
        press(&mut app, 91, Action::ReplayBack);
    }
    assert_eq!(app.scene.now, Nanos(5), "not before its begin");
    assert_eq!(app.playback.as_ref().unwrap().badge(app.scene.now), "replay 4× 0.0 s / 60.0 s");
    assert_eq!(frame(&mut app, 1000), s(60));
    assert!(!app.is_live());
    // At its end it begins anew.
    press(&mut app, 1001, Action::ToggleHold);
    assert_eq!(frame(&mut app, 1002).0, s(4).0 + 5);
}

#[test]
fn a_speed_has_its_bounds() {
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

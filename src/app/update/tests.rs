use std::sync::Arc;

use super::copy::MAX_COPY_BYTES;
use super::testing::{app, discovered, ended};
use super::*;
use crate::app::message::Signal;
use crate::app::state::answer::Drawn;
use crate::app::state::model_choice::ModelChoice;
use crate::app::state::text_field::{Edit, TextField};
use crate::app::state::{Connection, NOTICE_DURATION, ScrollExtent};
use crate::domain::attempt::{AttemptId, AttemptRecord, AttemptStatus};
use crate::domain::live::{EngineFact, LiveSnapshot};
use crate::domain::open_loop::{OpenLoop, Process};
use crate::domain::sent_request::SentRequest;
use crate::domain::session::{CasePhase, Mode, Plan, Session};
use crate::domain::time::Nanos;

fn started(effects: &[Effect]) -> Vec<(AttemptId, String)> {
    let start = |e: &Effect| match e {
        Effect::Run(RunEffect::Engine(EngineCommand::Start { id, model, .. })) => Some((*id, model.clone())),
        _ => None,
    };
    effects.iter().filter_map(start).collect()
}

#[test]
fn the_only_model_is_used_and_the_run_begins() {
    let mut app = app(2);
    let effects = discovered(&mut app, &["m1"]);
    assert_eq!(started(&effects), vec![(AttemptId { case: 0, number: 1 }, "m1".to_owned())]);
    assert!(effects.iter().any(|e| matches!(e, Effect::Run(RunEffect::TelemetryActive(true)))));
    assert_eq!(started(&ended(&mut app, 0, 1, AttemptStatus::Ok)).len(), 1);
    // Nothing is left to measure, so the GPUs are sampled less often.
    assert!(matches!(ended(&mut app, 1, 1, AttemptStatus::Ok)[..], [Effect::Run(RunEffect::TelemetryActive(false))]));
    assert_eq!(app.exit_status(), 0);
}

#[test]
fn the_selection_follows_the_run_until_the_user_selects_and_again_after_back() {
    let mut app = app(3);
    discovered(&mut app, &["m"]);
    let start = |case| Msg::Engine(Nanos(1), EngineFact::Started { id: AttemptId { case, number: 1 }, at: Nanos(1) });
    ended(&mut app, 0, 1, AttemptStatus::Ok);
    update(&mut app, start(1));
    assert_eq!(app.ui.selected, 1);
    update(&mut app, Msg::Action(Nanos(10), Action::SelectPrevious));
    ended(&mut app, 1, 1, AttemptStatus::Ok);
    update(&mut app, start(2));
    assert_eq!(app.ui.selected, 0);
    update(&mut app, Msg::Action(Nanos(10), Action::Back));
    assert_eq!(app.ui.selected, 2);
}

#[test]
fn closing_cancels_requests_in_flight() {
    let mut app = app(1);
    discovered(&mut app, &["m"]);
    let effects = update(&mut app, Msg::Closing);
    assert!(effects.iter().any(|e| matches!(e, Effect::Run(RunEffect::Engine(EngineCommand::Abort(_))))));
    ended(&mut app, 0, 1, AttemptStatus::Cancelled);
    assert_eq!((app.scene.session.in_flight(), app.scene.session.cases[0].phase), (0, CasePhase::Cancelled));
}

#[test]
fn several_models_are_listed_and_nothing_starts() {
    let mut app = app(1);
    assert!(started(&discovered(&mut app, &["a", "b"])).is_empty());
    let Connection::Refused(why) = &app.scene.target.connection else { panic!("{:?}", app.scene.target) };
    assert!(why.contains("--model: a, b"), "{why}");
    assert_eq!(app.exit_status(), 3);
}

#[test]
fn quitting_asks_during_a_run() {
    let mut app = app(1);
    discovered(&mut app, &["m"]);
    assert!(update(&mut app, Msg::Action(Nanos(10), Action::Quit)).is_empty());
    assert_eq!(app.ui.overlay, Overlay::ConfirmQuit);
    update(&mut app, Msg::Action(Nanos(10), Action::Back));
    assert_eq!(app.ui.overlay, Overlay::None);
    update(&mut app, Msg::Action(Nanos(10), Action::Quit));
    assert!(matches!(update(&mut app, Msg::Action(Nanos(10), Action::Confirm))[..], [Effect::Quit(130)]));
}

#[test]
fn quitting_at_the_end_does_not_ask_and_a_failed_case_is_status_1() {
    let mut app = app(1);
    discovered(&mut app, &["m"]);
    ended(&mut app, 0, 1, AttemptStatus::Timeout);
    assert!(matches!(update(&mut app, Msg::Action(Nanos(10), Action::Quit))[..], [Effect::Quit(1)]));
}

#[test]
fn a_dead_engine_ends_the_run_as_partial_and_exportable() {
    let mut app = app(3);
    discovered(&mut app, &["m"]);
    ended(&mut app, 0, 1, AttemptStatus::Ok);
    assert_eq!(app.scene.session.in_flight(), 1);
    for _ in 0..2 {
        let effects = update(&mut app, Msg::Engine(Nanos(9), EngineFact::Died("gone".into())));
        assert!(!effects.iter().any(|e| matches!(e, Effect::Run(RunEffect::Engine(_)))), "{effects:?}");
    }
    assert!(!app.is_live() && app.scene.session.is_partial());
    let status = |case: usize| app.scene.session.cases[case].attempts[0].status().unwrap();
    assert_eq!([status(0), status(1)], [AttemptStatus::Ok, AttemptStatus::Cancelled]);
    assert_eq!(app.ui.notice.as_ref().unwrap().text, "The engine stopped: gone. Results so far can still be exported.");
    assert!(matches!(
        update(&mut app, Msg::Action(Nanos(10), Action::Export))[..],
        [Effect::Report(ReportEffect::Export { exporter: 0 })]
    ));
    // Quitting does not ask, and the run does not count as interrupted.
    assert!(matches!(update(&mut app, Msg::Action(Nanos(10), Action::Quit))[..], [Effect::Quit(1)]));
}

#[test]
fn a_signal_ends_with_130() {
    let mut app = app(1);
    discovered(&mut app, &["m"]);
    assert!(matches!(update(&mut app, Msg::Signal(Signal::Terminate))[..], [Effect::Quit(130)]));
}

#[test]
fn a_frozen_screen_does_not_change_while_the_run_continues() {
    let mut app = app(2);
    discovered(&mut app, &["m"]);
    update(&mut app, Msg::Action(Nanos(10), Action::ToggleFreeze));
    ended(&mut app, 0, 1, AttemptStatus::Ok);
    assert_eq!(app.shown().session.cases[0].phase, CasePhase::Running);
    assert_eq!(app.scene.session.cases[0].phase, CasePhase::Done);
    update(&mut app, Msg::Action(Nanos(10), Action::ToggleFreeze));
    assert_eq!(app.shown().session.cases[0].phase, CasePhase::Done);
}

#[test]
fn the_filter_narrows_the_list_and_moves_the_selection() {
    let mut app = app(3);
    update(&mut app, Msg::Action(Nanos(10), Action::Filter));
    update(&mut app, Msg::Edit(Edit::Insert('2')));
    assert_eq!((app.listed_cases(), app.ui.selected), (vec![2], 2));
    update(&mut app, Msg::Action(Nanos(10), Action::Confirm));
    update(&mut app, Msg::Action(Nanos(10), Action::Back));
    assert_eq!(app.listed_cases().len(), 3);
}

#[test]
fn selection_stops_at_both_ends() {
    let mut app = app(3);
    update(&mut app, Msg::Action(Nanos(10), Action::SelectPrevious));
    assert_eq!(app.ui.selected, 0);
    update(&mut app, Msg::Action(Nanos(10), Action::SelectLast));
    update(&mut app, Msg::Action(Nanos(10), Action::SelectNext));
    assert_eq!(app.ui.selected, 2);
}

#[test]
fn throughput_averages_the_last_second_and_has_gaps_when_idle() {
    let mut app = app(1);
    let frame = |ms, events, busy: bool| {
        let in_flight = if busy { vec![crate::domain::live::InFlight::default()] } else { Vec::new() };
        let at = Nanos::from_millis(ms);
        Msg::Frame {
            now: at,
            live: Arc::new(LiveSnapshot { at, content_events_total: events, in_flight, ..Default::default() }),
        }
    };
    // Each step is a quarter of a second with 25 events. One step has no events; then the run ends.
    for (quarter, events) in [0, 25, 50, 50, 75, 100, 100].into_iter().enumerate() {
        update(&mut app, frame(1000 + quarter as u64 * 250, events, quarter < 6));
    }
    for msg in [frame(2750, 100, true), frame(3000, 130, true)] {
        update(&mut app, msg);
    }
    let rates: Vec<_> = app.scene.throughput.iter().map(|p| p.1).collect();
    let whole_seconds = [75.0, 75.0];
    let first = [100.0, 100.0, 50.0 / 0.75].into_iter().chain(whole_seconds).map(Some);
    // The first point after a gap does not include the gap.
    assert_eq!(rates, first.chain([None, Some(0.0), Some(60.0)]).collect::<Vec<_>>());
}

#[test]
fn help_scrolled_beyond_its_end_scrolls_back_with_the_first_key() {
    let mut app = app(1);
    update(&mut app, Msg::Action(Nanos(10), Action::Help));
    for _ in 0..5 {
        update(&mut app, Msg::Action(Nanos(10), Action::ScrollDown));
    }
    update(&mut app, Msg::Drawn { answer: Drawn::default(), overlay: ScrollExtent { limit: 12, page: 20 } });
    update(&mut app, Msg::Action(Nanos(10), Action::SelectPrevious));
    assert_eq!(app.ui.overlay, Overlay::Help(HelpView { top: 11, ..HelpView::default() }));
}

#[test]
fn the_selection_does_not_follow_to_a_case_that_the_filter_hides() {
    let mut app = app(3);
    discovered(&mut app, &["m"]);
    app.ui.filter = TextField::new("case 0");
    let start = |case| {
        let id = AttemptId { case, number: 1 };
        Msg::Engine(Nanos(9), EngineFact::Started { id, at: Nanos(9) })
    };
    update(&mut app, start(1));
    assert_eq!(app.ui.selected, 0);
    app.ui.filter.clear();
    update(&mut app, start(2));
    assert_eq!(app.ui.selected, 2);
}

#[test]
fn redraw_and_suspend_work_in_every_overlay() {
    let mut open = app(1);
    let mut overlays = vec![
        Overlay::Help(HelpView::default()),
        Overlay::ConfirmQuit,
        Overlay::FilterInput,
        Overlay::Palette(crate::app::state::palette::Palette::default()),
        Overlay::Models(ModelChoice::default()),
    ];
    for action in [Action::ViewReport, Action::ChooseExport] {
        open.ui.overlay = Overlay::None;
        update(&mut open, Msg::Action(Nanos(10), action));
        overlays.push(open.ui.overlay.clone());
    }
    for overlay in overlays {
        let mut app = app(1);
        app.ui.overlay = overlay.clone();
        assert!(matches!(
            update(&mut app, Msg::Action(Nanos(10), Action::Redraw))[..],
            [Effect::Screen(ScreenEffect::Redraw)]
        ));
        assert!(matches!(
            update(&mut app, Msg::Action(Nanos(10), Action::Suspend))[..],
            [Effect::Screen(ScreenEffect::Suspend)]
        ));
        assert_eq!(app.ui.overlay, overlay);
    }
}

/// Intended times of the requests that the effects start, milliseconds.
fn due_ms(effects: &[Effect]) -> Vec<u64> {
    let due = |e: &Effect| match e {
        Effect::Run(RunEffect::Engine(EngineCommand::Start { due, .. })) => due.map(|at| at.0 / 1_000_000),
        _ => None,
    };
    effects.iter().filter_map(due).collect()
}

#[test]
fn a_key_press_after_idle_time_advances_the_clock() {
    let mut app = app(1);
    let open_loop = OpenLoop { rate_per_s: 10.0, process: Process::Constant, seed: 1 };
    let plan = Plan { concurrency: 64, repeat: 5, open_loop: Some(open_loop), ..Plan::default() };
    app.scene.session = Session::new(Arc::clone(&app.scene.session.suite), plan);
    discovered(&mut app, &["m"]);
    let at = |ms, action| Msg::Action(Nanos::from_millis(ms), action);
    // An idle screen has no frames: only key presses bring the time.
    update(&mut app, at(210, Action::ToggleHold));
    for number in 1..=3 {
        ended(&mut app, 0, number, AttemptStatus::Ok);
    }
    let resumed = update(&mut app, at(60_210, Action::ToggleHold));
    assert!(due_ms(&resumed).iter().all(|due| *due >= 60_210), "{:?}", due_ms(&resumed));
    let rest = update(&mut app, Msg::Frame { now: Nanos::from_millis(61_000), live: Arc::default() });
    for number in 4..=5 {
        ended(&mut app, 0, number, AttemptStatus::Ok);
    }
    assert_eq!((due_ms(&resumed).len() + due_ms(&rest).len(), app.scene.session.mode), (2, Mode::Finished));
    let mut again = update(&mut app, at(90_000, Action::Rerun));
    again.extend(update(&mut app, Msg::Frame { now: Nanos::from_millis(91_000), live: Arc::default() }));
    assert!(due_ms(&again).len() == 5 && due_ms(&again).iter().all(|due| *due >= 90_000), "{:?}", due_ms(&again));
}

#[test]
fn a_notice_after_idle_time_stays_for_its_full_duration() {
    let mut app = app(1);
    discovered(&mut app, &["m"]);
    ended(&mut app, 0, 1, AttemptStatus::Ok);
    let pressed = Nanos::from_millis(60_000);
    update(&mut app, Msg::Action(pressed, Action::Copy));
    update(&mut app, Msg::Frame { now: pressed.plus(NOTICE_DURATION / 2), live: Arc::default() });
    assert!(app.ui.notice.is_some());
    update(&mut app, Msg::Frame { now: pressed.plus(NOTICE_DURATION), live: Arc::default() });
    assert!(app.ui.notice.is_none());
}

#[test]
fn the_same_key_pressed_again_applies_to_the_same_case() {
    let mut app = app(3);
    discovered(&mut app, &["m"]);
    let pause = |app: &mut App| update(app, Msg::Action(Nanos(7), Action::TogglePauseCase));
    pause(&mut app);
    ended(&mut app, 0, 1, AttemptStatus::Cancelled);
    let next = AttemptId { case: 1, number: 1 };
    update(&mut app, Msg::Engine(Nanos(9), EngineFact::Started { id: next, at: Nanos(9) }));
    pause(&mut app);
    let phases: Vec<_> = app.scene.session.cases.iter().map(|c| c.phase).collect();
    assert_eq!(phases, [CasePhase::Queued, CasePhase::Running, CasePhase::Queued]);
}

/// Copied text and notice of the copy action.
fn copied(app: &mut App) -> (Option<String>, String) {
    let effects = update(app, Msg::Action(Nanos(10), Action::Copy));
    let text = effects
        .into_iter()
        .find_map(|e| if let Effect::Screen(ScreenEffect::Copy(text)) = e { Some(text) } else { None });
    (text, app.ui.notice.as_ref().unwrap().text.clone())
}

#[test]
fn copying_takes_the_text_on_the_screen_and_reports_its_size() {
    let mut app = app(1);
    discovered(&mut app, &["m"]);
    assert_eq!(copied(&mut app), (None, "No answer to copy yet".to_owned()));
    let id = AttemptId { case: 0, number: 1 };
    let mut record = AttemptRecord::started(id, false, String::new(), String::new(), Nanos(1));
    record.status = AttemptStatus::Ok;
    record.text = "# Ä\n\u{1b}[31mred".to_owned();
    record.reasoning = "Hm.".to_owned();
    record.sent_request = Some(Arc::new(SentRequest {
        url: "u".into(),
        headers: Arc::new([]),
        request_id: "r".into(),
        body: r#"{"a":1}"#.into(),
        nonce: None,
    }));
    update(&mut app, Msg::Engine(Nanos(9), EngineFact::Ended { id, record: Arc::new(record) }));
    let notice = |name: &str, size: &str| format!("{name} sent to the terminal's clipboard: {size}");
    // The Markdown source is copied, without control sequences.
    let whole = "# Ä\nred".to_owned();
    assert_eq!(copied(&mut app), (Some(whole), notice("Answer", "7 characters, 2 lines")));
    update(&mut app, Msg::Action(Nanos(10), Action::ToggleRaw));
    assert_eq!(copied(&mut app).0.as_deref(), Some("# Ä\nred"));
    app.ui.answer.unfolded = Some(true);
    assert_eq!(copied(&mut app).0.as_deref(), Some("Hm.\n\n# Ä\nred"));
    update(&mut app, Msg::Action(Nanos(10), Action::ToggleExchange));
    assert_eq!(copied(&mut app), (Some("{\n  \"a\": 1\n}".to_owned()), notice("Request", "12 characters, 3 lines")));
}

#[test]
fn text_too_long_for_terminals_is_not_copied() {
    for (bytes, is_copied) in [(MAX_COPY_BYTES, true), (MAX_COPY_BYTES + 1, false)] {
        let mut app = app(1);
        discovered(&mut app, &["m"]);
        let id = AttemptId { case: 0, number: 1 };
        let mut record = AttemptRecord::started(id, false, String::new(), String::new(), Nanos(1));
        record.text = "x".repeat(bytes);
        update(&mut app, Msg::Engine(Nanos(9), EngineFact::Ended { id, record: Arc::new(record) }));
        let (text, notice) = copied(&mut app);
        assert_eq!((text.is_some(), notice.starts_with("Not copied: 75 kB")), (is_copied, !is_copied), "{notice}");
    }
}

#[test]
fn an_unlisted_model_is_tried_with_a_warning() {
    let doubt = |wanted: &str, listed: &[&str]| {
        let mut app = app(1);
        app.wanted_model = Some(wanted.to_owned());
        let effects = discovered(&mut app, listed);
        assert_eq!(started(&effects).len(), 1);
        app.model_doubt
    };
    assert_eq!(
        doubt("nope", &["a", "b"]).as_deref(),
        Some("the endpoint does not list 'nope', only a, b; trying it anyway")
    );
    assert_eq!(doubt("b", &["a", "b"]), None);
    // An empty list causes no warning.
    assert_eq!(doubt("b", &[]), None);
}

#[test]
fn pasted_text_goes_only_into_text_fields() {
    let mut app = app(3);
    let paste = |app: &mut App| update(app, Msg::Pasted(Nanos(9), "2q\nx".to_owned()));
    assert!(paste(&mut app).is_empty());
    assert_eq!(app.ui.notice.as_ref().map(|n| n.text.as_str()), Some("Pasted text is ignored here"));
    assert_eq!((&app.ui.overlay, app.ui.filter.as_str()), (&Overlay::None, ""));
    app.ui.notice = None;
    update(&mut app, Msg::Action(Nanos(10), Action::Filter));
    paste(&mut app);
    assert_eq!((app.ui.filter.as_str(), app.ui.notice.as_ref()), ("2q x", None));
}

#[test]
fn mouse_reports_are_off_until_turned_on() {
    let mut app = app(1);
    assert!(!app.ui.mouse);
    for on in [true, false] {
        let effects = update(&mut app, Msg::Action(Nanos(10), Action::ToggleMouse));
        assert!(matches!(effects[..], [Effect::Screen(ScreenEffect::Mouse(sent))] if sent == on));
        assert_eq!(app.ui.mouse, on);
    }
}

#[test]
fn back_clears_the_search_first() {
    let mut app = app(1);
    app.ui.focus = PaneId::Preview;
    app.ui.zoomed = true;
    let act = |app: &mut App, action| update(app, Msg::Action(Nanos(10), action));
    act(&mut app, Action::Search);
    update(&mut app, Msg::Edit(Edit::Insert('a')));
    assert_eq!((app.ui.overlay.clone(), app.ui.answer.search.field.as_str()), (Overlay::SearchInput, "a"));
    act(&mut app, Action::Confirm);
    act(&mut app, Action::Back);
    assert!(app.ui.answer.search.field.is_empty() && app.ui.zoomed);
    act(&mut app, Action::Back);
    assert!(!app.ui.zoomed);
    act(&mut app, Action::Search);
    update(&mut app, Msg::Edit(Edit::Insert('b')));
    act(&mut app, Action::Back);
    assert!(app.ui.answer.search.field.is_empty() && app.ui.overlay == Overlay::None);
}

#[test]
fn focusing_a_pane_by_its_action() {
    let mut app = app(1);
    update(&mut app, Msg::Action(Nanos(10), Action::Focus(PaneId::Gpu)));
    assert_eq!(app.ui.focus, PaneId::Gpu);
}

use std::sync::Arc;
use std::time::Duration;

use super::super::draw;
use crate::app::action::Action;
use crate::app::pane::PaneId;
use crate::app::state::App;
use crate::app::state::text_field::Edit;
use crate::domain::attempt::{AttemptId, AttemptRecord};
use crate::domain::live::{InFlight, StreamPhase};
use crate::domain::sent_request::SentRequest;
use crate::domain::session::{Plan, Session, SessionInput};
use crate::domain::suite::Suite;
use crate::domain::time::Nanos;
use crate::domain::turn::Turn;
use crate::ui::sample::{act, end, live, running, styled, text};
use crate::ui::theme::Theme;

/// A run whose first case is a conversation of three turns.
fn conversation() -> App {
    conversation_with_think_time(Duration::ZERO)
}

fn conversation_with_think_time(think_time: Duration) -> App {
    let mut app = running();
    let mut suite = Suite::clone(&app.scene.session.suite);
    suite.cases[0].follow_ups = vec!["How would you **test** it?".into(), "And without a lock?".into()];
    suite.cases[0].think_time = think_time;
    app.scene.session = Session::new(Arc::new(suite), Plan::default());
    app.scene.session.handle(SessionInput::Begin(Nanos::from_millis(1000)));
    app
}

fn turn(number: u16) -> Turn {
    Turn { number, ..Turn::first(1, 3) }
}

fn answer(app: &mut App, number: u16, text: &str) {
    let answer = |r: &mut AttemptRecord| {
        r.text = text.into();
        r.turn = Some(turn(number));
        (r.usage.prompt_tokens, r.usage.cached_tokens) = (Some(300), Some(100 * (u64::from(number) - 1)));
    };
    end(app, 0, number.into(), answer);
}

fn waiting(number: u32, body: Option<&str>) -> InFlight {
    let sent = body.map(|body| {
        Arc::new(SentRequest {
            url: "u".into(),
            headers: Arc::new([]),
            request_id: "r".into(),
            body: body.into(),
            nonce: None,
        })
    });
    InFlight {
        id: AttemptId { case: 0, number },
        phase: StreamPhase::Waiting,
        started: Nanos::from_millis(1300),
        sent_request: sent,
        ..InFlight::default()
    }
}

#[test]
fn a_conversation_is_a_thread_up_to_the_shown_turn() {
    let mut app = conversation();
    answer(&mut app, 1, "Two threads write to `seen`.");
    answer(&mut app, 2, "Run it with **two** threads.");
    answer(&mut app, 3, "Use a queue.");
    insta::assert_snapshot!("thread_100x30", text(&app, 100, 30, draw));
    insta::assert_snapshot!("thread_styles", styled(&app, Theme::ansi(), 60, 34, draw));
    app.ui.selected_attempt = Some(2);
    let shown = text(&app, 100, 30, draw);
    assert!(shown.contains("turn 2 of 3") && !shown.contains("Use a queue."), "{shown}");
}

#[test]
fn a_turn_that_waits_follows_the_turns_before() {
    let mut app = conversation();
    answer(&mut app, 1, "Two threads write to `seen`.");
    live(&mut app, 1500, waiting(2, None));
    let shown = text(&app, 100, 24, draw);
    let place = |part: &str| shown.find(part).unwrap_or_else(|| panic!("no '{part}' in:\n{shown}"));
    assert!(place("Two threads write") < place("How would you test it?"));
    assert!(place("How would you test it?") < place("Waiting for the first token"));
    // A waiting case without a conversation still shows its prompt.
    act(&mut app, &[Action::SelectNext]);
    assert!(text(&app, 100, 24, draw).contains("Not sent yet."));
}

#[test]
fn between_two_turns_the_last_answer_is_shown() {
    let mut app = conversation_with_think_time(Duration::from_secs(60));
    answer(&mut app, 1, "Two threads write to `seen`.");
    assert!(text(&app, 100, 24, draw).contains("Two threads write to seen."));
    let table = text(&app, 120, 10, crate::ui::pane::cases::draw);
    assert!(table.contains("next turn"), "{table}");
}

#[test]
fn a_row_that_reached_its_length_has_no_note_about_the_limit_of_the_case() {
    let mut app = conversation();
    let at_limit = |output_tokens| {
        move |r: &mut AttemptRecord| {
            r.turn = Some(turn(1));
            r.finish_reason = Some("length".into());
            r.lengths.output_tokens = output_tokens;
        }
    };
    end(&mut app, 0, 1, at_limit(Some(3)));
    app.ui.selected_attempt = Some(1);
    assert!(text(&app, 100, 24, draw).contains("Stopped at max_tokens (3)"));
}

#[test]
fn messages_of_rows_come_from_the_request() {
    let mut app = conversation();
    let mut suite = Suite::clone(&app.scene.session.suite);
    suite.cases[0].messages.clear();
    suite.cases[0].follow_ups.clear();
    let mut session = app.scene.session.clone();
    session.suite = Arc::new(suite);
    app.scene.session = session;
    answer(&mut app, 1, "The sea.");
    live(&mut app, 1500, waiting(2, None));
    assert!(text(&app, 100, 24, draw).contains("(This message was not saved with the run.)"));
    let body = r#"{"messages":[{"role":"system","content":"s"},{"role":"user","content":"What is wide?"},
        {"role":"assistant","content":"The sea."},{"role":"user","content":[{"type":"text","text":"And deep?"}]}]}"#;
    live(&mut app, 1600, waiting(2, Some(body)));
    let shown = text(&app, 100, 24, draw);
    assert!(shown.contains("What is wide?") && shown.contains("And deep?"), "{shown}");
    assert!(!shown.contains("not saved"), "{shown}");
}

#[test]
fn a_search_finds_earlier_turns() {
    let mut app = conversation();
    answer(&mut app, 1, "Two threads write to `seen`.");
    answer(&mut app, 2, "Run it with two threads.");
    app.ui.selected_attempt = Some(2);
    app.ui.focus = PaneId::Preview;
    app.ui.answer.edit_search(&Edit::Paste("threads".into()));
    let shown = text(&app, 100, 40, draw);
    assert!(shown.contains("1/2") || shown.contains("2/2"), "{shown}");
}

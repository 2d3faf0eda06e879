use std::sync::Arc;

use super::*;
use crate::app::message::{Msg, RunEffect};
use crate::app::state::{Connection, Overlay};
use crate::app::update::testing::{app, discovered};
use crate::app::update::update;
use crate::domain::attempt::{AttemptError, AttemptStatus};
use crate::domain::key_source::KeySource;
use crate::domain::live::{EngineCommand, EngineFact, ServerInfo};

const NOW: Nanos = Nanos(9);

/// An app whose run has started.
fn running(cases: usize, concurrency: usize, models: &[&str]) -> App {
    let mut app = app(cases);
    app.wanted_model = Some("wanted".to_owned());
    app.scene.session.plan.concurrency = concurrency;
    discovered(&mut app, models);
    app
}

/// Ends a request with a refusal by the server. Its message ends with a full stop.
fn refused(app: &mut App, case: usize, http_status: u16, kind: &str) -> Vec<Effect> {
    end_attempt(app, case, 1, |record| {
        record.status = AttemptStatus::HttpError;
        record.http_status = Some(http_status);
        record.error = Some(AttemptError { kind: kind.to_owned(), message: format!("HTTP {http_status}: no.") });
    })
}

fn end_attempt(app: &mut App, case: usize, number: u32, change: impl FnOnce(&mut AttemptRecord)) -> Vec<Effect> {
    let id = AttemptId { case, number };
    let own = app.scene.session.suite.cases[case].model.clone();
    let model = own.or_else(|| app.scene.target.model.clone()).unwrap_or_default();
    let mut record = AttemptRecord::started(id, false, String::new(), model, Nanos(1));
    record.status = AttemptStatus::Ok;
    change(&mut record);
    update(app, Msg::Engine(NOW, EngineFact::Ended { id, record: Arc::new(record) }))
}

fn started(effects: &[Effect]) -> Vec<(AttemptId, String)> {
    let start = |e: &Effect| match e {
        Effect::Run(RunEffect::Engine(EngineCommand::Start { id, model, .. })) => Some((*id, model.clone())),
        _ => None,
    };
    effects.iter().filter_map(start).collect()
}

fn aborted(effects: &[Effect]) -> Vec<AttemptId> {
    let abort = |e: &Effect| match e {
        Effect::Run(RunEffect::Engine(EngineCommand::Abort(id))) => Some(*id),
        _ => None,
    };
    effects.iter().filter_map(abort).collect()
}

fn press(app: &mut App, action: Action) -> Vec<Effect> {
    update(app, Msg::Action(Nanos(10), action))
}

fn change_case(app: &mut App, case: usize, change: impl FnOnce(&mut crate::domain::suite::CaseSpec)) {
    change(&mut Arc::make_mut(&mut app.scene.session.suite).cases[case]);
}

#[test]
fn a_refused_key_stops_the_run_after_the_first_request_and_says_which_key_was_sent() {
    for (status, kind) in [(401, "http"), (403, "http"), (400, KEY_REFUSED), (200, KEY_REFUSED)] {
        let mut app = running(3, 1, &[]);
        app.key_source = KeySource::Variable(Some("MY_KEY".to_owned()));
        let effects = refused(&mut app, 0, status, kind);
        assert!(started(&effects).is_empty() && aborted(&effects).is_empty(), "{effects:?}");
        let stop = app.scene.stop.clone().unwrap();
        let advice = "the API key from MY_KEY was sent; check it, or choose another variable with --api-key-env";
        assert_eq!((stop.cause, stop.reason), (StopCause::Key, format!("HTTP {status}: no; {advice}")));
        assert_eq!((app.scene.session.in_flight(), app.exit_status()), (0, 3));
        assert!(
            matches!(press(&mut app, Action::Quit)[..], [Effect::Quit(3)]),
            "nothing runs, so quitting does not ask"
        );
    }
}

#[test]
fn other_requests_in_flight_are_cancelled_and_restarted_with_r() {
    let mut app = running(5, 3, &[]);
    let effects = refused(&mut app, 1, 401, "http");
    assert!(started(&effects).is_empty(), "{effects:?}");
    let own = |case| AttemptId { case, number: 1 };
    assert_eq!(aborted(&effects), [own(0), own(2)]);
    // One request was refused before it could be cancelled; the other is cancelled.
    refused(&mut app, 0, 401, "http");
    end_attempt(&mut app, 2, 1, |record| record.status = AttemptStatus::Cancelled);
    assert_eq!(app.scene.session.in_flight(), 0);

    let effects = press(&mut app, Action::Rerun);
    assert_eq!(app.scene.stop, None);
    assert_eq!(started(&effects).iter().map(|(id, _)| id.case).collect::<Vec<_>>(), [0, 1, 2]);
    for case in [0, 1, 2] {
        end_attempt(&mut app, case, 2, |_| ());
    }
    for case in [3, 4] {
        end_attempt(&mut app, case, 1, |_| ());
    }
    let phases: Vec<_> = app.scene.session.cases.iter().map(|c| c.phase).collect();
    assert_eq!((phases, app.exit_status()), (vec![CasePhase::Done; 5], 0));
}

#[test]
fn repeats_of_the_refused_case_are_all_measured_after_r() {
    let mut app = running(2, 1, &[]);
    // Each case has three attempts, as with `--repeat 3`.
    app.scene.session.plan.repeat = 3;
    app.scene.session.cases[0].remaining = 2;
    refused(&mut app, 0, 401, "http");
    let effects = press(&mut app, Action::Rerun);
    assert_eq!(started(&effects).len(), 1);
    for number in [2, 3, 4] {
        end_attempt(&mut app, 0, number, |_| ());
    }
    let case = &app.scene.session.cases[0];
    assert_eq!((case.phase, case.reported().count()), (CasePhase::Done, 3));
}

#[test]
fn space_also_tries_again_and_a_second_refusal_stops_the_run_again() {
    let mut app = running(2, 1, &[]);
    refused(&mut app, 0, 401, "http");
    assert_eq!(started(&press(&mut app, Action::ToggleHold)).len(), 1);
    end_attempt(&mut app, 0, 2, |record| {
        record.status = AttemptStatus::HttpError;
        record.http_status = Some(401);
        record.error = Some(AttemptError { kind: "http".to_owned(), message: "HTTP 401".to_owned() });
    });
    assert!(app.scene.stop.is_some());
}

#[test]
fn another_model_can_be_chosen_after_a_wrong_one_and_all_cases_use_it() {
    let mut app = running(2, 1, &["small", "large"]);
    app.asks_for_model = true;
    refused(&mut app, 0, 404, MODEL_NOT_FOUND);
    let Overlay::Models(choice) = &app.ui.overlay else { panic!("{:?}", app.ui.overlay) };
    assert_eq!((choice.models.len(), choice.about.contains("'wanted'")), (2, true));
    // Without a choice the run stays stopped; `r` offers the models again.
    assert!(press(&mut app, Action::Back).is_empty());
    assert_eq!((&app.ui.overlay, app.scene.stop.is_some()), (&Overlay::None, true));
    assert!(press(&mut app, Action::Rerun).is_empty());
    press(&mut app, Action::SelectNext);
    let effects = press(&mut app, Action::Confirm);
    assert_eq!(started(&effects), [(AttemptId { case: 0, number: 2 }, "large".to_owned())]);
    assert_eq!(started(&end_attempt(&mut app, 0, 2, |_| ())), [(AttemptId { case: 1, number: 1 }, "large".to_owned())]);
    end_attempt(&mut app, 1, 1, |_| ());
    assert_eq!((app.scene.target.model.as_deref(), app.exit_status()), (Some("large"), 0));
}

#[test]
fn without_a_dashboard_the_reason_lists_the_endpoints_models() {
    let mut app = running(2, 1, &["small", "large"]);
    refused(&mut app, 0, 400, MODEL_NOT_FOUND);
    let reason = app.scene.stop.clone().unwrap().reason;
    let advice = "pass another model with --model; the endpoint lists small, large";
    assert_eq!(reason, format!("model 'wanted': HTTP 400: no; {advice}"));
    assert_eq!(app.ui.overlay, Overlay::None);
    assert_eq!(started(&press(&mut app, Action::Rerun)).len(), 1, "the same model is tried again");
}

#[test]
fn a_stop_after_a_measured_case_is_status_1() {
    let mut app = running(3, 1, &[]);
    end_attempt(&mut app, 0, 1, |_| ());
    refused(&mut app, 1, 401, "http");
    assert_eq!((app.scene.stop.is_some(), app.exit_status()), (true, 1));
}

/// Ends a request that got no connection.
fn without_connection(app: &mut App, case: usize, kind: &str) -> Vec<Effect> {
    end_attempt(app, case, 1, |record| {
        record.status = AttemptStatus::ConnectError;
        record.error = Some(AttemptError { kind: kind.to_owned(), message: "connection refused".to_owned() });
    })
}

#[test]
fn a_server_that_is_gone_stops_the_run_and_nothing_more_is_sent() {
    let mut app = running(9, 1, &[]);
    assert!(!started(&end_attempt(&mut app, 0, 1, |_| ())).is_empty());
    // A connection that the server closed may concern one request only.
    assert!(!started(&without_connection(&mut app, 1, "closed")).is_empty());
    for case in 2..6 {
        assert!(!started(&without_connection(&mut app, case, "connect")).is_empty());
        assert_eq!(app.scene.stop, None, "{case}");
    }
    assert!(started(&without_connection(&mut app, 6, "connect")).is_empty());
    let stop = app.scene.stop.clone().unwrap();
    assert_eq!((stop.cause, app.scene.session.mode), (StopCause::Gone, Mode::Held));
    assert!(stop.reason.starts_with("the server is gone: 5 requests in a row got no connection: "), "{}", stop.reason);
    assert!(stop.reason.contains("the remaining requests were not sent"), "{}", stop.reason);
    // Resumed, the run repeats the requests without a connection and then sends what is left.
    let first = started(&press(&mut app, Action::Rerun))[0].0;
    assert_eq!(first, AttemptId { case: 2, number: 2 });
    let again = app.scene.session.count(CasePhase::Queued) + app.scene.session.count(CasePhase::Running);
    assert_eq!(again, 7, "five cases are repeated, and two were not sent");
}

#[test]
fn a_response_between_failed_connections_keeps_the_run_going() {
    let mut app = running(12, 1, &[]);
    for case in 0..10 {
        if case == 4 {
            refused(&mut app, case, 503, "unavailable");
        } else {
            without_connection(&mut app, case, "connect");
        }
        assert_eq!(app.scene.stop.is_some(), case == 9, "{case}");
        if app.scene.stop.is_some() {
            break;
        }
    }
}

type Row<'a> = (&'a dyn Fn(&mut App), u16, &'a str, Option<StopCause>);

#[test]
fn errors_that_concern_one_case_stop_nothing() {
    let own_model = |app: &mut App| change_case(app, 0, |case| case.model = Some("own".to_owned()));
    let own_field = |name: &'static str| {
        move |app: &mut App| change_case(app, 0, |case| drop(case.extra.insert(name.to_owned(), "x".into())))
    };
    let nothing = |_: &mut App| ();
    let rows: [Row<'_>; 15] = [
        (&nothing, 401, "http", Some(StopCause::Key)),
        (&nothing, 404, MODEL_NOT_FOUND, Some(StopCause::Model)),
        (&nothing, 404, "http", Some(StopCause::Address)),
        (&nothing, 405, "http", Some(StopCause::Address)),
        (&nothing, 400, TLS_EXPECTED, Some(StopCause::Address)),
        (&nothing, 407, "http", Some(StopCause::Proxy)),
        (&nothing, 403, CONTENT_REFUSED, None),
        (&nothing, 400, "http", None),
        (&nothing, 429, "rate_limited", None),
        (&nothing, 503, "unavailable", None),
        (&own_model, 404, MODEL_NOT_FOUND, None),
        (&own_model, 403, "http", None),
        (&own_field("model"), 404, MODEL_NOT_FOUND, None),
        (&own_field("provider"), 404, "http", None),
        (&own_field("top_p"), 401, "http", Some(StopCause::Key)),
    ];
    for (change, status, kind, expected) in rows {
        let mut app = app(2);
        app.wanted_model = Some("wanted".to_owned());
        change(&mut app);
        discovered(&mut app, &[]);
        let continues = !started(&refused(&mut app, 0, status, kind)).is_empty();
        assert_eq!(
            (app.scene.stop.map(|stop| stop.cause), continues),
            (expected, expected.is_none()),
            "{status} {kind}"
        );
    }
    // A model that all cases name counts as the run's model.
    let mut app = app(2);
    (0..2).for_each(|case| change_case(&mut app, case, |spec| spec.model = Some("same".to_owned())));
    app.wanted_model = Some("wanted".to_owned());
    discovered(&mut app, &[]);
    refused(&mut app, 0, 404, MODEL_NOT_FOUND);
    assert!(app.scene.stop.is_some());
}

#[test]
fn a_refused_model_list_names_the_key_and_a_failed_one_is_a_warning() {
    let mut refused = app(1);
    let reason = "GET http://h/v1/models: HTTP 401: no".to_owned();
    let fact = EngineFact::Unreachable { reason, http_status: Some(401), retrying: false };
    update(&mut refused, Msg::Engine(NOW, fact));
    let Connection::Refused(why) = &refused.scene.target.connection else { panic!() };
    assert!(why.ends_with("no API key was sent; set OPENAI_API_KEY or pass --api-key-env"));

    let mut app = app(1);
    app.wanted_model = Some("wanted".to_owned());
    let (models, server, list_error) = (Vec::new(), ServerInfo::default(), Some("GET x: HTTP 500: no".to_owned()));
    let effects = update(&mut app, Msg::Engine(NOW, EngineFact::Discovered { models, server, list_error }));
    assert_eq!(started(&effects).len(), 1);
    assert!(app.model_doubt.is_some_and(|doubt| doubt.contains("using 'wanted' anyway: GET x: HTTP 500")));
}

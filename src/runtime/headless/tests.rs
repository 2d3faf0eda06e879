use std::sync::Arc;

use proptest::prelude::*;

use super::super::summary::summary;
use super::*;
use crate::app::state::Target;
use crate::domain::live::ServerInfo;
use crate::domain::route::Route;
use crate::domain::session::Session;
use crate::domain::session::{Plan, SessionInput};
use crate::domain::text::oracle::{fault, hostile};
use crate::domain::time::Nanos;
use crate::report::fixture;

fn app(session: Session) -> App {
    let target = Target {
        url: String::new(),
        model: None,
        server: ServerInfo::default(),
        simulated: false,
        route: Route::default(),
        connection: Connection::Ready,
    };
    App::new(target, session, None, Vec::new())
}

#[test]
fn a_load_prints_progress_at_most_once_a_second() {
    let mut session = Session::new(Arc::new(fixture::suite(&["a"])), Plan::default());
    session.handle(SessionInput::Begin(Nanos::from_millis(500)));
    let app = app(session);
    let mut load = LoadLine::default();
    let lines: Vec<_> = [1000, 1001, 1999, 2000, 2999, 3100]
        .into_iter()
        .filter_map(|at| load.line(&app.scene, Nanos::from_millis(at)))
        .collect();
    assert_eq!(lines, ["0.5 s", "1.5 s", "2.6 s"].map(|s| format!("{s}  0 ok  0 failed  1 in flight")));
}

#[test]
fn unresolved_figures_are_marked_in_the_progress_and_explained_in_the_summary() {
    let session = fixture::run(fixture::suite(&["a"]), Plan::default(), |id, now| {
        let mut record = fixture::answer(id, now, 1000, 10, 100);
        record.content_length = Some(6121);
        Some(record)
    });
    let record = session.records().next().unwrap();
    let mut stderr = Vec::new();
    print_attempt(&session, &record, Style::Plain, &mut stderr);
    let line = String::from_utf8(stderr).unwrap();
    assert!(line.contains("TTFT unresolved  "), "{line}");
    let printed = summary(&fixture::report(session));
    let explained = printed.find("docs/resolution.md");
    assert!(explained.is_some_and(|at| printed.find("1 unresolved") < Some(at)), "{printed}");
    let resolved = fixture::report(fixture::sample_session());
    assert!(!summary(&resolved).contains("docs/resolution.md"));
}

/// Returns everything that a run with these texts prints.
fn printed(texts: &[String], style: Style) -> String {
    let text = |place: usize| texts[place].clone();
    let mut suite = fixture::suite(&[&texts[0], &texts[1]]);
    suite.name = text(2);
    let session = fixture::run(suite, Plan::default(), |id, now| {
        let mut record = fixture::answer(id, now, 100, 7, 3);
        (record.finish_reason, record.warnings) = (Some(text(3)), vec![text(4)]);
        Some(if id.case == 0 { record } else { fixture::refusal(id, now, &text(5)) })
    });
    let mut app = app(session);
    let target = &mut app.scene.target;
    (target.url, target.model, target.route.proxy) = (text(6), Some(text(7)), Some(text(8)));
    target.server = ServerInfo { kind: Some(text(9)), version: Some(text(10)) };
    let mut out = Vec::new();
    greet(&app.scene, &mut out);
    app.model_doubt = Some(text(7));
    print_target(&app, &mut out);
    for record in app.scene.session.records() {
        print_attempt(&app.scene.session, &record, style, &mut out);
    }
    say_to(&mut out, &summary(&fixture::report(app.scene.session.clone())));
    say_to(&mut out, &text(11));
    String::from_utf8(out).unwrap()
}

proptest! {
    #[test]
    fn hostile_text_stays_on_its_line(texts in prop::collection::vec(hostile(), 12), is_styled in any::<bool>()) {
        let mut output = printed(&texts, if is_styled { Style::Sgr } else { Style::Plain });
        if is_styled {
            // One note is dim and one failure is red. The texts must add no escape sequences.
            let notes = output.lines().filter(|l| l.starts_with("\u{1b}[2m      ! ") && l.ends_with("\u{1b}[22m"));
            prop_assert_eq!(notes.count(), 1);
            for own in ["\u{1b}[2m", "\u{1b}[22m", "\u{1b}[31m", "\u{1b}[39m"] {
                output = output.replacen(own, "", 1);
            }
        }
        prop_assert_eq!(fault(&output), None);
        let own_lines = |output: &str, texts: &[String]| {
            output.lines().count() - crate::domain::text::sanitise(&texts[11]).matches('\n').count()
        };
        let plain = vec!["x".to_owned(); 12];
        prop_assert_eq!(own_lines(&output, &texts), own_lines(&printed(&plain, Style::Plain), &plain), "{}", output);
    }
}

//! Requests the text of the open report, and again whenever the run progresses.

use std::sync::Arc;

use crate::app::message::{Effect, ReportEffect};
use crate::app::state::report_view::ReportView;
use crate::app::state::{App, Overlay};

/// Opens the report and requests its text.
pub(super) fn open(app: &mut App) -> Vec<Effect> {
    app.ui.overlay = Overlay::Report(ReportView::new(&app.scene, app.ui.report_revisions));
    vec![Effect::Report(ReportEffect::RenderReport)]
}

/// Requests a new text if the one on the screen is out of date.
pub(super) fn refresh(app: &mut App) -> Option<Effect> {
    if app.report_due()? > app.scene.now {
        return None;
    }
    let Overlay::Report(view) = &mut app.ui.overlay else { return None };
    view.requested(&app.scene);
    Some(Effect::Report(ReportEffect::RenderReport))
}

/// Takes a rendered text. The scroll position stays.
pub(super) fn set_text(app: &mut App, text: Arc<str>, file: String) {
    app.ui.report_revisions += 1;
    let revision = app.ui.report_revisions;
    if let Overlay::Report(view) = &mut app.ui.overlay {
        (view.text, view.file, view.revision) = (Some(text), file, revision);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::action::Action;
    use crate::app::message::Msg;
    use crate::app::state::ScrollExtent;
    use crate::app::state::answer::Drawn;
    use crate::app::update::testing::{app, discovered, ended};
    use crate::app::update::update;
    use crate::domain::attempt::AttemptStatus;
    use crate::domain::time::Nanos;

    fn requests_report(effects: &[Effect]) -> bool {
        effects.iter().any(|e| matches!(e, Effect::Report(ReportEffect::RenderReport)))
    }

    fn view(app: &App) -> &ReportView {
        let Overlay::Report(view) = &app.ui.overlay else { panic!("{:?}", app.ui.overlay) };
        view
    }

    fn frame(app: &mut App, ms: u64) -> Vec<Effect> {
        update(app, Msg::Frame { now: Nanos::from_millis(ms), live: Arc::default() })
    }

    #[test]
    fn the_report_is_rendered_when_the_run_progresses_at_most_once_a_second() {
        let mut app = app(3);
        discovered(&mut app, &["m"]);
        assert!(requests_report(&update(&mut app, Msg::Action(Nanos::from_millis(100), Action::ViewReport))));
        assert!(!requests_report(&frame(&mut app, 5000)));
        assert_eq!(app.wake_at(), None);
        assert!(requests_report(&ended(&mut app, 0, 1, AttemptStatus::Ok)));
        // The next attempt ends within a second of the last rendering, so the clock causes the next one.
        assert!(!requests_report(&ended(&mut app, 1, 1, AttemptStatus::Ok)));
        assert_eq!(app.wake_at(), Some(Nanos::from_millis(6000)));
        assert!(!requests_report(&frame(&mut app, 5999)));
        assert!(requests_report(&frame(&mut app, 6000)));
        assert!(!requests_report(&frame(&mut app, 9000)));
        update(&mut app, Msg::Action(Nanos::from_millis(9000), Action::Back));
        assert!(!requests_report(&ended(&mut app, 2, 1, AttemptStatus::Ok)));
    }

    #[test]
    fn a_new_text_keeps_the_scroll_position() {
        let mut app = app(1);
        let shown = |text: &str| Msg::ReportRendered { text: text.into(), file: "r.md".to_owned() };
        update(&mut app, Msg::Action(Nanos(1), Action::ViewReport));
        update(&mut app, shown("a"));
        let overlay = ScrollExtent { limit: 90, page: 20 };
        let drawn = |overlay| Msg::Drawn { answer: Drawn::default(), overlay };
        update(&mut app, drawn(overlay));
        for action in [Action::ScrollDown, Action::ScrollDown, Action::SelectNext, Action::SelectPrevious] {
            update(&mut app, Msg::Action(Nanos(1), action));
        }
        let before = view(&app).revision;
        update(&mut app, shown("b"));
        assert_eq!((view(&app).top, view(&app).text.as_deref()), (40, Some("b")));
        assert_ne!(view(&app).revision, before);
        update(&mut app, Msg::Action(Nanos(1), Action::SelectLast));
        assert_eq!(view(&app).top, 90);
        // A shorter text moves the scroll position back to its end.
        update(&mut app, drawn(ScrollExtent { limit: 3, page: 20 }));
        assert_eq!(view(&app).top, 3);
        update(&mut app, Msg::Action(Nanos(1), Action::SelectFirst));
        assert_eq!(view(&app).top, 0);
        update(&mut app, Msg::Action(Nanos(1), Action::Back));
        assert_eq!(app.ui.overlay, Overlay::None);
    }

    #[test]
    fn the_open_report_can_be_exported() {
        let mut app = app(1);
        update(&mut app, Msg::Action(Nanos(1), Action::ViewReport));
        assert!(matches!(
            update(&mut app, Msg::Action(Nanos(1), Action::Export))[..],
            [Effect::Report(ReportEffect::Export { exporter: 0 })]
        ));
        assert!(matches!(app.ui.overlay, Overlay::Report(_)));
        update(&mut app, Msg::Action(Nanos(1), Action::ChooseExport));
        assert!(matches!(app.ui.overlay, Overlay::Export(_)));
    }
}

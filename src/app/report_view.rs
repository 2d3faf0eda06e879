//! The report on the screen: kept up with the run, but not for every frame.

use std::sync::Arc;
use std::time::Duration;

use super::message::Effect;
use super::model::{App, Overlay, Scene};
use crate::domain::session::{CasePhase, Mode};
use crate::domain::time::Nanos;

/// It is not made anew more often than this: of a long run that takes a while.
const EVERY: Duration = Duration::from_secs(1);

/// The report as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportView {
    /// Its Markdown, once it is made.
    pub text: Option<Arc<str>>,
    /// The file that would be written.
    pub file: String,
    /// Counts the texts there were in this run: the same number is the same text.
    pub revision: u64,
    /// The first line that is shown.
    pub top: usize,
    asked_at: Nanos,
    /// How the run stood when its text was asked for.
    of: Standing,
}

/// What of a run has to change before its report does.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Standing {
    mode: Mode,
    stage: usize,
    ended: usize,
    phases: [usize; CasePhase::COUNT],
}

impl Standing {
    fn of(scene: &Scene) -> Self {
        let session = &scene.session;
        Self { mode: session.mode, stage: session.stage, ended: scene.load.tally.ended, phases: session.counts() }
    }
}

/// How far a text on the screen can be scrolled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Lines.
    pub limit: usize,
    /// Lines of a page.
    pub page: usize,
}

/// Opens it and asks for its text.
pub(super) fn open(app: &mut App) -> Vec<Effect> {
    let (text, file, revision, top) = (None, String::new(), app.ui.reports_shown, 0);
    let (asked_at, of) = (app.scene.now, Standing::of(&app.scene));
    app.ui.overlay = Overlay::Report(ReportView { text, file, revision, top, asked_at, of });
    vec![Effect::RenderReport]
}

/// Asks for a new text where the run has moved on.
pub(super) fn keep_up(app: &mut App) -> Option<Effect> {
    if due(app)? > app.scene.now {
        return None;
    }
    let (now, standing) = (app.scene.now, Standing::of(&app.scene));
    let Overlay::Report(view) = &mut app.ui.overlay else { return None };
    (view.asked_at, view.of) = (now, standing);
    Some(Effect::RenderReport)
}

/// When a new text is to be asked for; `None` while it is not open, or up to date.
pub(super) fn due(app: &App) -> Option<Nanos> {
    let Overlay::Report(view) = &app.ui.overlay else { return None };
    (view.of != Standing::of(&app.scene)).then(|| view.asked_at.plus(EVERY))
}

/// The text is there: what is read stays where it is.
pub(super) fn rendered(app: &mut App, text: Arc<str>, file: String) {
    app.ui.reports_shown += 1;
    let revision = app.ui.reports_shown;
    if let Overlay::Report(view) = &mut app.ui.overlay {
        (view.text, view.file, view.revision) = (Some(text), file, revision);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::answer::Drawn;
    use crate::app::message::{Action, Msg};
    use crate::app::update::testing::{app, discovered, ended};
    use crate::app::update::update;
    use crate::domain::attempt::AttemptStatus;

    fn asks(effects: &[Effect]) -> bool {
        effects.iter().any(|e| matches!(e, Effect::RenderReport))
    }

    fn view(app: &App) -> &ReportView {
        let Overlay::Report(view) = &app.ui.overlay else { panic!("{:?}", app.ui.overlay) };
        view
    }

    fn frame(app: &mut App, ms: u64) -> Vec<Effect> {
        update(app, Msg::Frame { now: Nanos::from_millis(ms), live: Arc::default() })
    }

    #[test]
    fn it_is_made_anew_when_the_run_moves_on_and_not_more_than_once_a_second() {
        let mut app = app(3);
        discovered(&mut app, &["m"]);
        assert!(asks(&update(&mut app, Msg::Action(Nanos::from_millis(100), Action::ViewReport))));
        assert!(!asks(&frame(&mut app, 5000)));
        assert_eq!(app.wake_at(), None);
        assert!(asks(&ended(&mut app, 0, 1, AttemptStatus::Ok)));
        // The next one ends at once: that is told later, by the clock alone.
        assert!(!asks(&ended(&mut app, 1, 1, AttemptStatus::Ok)));
        assert_eq!(app.wake_at(), Some(Nanos::from_millis(6000)));
        assert!(!asks(&frame(&mut app, 5999)));
        assert!(asks(&frame(&mut app, 6000)));
        assert!(!asks(&frame(&mut app, 9000)));
        update(&mut app, Msg::Action(Nanos::from_millis(9000), Action::Back));
        assert!(!asks(&ended(&mut app, 2, 1, AttemptStatus::Ok)));
    }

    #[test]
    fn what_is_read_stays_where_it_is() {
        let mut app = app(1);
        let shown = |text: &str| Msg::ReportRendered { text: text.into(), file: "r.md".to_owned() };
        update(&mut app, Msg::Action(Nanos(1), Action::ViewReport));
        update(&mut app, shown("a"));
        let report = Extent { limit: 90, page: 20 };
        let drawn = |report| Msg::Drawn { answer: Drawn::default(), help_limit: 0, report };
        update(&mut app, drawn(report));
        for action in [Action::ScrollDown, Action::ScrollDown, Action::SelectNext, Action::SelectPrevious] {
            update(&mut app, Msg::Action(Nanos(1), action));
        }
        let before = view(&app).revision;
        update(&mut app, shown("b"));
        assert_eq!((view(&app).top, view(&app).text.as_deref()), (40, Some("b")));
        assert_ne!(view(&app).revision, before);
        update(&mut app, Msg::Action(Nanos(1), Action::SelectLast));
        assert_eq!(view(&app).top, 90);
        // A shorter text leaves nothing beyond its end.
        update(&mut app, drawn(Extent { limit: 3, page: 20 }));
        assert_eq!(view(&app).top, 3);
        update(&mut app, Msg::Action(Nanos(1), Action::SelectFirst));
        assert_eq!(view(&app).top, 0);
        update(&mut app, Msg::Action(Nanos(1), Action::Back));
        assert_eq!(app.ui.overlay, Overlay::None);
    }

    #[test]
    fn the_report_can_be_exported_from_there() {
        let mut app = app(1);
        update(&mut app, Msg::Action(Nanos(1), Action::ViewReport));
        assert!(matches!(
            update(&mut app, Msg::Action(Nanos(1), Action::Export))[..],
            [Effect::Export { exporter: 0 }]
        ));
        assert!(matches!(app.ui.overlay, Overlay::Report(_)));
        update(&mut app, Msg::Action(Nanos(1), Action::ChooseExport));
        assert!(matches!(app.ui.overlay, Overlay::Export(_)));
    }
}

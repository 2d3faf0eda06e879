//! Hints beside the clock: the key that resumes a held run or a paused case, and the idle time that a replay skips.

use ratatui::text::Span;

use crate::app::action::Action;
use crate::app::state::playback::Skipped;
use crate::domain::session::{CasePhase, IdleReason, Mode};
use crate::ui::keymap::Context;
use crate::ui::number;
use crate::ui::view::View;

/// Returns the hints with their keys.
pub(super) fn spans(view: &View<'_>) -> Vec<Span<'static>> {
    if let Some(playback) = &view.app.playback {
        let skipped = playback.skipped(view.scene().now).map(|skipped| skipped_in_words(&skipped));
        return skipped.map(|text| Span::styled(format!("  {text}"), view.theme.accent())).into_iter().collect();
    }
    let session = &view.scene().session;
    let paused = session.count(CasePhase::Paused);
    let key = |action| view.keymap.key_of(action, Context::In(view.app.ui.focus));
    let hint = |before: &'static str, action, after: &'static str| {
        let Some(key) = key(action) else { return Vec::new() };
        vec![
            Span::raw(before),
            Span::styled(key.to_string(), view.theme.key()),
            Span::styled(after, view.theme.muted()),
        ]
    };
    match session.mode {
        Mode::Held => hint("  ", Action::ToggleHold, " resumes"),
        Mode::Running if paused > 0 => {
            let selected = session.cases.get(view.app.ui.selected).is_some_and(|c| c.phase == CasePhase::Paused);
            let paused = Span::styled(format!("  {paused} paused"), view.theme.warning());
            let more = if selected { hint(", ", Action::TogglePauseCase, " resumes") } else { Vec::new() };
            [paused].into_iter().chain(more).collect()
        }
        _ => Vec::new(),
    }
}

/// Describes the skipped time and its reason: `2:10 skipped: held`.
fn skipped_in_words(skipped: &Skipped) -> String {
    let why = match skipped.why {
        IdleReason::Away => "tokscope was not running",
        IdleReason::Held => "held",
        IdleReason::Paused => "paused",
        IdleReason::Finished => "finished",
        IdleReason::NotDue => "no request was due",
    };
    format!("{} skipped: {why}", number::clock(skipped.time))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::state::playback::Playback;
    use crate::app::state::replay::Recording;
    use crate::domain::session::Plan;
    use crate::domain::time::Nanos;
    use crate::ui::pane::header::draw;
    use crate::ui::testing::{Script, Stage, text};
    use crate::ui::theme::Theme;

    fn shown(stage: &Stage) -> String {
        text(&stage.draw_with(90, 2, Theme::mono(), draw))
    }

    #[test]
    fn a_paused_case_and_a_held_run_show_the_key_that_resumes_them() {
        let mut stage = Stage::new(&["a", "b"], Plan { concurrency: 2, ..Plan::default() });
        stage.connect();
        assert!(!shown(&stage).contains("resumes") && !shown(&stage).contains("paused"));
        stage.act(Action::TogglePauseCase);
        assert!(shown(&stage).contains("1 paused, p resumes"), "{}", shown(&stage));
        stage.act(Action::ToggleHold);
        assert!(shown(&stage).trim_end().ends_with("space resumes"), "{}", shown(&stage));
    }

    /// A replay of a run that was held for a minute: `steps_back` steps back from its end, then played for `played_ms`.
    fn held_for_a_minute(steps_back: usize, played_ms: u64) -> Stage {
        let mut stage = Stage::new(&["a", "b"], Plan::default());
        stage.connect();
        stage.start(0, 1, Script::plain(10, 1, 5));
        stage.act(Action::ToggleHold);
        stage.finish(0);
        stage.pass(60_000);
        stage.act(Action::ToggleHold);
        stage.start(1, 1, Script::plain(10, 1, 5));
        stage.pass(8000);
        stage.finish(1);
        let now = Nanos::from_millis(stage.now_ms);
        let events = stage.app.scene.session.take_events().into();
        let recording = Recording { whole: stage.app.scene.clone(), events, telemetry: Vec::new() };
        stage.app.playback = Some(Box::new(Playback::replay(String::new(), recording, &[], 1.0, now)));
        stage.app.scene.now = now;
        stage.act(Action::ToggleHold);
        // From the beginning to the end, and back.
        (0..20).for_each(|_| stage.act(Action::ReplayForward));
        (0..steps_back).for_each(|_| stage.act(Action::ReplayBack));
        if played_ms > 0 {
            stage.act(Action::ToggleHold);
            stage.pass(played_ms);
        }
        stage
    }

    #[test]
    fn a_replay_shows_the_time_it_skips_and_why() {
        let at = |back, played_ms| {
            let stage = held_for_a_minute(back, played_ms);
            shown(&stage).lines().nth(1).unwrap_or_default().to_owned()
        };
        let within = at(3, 500);
        assert!(within.contains("held") && within.ends_with("1:00 skipped: held"), "{within}");
        let after = at(1, 0);
        assert!(after.contains("running") && after.contains("1:00 skipped: held"), "{after}");
        let end = at(0, 0);
        assert!(end.contains("finished") && !end.contains("skipped"), "{end}");
    }
}

//! The header: what is measured, where the run stands, how far it is.

mod conclusion;
mod hints;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use crate::app::state::{Connection, Scene};
use crate::domain::live::InFlight;
use crate::domain::session::{CasePhase, Mode};
use crate::domain::text::sanitise_line;
use crate::ui::view::View;
use crate::ui::widget::bar::Bar;
use crate::ui::{fit, number, pane};

/// From here the engine's own lateness is worth a word, milliseconds at the 99th percentile.
const LAG_WORTH_A_WORD_MS: f64 = 5.0;

/// Draws it.
pub fn draw(frame: &mut Frame<'_>, area: Rect, view: &View<'_>) {
    draw_target(frame, area, view);
    draw_state(frame, area, view);
    conclusion::draw(frame, area, view);
}

fn draw_target(frame: &mut Frame<'_>, area: Rect, view: &View<'_>) {
    let (theme, scene) = (view.theme, view.scene());
    let mut badges = Vec::new();
    if let Some(playback) = &view.app.playback {
        badges.push(format!(" {} ", sanitise_line(&playback.badge(scene.now))));
    }
    if view.app.frozen.is_some() {
        badges.push(format!(" FROZEN at {} ", number::clock(scene.elapsed())));
    }
    if scene.target.simulated {
        badges.push(" SIMULATED ".to_owned());
    }
    if scene.target.route.is_unverified() {
        badges.push(" TLS NOT VERIFIED ".to_owned());
    }
    let mut right: Vec<Span<'_>> = Vec::new();
    for badge in badges {
        if !right.is_empty() {
            right.push(Span::raw(" "));
        }
        right.push(Span::styled(badge, theme.badge()));
    }

    if view.app.ui.mouse {
        if !right.is_empty() {
            right.push(Span::raw(" "));
        }
        right.push(Span::styled(" mouse ", theme.selected()));
    }

    let mut left = vec![Span::styled("tokscope", theme.heading()), Span::raw("  ")];
    let model = scene.target.model.as_deref().map(sanitise_line);
    left.push(match model {
        Some(model) => Span::styled(model, theme.value()),
        None => Span::styled("no model yet", theme.muted()),
    });
    left.push(Span::raw("  "));
    left.push(Span::raw(sanitise_line(&scene.target.url)));
    let taken = |spans: &[Span<'_>]| spans.iter().map(Span::width).sum::<usize>();
    let reserved = if right.is_empty() { 0 } else { taken(&right) + pane::BETWEEN_ENDS };
    let room = usize::from(area.width).saturating_sub(reserved);
    // Half a version would be a wrong one: whole or not at all.
    let server = [&scene.target.server.kind, &scene.target.server.version].map(|s| s.as_deref().map(sanitise_line));
    for (at, part) in server.into_iter().flatten().enumerate() {
        let before = if at == 0 { "  " } else { " " };
        let part = Span::styled(format!("{before}{part}"), theme.muted());
        if taken(&left) + part.width() > room {
            break;
        }
        left.push(part);
    }
    pane::ends(frame, area, 0, shorten(left, room), right);
}

fn draw_state(frame: &mut Frame<'_>, area: Rect, view: &View<'_>) {
    let (theme, scene) = (view.theme, view.scene());
    let state = state(scene);
    let style = match state.mood {
        Tone::Calm => theme.muted(),
        Tone::Live => theme.accent(),
        Tone::Good => theme.good(),
        Tone::Warning => theme.warning(),
        Tone::Bad => theme.bad(),
    };
    let mut left = vec![Span::styled(format!("{} {}", state.glyph, state.word), style)];
    if !state.about.is_empty() {
        left.push(Span::styled(format!("  {}", state.about), theme.text()));
    }
    let mut right = Vec::new();
    if let Some(p99) = scene.live.lag.p99_ms.filter(|ms| *ms > LAG_WORTH_A_WORD_MS) {
        right.push(Span::styled(format!("engine lag {}", number::millis(Some(p99))), theme.warning()));
    }
    // What is ordered and not yet due is not in flight.
    let in_flight = scene.in_flight().count();
    if scene.session.plan.concurrency > 1 && in_flight > 0 {
        if !right.is_empty() {
            right.push(Span::raw("  "));
        }
        right.push(Span::raw(format!("{in_flight} in flight")));
    }
    if let Some((sign, style)) = slo_sign(view) {
        if !right.is_empty() {
            right.push(Span::raw("  "));
        }
        right.push(Span::styled(sign, style));
    }
    if scene.session.began.is_some() {
        let (settled, all) = (scene.session.settled(), scene.session.cases.len());
        let width = usize::from(area.width / 5).clamp(8, 30);
        let share = share(scene);
        let bar = Bar { share, tick: None, filled: style.patch(unbold(style)), rest: theme.muted(), ticked: style };
        // While only the time limits it no case is settled: what counts are the requests.
        let is_timed = scene.session.plan.duration.is_some() && scene.session.is_active();
        let done = if is_timed { format!("{} ended", scene.load.tally.ended) } else { format!("{settled}/{all}") };
        left.push(Span::styled(format!("  {done} "), theme.value()));
        left.extend(bar.spans(width));
        left.push(Span::raw(format!("  {}", number::clock(scene.elapsed()))));
    }
    left.extend(hints::spans(view));
    let room = usize::from(area.width);
    pane::ends(frame, area, 1, shorten(left, room), right);
}

/// How much of the run is over, 0 to 1: of the time, else of the cases; of a sweep, over all its stages.
fn share(scene: &Scene) -> f64 {
    let session = &scene.session;
    let of_cases = || (session.settled() as f64 + under_way(scene)) / session.cases.len().max(1) as f64;
    let share = session.share_of_time(scene.now).unwrap_or_else(of_cases).min(1.0);
    (session.stage as f64 + share) / session.sweep.len().max(1) as f64
}

/// Whether the thresholds are kept so far: `SLO ✓`, or how many are not.
fn slo_sign(view: &View<'_>) -> Option<(String, Style)> {
    let (theme, scene) = (view.theme, view.scene());
    let (slos, tally) = (scene.session.slos(), &scene.load.tally);
    if slos.is_empty() || tally.ended == 0 {
        return None;
    }
    let missed = slos.iter().filter(|slo| !slo.judge(tally).met).count();
    Some(match missed {
        0 => ("SLO ✓".to_owned(), theme.good()),
        n => (format!("SLO ✗ {n} of {}", slos.len()), theme.bad()),
    })
}

/// How much of their cases the requests in flight have behind them, in cases: by tokens against the most allowed.
fn under_way(scene: &Scene) -> f64 {
    let share = |flying: &InFlight| {
        let most = scene.session.suite.cases.get(flying.id.case)?.max_tokens.max(1);
        Some((f64::from(flying.content_events) * scene.tokens_per_event / f64::from(most)).min(1.0))
    };
    scene.in_flight().filter_map(share).sum()
}

/// A bar of bold strokes looks ragged in some terminals.
fn unbold(style: Style) -> Style {
    style.remove_modifier(ratatui::style::Modifier::BOLD)
}

/// `spans` in at most `room` cells.
fn shorten(spans: Vec<Span<'_>>, room: usize) -> Vec<Span<'_>> {
    let mut left = room;
    let mut out = Vec::new();
    for span in spans {
        let width = span.width();
        if width <= left {
            left -= width;
            out.push(span);
        } else {
            out.push(Span::styled(fit::cut(&span.content, left), span.style));
            break;
        }
    }
    out
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tone {
    Calm,
    Live,
    Good,
    Warning,
    Bad,
}

/// Where the run stands, in words.
#[derive(Debug, PartialEq, Eq)]
struct State {
    glyph: &'static str,
    word: &'static str,
    about: String,
    mood: Tone,
}

/// Whether an endpoint that is not ready says that its model is being loaded.
pub fn is_loading(why: &str) -> bool {
    why.to_lowercase().contains("loading")
}

fn state(scene: &Scene) -> State {
    let is = |glyph, word, about: String, mood| State { glyph, word, about, mood };
    let session = &scene.session;
    if let Some(stop) = &scene.stop {
        return is("✗", "stopped", sanitise_line(&stop.reason), Tone::Bad);
    }
    match (&scene.target.connection, session.mode) {
        (Connection::Refused(why), _) => is("✗", "refused", sanitise_line(why), Tone::Bad),
        (Connection::Unreachable(why), Mode::Waiting) => {
            let word = if is_loading(why) { "the model is loading" } else { "waiting for the endpoint" };
            let why = sanitise_line(why);
            // Said twice it is no reason.
            let about = if why == word { "trying again".to_owned() } else { format!("trying again · {why}") };
            is("◌", word, about, Tone::Warning)
        }
        (Connection::Unnamed, Mode::Waiting) => is("◌", "which model?", String::new(), Tone::Warning),
        (Connection::Ready, Mode::Waiting) if session.is_away(scene.now) => {
            is("◌", "not running", String::new(), Tone::Calm)
        }
        (_, Mode::Waiting) => is("◌", "connecting", String::new(), Tone::Calm),
        (_, Mode::Running) if !session.sweep.is_empty() => {
            let about = format!("stage {}/{}", session.stage + 1, session.sweep.len());
            is("●", "running", about, Tone::Live)
        }
        (_, Mode::Running) => is("●", "running", String::new(), Tone::Live),
        (_, Mode::Held) if session.is_cut_off() => is("◌", "cut off", String::new(), Tone::Warning),
        (_, Mode::Held) if session.in_flight() > 0 => {
            is("‖", "held", format!("{} in flight to the end", session.in_flight()), Tone::Warning)
        }
        (_, Mode::Held) => is("‖", "held", String::new(), Tone::Warning),
        (_, Mode::Finished) => {
            let (failed, cancelled) = (session.count(CasePhase::Failed), session.count(CasePhase::Cancelled));
            let unreached = session.count(CasePhase::Unreached);
            let mut about = Vec::new();
            if failed > 0 {
                about.push(format!("{failed} failed"));
            }
            if cancelled > 0 {
                about.push(format!("{cancelled} cancelled"));
            }
            if unreached > 0 {
                about.push(format!("{unreached} not reached"));
            }
            match (failed, cancelled + unreached) {
                (0, 0) => is("✓", "finished", String::new(), Tone::Good),
                (0, _) => is("✓", "finished", about.join(", "), Tone::Warning),
                _ => is("✗", "finished", about.join(", "), Tone::Bad),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::action::Action;
    use crate::domain::attempt::AttemptStatus;
    use crate::domain::session::Plan;
    use crate::ui::testing::{Script, Stage, text};
    use crate::ui::theme::Theme;

    fn render_header(stage: &Stage) -> (&'static str, String) {
        let now = state(&stage.app.scene);
        (now.word, now.about)
    }

    fn two() -> Stage {
        Stage::new(&["a", "b"], Plan { concurrency: 2, ..Plan::default() })
    }

    #[test]
    fn before_the_run_the_endpoint_is_what_matters() {
        let mut stage = two();
        assert_eq!(render_header(&stage).0, "connecting");
        stage.unreachable("connection refused", true);
        assert_eq!(render_header(&stage), ("waiting for the endpoint", "trying again · connection refused".to_owned()));
        stage.unreachable("503: Loading model", true);
        assert_eq!(render_header(&stage).0, "the model is loading");
        stage.unreachable("401: no such key", false);
        assert_eq!(render_header(&stage), ("refused", "401: no such key".to_owned()));
    }

    #[test]
    fn however_long_the_rest_is_simulated_and_frozen_are_said() {
        let mut stage = two();
        stage.connect();
        stage.app.scene.target.url = format!("http://localhost:8000/{}/v1", "long/".repeat(40));
        stage.app.scene.target.simulated = true;
        stage.act(Action::ToggleFreeze);
        for width in 60..100 {
            let shown = text(&stage.draw_with(width, 2, Theme::mono(), draw));
            assert!(shown.contains(" FROZEN at 0:00   SIMULATED"), "{shown}");
        }
        // Nor whether anyone at all could have answered.
        stage.app.frozen.as_mut().unwrap().target.route.tls_verified = Some(false);
        let shown = text(&stage.draw_with(60, 2, Theme::mono(), draw));
        assert!(shown.contains(" SIMULATED   TLS NOT VERIFIED"), "{shown}");
        stage.app.frozen.as_mut().unwrap().target.route.tls_verified = Some(true);
        assert!(!text(&stage.draw_with(60, 2, Theme::mono(), draw)).contains("TLS"));
    }

    #[test]
    fn a_timed_run_counts_its_requests() {
        let duration = Some(std::time::Duration::from_secs(20));
        let mut stage = Stage::new(&["a", "b"], Plan { concurrency: 2, duration, ..Plan::default() });
        stage.connect();
        (0..2).for_each(|case| stage.start(case, 1, Script::plain(10, 1, 5)));
        stage.finish(0);
        let shown = text(&stage.draw_with(80, 2, Theme::mono(), draw));
        assert!(shown.contains("running  1 ended ") && shown.contains("1 in flight"), "{shown}");
    }

    #[test]
    fn the_bar_of_a_sweep_runs_over_all_its_stages() {
        let mut stage = Stage::new(&["a", "b"], Plan::default());
        let session = stage.app.scene.session.clone();
        stage.app.scene.session = session.with_sweep(vec![1, 2]);
        stage.connect();
        let mut shares = Vec::new();
        for (case, number) in [(0, 1), (1, 1), (0, 2), (1, 2)] {
            stage.start(case, number, Script::plain(10, 1, 5));
            stage.finish(case);
            shares.push(share(&stage.app.scene));
        }
        assert_eq!(shares, [0.25, 0.5, 0.75, 1.0]);
    }

    #[test]
    fn a_held_run_tells_what_still_comes() {
        let mut stage = two();
        stage.connect();
        assert_eq!(render_header(&stage).0, "running");
        stage.act(Action::ToggleHold);
        assert_eq!(render_header(&stage), ("held", "2 in flight to the end".to_owned()));
    }

    #[test]
    fn the_mouse_is_told_while_it_is_not_the_terminals() {
        let mut stage = two();
        let first = |stage: &Stage| text(&stage.draw_with(60, 1, Theme::mono(), draw));
        assert!(!first(&stage).contains("mouse"));
        stage.act(Action::ToggleMouse);
        assert!(first(&stage).trim_end().ends_with(" mouse"), "{}", first(&stage));
    }

    #[test]
    fn a_finished_run_does_not_hide_its_failures() {
        let mut stage = two();
        stage.connect();
        (0..2).for_each(|case| stage.start(case, 1, Script::plain(10, 1, 5)));
        stage.finish(0);
        stage.fail(1, AttemptStatus::Timeout, None, "silent for 120 s");
        assert_eq!(render_header(&stage), ("finished", "1 failed".to_owned()));
        assert_eq!(state(&stage.app.scene).glyph, "✗");
        stage.act(Action::RerunFailed);
        stage.start(1, 2, Script::plain(10, 1, 5));
        stage.finish(1);
        assert_eq!(render_header(&stage), ("finished", String::new()));
    }
}

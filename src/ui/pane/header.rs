//! The header: endpoint, model and workload, the state of the run, and its progress.

mod conclusion;
mod hints;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use crate::app::state::{Connection, Scene};
use crate::domain::quantity::count;
use crate::domain::session::{CasePhase, Mode};
use crate::domain::text::sanitise_line;
use crate::report::workload_words::rows_sent;
use crate::ui::view::View;
use crate::ui::widget::bar::Bar;
use crate::ui::{fit, number, pane};

/// Minimum engine lag that the header shows, milliseconds at the 99th percentile.
const MIN_LAG_SHOWN_MS: f64 = 5.0;
/// Minimum width of the progress bar, cells.
const MIN_BAR: usize = 6;

/// Draws the header.
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
    let rival = scene.rival.as_ref().filter(|rival| rival.url != scene.target.url);
    let rival = rival.map_or_else(String::new, |rival| format!(" against {}", rival.url));
    left.push(Span::raw(sanitise_line(&(scene.target.url.clone() + &rival))));
    let taken = |spans: &[Span<'_>]| spans.iter().map(Span::width).sum::<usize>();
    let reserved = if right.is_empty() { 0 } else { taken(&right) + pane::BETWEEN_ENDS };
    let room = usize::from(area.width).saturating_sub(reserved);
    if let Some(workload) = workload(scene) {
        let part = Span::styled(format!("  {workload}"), theme.text());
        left.extend((taken(&left) + part.width() <= room).then_some(part));
    }
    // Show name and version in full or not at all, because a cut version would be a wrong one.
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

/// Name of the workload, with the number of its rows that were sent; `None` if the run has no workload besides its
/// cases.
fn workload(scene: &Scene) -> Option<String> {
    let suite = &scene.session.suite;
    suite.workload.as_ref()?;
    let rows = rows_sent(&scene.session).map_or_else(String::new, |rows| format!(" · {rows}"));
    Some(format!("{}{rows}", sanitise_line(&suite.name)))
}

fn draw_state(frame: &mut Frame<'_>, area: Rect, view: &View<'_>) {
    let (theme, scene) = (view.theme, view.scene());
    let state = state(scene);
    let style = match state.tone {
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
    // The most important figures come last, because a narrow screen drops the first ones. A request that is not due yet
    // is not in flight.
    let in_flight = scene.in_flight().count();
    let in_flight = (scene.session.is_load() && in_flight > 0).then_some(in_flight);
    let lag = scene.live.lag.p99_ms.filter(|ms| *ms > MIN_LAG_SHOWN_MS);
    let mut right: Vec<Span<'_>> = Vec::new();
    right.extend(in_flight.map(|n| Span::raw(format!("{n} in flight"))));
    // Show the throughput that the Latency pane shows.
    let throughput = scene.throughput_so_far().filter(|_| scene.session.is_active());
    let unit = scene.session.suite.task.throughput_unit();
    let in_words = |throughput| format!("throughput {}", number::throughput(throughput, unit));
    right.extend(throughput.map(|throughput| Span::styled(in_words(throughput), theme.value())));
    right.extend(lag.map(|ms| Span::styled(format!("engine lag {}", number::millis(Some(ms))), theme.warning())));
    right.extend(slo_sign(view).map(|(sign, style)| Span::styled(sign, style)));
    let hints = hints::spans(view);
    let room = usize::from(area.width);
    let fixed = fit::spans_width(&left) + fit::spans_width(&hints) + pane::BETWEEN_ENDS;
    let words = progress_words(scene);
    let needed = fixed + words.iter().map(|word| fit::width(word)).sum::<usize>() + MIN_BAR;
    while !right.is_empty() && needed + spaced_width(&right) > room {
        right.remove(0);
    }
    if scene.session.began.is_some() {
        let bar = room.saturating_sub(needed + spaced_width(&right)) + MIN_BAR;
        left.extend(progress(scene, words, bar.min(usize::from(area.width / 5).clamp(8, 30)), style, view));
    }
    let right: Vec<_> = right.into_iter().flat_map(|span| [Span::raw("  "), span]).skip(1).collect();
    left.extend(hints);
    pane::ends(frame, area, 1, shorten(left, room), right);
}

/// Width of these spans with two cells between neighbours.
fn spaced_width(spans: &[Span<'_>]) -> usize {
    fit::spans_width(spans) + 2 * spans.len().saturating_sub(1)
}

/// Texts of the progress: number of requests (before the bar), elapsed time, remaining time.
fn progress_words(scene: &Scene) -> [String; 3] {
    if scene.session.began.is_none() {
        return Default::default();
    }
    let progress = scene.progress();
    let noun = if progress.is_counted() { "" } else { " done" };
    let left = match progress.left {
        Some(left) => format!("  {} left", number::clock(left)),
        None if scene.session.is_active() => format!("  {} left", number::UNKNOWN),
        None => String::new(),
    };
    [format!("  {progress}{noun} "), format!("  {}", number::clock(scene.elapsed())), left]
}

/// Progress as `  21/50 ━━━━──── 0:19  0:27 left`, with a bar of `bar` cells.
fn progress(scene: &Scene, words: [String; 3], bar: usize, style: Style, view: &View<'_>) -> Vec<Span<'static>> {
    let theme = view.theme;
    let [done, elapsed, left] = words;
    let (filled, rest) = (style.patch(without_bold(style)), theme.muted());
    let bar = Bar { share: scene.progress().share, tick: None, filled, rest, ticked: style }.spans(bar);
    let done = Span::styled(done, theme.value());
    [done].into_iter().chain(bar).chain([Span::raw(elapsed), Span::styled(left, theme.muted())]).collect()
}

/// Sign for the SLOs so far: `SLO ✓` if all are met, or the number of missed ones.
fn slo_sign(view: &View<'_>) -> Option<(String, Style)> {
    let (theme, scene) = (view.theme, view.scene());
    let (slos, tally) = (scene.session.slos(), &scene.load.tally);
    // No sign in a sweep or a search, since the tally covers only the current stage. The result names the stages that
    // meet the SLOs.
    if slos.is_empty() || tally.ended == 0 || !scene.session.sweep.is_empty() || scene.session.search().is_some() {
        return None;
    }
    let missed = slos.iter().filter(|slo| !slo.judge(tally).met).count();
    Some(match missed {
        0 => ("SLO ✓".to_owned(), theme.good()),
        n => (format!("SLO ✗ {n} of {}", slos.len()), theme.bad()),
    })
}

/// Removes bold, because bold bars look ragged in some terminals.
fn without_bold(style: Style) -> Style {
    style.remove_modifier(ratatui::style::Modifier::BOLD)
}

/// Cuts `spans` to at most `room` cells.
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

/// State of the run in words.
#[derive(Debug, PartialEq, Eq)]
struct State {
    glyph: &'static str,
    word: &'static str,
    about: String,
    tone: Tone,
}

/// Whether an endpoint's reason for not being ready is that its model is loading.
pub fn is_loading(why: &str) -> bool {
    why.to_lowercase().contains("loading")
}

fn state(scene: &Scene) -> State {
    let new = |glyph, word, about: String, tone| State { glyph, word, about, tone };
    let session = &scene.session;
    if let Some(stop) = &scene.stop {
        return new("✗", "stopped", sanitise_line(&stop.reason), Tone::Bad);
    }
    match (&scene.target.connection, session.mode) {
        (Connection::Refused(why), _) => new("✗", "refused", sanitise_line(why), Tone::Bad),
        (Connection::Unreachable(why), Mode::Waiting) => {
            let word = if is_loading(why) { "the model is loading" } else { "waiting for the endpoint" };
            let why = sanitise_line(why);
            // Leave out a reason that only repeats the state.
            let about = if why == word { "retrying".to_owned() } else { format!("retrying · {why}") };
            new("◌", word, about, Tone::Warning)
        }
        (Connection::Unnamed, Mode::Waiting) => new("◌", "choose a model", String::new(), Tone::Warning),
        (Connection::Ready, Mode::Waiting) if session.is_away(scene.now) => {
            new("◌", "not running", String::new(), Tone::Calm)
        }
        (_, Mode::Waiting) => new("◌", "connecting", String::new(), Tone::Calm),
        (_, Mode::Running) if !session.sweep.is_empty() => {
            let about = format!(
                "stage {}/{} · concurrency {}",
                session.stage + 1,
                session.sweep.len(),
                session.plan.concurrency
            );
            new("●", "running", about, Tone::Live)
        }
        (_, Mode::Running) => {
            let about = session.load_stage_name().or_else(|| session.replay_speed().and(session.open_loop_name()));
            new("●", "running", about.unwrap_or_default(), Tone::Live)
        }
        (_, Mode::Held) if session.is_cut_off() => new("◌", "interrupted", String::new(), Tone::Warning),
        (_, Mode::Held) if session.in_flight() > 0 => {
            let about = format!("{} finishing", count(session.in_flight(), "request"));
            new("‖", "held", about, Tone::Warning)
        }
        (_, Mode::Held) => new("‖", "held", String::new(), Tone::Warning),
        (_, Mode::Finished) => {
            let (failed, cancelled) = (scene.failed(), session.count(CasePhase::Cancelled));
            let left = session.cases.iter().filter(|case| case.left_as().is_some()).count();
            let unreached = session.count(CasePhase::Unreached);
            let mut about = Vec::new();
            if failed > 0 {
                about.push(format!("{failed} failed"));
            }
            let wrong = scene.load.wrong_answers();
            if wrong > 0 {
                about.push(format!("{wrong} wrong"));
            }
            if cancelled > left {
                about.push(format!("{} cancelled", cancelled - left));
            }
            for word in ["interrupted", "not sent"] {
                let left = session.cases.iter().filter(|case| case.left_as() == Some(word)).count();
                about.extend((left > 0).then(|| format!("{left} {word}")));
            }
            if unreached > 0 {
                about.push(format!("{unreached} skipped"));
            }
            match (failed + wrong, cancelled + unreached) {
                (0, 0) => new("✓", "finished", String::new(), Tone::Good),
                (0, _) => new("✓", "finished", about.join(", "), Tone::Warning),
                _ => new("✗", "finished", about.join(", "), Tone::Bad),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::action::Action;
    use crate::domain::attempt::AttemptStatus;
    use std::sync::Arc;

    use crate::domain::row_order::Sample;
    use crate::domain::session::{Plan, RowPlan, Session, SessionInput};
    use crate::domain::shard::Shard;
    use crate::report::fixture::workload::dataset_suite;
    use crate::ui::testing::repeated::repeated;
    use crate::ui::testing::search::search;
    use crate::ui::testing::sweep::running_sweep;
    use crate::ui::testing::{Script, Stage, text};
    use crate::ui::theme::Theme;

    fn state_of(stage: &Stage) -> (&'static str, String) {
        let now = state(&stage.app.scene);
        (now.word, now.about)
    }

    fn two() -> Stage {
        Stage::new(&["a", "b"], Plan { concurrency: 2, ..Plan::default() })
    }

    #[test]
    fn a_hold_during_a_search_is_shown_beside_its_probe() {
        let mut stage = search(1);
        let now = stage.app.scene.now;
        stage.app.scene.session.handle_at(now, SessionInput::ToggleHold);
        assert_eq!(state_of(&stage).0, "held");
        let shown = text(&stage.screen(120, 40));
        assert!(shown.contains("held") && shown.contains("probe 1, concurrency 1"), "{shown}");
    }

    #[test]
    fn a_group_of_runs_shows_which_of_them_runs_or_follows() {
        assert_eq!(state_of(&repeated(1)), ("running", "run 1/3".to_owned()));
        assert_eq!(state_of(&repeated(2)), ("running", "run 2/3 follows".to_owned()));
        assert_eq!(state_of(&repeated(3)), ("running", "run 2/3".to_owned()));
        assert_eq!(state_of(&repeated(6)).0, "finished");
    }

    #[test]
    fn before_the_run_the_header_shows_the_endpoint_state() {
        let mut stage = two();
        assert_eq!(state_of(&stage).0, "connecting");
        stage.unreachable("connection refused", true);
        assert_eq!(state_of(&stage), ("waiting for the endpoint", "retrying · connection refused".to_owned()));
        stage.unreachable("503: Loading model", true);
        assert_eq!(state_of(&stage).0, "the model is loading");
        stage.unreachable("401: no such key", false);
        assert_eq!(state_of(&stage), ("refused", "401: no such key".to_owned()));
    }

    #[test]
    fn the_badges_stay_visible_at_every_width() {
        let mut stage = two();
        stage.connect();
        stage.app.scene.target.url = format!("http://localhost:8000/{}/v1", "long/".repeat(40));
        stage.app.scene.target.simulated = true;
        stage.act(Action::ToggleFreeze);
        for width in 60..100 {
            let shown = text(&stage.draw_with(width, 2, Theme::mono(), draw));
            assert!(shown.contains(" FROZEN at 0:00   SIMULATED"), "{shown}");
        }
        // The badge of an unverified TLS connection stays visible, too.
        stage.app.frozen.as_mut().unwrap().target.route.tls_verified = Some(false);
        let shown = text(&stage.draw_with(60, 2, Theme::mono(), draw));
        assert!(shown.contains(" SIMULATED   TLS NOT VERIFIED"), "{shown}");
        stage.app.frozen.as_mut().unwrap().target.route.tls_verified = Some(true);
        assert!(!text(&stage.draw_with(60, 2, Theme::mono(), draw)).contains("TLS"));
    }

    #[test]
    fn the_workload_is_named_with_its_rows() {
        let mut stage = Stage::new(&["questions"], Plan::default());
        let rows = RowPlan::single(5, Sample::Ordered, 0, Shard::WHOLE).unwrap();
        stage.app.scene.session = Session::new(Arc::new(dataset_suite()), Plan::default()).with_rows(Arc::new(rows));
        let shown = |stage: &Stage, width| text(&stage.draw_with(width, 2, Theme::mono(), draw));
        assert!(shown(&stage, 120).contains("  questions · 0/5 rows"), "{}", shown(&stage, 120));
        stage.connect();
        assert!(shown(&stage, 120).contains("  questions · 1/5 rows"), "{}", shown(&stage, 120));
        // A name that does not fit is left out as a whole.
        assert!(!shown(&stage, 60).contains("questions"), "{}", shown(&stage, 60));
        assert!(!shown(&two(), 120).contains("rows"));
    }

    #[test]
    fn a_timed_run_counts_its_requests() {
        let duration = Some(std::time::Duration::from_secs(20));
        let mut stage = Stage::new(&["a", "b"], Plan { concurrency: 2, duration, ..Plan::default() });
        stage.connect();
        (0..2).for_each(|case| stage.start(case, 1, Script::plain(10, 1, 5)));
        stage.finish(0);
        let shown = text(&stage.draw_with(80, 2, Theme::mono(), draw));
        assert!(shown.contains("running  1 done ") && shown.contains("1 in flight"), "{shown}");
    }

    #[test]
    fn the_progress_bar_of_a_sweep_covers_all_stages() {
        let mut stage = Stage::new(&["a", "b"], Plan::default());
        let session = stage.app.scene.session.clone();
        stage.app.scene.session = session.with_sweep(vec![1, 2]);
        stage.connect();
        let mut shares = Vec::new();
        for (case, number) in [(0, 1), (1, 1), (0, 2), (1, 2)] {
            stage.start(case, number, Script::plain(10, 1, 5));
            stage.finish(case);
            shares.push(stage.app.scene.progress().share);
        }
        assert_eq!(shares, [0.25, 0.5, 0.75, 1.0]);
    }

    #[test]
    fn a_running_sweep_names_its_stage_and_concurrency() {
        assert_eq!(state_of(&running_sweep()), ("running", "stage 4/5 · concurrency 8".to_owned()));
    }

    #[test]
    fn a_held_run_counts_its_finishing_requests() {
        let mut stage = two();
        stage.connect();
        assert_eq!(state_of(&stage).0, "running");
        stage.act(Action::ToggleHold);
        assert_eq!(state_of(&stage), ("held", "2 requests finishing".to_owned()));
    }

    #[test]
    fn the_header_shows_that_mouse_input_is_captured() {
        let mut stage = two();
        let first = |stage: &Stage| text(&stage.draw_with(60, 1, Theme::mono(), draw));
        assert!(!first(&stage).contains("mouse"));
        stage.act(Action::ToggleMouse);
        assert!(first(&stage).trim_end().ends_with(" mouse"), "{}", first(&stage));
    }

    #[test]
    fn a_finished_run_shows_its_failures() {
        let mut stage = two();
        stage.connect();
        (0..2).for_each(|case| stage.start(case, 1, Script::plain(10, 1, 5)));
        stage.finish(0);
        stage.fail(1, AttemptStatus::Timeout, None, "silent for 120 s");
        assert_eq!(state_of(&stage), ("finished", "1 failed".to_owned()));
        assert_eq!(state(&stage.app.scene).glyph, "✗");
        stage.act(Action::RerunFailed);
        stage.start(1, 2, Script::plain(10, 1, 5));
        stage.finish(1);
        assert_eq!(state_of(&stage), ("finished", String::new()));
    }
}

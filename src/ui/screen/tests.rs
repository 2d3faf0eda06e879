use insta::assert_snapshot;

use super::*;
use crate::app::action::Action;
use crate::app::message::Msg;
use crate::app::pane::PaneId;
use crate::app::state::text_field::Edit;
use crate::app::state::theme::ThemeName;
use crate::domain::attempt::AttemptStatus;
use crate::domain::gpu::GpuEvent;
use crate::domain::live::{EngineFact, ServerInfo};
use crate::domain::server_gauges::{GaugeEvent, Meter, ServerGauges};
use crate::domain::session::Plan;
use crate::domain::time::Nanos;
use crate::ui::fit::width as width_of;
use crate::ui::pane::PANES;
use crate::ui::testing::sweep::{running_sweep, sweep};
use crate::ui::testing::{Script, Stage, TEN, script_of, styles, ten_cases, text};
use crate::ui::theme::{Theme, Themes};

const NO_DRIVER: &str = "libnvidia-ml.so.1 not found: no NVIDIA driver on this machine";

fn connecting() -> Stage {
    Stage::new(&TEN, Plan::default())
}

fn waiting(reason: &str) -> Stage {
    let mut stage = connecting();
    stage.send(Msg::Gpu(GpuEvent::Absent(NO_DRIVER.to_owned())));
    for _ in 0..15 {
        stage.unreachable(reason, true);
        stage.now_ms += 2000;
    }
    stage
}

fn unreachable() -> Stage {
    waiting("connection refused")
}

fn loading() -> Stage {
    waiting("the model is loading")
}

fn refused() -> Stage {
    let mut stage = connecting();
    stage.unreachable("401: no such key", false);
    stage
}

const MODELS: [&str; 4] = ["Qwen/Qwen3-8B", "通义千问-Max", "\u{1b}[31mllama\u{202e}-70b", "Qwen/Qwen3-32B-FP8"];

/// The user must choose one of four models.
fn choosing() -> Stage {
    let mut stage = connecting();
    stage.app.asks_for_model = true;
    stage.app.scene.target.model = None;
    let models = MODELS.map(str::to_owned).to_vec();
    let fact = EngineFact::Discovered { models, server: ServerInfo::default(), list_error: None };
    stage.send(Msg::Engine(Nanos::from_millis(120), fact));
    stage
}

/// The endpoint processes a long prompt.
fn first_token() -> Stage {
    let mut stage = ten_cases(1);
    stage.start(1, 1, Script { ttft_ms: 60_000, ..script_of(1) });
    stage.pass(14_200);
    stage
}

fn remote() -> Stage {
    let mut stage = running();
    "https://api.example.com/v1".clone_into(&mut stage.app.scene.target.url);
    stage
}

/// Two GPUs and the server's metrics: its cache fills, and it preempts requests.
fn gauged() -> Stage {
    let mut stage = two_gpus();
    let url = "http://localhost:8000/metrics".to_owned();
    stage.send(Msg::Gauges(GaugeEvent::Found { kind: "vLLM".into(), url, interval_ms: 1000, warning: None }));
    for second in 0..6_u32 {
        let n = f64::from(second);
        let mut gauges = ServerGauges::default();
        for (meter, value) in [
            (Meter::Running, 8.0),
            (Meter::Waiting, 2.0 * n),
            (Meter::KvCache, 50.0 + 9.0 * n),
            (Meter::Preemptions, 40.0 + n),
            (Meter::DecodedTokens, 900.0 * n),
        ] {
            gauges.set(meter, value);
        }
        stage.send(Msg::Gauges(GaugeEvent::Sample(Nanos::from_millis(u64::from(second) * 1000), Box::new(gauges))));
    }
    stage
}

fn eight_gpus() -> Stage {
    let mut stage = Stage::new(&TEN, Plan::default());
    stage.find_gpus(8);
    stage.connect();
    stage.start(0, 1, script_of(0));
    stage.pass(1800);
    stage
}

fn silent_driver() -> Stage {
    let mut stage = running();
    stage.now_ms += 3200;
    stage.frame();
    stage
}

/// Three cases are measured; the fourth is in the middle of its answer, after some reasoning.
fn running() -> Stage {
    let mut stage = ten_cases(3);
    stage.start(3, 1, Script { reasoning: 60, ..script_of(3) });
    stage.pass(2600);
    for _ in 0..3 {
        stage.act(Action::SelectNext);
    }
    stage
}

fn thinking() -> Stage {
    let mut stage = ten_cases(1);
    stage.start(1, 1, Script { reasoning: 200, ..script_of(1) });
    stage.pass(900);
    stage.act(Action::SelectNext);
    stage
}

fn held_stage() -> Stage {
    let mut stage = running();
    stage.act(Action::ToggleHold);
    stage
}

/// Five cases ended, one of them failed at once and one in mid-stream; one is paused, one cancelled.
fn failed() -> Stage {
    let mut stage = ten_cases(2);
    stage.start(2, 1, script_of(2));
    stage.pass(90);
    stage.fail(2, AttemptStatus::HttpError, Some(503), "503: the model is overloaded, try again later");
    stage.start(3, 1, script_of(3));
    stage.pass(1500);
    stage.fail(3, AttemptStatus::Truncated, Some(200), "the connection was closed in the middle of the stream");
    stage.start(4, 1, script_of(4));
    stage.finish(4);
    stage.start(5, 1, script_of(5));
    stage.pass(300);
    for _ in 0..6 {
        stage.act(Action::SelectNext);
    }
    stage.act(Action::TogglePauseCase);
    stage.act(Action::SelectNext);
    stage.act(Action::Cancel);
    for _ in 0..4 {
        stage.act(Action::SelectPrevious);
    }
    stage
}

fn done() -> Stage {
    ten_cases(10)
}

/// All cases ended, two of them failed.
fn done_in_part() -> Stage {
    let mut stage = ten_cases(8);
    stage.start(8, 1, script_of(8));
    stage.pass(90);
    stage.fail(8, AttemptStatus::HttpError, Some(503), "503: the model is overloaded, try again later");
    stage.start(9, 1, script_of(9));
    stage.pass(900);
    stage.fail(9, AttemptStatus::Timeout, Some(200), "silent for 120 s");
    stage
}

fn paused() -> Stage {
    let mut stage = running();
    stage.act(Action::TogglePauseCase);
    stage
}

fn mouse() -> Stage {
    let mut stage = simulated();
    stage.act(Action::ToggleMouse);
    stage
}

fn no_gpu() -> Stage {
    let mut stage = Stage::new(&TEN, Plan::default());
    stage.send(Msg::Gpu(GpuEvent::Absent(NO_DRIVER.to_owned())));
    stage.connect();
    stage.start(0, 1, script_of(0));
    stage.pass(1500);
    stage
}

/// Two GPUs; the second is lost during the run.
fn two_gpus() -> Stage {
    let mut stage = Stage::new(&TEN, Plan::default());
    stage.find_gpus(2);
    stage.connect();
    stage.start(0, 1, script_of(0));
    stage.finish(0);
    stage.lose_gpu(1);
    stage.start(1, 1, script_of(1));
    stage.pass(1800);
    stage
}

fn simulated() -> Stage {
    let mut stage = running();
    stage.app.scene.target.simulated = true;
    stage
}

fn many() -> Stage {
    let names: Vec<String> = (1..=200).map(|i| format!("case {i:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut stage = Stage::new(&names, Plan { concurrency: 8, ..Plan::default() });
    stage.find_gpus(4);
    stage.connect();
    for round in 0..4 {
        let cases = round * 8..round * 8 + 8;
        cases.clone().for_each(|case| stage.start(case, 1, script_of(case % 10)));
        if round < 3 {
            cases.for_each(|case| stage.finish(case));
        }
    }
    stage.pass(700);
    stage.lag.p99_ms = Some(7.3);
    stage.frame();
    for _ in 0..26 {
        stage.act(Action::SelectNext);
    }
    stage
}

fn world() -> Stage {
    let names = [
        "数据库优化与查询计划的完整分析报告以及建议",
        "🚀 Launch 👩‍👩‍👧‍👦 plan",
        "تحليل البيانات",
        "e\u{301}tude de cas",
        "\u{1b}[31mred\u{202e}gnorts",
    ];
    let mut stage = Stage::new(&names, Plan::default());
    stage.connect();
    stage.start(0, 1, script_of(0));
    stage.finish(0);
    stage.start(1, 1, script_of(1));
    stage.pass(800);
    stage
}

fn frozen() -> Stage {
    let mut stage = running();
    stage.act(Action::ToggleFreeze);
    stage.pass(5000);
    stage
}

fn zoomed(pane: PaneId) -> Stage {
    let mut stage = running();
    stage.app.ui.focus = pane;
    stage.act(Action::Zoom);
    stage
}

macro_rules! looks {
    ($($name:ident $state:expr => $width:literal x $height:literal;)+) => {$(
        #[test]
        fn $name() {
            assert_snapshot!(text(&$state.screen($width, $height)));
        }
    )+};
}

looks! {
    connecting_80x24 connecting() => 80 x 24;
    unreachable_80x24 unreachable() => 80 x 24;
    unreachable_120x40 unreachable() => 120 x 40;
    unreachable_200x60 unreachable() => 200 x 60;
    loading_80x24 loading() => 80 x 24;
    refused_80x24 refused() => 80 x 24;
    choosing_80x24 choosing() => 80 x 24;
    choosing_120x40 choosing() => 120 x 40;
    choosing_200x60 choosing() => 200 x 60;
    first_token_80x24 first_token() => 80 x 24;
    first_token_120x40 first_token() => 120 x 40;
    no_gpu_120x40 no_gpu() => 120 x 40;
    no_gpu_200x60 no_gpu() => 200 x 60;
    remote_120x40 remote() => 120 x 40;
    gauged_80x24 gauged() => 80 x 24;
    gauged_120x40 gauged() => 120 x 40;
    gauged_200x60 gauged() => 200 x 60;
    eight_gpus_120x40 eight_gpus() => 120 x 40;
    silent_driver_120x40 silent_driver() => 120 x 40;
    running_60x16 running() => 60 x 16;
    running_80x24 running() => 80 x 24;
    running_120x40 running() => 120 x 40;
    running_200x60 running() => 200 x 60;
    thinking_80x24 thinking() => 80 x 24;
    held_80x24 held_stage() => 80 x 24;
    failed_80x24 failed() => 80 x 24;
    failed_120x40 failed() => 120 x 40;
    done_80x24 done() => 80 x 24;
    done_120x40 done() => 120 x 40;
    done_200x60 done() => 200 x 60;
    done_in_part_80x24 done_in_part() => 80 x 24;
    done_in_part_120x40 done_in_part() => 120 x 40;
    paused_80x24 paused() => 80 x 24;
    mouse_80x24 mouse() => 80 x 24;
    no_gpu_80x24 no_gpu() => 80 x 24;
    two_gpus_80x24 two_gpus() => 80 x 24;
    two_gpus_120x40 two_gpus() => 120 x 40;
    simulated_120x40 simulated() => 120 x 40;
    many_80x24 many() => 80 x 24;
    many_200x60 many() => 200 x 60;
    world_80x24 world() => 80 x 24;
    frozen_80x24 frozen() => 80 x 24;
    zoomed_scope_80x24 zoomed(PaneId::Scope) => 80 x 24;
    zoomed_latency_80x24 zoomed(PaneId::Latency) => 80 x 24;
    too_small_50x10 running() => 50 x 10;
}

#[test]
fn styles_running_80x24() {
    assert_snapshot!(styles(&running().screen(80, 24)));
}

#[test]
fn styles_done_in_part_80x24() {
    let header = done_in_part().draw_with(80, 4, Theme::ansi(), super::header::draw);
    assert_snapshot!(styles(&header));
}

#[test]
fn styles_failed_80x24() {
    assert_snapshot!(styles(&failed().screen(80, 24)));
}

#[test]
fn styles_frozen_and_simulated_without_colour() {
    let mut stage = frozen();
    stage.app.frozen.as_mut().unwrap().target.simulated = true;
    let buffer = stage.draw_with(80, 24, Theme::mono(), |frame, _, view| draw(frame, view));
    let styles = styles(&buffer);
    assert!(!styles.contains("fg=") && !styles.contains("bg="), "{styles}");
    assert_snapshot!(styles);
}

/// Styles of two panes in a theme, including its background.
fn in_theme(name: &ThemeName, colour_term: &str) -> String {
    let env = |variable: &str| (variable == "COLORTERM").then(|| colour_term.to_owned());
    let theme = Themes::from_env(&env, Vec::new()).theme(name);
    let pane_styles = |stage: &Stage, id: PaneId, (width, height)| {
        let pane = PANES.iter().find(|pane| pane.id == id).unwrap();
        styles(&stage.draw_with(width, height, theme, |frame, area, view| {
            (pane.draw)(frame, area, view);
            finish(frame, theme, false);
        }))
    };
    format!("{}\n{}", pane_styles(&failed(), PaneId::Cases, (60, 9)), pane_styles(&running(), PaneId::Latency, (40, 6)))
}

#[test]
fn styles_of_the_themes_in_sixteen_colours() {
    assert_snapshot!("theme_dark_16", in_theme(&ThemeName::Dark, ""));
    assert_snapshot!("theme_light_16", in_theme(&ThemeName::Light, ""));
    assert_snapshot!("theme_high_contrast_16", in_theme(&ThemeName::HighContrast, ""));
}

#[test]
fn styles_of_the_themes_in_true_colour() {
    assert_snapshot!("theme_dark", in_theme(&ThemeName::Dark, "truecolor"));
    assert_snapshot!("theme_light", in_theme(&ThemeName::Light, "truecolor"));
    assert_snapshot!("theme_high_contrast", in_theme(&ThemeName::HighContrast, "truecolor"));
    let mono = in_theme(&ThemeName::Mono, "truecolor");
    assert!(!mono.contains("fg=") && !mono.contains("bg="), "{mono}");
}

/// A stage in every state of the program, some with an overlay.
pub(super) fn all_states() -> Vec<Stage> {
    let mut states = vec![
        connecting(),
        unreachable(),
        loading(),
        refused(),
        choosing(),
        running(),
        thinking(),
        first_token(),
        held_stage(),
        paused(),
        failed(),
        done(),
        done_in_part(),
        mouse(),
        no_gpu(),
        two_gpus(),
        eight_gpus(),
        silent_driver(),
        gauged(),
        remote(),
        simulated(),
        many(),
        world(),
        frozen(),
    ];
    states.extend(PaneId::ALL.map(zoomed));
    for overlay in
        [Action::Help, Action::ChooseExport, Action::Quit, Action::Filter, Action::Palette, Action::ViewReport]
    {
        let mut stage = running();
        stage.act(overlay);
        if overlay == Action::ViewReport {
            stage.send(Msg::ReportRendered {
                text: "# Report\n\n| a | b |\n|---|---|\n| 1 | 2 |\n".into(),
                file: "r.md".into(),
            });
        }
        states.push(stage);
    }
    for actions in [
        [Action::ScopeCursor, Action::ScopeEarlier, Action::ScopeCloser],
        [Action::ScopeStack, Action::ScopeCloser, Action::ScopeCursor],
    ] {
        let mut stage = zoomed(PaneId::Scope);
        for action in actions {
            stage.act(action);
        }
        states.push(stage);
    }
    states
}

#[test]
fn in_ascii_mode_every_cell_is_ascii_and_plain_text_does_not_move() {
    for stage in all_states() {
        for (width, height) in [(80, 24), (120, 40), (200, 60), (50, 10)] {
            let plain = stage.screen(width, height);
            let ascii = stage.draw_with(width, height, Theme::ansi(), |frame, _, view| {
                draw(frame, view);
                finish(frame, Theme::ansi(), true);
            });
            assert_eq!(ascii.content.len(), plain.content.len());
            let mut covered = 0;
            for (before, after) in plain.content.iter().zip(&ascii.content) {
                let (before, after) = (before.symbol(), after.symbol());
                assert!(after.len() == 1 && after.is_ascii(), "{before:?} became {after:?}");
                let plain_before = covered == 0 && before.is_ascii();
                assert!(!plain_before || before == after, "{before:?} became {after:?}");
                covered = if covered > 0 { covered - 1 } else { width_of(before).saturating_sub(1) };
            }
        }
    }
}

#[test]
fn the_screen_looks_in_ascii() {
    let ascii = running().draw_with(80, 24, Theme::ansi(), |frame, _, view| {
        draw(frame, view);
        finish(frame, Theme::ansi(), true);
    });
    assert_snapshot!("running_80x24_ascii", text(&ascii));
}

#[test]
fn hostile_names_leave_no_control_character_on_the_screen() {
    let shown = text(&world().screen(120, 40));
    assert!(shown.contains("redgnorts"), "{shown}");
    assert!(shown.chars().all(|c| c == '\n' || !c.is_control()));
    assert!(!shown.contains('\u{202e}'));
}

#[test]
fn a_frozen_screen_does_not_change() {
    let mut stage = running();
    stage.act(Action::ToggleFreeze);
    let before = text(&stage.screen(120, 40));
    stage.pass(3000);
    assert_eq!(text(&stage.screen(120, 40)), before);
    stage.act(Action::ToggleFreeze);
    assert_ne!(text(&stage.screen(120, 40)), before);
}

#[test]
fn every_pane_survives_every_size_in_every_state() {
    let small = [(0, 0), (1, 1), (1, 30), (2, 2), (5, 3), (20, 1), (20, 5), (33, 9), (44, 7), (250, 3)];
    let whole = [(59, 16), (60, 15), (60, 16), (61, 29), (99, 30), (100, 30), (159, 31), (160, 30), (300, 100)];
    for stage in &all_states() {
        for (width, height) in small {
            for pane in PANES {
                stage.draw_with(width, height, Theme::ansi(), pane.draw);
                // Also draw where the area extends beyond the screen.
                stage.draw_with(width, height, Theme::mono(), |frame, area, view| {
                    let outside = ratatui::layout::Rect { x: area.x + width / 2, y: area.y + height / 2, ..area };
                    (pane.draw)(frame, outside.intersection(area), view);
                });
            }
        }
        for (width, height) in small.into_iter().chain(whole) {
            stage.screen(width, height);
        }
    }
}

#[test]
fn the_end_of_an_answer_of_a_hundred_thousand_tokens_is_shown() {
    let mut stage = ten_cases(1);
    stage.start(1, 1, script_of(1));
    stage.pass(900);
    stage.end(1, |record| {
        record.status = AttemptStatus::Ok;
        record.text = "ten tokens of text that fill a line of it\n\n".repeat(10_000) + "the very end";
    });
    stage.act(Action::SelectNext);
    stage.app.ui.focus = PaneId::Preview;
    let shown = text(&stage.screen(80, 24));
    assert!(shown.contains("ten tokens of text") && shown.contains(" the very end"), "{shown}");
}

#[test]
fn models_are_found_by_the_visible_part_of_their_names() {
    let mut stage = choosing();
    let list = text(&stage.screen(80, 24));
    assert!(list.contains("> Qwen/Qwen3-8B") && list.contains("llama-70b") && !list.contains('\u{202e}'), "{list}");
    stage.send(Msg::Edit(Edit::Paste("LLAMA".to_owned())));
    let list = text(&stage.screen(80, 24));
    assert!(list.contains("> llama-70b") && !list.contains("Qwen3-8B"), "{list}");
    stage.send(Msg::Edit(Edit::Paste("?".to_owned())));
    assert!(text(&stage.screen(80, 24)).contains("No matching model."));
}

#[test]
fn waiting_screens_name_the_cause_and_what_the_user_can_do() {
    let shown = |stage: &Stage| text(&stage.screen(120, 40));
    let waits = shown(&unreachable());
    assert!(waits.contains("Retrying every 2 s (15 tries in 0:28)."), "{waits}");
    assert!(waits.contains("connection refused") && waits.contains("run: tokscope URL"), "{waits}");
    let loads = shown(&loading());
    assert!(loads.contains("is up; its model is loading.") && !loads.contains("run: tokscope"), "{loads}");
    let ends = shown(&refused());
    assert!(ends.contains("401: no such key") && ends.contains("'q' quits") && !ends.contains("Retrying"), "{ends}");
    // Before the run there are no figures, so no chart is drawn.
    for stage in [unreachable, loading, refused, connecting] {
        let stage = stage();
        assert!(!shown(&stage).contains("tok/s    ") && !shown(&stage).contains("└ 0:00"), "{}", shown(&stage));
    }
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(48))]
    #[test]
    fn any_screen_size_can_be_drawn(width in 0_u16..220, height in 0_u16..80, zoom in proptest::bool::ANY, focus in 0_usize..5) {
        let mut stage = running();
        stage.app.ui.zoomed = zoom;
        stage.app.ui.focus = PaneId::ALL[focus];
        stage.screen(width, height);
    }
}

#[test]
fn a_sweep_has_its_result_and_its_chart_at_every_size() {
    let mut stage = sweep(5);
    for (width, height) in [(80, 24), (120, 40), (200, 60)] {
        let buffer = stage.screen(width, height);
        assert_snapshot!(format!("sweep_{width}x{height}"), text(&buffer));
    }
    let running = text(&running_sweep().screen(120, 40));
    assert!(running.contains("○ running") && running.contains("╌"), "the chart is visible unzoomed: {running}");
    assert_snapshot!("sweep_running_120x40", running);
    stage.act(Action::Focus(PaneId::Latency));
    stage.act(Action::Zoom);
    for (width, height) in [(80, 24), (120, 40), (200, 60)] {
        assert_snapshot!(format!("sweep_zoomed_{width}x{height}"), text(&stage.screen(width, height)));
    }
    let buffer = stage.draw_with(80, 24, Theme::mono(), |frame, _, view| draw(frame, view));
    assert_snapshot!("sweep_zoomed_styles_mono", styles(&buffer));
}

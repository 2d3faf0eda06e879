use std::time::Duration;

use insta::assert_snapshot;

use crate::app::action::Action;
use crate::app::message::Msg;
use crate::app::pane::PaneId;
use crate::domain::attempt::AttemptStatus;
use crate::domain::gpu::{GpuEvent, GpuSample};
use crate::domain::server_gauges::{GaugeEvent, Meter, ServerGauges};
use crate::domain::session::Plan;
use crate::ui::testing::{Script, Stage, TEN, styles, text};
use crate::ui::theme::Theme;

use super::*;

/// Pane sizes: the strip of a small screen, the column of a larger one, and a full screen.
const SIZES: [(u16, u16); 3] = [(30, 5), (52, 11), (120, 30)];

fn stage(gpus: u32) -> Stage {
    let mut stage = Stage::new(&TEN, Plan { concurrency: 8, ..Plan::default() });
    if gpus > 0 {
        stage.find_gpus(gpus);
    }
    stage.connect();
    stage.app.ui.focus = PaneId::Scope;
    stage
}

fn empty() -> Stage {
    stage(0)
}

fn awaiting() -> Stage {
    let mut stage = stage(0);
    stage.start(0, 1, Script::plain(9_000, 10, 100));
    stage.pass(4_000);
    stage
}

fn reasoning_then_answer() -> Stage {
    let mut stage = stage(1);
    stage.start(0, 1, Script { reasoning: 400, ..Script::plain(2_000, 20, 900) });
    stage.pass(16_000);
    stage
}

fn stalled() -> Stage {
    let mut stage = stage(1);
    stage.start(0, 1, Script { stall: Some((200, 2_400)), ..Script::plain(500, 20, 900) });
    stage.pass(11_000);
    stage
}

/// Three requests in flight: one answering, one reasoning, one waiting for its first token.
fn three() -> Stage {
    let mut stage = stage(1);
    stage.start(0, 1, Script::plain(600, 15, 2_000));
    stage.pass(2_000);
    stage.start(1, 1, Script { reasoning: 900, ..Script::plain(900, 30, 2_000) });
    stage.pass(7_000);
    stage.start(2, 1, Script::plain(9_000, 30, 2_000));
    stage.pass(3_000);
    stage
}

fn stacked() -> Stage {
    let mut stage = three();
    stage.act(Action::ScopeStack);
    stage
}

#[test]
fn queued_counts_requests() {
    let mut stage = Stage::new(&TEN[..2], Plan { concurrency: 2, repeat: 5, ..Plan::default() });
    stage.connect();
    stage.app.ui.focus = PaneId::Scope;
    (1..=2).for_each(|number| stage.start(0, number, Script::plain(200, 20, 900)));
    stage.pass(2_000);
    // Two of the ten requests are in flight.
    assert_eq!(stage.app.scene.session.requests_queued(), Some(8));
    let shown = text(&stage.draw_with(120, 30, Theme::ansi(), draw));
    assert!(shown.contains("answer 2") && shown.contains("queued 8"), "{shown}");
}

#[test]
fn means_do_not_depend_on_the_width_and_are_those_of_the_run() {
    let stage = done();
    let scene = &stage.app.scene;
    let (began, end) = scene.run_span();
    let throughput = scene.mean_throughput(began, end).unwrap();
    let ended = scene.load.tally.run_figure(crate::domain::slo::RunFigure::Throughput).unwrap();
    assert!((throughput.0 - ended).abs() < 1e-9, "{throughput:?} {ended}");
    let expected = format!("mean ~{} tok/s", crate::ui::number::whole(ended));
    for width in [80, 97, 120, 200] {
        let shown = text(&stage.draw_with(width, 40, Theme::ansi(), draw));
        assert!(shown.contains(&expected), "{expected} at {width}: {shown}");
    }
}

fn done() -> Stage {
    let mut stage = Stage::new(&TEN[..3], Plan::default());
    stage.find_gpus(2);
    stage.connect();
    for case in 0..3 {
        stage.start(case, 1, Script::plain(300 + case as u64 * 200, 12, 400));
        stage.finish(case);
    }
    stage
}

fn with_cursor() -> Stage {
    let mut stage = done();
    stage.act(Action::ScopeCursor);
    (0..9).for_each(|_| stage.act(Action::ScopeEarlier));
    stage
}

fn held_stage() -> Stage {
    let mut stage = stage(0);
    stage.start(0, 1, Script::plain(300, 20, 900));
    stage.pass(3_000);
    stage.act(Action::ToggleHold);
    stage.pass(6_000);
    stage.act(Action::ToggleHold);
    stage.pass(2_000);
    stage
}

/// More streams than the scope draws.
fn crowd() -> Stage {
    let names: Vec<String> = (1..=50).map(|i| format!("case {i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut stage = Stage::new(&names, Plan { concurrency: 50, ..Plan::default() });
    stage.connect();
    (0..50).for_each(|case| stage.start(case, 1, Script::plain(200 + case as u64 * 10, 20, 900)));
    stage.pass(5_000);
    stage
}

fn eight_gpus() -> Stage {
    let mut stage = stage(8);
    stage.start(0, 1, Script::plain(300, 20, 900));
    stage.pass(3_000);
    stage
}

fn shown(stage: &Stage) -> String {
    let one = |&(width, height): &(u16, u16)| text(&stage.draw_with(width, height, Theme::mono(), draw));
    SIZES.iter().map(one).collect::<Vec<_>>().join("\n")
}

macro_rules! looks {
    ($($name:ident;)+) => {
        mod looks {
            use super::*;
            $(
                #[test]
                fn $name() {
                    assert_snapshot!(shown(&super::$name()));
                }
            )+
        }
    };
}

looks! {
    empty;
    awaiting;
    reasoning_then_answer;
    stalled;
    three;
    stacked;
    done;
    with_cursor;
    held_stage;
    crowd;
    many_ended;
    eight_gpus;
}

#[test]
fn styles_of_three_streams_with_a_stall() {
    let mut stage = three();
    stage.start(3, 1, Script { stall: Some((20, 1_500)), ..Script::plain(100, 20, 900) });
    stage.pass(3_000);
    assert_snapshot!(styles(&stage.draw_with(60, 12, Theme::ansi(), draw)));
}

#[test]
fn a_theme_without_colour_draws_none() {
    let styles = styles(&three().draw_with(120, 30, Theme::mono(), draw));
    assert!(!styles.contains("fg=") && !styles.contains("bg="), "{styles}");
}

#[test]
fn a_stall_of_tokscope_itself_is_marked_differently() {
    let mut stage = stalled();
    let drawn = |stage: &Stage| text(&stage.draw_with(60, 12, Theme::mono(), draw));
    assert!(drawn(&stage).contains("▲ 2.42 s"), "{}", drawn(&stage));
    stage.end(0, |record| {
        record.status = AttemptStatus::Ok;
        // Time from the request to the stall: TTFT and 200 gaps.
        let begin = record.started.plus(Duration::from_millis(500 + 200 * 20));
        record.observer_stalls = vec![(begin, begin.plus(Duration::from_millis(2_300)))];
    });
    assert!(drawn(&stage).contains("△ client 2.42 s") && !drawn(&stage).contains("▲ 2"), "{}", drawn(&stage));
}

#[test]
fn the_legend_names_and_counts_the_phases_and_drops_whole_entries() {
    let legend = |width| {
        let drawn = text(&three().draw_with(width, 20, Theme::mono(), draw));
        drawn.lines().nth(1).unwrap_or_default().replace('┈', "").split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(legend(45), "token gaps (log) last ● 12.8 ms");
    assert_eq!(legend(64), "token gaps (log) ── answer 1 ·· reasoning 1 last ● 12.8 ms");
    assert!(legend(150).contains("▁▁ prefill 1 queued 2 ● selected ▲ stall"), "{}", legend(150));
}

#[test]
fn a_hold_is_labelled_in_full_or_not_at_all() {
    let mut stage = stage(0);
    stage.start(0, 1, Script::plain(300, 20, 900));
    stage.pass(500);
    stage.act(Action::ToggleHold);
    stage.pass(9_000);
    stage.act(Action::ToggleHold);
    let mut labelled = 0;
    for width in 20..90 {
        let drawn = text(&stage.draw_with(width, 12, Theme::mono(), draw));
        let axis = drawn.lines().find(|line| line.contains('└')).unwrap_or_default();
        let word: String = axis.chars().filter(char::is_ascii_alphabetic).filter(|c| *c != 's').collect();
        assert!(["", "held"].contains(&word.as_str()), "{width}: {axis}");
        labelled += usize::from(word == "held");
    }
    assert!(labelled > 40, "{labelled}");
}

#[test]
fn the_cursor_shows_the_figures_of_its_time() {
    let readout = |mut stage: Stage, steps: &[Action]| {
        stage.act(Action::ScopeCursor);
        for &step in steps {
            stage.act(step);
        }
        let drawn = text(&stage.draw_with(150, 20, Theme::mono(), draw));
        drawn.lines().last().unwrap_or_default().to_owned()
    };
    assert_eq!(readout(awaiting(), &[]), "at 2.000 s   prefill 4.00 s   Full Backend System   throughput ~0 tok/s");
    assert_eq!(
        readout(awaiting(), &[Action::ScopeLater; 40]),
        "at 4.000 s   prefill 4.00 s   Full Backend System   throughput ~0 tok/s"
    );
    let stall = readout(stalled(), &[]);
    assert!(
        stall.starts_with("at 5.500 s   gap 2.42 s, answer, stall   Full Backend System   throughput ~"),
        "{stall}"
    );
    let reasoning = readout(reasoning_then_answer(), &[]);
    assert!(
        reasoning.starts_with("at 8.000 s   gap ") && reasoning.contains(" ms, reasoning   Full Back"),
        "{reasoning}"
    );
    assert!(reasoning.contains(" GiB   power 4") && reasoning.ends_with(" W"), "{reasoning}");
    let three = readout(three(), &[]);
    assert!(three.contains("Full Backend System (1 of 2 streams)"), "{three}");
}

#[test]
fn a_smaller_pane_drops_the_last_lanes_first() {
    let mut stage = three();
    let url = "http://h/metrics".to_owned();
    stage.send(Msg::Gauges(GaugeEvent::Found { kind: "vLLM".into(), url, interval_ms: 1000, warning: None }));
    for second in 8..12_u32 {
        let mut gauges = ServerGauges::default();
        for meter in [Meter::KvCache, Meter::Waiting, Meter::Running, Meter::DecodedTokens] {
            gauges.set(meter, 50.0 * f64::from(second));
        }
        stage.send(Msg::Gauges(GaugeEvent::Sample(Nanos::from_millis(u64::from(second) * 1000), Box::new(gauges))));
    }
    let lanes = |width, height| -> usize {
        let drawn = text(&stage.draw_with(width, height, Theme::mono(), draw));
        let names = lanes::LANES.iter().map(|lane| format!("{} ┈", lane.name));
        let shown: Vec<bool> = names.map(|name| drawn.lines().any(|line| line.starts_with(&name))).collect();
        let count = shown.iter().filter(|is_shown| **is_shown).count();
        assert!(shown[..count].iter().all(|is_shown| *is_shown), "the first lanes stay: {shown:?}");
        count
    };
    assert_eq!(lanes(120, 45), 8, "a full screen shows all lanes");
    assert_eq!([lanes(120, 30), lanes(72, 24), lanes(52, 12), lanes(52, 8), lanes(26, 5)], [5, 3, 1, 0, 0]);
}

/// Returns the column of the first `symbol` in the first line that `row` accepts.
fn cell_of(drawn: &str, row: impl Fn(&str) -> bool, symbol: char) -> Option<usize> {
    drawn.lines().find(|l| row(l))?.chars().position(|c| c == symbol)
}

#[test]
fn a_time_is_the_same_column_in_every_plot() {
    let drawn = text(&with_cursor().draw_with(120, 30, Theme::mono(), draw));
    // Skip the axis, which is a vertical line too.
    let columns: Vec<_> = drawn.lines().filter_map(|l| l.chars().skip(10).position(|c| c == '│')).collect();
    assert!(columns.len() > 10 && columns.iter().all(|c| *c == columns[0]), "{columns:?}\n{drawn}");
}

#[test]
fn a_streams_line_begins_at_the_start_of_its_attempt() {
    let drawn = text(&awaiting().draw_with(52, 11, Theme::mono(), draw));
    // The corner of the axis covers the mark of an attempt that started with the run.
    assert_eq!(cell_of(&drawn, |l| l.contains('└'), '└'), cell_of(&drawn, |l| l.contains('⣀'), '⣀'), "{drawn}");
}

#[test]
fn every_small_size_is_drawn_with_all_options_on() {
    let mut stage = with_cursor();
    stage.act(Action::ScopeStack);
    for width in 0..60 {
        for height in 0..16 {
            stage.draw_with(width, height, Theme::ansi(), draw);
        }
    }
}

/// Fifty streams that ended, one after the other; the scope draws 32.
fn many_ended() -> Stage {
    let names: Vec<String> = (1..=50).map(|i| format!("case {i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut stage = Stage::new(&names, Plan::default());
    stage.connect();
    for case in 0..50 {
        stage.start(case, 1, Script::plain(50, 10 + case as u64 % 3, 60));
        stage.finish(case);
    }
    stage
}

#[test]
fn a_finished_run_of_many_streams_has_no_blank_part() {
    let drawn = text(&many_ended().draw_with(120, 20, Theme::mono(), draw));
    assert!(drawn.contains("50 streams") && drawn.contains("median of all"), "{drawn}");
    let axis = drawn.lines().position(|line| line.starts_with("throughput")).unwrap();
    let plot: Vec<Vec<char>> = drawn.lines().skip(2).take(axis - 2).map(|line| line.chars().collect()).collect();
    for column in 11..119 {
        let is_blank = plot.iter().all(|row| row.get(column).is_none_or(|c| *c == ' '));
        assert!(!is_blank, "column {column}:\n{drawn}");
    }
}

#[test]
fn the_selected_stream_is_drawn_even_if_it_is_old() {
    let mut stage = many_ended();
    let signs = |stage: &Stage| {
        let drawn = text(&stage.draw_with(120, 20, Theme::mono(), draw));
        // Skip the first lines, because the legend has the sign, too.
        drawn.lines().skip(2).find_map(|line| line.chars().position(|c| c == '●'))
    };
    stage.act(Action::SelectLast);
    let newest = signs(&stage);
    stage.act(Action::SelectFirst);
    let oldest = signs(&stage);
    assert!(oldest.is_some_and(|at| at < 20) && newest.is_some_and(|at| at > 100), "{oldest:?} {newest:?}");
}

#[test]
fn the_axis_is_logarithmic_or_linear() {
    let mut stage = three();
    let drawn = |stage: &Stage| text(&stage.draw_with(120, 20, Theme::mono(), draw));
    assert!(drawn(&stage).contains("(log)") && !drawn(&stage).contains(" 0 ms┤"), "{}", drawn(&stage));
    stage.act(Action::ScopeAxis);
    assert!(drawn(&stage).contains("(linear)") && drawn(&stage).contains(" 0 ms┤"), "{}", drawn(&stage));
    stage.act(Action::ScopeNow);
    assert!(drawn(&stage).contains("(linear)"), "resetting the view keeps the axis");
}

#[test]
fn one_stall_does_not_flatten_the_other_gaps() {
    let ticks = |stage: Stage| {
        let drawn = text(&stage.draw_with(120, 20, Theme::mono(), draw));
        drawn
            .lines()
            .filter(|l| l.contains(" ms┤"))
            .map(|l| l.split('┤').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let mut calm = stage(1);
    calm.start(0, 1, Script::plain(500, 20, 900));
    calm.pass(11_000);
    assert_eq!(ticks(stalled()), ticks(calm));
}

#[test]
fn each_gpu_has_a_row_with_its_own_value() {
    let mut stage = Stage::new(&TEN, Plan::default());
    stage.find_gpus(2);
    stage.connect();
    stage.start(0, 1, Script::plain(300, 20, 900));
    stage.pass(3_000);
    for (index, percent) in [(0, 97.0), (1, 0.0)] {
        let at = Nanos::from_millis(stage.now_ms);
        let sample = GpuSample { at, index, utilization_percent: Some(percent), ..GpuSample::default() };
        stage.send(Msg::Gpu(GpuEvent::Sample(sample)));
    }
    let drawn = text(&stage.draw_with(120, 30, Theme::mono(), draw));
    let value = |gpu: &str| drawn.lines().find(|l| l.starts_with(gpu)).and_then(|l| l.split_whitespace().nth(1));
    assert!(value("GPU0").is_some_and(|v| v.starts_with("97")), "{drawn}");
    assert!(value("GPU1").is_some_and(|v| v.starts_with('0')), "{drawn}");
}

#[test]
fn gpus_without_room_for_a_row_each_name_the_busiest_and_the_idlest() {
    let stage = eight_gpus();
    let drawn = text(&stage.draw_with(120, 18, Theme::mono(), draw));
    let head = drawn.lines().find(|line| line.starts_with("GPU utilization")).unwrap();
    assert!(head.contains(" highest GPU") && head.contains(", lowest GPU"), "{drawn}");
}

#[test]
fn time_in_the_queue_of_the_open_loop_differs_from_prefill() {
    let mut stage = stage(0);
    stage.start(0, 1, Script::plain(6_000, 20, 100));
    stage.pass(4_000);
    let drawn = |stage: &Stage| text(&stage.draw_with(120, 12, Theme::mono(), draw));
    assert!(drawn(&stage).contains('⣀') && !drawn(&stage).contains('⢀'), "{}", drawn(&stage));
    let mut live = (*stage.app.scene.live).clone();
    live.in_flight[0].sent = live.in_flight[0].started.plus(Duration::from_secs(2));
    stage.send(Msg::Frame { now: live.at, live: std::sync::Arc::new(live) });
    // Only every other dot is set in the first two seconds, before the request was sent.
    let after = drawn(&stage);
    assert!(after.contains("⡀⡀⡀") && after.contains("⣀⣀⣀"), "{after}");
}

#[test]
fn ascii_distinguishes_phases_and_the_selected_stream() {
    let mut stage = three();
    stage.start(3, 1, Script::plain(100, 45, 400));
    stage.pass(3_000);
    stage.act(Action::SelectFirst);
    let buffer = stage.draw_with(150, 24, Theme::mono(), |frame, area, view| {
        draw(frame, area, &View { ascii: true, ..*view });
        crate::ui::ascii::to_ascii(frame.buffer_mut());
    });
    let drawn = text(&buffer);
    let legend = drawn.lines().nth(1).unwrap();
    for entry in ["-- answer", ".. reasoning", "__ prefill", "@ selected", "^ stall", "* longest"] {
        assert!(legend.contains(entry), "{entry}: {legend}");
    }
    let plot: String = drawn.lines().skip(2).take_while(|line| !line.starts_with("throughput")).collect();
    for sign in ['-', '.', '_', '@', '='] {
        assert!(plot.contains(sign), "{sign}\n{drawn}");
    }
    assert!(drawn.is_ascii(), "{drawn}");
}

#[test]
fn the_title_claims_no_time_that_has_not_passed() {
    let mut stage = stage(0);
    stage.start(0, 1, Script::plain(100, 20, 5_000));
    stage.pass(12_000);
    let title = |stage: &Stage| text(&stage.draw_with(100, 8, Theme::ansi(), draw)).lines().next().unwrap().to_owned();
    assert!(title(&stage).contains("Scope · run so far, 12 s"), "{}", title(&stage));
    stage.pass(13_000);
    assert!(title(&stage).contains("Scope · last 20 s"), "{}", title(&stage));
}

#[test]
fn after_a_day_the_lanes_still_show_the_beginning_of_the_run() {
    const STEP_MS: u64 = 1_000;
    let mut stage = stage(1);
    let began_ms = stage.now_ms;
    stage.start(0, 1, Script::plain(10, 20, 20));
    for step in 0..24 * 3_600 {
        let at = Nanos::from_millis(began_ms + step * STEP_MS);
        stage.app.scene.throughput.push(at, Some(100.0));
        let sample = GpuSample { at, index: 0, utilization_percent: Some(90.0), ..GpuSample::default() };
        stage.send(Msg::Gpu(GpuEvent::Sample(sample)));
    }
    stage.now_ms = began_ms + 24 * 3_600 * STEP_MS;
    stage.frame();
    stage.finish(0);
    stage.app.ui.scope.span = Some(Duration::from_secs(24 * 3_600));
    let scene = &stage.app.scene;
    let (from, to) = stage.app.ui.scope.window(scene);
    for data in lanes::present(scene).iter().filter(|data| ["throughput", "GPU utilization"].contains(&data.lane.name))
    {
        let columns = data.columns(&data.parts[0], Window { from, to }, 200);
        let blank = columns.iter().take(199).filter(|value| value.is_none()).count();
        assert_eq!(blank, 0, "{}: {columns:?}", data.lane.name);
    }
}

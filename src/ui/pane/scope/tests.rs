use std::time::Duration;

use insta::assert_snapshot;

use crate::app::action::Action;
use crate::app::message::Msg;
use crate::app::pane::PaneId;
use crate::domain::attempt::AttemptStatus;
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
fn the_legend_drops_whole_entries() {
    let legend = |width| {
        let drawn = text(&three().draw_with(width, 20, Theme::mono(), draw));
        drawn.lines().nth(1).unwrap_or_default().trim_end().to_owned()
    };
    assert_eq!(legend(45), "── answer  ·· reasoning  ▁▁ prefill");
    assert_eq!(legend(52), "── answer  ·· reasoning  ▁▁ prefill  • max gap");
    assert_eq!(legend(56), "── answer  ·· reasoning  ▁▁ prefill  • max gap  ▲ stall");
    assert!(legend(90).ends_with("▁▁▁ prefill   • max gap   ▲ stall"), "{}", legend(90));
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
    assert_eq!(readout(awaiting(), &[]), "at 2.000 s   prefill 4.00 s   Full Backend System   ~0 tok/s");
    assert_eq!(
        readout(awaiting(), &[Action::ScopeLater; 12]),
        "at 4.000 s   prefill 4.00 s   Full Backend System   ~0 tok/s"
    );
    let stall = readout(stalled(), &[]);
    assert!(stall.starts_with("at 5.500 s   gap 2.42 s, answer, stall   Full Backend System   ~"), "{stall}");
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
    let lanes = |width, height| -> Vec<String> {
        let drawn = text(&stage.draw_with(width, height, Theme::mono(), draw));
        let labels = ["tok/s", "util %", "KV %", "waiting", "running", "srv t/s", "mem GiB", "power W"];
        let label_of = |line: &str| labels.into_iter().find(|label| line.starts_with(label)).map(str::to_owned);
        drawn.lines().filter_map(label_of).collect()
    };
    assert_eq!(
        lanes(120, 30),
        ["tok/s", "util %", "KV %", "waiting", "running", "srv t/s", "mem GiB", "power W"],
        "a full screen shows all lanes"
    );
    assert_eq!(lanes(72, 24), ["tok/s", "util %", "KV %", "waiting", "running", "srv t/s"]);
    assert_eq!(lanes(52, 11), ["tok/s", "util %"]);
    assert_eq!(lanes(26, 5), [""; 0]);
}

/// Returns the column of the first `symbol` in the first line that `row` accepts.
fn cell_of(drawn: &str, row: impl Fn(&str) -> bool, symbol: char) -> Option<usize> {
    drawn.lines().find(|l| row(l))?.chars().position(|c| c == symbol)
}

#[test]
fn a_time_is_the_same_column_in_every_plot() {
    let drawn = text(&with_cursor().draw_with(120, 30, Theme::mono(), draw));
    let columns: Vec<_> = drawn.lines().filter_map(|l| l.chars().position(|c| c == '│')).collect();
    assert!(columns.len() > 15 && columns.iter().all(|c| *c == columns[0]), "{columns:?}\n{drawn}");
}

#[test]
fn a_streams_line_begins_at_the_start_of_its_attempt() {
    let drawn = text(&awaiting().draw_with(52, 11, Theme::mono(), draw));
    // The corner of the axis replaces the mark of an attempt that started with the run.
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

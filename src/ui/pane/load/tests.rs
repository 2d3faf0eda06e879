use insta::assert_snapshot;

use crate::app::state::Scene;
use crate::domain::attempt::AttemptStatus;
use crate::domain::open_loop::{OpenLoop, Process};
use crate::domain::session::Plan;
use crate::ui::pane::latency;
use crate::ui::testing::{Script, Stage, script_of, text};
use crate::ui::theme::Theme;

fn shown(stage: &Stage, width: u16, height: u16) -> String {
    text(&stage.draw_with(width, height, Theme::ansi(), latency::draw))
}

/// Concurrency 3, with `rounds` rounds of three requests over; if `failing`, the third of each round fails.
fn three(rounds: u32, failing: bool, slos: &[&str]) -> Stage {
    let mut stage = Stage::new(&["a", "b", "c"], Plan { concurrency: 3, repeat: 40, ..Plan::default() });
    let suite = std::sync::Arc::make_mut(&mut stage.app.scene.session.suite);
    suite.slos = slos.iter().map(|slo| slo.parse().unwrap()).collect();
    stage.connect();
    // A closed loop runs case by case: the first three requests in flight are of the first case.
    for round in 0..rounds {
        (1..=3).for_each(|i| stage.start(0, round * 3 + i, script_of(i as usize)));
        for i in 0..3 {
            if failing && i == 2 {
                stage.fail(0, AttemptStatus::Timeout, None, "silent");
            } else {
                stage.finish(0);
            }
        }
    }
    stage
}

#[test]
fn before_the_first_answer_every_figure_is_a_dash() {
    assert_snapshot!(shown(&three(0, false, &[]), 60, 8), @r"
    ─ Load · concurrency 3 ─────────────────────── 0 in flight ─
    – req/s  – tok/s
                    p50      p90      p95      p99         n
    TTFT              –        –        –        –         –
    last 10 s         –        –        –        –         –
    ITL               –        –        –        –         –
    last 10 s         –        –        –        –         –
    ");
}

#[test]
fn percentiles_need_samples_and_failures_are_counted_by_kind() {
    assert_snapshot!(shown(&three(7, true, &["ttft_p95<200ms", "latency_p50<1s"]), 60, 12), @r"
    ─ Load · concurrency 3 ─────────────────────── 0 in flight ─
    0.5 req/s  149.6 tok/s  94.0 per user  0% within SLO
                    p50      p90      p95      p99         n
    TTFT         108 ms   122 ms        –        –     14/21
    last 10 s    108 ms        –        –        –       6/9
    ITL         11.0 ms  13.0 ms        –        –     14/21
    last 10 s   11.0 ms        –        –        –       6/9
    – p95 needs 20 requests, p99 100
    ✗ 7 timeout  3 in the last 10 s
    ✓ TTFT max 122 ms < 200 ms (p95 needs 20 requests)
    ✗ Latency p50 3397 ms ≥ 1000 ms
    ");
}

#[test]
fn a_narrow_strip_keeps_the_median_and_the_p95() {
    assert_snapshot!(shown(&three(7, true, &["ttft_p95<200ms"]), 24, 5), @r"
    ─ Load ─── 0 in flight ─
    n 14/21     p50      p95
    TTFT     108 ms        –
    ITL     11.0 ms        –
    ✗ 7 timeout  3 in 10 s
    ");
}

#[test]
fn warm_answers_among_cold_ones_are_counted() {
    let mut stage = Stage::new(&["a"], Plan { concurrency: 2, repeat: 9, ..Plan::default() });
    stage.connect();
    for number in 1..=3 {
        stage.start(0, number, Script::plain(100, 10, 30));
        stage.end(0, |record| {
            record.status = AttemptStatus::Ok;
            (record.usage.prompt_tokens, record.usage.cached_tokens) =
                (Some(100), Some(if number == 3 { 90 } else { 0 }));
        });
    }
    let shown = shown(&stage, 60, 12);
    assert!(shown.contains("prefix cache: 1 of 3 warm"), "{shown}");
}

#[test]
fn a_tall_pane_shows_the_selected_cases_latency_below() {
    let all = shown(&three(4, false, &[]), 60, 24);
    assert!(all.contains("TTFT") && all.contains("gaps") && all.contains("mean ITL"), "{all}");
}

#[test]
fn the_queue_of_an_open_loop_is_shown() {
    let open_loop = Some(OpenLoop { rate_per_s: 10.0, process: Process::Constant, seed: 0 });
    let mut stage = Stage::new(&["a"], Plan { concurrency: 1, repeat: 9, open_loop, ..Plan::default() });
    stage.connect();
    stage.start(0, 1, Script::plain(100, 10, 300));
    stage.pass(1000);
    // The second was due after 100 ms.
    let shown = shown(&stage, 60, 10);
    assert!(shown.contains("Load · 10 req/s, constant"), "{shown}");
    assert!(shown.contains("1 in flight  queue 900 ms"), "{shown}");
}

#[test]
fn a_sweep_shows_its_stages_and_finally_the_knee() {
    let mut stage = Stage::new(&["a"], Plan::default());
    let scene: &mut Scene = &mut stage.app.scene;
    scene.session = scene.session.clone().with_sweep(vec![1, 2, 4, 8, 16]);
    scene.load.stages = crate::report::sweep_chart::bent();
    assert_snapshot!(shown(&stage, 76, 20), @r"
    ─ Load · concurrency 1 ─────────────────────────────────────────────────────
     concurrency    tok/s  TTFT p50       n  per user  req/s  TTFT p95
               1    100.0    100 ms   20/20     100.0    1.0         –
               2    190.0    110 ms   20/20      95.0    1.9         –
               4    350.0    130 ms   20/20      87.5    3.5         – ◆
               8    390.0    250 ms   20/20      48.8    3.9         –
              16    400.0    500 ms   20/20      25.0    4.0         –

    400 │                                ● 8                             ● 16
        │                 ◆ 4
        │
        │
        │              ● 2
        │             ● 1
        │
        │
      0 └──────────────────────────────────────────────────────────────────────
        tok/s over median latency, from 0                               5000 ms
    ");
    assert_snapshot!(shown(&stage, 24, 5), @r"
    ─ Load · 1 concurrent ──
     concurrency    tok/s
               4    350.0 ◆
               8    390.0
              16    400.0
    ");
}

#[test]
fn a_sweep_without_figures_says_so_and_warm_stages_are_marked() {
    let mut stage = Stage::new(&["a"], Plan::default());
    let scene: &mut Scene = &mut stage.app.scene;
    scene.session = scene.session.clone().with_sweep(vec![1, 2, 4, 8, 16]);
    assert!(shown(&stage, 76, 6).contains("No request has finished yet."));
    stage.app.scene.load.stages = crate::report::sweep_chart::bent();
    let doubts = crate::domain::prefix_cache::CacheDoubts { warm: 3, unknown: 0, total: 20 };
    stage.app.scene.load.stages[1].doubts = doubts;
    let shown = shown(&stage, 76, 20);
    let marked: Vec<&str> = shown.lines().filter(|line| line.ends_with(" w")).collect();
    assert!(marked.len() == 1 && marked[0].trim_start().starts_with("2 "), "{shown}");
    assert!(shown.contains("w: prefix cache, concurrency 2: 3 of 20 warm"), "{shown}");
}

#[test]
fn every_small_size_is_drawn() {
    let stage = three(4, true, &["ttft_p95<200ms", "itl_p50<1ms"]);
    for width in 0..70 {
        for height in 0..14 {
            stage.draw_with(width.max(1), height.max(1), Theme::mono(), latency::draw);
        }
    }
}

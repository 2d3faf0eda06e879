use insta::assert_snapshot;

use crate::app::action::Action;
use crate::app::pane::PaneId;
use crate::app::state::Scene;
use crate::app::state::load::Load;
use crate::domain::attempt::AttemptStatus;
use crate::domain::open_loop::{OpenLoop, Process};
use crate::domain::session::Plan;
use crate::report::fixture;
use crate::ui::pane::latency;
use crate::ui::testing::search::search;
use crate::ui::testing::sweep::{running_sweep, sweep};
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
    ─ Latency · concurrency 3 ──────────────────── 0 in flight ─
    – req/s  – tok/s throughput
                    p50      p90      p95      p99         n
    TTFT              –        –        –        –         –
    last 10 s         –        –        –        –         –
    ITL               –        –        –        –         –
    last 10 s         –        –        –        –         –
    ");
}

#[test]
fn no_window_has_more_figures_than_the_run() {
    let mut stage = three(0, false, &[]);
    let plan = Plan { concurrency: 3, repeat: 3, ..Plan::default() };
    let session = fixture::run(fixture::suite(&["a"]), plan, |id, now| {
        let mut record = fixture::answer(id, now, 1000, 10, 100);
        record.content_length = (id.number > 1).then_some(6121);
        Some(record)
    });
    stage.app.scene.load = Load::from_session(&session, session.last_ended.unwrap());
    stage.app.scene.session = session;
    let recent = stage.app.scene.load.recent();
    assert_eq!((recent.ttft_count(), recent.itl_count(), recent.ended()), (1, 1, 3));
    let shown = shown(&stage, 60, 12);
    let count = shown.lines().find(|line| line.starts_with("TTFT")).and_then(|line| line.split_whitespace().last());
    assert_eq!(count, Some("1/3"), "{shown}");
}

#[test]
fn percentiles_need_samples_and_failures_are_counted_by_kind() {
    assert_snapshot!(shown(&three(7, true, &["ttft_p95<200ms", "latency_p50<1s"]), 60, 12), @r"
    ─ Latency · concurrency 3 ──────────────────── 0 in flight ─
    0.5 req/s  149.6 tok/s throughput  94.0 per user
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
    ─ Latency  0 in flight ─
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
    // The second request was due after 100 ms.
    let shown = shown(&stage, 60, 10);
    assert!(shown.contains("Latency · 10 req/s"), "{shown}");
    assert!(shown.contains("1 in flight  queue 900 ms"), "{shown}");
}

#[test]
fn a_finished_sweep_has_a_table_and_charts_with_the_knee_and_the_slo_limit() {
    let mut stage = sweep(5);
    // Sizes of the pane: unzoomed at 120x40 and 200x60, zoomed at 80x24 and 200x60.
    for (width, height) in [(52, 10), (73, 20), (78, 19), (198, 54)] {
        assert_snapshot!(format!("sweep_{width}x{height}"), shown(&stage, width, height));
    }
    // A strip of a small screen has room for the latest stages.
    let strip = shown(&stage, 25, 5);
    let rows: Vec<&str> = strip.lines().skip(2).map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(rows, ["4", "8", "16"], "{strip}");
    assert!(strip.contains("throughput"), "{strip}");
    stage.act(Action::Focus(PaneId::Latency));
    stage.act(Action::SweepChart);
    assert_snapshot!("sweep_per_user_78x19", shown(&stage, 78, 19));
    assert_snapshot!("sweep_per_user_52x10", shown(&stage, 52, 10));
    assert_snapshot!("sweep_per_user_198x54", shown(&stage, 198, 54));
}

#[test]
fn a_running_stage_is_an_open_point_with_its_tokens_in_flight() {
    let stage = running_sweep();
    let shown = shown(&stage, 78, 19);
    assert_snapshot!("sweep_running_78x19", shown);
    let row = shown.lines().find(|line| line.contains(" ○") && line.trim_start().starts_with("8 ")).unwrap();
    assert!(row.contains(" ~") && row.contains(" – "), "{row}");
    assert!(!shown.contains("knee"), "the knee is known in the end only: {shown}");
}

#[test]
fn signs_distinguish_the_lines_of_a_sweep_without_colour_and_in_ascii() {
    let mut buffer = sweep(5).draw_with(78, 19, Theme::mono(), latency::draw);
    crate::ui::ascii::to_ascii(&mut buffer);
    assert_snapshot!("sweep_ascii_78x19", text(&buffer));
}

#[test]
fn colours_in_the_legend_are_those_of_the_lines() {
    let buffer = sweep(5).draw_with(198, 54, Theme::ansi(), latency::draw);
    for sign in ["▲", "■", "●"] {
        let cells = buffer.area.positions().filter(|p| buffer[*p].symbol() == sign);
        let styles: std::collections::BTreeMap<String, usize> =
            cells.fold(std::collections::BTreeMap::default(), |mut all, p| {
                *all.entry(buffer[p].fg.to_string()).or_default() += 1;
                all
            });
        assert!(styles.values().all(|n| *n > 1), "a legend without points, or points without a legend: {styles:?}");
    }
}

#[test]
fn the_throughput_includes_tokens_in_flight() {
    let mut stage = three(0, false, &[]);
    (1..=3).for_each(|number| stage.start(0, number, Script::plain(500, 10, 1000)));
    stage.pass(250);
    assert!(shown(&stage, 60, 8).contains("– req/s  – tok/s throughput"), "no token yet: {}", shown(&stage, 60, 8));
    stage.pass(4750);
    let (tokens_per_s, is_estimated) = stage.app.scene.throughput_so_far().unwrap();
    let events: u32 = stage.app.scene.in_flight().map(|f| f.content_events).sum();
    assert!(events > 1000 && is_estimated, "{events}");
    // All three requests started five seconds ago.
    assert!((tokens_per_s - f64::from(events) / 5.0).abs() < 1e-6, "{tokens_per_s}");
    assert!(
        shown(&stage, 60, 8).contains(&format!("– req/s  ~{tokens_per_s:.1} tok/s throughput")),
        "{}",
        shown(&stage, 60, 8)
    );
    for _ in 0..3 {
        stage.finish(0);
    }
    let (tokens_per_s, is_estimated) = stage.app.scene.throughput_so_far().unwrap();
    let ended = stage.app.scene.load.tally.run_figure(crate::domain::slo::RunFigure::Throughput).unwrap();
    assert!(!is_estimated && (tokens_per_s - ended).abs() < 1e-9, "{tokens_per_s} {ended}");
}

#[test]
fn the_title_names_the_stage_and_in_the_end_the_range() {
    let title = |stage: &Stage, width| shown(stage, width, 8).lines().next().unwrap().to_owned();
    assert!(title(&running_sweep(), 60).starts_with("─ Latency · stage 4/5 · concurrency 8 ─"));
    assert!(title(&sweep(5), 60).starts_with("─ Latency · sweep, concurrency 1–16 ─"));
    assert!(title(&sweep(5), 30).starts_with("─ Latency · sweep 1–16 ─"));
}

#[test]
fn a_sweep_without_figures_says_so_and_warm_stages_are_marked() {
    let mut stage = Stage::new(&["a"], Plan::default());
    let scene: &mut Scene = &mut stage.app.scene;
    scene.session = scene.session.clone().with_sweep(vec![1, 2, 4, 8, 16]);
    assert!(shown(&stage, 76, 6).contains("No tokens yet."));
    stage.app.scene.load.stages = crate::domain::sweep::testing::bent();
    let doubts = crate::domain::prefix_cache::CacheDoubts { warm: 3, unknown: 0, total: 20 };
    stage.app.scene.load.stages[1].doubts = doubts;
    let shown = shown(&stage, 76, 20);
    let marked: Vec<&str> = shown.lines().filter(|line| line.ends_with(" w")).collect();
    assert!(marked.len() == 1 && marked[0].trim_start().starts_with("2 "), "{shown}");
    assert!(shown.contains("w: prefix cache, concurrency 2: 3 of 20 warm"), "{shown}");
}

#[test]
fn a_stage_with_fewer_requests_than_slots_is_marked_and_the_knee_explained() {
    let mut stage = sweep(5);
    assert!(shown(&stage, 76, 30).contains("◆ knee: more load mostly adds waiting"), "{}", shown(&stage, 76, 30));
    assert!(!shown(&stage, 76, 30).contains("fewer requests than slots"));
    stage.app.scene.load.tally.ended = 10;
    stage.app.scene.load.tally.ok = 10;
    let shown = shown(&stage, 76, 30);
    let row = shown.lines().find(|line| line.trim_start().starts_with("16 ")).unwrap();
    assert!(row.contains(" + "), "{shown}");
    assert!(shown.contains("+ fewer requests than slots: no knee, no best (see --repeat)"), "{shown}");
}

#[test]
fn a_sweep_with_checks_has_the_pass_rate_of_each_stage() {
    let mut stage = sweep(5);
    assert!(!shown(&stage, 76, 30).contains("pass"));
    stage.app.scene.load.stages[1].pass_rate = crate::domain::pass_rate::PassRate { passed: 24, checked: 32 };
    let shown = shown(&stage, 76, 30);
    let lines: Vec<&str> = shown.lines().collect();
    let end = |line: &str, word: &str| line.split_once(word).map(|(before, _)| before.chars().count() + word.len());
    let row = lines.iter().find(|line| line.trim_start().starts_with("2 ")).unwrap();
    assert_eq!(end(lines[1], "pass"), end(row, "75%"), "{shown}");
}

#[test]
fn the_header_shows_the_throughput_of_the_pane() {
    let mut stage = three(0, false, &[]);
    (1..=3).for_each(|number| stage.start(0, number, Script::plain(500, 10, 1000)));
    stage.pass(5000);
    stage.frame();
    let throughput = crate::ui::number::throughput(stage.app.scene.throughput_so_far().unwrap(), "tok/s");
    let header = text(&stage.draw_with(120, 3, Theme::ansi(), crate::ui::pane::header::draw));
    assert!(header.contains(&throughput), "{throughput} in {header}");
}

#[test]
fn every_small_size_is_drawn() {
    for stage in [three(4, true, &["ttft_p95<200ms", "itl_p50<1ms"]), sweep(5)] {
        for width in (1..140).step_by(3) {
            for height in 1..32 {
                stage.draw_with(width, height, Theme::mono(), latency::draw);
            }
        }
    }
}

#[test]
fn a_load_that_changes_is_drawn_over_its_time() {
    let mut stage = Stage::new(&["a"], Plan::default());
    stage.connect();
    let session = fixture::staged_session();
    let now = session.last_ended.unwrap();
    let scene = &mut stage.app.scene;
    (scene.load, scene.now) = (Load::from_session(&session, now), now);
    scene.session = session;
    let shown_in = |width, height| shown(&stage, width, height);
    assert_snapshot!("stages_over_time", shown_in(80, 32));
    assert!(shown_in(40, 32).contains("tok/s") && !shown_in(40, 12).contains("mean ms"), "{}", shown_in(40, 12));
}

#[test]
fn after_the_end_there_are_no_figures_of_the_last_seconds() {
    let mut stage = Stage::new(&["a", "b"], Plan { concurrency: 2, repeat: 2, ..Plan::default() });
    stage.connect();
    let round = |stage: &mut Stage, number| {
        (0..2).for_each(|case| stage.start(case, number, Script::plain(100, 10, 30)));
        (0..2).for_each(|case| stage.finish(case));
    };
    round(&mut stage, 1);
    assert!(shown(&stage, 60, 12).contains("last 10 s"), "{}", shown(&stage, 60, 12));
    round(&mut stage, 2);
    assert!(!shown(&stage, 60, 12).contains("last 10 s"), "{}", shown(&stage, 60, 12));
}

#[test]
fn a_stage_without_an_ended_request_has_no_count() {
    let shown = shown(&running_sweep(), 78, 19);
    assert!(!shown.contains("0/0"), "{shown}");
}

#[test]
fn a_footnote_explains_only_figures_that_are_shown() {
    // There are too few answers for a p95.
    let mut stage = sweep(5);
    for stage in &mut stage.app.scene.load.stages {
        stage.ok = 5;
    }
    let has_p95 = |shown: &str| shown.contains("TTFT p95") || shown.contains("▲");
    for (width, height) in [(30, 8), (40, 8), (52, 10), (60, 10), (78, 9), (78, 19), (120, 40)] {
        let shown = shown(&stage, width, height);
        assert!(has_p95(&shown) || !shown.contains("p95 needs"), "{width}x{height}: {shown}");
    }
    assert!(shown(&stage, 78, 24).contains("p95 needs 20 answers"), "{}", shown(&stage, 78, 24));
}

#[test]
fn a_search_shows_its_probes_its_limit_and_a_chart_of_the_thresholds() {
    let stage = search(usize::MAX);
    let session = &stage.app.scene.session;
    assert_eq!(session.search().unwrap().outcome().last_pass.map(|load| load.0), Some(6));
    for (width, height) in [(120, 20), (78, 24), (52, 10), (30, 6)] {
        assert_snapshot!(format!("search_{width}x{height}"), shown(&stage, width, height));
    }
    // Six probes are complete; the seventh has not begun.
    assert_snapshot!("search_running_78x24", shown(&search(6), 78, 24));
}

use insta::assert_snapshot;

use super::*;
use crate::app::action::Action;
use crate::domain::attempt::AttemptStatus;
use crate::domain::check::{CheckKind, CheckResult, CheckSpec};
use crate::domain::diagnosis::Finding;
use crate::domain::session::Plan;
use crate::ui::testing::{Script, Stage, script_of, styles, ten_cases, text};
use crate::ui::theme::Theme;

/// Three unfolded cases: complete, failed and still running. The second attempt of the first case is selected.
fn repeated() -> Stage {
    let names = ["Full Backend System", "Debug Task", "ML Project", "Database Optimization"];
    let mut stage = Stage::new(&names, Plan { repeat: 3, warmup: 1, ..Plan::default() });
    stage.connect();
    stage.start(0, 1, Script::plain(400, 9, 40));
    stage.pass(1000);
    stage.end(0, |r| (r.status, r.warmup) = (AttemptStatus::Ok, true));
    for (number, script) in [(2, Script::plain(200, 8, 300)), (3, Script::plain(120, 8, 300))] {
        stage.start(0, number, script);
        stage.finish(0);
    }
    stage.start(0, 4, Script::plain(121, 10, 300));
    stage.finish(0);
    for number in 1..=2 {
        stage.start(1, number, Script::plain(90 + u64::from(number) * 30, 9, 250));
        stage.finish(1);
    }
    stage.start(1, 3, script_of(3));
    stage.pass(500);
    stage.fail(1, AttemptStatus::HttpError, Some(503), "503: the model is overloaded");
    stage.start(2, 1, Script::plain(90, 10, 300));
    stage.pass(4000);
    stage.end(2, |r| {
        r.status = AttemptStatus::Ok;
        r.finish_reason = Some("length".to_owned());
        r.usage.completion_tokens = Some(300);
        (r.usage.prompt_tokens, r.usage.cached_tokens) = (Some(100), Some(90));
    });
    stage.start(2, 2, Script::plain(90, 10, 300));
    stage.pass(1500);
    for case in (0..3).rev() {
        stage.act(Action::SelectFirst);
        for _ in 0..case {
            stage.act(Action::SelectNext);
        }
        stage.act(Action::Unfold);
    }
    stage.act(Action::SelectNext);
    stage.act(Action::SelectNext);
    stage
}

fn shown(stage: &Stage, width: u16, height: u16) -> String {
    text(&stage.draw_with(width, height, Theme::ansi(), draw))
}

#[test]
fn attempts_unfolded() {
    assert_snapshot!("unfolded_78", shown(&repeated(), 78, 15));
    assert_snapshot!("unfolded_118", shown(&repeated(), 118, 15));
    assert_snapshot!("unfolded_198", shown(&repeated(), 198, 15));
}

/// A sweep over four cases whose throughput no longer grows after concurrency 2.
fn swept() -> Stage {
    use crate::app::state::load::Load;
    let session = crate::report::fixture::sweep_session(&[1, 2, 4]);
    let mut stage = Stage::new(&["a", "b", "c", "d"], Plan::default());
    stage.app.scene.load = Load::from_session(&session, session.last_ended.unwrap());
    stage.app.scene.session = session;
    stage
}

#[test]
fn after_a_sweep_the_rows_show_its_best_stage_and_name_it() {
    let mut stage = swept();
    assert_eq!(stage.app.scene.shown_stage(), 1);
    let table = shown(&stage, 118, 12);
    assert!(table.lines().next().unwrap().contains("figures at concurrency 2"), "{table}");
    // Answers take one second at concurrency 2, and two seconds at concurrency 4.
    assert!(table.lines().any(|line| line.contains(" a ") && line.contains("1.00 s")), "{table}");
    stage.act(Action::SelectFirst);
    stage.act(Action::Unfold);
    let table = shown(&stage, 118, 12);
    for name in ["├ 1 · at 1", "├ 2 · at 2", "└ 3 · at 4"] {
        assert!(table.contains(name), "{name} in {table}");
    }
    // A rerun measures at the last concurrency.
    stage.act(Action::Rerun);
    assert!(shown(&stage, 118, 12).contains("figures at concurrency 4"), "{}", shown(&stage, 118, 12));
}

#[test]
fn unmeasured_attempts_are_named() {
    let mut stage = repeated();
    let row = |stage: &Stage| shown(stage, 118, 15).lines().find(|line| line.contains("├ 1 ·")).unwrap().to_owned();
    // The word "warm-up" is in the name, and replaces "done" in the state.
    assert_eq!((row(&stage).matches("warm-up").count(), row(&stage).contains("done")), (2, false), "{}", row(&stage));
    let mut suite = crate::report::fixture::workload::dataset_suite();
    let mut workload = suite.workload.take().unwrap();
    workload.probes = 1;
    std::sync::Arc::make_mut(&mut stage.app.scene.session.suite).workload = Some(workload);
    assert!(row(&stage).contains("├ 1 · probe"), "{}", row(&stage));
}

#[test]
fn cases_that_the_end_of_the_run_interrupted_are_not_shown_as_cancelled() {
    let mut stage = Stage::new(&["a", "b", "c"], Plan::default());
    stage.connect();
    stage.start(0, 1, Script::plain(400, 9, 40));
    stage.pass(100);
    stage.act(Action::SelectLast);
    stage.act(Action::Cancel);
    stage.send(crate::app::message::Msg::Closing);
    stage.end(0, |r| r.status = AttemptStatus::Cancelled);
    let table = shown(&stage, 118, 12);
    for (case, word) in [("a", "interrupted"), ("b", "not sent"), ("c", "cancelled")] {
        assert!(
            table.lines().any(|line| line.contains(&format!("⊘ {case} ")) && line.contains(word)),
            "{word}: {table}"
        );
    }
    let header = text(&stage.draw_with(118, 3, Theme::ansi(), crate::ui::pane::header::draw));
    assert!(header.contains("1 cancelled, 1 interrupted, 1 not sent"), "{header}");
}

#[test]
fn selection_and_differences_need_no_colour() {
    let mut stage = repeated();
    let styles = styles(&stage.draw_with(118, 15, Theme::mono(), draw));
    assert!(!styles.contains("fg=") && !styles.contains("bg="), "{styles}");
    assert_snapshot!("unfolded_styles_mono", styles);
    stage.act(Action::ToggleBaseline);
    assert_snapshot!("baseline_78", shown(&stage, 78, 15));
}

#[test]
fn styles_of_differences() {
    assert_snapshot!("unfolded_styles", styles(&repeated().draw_with(118, 15, Theme::ansi(), draw)));
}

#[test]
fn sorted_by_a_figure() {
    let mut stage = ten_cases(6);
    stage.act(Action::ReverseSort);
    assert!(shown(&stage, 78, 13).contains("Suite order ↓"));
    stage.act(Action::SortByNext);
    assert!(shown(&stage, 78, 13).contains("Case ↑"));
    for _ in 0..2 {
        stage.act(Action::SortByNext);
    }
    assert_snapshot!("sorted_78", shown(&stage, 78, 13));
    stage.act(Action::ReverseSort);
    let reversed = shown(&stage, 78, 13);
    assert!(reversed.contains("TTFT↓"), "{reversed}");
    // Rows without a figure come last in this direction too.
    let states: Vec<bool> = reversed.lines().skip(2).take(10).map(|line| line.contains("done")).collect();
    assert_eq!(states, [[true; 6].as_slice(), &[false; 4]].concat(), "{reversed}");
}

#[test]
fn names_in_any_script_keep_columns_aligned() {
    let names = [
        "数据库优化与查询计划的完整分析报告以及建议",
        "🚀 Launch 👩‍👩‍👧‍👦 plan",
        "تحليل البيانات",
        "e\u{301}tude de cas",
        "a very long name that nobody would give a case, but somebody did, and it goes on and on",
    ];
    let mut stage = Stage::new(&names, Plan::default());
    stage.connect();
    for case in 0..5 {
        stage.start(case, 1, script_of(case));
        stage.finish(case);
    }
    assert_snapshot!("world_78", shown(&stage, 78, 7));
    assert_snapshot!("world_118", shown(&stage, 118, 7));
    for width in [58, 78, 118, 198] {
        let buffer = stage.draw_with(width, 7, Theme::ansi(), draw);
        // The state begins in the same cell of every row.
        let starts: Vec<_> = (2..7)
            .map(|y| {
                (0..width).find(|&x| {
                    buffer[(x, y)].symbol() == "d"
                        && buffer[(x + 1, y)].symbol() == "o"
                        && buffer[(x + 2, y)].symbol() == "n"
                })
            })
            .collect();
        assert!(starts[0].is_some() && starts.iter().all(|at| *at == starts[0]), "{width}: {starts:?}");
    }
}

#[test]
fn five_hundred_attempts_scroll_with_the_selection() {
    let mut stage = Stage::new(&["one", "two"], Plan { repeat: 500, ..Plan::default() });
    stage.connect();
    for number in 1..=500 {
        stage.start(0, number, Script::plain(1, 1, 2));
        stage.end(0, |r| r.status = AttemptStatus::Ok);
    }
    stage.act(Action::SelectFirst);
    stage.act(Action::Unfold);
    for selected in 0..=501 {
        let shown = shown(&stage, 78, 12);
        let marked: Vec<&str> = shown.lines().filter(|l| l.starts_with('▸')).collect();
        let expected = match selected {
            0 => "one".to_owned(),
            501 => "two".to_owned(),
            number => format!(" {number} "),
        };
        assert!(marked.len() == 1 && marked[0].contains(&expected), "{selected}: {shown}");
        stage.act(Action::SelectNext);
    }
    assert!(shown(&stage, 78, 12).contains("rows 493–502 of 502"), "{}", shown(&stage, 78, 12));
}

#[test]
fn an_empty_table_says_why() {
    let mut stage = Stage::new(&[], Plan::default());
    stage.connect();
    assert!(shown(&stage, 78, 4).contains("The suite has no cases."));
    let mut stage = ten_cases(1);
    stage.app.ui.filter = crate::app::state::text_field::TextField::new("nothing like it");
    let shown = shown(&stage, 78, 4);
    assert!(
        shown.contains("No case matches the filter. 'esc' clears it.") && shown.contains("/nothing like it  0 of 10"),
        "{shown}"
    );
}

#[test]
fn a_filtered_list_shows_its_visible_part() {
    let mut stage = ten_cases(1);
    stage.app.ui.filter = crate::app::state::text_field::TextField::new("e");
    let shown = shown(&stage, 78, 6);
    assert!(shown.contains("/e  10 of 10  1–4 of 10"), "{shown}");
}

#[test]
fn only_a_case_with_findings_has_a_mark() {
    let mut stage = ten_cases(0);
    for case in 0..2 {
        stage.start(case, 1, script_of(case));
        stage.pass(60_000);
        stage.end(case, |r| {
            r.status = AttemptStatus::Ok;
            if case == 1 {
                r.findings.push(Finding::new("pauses", "it paused"));
            }
        });
    }
    let shown = shown(&stage, 100, 14);
    let rows: Vec<&str> = shown.lines().filter(|l| l.contains("done")).collect();
    assert_eq!(rows.iter().map(|r| r.contains("done !")).collect::<Vec<_>>(), [false, true], "{shown}");
}

#[test]
fn a_row_with_a_failed_check_says_so_at_every_width() {
    let failed = |failed: usize| {
        let results = (0..3).map(|i| CheckResult {
            kind: CheckKind::Contains,
            passed: i >= failed,
            message: (i < failed).then(|| "missing".to_owned()),
        });
        results.collect::<Vec<_>>()
    };
    let mut stage = Stage::new(&["one", "two", "three"], Plan { repeat: 2, ..Plan::default() });
    stage.connect();
    for (case, fails) in [(0, [0, 0]), (1, [1, 0]), (2, [2, 1])] {
        for number in 1..=2 {
            stage.start(case, number, Script::plain(100, 10, 50));
            stage.pass(1000);
            stage.end(case, |r| {
                r.status = AttemptStatus::Ok;
                r.usage.completion_tokens = Some(50);
                r.checks = failed(fails[number as usize - 1]);
            });
        }
    }
    let suite = std::sync::Arc::make_mut(&mut stage.app.scene.session.suite);
    suite.cases[0].checks = vec![CheckSpec::MinTokens(1)];
    let wide = shown(&stage, 160, 6);
    let row = |name: &str| wide.lines().find(|line| line.contains(name)).unwrap().to_owned();
    assert!(row("one").contains("done ") && row("one").contains("100%"), "{wide}");
    assert!(row("two").contains("1/2 wrong") && row("two").contains(" 50%"), "{wide}");
    assert!(row("three").contains("2/2 wrong") && row("three").contains(" 0%"), "{wide}");
    assert!(wide.contains("wrong: failed a check"), "{wide}");
    let narrow = shown(&stage, 60, 6);
    assert!(narrow.contains("1/2 wrong"), "{narrow}");
    stage.act(Action::SelectLast);
    stage.act(Action::Unfold);
    let attempts = shown(&stage, 160, 8);
    assert!(attempts.contains("2 checks failed") && attempts.contains("1 check failed"), "{attempts}");
}

#[test]
fn means_are_named_at_every_width() {
    let mut stage = Stage::new(&["a", "b"], Plan { repeat: 2, ..Plan::default() });
    stage.connect();
    for (case, number) in [(0, 1), (1, 1), (0, 2), (1, 2)] {
        let before = text(&stage.draw_with(78, 6, Theme::ansi(), draw));
        assert_eq!(before.contains("means"), number == 2 && case == 1, "{before}");
        stage.start(case, number, Script::plain(100, 10, 30));
        stage.finish(case);
    }
    for width in 58..200 {
        let shown = text(&stage.draw_with(width, 6, Theme::ansi(), draw));
        assert!(shown.lines().nth(1).unwrap().contains("Case · means"), "{width}: {shown}");
    }
}

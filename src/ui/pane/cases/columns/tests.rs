use super::*;
use crate::app::action::Action;
use crate::domain::metrics::{ITL, METRICS, PREFILL};
use crate::domain::session::Plan;
use crate::domain::task::Task;
use crate::ui::testing::{Script, Stage, script_of, ten_cases};

fn columns_of(app: &App, cells: usize) -> (usize, Vec<String>) {
    let table = choose(cells, 26, app);
    (table.name, table.columns.into_iter().map(|c| c.heading).collect())
}

fn headings(cells: usize) -> (usize, Vec<String>) {
    columns_of(&ten_cases(1).app, cells)
}

/// A case with two complete answers.
fn twice() -> Stage {
    let mut stage = Stage::new(&["one"], Plan { repeat: 2, ..Plan::default() });
    stage.connect();
    for number in 1..=2 {
        stage.start(0, number, Script::plain(100, 10, 50));
        stage.finish(0);
    }
    stage
}

#[test]
fn wider_tables_have_more_columns_and_a_full_name_before_the_last_ones() {
    assert_eq!(headings(31), (20, vec!["State".to_owned()]));
    assert_eq!(headings(55), (26, ["State", "TTFT", "Speed"].map(str::to_owned).to_vec()));
    assert_eq!(headings(75), (26, ["State", "TTFT", "Speed", "Tokens", "Time"].map(str::to_owned).to_vec()));
    let (name, all) = headings(240);
    let shown =
        METRICS.iter().filter(|m| !m.is_share() && **m != &PREFILL && m.applies_to.includes(Task::Generation)).count();
    assert_eq!((name, all.len()), (26, shown + 4));
}

#[test]
fn differences_need_a_baseline_and_outrank_figures() {
    let has = |app: &App, cells, heading: &str| columns_of(app, cells).1.iter().any(|h| h == heading);
    let mut stage = twice();
    assert!(!columns_of(&stage.app, 240).1.iter().any(|heading| heading.contains('Δ')) && has(&stage.app, 75, "Time"));
    stage.act(Action::ToggleBaseline);
    assert!(has(&stage.app, 75, "TTFT Δbase") && has(&stage.app, 75, "Speed Δbase") && !has(&stage.app, 75, "Time"));
}

#[test]
fn the_sort_orders_match_the_sortable_columns() {
    let needs = Needs { attempts: true, means: true, baseline: true, doubts: false, measures: Measures::default() };
    for (checks, depths) in [(false, false), (true, false), (false, true)] {
        let measures = Measures { checks, depths, ..Measures::default() };
        let columns: Vec<SortBy> =
            all(&Needs { measures, ..needs.clone() }, 240).iter().filter_map(|c| c.sort).collect();
        assert_eq!([&[SortBy::Suite, SortBy::Name], &columns[..]].concat(), SortBy::all(measures));
    }
}

#[test]
fn the_sorted_column_is_marked_and_shown_at_every_width() {
    let mut stage = ten_cases(1);
    stage.app.ui.cases.sort = SortBy::Metric(&ITL);
    assert!(columns_of(&stage.app, 75).1.contains(&"ITL↑".to_owned()));
    stage.act(Action::ReverseSort);
    let table = choose(50, 20, &stage.app);
    let marked: Vec<_> = table.columns.iter().filter(|c| c.is_sorted).map(|c| c.heading.as_str()).collect();
    assert_eq!(marked, ["ITL↓"]);
}

proptest::proptest! {
    #[test]
    fn a_table_is_never_wider_than_its_area(
        cells in 0_usize..260, name in 0_usize..60, sort in 0_usize..12, twice_answered in proptest::bool::ANY
    ) {
        let mut stage = if twice_answered { twice() } else { ten_cases(0) };
        stage.app.ui.cases.sort = SortBy::all(Measures { checks: true, depths: true, ..Measures::default() })[sort];
        let table = choose(cells, name, &stage.app);
        let width = table.name + table.columns.iter().map(|c| c.width + GAP).sum::<usize>();
        proptest::prop_assert!(width <= cells, "{} > {}", width, cells);
    }
}

#[test]
fn the_attempts_column_appears_once_a_case_has_several() {
    let mut stage = ten_cases(10);
    let has = |stage: &Stage| columns_of(&stage.app, 200).1.iter().any(|h| h == "Att.");
    assert!(!has(&stage));
    stage.act(Action::Rerun);
    stage.start(0, 2, script_of(0));
    assert!(has(&stage));
}

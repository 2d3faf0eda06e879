use std::sync::Arc;

use super::*;
use crate::app::action::Action;
use crate::app::message::{Effect, Msg, ScreenEffect};
use crate::app::state::answer::Form;
use crate::app::state::cases::order::{Measures, SortBy};
use crate::app::state::text_field::TextField;
use crate::app::update::testing::{app, discovered, ended};
use crate::app::update::update;
use crate::domain::attempt::AttemptRecord;
use crate::domain::attempt::{Arrival, AttemptId, AttemptStatus, TextKind};
use crate::domain::live::EngineFact;
use crate::domain::time::Nanos;

fn act(app: &mut App, action: Action) {
    update(app, Msg::Action(Nanos(10), action));
}

/// Ends the attempt with this TTFT.
fn end(app: &mut App, case: usize, number: u32, ttft_ms: u64) {
    let id = AttemptId { case, number };
    let mut record = AttemptRecord::started(id, false, String::new(), String::new(), Nanos(0));
    record.status = AttemptStatus::Ok;
    let at = Nanos::from_millis(ttft_ms);
    record.arrivals = vec![Arrival { at, kind: TextKind::Answer, coalesced: false }];
    record.usage.completion_tokens = Some(1);
    record.text = format!("attempt {number}");
    update(app, Msg::Engine(at, EngineFact::Ended { id, record: std::sync::Arc::new(record) }));
}

/// Four cases, the first three measured with these TTFTs.
fn measured(ttfts_ms: [u64; 3]) -> App {
    let mut app = app(4);
    discovered(&mut app, &["m"]);
    for (case, ttft_ms) in ttfts_ms.into_iter().enumerate() {
        end(&mut app, case, 1, ttft_ms);
    }
    app
}

fn sort_by(app: &mut App, by: SortBy) {
    while app.ui.cases.sort != by {
        act(app, Action::SortByNext);
    }
}

static TTFT: SortBy = SortBy::Metric(&crate::domain::metrics::TTFT);

#[test]
fn the_sort_key_cycles_through_all_columns() {
    let mut app = app(1);
    let mut seen = Vec::new();
    for _ in SortBy::all(Measures::default()) {
        seen.push(app.ui.cases.sort);
        act(&mut app, Action::SortByNext);
    }
    assert_eq!((seen, app.ui.cases.sort), (SortBy::all(Measures::default()), SortBy::Suite));
}

#[test]
fn cases_without_a_figure_come_last_in_either_order() {
    let mut app = measured([30, 10, 20]);
    sort_by(&mut app, TTFT);
    assert_eq!(app.listed_cases(), [1, 2, 0, 3]);
    act(&mut app, Action::ReverseSort);
    assert_eq!(app.listed_cases(), [0, 2, 1, 3]);
    act(&mut app, Action::SortByNext);
    assert!(!app.ui.cases.reversed);
    sort_by(&mut app, SortBy::Suite);
    act(&mut app, Action::ReverseSort);
    assert_eq!(app.listed_cases(), [3, 2, 1, 0]);
}

#[test]
fn a_failed_case_sorts_as_one_without_a_figure() {
    let mut app = app(4);
    discovered(&mut app, &["m"]);
    ended(&mut app, 0, 1, AttemptStatus::Timeout);
    for (case, ttft_ms) in [(1, 30), (2, 10), (3, 20)] {
        end(&mut app, case, 1, ttft_ms);
    }
    sort_by(&mut app, TTFT);
    assert_eq!(app.listed_cases(), [2, 3, 1, 0]);
    act(&mut app, Action::ReverseSort);
    assert_eq!(app.listed_cases(), [1, 3, 2, 0]);
}

#[test]
fn equal_cases_stay_in_the_order_of_the_suite() {
    let mut app = measured([20, 10, 20]);
    sort_by(&mut app, TTFT);
    assert_eq!(app.listed_cases(), [1, 0, 2, 3]);
    act(&mut app, Action::ReverseSort);
    assert_eq!(app.listed_cases(), [0, 2, 1, 3]);
}

#[test]
fn sorting_by_state_puts_failed_cases_first() {
    let mut app = app(4);
    discovered(&mut app, &["m"]);
    end(&mut app, 0, 1, 10);
    ended(&mut app, 1, 1, AttemptStatus::Timeout);
    sort_by(&mut app, SortBy::State);
    assert_eq!(app.listed_cases(), [1, 2, 3, 0]);
}

#[test]
fn the_selection_stays_on_its_case_and_moves_in_the_order_on_the_screen() {
    let mut app = measured([30, 10, 20]);
    act(&mut app, Action::SelectFirst);
    sort_by(&mut app, TTFT);
    assert_eq!(app.ui.selected, 0);
    act(&mut app, Action::SelectPrevious);
    assert_eq!(app.ui.selected, 2);
    // A new figure moves the rows but not the selection.
    end(&mut app, 3, 1, 5);
    assert_eq!((app.listed_cases(), app.ui.selected), (vec![3, 1, 2, 0], 2));
}

#[test]
fn a_frozen_screen_keeps_its_order() {
    let mut app = measured([30, 10, 20]);
    sort_by(&mut app, TTFT);
    act(&mut app, Action::ToggleFreeze);
    end(&mut app, 3, 1, 5);
    assert_eq!(app.listed_cases(), [1, 2, 0, 3]);
    act(&mut app, Action::ToggleFreeze);
    assert_eq!(app.listed_cases(), [3, 1, 2, 0]);
}

#[test]
fn filtered_cases_are_sorted() {
    let mut app = measured([30, 10, 20]);
    sort_by(&mut app, TTFT);
    app.ui.filter = TextField::new("case 0");
    assert_eq!(app.listed_cases(), [0]);
}

#[test]
fn unfolded_attempts_are_rows_that_can_be_selected_and_folded() {
    let mut app = measured([30, 10, 20]);
    end(&mut app, 3, 1, 50);
    act(&mut app, Action::SelectFirst);
    act(&mut app, Action::Rerun);
    end(&mut app, 0, 2, 40);
    act(&mut app, Action::Unfold);
    let row = |case, attempt| RowId { case, attempt };
    assert_eq!(app.table_rows()[..4], [row(0, None), row(0, Some(1)), row(0, Some(2)), row(1, None)]);
    act(&mut app, Action::SelectNext);
    assert_eq!(app.selected_row(), row(0, Some(1)));
    for _ in 0..2 {
        act(&mut app, Action::SelectNext);
    }
    assert_eq!(app.selected_row(), row(1, None));
    act(&mut app, Action::SelectPrevious);
    act(&mut app, Action::Fold);
    assert_eq!((app.selected_row(), app.table_rows().len()), (row(0, None), 4));
}

#[test]
fn copying_takes_the_answer_of_the_selected_attempt() {
    let mut app = measured([30, 10, 20]);
    end(&mut app, 3, 1, 50);
    act(&mut app, Action::SelectFirst);
    act(&mut app, Action::Rerun);
    end(&mut app, 0, 2, 40);
    let copied = |app: &mut App| match &update(app, Msg::Action(Nanos(10), Action::Copy))[..] {
        [crate::app::message::Effect::Screen(crate::app::message::ScreenEffect::Copy(text))] => text.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(copied(&mut app), "attempt 2");
    act(&mut app, Action::Unfold);
    act(&mut app, Action::SelectNext);
    assert_eq!(copied(&mut app), "attempt 1");
}

#[test]
fn copied_text_has_no_control_characters_except_line_feeds_and_tabs() {
    let mut app = measured([30, 10, 20]);
    for form in [Form::Rendered, Form::Raw] {
        act(&mut app, Action::SelectFirst);
        app.ui.answer.form = form;
        let mut record = (*app.scene.session.cases[0].attempts[0].record().unwrap()).clone();
        record.text = "ls\t-l\r\n\u{1b}[201~rm -rf\u{8} ~\u{9b}31m\u{0}\u{7f}\u{85}\u{202e}\u{200b}é".to_owned();
        app.scene.session.cases[0].attempts[0].record = Some(Arc::new(record).into());
        let effects = update(&mut app, Msg::Action(Nanos(10), Action::Copy));
        let [Effect::Screen(ScreenEffect::Copy(text))] = &effects[..] else { panic!("{effects:?}") };
        assert_eq!(text, "ls\t-l\nrm -rf ~é", "{form:?}");
    }
}

#[test]
fn setting_a_baseline_counts_its_cases_and_the_same_key_drops_it() {
    let mut app = measured([30, 10, 20]);
    act(&mut app, Action::ToggleBaseline);
    let notice = |app: &App| app.ui.notice.as_ref().map(|n| n.text.clone()).unwrap_or_default();
    assert!(notice(&app).contains("3 of 4 cases"), "{}", notice(&app));
    act(&mut app, Action::ToggleBaseline);
    assert!(notice(&app).contains("dropped") && app.ui.cases.baseline.is_none(), "{}", notice(&app));
}

use super::*;
use crate::app::browser::comparison::{ComparisonView, Distribution};
use crate::app::browser::entry::RunEntry;
use crate::app::browser::message::{DrawnExtents, PreviewText};
use crate::app::browser::sort::SortColumn;
use crate::app::state::text_field::Edit;
use crate::app::state::theme::ThemeName;
use std::sync::Arc;

fn run(id: &str, model: &str, speed_tok_s: Option<f64>) -> RunEntry {
    RunEntry {
        model: model.to_owned(),
        load: "1".to_owned(),
        speed_tok_s,
        ..RunEntry::new(id.to_owned(), RunState::Complete)
    }
    .indexed()
}

/// A browser that has read these runs, newest first.
fn browser(runs: Vec<RunEntry>) -> Browser {
    let mut browser = Browser::new(ThemeName::Auto);
    let BrowserEffect::List(listing) = refresh(&mut browser) else { panic!("no listing") };
    update(&mut browser, BrowserMsg::Listed { listing, folder: "/runs".to_owned(), total: runs.len() });
    update(&mut browser, BrowserMsg::Read(listing, runs));
    browser
}

fn three() -> Browser {
    browser(vec![
        run("ts-3", "glm", Some(30.0)),
        RunEntry { state: RunState::Running, ..run("ts-2", "qwen", None) },
        run("ts-1", "glm", Some(50.0)),
    ])
}

fn act_on(browser: &mut Browser, action: A) -> Vec<BrowserEffect> {
    update(browser, BrowserMsg::Action(action))
}

fn ids(browser: &Browser) -> Vec<&str> {
    (0..browser.visible.len()).filter_map(|row| browser.listed(row)).map(|run| run.id.as_str()).collect()
}

fn type_text(browser: &mut Browser, text: &str) {
    update(browser, BrowserMsg::Edit(Edit::Paste(text.to_owned())));
}

#[test]
fn the_filter_keeps_runs_with_every_word_and_esc_clears_it() {
    let mut browser = three();
    act_on(&mut browser, A::Filter);
    type_text(&mut browser, "GLM c1 ts-1");
    assert_eq!(ids(&browser), ["ts-1"]);
    act_on(&mut browser, A::KeepFilter);
    assert_eq!((ids(&browser), &browser.dialog), (vec!["ts-1"], &Dialog::None));
    assert_eq!(act_on(&mut browser, A::Back), [BrowserEffect::Preview("ts-1".to_owned())][1..]);
    assert_eq!(ids(&browser), ["ts-3", "ts-2", "ts-1"]);
    assert_eq!(browser.selected().unwrap().id, "ts-1", "the selection stays on its run");
    assert_eq!(act_on(&mut browser, A::Back), [BrowserEffect::Quit(0)]);
}

#[test]
fn runs_without_a_figure_come_last_in_both_directions() {
    let mut browser = three();
    browser.sort = SortColumn::Model;
    act_on(&mut browser, A::SortNext);
    assert_eq!((browser.sort, ids(&browser)), (SortColumn::Speed, vec!["ts-1", "ts-3", "ts-2"]));
    act_on(&mut browser, A::SortReverse);
    assert_eq!(ids(&browser), ["ts-3", "ts-1", "ts-2"]);
    assert_eq!(browser.selected().unwrap().id, "ts-3");
}

#[test]
fn the_report_is_made_once_for_each_selection_and_starts_at_its_top() {
    let mut browser = three();
    browser.extents = DrawnExtents { preview_limit: 40, ..DrawnExtents::default() };
    act_on(&mut browser, A::PreviewDown);
    assert_eq!(browser.preview_top, PREVIEW_STEP);
    assert_eq!(act_on(&mut browser, A::Down), [BrowserEffect::Preview("ts-2".to_owned())]);
    assert_eq!(browser.preview_top, 0);
    assert_eq!(act_on(&mut browser, A::NextTheme), []);
    let text = PreviewText { command_line: None, markdown: "# old".into() };
    // The report arrives after the user selected another run, so it is not shown.
    update(&mut browser, BrowserMsg::Previewed("ts-3".to_owned(), Ok(text.clone())));
    assert!(browser.shown_preview().is_none());
    update(&mut browser, BrowserMsg::Previewed("ts-2".to_owned(), Ok(text)));
    assert!(browser.shown_preview().is_some());
}

#[test]
fn two_marked_runs_are_compared_the_older_one_first() {
    let mut browser = three();
    assert_eq!(act_on(&mut browser, A::Compare), []);
    assert!(browser.notice.as_ref().unwrap().text.starts_with("Mark two runs"));
    act_on(&mut browser, A::Mark);
    act_on(&mut browser, A::Last);
    // One run is marked; the selected run is the other one of the comparison.
    assert_eq!(act_on(&mut browser, A::Compare), [BrowserEffect::Compare("ts-1".to_owned(), "ts-3".to_owned())]);
    assert_eq!((browser.mark_of("ts-1"), browser.mark_of("ts-3")), (Some('A'), Some('B')));
    let view = ComparisonView {
        stage: None,
        verdict: "V".to_owned(),
        a: String::new(),
        b: String::new(),
        warnings: Vec::new(),
        metrics: Vec::new(),
        distributions: Vec::new(),
    };
    update(&mut browser, BrowserMsg::Compared(Ok(Arc::new(view.clone()))));
    assert!(matches!(&browser.comparison, Some(Ok(shown)) if shown.verdict == "V"));
    assert_eq!(act_on(&mut browser, A::Quit), [], "q returns to the list");
    assert_eq!(browser.screen, BrowserScreen::List);
    let mut alone = Browser::comparison_only(ThemeName::Auto, view);
    assert_eq!(act_on(&mut alone, A::Back), [BrowserEffect::Quit(0)]);
}

#[test]
fn the_charts_of_the_comparison_cycle() {
    let distribution = |label| Distribution { label, meaning: "", a_ms: vec![1.0], b_ms: vec![2.0] };
    let distributions = ["TTFT", "ITL", "Latency"].map(distribution).to_vec();
    let view = ComparisonView {
        stage: None,
        verdict: String::new(),
        a: String::new(),
        b: String::new(),
        warnings: Vec::new(),
        metrics: Vec::new(),
        distributions,
    };
    let mut browser = Browser::comparison_only(ThemeName::Auto, view);
    let places = [A::NextMetric, A::NextMetric, A::NextMetric, A::PreviousMetric].map(|action| {
        act_on(&mut browser, action);
        browser.distribution
    });
    assert_eq!(places, [1, 2, 0, 2]);
}

#[test]
fn only_two_marked_runs_are_compared() {
    let mut browser = three();
    for action in [A::Mark, A::Down, A::Mark, A::Down, A::Mark] {
        act_on(&mut browser, action);
    }
    assert_eq!(["ts-1", "ts-2", "ts-3"].map(|id| browser.mark_of(id)), [Some('*'); 3]);
    assert_eq!(act_on(&mut browser, A::Compare), []);
    assert_eq!(browser.notice.as_ref().unwrap().text, "3 runs are marked; mark two to compare them");
    act_on(&mut browser, A::Mark);
    assert_eq!(["ts-1", "ts-2", "ts-3"].map(|id| browser.mark_of(id)), [None, Some('A'), Some('B')]);
}

#[test]
fn marked_runs_are_deleted_together_except_running_ones() {
    let mut browser = three();
    act_on(&mut browser, A::MarkAll);
    act_on(&mut browser, A::Delete);
    // The second run is still running.
    let both = vec!["ts-3".to_owned(), "ts-1".to_owned()];
    assert_eq!(browser.dialog, Dialog::Delete(both.clone()));
    assert!(browser.notice.as_ref().unwrap().text.starts_with("ts-2 is still running"));
    assert_eq!(act_on(&mut browser, A::ConfirmDelete), [BrowserEffect::Delete(both)]);
    let outcomes = vec![("ts-3".to_owned(), Ok(())), ("ts-1".to_owned(), Err("permission denied".to_owned()))];
    update(&mut browser, BrowserMsg::Deleted(outcomes));
    assert_eq!((ids(&browser), &browser.marks), (vec!["ts-2", "ts-1"], &vec!["ts-2".to_owned(), "ts-1".to_owned()]));
    let notice = browser.notice.as_ref().unwrap();
    let expected = "Deleted ts-3; ts-1 was not deleted: permission denied";
    assert_eq!((notice.text.as_str(), notice.is_error), (expected, true));
}

#[test]
fn marking_all_covers_the_listed_runs_only_and_again_unmarks_them() {
    let mut browser = three();
    act_on(&mut browser, A::Filter);
    type_text(&mut browser, "glm");
    act_on(&mut browser, A::KeepFilter);
    act_on(&mut browser, A::MarkAll);
    assert_eq!(browser.marks, ["ts-3", "ts-1"]);
    act_on(&mut browser, A::Mark);
    act_on(&mut browser, A::MarkAll);
    assert_eq!(browser.marks.len(), 2, "one was not marked");
    act_on(&mut browser, A::MarkAll);
    assert!(browser.marks.is_empty());
}

#[test]
fn a_second_interrupt_ends_the_program_wherever_the_user_is() {
    for open in [A::Help, A::Filter, A::Delete] {
        let mut browser = three();
        act_on(&mut browser, open);
        assert_eq!(act_on(&mut browser, A::Interrupt), []);
        assert_eq!(browser.dialog, Dialog::None);
        assert_eq!(act_on(&mut browser, A::Interrupt), [BrowserEffect::Quit(0)]);
    }
    let mut browser = three();
    browser.screen = BrowserScreen::Comparison;
    assert_eq!(act_on(&mut browser, A::Interrupt), [BrowserEffect::Quit(0)]);
}

#[test]
fn a_run_is_deleted_only_after_a_confirmation_and_never_while_it_runs() {
    let mut browser = three();
    act_on(&mut browser, A::Mark);
    act_on(&mut browser, A::Delete);
    assert_eq!(browser.dialog, Dialog::Delete(vec!["ts-3".to_owned()]));
    assert_eq!(act_on(&mut browser, A::Close), []);
    assert_eq!(act_on(&mut browser, A::ConfirmDelete), [], "nothing was asked");
    act_on(&mut browser, A::Delete);
    assert_eq!(act_on(&mut browser, A::ConfirmDelete), [BrowserEffect::Delete(vec!["ts-3".to_owned()])]);
    assert_eq!(ids(&browser).len(), 3, "the run stays until it is gone from the disk");
    let effects = update(&mut browser, BrowserMsg::Deleted(vec![("ts-3".to_owned(), Ok(()))]));
    assert_eq!(effects, [BrowserEffect::Preview("ts-2".to_owned())]);
    assert_eq!((ids(&browser), browser.marks.len(), browser.is_reading()), (vec!["ts-2", "ts-1"], 0, false));
    // The selected run is still running.
    act_on(&mut browser, A::Delete);
    assert_eq!(browser.dialog, Dialog::None);
    assert!(browser.notice.as_ref().unwrap().is_error);
}

#[test]
fn an_unreadable_run_is_listed_with_its_reason_and_not_opened() {
    let mut browser = browser(vec![RunEntry::unreadable("ts-1".to_owned(), 5, "not a journal".to_owned())]);
    for action in [A::Open, A::ExportMarkdown] {
        assert_eq!(act_on(&mut browser, action), []);
        assert_eq!(browser.notice.as_ref().unwrap().text, "ts-1 cannot be read: not a journal");
    }
    act_on(&mut browser, A::Delete);
    assert_eq!(browser.dialog, Dialog::Delete(vec!["ts-1".to_owned()]), "it can be deleted");
}

#[test]
fn answers_to_an_earlier_reading_are_ignored() {
    let mut browser = three();
    let old = browser.reading.number;
    assert_eq!(act_on(&mut browser, A::Refresh), [BrowserEffect::List(old + 1)]);
    update(&mut browser, BrowserMsg::Read(old, vec![run("ts-9", "old", None)]));
    assert!(browser.runs.is_empty() && browser.is_reading());
    update(&mut browser, BrowserMsg::ListFailed(old + 1, "no such folder".to_owned()));
    assert!(!browser.is_reading());
}

#[test]
fn the_trend_has_the_runs_of_the_same_model_and_load_oldest_first() {
    let other_load = RunEntry { load: "8".to_owned(), ..run("ts-4", "glm", Some(9.0)) };
    let mut runs = vec![other_load];
    runs.extend(three().runs);
    let mut browser = browser(runs);
    act_on(&mut browser, A::Down);
    let speeds: Vec<_> = browser.trend.points.iter().map(|p| p.speed_tok_s).collect();
    assert_eq!((speeds, browser.trend.selected), (vec![Some(50.0), Some(30.0)], 1));
}

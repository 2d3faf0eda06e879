use super::*;
use crate::app::message::Msg;
use crate::app::pane::PaneId;
use crate::app::state::App;
use crate::app::state::text_field::Edit;
use crate::app::update::update;
use crate::domain::time::Nanos;
use crate::ui::sample::{act, end, running, styled, survives_small_areas, text};
use crate::ui::theme::Theme;

#[test]
fn only_keys_that_do_something_now_are_shown() {
    let mut app = running();
    insta::assert_snapshot!(text(&app, 120, 1, draw), @"s sort  space hold run  p pause case  x cancel  v report  enter zoom  o layout  e export  tab pane  q quit  ? help");
    insta::assert_snapshot!(text(&app, 80, 1, draw), @"s sort  space hold run  p pause case  e export  tab pane  q quit  ? help");
    insta::assert_snapshot!(text(&app, 30, 1, draw), @"tab pane  q quit  ? more");
    insta::assert_snapshot!(text(&app, 5, 1, draw), @"");
    act(&mut app, &[Action::ToggleHold, Action::TogglePauseCase, Action::Zoom]);
    insta::assert_snapshot!(text(&app, 120, 1, draw), @"s sort  space resume run  p resume case  r rerun  x cancel  v report  esc back  e export  tab pane  q quit  ? help");
    end(&mut app, 0, 1, |_| {});
    insta::assert_snapshot!(styled(&app, Theme::ansi(), 60, 1, draw), @"{Cyan BOLD}s{DIM} sort{}  {Cyan BOLD}space{DIM} resume run{}  {Cyan BOLD}e{DIM} export{}  {Cyan BOLD}tab{DIM} pane{}  {Cyan BOLD}q{DIM} quit{}  {Cyan BOLD}?{DIM} help");
}

#[test]
fn a_panes_own_keys_come_first_and_hide_shadowed_ones() {
    let mut app = running();
    app.ui.focus = PaneId::Preview;
    let footer = text(&app, 160, 1, draw);
    assert!(footer.starts_with("w raw  d request  / search  space hold run"), "{footer}");
    assert!(!footer.contains("filter") && footer.contains("tab pane"), "{footer}");
}

#[test]
fn keys_use_the_space_that_a_notice_leaves() {
    let mut app = running();
    let path = "tokscope-m.md".into();
    update(&mut app, Msg::Exported(Nanos::from_millis(9), Ok(path)));
    insta::assert_snapshot!(styled(&app, Theme::ansi(), 60, 1, draw), @"{Cyan}Report written to 'tokscope-m.md'{}   {Cyan BOLD}tab{DIM} pane{}  {Cyan BOLD}q{DIM} quit{}  {Cyan BOLD}?{DIM} more");
    update(&mut app, Msg::Exported(Nanos::from_millis(9), Err("'x.md':\u{1b}[31m no space left on device".into())));
    insta::assert_snapshot!(text(&app, 60, 1, draw), @"! 'x.md': no space left on device   tab pane  q quit  ? more");
    insta::assert_snapshot!(text(&app, 20, 1, draw), @"! 'x.md'      ? more");
}

#[test]
fn the_scopes_keys_leave_room_for_quit_and_help() {
    let mut app = running();
    app.ui.focus = PaneId::Scope;
    act(&mut app, &[Action::ScopeStack]);
    insta::assert_snapshot!(text(&app, 78, 1, draw), @"+ zoom in  c cursor  s overlay  a linear  e export  tab pane  q quit  ? help");
    end(&mut app, 0, 1, |_| {});
    act(&mut app, &[Action::ScopeCloser, Action::ScopeCursor]);
    insta::assert_snapshot!(text(&app, 78, 1, draw), @"+ zoom in  h earlier  l later  c cursor  e export  tab pane  q quit  ? more");
}

#[test]
fn a_key_dismisses_a_notice_that_has_been_read() {
    let mut app = running();
    let press = |app: &mut App, ms| update(app, Msg::Action(Nanos::from_millis(ms), Action::NextPane));
    update(&mut app, Msg::Exported(Nanos::from_millis(2_000), Ok("x.md".into())));
    drop(press(&mut app, 3_999));
    assert!(text(&app, 60, 1, draw).starts_with("Report written"));
    drop(press(&mut app, 4_000));
    assert!(!text(&app, 60, 1, draw).contains("Report written"));
}

#[test]
fn a_notice_names_the_key_that_would_help() {
    let mut app = running();
    act(&mut app, &[Action::Rerun]);
    insta::assert_snapshot!(text(&app, 60, 1, draw), @"'Debug Task' is running · x cancel    s sort  q quit  ? help");
    end(&mut app, 0, 1, |_| {});
    act(&mut app, &[Action::TogglePauseCase]);
    insta::assert_snapshot!(text(&app, 60, 1, draw), @"'Debug Task' is done · r rerun      tab pane  q quit  ? more");
}

#[test]
fn keys_of_an_overlay_are_shown_once_in_its_border() {
    let mut app = running();
    for open in [Action::Quit, Action::ChooseExport, Action::ViewReport, Action::Help, Action::Palette] {
        act(&mut app, &[open]);
        assert_eq!(text(&app, 60, 1, draw).trim(), "", "{open:?}");
        act(&mut app, &[Action::Back]);
    }
    assert!(text(&app, 60, 1, draw).contains("q quit"));
}

#[test]
fn the_filter_is_edited_in_the_footer() {
    let mut app = running();
    act(&mut app, &[Action::Filter]);
    for c in "data".chars() {
        update(&mut app, Msg::Edit(Edit::Insert(c)));
    }
    insta::assert_snapshot!(text(&app, 60, 1, draw), @"/data█  enter keep  esc clear");
    insta::assert_snapshot!(text(&app, 12, 1, draw), @"/data█");
}

#[test]
fn small_areas() {
    let mut app = running();
    survives_small_areas(&app, draw);
    act(&mut app, &[Action::Filter]);
    survives_small_areas(&app, draw);
}

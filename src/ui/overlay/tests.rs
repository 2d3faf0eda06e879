use super::*;
use crate::app::message::Action;
use crate::ui::keymap::BINDINGS;
use crate::ui::sample::{act, end, running, styled, survives_small_areas, text};

#[test]
fn help_lists_all_keys() {
    let mut app = running();
    act(&mut app, &[Action::Help]);
    let all = text(&app, 120, 60, draw);
    for binding in BINDINGS {
        assert!(all.contains(&binding.keys[0].to_string()), "{}", binding.help);
    }
    insta::assert_snapshot!("help_120x40", text(&app, 120, 40, draw));
    insta::assert_snapshot!("help_80x24", text(&app, 80, 24, draw));
    insta::assert_snapshot!("help_styles", styled(&app, Theme::ansi(), 80, 16, draw));
}

#[test]
fn help_scrolls_to_its_last_line_and_no_further() {
    let mut app = running();
    act(&mut app, &[Action::Help]);
    act(&mut app, &[Action::SelectNext; 200]);
    let end = text(&app, 80, 24, draw);
    assert!(end.contains(BINDINGS[BINDINGS.len() - 1].help), "{end}");
    assert!(!end.contains("more line"));
}

#[test]
fn quitting_is_asked_with_what_it_gives_up() {
    let mut app = running();
    act(&mut app, &[Action::Quit]);
    insta::assert_snapshot!("quit_80x24", text(&app, 80, 24, draw));
    end(&mut app, 0, 1, |_| {});
    end(&mut app, 1, 1, |_| {});
    end(&mut app, 2, 1, |_| {});
    assert!(text(&app, 80, 24, draw).contains("Nothing is running any more"));
}

#[test]
fn a_format_is_chosen_with_a_mark_and_not_by_colour_alone() {
    let mut app = running();
    act(&mut app, &[Action::ChooseExport, Action::SelectNext]);
    insta::assert_snapshot!("export_80x24", text(&app, 80, 24, draw));
    insta::assert_snapshot!("export_styles", styled(&app, Theme::mono(), 60, 7, draw));
}

#[test]
fn small_areas() {
    for action in [Action::Help, Action::Quit, Action::ChooseExport, Action::Filter] {
        let mut app = running();
        act(&mut app, &[action]);
        survives_small_areas(&app, draw);
    }
}

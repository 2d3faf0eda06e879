use super::*;
use crate::app::action::Action;
use crate::app::message::Msg;
use crate::app::pane::PaneId;
use crate::app::state::App;
use crate::app::state::export_dialog::NameCheck;
use crate::app::state::text_field::Edit;
use crate::app::update::update;
use crate::ui::keymap::{BINDINGS, keys_label};
use crate::ui::sample::{act, end, running, styled, survives_small_areas, text};

fn help_of(pane: PaneId) -> App {
    let mut app = running();
    act(&mut app, &[Action::Focus(pane), Action::Help]);
    app
}

fn search(app: &mut App, query: &str) {
    update(app, Msg::Edit(Edit::Clear));
    update(app, Msg::Edit(Edit::Paste(query.to_owned())));
}

#[test]
fn help_opens_on_the_keys_that_work_in_the_focused_pane() {
    let cases = text(&help_of(PaneId::Cases), 80, 24, draw);
    assert!(cases.contains("Keys · Cases pane") && cases.contains("Sort by the next column"), "{cases}");
    assert!(cases.contains("j ↓  ") && cases.contains("Next case") && !cases.contains("Search the text"), "{cases}");
    let answer = text(&help_of(PaneId::Preview), 80, 24, draw);
    assert!(answer.contains("Keys · Answer pane") && answer.contains("Search the text"), "{answer}");
    // Keys of the pane replace the keys of all panes that select a case.
    assert!(!answer.contains("Next case") && !answer.contains("Sort by the next"), "{answer}");
}

#[test]
fn all_keys_are_one_key_away() {
    let mut app = help_of(PaneId::Cases);
    act(&mut app, &[Action::NextPane]);
    let mut all = String::new();
    for _ in 0..40 {
        all += &text(&app, 130, 40, draw);
        act(&mut app, &[Action::ScrollDown]);
    }
    for binding in BINDINGS.iter() {
        assert!(all.contains(&keys_label(binding.keys)), "{}", binding.help);
        assert!(all.contains(binding.help), "{}", binding.help);
    }
    act(&mut app, &[Action::NextPane]);
    let glossary = text(&app, 80, 24, draw);
    assert!(glossary.contains("Signs and words") && glossary.contains("± –"), "{glossary}");
    act(&mut app, &[Action::NextPane]);
    assert!(text(&app, 80, 24, draw).contains("Keys · Cases pane"));
}

#[test]
fn a_search_explains_signs_and_words_of_the_screen() {
    let mut app = help_of(PaneId::Cases);
    for (query, term, meaning) in [
        ("knee", "knee", "latency grows faster than throughput"),
        ("◆", "◆", "Knee of the sweep"),
        ("± –", "± –", "No interval"),
        ("prefill", "prefill", "Processing of the prompt"),
        ("estimated", "estimated", "counted tokens"),
        ("think", "think time", "not reasoning"),
    ] {
        search(&mut app, query);
        let found = text(&app, 100, 40, draw);
        let row = found.lines().find(|line| line.contains(&format!("│ {term} "))).unwrap_or_else(|| panic!("{found}"));
        assert!(row.contains(meaning), "{query}: {found}");
    }
}

#[test]
fn a_search_finds_keys_of_every_pane_by_word_and_by_key() {
    let mut app = help_of(PaneId::Cases);
    search(&mut app, "unfreeze");
    let found = text(&app, 80, 24, draw);
    assert!(found.contains("Freeze the screen") && !found.contains("Hold the run"), "{found}");
    search(&mut app, "zoom in");
    assert!(text(&app, 80, 24, draw).contains("Scope pane"));
    // Typing a key finds its commands.
    search(&mut app, "R");
    let found = text(&app, 80, 24, draw);
    assert!(found.contains("Key R · Run") && found.contains("Rerun all failed cases"), "{found}");
    search(&mut app, "space");
    assert!(text(&app, 80, 24, draw).contains("Hold the run"));
    search(&mut app, "zzz");
    assert!(text(&app, 80, 24, draw).contains("No key, sign or word matches."));
    // Going back clears the search before it closes the help.
    act(&mut app, &[Action::Back]);
    assert!(text(&app, 80, 24, draw).contains("Keys · Cases pane"));
    act(&mut app, &[Action::Back]);
    assert_eq!(app.ui.overlay, Overlay::None);
}

// One description differs on Windows.
#[test]
#[cfg(not(windows))]
fn help_looks() {
    let mut app = help_of(PaneId::Cases);
    insta::assert_snapshot!("help_120x40", text(&app, 120, 40, draw));
    insta::assert_snapshot!("help_200x60", text(&app, 200, 60, draw));
    insta::assert_snapshot!("help_80x24", text(&app, 80, 24, draw));
    insta::assert_snapshot!("help_styles", styled(&app, Theme::ansi(), 80, 16, draw));
    search(&mut app, "export");
    insta::assert_snapshot!("help_search_80x24", text(&app, 80, 24, draw));
    search(&mut app, "");
    act(&mut app, &[Action::NextPane]);
    insta::assert_snapshot!("help_all_120x40", text(&app, 120, 40, draw));
    insta::assert_snapshot!("help_answer_80x24", text(&help_of(PaneId::Preview), 80, 24, draw));
}

#[test]
fn help_scrolls_to_its_last_line_and_no_further() {
    let mut app = help_of(PaneId::Cases);
    act(&mut app, &[Action::NextPane]);
    act(&mut app, &[Action::SelectNext; 400]);
    let end = text(&app, 80, 24, draw);
    assert!(end.contains("Quit dialog: stay") && !end.contains("more line"), "{end}");
}

#[test]
fn the_list_of_themes_marks_the_selected_one_and_shows_mistakes() {
    use crate::app::state::theme::{OfferedTheme, ThemeName};
    let mut app = running();
    let mistake = Some("mine.toml:3: unknown key 'acent'; did you mean 'accent'?\u{1b}[2J".to_owned());
    app.themes.push(OfferedTheme { name: ThemeName::Custom("mine".to_owned()), mistake });
    act(&mut app, &[Action::ChooseTheme, Action::SelectNext]);
    insta::assert_snapshot!("themes_80x24", text(&app, 80, 24, draw));
    insta::assert_snapshot!("themes_styles", styled(&app, Theme::ansi(), 80, 24, draw));
    assert!(!text(&app, 80, 24, draw).contains('\u{1b}'));
}

#[test]
fn the_quit_dialog_counts_what_would_be_cancelled() {
    let mut app = running();
    act(&mut app, &[Action::Quit]);
    insta::assert_snapshot!("quit_80x24", text(&app, 80, 24, draw));
    end(&mut app, 0, 1, |_| {});
    end(&mut app, 1, 1, |_| {});
    end(&mut app, 2, 1, |_| {});
    assert!(text(&app, 80, 24, draw).contains("No requests are in flight"));
}

#[test]
fn the_selected_format_has_a_mark_besides_its_colour() {
    let mut app = running();
    act(&mut app, &[Action::ChooseExport]);
    let offers = ["tokscope-m.md", "tokscope-m.json", "tokscope-m.csv"].map(str::to_owned).to_vec();
    update(&mut app, Msg::ExportsOffered { offers, folder: "/home/bench/runs".to_owned() });
    act(&mut app, &[Action::SelectNext]);
    let checked = |app: &mut App, check| {
        update(app, Msg::ExportChecked { name: "tokscope-m.json".to_owned(), check });
    };
    checked(&mut app, NameCheck::New);
    insta::assert_snapshot!("export_80x24", text(&app, 80, 24, draw));
    insta::assert_snapshot!("export_120x40", text(&app, 120, 40, draw));
    insta::assert_snapshot!("export_styles", styled(&app, Theme::mono(), 60, 12, draw));
    checked(&mut app, NameCheck::Taken("tokscope-m-2.json".to_owned()));
    assert!(text(&app, 80, 24, draw).contains("File exists; writes 'tokscope-m-2.json' instead."));
    checked(&mut app, NameCheck::Refused("'out/a.json': there is no folder 'out'\u{1b}[2J".to_owned()));
    let refused = text(&app, 80, 24, draw);
    assert!(refused.contains("! 'out/a.json': there is no folder 'out'"), "{refused}");
    assert!(!refused.contains('\u{1b}'));
}

#[test]
fn every_overlay_survives_small_areas() {
    for action in
        [Action::Help, Action::Quit, Action::ChooseExport, Action::Filter, Action::Palette, Action::ViewReport]
    {
        let mut app = running();
        act(&mut app, &[action]);
        survives_small_areas(&app, draw);
        update(&mut app, Msg::ReportRendered { text: REPORT.into(), file: "r.md".to_owned() });
        survives_small_areas(&app, draw);
    }
}

const REPORT: &str = "# m Performance Benchmark Report\n\n> **Partial run**: 1 of 3 cases measured.\n\n- **Model**: m\n\n\
    | Metric | Value |\n|---|---|\n| Total Time | 1.00s |\n\nAs hostile\u{1b}[2J as it gets.\n";

fn report_with(lines: usize) -> App {
    let mut app = running();
    act(&mut app, &[Action::ViewReport]);
    let paragraphs: Vec<_> = (0..lines).map(|n| format!("line {n}\n\n")).collect();
    let text = REPORT.to_owned() + &paragraphs.concat();
    update(&mut app, Msg::ReportRendered { text: text.into(), file: "runs/tokscope-m.md".to_owned() });
    app
}

#[test]
fn the_report_fills_the_screen() {
    let mut app = running();
    act(&mut app, &[Action::ViewReport]);
    assert!(text(&app, 80, 24, draw).contains("Rendering the report"));
    let app = report_with(40);
    insta::assert_snapshot!("report_80x24", text(&app, 80, 24, draw));
    insta::assert_snapshot!("report_120x40", text(&app, 120, 40, draw));
    insta::assert_snapshot!("report_200x60", text(&app, 200, 60, draw));
    insta::assert_snapshot!("report_styles", styled(&app, Theme::ansi(), 80, 16, draw));
    assert!(!text(&app, 80, 24, draw).contains('\u{1b}'));
}

#[test]
fn scrolled_to_its_end_the_report_shows_its_last_line() {
    let mut app = report_with(40);
    let Overlay::Report(report) = &mut app.ui.overlay else { panic!("no report") };
    report.top = usize::MAX;
    let end = text(&app, 80, 24, draw);
    assert!(end.contains("line 39") && !end.contains("line 9 "), "{end}");
}

#[test]
fn the_palette_shows_commands_with_keys_and_why_some_are_unavailable() {
    let mut app = running();
    act(&mut app, &[Action::Palette]);
    insta::assert_snapshot!("palette_80x24", text(&app, 80, 24, draw));
    insta::assert_snapshot!("palette_120x40", text(&app, 120, 40, draw));
    insta::assert_snapshot!("palette_200x60", text(&app, 200, 60, draw));
    update(&mut app, Msg::Edit(Edit::Paste("rerun".to_owned())));
    insta::assert_snapshot!("palette_styles", styled(&app, Theme::ansi(), 80, 10, draw));
    let shown = text(&app, 80, 24, draw);
    assert!(shown.contains("Rerun all failed cases – No case has failed"), "{shown}");
    update(&mut app, Msg::Edit(Edit::Paste("zzz".to_owned())));
    assert!(text(&app, 80, 24, draw).contains("No matching command."));
}

#[test]
fn the_end_of_a_long_name_stays_visible_while_typing() {
    let field = TextField::new("a/long/way/to/the/report.md");
    let shown: String = text_field(&field, 12, Theme::mono()).iter().map(|s| s.content.to_string()).collect();
    assert_eq!(shown, "…/report.md█");
}

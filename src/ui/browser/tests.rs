use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::Color;

use super::*;
use crate::app::browser::action::BrowserAction as A;
use crate::app::browser::comparison::{ComparedRow, ComparisonView, Distribution, Judged, MetricRows, RowsBy};
use crate::app::browser::entry::{RunEntry, RunState};
use crate::app::browser::message::{BrowserMsg, PreviewText};
use crate::app::browser::update::{refresh, update};
use crate::app::state::text_field::Edit;
use crate::app::state::theme::ThemeName;
use crate::domain::pass_rate::PassRate;
use crate::ui::screen::finish;
use crate::ui::testing::{styles, text as text_of};
use crate::ui::theme::Themes;

/// Runs of three models over some weeks, newest first.
fn runs(count: usize) -> Vec<RunEntry> {
    let entry = |at: usize| {
        let n = count - at;
        let model = ["glm-4.7-flash", "qwen3-32b-instruct", "llama-3.3-70b"][n % 3];
        let wave = ((n * 7919) % 23) as f64;
        let load = ["1", "8", "1,2,4,8", "5/s"][n / 3 % 7 % 4];
        RunEntry {
            stage: load.contains(',').then_some(4),
            pass_rate: n.is_multiple_of(4).then_some(PassRate { passed: 10 - n % 3, checked: 10 }),
            started: format!("2026-{:02}-{:02} {:02}:{:02}", 1 + n / 28 % 12, 1 + n % 28, n % 24, n * 7 % 60),
            model: model.to_owned(),
            endpoint: "gpu-box:8000/v1/chat/completions".to_owned(),
            suite: "Complex Comprehensive".to_owned(),
            load: load.to_owned(),
            ok: 10 - usize::from(n.is_multiple_of(9)),
            failed: usize::from(n.is_multiple_of(9)),
            cases: 10,
            duration_s: Some(58.0 + wave),
            speed_tok_s: (n != 5).then_some(100.0 + wave + n as f64 / 4.0),
            ttft_ms: (n != 5).then_some(180.0 - wave * 2.0),
            estimated: n.is_multiple_of(4),
            state: match n % 9 {
                0 => RunState::Partial,
                5 => RunState::Unfinished,
                _ => RunState::Complete,
            },
            bytes: 180_000,
            ..RunEntry::new(format!("ts-64a{n:04x}"), RunState::Complete)
        }
        .indexed()
    };
    (0..count).map(entry).collect()
}

fn browser(count: usize) -> Browser {
    let mut browser = Browser::new(ThemeName::Auto);
    refresh(&mut browser);
    let mut all = runs(count);
    if count > 3 {
        all[3] = RunEntry::unreadable(all[3].id.clone(), 12, "the first line is not a journal's".to_owned());
    }
    let folder = "/home/ada/.local/state/tokscope/runs".to_owned();
    update(&mut browser, BrowserMsg::Listed { listing: 1, folder, total: count });
    update(&mut browser, BrowserMsg::Read(1, all));
    preview(&mut browser);
    browser
}

/// Delivers the report of the selected run.
fn preview(browser: &mut Browser) {
    let Some(id) = browser.selected().map(|run| run.id.clone()) else { return };
    let markdown = "# Benchmark\n\n**Excellent: 112.9 tok/s.** Decode-bound: 97% of a median request.\n\n\
                    | Case | TTFT | tok/s |\n|---|---|---|\n| Full Backend System | 181 ms | 112.9 |\n\
                    | Debug Task | 178 ms | 113.4 |\n\n## Method\n\nOne request at a time, each case 3 times.\n";
    let report = PreviewText {
        command_line: Some("tokscope http://gpu-box:8000 --repeat 3".to_owned()),
        markdown: markdown.into(),
    };
    update(browser, BrowserMsg::Previewed(id, Ok(report)));
}

fn act(browser: &mut Browser, action: A) {
    update(browser, BrowserMsg::Action(action));
}

fn drawn_with(browser: &Browser, (width, height): (u16, u16), theme: Theme, ascii: bool) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let cache = RenderCache::default();
    let keymap = BrowserKeymap::default();
    let view = BrowserView { browser, theme, keymap: &keymap, cache: &cache };
    terminal
        .draw(|frame| {
            draw(frame, &view);
            finish(frame, theme, ascii);
        })
        .unwrap();
    terminal.backend().buffer().clone()
}

fn drawn(browser: &Browser, size: (u16, u16)) -> String {
    text_of(&drawn_with(browser, size, Theme::ansi(), false))
}

fn comparison() -> ComparisonView {
    let row = |name: &str, is_total, a: &str, b: &str, difference: &str, judged| ComparedRow {
        name: name.to_owned(),
        is_total,
        a: a.to_owned(),
        b: b.to_owned(),
        difference: difference.to_owned(),
        judged,
    };
    let metric = |label: &str, all: ComparedRow| MetricRows {
        label: label.to_owned(),
        by: RowsBy::Case,
        rows: vec![
            row("Full Backend System", false, "182 ± 9 ms", "164 ± 7 ms", "-9.9%", Judged::Better),
            row("Debug Task", false, "178 ms", "165 ms", "-7.3%", Judged::TooFew),
            all,
        ],
    };
    // Values spread like measured latencies: most close together, some much longer.
    let spread = |middle: f64, width: f64| {
        let mut values: Vec<f64> =
            (0..60).map(|i| middle + width * (f64::from(i * 37 % 60) / 30.0 - 1.0).powi(3)).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let distribution = |label, meaning, a: f64, b: f64| Distribution {
        label,
        meaning,
        a_ms: spread(a, a / 3.0),
        b_ms: spread(b, b / 4.0),
    };
    ComparisonView {
        stage: None,
        verdict: "B decodes 12% faster (95% interval 9.8 to 14%); no clear difference in TTFT.".to_owned(),
        a: "ts-64a0012 (saved run) · glm-4.7-flash · 2026-11-02 21:49:10 · Complex Comprehensive".to_owned(),
        b: "ts-64a0031 (saved run) · glm-4.7-flash · 2026-11-30 12:55:09 · Complex Comprehensive".to_owned(),
        warnings: vec!["the concurrency differs: 1 and 8".to_owned()],
        metrics: vec![
            metric("TTFT", row("TTFT", true, "180 ± 12 ms", "176 ± 11 ms", "-2.2%", Judged::Same)),
            metric("ITL", row("ITL", true, "8.9 ± 0.1 ms", "7.8 ± 0.1 ms", "-12.1%", Judged::Better)),
            metric("Latency", row("Latency", true, "5.31 ± 0.02 s", "6.10 ± 0.03 s", "+14.9%", Judged::Worse)),
        ],
        distributions: vec![
            distribution("TTFT", "time to first token", 180.0, 176.0),
            distribution("ITL", "time per token", 8.87, 7.8),
            distribution("Latency", "whole answer", 5310.0, 6100.0),
        ],
    }
}

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

#[test]
fn the_list_at_three_sizes() {
    let mut browser = browser(60);
    for action in [A::Mark, A::Down, A::Down, A::Mark] {
        act(&mut browser, action);
    }
    preview(&mut browser);
    for size in SIZES {
        insta::assert_snapshot!(format!("list_{}x{}", size.0, size.1), drawn(&browser, size));
    }
}

#[test]
fn the_trend_takes_the_place_of_the_report_on_a_small_screen() {
    let mut browser = browser(60);
    act(&mut browser, A::Down);
    act(&mut browser, A::SwitchPane);
    insta::assert_snapshot!("trend_80x24", drawn(&browser, (80, 24)));
}

#[test]
fn the_comparison_at_three_sizes() {
    let browser = Browser::comparison_only(ThemeName::Auto, comparison());
    for size in SIZES {
        insta::assert_snapshot!(format!("comparison_{}x{}", size.0, size.1), drawn(&browser, size));
    }
}

#[test]
fn ascii_mode_uses_ascii_only() {
    let mut list = browser(60);
    let comparison = Browser::comparison_only(ThemeName::Auto, comparison());
    for browser in [&list, &comparison] {
        let text = text_of(&drawn_with(browser, (120, 40), Theme::ansi(), true));
        assert!(text.is_ascii(), "{text}");
    }
    act(&mut list, A::Help);
    assert!(text_of(&drawn_with(&list, (80, 24), Theme::ansi(), true)).is_ascii());
    insta::assert_snapshot!("comparison_ascii", text_of(&drawn_with(&comparison, (80, 24), Theme::ansi(), true)));
}

#[test]
fn without_colour_no_cell_has_one() {
    for browser in [browser(60), Browser::comparison_only(ThemeName::Auto, comparison())] {
        let buffer = drawn_with(&browser, (120, 40), Theme::mono(), false);
        assert!(buffer.content.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
    }
}

#[test]
fn both_backgrounds_have_their_own_colours() {
    let themes = Themes::from_env(&|name| (name == "COLORTERM").then(|| "truecolor".to_owned()), Vec::new());
    let comparison = Browser::comparison_only(ThemeName::Auto, comparison());
    let [dark, light] = [ThemeName::Dark, ThemeName::Light]
        .map(|name| styles(&drawn_with(&comparison, (80, 24), themes.theme(&name), false)));
    assert_ne!(dark, light);
}

#[test]
fn dialogs_name_the_run_and_the_keys() {
    let mut browser = browser(12);
    act(&mut browser, A::Delete);
    insta::assert_snapshot!("delete_80x24", drawn(&browser, (80, 24)));
    act(&mut browser, A::Close);
    act(&mut browser, A::Help);
    insta::assert_snapshot!("help_120x40", drawn(&browser, (120, 40)));
}

#[test]
fn an_empty_folder_a_failure_and_a_filter_without_a_match_are_explained() {
    let mut empty = browser(0);
    assert!(drawn(&empty, (80, 24)).contains("No saved runs yet. Try: tokscope --demo"));
    act(&mut empty, A::Refresh);
    assert!(drawn(&empty, (80, 24)).contains("Reading the saved runs …"));
    update(&mut empty, BrowserMsg::ListFailed(2, "permission denied".to_owned()));
    assert!(drawn(&empty, (80, 24)).contains("The runs cannot be read: permission denied"));
    let mut filtered = browser(12);
    act(&mut filtered, A::Filter);
    update(&mut filtered, BrowserMsg::Edit(Edit::Paste("nothing".to_owned())));
    let text = drawn(&filtered, (80, 24));
    assert!(text.contains("No run matches the filter") && text.contains("/nothing█"), "{text}");
}

#[test]
fn every_size_is_drawn() {
    let mut list = browser(60);
    let comparison = Browser::comparison_only(ThemeName::Auto, comparison());
    for size in [(1, 1), (49, 11), (50, 12), (79, 23), (100, 12), (150, 28), (300, 14), (60, 90)] {
        for dialog in [A::Close, A::Help, A::Close, A::Delete] {
            act(&mut list, dialog);
            drawn(&list, size);
        }
        act(&mut list, A::Close);
        drawn(&comparison, size);
    }
}

#[test]
fn hostile_names_move_nothing() {
    let mut browser = Browser::new(ThemeName::Auto);
    refresh(&mut browser);
    let evil = "a\u{1b}[2Jb\u{202e}\u{301}\u{301}👩‍👩‍👧‍👦".repeat(40);
    let run = RunEntry {
        model: evil.clone(),
        started: evil.clone(),
        load: evil.clone(),
        ..RunEntry::new(evil.clone(), RunState::Complete)
    };
    update(&mut browser, BrowserMsg::Listed { listing: 1, folder: evil.clone(), total: 2 });
    update(&mut browser, BrowserMsg::Read(1, vec![run.indexed(), RunEntry::unreadable(evil.clone(), 1, evil.clone())]));
    act(&mut browser, A::Delete);
    for size in SIZES {
        assert!(!drawn(&browser, size).contains('\u{1b}'));
    }
    let mut view = comparison();
    view.a.clone_from(&evil);
    view.metrics[0].rows[0].name.clone_from(&evil);
    assert!(!drawn(&Browser::comparison_only(ThemeName::Auto, view), (80, 24)).contains('\u{1b}'));
}

#[test]
fn the_selected_run_is_one_uniform_highlight() {
    let themes = Themes::from_env(&|name| (name == "COLORTERM").then(|| "truecolor".to_owned()), Vec::new());
    let mut browser = browser(60);
    act(&mut browser, A::Mark);
    for theme in [Theme::ansi(), Theme::mono(), themes.theme(&ThemeName::Dark), themes.theme(&ThemeName::Light)] {
        let buffer = drawn_with(&browser, (120, 40), theme, false);
        let row = (0..40).find(|y| buffer[(0, *y)].symbol() == "▸").expect("a selected row");
        let style = buffer[(0, row)].style();
        assert!(style.add_modifier.contains(ratatui::style::Modifier::REVERSED));
        assert!((0..120).all(|x| buffer[(x, row)].style() == style), "{theme:?}");
    }
}

#[test]
fn several_runs_are_named_before_they_are_deleted() {
    let mut browser = browser(12);
    act(&mut browser, A::MarkAll);
    act(&mut browser, A::Delete);
    insta::assert_snapshot!("delete_marked_80x24", drawn(&browser, (80, 24)));
}

#[test]
fn hints_have_the_keys_of_the_user() {
    use crate::ui::keymap::Override;
    let mut browser = browser(12);
    let chosen = |action, key: &str| Override { action, keys: vec![key.parse().unwrap()] };
    let keymap =
        BrowserKeymap::with(&[chosen(A::PreviewDown, "D"), chosen(A::Open, "o"), chosen(A::ConfirmDelete, "Y")]);
    let keymap = keymap.unwrap();
    let shown = |browser: &Browser| {
        let (mut terminal, cache) = (Terminal::new(TestBackend::new(120, 40)).unwrap(), RenderCache::default());
        let view = BrowserView { browser, theme: Theme::ansi(), keymap: &keymap, cache: &cache };
        terminal
            .draw(|frame| {
                draw(frame, &view);
            })
            .unwrap();
        text_of(terminal.backend().buffer())
    };
    let list = shown(&browser);
    assert!(list.contains("D K scroll") && list.contains("o open"), "{list}");
    act(&mut browser, A::Delete);
    assert!(shown(&browser).contains("Y delete"));
    act(&mut browser, A::Close);
    act(&mut browser, A::Help);
    assert!(shown(&browser).contains("  o "));
}

#[test]
fn a_heading_of_the_comparison_always_has_rows_below_it() {
    let rows_below = |text: &str| {
        let mut lines = text.lines().map(|line| line.split("  ").next().unwrap_or_default());
        lines.by_ref().find(|line| line.contains("by case")).map(|_| lines.next().unwrap_or_default().to_owned())
    };
    let mut browser = Browser::comparison_only(ThemeName::Auto, comparison());
    for top in 0..20 {
        browser.comparison_top = top;
        for height in 14..40 {
            let shown = drawn(&browser, (80, height));
            let below = rows_below(&shown).unwrap_or_else(|| "Full".to_owned());
            assert!(["Full", "Debug"].iter().any(|case| below.starts_with(case)), "{height} rows: {shown}");
        }
    }
    // The heading of a metric stays at the top while its rows scroll.
    let end = drawn(&browser, (80, 24));
    assert!(end.contains("ITL, by case") && end.contains("Latency, by case") && !end.contains("ALL CASES"), "{end}");
}

#[test]
fn without_figures_the_comparison_has_no_column_headings() {
    let empty = ComparisonView { metrics: Vec::new(), distributions: Vec::new(), ..comparison() };
    let shown = drawn(&Browser::comparison_only(ThemeName::Auto, empty), (80, 24));
    assert!(!shown.contains("DIFF") && !shown.contains("ALL CASES"), "{shown}");
    assert!(shown.contains("There is nothing to compare."));
    // An empty list has no column headings either.
    assert!(!drawn(&browser(0), (80, 24)).contains("STARTED"));
}

#[test]
fn the_help_of_each_screen_has_its_own_keys_and_signs() {
    let help = |mut browser: Browser| {
        act(&mut browser, A::Help);
        drawn(&browser, (100, 80))
    };
    let list = help(browser(3));
    assert!(list.contains("Keys · saved runs") && list.contains("Open the run in the dashboard"), "{list}");
    assert!(!list.contains("Chart of the next metric") && list.contains("Partial: something planned"), "{list}");
    let compared = help(Browser::comparison_only(ThemeName::Auto, comparison()));
    assert!(compared.contains("Keys · comparison") && compared.contains("Chart of the next metric"), "{compared}");
    assert!(!compared.contains("Open the run") && !compared.contains("Sort by"), "{compared}");
    assert!(compared.contains("B is better") && compared.contains("Half of the mean's 95% interval"), "{compared}");
}

#[test]
fn the_rows_by_turn_have_a_heading_of_their_own() {
    let mut view = comparison();
    let turns = MetricRows { by: RowsBy::Turn, rows: view.metrics[0].rows[..2].to_vec(), ..view.metrics[0].clone() };
    view.metrics.push(turns);
    let mut browser = Browser::comparison_only(ThemeName::Auto, view);
    assert!(drawn(&browser, (80, 60)).contains("TTFT, by turn"), "{}", drawn(&browser, (80, 60)));
    browser.comparison_top = usize::MAX;
    assert!(drawn(&browser, (80, 24)).contains("TTFT, by turn"), "{}", drawn(&browser, (80, 24)));
}

/// Rows of the plot above the horizontal axis.
fn plot_rows(shown: &str) -> usize {
    let chart = shown.lines().skip_while(|line| !line.contains("cumulative share of requests"));
    chart.take_while(|line| !line.contains('└')).filter(|line| line.contains('┤') || line.contains('│')).count()
}

#[test]
fn the_chart_is_cumulative_and_can_be_read_at_80x24() {
    let mut view = comparison();
    view.warnings = (0..6).map(|n| format!("warning {n}")).collect();
    let shown = drawn(&Browser::comparison_only(ThemeName::Auto, view), (80, 24));
    assert!(shown.contains("cumulative share of requests, by TTFT in ms"), "{shown}");
    assert!(plot_rows(&shown) >= 6, "{shown}");
    let tall = drawn(&Browser::comparison_only(ThemeName::Auto, comparison()), (120, 40));
    assert!(tall.contains("cumulative share of requests, by TTFT in ms") && plot_rows(&tall) >= 12, "{tall}");
}

#[test]
fn fixed_words_are_never_cut() {
    let mut list = browser(12);
    list.folder = "/runs".to_owned();
    for run in &mut list.runs {
        (run.model, run.endpoint, run.suite) = ("model".to_owned(), "host".to_owned(), "suite".to_owned());
        run.error = run.error.as_ref().map(|_| "empty".to_owned());
    }
    act(&mut list, A::Down);
    let mut view = comparison();
    (view.a, view.b) = ("ts-1".to_owned(), "ts-2".to_owned());
    view.metrics.iter_mut().flat_map(|metric| &mut metric.rows).for_each(|row| "case".clone_into(&mut row.name));
    view.metrics.push(MetricRows { label: "ITL".to_owned(), ..view.metrics[0].clone() });
    let compared = Browser::comparison_only(ThemeName::Auto, view);
    for (width, height) in [80, 90, 100, 120, 140, 160, 200].into_iter().flat_map(|w| [24, 30, 40, 60].map(|h| (w, h)))
    {
        let mut screens = vec![list.clone(), compared.clone()];
        for dialog in [A::SwitchPane, A::Help, A::Delete, A::Filter] {
            let mut other = list.clone();
            act(&mut other, dialog);
            screens.push(other);
        }
        for top in 0..20 {
            let mut scrolled = compared.clone();
            scrolled.comparison_top = top;
            screens.push(scrolled);
        }
        for screen in screens {
            let shown = drawn(&screen, (width, height));
            assert!(!shown.replace(" …", "").contains('…'), "{width}x{height}: {shown}");
        }
    }
}

#[test]
fn each_sign_is_in_the_glossary() {
    use crate::ui::glossary::{Place, terms_of};
    let mut list = browser(60);
    for action in [A::Mark, A::Down, A::Down, A::Mark] {
        act(&mut list, action);
    }
    let compared = Browser::comparison_only(ThemeName::Auto, comparison());
    let mut trend = list.clone();
    act(&mut trend, A::SwitchPane);
    for (browser, place) in [(&list, Place::Runs), (&trend, Place::Runs), (&compared, Place::Comparison)] {
        let known: String = terms_of(place).map(|term| term.term).collect();
        for size in SIZES {
            let shown = drawn(browser, size);
            let is_line = |c: char| ('\u{2500}'..='\u{257F}').contains(&c) || ('\u{2800}'..='\u{28FF}').contains(&c);
            let unknown: Vec<char> = shown
                .chars()
                .filter(|c| !c.is_ascii() && !is_line(*c) && !['…', '·'].contains(c) && !known.contains(*c))
                .collect();
            assert!(unknown.is_empty(), "{place:?}: {unknown:?}");
        }
    }
}

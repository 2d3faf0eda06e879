//! Tests of all texts on the screen: the program's own words are never cut, each pane has one name, and each sign and
//! word is in the glossary.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::draw;
use super::tests::all_states;
use crate::app::action::Action;
use crate::app::pane::PaneId;
use crate::app::state::preset::LayoutPreset;
use crate::app::state::{Connection, Scene};
use crate::domain::metrics::METRICS;
use crate::domain::session::{Mode, Plan};
use crate::ui::glossary::{Place, terms_of};
use crate::ui::pane::PANES;
use crate::ui::testing::repeated::repeated;
use crate::ui::testing::search::search;
use crate::ui::testing::sweep::{running_sweep, sweep};
use crate::ui::testing::{Script, Stage, TEN, ten_cases, text};
use crate::ui::theme::Theme;

/// Sizes from the smallest usual terminal to the largest, on both sides of the borders between layouts.
const SIZES: [(u16, u16); 13] = [
    (80, 24),
    (80, 36),
    (80, 60),
    (88, 24),
    (99, 40),
    (100, 30),
    (112, 32),
    (120, 24),
    (120, 40),
    (140, 36),
    (160, 36),
    (180, 45),
    (200, 60),
];
/// Texts that end with an ellipsis because something goes on, and messages of the test's server.
const MAY_END_WITH_ELLIPSIS: [&str; 4] =
    ["Looking for a GPU…", "Looking for server metrics…", "503: the model is", "the connection was closed in"];

/// A load whose cases have two attempts each, in the middle of the run and after it.
fn loads() -> [Stage; 2] {
    let load = |attempts: u32| {
        let mut stage = Stage::new(&["a", "b"], Plan { concurrency: 2, repeat: 2, ..Plan::default() });
        stage.find_gpus(1);
        stage.connect();
        for number in 1..=attempts {
            (0..2).for_each(|case| stage.start(case, number, Script::plain(100, 10, 50)));
            (0..2).for_each(|case| stage.finish(case));
        }
        stage
    };
    [load(1), load(2)]
}

/// Every state in every layout, with names of the user and the endpoint that fit.
fn states() -> Vec<Stage> {
    let mut states: Vec<Stage> = all_states();
    states.extend(loads());
    states.extend(vec![sweep(1), sweep(5), running_sweep()]);
    // A search in its first probe, between two and at its end; a group in its first run, between two and at its end.
    states.extend(vec![search(1), search(4), search(0)]);
    states.extend(vec![repeated(1), repeated(2), repeated(6)]);
    for layout in [LayoutPreset::Load, LayoutPreset::Answer, LayoutPreset::Scope] {
        let mut more = all_states().into_iter().filter(|stage| stage.app.scene.session.mode == Mode::Finished);
        states.extend(more.by_ref().map(|mut stage| {
            stage.app.ui.use_layout(layout);
            stage
        }));
    }
    for stage in &mut states {
        rename(&mut stage.app.scene);
        stage.app.frozen.iter_mut().for_each(|scene| rename(scene));
    }
    states
}

fn rename(scene: &mut Scene) {
    let suite = Arc::make_mut(&mut scene.session.suite);
    "suite".clone_into(&mut suite.name);
    for (at, case) in suite.cases.iter_mut().enumerate() {
        case.name = format!("case {at}");
    }
    "http://host/v1".clone_into(&mut scene.target.url);
    scene.target.model = scene.target.model.take().map(|_| "model".to_owned());
    scene.gpu.gpus.iter_mut().for_each(|gpu| "RTX 6000".clone_into(&mut gpu.info.model));
    if let Connection::Unreachable(why) | Connection::Refused(why) = &mut scene.target.connection
        && !why.contains("loading")
    {
        "refused".clone_into(why);
    }
    if scene.gpu.absent.is_some() {
        scene.gpu.absent = Some("no driver".to_owned());
    }
}

#[test]
fn fixed_words_are_never_cut() {
    let mut cut = BTreeSet::new();
    for stage in states() {
        for (width, height) in SIZES {
            let shown = text(&stage.screen(width, height));
            let lines = shown.lines().filter(|line| !MAY_END_WITH_ELLIPSIS.iter().any(|text| line.contains(text)));
            cut.extend(lines.filter(|line| line.contains('…')).map(|line| format!("{width}x{height}: {line}")));
        }
    }
    assert!(cut.is_empty(), "{}", cut.into_iter().take(60).collect::<Vec<_>>().join("\n"));
}

/// Signs that separate words, or that draw lines, bars and curves.
fn is_plain(c: char) -> bool {
    c.is_alphanumeric()
        || c.is_ascii()
        || ['…', '’', '°', 'µ', '█', ' ', '←', '→'].contains(&c)
        || ('\u{2500}'..='\u{257F}').contains(&c)
        || ('\u{2581}'..='\u{2590}').contains(&c)
        || ('\u{2800}'..='\u{28FF}').contains(&c)
}

#[test]
fn each_sign_of_the_screen_is_in_the_glossary() {
    let known: String = terms_of(Place::Dashboard).map(|term| term.term).collect();
    let mut unknown = BTreeSet::new();
    for stage in states() {
        for (width, height) in [(80, 24), (120, 40), (200, 60)] {
            let shown = text(&stage.screen(width, height));
            unknown.extend(shown.chars().filter(|c| !is_plain(*c) && !known.contains(*c)));
        }
    }
    // Signs of other writing systems are names.
    unknown.retain(|c| !c.is_alphabetic() && *c as u32 >= 0x2000 && (*c as u32) < 0x1F000);
    assert!(unknown.is_empty(), "{unknown:?}");
    // These lines have a meaning, so the glossary must have them.
    for line in ["┃", "┊", "┄┄", "╌╌", "┈┈", "┴", "┼", "═", "━━", "──"] {
        assert!(known.contains(line), "{line}");
    }
}

/// Words in titles, heads and legends that have their everyday meaning, units, and names of the tests.
const EVERYDAY: [&str; 27] = [
    "all", "an", "and", "as", "at", "case", "figures", "from", "in", "is", "ms", "needs", "newest", "no", "not", "now",
    "of", "on", "requests", "rtx", "run", "streams", "suite", "the", "to", "up", "with",
];

/// Lines of a pane that name something: its title rule, heads of lanes, headings of tables and legends of charts.
fn naming_lines(shown: &str) -> impl Iterator<Item = &str> {
    let names = ["┈┈", " State ", " p50 ", " p95", "● measured", "● TTFT", "concurrency  "];
    shown
        .lines()
        .enumerate()
        .filter(move |(at, line)| *at == 0 || names.iter().any(|name| line.contains(name)))
        .map(|l| l.1)
}

#[test]
fn each_word_of_titles_heads_and_legends_is_in_the_glossary() {
    let terms: Vec<String> = terms_of(Place::Dashboard).map(|term| term.term.to_lowercase()).collect();
    let is_known = |word: &str| {
        let word = word.to_lowercase();
        EVERYDAY.contains(&word.as_str())
            || terms.iter().any(|term| term.split(|c: char| !c.is_alphanumeric() && c != '/').any(|part| part == word))
    };
    let mut unknown = BTreeSet::new();
    let panes = || PANES.iter().filter(|pane| pane.id != PaneId::Preview);
    for stage in states() {
        for (pane, (width, height)) in panes().flat_map(|pane| [(60, 12), (120, 40)].map(|size| (pane, size))) {
            let shown = text(&stage.draw_with(width, height, Theme::ansi(), pane.draw));
            for line in naming_lines(&shown) {
                let words = line.split(|c: char| !c.is_alphanumeric() && c != '/' && c != '.');
                let words = words
                    .map(|word| word.trim_matches(['.', '/']))
                    .filter(|word| word.len() > 1 && word.chars().all(|c| c.is_ascii_alphabetic() || c == '/'));
                unknown.extend(words.filter(|word| !is_known(word)).map(str::to_lowercase));
            }
        }
    }
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn each_column_and_pane_is_in_the_glossary() {
    let terms: Vec<&str> = terms_of(Place::Dashboard).map(|term| term.term).collect();
    let is_known = |name: &str| terms.iter().any(|term| term.to_lowercase() == name.to_lowercase());
    let panes = PaneId::ALL.map(PaneId::title).into_iter();
    let columns = METRICS.iter().filter_map(|metric| Some(metric.column.as_ref()?.heading));
    for name in panes.chain(columns).filter(|name| !["Decode"].contains(name)) {
        assert!(is_known(name), "{name}");
    }
}

#[test]
fn a_pane_has_one_name() {
    for stage in states() {
        for pane in PANES {
            let shown = text(&stage.draw_with(100, 20, Theme::ansi(), pane.draw));
            let rule = shown.lines().next().unwrap_or_default();
            let title = rule.trim_start_matches(['─', '━', ' ']);
            assert!(title.starts_with(pane.id.title()), "{:?}: {rule}", pane.id);
        }
    }
    // Help and palette use the same name.
    for (pane, name) in [(PaneId::Latency, "Latency"), (PaneId::Gpu, "GPU")] {
        let mut stage = sweep(2);
        stage.act(Action::Focus(pane));
        stage.act(Action::Help);
        let help = text(&stage.draw_with(100, 40, Theme::ansi(), |frame, _, view| draw(frame, view)));
        assert!(help.contains(&format!("Keys · {name} pane")), "{help}");
    }
}

#[test]
fn ten_cases_are_visible_at_80x24_during_and_after_the_run() {
    for done in [0, 5, 10] {
        let shown = text(&ten_cases(done).screen(80, 24));
        for name in TEN {
            let first: String = name.chars().take(16).collect();
            assert!(shown.contains(&first), "{name}: {shown}");
        }
    }
}

#[test]
fn each_speed_has_a_name_at_every_size() {
    const NAMES: [&str; 5] = ["speed", "decode", "throughput", "per user", "tok/s generated"];
    // Scales of ratings and thresholds, and commands, have no figure.
    const SCALES: [&str; 2] = ["≥", "> "];
    for stage in states() {
        for (width, height) in [(80, 24), (120, 40), (200, 60)] {
            let shown = text(&stage.screen(width, height));
            for line in shown.lines().filter(|line| line.contains("tok/s")) {
                // The name is before the figure or after its unit, in the same line.
                let is_named = NAMES.iter().chain(&SCALES).any(|name| line.to_lowercase().contains(name));
                assert!(is_named, "{width}x{height}: {line}");
            }
        }
    }
}

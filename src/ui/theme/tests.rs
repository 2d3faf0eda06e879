//! Contrast of every role on common terminal palettes.

mod terminal_palettes;

use ratatui::layout::Rect;
use ratatui::style::Modifier;

use self::terminal_palettes::{PALETTES, TerminalPalette};
use super::colour::{Depth, TEXT_CONTRAST, contrast, indexed, is_dark};
use super::*;
use crate::app::state::theme::ThemeName;

/// Contrast that WCAG 2 requires of graphics: borders, and the lines of charts.
const MARK_CONTRAST: f64 = 3.0;

/// Depth of colour, and the variables of a terminal that has it.
const DEPTHS: [(Depth, &str, &str); 3] = [
    (Depth::Sixteen, "TERM", "xterm"),
    (Depth::Indexed, "TERM", "xterm-256color"),
    (Depth::TrueColour, "COLORTERM", "truecolor"),
];

fn themes_with(variables: &[(&str, &str)]) -> Themes {
    let env = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
    Themes::from_env(&env, Vec::new())
}

/// Every style, its name, and whether it is the style of text.
fn styles_of(theme: Theme) -> Vec<(String, Style, bool)> {
    let roles = ROLES.iter().map(|role| (role.name.to_owned(), role.style(theme.0), role.is_text));
    // Numbers in the colour of a line have the line's own marks beside them.
    let series = theme.0.series.into_iter().enumerate().map(|(at, style)| (format!("series {at}"), style, false));
    roles.chain(series).collect()
}

/// Value of a colour on a terminal with this palette.
fn value(colour: Color, palette: &TerminalPalette) -> Rgb {
    let ansi = [
        Color::Black,
        Color::Red,
        Color::Green,
        Color::Yellow,
        Color::Blue,
        Color::Magenta,
        Color::Cyan,
        Color::Gray,
        Color::DarkGray,
        Color::LightRed,
        Color::LightGreen,
        Color::LightYellow,
        Color::LightBlue,
        Color::LightMagenta,
        Color::LightCyan,
        Color::White,
    ];
    match (colour, ansi.iter().position(|named| *named == colour)) {
        (_, Some(at)) => palette.colours[at],
        (Color::Rgb(r, g, b), _) => [r, g, b],
        (Color::Indexed(at @ 0..=15), _) => palette.colours[usize::from(at)],
        (Color::Indexed(at), _) => indexed(at),
        (other, _) => panic!("{other} has no value"),
    }
}

/// Asserts that every role of a theme has enough contrast on a terminal with this palette.
fn assert_legible(theme: Theme, palette: &TerminalPalette, what: &str) {
    let on = |colour: Color, own: Rgb| if colour == Color::Reset { own } else { value(colour, palette) };
    let background = on(theme.0.background, palette.background);
    let text = on(theme.0.text, palette.text);
    // No style can have more contrast than the palette's own text, which has only 4.1 in Solarized Light.
    let possible = contrast(text, background);
    for (role, style, is_text) in styles_of(theme) {
        let fg = style.fg.map_or(text, |colour| on(colour, text));
        let bg = style.bg.map_or(background, |colour| on(colour, background));
        let needs = if is_text { TEXT_CONTRAST } else { MARK_CONTRAST };
        let has = contrast(fg, bg);
        // A reversed style has the same contrast.
        assert!(has >= needs.min(possible), "{what}, {}: {role} has {has:.2} of {needs}", palette.name);
    }
}

#[test]
fn auto_is_legible_on_every_palette_whether_the_background_is_known_or_not() {
    for palette in PALETTES {
        for (depth, variable, term) in DEPTHS {
            let unknown = themes_with(&[(variable, term)]);
            assert_legible(unknown.theme(&ThemeName::Auto), palette, &format!("unknown, {depth:?}"));
            let kind = if is_dark(palette.background) { "15;0" } else { "0;15" };
            let named = themes_with(&[(variable, term), ("COLORFGBG", kind)]);
            assert_legible(named.theme(&ThemeName::Auto), palette, &format!("COLORFGBG, {depth:?}"));
            let mut reported = unknown;
            reported.set_background(palette.background);
            assert_legible(reported.theme(&ThemeName::Auto), palette, &format!("reported, {depth:?}"));
        }
    }
}

#[test]
fn named_themes_are_legible_on_their_own_background() {
    for (depth, variable, term) in DEPTHS {
        let themes = themes_with(&[(variable, term)]);
        for name in [ThemeName::Dark, ThemeName::Light, ThemeName::HighContrast] {
            // Terminals with only sixteen colours have values like those of xterm.
            let palette = PALETTES.iter().find(|palette| palette.name == "xterm").unwrap();
            assert_legible(themes.theme(&name), palette, &format!("{name:?}, {depth:?}"));
        }
    }
    let high = themes_with(&[("COLORTERM", "truecolor")]).theme(&ThemeName::HighContrast);
    for (role, style, _) in styles_of(high) {
        let Color::Rgb(r, g, b) = style.fg.unwrap_or(high.0.text) else { panic!("{style:?}") };
        assert!(contrast([r, g, b], [0; 3]) >= 7.0, "{role}");
    }
}

#[test]
fn muted_text_in_the_terminals_own_colours_is_dim_and_not_colour_8() {
    // The terminal computes dim text from its own text and background, so dim text is visible on every palette.
    for styles in [Styles::ANY_16, Styles::DARK_16, Styles::LIGHT_16] {
        assert_eq!(styles.muted, Style::new().fg(Color::Reset).add_modifier(Modifier::DIM));
        let all = styles_of(Theme(Box::leak(Box::new(styles))));
        assert!(all.iter().all(|(_, style, _)| style.fg != Some(Color::DarkGray)), "{all:?}");
    }
}

#[test]
fn no_role_of_the_mono_theme_sets_a_colour() {
    for (name, style, _) in styles_of(Theme::mono()) {
        assert_eq!((style.fg, style.bg), (None, None), "{name}");
    }
}

#[test]
fn chart_lines_and_states_differ_in_every_theme_with_colours() {
    let auto = |variables: &[(&str, &str)], background: Rgb| {
        let mut themes = themes_with(variables);
        themes.set_background(background);
        themes.theme(&ThemeName::Auto)
    };
    for (_, variable, term) in DEPTHS {
        let themes = themes_with(&[(variable, term)]);
        let mut all: Vec<Theme> = [ThemeName::Dark, ThemeName::Light, ThemeName::HighContrast]
            .iter()
            .map(|name| themes.theme(name))
            .collect();
        all.extend(PALETTES.iter().map(|palette| auto(&[(variable, term)], palette.background)));
        for theme in all {
            let differ = |styles: &[Style]| styles.iter().enumerate().all(|(i, style)| !styles[..i].contains(style));
            assert!(differ(&theme.0.series), "{theme:?}");
            let Styles { good, warning, bad, muted, .. } = *theme.0;
            // On light palettes of sixteen colours, success is plain text.
            assert!(differ(&[good, warning, bad, muted]), "{theme:?}");
        }
    }
}

#[test]
fn a_named_theme_sets_the_background_of_every_cell() {
    let drawn = |theme: Theme| {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 3, 1));
        buffer.set_string(0, 0, "a", theme.bad());
        theme.paint(&mut buffer);
        buffer
    };
    let light = themes_with(&[("COLORTERM", "truecolor")]).theme(&ThemeName::Light);
    let buffer = drawn(light);
    assert_eq!((Some(buffer[(0, 0)].fg), buffer[(0, 0)].bg), (light.0.bad.fg, light.0.background));
    assert_eq!((buffer[(2, 0)].fg, buffer[(2, 0)].bg), (light.0.text, light.0.background));
    for theme in [Theme::mono(), Theme::ansi()] {
        let buffer = drawn(theme);
        assert_eq!((buffer[(2, 0)].fg, buffer[(2, 0)].bg), (Color::Reset, Color::Reset), "{theme:?}");
    }
}

#[test]
fn a_theme_of_the_user_changes_what_it_sets_and_what_follows() {
    let cyan = Style::new().fg(Color::Rgb(0, 255, 255)).add_modifier(Modifier::BOLD);
    let mine = CustomTheme {
        inherits: ThemeName::Dark,
        background: Some(Color::Rgb(0x20, 0x20, 0x20)),
        roles: vec![("accent", cyan), ("key", Style::new().fg(Color::Red))],
        series: vec![Style::new().fg(Color::Green), Style::new().fg(Color::Blue)],
        ..CustomTheme::default()
    };
    let name = ThemeName::Custom("mine".to_owned());
    let in_term = |term: &'static str| {
        let env = move |name: &str| (name == "TERM").then(|| term.to_owned());
        Themes::from_env(&env, vec![("mine".to_owned(), mine.clone())])
    };
    let themes = in_term("xterm-direct");
    let (own, dark) = (themes.theme(&name).0, themes.theme(&ThemeName::Dark).0);
    assert_eq!((own.accent, own.key.fg, own.background), (cyan, Some(Color::Red), Color::Rgb(0x20, 0x20, 0x20)));
    // Headings follow the accent's colour and keep their own modifiers.
    assert_eq!(own.heading, Style::new().fg(Color::Rgb(0, 255, 255)).add_modifier(Modifier::BOLD));
    assert_eq!((own.good, own.text), (dark.good, dark.text));
    assert_eq!(own.series.map(|s| s.fg), [Color::Green, Color::Blue, Color::Green, Color::Blue].map(Some));
    assert_eq!(in_term("xterm-256color").theme(&name).0.accent.fg, Some(Color::Indexed(51)));
    // A theme that inherits `auto` follows the background of the terminal.
    let auto = CustomTheme { roles: vec![("accent", cyan)], ..CustomTheme::default() };
    let mut themes = Themes::from_env(&|_| Some("xterm-direct".to_owned()), vec![("mine".to_owned(), auto)]);
    themes.set_background([255; 3]);
    assert_eq!(themes.theme(&name).0.good, themes.theme(&ThemeName::Auto).0.good);
}

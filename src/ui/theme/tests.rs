use ratatui::layout::Rect;

use super::*;
use crate::app::state::theme::ThemeName;

#[test]
fn no_role_of_the_mono_theme_sets_a_colour() {
    for (name, style) in roles(Theme::mono()) {
        assert_eq!((style.fg, style.bg), (None, None), "{name}");
    }
}

fn roles(theme: Theme) -> Vec<(&'static str, Style)> {
    vec![
        ("text", theme.text()),
        ("muted", theme.muted()),
        ("border of the focus", theme.border(true)),
        ("border", theme.border(false)),
        ("title of the focus", theme.title(true)),
        ("title", theme.title(false)),
        ("accent", theme.accent()),
        ("value", theme.value()),
        ("good", theme.good()),
        ("warning", theme.warning()),
        ("bad", theme.bad()),
        ("badge", theme.badge()),
        ("selected", theme.selected()),
        ("reasoning", theme.reasoning()),
        ("code", theme.code()),
        ("heading", theme.heading()),
        ("key", theme.key()),
        ("series 0", theme.series(0)),
        ("series 1", theme.series(1)),
        ("series 2", theme.series(2)),
        ("series 3", theme.series(3)),
        ("quote", theme.quote()),
        ("link", theme.link()),
        ("keyword in code", theme.code_keyword()),
        ("string in code", theme.code_string()),
        ("comment in code", theme.code_comment()),
        ("number in code", theme.code_number()),
    ]
}

/// Relative luminance by WCAG 2.
fn luminance(colour: Color) -> f64 {
    let Color::Rgb(r, g, b) = colour else { panic!("{colour} depends on the terminal") };
    let linear = |channel: u8| {
        let c = f64::from(channel) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
}

fn contrast(one: Color, other: Color) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

fn true_colour(name: ThemeName) -> Theme {
    Themes::from_env(&|name| (name == "COLORTERM").then(|| "truecolor".to_owned())).theme(name)
}

#[test]
fn contrast_is_computed_as_in_wcag() {
    let (black, white) = (Color::Rgb(0, 0, 0), Color::Rgb(255, 255, 255));
    assert!((contrast(black, white) - 21.0).abs() < 1e-9);
    // The lightest grey that passes on white.
    assert!((contrast(Color::Rgb(0x76, 0x76, 0x76), white) - 4.54).abs() < 0.01);
}

#[test]
fn every_role_is_legible_on_the_background_of_its_theme() {
    for (name, text_needs, muted_needs) in
        [(ThemeName::Dark, 4.5, 3.0), (ThemeName::Light, 4.5, 3.0), (ThemeName::HighContrast, 7.0, 7.0)]
    {
        let theme = true_colour(name);
        let palette = theme.palette().unwrap();
        let muted_styles = [theme.muted(), theme.border(false)];
        for (role, style) in roles(theme) {
            let needs = if muted_styles.contains(&style) { muted_needs } else { text_needs };
            let has = contrast(style.fg.unwrap_or(palette.text), palette.background);
            assert!(has >= needs, "{name:?}: {role} has {has:.2} of {needs}");
        }
    }
}

#[test]
fn chart_lines_and_status_colours_differ_in_every_theme() {
    for name in [ThemeName::Dark, ThemeName::Light, ThemeName::HighContrast] {
        for theme in [true_colour(name), Themes::from_env(&|_| None).theme(name)] {
            let palette = theme.palette().unwrap();
            let differ = |colours: &[Color]| colours.iter().enumerate().all(|(i, c)| !colours[..i].contains(c));
            assert!(differ(&palette.series), "{theme:?}");
            assert!(differ(&[palette.good, palette.warning, palette.bad, palette.muted, palette.text]), "{theme:?}");
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
    let light = true_colour(ThemeName::Light);
    let buffer = drawn(light);
    let palette = light.palette().unwrap();
    assert_eq!((buffer[(0, 0)].fg, buffer[(0, 0)].bg), (palette.bad, palette.background));
    assert_eq!((buffer[(2, 0)].fg, buffer[(2, 0)].bg), (palette.text, palette.background));
    for theme in [Theme::mono(), Theme::ansi()] {
        let buffer = drawn(theme);
        assert_eq!((buffer[(2, 0)].fg, buffer[(2, 0)].bg), (Color::Reset, Color::Reset), "{theme:?}");
    }
}

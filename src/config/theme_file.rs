//! Reads and checks theme files of the user.

use std::path::{Path, PathBuf};

use ratatui::style::{Color, Modifier, Style};
use toml::de::DeValue;

use super::toml_file::{self, FileError, Mistakes, Section, advice, kind, shown};
use crate::app::state::theme::ThemeName;
use crate::store::input::Kind;
use crate::ui::theme::{CustomTheme, MODIFIERS, ROLES};

const THEME: Kind = Kind { file_name: Some("mine.toml"), what: "a theme", max_bytes: 64 * 1024 };

/// Maximum number of files of the themes folder that are read.
const MAX_FILES: usize = 100;

/// Colour names, for suggestions. Numbers like `10` and codes like `#56c8d8` are colours, too.
const COLOURS: [&str; 17] = [
    "default",
    "black",
    "red",
    "green",
    "yellow",
    "blue",
    "magenta",
    "cyan",
    "gray",
    "dark-gray",
    "light-red",
    "light-green",
    "light-yellow",
    "light-blue",
    "light-magenta",
    "light-cyan",
    "white",
];

/// Name of a user's theme, and the theme or the mistakes in its file.
pub(super) type Loaded = (String, Result<CustomTheme, FileError>);

/// Folder of the themes beside the usual config file.
pub(super) fn folder_beside(config: &Path) -> Option<PathBuf> {
    Some(config.parent()?.join("themes"))
}

/// Reads the theme files of a folder, sorted by name. Returns nothing if there is no such folder.
pub(super) fn load_folder(folder: &Path) -> Vec<Loaded> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let is_theme = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "toml");
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_theme).collect();
    files.sort();
    files.truncate(MAX_FILES);
    let name = |path: &PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let named = files.iter().filter_map(|path| Some((name(path)?, path)));
    // Files named like a built-in theme are ignored.
    named.filter(|(name, _)| ThemeName::by_name(name).is_none()).map(|(name, path)| (name, load(path))).collect()
}

/// Returns whether the name of a theme is the path of its file.
pub(super) fn is_path(name: &str) -> bool {
    name.contains(['/', '\\']) || Path::new(name).extension().is_some_and(|extension| extension == "toml")
}

/// Reads a theme file.
pub(super) fn load(path: &Path) -> Result<CustomTheme, FileError> {
    let name = path.display().to_string();
    parse(&toml_file::text_of(path, &name, &THEME)?, &name)
}

/// Parses the text of a theme file; errors name it `name`.
fn parse(text: &str, name: &str) -> Result<CustomTheme, FileError> {
    toml_file::parse(text, name, &THEME, |root, mistakes| Some(read(root, mistakes)))
}

fn read(root: &Section<'_, '_>, mistakes: &mut Mistakes<'_>) -> CustomTheme {
    let known: Vec<&str> =
        ["inherits", "background", "text", "series"].into_iter().chain(ROLES.iter().map(|role| role.name)).collect();
    root.check_keys(&known, "", mistakes);
    let inherits = root.word("inherits", &ThemeName::NAMES, mistakes).and_then(|(name, _)| ThemeName::by_name(name));
    let roles = ROLES.iter().filter_map(|role| Some((role.name, style(root, role.name, mistakes)?))).collect();
    CustomTheme {
        inherits: inherits.unwrap_or_default(),
        background: colour(root, "background", mistakes),
        text: colour(root, "text", mistakes),
        roles,
        series: series(root, mistakes),
    }
}

/// Reads a colour without modifiers.
fn colour(root: &Section<'_, '_>, key: &str, mistakes: &mut Mistakes<'_>) -> Option<Color> {
    let style = style(root, key, mistakes)?;
    if style.bg.is_some() || !style.add_modifier.is_empty() {
        let at = root.value(key).map_or(0, |(_, at)| at);
        mistakes.add(at, format!("'{key}' takes one colour, without modifiers"));
    }
    style.fg
}

fn style(root: &Section<'_, '_>, key: &str, mistakes: &mut Mistakes<'_>) -> Option<Style> {
    let (value, at) = root.value(key)?;
    style_of(key, value).map_err(|message| mistakes.add(at, message)).ok()
}

fn series(root: &Section<'_, '_>, mistakes: &mut Mistakes<'_>) -> Vec<Style> {
    let Some((value, at)) = root.value("series") else { return Vec::new() };
    let DeValue::Array(list) = value else {
        let kind = kind(value);
        mistakes.add(at, format!("'series' is {kind}; it must be a list of styles, like [\"cyan\", \"#d08ce0\"]"));
        return Vec::new();
    };
    let mut styles = Vec::new();
    for value in list {
        match style_of("series", value.get_ref()) {
            Ok(style) => styles.push(style),
            Err(message) => mistakes.add(value.span().start, message),
        }
    }
    styles
}

/// Parses a style: colours and modifiers in any order, like `"#56c8d8 bold"` or `"black on cyan"`, or the number of a
/// colour.
fn style_of(key: &str, value: &DeValue<'_>) -> Result<Style, String> {
    let text = match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => number.to_string(),
        other => {
            return Err(format!("'{key}' is {}; it must be a style in quotes, like \"#56c8d8 bold\"", kind(other)));
        }
    };
    let mut style = Style::new();
    let mut is_background = false;
    for word in text.split_whitespace() {
        if let Some(modifier) = modifier(word) {
            style = style.add_modifier(modifier);
        } else if word == "on" {
            is_background = true;
        } else {
            let colour = colour_of(word).ok_or_else(|| unknown(key, word))?;
            let slot = if is_background { &mut style.bg } else { &mut style.fg };
            if slot.replace(colour).is_some() {
                return Err(format!("'{key}' has two colours; write the background after 'on'"));
            }
            is_background = false;
        }
    }
    if style == Style::new() || is_background {
        return Err(format!("'{key}' has no colour; write a style, like \"#56c8d8 bold\""));
    }
    Ok(style)
}

fn modifier(word: &str) -> Option<Modifier> {
    MODIFIERS.iter().find(|(name, _)| *name == word).map(|(_, modifier)| *modifier)
}

fn colour_of(word: &str) -> Option<Color> {
    if word == "default" { Some(Color::Reset) } else { word.parse().ok() }
}

fn unknown(key: &str, word: &str) -> String {
    let known: Vec<&str> = COLOURS.into_iter().chain(MODIFIERS.iter().map(|(name, _)| *name)).collect();
    format!("'{key}' has '{}'; {}", shown(word), advice(word, &known, ", a number from 0 to 255, or #rrggbb"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(text: &str) -> String {
        parse(text, "mine.toml").map(|theme| format!("{theme:?}")).unwrap_err().to_string()
    }

    #[test]
    fn a_theme_file_sets_roles_with_colours_and_modifiers() {
        let text = "inherits = \"dark\"\nbackground = \"#101010\"\naccent = \"#56c8d8 bold\"\nmuted = 244\n\
                    selected = \"black on light-cyan\"\ntitle = \"default italic\"\nseries = [\"cyan\", 208]\n";
        let theme = parse(text, "mine.toml").unwrap();
        assert_eq!((theme.inherits, theme.background), (ThemeName::Dark, Some(Color::Rgb(16, 16, 16))));
        let style = |name: &str| theme.roles.iter().find(|(role, _)| *role == name).unwrap().1;
        assert_eq!(style("accent"), Style::new().fg(Color::Rgb(0x56, 0xc8, 0xd8)).add_modifier(Modifier::BOLD));
        assert_eq!(style("muted"), Style::new().fg(Color::Indexed(244)));
        assert_eq!(style("selected"), Style::new().fg(Color::Black).bg(Color::LightCyan));
        assert_eq!(style("title"), Style::new().fg(Color::Reset).add_modifier(Modifier::ITALIC));
        assert_eq!(theme.series, [Style::new().fg(Color::Cyan), Style::new().fg(Color::Indexed(208))]);
    }

    #[test]
    fn mistakes_name_file_line_and_the_nearest_word() {
        assert_eq!(mistakes("\nacent = \"red\"\n"), "mine.toml:2: unknown key 'acent'; did you mean 'accent'?");
        assert_eq!(mistakes("accent = \"megenta\"\n"), "mine.toml:1: 'accent' has 'megenta'; did you mean 'magenta'?");
        assert_eq!(mistakes("key = \"red boldd\"\n"), "mine.toml:1: 'key' has 'boldd'; did you mean 'bold'?");
        assert_eq!(mistakes("inherits = \"drak\"\n"), "mine.toml:1: 'inherits' is 'drak'; did you mean 'dark'?");
        let columns = mistakes("series = [\"red\", \"zzz\"]\n");
        assert!(columns.starts_with("mine.toml:1:18: 'series' has 'zzz'; known here: default, black"), "{columns}");
        for (text, part) in [
            ("good = true", "'good' is a boolean; it must be a style in quotes"),
            ("good = \"\"", "has no colour"),
            ("good = \"red on\"", "has no colour"),
            ("good = \"red blue\"", "two colours"),
            ("good = 256", "'good' has '256'"),
            ("background = \"red bold\"", "one colour, without modifiers"),
            ("series = \"red\"", "it must be a list of styles"),
        ] {
            let found = mistakes(text);
            assert!(found.starts_with("mine.toml:1: ") && found.contains(part), "{found}");
        }
    }

    #[test]
    fn a_folder_offers_its_theme_files_but_not_under_names_of_the_program() {
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in [("b.toml", "accent = 1"), ("a.toml", "oops = 1"), ("dark.toml", ""), ("notes.txt", "")] {
            std::fs::write(folder.path().join(file), text).unwrap();
        }
        let loaded = load_folder(folder.path());
        let names: Vec<_> = loaded.iter().map(|(name, theme)| (name.as_str(), theme.is_ok())).collect();
        assert_eq!(names, [("a", false), ("b", true)]);
        assert!(load_folder(&folder.path().join("none")).is_empty());
    }
}

//! The list of themes. The highlighted one is already on the screen, with a sample of its colours.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{keys_of, popup};
use crate::app::state::theme::{OfferedTheme, ThemeChoice, ThemeName};
use crate::domain::text::sanitise_line;
use crate::ui::fit::{cut, left};
use crate::ui::keymap::Context;
use crate::ui::view::View;

/// Maximum width of the text, columns.
const COLUMNS: usize = 56;
/// Width of the names, columns.
const NAME: usize = 20;
/// Maximum number of themes on the screen.
const ROWS: usize = 12;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, choice: &ThemeChoice, view: &View<'_>) {
    let theme = view.theme;
    let themes = &view.app.themes;
    let columns = usize::from(area.width).saturating_sub(6).min(COLUMNS);
    let rows = usize::from(area.height).saturating_sub(6).min(ROWS).min(themes.len()).max(1);
    let first = (choice.highlighted + 1).saturating_sub(rows).min(themes.len().saturating_sub(rows));
    let mut lines: Vec<_> = themes
        .iter()
        .enumerate()
        .skip(first)
        .take(rows)
        .map(|(at, offered)| row(offered, at == choice.highlighted, columns, view))
        .collect();
    lines.push(Line::default());
    let sample = [
        ("done ", theme.good()),
        ("held ", theme.warning()),
        ("failed ", theme.bad()),
        ("label ", theme.muted()),
        ("accent ", theme.accent()),
        ("reasoning ", theme.reasoning()),
    ];
    let mut sample: Vec<_> = sample.into_iter().map(|(word, style)| Span::styled(word, style)).collect();
    sample.extend((0..4).map(|at| Span::styled("━━", theme.series(at))));
    lines.push(Line::from(sample));
    let mut hint = keys_of(Context::Themes, view);
    if themes.len() > rows {
        let position = format!(" {} of {} ", choice.highlighted + 1, themes.len());
        hint.spans.insert(0, Span::styled(position, theme.muted()));
    }
    popup(frame, area, "Themes", hint, lines, theme);
}

fn row(offered: &OfferedTheme, is_chosen: bool, columns: usize, view: &View<'_>) -> Line<'static> {
    let theme = view.theme;
    let about = match &offered.mistake {
        Some(mistake) => sanitise_line(mistake),
        None => about(&offered.name).to_owned(),
    };
    let name = left(&cut(&sanitise_line(offered.name.as_str()), NAME - 1), NAME.min(columns));
    let room = columns.saturating_sub(NAME + 2);
    let about = left(&cut(&about, room), room);
    let about_style = if offered.mistake.is_some() { theme.bad() } else { theme.muted() };
    let mark = if is_chosen { "> " } else { "  " };
    let line = Line::from(vec![
        Span::styled(mark, theme.text()),
        Span::styled(name, theme.text()),
        Span::styled(about, about_style),
    ]);
    if is_chosen { theme.highlight(&line, columns) } else { line }
}

const fn about(name: &ThemeName) -> &'static str {
    match name {
        ThemeName::Auto => "suits the terminal's background",
        ThemeName::Dark => "bright on black",
        ThemeName::Light => "dark on white",
        ThemeName::HighContrast => "strong colours on black",
        ThemeName::Mono => "no colours",
        ThemeName::Custom(_) => "your own",
    }
}

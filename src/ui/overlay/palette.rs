//! The command palette: the query and the commands found, unavailable ones dimmed with the reason.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{keys_of, popup, typed};
use crate::app::state::palette::{Command, Palette, found};
use crate::app::update::availability::obstacle;
use crate::ui::fit::{cut, left, width};
use crate::ui::keymap::{Context, keys_label};
use crate::ui::view::View;

/// Maximum width of the text, columns.
const COLUMNS: usize = 84;
/// Maximum number of commands on the screen.
const ROWS: usize = 16;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, palette: &Palette, view: &View<'_>) {
    let commands = &view.app.commands;
    let columns = usize::from(area.width).saturating_sub(6).min(COLUMNS);
    let rows = usize::from(area.height).saturating_sub(6).min(ROWS).min(commands.len()).max(1);
    let found = found(commands, palette.query.as_str());
    let first = (palette.at + 1).saturating_sub(rows).min(found.len().saturating_sub(rows));
    let mut query = vec![Span::styled(": ", view.theme.key())];
    query.extend(typed(&palette.query, columns.saturating_sub(2), view.theme));
    let mut lines = vec![Line::from(query), Line::raw(" ".repeat(columns))];
    for (at, command) in
        found.iter().enumerate().skip(first).take(rows).filter_map(|(at, i)| Some((at, commands.get(*i)?)))
    {
        lines.push(row(command, at == palette.at, columns, view));
    }
    if found.is_empty() {
        lines.push(Line::styled("  No matching command.", view.theme.muted()));
    }
    // A fixed height, so that the palette keeps its size while the user types.
    lines.resize(rows + 2, Line::default());
    let mut hint = keys_of(Context::Palette, view);
    if found.len() > rows {
        let position = format!(" {} of {} ", palette.at + 1, found.len());
        hint.spans.insert(0, Span::styled(position, view.theme.muted()));
    }
    popup(frame, area, "Commands", hint, lines, view.theme);
}

/// Description of a command, the reason if it is unavailable, and its keys.
fn row(command: &Command, is_chosen: bool, columns: usize, view: &View<'_>) -> Line<'static> {
    let theme = view.theme;
    let row = view.keymap.row_of(command);
    let keys = row.map_or_else(String::new, |r| keys_label(&r.keys));
    let help = row.map_or("", |r| r.binding.help);
    let text = command.pane.map_or_else(|| help.to_owned(), |pane| format!("{}: {help}", pane.title()));
    let why = obstacle(view.app, command.action).map(|o| format!("({})", o.why)).unwrap_or_default();
    let (mark, room) = (if is_chosen { "> " } else { "  " }, columns.saturating_sub(2));
    let keys = cut(&keys, room);
    let why = cut(&why, room.saturating_sub(width(&keys)) / 2);
    let gap = if why.is_empty() { "" } else { "  " };
    let room = room.saturating_sub(width(&keys) + width(&why) + gap.len());
    let text = left(&cut(&text, room.saturating_sub(2)), room);
    let (text_style, key_style) =
        if why.is_empty() { (theme.text(), theme.key()) } else { (theme.muted(), theme.muted()) };
    let spans = vec![
        Span::styled(mark, text_style),
        Span::styled(text, text_style),
        Span::styled(format!("{why}{gap}"), theme.muted()),
        Span::styled(keys, key_style),
    ];
    if is_chosen { Line::from(spans).patch_style(theme.selected()) } else { Line::from(spans) }
}

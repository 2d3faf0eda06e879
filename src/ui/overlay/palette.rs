//! The command palette: the query and the commands found, unavailable ones dimmed with the reason.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{keys_of, popup, text_field};
use crate::app::state::palette::{Command, Palette};
use crate::app::update::availability::obstacle;
use crate::domain::text::sanitise_line;
use crate::ui::fit::{clauses, cut, left, width};
use crate::ui::keymap::{Context, keys_label, name_now};
use crate::ui::view::View;

/// Maximum width of the text, columns.
const COLUMNS: usize = 84;
/// Maximum number of commands on the screen.
const ROWS: usize = 16;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, palette: &Palette, view: &View<'_>) {
    let commands = &view.app.commands;
    let columns = usize::from(area.width).saturating_sub(6).min(COLUMNS);
    let rows = usize::from(area.height).saturating_sub(6).min(ROWS).min(commands.len()).max(1);
    let found = palette.found(commands);
    let first = (palette.highlighted + 1).saturating_sub(rows).min(found.len().saturating_sub(rows));
    let mut query = vec![Span::styled(": ", view.theme.key())];
    query.extend(text_field(&palette.query, columns.saturating_sub(2), view.theme));
    let mut lines = vec![Line::from(query), Line::raw(" ".repeat(columns))];
    for (at, command) in
        found.iter().enumerate().skip(first).take(rows).filter_map(|(at, i)| Some((at, commands.get(*i)?)))
    {
        lines.push(row(command, at == palette.highlighted, columns, view));
    }
    if found.is_empty() {
        lines.push(Line::styled("  No matching command.", view.theme.muted()));
    }
    // A fixed height, so that the palette keeps its size while the user types.
    lines.resize(rows + 2, Line::default());
    let mut hint = keys_of(Context::Palette, view);
    if found.len() > rows {
        let position = format!(" {} of {} ", palette.highlighted + 1, found.len());
        hint.spans.insert(0, Span::styled(position, view.theme.muted()));
    }
    popup(frame, area, "Commands", hint, lines, view.theme);
}

/// Row of a command: its name, details or the reason why it is unavailable, and its keys.
fn row(command: &Command, is_chosen: bool, columns: usize, view: &View<'_>) -> Line<'static> {
    let theme = view.theme;
    let row = view.keymap.row_of(command);
    let keys = row.map_or_else(String::new, |r| keys_label(&r.keys));
    let name = row.map_or_else(String::new, |r| name_now(view.app, r.binding));
    let name = command.pane.map_or_else(|| name.clone(), |pane| format!("{}: {name}", pane.title()));
    let obstacle = obstacle(view.app, command.action);
    let about = match (&obstacle, row) {
        (Some(obstacle), _) if obstacle.why.is_empty() => String::new(),
        (Some(obstacle), _) => format!(" – {}", sanitise_line(&obstacle.why)),
        (None, Some(row)) => row.binding.details().to_owned(),
        (None, None) => String::new(),
    };
    let (mark, room) = (if is_chosen { "> " } else { "  " }, columns.saturating_sub(2));
    let keys = cut(&keys, room);
    // Leave a gap of two cells before the keys.
    let room = room.saturating_sub(width(&keys) + 2);
    let name = cut(&name, room);
    let beside = room.saturating_sub(width(&name));
    // Leave out details that do not fit, because the help has them. Cut a reason at the end of a clause.
    let about = if obstacle.is_none() && width(&about) > beside { String::new() } else { clauses(&about, beside) };
    let about = left(&about, beside + 2);
    let (text_style, key_style) =
        if obstacle.is_none() { (theme.text(), theme.key()) } else { (theme.muted(), theme.muted()) };
    let line = Line::from(vec![
        Span::styled(mark, text_style),
        Span::styled(name, text_style),
        Span::styled(about, theme.muted()),
        Span::styled(keys, key_style),
    ]);
    if is_chosen { theme.highlight(&line, columns) } else { line }
}

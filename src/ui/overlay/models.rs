//! The dialog that lists the endpoint's models.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{keys_of, popup, text_field};
use crate::app::state::model_choice::ModelChoice;
use crate::domain::text::sanitise_line;
use crate::ui::fit::{cut, left, width};
use crate::ui::keymap::Context;
use crate::ui::view::View;

/// Maximum width of the text, columns.
const COLUMNS: usize = 84;
/// Maximum number of models on the screen.
const ROWS: usize = 16;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, choice: &ModelChoice, view: &View<'_>) {
    let theme = view.theme;
    let names: Vec<String> = choice.found().into_iter().map(sanitise_line).collect();
    let about = sanitise_line(&choice.about);
    let longest = choice.models.iter().map(|m| width(m) + 2).chain([width(&about)]).max().unwrap_or(0);
    let columns = longest.min(COLUMNS).min(usize::from(area.width).saturating_sub(6));
    let rows = usize::from(area.height).saturating_sub(8).min(ROWS).min(choice.models.len()).max(1);
    let first = (choice.highlighted + 1).saturating_sub(rows).min(names.len().saturating_sub(rows));
    let mut query = vec![Span::styled("/ ", theme.key())];
    query.extend(text_field(&choice.query, columns.saturating_sub(2), theme));
    let mut lines = vec![
        Line::styled(cut(&about, columns), theme.muted()),
        Line::default(),
        Line::from(query),
        Line::raw(" ".repeat(columns)),
    ];
    for (at, name) in names.iter().enumerate().skip(first).take(rows) {
        let is_chosen = at == choice.highlighted;
        let text = format!("{}{}", if is_chosen { "> " } else { "  " }, cut(name, columns.saturating_sub(2)));
        let line = Line::styled(left(&text, columns), theme.text());
        lines.push(if is_chosen { theme.highlight(&line, columns) } else { line });
    }
    if names.is_empty() {
        lines.push(Line::styled("  No matching model.", theme.muted()));
    }
    // A fixed height, so that the dialog keeps its size while the user types.
    lines.resize(rows + 4, Line::default());
    let mut hint = keys_of(Context::Models, view);
    if names.len() > rows {
        hint.spans.insert(0, Span::styled(format!(" {} of {} ", choice.highlighted + 1, names.len()), theme.muted()));
    }
    popup(frame, area, "Choose a model", hint, lines, theme);
}

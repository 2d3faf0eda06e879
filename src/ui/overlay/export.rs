//! The dialog for an export format and a file name.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{keys_of, popup, tail, text_field};
use crate::app::state::export_dialog::{ExportDialog, NameCheck};
use crate::domain::text::sanitise_line;
use crate::ui::keymap::Context;
use crate::ui::view::View;
use crate::ui::widget::wrap::wrap;

/// Maximum width of the dialog's text, columns.
const COLUMNS: usize = 68;
/// Width of the fields' labels, columns.
const LABEL: usize = 8;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, dialog: &ExportDialog, view: &View<'_>) {
    let theme = view.theme;
    let columns = usize::from(area.width).saturating_sub(6).min(COLUMNS);
    let room = columns.saturating_sub(LABEL);
    let format = |(i, label): (usize, &&'static str)| {
        if i == dialog.format {
            Line::styled(format!("> {label} "), theme.selected())
        } else {
            Line::styled(format!("  {label} "), theme.text())
        }
    };
    let mut lines: Vec<_> = view.app.export_labels.iter().enumerate().map(format).collect();
    let field = |name: &str| Span::styled(format!("{name:<LABEL$}"), theme.muted());
    lines.push(Line::raw(" ".repeat(columns)));
    let mut file = vec![field("File")];
    file.extend(text_field(&dialog.name, room, theme));
    lines.push(Line::from(file));
    lines.push(Line::from(vec![field("Folder"), Span::raw(tail(&sanitise_line(&dialog.folder), room))]));
    let (text, style) = name_note(dialog, view);
    // Always two lines, so that the dialog keeps its size while a name is typed.
    let mut note = wrap(&[Span::styled(text, style)], columns.max(1));
    note.truncate(2);
    note.resize(2, Vec::new());
    lines.extend(note.into_iter().map(Line::from));
    popup(frame, area, "Export as", keys_of(Context::Export, view), lines, theme);
}

/// Result of checking the file name, and its style.
fn name_note(dialog: &ExportDialog, view: &View<'_>) -> (String, Style) {
    let theme = view.theme;
    let (text, style) = match &dialog.check {
        NameCheck::Unknown => (String::new(), theme.muted()),
        NameCheck::New => ("New file.".to_owned(), theme.muted()),
        NameCheck::Taken(name) => (format!("File exists; writes '{}' instead.", sanitise_line(name)), theme.warning()),
        NameCheck::Refused(why) => return (format!("! {}", sanitise_line(why)), theme.bad()),
    };
    match dialog.missing_extension() {
        Some(extension) => {
            (format!("{text} The name does not end in '.{extension}'.").trim().to_owned(), theme.warning())
        }
        None => (text, style),
    }
}

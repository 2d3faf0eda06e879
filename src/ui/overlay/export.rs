//! The choice of a format and a file's name.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{keys_of, popup, tail, typed};
use crate::app::state::export_dialog::{ExportDialog, NameCheck};
use crate::domain::text::sanitise_line;
use crate::ui::keymap::Context;
use crate::ui::view::View;
use crate::ui::widget::wrap::wrap;

/// Columns of the dialog, and of the names of its fields.
const COLUMNS: usize = 68;
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
    file.extend(typed(&dialog.name, room, theme));
    lines.push(Line::from(file));
    lines.push(Line::from(vec![field("Folder"), Span::raw(tail(&sanitise_line(&dialog.folder), room))]));
    let (text, style) = name_note(dialog, view);
    // The same number of lines whatever is said, so that nothing jumps while a name is typed.
    let mut said = wrap(&[Span::styled(text, style)], columns.max(1));
    said.truncate(2);
    said.resize(2, Vec::new());
    lines.extend(said.into_iter().map(Line::from));
    popup(frame, area, "Export as", keys_of(Context::Export, view), lines, theme);
}

/// What would become of the name.
fn name_note(dialog: &ExportDialog, view: &View<'_>) -> (String, Style) {
    let theme = view.theme;
    let (text, style) = match &dialog.check {
        NameCheck::Unknown => (String::new(), theme.muted()),
        NameCheck::New => ("A new file.".to_owned(), theme.muted()),
        NameCheck::Taken(name) => (format!("Exists: will become '{}'.", sanitise_line(name)), theme.warning()),
        NameCheck::Refused(why) => return (format!("! {}", sanitise_line(why)), theme.bad()),
    };
    match dialog.missing_extension() {
        Some(extension) => {
            (format!("{text} Its name does not end in '.{extension}'.").trim().to_owned(), theme.warning())
        }
        None => (text, style),
    }
}

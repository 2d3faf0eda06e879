//! What lies over the panes: what keys and typing mean there.

use super::answer::PAGE;
use super::cases::select_listed;
use super::message::{Action, Effect};
use super::model::{App, Overlay};
use super::text_field::Edit;
use super::{export_dialog, model_choice, palette};

/// What an action means while something lies over the panes; `None` when nothing does. What is chosen in the palette means
/// something in the panes: that is not for here.
pub(super) fn act(app: &mut App, action: Action) -> Option<Vec<Effect>> {
    match (&mut app.ui.overlay, action) {
        (Overlay::None, _) => return None,
        (_, Action::Suspend) => return Some(vec![Effect::Suspend]),
        (_, Action::Redraw) => return Some(vec![Effect::Redraw]),
        (Overlay::Help(line), action) => match step(action, PAGE) {
            Some(by) => *line = line.saturating_add_signed(by as i16),
            None => app.ui.overlay = Overlay::None,
        },
        (Overlay::Report(_), Action::ChooseExport) => return Some(export_dialog::open(app)),
        (Overlay::Report(_), Action::Export) => return Some(vec![Effect::Export { exporter: 0 }]),
        (Overlay::Report(view), action) => match (action, step(action, app.ui.report_extent.page.cast_signed())) {
            (_, Some(by)) => view.top = view.top.saturating_add_signed(by).min(app.ui.report_extent.limit),
            (Action::SelectFirst, _) => view.top = 0,
            (Action::SelectLast, _) => view.top = app.ui.report_extent.limit,
            _ => app.ui.overlay = Overlay::None,
        },
        (Overlay::ConfirmQuit, Action::Confirm | Action::Quit | Action::Zoom) => {
            app.interrupted = true;
            app.ui.overlay = Overlay::None;
            return Some(vec![Effect::Quit(app.exit_status())]);
        }
        (Overlay::Export(dialog), Action::SelectNext) => {
            return Some(export_dialog::turn(dialog, 1, app.export_labels.len()));
        }
        (Overlay::Export(dialog), Action::SelectPrevious) => {
            return Some(export_dialog::turn(dialog, -1, app.export_labels.len()));
        }
        (Overlay::Export(dialog), Action::Confirm) => {
            let name = dialog.name.as_str().to_owned();
            return Some(vec![Effect::ExportAs { exporter: dialog.format, name }]);
        }
        (Overlay::Palette(_), Action::SelectNext) => palette::turn(app, 1),
        (Overlay::Palette(_), Action::SelectPrevious) => palette::turn(app, -1),
        (Overlay::Palette(_), Action::ScrollDown) => palette::turn(app, PAGE),
        (Overlay::Palette(_), Action::ScrollUp) => palette::turn(app, -PAGE),
        (Overlay::Models(_), action) => return Some(model_choice::act(app, action)),
        (Overlay::FilterInput, Action::Back) => {
            app.ui.filter.clear();
            app.ui.overlay = Overlay::None;
        }
        (Overlay::SearchInput, Action::Back) => {
            app.ui.answer.drop_search();
            app.ui.overlay = Overlay::None;
        }
        (Overlay::FilterInput | Overlay::SearchInput, Action::Zoom | Action::Confirm)
        | (Overlay::ConfirmQuit | Overlay::Export(_) | Overlay::Palette(_), Action::Back) => {
            app.ui.overlay = Overlay::None;
        }
        (
            Overlay::FilterInput
            | Overlay::SearchInput
            | Overlay::ConfirmQuit
            | Overlay::Export(_)
            | Overlay::Palette(_),
            _,
        ) => {}
    }
    Some(Vec::new())
}

/// Lines that an action goes down in a text.
fn step(action: Action, page: isize) -> Option<isize> {
    Some(match action {
        Action::SelectNext => 1,
        Action::SelectPrevious => -1,
        Action::ScrollDown => page.max(1),
        Action::ScrollUp => -page.max(1),
        _ => return None,
    })
}

/// Changes the text that is being typed: that of what lies over the panes. `None`: none is.
pub(super) fn edit(app: &mut App, edit: &Edit) -> Option<Vec<Effect>> {
    match &mut app.ui.overlay {
        Overlay::FilterInput => {
            app.ui.filter.edit(edit);
            select_listed(app);
        }
        Overlay::SearchInput => app.ui.answer.edit_search(edit),
        Overlay::Export(dialog) => return Some(export_dialog::edit(dialog, edit)),
        Overlay::Palette(palette) => {
            palette.query.edit(edit);
            palette.at = 0;
        }
        Overlay::Models(choice) => {
            choice.query.edit(edit);
            choice.at = 0;
        }
        Overlay::None | Overlay::Help(_) | Overlay::ConfirmQuit | Overlay::Report(_) => return None,
    }
    Some(Vec::new())
}

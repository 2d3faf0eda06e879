//! Keys and typing in the overlays.

use super::selection::select_listed;
use super::{export_dialog, model_choice, palette, theme_choice};
use crate::app::action::Action;
use crate::app::message::{Effect, ReportEffect, ScreenEffect};
use crate::app::state::answer::PAGE_LINES;
use crate::app::state::help_view::HelpView;
use crate::app::state::text_field::Edit;
use crate::app::state::{App, Overlay};

/// Carries out an action in the open overlay; `None` if none is open. [`super::palette`] handles "confirm" in the
/// palette, because the chosen command acts on the panes.
pub(super) fn act(app: &mut App, action: Action) -> Option<Vec<Effect>> {
    match (&mut app.ui.overlay, action) {
        (Overlay::None, _) => return None,
        (_, Action::Suspend) => return Some(vec![Effect::Screen(ScreenEffect::Suspend)]),
        (_, Action::Redraw) => return Some(vec![Effect::Screen(ScreenEffect::Redraw)]),
        // The first Ctrl-C closes the overlay; the second one finds none and quits.
        (overlay, Action::Quit) if !matches!(overlay, Overlay::ConfirmQuit | Overlay::Models(_)) => {
            if let Overlay::Help(help) = overlay {
                help.query.clear();
            }
            let effects = act(app, Action::Back);
            if app.asks_before_quitting() {
                app.ui.overlay = Overlay::ConfirmQuit;
            }
            return effects;
        }
        (Overlay::Help(help), action) => match (action, scroll_lines(action, PAGE_LINES)) {
            (_, Some(by)) => help.top = help.top.saturating_add_signed(by),
            (Action::NextPane, _) => *help = HelpView { page: help.page.next(), ..HelpView::default() },
            (Action::Back, _) if !help.query.is_empty() => *help = HelpView { page: help.page, ..HelpView::default() },
            _ => app.ui.overlay = Overlay::None,
        },
        (Overlay::Report(_), Action::ChooseExport) => return Some(export_dialog::open(app)),
        (Overlay::Report(_), Action::Export) => {
            return Some(vec![Effect::Report(ReportEffect::Export { exporter: 0 })]);
        }
        (Overlay::Report(view), action) => {
            match (action, scroll_lines(action, app.ui.overlay_extent.page.cast_signed())) {
                (_, Some(by)) => view.top = view.top.saturating_add_signed(by).min(app.ui.overlay_extent.limit),
                (Action::SelectFirst, _) => view.top = 0,
                (Action::SelectLast, _) => view.top = app.ui.overlay_extent.limit,
                _ => app.ui.overlay = Overlay::None,
            }
        }
        (Overlay::ConfirmQuit, Action::Confirm | Action::Quit | Action::Zoom) => {
            app.interrupted = true;
            app.ui.overlay = Overlay::None;
            return Some(vec![Effect::Quit(app.exit_status())]);
        }
        (Overlay::Export(dialog), Action::SelectNext) => {
            return Some(export_dialog::step(dialog, 1, app.export_labels.len()));
        }
        (Overlay::Export(dialog), Action::SelectPrevious) => {
            return Some(export_dialog::step(dialog, -1, app.export_labels.len()));
        }
        (Overlay::Export(dialog), Action::Confirm) => {
            let name = dialog.name.as_str().to_owned();
            return Some(vec![Effect::Report(ReportEffect::ExportAs { exporter: dialog.format, name })]);
        }
        (Overlay::Palette(_), Action::SelectNext) => palette::step(app, 1),
        (Overlay::Palette(_), Action::SelectPrevious) => palette::step(app, -1),
        (Overlay::Palette(_), Action::ScrollDown) => palette::step(app, PAGE_LINES),
        (Overlay::Palette(_), Action::ScrollUp) => palette::step(app, -PAGE_LINES),
        (Overlay::Models(_), action) => return Some(model_choice::act(app, action)),
        (Overlay::Themes(_), action) => theme_choice::act(app, action),
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

/// Lines by which an action scrolls a text down; `None` for other actions.
fn scroll_lines(action: Action, page: isize) -> Option<isize> {
    Some(match action {
        Action::SelectNext => 1,
        Action::SelectPrevious => -1,
        Action::ScrollDown => page.max(1),
        Action::ScrollUp => -page.max(1),
        _ => return None,
    })
}

/// Edits the text field of the open overlay; `None` without one.
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
            palette.highlighted = 0;
        }
        Overlay::Help(help) => {
            help.query.edit(edit);
            help.top = 0;
        }
        Overlay::Models(choice) => {
            choice.query.edit(edit);
            choice.highlighted = 0;
        }
        Overlay::None | Overlay::ConfirmQuit | Overlay::Report(_) | Overlay::Themes(_) => {
            return None;
        }
    }
    Some(Vec::new())
}

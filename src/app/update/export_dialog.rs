//! Keys and typing in the export dialog.

use crate::app::message::{Effect, ReportEffect};
use crate::app::state::export_dialog::{ExportDialog, NameCheck};
use crate::app::state::text_field::Edit;
use crate::app::state::{App, Overlay};

/// Opens the dialog and requests default file names.
pub(super) fn open(app: &mut App) -> Vec<Effect> {
    app.ui.overlay = Overlay::Export(ExportDialog::default());
    vec![Effect::Report(ReportEffect::OfferExports)]
}

/// Takes the default file names, one for each format.
pub(super) fn set_offers(app: &mut App, offers: Vec<String>, folder: String) -> Vec<Effect> {
    let Overlay::Export(dialog) = &mut app.ui.overlay else { return Vec::new() };
    dialog.offer(offers, folder);
    check_name(dialog)
}

/// Takes the result of a check, unless the name changed since.
pub(super) fn set_check(app: &mut App, name: &str, check: NameCheck) {
    if let Overlay::Export(dialog) = &mut app.ui.overlay
        && dialog.name.as_str() == name
    {
        dialog.check = check;
    }
}

/// Selects the format `by` places further down in a list of `formats`.
pub(super) fn step(dialog: &mut ExportDialog, by: isize, formats: usize) -> Vec<Effect> {
    let to = dialog.format.saturating_add_signed(by).min(formats.saturating_sub(1));
    dialog.select(to);
    check_name(dialog)
}

/// Edits the file name.
pub(super) fn edit(dialog: &mut ExportDialog, edit: &Edit) -> Vec<Effect> {
    dialog.name.edit(edit);
    check_name(dialog)
}

/// Requests a check of the file name.
fn check_name(dialog: &mut ExportDialog) -> Vec<Effect> {
    dialog.check = NameCheck::Unknown;
    vec![Effect::Report(ReportEffect::CheckExport(dialog.name.as_str().to_owned()))]
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::app::action::Action;
    use crate::app::message::Msg;
    use crate::app::update::testing::app;
    use crate::app::update::update;
    use crate::domain::time::Nanos;

    fn open_with(names: &[&str]) -> App {
        let mut app = app(1);
        let effects = update(&mut app, Msg::Action(Nanos(1), Action::ChooseExport));
        assert!(matches!(effects[..], [Effect::Report(ReportEffect::OfferExports)]));
        let offers = names.iter().map(|n| (*n).to_owned()).collect();
        let effects = update(&mut app, Msg::ExportsOffered { offers, folder: "/here".to_owned() });
        assert!(
            matches!(&effects[..], [Effect::Report(ReportEffect::CheckExport(name))] if name == names[0]),
            "{effects:?}"
        );
        app
    }

    fn dialog(app: &App) -> &ExportDialog {
        let Overlay::Export(dialog) = &app.ui.overlay else { panic!("{:?}", app.ui.overlay) };
        dialog
    }

    /// The name after the format was changed from Markdown to JSON.
    fn as_json(name: &str) -> String {
        let mut app = open_with(&["r.md", "r.json"]);
        update(&mut app, Msg::Edit(Edit::Clear));
        update(&mut app, Msg::Edit(Edit::Paste(name.to_owned())));
        update(&mut app, Msg::Action(Nanos(1), Action::SelectNext));
        dialog(&app).name.as_str().to_owned()
    }

    #[test]
    fn the_extension_changes_with_the_format_if_it_was_the_old_formats() {
        assert_eq!(as_json("out/mine.md"), "out/mine.json");
        assert_eq!(as_json("r.md"), "r.json");
        assert_eq!(as_json("notes.txt"), "notes.txt");
        assert_eq!(as_json("v1.2/plain"), "v1.2/plain");
        assert_eq!(as_json("plainmd"), "plainmd");
        assert_eq!(as_json(""), "");
    }

    #[test]
    fn an_unedited_name_is_the_default_of_the_format() {
        let mut app = open_with(&["mine.md", "elsewhere/theirs.json"]);
        update(&mut app, Msg::Action(Nanos(1), Action::SelectNext));
        assert_eq!(dialog(&app).name.as_str(), "elsewhere/theirs.json");
        update(&mut app, Msg::Action(Nanos(1), Action::SelectNext));
        assert_eq!(dialog(&app).format, 1);
        update(&mut app, Msg::Action(Nanos(1), Action::SelectPrevious));
        assert_eq!((dialog(&app).name.as_str(), dialog(&app).format), ("mine.md", 0));
    }

    #[test]
    fn a_missing_or_wrong_extension_is_reported() {
        let mut app = open_with(&["r.md", "r.json"]);
        let mut differs = |name: &str| {
            update(&mut app, Msg::Edit(Edit::Clear));
            update(&mut app, Msg::Edit(Edit::Paste(name.to_owned())));
            dialog(&app).missing_extension().map(str::to_owned)
        };
        assert_eq!(differs("a.md"), None);
        for name in ["a.json", "a", "v1.md/a", ".md", ""] {
            assert_eq!(differs(name).as_deref(), Some("md"), "{name}");
        }
    }

    #[test]
    fn a_check_of_an_older_name_is_ignored() {
        let mut app = open_with(&["r.md"]);
        let checked =
            |name: &str| Msg::ExportChecked { name: name.to_owned(), check: NameCheck::Taken("r-2.md".to_owned()) };
        update(&mut app, checked("r.md"));
        assert_eq!(dialog(&app).check, NameCheck::Taken("r-2.md".to_owned()));
        let effects = update(&mut app, Msg::Edit(Edit::Insert('x')));
        assert!(matches!(&effects[..], [Effect::Report(ReportEffect::CheckExport(name))] if name == "r.mdx"));
        update(&mut app, checked("r.md"));
        assert_eq!(dialog(&app).check, NameCheck::Unknown);
    }

    #[test]
    fn the_dialog_closes_after_writing_and_keeps_the_name_after_an_error() {
        let mut app = open_with(&["r.md", "r.json"]);
        update(&mut app, Msg::Action(Nanos(1), Action::SelectNext));
        let effects = update(&mut app, Msg::Action(Nanos(1), Action::Confirm));
        let [Effect::Report(ReportEffect::ExportAs { exporter: 1, name })] = &effects[..] else {
            panic!("{effects:?}")
        };
        assert_eq!(name, "r.json");
        update(&mut app, Msg::Exported(Nanos(2), Err("'r.json': no room".to_owned())));
        assert_eq!(dialog(&app).name.as_str(), "r.json");
        assert!(app.ui.notice.as_ref().is_some_and(|n| n.is_error && n.text.contains("no room")));
        update(&mut app, Msg::Exported(Nanos(3), Ok(PathBuf::from("r.json"))));
        assert_eq!(app.ui.overlay, Overlay::None);
        assert!(app.ui.notice.as_ref().is_some_and(|n| !n.is_error));
    }
}

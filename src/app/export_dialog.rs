//! The dialog that asks for a format and a file's name.

use super::message::Effect;
use super::model::{App, Overlay};
use super::text_field::{Edit, TextField};

/// What is chosen so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportDialog {
    /// Index in the exporters' table.
    pub format: usize,
    /// The file's name.
    pub name: TextField,
    /// The folder that names are counted from; empty until it is known.
    pub folder: String,
    /// What would become of the name.
    pub fate: Fate,
    /// What would be written in each format if nobody named a file.
    offers: Vec<String>,
}

/// What would become of a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Fate {
    /// Not known yet.
    #[default]
    Unknown,
    /// A new file.
    New,
    /// There is such a file, which stays: this one is written.
    Taken(String),
    /// It cannot be written, and why.
    Refused(String),
}

impl ExportDialog {
    /// The offer for the format that is chosen.
    fn offer(&self) -> &str {
        self.offers.get(self.format).map_or("", String::as_str)
    }

    /// Another format: the extension goes with it where it was the old format's.
    fn choose(&mut self, format: usize) {
        let (old_offer, old) = (self.offer().to_owned(), extension(self.offer()).to_owned());
        self.format = format;
        let new = self.offer().to_owned();
        if self.name.as_str() == old_offer {
            self.name = TextField::new(new);
        } else if let Some(stem) = self.name.as_str().strip_suffix(&format!(".{old}")).filter(|_| !old.is_empty()) {
            self.name = TextField::new(format!("{stem}.{}", extension(&new)));
        }
    }

    /// The extension of the format, where the name ends in another one or in none.
    pub fn differs_from(&self) -> Option<&str> {
        let wanted = extension(self.offer());
        (!wanted.is_empty() && extension(self.name.as_str()) != wanted).then_some(wanted)
    }
}

/// What stands after the last dot of a file's name; empty without one.
fn extension(path: &str) -> &str {
    let name = path.rsplit(['/', std::path::MAIN_SEPARATOR]).next().unwrap_or_default();
    name.rsplit_once('.').map_or("", |(stem, extension)| if stem.is_empty() { "" } else { extension })
}

/// Opens it and asks for names to offer.
pub(super) fn open(app: &mut App) -> Vec<Effect> {
    app.ui.overlay = Overlay::Export(ExportDialog {
        format: 0,
        name: TextField::default(),
        folder: String::new(),
        fate: Fate::default(),
        offers: Vec::new(),
    });
    vec![Effect::OfferExports]
}

/// The names to offer, one for each format.
pub(super) fn offered(app: &mut App, offers: Vec<String>, folder: String) -> Vec<Effect> {
    let Overlay::Export(dialog) = &mut app.ui.overlay else { return Vec::new() };
    (dialog.offers, dialog.folder) = (offers, folder);
    dialog.name = TextField::new(dialog.offer());
    look(dialog)
}

/// What would become of a name. It may have changed meanwhile.
pub(super) fn checked(app: &mut App, name: &str, fate: Fate) {
    if let Overlay::Export(dialog) = &mut app.ui.overlay
        && dialog.name.as_str() == name
    {
        dialog.fate = fate;
    }
}

/// The format at `by` from the chosen one.
pub(super) fn turn(dialog: &mut ExportDialog, by: isize, formats: usize) -> Vec<Effect> {
    let to = dialog.format.saturating_add_signed(by).min(formats.saturating_sub(1));
    dialog.choose(to);
    look(dialog)
}

/// The name changes.
pub(super) fn edit(dialog: &mut ExportDialog, edit: &Edit) -> Vec<Effect> {
    dialog.name.edit(edit);
    look(dialog)
}

fn look(dialog: &mut ExportDialog) -> Vec<Effect> {
    dialog.fate = Fate::Unknown;
    vec![Effect::CheckExport(dialog.name.as_str().to_owned())]
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::app::message::{Action, Msg};
    use crate::app::update::testing::app;
    use crate::app::update::update;
    use crate::domain::time::Nanos;

    fn open_with(names: &[&str]) -> App {
        let mut app = app(1);
        let effects = update(&mut app, Msg::Action(Nanos(1), Action::ChooseExport));
        assert!(matches!(effects[..], [Effect::OfferExports]));
        let offers = names.iter().map(|n| (*n).to_owned()).collect();
        let effects = update(&mut app, Msg::ExportsOffered { offers, folder: "/here".to_owned() });
        assert!(matches!(&effects[..], [Effect::CheckExport(name)] if name == names[0]), "{effects:?}");
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
    fn the_extension_goes_with_the_format_where_it_was_the_formats() {
        assert_eq!(as_json("out/mine.md"), "out/mine.json");
        assert_eq!(as_json("r.md"), "r.json");
        assert_eq!(as_json("notes.txt"), "notes.txt");
        assert_eq!(as_json("v1.2/plain"), "v1.2/plain");
        assert_eq!(as_json("plainmd"), "plainmd");
        assert_eq!(as_json(""), "");
    }

    #[test]
    fn a_name_nobody_touched_is_that_of_the_format() {
        let mut app = open_with(&["mine.md", "elsewhere/theirs.json"]);
        update(&mut app, Msg::Action(Nanos(1), Action::SelectNext));
        assert_eq!(dialog(&app).name.as_str(), "elsewhere/theirs.json");
        update(&mut app, Msg::Action(Nanos(1), Action::SelectNext));
        assert_eq!(dialog(&app).format, 1);
        update(&mut app, Msg::Action(Nanos(1), Action::SelectPrevious));
        assert_eq!((dialog(&app).name.as_str(), dialog(&app).format), ("mine.md", 0));
    }

    #[test]
    fn what_stands_for_another_format_is_said() {
        let mut app = open_with(&["r.md", "r.json"]);
        let mut differs = |name: &str| {
            update(&mut app, Msg::Edit(Edit::Clear));
            update(&mut app, Msg::Edit(Edit::Paste(name.to_owned())));
            dialog(&app).differs_from().map(str::to_owned)
        };
        assert_eq!(differs("a.md"), None);
        for name in ["a.json", "a", "v1.md/a", ".md", ""] {
            assert_eq!(differs(name).as_deref(), Some("md"), "{name}");
        }
    }

    #[test]
    fn an_answer_about_an_older_name_is_not_taken_for_the_new_ones() {
        let mut app = open_with(&["r.md"]);
        let checked = |name: &str| Msg::ExportChecked { name: name.to_owned(), fate: Fate::Taken("r-2.md".to_owned()) };
        update(&mut app, checked("r.md"));
        assert_eq!(dialog(&app).fate, Fate::Taken("r-2.md".to_owned()));
        let effects = update(&mut app, Msg::Edit(Edit::Insert('x')));
        assert!(matches!(&effects[..], [Effect::CheckExport(name)] if name == "r.mdx"));
        update(&mut app, checked("r.md"));
        assert_eq!(dialog(&app).fate, Fate::Unknown);
    }

    #[test]
    fn it_closes_when_the_file_is_written_and_keeps_the_name_when_it_is_not() {
        let mut app = open_with(&["r.md", "r.json"]);
        update(&mut app, Msg::Action(Nanos(1), Action::SelectNext));
        let effects = update(&mut app, Msg::Action(Nanos(1), Action::Confirm));
        let [Effect::ExportAs { exporter: 1, name }] = &effects[..] else { panic!("{effects:?}") };
        assert_eq!(name, "r.json");
        update(&mut app, Msg::Exported(Nanos(2), Err("'r.json': no room".to_owned())));
        assert_eq!(dialog(&app).name.as_str(), "r.json");
        assert!(app.ui.notice.as_ref().is_some_and(|n| n.is_error && n.text.contains("no room")));
        update(&mut app, Msg::Exported(Nanos(3), Ok(PathBuf::from("r.json"))));
        assert_eq!(app.ui.overlay, Overlay::None);
        assert!(app.ui.notice.as_ref().is_some_and(|n| !n.is_error));
    }
}

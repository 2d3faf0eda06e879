//! The dialog that asks for an export format and a file name.

use super::text_field::TextField;

/// The format and the file name chosen so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportDialog {
    /// Index in the exporters' table.
    pub format: usize,
    /// The file name.
    pub name: TextField,
    /// The folder that relative names start from; empty until known.
    pub folder: String,
    /// Whether a file of this name can be written.
    pub check: NameCheck,
    /// Default file name of each format.
    offers: Vec<String>,
}

/// Whether a file of a given name can be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum NameCheck {
    /// The check is still running.
    #[default]
    Unknown,
    /// A new file would be written.
    New,
    /// A file of the typed name exists. The report would be written to a file of this name instead.
    Taken(String),
    /// No file of this name can be written, with the reason.
    Refused(String),
}

impl ExportDialog {
    /// Takes the default file names, one for each format, and fills in the name for the selected format.
    pub(in crate::app) fn offer(&mut self, offers: Vec<String>, folder: String) {
        (self.offers, self.folder) = (offers, folder);
        self.name = TextField::new(self.default_name());
    }

    /// Selects a format. The extension of the name changes with it if it was the extension of the old format.
    pub(in crate::app) fn select(&mut self, format: usize) {
        let (old_default, old) = (self.default_name().to_owned(), extension(self.default_name()).to_owned());
        self.format = format;
        let new = self.default_name().to_owned();
        if self.name.as_str() == old_default {
            self.name = TextField::new(new);
        } else if let Some(stem) = self.name.as_str().strip_suffix(&format!(".{old}")).filter(|_| !old.is_empty()) {
            self.name = TextField::new(format!("{stem}.{}", extension(&new)));
        }
    }

    /// The extension of the selected format; `None` if the name already has it.
    pub fn missing_extension(&self) -> Option<&str> {
        let expected = extension(self.default_name());
        (!expected.is_empty() && extension(self.name.as_str()) != expected).then_some(expected)
    }

    /// Default name of the selected format.
    fn default_name(&self) -> &str {
        self.offers.get(self.format).map_or("", String::as_str)
    }
}

/// The part of a file name after its last dot; empty without one, and for names like `.md`.
fn extension(path: &str) -> &str {
    let name = path.rsplit(['/', std::path::MAIN_SEPARATOR]).next().unwrap_or_default();
    name.rsplit_once('.').map_or("", |(stem, extension)| if stem.is_empty() { "" } else { extension })
}

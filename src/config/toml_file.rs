//! Reads and checks TOML files of the user. Errors name the file, the line and the nearest valid name.

mod mistake;
mod reader;

use std::path::Path;

use toml::de::DeTable;

pub use self::mistake::{FileError, Mistake};
pub(super) use self::mistake::{Mistakes, shown};
pub(super) use self::reader::{Bounds, Section, advice, kind, nearest};
use crate::store::input::{self, Kind};

/// Reads the text of a file. Errors name the file `name`.
pub(super) fn text_of(path: &Path, name: &str, kind: &Kind) -> Result<String, FileError> {
    let bytes = input::read(path, name, kind).map_err(|e| FileError::of_file(name, e.0))?;
    String::from_utf8(bytes).map_err(|e| {
        let valid = e.as_bytes().iter().take(e.utf8_error().valid_up_to());
        let line = valid.filter(|b| **b == b'\n').count() + 1;
        FileError::at_line(name, line, "is not UTF-8 text; save the file as UTF-8".to_owned())
    })
}

/// Parses a text; errors name the file `name`. Returns nothing if there is a mistake.
pub(super) fn parse<T>(
    text: &str,
    name: &str,
    kind: &Kind,
    read: impl FnOnce(&Section<'_, '_>, &mut Mistakes<'_>) -> Option<T>,
) -> Result<T, FileError> {
    // Line ends are normalised, because those of a Windows checkout would change the length of prompts.
    let text = text.replace("\r\n", "\n");
    let mut mistakes = Mistakes::new(&text);
    let content = match DeTable::parse(&text) {
        Ok(root) => read(&Section { table: root.get_ref(), at: 0 }, &mut mistakes),
        Err(e) => {
            let at = e.span().map_or(0, |s| s.start);
            mistakes.add(at, format!("not valid TOML: {}", e.message()));
            None
        }
    };
    // Mistakes take precedence over the content.
    match (content, mistakes.into_error(name)) {
        (Some(content), None) => Ok(content),
        (_, Some(error)) => Err(error),
        (None, None) => Err(FileError::of_file(name, format!("does not hold {}", kind.what))),
    }
}

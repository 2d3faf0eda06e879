//! Mistakes in a file, with their positions.

use std::fmt;

use crate::domain::text::sanitise_line;

/// Maximum mistakes to report for one file.
const MAX_REPORTED: usize = 20;

/// Error for a file with mistakes, one line each, like `cases.toml:14: …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    file: String,
    mistakes: Vec<Mistake>,
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Line, from 1; `None` for the whole file.
    pub line: Option<usize>,
    /// Column in characters, from 1; `None` at the start of the line.
    pub column: Option<usize>,
    /// Description of the mistake, the expected value, and advice.
    pub message: String,
}

impl FileError {
    /// Creates an error about the whole file.
    pub(in crate::config) fn of_file(file: &str, message: String) -> Self {
        Self { file: file.to_owned(), mistakes: vec![Mistake { line: None, column: None, message }] }
    }

    /// Creates an error about one line.
    pub(in crate::config) fn at_line(file: &str, line: usize, message: String) -> Self {
        Self { file: file.to_owned(), mistakes: vec![Mistake { line: Some(line), column: None, message }] }
    }

    /// Mistakes in the order of the file; never empty.
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = sanitise_line(&self.file);
        for (i, mistake) in self.mistakes.iter().take(MAX_REPORTED).enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            f.write_str(&file)?;
            for place in [mistake.line, mistake.column].into_iter().flatten() {
                write!(f, ":{place}")?;
            }
            write!(f, ": {}", sanitise_line(&mistake.message))?;
        }
        match self.mistakes.len().saturating_sub(MAX_REPORTED) {
            0 => Ok(()),
            more => write!(f, "\n{file}: and {more} more"),
        }
    }
}

impl std::error::Error for FileError {}

/// Collects mistakes by their byte offset in the text.
pub(in crate::config) struct Mistakes<'t> {
    text: &'t str,
    found: Vec<(usize, String)>,
}

impl<'t> Mistakes<'t> {
    pub(in crate::config) fn new(text: &'t str) -> Self {
        Self { text, found: Vec::new() }
    }

    pub(in crate::config) fn add(&mut self, at: usize, message: String) {
        self.found.push((at, message));
    }

    pub(in crate::config) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Line of a byte offset, from 1.
    pub(in crate::config) fn line(&self, at: usize) -> usize {
        self.before(at).matches('\n').count() + 1
    }

    fn before(&self, at: usize) -> &'t str {
        self.text.get(..at).unwrap_or(self.text)
    }

    fn column(&self, at: usize) -> Option<usize> {
        let before = self.before(at).rsplit('\n').next().unwrap_or_default();
        let begins_the_line = before.chars().all(|c| c.is_whitespace() || c == '[');
        (!begins_the_line).then(|| before.chars().count() + 1)
    }

    /// Returns the mistakes in the order of the file; `None` without any.
    pub(in crate::config) fn into_error(mut self, file: &str) -> Option<FileError> {
        self.found.sort_by_key(|(at, _)| *at);
        let found = std::mem::take(&mut self.found);
        let place = |(at, message)| Mistake { line: Some(self.line(at)), column: self.column(at), message };
        let mistakes: Vec<Mistake> = found.into_iter().map(place).collect();
        (!mistakes.is_empty()).then(|| FileError { file: file.to_owned(), mistakes })
    }
}

/// Returns text of the file for an error, on one line and of limited length.
pub(in crate::config) fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    let line = sanitise_line(text);
    let mut cut: String = line.chars().take(LONGEST).collect();
    if cut.len() < line.len() {
        cut.push('…');
    }
    cut
}

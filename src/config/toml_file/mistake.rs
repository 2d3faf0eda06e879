//! What is wrong in a file, and where.

use std::fmt;

use crate::domain::text::sanitise_line;

/// So many mistakes are told of one file.
const TOLD: usize = 20;

/// A file that cannot be used. It reads `cases.toml:14: …`, one line for each mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    file: String,
    mistakes: Vec<Mistake>,
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Counted from 1; `None` if it is about the file as a whole.
    pub line: Option<usize>,
    /// In characters, counted from 1; `None` if the line says enough, since nothing stands before it there.
    pub column: Option<usize>,
    /// What is wrong, what is expected and what to do.
    pub message: String,
}

impl FileError {
    /// About the file as a whole.
    pub(in crate::config) fn of_file(file: &str, message: String) -> Self {
        Self { file: file.to_owned(), mistakes: vec![Mistake { line: None, column: None, message }] }
    }

    /// About one line.
    pub(in crate::config) fn at_line(file: &str, line: usize, message: String) -> Self {
        Self { file: file.to_owned(), mistakes: vec![Mistake { line: Some(line), column: None, message }] }
    }

    /// In the order of the file; never empty.
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = sanitise_line(&self.file);
        for (i, mistake) in self.mistakes.iter().take(TOLD).enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            f.write_str(&file)?;
            for place in [mistake.line, mistake.column].into_iter().flatten() {
                write!(f, ":{place}")?;
            }
            write!(f, ": {}", sanitise_line(&mistake.message))?;
        }
        match self.mistakes.len().saturating_sub(TOLD) {
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

    /// The line of a byte offset, counted from 1.
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

    /// All that was found, in the order of the file; `None` if nothing was.
    pub(in crate::config) fn into_error(mut self, file: &str) -> Option<FileError> {
        self.found.sort_by_key(|(at, _)| *at);
        let found = std::mem::take(&mut self.found);
        let place = |(at, message)| Mistake { line: Some(self.line(at)), column: self.column(at), message };
        let mistakes: Vec<Mistake> = found.into_iter().map(place).collect();
        (!mistakes.is_empty()).then(|| FileError { file: file.to_owned(), mistakes })
    }
}

/// A piece of the file as an error may show it: on one line, and not endless.
pub(in crate::config) fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    let line = sanitise_line(text);
    let mut cut: String = line.chars().take(LONGEST).collect();
    if cut.len() < line.len() {
        cut.push('…');
    }
    cut
}

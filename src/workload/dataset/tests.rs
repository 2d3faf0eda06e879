//! Tests of data sets: formats, bad rows, bad files, and arbitrary bytes.

mod bad_files;
mod bad_rows;
mod conversations;
mod formats;
mod media;
mod properties;
mod reading;

use std::path::{Path, PathBuf};

use super::{Column, ColumnMapping, DataRow, Dataset, DatasetError, OnBadRow};

/// A file in a separate folder.
struct TestFile {
    folder: tempfile::TempDir,
    name: &'static str,
}

impl TestFile {
    fn new(name: &'static str, content: impl AsRef<[u8]>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), content).unwrap();
        Self { folder, name }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join(self.name)
    }

    fn open(&self, rules: &[&str], on_bad_row: OnBadRow) -> Result<Dataset, DatasetError> {
        Dataset::open(&self.path(), &mapping(rules), on_bad_row)
    }
}

fn mapping(rules: &[&str]) -> ColumnMapping {
    let columns: Vec<Column> = rules.iter().map(|rule| rule.parse().unwrap()).collect();
    ColumnMapping::new(columns).unwrap()
}

/// Returns all rows of a file without bad rows.
fn rows_of(content: impl AsRef<[u8]>, rules: &[&str]) -> Vec<DataRow> {
    let dataset = TestFile::new("data", content).open(rules, OnBadRow::Fail).unwrap();
    (0..dataset.rows()).map(|row| dataset.row(row).unwrap()).collect()
}

/// Returns the messages of each row's single request, as `role: content`.
fn requests(rows: &[DataRow]) -> Vec<Vec<String>> {
    let shown = |row: &DataRow| row.messages.iter().map(|m| format!("{}: {}", m.role, m.content)).collect();
    rows.iter().map(shown).collect()
}

/// Returns the error of opening a path, without the path.
fn error_of(path: &Path, rules: &[&str], on_bad_row: OnBadRow) -> String {
    let error = Dataset::open(path, &mapping(rules), on_bad_row).unwrap_err();
    assert_eq!(error.name, path.display().to_string());
    error.reason.to_string()
}

/// Returns the error of opening a file with this content.
fn error_in(content: impl AsRef<[u8]>, rules: &[&str]) -> String {
    error_of(&TestFile::new("data", content).path(), rules, OnBadRow::Fail)
}

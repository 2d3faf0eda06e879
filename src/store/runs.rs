//! Saved runs: lists them, and finds the one that the user names.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::domain::run_id::{PREFIX, newest_first};

/// Extension of journals.
const EXTENSION: &str = "jsonl";
/// Number of bytes to read at once.
const BLOCK: usize = 1 << 16;
/// Maximum number of suggestions for an unknown run.
const MAX_SUGGESTIONS: usize = 3;

/// A saved run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedRunFile {
    /// Run id.
    pub id: String,
    /// Path of the journal.
    pub path: PathBuf,
    /// Size of the journal, bytes.
    pub bytes: u64,
}

/// Message for a name that matches no saved run, or several.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct NotFound(String);

/// Returns the folder of the saved runs; `None` if the user has no home folder.
pub fn folder() -> Option<PathBuf> {
    Some(super::state::folder()?.join("runs"))
}

/// Checks whether a run can be saved. Creates the folder, and creates and removes a file next to it, because other
/// programs may be listing the folder. The error is a reason for the user.
pub fn check_writable() -> Result<(), String> {
    check_writable_folder(&folder().ok_or("this user has no home folder")?)
}

fn check_writable_folder(folder: &Path) -> Result<(), String> {
    let explain = |e: std::io::Error| format!("'{}': {e}", folder.display());
    super::journal::create_folder(folder).map_err(explain)?;
    if fs::metadata(folder).map_err(explain)?.permissions().readonly() {
        return Err(format!("the folder '{}' is not writable", folder.display()));
    }
    super::file::check_writable(&folder.with_file_name("check")).map_err(|why| why.0)
}

/// Returns the path of a run's journal.
pub fn journal_path(folder: &Path, id: &str) -> PathBuf {
    folder.join(format!("{id}.{EXTENSION}"))
}

/// Returns all runs in a folder, newest first. A missing folder has no runs.
pub fn list(folder: &Path) -> std::io::Result<Vec<SavedRunFile>> {
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let saved_run = |path: PathBuf| {
        let id = path.file_stem()?.to_str()?.to_owned();
        let is_journal = path.extension().is_some_and(|e| e == EXTENSION) && id.starts_with(PREFIX);
        let meta = fs::metadata(&path).ok().filter(fs::Metadata::is_file).filter(|_| is_journal)?;
        Some(SavedRunFile { id, path, bytes: meta.len() })
    };
    let mut runs: Vec<SavedRunFile> = entries.flatten().filter_map(|e| saved_run(e.path())).collect();
    runs.sort_by(|a, b| newest_first(&a.id, &b.id));
    Ok(runs)
}

/// Deletes a run. Returns false, and deletes nothing, if another process is writing it.
pub fn delete(path: &Path) -> std::io::Result<bool> {
    let Some(journal) = super::lock::open(path)? else { return Ok(false) };
    if cfg!(windows) {
        // Windows cannot delete an open file.
        drop(journal);
        fs::remove_file(path)?;
    } else {
        fs::remove_file(path)?;
        // Hold the lock until here, so that no other process resumes the run in between.
        drop(journal);
    }
    Ok(true)
}

/// Returns the first and the last line of a file, at most `max_bytes` bytes each. The last line is empty if the file
/// ends in the middle of a line.
pub fn first_and_last_line(path: &Path, max_bytes: usize) -> std::io::Result<(Vec<u8>, Vec<u8>)> {
    let mut file = BufReader::with_capacity(BLOCK, File::open(path)?);
    let mut first = Vec::new();
    file.by_ref().take(max_bytes as u64).read_until(b'\n', &mut first)?;
    let mut file = file.into_inner();
    let mut from = file.seek(SeekFrom::End(0))?;
    let mut tail: Vec<u8> = Vec::new();
    while from > 0 && tail.len() < max_bytes {
        let length = from.min(BLOCK as u64);
        from -= length;
        file.seek(SeekFrom::Start(from))?;
        let mut block = Vec::new();
        file.by_ref().take(length).read_to_end(&mut block)?;
        block.append(&mut tail);
        tail = block;
        let Some(line) = tail.strip_suffix(b"\n") else { return Ok((first, Vec::new())) };
        if let Some(before) = memchr::memrchr(b'\n', line) {
            return Ok((first, line.split_at(before + 1).1.to_vec()));
        }
    }
    Ok((first, Vec::new()))
}

/// Finds a run by its id or a unique prefix of it, with or without `ts-`. The name `last` means the newest run.
pub fn find<'a>(runs: &'a [SavedRunFile], wanted: &str) -> Result<&'a SavedRunFile, NotFound> {
    let shown = crate::domain::text::sanitise_line(wanted);
    let Some(newest) = runs.first() else {
        return Err(NotFound(format!("no run '{shown}': no runs are saved yet")));
    };
    if wanted == "last" {
        return Ok(newest);
    }
    if let Some(exact) = runs.iter().find(|r| r.id == wanted) {
        return Ok(exact);
    }
    let bare = wanted.strip_prefix(PREFIX).unwrap_or(wanted);
    let begins =
        |r: &&SavedRunFile| !bare.is_empty() && r.id.strip_prefix(PREFIX).is_some_and(|id| id.starts_with(bare));
    let found: Vec<&SavedRunFile> = runs.iter().filter(begins).collect();
    let names = |runs: &[&SavedRunFile]| {
        runs.iter().take(MAX_SUGGESTIONS).map(|r| r.id.as_str()).collect::<Vec<_>>().join(", ")
    };
    match found.as_slice() {
        [only] => Ok(only),
        [] => {
            let mut near: Vec<&SavedRunFile> = runs.iter().collect();
            let likeness = |r: &SavedRunFile| strsim::jaro_winkler(r.id.strip_prefix(PREFIX).unwrap_or(&r.id), bare);
            near.sort_by(|a, b| likeness(b).total_cmp(&likeness(a)));
            Err(NotFound(format!("no run '{shown}'; closest: {}; list all with `tokscope runs`", names(&near))))
        }
        many => {
            Err(NotFound(format!("{} runs start with '{shown}': {}; type more characters", many.len(), names(many))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(ids: &[&str]) -> Vec<SavedRunFile> {
        ids.iter().map(|id| SavedRunFile { id: (*id).to_owned(), path: PathBuf::new(), bytes: 0 }).collect()
    }

    #[test]
    fn runs_are_listed_newest_first_and_other_files_ignored() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(list(&home.path().join("none")).unwrap(), []);
        for name in ["ts-9f.jsonl", "ts-1a0.jsonl", "ts-1a1.jsonl", "ts-2.json", "x.jsonl"] {
            fs::write(home.path().join(name), "abc").unwrap();
        }
        fs::create_dir(home.path().join("ts-3.jsonl")).unwrap();
        let found = list(home.path()).unwrap();
        let ids: Vec<_> = found.iter().map(|r| r.id.as_str()).collect();
        assert_eq!((ids, found[0].bytes), (vec!["ts-1a1", "ts-1a0", "ts-9f"], 3));
        assert_eq!(found[0].path, journal_path(home.path(), "ts-1a1"));
    }

    #[test]
    fn a_check_of_the_folder_leaves_no_file() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("tokscope/runs");
        assert_eq!(check_writable_folder(&folder), Ok(()));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        assert_eq!(fs::read_dir(home.path().join("tokscope")).unwrap().count(), 1);
        let file = home.path().join("file");
        fs::write(&file, "").unwrap();
        let why = check_writable_folder(&file.join("runs")).unwrap_err();
        assert!(why.starts_with(&format!("'{}'", file.join("runs").display())), "{why}");
    }

    #[test]
    fn a_run_is_deleted_unless_a_process_writes_it() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("ts-1.jsonl");
        let writer = super::super::lock::create(&path).unwrap();
        assert!(!delete(&path).unwrap() && path.exists(), "the run is in use");
        drop(writer);
        assert!(delete(&path).unwrap() && !path.exists());
        assert!(delete(&path).is_err(), "there is no such run");
    }

    #[test]
    fn first_and_last_line_are_found_without_reading_the_rest() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let long = "x".repeat(3 * BLOCK);
        for (text, first, last) in [
            ("a\nb\nc\n".to_owned(), "a\n".to_owned(), "c"),
            (format!("{long}\n{long}\nc\n"), format!("{long}\n"), "c"),
            (format!("a\n{long}\n"), "a\n".to_owned(), &long),
            ("a\nb\ncut o".to_owned(), "a\n".to_owned(), ""),
            ("a\n".to_owned(), "a\n".to_owned(), ""),
            ("a".to_owned(), "a".to_owned(), ""),
            (String::new(), String::new(), ""),
        ] {
            fs::write(file.path(), &text).unwrap();
            let (found_first, found_last) = first_and_last_line(file.path(), 1 << 20).unwrap();
            assert!(found_first == first.as_bytes() && found_last == last.as_bytes(), "{} bytes", text.len());
        }
    }

    #[test]
    fn a_run_is_found_by_a_unique_prefix() {
        let runs = runs(&["ts-1a1", "ts-1a0", "ts-1a", "ts-9f"]);
        let id = |wanted| find(&runs, wanted).map(|r| r.id.as_str()).map_err(|e| e.to_string());
        assert_eq!(id("last"), Ok("ts-1a1"));
        assert_eq!(id("ts-1a"), Ok("ts-1a"), "an exact id takes precedence over a prefix");
        assert_eq!(id("9"), Ok("ts-9f"));
        assert_eq!(id("ts-9"), Ok("ts-9f"));
        assert_eq!(id("1a").unwrap_err(), "3 runs start with '1a': ts-1a1, ts-1a0, ts-1a; type more characters");
        let unknown = id("9e").unwrap_err();
        assert!(unknown.starts_with("no run '9e'; closest: ts-9f, "), "{unknown}");
        assert!(id("").is_err() && id("ts-").is_err() && id("\u{1b}[2J").unwrap_err().contains("run ''"));
        assert!(find(&[], "last").unwrap_err().to_string().contains("no runs are saved yet"));
    }
}

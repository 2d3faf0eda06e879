//! The runs that were kept: which there are, and which one is meant.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// What all names of journals end with.
const EXTENSION: &str = "jsonl";
/// What the ids of runs begin with, which nobody needs to type.
const PREFIX: &str = "ts-";
/// Bytes that are read at once.
const BLOCK: usize = 1 << 16;
/// So many others are named where one is not found.
const MOST_NAMED: usize = 3;

/// A run that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedRunFile {
    /// Its id.
    pub id: String,
    /// Its journal.
    pub path: PathBuf,
    /// The journal's size.
    pub bytes: u64,
}

/// No run, or more than one, is meant.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct NotFound(String);

/// The folder of the runs; `None` without a home.
pub fn folder() -> Option<PathBuf> {
    Some(super::state::folder()?.join("runs"))
}

/// Where the journal of a run is, or will be.
pub fn journal_of(folder: &Path, id: &str) -> PathBuf {
    folder.join(format!("{id}.{EXTENSION}"))
}

/// All runs in a folder, the newest first: ids are times. A folder that is not there has none.
pub fn list(folder: &Path) -> std::io::Result<Vec<SavedRunFile>> {
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let kept = |path: PathBuf| {
        let id = path.file_stem()?.to_str()?.to_owned();
        let is_journal = path.extension().is_some_and(|e| e == EXTENSION) && id.starts_with(PREFIX);
        let meta = fs::metadata(&path).ok().filter(fs::Metadata::is_file).filter(|_| is_journal)?;
        Some(SavedRunFile { id, path, bytes: meta.len() })
    };
    let mut runs: Vec<SavedRunFile> = entries.flatten().filter_map(|e| kept(e.path())).collect();
    // Of two times in hexadecimal, the one with more digits is the later.
    runs.sort_by(|a, b| b.id.len().cmp(&a.id.len()).then_with(|| b.id.cmp(&a.id)));
    Ok(runs)
}

/// The first and the last line of a file, `longest` bytes of each at most. The last one is empty if something was cut off
/// after it.
pub fn first_and_last_line(path: &Path, longest: usize) -> std::io::Result<(Vec<u8>, Vec<u8>)> {
    let mut file = BufReader::with_capacity(BLOCK, File::open(path)?);
    let mut first = Vec::new();
    file.by_ref().take(longest as u64).read_until(b'\n', &mut first)?;
    let mut file = file.into_inner();
    let mut from = file.seek(SeekFrom::End(0))?;
    let mut tail: Vec<u8> = Vec::new();
    while from > 0 && tail.len() < longest {
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

/// The run that is meant: by its id, the begin of it that only one has, with or without `ts-`; `last` is the newest.
pub fn find<'a>(runs: &'a [SavedRunFile], wanted: &str) -> Result<&'a SavedRunFile, NotFound> {
    let shown = crate::domain::text::sanitise_line(wanted);
    let Some(newest) = runs.first() else {
        return Err(NotFound(format!("there is no run '{shown}': none was saved yet")));
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
    let names =
        |runs: &[&SavedRunFile]| runs.iter().take(MOST_NAMED).map(|r| r.id.as_str()).collect::<Vec<_>>().join(", ");
    match found.as_slice() {
        [only] => Ok(only),
        [] => {
            let mut near: Vec<&SavedRunFile> = runs.iter().collect();
            let likeness = |r: &SavedRunFile| strsim::jaro_winkler(r.id.strip_prefix(PREFIX).unwrap_or(&r.id), bare);
            near.sort_by(|a, b| likeness(b).total_cmp(&likeness(a)));
            Err(NotFound(format!(
                "there is no run '{shown}'; the nearest: {}; `tokscope runs` lists all",
                names(&near)
            )))
        }
        many => Err(NotFound(format!("{} runs begin with '{shown}': {}; type more of it", many.len(), names(many)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(ids: &[&str]) -> Vec<SavedRunFile> {
        ids.iter().map(|id| SavedRunFile { id: (*id).to_owned(), path: PathBuf::new(), bytes: 0 }).collect()
    }

    #[test]
    fn the_newest_is_first_and_nothing_else_is_a_run() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(list(&home.path().join("none")).unwrap(), []);
        for name in ["ts-9f.jsonl", "ts-1a0.jsonl", "ts-1a1.jsonl", "ts-2.json", "x.jsonl"] {
            fs::write(home.path().join(name), "abc").unwrap();
        }
        fs::create_dir(home.path().join("ts-3.jsonl")).unwrap();
        let found = list(home.path()).unwrap();
        let ids: Vec<_> = found.iter().map(|r| r.id.as_str()).collect();
        assert_eq!((ids, found[0].bytes), (vec!["ts-1a1", "ts-1a0", "ts-9f"], 3));
        assert_eq!(found[0].path, journal_of(home.path(), "ts-1a1"));
    }

    #[test]
    fn the_first_and_the_last_line_are_found_without_the_rest() {
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
    fn a_run_is_found_by_what_only_it_has() {
        let runs = runs(&["ts-1a1", "ts-1a0", "ts-1a", "ts-9f"]);
        let id = |wanted| find(&runs, wanted).map(|r| r.id.as_str()).map_err(|e| e.to_string());
        assert_eq!(id("last"), Ok("ts-1a1"));
        assert_eq!(id("ts-1a"), Ok("ts-1a"), "whole before begun");
        assert_eq!(id("9"), Ok("ts-9f"));
        assert_eq!(id("ts-9"), Ok("ts-9f"));
        assert_eq!(id("1a").unwrap_err(), "3 runs begin with '1a': ts-1a1, ts-1a0, ts-1a; type more of it");
        let unknown = id("9e").unwrap_err();
        assert!(unknown.starts_with("there is no run '9e'; the nearest: ts-9f, "), "{unknown}");
        assert!(id("").is_err() && id("ts-").is_err() && id("\u{1b}[2J").unwrap_err().contains("run ''"));
        assert!(find(&[], "last").unwrap_err().to_string().contains("none was saved yet"));
    }
}

//! Writes new files atomically. Never replaces an existing file.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Maximum number of names to try for one file.
const MAX_NAMES: u32 = 9_999;
/// Maximum length of a model's name within a file name, bytes.
const MAX_PART_BYTES: usize = 80;

/// Reason why a file was not written, with its path and advice.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WriteError(pub String);

/// Returns the path to which [`write_new`] would write now. Another program may take this name in between.
pub fn would_write(path: &Path) -> Result<PathBuf, WriteError> {
    check(path, folder_of(path))?;
    let is_free = |candidate: &PathBuf| candidate.symlink_metadata().is_err();
    (1..=MAX_NAMES).map(|n| numbered(path, n)).find(is_free).ok_or_else(|| all_taken(path))
}

/// Checks whether [`write_new`] could write there now, by creating and removing a file in the folder. A taken name is
/// no problem.
pub fn check_writable(path: &Path) -> Result<(), WriteError> {
    let folder = folder_of(path);
    would_write(path)?;
    let fail = |e: &io::Error| WriteError(explain(path, folder, e));
    match path.symlink_metadata() {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(fail(&e)),
        Ok(_) | Err(_) => {}
    }
    Temporary::with(folder, |_| Ok(())).map(drop).map_err(|e| fail(&e))
}

/// Writes `text` atomically to a new file: `path`, or if this name is taken the first free name of `name-2.ext`,
/// `name-3.ext`, … Returns the path of the file. The folder must exist.
pub fn write_new(path: &Path, text: &str) -> Result<PathBuf, WriteError> {
    write_new_with(path, |file| file.write_all(text.as_bytes()))
}

/// [`write_new`] with the content that `write` writes, piece by piece.
pub fn write_new_with(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<PathBuf, WriteError> {
    let folder = folder_of(path);
    check(path, folder)?;
    let fail = |e: &io::Error| WriteError(explain(path, folder, e));
    let temporary = Temporary::with(folder, write).map_err(|e| fail(&e))?;
    for n in 1..=MAX_NAMES {
        let candidate = numbered(path, n);
        match temporary.publish(&candidate) {
            Ok(()) => {
                sync_folder(folder);
                return Ok(candidate);
            }
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => return Err(fail(&e)),
        }
    }
    Err(all_taken(path))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn all_taken(path: &Path) -> WriteError {
    WriteError(format!("'{}' and {MAX_NAMES} numbered names after it are taken; choose another name", path.display()))
}

/// Returns a file name made of a model's name and a time stamp. The name has no characters that could lead out of the
/// folder.
pub fn default_name(model: &str, stamp: &str, extension: &str) -> String {
    let part = |text: &str, fallback: &str| {
        let part = plain(text);
        if part.is_empty() { fallback.to_owned() } else { part }
    };
    let model = part(model, "run");
    // The simulator's model name already begins with the program's name.
    let model = model.strip_prefix("tokscope-").unwrap_or(&model);
    // The prefix also avoids hidden files, and names that Windows reserves for devices.
    format!("tokscope-{model}-{}.{}", part(stamp, "0"), part(extension, "txt"))
}

/// Keeps letters, digits, `.` and `_`. Other characters become hyphens, but not at the ends and never two in a row.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        let safe = if c.is_alphanumeric() || matches!(c, '.' | '_') { c } else { '-' };
        if out.len() + safe.len_utf8() > MAX_PART_BYTES {
            break;
        }
        if !(matches!(safe, '-' | '.') && out.ends_with(['-', '.'])) {
            out.push(safe);
        }
    }
    out.trim_matches(['-', '.']).to_owned()
}

/// Returns the path itself for `n` = 1, otherwise `name-2.ext`, `name-3.ext`, …
fn numbered(path: &Path, n: u32) -> PathBuf {
    if n == 1 {
        return path.to_owned();
    }
    let mut name = path.file_stem().map_or_else(OsString::new, OsString::from);
    name.push(format!("-{n}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

/// Returns whether the path ends in a separator or a dot, which only makes sense for a folder.
pub fn ends_like_a_folder(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    !path.as_os_str().as_encoded_bytes().ends_with(name)
}

fn check(path: &Path, folder: &Path) -> Result<(), WriteError> {
    if path.file_name().is_none() {
        return Err(WriteError(format!("'{}' has no file name", path.display())));
    }
    if path.is_dir() || ends_like_a_folder(path) {
        return Err(WriteError(format!("'{}' is a folder; name a file in it", path.display())));
    }
    match fs::metadata(folder) {
        Ok(meta) if !meta.is_dir() => {
            Err(WriteError(format!("'{}': '{}' is not a folder", path.display(), folder.display())))
        }
        Ok(_) => Ok(()),
        Err(e) => Err(WriteError(explain(path, folder, &e))),
    }
}

fn explain(path: &Path, folder: &Path, error: &io::Error) -> String {
    let is_there = folder.is_dir();
    let (path, folder) = (path.display(), folder.display());
    match error.kind() {
        // Some folders of the system, like /proc, accept no files.
        ErrorKind::NotFound if is_there => {
            format!("'{path}': no file can be created in the folder '{folder}' ({error}); choose another folder")
        }
        ErrorKind::NotFound => {
            format!("'{path}': there is no folder '{folder}'; create it or choose another path")
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            format!("'{path}': the folder '{folder}' is not writable ({error}); choose another folder")
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            format!("'{path}': the disk is full ({error}); choose another disk")
        }
        ErrorKind::InvalidFilename => {
            format!("'{path}': the file system rejects this name ({error}); choose another name")
        }
        _ => format!("'{path}': {error}"),
    }
}

/// A complete, synced file with a temporary name, which is removed when dropped.
struct Temporary(PathBuf);

impl Temporary {
    fn with(folder: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let (mut file, temporary) = loop {
            let n = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!(".tokscope-{}-{n}.tmp", std::process::id()));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                // Skip a file that a killed process with the same id left behind.
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                other => break (other?, Self(path)),
            }
        };
        write(&mut file)?;
        file.sync_all()?;
        Ok(temporary)
    }

    /// Gives the file its final name. Fails with `AlreadyExists` if the name is taken, even if only since a moment ago.
    fn publish(&self, name: &Path) -> io::Result<()> {
        match fs::hard_link(&self.0, name) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => Err(e),
            Err(_no_links_here) => self.publish_by_rename(name),
        }
    }

    /// Fallback for file systems without hard links: creates an empty file with the name, then renames the temporary
    /// file to it.
    fn publish_by_rename(&self, name: &Path) -> io::Result<()> {
        drop(OpenOptions::new().write(true).create_new(true).open(name)?);
        fs::rename(&self.0, name).inspect_err(|_| drop(fs::remove_file(name)))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After a rename, there is no file left to remove.
        drop(fs::remove_file(&self.0));
    }
}

/// Makes the new name durable, if the system can do this. The content of the file is already synced.
fn sync_folder(folder: &Path) {
    if cfg!(unix) {
        drop(File::open(folder).and_then(|f| f.sync_all()));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use proptest::prelude::*;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_taken_name_is_kept_and_the_next_free_one_is_used() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run.v1.md");
        for (text, expected) in [("a", "run.v1.md"), ("b", "run.v1-2.md"), ("c", "run.v1-3.md")] {
            assert_eq!(would_write(&path).unwrap(), dir.path().join(expected));
            assert_eq!(write_new(&path, text).unwrap(), dir.path().join(expected));
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "a");
        assert_eq!(fs::read_to_string(dir.path().join("run.v1-3.md")).unwrap(), "c");
        assert_eq!(names(dir.path()), ["run.v1-2.md", "run.v1-3.md", "run.v1.md"]);
        assert_eq!(numbered(Path::new("a/plain"), 2), Path::new("a/plain-2"));
    }

    #[test]
    fn threads_that_race_for_a_name_all_write_their_text() {
        const RACERS: usize = 8;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run.md");
        let start = Barrier::new(RACERS);
        let written: Vec<(PathBuf, String)> = std::thread::scope(|scope| {
            let race = |i: usize| {
                let (path, start) = (&path, &start);
                scope.spawn(move || {
                    let text = format!("{i}").repeat(10_000);
                    start.wait();
                    (write_new(path, &text).unwrap(), text)
                })
            };
            let racers: Vec<_> = (0..RACERS).map(race).collect();
            racers.into_iter().map(|r| r.join().unwrap()).collect()
        });
        for (path, text) in &written {
            assert_eq!(&fs::read_to_string(path).unwrap(), text);
        }
        let mut expected: Vec<_> = (2..=RACERS).map(|n| format!("run-{n}.md")).collect();
        expected.push("run.md".to_owned());
        assert_eq!(names(dir.path()), expected);
    }

    #[test]
    fn without_hard_links_a_name_is_still_used_only_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run.md");
        let publish = |text: &str| {
            Temporary::with(dir.path(), |file| file.write_all(text.as_bytes())).unwrap().publish_by_rename(&path)
        };
        publish("a").unwrap();
        assert_eq!(publish("b").unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "a");
        assert_eq!(names(dir.path()), ["run.md"]);
    }

    #[test]
    #[cfg(unix)]
    fn a_dangling_link_is_a_taken_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run.md");
        std::os::unix::fs::symlink(dir.path().join("elsewhere"), &path).unwrap();
        assert_eq!(write_new(&path, "a").unwrap(), dir.path().join("run-2.md"));
        assert_eq!(names(dir.path()), ["run-2.md", "run.md"]);
    }

    #[test]
    fn a_failed_write_says_why_and_leaves_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let why = |path: &Path| write_new(path, "x").unwrap_err().to_string();
        let missing = dir.path().join("missing");
        let expected = format!("there is no folder '{}'; create it", missing.display());
        assert!(why(&missing.join("run.md")).contains(&expected));
        assert!(why(dir.path()).contains("is a folder; name a file in it"));
        assert!(why(&file.join("run.md")).contains("is not a folder"));
        assert!(why(Path::new("/")).contains("has no file name"));
        assert_eq!(names(dir.path()), ["file"]);
    }

    #[test]
    fn a_read_only_folder_is_reported_with_advice() {
        for kind in [ErrorKind::PermissionDenied, ErrorKind::ReadOnlyFilesystem] {
            let text = explain(Path::new("/a/run.md"), Path::new("/a"), &io::Error::from(kind));
            assert!(text.starts_with("'/a/run.md': the folder '/a' is not writable ("), "{text}");
            assert!(text.ends_with("; choose another folder"), "{text}");
        }
    }

    // Even root cannot create files in /sys.
    #[test]
    #[cfg(target_os = "linux")]
    fn a_real_read_only_folder_is_recognised() {
        if !Path::new("/sys").is_dir() {
            return;
        }
        let path = Path::new("/sys/run.md");
        for error in [write_new(path, "x").unwrap_err(), check_writable(path).unwrap_err()] {
            let text = error.to_string();
            assert!(text.contains("the folder '/sys' is not writable"), "{text}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_folder_that_takes_no_files_is_not_called_missing() {
        if !Path::new("/proc").is_dir() {
            return;
        }
        let path = Path::new("/proc/run.md");
        for error in [write_new(path, "x").unwrap_err(), check_writable(path).unwrap_err()] {
            let text = error.to_string();
            assert!(text.contains("/proc'") && !text.contains("there is no folder"), "{text}");
            assert!(text.ends_with("; choose another folder"), "{text}");
        }
    }

    #[test]
    fn a_name_that_ends_like_a_folder_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["new.md/", "new.md/.", "sub/new.md//"] {
            let path = PathBuf::from(format!("{}/{name}", dir.path().display()));
            for error in [write_new(&path, "x").unwrap_err(), would_write(&path).unwrap_err()] {
                assert!(error.to_string().ends_with("is a folder; name a file in it"), "{name}: {error}");
            }
        }
        assert!(names(dir.path()).is_empty());
    }

    #[test]
    fn a_check_creates_no_file_and_rejects_unwritable_paths() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("taken.md"), "a").unwrap();
        for name in ["new.md", "taken.md"] {
            assert!(check_writable(&dir.path().join(name)).is_ok(), "{name}");
        }
        for name in ["", "missing/new.md", &format!("{}.md", "n".repeat(300))] {
            assert!(check_writable(&dir.path().join(name)).is_err(), "{name}");
        }
        assert_eq!(names(dir.path()), ["taken.md"]);
    }

    #[test]
    fn default_names_have_model_and_time() {
        let name = |model: &str| default_name(model, "2026-02-06-214941", "md");
        assert_eq!(name("glm-4.7-flash"), "tokscope-glm-4.7-flash-2026-02-06-214941.md");
        assert_eq!(name("Qwen/Qwen2.5-7B (Q4)"), "tokscope-Qwen-Qwen2.5-7B-Q4-2026-02-06-214941.md");
        assert_eq!(name("../../etc/passwd"), "tokscope-etc-passwd-2026-02-06-214941.md");
        assert_eq!(name(""), "tokscope-run-2026-02-06-214941.md");
        assert_eq!(name("tokscope-sim"), "tokscope-sim-2026-02-06-214941.md");
        assert_eq!(name("tokscope-"), "tokscope-tokscope-2026-02-06-214941.md");
        assert_eq!(default_name("CON", "x", ""), "tokscope-CON-x.txt");
    }

    proptest! {
        #[test]
        fn a_default_name_is_always_one_safe_name(model in any::<String>(), stamp in any::<String>(), ext in "[a-z/.]{0,9}") {
            let name = default_name(&model, &stamp, &ext);
            prop_assert_eq!(Path::new(&name).file_name(), Some(std::ffi::OsStr::new(&name)));
            prop_assert!(name.len() <= 255 && name.starts_with("tokscope-"));
            prop_assert!(name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_')), "{name}");
            prop_assert!(!name.contains("..") && !name.ends_with('.'));
        }
    }
}

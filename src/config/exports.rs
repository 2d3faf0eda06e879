//! Export files, checked before the run begins.

use std::path::{Path, PathBuf};

use super::ConfigError;
use crate::cli::extensions;
use crate::domain::text::sanitise_line;
use crate::report::exporters::{Exporter, stdout_exporter};
use crate::store::file::{check_writable, ends_like_a_folder};

/// Checks that each path has the extension of a format and lies in a writable folder.
pub(super) fn check(paths: &[PathBuf], folder: &Path, exporters: &[Exporter]) -> Result<(), ConfigError> {
    for path in paths {
        let refused =
            |why: String| ConfigError(format!("--export '{}': {why}", sanitise_line(&path.to_string_lossy())));
        let target = folder.join(path);
        if target.is_dir() || ends_like_a_folder(path) {
            return Err(refused("is a folder; name a file in it".to_owned()));
        }
        if !has_format(path, exporters) {
            return Err(refused(no_format(exporters)));
        }
        let parent = target.parent().unwrap_or(folder);
        if !parent.is_dir() {
            let parent = path.parent().unwrap_or(path).to_string_lossy();
            return Err(refused(format!("there is no folder '{}'; create it first", sanitise_line(&parent))));
        }
        check_writable(&target).map_err(|why| ConfigError(format!("--export {}", sanitise_line(&why.to_string()))))?;
    }
    Ok(())
}

/// Export files, and at most one format for stdout.
type Split = (Vec<PathBuf>, Option<&'static Exporter>);

/// Separates the files to write, checked as by [`check`], from the format that goes to stdout; `json` asks for JSON
/// there.
pub(super) fn split(
    paths: &[PathBuf],
    json: bool,
    folder: &Path,
    exporters: &'static [Exporter],
) -> Result<Split, ConfigError> {
    let (mut files, mut formats) = (Vec::new(), Vec::new());
    for path in paths {
        match stdout_exporter(path, exporters) {
            Some(format) => formats.push(format),
            None => files.push(path.clone()),
        }
    }
    formats.extend(exporters.iter().find(|e| json && e.extension == "json"));
    formats.dedup_by_key(|format| format.id);
    if formats.len() > 1 {
        return Err(ConfigError("stdout takes one format; write the others to files with --export FILE".to_owned()));
    }
    check(&files, folder, exporters)?;
    Ok((files, formats.pop()))
}

/// Returns whether any format has this file's extension.
pub(super) fn has_format(path: &Path, exporters: &[Exporter]) -> bool {
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    extension.is_some_and(|found| exporters.iter().any(|e| e.extension == found))
}

/// Error text for an unknown extension.
pub(super) fn no_format(exporters: &[Exporter]) -> String {
    format!("unknown extension; use {}", extensions(exporters))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMATS: &[Exporter] = &[
        Exporter { id: "markdown", extension: "md", label: "Markdown", write: |_, _| Ok(()) },
        Exporter { id: "json", extension: "json", label: "JSON", write: |_, _| Ok(()) },
    ];

    fn check_one(path: &str, folder: &Path) -> Result<(), String> {
        check(&[PathBuf::from("fine.md"), PathBuf::from(path)], folder, FORMATS).map_err(|e| e.to_string())
    }

    #[test]
    fn writable_exports_pass() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        let absolute = folder.path().join("sub/b.json");
        for path in ["a.md", "./a.md", "sub/a.JSON", absolute.to_str().unwrap()] {
            assert_eq!(check_one(path, folder.path()), Ok(()), "{path}");
        }
    }

    // Not even root can create files in `/sys`.
    #[test]
    #[cfg(target_os = "linux")]
    fn an_unwritable_folder_is_reported_before_the_run() {
        let why = check_one("/sys/a.md", Path::new(".")).unwrap_err();
        assert!(why.starts_with("--export '/sys/a.md': the folder '/sys' is not writable ("), "{why}");
        assert!(why.ends_with("; choose another folder"), "{why}");
    }

    #[test]
    fn impossible_exports_are_reported_before_the_run() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("sub.md")).unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        for (path, why) in [
            ("a.html", "unknown extension; use .md .json"),
            ("report", "unknown extension; use .md .json"),
            ("", "is a folder; name a file in it"),
            ("sub.md", "is a folder; name a file in it"),
            ("new.md/", "is a folder; name a file in it"),
            ("new.md/.", "is a folder; name a file in it"),
            ("none/a.md", "there is no folder 'none'; create it first"),
            ("file/a.md", "there is no folder 'file'; create it first"),
        ] {
            assert_eq!(check_one(path, folder.path()), Err(format!("--export '{path}': {why}")));
        }
    }
}

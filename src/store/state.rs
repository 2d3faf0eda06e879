//! Small state files that persist between runs, in the platform's folder for such files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use etcetera::{BaseStrategy, choose_base_strategy};

use super::input::{self, Kind};

/// Returns the folder of the state files: `$XDG_STATE_HOME/tokscope` or `~/.local/state/tokscope`. On Windows it is in
/// the local application data, which are not copied to other machines. Returns `None` if the user has no home folder.
pub fn folder() -> Option<PathBuf> {
    let base = choose_base_strategy().ok()?;
    Some(base.state_dir().unwrap_or_else(|| base.cache_dir()).join("tokscope"))
}

/// Kind of state files. The limit is far above their real size.
const STATE_FILE: Kind = Kind { file_name: None, what: "saved state", max_bytes: 16 * 1024 * 1024 };

/// Returns the text of a state file; `None` if it is missing or unreadable.
pub fn read(name: &str) -> Option<String> {
    let path = folder()?.join(name);
    String::from_utf8(input::read(&path, name, &STATE_FILE).ok()?).ok()
}

/// Replaces a state file atomically. Returns its path.
pub fn write(name: &str, text: &str) -> io::Result<PathBuf> {
    let folder = folder().ok_or_else(|| io::Error::other("this user has no home folder"))?;
    write_in(&folder, name, text)
}

fn write_in(folder: &Path, name: &str, text: &str) -> io::Result<PathBuf> {
    let explain = |path: &Path, e: &io::Error| io::Error::new(e.kind(), format!("'{}': {e}", path.display()));
    fs::create_dir_all(folder).map_err(|e| explain(folder, &e))?;
    let path = folder.join(name);
    let new = folder.join(format!(".{name}-{}.tmp", std::process::id()));
    let written = fs::write(&new, text).and_then(|()| fs::rename(&new, &path));
    written.map_err(|e| {
        // Remove the temporary file if it could not replace the old one.
        drop(fs::remove_file(&new));
        explain(&path, &e)
    })?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_replaces_the_file_and_leaves_no_other() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("state/tokscope");
        for text in ["a", "b"] {
            let path = write_in(&folder, "x.json", text).unwrap();
            assert_eq!(fs::read_to_string(path).unwrap(), text);
        }
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_names_the_path() {
        let home = tempfile::tempdir().unwrap();
        let taken = home.path().join("taken");
        fs::write(&taken, "").unwrap();
        let why = write_in(&taken, "x.json", "a").unwrap_err().to_string();
        assert!(why.starts_with(&format!("'{}'", taken.display())), "{why}");
        fs::create_dir_all(home.path().join("folder/x.json/full")).unwrap();
        write_in(&home.path().join("folder"), "x.json", "a").unwrap_err();
        assert_eq!(fs::read_dir(home.path().join("folder")).unwrap().count(), 1, "the temporary file is removed");
    }
}

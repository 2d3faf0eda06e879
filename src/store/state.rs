//! What the program keeps between runs, in the folder that the platform has for that.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use etcetera::{BaseStrategy, choose_base_strategy};

use super::input::{self, Kind};

/// `$XDG_STATE_HOME/tokscope` or `~/.local/state/tokscope`; on Windows below the local data, which do not follow a
/// user to other machines. `None` without a home.
pub fn folder() -> Option<PathBuf> {
    let base = choose_base_strategy().ok()?;
    Some(base.state_dir().unwrap_or_else(|| base.cache_dir()).join("tokscope"))
}

/// What the program writes is smaller by far.
const KEPT: Kind = Kind { file_name: None, what: "what is kept", max_bytes: 16 * 1024 * 1024 };

/// The text of a file that was kept.
pub fn read(name: &str) -> Option<String> {
    let path = folder()?.join(name);
    String::from_utf8(input::read(&path, name, &KEPT).ok()?).ok()
}

/// Keeps a file in place of the one before it, whole or not at all. Returns where.
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
        // What could not be put in its place must not be left behind.
        drop(fs::remove_file(&new));
        explain(&path, &e)
    })?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_file_stands_and_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("state/tokscope");
        for text in ["a", "b"] {
            let path = write_in(&folder, "x.json", text).unwrap();
            assert_eq!(fs::read_to_string(path).unwrap(), text);
        }
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_kept_says_where() {
        let home = tempfile::tempdir().unwrap();
        let taken = home.path().join("taken");
        fs::write(&taken, "").unwrap();
        let why = write_in(&taken, "x.json", "a").unwrap_err().to_string();
        assert!(why.starts_with(&format!("'{}'", taken.display())), "{why}");
        fs::create_dir_all(home.path().join("folder/x.json/full")).unwrap();
        write_in(&home.path().join("folder"), "x.json", "a").unwrap_err();
        assert_eq!(fs::read_dir(home.path().join("folder")).unwrap().count(), 1, "the new file is gone again");
    }
}

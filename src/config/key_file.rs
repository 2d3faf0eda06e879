//! API key from a file. Errors never repeat a possible secret.

use std::path::Path;

use super::ConfigError;
use super::secrets::is_key;
use crate::domain::text::sanitise_line;
use crate::store::input::{self, Kind};

/// Maximum size of a file with a key.
const KEY: Kind = Kind { file_name: None, what: "a key", max_bytes: 64 * 1024 };

/// Reads the key from its file. Also returns a warning if other users of this machine can read the file.
pub(super) fn key(path: &Path, folder: &Path) -> Result<(String, Option<String>), ConfigError> {
    let named = sanitise_line(&path.to_string_lossy());
    let refused = |why: String| ConfigError(format!("--api-key-file '{named}': {why}"));
    let path = folder.join(path);
    let bytes = input::read(&path, &named, &KEY).map_err(|e| refused(e.0))?;
    let warning = read_by_others(&path).then(|| {
        format!(
            "--api-key-file '{named}': other users of this machine may read it; `chmod 600` keeps the key to yourself"
        )
    });
    let text = std::str::from_utf8(&bytes).unwrap_or_default().trim();
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(refused("is empty; write the key into it".to_owned()));
    }
    if !is_key(text) {
        return Err(refused("must contain only the key, on one line, without spaces".to_owned()));
    }
    Ok((text.to_owned(), warning))
}

#[cfg(unix)]
fn read_by_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o044 != 0)
}

#[cfg(not(unix))]
fn read_by_others(_path: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), bytes).unwrap();
        key(Path::new("key"), folder.path()).map(|(key, _warning)| key).map_err(|e| e.to_string())
    }

    #[test]
    fn a_key_file_has_only_the_key() {
        assert_eq!(read(b"sk-1\r\n").as_deref(), Ok("sk-1"));
        assert_eq!(read(b" \n"), Err("--api-key-file 'key': is empty; write the key into it".to_owned()));
        for bad in [&b"sk-hunter2\nsk-hunter2"[..], b"KEY = hunter2", b"hunter2\xff", b"\x00"] {
            let why = read(bad).unwrap_err();
            assert_eq!(why, "--api-key-file 'key': must contain only the key, on one line, without spaces");
        }
        let long = read(&vec![b'a'; 70_000]);
        assert_eq!(long, Err("--api-key-file 'key': is larger than 64 KiB, too large for a key".to_owned()));
        let missing = key(Path::new("none\u{1b}[2J"), Path::new("/")).unwrap_err().to_string();
        // Windows reports such a path differently.
        let why = if cfg!(windows) { "cannot be read: " } else { "there is no such file" };
        assert!(missing.starts_with(&format!("--api-key-file 'none': {why}")), "{missing}");
    }

    #[test]
    #[cfg(unix)]
    fn a_file_that_others_may_read_has_a_warning() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "sk-1").unwrap();
        for (mode, is_public) in [(0o600, false), (0o640, true), (0o604, true), (0o400, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let (_, warning) = key(Path::new("key"), folder.path()).unwrap();
            assert_eq!(warning.is_some(), is_public, "{mode:o}");
        }
    }
}

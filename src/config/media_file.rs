//! Files with images and audio.

use std::path::Path;

use super::ConfigError;
use crate::domain::media::{MAX_AUDIO_BYTES, MAX_IMAGE_BYTES, Media, MediaContent, MediaFormat};
use crate::domain::suite::Suite;
use crate::domain::text::sanitise_line;
use crate::store::input::{self, Kind};
use crate::workload::image::content;

/// Maximum size of all images and audio files of a suite, bytes, because they stay in memory.
pub(super) const MAX_SUITE_BYTES: u64 = 256 * 1024 * 1024;

const IMAGE: Kind = Kind { file_name: None, what: "an image", max_bytes: MAX_IMAGE_BYTES };
const AUDIO: Kind = Kind { file_name: None, what: "an audio file", max_bytes: MAX_AUDIO_BYTES };

/// Reads the file at `path`, which the user named `name`. The error describes the fault without the name.
pub(super) fn read(path: &Path, name: &str, is_audio: bool) -> Result<MediaContent, String> {
    let bytes = input::read_binary(path, name, if is_audio { &AUDIO } else { &IMAGE }).map_err(|e| e.0)?;
    let format = match MediaFormat::recognise(&bytes) {
        Some(format) if format.is_audio() == is_audio => format,
        Some(format) if is_audio => return Err(format!("is an image ({}); name it in images", format.name())),
        Some(format) => return Err(format!("is audio ({}); name it in audio", format.name())),
        None if is_audio => return Err("is neither WAV nor MP3; convert it to one of these".to_owned()),
        None => return Err("is not a PNG, JPEG, WebP or GIF file; convert it to one of these".to_owned()),
    };
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    Ok(MediaContent { path: Some(absolute.to_string_lossy().into_owned()), ..content(format, &bytes) })
}

/// Reads the files of a saved run's suite again. The run stores only their fingerprints.
pub(super) fn reload(suite: &mut Suite) -> Result<(), ConfigError> {
    let messages = suite.cases.iter_mut().flat_map(|case| &mut case.messages);
    for media in messages.flat_map(|message| &mut message.media) {
        let Media::Content(saved) = media else { continue };
        let Some(path) = saved.path.as_deref().filter(|_| saved.base64.is_empty()) else { continue };
        let shown = sanitise_line(path);
        let found = read(Path::new(path), &shown, saved.format.is_audio());
        let found =
            found.map_err(|why| ConfigError(format!("'{shown}': {why}; restore the file, or start a new run")))?;
        if found.fingerprint != saved.fingerprint {
            return Err(ConfigError(format!(
                "'{shown}' has changed since the run: it had {}, and now has {}; restore the file, or start a new run",
                saved.fingerprint, found.fingerprint
            )));
        }
        *saved = found;
    }
    Ok(())
}

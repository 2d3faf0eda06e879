//! A folder of text files. Each file is a prompt.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::bad_row::{BadRow, Fault, listed, shown};
use super::error::{DatasetFault, io_message};
use super::indexing::Indexer;
use super::place::Place;
use super::recognise::BYTE_ORDER_MARK;
use super::record::not_utf8;
use super::row::{DataRow, USER};
use super::storage::Stamp;
use super::{MAX_ROW_BYTES, max_row_size};
use crate::domain::data_fingerprint::DataFingerprint;
use crate::domain::suite::Message;

/// Extensions of text files, in lower case; the case does not matter.
const ENDINGS: [&str; 2] = ["txt", "md"];

/// The text files of a folder, sorted by name. Each file is a row.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    files: Vec<TextFile>,
}

#[derive(Debug)]
struct TextFile {
    name: OsString,
    stamp: Stamp,
}

/// Reason why a text file cannot be used as a row.
pub enum TextFault {
    /// The file cannot be read.
    Io(io::Error),
    /// The file has changed since it was opened.
    Changed,
}

impl Folder {
    /// Lists the text files of a folder, and reads each once. Ignores subfolders, hidden files and files with other
    /// extensions.
    pub fn open(path: &Path, indexer: &mut Indexer) -> Result<(Self, DataFingerprint), DatasetFault> {
        let names = text_files(path)?;
        let mut folder = Self { path: path.to_owned(), files: Vec::with_capacity(names.len()) };
        let mut checksum = crc32fast::Hasher::new();
        let mut bytes = 0;
        for name in names {
            let shown_name = shown(&name.to_string_lossy());
            let failed = |e: io::Error| DatasetFault::Unusable(format!("{shown_name}: {}", io_message(&e)));
            let file_path = path.join(&name);
            let stamp = Stamp::new(&fs::metadata(&file_path).map_err(failed)?);
            let content = read_file(&file_path, stamp).map_err(failed)?;
            bytes += stamp.bytes;
            checksum.update(name.as_encoded_bytes());
            checksum.update(&stamp.bytes.to_le_bytes());
            checksum.update(&content);
            if indexer.add(Place::File(shown_name), text_row(&content, stamp))? {
                folder.files.push(TextFile { name, stamp });
            }
        }
        folder.files.shrink_to_fit();
        Ok((folder, DataFingerprint { bytes, crc32: checksum.finalize() }))
    }

    /// Returns the place of a row.
    pub fn place(&self, row: u64) -> Option<Place> {
        let name = self.files.get(usize::try_from(row).ok()?)?.name.to_string_lossy();
        Some(Place::File(shown(&name)))
    }

    /// Reads a row. Returns `None` if the row does not exist.
    pub fn row(&self, row: u64) -> Option<Result<DataRow, TextFault>> {
        let TextFile { name, stamp } = self.files.get(usize::try_from(row).ok()?)?;
        let path = self.path.join(name);
        Some(match fs::metadata(&path) {
            Ok(metadata) if Stamp::new(&metadata) != *stamp => Err(TextFault::Changed),
            Ok(_) => read_file(&path, *stamp)
                .map_err(TextFault::Io)
                // If this fails, the file has changed: its content was valid when the folder was opened.
                .and_then(|content| text_row(&content, *stamp).map_err(|_changed| TextFault::Changed)),
            Err(e) => Err(TextFault::Io(e)),
        })
    }

    /// Returns the memory of the list, bytes.
    pub fn memory_bytes(&self) -> usize {
        let names: usize = self.files.iter().map(|file| file.name.len()).sum();
        self.files.capacity() * size_of::<TextFile>() + names
    }
}

/// Returns the names of the text files in a folder, sorted by their bytes.
fn text_files(path: &Path) -> Result<Vec<OsString>, DatasetFault> {
    let failed = |e: io::Error| DatasetFault::from_io(&e);
    let (mut texts, mut others) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(path).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        // Follow links. Skip everything but files, because opening it could block.
        let is_file = fs::metadata(path.join(&name)).is_ok_and(|metadata| metadata.is_file());
        let ending = Path::new(&name).extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        let is_text = is_file && ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()));
        if is_text { texts.push(name) } else { others.push(name) }
    }
    if texts.is_empty() {
        others.sort();
        let others: Vec<_> = others.iter().map(|name| name.to_string_lossy()).collect();
        let message = format!(
            "the folder has no .txt or .md files, each of which would be a prompt; it has {}",
            listed(others.iter().map(AsRef::as_ref))
        );
        return Err(DatasetFault::Unusable(message));
    }
    texts.sort();
    Ok(texts)
}

/// Reads a file, up to the size limit of a row.
fn read_file(path: &Path, stamp: Stamp) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    if stamp.bytes <= MAX_ROW_BYTES as u64 {
        File::open(path)?.take(MAX_ROW_BYTES as u64 + 1).read_to_end(&mut content)?;
    }
    Ok(content)
}

/// Converts the content of a text file to a row. Drops line ends at the end, because editors add them.
pub(super) fn text_row(content: &[u8], stamp: Stamp) -> Result<DataRow, BadRow> {
    if stamp.bytes > MAX_ROW_BYTES as u64 {
        return Err(BadRow::new(Fault::TooLong, format!("the file is larger than {}", max_row_size())));
    }
    let content = content.strip_prefix(BYTE_ORDER_MARK).unwrap_or(content);
    if content.contains(&0) {
        return Err(BadRow::new(Fault::NulByte, "has a NUL byte; save the file as UTF-8"));
    }
    let text = std::str::from_utf8(content).map_err(|e| not_utf8(e.valid_up_to()))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.trim().is_empty() {
        return Err(BadRow::new(Fault::NoPrompt, "the file is empty"));
    }
    let message = Message::new(USER, text);
    Ok(DataRow {
        messages: vec![message],
        later_messages: Vec::new(),
        max_tokens: None,
        expected: None,
        checks: Vec::new(),
        tag: None,
    })
}

//! Fingerprint of the screens, recorded in every picture of them.

use std::path::{Path, PathBuf};

/// Hashes words and layout of all screen snapshots of 120x40. Figures and charts do not count: they differ from run to
/// run.
pub fn screens(root: &Path) -> String {
    let mut files = snapshots(&root.join("src/ui"));
    files.sort();
    assert!(!files.is_empty(), "no snapshots of 120x40 below src/ui");
    let mut hash = 0xcbf2_9ce4_8422_2325;
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let screen = text.splitn(3, "---\n").nth(2).unwrap();
        let kept = screen.split_whitespace().map(|word| word.chars().filter(|c| !varies(*c)).collect::<String>());
        for word in kept.filter(|word| !word.is_empty()) {
            // FNV-1a, which is the same on every machine and with every compiler.
            for byte in word.bytes().chain([b' ']) {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
    }
    format!("{hash:016x}")
}

/// Whether a character is part of a figure or a chart: digits, blocks, braille.
fn varies(c: char) -> bool {
    c.is_ascii_digit()
        || matches!(c, '\u{2580}'..='\u{259f}' | '\u{2800}'..='\u{28ff}' | '.' | ',' | '~' | '━' | '─' | '╸')
}

fn snapshots(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let found = entries.flat_map(|path| if path.is_dir() { snapshots(&path) } else { vec![path] });
    found.filter(|path| path.to_string_lossy().ends_with("_120x40.snap")).collect()
}

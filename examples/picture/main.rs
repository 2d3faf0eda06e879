//! Makes the README's pictures from the program's own screen: runs it in a pseudo-terminal, waits for a moment worth
//! showing, and writes the screen as SVG.
//!
//!     cargo build --release && cargo run --example picture
//!
//! writes `assets/dashboard.svg` and its kin from a run against the built-in simulator.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a picture that cannot be made is told by a panic")]

#[path = "../../tests/support/pty.rs"]
#[allow(dead_code, reason = "shared with the tests, which use the rest")]
mod pty;
mod svg;

use std::path::{Path, PathBuf};

use pty::Pty;

/// A picture: its file, its size, what is typed once the run has begun, and what the screen must hold to be taken.
struct Picture {
    file: &'static str,
    cols: u16,
    rows: u16,
    when: fn(&vt100::Screen) -> bool,
    keys: &'static str,
    then: fn(&vt100::Screen) -> bool,
}

const PICTURES: &[Picture] = &[
    Picture {
        file: "dashboard.svg",
        cols: 120,
        rows: 36,
        when: |s| s.contents().matches("done").count() >= 4 && s.contents().contains("answering"),
        keys: "",
        then: |_| true,
    },
    Picture {
        file: "help.svg",
        cols: 80,
        rows: 24,
        when: |s| s.contents().contains("answering"),
        keys: "?",
        then: |s| s.contents().contains("suspend"),
    },
];

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = root.join("target/release/tokscope");
    assert!(program.exists(), "'{}' is missing: run 'cargo build --release' first", program.display());
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let folder: PathBuf = std::env::temp_dir();
    for picture in PICTURES.iter().filter(|p| wanted.is_empty() || wanted.iter().any(|w| p.file.contains(w.as_str()))) {
        let mut pty = Pty::start(&program.to_string_lossy(), &["--demo"], &folder, &[], picture.cols, picture.rows);
        pty.wait_for(picture.file, picture.when);
        pty.send(picture.keys);
        pty.wait_for(picture.file, picture.then);
        let drawn = pty.with_screen(svg::draw);
        let path = root.join("assets").join(picture.file);
        std::fs::write(&path, drawn).unwrap();
    }
}

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

/// A picture: its file, its size, how the program is started, and what the screen must hold for it to be taken.
struct Picture {
    file: &'static str,
    cols: u16,
    rows: u16,
    args: &'static [&'static str],
    when: fn(&str) -> bool,
}

const PICTURES: &[Picture] = &[
    Picture {
        file: "dashboard.svg",
        cols: 120,
        rows: 36,
        args: &["--demo"],
        when: |text| text.matches("done").count() >= 4 && text.contains("answering"),
    },
    Picture {
        file: "load.svg",
        cols: 120,
        rows: 36,
        args: &["--demo", "--concurrency", "8", "--repeat", "8", "--slo", "ttft_p95<500ms"],
        when: |text| text.matches("done").count() >= 3 && text.contains("8 in flight"),
    },
];

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = root.join("target/release/tokscope");
    assert!(program.exists(), "'{}' is missing: run 'cargo build --release' first", program.display());
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let folder: PathBuf = std::env::temp_dir();
    for picture in PICTURES.iter().filter(|p| wanted.is_empty() || wanted.iter().any(|w| p.file.contains(w.as_str()))) {
        let pty = Pty::start(&program.to_string_lossy(), picture.args, &folder, &[], picture.cols, picture.rows);
        pty.wait_for(picture.file, |screen| (picture.when)(&screen.contents()));
        let drawn = pty.with_screen(svg::draw);
        let path = root.join("assets").join(picture.file);
        std::fs::write(&path, drawn).unwrap();
    }
}

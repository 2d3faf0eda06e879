//! Makes the README's pictures: runs tokscope in a pseudo-terminal, waits for a certain screen, and writes the screen
//! as SVG.
//!
//!     cargo build --release && cargo run --example picture
//!
//! Writes `assets/dashboard.svg` and the other pictures from runs against the built-in simulator.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "the example panics if it cannot make a picture")]

#[path = "../../tests/support/pty.rs"]
#[allow(dead_code, reason = "shared with the tests, which use the rest")]
mod pty;
mod svg;

use std::path::Path;

use pty::Pty;

/// A picture: its file and size, the arguments of tokscope, and the steps to the screen worth showing.
struct Picture {
    file: &'static str,
    cols: u16,
    rows: u16,
    args: &'static [&'static str],
    /// Conditions to wait for, each with the keys to press then.
    steps: &'static [(When, &'static str)],
    /// Condition of the screen to be captured.
    when: When,
}

type When = fn(&str) -> bool;

/// A suite whose sweep takes half a minute.
const SHORT: &str = r#"
[suite]
name = "Short"
[defaults]
max_tokens = 80
[[case]]
name = "Debug Task"
prompt = "Find the bug in a function that reverses a list."
[[case]]
name = "Database Optimization"
prompt = "Explain what an index does for a slow query."
"#;

fn is_finished(text: &str) -> bool {
    text.contains("finished")
}

const PICTURES: &[Picture] = &[
    Picture {
        file: "dashboard.svg",
        cols: 120,
        rows: 38,
        args: &["--demo"],
        steps: &[],
        when: |text| text.matches(" done ").count() >= 3 && text.contains("answering") && text.contains("import"),
    },
    Picture {
        file: "scope.svg",
        cols: 120,
        rows: 32,
        args: &["--demo", "--concurrency", "3", "--server-metrics"],
        steps: &[(|text| text.contains("3 in flight"), "3\r"), (|text| text.contains("0:19"), "c")],
        when: |text| text.contains("(1 of 3 streams)"),
    },
    Picture {
        file: "report.svg",
        cols: 120,
        rows: 38,
        args: &["--demo", "--case", "debug", "--case", "data", "--case", "interview"],
        steps: &[(is_finished, "v")],
        when: |text| text.contains("Performance Summary") || text.contains("Test Results"),
    },
    Picture {
        file: "sweep.svg",
        cols: 120,
        rows: 38,
        args: &["--demo", "--sweep", "1,2,4,8,16", "--repeat", "8", "--cases", "short.toml"],
        steps: &[],
        when: is_finished,
    },
];

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = root.join("target/release/tokscope");
    assert!(program.exists(), "'{}' is missing: run 'cargo build --release' first", program.display());
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("short.toml"), SHORT).unwrap();
    let home = folder.path().to_string_lossy().into_owned();
    // Isolates the run from the user's settings and saved runs.
    let env = [("XDG_STATE_HOME", home.as_str()), ("XDG_CONFIG_HOME", home.as_str())];
    for picture in PICTURES.iter().filter(|p| wanted.is_empty() || wanted.iter().any(|w| p.file.contains(w.as_str()))) {
        let program = program.to_string_lossy();
        let mut pty = Pty::start(&program, picture.args, folder.path(), &env, picture.cols, picture.rows);
        for (when, keys) in picture.steps {
            pty.wait_for(picture.file, |screen| when(&screen.contents()));
            pty.send(keys);
        }
        pty.wait_for(picture.file, |screen| (picture.when)(&screen.contents()));
        let svg = pty.with_screen(svg::draw);
        let path = root.join("assets").join(picture.file);
        std::fs::write(&path, svg).unwrap();
    }
}

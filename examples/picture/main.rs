//! Makes the pictures of README and docs: runs tokscope in a pseudo-terminal and writes its screens as SVG, dark and
//! light.
//!
//!     cargo run --example picture                  # all pictures
//!     cargo run --example picture -- scope sweep   # some of them
//!
//! Everything is run against the built-in simulator. The terminal must support synchronized output, so that no picture
//! shows half a screen.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a tool of its own: it panics if it cannot make a picture"
)]

mod cell;
#[path = "../../tests/support/fingerprint.rs"]
mod fingerprint;
mod pictures;
#[path = "../../tests/support/pty.rs"]
#[allow(dead_code, reason = "shared with the tests, which use the rest")]
mod pty;
mod svg;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use pictures::{PICTURES, Picture, Step, When};
use pty::Pty;
use svg::{Film, LOOKS, Look};

/// Longest wait for a screen. Sweeps take minutes on a slow machine.
const DEADLINE: Duration = Duration::from_secs(300);

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names: Vec<String> = std::env::args().skip(1).collect();
    let program = build(root);
    let screens = fingerprint::screens(root);
    for picture in PICTURES.iter().filter(|p| names.is_empty() || names.iter().any(|name| name == p.name)) {
        // Dark and light at the same time: most of the time is waiting.
        std::thread::scope(|scope| {
            for look in &LOOKS {
                let (program, screens) = (&program, &screens);
                scope.spawn(move || {
                    let svg = shoot(picture, program, look, screens);
                    let name = format!("assets/{}-{}.svg", picture.name, look.theme);
                    std::fs::write(root.join(&name), &svg).unwrap();
                    eprintln!("{name}: {} KB", svg.len() / 1000);
                });
            }
        });
    }
}

/// Builds the program in the profile of this example. `PICTURE_PROGRAM` names another one.
fn build(root: &Path) -> PathBuf {
    if let Some(program) = std::env::var_os("PICTURE_PROGRAM") {
        return program.into();
    }
    let folder = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().to_owned();
    let mut command = Command::new(env!("CARGO"));
    command.args(["build", "--bin", "tokscope"]).current_dir(root);
    if folder.ends_with("release") {
        command.arg("--release");
    }
    assert!(command.status().unwrap().success(), "tokscope cannot be built");
    folder.join(format!("tokscope{}", std::env::consts::EXE_SUFFIX))
}

/// Plays the scenes of a picture in folders of their own, and returns it as SVG.
fn shoot(picture: &Picture, program: &Path, look: &Look, screens: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("short.toml"), pictures::SHORT).unwrap();
    let home = folder.path().to_string_lossy();
    let env = [("XDG_STATE_HOME", &*home), ("XDG_CONFIG_HOME", &*home), ("COLORTERM", "truecolor")];
    for args in picture.before {
        let run = Command::new(program).args(*args).current_dir(folder.path()).envs(env).output().unwrap();
        assert!(run.status.success(), "{args:?}: {}", String::from_utf8_lossy(&run.stderr));
    }
    let mut film = Film::new(look, picture.cols, picture.rows);
    let mut still = None;
    for scene in picture.scenes {
        let args = [scene.args, &["--theme", look.theme]].concat();
        let mut pty = Pty::start(&program.to_string_lossy(), &args, folder.path(), &env, picture.cols, picture.rows);
        for step in scene.steps {
            match *step {
                Step::Wait(when) => wait_for(&pty, picture.name, when),
                Step::Keys(keys) => pty.send(keys),
                Step::Pause(ms) => std::thread::sleep(Duration::from_millis(ms)),
                Step::Shoot(ms) => pty.with_frame(|screen| film.push(screen, ms)),
                Step::Film { frames, ms } => {
                    for _ in 0..frames {
                        pty.with_frame(|screen| film.push(screen, ms));
                        std::thread::sleep(Duration::from_millis(ms.into()));
                    }
                }
                Step::Lapse { until, every_ms, frames, ms } => {
                    let first = film.len();
                    let start = Instant::now();
                    while !until(&pty.text()) {
                        pty.with_frame(|screen| film.push(screen, ms));
                        std::thread::sleep(Duration::from_millis(every_ms));
                        assert!(start.elapsed() < DEADLINE, "{}: no end in sight:\n{}", picture.name, pty.text());
                    }
                    film.thin(first, frames, ms);
                }
                Step::Still => still = Some(film.len() - 1),
            }
        }
    }
    film.write(screens, still.unwrap_or(0))
}

fn wait_for(pty: &Pty, picture: &str, when: When) {
    let start = Instant::now();
    while !when(&pty.text()) {
        assert!(start.elapsed() < DEADLINE, "{picture}: never seen. The screen:\n{}", pty.text());
        std::thread::sleep(Duration::from_millis(20));
    }
}

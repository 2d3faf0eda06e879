//! The dashboard in a pseudo-terminal, with its own folder for suite and reports.

use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::pty::{Ended, Pty};

/// Columns and rows at which everything fits on the screen.
pub const ROOMY: (u16, u16) = (120, 40);

/// A suite of cases with these names, with `extra` lines in each case.
pub fn suite(names: &[&str], extra: &str) -> String {
    let case = |name: &&str| format!("[[case]]\nname = \"{name}\"\nprompt = \"Explain {name}.\"\n{extra}\n");
    let cases: String = names.iter().map(case).collect();
    format!("[suite]\nname = \"Small\"\n[defaults]\nmax_tokens = 20\n{cases}")
}

/// A running dashboard.
pub struct Dashboard {
    pub folder: tempfile::TempDir,
    pub pty: Pty,
}

impl Dashboard {
    /// Starts the dashboard with this suite. It exports `r.md` and `r.json`.
    pub fn start(suite: &str, url: &str) -> Self {
        Self::start_with(suite, &[url], &[], ROOMY)
    }

    /// Like [`Dashboard::start`], with further arguments, variables and a size.
    pub fn start_with(suite: &str, args: &[&str], env: &[(&str, &str)], (cols, rows): (u16, u16)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("cases.toml"), suite).unwrap();
        let args = [args, &["--export", "r.md", "--export", "r.json"]].concat();
        let pty = Pty::start(env!("CARGO_BIN_EXE_tokscope"), &args, folder.path(), env, cols, rows);
        Self { folder, pty }
    }

    /// Waits for a line that contains both texts.
    #[track_caller]
    pub fn wait_for_line(&self, part: &str, other: &str) {
        let has_both = |screen: &vt100::Screen| {
            let text = screen.contents();
            text.lines().any(|line| line.contains(part) && line.contains(other))
        };
        self.pty.wait_for(&format!("a line with '{part}' and '{other}'"), has_both);
    }

    /// Exports JSON through the menu and returns it.
    #[track_caller]
    pub fn export_json(&mut self) -> Value {
        let path = self.newest("json");
        self.pty.send("E");
        self.wait_for_line("File", ".md");
        self.pty.send("\u{1b}[B");
        self.wait_for_line("File", ".json");
        self.pty.send("\r");
        let next = path.map_or_else(|| "r.json".to_owned(), |at| format!("r-{}.json", at + 1));
        self.pty.wait_for_text(&format!("Report written to '{next}'"));
        read(&self.folder.path().join(next))
    }

    /// Number of the latest report of this kind; 1 for the name without a number.
    fn newest(&self, extension: &str) -> Option<usize> {
        let exists = |n: usize| {
            let name = if n == 1 { format!("r.{extension}") } else { format!("r-{n}.{extension}") };
            self.folder.path().join(name).exists()
        };
        (1..100).take_while(|&n| exists(n)).last()
    }

    /// Waits for the end. Returns the exit status with the remaining output, and the last JSON report if there is one.
    #[track_caller]
    pub fn end(self) -> (Ended, Option<Value>) {
        let (ended, _folder, report) = self.end_with_folder();
        (ended, report)
    }

    /// Like [`Dashboard::end`], with the folder.
    #[track_caller]
    pub fn end_with_folder(self) -> (Ended, tempfile::TempDir, Option<Value>) {
        let ended = self.pty.end();
        let file = |n: usize| {
            let name = if n == 1 { "r.json".to_owned() } else { format!("r-{n}.json") };
            Some(self.folder.path().join(name)).filter(|p: &PathBuf| p.exists())
        };
        let last = (1..100).map_while(file).last();
        (ended, self.folder, last.map(|path| read(&path)))
    }
}

impl Deref for Dashboard {
    type Target = Pty;

    fn deref(&self) -> &Pty {
        &self.pty
    }
}

impl DerefMut for Dashboard {
    fn deref_mut(&mut self) -> &mut Pty {
        &mut self.pty
    }
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Statuses of a case's attempts, in order.
pub fn statuses(report: &Value, case: usize) -> Vec<String> {
    let attempts = report["cases"][case]["attempts"].as_array().unwrap();
    attempts.iter().map(|a| a["status"].as_str().unwrap().to_owned()).collect()
}

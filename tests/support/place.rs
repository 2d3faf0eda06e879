//! A folder to run in with its own state folder, for runs that are saved, killed and resumed.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::server::{Request, Server};

const DEADLINE: Duration = Duration::from_secs(60);

/// A folder to run in, with its own state folder.
pub struct Place {
    pub folder: tempfile::TempDir,
    pub state: tempfile::TempDir,
}

impl Place {
    pub fn with(suite: &str) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap(), state: tempfile::tempdir().unwrap() };
        std::fs::write(place.folder.path().join("cases.toml"), suite).unwrap();
        place
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tokscope"));
        for name in ["TOKSCOPE_URL", "OPENAI_BASE_URL", "OPENAI_API_KEY"] {
            command.env_remove(name);
        }
        command.env("XDG_STATE_HOME", self.state.path()).args(args).current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    #[track_caller]
    pub fn run(&self, args: &[&str], status: i32) -> (String, String) {
        let Output { status: ended, stdout, stderr } = self.command(args).output().unwrap();
        let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
        assert_eq!(ended.code(), Some(status), "{args:?}\n{stdout}\n{stderr}");
        (stdout, stderr)
    }

    pub fn runs(&self) -> PathBuf {
        self.state.path().join("tokscope/runs")
    }

    /// Path of the only journal, if there is one.
    pub fn journal(&self) -> Option<PathBuf> {
        let files: Vec<_> = std::fs::read_dir(self.runs()).ok()?.map(|f| f.unwrap().path()).collect();
        assert!(files.len() < 2, "{files:?}");
        files.into_iter().next()
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// An exported `results.json`, held against its schema.
    pub fn json(&self, name: &str) -> Value {
        super::schema::read_results(self.folder.path().join(name))
    }
}

/// A server that responds at once.
pub fn server() -> Server {
    Server::start(&["lone-model"], |mut request| request.answer(&["one", " two", " three"]))
}

/// A server that responds at once, except to the request number `after`: that answer stops in the middle until the
/// returned sender is dropped.
pub fn stalling(after: usize) -> (Server, Sender<()>) {
    let (hold, gate) = channel::<()>();
    let gate = Mutex::new(Some(gate));
    let server = Server::start(&["lone-model"], move |mut request: Request| {
        if request.number != after {
            return request.answer(&["one", " two", " three"]);
        }
        request.token("one");
        let gate = gate.lock().unwrap().take();
        let _dropped = gate.map(|gate| gate.recv());
    });
    (server, hold)
}

/// Waits until the journal contains this many attempts.
#[track_caller]
pub fn wait_for_attempts(place: &Place, count: usize) -> String {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let text = place.journal().map_or_else(String::new, |path| std::fs::read_to_string(path).unwrap());
        if text.matches("{\"type\":\"attempt\"").count() >= count {
            return text;
        }
        assert!(Instant::now() < deadline, "attempts not saved: {text}");
        std::thread::yield_now();
    }
}

pub fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

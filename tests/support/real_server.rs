//! A real llama.cpp server, as `scripts/real-server` installs it.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Variable that enables tests with the real server when it is 1, because the first start downloads a package.
pub const SWITCH: &str = "TOKSCOPE_REAL_SERVER";

/// A running server with a tiny model of random weights. Every answer is `max_tokens` long. Killed when dropped.
#[derive(Debug)]
pub struct RealServer {
    process: Child,
    url: String,
}

impl RealServer {
    /// Starts a server on a free port and waits until it is ready. Returns `None` with a message if the tests are not
    /// enabled.
    pub fn start() -> Option<Self> {
        Self::start_on(0)
    }

    /// Like [`RealServer::start`], on this port.
    pub fn start_on(port: u16) -> Option<Self> {
        if std::env::var(SWITCH).as_deref() != Ok("1") {
            // Written to stderr directly, because the test runner hides the output of passing tests.
            let skipped = format!("SKIPPED: a test against a real server; set {SWITCH}=1 to run it\n");
            let _unseen = std::io::stderr().write_all(skipped.as_bytes());
            return None;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/real-server");
        let mut process = Command::new(&script)
            .args(["serve", "--with-parent", "--port", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("cannot run {}: {e}", script.display()));
        let mut line = String::new();
        let read = BufReader::new(process.stdout.take().unwrap()).read_line(&mut line);
        // From here on the process is killed even if this panics.
        let mut server = Self { process, url: String::new() };
        read.unwrap();
        let url = line.trim().strip_prefix("listening on ");
        url.unwrap_or_else(|| panic!("{} failed; see stderr", script.display())).clone_into(&mut server.url);
        Some(server)
    }

    /// Base URL, including `/v1`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Port of the server.
    pub fn port(&self) -> u16 {
        let (_, rest) = self.url.rsplit_once(':').unwrap();
        rest.trim_end_matches("/v1").parse().unwrap()
    }
}

impl Drop for RealServer {
    fn drop(&mut self) {
        // The script replaces itself with the server, so there is no further child process.
        let _killed = self.process.kill();
        let _status = self.process.wait();
    }
}

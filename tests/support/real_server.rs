//! A real llama.cpp server, as `scripts/real-server` sets it up.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Tests that need the server run only where this is 1: setting it up asks the network for a package, once.
pub const SWITCH: &str = "TOKSCOPE_REAL_SERVER";

/// A running server with a tiny model of random weights. Every answer of it is `max_tokens` long. Killed when dropped.
#[derive(Debug)]
pub struct RealServer {
    process: Child,
    url: String,
}

impl RealServer {
    /// Starts one on a free port and waits until it is ready; `None`, and loud, where it is not asked for.
    pub fn start() -> Option<Self> {
        Self::start_on(0)
    }

    /// The same on this port.
    pub fn start_on(port: u16) -> Option<Self> {
        if std::env::var(SWITCH).as_deref() != Ok("1") {
            // Past the test runner, which swallows what a passing test prints, and in one piece.
            let skipped = format!("SKIPPED: a test against a real server, for want of {SWITCH}=1\n");
            let _unseen = std::io::stderr().write_all(skipped.as_bytes());
            return None;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/real-server");
        let mut process = Command::new(&script)
            .args(["serve", "--with-parent", "--port", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{} does not run: {e}", script.display()));
        let mut line = String::new();
        let said = BufReader::new(process.stdout.take().unwrap()).read_line(&mut line);
        // Held from here on: it is killed also when this panics.
        let mut server = Self { process, url: String::new() };
        said.unwrap();
        let url = line.trim().strip_prefix("listening on ");
        url.unwrap_or_else(|| panic!("{} gave up; stderr says why", script.display())).clone_into(&mut server.url);
        Some(server)
    }

    /// Its base URL, with `/v1`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        let (_, rest) = self.url.rsplit_once(':').unwrap();
        rest.trim_end_matches("/v1").parse().unwrap()
    }
}

impl Drop for RealServer {
    fn drop(&mut self) {
        // The script has become the server: no child of its own is left behind.
        let _gone = self.process.kill();
        let _status = self.process.wait();
    }
}

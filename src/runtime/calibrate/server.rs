//! The simulator in a separate process, so that it shares no threads with the calibrated engine.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};

use crate::sim::AllSentTimes;

/// Timeout for reading the server's send times.
const SENT_TIMES_TIMEOUT: Duration = Duration::from_secs(30);

/// The running process. Dropping this value ends the process.
#[derive(Debug)]
pub struct Server {
    child: Child,
    url: String,
}

impl Server {
    /// Starts `program`, which is this program itself, as a simulator with this TTFT, speed and jitter.
    pub fn start(program: &std::path::Path, ttft_ms: f64, tokens_per_s: f64, jitter: f64) -> anyhow::Result<Self> {
        let mut child = Command::new(program)
            .args(["sim", "--record-sent-times", "--model", "calibration"])
            .args(["--ttft-ms", &ttft_ms.to_string(), "--tokens-per-s", &tokens_per_s.to_string()])
            .args(["--jitter", &jitter.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("the simulator's process '{}' did not start", program.display()))?;
        let stdout = child.stdout.take();
        let mut server = Self { child, url: String::new() };
        let mut line = String::new();
        BufReader::new(stdout.context("the simulator has no stdout")?).read_line(&mut line)?;
        let url = line.split_whitespace().find(|word| word.starts_with("http://"));
        url.context("the simulator did not print its address")?.clone_into(&mut server.url);
        Ok(server)
    }

    /// Base URL, including `/v1`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the send times of all events since the last call.
    pub fn sent_times(&self) -> anyhow::Result<AllSentTimes> {
        let host = self.url.trim_start_matches("http://").trim_end_matches("/v1");
        let mut stream = TcpStream::connect(host)?;
        stream.set_read_timeout(Some(SENT_TIMES_TIMEOUT))?;
        write!(stream, "GET /tokscope-sim/sent HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).context("the simulator did not return its send times")?;
        match answer.split_once("\r\n\r\n") {
            Some((head, body)) if head.starts_with("HTTP/1.1 200") => Ok(serde_json::from_str(body)?),
            _ => bail!("the simulator did not return its send times: {}", answer.lines().next().unwrap_or_default()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Ignore errors: the process may already have ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

//! The macmon process and the lines that it prints.
//!
//! A shell runs next to macmon. The shell waits for the end of a pipe that only tokscope holds open, and then kills
//! macmon. The pipe ends when the source is dropped, and also when tokscope ends in any way, so a hanging macmon never
//! stays behind.
//!
//! Shell and macmon have a separate process group. Keys pressed in the terminal therefore reach only tokscope, which
//! stops both.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::NAME;
use crate::protocol::macmon::{Reading, UnreadableLine, read};
use crate::telemetry::SamplerConfig;

/// Shell script that runs macmon, and kills it when standard input ends. Standard error goes to the same pipe as the
/// lines.
const SUPERVISOR_SCRIPT: &str = r#""$0" "$@" 2>&1 & pid=$!; exec >/dev/null 2>&1; read -r _; kill -9 $pid; wait $pid"#;
/// Minimum interval between two lines that macmon accepts.
const MIN_INTERVAL: Duration = Duration::from_millis(100);
/// Maximum number of consecutive lines without figures. After these, macmon is stopped.
const MAX_UNREADABLE_LINES: u32 = 20;
/// Number of unreadable lines to quote. A panic prints its place and message on the first two.
const QUOTED_LINES: usize = 2;
/// Maximum length of a line, bytes. The largest machines need about 20,000.
const MAX_LINE_BYTES: u64 = 256 * 1024;

/// Result of reading the pipe.
#[derive(Debug, PartialEq)]
pub(super) enum News {
    /// Latest line with figures.
    Reading(Reading),
    /// No new figures. Holds the text of an unreadable line, if any.
    Nothing { unreadable: Option<String> },
    /// macmon ended, for this reason.
    Ended(String),
}

/// Output that was not read yet. Only the latest line is kept: macmon can go on while nothing is read, and the next
/// read gets current figures.
#[derive(Debug, Default)]
struct Unread {
    reading: Option<Reading>,
    unreadable: Option<UnreadableLine>,
    ended: Option<String>,
}

#[derive(Debug, Default)]
struct Inbox {
    unread: Mutex<Unread>,
    changed: Condvar,
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, Unread> {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, change: impl FnOnce(&mut Unread)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }
}

/// Standard input of the shell. Dropping it stops macmon.
type ChildInput = Arc<Mutex<Option<ChildStdin>>>;

/// A running macmon. Dropping this value stops it.
pub(super) struct Pipe {
    inbox: Arc<Inbox>,
    shell_input: ChildInput,
}

impl Drop for Pipe {
    fn drop(&mut self) {
        stop(&self.shell_input);
    }
}

fn stop(shell_input: &ChildInput) {
    shell_input.lock().unwrap_or_else(PoisonError::into_inner).take();
}

impl Pipe {
    /// Starts macmon. From the environment it gets only `PATH`, because other variables may hold API keys.
    pub(super) fn start(program: &Path, config: &SamplerConfig) -> Result<Self, String> {
        let interval = config.interval.max(MIN_INTERVAL);
        let mut supervisor = Command::new("/bin/sh");
        supervisor.args(["-c", SUPERVISOR_SCRIPT]).arg(program).args([
            "pipe",
            "--soc-info",
            "--interval",
            &interval.as_millis().to_string(),
        ]);
        supervisor.env_clear().envs(config.program_path.as_ref().map(|path| ("PATH", path))).current_dir("/");
        supervisor.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = supervisor.spawn().map_err(|error| format!("cannot start {NAME}: {error}"))?;
        let shell_input: ChildInput = Arc::new(Mutex::new(child.stdin.take()));
        let inbox = Arc::<Inbox>::default();
        let stdout = child.stdout.take().ok_or_else(|| format!("{NAME} has no output"))?;
        let pipe = Self { inbox: Arc::clone(&inbox), shell_input: Arc::clone(&shell_input) };
        let thread = move || read_to_end(child, stdout, &shell_input, &inbox);
        let spawned = std::thread::Builder::new().name(NAME.to_owned()).spawn(thread);
        spawned.map(|_| pipe).map_err(|error| format!("cannot start the thread that reads {NAME}: {error}"))
    }

    /// Waits for the first line with figures, for at most `limit` per line. [`Self::news`] still returns these figures.
    pub(super) fn wait(&self, limit: Duration) -> Result<Reading, String> {
        loop {
            let is_empty =
                |unread: &mut Unread| unread.reading.is_none() && unread.unreadable.is_none() && unread.ended.is_none();
            let waited = self.inbox.changed.wait_timeout_while(self.inbox.lock(), limit, is_empty);
            let mut unread = waited.unwrap_or_else(PoisonError::into_inner).0;
            if let Some(reading) = &unread.reading {
                return Ok(reading.clone());
            }
            match (unread.unreadable.take(), &unread.ended) {
                // This machine has no GPU figures, and no later line will have any.
                (Some(UnreadableLine::NoFigures(why)), _) => return Err(why.to_owned()),
                (_, Some(why)) => return Err(why.clone()),
                (Some(UnreadableLine::Text(_)), None) => {}
                (None, None) => return Err(format!("{NAME} sent no data within {} s", limit.as_secs())),
            }
        }
    }

    /// Returns what arrived since the last call.
    pub(super) fn news(&self) -> News {
        let mut unread = self.inbox.lock();
        if let Some(why) = unread.ended.take() {
            return News::Ended(why);
        }
        let unreadable = unread.unreadable.take().map(|line| line.reason().to_owned());
        unread.reading.take().map_or(News::Nothing { unreadable }, News::Reading)
    }
}

/// Reason why the reading thread ended.
enum ReadEnd {
    /// The output ended. Holds the last unreadable lines.
    Closed(String),
    /// The output is unusable, for this reason.
    Unusable(String),
}

/// Reads macmon's output to its end, stops macmon and records the reason of the end.
fn read_to_end(mut child: Child, stdout: impl Read, shell_input: &ChildInput, inbox: &Inbox) {
    let end = catch_unwind(AssertUnwindSafe(|| read_lines(stdout, inbox)));
    stop(shell_input);
    // Ignore the exit status: the output ends before macmon does, so macmon may have been killed.
    drop(child.wait());
    let why = match end {
        Ok(ReadEnd::Closed(words)) if words.is_empty() => format!("{NAME} exited without output"),
        Ok(ReadEnd::Closed(words)) => format!("{NAME} exited: {words}"),
        Ok(ReadEnd::Unusable(why)) => why,
        Err(_panic) => format!("reading {NAME} stopped after an internal error"),
    };
    inbox.update(|unread| unread.ended = Some(why));
}

fn read_lines(stdout: impl Read, inbox: &Inbox) -> ReadEnd {
    let mut stdout = BufReader::new(stdout);
    let (mut line, mut unreadable_lines, mut quoted) = (Vec::new(), 0, Vec::new());
    loop {
        line.clear();
        // Treat a read error like the end of the output.
        let length = stdout.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line).unwrap_or(0);
        if length == 0 {
            return ReadEnd::Closed(quoted.join(" "));
        }
        if length as u64 == MAX_LINE_BYTES {
            return ReadEnd::Unusable(format!("{NAME} sent a line without an end"));
        }
        match read(&line) {
            Ok(reading) => {
                (unreadable_lines, quoted) = (0, Vec::new());
                inbox.update(|unread| (unread.reading, unread.unreadable) = (Some(reading), None));
            }
            Err(problem) => {
                unreadable_lines += 1;
                if quoted.len() < QUOTED_LINES && !problem.reason().is_empty() {
                    quoted.push(problem.reason().to_owned());
                }
                inbox.update(|unread| unread.unreadable = Some(problem));
            }
        }
        if unreadable_lines >= MAX_UNREADABLE_LINES {
            return ReadEnd::Unusable(not_understood(&quoted.join(" ")));
        }
    }
}

/// Returns the error message that quotes lines without figures.
pub(super) fn not_understood(words: &str) -> String {
    format!("cannot read the output of {NAME}: {words}")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct PanickingReader;

    impl Read for PanickingReader {
        fn read(&mut self, _buffer: &mut [u8]) -> std::io::Result<usize> {
            panic!("simulated fault")
        }
    }

    #[test]
    fn an_internal_error_is_reported_and_stops_macmon() {
        let mut child = Command::new("/bin/sh").args(["-c", "read -r _"]).stdin(Stdio::piped()).spawn().unwrap();
        let shell_input = Mutex::new(child.stdin.take()).into();
        let inbox = Inbox::default();
        // This returns only if the process was stopped.
        read_to_end(child, PanickingReader, &shell_input, &inbox);
        assert_eq!(inbox.lock().ended.as_deref(), Some("reading macmon stopped after an internal error"));
    }
}

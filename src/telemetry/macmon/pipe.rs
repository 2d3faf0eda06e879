//! The running program, and the lines it tells.
//!
//! It runs on a leash: a shell beside it waits for the end of a pipe whose other end is here alone, and then kills it. That
//! end comes when nobody wants it any more, and in any case with this process, whatever ends that. Neither is of the
//! terminal's group, so that its keys end only this program, which ends them.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::NAME;
use crate::protocol::macmon::{Odd, Reading, read};
use crate::telemetry::SamplerConfig;

/// Runs what it is given, and ends it with its own input; its errors come where its lines do.
const KEEPER: &str = r#""$0" "$@" 2>&1 & told=$!; exec >/dev/null 2>&1; read -r _; kill -9 $told; wait $told"#;
/// The shortest time between two lines that macmon knows.
const SHORTEST_MS: u128 = 100;
/// Lines that may wait to be read: more are told by one that nobody listens to, or that does not keep its pace.
pub(super) const UNREAD: u32 = 20;
/// Lines in a row without a figure after which none is expected.
const MOST_ODD: u32 = 20;
/// Lines of those that are repeated: of a panic the place and the words.
const REPEATED: usize = 2;
/// Bytes of a line; those of the greatest machines have some twenty thousand.
const LONGEST: u64 = 256 * 1024;

/// What is new.
#[derive(Debug, PartialEq)]
pub(super) enum News {
    /// The last line with figures.
    Reading(Reading),
    /// None; it may have told something else.
    Nothing { odd: Option<String> },
    /// It told more than was read, and is of no use any more.
    Unread,
    /// It ended, and why.
    Ended(String),
}

/// What the thread says that reads it.
enum Said {
    Line(Box<Reading>),
    Odd(Odd),
    Ended(String),
}

/// Closed by whoever empties it first.
type Leash = Arc<Mutex<Option<ChildStdin>>>;

/// The program, as long as this lives.
pub(super) struct Pipe {
    inbox: Receiver<Said>,
    leash: Leash,
    /// Read, and not asked for yet.
    kept: Option<Reading>,
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let_go(&self.leash);
    }
}

fn let_go(leash: &Leash) {
    leash.lock().unwrap_or_else(PoisonError::into_inner).take();
}

impl Pipe {
    /// Starts it. Of this program's environment it gets the way to other programs alone: there may be keys in the rest.
    pub(super) fn start(program: &Path, config: &SamplerConfig) -> Result<Self, String> {
        let interval_ms = config.interval.as_millis().max(SHORTEST_MS).to_string();
        let mut keeper = Command::new("/bin/sh");
        keeper.args(["-c", KEEPER]).arg(program).args(["pipe", "--soc-info", "--interval", &interval_ms]);
        keeper.env_clear().envs(config.program_path.as_ref().map(|path| ("PATH", path))).current_dir("/");
        keeper.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = keeper.spawn().map_err(|error| format!("{NAME} did not start: {error}"))?;
        let leash: Leash = Arc::new(Mutex::new(child.stdin.take()));
        let (say, inbox) = sync_channel(UNREAD as usize);
        let stdout = child.stdout.take().ok_or_else(|| format!("{NAME} has no output"))?;
        let pipe = Self { inbox, leash: Arc::clone(&leash), kept: None };
        let thread = move || listen(child, stdout, &leash, &say);
        let spawned = std::thread::Builder::new().name(NAME.to_owned()).spawn(thread);
        spawned.map(|_| pipe).map_err(|error| format!("the thread that reads {NAME} did not start: {error}"))
    }

    /// Waits for the first line with figures, at most so long for each line that may be it. It is kept, to be read again as
    /// what is new.
    pub(super) fn wait(&mut self, limit: Duration) -> Result<&Reading, String> {
        loop {
            match self.inbox.recv_timeout(limit) {
                Ok(Said::Line(reading)) => return Ok(self.kept.insert(*reading)),
                // It says what it is, and will go on to say so.
                Ok(Said::Odd(Odd::Bare(why))) => return Err(why.to_owned()),
                Ok(Said::Odd(Odd::Text(_))) => {}
                Ok(Said::Ended(why)) => return Err(why),
                Err(_) => return Err(format!("{NAME} told nothing in {} s", limit.as_secs())),
            }
        }
    }

    /// What came since it was last asked.
    pub(super) fn news(&mut self) -> News {
        let mut reading = self.kept.take();
        let mut last_odd = None;
        for _ in 0..UNREAD {
            match self.inbox.try_recv() {
                Ok(Said::Line(line)) => reading = Some(*line),
                Ok(Said::Odd(odd)) => last_odd = Some(odd.words().to_owned()),
                Ok(Said::Ended(why)) => return News::Ended(why),
                Err(TryRecvError::Empty) => return reading.map_or(News::Nothing { odd: last_odd }, News::Reading),
                Err(TryRecvError::Disconnected) => break,
            }
        }
        // With as many as may wait there were more, or soon will be.
        News::Unread
    }
}

/// How the reading ends.
enum Heard {
    /// It has nothing more to tell; what it told last beside figures.
    End(String),
    /// It tells what is of no use, in words for people.
    Useless(String),
    /// Nobody listens, or not fast enough.
    Unread,
}

/// Reads it to its end, which comes at the latest with the leash's.
fn listen(mut child: Child, stdout: ChildStdout, leash: &Leash, say: &SyncSender<Said>) {
    let heard = hear(stdout, say);
    let_go(leash);
    // With which status does not matter: it may have been killed by now, for its output ends before it does.
    drop(child.wait());
    let why = match heard {
        Heard::End(words) if words.is_empty() => format!("{NAME} ended without a word"),
        Heard::End(words) => format!("{NAME} ended: {words}"),
        Heard::Useless(why) => why,
        Heard::Unread => return,
    };
    // Who does not listen any more need not know.
    drop(say.send(Said::Ended(why)));
}

fn hear(stdout: ChildStdout, say: &SyncSender<Said>) -> Heard {
    let mut stdout = BufReader::new(stdout);
    let (mut line, mut odd, mut words) = (Vec::new(), 0, Vec::new());
    loop {
        line.clear();
        // One that cannot be read is at its end.
        let length = stdout.by_ref().take(LONGEST).read_until(b'\n', &mut line).unwrap_or(0);
        if length == 0 {
            return Heard::End(words.join(" "));
        }
        if length as u64 == LONGEST {
            return Heard::Useless(format!("{NAME} tells a line without an end"));
        }
        let said = match read(&line) {
            Ok(reading) => {
                (odd, words) = (0, Vec::new());
                Said::Line(Box::new(reading))
            }
            Err(what) => {
                odd += 1;
                if words.len() < REPEATED && !what.words().is_empty() {
                    words.push(what.words().to_owned());
                }
                Said::Odd(what)
            }
        };
        if odd >= MOST_ODD {
            return Heard::Useless(not_understood(&words.join(" ")));
        }
        if say.try_send(said).is_err() {
            return Heard::Unread;
        }
    }
}

/// Words for people of what was told in place of figures.
pub(super) fn not_understood(words: &str) -> String {
    format!("what {NAME} tells is not understood: {words}")
}

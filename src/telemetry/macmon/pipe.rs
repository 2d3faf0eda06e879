//! The running program, and the lines it tells.
//!
//! It runs on a leash: a shell beside it waits for the end of a pipe whose other end is here alone, and then kills it. That
//! end comes when nobody wants it any more, and in any case with this process, whatever ends that. Neither is of the
//! terminal's group, so that its keys end only this program, which ends them.

use std::io::{BufRead, BufReader, Read};
use std::mem;
use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::NAME;
use crate::protocol::macmon::{Reading, UnreadableLine, read};
use crate::telemetry::SamplerConfig;

/// Runs what it is given, and ends it with its own input; its errors come where its lines do.
const KEEPER: &str = r#""$0" "$@" 2>&1 & told=$!; exec >/dev/null 2>&1; read -r _; kill -9 $told; wait $told"#;
/// The shortest time between two lines that macmon knows.
const SHORTEST: Duration = Duration::from_millis(100);
/// So many lines over those that are due may come between two looks: more are told by one that does not keep its pace.
pub(super) const TOO_MANY: u128 = 20;
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
    /// It tells more than it was asked for.
    Flood,
    /// It ended, and why.
    Ended(String),
}

/// What was told and not asked for yet. Of the lines the last alone waits, so that the program may run on where nobody looks,
/// and has a figure for who begins to.
#[derive(Debug, Default)]
struct Unread {
    reading: Option<Reading>,
    odd: Option<UnreadableLine>,
    lines: u128,
    ended: Option<String>,
}

#[derive(Debug, Default)]
struct Inbox {
    told: Mutex<Unread>,
    is_new: Condvar,
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, Unread> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, change: impl FnOnce(&mut Unread)) {
        change(&mut self.lock());
        self.is_new.notify_all();
    }
}

/// Closed by whoever empties it first.
type ChildInput = Arc<Mutex<Option<ChildStdin>>>;

/// The program, as long as this lives.
pub(super) struct Pipe {
    inbox: Arc<Inbox>,
    leash: ChildInput,
    interval: Duration,
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let_go(&self.leash);
    }
}

fn let_go(leash: &ChildInput) {
    leash.lock().unwrap_or_else(PoisonError::into_inner).take();
}

impl Pipe {
    /// Starts it. Of this program's environment it gets the way to other programs alone: there may be keys in the rest.
    pub(super) fn start(program: &Path, config: &SamplerConfig) -> Result<Self, String> {
        let interval = config.interval.max(SHORTEST);
        let mut keeper = Command::new("/bin/sh");
        keeper.args(["-c", KEEPER]).arg(program).args([
            "pipe",
            "--soc-info",
            "--interval",
            &interval.as_millis().to_string(),
        ]);
        keeper.env_clear().envs(config.program_path.as_ref().map(|path| ("PATH", path))).current_dir("/");
        keeper.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = keeper.spawn().map_err(|error| format!("{NAME} did not start: {error}"))?;
        let leash: ChildInput = Arc::new(Mutex::new(child.stdin.take()));
        let inbox = Arc::<Inbox>::default();
        let stdout = child.stdout.take().ok_or_else(|| format!("{NAME} has no output"))?;
        let pipe = Self { inbox: Arc::clone(&inbox), leash: Arc::clone(&leash), interval };
        let thread = move || listen(child, stdout, &leash, &inbox);
        let spawned = std::thread::Builder::new().name(NAME.to_owned()).spawn(thread);
        spawned.map(|_| pipe).map_err(|error| format!("the thread that reads {NAME} did not start: {error}"))
    }

    /// Waits for the first line with figures, at most so long for each line that may be it. It stays, to be read again as
    /// what is new.
    pub(super) fn wait(&self, limit: Duration) -> Result<Reading, String> {
        loop {
            let is_nothing = |told: &mut Unread| told.reading.is_none() && told.odd.is_none() && told.ended.is_none();
            let waited = self.inbox.is_new.wait_timeout_while(self.inbox.lock(), limit, is_nothing);
            let mut told = waited.unwrap_or_else(PoisonError::into_inner).0;
            if let Some(reading) = &told.reading {
                return Ok(reading.clone());
            }
            match (told.odd.take(), &told.ended) {
                // It says what it is, and will go on to say so.
                (Some(UnreadableLine::NoFigures(why)), _) => return Err(why.to_owned()),
                (_, Some(why)) => return Err(why.clone()),
                (Some(UnreadableLine::Text(_)), None) => {}
                (None, None) => return Err(format!("{NAME} told nothing in {} s", limit.as_secs())),
            }
        }
    }

    /// What came since it was last asked, so long ago.
    pub(super) fn news(&self, since: Duration) -> News {
        let mut told = self.inbox.lock();
        let lines = mem::take(&mut told.lines);
        if let Some(why) = told.ended.take() {
            return News::Ended(why);
        }
        if lines > TOO_MANY + 2 * (since.as_millis() / self.interval.as_millis()) {
            return News::Flood;
        }
        let odd = told.odd.take().map(|odd| odd.reason().to_owned());
        told.reading.take().map_or(News::Nothing { odd }, News::Reading)
    }
}

/// How the reading ends.
enum Heard {
    /// It has nothing more to tell; what it told last beside figures.
    End(String),
    /// It tells what is of no use, in words for people.
    Useless(String),
}

/// Reads it to its end, which comes at the latest with the leash's.
fn listen(mut child: Child, stdout: impl Read, leash: &ChildInput, inbox: &Inbox) {
    let heard = catch_unwind(AssertUnwindSafe(|| hear(stdout, inbox)));
    let_go(leash);
    // With which status does not matter: it may have been killed by now, for its output ends before it does.
    drop(child.wait());
    let why = match heard {
        Ok(Heard::End(words)) if words.is_empty() => format!("{NAME} ended without a word"),
        Ok(Heard::End(words)) => format!("{NAME} ended: {words}"),
        Ok(Heard::Useless(why)) => why,
        Err(_panic) => format!("an internal error ended the reading of {NAME}"),
    };
    inbox.put(|told| told.ended = Some(why));
}

fn hear(stdout: impl Read, inbox: &Inbox) -> Heard {
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
        match read(&line) {
            Ok(reading) => {
                (odd, words) = (0, Vec::new());
                inbox.put(|told| (told.reading, told.odd, told.lines) = (Some(reading), None, told.lines + 1));
            }
            Err(what) => {
                odd += 1;
                if words.len() < REPEATED && !what.reason().is_empty() {
                    words.push(what.reason().to_owned());
                }
                inbox.put(|told| (told.odd, told.lines) = (Some(what), told.lines + 1));
            }
        }
        if odd >= MOST_ODD {
            return Heard::Useless(not_understood(&words.join(" ")));
        }
    }
}

/// Words for people of what was told in place of figures.
pub(super) fn not_understood(words: &str) -> String {
    format!("what {NAME} tells is not understood: {words}")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct PanickingReader;

    impl Read for PanickingReader {
        fn read(&mut self, _buffer: &mut [u8]) -> std::io::Result<usize> {
            panic!("as if by a fault")
        }
    }

    #[test]
    fn a_fault_of_ours_is_told_as_one_and_ends_the_program() {
        let mut child = Command::new("/bin/sh").args(["-c", "read -r _"]).stdin(Stdio::piped()).spawn().unwrap();
        let leash = Mutex::new(child.stdin.take()).into();
        let inbox = Inbox::default();
        // It is waited for: it comes back only where the program was let go.
        listen(child, PanickingReader, &leash, &inbox);
        assert_eq!(inbox.lock().ended.as_deref(), Some("an internal error ended the reading of macmon"));
    }
}

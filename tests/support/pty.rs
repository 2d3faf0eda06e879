//! The whole program in a pseudo-terminal, with a terminal model that reads what it draws.

use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};

/// No condition takes longer on the slowest machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// What whoever reads the terminal does.
#[derive(Clone, Copy, PartialEq)]
enum Reading {
    GoesOn,
    /// It ends with a frame.
    Leaves,
    /// It holds after what it reads next.
    IsToHold,
    Holds,
}

/// What the terminal got so far.
struct Seen {
    parser: vt100::Parser,
    raw: Vec<u8>,
    ended: bool,
    reading: Reading,
}

/// A program in a pseudo-terminal.
pub struct Pty {
    seen: Arc<(Mutex<Seen>, Condvar)>,
    /// Gone once it was hung up.
    master: Option<(Box<dyn MasterPty + Send>, Box<dyn Write + Send>)>,
    child: Box<dyn Child + Send + Sync>,
    termios_before: String,
    /// What it keeps: never among the user's own.
    state: tempfile::TempDir,
}

/// How the terminal takes what is typed; Windows has no such thing.
#[cfg(unix)]
fn modes(terminal: &dyn MasterPty) -> String {
    format!("{:?}", terminal.get_termios())
}

#[cfg(not(unix))]
fn modes(_terminal: &dyn MasterPty) -> String {
    String::new()
}

impl Pty {
    /// Starts `program` at this size, in a folder, with exactly these additions to the environment.
    pub fn start(program: &str, args: &[&str], cwd: &Path, env: &[(&str, &str)], cols: u16, rows: u16) -> Self {
        let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let termios_before = modes(&*pair.master);
        let mut command = CommandBuilder::new(program);
        command.args(args);
        command.cwd(cwd);
        for name in ["NO_COLOR", "TOKSCOPE_URL", "OPENAI_BASE_URL", "OPENAI_API_KEY", "http_proxy", "HTTP_PROXY"] {
            command.env_remove(name);
        }
        // What the machine says of its own terminal and its user is not this one's.
        for name in ["COLORTERM", "COLORFGBG", "LC_CTYPE", "LANG", "TOKSCOPE_CONFIG"] {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C.UTF-8");
        command.env("XDG_CONFIG_HOME", cwd.join("no-config"));
        command.env("TERM", "xterm-256color");
        let state = tempfile::tempdir().unwrap();
        command.env("XDG_STATE_HOME", state.path());
        for (name, value) in env {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let writer = pair.master.take_writer().unwrap();
        let parser = vt100::Parser::new(drawable(rows), drawable(cols), 0);
        let seen = Arc::new((
            Mutex::new(Seen { parser, raw: Vec::new(), ended: false, reading: Reading::GoesOn }),
            Condvar::new(),
        ));
        let shared = Arc::clone(&seen);
        // The slave stays open here until the program ends: its end must not hide what it wrote last.
        let slave = pair.slave;
        std::thread::spawn(move || {
            let mut block = [0; 8192];
            while let Ok(n @ 1..) = reader.read(&mut block) {
                let mut seen = shared.0.lock().unwrap();
                seen.parser.process(&block[..n]);
                seen.raw.extend_from_slice(&block[..n]);
                shared.1.notify_all();
                // At the end of a frame: what was written is not what tells that nobody reads.
                if seen.reading == Reading::Leaves && seen.raw.ends_with(b"\x1b[?2026l") {
                    break;
                }
                while matches!(seen.reading, Reading::IsToHold | Reading::Holds) {
                    seen.reading = Reading::Holds;
                    shared.1.notify_all();
                    seen = shared.1.wait(seen).unwrap();
                }
            }
            drop(reader);
            shared.0.lock().unwrap().ended = true;
            shared.1.notify_all();
        });
        drop(slave);
        Self { seen, master: Some((pair.master, writer)), child, termios_before, state }
    }

    /// Types.
    pub fn send(&mut self, keys: &str) {
        let (_, writer) = self.master.as_mut().unwrap();
        writer.write_all(keys.as_bytes()).unwrap();
        writer.flush().unwrap();
    }

    /// The screen as text.
    pub fn text(&self) -> String {
        self.seen.0.lock().unwrap().parser.screen().contents()
    }

    /// Looks at the screen.
    pub fn with_screen<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
        look(self.seen.0.lock().unwrap().parser.screen())
    }

    /// Everything that was ever written to the terminal.
    pub fn raw(&self) -> String {
        String::from_utf8_lossy(&self.seen.0.lock().unwrap().raw).into_owned()
    }

    /// Waits until the screen fulfils the condition; shows the screen when it does not.
    #[track_caller]
    pub fn wait_for(&self, what: &str, fulfilled: impl Fn(&vt100::Screen) -> bool) {
        let (lock, changed) = &*self.seen;
        let deadline = Instant::now() + DEADLINE;
        let mut seen = lock.lock().unwrap();
        while !fulfilled(seen.parser.screen()) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero() && !seen.ended,
                "never seen: {what}. The screen (ended: {}):\n{}",
                seen.ended,
                seen.parser.screen().contents()
            );
            seen = changed.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// Waits until the screen holds the text.
    #[track_caller]
    pub fn wait_for_text(&self, text: &str) {
        self.wait_for(&format!("'{text}'"), |screen| screen.contents().contains(text));
    }

    /// Another size.
    pub fn resize(&self, cols: u16, rows: u16) {
        self.seen.0.lock().unwrap().parser.screen_mut().set_size(drawable(rows), drawable(cols));
        let (master, _) = self.master.as_ref().unwrap();
        master.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    /// Has nobody read on, and fills what the terminal takes without a reader: from now on every write to it blocks.
    #[cfg(unix)]
    pub fn stall(&self) {
        use std::os::unix::fs::OpenOptionsExt;
        self.seen.0.lock().unwrap().reading = Reading::IsToHold;
        let name = self.master.as_ref().unwrap().0.tty_name().unwrap();
        let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
        let flags = i32::try_from(flags.bits()).unwrap();
        let mut terminal = std::fs::OpenOptions::new().write(true).custom_flags(flags).open(name).unwrap();
        // What no terminal shows. The reader takes one more block before it holds.
        wait_until("a terminal that takes no more", || {
            let is_held = self.seen.0.lock().unwrap().reading == Reading::Holds;
            matches!((&terminal).write(&[0; 256]), Err(e) if e.kind() == std::io::ErrorKind::WouldBlock) && is_held
        });
        terminal.flush().unwrap();
    }

    /// Reads on.
    pub fn go_on(&self) {
        self.seen.0.lock().unwrap().reading = Reading::GoesOn;
        self.seen.1.notify_all();
    }

    /// Waits for the end while nobody reads; returns the exit status, and checks that the line discipline is as it was: more
    /// cannot be told to such a terminal.
    #[track_caller]
    pub fn end_stalled(mut self) -> u32 {
        let status = self.wait_exit().exit_code();
        let termios_after = modes(&*self.master.as_ref().unwrap().0);
        assert_eq!(termios_after, self.termios_before, "the line discipline is not as it was");
        self.go_on();
        status
    }

    /// Sends a signal by its name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let pid = self.child.process_id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// The folder in which it keeps its runs; gone with this.
    pub fn state(&self) -> &Path {
        self.state.path()
    }

    /// The process's id.
    pub fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Waits for the end; returns the exit status, and checks that the terminal is as it was.
    #[track_caller]
    pub fn end(mut self) -> Ended {
        let status = self.wait_exit();
        let (lock, changed) = &*self.seen;
        let mut seen = lock.lock().unwrap();
        let deadline = Instant::now() + DEADLINE;
        while !seen.ended && Instant::now() < deadline {
            seen = changed.wait_timeout(seen, Duration::from_millis(100)).unwrap().0;
        }
        let screen = seen.parser.screen();
        assert!(!screen.alternate_screen(), "still on the alternate screen");
        assert!(!screen.hide_cursor(), "the cursor is still hidden");
        assert!(!screen.bracketed_paste(), "bracketed paste is still on");
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None, "the mouse is still told of");
        let raw = String::from_utf8_lossy(&seen.raw);
        let [begun, done] = ["\u{1b}[?2026h", "\u{1b}[?2026l"].map(|mode| raw.rfind(mode));
        assert!(begun <= done, "a frame is still held back");
        let termios_after = modes(&*self.master.as_ref().unwrap().0);
        assert_eq!(termios_after, self.termios_before, "the line discipline is not as it was");
        Ended { status: status.exit_code(), text: screen.contents(), raw: String::from_utf8_lossy(&seen.raw).into() }
    }

    /// Has the terminal go away; returns the exit status.
    #[track_caller]
    pub fn hang_up(mut self) -> u32 {
        self.drop_terminal();
        self.wait_exit().exit_code()
    }

    /// Closes this side of the terminal.
    #[track_caller]
    pub fn drop_terminal(&mut self) {
        self.seen.0.lock().unwrap().reading = Reading::Leaves;
        // Whoever reads waits for something to come: the screen, painted anew.
        self.send("\u{c}");
        let (lock, changed) = &*self.seen;
        let deadline = Instant::now() + DEADLINE;
        let mut seen = lock.lock().unwrap();
        while !seen.ended {
            assert!(Instant::now() < deadline, "nothing is painted any more");
            seen = changed.wait_timeout(seen, Duration::from_millis(100)).unwrap().0;
        }
        drop(seen);
        self.master = None;
    }

    fn wait_exit(&mut self) -> ExitStatus {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            let screen = self.text();
            assert!(Instant::now() < deadline, "the program does not end. The screen:\n{screen}");
            let (lock, changed) = &*self.seen;
            let seen = lock.lock().unwrap();
            // Woken by what the program writes, or by its end.
            drop(changed.wait_timeout(seen, Duration::from_millis(20)).unwrap());
        }
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
    }
}

/// Waits for something beside the terminal.
#[track_caller]
pub fn wait_until(what: &str, fulfilled: impl Fn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !fulfilled() {
        assert!(Instant::now() < deadline, "never seen: {what}");
        std::thread::yield_now();
    }
}

/// What this side keeps of a screen, whatever the program is told.
fn drawable(n: u16) -> NonZero<u16> {
    NonZero::new(n.min(1000)).unwrap_or(NonZero::<u16>::MIN)
}

/// What a program left behind.
pub struct Ended {
    /// Its exit status.
    pub status: u32,
    /// The screen after it.
    pub text: String,
    /// Everything it wrote.
    pub raw: String,
}

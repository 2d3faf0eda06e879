//! The whole program in a pseudo-terminal, with a terminal model that interprets its output.

use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};

/// Timeout for any condition, even on a slow machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// State of the thread that reads the terminal.
#[derive(Clone, Copy, PartialEq)]
enum Reading {
    Reads,
    /// Ends after a complete frame.
    EndsAfterFrame,
    /// Pauses after the next block.
    PausesNext,
    Paused,
}

/// Output of the program so far.
struct Output {
    parser: vt100::Parser,
    raw: Vec<u8>,
    ended: bool,
    reading: Reading,
}

/// A program in a pseudo-terminal.
pub struct Pty {
    output: Arc<(Mutex<Output>, Condvar)>,
    /// Terminal and its input; `None` after it was closed.
    master: Option<(Box<dyn MasterPty + Send>, Box<dyn Write + Send>)>,
    child: Box<dyn Child + Send + Sync>,
    termios_before: String,
    /// State folder of the program, so that it never touches the user's own.
    state: tempfile::TempDir,
}

/// Terminal settings of the line discipline. Windows has none.
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
        // Removes the machine's own terminal and locale settings.
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
        let output = Arc::new((
            Mutex::new(Output { parser, raw: Vec::new(), ended: false, reading: Reading::Reads }),
            Condvar::new(),
        ));
        let shared = Arc::clone(&output);
        // The slave side stays open until the program ends, because closing it could discard the last output.
        let slave = pair.slave;
        std::thread::spawn(move || {
            let mut block = [0; 8192];
            while let Ok(n @ 1..) = reader.read(&mut block) {
                let mut output = shared.0.lock().unwrap();
                output.parser.process(&block[..n]);
                output.raw.extend_from_slice(&block[..n]);
                shared.1.notify_all();
                // Ends after a complete frame, so that it is not a failed write that shows the missing reader.
                if output.reading == Reading::EndsAfterFrame && output.raw.ends_with(b"\x1b[?2026l") {
                    break;
                }
                while matches!(output.reading, Reading::PausesNext | Reading::Paused) {
                    output.reading = Reading::Paused;
                    shared.1.notify_all();
                    output = shared.1.wait(output).unwrap();
                }
            }
            drop(reader);
            shared.0.lock().unwrap().ended = true;
            shared.1.notify_all();
        });
        drop(slave);
        Self { output, master: Some((pair.master, writer)), child, termios_before, state }
    }

    /// Types these keys.
    pub fn send(&mut self, keys: &str) {
        let (_, writer) = self.master.as_mut().unwrap();
        writer.write_all(keys.as_bytes()).unwrap();
        writer.flush().unwrap();
    }

    /// Text of the screen.
    pub fn text(&self) -> String {
        self.output.0.lock().unwrap().parser.screen().contents()
    }

    /// Passes the screen to `look`.
    pub fn with_screen<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
        look(self.output.0.lock().unwrap().parser.screen())
    }

    /// Waits until the program has completed a frame, and passes the screen to `use_screen`.
    #[track_caller]
    pub fn with_frame<T>(&self, use_screen: impl FnOnce(&vt100::Screen) -> T) -> T {
        let (lock, changed) = &*self.output;
        let deadline = Instant::now() + DEADLINE;
        let mut output = lock.lock().unwrap();
        while !output.raw.ends_with(b"\x1b[?2026l") {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero() && !output.ended, "no complete frame");
            output = changed.wait_timeout(output, left).unwrap().0;
        }
        use_screen(output.parser.screen())
    }

    /// Everything written to the terminal so far.
    pub fn raw(&self) -> String {
        String::from_utf8_lossy(&self.output.0.lock().unwrap().raw).into_owned()
    }

    /// Waits until the screen meets the condition. Shows the screen on failure.
    #[track_caller]
    pub fn wait_for(&self, what: &str, is_met: impl Fn(&vt100::Screen) -> bool) {
        let (lock, changed) = &*self.output;
        let deadline = Instant::now() + DEADLINE;
        let mut output = lock.lock().unwrap();
        while !is_met(output.parser.screen()) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero() && !output.ended,
                "never seen: {what}. The screen (ended: {}):\n{}",
                output.ended,
                output.parser.screen().contents()
            );
            output = changed.wait_timeout(output, left).unwrap().0;
        }
    }

    /// Waits until the screen holds the text.
    #[track_caller]
    pub fn wait_for_text(&self, text: &str) {
        self.wait_for(&format!("'{text}'"), |screen| screen.contents().contains(text));
    }

    /// Changes the size of the terminal.
    pub fn resize(&self, cols: u16, rows: u16) {
        self.output.0.lock().unwrap().parser.screen_mut().set_size(drawable(rows), drawable(cols));
        let (master, _) = self.master.as_ref().unwrap();
        master.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    /// Stops reading and fills the terminal's buffer, so that every further write to it blocks.
    #[cfg(unix)]
    pub fn stall(&self) {
        use std::os::unix::fs::OpenOptionsExt;
        self.output.0.lock().unwrap().reading = Reading::PausesNext;
        let name = self.master.as_ref().unwrap().0.tty_name().unwrap();
        let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
        let flags = i32::try_from(flags.bits()).unwrap();
        let mut terminal = std::fs::OpenOptions::new().write(true).custom_flags(flags).open(name).unwrap();
        // Writes NUL bytes, which terminals ignore. The reader takes one more block before it pauses.
        wait_until("a terminal that takes no more", || {
            let is_held = self.output.0.lock().unwrap().reading == Reading::Paused;
            matches!((&terminal).write(&[0; 256]), Err(e) if e.kind() == std::io::ErrorKind::WouldBlock) && is_held
        });
        terminal.flush().unwrap();
    }

    /// Continues reading.
    pub fn resume(&self) {
        self.output.0.lock().unwrap().reading = Reading::Reads;
        self.output.1.notify_all();
    }

    /// Waits for the end without reading the terminal. Returns the exit status and checks that the line discipline is restored;
    /// nothing else can be restored on such a terminal.
    #[track_caller]
    pub fn end_stalled(mut self) -> u32 {
        let status = self.wait_exit().exit_code();
        let termios_after = modes(&*self.master.as_ref().unwrap().0);
        assert_eq!(termios_after, self.termios_before, "the line discipline was not restored");
        self.resume();
        status
    }

    /// Sends a signal by its name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let pid = self.child.process_id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// State folder of the program, removed with this value.
    pub fn state(&self) -> &Path {
        self.state.path()
    }

    /// Process ID of the program.
    pub fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Waits for the end. Returns the exit status and checks that the terminal is restored.
    #[track_caller]
    pub fn end(mut self) -> Ended {
        let status = self.wait_exit();
        let (lock, changed) = &*self.output;
        let mut output = lock.lock().unwrap();
        let deadline = Instant::now() + DEADLINE;
        while !output.ended && Instant::now() < deadline {
            output = changed.wait_timeout(output, Duration::from_millis(100)).unwrap().0;
        }
        let screen = output.parser.screen();
        assert!(!screen.alternate_screen(), "still on the alternate screen");
        assert!(!screen.hide_cursor(), "the cursor is still hidden");
        assert!(!screen.bracketed_paste(), "bracketed paste is still on");
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None, "mouse reports are still on");
        let raw = String::from_utf8_lossy(&output.raw);
        let [frame_start, frame_end] = ["\u{1b}[?2026h", "\u{1b}[?2026l"].map(|mode| raw.rfind(mode));
        assert!(frame_start <= frame_end, "a frame is still held back");
        let termios_after = modes(&*self.master.as_ref().unwrap().0);
        assert_eq!(termios_after, self.termios_before, "the line discipline was not restored");
        Ended { status: status.exit_code(), text: screen.contents(), raw: String::from_utf8_lossy(&output.raw).into() }
    }

    /// Closes the terminal and returns the exit status.
    #[track_caller]
    pub fn hang_up(mut self) -> u32 {
        self.drop_terminal();
        self.wait_exit().exit_code()
    }

    /// Closes this side of the terminal.
    #[track_caller]
    pub fn drop_terminal(&mut self) {
        self.output.0.lock().unwrap().reading = Reading::EndsAfterFrame;
        // Repaints the screen, because the reader waits for output.
        self.send("\u{c}");
        let (lock, changed) = &*self.output;
        let deadline = Instant::now() + DEADLINE;
        let mut output = lock.lock().unwrap();
        while !output.ended {
            assert!(Instant::now() < deadline, "no more output");
            output = changed.wait_timeout(output, Duration::from_millis(100)).unwrap().0;
        }
        drop(output);
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
            let (lock, changed) = &*self.output;
            let output = lock.lock().unwrap();
            // Woken by output of the program, or by its end.
            drop(changed.wait_timeout(output, Duration::from_millis(20)).unwrap());
        }
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _already_ended = self.child.kill();
    }
}

/// Waits for a condition outside the terminal.
#[track_caller]
pub fn wait_until(what: &str, is_met: impl Fn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !is_met() {
        assert!(Instant::now() < deadline, "never seen: {what}");
        std::thread::yield_now();
    }
}

/// Size of the terminal model, bounded even if the program gets a larger size.
fn drawable(n: u16) -> NonZero<u16> {
    NonZero::new(n.min(1000)).unwrap_or(NonZero::<u16>::MIN)
}

/// Result of an ended program.
pub struct Ended {
    /// Its exit status.
    pub status: u32,
    /// Text of the screen after the end.
    pub text: String,
    /// Everything the program wrote.
    pub raw: String,
}

//! Every way to leave from every place. The terminal must be restored, the exit status correct, and the results in the
//! report and in the journal.

use std::path::Path;
use std::process::Command;

use super::Gated;
use super::support::dashboard::{Dashboard, ROOMY, statuses, suite};
use super::support::pty::Pty;
#[cfg(target_os = "linux")]
use super::support::pty::wait_until;

/// State of the program. Except in the first, the first of two cases has ended; in the middle ones the second is in
/// flight.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Connecting,
    Running,
    Held,
    MouseOn,
    Report,
    Palette,
    Export,
    Help,
    Done,
}

const PLACES: [Place; 9] = [
    Place::Connecting,
    Place::Running,
    Place::Held,
    Place::MouseOn,
    Place::Report,
    Place::Palette,
    Place::Export,
    Place::Help,
    Place::Done,
];

impl Place {
    /// Key that opens the overlay of this place, and a text that appears only there.
    fn overlay(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Report => Some(("v", "1 of 2 cases measured")),
            Self::Palette => Some((":", "Commands")),
            Self::Export => Some(("E", "Export")),
            Self::Help => Some(("?", "Keys")),
            _ => None,
        }
    }

    /// Brings the program from its start to this place.
    fn reach(self, gated: &Gated, screen: &mut Dashboard) {
        if self == Self::Connecting {
            return screen.wait_for_text("connecting");
        }
        gated.open(0);
        screen.wait_for_line("Second", "answering");
        match self {
            Self::Held => {
                screen.send(" ");
                screen.wait_for_text("held  1 request finishing");
            }
            Self::MouseOn => {
                screen.send("m");
                screen.wait_for("the mouse", |s| s.mouse_protocol_mode() != vt100::MouseProtocolMode::None);
            }
            Self::Done => {
                gated.open(1);
                screen.wait_for_text("finished  2/2");
            }
            _ => {}
        }
        if let Some((key, text)) = self.overlay() {
            screen.send(key);
            screen.wait_for_text(text);
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Exit {
    Quit,
    CtrlC,
    Signal(&'static str),
    TerminalGone,
}

impl Exit {
    /// Expected exit status.
    fn status(self, place: Place) -> u32 {
        match (self, place) {
            (Self::Quit | Self::CtrlC, Place::Connecting) => 3,
            (Self::Quit | Self::CtrlC, Place::Done) => 0,
            _ => 130,
        }
    }

    fn take(self, place: Place, mut screen: Dashboard) -> (u32, tempfile::TempDir) {
        match self {
            Self::Quit => {
                if let Some((_, text)) = place.overlay() {
                    screen.send("\u{1b}");
                    screen.wait_for("the panes", |s| !s.contents().contains(text));
                }
                screen.send("q");
                if !matches!(place, Place::Connecting | Place::Done) {
                    screen.wait_for_text("Quit?");
                    screen.send("y");
                }
            }
            // The first one also closes an overlay.
            Self::CtrlC => screen.send("\u{3}\u{3}"),
            Self::Signal(name) => screen.signal(name),
            Self::TerminalGone => {
                let Dashboard { folder, pty } = screen;
                return (pty.hang_up(), folder);
            }
        }
        let (ended, folder, _) = screen.end_with_folder();
        (ended.status, folder)
    }
}

/// Statuses of both cases' attempts in a report; `None` without a report.
fn statuses_in(path: &Path) -> Option<[Vec<String>; 2]> {
    let report = serde_json::from_slice(&std::fs::read(path).ok()?).unwrap();
    Some([0, 1].map(|case| statuses(&report, case)))
}

/// Leaves in this way from every place.
fn assert_exits(exit: Exit) {
    for place in PLACES {
        // This listener never responds.
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let gated = Gated::start(2);
        let url = match place {
            Place::Connecting => format!("http://{}/v1", silent.local_addr().unwrap()),
            _ => gated.url(),
        };
        let state = tempfile::tempdir().unwrap();
        let env = [("XDG_STATE_HOME", state.path().to_str().unwrap())];
        let mut screen = Dashboard::start_with(&suite(&["First", "Second"], ""), &[&url], &env, ROOMY);
        place.reach(&gated, &mut screen);
        let (status, folder) = exit.take(place, screen);
        assert_eq!(status, exit.status(place), "{exit:?} in {place:?}");
        let expected = match place {
            Place::Connecting => None,
            Place::Done => Some(["ok", "ok"]),
            _ => Some(["ok", "cancelled"]),
        };
        let expected = expected.map(|each| each.map(|status| vec![status.to_owned()]));
        assert_eq!(statuses_in(&folder.path().join("r.json")), expected, "exported by {exit:?} in {place:?}");
        let again = folder.path().join("again.json");
        let mut report = Command::new(env!("CARGO_BIN_EXE_tokscope"));
        report.args(["report", "last", "--export"]).arg(&again).env("XDG_STATE_HOME", state.path());
        let out = report.output().unwrap();
        assert_eq!(statuses_in(&again), expected, "saved by {exit:?} in {place:?}: {out:?}");
        let ended_properly = !String::from_utf8_lossy(&out.stderr).contains("did not end in order");
        assert!(ended_properly, "{exit:?} in {place:?}: {out:?}");
    }
}

#[test]
fn by_quitting() {
    assert_exits(Exit::Quit);
}

#[test]
fn by_ctrl_c() {
    assert_exits(Exit::CtrlC);
}

#[test]
fn by_sigterm() {
    assert_exits(Exit::Signal("TERM"));
}

#[test]
fn by_sighup() {
    assert_exits(Exit::Signal("HUP"));
}

#[test]
fn by_sigint() {
    assert_exits(Exit::Signal("INT"));
}

#[test]
fn by_closing_the_terminal() {
    assert_exits(Exit::TerminalGone);
}

/// A terminal that is not the controlling one sends no signal when it closes; only reading from it shows the end.
#[cfg(target_os = "linux")]
#[test]
fn by_closing_the_terminal_without_a_signal() {
    let gated = Gated::start(0);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cases.toml"), suite(&["First", "Second"], "")).unwrap();
    let program = env!("CARGO_BIN_EXE_tokscope");
    let inner = format!("'{program}' {} --export r.json; echo $? > status.new; mv status.new status", gated.url());
    let mut pty = Pty::start("setsid", &["--wait", "sh", "-c", &inner], folder.path(), &[], ROOMY.0, ROOMY.1);
    pty.wait_for_text("finished  2/2");
    pty.drop_terminal();
    let status = folder.path().join("status");
    wait_until("the end of the program", || status.exists());
    assert_eq!(std::fs::read_to_string(&status).unwrap(), "130\n");
    assert_eq!(statuses_in(&folder.path().join("r.json")), Some([vec!["ok".to_owned()], vec!["ok".to_owned()]]));
}

#[test]
fn an_absurd_size_uses_little_memory() {
    let gated = Gated::start(1);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cases.toml"), suite(&["First"], "")).unwrap();
    let inner = "ulimit -v 4000000; exec \"$0\" \"$@\"";
    let url = gated.url();
    let args = ["-c", inner, env!("CARGO_BIN_EXE_tokscope"), &url];
    let mut pty = Pty::start("sh", &args, folder.path(), &[], ROOMY.0, ROOMY.1);
    pty.wait_for_text("answering");
    for (cols, rows) in [(u16::MAX, u16::MAX), (1000, 1000)] {
        pty.resize(cols, rows);
        pty.wait_for("the last row that is drawn", |s| s.contents().lines().count() == 500);
        pty.resize(ROOMY.0, ROOMY.1);
        pty.wait_for("the restored screen", |s| {
            s.contents().lines().count() <= 40 && s.contents().contains("answering")
        });
    }
    pty.resize(0, 0);
    pty.resize(ROOMY.0, ROOMY.1);
    gated.open(0);
    pty.wait_for_text("finished  1/1");
    pty.send("q");
    assert_eq!(pty.end().status, 0);
}

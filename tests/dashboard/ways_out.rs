//! Every way out from every place: the terminal is as it was, the exit status right, and what was measured is in the file
//! and in the journal.

use std::path::Path;
use std::process::Command;

use super::Gated;
use super::support::dashboard::{Dashboard, ROOMY, statuses, suite};
use super::support::pty::Pty;
#[cfg(target_os = "linux")]
use super::support::pty::wait_until;

/// Where the program is. But in the first, the first of two cases has ended; in the middle ones the second is in flight.
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
    /// What opens what lies over the panes here, and a text that stands only there.
    fn overlay(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Report => Some(("v", "1 of 2 cases measured")),
            Self::Palette => Some((":", "Commands")),
            Self::Export => Some(("E", "Export")),
            Self::Help => Some(("?", "Keys")),
            _ => None,
        }
    }

    /// Goes there from the start.
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
enum Way {
    Quit,
    CtrlC,
    Signal(&'static str),
    TerminalGone,
}

impl Way {
    /// The exit status from there.
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
            // What lies over the panes is left first.
            Self::CtrlC => screen.send(if place.overlay().is_some() { "\u{3}\u{3}\u{3}" } else { "\u{3}\u{3}" }),
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

/// What a report says of both cases' attempts; `None`: there is none.
fn told(path: &Path) -> Option<[Vec<String>; 2]> {
    let report = serde_json::from_slice(&std::fs::read(path).ok()?).unwrap();
    Some([0, 1].map(|case| statuses(&report, case)))
}

/// Takes this way from everywhere.
fn out_by(way: Way) {
    for place in PLACES {
        // Nobody answers on the other side of this listener.
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
        let (status, folder) = way.take(place, screen);
        assert_eq!(status, way.status(place), "{way:?} in {place:?}");
        let expected = match place {
            Place::Connecting => None,
            Place::Done => Some(["ok", "ok"]),
            _ => Some(["ok", "cancelled"]),
        };
        let expected = expected.map(|each| each.map(|status| vec![status.to_owned()]));
        assert_eq!(told(&folder.path().join("r.json")), expected, "exported by {way:?} in {place:?}");
        let again = folder.path().join("again.json");
        let mut report = Command::new(env!("CARGO_BIN_EXE_tokscope"));
        report.args(["report", "last", "--export"]).arg(&again).env("XDG_STATE_HOME", state.path());
        let out = report.output().unwrap();
        assert_eq!(told(&again), expected, "saved by {way:?} in {place:?}: {out:?}");
        let in_order = !String::from_utf8_lossy(&out.stderr).contains("did not end in order");
        assert!(in_order, "{way:?} in {place:?}: {out:?}");
    }
}

#[test]
fn by_quitting() {
    out_by(Way::Quit);
}

#[test]
fn by_ctrl_c_until_it_ends() {
    out_by(Way::CtrlC);
}

#[test]
fn by_sigterm() {
    out_by(Way::Signal("TERM"));
}

#[test]
fn by_sighup() {
    out_by(Way::Signal("HUP"));
}

#[test]
fn by_sigint() {
    out_by(Way::Signal("INT"));
}

#[test]
fn by_a_terminal_that_goes() {
    out_by(Way::TerminalGone);
}

/// A terminal that controls nothing sends no signal when it goes: only reading from it tells.
#[cfg(target_os = "linux")]
#[test]
fn by_a_terminal_that_goes_without_a_signal() {
    let gated = Gated::start(0);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cases.toml"), suite(&["First", "Second"], "")).unwrap();
    let program = env!("CARGO_BIN_EXE_tokscope");
    let inner = format!("'{program}' {} --export r.json; echo $? > status.new; mv status.new status", gated.url());
    let mut pty = Pty::start("setsid", &["--wait", "sh", "-c", &inner], folder.path(), &[], ROOMY.0, ROOMY.1);
    pty.wait_for_text("finished  2/2");
    pty.drop_terminal();
    let status = folder.path().join("status");
    wait_until("it has ended", || status.exists());
    assert_eq!(std::fs::read_to_string(&status).unwrap(), "130\n");
    assert_eq!(told(&folder.path().join("r.json")), Some([vec!["ok".to_owned()], vec!["ok".to_owned()]]));
}

#[test]
fn a_size_that_no_terminal_has_costs_no_memory() {
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
        pty.wait_for("a screen as before", |s| {
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

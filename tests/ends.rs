//! External events that end a headless run or a command: closed readers, files that cannot grow, a closed terminal.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

mod support;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use support::dashboard::suite;
use support::server::Server;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tokscope");

fn server() -> Server {
    Server::start(&["lone-model"], |mut request| request.answer(&["one", " two", " three"]))
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cases.toml"), suite(&["First", "Second"], "")).unwrap();
    folder
}

/// A command in an environment without this machine's settings.
fn command(program: &str, folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    for name in ["TOKSCOPE_URL", "OPENAI_BASE_URL", "OPENAI_API_KEY", "TOKSCOPE_CONFIG"] {
        command.env_remove(name);
    }
    command.env("XDG_STATE_HOME", folder).env("XDG_CONFIG_HOME", folder).args(args).current_dir(folder);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The program, started after a line of shell.
fn command_after(line: &str, folder: &Path, args: &[&str]) -> Command {
    let line = format!("{line}; exec \"$0\" \"$@\"");
    command("sh", folder, &[&["-c", &line, PROGRAM], args].concat())
}

/// A pipe whose reader is closed.
fn closed_pipe() -> Stdio {
    std::io::pipe().unwrap().1.into()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn texts(out: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&out.stdout), text(&out.stderr))
}

#[test]
fn a_run_with_closed_outputs_is_measured_saved_and_exported() {
    let server = server();
    for (no_stdout, no_stderr) in [(true, false), (false, true), (true, true)] {
        let folder = folder();
        let mut run = command(PROGRAM, folder.path(), &[&server.url(), "--headless", "--export", "r.json"]);
        if no_stdout {
            run.stdout(closed_pipe());
        }
        if no_stderr {
            run.stderr(closed_pipe());
        }
        let out = run.output().unwrap();
        let (stdout, stderr) = texts(&out);
        assert_eq!(out.status.code(), Some(0), "{stdout}\n{stderr}");
        assert_eq!((stdout.contains("2/2"), stderr.contains("Report written")), (!no_stdout, !no_stderr));
        assert!(!stderr.contains("tokscope:") && !stderr.contains("panicked"), "{stderr}");
        assert_eq!(json(&folder.path().join("r.json"))["summary"]["ok"], 2);
        let again = command(PROGRAM, folder.path(), &["report", "last"]).output().unwrap();
        assert!(texts(&again).0.contains("lone-model"), "{again:?}");
    }
}

#[test]
fn a_command_with_closed_output_succeeds() {
    let (server, folder) = (server(), folder());
    assert!(command(PROGRAM, folder.path(), &[&server.url()]).output().unwrap().status.success());
    let commands: [&[&str]; 11] = [
        &["runs"],
        &["runs", "--json"],
        &["report", "last"],
        &["report", "last", "--export", "r.md"],
        &["compare", "last", "last", "--export", "c.md"],
        &["completions", "bash"],
        &["man"],
        &["--help"],
        &["--version"],
        &["--print-config"],
        &["--print-keys"],
    ];
    for args in commands {
        let out = command(PROGRAM, folder.path(), args).stdout(closed_pipe()).output().unwrap();
        let (_, stderr) = texts(&out);
        assert_eq!(out.status.code(), Some(0), "{args:?}: {stderr}");
        assert!(!stderr.contains("tokscope:") && !stderr.contains("panicked"), "{args:?}: {stderr}");
        let without_stderr =
            command(PROGRAM, folder.path(), args).stdout(closed_pipe()).stderr(closed_pipe()).output().unwrap();
        assert_eq!(without_stderr.status.code(), Some(0), "{args:?} without stderr");
    }
    assert!(folder.path().join("r.md").exists() && folder.path().join("c.md").exists());
    // The error cannot be printed, but the status shows it.
    let wrong = command(PROGRAM, folder.path(), &["report", "none"]).stderr(closed_pipe()).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn files_that_cannot_grow_are_reported_and_the_run_continues() {
    let (server, folder) = (server(), folder());
    let args = [&server.url(), "--export", "r.json", "--export", "r.md"];
    let out = command_after("ulimit -f 1", folder.path(), &args).output().unwrap();
    let (stdout, stderr) = texts(&out);
    assert_eq!(out.status.code(), Some(2), "{:?}\n{stdout}\n{stderr}", out.status);
    assert!(stdout.contains("2/2"), "{stdout}");
    assert!(stderr.contains("this run was not saved in full: '"), "{stderr}");
    assert!(stderr.contains("tokscope: 'r.json': "), "{stderr}");
    let names = std::fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    // No partly written file remains.
    assert_eq!(names, ["cases.toml", "tokscope"]);
}

#[test]
fn absurd_token_counts_do_no_harm() {
    let server = Server::start(&["lone-model"], |mut request| {
        request.token("one");
        request.token(" two");
        request.finish(usize::MAX);
    });
    let folder = folder();
    let args = [&server.url(), "--repeat", "3", "--export", "r.json", "--export", "r.md"];
    let out = command_after("ulimit -v 4000000", folder.path(), &args).output().unwrap();
    let (stdout, stderr) = texts(&out);
    assert!(stdout.contains("2/2") && !stderr.contains("panicked"), "{:?}\n{stdout}\n{stderr}", out.status);
    assert_eq!((out.status.code(), &json(&folder.path().join("r.json"))["summary"]["ok"]), (Some(0), &2.into()));
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::OpenOptions;
    use std::io::{BufRead, BufReader, Read};
    use std::sync::Mutex;
    use std::sync::mpsc::channel;

    use super::support::dashboard::statuses;
    use super::*;

    #[test]
    fn a_full_stdout_is_reported() {
        let (server, folder) = (server(), folder());
        let full = || Stdio::from(OpenOptions::new().write(true).open("/dev/full").unwrap());
        let run =
            command(PROGRAM, folder.path(), &[&server.url(), "--export", "r.json"]).stdout(full()).output().unwrap();
        assert_eq!(json(&folder.path().join("r.json"))["summary"]["ok"], 2);
        let mut outs = vec![run];
        for args in [&["runs"][..], &["report", "last"], &["compare", "last", "last"], &["man"]] {
            outs.push(command(PROGRAM, folder.path(), args).stdout(full()).output().unwrap());
        }
        for out in outs {
            let (_, stderr) = texts(&out);
            assert_eq!(out.status.code(), Some(2), "{stderr}");
            assert!(stderr.contains("tokscope: stdout cannot be written: No space left"), "{stderr}");
        }
    }

    /// Whether this process, and so its children, ignores SIGHUP.
    fn ignores_hang_up() -> bool {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
        u64::from_str_radix(ignored.trim(), 16).unwrap() & 1 == 1
    }

    #[test]
    fn only_under_nohup_the_run_survives_its_terminal() {
        let rows = [("trap '' HUP", 0, "ok"), ("true", 130, "cancelled")];
        // If the test itself runs under `nohup`, a shell cannot undo that, so only the first row is possible.
        let rows = if ignores_hang_up() { &rows[..1] } else { &rows[..] };
        for &(line, status, second) in rows {
            let (open, gate) = channel::<()>();
            let gate = Mutex::new(gate);
            let server = Server::start(&["lone-model"], move |mut request| {
                request.token("one");
                if request.number == 1 {
                    // Either the gate opens or the test is over.
                    let _ends = gate.lock().unwrap().recv();
                }
                request.finish(1);
            });
            let folder = folder();
            let mut child = command_after(line, folder.path(), &[&server.url(), "--export", "r.json"]).spawn().unwrap();
            let mut lines = BufReader::new(child.stderr.take().unwrap());
            let mut output = String::new();
            while !output.contains("[1/2]") {
                assert_ne!(lines.read_line(&mut output).unwrap(), 0, "the run ended before the first case: {output}");
            }
            assert!(Command::new("kill").args(["-s", "HUP", &child.id().to_string()]).status().unwrap().success());
            if status == 0 {
                open.send(()).unwrap();
            }
            lines.read_to_string(&mut output).unwrap();
            assert_eq!(child.wait().unwrap().code(), Some(status), "{line}: {output}");
            assert_eq!(statuses(&json(&folder.path().join("r.json")), 1), [second], "{line}");
        }
    }
}

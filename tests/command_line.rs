//! The command line as scripts and people use it: a bare start, stdout for exports, colour, progress.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::net::TcpListener;

use serde_json::Value;
use support::place::{Place, server};
use support::pty::Pty;
use support::server::Server;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tokscope");
const SUITE: &str = r#"
[suite]
name = "Small"
[[case]]
name = "First"
prompt = "Say three words."
[[case]]
name = "Second"
prompt = "Say three more."
[[case]]
name = "Third"
prompt = "Say the last."
"#;

/// Port of a server, from its URL.
fn port(server: &Server) -> String {
    server.url().trim_end_matches("/v1").rsplit(':').next().unwrap().to_owned()
}

/// URL as the search for servers shows it.
fn found_url(server: &Server) -> String {
    format!("http://127.0.0.1:{}/v1", port(server))
}

/// A port on which nothing listens.
fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port().to_string()
}

/// Starts the program in a terminal; it searches these ports.
fn start(place: &Place, args: &[&str], ports: &[String]) -> Pty {
    Pty::start(PROGRAM, args, place.folder.path(), &[("TOKSCOPE_LOCAL_PORTS", &ports.join(","))], 100, 30)
}

/// Runs the program in a pipe; it searches these ports. Returns stdout and stderr.
fn run(place: &Place, args: &[&str], ports: &[String], status: i32) -> (String, String) {
    let output = place.command(args).env("TOKSCOPE_LOCAL_PORTS", ports.join(",")).output().unwrap();
    let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(status), "{stdout}\n{stderr}");
    (stdout, stderr)
}

#[test]
fn a_bare_start_benchmarks_the_only_server_after_enter() {
    let (place, server) = (Place::with(SUITE), server());
    let mut screen = start(&place, &[], &[closed_port(), port(&server)]);
    screen.wait_for_text("Benchmark it? [Enter: yes, q: quit]");
    let text = screen.text();
    assert!(text.contains(&found_url(&server)) && text.contains("lone-model"), "{text}");
    assert_eq!(server.request_count(), 0, "a request was sent before Enter");
    screen.send("\n");
    screen.wait_for_text("finished");
    assert_eq!(server.request_count(), 3);
    screen.send("q");
    assert_eq!(screen.end().status, 0);
}

#[test]
fn a_bare_start_lets_the_user_choose_among_servers() {
    let place = Place::with(SUITE);
    let [first, second] = [server(), Server::start(&["other-model"], |mut asked| asked.answer(&["one", " two"]))];
    let mut screen = start(&place, &[], &[port(&first), port(&second)]);
    screen.wait_for_text("Benchmark which? [number, q: quit]");
    // With several servers Enter alone chooses none.
    screen.send("\n");
    screen.wait_for("the question again", |s| s.contents().matches("Benchmark which?").count() == 2);
    screen.send("2\n");
    screen.wait_for_text("finished");
    assert_eq!((first.request_count(), second.request_count()), (0, 3));
    screen.send("q");
    assert_eq!(screen.end().status, 0);
}

#[test]
fn a_declined_server_gets_no_request() {
    let (place, server) = (Place::with(SUITE), server());
    let mut screen = start(&place, &[], &[port(&server)]);
    screen.wait_for_text("Benchmark it?");
    screen.send("q\n");
    assert_eq!((screen.end().status, server.request_count()), (0, 0));
}

#[test]
fn without_a_server_the_next_steps_are_shown() {
    let (place, closed) = (Place::with(SUITE), closed_port());
    let ended = start(&place, &[], std::slice::from_ref(&closed)).end();
    assert_eq!(ended.status, 2);
    assert!(ended.text.contains(&format!("no server found on this machine (ports {closed})")), "{}", ended.text);
    assert!(ended.text.contains("tokscope --demo"), "{}", ended.text);
}

#[test]
fn headless_names_the_command_to_type_and_sends_nothing() {
    let (place, server) = (Place::with(SUITE), server());
    let (stdout, stderr) = run(&place, &["--headless", "-k", "First Second"], &[port(&server)], 2);
    let expected = format!("  tokscope {} --headless -k 'First Second'   # ", found_url(&server));
    assert!(stderr.contains(&expected) && stderr.contains("lone-model"), "{stderr}");
    assert_eq!((stdout.as_str(), server.request_count()), ("", 0));
    // A pipe is no place to ask either.
    assert!(run(&place, &[], &[port(&server)], 2).1.contains(&format!("tokscope {}", found_url(&server))));
}

#[test]
fn a_named_endpoint_is_never_replaced_by_a_found_one() {
    let (place, [named, found]) = (Place::with(SUITE), [server(), server()]);
    let mut command = place.command(&["-n", "3"]);
    command.env("TOKSCOPE_URL", named.url()).env("TOKSCOPE_LOCAL_PORTS", port(&found));
    let output = command.output().unwrap();
    assert_eq!((output.status.code(), named.request_count(), found.request_count()), (Some(0), 3, 0));
}

#[test]
fn requests_are_spread_over_the_cases_in_turn() {
    let (place, server) = (Place::with(SUITE), server());
    for (n, expected) in [("7", &[3, 2, 2][..]), ("3", &[1, 1, 1]), ("2", &[1, 1])] {
        let name = format!("r{n}.json");
        let before = server.request_count();
        let (_, stderr) = place.run(&[&server.url(), "-n", n, "-c", "2", "--warmup", "1", "-o", &name], 0);
        assert_eq!(server.request_count() - before, n.parse::<usize>().unwrap() + 1, "the warm-up is extra");
        let json = place.json(&name);
        let measured = |case: &Value| {
            let attempts = case["attempts"].as_array().unwrap();
            attempts.iter().filter(|attempt| attempt["warmup"] == false).count()
        };
        let counts: Vec<usize> = json["cases"].as_array().unwrap().iter().map(measured).collect();
        assert_eq!(counts, expected);
        assert_eq!((json["run"]["requests"].to_string(), &json["run"]["partial"]), (n.to_owned(), &false.into()));
        assert_eq!(stderr.contains("covers only the first 2 of 3 cases"), n == "2", "{stderr}");
    }
}

#[test]
fn each_stage_of_a_sweep_sends_the_requests() {
    let (place, server) = (Place::with(SUITE), server());
    place.run(&[&server.url(), "-n", "4", "--sweep", "1,2"], 0);
    assert_eq!(server.request_count(), 8);
}

#[test]
fn stdout_holds_the_export_alone() {
    let (place, server) = (Place::with(SUITE), server());
    let url = server.url();
    for args in [&["--json"][..], &["-o", "-.json"], &["--json", "-o", "-.json"]] {
        let (stdout, stderr) = place.run(&[&[url.as_str()], args].concat(), 0);
        let json: Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!(json["summary"]["ok"], 3);
        assert!(stderr.contains("Successful") && stderr.contains("[3/3] Third"), "{stderr}");
    }
    let (markdown, _) = place.run(&[&url, "--export", "-", "-o", "file.csv"], 0);
    assert!(markdown.starts_with('#') && markdown.contains("**Test Mode**: Small"), "{markdown}");
    assert!(place.read("file.csv").contains("Third"));
    let (_, stderr) = place.run(&[&url, "--json", "-o", "-"], 2);
    assert!(stderr.contains("stdout takes one format"), "{stderr}");
    // Saved runs and comparisons do the same.
    let (json, _) = place.run(&["report", "last", "--json"], 0);
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["summary"]["ok"], 3);
    assert_eq!(place.run(&["report", "last", "-o", "-"], 0), place.run(&["report", "last"], 0));
    let (json, _) = place.run(&["compare", "last", "last", "--json"], 0);
    assert!(serde_json::from_str::<Value>(&json).unwrap()["verdict"].is_string(), "{json}");
    let (markdown, _) = place.run(&["compare", "last", "last", "-o", "-"], 0);
    assert!(markdown.starts_with("# Comparison"), "{markdown}");
}

#[test]
fn output_has_colour_on_terminals_and_on_request() {
    let (place, server) = (Place::with(SUITE), server());
    place.run(&[&server.url(), "--repeat", "3"], 0);
    for command in [&["runs"][..], &["compare", "last", "last"]] {
        let with = |more: &[&str]| place.run(&[command, more].concat(), 0).0;
        assert!(!with(&[]).contains('\u{1b}') && with(&["--color", "always"]).contains('\u{1b}'), "{command:?}");
        let runs = |env: &[(&str, &str)]| {
            let state = place.state.path().to_str().unwrap();
            let env = [&[("XDG_STATE_HOME", state)], env].concat();
            let script = format!("exec {PROGRAM} {} </dev/null", command.join(" "));
            Pty::start("sh", &["-c", &script], place.folder.path(), &env, 80, 24).end()
        };
        assert!(runs(&[]).raw.contains("\u{1b}[1m"), "{command:?}");
        assert!(!runs(&[("NO_COLOR", "1")]).raw.contains('\u{1b}'), "{command:?}");
    }
    let (stdout, stderr) = place.run(&[&server.url(), "--headless"], 0);
    assert!(!stdout.contains('\u{1b}') && !stderr.contains(['\u{1b}', '\r']), "{stdout}{stderr}");
}

#[test]
fn unwritable_exports_are_reported_before_anything_is_read() {
    let (place, server) = (Place::with(SUITE), server());
    place.run(&[&server.url()], 0);
    for command in [&["report", "last"][..], &["compare", "last", "last"], &["report", "no-such-run"]] {
        for (file, why) in [
            ("new.md/", "is a folder; name a file in it"),
            ("missing/a.md", "there is no folder 'missing'"),
            ("/proc/a.md", "choose another folder"),
        ] {
            if file.starts_with("/proc") && !cfg!(target_os = "linux") {
                continue;
            }
            let (stdout, stderr) = place.run(&[command, &["--export", file]].concat(), 2);
            assert!(stderr.contains(why) && stdout.is_empty(), "{command:?} {file}: {stdout}{stderr}");
        }
    }
}

#[test]
fn a_mistyped_command_is_not_taken_for_a_host() {
    let place = Place::with(SUITE);
    for args in [&["reprot"][..], &["reprot", "last"], &["--headless", "reprot"]] {
        let (_, stderr) = place.run(args, 2);
        assert!(stderr.contains("did you mean `tokscope report`?"), "{stderr}");
    }
}

#[test]
fn an_unwritable_state_folder_is_reported_before_the_run() {
    let (place, server) = (Place::with(SUITE), server());
    let file = place.folder.path().join("no-folder");
    std::fs::write(&file, "").unwrap();
    let ended = place.command(&[&server.url()]).env("XDG_STATE_HOME", &file).output().unwrap();
    let stderr = String::from_utf8(ended.stderr).unwrap();
    let warning = stderr.find("warning: this run will not be saved");
    assert!(warning.is_some() && warning < stderr.find("[1/3] First"), "{stderr}");
    assert!(stderr.contains("XDG_STATE_HOME") && stderr.contains("--no-save"), "{stderr}");
    assert_eq!(ended.status.code(), Some(1));
}

#[test]
fn the_last_line_is_the_result() {
    let (place, server) = (Place::with(SUITE), server());
    let (_, stderr) = place.run(&[&server.url(), "-n", "6", "-o", "r.md"], 0);
    let last = stderr.lines().last().unwrap();
    assert!(last.starts_with("result: complete · 6/6 requests ok · ") && last.ends_with(" · r.md"), "{last}");
}

#[test]
fn the_list_of_runs_fits_the_terminal_and_shows_the_load() {
    let (place, server) = (Place::with(SUITE), server());
    place.run(&[&server.url()], 0);
    assert!(!place.run(&["runs"], 0).0.contains("SWEEP"), "a column that is empty for all runs");
    place.run(&[&server.url(), "-c", "2", "-n", "6"], 0);
    place.run(&[&server.url(), "--sweep", "1,2"], 0);
    let (wide, _) = place.run(&["runs"], 0);
    for part in ["CONC", "SWEEP", "LIMIT", "n 6", "1,2", "complete", "ENDPOINT"] {
        assert!(wide.contains(part), "'{part}' in {wide}");
    }
    let env = [("XDG_STATE_HOME", place.state.path().to_str().unwrap()), ("NO_COLOR", "1")];
    let script = format!("exec {PROGRAM} runs </dev/null");
    let narrow = Pty::start("sh", &["-c", &script], place.folder.path(), &env, 80, 24).end();
    let rows: Vec<&str> = narrow.raw.lines().take(4).collect();
    assert!(rows.iter().all(|row| row.chars().count() <= 80 && row.split_whitespace().count() > 5), "{rows:#?}");
}

#[test]
fn headless_shows_one_status_line_in_place_with_the_time_left() {
    let place = Place::with(SUITE);
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let server = Server::start(&["lone-model"], move |mut asked| {
        if asked.number == 2 {
            gate.lock().unwrap().recv().unwrap();
        }
        asked.answer(&["one", " two", " three"]);
    });
    let screen = Pty::start(PROGRAM, &[&server.url(), "--headless"], place.folder.path(), &[], 80, 40);
    screen.wait_for("a status line below the log", |s| {
        let text = s.contents();
        let lines: Vec<&str> = text.lines().collect();
        let status = lines.iter().position(|line| line.starts_with("2/3 requests · 1 in flight · "));
        let log = lines.iter().position(|line| line.starts_with("[2/3] Second"));
        status.is_some_and(|at| lines[at].contains(" left") && log.is_some_and(|log| log < at))
    });
    go.send(()).unwrap();
    let ended = screen.end();
    assert_eq!(ended.status, 0, "{}", ended.text);
    assert!(!ended.text.contains("in flight") && ended.text.contains("[3/3] Third"), "{}", ended.text);
}

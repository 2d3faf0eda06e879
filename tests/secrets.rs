//! Secrets planted wherever a user can have them, and looked for in all that comes out of the program.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use support::faults::HEAD;
use support::pty::Pty;

const KEY: &str = "sk-c4nary-of-the-key";
const HEADER: &str = "c4nary-of-the-header";
const PASSWORD: &str = "c4nary%2Dof-the-password";
const QUERY: &str = "c4nary%2Dof-the-query";
const PROXY: &str = "c4nary-of-the-proxy";
/// `user:c4nary-of-the-password` as it goes out, up to its padding.
const PASSWORD_SENT: &str = "dXNlcjpjNG5hcnktb2YtdGhlLXBhc3N3b3Jk";
/// `user:c4nary-of-the-proxy` as it goes out, up to its padding.
const PROXY_SENT: &str = "dXNlcjpjNG5hcnktb2YtdGhlLXByb3h5";
/// Every secret in every way in which it is written: as typed, decoded, and as it goes out in `Authorization: Basic`.
const CANARIES: &[&str] =
    &[KEY, HEADER, PASSWORD, QUERY, PROXY, "c4nary-of-the-password", "c4nary-of-the-query", PASSWORD_SENT, PROXY_SENT];

/// What shows nothing between two letters.
const HIDDEN: &str = "\u{200b}";
const STYLE: &str = "\u{1b}[1m";

/// What ends an answer.
const ANSWER_END: &str =
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":200}}\n\ndata: [DONE]\n\n";

const SUITE: &str = "[[case]]\nname = \"Fine\"\nprompt = \"Go.\"\n[[case]]\nname = \"Refused\"\nprompt = \"Refuse this.\"\n\
                     [[case]]\nname = \"Broken\"\nprompt = \"Break this.\"\n";

/// A server that tells every client's secrets back to it, wherever it can: in errors, in its stream, as its version. As a
/// proxy it does the same.
struct Gossip {
    port: u16,
    /// All that was sent to it.
    heads: Arc<Mutex<String>>,
}

impl Gossip {
    /// The first prompt is told to `asked` when its text is out, and its answer ends once `go` says so.
    fn start(gate: Option<(Sender<()>, Receiver<()>)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads = Arc::new(Mutex::new(String::new()));
        let (all, gate) = (Arc::clone(&heads), Arc::new(Mutex::new(gate)));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (all, gate) = (Arc::clone(&all), Arc::clone(&gate));
                std::thread::spawn(move || gossip(stream, &all, &gate));
            }
        });
        Self { port, heads }
    }

    /// Its address with a secret in its query, and one before its host, which then goes out in place of the key.
    fn url(&self, has_user: bool) -> String {
        let user = if has_user { format!("user:{PASSWORD}@") } else { String::new() };
        format!("http://{user}127.0.0.1:{}/v1?api-key={QUERY}", self.port)
    }

    fn came(&self, secret: &str) -> bool {
        self.heads.lock().unwrap().contains(secret)
    }
}

type Gate = Mutex<Option<(Sender<()>, Receiver<()>)>>;

fn gossip(mut stream: TcpStream, all: &Mutex<String>, gate: &Gate) {
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    let (mut head, mut line, mut length) = (String::new(), String::new(), 0);
    while lines.read_line(&mut line).unwrap_or(0) > 2 {
        length = line.to_lowercase().strip_prefix("content-length: ").map_or(length, |l| l.trim().parse().unwrap());
        head.push_str(&line);
        line.clear();
    }
    let mut body = vec![0; length];
    if head.is_empty() || lines.read_exact(&mut body).is_err() {
        return;
    }
    all.lock().unwrap().push_str(&head);
    let is_secret = |line: &&str| ["GET", "POST", "authorization", "proxy-", "x-"].iter().any(|p| line.starts_with(p));
    let secrets: Vec<&str> = head.lines().filter(is_secret).filter(|l| !l.starts_with("x-request-id")).collect();
    let disguised: Vec<String> =
        [KEY, HEADER].iter().filter(|s| head.contains(**s)).flat_map(|s| disguises(s)).collect();
    let told = format!("you sent {}, or {}", secrets.join(" and "), disguised.join(" or "));
    let told = serde_json::to_string(&told).unwrap();
    let body = String::from_utf8(body).unwrap();
    let json = |status: &str, body: &str| {
        let length = body.len();
        format!("HTTP/1.1 {status}\r\nserver: gossip\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
    };
    let answer = if !head.starts_with("POST") {
        let models = r#"{"object":"list","data":[{"id":"m","object":"model"}]}"#;
        if head.contains("models=all") {
            json("200 OK", &format!(r#"{{"data":[{{"id":"m"}},{{"id":{told}}}]}}"#))
        } else if head.contains("/v1/models") {
            json("200 OK", models)
        } else {
            json("200 OK", &format!("{{\"version\":{told}}}"))
        }
    } else if body.contains("Refuse this.") {
        json("400 Bad Request", &format!("{{\"error\":{{\"message\":{told}}}}}"))
    } else if body.contains("Break this.") {
        format!("{HEAD}data: {{\"error\":{{\"message\":{told}}}}}\n\n")
    } else {
        let _gone = stream.write_all(repeated(&told).as_bytes());
        if let Some((asked, go)) = gate.lock().unwrap().take() {
            asked.send(()).unwrap();
            go.recv().unwrap();
        }
        format!(
            "data: {{\"model\":{told},\"choices\":[{{\"index\":0,\"delta\":{{}},\"finish_reason\":{told}}}]}}\n\n{ANSWER_END}"
        )
    };
    let _gone = stream.write_all(answer.as_bytes());
}

/// Forms of a secret that a reader sees through.
fn disguises(secret: &str) -> [String; 6] {
    let between = |hidden: &str| secret.chars().flat_map(|c| [c.to_string(), hidden.to_owned()]).collect();
    [
        between(HIDDEN),
        between(STYLE),
        secret.chars().map(|c| format!("%{:02X}", c as u32)).collect::<Vec<_>>().concat(),
        secret.chars().map(|c| format!("\\u{:04x}", c as u32)).collect::<Vec<_>>().concat(),
        secret.chars().map(|c| char::from_u32(c as u32 + 0xfee0).unwrap()).collect(),
        BASE64_STANDARD.encode(format!("user:{secret}")),
    ]
}

/// A text without what hides letters, as it stands and as JSON writes it.
fn seen_through(text: &str) -> String {
    let plain =
        [HIDDEN, STYLE, "\\u200b", "\\u001b[1m", "\\u001b"].iter().fold(text.to_owned(), |t, h| t.replace(h, ""));
    let narrow = plain.chars().map(|c| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap(),
        c => c,
    });
    narrow.collect()
}

/// The begin of an answer that repeats it all: in a header, in a comment, as thinking, as text, as a tool's arguments, a
/// few characters an event, so that no event holds a secret.
fn repeated(told: &str) -> String {
    let told: String = serde_json::from_str(told).unwrap();
    let letters: Vec<char> = told.chars().collect();
    // No header holds anything else.
    let in_header: String = told.chars().filter(char::is_ascii).filter(|c| !c.is_control()).collect();
    let head = HEAD.replace("\r\n\r\n", &format!("\r\nserver: {in_header}\r\nx-told: {in_header}\r\n\r\n"));
    let mut out = vec![head, format!(": {told}\n\n")];
    for (before, after) in [
        (r#"{"reasoning_content":"#, "}"),
        (r#"{"content":"#, "}"),
        (r#"{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"#, "}}]}"),
    ] {
        for piece in letters.chunks(5) {
            let piece = serde_json::to_string(&piece.iter().collect::<String>()).unwrap();
            out.push(format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{before}{piece}{after}}}]}}\n\n"));
        }
    }
    out.concat()
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cases.toml"), SUITE).unwrap();
    folder
}

fn command(folder: &Path, args: &[&str], env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tokscope"));
    for name in ["TOKSCOPE_URL", "OPENAI_BASE_URL", "OPENAI_API_KEY"] {
        command.env_remove(name);
    }
    command.env("XDG_STATE_HOME", folder.join("state")).env("RUST_BACKTRACE", "full").current_dir(folder);
    command.args(["--headless", "--export", "r.json", "--export", "r.md", "--export", "r.csv"]).args(args);
    command.envs(env.iter().copied()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Every file below the folder, and its name.
fn files(folder: &Path, into: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.display().to_string();
        if path.is_dir() {
            files(&path, into);
        } else {
            into.push((name, String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned()));
        }
    }
}

/// No canary is anywhere in these.
#[track_caller]
fn nothing_leaked(what: &[(String, String)]) {
    for (place, text) in what {
        // A screen and a table may part a word by a line's end.
        let joined: String = text.split_whitespace().collect();
        let plain = [seen_through(text), seen_through(&joined)];
        for canary in CANARIES {
            assert!(!place.contains(canary), "{canary} in the name {place}");
            assert!(!text.contains(canary) && !joined.contains(canary), "{canary} in {place}:\n{text}");
            let forms = disguises(canary).into_iter().chain([(*canary).to_owned()]).map(|form| seen_through(&form));
            // Without what hides its letters a form may be the next one.
            for form in forms {
                let in_json = form.replace('\\', "\\\\");
                let is_in = |text: &String| text.contains(&form) || text.contains(&in_json);
                assert!(!plain.iter().any(is_in), "{form} of {canary} in {place}:\n{text}");
            }
        }
    }
}

fn said(out: &Output) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    vec![("stdout".to_owned(), text(&out.stdout)), ("stderr".to_owned(), text(&out.stderr))]
}

/// The command lines of a process and its children.
fn command_lines(child: &Child) -> Vec<(String, String)> {
    let of = |pid: &str| {
        (format!("argv of {pid}"), std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default())
    };
    let pid = child.id().to_string();
    let mut all = vec![of(&pid)];
    for task in std::fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
        let children = std::fs::read_to_string(task.unwrap().path().join("children")).unwrap_or_default();
        all.extend(children.split_whitespace().map(of));
    }
    all
}

#[test]
fn a_server_that_tells_every_secret_back_tells_it_nobody() {
    told_back(false, &[KEY, HEADER, QUERY]);
    told_back(true, &[PASSWORD_SENT, HEADER, QUERY]);
}

fn told_back(has_user: bool, sent: &[&str]) {
    let (asked, was_asked) = channel();
    let (go, may_go) = channel();
    let server = Gossip::start(Some((asked, may_go)));
    let folder = folder();
    let env = [("TOKSCOPE_URL", server.url(has_user)), ("MY_KEY", KEY.to_owned()), ("MY_HEADER", HEADER.to_owned())];
    let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let args = ["--api-key-env", "MY_KEY", "--header-env", "X-Team=MY_HEADER", "--server-metrics"];
    let child = command(folder.path(), &args, &env).spawn().unwrap();
    was_asked.recv().unwrap();
    let while_running = command_lines(&child);
    go.send(()).unwrap();
    let out = child.wait_with_output().unwrap();

    assert_eq!(out.status.code(), Some(1));
    let said = said(&out);
    assert!(said[1].1.contains("[redacted]") && said[1].1.contains("400"), "{}", said[1].1);
    for secret in sent {
        assert!(server.came(secret), "{secret} was not sent at all");
    }
    let mut all = [while_running, said].concat();
    files(folder.path(), &mut all);
    for name in ["r.json", "r.md", "r.csv"] {
        assert!(all.iter().any(|(place, _)| place.ends_with(name)), "{name}");
    }
    let json = all.iter().find(|(place, _)| place.ends_with("r.json")).unwrap();
    let value: serde_json::Value = serde_json::from_str(&json.1).unwrap();
    let answer = &value["cases"][0]["attempts"][0];
    for what in ["text", "reasoning", "finish_reason"] {
        assert!(answer[what].as_str().unwrap().contains("[redacted]"), "{what}: {answer}");
    }
    assert!(answer["warnings"].to_string().contains("repeats a secret"), "{answer}");
    nothing_leaked(&all);
}

#[test]
fn a_list_of_models_tells_no_secret() {
    let server = Gossip::start(None);
    let folder = folder();
    let url = format!("{}&models=all", server.url(false));
    let out = command(folder.path(), &[&url], &[("OPENAI_API_KEY", KEY)]).output().unwrap();
    let mut all = said(&out);
    assert_eq!(out.status.code(), Some(3), "{}", all[1].1);
    assert!(all[1].1.contains("m, you sent GET") && all[1].1.contains("[redacted]"), "{}", all[1].1);
    files(folder.path(), &mut all);
    nothing_leaked(&all);
}

#[test]
fn a_proxy_that_tells_every_secret_back_tells_it_nobody() {
    let proxy = Gossip::start(None);
    let folder = folder();
    std::fs::write(folder.path().join("key"), format!("{KEY}\n")).unwrap();
    let through = format!("http://user:{PROXY}@127.0.0.1:{}", proxy.port);
    let url = format!("http://model.invalid/v1?api-key={QUERY}");
    let header = format!("X-Team: {HEADER}");
    let args = ["--proxy", &through, "--api-key-file", "key", "--header", &header, &url];
    let out = command(folder.path(), &args, &[]).output().unwrap();
    assert_eq!(out.status.code(), Some(1), "{}", said(&out)[1].1);
    assert!(proxy.came(KEY) && proxy.came(HEADER) && proxy.came(PROXY_SENT));
    let mut all = said(&out);
    // The key's own file is the one that holds it.
    std::fs::remove_file(folder.path().join("key")).unwrap();
    files(folder.path(), &mut all);
    nothing_leaked(&all);
}

#[test]
fn the_screen_and_what_it_exports_tell_no_secret() {
    let (asked, was_asked) = channel();
    let (go, may_go) = channel();
    let server = Gossip::start(Some((asked, may_go)));
    let folder = folder();
    let state = folder.path().join("state").display().to_string();
    let url = server.url(false);
    let env =
        [("TOKSCOPE_URL", url.as_str()), ("OPENAI_API_KEY", KEY), ("MY_HEADER", HEADER), ("XDG_STATE_HOME", &state)];
    let args = ["--header-env", "X-Team=MY_HEADER", "--export", "r.md"];
    let mut screen = Pty::start(env!("CARGO_BIN_EXE_tokscope"), &args, folder.path(), &env, 160, 45);
    was_asked.recv().unwrap();
    // While it still comes in: nothing else on the screen was told of a POST yet.
    screen.wait_for_text("you sent POST");
    let mut all = vec![("the live screen".to_owned(), screen.text())];
    go.send(()).unwrap();
    screen.wait_for_text("finished");
    // Each case, its answer or its error, and the request beside it.
    for keys in ["g", "j", "j", "2d", "1g"] {
        screen.send(keys);
        all.push((format!("the screen after {keys:?}"), screen.text()));
    }
    screen.wait_for_text("[redacted]");
    screen.send("e");
    screen.wait_for_text("Report written to 'r.md'");
    screen.send("q");
    let ended = screen.end();
    assert_eq!(ended.status, 1);
    all.push(("the terminal".to_owned(), ended.raw));
    files(folder.path(), &mut all);
    nothing_leaked(&all);
}

/// Arguments, variables, and the exit status.
type Row<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], i32);

#[test]
fn mistakes_and_dead_addresses_tell_no_secret() {
    let server = Gossip::start(None);
    let plain = format!("http://127.0.0.1:{}/v1", server.port);
    let secret = |scheme: &str, host: &str| format!("{scheme}://user:{PASSWORD}@{host}/v1?api-key={QUERY}");
    let (dead, ftp, port) = (secret("http", "127.0.0.1:1"), secret("ftp", "h"), secret("http", "h:99999"));
    let (dead_proxy, socks) = (format!("http://user:{PROXY}@127.0.0.1:1"), format!("socks5://user:{PROXY}@h"));
    let metrics = format!("--server-metrics={dead}");
    let bad_metrics = format!("--server-metrics={ftp}");
    let key = [("OPENAI_API_KEY", KEY)];
    let two_keys = format!("{KEY} {KEY}");
    let header = format!("{HEADER} {HEADER}");
    let rows: &[Row<'_>] = &[
        (&[&dead], &key, 3),
        (&[&ftp], &key, 2),
        (&[&port], &key, 2),
        (&[], &[("TOKSCOPE_URL", &dead), ("OPENAI_API_KEY", KEY)], 3),
        (&[], &[("TOKSCOPE_URL", &ftp)], 2),
        (&[], &[("OPENAI_BASE_URL", &port)], 2),
        (&[&plain], &[("OPENAI_API_KEY", &two_keys)], 2),
        (&[&plain, "--api-key-env", KEY], &[], 2),
        (&[&plain, "--api-key-file", "two-keys"], &[], 2),
        (&[&plain, "--header", &header], &[], 2),
        (&[&plain, "--header", &format!("{header}: x")], &[], 2),
        (&[&plain, "--header-env", &format!("X-Team={header}")], &[], 2),
        (&[&plain, "--header-env", "X-Team=MY_HEADER"], &[("MY_HEADER", &format!("{HEADER}\u{7f}"))], 2),
        (&[&plain, "--proxy", &dead_proxy], &key, 3),
        (&[&plain, "--proxy", &socks], &key, 2),
        (&["http://model.invalid", "--proxy", "env"], &[("HTTP_PROXY", &socks)], 2),
        (&[&plain, &metrics, "--case", "Fine"], &key, 0),
        (&[&plain, &bad_metrics], &key, 2),
        (&[&plain, "--cases", "no-suite.toml"], &key, 2),
        (&[&plain, "--model", "another"], &key, 1),
    ];
    for (args, env, status) in rows {
        let folder = folder();
        std::fs::write(folder.path().join("two-keys"), &two_keys).unwrap();
        let out = command(folder.path(), args, env).output().unwrap();
        std::fs::remove_file(folder.path().join("two-keys")).unwrap();
        let mut all = said(&out);
        assert_eq!(out.status.code(), Some(*status), "{args:?}: {}", all[1].1);
        files(folder.path(), &mut all);
        nothing_leaked(&all);
    }
}

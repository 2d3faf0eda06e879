//! Plants secrets wherever a user can have them, and searches all output of the program for them.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

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
/// `user:c4nary-of-the-password` as sent, without its padding.
const PASSWORD_SENT: &str = "dXNlcjpjNG5hcnktb2YtdGhlLXBhc3N3b3Jk";
/// `user:c4nary-of-the-proxy` as sent, without its padding.
const PROXY_SENT: &str = "dXNlcjpjNG5hcnktb2YtdGhlLXByb3h5";
/// Every secret in every form: as typed, decoded, and as sent in `Authorization: Basic`.
const CANARIES: &[&str] =
    &[KEY, HEADER, PASSWORD, QUERY, PROXY, "c4nary-of-the-password", "c4nary-of-the-query", PASSWORD_SENT, PROXY_SENT];

/// Characters that are invisible between two letters.
const HIDDEN: &str = "\u{200b}";
const STYLE: &str = "\u{1b}[1m";

/// End of an answer.
const ANSWER_END: &str =
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":200}}\n\ndata: [DONE]\n\n";

const SUITE: &str = "[[case]]\nname = \"Fine\"\nprompt = \"Go.\"\n[[case]]\nname = \"Refused\"\nprompt = \"Refuse this.\"\n\
                     [[case]]\nname = \"Broken\"\nprompt = \"Break this.\"\n";

/// A server that repeats every client's secrets wherever it can: in errors, in its stream, as its version. It does the
/// same as a proxy.
struct EchoServer {
    port: u16,
    /// Heads of all requests.
    heads: Arc<Mutex<String>>,
}

impl EchoServer {
    /// With a gate, the server sends on it after the text of the first answer, and ends that answer once it receives.
    fn start(gate: Option<(Sender<()>, Receiver<()>)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads = Arc::new(Mutex::new(String::new()));
        let (all, gate) = (Arc::clone(&heads), Arc::new(Mutex::new(gate)));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (all, gate) = (Arc::clone(&all), Arc::clone(&gate));
                std::thread::spawn(move || echo(stream, &all, &gate));
            }
        });
        Self { port, heads }
    }

    /// URL with a secret in its query and optionally a user before its host, which is then sent in place of the key.
    fn url(&self, has_user: bool) -> String {
        let user = if has_user { format!("user:{PASSWORD}@") } else { String::new() };
        format!("http://{user}127.0.0.1:{}/v1?api-key={QUERY}", self.port)
    }

    fn received(&self, secret: &str) -> bool {
        self.heads.lock().unwrap().contains(secret)
    }
}

type Gate = Mutex<Option<(Sender<()>, Receiver<()>)>>;

fn echo(mut stream: TcpStream, all: &Mutex<String>, gate: &Gate) {
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
    let variant_list: Vec<String> =
        [KEY, HEADER].iter().filter(|s| head.contains(**s)).flat_map(|s| variants(s)).collect();
    let message = format!("you sent {}, or {}", secrets.join(" and "), variant_list.join(" or "));
    let message = serde_json::to_string(&message).unwrap();
    let body = String::from_utf8(body).unwrap();
    let json = |status: &str, body: &str| {
        let length = body.len();
        format!("HTTP/1.1 {status}\r\nserver: echo\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
    };
    let answer = if !head.starts_with("POST") {
        let models = r#"{"object":"list","data":[{"id":"m","object":"model"}]}"#;
        if head.contains("models=all") {
            json("200 OK", &format!(r#"{{"data":[{{"id":"m"}},{{"id":{message}}}]}}"#))
        } else if head.contains("/v1/models") {
            json("200 OK", models)
        } else {
            json("200 OK", &format!("{{\"version\":{message}}}"))
        }
    } else if body.contains("Refuse this.") {
        json("400 Bad Request", &format!("{{\"error\":{{\"message\":{message}}}}}"))
    } else if body.contains("Break this.") {
        format!("{HEAD}data: {{\"error\":{{\"message\":{message}}}}}\n\n")
    } else {
        let _closed = stream.write_all(echo_answer(&message).as_bytes());
        if let Some((request_seen, go)) = gate.lock().unwrap().take() {
            request_seen.send(()).unwrap();
            go.recv().unwrap();
        }
        format!(
            "data: {{\"model\":{message},\"choices\":[{{\"index\":0,\"delta\":{{}},\"finish_reason\":{message}}}]}}\n\n{ANSWER_END}"
        )
    };
    let _closed = stream.write_all(answer.as_bytes());
}

/// Forms of a secret that a reader recognises.
fn variants(secret: &str) -> [String; 6] {
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

/// Removes characters that hide letters, as they are and as JSON writes them.
fn normalised(text: &str) -> String {
    let plain =
        [HIDDEN, STYLE, "\\u200b", "\\u001b[1m", "\\u001b"].iter().fold(text.to_owned(), |t, h| t.replace(h, ""));
    let narrow = plain.chars().map(|c| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap(),
        c => c,
    });
    narrow.collect()
}

/// Start of an answer that repeats everything: in a header, in a comment, as reasoning, as text, as a tool's arguments.
/// Each event has only a few characters, so none contains a whole secret.
fn echo_answer(message: &str) -> String {
    let message: String = serde_json::from_str(message).unwrap();
    let letters: Vec<char> = message.chars().collect();
    // Headers can contain only these characters.
    let in_header: String = message.chars().filter(char::is_ascii).filter(|c| !c.is_control()).collect();
    let head = HEAD.replace("\r\n\r\n", &format!("\r\nserver: {in_header}\r\nx-message: {in_header}\r\n\r\n"));
    let mut out = vec![head, format!(": {message}\n\n")];
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
    command
        .args(["--headless", "--export", "r.json", "--export", "r.md", "--export", "r.csv", "--export", "r.junit.xml"])
        .args(["--export", "r.jsonl", "--export", "r.parquet"])
        .args(["--export", "r.html", "--export", "r.svg"])
        .args(args);
    command.envs(env.iter().copied()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Collects every file below the folder with its name.
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

/// Checks that no canary appears in these texts.
#[track_caller]
fn assert_no_leak(what: &[(String, String)]) {
    for (place, text) in what {
        // A screen or a table may break a word at the end of a line.
        let joined: String = text.split_whitespace().collect();
        let plain = [normalised(text), normalised(&joined)];
        for canary in CANARIES {
            assert!(!place.contains(canary), "{canary} in the name {place}");
            assert!(!text.contains(canary) && !joined.contains(canary), "{canary} in {place}:\n{text}");
            let forms = variants(canary).into_iter().chain([(*canary).to_owned()]).map(|form| normalised(&form));
            // Without hiding characters, two forms may be equal.
            for form in forms {
                let in_json = form.replace('\\', "\\\\");
                let is_in = |text: &String| text.contains(&form) || text.contains(&in_json);
                assert!(!plain.iter().any(is_in), "{form} of {canary} in {place}:\n{text}");
            }
        }
    }
}

fn outputs(out: &Output) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    vec![("stdout".to_owned(), text(&out.stdout)), ("stderr".to_owned(), text(&out.stderr))]
}

/// Command lines of a process and its children.
fn command_lines(child: &Child) -> Vec<(String, String)> {
    let command_line = |pid: &str| {
        (format!("argv of {pid}"), std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default())
    };
    let pid = child.id().to_string();
    let mut all = vec![command_line(&pid)];
    for task in std::fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
        let children = std::fs::read_to_string(task.unwrap().path().join("children")).unwrap_or_default();
        all.extend(children.split_whitespace().map(command_line));
    }
    all
}

#[test]
fn secrets_repeated_by_a_server_are_hidden() {
    assert_echoed_secrets_hidden(false, &[KEY, HEADER, QUERY]);
    assert_echoed_secrets_hidden(true, &[PASSWORD_SENT, HEADER, QUERY]);
}

fn assert_echoed_secrets_hidden(has_user: bool, sent: &[&str]) {
    let (request_seen, wait_for_request) = channel();
    let (go, wait_for_go) = channel();
    let server = EchoServer::start(Some((request_seen, wait_for_go)));
    let folder = folder();
    let env = [("TOKSCOPE_URL", server.url(has_user)), ("MY_KEY", KEY.to_owned()), ("MY_HEADER", HEADER.to_owned())];
    let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let args = ["--api-key-env", "MY_KEY", "--header-env", "X-Team=MY_HEADER", "--server-metrics"];
    let child = command(folder.path(), &args, &env).spawn().unwrap();
    wait_for_request.recv().unwrap();
    let while_running = command_lines(&child);
    go.send(()).unwrap();
    let out = child.wait_with_output().unwrap();

    assert_eq!(out.status.code(), Some(1));
    let texts = outputs(&out);
    assert!(texts[1].1.contains("[redacted]") && texts[1].1.contains("400"), "{}", texts[1].1);
    for secret in sent {
        assert!(server.received(secret), "{secret} was not sent at all");
    }
    let mut all = [while_running, texts].concat();
    files(folder.path(), &mut all);
    for name in ["r.json", "r.md", "r.csv", "r.junit.xml", "r.jsonl", "r.parquet"] {
        assert!(all.iter().any(|(place, _)| place.ends_with(name)), "{name}");
    }

    for name in ["r.json", "r.md", "r.csv", "r.junit.xml", "r.html", "r.svg"] {
        assert!(all.iter().any(|(place, _)| place.ends_with(name)), "{name}");
    }
    let json = all.iter().find(|(place, _)| place.ends_with("r.json")).unwrap();
    let value: serde_json::Value = serde_json::from_str(&json.1).unwrap();
    let answer = &value["cases"][0]["attempts"][0];
    for what in ["text", "reasoning", "finish_reason"] {
        assert!(answer[what].as_str().unwrap().contains("[redacted]"), "{what}: {answer}");
    }
    assert!(answer["warnings"].to_string().contains("repeats a secret"), "{answer}");
    assert_no_leak(&all);
}

#[test]
fn secrets_in_a_model_list_are_hidden() {
    let server = EchoServer::start(None);
    let folder = folder();
    let url = format!("{}&models=all", server.url(false));
    let out = command(folder.path(), &[&url], &[("OPENAI_API_KEY", KEY)]).output().unwrap();
    let mut all = outputs(&out);
    assert_eq!(out.status.code(), Some(3), "{}", all[1].1);
    assert!(all[1].1.contains("m, you sent GET") && all[1].1.contains("[redacted]"), "{}", all[1].1);
    files(folder.path(), &mut all);
    assert_no_leak(&all);
}

#[test]
fn secrets_repeated_by_a_proxy_are_hidden() {
    let proxy = EchoServer::start(None);
    let folder = folder();
    std::fs::write(folder.path().join("key"), format!("{KEY}\n")).unwrap();
    let through = format!("http://user:{PROXY}@127.0.0.1:{}", proxy.port);
    let url = format!("http://model.invalid/v1?api-key={QUERY}");
    let header = format!("X-Team: {HEADER}");
    let args = ["--proxy", &through, "--api-key-file", "key", "--header", &header, &url];
    let out = command(folder.path(), &args, &[]).output().unwrap();
    assert_eq!(out.status.code(), Some(1), "{}", outputs(&out)[1].1);
    assert!(proxy.received(KEY) && proxy.received(HEADER) && proxy.received(PROXY_SENT));
    let mut all = outputs(&out);
    // The key file itself contains the key.
    std::fs::remove_file(folder.path().join("key")).unwrap();
    files(folder.path(), &mut all);
    assert_no_leak(&all);
}

#[test]
fn the_dashboard_and_its_exports_show_no_secret() {
    let (request_seen, wait_for_request) = channel();
    let (go, wait_for_go) = channel();
    let server = EchoServer::start(Some((request_seen, wait_for_go)));
    let folder = folder();
    let state = folder.path().join("state").display().to_string();
    let url = server.url(false);
    let env =
        [("TOKSCOPE_URL", url.as_str()), ("OPENAI_API_KEY", KEY), ("MY_HEADER", HEADER), ("XDG_STATE_HOME", &state)];
    let args = ["--header-env", "X-Team=MY_HEADER", "--export", "r.md"];
    let mut screen = Pty::start(env!("CARGO_BIN_EXE_tokscope"), &args, folder.path(), &env, 160, 45);
    wait_for_request.recv().unwrap();
    // The stream is still running, and nothing else on the screen mentions a POST yet.
    screen.wait_for_text("you sent POST");
    let mut all = vec![("the live screen".to_owned(), screen.text())];
    go.send(()).unwrap();
    screen.wait_for_text("finished");
    // Each case with its answer or error and its request.
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
    assert_no_leak(&all);
}

/// Arguments, environment variables and exit status.
type Row<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], i32);

#[test]
fn errors_show_no_secret() {
    let server = EchoServer::start(None);
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
        let mut all = outputs(&out);
        assert_eq!(out.status.code(), Some(*status), "{args:?}: {}", all[1].1);
        files(folder.path(), &mut all);
        assert_no_leak(&all);
    }
}

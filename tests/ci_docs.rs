//! Runs the shell steps of the examples in `docs/ci.md` against the simulator.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const DOCS: &str = include_str!("../docs/ci.md");

/// Shell steps of an example.
struct Example {
    name: &'static str,
    steps: Vec<String>,
}

/// Lines that are indented more than `indent`, from the first one on.
fn block<'a>(lines: &[&'a str], indent: usize) -> Vec<&'a str> {
    let is_inside = |line: &&&str| line.trim().is_empty() || line.len() - line.trim_start().len() > indent;
    lines.iter().take_while(is_inside).copied().collect()
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Content of the YAML block below a heading.
fn yaml(heading: &str) -> Vec<&'static str> {
    let (_, after) = DOCS.split_once(&format!("## {heading}\n")).unwrap();
    let (_, after) = after.split_once("```yaml\n").unwrap();
    after.split_once("```").unwrap().0.lines().collect()
}

/// Steps with `run: |`, each a script.
fn github() -> Example {
    let lines = yaml("GitHub Actions");
    let is_step = |line: &&str| line.trim_start().trim_start_matches("- ") == "run: |";
    let steps = lines.iter().enumerate().filter(|(_, line)| is_step(line));
    let script = |(at, line): (usize, &&str)| block(&lines[at + 1..], indent(line)).join("\n");
    Example { name: "GitHub Actions", steps: steps.map(script).collect() }
}

/// Items of `script:`; an item that begins with `>` is folded into one line.
fn gitlab() -> Example {
    let lines = yaml("GitLab CI");
    let at = lines.iter().position(|line| line.trim() == "script:").unwrap();
    let items = block(&lines[at + 1..], indent(lines[at]));
    let mut steps: Vec<String> = Vec::new();
    for line in items {
        match (line.trim().strip_prefix("- "), steps.last_mut()) {
            (Some(first), _) => steps.push(first.trim_start_matches('>').to_owned()),
            (None, Some(step)) => *step = format!("{step} {}", line.trim()),
            (None, None) => panic!("no item: {line}"),
        }
    }
    Example { name: "GitLab CI", steps: vec![steps.join("\n")] }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Stops the server that the example started.
struct Server<'a>(&'a Path);

impl Drop for Server<'_> {
    fn drop(&mut self) {
        if let Ok(pid) = std::fs::read_to_string(self.0.join("server.pid")) {
            drop(Command::new("kill").arg(pid.trim()).status());
        }
    }
}

/// Prepares a checkout with the files that the example names; the server answers with this TTFT and speed.
fn checkout(folder: &Path, ttft_ms: f64, tokens_per_s: f64) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir_all(folder.join("ci")).unwrap();
    let suite = "[defaults]\nmax_tokens = 20\n[[case]]\nname = \"a\"\nprompt = \"a\"\n";
    std::fs::write(folder.join("ci/cases.toml"), suite).unwrap();
    let server = format!(
        "#!/bin/sh\necho $$ > server.pid\nexec tokscope sim \"$@\" --jitter 0 --ttft-ms {ttft_ms} --tokens-per-s {tokens_per_s}\n"
    );
    std::fs::write(folder.join("start-server"), server).unwrap();
    std::fs::set_permissions(folder.join("start-server"), std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Runs a script as a CI system does: it ends with the first command that fails.
fn shell(folder: &Path, script: &str) -> Output {
    let programs = Path::new(env!("CARGO_BIN_EXE_tokscope")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new("bash");
    for name in ["TOKSCOPE_URL", "OPENAI_BASE_URL", "OPENAI_API_KEY", "TOKSCOPE_CONFIG"] {
        command.env_remove(name);
    }
    for home in ["XDG_STATE_HOME", "XDG_CONFIG_HOME"] {
        command.env(home, folder);
    }
    command.env("PATH", path).env("GITHUB_STEP_SUMMARY", folder.join("summary.md"));
    command.args(["-e", "-c", script]).current_dir(folder).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap()
}

/// Runs the steps of an example with a server of this speed. Returns the exit status of the last step, with its output.
fn run(example: &Example, baseline: &Path, slowdown: f64) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    checkout(folder.path(), 100.0 * slowdown, 200.0 / slowdown);
    std::fs::copy(baseline, folder.path().join("ci/baseline.json")).unwrap();
    let _server = Server(folder.path());
    let port = free_port().to_string();
    let mut last = None;
    for step in &example.steps {
        // A background process of a step must not hold its output open.
        let step = step.replace("8000", &port).replace(" &\n", " > server.log 2>&1 &\n");
        let out = shell(folder.path(), &step);
        let all = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
        last = Some((out.status.code(), all));
        if !out.status.success() {
            break;
        }
    }
    for report in ["results.json", "tokscope.junit.xml"] {
        assert!(folder.path().join(report).exists(), "{}: no {report}: {last:?}", example.name);
    }
    last.unwrap()
}

#[test]
fn the_examples_pass_an_equal_run_and_fail_one_slowed_by_a_tenth() {
    let examples = [github(), gitlab()];
    assert_eq!(examples.each_ref().map(|example| example.steps.len()), [2, 1], "steps of docs/ci.md");
    let folder = tempfile::tempdir().unwrap();
    checkout(folder.path(), 100.0, 200.0);
    let server = Server(folder.path());
    let port = free_port();
    let start = format!(
        "./start-server --port {port} > server.log 2>&1 &\n\
         timeout 60 sh -c 'until curl -sf http://localhost:{port}/health; do sleep 0.1; done'\n\
         tokscope http://localhost:{port}/v1 --cases ci/cases.toml --repeat 30 --headless --export baseline.json"
    );
    let out = shell(folder.path(), &start);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    drop(server);
    let baseline = folder.path().join("baseline.json");
    // All at once: the runs wait for the simulator most of the time.
    std::thread::scope(|scope| {
        for example in &examples {
            let [equal, slowed] = [1.0, 1.1].map(|slowdown| {
                let baseline = &baseline;
                scope.spawn(move || run(example, baseline, slowdown))
            });
            let (status, text) = equal.join().unwrap();
            assert_eq!(status, Some(0), "{}: {text}", example.name);
            assert!(text.contains("Gate "), "{}: {text}", example.name);
            let (status, text) = slowed.join().unwrap();
            assert_eq!(status, Some(1), "{}: {text}", example.name);
            assert!(text.contains("regression"), "{}: {text}", example.name);
        }
    });
}

#[test]
fn the_examples_are_yaml_without_tabs_and_with_even_indents() {
    for heading in ["GitHub Actions", "GitLab CI"] {
        for line in yaml(heading) {
            assert!(!line.contains('\t') && indent(line).is_multiple_of(2), "{heading}: {line}");
        }
    }
}

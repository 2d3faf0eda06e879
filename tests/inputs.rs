//! Inputs other than regular files: folders, devices, pipes without a writer, files without an end. Each is rejected at
//! once or read up to a limit, in little memory.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

/// Exit status and stderr of a run with at most 1 GiB of address space.
fn run(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -v 1000000; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_tokscope")]).args(args);
    for name in ["TOKSCOPE_URL", "OPENAI_BASE_URL", "OPENAI_API_KEY", "TOKSCOPE_CONFIG"] {
        command.env_remove(name);
    }
    command.env("XDG_STATE_HOME", folder).env("XDG_CONFIG_HOME", folder).current_dir(folder);
    let out = command.stdin(Stdio::null()).output().unwrap();
    (out.status.code(), String::from_utf8_lossy(&out.stderr).into_owned())
}

#[test]
fn inputs_other_than_files_are_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    std::fs::create_dir_all(place("folder.json")).unwrap();
    for (name, device) in [("zero.md", "/dev/zero"), ("null.json", "/dev/null")] {
        std::os::unix::fs::symlink(device, place(name)).unwrap();
    }
    for name in ["huge.json", "huge.md", "huge.jsonl", "huge.toml"] {
        // Sparse files that are rejected because of their size.
        File::create(place(name)).unwrap().set_len(10 << 30).unwrap();
    }
    assert!(Command::new("mkfifo").arg(place("pipe")).status().unwrap().success());
    let rows: &[(&[&str], &str)] = &[
        (&["compare", "folder.json", "folder.json"], "'folder.json': is a folder; name the file in it"),
        (&["compare", "huge.json", "huge.json"], "'huge.json': is larger than 1024 MiB, too large for a results file"),
        (&["compare", "huge.md", "huge.md"], "'huge.md': is larger than 64 MiB, too large for a Markdown report"),
        (&["compare", "zero.md", "zero.md"], "'zero.md': is larger than 64 MiB, too large for a Markdown report"),
        (&["compare", "null.json", "null.json"], "not a results.json"),
        (&["compare", "none.json", "none.json"], "'none.json': there is no such file"),
        (&["report", "/dev/zero"], "'/dev/zero' is a pipe or a device; a saved run is a file"),
        (&["report", "pipe"], "'pipe' is a pipe or a device; a saved run is a file"),
        (&["resume", "pipe"], "'pipe' is a pipe or a device; a saved run is a file"),
        (&["report", "folder.json"], "'folder.json' is a folder; name the journal in it, or a run"),
        (&["report", "huge.jsonl"], "the first line is not the header of a journal: it is too long"),
        (&["resume", "huge.jsonl"], "the first line is not the header of a journal: it is too long"),
        (&["--cases", "/dev/zero", "http://h"], "/dev/zero: is larger than 64 MiB, too large for a suite"),
        (&["--cases", "huge.toml", "http://h"], "huge.toml: is larger than 64 MiB, too large for a suite"),
        (&["--config", "/dev/zero", "http://h"], "/dev/zero: is larger than 1 MiB, too large for a configuration"),
        (
            &["--config", "folder.json", "http://h"],
            "folder.json: is a folder; name the file in it, like folder.json/config.toml",
        ),
        (&["--api-key-file", "/dev/zero", "http://h"], "'/dev/zero': is larger than 64 KiB, too large for a key"),
        (&["--tokenizer", "/dev/zero", "http://h"], "'/dev/zero': is larger than 256 MiB, too large for a tokenizer"),
        (&["--cacert", "/dev/zero", "https://h"], "'/dev/zero': is larger than 4 MiB, too large for certificates"),
    ];
    for (args, expected) in rows {
        let (status, stderr) = run(folder.path(), args);
        assert_eq!(status, Some(2), "{args:?}: {stderr}");
        assert!(stderr.contains(expected), "{args:?}: {stderr}");
    }
}

#[test]
fn a_suite_can_be_read_from_a_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let line = "exec \"$0\" --cases <(printf '[[case]]\\nname = \"a\"\\n') http://h";
    let mut command = Command::new("bash");
    command.args(["-c", line, env!("CARGO_BIN_EXE_tokscope")]).env("XDG_STATE_HOME", folder.path());
    let out = command.current_dir(folder.path()).stdin(Stdio::null()).output().unwrap();
    let stderr = String::from_utf8_lossy(&out.stderr);
    // The pipe is read to its end and then checked.
    assert!(stderr.contains("/dev/fd/") && stderr.contains("prompt"), "{stderr}");
}

//! Reports written with keys.

use super::Gated;
use super::support::dashboard::{Dashboard, suite};
use super::support::pty::Pty;

#[test]
fn a_report_is_written_at_any_time_and_overwrites_none() {
    let gated = Gated::start(2);
    let mut screen = Dashboard::start(&suite(&["First", "Second"], ""), &gated.url());
    screen.wait_for_line("First", "answering");
    gated.open(0);
    screen.wait_for_line("Second", "answering");
    screen.send("e");
    screen.wait_for_text("Report written to 'r.md'");
    screen.send("e");
    screen.wait_for_text("Report written to 'r-2.md'");
    let json = screen.export_json();
    assert_eq!((&json["run"]["partial"], &json["summary"]["ok"]), (&true.into(), &1.into()));
    let markdown = |name: &str| std::fs::read_to_string(screen.folder.path().join(name)).unwrap();
    let [first, second] = ["r.md", "r-2.md"].map(markdown);
    for report in [&first, &second] {
        assert!(report.contains("| First |") || report.contains("First"), "{report}");
        assert!(report.contains("lone-model"), "{report}");
    }
    gated.open(1);
    screen.wait_for_text("finished  2/2");
    screen.send("q");
    let (ended, folder, report) = screen.end_with_folder();
    assert_eq!((ended.status, &report.unwrap()["summary"]["ok"]), (0, &2.into()));
    let files = std::fs::read_dir(folder.path()).unwrap();
    let mut names: Vec<_> = files.map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    // The exports given on the command line are written at the end.
    assert_eq!(names, ["cases.toml", "r-2.json", "r-2.md", "r-3.md", "r.json", "r.md"]);
}

#[test]
fn an_unnamed_report_is_named_after_the_model() {
    let gated = Gated::start(0);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cases.toml"), suite(&["First"], "")).unwrap();
    let program = env!("CARGO_BIN_EXE_tokscope");
    let mut pty = Pty::start(program, &[&gated.url()], folder.path(), &[], 120, 40);
    pty.wait_for_text("finished  1/1");
    pty.send("E");
    pty.wait_for_text("Export as");
    pty.send("\u{1b}");
    pty.wait_for("no menu", |s| !s.contents().contains("Export as"));
    pty.send("e");
    pty.wait_for_text("Report written to 'tokscope-lone-model-");
    pty.send("q");
    assert_eq!(pty.end().status, 0);
    let written: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert_eq!(written.len(), 2, "{written:?}");
}

#[test]
fn a_missing_folder_is_reported_and_the_run_continues() {
    let gated = Gated::start(1);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cases.toml"), suite(&["First"], "")).unwrap();
    let program = env!("CARGO_BIN_EXE_tokscope");
    let out = folder.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let mut pty = Pty::start(program, &[&gated.url(), "--export", "out/r.md"], folder.path(), &[], 120, 40);
    pty.wait_for_text("answering");
    std::fs::remove_dir(&out).unwrap();
    pty.send("e");
    pty.wait_for_text("! 'out/r.md': there is no folder");
    std::fs::create_dir(&out).unwrap();
    gated.open(0);
    pty.wait_for_text("finished  1/1");
    pty.send("q");
    assert_eq!(pty.end().status, 0);
    assert!(out.join("r.md").exists());
}

use clap::CommandFactory;

use super::*;

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

/// The page that this command line prints, at 80 columns.
fn page(args: &[&str]) -> String {
    let args: Vec<std::ffi::OsString> = args.iter().map(Into::into).collect();
    let command = super::help::command_for(&args).term_width(80);
    command.try_get_matches_from(args).unwrap_err().to_string()
}

#[test]
fn the_summary_fits_on_one_screen_with_examples_first() {
    insta::assert_snapshot!("summary", page(&["tokscope", "-h"]));
    for command in ["runs", "resume", "open", "replay", "report", "compare", "calibrate", "sim", "completions", "man"] {
        let summary = page(&["tokscope", command, "-h"]);
        let whole = page(&["tokscope", command, "--help"]);
        assert!(summary.lines().count() <= 25, "{summary}");
        assert!(!summary.contains("--theme") && summary.lines().all(|l| l.chars().count() <= 80), "{summary}");
        assert!(summary.lines().count() <= whole.lines().count(), "{whole}");
    }
    assert!(page(&["tokscope", "resume", "--help"]).contains("--api-key-file"));
    let summary = page(&["tokscope", "-h"]);
    assert!(summary.lines().count() <= 30 && summary.lines().all(|l| l.chars().count() <= 80), "{summary}");
}

// Other systems have other sources of GPU figures, and other places.
#[test]
#[cfg(target_os = "linux")]
fn the_help_lists_every_option_under_a_heading() {
    let page = page(&["tokscope", "--help"]);
    insta::assert_snapshot!("help", page);
    for option in Cli::command().get_arguments().filter_map(clap::Arg::get_long) {
        assert!(page.contains(&format!("--{option}")), "{option}");
    }
}

#[test]
fn the_first_help_flag_decides() {
    assert_eq!(page(&["tokscope", "-h", "--help"]), page(&["tokscope", "-h"]));
    assert_eq!(page(&["tokscope", "--help", "-h"]), page(&["tokscope", "--help"]));
}

#[test]
fn short_flags_are_those_of_other_load_generators() {
    let args = ["tokscope", "-m", "qwen", "-c", "8", "-n", "100", "-k", "Debug", "-o", "r.md", "http://h"];
    let run = Cli::try_parse_from(args).unwrap().run;
    assert_eq!((run.model.as_deref(), run.concurrency, run.requests), (Some("qwen"), Some(8), Some(100)));
    assert_eq!((run.case_patterns, run.exports), (vec!["Debug".to_owned()], vec!["r.md".into()]));
}

#[test]
fn the_table_of_options_matches_the_help() {
    let table = options_markdown();
    let rows: Vec<&str> = table.lines().skip(2).collect();
    let repeat = "| `--repeat N` | Measured attempts per case [default: 1] |";
    let demo = "| `--demo` | Run against the built-in simulator; needs no server |";
    assert!(rows.contains(&repeat) && rows.contains(&demo), "{table}");
    assert!(rows.iter().all(|row| row.matches(" | ").count() == 1 && !row.contains("|  |")), "{table}");
    assert!(rows.iter().all(|row| row.matches("[default: ").count() <= 1), "one default per option: {table}");
    let options = Cli::command().get_arguments().filter(|arg| arg.get_long().is_some()).count();
    assert_eq!(rows.len(), options, "{table}");
}

#[test]
fn bad_values_are_refused() {
    for bad in [
        &["--concurrency", "0"][..],
        &["--timeout", "-1"],
        &["--demo", "http://h"],
        &["sim", "--jitter", "2"],
        &["--rate", "0"],
        &["--rate", "fast"],
        &["--arrival", "constant"],
        &["--rate", "1", "--arrival", "uniform"],
        &["--duration", "0"],
        &["--duration", "5", "--repeat", "2"],
        &["-n", "0"],
        &["-n", "5", "--repeat", "2"],
        &["-n", "5", "--duration", "2"],
        &["--color", "sometimes"],
        &["--sweep", "4,2"],
        &["--sweep", "1,1"],
        &["--sweep", "0,1"],
        &["--sweep", "1,65537"],
        &["--concurrency", "65537"],
        &["--sweep", ""],
        &["--sweep", "1,2", "--rate", "1"],
        &["--sweep", "1,2", "--concurrency", "1"],
        &["--slo", "ttft<1ms"],
        &["--stall-timeout", "0"],
        &["--retries", "-1"],
        &["--gpu", "voodoo"],
        &["--insecure", "--cacert", "ca.pem"],
        &["--demo", "--insecure"],
        &["--demo", "--proxy", "http://p"],
    ] {
        assert!(Cli::try_parse_from(["tokscope"].iter().chain(bad)).is_err(), "{bad:?}");
    }
}

#[test]
fn a_word_that_resembles_a_command_is_not_a_host() {
    let command = Cli::command();
    for (word, nearest) in [("reprot", "report"), ("rusn", "runs"), ("Replay", "replay"), ("comapre", "compare")] {
        let why = super::help::mistyped_command(word, &command).unwrap();
        assert!(why.contains(&format!("did you mean `tokscope {nearest}`?")), "{why}");
        assert!(why.contains(&format!("http://{word}")), "{why}");
    }
    for host in
        ["report", "localhost", "gpu", "mac", "http://reprot", "reprot:8000", "reprot.lan", "node17", "workstation"]
    {
        assert_eq!(super::help::mistyped_command(host, &command), None, "{host}");
    }
}

#[test]
fn every_command_that_prints_takes_a_colour() {
    for command in ["runs", "report last", "compare a b", "resume last", "calibrate"] {
        let args = command.split(' ').chain(["--color", "never"]);
        let parsed = Cli::try_parse_from(std::iter::once("tokscope").chain(args));
        assert!(parsed.is_ok(), "{command}: {}", parsed.unwrap_err());
    }
}

//! Help pages: `-h` fits on one screen, `--help` lists every option.

use std::ffi::{OsStr, OsString};

use clap::builder::Resettable;
use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches};

use super::Cli;

/// Template of the whole help page (`--help`).
pub(super) const TEMPLATE: &str =
    "{about-with-newline}\n{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}";

/// Template of the summary (`-h`). `{options}` lists the options without their headings.
const SUMMARY: &str = "{about-with-newline}\n{before-help}{usage-heading} {usage}\n\n{options}{after-help}";

/// Examples at the start of the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  tokscope                                  Find a server on this machine
  tokscope --demo                           Try it without a server
  tokscope http://localhost:8000/v1         Benchmark a server in the dashboard
  tokscope URL -c 8 -n 100 -o report.md     Send 100 requests, 8 in flight
  tokscope URL --sweep 1,2,4,8,16           Find where throughput saturates
  tokscope compare last results.json        Compare two runs";

/// Environment and exit status, at the end of the whole page.
pub(super) const ENVIRONMENT: &str = "\
Environment:
  TOKSCOPE_URL, OPENAI_BASE_URL  Endpoint, without a URL
  TOKSCOPE_LOCAL_PORTS           Ports to search for a server, without an
                                 endpoint [default: 8000,8080,11434,1234,30000]
  OPENAI_API_KEY                 API key, without --api-key-env
  TOKSCOPE_CONFIG                Config file, without --config
  NO_COLOR                       No colour, without --theme and --color

Exit status:
  0    everything was measured
  1    a case failed, a threshold was missed, or the run was not fully saved
  2    error in the command line, suite file or export
  3    the endpoint was unreachable, or refused before anything was measured
  130  interrupted; what was measured is still reported";

/// Last lines of the summary.
const MORE: &str = "\
Commands: runs open report compare resume replay calibrate sim completions man
`tokscope --help` lists all options, `tokscope COMMAND -h` those of a command.";

/// Options of a run in the summary: their ids, and help texts short enough for one line.
const BRIEF: &[(&str, &str)] = &[
    ("url", ""),
    ("model", "Model [default: the only one served]"),
    ("case_patterns", "Run only cases whose name contains PATTERN"),
    ("dataset", "Send the rows of FILE instead of cases"),
    ("isl", "Send prose of this many tokens, like 1024~128"),
    ("concurrency", "Requests in flight [default: 1]"),
    ("requests", "Measured requests in all [default: one per case]"),
    ("duration", "Start cases in turn for S seconds"),
    ("rate", "Start requests at this rate"),
    ("sweep", "Measure at each concurrency in turn, like 1,2,4,8"),
    ("slos", "Exit with 1 unless met, like 'ttft_p95<500ms'"),
    ("headless", "Run without the dashboard"),
    ("exports", "Write a report, in the format of its extension"),
    ("json", "Write only results.json to stdout"),
];

/// Parses this process's command line. Exits after printing help if requested, or after an error.
pub fn parse() -> Cli {
    let args: Vec<OsString> = std::env::args_os().collect();
    let mut command = command_for(&args);
    if let Some(why) = args.get(1).and_then(|first| mistyped_command(&first.to_string_lossy(), &command)) {
        command.error(ErrorKind::InvalidSubcommand, why).exit();
    }
    let matches = command.try_get_matches_from_mut(args).unwrap_or_else(|e| e.exit());
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|e| e.format(&mut command).exit());
    // Clap finds a mistyped command only before options, so the URL is checked, too.
    if let Some(why) = cli.run.url.as_deref().and_then(|url| mistyped_command(url, &command)) {
        command.error(ErrorKind::InvalidSubcommand, why).exit();
    }
    cli
}

/// Returns the error for a word that resembles a command and not a URL: it has neither a scheme, a port, a dot nor a
/// digit. `None` if the word is a command or may be a host.
pub(super) fn mistyped_command(word: &str, command: &clap::Command) -> Option<String> {
    /// Minimum Jaro-Winkler similarity, from 0 to 1, which allows for one or two wrong, missing or swapped letters.
    const MIN_SIMILARITY: f64 = 0.88;
    /// Minimum length of the word. Shorter host names too often resemble a command.
    const MIN_LETTERS: usize = 4;
    let names = || command.get_subcommands().map(clap::Command::get_name);
    if word.len() < MIN_LETTERS || !word.chars().all(|c| c.is_ascii_alphabetic()) || names().any(|name| name == word) {
        return None;
    }
    let scored = names().map(|name| (strsim::jaro_winkler(&word.to_lowercase(), name), name));
    let (_, nearest) = scored.filter(|s| s.0 >= MIN_SIMILARITY).max_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(format!(
        "no command '{word}'; did you mean `tokscope {nearest}`? For a host of this name, write http://{word}"
    ))
}

/// Builds the command with the short help page if `-h` comes before any `--help`.
pub(super) fn command_for(args: &[OsString]) -> clap::Command {
    let first = args.iter().skip(1).find(|arg| [OsStr::new("-h"), OsStr::new("--help")].contains(&arg.as_os_str()));
    if first.is_some_and(|arg| arg == "-h") { summarised() } else { Cli::command() }
}

/// Builds the command with only the options of the summary; all others are left to `--help`.
fn summarised() -> clap::Command {
    let command = Cli::command().help_template(SUMMARY).after_help(MORE).override_usage("tokscope [URL] [OPTIONS]");
    let command = command.mut_args(|arg| match BRIEF.iter().find(|(id, _)| *id == arg.get_id().as_str()) {
        Some((_, text)) => arg.help(*text),
        None => arg.hide(true),
    });
    // Subcommands inherit the options of a run, which have headings. These and long texts are left to `--help`.
    command.mut_subcommands(|command| {
        command
            .after_help(Resettable::Reset)
            .mut_args(|arg| if arg.get_help_heading().is_some() { arg.hide(true) } else { arg })
    })
}

//! The command line.

mod again;
mod network;
mod pages;
mod saved;
mod screen;

use std::path::PathBuf;

use clap::builder::{NonEmptyStringValueParser, PossibleValuesParser};
use clap::{Args, CommandFactory, Parser, Subcommand};

pub use self::again::{GpuArgs, SecretArgs};
pub use self::network::NetworkArgs;
pub use self::pages::{CompletionsArgs, completions, man_page};
pub use self::saved::{OpenArgs, ReplayArgs, ResumeArgs};
pub use self::screen::ScreenArgs;
use crate::domain::open_loop::Process;
use crate::domain::slo::Slo;
use crate::protocol::api::APIS;
use crate::report::exporters::{EXPORTERS, Exporter};
use crate::sim::FAULTS;

/// What follows the options in the help.
const EXAMPLES: &str = "\
Examples:
  tokscope --demo                        nothing set up: a run against the built-in simulator
  tokscope http://localhost:8000/v1      the suite against a server, in the dashboard
  tokscope http://localhost:8000/v1 --headless --export report.md
                                         the same without a dashboard, with a report at the end

Environment:
  TOKSCOPE_URL, OPENAI_BASE_URL          the endpoint, where no URL is given
  OPENAI_API_KEY                         the API key, where no option names another
  TOKSCOPE_CONFIG                        the config file, where --config names no other
  NO_COLOR                               no colours, unless a theme is named

Exit status:
  0    all was measured
  1    some case failed, or a threshold was missed
  2    the command line, the suite file or an export is at fault
  3    the endpoint was not reachable, or refused before the first case
  130  interrupted; what was measured is still reported";

/// The most requests in flight at once that can be asked for.
pub(crate) const MAX_CONCURRENCY: u32 = 65_536;
/// The most attempts per case.
pub(crate) const MAX_REPEAT: u32 = 100_000;
/// The most requests before the first measured one.
pub(crate) const MAX_WARMUP: u32 = 1000;

/// An oscilloscope for LLM tokens: benchmarks any OpenAI-compatible chat endpoint, live in the terminal.
#[derive(Debug, Parser)]
#[command(version, about, args_conflicts_with_subcommands = true, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    /// What else than a run.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The run.
    #[command(flatten)]
    pub run: RunArgs,
    /// What the dashboard looks like, and where that is written down.
    #[command(flatten)]
    pub screen: ScreenArgs,
}

/// Other things the program does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the built-in simulator by itself
    #[command(after_help = faults_help())]
    Sim(SimArgs),
    /// Measure this program's own error on this machine
    Calibrate(CalibrateArgs),
    /// List the saved runs
    Runs(RunsArgs),
    /// Go on with a saved run where it stopped
    Resume(Box<ResumeArgs>),
    /// Show a saved run in the dashboard
    Open(OpenArgs),
    /// Play a saved run again as it was, token by token
    Replay(ReplayArgs),
    /// Render a saved run again, in any format
    Report(ReportArgs),
    /// Two runs side by side
    Compare(CompareArgs),
    /// Write the completions for a shell to stdout
    Completions(CompletionsArgs),
    /// Write the man page to stdout
    Man,
}

/// The failures that can be asked for, from their table.
fn faults_help() -> String {
    let widest = FAULTS.iter().map(|fault| fault.name.len()).max().unwrap_or(0);
    let rows: Vec<_> = FAULTS.iter().map(|fault| format!("  {:<widest$}  {}", fault.name, fault.does)).collect();
    let how = "Failures, asked for in a case by extra = { tokscope_sim = { fault = \"cut\", after_tokens = 30 } }:";
    format!("{how}\n{}", rows.join("\n"))
}

/// What is run, and how. Empty, nothing is asked for.
#[derive(Args, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct RunArgs {
    /// Base URL of the endpoint.
    #[arg(help = "Base URL of the endpoint, like http://localhost:8000/v1")]
    pub url: Option<String>,

    /// The model to ask; by default the endpoint's own, if it has exactly one
    #[arg(long, value_name = "NAME", help_heading = "Endpoint", value_parser = NonEmptyStringValueParser::new())]
    pub model: Option<String>,
    /// The API to speak.
    #[arg(long, value_name = "API", help_heading = "Endpoint", conflicts_with = "demo", hide_possible_values = true)]
    #[arg(value_parser = PossibleValuesParser::new(APIS.map(|api| api.name)), help = api_help())]
    pub api: Option<String>,
    /// The key.
    #[command(flatten)]
    pub secrets: SecretArgs,
    /// The way there.
    #[command(flatten)]
    pub network: NetworkArgs,
    /// No server at hand: run against the built-in simulator
    #[arg(long, conflicts_with = "url", help_heading = "Endpoint")]
    pub demo: bool,
    /// Read the server's own gauges each second: its page of metrics, or the one at this address
    #[arg(long, value_name = "URL", help_heading = "Machine", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "")]
    pub server_metrics: Option<String>,
    /// The GPUs.
    #[command(flatten)]
    pub gpu: GpuArgs,

    /// The suite [default: ./cases.toml if there is one, else the one built in]
    #[arg(long, value_name = "FILE", help_heading = "Suite")]
    pub cases: Option<PathBuf>,
    /// Only cases whose name contains this, in any letter case; repeatable
    #[arg(long = "case", value_name = "PATTERN", help_heading = "Suite")]
    pub case_patterns: Vec<String>,
    /// Seconds after which an attempt is given up, instead of the suite's own
    #[arg(long, value_name = "S", help_heading = "Suite", value_parser = seconds)]
    pub timeout: Option<f64>,
    /// Seconds a connection may take, TLS included [default: the suite's, else 10]
    #[arg(long, value_name = "S", help_heading = "Suite", value_parser = seconds)]
    pub connect_timeout: Option<f64>,
    /// Seconds from the request to the first token [default: the suite's, else what --timeout leaves]
    #[arg(long, value_name = "S", help_heading = "Suite", value_parser = seconds)]
    pub first_token_timeout: Option<f64>,
    /// Seconds an answer that has begun may be silent [default: the suite's, else what --timeout leaves]
    #[arg(long, value_name = "S", help_heading = "Suite", value_parser = seconds)]
    pub stall_timeout: Option<f64>,
    /// A Hugging Face tokenizer.json, which counts the tokens where the server tells no usage
    #[arg(long, value_name = "FILE", help_heading = "Suite")]
    pub tokenizer: Option<PathBuf>,

    /// Requests in flight at once [default: 1; with --rate no limit]
    #[arg(long, value_name = "N", help_heading = "Load", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_CONCURRENCY)))]
    pub concurrency: Option<u32>,
    /// Measured attempts per case [default: 1]
    #[arg(long, value_name = "N", help_heading = "Load", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_REPEAT)))]
    pub repeat: Option<u32>,
    /// Unmeasured requests before the first measured one [default: 0]
    #[arg(long, value_name = "N", help_heading = "Load", value_parser = clap::value_parser!(u32).range(0..=i64::from(MAX_WARMUP)))]
    pub warmup: Option<u32>,
    /// Send a request again, so often, that got no answer or HTTP 429, 503 or 529; the last try is measured
    #[arg(long, value_name = "N", help_heading = "Load", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub retries: u32,
    /// Send the prompts as they are, not each with a first line that no prefix cache can hold
    #[arg(long, help_heading = "Load")]
    pub warm: bool,
    /// Start cases in turn for so long, instead of --repeat
    #[arg(long, value_name = "S", help_heading = "Load", value_parser = seconds, conflicts_with = "repeat")]
    pub duration: Option<f64>,
    /// Start at this rate, however fast the answers come; the queue counts
    #[arg(long, value_name = "REQ_PER_S", help_heading = "Load", value_parser = request_rate)]
    pub rate: Option<f64>,
    /// How the starts of --rate are spread: poisson (the default) or constant
    #[arg(long, value_name = "PROCESS", help_heading = "Load", value_parser = process, requires = "rate", hide_possible_values = true)]
    pub arrival: Option<Process>,
    /// Other gaps between the starts of --rate
    #[arg(long, value_name = "N", help_heading = "Load", default_value_t = 0, requires = "rate")]
    pub seed: u64,
    /// The whole run at these concurrencies in turn, like 1,2,4,8,16
    #[arg(long, value_name = "N,N", help_heading = "Load", value_parser = sweep, conflicts_with_all = ["rate", "concurrency"])]
    pub sweep: Option<Sweep>,
    /// What must be reached.
    #[arg(long = "slo", value_name = "THRESHOLD", help_heading = "Load")]
    #[arg(
        help = "What must be reached, like 'ttft_p95<500ms', in a sweep by one stage at least; else status 1; repeatable"
    )]
    pub slos: Vec<Slo>,

    /// No dashboard: progress on stderr, the summary on stdout
    #[arg(long, help_heading = "Output")]
    pub headless: bool,
    /// The reports that are written at the end; in the dashboard also what `e` writes.
    #[arg(long = "export", value_name = "PATH", help_heading = "Output", help = export_help(EXPORTERS))]
    pub exports: Vec<PathBuf>,
    /// Do not keep the run; else `tokscope runs` lists it
    #[arg(long, help_heading = "Output")]
    pub no_save: bool,
}

fn api_help() -> String {
    let names = APIS.map(|api| api.name).join(", ");
    format!("What is spoken there: {names} [default: chat, or what the end of the URL tells]")
}

fn export_help(exporters: &[Exporter]) -> String {
    let extensions = extensions(exporters);
    format!(
        "Write a report at the end, in the format of the extension ({extensions}); in the dashboard also what `e` writes; repeatable"
    )
}

/// The extensions of files that can be written, with their dots.
pub(crate) fn extensions(exporters: &[Exporter]) -> String {
    exporters.iter().map(|e| format!(".{}", e.extension)).collect::<Vec<_>>().join(" ")
}

/// The options of a run as a Markdown table, in the order of the help.
pub fn options_markdown() -> String {
    let command = Cli::command();
    let options = command.get_arguments().filter(|arg| !arg.is_hide_set() && !is_for_clap(arg));
    let row = |arg: &clap::Arg| {
        let name = arg.get_long()?;
        let takes = arg.get_action().takes_values();
        let values = arg.get_value_names().filter(|_| takes).unwrap_or_default().join(" ");
        let may_be_left_out = arg.is_require_equals_set();
        let name = if may_be_left_out { format!("{name}[={values}]") } else { [name, &values].join(" ") };
        let default = arg.get_default_values().first().filter(|_| takes);
        let default = default.map_or_else(String::new, |value| format!(" [default: {}]", value.to_string_lossy()));
        let meaning = arg.get_help().map(ToString::to_string).unwrap_or_default().replace('|', "\\|");
        Some(format!("| `--{}` | {meaning}{default} |", name.trim_end()))
    };
    let head = ["| option | meaning |", "|---|---|"].map(str::to_owned);
    head.into_iter().chain(options.filter_map(row)).collect::<Vec<_>>().join("\n")
}

fn is_for_clap(arg: &clap::Arg) -> bool {
    ["help", "version"].contains(&arg.get_id().as_str())
}

/// How this program is calibrated.
#[derive(Args, Debug)]
#[command(long_about = "\
Measure this program's own error on this machine.

Runs the same engine as any run against a simulator in a process of its own, which records when every event left, and \
prints by how much the engine's times are off, at several numbers of streams at once, with and without the dashboard. \
Takes about a minute. The reports of later runs on this machine tell the result.")]
pub struct CalibrateArgs {
    /// Numbers of streams at once
    #[arg(long, value_name = "N,N", value_delimiter = ',', default_values_t = [1, 16, 128, 1024], value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_CONCURRENCY)))]
    pub streams: Vec<u32>,
    /// Some answers only: shows that it works, not how well; not kept for reports
    #[arg(long)]
    pub quick: bool,
    /// Write the result as JSON, too
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// How the saved runs are listed.
#[derive(Args, Debug)]
pub struct RunsArgs {
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// What is rendered.
#[derive(Args, Debug)]
pub struct ReportArgs {
    /// The run: its id, the begin of it, `last`, or the path of its journal
    pub run: String,
    /// Write it there, in the format of the extension, instead of Markdown on stdout; repeatable
    #[arg(long = "export", value_name = "PATH")]
    pub exports: Vec<PathBuf>,
}

/// What is compared.
#[derive(Args, Debug)]
pub struct CompareArgs {
    /// A saved run, a results.json, or a Markdown report: what the differences count from
    pub a: String,
    /// The other
    pub b: String,
    /// Write the comparison there, too (.md .json); repeatable
    #[arg(long = "export", value_name = "PATH")]
    pub exports: Vec<PathBuf>,
}

/// How the simulator behaves.
#[derive(Args, Debug)]
pub struct SimArgs {
    /// Port on the loopback address; 0 picks a free one
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// Milliseconds to the first token
    #[arg(long, value_name = "X", default_value_t = 180.0, value_parser = not_negative)]
    pub ttft_ms: f64,
    /// Tokens per second from then on
    #[arg(long, value_name = "Y", default_value_t = 115.0, value_parser = rate)]
    pub tokens_per_s: f64,
    /// Relative spread of the gaps between tokens, 0 to 1
    #[arg(long, value_name = "J", default_value_t = 0.15, value_parser = share)]
    pub jitter: f64,
    /// The name of the model it claims to serve
    #[arg(long, default_value = "tokscope-sim")]
    pub model: String,
    /// Remember prompts, and answer one that is asked again sooner
    #[arg(long)]
    pub prefix_cache: bool,
    /// For measurements: record when each event left, and end with the process that started this one.
    #[arg(long, hide = true)]
    pub record_sent_times: bool,
}

fn number(text: &str, from: f64, to: f64) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_bad| format!("'{text}' is no number"))?;
    if (from..=to).contains(&value) { Ok(value) } else { Err(format!("'{text}' is not between {from} and {to}")) }
}

fn seconds(text: &str) -> Result<f64, String> {
    number(text, 0.001, 86_400.0)
}

fn not_negative(text: &str) -> Result<f64, String> {
    number(text, 0.0, 600_000.0)
}

fn rate(text: &str) -> Result<f64, String> {
    number(text, 0.1, 1_000_000.0)
}

fn speed(text: &str) -> Result<f64, String> {
    number(text, 0.01, 10_000.0)
}

fn request_rate(text: &str) -> Result<f64, String> {
    number(text, 0.001, 100_000.0)
}

fn process(text: &str) -> Result<Process, String> {
    let known = [Process::Poisson, Process::Constant];
    known.into_iter().find(|p| p.as_str() == text).ok_or_else(|| "there are poisson and constant".to_owned())
}

/// Ascending concurrencies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sweep(pub Vec<usize>);

fn sweep(text: &str) -> Result<Sweep, String> {
    let number = |part: &str| {
        let n = part.trim().parse::<usize>().ok().filter(|n| (1..=MAX_CONCURRENCY as usize).contains(n));
        n.ok_or_else(|| format!("'{}' is no concurrency from 1 to {MAX_CONCURRENCY}", part.trim()))
    };
    let stages = text.split(',').map(number).collect::<Result<Vec<_>, _>>()?;
    if stages.windows(2).any(|w| w[0] >= w[1]) {
        return Err("the concurrencies must ascend, like 1,2,4,8".to_owned());
    }
    Ok(Sweep(stages))
}

fn share(text: &str) -> Result<f64, String> {
    number(text, 0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    const FORMATS: &[Exporter] = &[
        Exporter { id: "markdown", extension: "md", label: "", render: |_| String::new() },
        Exporter { id: "json", extension: "json", label: "", render: |_| String::new() },
    ];

    #[test]
    #[expect(clippy::too_many_lines, reason = "the page is as long as it is")]
    fn the_help_is_one_calm_page() {
        let cli = Cli::command().mut_arg("exports", |export| export.help(export_help(FORMATS)));
        let page = cli.term_width(100).try_get_matches_from(["tokscope", "--help"]).unwrap_err();
        insta::assert_snapshot!(page, @r"
        An oscilloscope for LLM tokens: a live terminal benchmark of any OpenAI-compatible chat endpoint

        Usage: tokscope [OPTIONS] [URL]
               tokscope <COMMAND>

        Commands:
          sim          Serve the built-in simulator by itself
          calibrate    Measure this program's own error on this machine
          runs         List the saved runs
          resume       Go on with a saved run where it stopped
          open         Show a saved run in the dashboard
          replay       Play a saved run again as it was, token by token
          report       Render a saved run again, in any format
          compare      Two runs side by side
          completions  Write the completions for a shell to stdout
          man          Write the man page to stdout
          help         Print this message or the help of the given subcommand(s)

        Arguments:
          [URL]  Base URL of the endpoint, like http://localhost:8000/v1

        Options:
          -h, --help     Print help
          -V, --version  Print version

        Endpoint:
              --model <NAME>           The model to ask; by default the endpoint's own, if it has exactly
                                       one
              --api <API>              What is spoken there: chat, responses, messages, ollama [default:
                                       chat, or what the end of the URL tells]
              --api-key-env <VAR>      The variable that holds the API key [default: OPENAI_API_KEY]
              --api-key-file <FILE>    The file that holds the API key alone, on one line
              --header <NAME: VALUE>   A further header for every request; repeatable. Who may list
                                       processes sees it: for a secret take --header-env
              --header-env <NAME=VAR>  The same with its value in this environment variable; repeatable
              --proxy <URL>            Go through this proxy; `env`: through the one that HTTPS_PROXY and
                                       the like name [default: none]
              --cacert <FILE>          Trust the issuers in this PEM file, too
              --insecure               Do not verify the server's certificate: anyone on the way may answer,
                                       and read the key
              --demo                   No server at hand: run against the built-in simulator

        Machine:
              --server-metrics[=<URL>]  Read the server's own gauges each second: its page of metrics, or
                                        the one at this address
              --gpu <SOURCE>            Where GPU figures come from: dcgm (exporters of other machines, by
                                        --gpu-metrics-url), nvml (NVIDIA's driver), amdgpu (AMD's driver),
                                        macmon (Apple's GPUs, by the program macmon), or none [default:
                                        auto, the first that is there]
              --gpu-metrics-url <URL>   GPUs of another machine: its DCGM exporter's host, or the address of
                                        its page; repeatable

        Suite:
              --cases <FILE>             The suite [default: ./cases.toml if there is one, else the one
                                         built in]
              --case <PATTERN>           Only cases whose name contains this, in any letter case; repeatable
              --timeout <S>              Seconds after which an attempt is given up, instead of the suite's
                                         own
              --connect-timeout <S>      Seconds a connection may take, TLS included [default: the suite's,
                                         else 10]
              --first-token-timeout <S>  Seconds from the request to the first token [default: the suite's,
                                         else what --timeout leaves]
              --stall-timeout <S>        Seconds an answer that has begun may be silent [default: the
                                         suite's, else what --timeout leaves]
              --tokenizer <FILE>         A Hugging Face tokenizer.json, which counts the tokens where the
                                         server tells no usage

        Load:
              --concurrency <N>    Requests in flight at once [default: 1; with --rate no limit]
              --repeat <N>         Measured attempts per case [default: 1]
              --warmup <N>         Unmeasured requests before the first measured one [default: 0]
              --retries <N>        Send a request again, so often, that got no answer or HTTP 429, 503 or
                                   529; the last try is measured [default: 0]
              --warm               Send the prompts as they are, not each with a first line that no prefix
                                   cache can hold
              --duration <S>       Start cases in turn for so long, instead of --repeat
              --rate <REQ_PER_S>   Start at this rate, however fast the answers come; the queue counts
              --arrival <PROCESS>  How the starts of --rate are spread: poisson (the default) or constant
              --seed <N>           Other gaps between the starts of --rate [default: 0]
              --sweep <N,N>        The whole run at these concurrencies in turn, like 1,2,4,8,16
              --slo <THRESHOLD>    What must be reached, like 'ttft_p95<500ms', in a sweep by one stage at
                                   least; else status 1; repeatable

        Output:
              --headless       No dashboard: progress on stderr, the summary on stdout
              --export <PATH>  Write a report at the end, in the format of the extension (.md .json); in the
                               dashboard also what `e` writes; repeatable
              --no-save        Do not keep the run; else `tokscope runs` lists it

        Dashboard:
              --theme <NAME>    Colours: auto, dark, light, high-contrast, mono [default: auto]
              --ascii           Only ASCII on the screen; by itself where the locale is not UTF-8
              --reduced-motion  The screen changes by itself at most twice a second
              --config <FILE>   Theme, keys, defaults of options [default: ~/.config/tokscope/config.toml]
              --print-config    Print what is in force as such a file, and where each value comes from
              --print-keys      Print all keys, and the names that such a file gives to what they do

        Examples:
          tokscope --demo                        nothing set up: a run against the built-in simulator
          tokscope http://localhost:8000/v1      the suite against a server, in the dashboard
          tokscope http://localhost:8000/v1 --headless --export report.md
                                                 the same without a dashboard, with a report at the end

        Environment:
          TOKSCOPE_URL, OPENAI_BASE_URL          the endpoint, where no URL is given
          OPENAI_API_KEY                         the API key, where no option names another
          TOKSCOPE_CONFIG                        the config file, where --config names no other
          NO_COLOR                               no colours, unless a theme is named

        Exit status:
          0    all was measured
          1    some case failed, or a threshold was missed
          2    the command line, the suite file or an export is at fault
          3    the endpoint was not reachable, or refused before the first case
          130  interrupted; what was measured is still reported
        ");
    }

    #[test]
    fn the_table_of_options_is_the_help_s() {
        let table = options_markdown();
        let rows: Vec<&str> = table.lines().skip(2).collect();
        let repeat = "| `--repeat N` | Measured attempts per case [default: 1] |";
        let demo = "| `--demo` | No server at hand: run against the built-in simulator |";
        assert!(rows.contains(&repeat) && rows.contains(&demo), "{table}");
        assert!(rows.iter().all(|row| row.matches(" | ").count() == 1 && !row.contains("|  |")), "{table}");
        assert!(rows.iter().all(|row| row.matches("[default: ").count() <= 1), "a default is told once: {table}");
        // Each has its help, and none but those for every program is left out.
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
}

//! The program: reads the command line, runs the command, and returns its exit status.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use tokscope::app::state::theme::ThemeName;
use tokscope::cli::{
    self, CalibrateArgs, Cli, Command, CompareArgs, OpenArgs, ReportArgs, ResumeArgs, RunArgs, RunsArgs, ScreenArgs,
    SimArgs,
};
use tokscope::cli::{completions, man_page};
use tokscope::config::{self, Settings};
use tokscope::domain::load_search::SearchVariable;
use tokscope::domain::text::sanitise;
use tokscope::runtime::color::ColorWhen;
use tokscope::runtime::delete_runs::{self, Confirmation};
use tokscope::runtime::spec::{JournalSpec, RunSpec, ScreenSpec};
use tokscope::runtime::{
    browser, calibrate, console, headless, interactive, last_run, local_servers, merge, process, resume, saved, stdout,
};
use tokscope::sim::{SimConfig, Simulator};
use tokscope::store::runs;
use tokscope::ui::terminal::unusable;

/// Exit status of errors in the command line or configuration, and of an unusable terminal.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let cli = cli::parse();
    let outcome = match cli.command {
        Some(Command::Sim(args)) => simulate(args),
        Some(Command::Calibrate(args)) => calibrate(args),
        Some(Command::Runs(args)) => list_runs(&args),
        Some(Command::Resume(args)) => resume(*args),
        Some(Command::Open(args)) => show_saved(args, None),
        Some(Command::Replay(args)) => show_saved(args.of, Some(args.speed)),
        Some(Command::Report(args)) => report(&args),
        Some(Command::Compare(args)) => compare(&args),
        Some(Command::Merge(args)) => merge::merge(&args.runs),
        Some(Command::Completions(args)) => print(&completions(args)),
        Some(Command::Man) => man_page().map_err(Into::into).and_then(|page| print(&page)),
        None => run(cli),
    };
    let status = outcome.unwrap_or_else(|error| {
        console::say_last(&format!("tokscope: {}", sanitise(&format!("{error:#}"))));
        USAGE
    });
    ExitCode::from(status)
}

fn run(cli: Cli) -> anyhow::Result<u8> {
    let Cli { run: mut args, screen, .. } = cli;
    let env = |name: &str| std::env::var(name).ok();
    let settings = Settings::from_args(&args, &screen, &env)?;
    if let Some(listing) = listing(&screen, &settings, Settings::keys_table) {
        return print(listing.as_bytes());
    }
    settings.complete(&mut args);
    if let Some(ports) = config::ports_to_search(&args, &env)? {
        match find_endpoint(&args, &ports)? {
            Some(url) => args.url = Some(url),
            None => return Ok(0),
        }
    }
    let args = &args;
    // Dropping the simulator stops it.
    let simulator = simulator(args.demo)?;
    let mut spec = config::run_spec(args, &env, Path::new("."), simulator.as_ref().map(Simulator::url))?;
    if let Some(baseline) = &args.gate.baseline {
        spec.saving.gate.baseline = Some(Box::new(saved::baseline(baseline)?));
    }
    spec.command_line = Some(config::command_line(std::env::args_os().skip(1), args, &spec.engine, &env));
    begin(spec, args.headless, args.color.when(), &settings)
}

/// Searches this machine for a server and asks the user whether to benchmark it. Returns its URL, or `None` if the user
/// declines. Without a terminal to ask on, or without a server, the error shows what to type.
fn find_endpoint(args: &RunArgs, ports: &[u16]) -> anyhow::Result<Option<String>> {
    let asks = !args.headless
        && !args.json
        && io::stdin().is_terminal()
        && io::stdout().is_terminal()
        && io::stderr().is_terminal();
    let found = local_servers::find(ports)?;
    if found.is_empty() || !asks {
        let typed = std::env::args_os().skip(1).map(|arg| quoted(&arg));
        let typed: Vec<String> = std::iter::once(String::new()).chain(typed).collect();
        bail!(local_servers::offer_as_error(&found, ports, &typed.join(" ")));
    }
    let chosen = local_servers::choose(&found, &mut io::stdin().lock(), &mut io::stderr())?;
    Ok(chosen.map(str::to_owned))
}

/// Quotes an argument for a shell, if it needs that.
fn quoted(arg: &OsString) -> String {
    let arg = sanitise(&arg.to_string_lossy());
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=+./:,@%".contains(c);
    if !arg.is_empty() && arg.chars().all(is_plain) { arg } else { format!("'{}'", arg.replace('\'', r"'\''")) }
}

/// Returns the settings or keys to print in place of a run or a screen, if the user asked for them.
fn listing(screen: &ScreenArgs, settings: &Settings, keys_table: fn(&Settings) -> String) -> Option<String> {
    let config = screen.print_config.then(|| settings.listing());
    let keys = screen.print_keys.then(|| keys_table(settings));
    let texts: Vec<String> = config.into_iter().chain(keys).collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

/// Starts the simulator of `--demo`.
fn simulator(wanted: bool) -> anyhow::Result<Option<Simulator>> {
    wanted.then(|| Simulator::start(SimConfig::demo())).transpose().context("the simulator did not start")
}

fn begin(mut spec: RunSpec, headless: bool, color: ColorWhen, settings: &Settings) -> anyhow::Result<u8> {
    for warning in &spec.warnings {
        console::say(&format!("tokscope: warning: {}", sanitise(warning)));
    }
    for notice in &spec.notices {
        console::say(&format!("tokscope: {}", sanitise(notice)));
    }
    if matches!(spec.saving.journal, JournalSpec::New)
        && let Err(why) = runs::check_writable()
    {
        let why = sanitise(&why);
        let advice = "set XDG_STATE_HOME to a writable folder, or pass --no-save";
        console::say(&format!("tokscope: warning: this run will not be saved: {why}; {advice}"));
    }
    spec.saving.summary_style = color.style_for(&io::stdout());
    let session = &spec.session;
    // In an open loop without a limit, the server decides how many requests are in flight.
    let concurrency = if session.plan.open_loop.is_some() { 1 } else { session.plan.limit().unwrap_or(1) };
    let searched = session.suite.find.filter(|find| find.variable == SearchVariable::Concurrency);
    let stages = session.sweep.iter().copied().chain(searched.map(|find| find.max.0 as usize));
    process::provide_for(stages.max().unwrap_or(concurrency).max(concurrency))?;
    if headless || spec.saving.stdout.is_some() {
        return headless::run(spec, color);
    }
    if !io::stdout().is_terminal() {
        console::say("tokscope: stdout is not a terminal, running headless");
        return headless::run(spec, color);
    }
    if let Some(why) = unusable(&|name| std::env::var(name).ok()) {
        console::say(&format!("tokscope: no dashboard, running headless: {why}"));
        return headless::run(spec, color);
    }
    interactive::run(spec, &settings.screen())
}

fn resume(mut args: ResumeArgs) -> anyhow::Result<u8> {
    let env = |name: &str| std::env::var(name).ok();
    let settings = Settings::of_screen(&args.screen, &env)?;
    if let Some(listing) = listing(&args.screen, &settings, Settings::keys_table) {
        return print(listing.as_bytes());
    }
    // A URL as the only argument leaves out the run.
    if args.url.is_none() && args.run.as_ref().is_some_and(|named| named.contains("://")) {
        args.url = args.run.take();
    }
    let args = &args;
    let run = last_run::named_or_last_resumable(args.run.as_deref())?;
    let Some(resuming) = resume::open(&run)? else { return Ok(0) };
    let simulator = simulator(args.demo)?;
    let url = simulator.as_ref().map(Simulator::url);
    let spec = config::resume_spec(args, resuming, &env, Path::new("."), url)?;
    begin(spec, args.headless, args.color.when(), &settings)
}

/// Writes the report of a saved run.
fn report(args: &ReportArgs) -> anyhow::Result<u8> {
    let run = last_run::named_or_last(args.run.as_deref())?;
    config::check_report_exports(&args.exports, args.json, Path::new("."))?;
    saved::report(&run, &args.exports, args.json, args.color.when())
}

/// Shows a saved run in the dashboard; with a speed, replays it.
fn show_saved(args: OpenArgs, speed: Option<f64>) -> anyhow::Result<u8> {
    let settings = Settings::of_screen(&args.screen, &|name: &str| std::env::var(name).ok())?;
    if let Some(listing) = listing(&args.screen, &settings, Settings::keys_table) {
        return print(listing.as_bytes());
    }
    if !io::stdout().is_terminal() {
        bail!("showing a saved run needs a terminal; write it with `tokscope report`");
    }
    if let Some(why) = unusable(&|name| std::env::var(name).ok()) {
        bail!("showing a saved run needs a terminal; write it with `tokscope report` ({why})");
    }
    config::check_exports(&args.exports, Path::new("."))?;
    let run = last_run::named_or_last(args.run.as_deref())?;
    interactive::show_saved(&run, args.exports, speed, &settings.screen())
}

/// Lists the saved runs: on a terminal in the browser, else as a table.
fn list_runs(args: &RunsArgs) -> anyhow::Result<u8> {
    let settings = Settings::of_screen(&args.screen, &|name: &str| std::env::var(name).ok())?;
    if let Some(listing) = listing(&args.screen, &settings, Settings::browser_keys_table) {
        return print(listing.as_bytes());
    }
    if !args.delete.is_empty() {
        return delete_runs(args);
    }
    if args.json || !has_screen() {
        return saved::list(args.json, args.color.when());
    }
    browser::run(&look(&settings, args.color.when()))
}

/// Deletes saved runs, after asking on the terminal.
fn delete_runs(args: &RunsArgs) -> anyhow::Result<u8> {
    let mut stdin = io::stdin().lock();
    let confirmation = match (args.yes, io::stdin().is_terminal()) {
        (true, _) => Confirmation::Given,
        (false, true) => Confirmation::Asked(&mut stdin),
        (false, false) => Confirmation::Impossible,
    };
    delete_runs::delete(&args.delete, confirmation, &mut io::stderr())
}

/// Compares two runs: on a terminal as a screen, else as text.
fn compare(args: &CompareArgs) -> anyhow::Result<u8> {
    let settings = Settings::of_screen(&args.screen, &|name: &str| std::env::var(name).ok())?;
    if let Some(listing) = listing(&args.screen, &settings, Settings::browser_keys_table) {
        return print(listing.as_bytes());
    }
    if args.json || !args.exports.is_empty() || !args.rules.is_empty() || !has_screen() {
        config::check_comparison_exports(&args.exports, Path::new("."))?;
        return saved::compare([&args.a, &args.b], &args.exports, args.json, &args.rules, args.color.when());
    }
    browser::compare(&args.a, &args.b, &look(&settings, args.color.when()))
}

/// Whether stdin and stdout are a terminal that can show a screen.
fn has_screen() -> bool {
    let is_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    is_terminal && unusable(&|name| std::env::var(name).ok()).is_none()
}

/// The look of the screen; without colours if the user asked for none.
fn look(settings: &Settings, color: ColorWhen) -> ScreenSpec {
    let look = settings.screen();
    if color == ColorWhen::Never { ScreenSpec { theme: ThemeName::Mono, ..look } } else { look }
}

/// Writes a text to stdout. A reader that closed the stream is not an error.
fn print(text: &[u8]) -> anyhow::Result<u8> {
    stdout::write(text).map(|()| 0)
}

fn calibrate(args: CalibrateArgs) -> anyhow::Result<u8> {
    let CalibrateArgs { streams, quick, json, color } = args;
    let style = color.when().style_for(&io::stdout());
    let streams = streams.into_iter().map(|n| n as usize).collect();
    calibrate::run(&calibrate::Options { streams, quick, json, style })
}

fn simulate(args: SimArgs) -> anyhow::Result<u8> {
    let SimArgs { port, ttft_ms, tokens_per_s, jitter, model, prefix_cache, record_sent_times, engine } = args;
    if record_sent_times {
        process::end_with_parent()?;
    }
    // A limit that is too low shows when a client cannot connect.
    let _best_effort = process::raise_open_files();
    let simulator = Simulator::start(SimConfig {
        port,
        ttft_ms,
        tokens_per_s,
        jitter,
        model,
        prefix_cache,
        engine: engine.config(),
        records_sent_times: record_sent_times,
    })?;
    let mut stdout = io::stdout();
    writeln!(stdout, "simulator on {} (no model: figures mean nothing)", simulator.url())?;
    stdout.flush()?;
    simulator.join()?;
    Ok(0)
}

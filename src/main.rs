//! The program: reads the command line, runs what it asks for, turns the outcome into the exit status.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Parser;
use tokscope::cli::{CalibrateArgs, Cli, Command, OpenArgs, ResumeArgs, ScreenArgs, SimArgs, completions, man_page};
use tokscope::config::{self, Settings};
use tokscope::domain::text::sanitise;
use tokscope::runtime::spec::RunSpec;
use tokscope::runtime::{calibrate, console, headless, interactive, process, resume, saved, stdout};
use tokscope::sim::{SimConfig, Simulator};
use tokscope::ui::terminal::unusable;

/// Usage, configuration, or a terminal that cannot be used.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Some(Command::Sim(args)) => simulate(args),
        Some(Command::Calibrate(args)) => calibrate(args),
        Some(Command::Runs(args)) => saved::list(args.json),
        Some(Command::Resume(args)) => resume(&args),
        Some(Command::Open(args)) => look_at(args, None),
        Some(Command::Replay(args)) => look_at(args.of, Some(args.speed)),
        Some(Command::Report(args)) => saved::report(&args.run, &args.exports),
        Some(Command::Compare(args)) => saved::compare(&args.a, &args.b, &args.exports),
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
    let Cli { run: mut args, screen: look, .. } = cli;
    let env = |name: &str| std::env::var(name).ok();
    let settings = Settings::from_args(&args, &look, &env)?;
    if let Some(listing) = listing(&look, &settings) {
        return print(listing.as_bytes());
    }
    settings.complete(&mut args);
    let args = &args;
    // Kept until the run is over: dropping it stops it.
    let simulator = simulator(args.demo)?;
    let spec = config::run_spec(args, &env, Path::new("."), simulator.as_ref().map(Simulator::url))?;
    begin(spec, args.headless, &settings)
}

/// What is printed instead of a run, if anything is.
fn listing(look: &ScreenArgs, settings: &Settings) -> Option<String> {
    let config = look.print_config.then(|| settings.listing());
    let keys = look.print_keys.then(|| settings.keys_table());
    let texts: Vec<String> = config.into_iter().chain(keys).collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

/// The simulator of --demo.
fn simulator(wanted: bool) -> anyhow::Result<Option<Simulator>> {
    wanted.then(|| Simulator::start(SimConfig::demo())).transpose().context("the simulator did not start")
}

fn begin(spec: RunSpec, headless: bool, settings: &Settings) -> anyhow::Result<u8> {
    for warning in &spec.warnings {
        console::say(&format!("tokscope: warning: {}", sanitise(warning)));
    }
    let session = &spec.session;
    // With a rate, only the server decides how many there will be at once.
    let at_once = if session.plan.open_loop.is_some() { 1 } else { session.plan.concurrency };
    process::provide_for(session.sweep.iter().copied().max().unwrap_or(at_once).max(at_once))?;
    if headless || !io::stdout().is_terminal() {
        return headless::run(spec);
    }
    if let Some(why) = unusable(&|name| std::env::var(name).ok()) {
        console::say(&format!("tokscope: no dashboard, running headless: {why}"));
        return headless::run(spec);
    }
    interactive::run(spec, &settings.screen())
}

fn resume(args: &ResumeArgs) -> anyhow::Result<u8> {
    let env = |name: &str| std::env::var(name).ok();
    let settings = Settings::of_screen(&args.screen, &env)?;
    if let Some(listing) = listing(&args.screen, &settings) {
        return print(listing.as_bytes());
    }
    let Some(resuming) = resume::open(&args.run)? else { return Ok(0) };
    let simulator = simulator(args.demo)?;
    let url = simulator.as_ref().map(Simulator::url);
    begin(config::resume_spec(args, resuming, &env, Path::new("."), url)?, args.headless, &settings)
}

fn look_at(args: OpenArgs, speed: Option<f64>) -> anyhow::Result<u8> {
    let settings = Settings::of_screen(&args.screen, &|name: &str| std::env::var(name).ok())?;
    if let Some(listing) = listing(&args.screen, &settings) {
        return print(listing.as_bytes());
    }
    if !io::stdout().is_terminal() {
        bail!("showing a saved run needs a terminal; write it with `tokscope report`");
    }
    if let Some(why) = unusable(&|name| std::env::var(name).ok()) {
        bail!("showing a saved run needs a terminal; write it with `tokscope report` ({why})");
    }
    config::check_exports(&args.exports, Path::new("."))?;
    interactive::show_saved(&args.run, args.exports, speed, &settings.screen())
}

/// Writes a text to stdout. Whoever closes the other end has seen enough: that is no error.
fn print(text: &[u8]) -> anyhow::Result<u8> {
    stdout::write(text).map(|()| 0)
}

fn calibrate(args: CalibrateArgs) -> anyhow::Result<u8> {
    let CalibrateArgs { streams, quick, json } = args;
    calibrate::run(&calibrate::Options { streams: streams.into_iter().map(|n| n as usize).collect(), quick, json })
}

fn simulate(args: SimArgs) -> anyhow::Result<u8> {
    let SimArgs { port, ttft_ms, tokens_per_s, jitter, model, prefix_cache, record_sent_times, engine } = args;
    if record_sent_times {
        process::end_with_parent()?;
    }
    // As many clients as this process may have; what is missing shows when it is missing.
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

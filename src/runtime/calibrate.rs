//! Measures the error of tokscope on this machine. The engine, as in any run, measures a simulator that records when
//! every event left.

mod errors;
mod load;
mod server;
mod table;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::channel;

use anyhow::{Context, bail};

use self::errors::CalibrationFault;
use self::load::{Load, Measured, Outcome};
use self::server::Server;
use super::calibration_store::{self, build, machine};
use super::console::{self, EndWait, Stderr};
use super::signals::{self, Suspension};
use super::{environment, wall_clock};
use crate::domain::attempt::AttemptRecord;
use crate::domain::calibration::{Calibration, ErrorSpread, Level, Peak};
use crate::domain::statistics::median;
use crate::domain::time::RFC_3339;
use crate::report::style::Style;
use crate::sim::{AllSentTimes, SentTimes, monotonic_ns};
use crate::store::file::{check_writable, write_new};

/// TTFT of the simulator for few streams, ms. Short, so that the calibration takes only about a minute.
const SHORT_TTFT_MS: f64 = 30.0;
/// TTFT of the simulator for hundreds of streams, ms. Long enough to open all connections before the first token
/// arrives.
const LONG_TTFT_MS: f64 = 200.0;
const FROM_HUNDREDS: usize = 64;
const TOKENS_PER_S: f64 = 50.0;
const JITTER: f64 = 0.15;
/// Speed of a simulator that sends faster than any client reads, tokens per second.
const AS_FAST_AS_READ: f64 = 1e6;
/// Minimum number of answers for a p99.
const ENOUGH_ANSWERS: usize = 100;
const PEAK_STREAMS: usize = 32;

/// Options of the calibration.
#[derive(Clone, Debug)]
pub struct Options {
    /// Concurrencies to measure.
    pub streams: Vec<usize>,
    /// Whether to run only a few answers, to check that the calibration works.
    pub quick: bool,
    /// Additional file for the result.
    pub json: Option<PathBuf>,
    /// Style of the printed page.
    pub style: Style,
}

/// Calibrates, prints the result and stores it for the reports of later runs. Returns the exit status.
pub fn run(options: &Options) -> anyhow::Result<u8> {
    if monotonic_ns().is_none() {
        bail!("calibrate needs a clock that two processes share, which only Linux has");
    }
    let mut stderr = Stderr::default();
    // If writing fails, stderr has no reader.
    let mut say = |text: &str| drop(stderr.write_all(format!("{text}\n").as_bytes()));
    let program = std::env::current_exe().context("the path of this program is not available")?;
    if let Some(path) = &options.json {
        // Check the file before the measurement, which takes a minute.
        check_writable(path)?;
    }
    let Some(calibration) = measure(options, &program, &mut say)? else { return Ok(130) };
    let page = table::render(&calibration);
    let (title, rest) = page.split_once('\n').unwrap_or((&page, ""));
    let printed = console::print(format!("{}\n{rest}", options.style.bold(title)).as_bytes());
    let text = serde_json::to_string_pretty(&calibration)? + "\n";
    if let Some(path) = &options.json {
        say(&format!("Written to '{}'", write_new(path, &text)?.display()));
    }
    if options.quick {
        say("Quick run: not saved for reports");
    } else {
        match calibration_store::store(&text) {
            Ok(path) => say(&format!("Saved in '{}' for later reports", path.display())),
            Err(why) => say(&format!("Not saved for later reports: {why}")),
        }
    }
    printed?;
    let (sender, inbox) = channel();
    signals::watch(sender.clone(), Suspension::BySystem);
    console::finish(EndWait::ForReader, &inbox, &sender).map(|()| 0)
}

fn date() -> String {
    wall_clock::now().strftime(RFC_3339).to_string()
}

/// Measures all levels, first without and then with the dashboard, and then the peak. Returns `None` if a signal ended
/// the measurement.
fn measure(options: &Options, program: &Path, say: &mut dyn FnMut(&str)) -> anyhow::Result<Option<Calibration>> {
    let largest = options.streams.iter().copied().max().unwrap_or(1);
    super::process::provide_for(largest)?;
    let mut levels = Vec::new();
    for dashboard in [false, true] {
        for &streams in &options.streams {
            let load = load_of(streams, dashboard, options.quick);
            let screen = if dashboard { "with" } else { "without" };
            say(&format!("{streams} streams, {} answers, {screen} the dashboard", load.answers));
            let ttft_ms = if streams < FROM_HUNDREDS { SHORT_TTFT_MS } else { LONG_TTFT_MS };
            let server = Server::start(program, ttft_ms, TOKENS_PER_S, JITTER)?;
            match load::run(server.url(), load)? {
                Outcome::Done(measured) => levels.push(level(load, &measured, &server.sent_times()?)?),
                Outcome::Interrupted => return Ok(None),
            }
        }
    }
    let load = Load {
        streams: PEAK_STREAMS,
        answers: PEAK_STREAMS,
        max_tokens: if options.quick { 1_000 } else { 31_250 },
        dashboard: false,
    };
    say(&format!("{PEAK_STREAMS} streams at full speed"));
    let server = Server::start(program, 0.0, AS_FAST_AS_READ, 0.0)?;
    let Outcome::Done(measured) = load::run(server.url(), load)? else { return Ok(None) };
    Ok(Some(Calibration {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        build: build().to_owned(),
        date: date(),
        machine: machine(&environment::read()),
        levels,
        peak: peak(load, &measured),
    }))
}

/// Chooses the length of the answers: short enough for a hundred of them in seconds, and long enough to have gaps.
fn load_of(streams: usize, dashboard: bool, quick: bool) -> Load {
    let (least, max_tokens) = match (quick, streams) {
        (true, _) => (1, 10),
        (false, ..8) => (ENOUGH_ANSWERS, 3),
        (false, 8..FROM_HUNDREDS) => (ENOUGH_ANSWERS, 50),
        (false, FROM_HUNDREDS..512) => (2 * streams, 100),
        (false, _) => (streams, 100),
    };
    Load { streams, answers: least.next_multiple_of(streams.max(1)), max_tokens, dashboard }
}

/// Returns the errors of all answers at one load.
fn level(load: Load, measured: &Measured, sent: &AllSentTimes) -> anyhow::Result<Level> {
    let (mut ttft, mut gaps, mut total, mut widths) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut unmatched, mut events) = (0, 0);
    for record in &measured.records {
        match errors_of(record, measured.epoch_ns, sent.get(&record.request_id)) {
            Ok(errors) => {
                ttft.push(errors.ttft_ms);
                total.push(errors.total_ms);
                gaps.extend(errors.gaps_ms);
                widths.extend(errors.widths_ms);
                events += record.arrivals.len();
            }
            Err(CalibrationFault::Unmatched) => unmatched += 1,
            Err(acausal @ CalibrationFault::Acausal) => return Err(acausal.into()),
        }
    }
    let spread = |errors: &[f64]| {
        ErrorSpread::from_errors(errors)
            .with_context(|| format!("no answer could be compared at {} streams", load.streams))
    };
    let share = |used: Option<std::time::Duration>| Some(used?.as_secs_f64() / measured.wall.as_secs_f64());
    Ok(Level {
        streams: load.streams,
        dashboard: load.dashboard,
        answers: ttft.len(),
        unmatched,
        events,
        ttft_error_ms: spread(&ttft)?,
        inter_token_error_ms: spread(&gaps)?,
        total_error_ms: spread(&total)?,
        truth_width_ms: median(widths).unwrap_or_default(),
        engine_cpu_share: share(measured.engine_cpu),
        main_cpu_share: share(measured.main_cpu),
        resident_mib: measured.resident_mib,
    })
}

fn errors_of(
    record: &Arc<AttemptRecord>,
    epoch_ns: u64,
    sent: Option<&SentTimes>,
) -> Result<errors::Errors, CalibrationFault> {
    let arrivals: Vec<u64> = record.arrivals.iter().map(|a| epoch_ns + a.at.0).collect();
    let first = record.first_token_event_index.ok_or(CalibrationFault::Unmatched)?;
    errors::compare(&arrivals, first, record.event_count, &sent.ok_or(CalibrationFault::Unmatched)?.writes)
}

fn peak(load: Load, measured: &Measured) -> Option<Peak> {
    let events: u64 = measured.records.iter().map(|r| u64::from(r.event_count)).sum();
    let wall_s = measured.wall.as_secs_f64();
    let cpu_s = measured.engine_cpu.map(|used| used.as_secs_f64());
    (events > 0 && wall_s > 0.0).then(|| Peak {
        streams: load.streams,
        events,
        events_per_s: events as f64 / wall_s,
        cpu_s_per_million_events: cpu_s.map(|s| s * 1e6 / events as f64),
        engine_cpu_share: cpu_s.map(|s| s / wall_s),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_has_whole_rounds_and_enough_answers_for_a_p99() {
        for streams in [1, 2, 7, 16, 63, 128, 511, 1024, 5000] {
            let load = load_of(streams, false, false);
            assert!(load.answers >= ENOUGH_ANSWERS && load.answers.is_multiple_of(streams), "{load:?}");
            assert_eq!(load_of(streams, true, true).answers, streams);
        }
    }
}

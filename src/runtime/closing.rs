//! The end of a run, however it came: what is in flight is given up, the summary told, the files written.

mod entry;

use std::io::Write;
use std::time::Duration;

use self::entry::entry;
use super::console::{self, EndWait, Stderr};
use super::export::tell_written;
use super::guard::guarded;
use super::{Run, Wake};
use crate::app::message::Msg;
use crate::domain::metrics::{DECODE, ITL, LATENCY, Metric, SPEED, TTFT};
use crate::domain::prefix_cache::PrefixCache;
use crate::domain::session::Session;
use crate::domain::slo::{RunFigure, SloUnit};
use crate::domain::sweep::{kept_in_words, knee, no_knee_up_to, saturated_from_start, stages};
use crate::domain::text::{sanitise, sanitise_line};
use crate::report::bottleneck::{self, Bottleneck};
use crate::report::conclusion::Conclusion;
use crate::report::model::Report;
use crate::report::spread::Spread;
use crate::report::summary::Summary;
use crate::report::sweep_table::{SWEEP_COLUMNS, n_of_all, unresolved_in_words};

/// What was given up leaves its record within this time after the one before, or not at all: a tokenizer may still have
/// finished ones to count.
const PATIENCE: Duration = Duration::from_millis(500);
/// Driver and server may each take so long for the last sample.
const TELEMETRY_PATIENCE: Duration = Duration::from_millis(250);

/// Exit status of a run that is not in its journal in full.
const NOT_SAVED: u8 = 1;

/// Ends the run: the summary goes to stdout, what happened to the files to `stderr`. Returns the exit status, made worse
/// by a file that could not be written, the journal included.
pub fn close(run: &mut Run, status: u8, stderr: &mut impl Write) -> u8 {
    if run.app.playback.is_some() {
        return status;
    }
    let mut status = status;
    if let Err(why) = guarded("the end of what was in flight", || give_up(run)) {
        say(stderr, &format!("tokscope: {why}"));
        status = status.max(2);
    }
    if run.app.scene.session.began.is_none() {
        return status;
    }
    run.settle_lag();
    // The files come first: a reader that has stopped reading keeps nobody from them.
    let saved = guarded("this run was not saved whole", || run.end_saving(status));
    let files = run.export_all();
    let told = guarded("the summary", || format!("{}\n", sanitise(&summary(&run.report()))));
    let told = told.and_then(|text| console::print(text.as_bytes()).map_err(|why| format!("{why:#}")));
    match saved {
        Ok(Ok(saved)) => saved.iter().for_each(|saved| say(stderr, saved)),
        Ok(Err(not_saved)) | Err(not_saved) => {
            say(stderr, &format!("tokscope: {not_saved}"));
            status = status.max(NOT_SAVED);
        }
    }
    if let Err(why) = told {
        say(stderr, &format!("tokscope: {why}"));
        status = status.max(2);
    }
    status.max(tell_written("Report", files, stderr))
}

/// Waits for those who read stdout and stderr. Returns the exit status, made worse by an stdout that failed meanwhile.
pub fn wait_for_readers(wait: EndWait, run: &Run, status: u8) -> u8 {
    let is_told = status >= 2;
    match console::finish(wait, &run.inbox, &run.sender) {
        Err(why) if !is_told => {
            say(&mut Stderr::default(), &format!("tokscope: {why:#}"));
            2
        }
        _ => status,
    }
}

/// Ends what is in flight, and takes the last facts and the last sample.
fn give_up(run: &mut Run) {
    drop(run.take(Msg::Closing));
    let mut deadline = run.now().plus(PATIENCE);
    let mut left = run.app.scene.session.in_flight();
    while left > 0 {
        let Ok(wake) = run.inbox.recv_timeout(deadline.since(run.now())) else { break };
        take_fact(run, wake);
        let now_left = run.app.scene.session.in_flight();
        if now_left < left {
            deadline = run.now().plus(PATIENCE);
        }
        left = now_left;
    }
    if run.app.scene.session.began.is_some() {
        // Who does not answer in time has no last sample, and nothing waits on.
        for sampler in run.telemetry() {
            let _in_time = sampler.sample_and_wait(TELEMETRY_PATIENCE);
        }
    }
    while let Ok(wake) = run.inbox.try_recv() {
        take_fact(run, wake);
    }
}

fn take_fact(run: &mut Run, wake: Wake) {
    if let Wake::Msg(msg @ (Msg::Engine(..) | Msg::Gpu(_) | Msg::Gauges(_) | Msg::Host(_) | Msg::NotSaved(..))) = wake {
        drop(run.take(msg));
    }
}

/// Writes lines of text, and nothing that a terminal would obey. A reader that is gone must not end the run.
pub fn say(to: &mut impl Write, lines: &str) {
    drop(to.write_all(format!("{}\n", sanitise(lines)).as_bytes()));
}

/// What a load adds: failures by kind, goodput, thresholds, the stages of a sweep.
fn load_lines(session: &Session, summary: &Summary) -> Vec<String> {
    let Some(tally) = &summary.tally else { return Vec::new() };
    let figure = |v: Option<f64>, digits: usize| v.map_or_else(|| "–".to_owned(), |v| format!("{v:.digits$}"));
    let mut lines = Vec::new();
    if session.plan.is_load() {
        let counts = format!("{} measured, {} ok", tally.ended, tally.ok);
        lines.push(entry("Requests", [Some(counts), tally.failures().map(|kinds| format!("failed: {kinds}"))]));
        if session.not_started > 0 {
            let left_out = session.not_started;
            lines.push(entry("Not started", [Some(format!("{left_out} of the rate: no slot within the duration"))]));
        }
        let (requests, tokens) = (summary.request_throughput, summary.output_token_throughput);
        let rates = [format!("{} req/s", figure(requests, 2)), format!("{} tok/s", figure(tokens, 1))];
        lines.push(entry("All together", rates.map(Some)));
    } else if let Some(kinds) = tally.failures() {
        lines.push(entry("Failed", [Some(kinds)]));
    }
    if let Some(good) = tally.good {
        let (share, rate) = (tally.run_figure(RunFigure::GoodShare), tally.run_figure(RunFigure::Goodput));
        let share = format!("{good}/{} ({} %)", tally.judged(), figure(share, 1));
        let unresolved = (tally.unjudged > 0).then(|| format!("{} unresolved", tally.unjudged));
        lines.push(entry("Goodput", [Some(share), Some(format!("{} req/s", figure(rate, 2))), unresolved]));
    }
    let stages = stages(session);
    let knee = knee(&stages);
    for (at, s) in stages.iter().enumerate() {
        let kept = s.slo_met.map(|met| if met { "✓ thresholds" } else { "✗ thresholds" }.to_owned());
        let columns = SWEEP_COLUMNS.iter().take(4).map(|c| {
            let value = c.cell(s, |v| figure(v, if c.unit == SloUnit::Milliseconds { 0 } else { c.digits }));
            Some(format!("{value} {}", c.after_figure()))
        });
        let warm = s.doubts.words().map_or_else(String::new, |words| format!(" ({words})"));
        let n = Some(format!("n {}{warm}", n_of_all(s)));
        let knee = (knee == Some(at)).then(|| "◆ knee".to_owned());
        lines.push(entry(&format!("{:>4} at once", s.concurrency), columns.chain([n, knee, kept])));
    }
    lines.extend(saturated_from_start(&stages).map(|found| entry("Knee", [Some(found.to_string())])));
    lines.extend(no_knee_up_to(&stages).map(|last| entry("Knee", [Some(format!("no knee up to {last} at once"))])));
    lines.extend(unresolved_in_words(&stages).map(|told| entry("Unresolved", [Some(told)])));
    if !session.sweep.is_empty() {
        // Which stages keep them stands beside each; the verdicts of the last one alone would be no verdict on the run.
        lines.extend(kept_in_words(&stages).map(|kept| entry("Thresholds", [Some(kept)])));
        return lines;
    }
    for slo in session.slos() {
        let verdict = slo.judge(tally);
        let sign = if verdict.met { "✓" } else { "✗" };
        let missing = verdict.value.is_none().then(|| "no attempt has this figure".to_owned());
        lines.push(entry("Threshold", [Some(format!("{sign} {}", slo.tell(&verdict))), missing]));
    }
    lines
}

pub(super) fn summary(report: &Report) -> String {
    let session = &report.session;
    let summary = Summary::of(session);
    let told = Conclusion::of(session, report.around());
    let mut lines = Vec::new();
    if report.simulated {
        lines.push(entry("SIMULATED", [Some("no model was measured".to_owned())]));
    }
    let about = if summary.estimated { "~" } else { "" };
    let partial = summary.partial.then(|| "partial: not all that was asked for is measured".to_owned());
    lines.push(entry("Successful", [Some(format!("{}/{}", summary.ok, session.suite.cases.len())), partial]));
    if session.unreached() > 0 {
        let (cases, all) = (session.unreached(), session.cases.len());
        let why = format!("{cases} of {all} cases: the time was over before their turn");
        lines.push(entry("Not reached", [Some(why)]));
    }
    let ended = summary.ended_attempts();
    let line = |label: &str, metric: &Metric, unit: &str, digits: usize| match summary.spread(metric) {
        Some(spread) => Some(spread_line(label, &spread, &summary.n_of_all(metric, spread.n), unit, digits)),
        None => unresolved_line(label, &summary, metric),
    };
    lines.extend(line(&format!("Speed {about}"), &SPEED, "tok/s", 1));
    lines.extend(line("Decode", &DECODE, "tok/s", 1));
    lines.extend(ttft(&summary));
    if summary.attempts > 0 {
        let how = if session.plan.warm { "prompts as they are" } else { "each prompt made unique" };
        lines.push(entry("Prefix cache", [Some(format!("{}; {how}", summary.cache.words()))]));
    }
    lines.extend(line("Inter-token", &ITL, "ms", 2));
    if summary.attempts > 0 {
        lines.push(entry("Tokens", [Some(format!("{about}{}", summary.total_output_tokens))]));
        // One after another, the sum is what the run took; at once it is not.
        let label = if session.plan.is_load() { "Time, all summed" } else { "Time" };
        lines.push(entry(label, [Some(format!("{:.2} s", summary.total_time_s))]));
    }
    if let Some(seconds) = report.duration_s().filter(|_| session.is_more_than_reported()) {
        lines.push(entry("Wall time", [Some(format!("{seconds:.2} s"))]));
    }
    if let Some((name, ms)) = &told.slowest {
        let name: String = sanitise_line(name).chars().take(40).collect();
        lines.push(entry("Slowest case", [Some(format!("{:.2} s", ms / 1000.0)), Some(name)]));
    }
    lines.extend(load_lines(session, &summary));
    for (diagnosis, n) in &summary.findings {
        lines.push(entry("Finding", [Some(format!("{}: {n} of {ended} attempts", diagnosis.label))]));
    }
    if summary.spread(&LATENCY).is_some_and(|s| s.mean_half_width.is_some()) {
        lines.push(entry("±", [Some("95 % confidence of the mean (Student's t within cases)".to_owned())]));
    }
    let rating = |(word, against): (&str, String)| entry("Rating", [Some(format!("{word}: {against} on average"))]);
    lines.extend(told.rating.map(rating));
    lines.extend(told.rating_note.map(|note| entry("Rating", [Some(note)])));
    let bottleneck = |told: Bottleneck| entry(bottleneck::LABEL, [Some(format!("{}: {}", told.cause, told.evidence))]);
    lines.extend(told.bottleneck.map(bottleneck));
    lines.join("\n")
}

/// A metric that no stream carries.
fn unresolved_line(label: &str, summary: &Summary, metric: &Metric) -> Option<String> {
    let n = summary.n_of_all(metric, 0);
    (summary.unresolved(metric) > 0).then(|| entry(label, [Some("–".to_owned()), Some(format!("n {n}"))]))
}

/// One line, or one for each state of the prefix cache: their mean would be that of two different things.
fn ttft(summary: &Summary) -> Vec<String> {
    let by_cache = summary.ttft_by_cache();
    if by_cache.is_empty() {
        return unresolved_line("TTFT", summary, &TTFT).into_iter().collect();
    }
    let label = |state| match state {
        _ if by_cache.len() == 1 && state != PrefixCache::Warm => "TTFT",
        PrefixCache::Cold => "TTFT, cold",
        PrefixCache::Warm => "TTFT, warm",
        PrefixCache::Unknown => "TTFT, cache unknown",
    };
    by_cache
        .iter()
        .map(|(state, spread)| spread_line(label(*state), spread, &summary.n_of_all(&TTFT, spread.n), "ms", 0))
        .collect()
}

/// A metric over the attempts that have it, `n_of_all` of those that ended. A single figure is its own mean, median and extremes.
fn spread_line(label: &str, spread: &Spread, n_of_all: &str, unit: &str, digits: usize) -> String {
    let s = spread.stats;
    let n = Some(format!("n {n_of_all}"));
    if spread.n == 1 {
        return entry(label, [Some(format!("{:.digits$} {unit}", s.avg)), n]);
    }
    let half = spread.mean_half_width.map_or_else(String::new, |half| format!(" ± {half:.digits$}"));
    // Of a speed the high end is the good one.
    let high = [99, 95, 90].into_iter().filter(|_| unit == "ms").find_map(|p| Some((p, spread.percentile(p)?)));
    let parts = [
        Some(format!("{:.digits$}{half} {unit} mean", s.avg)),
        Some(format!("{:.digits$} median", s.p50)),
        Some(format!("{:.digits$}–{:.digits$}", s.min, s.max)),
        high.map(|(p, v)| format!("{v:.digits$} p{p}")),
        n,
    ];
    entry(label, parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::statistics::Stats;

    fn spread(values: &[f64]) -> Spread {
        let stats = Stats::of(values.iter().copied()).unwrap();
        Spread { n: values.len(), stats, mean_half_width: None, median_ci95: None }
    }

    #[test]
    fn one_figure_is_told_once() {
        let line = spread_line("TTFT", &spread(&[103.4]), "1/2", "ms", 0);
        assert_eq!(line, "TTFT                103 ms   n 1/2");
    }

    #[test]
    fn the_widest_figures_stay_within_80_columns() {
        let mut values: Vec<f64> = (0..100).map(|i| 100_000.0 + f64::from(i)).collect();
        values.push(999_999.0);
        let wide = Spread { mean_half_width: Some(12_345.6), ..spread(&values) };
        let told = spread_line("TTFT, cache unknown", &wide, "101/10000", "ms", 0);
        assert!(told.lines().count() > 1 && told.lines().all(|l| l.chars().count() <= 80), "{told}");
        assert!(told.ends_with("n 101/10000"), "{told}");
    }
}

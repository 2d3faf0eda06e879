//! The end of a run, however it came: what is in flight is given up, the summary told, the files written.

use std::io::Write;
use std::time::Duration;

use super::{Run, Wake};
use crate::app::message::Msg;
use crate::domain::prefix_cache::PrefixCache;
use crate::domain::session::Session;
use crate::domain::slo::{RunFigure, SloUnit};
use crate::domain::sweep::{kept_in_words, knee, no_knee_up_to, stages};
use crate::report::spread::Spread;
use crate::report::summary::Summary;
use crate::report::sweep_table::{SWEEP_COLUMNS, n_of_all};

/// What was given up leaves its record within this time after the one before, or not at all: a tokenizer may still have
/// finished ones to count.
const PATIENCE: Duration = Duration::from_millis(500);
/// Driver and server may each take so long for the last sample.
const TELEMETRY_PATIENCE: Duration = Duration::from_millis(250);

/// Ends the run: the summary goes to stdout, what happened to the files to `stderr`. Returns the exit status, made worse
/// by a file that could not be written.
pub fn close(run: &mut Run, status: u8, stderr: &mut impl Write) -> u8 {
    give_up(run);
    if run.app.scene.session.began.is_none() {
        return status;
    }
    say(&mut std::io::stdout(), &summary(run));
    if let Some(saved) = run.end_saving(status) {
        say(stderr, &saved);
    }
    let mut status = status;
    for result in run.export_all() {
        match result {
            Ok(path) => say(stderr, &format!("Report written to '{}'", path.display())),
            Err(why) => {
                say(stderr, &format!("tokscope: {why}"));
                status = status.max(2);
            }
        }
    }
    status
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
    if let Wake::Msg(msg @ (Msg::Engine(..) | Msg::Gpu(_) | Msg::Gauges(_) | Msg::NotSaved(..))) = wake {
        drop(run.take(msg));
    }
}

/// A reader that is gone must not end the run.
pub fn say(to: &mut impl Write, line: &str) {
    drop(writeln!(to, "{line}"));
}

/// What a load adds: failures by kind, goodput, thresholds, the stages of a sweep.
fn load_lines(session: &Session, summary: &Summary) -> Vec<String> {
    let Some(tally) = &summary.tally else { return Vec::new() };
    let figure = |v: Option<f64>, digits: usize| v.map_or_else(|| "–".to_owned(), |v| format!("{v:.digits$}"));
    let mut lines = Vec::new();
    if session.plan.is_load() {
        let failed = tally.failures().map_or_else(String::new, |kinds| format!(" ({kinds})"));
        lines.push(format!("Requests              {} measured, {} ok{failed}", tally.ended, tally.ok));
        if session.not_started > 0 {
            let left_out = session.not_started;
            lines.push(format!("Not started           {left_out} of the rate: no slot within the duration"));
        }
        lines.push(format!(
            "All together          {} req/s   {} tok/s",
            figure(summary.request_throughput, 2),
            figure(summary.output_token_throughput, 1)
        ));
    } else if let Some(kinds) = tally.failures() {
        lines.push(format!("Failed                {kinds}"));
    }
    if let Some(good) = tally.good {
        let (share, rate) = (tally.run_figure(RunFigure::GoodShare), tally.run_figure(RunFigure::Goodput));
        let (share, rate) = (figure(share, 1), figure(rate, 2));
        lines.push(format!("Goodput               {good}/{} ({share} %)   {rate} req/s", tally.ended));
    }
    let stages = stages(session);
    let knee = knee(&stages);
    for (at, s) in stages.iter().enumerate() {
        let mark = if knee == Some(at) { "   ◆ knee" } else { "" };
        let kept = match s.slo_met {
            Some(true) => "   ✓ thresholds",
            Some(false) => "   ✗ thresholds",
            None => "",
        };
        let columns = SWEEP_COLUMNS.iter().take(4).map(|c| {
            let value = c.cell(s, |v| figure(v, if c.unit == SloUnit::Milliseconds { 0 } else { c.digits }));
            format!("   {value} {}", c.after_figure())
        });
        let warm = s.doubts.words().map_or_else(String::new, |words| format!(" ({words})"));
        let columns: String = columns.collect();
        lines.push(format!("{:>4} at once       {columns}   n {}{warm}{mark}{kept}", s.concurrency, n_of_all(s)));
    }
    lines.extend(no_knee_up_to(&stages).map(|last| format!("Knee                  no knee up to {last} at once")));
    if !session.sweep.is_empty() {
        // Which stages keep them stands beside each; the verdicts of the last one alone would be no verdict on the run.
        lines.extend(kept_in_words(&stages).map(|kept| format!("Thresholds            {kept}")));
        return lines;
    }
    for slo in session.slos() {
        let verdict = slo.judge(tally);
        lines.push(format!("{} {}", if verdict.met { "✓" } else { "✗" }, slo.tell(&verdict)));
    }
    lines
}

fn summary(run: &Run) -> String {
    let session = &run.app.scene.session;
    let summary = Summary::of(session);
    let mut lines = Vec::new();
    if run.app.scene.target.simulated {
        lines.push("Simulated             yes: no model was measured".to_owned());
    }
    let about = if summary.estimated { "~" } else { "" };
    lines.push(format!("Successful            {}/{}", summary.ok, session.suite.cases.len()));
    if session.unreached() > 0 {
        let (cases, all) = (session.unreached(), session.cases.len());
        lines.push(format!("Not reached           {cases} of {all} cases: the time was over before their turn"));
    }
    let ended = summary.ended_attempts();
    let line = |label: &str, key: &str, unit: &str, digits: usize| {
        Some(spread_line(label, &summary.spread(key)?, ended, unit, digits))
    };
    lines.extend(line(&format!("Speed {about}"), "output_token_throughput", "tok/s", 1));
    lines.extend(line("Decode", "output_token_throughput_per_user", "tok/s", 1));
    lines.extend(ttft(&summary));
    if summary.attempts > 0 {
        let how = if session.plan.warm { "prompts as they are" } else { "each prompt made unique" };
        lines.push(format!("Prefix cache          {}; {how}", summary.cache.words()));
    }
    lines.extend(line("Inter-token", "inter_token_latency_ms", "ms", 2));
    if summary.attempts > 0 {
        lines.push(format!("Tokens                {about}{}", summary.total_output_tokens));
        // One after another, the sum is what the run took; at once it is not.
        let label = if session.plan.is_load() { "Time, all summed" } else { "Time" };
        lines.push(format!("{label:<22}{:.2} s", summary.total_time_s));
    }
    lines.extend(load_lines(session, &summary));
    for (diagnosis, n) in &summary.findings {
        lines.push(format!("Finding               {}: {n} of {ended} attempts", diagnosis.label));
    }
    if summary.spread("request_latency_ms").is_some_and(|s| s.mean_half_width.is_some()) {
        lines.push("±                     95 % confidence of the mean (Student's t within cases)".to_owned());
    }
    lines.extend(summary.rating.map(|r| format!("Rating                {r}")));
    lines.join("\n")
}

/// One line, or one for each state of the prefix cache: their mean would be that of two different things.
fn ttft(summary: &Summary) -> Vec<String> {
    let by_cache = summary.ttft_by_cache();
    let label = |state| match state {
        _ if by_cache.len() == 1 && state != PrefixCache::Warm => "TTFT",
        PrefixCache::Cold => "TTFT, cold",
        PrefixCache::Warm => "TTFT, warm",
        PrefixCache::Unknown => "TTFT, cache unknown",
    };
    by_cache
        .iter()
        .map(|(state, spread)| spread_line(label(*state), spread, summary.ended_attempts(), "ms", 0))
        .collect()
}

/// A metric over the attempts that have it, of `ended` ones.
fn spread_line(label: &str, spread: &Spread, ended: usize, unit: &str, digits: usize) -> String {
    let s = spread.stats;
    let half = spread.mean_half_width.map_or_else(String::new, |half| format!(" ± {half:.digits$}"));
    // Of a speed the high end is the good one.
    let high = [99, 95, 90].into_iter().filter(|_| unit == "ms").find_map(|p| Some((p, spread.percentile(p)?)));
    let high = high.map_or_else(String::new, |(p, v)| format!("   {v:.digits$} p{p}"));
    format!(
        "{label:<22}{:.digits$}{half} {unit} mean   {:.digits$} median   {:.digits$} min   {:.digits$} max{high}   n {}/{ended}",
        s.avg, s.p50, s.min, s.max, spread.n
    )
}

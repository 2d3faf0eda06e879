//! Formats the result of a calibration as text.

use crate::domain::calibration::{Calibration, ErrorSpread, Level};
use crate::domain::quantity::{Quantity, grouped};

/// Returns the page to print.
pub fn render(calibration: &Calibration) -> String {
    let mut lines = head(calibration);
    lines.push(String::new());
    lines.push(format!(
        "{:>7}  {:<9}  {:>7}  {:^20}  {:^20}  {:^20}  {:>6}  {:>6}  {:>7}",
        "", "", "", "TTFT error, ms", "ITL error, ms", "total error, ms", "engine", "main", "memory"
    ));
    let spread = format!("{:>6} {:>6} {:>6}", "median", "p99", "worst");
    lines.push(format!(
        "{:>7}  {:<9}  {:>7}  {spread}  {spread}  {spread}  {:>6}  {:>6}  {:>7}",
        "streams", "dashboard", "answers", "CPU", "CPU", "MiB"
    ));
    lines.extend(calibration.levels.iter().map(row));
    lines.push(String::new());
    lines.extend(foot(calibration));
    lines.join("\n") + "\n"
}

fn head(c: &Calibration) -> Vec<String> {
    let cpu = c.machine.cpu.as_deref().unwrap_or("unknown CPU");
    let day = c.date.split('T').next().unwrap_or_default();
    let shared = match c.machine.cores {
        1 => "On one core, server, engine and dashboard take turns, so the errors include the server's share.",
        2 => "Server and client are separate processes. With 2 cores, the dashboard shares a core with one of them.",
        _ => "Server, engine and dashboard are threads of two processes, and each has a core.",
    };
    vec![
        format!(
            "tokscope {} ({}) on {}: {}, {} cores, {day}",
            c.version, c.build, c.machine.hostname, cpu, c.machine.cores
        ),
        shared.to_owned(),
        "Error: arrival time of an event in the engine, minus the time at which the server began to write it."
            .to_owned(),
    ]
}

fn row(level: &Level) -> String {
    let share = |s: Option<f64>| Quantity::new(s.map(|s| s * 100.0), 1).with_unit("%");
    format!(
        "{:>7}  {:<9}  {:>7}  {}  {}  {}  {:>6}  {:>6}  {:>7}",
        level.streams,
        if level.dashboard { "on" } else { "off" },
        level.answers,
        spread(&level.ttft_error_ms),
        spread(&level.inter_token_error_ms),
        spread(&level.total_error_ms),
        share(level.engine_cpu_share),
        share(level.main_cpu_share),
        Quantity::new(level.resident_mib, 1),
    )
}

fn spread(errors: &ErrorSpread) -> String {
    format!("{:>6} {:>6} {:>6}", figure(Some(errors.median)), figure(errors.p99), figure(Some(errors.worst)))
}

/// Formats an error in milliseconds: to the microsecond if small, and never wider than the column.
fn figure(ms: Option<f64>) -> Quantity<'static> {
    Quantity::new(ms, if ms.is_some_and(|ms| ms < 10.0) { 3 } else { 1 })
}

fn foot(c: &Calibration) -> Vec<String> {
    let mut lines = Vec::new();
    let width = c.levels.iter().map(|l| l.truth_width_ms).fold(0.0, f64::max);
    lines.push(format!(
        "The server's write took {width:.3} ms (largest median), which bounds the precision of these errors."
    ));
    lines.push("CPU: share of one core during the load; with the dashboard on, `main` draws.".to_owned());
    let unmatched: usize = c.levels.iter().map(|l| l.unmatched).sum();
    if unmatched > 0 {
        lines.push(format!("{unmatched} answers could not be compared event by event and were excluded."));
    }
    lines.extend(difference(c));
    if let Some(peak) = &c.peak {
        let cpu = Quantity::new(peak.cpu_s_per_million_events, 2);
        lines.push(format!(
            "At full speed, {} streams: {} events/s, {cpu} CPU s per million events.",
            peak.streams,
            grouped(peak.events_per_s as u64)
        ));
        lines.extend(peak.engine_cpu_share.map(|share| {
            let limit = if share < 0.9 { ": the server, not the engine, was the limit" } else { "" };
            format!("The engine was busy {:.0}% of that time{limit}.", share * 100.0)
        }));
    }
    lines
}

/// Describes the effect of the dashboard, for the highest number of streams that was measured with and without it.
fn difference(c: &Calibration) -> Option<String> {
    let pairs = c.levels.iter().filter(|l| !l.dashboard).filter_map(|off| {
        let on = c.levels.iter().find(|l| l.dashboard && l.streams == off.streams)?;
        Some((off, on))
    });
    let (off, on) = pairs.max_by_key(|(off, _)| off.streams)?;
    // Adding 0.0 turns −0.0 into 0.0.
    let change_ms = |on: f64, off: f64| ((on - off) * 1000.0).round() / 1000.0 + 0.0;
    let ttft = change_ms(on.ttft_error_ms.median, off.ttft_error_ms.median);
    let gap = change_ms(on.inter_token_error_ms.median, off.inter_token_error_ms.median);
    let drawing = on.main_cpu_share.zip(off.main_cpu_share);
    let drawing = drawing
        .map_or_else(String::new, |(on, off)| format!(", and takes {:.1}% of a core", (on - off).max(0.0) * 100.0));
    Some(format!(
        "The dashboard (120×40, 20 frames per second, without the terminal's own work) changes the medians at\n{} streams by \
         {ttft:+.3} ms (TTFT) and {gap:+.3} ms (ITL){drawing}.",
        off.streams
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::calibration::{Machine, Peak};

    fn level(streams: usize, dashboard: bool, error_ms: f64) -> Level {
        let n = streams * 10;
        let errors = |scale: f64| ErrorSpread {
            n,
            mean: error_ms * scale,
            median: error_ms * scale,
            p99: (n >= 100).then_some(error_ms * scale * 4.0),
            worst: error_ms * scale * 10.0,
        };
        Level {
            streams,
            dashboard,
            answers: n,
            unmatched: 0,
            events: n * 3,
            ttft_error_ms: errors(1.0),
            inter_token_error_ms: errors(0.25),
            total_error_ms: errors(0.5),
            truth_width_ms: 0.006,
            engine_cpu_share: Some(0.125),
            main_cpu_share: Some(if dashboard { 0.031 } else { 0.001 }),
            resident_mib: (streams > 1).then_some(14.5),
        }
    }

    #[test]
    fn a_page_that_can_be_read() {
        let calibration = Calibration {
            version: "0.1.0".into(),
            build: "release".into(),
            date: "2026-11-24T21:40:00+00:00".into(),
            machine: Machine { hostname: "bench".into(), cpu: Some("EPYC".into()), cores: 2 },
            levels: vec![level(1, false, 0.1), level(16, false, 0.12), level(1, true, 0.1), level(16, true, 0.13)],
            peak: Some(Peak {
                streams: 32,
                events: 1_000_000,
                events_per_s: 810_000.4,
                cpu_s_per_million_events: Some(0.934),
                engine_cpu_share: Some(0.757),
            }),
        };
        insta::assert_snapshot!(render(&calibration), @r#"
        tokscope 0.1.0 (release) on bench: EPYC, 2 cores, 2026-11-24
        Server and client are separate processes. With 2 cores, the dashboard shares a core with one of them.
        Error: arrival time of an event in the engine, minus the time at which the server began to write it.

                                        TTFT error, ms        ITL error, ms        total error, ms     engine    main   memory
        streams  dashboard  answers  median    p99  worst  median    p99  worst  median    p99  worst     CPU     CPU      MiB
              1  off             10   0.100      –  1.000   0.025      –  0.250   0.050      –  0.500   12.5%    0.1%        –
             16  off            160   0.120  0.480  1.200   0.030  0.120  0.300   0.060  0.240  0.600   12.5%    0.1%     14.5
              1  on              10   0.100      –  1.000   0.025      –  0.250   0.050      –  0.500   12.5%    3.1%        –
             16  on             160   0.130  0.520  1.300   0.033  0.130  0.325   0.065  0.260  0.650   12.5%    3.1%     14.5

        The server's write took 0.006 ms (largest median), which bounds the precision of these errors.
        CPU: share of one core during the load; with the dashboard on, `main` draws.
        The dashboard (120×40, 20 frames per second, without the terminal's own work) changes the medians at
        16 streams by +0.010 ms (TTFT) and +0.003 ms (ITL), and takes 3.0% of a core.
        At full speed, 32 streams: 810,000 events/s, 0.93 CPU s per million events.
        The engine was busy 76% of that time: the server, not the engine, was the limit.
        "#);
    }
}

//! Describes a workload for the report, the summary and the dashboard.

use crate::domain::quantity::{count, grouped};
use crate::domain::row_order::Sample;
use crate::domain::session::Session;
use crate::domain::workload::{Workload, WorkloadSource};

/// Describes how rows are chosen from the data set; `None` for prompts without rows.
pub fn sampling(workload: &Workload) -> Option<String> {
    let rows = count(usize::try_from(workload.rows?).unwrap_or(usize::MAX), "row");
    if let WorkloadSource::Trace { .. } = workload.source {
        return Some(format!("{rows}, in the order of the trace"));
    }
    let seed = workload.seed;
    Some(match workload.sample {
        Sample::Ordered => format!("{rows}, in file order"),
        Sample::Shuffled => format!("{rows}, shuffled with seed {seed}"),
        Sample::Replace => format!("{rows}, drawn with replacement, seed {seed}"),
    })
}

/// Describes which warm-ups are probes, and their purpose; `None` without probes.
pub fn probes(workload: &Workload) -> Option<String> {
    let first = match workload.probes {
        0 => return None,
        1 => "the first warm-up is a probe".to_owned(),
        probes => format!("the first {probes} warm-ups are probes"),
    };
    Some(format!("{first}: prose of known length, to learn how many tokens the server counts for a character"))
}

/// Formats the number of rows that the run has sent: `480/500 rows`, in a later pass `pass 2 · 480/500 rows`, and with
/// replacement `480 drawn from 500 rows`. `None` without rows.
pub fn rows_sent(session: &Session) -> Option<String> {
    let workload = session.suite.workload.as_ref()?;
    let rows = u64::from(workload.rows.filter(|rows| *rows > 0)?);
    let sent = session.rows_sent();
    if workload.sample == Sample::Replace {
        return Some(format!("{} drawn from {} rows", grouped(sent), grouped(rows)));
    }
    let passes_before = sent.saturating_sub(1) / rows;
    let of_pass = format!("{}/{} rows", grouped(sent - passes_before * rows), grouped(rows));
    Some(if passes_before == 0 { of_pass } else { format!("pass {} · {of_pass}", passes_before + 1) })
}

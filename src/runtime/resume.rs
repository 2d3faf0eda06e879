//! Opens a saved run to resume it.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::time::Duration;

use anyhow::{Context, bail};

use super::clock::Clock;
use super::console::say_to;
use super::spec::ResumeTarget;
use super::{environment, saved, wall_clock};
use crate::domain::session::{CasePhase, Mode, Session};
use crate::domain::text::sanitise_line;
use crate::report::journal::{self, Saved};
use crate::report::model::Resumption;
use crate::store::lock;

/// Time between the last event of a run and the first one after resuming, on the run's clock.
const GAP: Duration = Duration::from_millis(1);
/// Number of bytes of a journal to search at once for the last line.
const BLOCK_BYTES: u64 = 1 << 16;

/// Opens a saved run and locks its journal. If nothing is left to run, prints this and returns `None`.
pub fn open(wanted: &str) -> anyhow::Result<Option<ResumeTarget>> {
    let path = saved::find(wanted)?;
    let named = || format!("'{}'", sanitise_line(&path.to_string_lossy()));
    let Some(mut file) = lock::open(&path).with_context(named)? else {
        bail!("{}: another tokscope is writing this run; end it before you resume", named());
    };
    let saved = journal::read(BufReader::with_capacity(1 << 16, &file)).with_context(named)?;
    if !saved.run.shards.is_empty() {
        bail!("{}: this run was merged from shards; resume the shards, and merge them again", saved.run.id);
    }
    let mut stderr = std::io::stderr();
    for warning in &saved.warnings {
        say_to(&mut stderr, &format!("{}: {warning}", saved.run.id));
    }
    let session = saved.to_resume();
    if session.mode == Mode::Finished {
        say_to(&mut stderr, &nothing_left(&saved.run.id, &session));
        return Ok(None);
    }
    cut_torn_line(&mut file).with_context(named)?;
    Ok(Some(ResumeTarget { saved, file, path }))
}

fn nothing_left(id: &str, session: &Session) -> String {
    let (failed, cancelled) = (session.count(CasePhase::Failed), session.count(CasePhase::Cancelled));
    let counts = [(failed, "failed"), (cancelled, "cancelled")];
    let counts: Vec<_> = counts.iter().filter(|c| c.0 > 0).map(|(n, word)| format!("{n} {word}")).collect();
    let counts = if counts.is_empty() { String::new() } else { format!(" ({})", counts.join(", ")) };
    format!("{id}: nothing to resume, because every case has been run{counts}")
}

/// Removes an incomplete last line and moves to the end: the next write must begin a new line.
fn cut_torn_line(file: &mut File) -> std::io::Result<()> {
    let end = end_of_last_line(file)?;
    file.set_len(end)?;
    file.seek(SeekFrom::Start(end)).map(drop)
}

fn end_of_last_line(file: &mut File) -> std::io::Result<u64> {
    let mut end = file.seek(SeekFrom::End(0))?;
    let mut block = Vec::new();
    while end > 0 {
        let from = end.saturating_sub(BLOCK_BYTES);
        file.seek(SeekFrom::Start(from))?;
        block.clear();
        (&*file).take(end - from).read_to_end(&mut block)?;
        if let Some(at) = memchr::memrchr(b'\n', &block) {
            return Ok(from + at as u64 + 1);
        }
        end = from;
    }
    Ok(0)
}

/// Continues the clock of a saved run. Returns `None` if the system's clock does not reach back that far.
pub fn continue_clock(saved: &Saved) -> Option<(Clock, Resumption)> {
    let at = saved.last_at.plus(GAP);
    let clock = Clock::start_at(at)?;
    let resumption = Resumption {
        stopped_at: saved.last_at,
        at,
        epoch: wall_clock::now().saturating_sub(Duration::from_nanos(at.0)),
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        environment: environment::read(),
    };
    Some((clock, resumption))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn an_unfinished_last_line_is_cut_however_long() {
        for (text, left) in [
            (b"a\nbc\n".to_vec(), 5),
            (b"a\nbc".to_vec(), 2),
            (b"abc".to_vec(), 0),
            (Vec::new(), 0),
            ([b"a\n".to_vec(), vec![b'x'; 3 << 16]].concat(), 2),
        ] {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&text).unwrap();
            cut_torn_line(&mut file).unwrap();
            assert_eq!(file.metadata().unwrap().len(), left);
            assert_eq!(file.stream_position().unwrap(), left);
        }
    }
}

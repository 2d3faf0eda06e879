//! A saved run that is gone on with: its journal is taken up where it ended.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::closing::say;
use super::environment;
use super::saved;
use crate::domain::session::{CasePhase, Mode, Session};
use crate::domain::text::sanitise_line;
use crate::report::journal::{self, Saved};
use crate::report::model::Resumption;
use crate::store::lock;

/// What lies on the run's clock between its last time and the first of what goes on: nothing of before is as late.
const GAP: Duration = Duration::from_millis(1);
/// So much of a journal is looked through at once for its last line.
const BLOCK: u64 = 1 << 16;

/// A saved run with its journal.
#[derive(Debug)]
pub struct Resuming {
    /// The run.
    pub saved: Saved,
    /// Its journal at its end, which nobody else writes.
    pub file: File,
    /// Where that is.
    pub path: PathBuf,
}

/// Takes a run up. `None`, and told: there is nothing to resume.
pub fn take_up(wanted: &str) -> anyhow::Result<Option<Resuming>> {
    let path = saved::find(wanted)?;
    let named = || format!("'{}'", sanitise_line(&path.to_string_lossy()));
    let Some(mut file) = lock::open(&path).with_context(named)? else {
        bail!("{}: another tokscope is writing it; it can be resumed once that has ended", named());
    };
    let saved = journal::read(BufReader::with_capacity(1 << 16, &file)).with_context(named)?;
    let mut stderr = std::io::stderr();
    for warning in &saved.warnings {
        say(&mut stderr, &format!("{}: {warning}", saved.run.id));
    }
    let session = saved.to_resume();
    if session.mode == Mode::Finished {
        say(&mut stderr, &nothing_left(&saved.run.id, &session));
        return Ok(None);
    }
    cut_torn_line(&mut file).with_context(named)?;
    Ok(Some(Resuming { saved, file, path }))
}

fn nothing_left(id: &str, session: &Session) -> String {
    let (failed, cancelled) = (session.count(CasePhase::Failed), session.count(CasePhase::Cancelled));
    let counts = [(failed, "failed"), (cancelled, "cancelled")];
    let told: Vec<_> = counts.iter().filter(|c| c.0 > 0).map(|(n, word)| format!("{n} {word}")).collect();
    let told = if told.is_empty() { String::new() } else { format!(" ({})", told.join(", ")) };
    format!("{id}: nothing to resume, because every case has been run{told}")
}

/// Cuts what stands behind the last line's end, and stands there: what is appended must begin a line.
fn cut_torn_line(file: &mut File) -> std::io::Result<()> {
    let end = end_of_last_line(file)?;
    file.set_len(end)?;
    file.seek(SeekFrom::Start(end)).map(drop)
}

fn end_of_last_line(file: &mut File) -> std::io::Result<u64> {
    let mut end = file.seek(SeekFrom::End(0))?;
    let mut block = Vec::new();
    while end > 0 {
        let from = end.saturating_sub(BLOCK);
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

/// The run's clock as it goes on, and how that is kept; `None` where this system's clock does not reach back so far.
#[expect(clippy::disallowed_methods, reason = "where the run's clock goes on")]
pub fn clock(saved: &Saved) -> Option<(Instant, Resumption)> {
    let at = saved.last_at.plus(GAP);
    let since = Duration::from_nanos(at.0);
    let epoch = Instant::now().checked_sub(since)?;
    let resumption = Resumption {
        stopped_at: saved.last_at,
        at,
        epoch: super::wall::now().saturating_sub(since),
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        environment: environment::look(),
    };
    Some((epoch, resumption))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_stands_behind_the_last_line_is_cut_however_long_it_is() {
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

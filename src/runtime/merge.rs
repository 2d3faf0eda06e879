//! `tokscope merge`: makes one run of the saved runs of shards.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::assemble::report_from_saved;
use super::console::{self, say_to};
use super::{saved, wall_clock};
use crate::app::state::load::Load;
use crate::domain::quantity::count;
use crate::report::journal::merge::{Merge, MergeCounts};
use crate::report::journal::{self, Saved};
use crate::report::model::Report;
use crate::report::run_figures::RunFigures;
use crate::report::shards::{are_complete, left_to_do, shard_count};
use crate::store::{lock, runs};

/// Merges shards into one run, saves it, and prints its id. Returns the exit status: that of a run that measured the same,
/// and 1 if a shard is missing or incomplete.
pub fn merge(wanted: &[String]) -> anyhow::Result<u8> {
    let mut stderr = std::io::stderr();
    let mut shards = Vec::new();
    let mut paths: Vec<(String, PathBuf)> = Vec::new();
    for name in wanted {
        let path = saved::find(name)?;
        let named = || format!("'{}'", path.display());
        if lock::is_locked(&path).unwrap_or(false) {
            bail!("{}: this shard is still running; merge after its end", named());
        }
        let shard = saved::read(&path).with_context(named)?;
        for warning in &shard.warnings {
            say_to(&mut stderr, &format!("{}: {warning}", shard.run.id));
        }
        paths.push((shard.run.id.clone(), path));
        shards.push(shard);
    }
    let id = format!("ts-{:x}", wall_clock::microseconds_since_1970());
    let merge = Merge::new(id.clone(), shards)?;
    let folder = saved::folder()?;
    let path = runs::journal_path(&folder, &id);
    let journals = open_in_order(&merge, &paths)?;
    let outcome = write(merge, journals, &path);
    let (counts, report, status) = match outcome {
        Ok(written) => written,
        Err(why) => {
            // A part of a merged run must not look like a run.
            drop(std::fs::remove_file(&path));
            return Err(why.context(format!("'{}'", path.display())));
        }
    };
    let state = shard_count(&report.shards).unwrap_or_default();
    let left_out = match counts.left_out {
        0 => String::new(),
        n => format!("; {} replaced by reruns or discarded stay in the shards", count(n, "attempt")),
    };
    let requests = count(counts.attempts, "request");
    say_to(&mut stderr, &format!("Merged {state} with {requests} as {id} (tokscope report {id}){left_out}"));
    for sentence in left_to_do(&report.shards) {
        say_to(&mut stderr, &sentence);
    }
    console::print(format!("{id}\n").as_bytes())?;
    Ok(status)
}

/// Opens the journals in the order of the merge.
fn open_in_order(merge: &Merge, paths: &[(String, PathBuf)]) -> anyhow::Result<Vec<BufReader<File>>> {
    let open = |(_, id): (u64, &str)| {
        let (_, path) = paths.iter().find(|(known, _)| known == id).context("a shard has no journal")?;
        let file = File::open(path).with_context(|| format!("'{}'", path.display()))?;
        Ok(BufReader::with_capacity(1 << 16, file))
    };
    merge.runs().map(open).collect()
}

/// Writes the journal of the merged run, and reads it again for the figures at its end.
fn write(merge: Merge, journals: Vec<BufReader<File>>, path: &Path) -> anyhow::Result<(MergeCounts, Report, u8)> {
    let mut to = BufWriter::with_capacity(1 << 20, lock::create(path)?);
    let counts = merge.write(journals, &mut to)?;
    to.flush()?;
    let merged: Saved = saved::read(path)?;
    let last_at = merged.last_at;
    let report = report_from_saved(merged);
    let figures = RunFigures::new(&report);
    let status = exit_status(&report);
    to.write_all(journal::end(last_at, status, Some(figures)).as_bytes())?;
    to.flush()?;
    to.get_ref().sync_data()?;
    Ok((counts, report, status))
}

fn exit_status(report: &Report) -> u8 {
    let meets_slos = Load::from_session(&report.session, report.finished_at).meets_slos(&report.session);
    u8::from(!are_complete(&report.shards) || report.session.is_partial() || !meets_slos)
}

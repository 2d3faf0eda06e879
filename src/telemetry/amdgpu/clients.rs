//! The processes that use the cards, by what the kernel tells of each open file of a card.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::NAME;
use crate::telemetry::source::GpuUsers;

/// The files of cards begin so.
const CARDS: &str = "/dev/dri/";

/// The users of the cards at these places of the bus. What other users' processes have open cannot be read.
pub(super) fn users_of_gpus(proc_root: &Path, places: &[&str]) -> Vec<GpuUsers> {
    let mut users: Vec<GpuUsers> =
        places.iter().map(|place| GpuUsers { uuid: (*place).to_owned(), pids: Vec::new() }).collect();
    let processes = fs::read_dir(proc_root).into_iter().flatten().flatten();
    for (pid, folder) in processes.filter_map(|p| Some((p.file_name().to_str()?.parse::<u32>().ok()?, p.path()))) {
        let used = used_by(&folder);
        for user in users.iter_mut().filter(|user| used.contains(&user.uuid)) {
            user.pids.push(pid);
        }
    }
    for user in &mut users {
        user.pids.sort_unstable();
    }
    users
}

/// The places of the cards that a process uses.
fn used_by(process: &Path) -> BTreeSet<String> {
    let files = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
    let is_card = |file: &fs::DirEntry| {
        fs::read_link(file.path()).is_ok_and(|to| to.to_str().is_some_and(|to| to.starts_with(CARDS)))
    };
    let told = files.filter(is_card).filter_map(|file| {
        let told = fs::read_to_string(process.join("fdinfo").join(file.file_name())).ok()?;
        place_of_client(&told)
    });
    told.collect()
}

/// The place of the card, from what the kernel tells of a file; `None` where it is another driver's, or nothing of the
/// card's memory was taken through it: who only looks which cards there are opens all of them.
fn place_of_client(told: &str) -> Option<String> {
    let field = |name: &str| told.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
    if field("drm-driver")? != NAME {
        return None;
    }
    let memory: Vec<u64> = told
        .lines()
        .filter(|line| line.starts_with("drm-memory-") || line.starts_with("drm-total-"))
        .filter_map(|line| line.split_once(':')?.1.split_whitespace().next()?.parse().ok())
        .collect();
    let has_some = memory.is_empty() || memory.iter().any(|kib| *kib > 0);
    has_some.then_some(field("drm-pdev")?.to_owned())
}

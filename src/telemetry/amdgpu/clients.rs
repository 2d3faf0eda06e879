//! Finds the processes that use the cards, from the kernel's information on the open files of each process.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::NAME;
use crate::telemetry::source::GpuUsers;

/// Prefix of the device files of cards.
const DEVICE_PREFIX: &str = "/dev/dri/";

/// Returns the processes that use the cards in these PCI slots. The open files of other users' processes are not
/// readable.
pub(super) fn users_of_gpus(proc_root: &Path, slots: &[&str]) -> Vec<GpuUsers> {
    let mut users: Vec<GpuUsers> =
        slots.iter().map(|slot| GpuUsers { uuid: (*slot).to_owned(), pids: Vec::new() }).collect();
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

/// Returns the PCI slots of the cards that a process uses.
fn used_by(process: &Path) -> BTreeSet<String> {
    let files = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
    let is_card = |file: &fs::DirEntry| {
        fs::read_link(file.path()).is_ok_and(|to| to.to_str().is_some_and(|to| to.starts_with(DEVICE_PREFIX)))
    };
    let slots = files.filter(is_card).filter_map(|file| {
        let fdinfo = fs::read_to_string(process.join("fdinfo").join(file.file_name())).ok()?;
        slot_in_fdinfo(&fdinfo)
    });
    slots.collect()
}

/// Returns the PCI slot of the card in a file's `fdinfo`. Returns `None` for other drivers, and for files without GPU
/// memory: a program that lists the cards opens all of them.
fn slot_in_fdinfo(fdinfo: &str) -> Option<String> {
    let field = |name: &str| fdinfo.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
    if field("drm-driver")? != NAME {
        return None;
    }
    let memory: Vec<u64> = fdinfo
        .lines()
        .filter(|line| line.starts_with("drm-memory-") || line.starts_with("drm-total-"))
        .filter_map(|line| line.split_once(':')?.1.split_whitespace().next()?.parse().ok())
        .collect();
    let has_memory = memory.is_empty() || memory.iter().any(|kib| *kib > 0);
    has_memory.then_some(field("drm-pdev")?.to_owned())
}

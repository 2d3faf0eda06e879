//! This process as the system sees it: limits, parent, CPU time and memory.

use std::io;
use std::time::Duration;

/// Number of open files that requests do not account for: terminal, journal, libraries and runtime.
const OWN_FILES: u64 = 64;

/// Error if the limit of open files is too low for the run.
#[derive(Debug, thiserror::Error)]
#[error(
    "{requests} requests in flight need {needed} open files, and this process may have {allowed}: raise the hard limit \
     (`ulimit -Hn`, or LimitNOFILE= of the service), or lower --concurrency"
)]
pub struct TooFewFiles {
    requests: usize,
    needed: u64,
    allowed: u64,
}

/// Raises the limit of open files to the maximum that the system allows. Returns the limit, or `None` if there is none.
pub fn raise_open_files() -> Option<u64> {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        // macOS refuses "no limit"; keep the old limit then.
        if setrlimit(Resource::Nofile, raised).is_ok() { limit.maximum } else { limit.current }
    }
    #[cfg(not(unix))]
    None
}

/// Raises the limit of open files for this many requests in flight. Fails if the limit remains too low.
pub fn provide_for(requests: usize) -> Result<(), TooFewFiles> {
    check(requests, raise_open_files())
}

fn check(requests: usize, allowed: Option<u64>) -> Result<(), TooFewFiles> {
    let needed = requests as u64 + OWN_FILES;
    match allowed {
        // A single request always fits, regardless of the estimate.
        Some(allowed) if needed > allowed && requests > 1 => Err(TooFewFiles { requests, needed, allowed }),
        _ => Ok(()),
    }
}

/// Asks the system to end this process when the thread that started it ends. Works only on Linux.
pub fn end_with_parent() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))?;
    Ok(())
}

/// Returns whether this process was started with this signal ignored, like SIGHUP under `nohup`. Returns false if the
/// system does not report this.
pub fn ignores(signal: i32) -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| has_ignored(&status, signal))
}

fn has_ignored(status: &str, signal: i32) -> bool {
    // Bit 0 is signal 1.
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let bits = ignored.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok());
    let place = u32::try_from(signal - 1).unwrap_or(u32::MAX);
    bits.and_then(|bits| bits.checked_shr(place)).is_some_and(|bits| bits & 1 == 1)
}

/// Returns the ids of the threads of this process with this name; empty if the system does not report them.
pub fn threads_named(name: &str) -> Vec<u32> {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return Vec::new() };
    let is_named =
        |path: &std::path::Path| std::fs::read_to_string(path.join("comm")).is_ok_and(|comm| comm.trim_end() == name);
    let id = |task: std::fs::DirEntry| task.file_name().to_str()?.parse().ok();
    tasks.flatten().filter(|task| is_named(&task.path())).filter_map(id).collect()
}

/// Returns the CPU time that a thread of this process has used.
pub fn thread_cpu(thread: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/self/task/{thread}/schedstat")).ok()?;
    Some(Duration::from_nanos(stat.split_whitespace().next()?.parse().ok()?))
}

/// Returns the CPU time that the calling thread has used.
pub fn this_thread_cpu() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(stat.split_whitespace().next()?.parse().ok()?))
}

/// Returns the memory of this process in RAM, MiB (2^20 bytes).
pub fn resident_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_files_are_reported_with_a_remedy() {
        assert!(check(5000, None).is_ok() && check(1, Some(10)).is_ok() && check(960, Some(1024)).is_ok());
        let why = check(961, Some(1024)).unwrap_err().to_string();
        assert!(
            why.starts_with("961 requests in flight need 1025 open files, and this process may have 1024"),
            "{why}"
        );
    }

    #[test]
    fn an_ignored_signal_has_its_bit() {
        let status = |bits: &str| format!("Name:\ttokscope\nSigBlk:\t0000000000000005\nSigIgn:\t{bits}\n");
        assert!(has_ignored(&status("0000000000001001"), 1) && has_ignored(&status("0000000000001001"), 13));
        assert!(!has_ignored(&status("0000000000001000"), 1) && !has_ignored("Name:\tx\n", 1));
        assert!(has_ignored(&status("8000000000000000"), 64) && !has_ignored(&status("ffffffffffffffff"), 65));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_thread_is_found_by_its_name_and_uses_time() {
        let (ready, wait) = std::sync::mpsc::channel();
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let body = move || {
            ready.send(()).unwrap();
            let _ends = stopped.recv();
        };
        let thread = std::thread::Builder::new().name("watched".to_owned()).spawn(body).unwrap();
        wait.recv().unwrap();
        let found = threads_named("watched");
        assert_eq!(found.len(), 1);
        assert!(thread_cpu(found[0]).is_some_and(|used| used > Duration::ZERO));
        drop(stop);
        thread.join().unwrap();
        assert!(resident_mib().is_some_and(|mib| mib > 1.0));
    }
}

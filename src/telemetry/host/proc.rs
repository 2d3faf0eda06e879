//! Reads the machine's figures on Linux, from five short files in `/proc`.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::{HostConfig, Machine};
use crate::domain::host::HostSample;
use crate::domain::time::Nanos;

/// Resolution of CPU times in `/proc`, ticks per second. Linux reports 100 on every current architecture.
const TICKS_PER_S: f64 = 100.0;
const NANOS_PER_S: f64 = 1e9;

pub(super) struct Proc {
    root: PathBuf,
    thread: &'static str,
    previous: Counters,
}

/// Counters that only increase.
#[derive(Clone, Debug, Default, PartialEq)]
struct Counters {
    /// Busy and total ticks, first of all cores together and then of each core.
    cores: Vec<(u64, u64)>,
    /// CPU time of tokscope, in ticks.
    own_ticks: Option<u64>,
    /// CPU time of the engine's thread, nanoseconds.
    engine_nanos: Option<u64>,
}

impl Proc {
    pub(super) fn new(config: &HostConfig) -> Self {
        Self { root: config.proc_root.clone(), thread: config.thread, previous: Counters::default() }
    }

    fn file(&self, file: &str) -> Option<String> {
        fs::read_to_string(self.root.join(file)).ok()
    }

    fn counters(&self) -> Option<Counters> {
        let cores: Vec<_> = self.file("stat")?.lines().map_while(core).collect();
        let own_ticks = self.file("self/stat").and_then(|stat| {
            // The process name may contain anything. The remaining fields start after its last parenthesis.
            let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split_whitespace().collect();
            let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
            ticks(11)?.checked_add(ticks(12)?)
        });
        (!cores.is_empty()).then(|| Counters { cores, own_ticks, engine_nanos: self.engine_nanos() })
    }

    fn engine_nanos(&self) -> Option<u64> {
        let threads = fs::read_dir(self.root.join("self/task")).ok()?.flatten();
        let is_engine =
            |folder: &PathBuf| fs::read_to_string(folder.join("comm")).is_ok_and(|name| name.trim_end() == self.thread);
        let folder = threads.map(|thread| thread.path()).find(is_engine)?;
        fs::read_to_string(folder.join("schedstat")).ok()?.split_whitespace().next()?.parse().ok()
    }

    fn memory(&self, at: Nanos) -> HostSample {
        let (machine, own) = (self.file("meminfo").unwrap_or_default(), self.file("self/status").unwrap_or_default());
        let (machine, own) = (mib(&machine), mib(&own));
        let total = machine.get("MemTotal").copied();
        HostSample {
            at,
            memory_total_mib: total,
            memory_used_mib: total.zip(machine.get("MemAvailable")).map(|(total, free)| total - free),
            own_rss_mib: own.get("VmRSS").copied(),
            ..HostSample::default()
        }
    }
}

impl Machine for Proc {
    // The CPU times advance in steps of 10 ms, too coarse for a shorter time.
    const MIN_GAP: Duration = Duration::from_millis(200);

    fn read(&mut self, at: Nanos, since: Option<Duration>) -> Option<HostSample> {
        let now = self.counters()?;
        let mut sample = self.memory(at);
        if let Some(time) = since {
            let previous = &self.previous;
            let shares: Vec<Option<f64>> =
                previous.cores.iter().zip(&now.cores).map(|(previous, now)| share(*previous, *now)).collect();
            sample.cpu_busy_percent = shares.first().copied().flatten();
            sample.busiest_core_percent = shares.iter().skip(1).copied().flatten().reduce(f64::max);
            let core_percent = |previous: Option<u64>, now: Option<u64>, per_s: f64| {
                Some(now?.checked_sub(previous?)? as f64 / per_s / time.as_secs_f64() * 100.0)
            };
            sample.own_cpu_percent = core_percent(previous.own_ticks, now.own_ticks, TICKS_PER_S);
            sample.own_engine_percent = core_percent(previous.engine_nanos, now.engine_nanos, NANOS_PER_S);
        }
        self.previous = now;
        Some(sample)
    }
}

/// Returns busy and total ticks of a line like `cpu0 user nice system idle iowait irq softirq steal …`.
fn core(line: &str) -> Option<(u64, u64)> {
    let (name, ticks) = line.split_once(' ')?;
    // Skip guest times, which the user times already include.
    let ticks: Vec<u64> = ticks.split_whitespace().take(8).map_while(|n| n.parse().ok()).collect();
    let idle = ticks.get(3)?.checked_add(*ticks.get(4).unwrap_or(&0))?;
    let all: u64 = ticks.iter().sum();
    name.starts_with("cpu").then_some((all.checked_sub(idle)?, all))
}

/// Returns the busy share between two samples, percent.
fn share(previous: (u64, u64), now: (u64, u64)) -> Option<f64> {
    let (busy, all) = (now.0.checked_sub(previous.0)?, now.1.checked_sub(previous.1)?);
    (all > 0).then(|| busy as f64 / all as f64 * 100.0)
}

/// Returns the fields with values in kB, converted to MiB.
fn mib(text: &str) -> HashMap<&str, f64> {
    let field = |line| {
        let (name, value): (&str, &str) = str::split_once(line, ':')?;
        Some((name, value.trim().strip_suffix(" kB")?.parse::<f64>().ok()? / 1024.0))
    };
    text.lines().filter_map(field).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::mpsc::channel;

    use super::super::{HostSampler, watch_host};
    use super::*;
    use crate::domain::host::HostEvent;

    fn write(root: &Path, file: &str, text: &str) {
        fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
        fs::write(root.join(file), text).unwrap();
    }

    /// Writes the files after this number of ticks. The first core was always busy, the second a quarter of the time.
    fn machine(root: &Path, ticks: u64) {
        let (busy, idle) = (ticks + ticks / 4, ticks * 3 / 4);
        let stat = format!(
            "cpu  {busy} 0 0 {idle} 0 0 0 0 77 0\ncpu0 {ticks} 0 0 5 0 0 0 0 0 0\ncpu1 {} 0 0 {} {} 0 0 0 0 0\nintr 1 2\n",
            ticks / 4,
            ticks / 4,
            ticks / 2,
        );
        write(root, "stat", &stat);
        // tokscope used half a core, and its engine half of that.
        write(root, "self/stat", &format!("4 (a ) b) S 1 4 4 0 -1 0 0 0 0 0 {} {} 0 0 20\n", ticks / 4, ticks / 4));
        write(root, "self/task/5/comm", "other\n");
        write(root, "self/task/5/schedstat", "1 2 3\n");
        write(root, "self/task/6/comm", "engine\n");
        write(root, "self/task/6/schedstat", &format!("{} 5 6\n", ticks * 2_500_000));
        write(root, "meminfo", "MemTotal:  2048 kB\nMemFree: 1 kB\nMemAvailable:  512 kB\nHugePages_Total: 4\n");
        write(root, "self/status", "Name:\ttokscope\nVmRSS:\t   3072 kB\n");
    }

    #[test]
    fn shares_cover_the_time_since_the_previous_sample() {
        let root = tempfile::tempdir().unwrap();
        let config =
            HostConfig { interval: Duration::from_secs(1), proc_root: root.path().to_owned(), thread: "engine" };
        let mut sampler = HostSampler::new(config.interval, Proc::new(&config));
        let mut at = |ms: u64, ticks: u64| {
            machine(root.path(), ticks);
            match sampler.sample(Nanos::from_millis(ms)) {
                Some(HostEvent::Sample(sample)) => Some(sample),
                None => None,
                Some(other) => panic!("{other:?}"),
            }
        };
        let memory = HostSample {
            at: Nanos::from_millis(1000),
            memory_used_mib: Some(1.5),
            memory_total_mib: Some(2.0),
            own_rss_mib: Some(3.0),
            ..HostSample::default()
        };
        assert_eq!(at(1000, 400), Some(memory), "no previous sample");
        assert_eq!(at(1199, 420), None, "too soon");
        let expected = HostSample {
            at: Nanos::from_millis(2000),
            cpu_busy_percent: Some(62.5),
            busiest_core_percent: Some(100.0),
            own_cpu_percent: Some(50.0),
            own_engine_percent: Some(25.0),
            ..memory
        };
        assert_eq!(at(2000, 500), Some(expected));
        // After a pause, a sample has no shares.
        assert_eq!(at(6001, 900), Some(HostSample { at: Nanos::from_millis(6001), ..memory }));
    }

    #[test]
    fn a_system_without_figures_gives_a_reason() {
        let root = tempfile::tempdir().unwrap();
        let config =
            HostConfig { interval: Duration::from_secs(1), proc_root: root.path().to_owned(), thread: "engine" };
        let (sink, events) = channel();
        let host = watch_host(config, Nanos::default, move |event| drop(sink.send(event)));
        assert!(host.sample_and_wait(Duration::from_secs(60)));
        let why = "the system does not report its load".to_owned();
        assert_eq!(events.try_iter().collect::<Vec<_>>(), [HostEvent::Absent(why)]);
    }
}

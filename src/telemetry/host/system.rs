//! Reads the machine's figures on other systems than Linux, through the sysinfo library.

use std::time::Duration;

use sysinfo::{MINIMUM_CPU_UPDATE_INTERVAL, MemoryRefreshKind, Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use super::{HostConfig, Machine};
use crate::domain::host::HostSample;
use crate::domain::time::Nanos;

const BYTES_PER_MIB: f64 = 1_048_576.0;

pub(super) struct SysinfoMachine {
    system: System,
    /// CPU time of tokscope up to the previous sample, milliseconds.
    own_ms: Option<u64>,
}

impl SysinfoMachine {
    pub(super) fn new(_config: &HostConfig) -> Self {
        Self { system: System::new(), own_ms: None }
    }
}

impl Machine for SysinfoMachine {
    // Twice the time for which sysinfo repeats its last figures. The factor covers differences between the clock of
    // sysinfo and the run's clock.
    const MIN_GAP: Duration = MINIMUM_CPU_UPDATE_INTERVAL.saturating_mul(2);

    fn read(&mut self, at: Nanos, since: Option<Duration>) -> Option<HostSample> {
        let system = &mut self.system;
        let own = Pid::from_u32(std::process::id());
        system.refresh_cpu_usage();
        system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        let refresh = ProcessRefreshKind::nothing().with_cpu().with_memory();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[own]), true, refresh);
        let (cores, own) = (system.cpus(), system.process(own));
        if cores.is_empty() {
            return None;
        }
        let mut sample = HostSample {
            at,
            memory_used_mib: mib(system.used_memory()),
            memory_total_mib: mib(system.total_memory()),
            own_rss_mib: own.and_then(|own| mib(own.memory())),
            ..HostSample::default()
        };
        // Compute the share here: sysinfo's share of a process keeps an old value while the process is idle.
        let own_ms = own.map(sysinfo::Process::accumulated_cpu_time).filter(|ms| *ms > 0);
        if let Some(time) = since {
            sample.cpu_busy_percent = percent(system.global_cpu_usage());
            sample.busiest_core_percent = cores.iter().filter_map(|core| percent(core.cpu_usage())).reduce(f64::max);
            let own_delta_ms = own_ms.zip(self.own_ms).and_then(|(now, previous)| now.checked_sub(previous));
            sample.own_cpu_percent = own_delta_ms.map(|ms| ms as f64 / 1000.0 / time.as_secs_f64() * 100.0);
        }
        self.own_ms = own_ms;
        Some(sample)
    }
}

/// Converts a share to percent. 0 means unknown to sysinfo: a machine that takes a sample is never fully idle.
fn percent(share: f32) -> Option<f64> {
    (share > 0.0).then(|| f64::from(share).min(100.0))
}

/// Converts bytes to MiB. 0 means unknown, as with shares.
fn mib(bytes: u64) -> Option<f64> {
    (bytes > 0).then(|| bytes as f64 / BYTES_PER_MIB)
}

#[cfg(test)]
mod tests {
    use super::super::HostSampler;
    use super::*;
    use crate::domain::host::HostEvent;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the library has no other clock")]
    fn memory_is_read_at_once_and_shares_from_the_second_sample() {
        let started = std::time::Instant::now();
        let now = || Nanos::default().plus(started.elapsed());
        // Use an interval so long that no delay of the test counts as a pause.
        let interval = Duration::from_secs(3600);
        let config = HostConfig { interval, proc_root: "".into(), thread: "" };
        let mut sampler = HostSampler::new(interval, SysinfoMachine::new(&config));
        let mut sample_at = |at| match sampler.sample(at) {
            Some(HostEvent::Sample(sample)) => Some(sample),
            None => None,
            Some(other) => panic!("{other:?}"),
        };
        let first = sample_at(now()).unwrap();
        let (used, total) = first.memory_used_mib.zip(first.memory_total_mib).unwrap();
        let own = first.own_rss_mib.unwrap();
        // A process uses some MiB, and no machine has a thousand TiB. Other values would mean that bytes and KiB were
        // confused.
        assert!(1.0 < own && own < total && 1.0 < used && used < total && total < 1e9, "{first:?}");
        let no_shares = |s: &HostSample| [s.cpu_busy_percent, s.busiest_core_percent, s.own_cpu_percent] == [None; 3];
        assert!(no_shares(&first), "{first:?}");
        assert_eq!(sample_at(first.at.plus(Duration::from_millis(399))), None, "too soon");

        // Sample without a break, which uses enough CPU to be visible.
        let worked = |s: &HostSample| s.busiest_core_percent.is_some() && s.own_cpu_percent > Some(0.0);
        let second = std::iter::from_fn(|| Some(sample_at(now()))).flatten().find(worked).unwrap();
        let (all, busiest) = second.cpu_busy_percent.zip(second.busiest_core_percent).unwrap();
        assert!([all, busiest].iter().all(|share| 0.0 < *share && *share <= 100.0), "{second:?}");
        assert_eq!(second.own_engine_percent, None);
        let late = sample_at(second.at.plus(interval * 5)).unwrap();
        assert!(no_shares(&late) && late.own_rss_mib.is_some(), "no shares after a pause: {late:?}");
    }

    #[test]
    fn unknown_values_are_no_figures() {
        assert_eq!([0.0, -0.5, f32::NAN, 100.5, 40.0].map(percent), [None, None, None, Some(100.0), Some(40.0)]);
        assert_eq!([0, 3 << 20].map(mib), [None, Some(3.0)]);
    }
}

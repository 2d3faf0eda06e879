//! Samples the load of this machine and the part of it that tokscope causes. Takes one sample per second, on a thread
//! that otherwise sleeps.

#[cfg(target_os = "linux")]
mod proc;
#[cfg(any(test, not(target_os = "linux")))]
mod system;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::time::Duration;

#[cfg(target_os = "linux")]
use self::proc::Proc as ThisMachine;
#[cfg(not(target_os = "linux"))]
use self::system::SysinfoMachine as ThisMachine;
use super::Sampler;
use super::sampling_loop::run_loop;
use super::ticker::Ticker;
use crate::domain::host::{HostEvent, HostSample};
use crate::domain::time::Nanos;

/// Configuration of the host sampler.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// Time between two samples.
    pub interval: Duration,
    /// Root of Linux' process file system, normally `/proc`.
    pub proc_root: PathBuf,
    /// Name of the thread whose CPU share is reported separately, on Linux only.
    pub thread: &'static str,
}

/// Maximum age of the previous sample, in intervals. After a longer pause, no CPU shares are computed.
const MAX_GAP_INTERVALS: u32 = 4;

/// Starts the host sampler. It starts inactive, like the GPU sampler, but takes no sample before the first request.
pub fn watch_host(
    config: HostConfig,
    now: impl Fn() -> Nanos + Send + 'static,
    sink: impl Fn(HostEvent) + Send + 'static,
) -> Sampler {
    let (commands, inbox) = channel();
    let thread = move || {
        let watch = || {
            let mut ticker = Ticker::new(config.interval);
            let mut sampler = HostSampler::new(config.interval, ThisMachine::new(&config));
            let at = &now;
            run_loop(&inbox, &mut ticker, at, |_requested| {
                if let Some(event) = sampler.sample(at()) {
                    sink(event);
                }
            });
        };
        if catch_unwind(AssertUnwindSafe(watch)).is_err() {
            sink(HostEvent::Absent("host sampling stopped after an internal error".to_owned()));
        }
    };
    // If the thread cannot start, there are no figures, and the report says so.
    drop(std::thread::Builder::new().name("host".to_owned()).spawn(thread));
    Sampler { commands }
}

/// Source of the figures. Keeps its counters between samples.
trait Machine {
    /// Minimum time between two samples. Figures over a shorter time are too coarse.
    const MIN_GAP: Duration;

    /// Reads the figures. CPU shares cover the time `since` the previous sample. The first sample and the first one
    /// after a pause have no shares; `since` is then `None`. Returns `None` if the system reports no figures.
    fn read(&mut self, at: Nanos, since: Option<Duration>) -> Option<HostSample>;
}

struct HostSampler<M> {
    machine: M,
    max_gap: Duration,
    previous: Option<Nanos>,
}

impl<M: Machine> HostSampler<M> {
    fn new(interval: Duration, machine: M) -> Self {
        Self { machine, max_gap: interval * MAX_GAP_INTERVALS, previous: None }
    }

    /// Takes a sample unless the previous one is too recent. The first sample has only memory figures.
    fn sample(&mut self, at: Nanos) -> Option<HostEvent> {
        let since = self.previous.map(|previous| at.since(previous));
        if since.is_some_and(|since| since < M::MIN_GAP) {
            return None;
        }
        let Some(sample) = self.machine.read(at, since.filter(|since| *since <= self.max_gap)) else {
            return Some(HostEvent::Absent("the system does not report its load".to_owned()));
        };
        self.previous = Some(at);
        Some(HostEvent::Sample(sample))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_read_before_the_first_request() {
        let config =
            HostConfig { interval: Duration::from_millis(1), proc_root: PathBuf::from("/proc"), thread: "engine" };
        let (sink, events) = channel();
        drop(watch_host(config, Nanos::default, move |event| drop(sink.send(event))));
        assert_eq!(events.iter().count(), 0);
    }
}

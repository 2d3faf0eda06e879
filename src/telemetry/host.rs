//! The machine that this program runs on, and what this program takes of it: a look a second on a thread that sleeps
//! meanwhile.

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
use super::sampling_loop::attend;
use super::ticker::Ticker;
use crate::domain::host::{HostEvent, HostSample};
use crate::domain::time::Nanos;

/// How to look.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// Time between two looks.
    pub interval: Duration,
    /// Where Linux tells of processes and memory.
    pub proc_root: PathBuf,
    /// The name of the thread whose share is told by itself, on Linux.
    pub thread: &'static str,
}

/// Over so many intervals it was no longer looked at.
const LONGEST_INTERVALS: u32 = 4;

/// Starts to look at the machine. Like the GPUs' sampler it begins inactive, and reads nothing before it is asked to.
pub fn watch_host(
    config: HostConfig,
    now: impl Fn() -> Nanos + Send + 'static,
    sink: impl Fn(HostEvent) + Send + 'static,
) -> Sampler {
    let (commands, inbox) = channel();
    let thread = move || {
        let watch = || {
            let mut pace = Ticker::new(config.interval);
            let mut looks = HostSampler::new(config.interval, ThisMachine::new(&config));
            let at = &now;
            attend(&inbox, &mut pace, at, |_asked| {
                if let Some(event) = looks.look(at()) {
                    sink(event);
                }
            });
        };
        if catch_unwind(AssertUnwindSafe(watch)).is_err() {
            sink(HostEvent::Absent("an internal error ended the look at this machine".to_owned()));
        }
    };
    // Without a thread there are no figures, which is what the report then says.
    drop(std::thread::Builder::new().name("host".to_owned()).spawn(thread));
    Sampler { commands }
}

/// Where the figures come from. It keeps what it counts from one look to the next.
trait Machine {
    /// Over a shorter time its figures are too coarse.
    const SHORTEST: Duration;

    /// What is seen now, with shares of the time since the look before; without any where that is `None`: at the first
    /// look, and after a pause. `None`: the system does not tell.
    fn look(&mut self, at: Nanos, since: Option<Duration>) -> Option<HostSample>;
}

struct HostSampler<M> {
    machine: M,
    longest: Duration,
    before: Option<Nanos>,
}

impl<M: Machine> HostSampler<M> {
    fn new(interval: Duration, machine: M) -> Self {
        Self { machine, longest: interval * LONGEST_INTERVALS, before: None }
    }

    /// What is seen now; the first look of all has nothing to tell but the memory.
    fn look(&mut self, at: Nanos) -> Option<HostEvent> {
        let since = self.before.map(|before| at.since(before));
        if since.is_some_and(|since| since < M::SHORTEST) {
            return None;
        }
        let Some(sample) = self.machine.look(at, since.filter(|since| *since <= self.longest)) else {
            return Some(HostEvent::Absent("the system does not tell how busy it is".to_owned()));
        };
        self.before = Some(at);
        Some(HostEvent::Sample(sample))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_seen_before_somebody_asks() {
        let config =
            HostConfig { interval: Duration::from_millis(1), proc_root: PathBuf::from("/proc"), thread: "engine" };
        let (sink, events) = channel();
        drop(watch_host(config, Nanos::default, move |event| drop(sink.send(event))));
        assert_eq!(events.iter().count(), 0);
    }
}

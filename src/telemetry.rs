//! Floor 2: the GPUs, the server's own gauges and this machine, each on a thread of its own.

#[cfg(target_os = "linux")]
mod amdgpu;
mod dcgm;
mod host;
#[cfg(target_os = "linux")]
mod listener;
#[cfg(unix)]
mod macmon;
#[cfg(any(target_os = "linux", windows))]
mod nvml;
mod page;
mod sampler;
mod sampling_loop;
mod scope;
mod server;
mod source;
mod sources;
mod ticker;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel, sync_channel};
use std::time::Duration;

pub use self::host::{HostConfig, watch_host};
use self::sampler::SamplerThread;
use self::sampling_loop::Command;
pub use self::server::watch_server;
pub use self::sources::{GpuChoice, SOURCES, Source, source_by_name};
use crate::domain::gpu::GpuEvent;
use crate::domain::gpu_scope::GpuScope;
use crate::domain::time::Nanos;

/// Why there are no figures where nobody wanted any.
pub const NOT_ASKED: &str = "not asked for (--gpu none)";

/// How to sample.
#[derive(Clone, Debug)]
pub struct SamplerConfig {
    /// Time between two samples.
    pub interval: Duration,
    /// The driver's library, where it is not in its usual place.
    pub lib_path: Option<PathBuf>,
    /// The endpoint whose GPUs are looked for; `None`: it is not asked whether these are its own.
    pub endpoint: Option<Endpoint>,
    /// Where Linux tells of processes and memory.
    pub proc_root: PathBuf,
    /// Where Linux tells of devices.
    pub sys_root: PathBuf,
    /// The names of AMD's GPUs, as the library of its driver has them.
    pub amdgpu_ids: PathBuf,
    /// Where programs are looked for, as `PATH` has it.
    pub program_path: Option<OsString>,
    /// Which source it is to be.
    pub choice: GpuChoice,
    /// The pages of metrics on which other machines tell of their GPUs.
    pub metrics_urls: Vec<String>,
}

impl Default for SamplerConfig {
    /// Four samples a second, beyond which most sensors have nothing new.
    fn default() -> Self {
        Self {
            interval: Duration::from_millis(250),
            lib_path: None,
            endpoint: None,
            proc_root: PathBuf::from("/proc"),
            sys_root: PathBuf::from("/sys"),
            amdgpu_ids: PathBuf::from("/usr/share/libdrm/amdgpu.ids"),
            program_path: std::env::var_os("PATH"),
            choice: GpuChoice::Auto,
            metrics_urls: Vec::new(),
        }
    }
}

/// Where requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// A name or an address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// The sampler's thread, seen from outside. No call waits for the driver, which may hang for ever; dropping this tells
/// the thread to stop and does not wait either.
#[derive(Debug)]
pub struct Sampler {
    commands: Sender<Command>,
}

impl Sampler {
    /// Takes a sample now, out of turn. Several that pile up behind a slow driver are one.
    pub fn sample_now(&self) {
        self.send(Command::Sample(None));
    }

    /// Takes a sample now, and waits until its events are in the sink: at most `limit`. False when there came none,
    /// because the driver is silent or there are no GPUs.
    pub fn sample_and_wait(&self, limit: Duration) -> bool {
        let (taken, wait) = channel();
        self.send(Command::Sample(Some(taken)));
        wait.recv_timeout(limit).is_ok()
    }

    /// Whether to sample at each interval. It begins inactive: after one first sample the thread only waits for orders.
    pub fn set_active(&self, active: bool) {
        self.send(Command::Active(active));
    }

    fn send(&self, command: Command) {
        // The thread is gone when there are no GPUs, and it has said so.
        drop(self.commands.send(command));
    }
}

/// Starts the sampler. `now` is the run's clock; `sink` gets every event, from the sampler's thread.
pub fn start(
    config: SamplerConfig,
    now: impl Fn() -> Nanos + Send + 'static,
    sink: impl Fn(GpuEvent) + Send + 'static,
) -> Sampler {
    if config.choice == GpuChoice::None {
        // Nobody takes the commands, and nobody waits for an answer.
        let (commands, _nobody) = channel();
        let why = NOT_ASKED.to_owned();
        sink(GpuEvent::Scope(GpuScope::Unknown { why: why.clone() }));
        sink(GpuEvent::Absent(why));
        return Sampler { commands };
    }
    start_with(sources::open, config, now, sink)
}

fn start_with(
    open: impl FnOnce(&SamplerConfig, source::Use<'_>) -> Result<(), String> + Send + 'static,
    config: SamplerConfig,
    now: impl Fn() -> Nanos + Send + 'static,
    sink: impl Fn(GpuEvent) + Send + 'static,
) -> Sampler {
    let (commands, inbox) = channel();
    // The sink follows the thread, so that it is still here when there is none.
    let (give, take) = sync_channel(1);
    let thread = move || {
        if let Ok(sink) = take.recv() {
            SamplerThread::new(config, now, sink).run(&inbox, open);
        }
    };
    match std::thread::Builder::new().name("gpu".to_owned()).spawn(thread) {
        Ok(_) => drop(give.send(sink)),
        Err(error) => sink(GpuEvent::Absent(format!("the thread that reads the GPUs did not start: {error}"))),
    }
    Sampler { commands }
}

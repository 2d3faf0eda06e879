//! Floor 2: samplers for the GPUs, the server's own metrics and this machine, each on its own thread.

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
mod simulated;
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

/// Reason for missing GPU figures if the user turned them off. Saved runs contain this text, and resuming a run
/// compares it.
pub const NOT_ASKED: &str = "turned off (--gpu none)";

/// Configuration of the GPU sampler.
#[derive(Clone, Debug)]
pub struct SamplerConfig {
    /// Time between two samples.
    pub interval: Duration,
    /// Path of the NVML library, if the library is not in a usual place.
    pub lib_path: Option<PathBuf>,
    /// Endpoint that the GPUs may serve; `None` skips this check.
    pub endpoint: Option<Endpoint>,
    /// Root of Linux' process file system, normally `/proc`.
    pub proc_root: PathBuf,
    /// Root of Linux' device file system, normally `/sys`.
    pub sys_root: PathBuf,
    /// List of AMD product names, as libdrm installs it.
    pub amdgpu_ids: PathBuf,
    /// Search path for programs, in the format of `PATH`.
    pub program_path: Option<OsString>,
    /// Source to read.
    pub choice: GpuChoice,
    /// URLs of the metrics pages on which other machines report their GPUs.
    pub metrics_urls: Vec<String>,
}

impl Default for SamplerConfig {
    /// Samples four times a second, because most sensors do not update more often.
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

/// Host and port to which the requests are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Host name or IP address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// Handle of a sampler's thread. No call waits for the driver, which may hang. Dropping the handle stops the thread
/// without waiting for it.
#[derive(Debug)]
pub struct Sampler {
    commands: Sender<Command>,
}

impl Sampler {
    /// Takes a sample now, in addition to the regular ones. Several requests that wait for a slow driver share one
    /// sample.
    pub fn sample_now(&self) {
        self.send(Command::Sample(None));
    }

    /// Takes a sample now and waits, for at most `limit`, until the sink has its events. Returns false if this takes
    /// longer, or if the thread has ended because there are no GPUs.
    pub fn sample_and_wait(&self, limit: Duration) -> bool {
        let (taken, wait) = channel();
        self.send(Command::Sample(Some(taken)));
        wait.recv_timeout(limit).is_ok()
    }

    /// Starts or stops regular sampling. A new sampler takes one initial sample and then only the requested ones.
    pub fn set_active(&self, active: bool) {
        self.send(Command::Active(active));
    }

    fn send(&self, command: Command) {
        // Sending fails if the thread has ended; then the thread has already reported why.
        drop(self.commands.send(command));
    }
}

/// Starts the sampler. `now` reads the run's clock. `sink` receives every event, on the sampler's thread.
pub fn start(
    config: SamplerConfig,
    now: impl Fn() -> Nanos + Send + 'static,
    sink: impl Fn(GpuEvent) + Send + 'static,
) -> Sampler {
    if config.choice == GpuChoice::None {
        // Drop the receiver, so that no call waits for a reply.
        let (commands, _no_receiver) = channel();
        let why = NOT_ASKED.to_owned();
        sink(GpuEvent::Scope(GpuScope::Unknown { why: why.clone() }));
        sink(GpuEvent::Absent(why));
        return Sampler { commands };
    }
    start_with(sources::open, config, now, sink)
}

fn start_with(
    open: impl FnOnce(&SamplerConfig, source::WithSource<'_>) -> Result<(), String> + Send + 'static,
    config: SamplerConfig,
    now: impl Fn() -> Nanos + Send + 'static,
    sink: impl Fn(GpuEvent) + Send + 'static,
) -> Sampler {
    let (commands, inbox) = channel();
    // Pass the sink on only after the thread was started: if starting fails, the sink must report this.
    let (sink_sender, sink_receiver) = sync_channel(1);
    let thread = move || {
        if let Ok(sink) = sink_receiver.recv() {
            SamplerThread::new(config, now, sink).run(&inbox, open);
        }
    };
    match std::thread::Builder::new().name("gpu".to_owned()).spawn(thread) {
        Ok(_) => drop(sink_sender.send(sink)),
        Err(error) => sink(GpuEvent::Absent(format!("cannot start the GPU sampling thread: {error}"))),
    }
    Sampler { commands }
}

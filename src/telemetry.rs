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

/// Reason for missing GPU figures when the user disabled them. Saved runs contain this text, and resuming one compares
/// it.
pub const NOT_ASKED: &str = "turned off (--gpu none)";

/// Configuration of the GPU sampler.
#[derive(Clone, Debug)]
pub struct SamplerConfig {
    /// Time between two samples.
    pub interval: Duration,
    /// Path of the NVML library, if it is not in its usual place.
    pub lib_path: Option<PathBuf>,
    /// Endpoint whose GPUs are wanted. With `None`, the sampler does not check whether the GPUs belong to an endpoint.
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
    /// Samples four times a second. Most sensors do not update more often.
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

/// Host and port that receive the requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Host name or IP address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// Handle to the sampler's thread. No call waits for the driver, which may hang; dropping the handle stops the thread
/// without waiting for it.
#[derive(Debug)]
pub struct Sampler {
    commands: Sender<Command>,
}

impl Sampler {
    /// Takes a sample now, in addition to the regular ones. Requests that queue up behind a slow driver are merged.
    pub fn sample_now(&self) {
        self.send(Command::Sample(None));
    }

    /// Takes a sample now and waits at most `limit` until its events reached the sink. Returns false if none arrived,
    /// because the driver does not answer or there are no GPUs.
    pub fn sample_and_wait(&self, limit: Duration) -> bool {
        let (taken, wait) = channel();
        self.send(Command::Sample(Some(taken)));
        wait.recv_timeout(limit).is_ok()
    }

    /// Starts or stops regular sampling. The sampler starts inactive: after one initial sample it only serves requests.
    pub fn set_active(&self, active: bool) {
        self.send(Command::Active(active));
    }

    fn send(&self, command: Command) {
        // Without GPUs the thread has already reported that and ended.
        drop(self.commands.send(command));
    }
}

/// Starts the sampler. `now` is the run's clock. `sink` receives every event, on the sampler's thread.
pub fn start(
    config: SamplerConfig,
    now: impl Fn() -> Nanos + Send + 'static,
    sink: impl Fn(GpuEvent) + Send + 'static,
) -> Sampler {
    if config.choice == GpuChoice::None {
        // No thread receives the commands, so no call waits for a reply.
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
    // The sink is sent after the thread was spawned, so that it can still report a failure to spawn.
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

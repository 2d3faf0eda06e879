//! Starts and controls the threads that sample the GPUs, this machine and the server's metrics during a run.

use std::sync::mpsc::Sender;
use std::time::Duration;

use super::clock::Clock;
use super::spec::TelemetrySpec;
use super::wake::Wake;
use crate::app::message::Msg;
use crate::engine::{self, EngineConfig, InvalidConfig};
use crate::telemetry::{self, Endpoint, HostConfig, Sampler, SamplerConfig, watch_host, watch_server};

/// Time between two reads of the server's metrics: each read costs the server some work.
const SERVER_INTERVAL: Duration = Duration::from_secs(1);
/// Time between two samples of this machine.
const HOST_INTERVAL: Duration = Duration::from_secs(1);
/// Maximum time by which the first read of the server's metrics may delay the first request.
const FIRST_READ_TIMEOUT: Duration = Duration::from_millis(500);
/// Maximum time to wait for the last sample of each thread.
const LAST_SAMPLE_TIMEOUT: Duration = Duration::from_millis(250);

/// The sampling threads of a run.
pub struct Samplers {
    clock: Clock,
    sender: Sender<Wake>,
    /// Configuration of the GPU sampler, until [`Self::start_machine`] uses it.
    planned: Option<SamplerConfig>,
    /// Samplers of the GPUs and of this machine.
    machine: Vec<Sampler>,
    /// Sampler of the server's metrics, if they are read.
    server: Option<Sampler>,
}

impl Samplers {
    /// Creates the samplers, and starts to read the server's metrics through `client`. `endpoint` is the address that
    /// the GPUs may serve.
    pub fn new(
        spec: TelemetrySpec,
        client: reqwest::ClientBuilder,
        endpoint: Option<Endpoint>,
        clock: Clock,
        sender: Sender<Wake>,
    ) -> Self {
        let planned = SamplerConfig {
            endpoint,
            choice: spec.gpu,
            metrics_urls: spec.gpu_metrics_urls,
            ..SamplerConfig::default()
        };
        let server = (!spec.server_metrics.is_empty()).then(|| {
            let events = sender.clone();
            let deliver = move |event| drop(events.send(Wake::Msg(Msg::Gauges(event))));
            watch_server(spec.server_metrics, client, SERVER_INTERVAL, move || clock.now(), deliver)
        });
        Self { clock, sender, planned: Some(planned), machine: Vec::new(), server }
    }

    /// Returns whether the server's metrics are read.
    pub const fn reads_server(&self) -> bool {
        self.server.is_some()
    }

    /// Starts to sample the GPUs and this machine. No GPU driver is used before.
    pub fn start_machine(&mut self) {
        let Some(config) = self.planned.take() else { return };
        let (clock, events) = (self.clock, self.sender.clone());
        let deliver = move |event| drop(events.send(Wake::Msg(Msg::Host(event))));
        let host = HostConfig { interval: HOST_INTERVAL, proc_root: config.proc_root.clone(), thread: engine::THREAD };
        let host = watch_host(host, move || clock.now(), deliver);
        let events = self.sender.clone();
        let deliver = move |event| drop(events.send(Wake::Msg(Msg::Gpu(event))));
        self.machine = vec![telemetry::start(config, move || clock.now(), deliver), host];
    }

    /// Requests a sample of the GPUs and this machine now.
    pub fn sample_machine(&self) {
        self.machine.iter().for_each(Sampler::sample_now);
    }

    /// Starts or stops regular sampling. When it starts, the server's metrics are read before the first request: all
    /// counts after this read belong to the run.
    pub fn set_active(&self, active: bool) {
        self.all().for_each(|sampler| sampler.set_active(active));
        if active {
            let _in_time = self.server.as_ref().map(|server| server.sample_and_wait(FIRST_READ_TIMEOUT));
        } else {
            self.all().for_each(Sampler::sample_now);
        }
    }

    /// Takes a last sample of everything. A thread that does not answer in time is skipped.
    pub fn sample_last(&self) {
        for sampler in self.all() {
            let _in_time = sampler.sample_and_wait(LAST_SAMPLE_TIMEOUT);
        }
    }

    fn all(&self) -> impl Iterator<Item = &Sampler> {
        self.machine.iter().chain(&self.server)
    }
}

/// Returns the client for the server's metrics. If all pages are on the endpoint's origin, uses the same route as the
/// requests, and sends the key if the user asked for this. Otherwise connects directly and sends no key.
pub fn metrics_client(spec: &TelemetrySpec, config: &EngineConfig) -> Result<reqwest::ClientBuilder, InvalidConfig> {
    let origin = |url: &str| reqwest::Url::parse(url).ok().map(|url| url.origin());
    let is_own = spec.server_metrics.iter().all(|page| origin(page) == origin(&config.base_url));
    if is_own && !spec.server_metrics.is_empty() {
        return engine::page_client(config, spec.server_metrics_auth);
    }
    Ok(reqwest::Client::builder().no_proxy())
}

/// Returns host and port of a base address.
pub fn endpoint_of(base_url: &str) -> Option<Endpoint> {
    let url = reqwest::Url::parse(base_url).ok()?;
    Some(Endpoint { host: url.host_str()?.to_owned(), port: url.port_or_known_default()? })
}

//! Telemetry of machine and server over a run, in the order received.

use serde::{Deserialize, Serialize};

use super::gpu::GpuEvent;
use super::gpu_history::GpuHistory;
use super::host::{HostEvent, HostHistory};
use super::server_gauges::{GaugeEvent, GaugeHistory};
use super::time::Nanos;

/// A telemetry event. Histories that apply the same events in the same order are equal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TelemetryEvent {
    /// The run began.
    Began(Nanos),
    /// The run became active.
    Active(Nanos),
    /// The run stopped being active.
    Idle(Nanos),
    /// The program ended at this time and was resumed; activity in between is not part of the run.
    BrokenOff(Nanos),
    /// Event from the server's metrics.
    Gauges(GaugeEvent),
    /// Event from the sampler of this machine.
    Host(HostEvent),
    /// Event from the GPU sampler.
    #[serde(untagged)]
    Gpu(GpuEvent),
}

impl TelemetryEvent {
    /// Time of the event, if it has one.
    pub const fn at(&self) -> Option<Nanos> {
        match self {
            Self::Began(at)
            | Self::Active(at)
            | Self::Idle(at)
            | Self::BrokenOff(at)
            | Self::Gauges(GaugeEvent::Sample(at, _) | GaugeEvent::Gap(at, _))
            | Self::Gpu(GpuEvent::Gap { at, .. } | GpuEvent::Unchanged { at, .. }) => Some(*at),
            Self::Gpu(GpuEvent::Sample(sample)) => Some(sample.at),
            Self::Host(HostEvent::Sample(sample)) => Some(sample.at),
            Self::Gauges(GaugeEvent::Found { .. } | GaugeEvent::Absent(_))
            | Self::Host(HostEvent::Absent(_))
            | Self::Gpu(GpuEvent::Found { .. } | GpuEvent::Absent(_) | GpuEvent::Scope(_)) => None,
        }
    }

    /// The event with its time changed, if it has one.
    #[must_use]
    pub fn map_time(mut self, change: impl FnOnce(Nanos) -> Nanos) -> Self {
        let at = match &mut self {
            Self::Began(at)
            | Self::Active(at)
            | Self::Idle(at)
            | Self::BrokenOff(at)
            | Self::Gauges(GaugeEvent::Sample(at, _) | GaugeEvent::Gap(at, _))
            | Self::Gpu(GpuEvent::Gap { at, .. } | GpuEvent::Unchanged { at, .. }) => at,
            Self::Gpu(GpuEvent::Sample(sample)) => &mut sample.at,
            Self::Host(HostEvent::Sample(sample)) => &mut sample.at,
            Self::Gauges(GaugeEvent::Found { .. } | GaugeEvent::Absent(_))
            | Self::Host(HostEvent::Absent(_))
            | Self::Gpu(GpuEvent::Found { .. } | GpuEvent::Absent(_) | GpuEvent::Scope(_)) => return self,
        };
        *at = change(*at);
        self
    }

    /// Applies the event to the histories. The server's history is created with its first event.
    pub fn apply(self, gpu: &mut GpuHistory, gauges: &mut Option<GaugeHistory>, host: &mut HostHistory) {
        match self {
            Self::Began(at) => {
                gpu.begin_run(at);
                host.begin_run(at);
                gauges.iter_mut().for_each(GaugeHistory::begin_run);
            }
            Self::Active(at) => {
                gpu.set_active(true, at);
                if let Some(gauges) = gauges {
                    gauges.set_active(true, at);
                }
                host.set_active(true, at);
            }
            Self::Idle(at) => {
                gpu.set_active(false, at);
                if let Some(gauges) = gauges {
                    gauges.set_active(false, at);
                }
                host.set_active(false, at);
            }
            Self::BrokenOff(at) => {
                gpu.interrupt(at);
                gauges.iter_mut().for_each(GaugeHistory::interrupt);
            }
            Self::Gauges(event) => gauges.get_or_insert_default().apply(event),
            Self::Host(event) => host.apply(event),
            Self::Gpu(event) => gpu.apply(event),
        }
    }
}

/// Returns events that recreate the current state of the histories, for a journal that begins with the run.
pub fn known(gpu: &GpuHistory, gauges: Option<&GaugeHistory>, host: &HostHistory) -> Vec<TelemetryEvent> {
    let infos: Vec<_> = gpu.gpus.iter().map(|track| track.info.clone()).collect();
    let (source, driver, interval_ms) = (gpu.source.clone(), gpu.driver.clone(), gpu.interval_ms);
    let found = (!infos.is_empty()).then_some(GpuEvent::Found { source, driver, gpus: infos, interval_ms });
    let absent = gpu.absent.clone().map(GpuEvent::Absent);
    let scope = gpu.scope.clone().map(GpuEvent::Scope);
    let of_gpu = found.into_iter().chain(absent).chain(scope).map(TelemetryEvent::Gpu);
    let of_server = gauges.into_iter().flat_map(|g| {
        let (url, interval_ms, warning) = (g.url.clone(), g.interval_ms, g.warning.clone());
        let found = g.kind.clone().map(|kind| GaugeEvent::Found { kind, url, interval_ms, warning });
        found.into_iter().chain(g.absent.clone().map(GaugeEvent::Absent)).map(TelemetryEvent::Gauges)
    });
    let of_host = host.absent.clone().map(|why| TelemetryEvent::Host(HostEvent::Absent(why)));
    of_gpu.chain(of_server).chain(of_host).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::gpu::{GpuInfo, GpuSample};
    use crate::domain::gpu_scope::GpuScope;
    use crate::domain::server_gauges::{Meter, ServerGauges};

    #[test]
    fn stored_events_round_trip() {
        let mut gauges = ServerGauges::default();
        gauges.set(Meter::QueueCount, 0.1 + 0.2);
        let at = Nanos(7);
        let events = [
            TelemetryEvent::Began(at),
            TelemetryEvent::Active(at),
            TelemetryEvent::Idle(at),
            TelemetryEvent::BrokenOff(at),
            TelemetryEvent::Gauges(GaugeEvent::Sample(at, Box::new(gauges))),
            TelemetryEvent::Gauges(GaugeEvent::Gap(at, "why".into())),
            TelemetryEvent::Gauges(GaugeEvent::Found {
                kind: "vLLM".into(),
                url: "http://h/metrics".into(),
                interval_ms: 1000,
                warning: Some("slow".into()),
            }),
            TelemetryEvent::Gpu(GpuEvent::Found {
                source: "nvml".into(),
                driver: None,
                gpus: vec![GpuInfo::default()],
                interval_ms: 5,
            }),
            TelemetryEvent::Gpu(GpuEvent::Absent("none".into())),
            TelemetryEvent::Gpu(GpuEvent::Sample(GpuSample { at, energy_j: Some(0.3), ..GpuSample::default() })),
            TelemetryEvent::Gpu(GpuEvent::Gap { at, index: 1, lost: true, reason: "r".into() }),
            TelemetryEvent::Gpu(GpuEvent::Scope(GpuScope::ClientHost)),
            TelemetryEvent::Gpu(GpuEvent::Scope(GpuScope::EndpointHost {
                evidence: "e".into(),
                gpus: vec!["A".into()],
            })),
        ];
        for event in events {
            let text = serde_json::to_string(&event).unwrap();
            assert_eq!(serde_json::from_str::<TelemetryEvent>(&text).unwrap(), event, "{text}");
        }
        // Format of older journals, which had only GPU events.
        let old = r#"{"sample":{"at":7,"index":0}}"#;
        assert_eq!(serde_json::from_str::<TelemetryEvent>(old).unwrap().at(), Some(at));
    }

    #[test]
    fn metrics_of_another_version_keep_their_positions() {
        let fewer: ServerGauges = serde_json::from_str("[1.5,null]").unwrap();
        assert_eq!((fewer.get(Meter::Running), fewer.known_count()), (Some(1.5), 1));
        let more = format!("[{}]", vec!["2.0"; Meter::COUNT + 3].join(","));
        assert_eq!(serde_json::from_str::<ServerGauges>(&more).unwrap().known_count(), Meter::COUNT);
    }
}

//! Load of tokscope's machine during a run.

use serde::Serialize;

use super::level::Level;
use crate::domain::gpu_track::MeanAndMax;
use crate::domain::host::HostHistory;

fn level(figure: &MeanAndMax) -> Option<Level> {
    Some(Level { avg: figure.mean()?, max: figure.max()? })
}

/// Load of the machine during a run, with the keys of `results.json`. Unknown values are `None`. 1 MiB is 2^20 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names say it, with units")]
pub struct HostReport {
    pub samples: u64,
    pub cpu_busy_percent: Option<Level>,
    pub busiest_core_percent: Option<Level>,
    pub memory_used_mib: Option<Level>,
    pub memory_total_mib: Option<f64>,
    /// CPU load of the tokscope process, percent of one core.
    pub own_cpu_percent: Option<Level>,
    /// CPU load of tokscope's reading thread, percent of one core.
    pub own_engine_percent: Option<Level>,
    pub own_rss_mib_max: Option<f64>,
}

impl HostReport {
    /// Returns the load over a run.
    ///
    /// # Errors
    ///
    /// Returns a sentence with the reason why there are no figures.
    pub fn from_history(host: &HostHistory) -> Result<Self, String> {
        if let Some(why) = &host.absent {
            return Err(why.clone());
        }
        if host.samples == 0 {
            return Err("the run ended before the first sample".to_owned());
        }
        Ok(Self {
            samples: host.samples,
            cpu_busy_percent: level(&host.cpu_busy),
            busiest_core_percent: level(&host.busiest_core),
            memory_used_mib: level(&host.memory_used_mib),
            memory_total_mib: host.memory_total_mib,
            own_cpu_percent: level(&host.own_cpu),
            own_engine_percent: level(&host.own_engine),
            own_rss_mib_max: host.own_rss_mib.max(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::host::{HostEvent, HostSample};
    use crate::domain::time::Nanos;

    fn history(busy: [f64; 2], engine: [f64; 2]) -> HostHistory {
        let mut history = HostHistory::default();
        for (at, (busy, engine)) in (1..).zip(busy.into_iter().zip(engine)) {
            history.apply(HostEvent::Sample(HostSample {
                at: Nanos(at),
                cpu_busy_percent: Some(busy),
                own_cpu_percent: Some(engine + 10.0),
                own_engine_percent: Some(engine),
                own_rss_mib: Some(20.0 + engine),
                ..HostSample::default()
            }));
        }
        history
    }

    #[test]
    fn means_and_maxima_cover_only_the_run() {
        let host = HostReport::from_history(&history([20.0, 60.0], [1.0, 5.0])).unwrap();
        assert_eq!(host.cpu_busy_percent, Some(Level { avg: 40.0, max: 60.0 }));
        assert_eq!((host.own_cpu_percent, host.own_rss_mib_max), (Some(Level { avg: 13.0, max: 15.0 }), Some(25.0)));
        assert_eq!((host.memory_used_mib, host.samples), (None, 2));
        assert!(HostReport::from_history(&HostHistory::default()).is_err());
    }
}

//! Load of the machine that runs tokscope, which shows whether the machine limited the measurement.

use serde::{Deserialize, Serialize};

use super::gpu_track::MeanAndMax;
use super::series::Series;
use super::time::Nanos;

/// Maximum points in each series: eight hours at one sample per second. Longer runs are stored in lower resolution.
const HISTORY_POINTS: usize = 28_800;

/// One sample of the machine. Missing values are `None`, never 0. CPU percentages cover the time since the sample
/// before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HostSample {
    /// Time on the run's clock.
    pub at: Nanos,
    /// Load of all cores, percent.
    pub cpu_busy_percent: Option<f64>,
    /// Load of the busiest core, percent.
    pub busiest_core_percent: Option<f64>,
    /// Memory that is not available to new processes, MiB.
    pub memory_used_mib: Option<f64>,
    /// Total memory, MiB.
    pub memory_total_mib: Option<f64>,
    /// CPU use of this program, percent of one core.
    pub own_cpu_percent: Option<f64>,
    /// CPU use of the thread that reads the streams, percent of one core.
    pub own_engine_percent: Option<f64>,
    /// Memory of this program, MiB.
    pub own_rss_mib: Option<f64>,
}

/// Event from the sampler of this machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostEvent {
    /// No figures are available, with the reason.
    Absent(String),
    /// One sample.
    Sample(HostSample),
}

/// The machine over a run.
#[derive(Clone, Debug)]
pub struct HostHistory {
    /// Reason why there are no figures.
    pub absent: Option<String>,
    /// Load of all cores, percent.
    pub cpu_busy_percent: Series,
    /// CPU use of this program, percent of one core.
    pub own_cpu_percent: Series,
    /// Load of all cores during the run, percent.
    pub cpu_busy: MeanAndMax,
    /// Load of the busiest core of each sample during the run, percent.
    pub busiest_core: MeanAndMax,
    /// Memory in use during the run, MiB.
    pub memory_used_mib: MeanAndMax,
    /// Total memory, MiB, from the last sample that has it.
    pub memory_total_mib: Option<f64>,
    /// CPU use of this program during the run, percent of one core.
    pub own_cpu: MeanAndMax,
    /// CPU use of the thread that reads the streams during the run, percent of one core.
    pub own_engine: MeanAndMax,
    /// Memory of this program during the run, MiB.
    pub own_rss_mib: MeanAndMax,
    /// Number of samples since the run began.
    pub samples: u64,
    from: Nanos,
    /// Time at which the run stopped being active; `None` while it is active.
    until: Option<Nanos>,
    closed: bool,
}

impl Default for HostHistory {
    fn default() -> Self {
        let series = || Series::new(HISTORY_POINTS);
        let none = MeanAndMax::default;
        Self {
            absent: None,
            cpu_busy_percent: series(),
            own_cpu_percent: series(),
            cpu_busy: none(),
            busiest_core: none(),
            memory_used_mib: none(),
            memory_total_mib: None,
            own_cpu: none(),
            own_engine: none(),
            own_rss_mib: none(),
            samples: 0,
            from: Nanos::default(),
            until: None,
            closed: false,
        }
    }
}

impl HostHistory {
    /// Applies a sampler event.
    pub fn apply(&mut self, event: HostEvent) {
        match event {
            HostEvent::Absent(why) => self.absent = Some(why),
            HostEvent::Sample(sample) => self.sample(&sample),
        }
    }

    /// Starts the run: earlier samples are not part of it.
    pub fn begin_run(&mut self, at: Nanos) {
        let before = std::mem::take(self);
        self.absent = before.absent;
        self.cpu_busy_percent = before.cpu_busy_percent;
        self.own_cpu_percent = before.own_cpu_percent;
        self.from = at;
    }

    /// Starts or ends active measurement. After the end, the next sample is the last one of the run.
    pub const fn set_active(&mut self, active: bool, at: Nanos) {
        match (active, self.until) {
            (true, Some(_)) => {
                self.until = None;
                self.closed = false;
            }
            (false, None) => self.until = Some(at),
            (true, None) | (false, Some(_)) => {}
        }
    }

    fn sample(&mut self, sample: &HostSample) {
        self.cpu_busy_percent.push(sample.at, sample.cpu_busy_percent);
        self.own_cpu_percent.push(sample.at, sample.own_cpu_percent);
        self.memory_total_mib = sample.memory_total_mib.or(self.memory_total_mib);
        if sample.at < self.from || self.closed {
            return;
        }
        self.samples += 1;
        for (sum, value) in [
            (&mut self.cpu_busy, sample.cpu_busy_percent),
            (&mut self.busiest_core, sample.busiest_core_percent),
            (&mut self.memory_used_mib, sample.memory_used_mib),
            (&mut self.own_cpu, sample.own_cpu_percent),
            (&mut self.own_engine, sample.own_engine_percent),
            (&mut self.own_rss_mib, sample.own_rss_mib),
        ] {
            sum.add(value);
        }
        self.closed = self.until.is_some_and(|until| sample.at >= until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(history: &mut HostHistory, s: u64, busy: Option<f64>) {
        let at = Nanos::from_millis(s * 1000);
        history.apply(HostEvent::Sample(HostSample { at, cpu_busy_percent: busy, ..HostSample::default() }));
    }

    #[test]
    fn a_run_has_the_samples_from_its_start_to_the_first_after_its_end() {
        let mut history = HostHistory::default();
        sample(&mut history, 1, Some(99.0));
        history.begin_run(Nanos::from_millis(1500));
        for (s, busy) in [(2, None), (3, Some(20.0)), (4, Some(40.0))] {
            sample(&mut history, s, busy);
        }
        history.set_active(false, Nanos::from_millis(4500));
        sample(&mut history, 5, Some(30.0));
        sample(&mut history, 6, Some(100.0));
        assert_eq!((history.samples, history.cpu_busy.mean(), history.cpu_busy.max()), (4, Some(30.0), Some(40.0)));
        assert_eq!((history.own_cpu.mean(), history.cpu_busy_percent.iter().count()), (None, 6));
        history.set_active(true, Nanos::from_millis(7000));
        sample(&mut history, 8, Some(70.0));
        assert_eq!(history.cpu_busy.max(), Some(70.0));
    }
}

//! Metrics that a server exports, and their history over a run.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};

use super::gpu_track::MeanAndMax;
use super::series::Series;
use super::time::Nanos;

/// Maximum points in each series: eight hours at one sample per second. Longer runs are stored in lower resolution.
const HISTORY_POINTS: usize = 28_800;

/// A metric that a server may export. Journals store samples in this order, so new metrics must be added at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meter {
    /// Running requests.
    Running,
    /// Queued requests.
    Waiting,
    /// Key-value cache in use, percent.
    KvCache,
    /// Prompt tokens found in the prefix cache, over the server's own time window, percent.
    PrefixHitRate,
    /// Requests that the scheduler removed from the batch and that wait to return.
    Retracted,
    /// Prompt tokens (or blocks) found in the prefix cache since the server started.
    PrefixHits,
    /// Prompt tokens (or blocks) looked up in the prefix cache since the server started.
    PrefixQueries,
    /// Requests preempted since the server started.
    Preemptions,
    /// Tokens generated since the server started. Some servers add an answer's tokens only at its end.
    GeneratedTokens,
    /// Prompt tokens processed since the server started.
    PromptTokens,
    /// Draft tokens of speculative decoding since the server started.
    DraftTokens,
    /// Accepted draft tokens since the server started.
    AcceptedTokens,
    /// Sum of all TTFTs since the server started, seconds.
    TtftSeconds,
    /// Number of TTFTs in that sum.
    TtftCount,
    /// Sum of all queue times since the server started, seconds.
    QueueSeconds,
    /// Number of queue times in that sum.
    QueueCount,
    /// Tokens generated since the server started, counted as they are decoded and so suitable for a rate.
    DecodedTokens,
}

impl Meter {
    /// Number of metrics.
    pub const COUNT: usize = Self::DecodedTokens as usize + 1;
    /// Metrics of the current state, stored over time.
    pub const GAUGES: [Self; 5] = [Self::Running, Self::Waiting, Self::KvCache, Self::PrefixHitRate, Self::Retracted];
    /// Metrics that only grow until the server restarts.
    pub const COUNTERS: [Self; 12] = [
        Self::PrefixHits,
        Self::PrefixQueries,
        Self::Preemptions,
        Self::GeneratedTokens,
        Self::PromptTokens,
        Self::DraftTokens,
        Self::AcceptedTokens,
        Self::TtftSeconds,
        Self::TtftCount,
        Self::QueueSeconds,
        Self::QueueCount,
        Self::DecodedTokens,
    ];
}

/// One sample of a server's metrics. Missing metrics are `None`, never 0.
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize)]
pub struct ServerGauges([Option<f64>; Meter::COUNT]);

impl<'de> Deserialize<'de> for ServerGauges {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Journals of other versions may store fewer or more metrics.
        let stored = Vec::<Option<f64>>::deserialize(deserializer)?;
        let mut gauges = Self::default();
        gauges.0.iter_mut().zip(stored).for_each(|(slot, value)| *slot = value);
        Ok(gauges)
    }
}

impl ServerGauges {
    /// Value of a metric, if exported.
    pub fn get(&self, meter: Meter) -> Option<f64> {
        self.0.get(meter as usize).copied().flatten()
    }

    /// Sets the value of a metric.
    pub fn set(&mut self, meter: Meter, value: f64) {
        if let Some(slot) = self.0.get_mut(meter as usize) {
            *slot = Some(value);
        }
    }

    /// Number of metrics with a value.
    pub fn known_count(&self) -> usize {
        self.0.iter().flatten().count()
    }
}

/// Event from the thread that reads a server's metrics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GaugeEvent {
    /// The metrics page was found.
    Found {
        /// Kind of server, from the names of its metrics.
        kind: Cow<'static, str>,
        /// URL of the metrics page, without secrets.
        url: String,
        /// Time between two samples, milliseconds.
        interval_ms: u64,
        /// Warning if reading the page disturbs the server.
        warning: Option<Cow<'static, str>>,
    },
    /// No readable metrics page was found, with the reason.
    Absent(String),
    /// One sample.
    Sample(Nanos, Box<ServerGauges>),
    /// A sample failed, with the reason.
    Gap(Nanos, String),
}

/// History of a server's metrics over a run.
#[derive(Clone, Debug)]
pub struct GaugeHistory {
    /// Kind of server, from the names of its metrics.
    pub kind: Option<Cow<'static, str>>,
    /// URL of the metrics page, without secrets.
    pub url: String,
    /// Time between two samples, milliseconds.
    pub interval_ms: u64,
    /// Warning if reading the page disturbs the server.
    pub warning: Option<Cow<'static, str>>,
    /// Reason why there are no metrics.
    pub absent: Option<String>,
    /// Reason why the last sample failed; `None` if it did not.
    pub silent: Option<String>,
    /// Number of samples since the run began.
    pub samples: u64,
    /// Number of failed samples since the run began.
    pub missed: u64,
    /// Tokens generated per second for all clients of the server, between two samples.
    pub generated_per_s: Series,
    gauges: [Series; Meter::GAUGES.len()],
    /// Mean and maximum of the gauges while the run was active.
    levels: [MeanAndMax; Meter::GAUGES.len()],
    /// Time of the first sample in [`Self::levels`].
    first_level: Option<Nanos>,
    first: Option<(Nanos, ServerGauges)>,
    last: Option<(Nanos, ServerGauges)>,
    restarted: bool,
    interrupted: bool,
    /// Growth of the counters in earlier active spans of the run.
    carried: ServerGauges,
    /// Time at which the run stopped being active.
    until: Option<Nanos>,
    /// Whether the one sample after the end of the run was taken. Later samples are not part of the run.
    closed: bool,
}

impl Default for GaugeHistory {
    fn default() -> Self {
        let series = || Series::new(HISTORY_POINTS);
        Self {
            kind: None,
            url: String::new(),
            interval_ms: 0,
            warning: None,
            absent: None,
            silent: None,
            samples: 0,
            missed: 0,
            generated_per_s: series(),
            gauges: std::array::from_fn(|_| series()),
            levels: [MeanAndMax::default(); Meter::GAUGES.len()],
            first_level: None,
            first: None,
            last: None,
            restarted: false,
            interrupted: false,
            carried: ServerGauges::default(),
            until: None,
            closed: false,
        }
    }
}

impl GaugeHistory {
    /// Applies an event from the reader.
    pub fn apply(&mut self, event: GaugeEvent) {
        match event {
            GaugeEvent::Found { kind, url, interval_ms, warning } => {
                self.kind = Some(kind);
                self.url = url;
                self.interval_ms = interval_ms;
                self.warning = warning;
                self.absent = None;
            }
            GaugeEvent::Absent(why) => self.absent = Some(why),
            GaugeEvent::Sample(at, gauges) => self.sample(at, &gauges),
            GaugeEvent::Gap(..) if self.closed => {}
            GaugeEvent::Gap(at, why) => {
                self.gauges.iter_mut().chain([&mut self.generated_per_s]).for_each(|s| s.push(at, None));
                self.silent = Some(why);
                self.missed += 1;
            }
        }
    }

    /// Starts the run. What the server counted before is not part of it.
    pub fn begin_run(&mut self) {
        self.first = None;
        self.last = None;
        self.restarted = false;
        self.interrupted = false;
        self.carried = ServerGauges::default();
        self.closed = false;
        self.levels = [MeanAndMax::default(); Meter::GAUGES.len()];
        self.first_level = None;
        (self.samples, self.missed) = (0, 0);
    }

    /// Starts or ends active measurement. The next sample after the end is the last one of the run. What the server
    /// counts between that sample and the next start is not part of the run.
    pub fn set_active(&mut self, active: bool, at: Nanos) {
        if !active {
            self.until.get_or_insert(at);
            return;
        }
        self.until = None;
        if std::mem::take(&mut self.closed) {
            for meter in Meter::COUNTERS {
                if let Some(grown) = self.grown_now(meter) {
                    self.carried.set(meter, self.carried.get(meter).unwrap_or(0.0) + grown);
                }
            }
            (self.first, self.last) = (None, None);
        }
    }

    /// Notes that tokscope ended and was restarted. The server's counts of the run are then unknown.
    pub fn interrupt(&mut self) {
        self.last = None;
        self.interrupted = true;
    }

    fn sample(&mut self, at: Nanos, gauges: &ServerGauges) {
        if self.closed {
            return;
        }
        for (series, meter) in self.gauges.iter_mut().zip(Meter::GAUGES) {
            series.push(at, gauges.get(meter));
        }
        if let Some((before, last)) = &self.last {
            let growth = growth(gauges, last, Meter::DecodedTokens);
            let seconds = at.since(*before).as_secs_f64();
            // A counter that decreased was reset.
            let fell = |meter| gauges.get(meter).zip(last.get(meter)).is_some_and(|(n, m)| n < m);
            self.restarted |= Meter::COUNTERS.into_iter().any(fell);
            self.generated_per_s.push(at, growth.filter(|n| *n >= 0.0 && seconds > 0.0).map(|n| n / seconds));
        }
        self.first.get_or_insert((at, *gauges));
        self.last = Some((at, *gauges));
        self.silent = None;
        self.samples += 1;
        self.closed = self.until.is_some_and(|until| at >= until);
        // The sample after the end of the run has no request of the run in flight, so it does not count towards the
        // levels.
        if !self.closed {
            self.first_level.get_or_insert(at);
            for (level, meter) in self.levels.iter_mut().zip(Meter::GAUGES) {
                level.add(gauges.get(meter));
            }
        }
    }

    /// History of a gauge; `None` for a counter.
    pub fn series(&self, meter: Meter) -> Option<&Series> {
        let at = Meter::GAUGES.iter().position(|m| *m == meter)?;
        self.gauges.get(at)
    }

    /// Last value of a gauge; `None` while the server is silent.
    pub fn now(&self, meter: Meter) -> Option<f64> {
        self.last.as_ref().filter(|_| self.silent.is_none()).and_then(|(_, gauges)| gauges.get(meter))
    }

    /// Maximum of a gauge while the run was active.
    pub fn highest(&self, meter: Meter) -> Option<f64> {
        self.level(meter)?.max()
    }

    /// Mean of a gauge while the run was active.
    pub fn mean(&self, meter: Meter) -> Option<f64> {
        self.level(meter)?.mean()
    }

    /// Mean of a gauge between two times, both included, while the run was active.
    pub fn mean_between(&self, meter: Meter, from: Nanos, to: Nanos) -> Option<f64> {
        let is_whole = self.first_level.is_some_and(|first| from <= first)
            && self.last.as_ref().is_some_and(|(last, _)| *last <= to);
        if is_whole {
            // The points of a long run are too coarse to exclude the samples after its end.
            return self.mean(meter);
        }
        let end = self.until.filter(|_| self.closed).map_or(to, |until| to.min(Nanos(until.0.saturating_sub(1))));
        self.series(meter)?.mean_between(from, end)
    }

    fn level(&self, meter: Meter) -> Option<&MeanAndMax> {
        self.levels.get(Meter::GAUGES.iter().position(|m| *m == meter)?)
    }

    /// Growth of a counter since the run began; `None` with fewer than two samples, or if the server or the run was
    /// interrupted.
    pub fn grown(&self, meter: Meter) -> Option<f64> {
        let grown = match (self.carried.get(meter), self.grown_now(meter)) {
            (Some(before), now) => before + now.unwrap_or(0.0),
            (None, now) => now?,
        };
        (!self.restarted && !self.interrupted && self.samples > 1 && grown >= 0.0).then_some(grown)
    }

    /// Growth of a counter since the run became active again.
    fn grown_now(&self, meter: Meter) -> Option<f64> {
        let ((_, first), (_, last)) = (self.first.as_ref()?, self.last.as_ref()?);
        growth(last, first, meter)
    }

    /// Growth of the counter `part` as a share of the growth of `whole`, percent; `None` if `whole` did not grow.
    pub fn share(&self, part: Meter, whole: Meter) -> Option<f64> {
        let whole = self.grown(whole).filter(|n| *n > 0.0)?;
        Some(self.grown(part)? / whole * 100.0)
    }

    /// Mean of the times since the run began, from the server's sum and count, milliseconds.
    pub fn mean_ms(&self, seconds: Meter, count: Meter) -> Option<f64> {
        let count = self.grown(count).filter(|n| *n > 0.0)?;
        Some(self.grown(seconds)? / count * 1000.0)
    }

    /// Time of the first sample since the run began.
    pub fn first_sample_at(&self) -> Option<Nanos> {
        self.first.as_ref().map(|(at, _)| *at)
    }

    /// Returns whether the server restarted during the run, which resets its counters.
    pub const fn was_restarted(&self) -> bool {
        self.restarted
    }
}

/// Growth of a counter between two samples. A missing earlier value counts as 0, because counters with labels appear
/// only once they have counted something.
fn growth(now: &ServerGauges, before: &ServerGauges, counter: Meter) -> Option<f64> {
    Some(now.get(counter)? - before.get(counter).unwrap_or(0.0))
}

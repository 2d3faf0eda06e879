//! What a server says of itself while a run lasts: its own gauges, and what a run keeps of them.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};

use super::series::Series;
use super::time::Nanos;

/// Points kept of each series: at one a second, eight hours.
const HISTORY_POINTS: usize = 28_800;

/// A figure that a server may tell. What is kept of it stands in this order: more come at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meter {
    /// Requests being worked on.
    Running,
    /// Requests that wait for a place.
    Waiting,
    /// The key-value cache in use, percent.
    KvCache,
    /// Prompt tokens found in the prefix cache over the server's own window, percent.
    PrefixHitRate,
    /// Requests thrown out of the batch, waiting to come back.
    Retracted,
    /// Prompt tokens (or blocks) found in the prefix cache, since the server began.
    PrefixHits,
    /// Prompt tokens (or blocks) looked up there, since the server began.
    PrefixQueries,
    /// Requests whose cache was taken away for others, since the server began.
    Preemptions,
    /// Tokens generated, since the server began; some servers count those of an answer when it ends.
    GeneratedTokens,
    /// Tokens of prompts worked on, since the server began.
    PromptTokens,
    /// Tokens drafted by speculation, since the server began.
    DraftTokens,
    /// Of those, the ones accepted, since the server began.
    AcceptedTokens,
    /// The sum of all times to first token, seconds, since the server began.
    TtftSeconds,
    /// How many those were.
    TtftCount,
    /// The sum of all times in the queue, seconds, since the server began.
    QueueSeconds,
    /// How many those were.
    QueueCount,
    /// Tokens generated, since the server began, counted as they are made: what a rate can be made of.
    DecodedTokens,
}

impl Meter {
    /// How many there are.
    pub const COUNT: usize = Self::DecodedTokens as usize + 1;
    /// Those that tell a state, which is kept over time.
    pub const GAUGES: [Self; 5] = [Self::Running, Self::Waiting, Self::KvCache, Self::PrefixHitRate, Self::Retracted];
    /// Those that only grow while the server lives.
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

/// One look at a server. What it does not tell is `None`, never 0.
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize)]
pub struct ServerGauges([Option<f64>; Meter::COUNT]);

impl<'de> Deserialize<'de> for ServerGauges {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Another version may tell fewer, or more.
        let told = Vec::<Option<f64>>::deserialize(deserializer)?;
        let mut gauges = Self::default();
        gauges.0.iter_mut().zip(told).for_each(|(place, value)| *place = value);
        Ok(gauges)
    }
}

impl ServerGauges {
    /// What it tells of that.
    pub fn get(&self, meter: Meter) -> Option<f64> {
        self.0.get(meter as usize).copied().flatten()
    }

    /// Notes what it tells of that.
    pub fn set(&mut self, meter: Meter, value: f64) {
        if let Some(place) = self.0.get_mut(meter as usize) {
            *place = Some(value);
        }
    }

    /// How many figures it tells.
    pub fn known_count(&self) -> usize {
        self.0.iter().flatten().count()
    }
}

/// What the reader of a server's metrics says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GaugeEvent {
    /// Whose metrics they are, where they were found, how often they are asked for.
    Found {
        /// The server's kind, as its metrics are named.
        kind: Cow<'static, str>,
        /// Address of the page, without secrets.
        url: String,
        /// Time between two looks, milliseconds.
        interval_ms: u64,
        /// How looking disturbs that server, if it does.
        warning: Option<Cow<'static, str>>,
    },
    /// There is no page, or none that can be read, and why.
    Absent(String),
    /// One look.
    Sample(Nanos, Box<ServerGauges>),
    /// A look that gave nothing, and why.
    Gap(Nanos, String),
}

/// What the run keeps of a server's metrics.
#[derive(Clone, Debug)]
pub struct GaugeHistory {
    /// The server's kind, as its metrics are named.
    pub kind: Option<Cow<'static, str>>,
    /// Address of the page, without secrets.
    pub url: String,
    /// Time between two looks, milliseconds.
    pub interval_ms: u64,
    /// How looking disturbs that server, if it does.
    pub warning: Option<Cow<'static, str>>,
    /// Why there is nothing.
    pub absent: Option<String>,
    /// Why the last look gave nothing.
    pub silent: Option<String>,
    /// Looks since the run began.
    pub samples: u64,
    /// Looks since the run began that gave nothing.
    pub missed: u64,
    /// Tokens generated per second for all its clients, between two looks.
    pub generated_per_s: Series,
    gauges: [Series; Meter::GAUGES.len()],
    first: Option<(Nanos, ServerGauges)>,
    last: Option<(Nanos, ServerGauges)>,
    restarted: bool,
    broken_off: bool,
    /// What the counters grew by while something was measured before the last pause.
    carried: ServerGauges,
    /// Nothing is measured from then on.
    until: Option<Nanos>,
    /// The look after that was taken: what comes later is no part of the run.
    closed: bool,
    /// When such looks were taken: nothing of the run is under way in them.
    closing: Vec<Nanos>,
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
            first: None,
            last: None,
            restarted: false,
            broken_off: false,
            carried: ServerGauges::default(),
            until: None,
            closed: false,
            closing: Vec::new(),
        }
    }
}

impl GaugeHistory {
    /// Takes what the reader says.
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
            GaugeEvent::Sample(at, told) => self.sample(at, &told),
            GaugeEvent::Gap(..) if self.closed => {}
            GaugeEvent::Gap(at, why) => {
                self.gauges.iter_mut().chain([&mut self.generated_per_s]).for_each(|s| s.push(at, None));
                self.silent = Some(why);
                self.missed += 1;
            }
        }
    }

    /// The run begins: what the server counted before is none of it.
    pub fn begin_run(&mut self) {
        self.first = None;
        self.last = None;
        self.restarted = false;
        self.broken_off = false;
        self.carried = ServerGauges::default();
        self.closed = false;
        self.closing.clear();
        (self.samples, self.missed) = (0, 0);
    }

    /// Something is measured from now on, or nothing any more: then the next look is the last, and what the server counts
    /// until something is measured again is no part of the run.
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

    /// The program ended, and goes on: what the server counted meanwhile is not known, and so no count of the run.
    pub fn break_off(&mut self) {
        self.last = None;
        self.broken_off = true;
    }

    fn sample(&mut self, at: Nanos, told: &ServerGauges) {
        if self.closed {
            return;
        }
        for (series, meter) in self.gauges.iter_mut().zip(Meter::GAUGES) {
            series.push(at, told.get(meter));
        }
        if let Some((before, last)) = &self.last {
            let more = more(told, last, Meter::DecodedTokens);
            let seconds = at.since(*before).as_secs_f64();
            // A counter that went back was begun anew.
            let fell = |meter| told.get(meter).zip(last.get(meter)).is_some_and(|(n, m)| n < m);
            self.restarted |= Meter::COUNTERS.into_iter().any(fell);
            self.generated_per_s.push(at, more.filter(|n| *n >= 0.0 && seconds > 0.0).map(|n| n / seconds));
        }
        self.first.get_or_insert((at, *told));
        self.last = Some((at, *told));
        self.silent = None;
        self.samples += 1;
        self.closed = self.until.is_some_and(|until| at >= until);
        if self.closed {
            self.closing.push(at);
        }
    }

    /// A gauge over time; `None` for a counter.
    pub fn series(&self, meter: Meter) -> Option<&Series> {
        let at = Meter::GAUGES.iter().position(|m| *m == meter)?;
        self.gauges.get(at)
    }

    /// The last that was told of a gauge; `None` while the server is silent.
    pub fn now(&self, meter: Meter) -> Option<f64> {
        self.last.as_ref().filter(|_| self.silent.is_none()).and_then(|(_, told)| told.get(meter))
    }

    /// The highest that a gauge was since `from`, while something was measured.
    pub fn highest(&self, meter: Meter, from: Nanos) -> Option<f64> {
        self.levels(meter, from)?.into_iter().reduce(f64::max)
    }

    /// The mean of a gauge since `from`, while something was measured.
    pub fn mean(&self, meter: Meter, from: Nanos) -> Option<f64> {
        let values = self.levels(meter, from)?;
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    }

    fn levels(&self, meter: Meter, from: Nanos) -> Option<Vec<f64>> {
        let looks = self.series(meter)?.since(from).into_iter().filter(|(at, _)| !self.closing.contains(at));
        Some(looks.filter_map(|(_, value)| value).collect())
    }

    /// By how much a counter grew since the run began; `None` with fewer than two looks, or when server or run were
    /// interrupted.
    pub fn grown(&self, meter: Meter) -> Option<f64> {
        let grown = match (self.carried.get(meter), self.grown_now(meter)) {
            (Some(before), now) => before + now.unwrap_or(0.0),
            (None, now) => now?,
        };
        (!self.restarted && !self.broken_off && self.samples > 1 && grown >= 0.0).then_some(grown)
    }

    /// The same since something was measured again.
    fn grown_now(&self, meter: Meter) -> Option<f64> {
        let ((_, first), (_, last)) = (self.first.as_ref()?, self.last.as_ref()?);
        more(last, first, meter)
    }

    /// The growth of one counter as a share of another's, percent; `None` when the other did not grow.
    pub fn share(&self, part: Meter, whole: Meter) -> Option<f64> {
        let whole = self.grown(whole).filter(|n| *n > 0.0)?;
        Some(self.grown(part)? / whole * 100.0)
    }

    /// The mean of what was timed since the run began, milliseconds.
    pub fn mean_ms(&self, seconds: Meter, count: Meter) -> Option<f64> {
        let count = self.grown(count).filter(|n| *n > 0.0)?;
        Some(self.grown(seconds)? / count * 1000.0)
    }

    /// When the first look since the run began was taken.
    pub fn first_look(&self) -> Option<Nanos> {
        self.first.as_ref().map(|(at, _)| *at)
    }

    /// The server was restarted during the run: its counters began anew.
    pub const fn was_restarted(&self) -> bool {
        self.restarted
    }
}

/// By how much a counter is more than it was. One that was not there yet was 0: a counter with labels is told from the first
/// time on that it counts.
fn more(now: &ServerGauges, before: &ServerGauges, counter: Meter) -> Option<f64> {
    Some(now.get(counter)? - before.get(counter).unwrap_or(0.0))
}

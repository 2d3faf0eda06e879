//! Measurement error of tokscope on one machine, as measured by `tokscope calibrate`.

use serde::{Deserialize, Serialize};

use super::statistics::Stats;

/// Minimum values for a P99; with fewer, the P99 would be the maximum.
const MIN_VALUES_FOR_P99: usize = 100;

/// Result of one calibration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Version of the calibrated program.
    pub version: String,
    /// `release` or `debug`.
    pub build: String,
    /// Time of the calibration, RFC 3339.
    pub date: String,
    /// Machine on which it ran.
    pub machine: Machine,
    /// Concurrency levels in the order measured.
    pub levels: Vec<Level>,
    /// Maximum event rate.
    pub peak: Option<Peak>,
}

/// The machine that a calibration is valid for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Machine {
    pub hostname: String,
    pub cpu: Option<String>,
    pub cores: usize,
}

/// Errors at one concurrency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// Concurrent streams.
    pub streams: usize,
    /// Whether the dashboard was drawn during the measurement.
    pub dashboard: bool,
    /// Number of answers measured.
    pub answers: usize,
    /// Answers ignored because their events could not be matched with the server's.
    pub unmatched: usize,
    /// Number of events with text.
    pub events: usize,
    /// Measured arrival of the first token minus its departure, milliseconds.
    pub ttft_error_ms: ErrorSpread,
    /// Absolute error of the gap between two tokens, milliseconds.
    pub inter_token_error_ms: ErrorSpread,
    /// Measured arrival of the last token minus its departure, milliseconds.
    pub total_error_ms: ErrorSpread,
    /// Median duration of the server's socket writes, milliseconds. An event's departure is known only to this
    /// precision.
    pub truth_width_ms: f64,
    /// CPU time per second of the thread that reads the streams.
    pub engine_cpu_share: Option<f64>,
    /// CPU time per second of the main thread, which draws the dashboard or, without one, only receives messages.
    pub main_cpu_share: Option<f64>,
    /// Memory of the whole process, MiB.
    pub resident_mib: Option<f64>,
}

/// Maximum event rate, measured against a server that sends as fast as tokscope reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Peak {
    /// Concurrent streams.
    pub streams: usize,
    /// Number of events read.
    pub events: u64,
    /// Events read per second.
    pub events_per_s: f64,
    /// CPU seconds of the reading thread per million events.
    pub cpu_s_per_million_events: Option<f64>,
    /// CPU time per second of the reading thread. If it is well below 1, the server limited the rate, not tokscope.
    pub engine_cpu_share: Option<f64>,
}

/// Distribution of a set of errors.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorSpread {
    /// Number of errors.
    pub n: usize,
    /// Mean error.
    pub mean: f64,
    /// Median error.
    pub median: f64,
    /// 99th percentile; `None` with fewer than a hundred errors.
    pub p99: Option<f64>,
    /// Largest error.
    pub worst: f64,
}

impl ErrorSpread {
    /// Distribution of `errors`; `None` if there are none.
    pub fn from_errors(errors: &[f64]) -> Option<Self> {
        let stats = Stats::from_values(errors.iter().copied())?;
        let p99 = (errors.len() >= MIN_VALUES_FOR_P99).then_some(stats.p99);
        Some(Self { n: errors.len(), mean: stats.avg, median: stats.p50, p99, worst: stats.max })
    }
}

impl Calibration {
    /// Returns whether the calibration is valid for this program on this machine.
    pub fn is_of(&self, version: &str, build: &str, machine: &Machine) -> bool {
        self.version == version && self.build == build && self.machine == *machine
    }

    /// Level whose errors apply to a run at this concurrency: the smallest level with at least as many streams, or else
    /// the largest. Prefers a level measured with the same dashboard setting.
    pub fn level_for(&self, concurrency: usize, dashboard: bool) -> Option<&Level> {
        let at_least = self.levels.iter().filter(|l| l.streams >= concurrency).map(|l| l.streams).min();
        let streams = at_least.or_else(|| self.levels.iter().map(|l| l.streams).max())?;
        let mut candidates = self.levels.iter().filter(|l| l.streams == streams);
        candidates.clone().find(|l| l.dashboard == dashboard).or_else(|| candidates.next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(median: f64) -> ErrorSpread {
        ErrorSpread { n: 1, mean: median, median, p99: None, worst: median }
    }

    fn level(streams: usize, dashboard: bool) -> Level {
        Level {
            streams,
            dashboard,
            answers: 1,
            unmatched: 0,
            events: 1,
            ttft_error_ms: spread(0.1),
            inter_token_error_ms: spread(0.1),
            total_error_ms: spread(0.1),
            truth_width_ms: 0.01,
            engine_cpu_share: None,
            main_cpu_share: None,
            resident_mib: None,
        }
    }

    #[test]
    fn a_run_is_judged_by_the_smallest_level_with_as_many_streams() {
        let levels = [(1, false), (16, false), (16, true), (128, true)].map(|(n, d)| level(n, d)).to_vec();
        let machine = Machine { hostname: "h".into(), cpu: None, cores: 2 };
        let c = Calibration {
            version: "1".into(),
            build: "release".into(),
            date: String::new(),
            machine,
            levels,
            peak: None,
        };
        let found = |n, d| c.level_for(n, d).map(|l| (l.streams, l.dashboard));
        assert_eq!(found(1, false), Some((1, false)));
        assert_eq!(found(1, true), Some((1, false)), "there is no other");
        assert_eq!(found(2, true), Some((16, true)));
        assert_eq!(found(16, false), Some((16, false)));
        assert_eq!(found(4096, false), Some((128, true)));
        assert!(c.is_of("1", "release", &c.machine));
        assert!(!c.is_of("1", "debug", &c.machine) && !c.is_of("2", "release", &c.machine));
        assert!(!c.is_of("1", "release", &Machine { cores: 4, ..c.machine.clone() }));
    }

    #[test]
    fn a_p99_needs_a_hundred_values() {
        let errors: Vec<f64> = (1..=99).map(f64::from).collect();
        let few = ErrorSpread::from_errors(&errors).unwrap();
        assert_eq!((few.n, few.median, few.p99, few.worst), (99, 50.0, None, 99.0));
        let at_least = ErrorSpread::from_errors(&[&errors[..], &[100.0]].concat()).unwrap();
        assert!(at_least.p99.is_some_and(|p| (99.0..100.0).contains(&p)));
        assert_eq!(ErrorSpread::from_errors(&[]), None);
    }
}

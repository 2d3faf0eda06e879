//! What this program itself adds to the times it measures, as it was found on one machine.

use serde::{Deserialize, Serialize};

use super::statistics::Stats;

/// A percentile above the median needs so many figures; below that it would be a maximum under another name.
const ENOUGH_FOR_P99: usize = 100;

/// The result of one calibration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// The program that was calibrated.
    pub version: String,
    /// `release` or `debug`.
    pub build: String,
    /// When, RFC 3339.
    pub date: String,
    /// Where.
    pub machine: Machine,
    /// In the order they were measured.
    pub levels: Vec<Level>,
    /// How much it can take.
    pub peak: Option<Peak>,
}

/// What a calibration belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Machine {
    pub hostname: String,
    pub cpu: Option<String>,
    pub cores: usize,
}

/// The errors at one number of streams at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// Requests in flight at once.
    pub streams: usize,
    /// The dashboard was drawn meanwhile.
    pub dashboard: bool,
    /// Answers measured.
    pub answers: usize,
    /// Answers whose events could not be told apart, and which count for nothing.
    pub unmatched: usize,
    /// Events with text.
    pub events: usize,
    /// Arrival of the first token as measured, less its departure.
    pub ttft_error_ms: ErrorSpread,
    /// How far the gap between two tokens was off, either way.
    pub inter_token_error_ms: ErrorSpread,
    /// Arrival of the last token as measured, less its departure.
    pub total_error_ms: ErrorSpread,
    /// How long the server's write took, median: a departure is known no better than that.
    pub truth_width_ms: f64,
    /// CPU time of the thread that reads the streams, per second.
    pub engine_cpu_share: Option<f64>,
    /// CPU time of the thread that draws, or that only takes messages, per second.
    pub main_cpu_share: Option<f64>,
    /// Memory of the whole process, MiB.
    pub resident_mib: Option<f64>,
}

/// As many events as it can take, from a server that sends as fast as it is read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Peak {
    /// Streams at once.
    pub streams: usize,
    /// Events read.
    pub events: u64,
    /// Of those, per second.
    pub events_per_s: f64,
    /// CPU time of the thread that reads the streams, for a million events.
    pub cpu_s_per_million_events: Option<f64>,
    /// CPU time of that thread, per second; well below 1, and the server was what limited the rate.
    pub engine_cpu_share: Option<f64>,
}

/// A set of errors.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorSpread {
    /// So many.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// Half are below.
    pub median: f64,
    /// Where there are at least a hundred.
    pub p99: Option<f64>,
    /// The largest.
    pub worst: f64,
}

impl ErrorSpread {
    /// Of all `errors`; `None` when there are none.
    pub fn from_errors(errors: &[f64]) -> Option<Self> {
        let stats = Stats::from_values(errors.iter().copied())?;
        let p99 = (errors.len() >= ENOUGH_FOR_P99).then_some(stats.p99);
        Some(Self { n: errors.len(), mean: stats.avg, median: stats.p50, p99, worst: stats.max })
    }
}

impl Calibration {
    /// Whether it speaks of this program on this machine.
    pub fn is_of(&self, version: &str, build: &str, machine: &Machine) -> bool {
        self.version == version && self.build == build && self.machine == *machine
    }

    /// The level that a run with so many requests at once is to be judged by: the smallest that has as many, else the
    /// largest there is; with or without the dashboard as asked, where there is a choice.
    pub fn level_for(&self, concurrency: usize, dashboard: bool) -> Option<&Level> {
        let enough = self.levels.iter().filter(|l| l.streams >= concurrency).map(|l| l.streams).min();
        let streams = enough.or_else(|| self.levels.iter().map(|l| l.streams).max())?;
        let mut fitting = self.levels.iter().filter(|l| l.streams == streams);
        fitting.clone().find(|l| l.dashboard == dashboard).or_else(|| fitting.next())
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
    fn a_run_is_judged_by_the_next_level_that_has_as_many_streams() {
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
    fn a_p99_needs_a_hundred_figures() {
        let errors: Vec<f64> = (1..=99).map(f64::from).collect();
        let few = ErrorSpread::from_errors(&errors).unwrap();
        assert_eq!((few.n, few.median, few.p99, few.worst), (99, 50.0, None, 99.0));
        let enough = ErrorSpread::from_errors(&[&errors[..], &[100.0]].concat()).unwrap();
        assert!(enough.p99.is_some_and(|p| (99.0..100.0).contains(&p)));
        assert_eq!(ErrorSpread::from_errors(&[]), None);
    }
}

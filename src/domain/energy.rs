//! The energy that a GPU took during a run, and what an output token cost of it.

use std::time::Duration;

use super::time::Nanos;

/// Sensors move in steps of a tenth of a second and average over a second: a shorter time has no figure.
const SHORTEST: Duration = Duration::from_secs(5);
/// At most so much of the time may lie outside the readings, by share.
const MAY_MISS: f64 = 0.05;
/// And so much in any case: the first and the last reading are not at the very ends.
const MAY_MISS_S: f64 = 0.5;

/// Where a figure comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnergyMethod {
    /// The GPU's own counter.
    Counter,
    /// The area under its power, sample by sample.
    Integrated,
}

impl EnergyMethod {
    /// Its name in `results.json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Integrated => "integrated",
        }
    }
}

/// The energy of one GPU over a run, of its board where it has one, what it takes when idle included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Energy {
    /// Joules.
    pub joules: f64,
    /// Where that comes from.
    pub method: EnergyMethod,
}

/// One way of measuring: what it found, and over how long.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    joules: f64,
    over: Duration,
    last: Option<(Nanos, f64)>,
}

impl Sum {
    /// Adds what lies between the last reading and this one.
    fn add(&mut self, at: Nanos, value: f64, joules: impl Fn(f64, f64, Duration) -> f64) {
        if let Some((before, last)) = self.last.replace((at, value)) {
            let time = at.since(before);
            self.joules += joules(last, value, time);
            self.over += time;
        }
    }
}

/// Measures the energy of one GPU while samples come.
#[derive(Clone, Debug, Default)]
pub struct EnergyMeter {
    counter: Sum,
    power: Sum,
    backwards: bool,
    lost: bool,
}

impl EnergyMeter {
    /// A sample: the counter in joules, the power in watts, as far as there are such sensors.
    pub fn sample(&mut self, at: Nanos, counter_j: Option<f64>, power_w: Option<f64>) {
        if let Some(joules) = counter_j {
            self.backwards |= self.counter.last.is_some_and(|(_, before)| joules < before);
            // One that was not told meanwhile has counted on.
            self.counter.add(at, joules, |before, after, _| after - before);
        }
        match power_w {
            Some(watts) => {
                self.power.add(at, watts, |before, after, time| f64::midpoint(before, after) * time.as_secs_f64());
            }
            None => self.power.last = None,
        }
    }

    /// A look that gave no sample. What the power was meanwhile is not guessed; a GPU that was lost may count anew.
    pub const fn gap(&mut self, lost: bool) {
        self.power.last = None;
        self.lost |= lost;
    }

    /// What comes now is not measured, until the next sample.
    pub const fn pause(&mut self) {
        self.power.last = None;
        self.counter.last = None;
    }

    /// The energy over a run that took `ran`; an error says why there is no figure.
    pub fn energy(&self, ran: Duration) -> Result<Energy, String> {
        if self.lost {
            return Err("it was lost during the run".to_owned());
        }
        if self.backwards {
            return Err("its energy counter went backwards: the driver was loaded anew".to_owned());
        }
        if ran < SHORTEST {
            return Err(format!(
                "the run took {:.1} s, and a figure needs {} s",
                ran.as_secs_f64(),
                SHORTEST.as_secs()
            ));
        }
        let missed = |sum: &Sum| ran.saturating_sub(sum.over).as_secs_f64();
        let (method, sum) = match (self.counter.over.is_zero(), self.power.over.is_zero()) {
            (false, _) => (EnergyMethod::Counter, &self.counter),
            (true, false) => (EnergyMethod::Integrated, &self.power),
            (true, true) => return Err("it tells neither its energy nor its power".to_owned()),
        };
        let missed = missed(sum);
        if missed > (ran.as_secs_f64() * MAY_MISS).max(MAY_MISS_S) {
            return Err(format!("{missed:.1} s of the run's {:.1} s have no reading", ran.as_secs_f64()));
        }
        Ok(Energy { joules: sum.joules, method })
    }
}

/// What the output tokens of a run cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Efficiency {
    /// Energy of all GPUs that served, joules.
    pub joules: f64,
    /// Output tokens of the run, those of warm-ups and failed attempts too: the energy is theirs as well.
    pub output_tokens: u64,
}

impl Efficiency {
    /// Of the GPUs that served; an error says why there is no figure.
    pub fn from_gpus(serving: &[Result<Energy, String>], output_tokens: u64) -> Result<Self, String> {
        if serving.is_empty() {
            return Err("no GPU is known to have served".to_owned());
        }
        let mut joules = 0.0;
        for energy in serving {
            joules += energy.as_ref().map_err(|why| format!("of a GPU that served: {why}"))?.joules;
        }
        if output_tokens == 0 || joules <= 0.0 {
            return Err("no output tokens or no energy to share".to_owned());
        }
        Ok(Self { joules, output_tokens })
    }

    /// Output tokens per joule.
    pub fn output_tokens_per_joule(&self) -> f64 {
        self.output_tokens as f64 / self.joules
    }

    /// Joules per output token.
    pub fn joules_per_output_token(&self) -> f64 {
        self.joules / self.output_tokens as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN_S: Duration = Duration::from_secs(10);

    /// Samples at whole seconds: counter and power.
    fn meter(samples: &[(Option<f64>, Option<f64>)]) -> EnergyMeter {
        let mut meter = EnergyMeter::default();
        for (at, (counter, power)) in (0..).zip(samples) {
            meter.sample(Nanos::from_millis(at * 1000), *counter, *power);
        }
        meter
    }

    fn counter(joules: impl Iterator<Item = u32>) -> EnergyMeter {
        meter(&joules.map(|j| (Some(f64::from(j)), Some(1.0))).collect::<Vec<_>>())
    }

    #[test]
    fn the_counter_goes_before_the_power() {
        let energy = counter((0..=10).map(|s| 5000 + 400 * s)).energy(TEN_S);
        assert_eq!(energy, Ok(Energy { joules: 4000.0, method: EnergyMethod::Counter }));
    }

    #[test]
    fn without_one_it_is_the_area_under_the_power() {
        // 5 s rising from 100 W to 300 W, then 5 s at 300 W.
        let power = |s: u32| f64::from(100 + 40 * s.min(5));
        let energy = meter(&(0..=10).map(|s| (None, Some(power(s)))).collect::<Vec<_>>()).energy(TEN_S);
        assert_eq!(energy, Ok(Energy { joules: 2500.0, method: EnergyMethod::Integrated }));
    }

    #[test]
    fn a_gap_is_not_bridged_by_the_power_and_is_none_to_the_counter() {
        let run = |counter: Option<f64>| {
            let mut meter = EnergyMeter::default();
            for s in 0..=10_u32 {
                let at = Nanos::from_millis(u64::from(s) * 1000);
                if (4..=6).contains(&s) {
                    meter.gap(false);
                } else {
                    meter.sample(at, counter.map(|c| c * f64::from(s)), Some(100.0));
                }
            }
            meter.energy(TEN_S)
        };
        assert_eq!(run(None), Err("4.0 s of the run's 10.0 s have no reading".to_owned()));
        assert_eq!(run(Some(100.0)).map(|e| e.joules), Ok(1000.0));
    }

    #[test]
    fn a_pause_is_left_out() {
        let mut meter = EnergyMeter::default();
        for (s, joules) in [(0, 0.0), (5, 500.0)] {
            meter.sample(Nanos::from_millis(s * 1000), Some(joules), None);
        }
        meter.pause();
        for (s, joules) in [(60, 9000.0), (65, 9500.0)] {
            meter.sample(Nanos::from_millis(s * 1000), Some(joules), None);
        }
        assert_eq!(meter.energy(TEN_S).map(|e| e.joules), Ok(1000.0));
    }

    #[test]
    fn no_figure_has_a_reason() {
        let words = |meter: &EnergyMeter, ran| meter.energy(Duration::from_millis(ran)).unwrap_err();
        let steady = || counter((0..=10).map(|s| 100 * s));
        assert_eq!(words(&steady(), 4900), "the run took 4.9 s, and a figure needs 5 s");
        assert!(steady().energy(Duration::from_millis(10_500)).is_ok(), "the ends of the run are nearly met");
        assert_eq!(words(&steady(), 20_000), "10.0 s of the run's 20.0 s have no reading");
        let backwards = counter([900, 1000, 5, 105, 205, 305].into_iter());
        assert_eq!(words(&backwards, 5000), "its energy counter went backwards: the driver was loaded anew");
        let mut lost = steady();
        lost.gap(true);
        assert_eq!(words(&lost, 10_000), "it was lost during the run");
        assert_eq!(words(&meter(&[(None, None); 11]), 10_000), "it tells neither its energy nor its power");
    }

    #[test]
    fn tokens_are_paid_by_all_gpus_that_served() {
        let of = |joules| Ok(Energy { joules, method: EnergyMethod::Counter });
        let both = Efficiency::from_gpus(&[of(1500.0), of(500.0)], 1000).unwrap();
        assert!((both.output_tokens_per_joule() - 0.5).abs() < 1e-12);
        assert!((both.joules_per_output_token() - 2.0).abs() < 1e-12);
        let one_lost = Efficiency::from_gpus(&[of(1.0), Err("it was lost during the run".to_owned())], 1000);
        assert_eq!(one_lost, Err("of a GPU that served: it was lost during the run".to_owned()));
        assert!(Efficiency::from_gpus(&[], 1000).is_err() && Efficiency::from_gpus(&[of(1.0)], 0).is_err());
    }
}

//! Energy that GPUs consumed during a run, and energy per output token.

use std::time::Duration;

use super::time::Nanos;

/// Minimum run time for an energy figure. Sensors update every 0.1 s and average over a second, so shorter runs are
/// unreliable.
const MIN_RUN: Duration = Duration::from_secs(5);
/// Maximum share of the run without readings.
const MAX_MISSING_SHARE: f64 = 0.05;
/// Time without readings that is always allowed, seconds: the first and last reading never coincide with start and end
/// of the run.
const MAX_MISSING_S: f64 = 0.5;

/// Method by which an energy figure was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnergyMethod {
    /// From the GPU's energy counter.
    Counter,
    /// From the power samples, integrated over time.
    Integrated,
}

impl EnergyMethod {
    /// Name in `results.json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Integrated => "integrated",
        }
    }
}

/// Energy of one GPU over a run, including its idle consumption. For a GPU on a board, the energy of the whole board.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Energy {
    /// Energy, joules.
    pub joules: f64,
    /// Method of measurement.
    pub method: EnergyMethod,
}

/// Energy measured with one method, and the time it covers.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    joules: f64,
    over: Duration,
    last: Option<(Nanos, f64)>,
}

impl Sum {
    /// Adds the energy between the last reading and this one.
    fn add(&mut self, at: Nanos, value: f64, joules: impl Fn(f64, f64, Duration) -> f64) {
        if let Some((before, last)) = self.last.replace((at, value)) {
            let time = at.since(before);
            self.joules += joules(last, value, time);
            self.over += time;
        }
    }
}

/// Measures the energy of one GPU from its samples.
#[derive(Clone, Debug, Default)]
pub struct EnergyMeter {
    counter: Sum,
    power: Sum,
    backwards: bool,
    lost: bool,
}

impl EnergyMeter {
    /// Adds a sample: counter in joules and power in watts, as far as the GPU has these sensors.
    pub fn sample(&mut self, at: Nanos, counter_j: Option<f64>, power_w: Option<f64>) {
        if let Some(joules) = counter_j {
            self.backwards |= self.counter.last.is_some_and(|(_, before)| joules < before);
            // The counter keeps counting between readings, so a gap loses nothing.
            self.counter.add(at, joules, |before, after, _| after - before);
        }
        match power_w {
            Some(watts) => {
                self.power.add(at, watts, |before, after, time| f64::midpoint(before, after) * time.as_secs_f64());
            }
            None => self.power.last = None,
        }
    }

    /// Notes a reading that failed. The power during the gap is not estimated. If the GPU was `lost`, its counter may
    /// have restarted.
    pub const fn gap(&mut self, lost: bool) {
        self.power.last = None;
        self.lost |= lost;
    }

    /// Stops measuring until the next sample.
    pub const fn pause(&mut self) {
        self.power.last = None;
        self.counter.last = None;
    }

    /// Energy over a run that took `ran`; the error is the reason why there is no figure.
    pub fn energy(&self, ran: Duration) -> Result<Energy, String> {
        if self.lost {
            return Err("the GPU was lost during the run".to_owned());
        }
        if self.backwards {
            return Err("the energy counter went backwards, so the driver was reloaded".to_owned());
        }
        if ran < MIN_RUN {
            return Err(format!(
                "the run took {:.1} s; energy figures need at least {} s",
                ran.as_secs_f64(),
                MIN_RUN.as_secs()
            ));
        }
        let missed = |sum: &Sum| ran.saturating_sub(sum.over).as_secs_f64();
        let (method, sum) = match (self.counter.over.is_zero(), self.power.over.is_zero()) {
            (false, _) => (EnergyMethod::Counter, &self.counter),
            (true, false) => (EnergyMethod::Integrated, &self.power),
            (true, true) => return Err("the GPU reports neither energy nor power".to_owned()),
        };
        let missed = missed(sum);
        if missed > (ran.as_secs_f64() * MAX_MISSING_SHARE).max(MAX_MISSING_S) {
            return Err(format!("{missed:.1} s of the {:.1} s run have no reading", ran.as_secs_f64()));
        }
        Ok(Energy { joules: sum.joules, method })
    }
}

/// Energy of a run in relation to its output tokens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Efficiency {
    /// Energy of all GPUs that served the run, joules.
    pub joules: f64,
    /// Output tokens of the run, including warm-ups and failed attempts, because the energy includes them.
    pub output_tokens: u64,
}

impl Efficiency {
    /// Adds up the energy of the GPUs that served the run. The error is the reason why there is no figure.
    pub fn from_gpus(serving: &[Result<Energy, String>], output_tokens: u64) -> Result<Self, String> {
        if serving.is_empty() {
            return Err("no GPU is known to have served the run".to_owned());
        }
        let mut joules = 0.0;
        for energy in serving {
            joules += energy.as_ref().map_err(|why| format!("no energy of a GPU that served: {why}"))?.joules;
        }
        if output_tokens == 0 || joules <= 0.0 {
            return Err("the run has no output tokens or no energy".to_owned());
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

    /// A meter fed with samples at whole seconds: (counter, power).
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
    fn the_counter_is_preferred_to_power() {
        let energy = counter((0..=10).map(|s| 5000 + 400 * s)).energy(TEN_S);
        assert_eq!(energy, Ok(Energy { joules: 4000.0, method: EnergyMethod::Counter }));
    }

    #[test]
    fn without_a_counter_power_is_integrated() {
        // 5 s rising from 100 W to 300 W, then 5 s at 300 W.
        let power = |s: u32| f64::from(100 + 40 * s.min(5));
        let energy = meter(&(0..=10).map(|s| (None, Some(power(s)))).collect::<Vec<_>>()).energy(TEN_S);
        assert_eq!(energy, Ok(Energy { joules: 2500.0, method: EnergyMethod::Integrated }));
    }

    #[test]
    fn a_gap_interrupts_power_but_not_the_counter() {
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
        assert_eq!(run(None), Err("4.0 s of the 10.0 s run have no reading".to_owned()));
        assert_eq!(run(Some(100.0)).map(|e| e.joules), Ok(1000.0));
    }

    #[test]
    fn energy_during_a_pause_is_excluded() {
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
    fn a_missing_figure_has_a_reason() {
        let reason = |meter: &EnergyMeter, ran| meter.energy(Duration::from_millis(ran)).unwrap_err();
        let steady = || counter((0..=10).map(|s| 100 * s));
        assert_eq!(reason(&steady(), 4900), "the run took 4.9 s; energy figures need at least 5 s");
        assert!(steady().energy(Duration::from_millis(10_500)).is_ok(), "a short time without readings is allowed");
        assert_eq!(reason(&steady(), 20_000), "10.0 s of the 20.0 s run have no reading");
        let backwards = counter([900, 1000, 5, 105, 205, 305].into_iter());
        assert_eq!(reason(&backwards, 5000), "the energy counter went backwards, so the driver was reloaded");
        let mut lost = steady();
        lost.gap(true);
        assert_eq!(reason(&lost, 10_000), "the GPU was lost during the run");
        assert_eq!(reason(&meter(&[(None, None); 11]), 10_000), "the GPU reports neither energy nor power");
    }

    #[test]
    fn efficiency_counts_the_energy_of_all_gpus_that_served() {
        let energy = |joules| Ok(Energy { joules, method: EnergyMethod::Counter });
        let both = Efficiency::from_gpus(&[energy(1500.0), energy(500.0)], 1000).unwrap();
        assert!((both.output_tokens_per_joule() - 0.5).abs() < 1e-12);
        assert!((both.joules_per_output_token() - 2.0).abs() < 1e-12);
        let one_lost = Efficiency::from_gpus(&[energy(1.0), Err("the GPU was lost during the run".to_owned())], 1000);
        assert_eq!(one_lost, Err("no energy of a GPU that served: the GPU was lost during the run".to_owned()));
        assert!(Efficiency::from_gpus(&[], 1000).is_err() && Efficiency::from_gpus(&[energy(1.0)], 0).is_err());
    }
}

//! Detects an open loop whose queue only grows.

/// Minimum seconds of counting before a verdict.
const MIN_SAMPLES: usize = 30;
/// Minimum growth of the queue from one part of the time to the next, as a share of the requests that became due in
/// that part.
const MIN_GROWTH: f64 = 0.1;
/// Minimum growth in standard deviations of a balanced queue, which neither grows nor shrinks.
const MIN_DEVIATIONS: f64 = 2.0;

/// Length of the queue once a second: requests that were due and had not ended.
///
/// The time so far is divided into three equal parts. The queue counts as only growing if its mean length rises from
/// the first part to the second and again to the third. Each rise must exceed 10% of the n requests that became due in
/// the part, and also 2·√(2n). A balanced queue fluctuates by √(2n), because arrivals and ends each vary by √n.
#[derive(Clone, Debug, Default)]
pub struct Backlog {
    samples: Vec<Sample>,
}

/// Counts at the end of one second.
#[derive(Clone, Copy, Debug)]
struct Sample {
    waiting: usize,
    due: usize,
}

impl Backlog {
    /// Number of seconds counted.
    pub const fn seconds(&self) -> usize {
        self.samples.len()
    }

    /// Adds the counts at the end of a second: `waiting` requests that are due and have not ended, and all that became
    /// `due` so far.
    pub fn add(&mut self, waiting: usize, due: usize) {
        self.samples.push(Sample { waiting, due });
    }

    /// Returns whether the queue has only grown.
    pub fn only_grows(&self) -> bool {
        let part = self.samples.len() / 3;
        if self.samples.len() < MIN_SAMPLES {
            return false;
        }
        let parts: Vec<&[Sample]> = self.samples.rchunks_exact(part).take(3).collect();
        let mean = |part: &[Sample]| part.iter().map(|s| s.waiting as f64).sum::<f64>() / part.len() as f64;
        // `parts` lists the last part first.
        parts.windows(2).all(|pair| {
            let [later, earlier] = pair else { return false };
            let due = later.last().zip(earlier.last()).map_or(0, |(to, from)| to.due.saturating_sub(from.due)) as f64;
            let growth = mean(later) - mean(earlier);
            growth > MIN_GROWTH * due && growth > MIN_DEVIATIONS * (2.0 * due).sqrt()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::random::Random;

    /// Second in which a queue is found to grow, with `rate` arrivals and `service` ends per second, both Poisson.
    fn found_after(rate: f64, service: f64, seed: u64, seconds: usize) -> Option<usize> {
        let (mut random, mut backlog) = (Random::new(seed), Backlog::default());
        let (mut waiting, mut due) = (0_usize, 0_usize);
        (0..seconds).find(|_| {
            let mut left_s = 1.0;
            loop {
                left_s += random.unit().ln() / (rate + service);
                if left_s < 0.0 {
                    break;
                }
                if random.unit() * (rate + service) < rate {
                    (waiting, due) = (waiting + 1, due + 1);
                } else {
                    waiting = waiting.saturating_sub(1);
                }
            }
            backlog.add(waiting, due);
            backlog.only_grows()
        })
    }

    #[test]
    fn a_server_with_half_the_throughput_is_found_at_once() {
        for seed in 0..20 {
            assert_eq!(found_after(50.0, 25.0, seed, 300), Some(MIN_SAMPLES - 1), "seed {seed}");
        }
    }

    #[test]
    fn a_server_that_keeps_up_is_not_stopped() {
        let stopped = (0..200).filter(|seed| found_after(20.0, 25.0, *seed, 300).is_some()).count();
        assert_eq!(stopped, 0);
    }

    #[test]
    fn a_slow_rate_needs_more_time_than_a_fast_one() {
        let after = |rate: f64| found_after(rate, rate * 0.7, 1, 3000).unwrap();
        assert!(after(1.0) > after(100.0));
    }
}

//! Occasional stalls of the engine: one per interval of work, at a random place in it.

use crate::domain::random::Random;

/// Shortest stall, and maximum random extension, seconds.
const STALL_S: (f64, f64) = (0.6, 0.3);
/// Place of the stall in its interval: the earliest place and the range after it, as shares of the interval.
const PLACE: (f64, f64) = (0.3, 0.4);

/// Work of the engine so far, and the place of the next stall.
#[derive(Clone, Debug)]
pub struct Stalls {
    every_s: f64,
    worked_s: f64,
    interval: u64,
    next_s: f64,
}

impl Stalls {
    /// Creates stalls with this mean working time in between, seconds; 0 for no stalls.
    pub fn new(every_s: f64, random: &mut Random) -> Self {
        let mut stalls = Self { every_s, worked_s: 0.0, interval: 0, next_s: f64::INFINITY };
        stalls.place(random);
        stalls
    }

    /// Adds the work of a step. Returns the stall that follows it, seconds; 0 for no stall.
    pub fn after(&mut self, work_s: f64, random: &mut Random) -> f64 {
        self.worked_s += work_s;
        if self.worked_s < self.next_s {
            return 0.0;
        }
        self.interval += 1;
        self.place(random);
        STALL_S.1.mul_add(random.unit(), STALL_S.0)
    }

    fn place(&mut self, random: &mut Random) {
        if self.every_s > 0.0 {
            self.next_s = (self.interval as f64 + PLACE.1.mul_add(random.unit(), PLACE.0)) * self.every_s;
        }
    }
}

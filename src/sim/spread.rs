//! Random factors that spread times around their mean.

use std::f64::consts::TAU;

use crate::domain::random::Random;

/// Log-normal factors with mean 1: most are slightly below 1, a few are large, and none is negative.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    mu: f64,
    sigma: f64,
}

impl Spread {
    /// Creates factors with this relative standard deviation.
    pub fn new(relative_deviation: f64) -> Self {
        let variance = relative_deviation.mul_add(relative_deviation, 1.0).ln();
        Self { mu: -variance / 2.0, sigma: variance.sqrt() }
    }

    /// Draws a factor.
    pub fn draw(self, random: &mut Random) -> f64 {
        // The Box–Muller transform gives a normally distributed number.
        let normal = (-2.0 * random.unit().ln()).sqrt() * (TAU * random.unit()).cos();
        self.sigma.mul_add(normal, self.mu).exp()
    }
}

//! Reproducible random numbers and hashes. Not suitable for secrets.

/// The `SplitMix64` generator.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Creates a generator from a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Creates the generator for one item of a sequence. The items are independent of each other and need no earlier
    /// draws.
    pub const fn for_index(seed: u64, index: u64) -> Self {
        Self(mix(mix(seed) ^ mix(index.wrapping_add(0x9e37_79b9_7f4a_7c15))))
    }

    /// Next whole number below `limit`; 0 if the limit is 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        ((1.0 - self.unit()) * limit as f64) as u64
    }

    /// Next number of the standard normal distribution, by the method of Box and Muller.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.unit().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Next number of the gamma distribution with scale 1 and this shape, which must be above 0, by the method of
    /// Marsaglia and Tsang (2000).
    pub fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            return self.gamma(shape + 1.0) * self.unit().powf(1.0 / shape);
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && self.unit().ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }

    /// Next uniform number above 0 and up to 1.
    pub fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        ((mix(self.0) >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }
}

/// The finaliser of `SplitMix64`: neighbouring inputs give unrelated outputs.
pub const fn mix(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// FNV-1a hash.
pub fn hash(bytes: impl IntoIterator<Item = u8>) -> u64 {
    let add = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_match_published_values() {
        // The first outputs of SplitMix64 from seed 1234567, and FNV-1a of "foobar", as published by their authors.
        let step = 0x9e37_79b9_7f4a_7c15_u64;
        assert_eq!(mix(1_234_567_u64.wrapping_add(step)), 6_457_827_717_110_365_317);
        assert_eq!(mix(1_234_567_u64.wrapping_add(step).wrapping_add(step)), 3_203_168_211_198_807_973);
        assert_eq!(hash(*b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn numbers_below_a_limit_are_all_drawn_and_neighbouring_items_are_unrelated() {
        let mut counts = [0_u32; 8];
        for index in 0..8000 {
            counts[Random::for_index(3, index).below(8) as usize] += 1;
        }
        // 1,000 of each are expected, with a standard error of 30.
        assert!(counts.iter().all(|n| (850..1150).contains(n)), "{counts:?}");
        assert_eq!(Random::new(1).below(0), 0);
        let first = |seed, index| Random::for_index(seed, index).unit().to_bits();
        assert_eq!(first(3, 4), first(3, 4));
        assert!(first(3, 4) != first(3, 5) && first(3, 4) != first(4, 3) && first(0, 0) != first(1, 1));
    }

    #[test]
    fn units_are_above_zero_and_at_most_one() {
        let mut random = Random::new(7);
        let units: Vec<f64> = (0..10_000).map(|_| random.unit()).collect();
        assert!(units.iter().all(|u| *u > 0.0 && *u <= 1.0));
        let mean = units.iter().sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
    }
}

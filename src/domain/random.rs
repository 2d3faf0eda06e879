//! Numbers without a pattern that are the same in every run, and hashes. Nothing here keeps a secret.

/// The generator `SplitMix64`.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Begins from a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Above 0, at most 1.
    pub fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        ((mixed(self.0) >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }
}

/// The finaliser of `SplitMix64`: numbers next to each other have nothing in common afterwards.
pub const fn mixed(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// A number that tells bytes from others (FNV-1a).
pub fn hash(bytes: impl IntoIterator<Item = u8>) -> u64 {
    let add = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_the_published_ones() {
        // The first outputs of SplitMix64 from 1234567, and FNV-1a of "foobar", as their authors give them.
        let step = 0x9e37_79b9_7f4a_7c15_u64;
        assert_eq!(mixed(1_234_567_u64.wrapping_add(step)), 6_457_827_717_110_365_317);
        assert_eq!(mixed(1_234_567_u64.wrapping_add(step).wrapping_add(step)), 3_203_168_211_198_807_973);
        assert_eq!(hash(*b"foobar"), 0x8594_4171_f739_67e8);
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

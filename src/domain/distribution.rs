//! Distributions written as text: `1024`, `1024~128`, `512..2048`, `256:60,1024:40`, `~2s`.

use super::random::Random;

/// Largest normal value, in standard deviations above the mean, so that every distribution has a maximum.
const NORMAL_REACH: f64 = 4.0;
/// Largest exponential value, as a multiple of the mean, as for the think times of TPC-C (clause 5.2.5.4).
const EXPONENTIAL_REACH: f64 = 10.0;
/// Maximum draws until a value lies within the limits. Each draw has a chance of at least 0.6 to do so.
const MAX_DRAWS: u32 = 64;

/// A distribution of numbers.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Distribution {
    /// Always the same number.
    Fixed(f64),
    /// Normal with this mean and standard deviation. Values outside of the limits are drawn again.
    Normal { mean: f64, std: f64 },
    /// Uniform, both ends included.
    Uniform { min: f64, max: f64 },
    /// Exponential with this mean, cut at ten times the mean.
    Exponential { mean: f64 },
    /// One of several numbers, each with its weight above 0.
    Weighted(Vec<(f64, f64)>),
}

/// Syntax and limits of the numbers in a distribution, such as lengths or times.
pub(super) struct Format {
    /// Reads one number.
    pub number: fn(&str) -> Result<f64, String>,
    /// Smallest number that is accepted or drawn.
    pub min: f64,
    /// Whether `~` before a single number, as in `~2s`, means an exponential distribution.
    pub has_exponential: bool,
    /// Whether draws are whole numbers.
    pub is_whole: bool,
}

impl Format {
    /// Reads a distribution. The error names the faulty part.
    pub(super) fn parse(&self, text: &str) -> Result<Distribution, String> {
        let number = |part: &str| (self.number)(part.trim());
        if text.contains([',', ':']) {
            return text
                .split(',')
                .map(|part| self.weighted(part))
                .collect::<Result<_, _>>()
                .map(Distribution::Weighted);
        }
        if let Some((min, max)) = text.split_once("..") {
            let (min, max) = (number(min)?, number(max)?);
            let is_ascending = min <= max;
            return is_ascending
                .then_some(Distribution::Uniform { min, max })
                .ok_or_else(|| format!("'{}' is not a range from small to large", text.trim()));
        }
        match text.split_once('~') {
            Some((mean, spread)) if mean.trim().is_empty() && self.has_exponential => {
                Ok(Distribution::Exponential { mean: number(spread)? })
            }
            Some((mean, std)) => Self::normal(number(mean)?, number(std)?, text.trim()),
            None => Ok(Distribution::Fixed(number(text)?)),
        }
    }

    /// Creates a normal distribution. Its mean must lie within the limits, so that at least half of its values do.
    fn normal(mean: f64, std: f64, text: &str) -> Result<Distribution, String> {
        // With a spread larger than the mean, the limits rather than the mean would decide most values.
        let is_narrow = std <= mean;
        is_narrow
            .then_some(Distribution::Normal { mean, std })
            .ok_or_else(|| format!("the standard deviation of '{text}' is larger than the mean"))
    }

    fn weighted(&self, part: &str) -> Result<(f64, f64), String> {
        let part = part.trim();
        let (value, weight) =
            part.rsplit_once(':').ok_or_else(|| format!("'{part}' has no weight; write VALUE:WEIGHT"))?;
        let weight = weight.trim();
        let is_plain = weight.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let number = weight.parse::<f64>().ok().filter(|w| is_plain && *w > 0.0 && *w <= 1e6);
        Ok(((self.number)(value.trim())?, number.ok_or_else(|| format!("'{weight}' is not a weight above 0"))?))
    }

    /// Draws a value of the distribution, between its smallest and its largest one.
    pub(super) fn draw(&self, distribution: &Distribution, mut random: Random) -> f64 {
        match distribution {
            Distribution::Fixed(value) => *value,
            Distribution::Normal { mean, std } => {
                let (min, max) = (self.lower_edge(), mean + NORMAL_REACH * std + 1e-9);
                let values = (0..MAX_DRAWS).map(|_| mean + std * random.normal());
                self.round(values.into_iter().find(|v| (min..=max).contains(v)).unwrap_or(*mean))
            }
            Distribution::Uniform { min, max } if self.is_whole => min + random.below((max - min) as u64 + 1) as f64,
            Distribution::Uniform { min, max } => min + (max - min) * random.unit(),
            Distribution::Exponential { mean } => (-random.unit().ln()).min(EXPONENTIAL_REACH) * mean,
            Distribution::Weighted(parts) => {
                let mut at = random.unit() * parts.iter().map(|(_, weight)| weight).sum::<f64>();
                let chosen = parts.iter().find(|(_, weight)| {
                    at -= weight;
                    at <= 0.0
                });
                chosen.or(parts.last()).map_or(self.min, |(value, _)| *value)
            }
        }
    }

    /// Smallest number that rounds to an accepted one.
    fn lower_edge(&self) -> f64 {
        if self.is_whole { self.min - 0.5 } else { self.min }
    }

    fn round(&self, value: f64) -> f64 {
        if self.is_whole { value.round().max(self.min) } else { value }
    }

    /// Mean of the values that [`Self::draw`] returns.
    pub(super) fn mean(&self, distribution: &Distribution) -> f64 {
        match distribution {
            Distribution::Fixed(value) => *value,
            Distribution::Normal { mean, std } => truncated_mean(*mean, *std, self.lower_edge()),
            Distribution::Uniform { min, max } => f64::midpoint(*min, *max),
            Distribution::Exponential { mean } => mean * (1.0 - (-EXPONENTIAL_REACH).exp()),
            Distribution::Weighted(parts) => {
                let total: f64 = parts.iter().map(|(_, weight)| weight).sum();
                parts.iter().map(|(value, weight)| value * weight).sum::<f64>() / total
            }
        }
    }

    /// Largest value that can be drawn.
    pub(super) fn max(&self, distribution: &Distribution) -> f64 {
        match distribution {
            Distribution::Fixed(value) => *value,
            Distribution::Normal { mean, std } => self.round(mean + NORMAL_REACH * std),
            Distribution::Uniform { max, .. } => *max,
            Distribution::Exponential { mean } => mean * EXPONENTIAL_REACH,
            Distribution::Weighted(parts) => parts.iter().map(|(value, _)| *value).fold(self.min, f64::max),
        }
    }
}

/// Mean of a normal distribution without its values below `min` and beyond [`NORMAL_REACH`], by the midpoint rule.
fn truncated_mean(mean: f64, std: f64, min: f64) -> f64 {
    const STEPS: u32 = 4000;
    if std <= 0.0 {
        return mean;
    }
    let low = ((min - mean) / std).max(-2.0 * NORMAL_REACH);
    let step = (NORMAL_REACH - low) / f64::from(STEPS);
    let (mut weights, mut sum) = (0.0, 0.0);
    for i in 0..STEPS {
        let z = low + (f64::from(i) + 0.5) * step;
        let weight = (-z * z / 2.0).exp();
        weights += weight;
        sum += weight * z;
    }
    mean + std * sum / weights
}

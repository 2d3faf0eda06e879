//! Prompt and answer lengths: requested by a workload, and measured.

use super::spread::Spread;
use crate::domain::attempt::AttemptRecord;

/// Requested and real lengths of prompts or of answers, tokens.
#[derive(Clone, Debug, Default)]
pub struct Lengths {
    requested: Vec<f64>,
    real: Vec<f64>,
    deviations: Vec<f64>,
}

/// Difference between real and requested lengths, percent of the requested length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Deviation {
    /// Mean difference; negative if real lengths are shorter.
    pub mean_percent: f64,
    /// Largest difference in either direction, with its sign.
    pub largest_percent: f64,
    /// Number of requests with both lengths.
    pub n: usize,
}

impl Lengths {
    /// Adds the lengths of one request, if known.
    fn add(&mut self, requested: Option<u32>, real: Option<u64>) {
        let (requested, real) = (requested.map(f64::from), real.map(|n| n as f64));
        self.requested.extend(requested);
        self.real.extend(real);
        let both = requested.zip(real).filter(|(requested, _)| *requested > 0.0);
        self.deviations.extend(both.map(|(requested, real)| (real - requested) / requested * 100.0));
    }

    /// Returns the spread of the requested lengths; `None` if none was requested.
    pub fn requested(&self) -> Option<Spread> {
        spread(&self.requested)
    }

    /// Returns the spread of the real lengths; `None` if none is known.
    pub fn real(&self) -> Option<Spread> {
        spread(&self.real)
    }

    /// Returns the deviation of real from requested lengths; `None` if no request has both.
    pub fn deviation(&self) -> Option<Deviation> {
        let all = spread(&self.deviations)?;
        let (min, max) = (all.stats.min, all.stats.max);
        let largest_percent = if max >= -min { max } else { min };
        Some(Deviation { mean_percent: all.stats.avg, largest_percent, n: all.n })
    }
}

fn spread(values: &[f64]) -> Option<Spread> {
    Spread::from_values(values.iter().map(|value| (0, *value)).collect())
}

/// Lengths of a run's requests.
#[derive(Clone, Debug, Default)]
pub struct WorkloadLengths {
    /// Prompts of single requests and of first turns.
    pub input: Lengths,
    /// Answers.
    pub output: Lengths,
}

impl WorkloadLengths {
    /// Adds a complete answer. Real lengths come from the server or from the user's tokenizer.
    pub fn add(&mut self, record: &AttemptRecord) {
        let lengths = record.lengths;
        if !record.is_later_turn() {
            self.input.add(lengths.input_tokens, record.usage.prompt_tokens);
        }
        let counted = record.usage.completion_tokens.or(record.counted_tokens);
        self.output.add(lengths.output_tokens, counted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deviation_compares_only_requests_of_which_both_lengths_are_known() {
        let mut lengths = Lengths::default();
        lengths.add(Some(100), Some(110));
        lengths.add(Some(200), Some(160));
        lengths.add(Some(1000), None);
        lengths.add(None, Some(7));
        assert_eq!(lengths.deviation(), Some(Deviation { mean_percent: -5.0, largest_percent: -20.0, n: 2 }));
        assert_eq!((lengths.requested().unwrap().n, lengths.real().unwrap().n), (3, 3));
        assert_eq!(Lengths::default().deviation(), None);
    }
}

//! Fits the number of tokens per unit of text to the token counts of the server.

use super::pieces;
use crate::domain::statistics::median;

/// Lengths of the probes, characters. The short ones determine the overhead. With seven probes, a single odd answer
/// cannot decide the fit.
pub const PROBE_CHARS: [usize; 7] = [40, 100, 400, 1600, 3200, 4800, 6400];

/// Unit of text from which tokens are predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Words and marks, see [`pieces::count`]. Best for vocabularies that have most English words.
    Piece,
    /// Characters. Best for small vocabularies, and for vocabularies of bytes.
    Character,
}

impl Unit {
    /// Returns the number of units in a text.
    pub fn count(self, text: &str) -> u64 {
        match self {
            Self::Piece => pieces::count(text),
            Self::Character => text.chars().count() as u64,
        }
    }
}

/// Linear function that predicts the server's token count from the units of a prompt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// Unit of the text.
    pub unit: Unit,
    /// Tokens per unit of prose.
    pub tokens_per_unit: f64,
    /// Tokens that the chat template adds to every request.
    pub overhead_tokens: f64,
    /// Largest difference between a probe and the line, tokens. With four or more probes, ignores the largest one.
    /// `None` if the line is an assumption.
    pub residual_tokens: Option<f64>,
}

impl Fit {
    /// Line to use before any probe. By OpenAI's rule of thumb, English text has four characters per token
    /// (<https://help.openai.com/en/articles/4936856>); the prose has 4.5 characters per piece.
    pub const ASSUMED: Self =
        Self { unit: Unit::Piece, tokens_per_unit: 1.1, overhead_tokens: 0.0, residual_tokens: None };

    /// Returns the expected tokens of a request with this many units.
    pub fn tokens(&self, units: u64) -> f64 {
        self.overhead_tokens + self.tokens_per_unit * units as f64
    }
}

/// Fits a line to the texts of probes and the server's token count for each. Uses the unit that predicts the counts
/// better.
pub fn fit_texts(probes: &[(&str, u64)]) -> Option<Fit> {
    let lines = [Unit::Piece, Unit::Character].into_iter().filter_map(|unit| {
        let sizes: Vec<(u64, u64)> = probes.iter().map(|(text, tokens)| (unit.count(text), *tokens)).collect();
        fit(unit, &sizes)
    });
    let residual = |line: &Fit| line.residual_tokens.unwrap_or(f64::INFINITY);
    lines.min_by(|a, b| residual(a).total_cmp(&residual(b)))
}

/// Fits a line to pairs of units and tokens. The slope is the median of the slopes between all pairs (Theil–Sen
/// estimator), so one of five or more probes may be odd. Returns `None` unless two probes differ in length and the
/// tokens grow with the units.
pub fn fit(unit: Unit, probes: &[(u64, u64)]) -> Option<Fit> {
    let points: Vec<(f64, f64)> = probes.iter().map(|(units, tokens)| (*units as f64, *tokens as f64)).collect();
    let pairs = points.iter().enumerate().flat_map(|(i, a)| points.iter().skip(i + 1).map(move |b| (a, b)));
    let slopes = pairs.filter(|(a, b)| (a.0 - b.0).abs() >= 1.0).map(|(a, b)| (b.1 - a.1) / (b.0 - a.0));
    let tokens_per_unit = median(slopes).filter(|slope| *slope > 0.0)?;
    let offsets = points.iter().map(|(units, tokens)| tokens - tokens_per_unit * units);
    let overhead_tokens = median(offsets)?.max(0.0);
    let line = Fit { unit, tokens_per_unit, overhead_tokens, residual_tokens: None };
    let mut residuals: Vec<f64> =
        probes.iter().map(|(units, tokens)| (*tokens as f64 - line.tokens(*units)).abs()).collect();
    residuals.sort_by(f64::total_cmp);
    if residuals.len() >= 4 {
        residuals.pop();
    }
    Some(Fit { residual_tokens: residuals.last().copied(), ..line })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::workload::prose::Passages;

    /// Returns the probes of a server with this line. Each count is rounded.
    fn probes(tokens_per_unit: f64, overhead: f64) -> Vec<(u64, u64)> {
        let count = |pieces: u64| (overhead + tokens_per_unit * pieces as f64).round() as u64;
        [9, 22, 90, 360, 720, 1080, 1440].map(|pieces| (pieces, count(pieces))).to_vec()
    }

    #[test]
    fn the_overhead_of_the_template_is_separated_from_the_text() {
        let line = fit(Unit::Piece, &probes(1.23, 31.0)).unwrap();
        assert!((line.tokens_per_unit - 1.23).abs() < 0.001 && (line.overhead_tokens - 31.0).abs() < 1.5, "{line:?}");
        assert!(line.residual_tokens.unwrap() <= 1.0, "{line:?}");
        assert!((line.tokens(1000) - line.overhead_tokens - 1000.0 * line.tokens_per_unit).abs() < 1e-9);
    }

    #[test]
    fn too_little_or_absurd_data_gives_no_line() {
        for probes in
            [&[][..], &[(400, 100)], &[(400, 100), (400, 120)], &[(400, 100), (800, 100)], &[(400, 100), (800, 50)]]
        {
            assert_eq!(fit(Unit::Piece, probes), None, "{probes:?}");
        }
        assert!((fit(Unit::Piece, &[(400, 110), (800, 210)]).unwrap().tokens_per_unit - 0.25).abs() < 1e-9);
    }

    #[test]
    fn the_residual_of_a_fit_is_reported() {
        // The slopes are 0.16, 0.1 and 0.04. The line has 0.1 tokens per piece and no overhead.
        assert_eq!(fit(Unit::Piece, &[(100, 10), (200, 26), (300, 30)]).unwrap().residual_tokens, Some(6.0));
    }

    #[test]
    fn the_unit_that_predicts_better_is_chosen() {
        let passages = Passages::shuffled(1);
        let texts: Vec<String> = PROBE_CHARS.iter().zip(0..).map(|(chars, i)| passages.get(i).text(*chars)).collect();
        for unit in [Unit::Piece, Unit::Character] {
            let probes: Vec<(&str, u64)> =
                texts.iter().map(|text| (text.as_str(), 20 + 2 * unit.count(text))).collect();
            let expected = Fit { unit, tokens_per_unit: 2.0, overhead_tokens: 20.0, residual_tokens: Some(0.0) };
            assert_eq!(fit_texts(&probes), Some(expected));
        }
        assert_eq!(fit_texts(&[]), None);
    }

    proptest! {
        #[test]
        fn one_odd_probe_changes_nothing(
            slope in 0.5..4.0_f64, overhead in 0.0..200.0_f64, odd in 0..7_usize, tokens in 0..100_000_u64,
        ) {
            let (sound, mut probes) = (fit(Unit::Piece, &probes(slope, overhead)).unwrap(), probes(slope, overhead));
            probes[odd].1 = tokens;
            let line = fit(Unit::Piece, &probes).unwrap();
            prop_assert!((line.tokens_per_unit - sound.tokens_per_unit).abs() < 0.01, "{line:?} instead of {sound:?}");
            prop_assert!((line.tokens(1440) - sound.tokens(1440)).abs() < 8.0, "{line:?} instead of {sound:?}");
            prop_assert!(line.residual_tokens.unwrap() < 8.0);
        }

        #[test]
        fn any_counts_give_a_finite_line_or_none(probes in prop::collection::vec((any::<u64>(), any::<u64>()), 0..8)) {
            if let Some(line) = fit(Unit::Piece, &probes) {
                prop_assert!(line.tokens_per_unit.is_finite() && line.tokens_per_unit > 0.0);
                prop_assert!(line.overhead_tokens.is_finite() && line.overhead_tokens >= 0.0);
            }
        }
    }
}

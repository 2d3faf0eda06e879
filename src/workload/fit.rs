//! Tokens per piece of text, fitted to what the server itself counts.

use super::pieces;
use crate::domain::statistics::median;

/// Lengths of the probes, characters. Five, so that one odd answer cannot decide the fit.
pub const PROBE_CHARS: [usize; 5] = [400, 1600, 3200, 4800, 6400];

/// A straight line from the pieces of a prompt ([`pieces::count`]) to the tokens that the server counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// Tokens per word or mark of prose.
    pub tokens_per_piece: f64,
    /// Tokens that every request has beyond its text: the chat template.
    pub overhead_tokens: f64,
    /// Largest distance of a probe from the line, tokens. The farthest of four or more probes is ignored. `None` if
    /// the line is an assumption.
    pub residual_tokens: Option<f64>,
}

impl Fit {
    /// The line to use before any probe. OpenAI's rule of thumb for English text is four characters per token
    /// (<https://help.openai.com/en/articles/4936856>); the prose has 4.5 characters per piece.
    pub const ASSUMED: Self = Self { tokens_per_piece: 1.1, overhead_tokens: 0.0, residual_tokens: None };

    /// Expected tokens of a prompt with this many pieces.
    pub fn tokens(&self, pieces: u64) -> f64 {
        self.overhead_tokens + self.tokens_per_piece * pieces as f64
    }
}

/// Fits a line to the texts of probes and the tokens that the server counted for each.
pub fn fit_texts<'a>(probes: impl IntoIterator<Item = (&'a str, u64)>) -> Option<Fit> {
    let probes: Vec<(u64, u64)> = probes.into_iter().map(|(text, tokens)| (pieces::count(text), tokens)).collect();
    fit(&probes)
}

/// Fits a line to pairs of pieces and tokens. The slope is the median of the slopes between all pairs (Theil and
/// Sen), so of five probes any one may be odd. `None` unless two probes differ in length and tokens grow with pieces.
pub fn fit(probes: &[(u64, u64)]) -> Option<Fit> {
    let points: Vec<(f64, f64)> = probes.iter().map(|(pieces, tokens)| (*pieces as f64, *tokens as f64)).collect();
    let pairs = points.iter().enumerate().flat_map(|(i, a)| points.iter().skip(i + 1).map(move |b| (a, b)));
    let slopes = pairs.filter(|(a, b)| (a.0 - b.0).abs() >= 1.0).map(|(a, b)| (b.1 - a.1) / (b.0 - a.0));
    let tokens_per_piece = median(slopes).filter(|slope| *slope > 0.0)?;
    let offsets = points.iter().map(|(pieces, tokens)| tokens - tokens_per_piece * pieces);
    let overhead_tokens = median(offsets)?.max(0.0);
    let line = Fit { tokens_per_piece, overhead_tokens, residual_tokens: None };
    let mut residuals: Vec<f64> =
        probes.iter().map(|(pieces, tokens)| (*tokens as f64 - line.tokens(*pieces)).abs()).collect();
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

    /// Probes of a server with this line, each count rounded.
    fn probes(tokens_per_piece: f64, overhead: f64) -> Vec<(u64, u64)> {
        let count = |pieces: u64| (overhead + tokens_per_piece * pieces as f64).round() as u64;
        [90, 360, 720, 1080, 1440].map(|pieces| (pieces, count(pieces))).to_vec()
    }

    #[test]
    fn the_overhead_of_the_template_is_separated_from_the_text() {
        let line = fit(&probes(1.23, 31.0)).unwrap();
        assert!((line.tokens_per_piece - 1.23).abs() < 0.001 && (line.overhead_tokens - 31.0).abs() < 1.5, "{line:?}");
        assert!(line.residual_tokens.unwrap() <= 1.0, "{line:?}");
        assert!((line.tokens(1000) - line.overhead_tokens - 1000.0 * line.tokens_per_piece).abs() < 1e-9);
    }

    #[test]
    fn too_little_or_absurd_data_gives_no_line() {
        for probes in
            [&[][..], &[(400, 100)], &[(400, 100), (400, 120)], &[(400, 100), (800, 100)], &[(400, 100), (800, 50)]]
        {
            assert_eq!(fit(probes), None, "{probes:?}");
        }
        assert!((fit(&[(400, 110), (800, 210)]).unwrap().tokens_per_piece - 0.25).abs() < 1e-9);
    }

    #[test]
    fn a_spread_is_stated() {
        // The slopes are 0.16, 0.1 and 0.04; the line is 0.1 tokens per piece without an overhead.
        assert_eq!(fit(&[(100, 10), (200, 26), (300, 30)]).unwrap().residual_tokens, Some(6.0));
    }

    proptest! {
        #[test]
        fn one_odd_probe_of_five_changes_nothing(
            slope in 0.5..4.0_f64, overhead in 0.0..200.0_f64, odd in 0..5_usize, tokens in 0..100_000_u64,
        ) {
            let (sound, mut probes) = (fit(&probes(slope, overhead)).unwrap(), probes(slope, overhead));
            probes[odd].1 = tokens;
            let line = fit(&probes).unwrap();
            prop_assert!((line.tokens_per_piece - sound.tokens_per_piece).abs() < 0.01, "{line:?} instead of {sound:?}");
            prop_assert!((line.tokens(1440) - sound.tokens(1440)).abs() < 8.0, "{line:?} instead of {sound:?}");
            prop_assert!(line.residual_tokens.unwrap() < 8.0);
        }

        #[test]
        fn any_counts_give_a_finite_line_or_none(probes in prop::collection::vec((any::<u64>(), any::<u64>()), 0..8)) {
            if let Some(line) = fit(&probes) {
                prop_assert!(line.tokens_per_piece.is_finite() && line.tokens_per_piece > 0.0);
                prop_assert!(line.overhead_tokens.is_finite() && line.overhead_tokens >= 0.0);
            }
        }
    }
}

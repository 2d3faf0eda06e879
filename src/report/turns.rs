//! Figures by turn of conversations.

use std::ops::RangeInclusive;

use super::spread::Spread;
use crate::domain::attempt::{AttemptRecord, TokenSource};
use crate::domain::metrics::{DECODE, INPUT_TOKENS, Metric, TTFT};

/// Figures of the reported attempts that belong to conversations.
#[derive(Clone, Debug, Default)]
pub struct TurnSamples {
    samples: Vec<Sample>,
    /// Turn number of each failed attempt.
    failed: Vec<u16>,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    turn: u16,
    case: usize,
    ttft_ms: Option<f64>,
    input_tokens: Option<f64>,
    cached_tokens: Option<f64>,
    decode_tokens_per_s: Option<f64>,
    is_estimated: bool,
}

/// Figures of one turn or of a range of turns.
#[derive(Clone, Debug)]
pub struct TurnFigures {
    /// Range of turn numbers, from 1.
    pub turns: RangeInclusive<u16>,
    /// Number of complete answers.
    pub n: usize,
    /// Number of failed requests.
    pub failed: usize,
    /// Time to first token, milliseconds.
    pub ttft_ms: Option<Spread>,
    /// Prompt tokens, including all earlier messages and answers.
    pub input_tokens: Option<Spread>,
    /// Prompt tokens in the server's prefix cache; `None` if it does not report them.
    pub cached_tokens: Option<Spread>,
    /// Decode speed, tok/s.
    pub decode_tokens_per_s: Option<Spread>,
    /// Whether any count of output tokens is an estimate.
    pub is_estimated: bool,
}

impl TurnSamples {
    /// Adds a complete answer, if it belongs to a conversation.
    pub fn add(&mut self, record: &AttemptRecord) {
        let Some(turn) = record.turn else { return };
        let figure = |metric: &Metric| (metric.get)(record);
        self.samples.push(Sample {
            turn: turn.number,
            case: record.id.case,
            ttft_ms: figure(&TTFT),
            input_tokens: figure(&INPUT_TOKENS),
            cached_tokens: record.usage.cached_tokens.map(|n| n as f64),
            decode_tokens_per_s: figure(&DECODE),
            is_estimated: record.output_tokens().is_some_and(|(_, source)| source == TokenSource::Estimate),
        });
    }

    /// Adds a failed attempt, if it belongs to a conversation.
    pub fn add_failure(&mut self, record: &AttemptRecord) {
        self.failed.extend(record.turn.map(|turn| turn.number));
    }

    /// Returns the figures by turn in at most `limit` rows. The last row covers all remaining turns.
    pub fn figures(&self, limit: usize) -> Vec<TurnFigures> {
        let mut turns: Vec<u16> = self.samples.iter().map(|s| s.turn).chain(self.failed.iter().copied()).collect();
        turns.sort_unstable();
        turns.dedup();
        let Some(&last) = turns.last() else { return Vec::new() };
        let is_folded = turns.len() > limit.max(1);
        let alone = if is_folded { limit.max(1) - 1 } else { turns.len() };
        let (alone, folded) = turns.split_at(alone);
        let ranges = alone.iter().map(|turn| *turn..=*turn).chain(folded.first().map(|first| *first..=last));
        ranges.map(|turns| self.over(turns)).collect()
    }

    fn over(&self, turns: RangeInclusive<u16>) -> TurnFigures {
        let samples: Vec<&Sample> = self.samples.iter().filter(|s| turns.contains(&s.turn)).collect();
        let spread = |get: fn(&Sample) -> Option<f64>| {
            Spread::from_values(samples.iter().filter_map(|s| Some((s.case, get(s)?))).collect())
        };
        TurnFigures {
            n: samples.len(),
            failed: self.failed.iter().filter(|turn| turns.contains(turn)).count(),
            ttft_ms: spread(|s| s.ttft_ms),
            input_tokens: spread(|s| s.input_tokens),
            cached_tokens: spread(|s| s.cached_tokens),
            decode_tokens_per_s: spread(|s| s.decode_tokens_per_s),
            is_estimated: samples.iter().any(|s| s.is_estimated),
            turns,
        }
    }
}

impl TurnFigures {
    /// Formats the turn numbers: `2`, or `8–20` for a range.
    pub fn name(&self) -> String {
        match (self.turns.start(), self.turns.end()) {
            (first, last) if first == last => first.to_string(),
            (first, last) => format!("{first}–{last}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::attempt::AttemptId;
    use crate::domain::time::Nanos;
    use crate::domain::turn::Turn;
    use crate::report::fixture::answer;

    /// Returns one conversation. Turn `n` has a TTFT of `n` · 10 ms and `n` · 100 cached tokens.
    fn samples(turns: u16) -> TurnSamples {
        let mut samples = TurnSamples::default();
        let mut next = Some(Turn::first(1, turns));
        while let Some(turn) = next {
            let id = AttemptId { case: 0, number: turn.number.into() };
            let mut record = answer(id, Nanos(0), 100 * u64::from(turn.number), 1000, 10);
            record.usage.cached_tokens = Some(100 * u64::from(turn.number));
            record.turn = Some(turn);
            samples.add(&record);
            next = turn.next();
        }
        samples
    }

    #[test]
    fn each_turn_has_its_own_figures() {
        let mut samples = samples(3);
        samples.add(&answer(AttemptId { case: 0, number: 9 }, Nanos(0), 9000, 10, 10));
        let figures = samples.figures(8);
        let ttft: Vec<f64> = figures.iter().map(|f| f.ttft_ms.unwrap().stats.avg).collect();
        let cached: Vec<f64> = figures.iter().map(|f| f.cached_tokens.unwrap().stats.avg).collect();
        assert_eq!((ttft, cached), (vec![10.0, 20.0, 30.0], vec![100.0, 200.0, 300.0]));
        assert_eq!(figures.iter().map(|f| (f.name(), f.n)).collect::<Vec<_>>().last(), Some(&("3".to_owned(), 1)));
    }

    #[test]
    fn turns_beyond_the_limit_share_the_last_row() {
        let figures = samples(20).figures(8);
        let names: Vec<String> = figures.iter().map(TurnFigures::name).collect();
        assert_eq!(names, ["1", "2", "3", "4", "5", "6", "7", "8–20"]);
        let rest = figures.last().unwrap();
        assert_eq!((rest.n, rest.ttft_ms.unwrap().stats.avg), (13, 140.0));
        assert_eq!(samples(8).figures(8).last().unwrap().name(), "8");
        assert!(TurnSamples::default().figures(8).is_empty());
    }

    #[test]
    fn a_turn_without_a_complete_answer_has_no_figures() {
        let mut samples = samples(1);
        let mut failure = answer(AttemptId { case: 0, number: 2 }, Nanos(0), 100, 10, 10);
        failure.turn = Turn::first(1, 3).next();
        samples.add_failure(&failure);
        let figures = samples.figures(8);
        assert_eq!((figures[1].n, figures[1].failed, figures[1].ttft_ms), (0, 1, None));
    }
}

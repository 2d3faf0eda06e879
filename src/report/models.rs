//! Figures by model for a run that mixes models.

use std::collections::BTreeMap;

use super::case::{CaseView, cases};
use super::spread::Spread;
use crate::domain::attempt::AttemptRecord;
use crate::domain::metrics::{DECODE, LATENCY, Metric, OUTPUT_TOKENS, PASS_RATE, TTFT};
use crate::domain::model_mix::WeightedModel;
use crate::domain::session::{AttemptState, Session};

/// Metrics that are collected for each model.
static SAMPLED: [&Metric; 5] = [&TTFT, &LATENCY, &DECODE, &OUTPUT_TOKENS, &PASS_RATE];

/// Answers of one model. Only figures are stored, because the records of a long run are too large.
#[derive(Default)]
struct Samples {
    n: usize,
    failed: usize,
    /// Values by metric in the order of [`SAMPLED`], each with the index of its case.
    figures: [Vec<(usize, f64)>; 5],
}

impl Samples {
    fn add(&mut self, record: &AttemptRecord) {
        self.n += 1;
        for (column, metric) in self.figures.iter_mut().zip(SAMPLED) {
            column.extend((metric.get)(record).map(|figure| (record.id.case, figure)));
        }
    }
}

/// Figures of one model over all cases.
#[derive(Clone, Debug)]
pub struct ModelFigures {
    /// Name of the model.
    pub name: String,
    /// Weight of the model.
    pub weight: u32,
    /// Number of complete answers.
    pub n: usize,
    /// Number of failed requests.
    pub failed: usize,
    /// Time to first token, milliseconds.
    pub ttft_ms: Option<Spread>,
    /// End-to-end latency, milliseconds.
    pub latency_ms: Option<Spread>,
    /// Decode speed, tok/s.
    pub decode_tokens_per_s: Option<Spread>,
    /// Output tokens.
    pub output_tokens: Option<Spread>,
    /// Share of the checked answers that pass, percent.
    pub pass_rate_percent: Option<Spread>,
}

/// Returns the figures of each model in the order of the mix; empty without a mix.
pub fn figures(session: &Session) -> Vec<ModelFigures> {
    let Some(mix) = &session.suite.model_mix else { return Vec::new() };
    let views = cases(session);
    let mut samples: BTreeMap<String, Samples> = BTreeMap::new();
    for record in views.iter().flat_map(CaseView::records) {
        samples.entry(record.model.clone()).or_default().add(&record);
    }
    for record in views.iter().flat_map(CaseView::failures).filter_map(AttemptState::record) {
        samples.entry(record.model.clone()).or_default().failed += 1;
    }
    let mut of_model = |model: &WeightedModel| {
        let Samples { n, failed, figures } = samples.remove(&model.name).unwrap_or_default();
        let mut spreads = SAMPLED.into_iter().zip(figures).map(|(metric, values)| Spread::of_metric(metric, values));
        let mut next = || spreads.next().flatten();
        ModelFigures {
            name: model.name.clone(),
            weight: model.weight,
            n,
            failed,
            ttft_ms: next(),
            latency_ms: next(),
            decode_tokens_per_s: next(),
            output_tokens: next(),
            pass_rate_percent: next(),
        }
    };
    mix.models.iter().map(&mut of_model).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::model_mix::{ModelMix, WeightedModel};
    use crate::domain::session::Plan;
    use crate::report::fixture::{answer, refusal, run, suite};

    #[test]
    fn each_model_has_its_own_figures() {
        let model = |name: &str, weight| WeightedModel { name: name.to_owned(), weight };
        let mix = ModelMix::new(vec![model("a", 2), model("b", 1), model("unused", 1)], 0).unwrap();
        let mut asked = suite(&["x", "y"]);
        asked.model_mix = mix;
        let session = run(asked, Plan { repeat: 4, ..Plan::default() }, |id, now| {
            if (id.case, id.number) == (1, 4) {
                return Some(AttemptRecord { model: "b".to_owned(), ..refusal(id, now, "busy") });
            }
            let (name, millis) = if id.case == 0 { ("a", 1000) } else { ("b", 3000) };
            Some(AttemptRecord { model: name.to_owned(), ..answer(id, now, millis, 10, 20) })
        });
        let figures = figures(&session);
        let shown: Vec<_> = figures.iter().map(|f| (f.name.as_str(), f.weight, f.n, f.failed)).collect();
        assert_eq!(shown, [("a", 2, 4, 0), ("b", 1, 3, 1), ("unused", 1, 0, 0)]);
        let latency: Vec<_> = figures.iter().map(|f| f.latency_ms.map(|s| s.stats.avg)).collect();
        assert_eq!(latency, [Some(1000.0), Some(3000.0), None]);
        assert!(super::figures(&run(suite(&["x"]), Plan::default(), |_, _| None)).is_empty());
    }
}

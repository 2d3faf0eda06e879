//! Columns of a sweep's stages, shared by JSON, the load pane and the summary.

use crate::domain::metrics::AppliesTo;
use crate::domain::quantity::ESTIMATED;
use crate::domain::slo::SloUnit;
use crate::domain::statistics::needed_for;
use crate::domain::sweep::Stage;
use crate::domain::task::Task;

/// Mark of the knee.
pub const KNEE: char = '◆';

/// Column of the table: a figure of each stage.
#[derive(Debug)]
pub struct SweepColumn {
    /// Key in `results.json`.
    pub key: &'static str,
    /// Heading without the unit.
    pub label: &'static str,
    /// Unit of the values that `get` returns.
    pub unit: SloUnit,
    /// Number of decimal places in a report.
    pub digits: usize,
    /// Whether the figure depends on the number of output tokens, and is estimated if that number is.
    pub counts_output_tokens: bool,
    /// Percentile of the figure, which determines how many answers it needs; 50 needs one.
    pub percent: u32,
    /// Answers that have the figure.
    pub applies_to: AppliesTo,
    /// Returns the figure; `None` if it is unknown or has too few answers.
    pub get: fn(&Stage) -> Option<f64>,
}

/// Columns in order of importance. If space is short, the last ones are dropped first.
pub const SWEEP_COLUMNS: &[SweepColumn] = &[
    SweepColumn {
        key: "output_token_throughput",
        label: "tok/s",
        unit: SloUnit::TokensPerSecond,
        digits: 1,
        counts_output_tokens: true,
        percent: 50,
        applies_to: AppliesTo::Text,
        get: |s| s.tokens_per_s,
    },
    SweepColumn {
        key: "item_throughput",
        label: "items/s",
        unit: SloUnit::ItemsPerSecond,
        digits: 1,
        counts_output_tokens: false,
        percent: 50,
        applies_to: AppliesTo::Items,
        get: |s| s.items_per_s,
    },
    SweepColumn {
        key: "time_to_first_token_p50_ms",
        label: "TTFT p50",
        unit: SloUnit::Milliseconds,
        digits: 1,
        counts_output_tokens: false,
        percent: 50,
        applies_to: AppliesTo::Text,
        get: |s| s.ttft_p50_ms,
    },
    SweepColumn {
        key: "output_token_throughput_per_user_p50",
        label: "per user",
        unit: SloUnit::TokensPerSecond,
        digits: 1,
        counts_output_tokens: true,
        percent: 50,
        applies_to: AppliesTo::Text,
        get: |s| s.tokens_per_s_per_user,
    },
    SweepColumn {
        key: "request_throughput",
        label: "req/s",
        unit: SloUnit::RequestsPerSecond,
        digits: 2,
        counts_output_tokens: false,
        percent: 50,
        applies_to: AppliesTo::Every,
        get: |s| s.requests_per_s,
    },
    SweepColumn {
        key: "time_to_first_token_p95_ms",
        label: "TTFT p95",
        unit: SloUnit::Milliseconds,
        digits: 1,
        counts_output_tokens: false,
        percent: 95,
        applies_to: AppliesTo::Text,
        get: |s| s.ttft_p95_ms,
    },
    SweepColumn {
        key: "inter_token_latency_p50_ms",
        label: "ITL p50",
        unit: SloUnit::Milliseconds,
        digits: 2,
        counts_output_tokens: true,
        percent: 50,
        applies_to: AppliesTo::Text,
        get: |s| s.itl_p50_ms,
    },
    SweepColumn {
        key: "request_latency_p50_ms",
        label: "Latency p50",
        unit: SloUnit::Milliseconds,
        digits: 0,
        counts_output_tokens: false,
        percent: 50,
        applies_to: AppliesTo::Every,
        get: |s| s.latency_p50_ms,
    },
    SweepColumn {
        key: "request_latency_p95_ms",
        label: "Latency p95",
        unit: SloUnit::Milliseconds,
        digits: 0,
        counts_output_tokens: false,
        percent: 95,
        applies_to: AppliesTo::Items,
        get: |s| s.latency_p95_ms,
    },
    SweepColumn {
        key: "input_token_throughput",
        label: "input tok/s",
        unit: SloUnit::TokensPerSecond,
        digits: 1,
        counts_output_tokens: false,
        percent: 50,
        applies_to: AppliesTo::Items,
        get: |s| s.input_tokens_per_s,
    },
];

/// Columns of a run that asks for this kind of work.
pub fn columns_of(task: Task) -> impl Iterator<Item = &'static SweepColumn> {
    SWEEP_COLUMNS.iter().filter(move |column| column.applies_to.includes(task))
}

impl SweepColumn {
    /// Returns the text after the figure in a sentence: `ms TTFT p50`, `tok/s per user`.
    pub fn after_figure(&self) -> String {
        let unit = self.unit.as_str();
        if self.label == unit { unit.to_owned() } else { format!("{unit} {}", self.label) }
    }

    /// Formats the figure with `show`, and puts `~` before an estimate. [`samples_needed`] explains figures that lack
    /// answers.
    pub fn cell(&self, stage: &Stage, show: impl FnOnce(Option<f64>) -> String) -> String {
        match (self.get)(stage) {
            Some(value) if self.counts_output_tokens && stage.estimated => format!("{ESTIMATED}{}", show(Some(value))),
            value => show(value),
        }
    }
}

/// Describes how many answers the missing percentiles need: `p95 needs 20 answers`; `None` if none is missing.
pub fn samples_needed(stages: &[Stage]) -> Option<String> {
    samples_needed_for(stages, |_| true)
}

/// Returns the same as [`samples_needed`] for the percentiles that `is_shown` selects.
pub fn samples_needed_for(stages: &[Stage], is_shown: impl Fn(u32) -> bool) -> Option<String> {
    let lacks = |c: &&SweepColumn| c.percent > 50 && stages.iter().any(|s| s.ok > 0 && s.ok < needed_for(c.percent));
    let lacking = SWEEP_COLUMNS.iter().filter(lacks).map(|c| c.percent).filter(|percent| is_shown(*percent));
    let mut percents: Vec<u32> = lacking.collect();
    percents.sort_unstable();
    percents.dedup();
    let needs: Vec<String> = percents.iter().map(|p| format!("p{p} needs {} answers", needed_for(*p))).collect();
    (!needs.is_empty()).then(|| needs.join(", "))
}

/// Formats the number of complete answers out of all measured requests of a stage: `19/24`.
pub fn n_of_all(stage: &Stage) -> String {
    format!("{}/{}", stage.ok, stage.requests)
}

/// Counts the unresolved figures by stage: `2 TTFT, 3 decode speed at concurrency 4`; `None` without any.
pub fn unresolved_in_words(stages: &[Stage]) -> Option<String> {
    let part = |n: usize, what: &str| (n > 0).then(|| format!("{n} {what}"));
    let stage = |s: &Stage| {
        let parts = [part(s.unresolved_first_token, "TTFT"), part(s.unresolved_inter_token, "decode speed")];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| format!("{} at concurrency {}", parts.join(", "), s.concurrency))
    };
    let all: Vec<String> = stages.iter().filter_map(stage).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sweep::testing::bent;

    #[test]
    fn cells_mark_estimates_and_figures_with_too_few_answers() {
        let mut stage = bent()[0].clone();
        (stage.estimated, stage.ok, stage.requests) = (true, 19, 24);
        let show = |v: Option<f64>| v.map_or_else(|| "–".to_owned(), |v| format!("{v:.1}"));
        let columns: Vec<&SweepColumn> = columns_of(Task::Generation).collect();
        let cells: Vec<_> = columns.iter().map(|c| c.cell(&stage, show)).collect();
        assert_eq!(cells, ["~100.0", "100.0", "~100.0", "1.0", "–", "~10.0", "1000.0"]);
        assert_eq!(samples_needed(&[stage.clone()]).as_deref(), Some("p95 needs 20 answers"));
        assert_eq!(n_of_all(&stage), "19/24");
        let words = |at: usize| columns[at].after_figure();
        assert_eq!(words(0), "tok/s");
        assert_eq!(words(1), "ms TTFT p50");
        assert_eq!(words(2), "tok/s per user");
        stage.ok = 0;
        assert_eq!(columns[4].cell(&stage, show), "–");
        let items: Vec<&str> = columns_of(Task::Rerank).map(|c| c.label).collect();
        assert_eq!(items, ["items/s", "req/s", "Latency p50", "Latency p95", "input tok/s"]);
    }

    #[test]
    fn answers_without_a_figure_are_counted_stage_by_stage() {
        let mut stages = bent();
        assert_eq!(unresolved_in_words(&stages), None);
        stages[0].unresolved_inter_token = 2;
        (stages[2].unresolved_first_token, stages[2].unresolved_inter_token) = (1, 3);
        let (first, third) = (stages[0].concurrency, stages[2].concurrency);
        let expected = format!("2 decode speed at concurrency {first}; 1 TTFT, 3 decode speed at concurrency {third}");
        assert_eq!(unresolved_in_words(&stages), Some(expected));
    }

    #[test]
    fn keys_are_unique() {
        let mut keys: Vec<_> = SWEEP_COLUMNS.iter().map(|c| c.key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), SWEEP_COLUMNS.len());
    }
}

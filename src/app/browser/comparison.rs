//! Two compared runs, as the screen shows them.

/// Judgement of the difference between the figures of runs A and B.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// B is better: the 95% intervals of the two means do not overlap.
    Better,
    /// B is worse: the intervals do not overlap.
    Worse,
    /// The intervals do not overlap, but neither a higher nor a lower figure is better.
    Differs,
    /// The intervals overlap: no difference beyond chance.
    Same,
    /// There are too few repeats for an interval.
    TooFew,
    /// Not comparable: a run lacks the figure, or the runs have different cases.
    Unknown,
}

impl Judged {
    /// Sign and words on the screen. The sign distinguishes the judgements without colour.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Better => "✓ better",
            Self::Worse => "✗ worse",
            Self::Differs => "Δ differs",
            Self::Same => "≈ no difference",
            Self::TooFew => "· too few repeats",
            Self::Unknown => "",
        }
    }
}

/// A figure of both runs, formatted.
#[derive(Clone, Debug, PartialEq)]
pub struct ComparedRow {
    /// Name of the case, or of the metric in the row over all cases.
    pub name: String,
    /// Whether the row summarises all cases.
    pub is_total: bool,
    /// Figure of A.
    pub a: String,
    /// Figure of B.
    pub b: String,
    /// Difference from A, percent.
    pub difference: String,
    /// Meaning of the difference.
    pub judged: Judged,
}

/// Dimension by which the rows of a metric are split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowsBy {
    /// A row for each case, and one over all cases.
    Case,
    /// A row for each turn of the conversations.
    Turn,
    /// A row for each percentile, over all cases.
    Percentile,
}

impl RowsBy {
    /// Words of the heading above the rows.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Case => "by case",
            Self::Turn => "by turn",
            Self::Percentile => "all cases",
        }
    }
}

/// A metric of both runs.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricRows {
    /// Heading: `TTFT`.
    pub label: String,
    /// Dimension by which the rows are split.
    pub by: RowsBy,
    /// Rows: the cases, then the row over all cases.
    pub rows: Vec<ComparedRow>,
}

/// Values of one metric in every request of both runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    /// Name of the metric: `TTFT`.
    pub label: &'static str,
    /// Meaning of the metric in a few words.
    pub meaning: &'static str,
    /// Values of A in milliseconds, ascending.
    pub a_ms: Vec<f64>,
    /// Values of B in milliseconds, ascending.
    pub b_ms: Vec<f64>,
}

/// Two compared runs. Texts are sanitised.
#[derive(Clone, Debug, PartialEq)]
pub struct ComparisonView {
    /// The result in one sentence.
    pub verdict: String,
    /// The first run: name, model, date, suite.
    pub a: String,
    /// The second run.
    pub b: String,
    /// Concurrency that verdict and distributions describe; `None` if whole runs are compared.
    pub stage: Option<u64>,
    /// Reasons why the runs are not fully comparable.
    pub warnings: Vec<String>,
    /// The metrics.
    pub metrics: Vec<MetricRows>,
    /// Distributions of TTFT, ITL and latency.
    pub distributions: Vec<Distribution>,
}

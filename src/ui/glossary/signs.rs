//! The signs of all screens.

use super::{Place, Term};

const fn sign(term: &'static str, meaning: &'static str) -> Term {
    Term { term, meaning, place: Place::Dashboard }
}

const fn runs_sign(term: &'static str, meaning: &'static str) -> Term {
    Term { term, meaning, place: Place::Runs }
}

const fn comparison_sign(term: &'static str, meaning: &'static str) -> Term {
    Term { term, meaning, place: Place::Comparison }
}

/// Signs beside figures, in tables and in charts.
pub const SIGNS: &[Term] = &[
    // ─── Beside figures ───
    sign("~", "Estimated: based on an estimated number of tokens"),
    sign("–", "Not available, or too few samples; as a state: skipped"),
    sign("±", "Half of the mean's 95% interval"),
    sign("± –", "No interval: it needs 3 attempts of a case, or 2 attempts of each of 2 cases"),
    sign("≈", "No difference beyond chance"),
    sign("Δbase", "Difference from the baseline, which `b` sets"),
    sign("5× mean", "Mean of the complete attempts of a case, here 5, as in the report"),
    sign("5×", "The case has 5 attempts"),
    sign("w", "Warm TTFT: the prompt was in the server's prefix cache"),
    sign("?", "TTFT may be warm: cache use is not reported, and the prompt is not unique (--warm)"),
    sign("!", "In a state: findings, such as stalls, below the answer; in a message: an error"),
    sign("≥ ≤", "At least, at most"),
    sign("…", "A name or an answer was cut to fit"),
    // ─── States ───
    sign(
        "●",
        "Running or answering; before a GPU: it serves the endpoint; on a line: the selected stream or case; in a chart: a complete stage",
    ),
    sign("○", "Waiting for the first token; in a sweep: the running stage"),
    sign("◐", "Reasoning"),
    sign("◌", "Waiting for the endpoint, or interrupted"),
    sign("‖", "Run held, or case paused"),
    sign("✓", "Done; threshold met; check passed"),
    sign("✗", "Failed; threshold missed; check failed"),
    sign("⊘", "Cancelled"),
    sign("·", "Queued; in the Trace: prefill; before a threshold: no figure yet"),
    sign("▸", "The selected row; before reasoning: folded"),
    sign("▾", "The attempts of the case are listed below it"),
    sign("├ └", "An attempt of the case above"),
    sign("↑ ↓", "Sort order of the column"),
    // ─── Charts ───
    sign("▅▅▂▅", "Trace: speed over time. Half height is the run's median gap, each step 19%; yellow is a stall"),
    sign("━━", "Progress, or memory in use; in the scope: median gap of the streams that ended"),
    sign("┃", "In a memory bar: peak of the run"),
    sign("──", "In the scope: gaps between the tokens of an answer"),
    sign("··", "In the scope: gaps between the tokens of reasoning; in the Trace: prefill"),
    sign("▁▁", "In the scope: prefill, the wait for the first token"),
    sign("┈┈", "In the scope: queued, the wait for a slot"),
    sign("░░", "In the scope: shortest to longest gap of the streams that ended"),
    sign("•", "In the scope: a gap far longer than its neighbours"),
    sign(
        "▲",
        "In the scope: a stall of the server; in a chart: p95; below a request: the line that makes a prompt unique",
    ),
    sign("△", "In the scope: a stall of tokscope's own machine; in a chart: p95 of the running stage"),
    sign("■ □", "In a chart: ITL p50; open: of the running stage"),
    sign("┴", "In the scope: start of a request; below a chart: a tick"),
    sign("═ held", "In the scope: the run was held"),
    sign("│", "Axis of a chart, or the cursor of the scope"),
    sign("┼", "In a range: the median"),
    sign("◆", "Knee of the sweep"),
    sign("╌╌", "Ideal scaling: throughput of one stream times the concurrency"),
    sign("┄┄", "Threshold (--slo)"),
    sign("┊", "Knee, or highest concurrency that meets the thresholds"),
    sign("▐", "Visible part of the answer"),
    sign("▼", "The answer follows the stream"),
    // ─── The run browser ───
    runs_sign("✓", "Complete: everything planned was measured"),
    runs_sign("◐", "Partial: something planned is missing"),
    runs_sign("▶", "Running now"),
    runs_sign("‖", "Unfinished: it was interrupted and can be resumed"),
    runs_sign("✗", "Unreadable"),
    runs_sign("▸", "The selected run"),
    runs_sign("▾ ▴", "Sort order of the column"),
    runs_sign("A B", "The marked runs: `c` compares them, and A is the older one"),
    runs_sign("*", "Marked; only two runs can be compared"),
    runs_sign("~", "Estimated: based on an estimated number of tokens"),
    runs_sign("–", "Not available"),
    runs_sign("•", "In the trend: a run"),
    runs_sign("◆", "In the trend: the selected run"),
    // ─── The comparison ───
    comparison_sign("±", "Half of the mean's 95% interval"),
    comparison_sign("✓", "B is better: the intervals do not overlap"),
    comparison_sign("✗", "B is worse: the intervals do not overlap"),
    comparison_sign("Δ", "The figures differ: the intervals do not overlap"),
    comparison_sign("≈", "No difference beyond chance: the intervals overlap"),
    comparison_sign("·", "No interval: it needs 3 attempts of a case, or 2 attempts of each of 2 cases"),
    comparison_sign("–", "Not available"),
    comparison_sign("~", "Estimated: based on an estimated number of tokens"),
    comparison_sign("!", "Reason why the runs are not fully comparable"),
    comparison_sign(
        "━━━ A, ━ ━ B",
        "Cumulative share: the curve shows which share of the requests took up to this time",
    ),
    comparison_sign("● ○", "The chart shown, and the other ones"),
];

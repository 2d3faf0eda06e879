//! Marks and words beside figures, and their meaning.

pub use crate::domain::quantity::ESTIMATED;

/// Marks a TTFT whose prompt was in the server's prefix cache.
pub const WARM: &str = "w";
/// Marks a TTFT whose prompt may have been in the server's prefix cache.
pub const CACHE_UNKNOWN: &str = "?";

/// Replaces a difference that may be chance.
pub const SAME: &str = "≈";

/// All marks, as help lists them.
pub const MARKS: &[(&str, &str)] = &[
    (ESTIMATED, "Estimated: based on an estimated token count"),
    (WARM, "Warm TTFT: the prompt was in the server's prefix cache"),
    (CACHE_UNKNOWN, "TTFT may be warm: cache use not reported, and the prompt is not unique (--warm)"),
    (SAME, "No difference beyond chance"),
    ("", "No mark: cold TTFT, as reported by the server or because the prompt is unique"),
    ("!", "After a state: findings, such as stalls, are listed below the answer"),
    ("capped", "The answer was cut at a token limit, usually max_tokens"),
    ("5× mean", "Mean of the case's complete attempts, ± half its 95% interval, as in the report"),
    ("Trace", "Speed over time: half height is the run's median gap, each step 19%; yellow is a stall"),
    ("Excellent", "Or Good, Fair, Poor: rating of the average tok/s by the suite's [rating] thresholds"),
];

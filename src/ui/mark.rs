//! The marks and words that stand beside figures, and what they mean.

pub use crate::domain::quantity::ESTIMATED;

/// Before a TTFT that the server's prefix cache made short.
pub const WARM: &str = "w";
/// Before a TTFT that it may have made short.
pub const CACHE_UNKNOWN: &str = "?";

/// In place of a difference that may be chance.
pub const SAME: &str = "≈";

/// All marks, as help lists them.
pub const MARKS: &[(&str, &str)] = &[
    (ESTIMATED, "Rests on an estimated number of tokens"),
    (WARM, "Warm TTFT: the server had the prompt in its cache"),
    (CACHE_UNKNOWN, "The server does not tell, and the prompt was sent as it is (--warm): the TTFT may be warm"),
    (SAME, "In place of a difference: no more than chance"),
    ("", "No mark: a cold TTFT. The server says so, or nothing of a prompt that was made unique"),
    ("!", "Behind a state: there are findings, told below the answer"),
    ("capped", "The answer was cut at a token limit, usually max_tokens"),
    ("Excellent", "Or Good, Fair, Poor: the average tok/s on the suite's scale, which a suite's [rating] sets"),
];

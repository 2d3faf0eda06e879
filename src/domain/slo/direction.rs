//! Thresholds whose direction is almost never intended, like `ttft_p95>500ms`.

use super::{Comparison, RunFigure, Slo, Subject};
use crate::domain::metrics::Better;
use crate::domain::text::sanitise_line;

impl Slo {
    /// Returns a warning about a threshold that a worse server passes more easily, with the opposite direction as a
    /// suggestion; `None` for a usual threshold.
    pub fn odd_direction(&self) -> Option<String> {
        let less_is_better = match self.subject {
            Subject::Requests(metric, _) => metric.better? == Better::Low,
            Subject::Run(figure) => figure == RunFigure::ErrorRate,
        };
        if self.comparison.is_upper_bound() == less_is_better {
            return None;
        }
        let (sign, opposite) = match self.comparison {
            Comparison::Below => ("<", ">"),
            Comparison::AtMost => ("<=", ">="),
            Comparison::Above => (">", "<"),
            Comparison::AtLeast => (">=", "<="),
        };
        let (text, meant) = (sanitise_line(&self.text), sanitise_line(&self.text.replacen(sign, opposite, 1)));
        Some(format!("threshold '{text}' passes when the figure is worse; did you mean '{meant}'?"))
    }
}

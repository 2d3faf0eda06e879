//! Labels of samples. Names from servers and drivers are hostile, so they are sanitised.

use prometheus_client::encoding::EncodeLabelSet;

use crate::domain::attempt::AttemptRecord;
use crate::domain::text::sanitise_line;

/// Model of a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ModelLabels {
    model: String,
}

impl ModelLabels {
    pub fn new(record: &AttemptRecord) -> Self {
        Self { model: sanitise_line(&record.model) }
    }
}

/// Model and outcome of a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    model: String,
    status: &'static str,
    warmup: &'static str,
}

impl RequestLabels {
    pub fn new(record: &AttemptRecord) -> Self {
        let warmup = if record.warmup { "true" } else { "false" };
        Self { model: sanitise_line(&record.model), status: record.status.as_str(), warmup }
    }
}

/// A GPU.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct GpuLabels {
    pub gpu: u32,
    pub model: String,
}

/// Percentile of a distribution.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct QuantileLabels {
    pub quantile: &'static str,
}

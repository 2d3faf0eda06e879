//! Mix of models from which each request draws one.

use super::ConfigError;
use crate::domain::model_mix::{ModelMix, WeightedModel};
use crate::domain::text::sanitise_line;

/// Returns the mix of `--model-mix`, whose values are alternating names and weights, or else the mix of the suite's
/// file.
pub(super) fn mix(typed: &[String], file: Vec<WeightedModel>, seed: u64) -> Result<Option<ModelMix>, ConfigError> {
    let failed = |why: String| ConfigError(format!("--model-mix: {}", sanitise_line(&why)));
    if typed.is_empty() {
        return ModelMix::new(file, seed).map_err(|e| failed(e.to_string()));
    }
    let model = |pair: &[String]| {
        let [name, weight] = pair else { return Err(failed("write NAME N".to_owned())) };
        let parsed = weight.parse().ok().filter(|weight| *weight > 0);
        let weight = parsed.ok_or_else(|| {
            failed(format!(
                "'{weight}' is not a weight for '{name}'; write a whole number from 1, like --model-mix NAME 3"
            ))
        })?;
        Ok(WeightedModel { name: name.clone(), weight })
    };
    let models = typed.chunks(2).map(model).collect::<Result<_, _>>()?;
    ModelMix::new(models, seed).map_err(|e| failed(e.to_string()))
}

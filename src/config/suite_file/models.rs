//! `[[model]]`: models from which each request draws one.

use toml::de::DeValue;

use crate::config::toml_file::{Mistakes, Section, kind};
use crate::domain::model_mix::{ModelMix, WeightedModel};

const EXAMPLE: &str = "write [[model]], then name = \"…\" and weight = 1 below it";

/// Reads the models with their weights; empty without the key.
pub(super) fn read_models(root: &Section<'_, '_>, mistakes: &mut Mistakes<'_>) -> Vec<WeightedModel> {
    let Some((value, at)) = root.value("model") else { return Vec::new() };
    let DeValue::Array(list) = value else {
        mistakes.add(at, format!("'model' is {}; {EXAMPLE}", kind(value)));
        return Vec::new();
    };
    let mut models = Vec::new();
    for item in list {
        let at = item.span().start;
        let DeValue::Table(table) = item.get_ref() else {
            mistakes.add(at, format!("a model is {}; {EXAMPLE}", kind(item.get_ref())));
            continue;
        };
        let section = Section { table, at };
        section.check_keys(&["name", "weight"], "", mistakes);
        if section.value("name").is_none() {
            mistakes.add(at, format!("this model has no name; {EXAMPLE}"));
        }
        let name = section.text("name", mistakes).map(|(name, _at)| name.to_owned());
        let weight = if section.value("weight").is_some() { section.count("weight", mistakes) } else { Some(1) };
        models.extend(name.zip(weight).map(|(name, weight)| WeightedModel { name, weight }));
    }
    if let Err(why) = ModelMix::new(models.clone(), 0) {
        mistakes.add(at, why.to_string());
    }
    models
}

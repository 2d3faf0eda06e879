//! Several models of one endpoint in one run, such as adapters of a base model, drawn by weight.

use serde::{Deserialize, Serialize};

use super::random::{Random, mix};

/// Maximum number of models.
pub const MAX_MODELS: usize = 1000;

/// Models of a run with their weights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelMix {
    /// Models in the order that the user gave.
    pub models: Vec<WeightedModel>,
    /// Random seed of the draws.
    pub seed: u64,
}

/// A model and its weight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightedModel {
    /// Name of the model, as sent in requests.
    pub name: String,
    /// Share of the requests, relative to the other weights.
    pub weight: u32,
}

/// Reason why models cannot be mixed, and how to correct the mix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidMix(String);

impl ModelMix {
    /// Creates a mix of models; `None` for an empty list.
    ///
    /// # Errors
    ///
    /// If a name occurs twice, or there are too many models.
    pub fn new(models: Vec<WeightedModel>, seed: u64) -> Result<Option<Self>, InvalidMix> {
        if models.len() > MAX_MODELS {
            return Err(InvalidMix(format!("{} models are too many; mix up to {MAX_MODELS}", models.len())));
        }
        let mut names: Vec<&str> = models.iter().map(|model| model.name.as_str()).collect();
        names.sort_unstable();
        if let Some([name, _]) = names.windows(2).find(|pair| matches!(pair, [a, b] if a == b)) {
            return Err(InvalidMix(format!("the model '{name}' occurs twice; give it one weight")));
        }
        Ok((!models.is_empty()).then_some(Self { models, seed }))
    }

    /// Returns the model of a request. The draw depends only on the seed, the case and the number of the request. All
    /// requests of a conversation must pass the number of the first one, so that they use the same model.
    pub fn choose(&self, case: usize, number: u32) -> &str {
        let total: u64 = self.models.iter().map(|model| u64::from(model.weight)).sum();
        let request = mix(((case as u64) << 32) | u64::from(number));
        let mut draw = Random::for_index(self.seed, request).below(total);
        let drawn = self.models.iter().find(|model| {
            let weight = u64::from(model.weight);
            let is_drawn = draw < weight;
            draw = draw.saturating_sub(weight);
            is_drawn
        });
        drawn.or(self.models.last()).map_or("", |model| &model.name)
    }

    /// Names of the models.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.models.iter().map(|model| model.name.as_str())
    }

    /// All names on one line: `base + adapter`. A long list is shortened to its first names.
    pub fn title(&self) -> String {
        const SHOWN: usize = 3;
        let names: Vec<&str> = self.names().take(SHOWN).collect();
        let more = self.models.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!(" + {more} more") } else { String::new() };
        names.join(" + ") + &more
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mix_of(models: &[(&str, u32)]) -> ModelMix {
        let model = |(name, weight): &(&str, u32)| WeightedModel { name: (*name).to_owned(), weight: *weight };
        ModelMix::new(models.iter().map(model).collect(), 7).unwrap().unwrap()
    }

    #[test]
    fn models_are_drawn_by_their_weights_and_again_the_same() {
        let mix = mix_of(&[("llama3:8b", 3), ("b", 1)]);
        let drawn: Vec<&str> = (1..=4000).map(|number| mix.choose(0, number)).collect();
        let share = drawn.iter().filter(|name| **name == "llama3:8b").count() as f64 / 4000.0;
        // Five standard deviations of a share of 75% in 4,000 draws.
        assert!((share - 0.75).abs() < 5.0 * (0.75_f64 * 0.25 / 4000.0).sqrt(), "{share}");
        assert_eq!(drawn, (1..=4000).map(|number| mix.choose(0, number)).collect::<Vec<_>>());
        assert_ne!(drawn, (1..=4000).map(|number| mix.choose(1, number)).collect::<Vec<_>>());
        let other = ModelMix { seed: 8, ..mix.clone() };
        assert_ne!(drawn, (1..=4000).map(|number| other.choose(0, number)).collect::<Vec<_>>());
    }

    #[test]
    fn mixes_have_a_short_title() {
        assert_eq!(mix_of(&[("a", 1), ("b", 2)]).title(), "a + b");
        assert_eq!(mix_of(&[("a", 1), ("b", 1), ("c", 1), ("d", 1), ("e", 1)]).title(), "a + b + c + 2 more");
    }

    #[test]
    fn a_name_occurs_once() {
        let twice = vec![WeightedModel { name: "a".to_owned(), weight: 1 }; 2];
        assert_eq!(ModelMix::new(twice, 0).unwrap_err().0, "the model 'a' occurs twice; give it one weight");
        assert_eq!(ModelMix::new(Vec::new(), 0), Ok(None));
    }
}

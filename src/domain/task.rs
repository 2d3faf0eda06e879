//! Kind of work that a run asks of a model.

use serde::{Deserialize, Serialize};

use super::quantity::count;

/// Kind of work that the requests of a run ask for. It decides which figures exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Text, generated token by token.
    #[default]
    Generation,
    /// A vector for each input.
    Embeddings,
    /// A score for each document of a query.
    Rerank,
}

impl Task {
    /// Name in `results.json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generation => "generation",
            Self::Embeddings => "embeddings",
            Self::Rerank => "rerank",
        }
    }

    /// Whether the model generates text. Without text there are no output tokens, and no figures of single tokens.
    pub fn generates(self) -> bool {
        self == Self::Generation
    }

    /// Whether this is the default, so that files of earlier versions need no entry.
    pub fn is_generation(&self) -> bool {
        self.generates()
    }

    /// Unit of the throughput of a run.
    pub const fn throughput_unit(self) -> &'static str {
        match self {
            Self::Generation => "tok/s",
            Self::Embeddings | Self::Rerank => "items/s",
        }
    }

    /// Name of one item of an answer; `None` for generated text.
    pub const fn item(self) -> Option<&'static str> {
        match self {
            Self::Generation => None,
            Self::Embeddings => Some("input"),
            Self::Rerank => Some("document"),
        }
    }

    /// Reason why figures of generated tokens do not exist; `None` if they do.
    pub const fn no_token_figures(self) -> Option<&'static str> {
        match self {
            Self::Generation => None,
            Self::Embeddings => {
                Some("an embeddings request generates no tokens, so TTFT, ITL, decode speed and rating do not exist")
            }
            Self::Rerank => {
                Some("a rerank request generates no tokens, so TTFT, ITL, decode speed and rating do not exist")
            }
        }
    }
}

impl AnswerItems {
    /// Returns `32 vectors of 384 dimensions` or `10 scores`.
    pub fn in_words(self) -> String {
        match self.dimensions {
            Some(dimensions) => format!("{} of {dimensions} dimensions", count(self.count as usize, "vector")),
            None => count(self.count as usize, "score"),
        }
    }
}

/// Items of a complete answer that is not text: vectors or scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerItems {
    /// Inputs with a vector, or documents that the server scored.
    pub count: u32,
    /// Numbers in each vector; `None` for scores.
    pub dimensions: Option<u32>,
}

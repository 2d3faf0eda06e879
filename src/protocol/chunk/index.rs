//! Index of a choice.

use std::fmt;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer};

/// Index of a choice. Any other value counts as 0, the first choice.
#[derive(Default)]
pub struct Index(pub u32);

impl<'de> Deserialize<'de> for Index {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IndexVisitor)
    }
}

struct IndexVisitor;

impl Visitor<'_> for IndexVisitor {
    type Value = Index;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the index of a choice")
    }

    fn visit_u64<E>(self, index: u64) -> Result<Index, E> {
        Ok(Index(u32::try_from(index).unwrap_or(u32::MAX)))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Index, E> {
        Ok(Index(0))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Index, E> {
        Ok(Index(0))
    }

    fn visit_str<E>(self, _: &str) -> Result<Index, E> {
        Ok(Index(0))
    }

    fn visit_unit<E>(self) -> Result<Index, E> {
        Ok(Index(0))
    }
}

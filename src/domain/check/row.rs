//! Checks in a row of a data set: JSON with the keys of a suite's `check`.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::compiled::Checks;
use super::spec::{CheckSpec, InvalidCheck};

impl CheckSpec {
    /// Reads the checks of a row: one object or a list of objects. Each key of an object is a check of its own.
    ///
    /// # Errors
    ///
    /// Describes the first invalid check.
    pub fn list_from_json(value: &Value) -> Result<Vec<Self>, InvalidCheck> {
        let items = match value {
            Value::Null => &[][..],
            Value::Array(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        let mut specs = Vec::new();
        for item in items {
            let Value::Object(keys) = item else {
                return Err(InvalidCheck("a check is an object like {\"contains\": \"…\"}".to_owned()));
            };
            for (key, value) in keys {
                let one = Value::Object(Map::from_iter([(key.clone(), value.clone())]));
                specs.push(Self::deserialize(one).map_err(|e| InvalidCheck(format!("not a check: {e}")))?);
            }
        }
        Checks::new(&specs)?;
        Ok(specs)
    }
}

//! Fields of a JSON document, with errors that name their place.

use serde_json::Value;

/// A value and its place in the document, like `benchmarks[0].metrics`.
#[derive(Clone, Debug)]
pub struct Field<'a> {
    value: &'a Value,
    place: String,
}

impl<'a> Field<'a> {
    /// The whole document.
    pub const fn document(value: &'a Value) -> Self {
        Self { value, place: String::new() }
    }

    /// The value under a key; `None` if it is missing or `null`.
    pub fn get(&self, key: &str) -> Option<Self> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        let place = if self.place.is_empty() { key.to_owned() } else { format!("{}.{key}", self.place) };
        Some(Self { value, place })
    }

    /// The value under a path of keys; `None` if a part of it is missing.
    pub fn at(&self, path: &[&str]) -> Option<Self> {
        path.iter().try_fold(self.clone(), |field, key| field.get(key))
    }

    /// The list under a key; empty if it is missing.
    ///
    /// # Errors
    ///
    /// The value is not a list.
    pub fn list(&self, key: &str) -> Result<Vec<Self>, String> {
        self.get(key).map_or_else(|| Ok(Vec::new()), |field| field.items())
    }

    /// Items of a list.
    ///
    /// # Errors
    ///
    /// The value is not a list.
    pub fn items(&self) -> Result<Vec<Self>, String> {
        let items = self.value.as_array().ok_or_else(|| format!("{}: expected a list", self.place))?;
        let item = |(at, value)| Field { value, place: format!("{}[{at}]", self.place) };
        Ok(items.iter().enumerate().map(item).collect())
    }

    /// The number under a key; `None` if it is missing or `null`.
    ///
    /// # Errors
    ///
    /// The value is not a number of 0 or more.
    pub fn number(&self, key: &str) -> Result<Option<f64>, String> {
        self.get(key).map(|field| field.as_number()).transpose()
    }

    /// The value as a number.
    ///
    /// # Errors
    ///
    /// The value is not a number of 0 or more.
    pub fn as_number(&self) -> Result<f64, String> {
        let number = self.value.as_f64().filter(|number| number.is_finite() && *number >= 0.0);
        number.ok_or_else(|| format!("{}: expected a number of 0 or more", self.place))
    }

    /// An error about the value, with its place.
    pub fn error(&self, why: &str) -> String {
        format!("{}: {why}", self.place)
    }

    /// The text under a key; `None` if it is missing or not a text.
    pub fn text(&self, key: &str) -> Option<String> {
        Some(self.get(key)?.value.as_str()?.to_owned())
    }

    /// The value as a text; `None` for other values.
    pub fn as_text(&self) -> Option<&'a str> {
        self.value.as_str()
    }

    /// Whether the value is `true`.
    pub fn is_true(&self) -> bool {
        self.value.as_bool() == Some(true)
    }
}

//! A row as named fields, from a JSON object or a line of CSV.

use serde_json::value::RawValue;

use super::bad_row::{BadRow, Fault, shown};
use super::json::{self, Object};

/// A row before its fields are interpreted.
pub enum Record<'a> {
    /// A JSON object.
    Object(Object<'a>),
    /// A record of CSV or TSV, with the names in the header.
    Fields {
        /// Names of the columns.
        names: &'a [String],
        /// One field for each name.
        fields: Vec<&'a str>,
    },
}

/// Value of a field.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    /// A value of an object.
    Json(&'a RawValue),
    /// A field of CSV or TSV.
    Text(&'a str),
}

impl<'a> Record<'a> {
    /// Reads an object from the bytes of a row.
    pub fn from_json(bytes: &'a [u8]) -> Result<Self, BadRow> {
        let text = std::str::from_utf8(bytes).map_err(|e| not_utf8(e.valid_up_to()))?;
        Object::read(text, "the row").map(Self::Object)
    }

    /// Creates a record from the bytes of all fields, with the end of each field.
    pub fn from_fields(names: &'a [String], bytes: &'a [u8], ends: &[usize]) -> Result<Self, BadRow> {
        if ends.len() != names.len() {
            let (found, expected) = (ends.len(), names.len());
            let message =
                format!("has {found} fields, the header has {expected}; quote fields that hold the delimiter");
            return Err(BadRow::new(Fault::FieldCount, message));
        }
        if bytes.contains(&0) {
            return Err(BadRow::new(Fault::NulByte, "has a NUL byte"));
        }
        let mut start = 0;
        let field = |end: &usize| {
            let bytes = bytes.get(start..*end).unwrap_or_default();
            start = *end;
            std::str::from_utf8(bytes).map_err(|e| not_utf8(e.valid_up_to()))
        };
        Ok(Self::Fields { names, fields: ends.iter().map(field).collect::<Result<_, _>>()? })
    }

    /// Returns the value at a path that the user gave. Dots lead to nested objects.
    pub fn find(&self, path: &str) -> Option<Value<'a>> {
        match self {
            Self::Object(object) => object.find(path).map(Value::Json),
            Self::Fields { .. } => self.get(path),
        }
    }

    /// Returns the value of a field.
    pub fn get(&self, name: &str) -> Option<Value<'a>> {
        match self {
            Self::Object(object) => object.get(name).map(Value::Json),
            Self::Fields { names, fields } => {
                let at = names.iter().position(|own| own == name)?;
                fields.get(at).copied().map(Value::Text)
            }
        }
    }

    /// Returns the names of the fields.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Object(object) => object.keys().collect(),
            Self::Fields { names, .. } => names.iter().map(String::as_str).collect(),
        }
    }
}

impl Value<'_> {
    /// Returns the text of a field; `None` if it is null or an empty cell.
    pub fn text(self, field: &str) -> Result<Option<String>, BadRow> {
        match self {
            Self::Text("") => Ok(None),
            Self::Text(text) => Ok(Some(text.to_owned())),
            Self::Json(value) if value.get() == "null" => Ok(None),
            Self::Json(value) => json::text(value, field)?.map(Some).ok_or_else(|| {
                let message = format!("the field '{}' is {}; it must be a string", shown(field), json::kind(value));
                BadRow::new(Fault::InvalidField, message)
            }),
        }
    }

    /// Returns the text of a field that may also be a number, true or false.
    pub fn label(self, field: &str) -> Result<Option<String>, BadRow> {
        match self {
            Self::Json(value) if matches!(json::kind(value), "a number" | "true or false") => {
                Ok(Some(value.get().to_owned()))
            }
            other => other.text(field),
        }
    }

    /// Returns the positive integer in a field; `None` if the field is null or an empty cell.
    pub fn count(self, field: &str) -> Result<Option<u32>, BadRow> {
        let written = match self {
            Self::Text(text) => text.trim(),
            Self::Json(value) => value.get(),
        };
        if written.is_empty() || written == "null" {
            return Ok(None);
        }
        // Accept 128.0, too: tools write integers this way if the column has empty cells.
        let number =
            written.parse::<f64>().ok().filter(|n| n.fract() == 0.0 && (1.0..=f64::from(u32::MAX)).contains(n));
        number.map(|n| Some(n as u32)).ok_or_else(|| {
            let message =
                format!("the field '{}' is {}; it must be a whole number, 1 or more", shown(field), shown(written));
            BadRow::new(Fault::InvalidField, message)
        })
    }
}

/// Creates the fault of a row that is not UTF-8 from this position on.
pub fn not_utf8(valid_bytes: usize) -> BadRow {
    BadRow::new(Fault::NotUtf8, format!("not UTF-8 at byte {}; save the file as UTF-8", valid_bytes + 1))
}

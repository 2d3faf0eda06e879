//! Values of a column in a group of rows, with the levels that Parquet needs for missing values and lists.

use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedColumnWriter;

use crate::domain::text::sanitise_line;
use crate::report::attempt_columns::{Type, Value};
use crate::report::model::Report;

/// Values that are present, in order.
pub enum Values {
    /// Yes or no.
    Bool(Vec<bool>),
    /// Counts, or microseconds since 1970.
    Integer(Vec<i64>),
    /// Finite numbers.
    Float(Vec<f64>),
    /// Texts.
    Text(Vec<ByteArray>),
}

impl Values {
    fn new(value_type: Type) -> Self {
        match value_type {
            Type::Bool => Self::Bool(Vec::new()),
            Type::Integer | Type::Time => Self::Integer(Vec::new()),
            Type::Float => Self::Float(Vec::new()),
            Type::Text => Self::Text(Vec::new()),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Bool(values) => values.len(),
            Self::Integer(values) => values.len(),
            Self::Float(values) => values.len(),
            Self::Text(values) => values.len(),
        }
    }

    /// Adds values of the same type; those of another type are dropped.
    fn extend(&mut self, more: Self) {
        match (self, more) {
            (Self::Bool(values), Self::Bool(more)) => values.extend(more),
            (Self::Integer(values), Self::Integer(more)) => values.extend(more),
            (Self::Float(values), Self::Float(more)) => values.extend(more),
            (Self::Text(values), Self::Text(more)) => values.extend(more),
            _ => {}
        }
    }

    fn write(
        &self,
        column: &mut SerializedColumnWriter<'_>,
        definition: &[i16],
        repetition: Option<&[i16]>,
    ) -> Result<(), ParquetError> {
        let definition = Some(definition);
        let written = match self {
            Self::Bool(values) => column.typed::<BoolType>().write_batch(values, definition, repetition),
            Self::Integer(values) => column.typed::<Int64Type>().write_batch(values, definition, repetition),
            Self::Float(values) => column.typed::<DoubleType>().write_batch(values, definition, repetition),
            Self::Text(values) => column.typed::<ByteArrayType>().write_batch(values, definition, repetition),
        };
        written.map(drop)
    }
}

/// A column with at most one value per row.
pub struct ColumnData {
    values: Values,
    /// For each row 1 if it has a value, else 0.
    definition: Vec<i16>,
}

impl ColumnData {
    /// Creates a column without rows.
    pub fn new(value_type: Type) -> Self {
        Self { values: Values::new(value_type), definition: Vec::new() }
    }

    /// Adds a row.
    pub fn push(&mut self, value: Value<'_>, report: &Report) {
        // A column gets values of its type only.
        let pushed = match (&mut self.values, value) {
            (Values::Bool(values), Value::Bool(value)) => value.map(|value| values.push(value)),
            (Values::Integer(values), Value::Integer(value)) => {
                value.and_then(|count| i64::try_from(count).ok()).map(|value| values.push(value))
            }
            (Values::Integer(values), Value::Time(at)) => {
                values.push(report.wall_time(at).timestamp().as_microsecond());
                Some(())
            }
            (Values::Float(values), Value::Float(value)) => value.map(|value| values.push(value)),
            (Values::Text(values), Value::Text(value)) => {
                value.map(|value| values.push(sanitise_line(&value).into_bytes().into()))
            }
            _ => None,
        };
        self.definition.push(i16::from(pushed.is_some()));
    }

    /// Writes the rows.
    ///
    /// # Errors
    ///
    /// Returns an error of the library.
    pub fn write(&self, column: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        self.values.write(column, &self.definition, None)
    }
}

/// A column with a list per row.
pub struct ListData {
    values: Values,
    /// For each element 2, for an empty list 1, for a missing one 0.
    definition: Vec<i16>,
    /// For the first entry of a row 0, for the others 1.
    repetition: Vec<i16>,
}

impl ListData {
    /// Creates a column without rows.
    pub fn new(element_type: Type) -> Self {
        Self { values: Values::new(element_type), definition: Vec::new(), repetition: Vec::new() }
    }

    /// Adds a row; `None` is a missing list.
    pub fn push(&mut self, list: Option<Values>) {
        let length = list.as_ref().map_or(0, Values::len);
        let level = list.as_ref().map_or(0, |_| if length == 0 { 1 } else { 2 });
        let entries = length.max(1);
        self.definition.extend(std::iter::repeat_n(level, entries));
        self.repetition.extend((0..entries).map(|entry| i16::from(entry > 0)));
        if let Some(list) = list {
            self.values.extend(list);
        }
    }

    /// Writes the rows.
    ///
    /// # Errors
    ///
    /// Returns an error of the library.
    pub fn write(&self, column: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        self.values.write(column, &self.definition, Some(&self.repetition))
    }
}

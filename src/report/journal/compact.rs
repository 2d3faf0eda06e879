//! Stores records without fields that have their default value, which most fields have. Reading adds the defaults
//! again, so a changed default of [`AttemptRecord`] requires a new [`VERSION`](super::VERSION).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::value::{RawValue, to_raw_value};

use crate::domain::attempt::AttemptRecord;

/// JSON of each field of a default record, by name.
static DEFAULTS: LazyLock<BTreeMap<String, Box<RawValue>>> = LazyLock::new(|| {
    let default = serde_json::to_string(&AttemptRecord::default());
    default.and_then(|json| serde_json::from_str(&json)).unwrap_or_default()
});

/// Returns the JSON of a record without its default fields.
///
/// # Errors
///
/// Never fails in practice, because every record has a JSON form.
pub fn compact(record: &AttemptRecord) -> serde_json::Result<Box<RawValue>> {
    let full = serde_json::to_string(record)?;
    let mut fields: BTreeMap<&str, &RawValue> = serde_json::from_str(&full)?;
    fields.retain(|key, value| DEFAULTS.get(*key).is_none_or(|default| default.get() != value.get()));
    to_raw_value(&fields)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::attempt::AttemptId;
    use crate::domain::time::Nanos;
    use crate::report::fixture::{answer, refusal};

    fn read(json: &RawValue) -> AttemptRecord {
        serde_json::from_str(json.get()).unwrap()
    }

    #[test]
    fn a_record_without_its_default_fields_is_restored() {
        let id = AttemptId { case: 3, number: 7 };
        let whole = AttemptRecord { sent_request: None, ..answer(id, Nanos(5), 900, 3, 2) };
        let failed = AttemptRecord { sent_request: None, ..refusal(id, Nanos(5), "busy") };
        for record in [whole, failed, AttemptRecord::default()] {
            assert_eq!(read(&compact(&record).unwrap()), record);
        }
        assert_eq!(compact(&AttemptRecord::default()).unwrap().get(), "{}");
    }

    #[test]
    fn a_short_answer_has_a_short_line() {
        let id = AttemptId { case: 0, number: 123_456 };
        let record = AttemptRecord { reasoning: String::new(), ..answer(id, Nanos(5_000_000_000), 900, 3, 2) };
        let (short, full) = (compact(&record).unwrap().get().len(), serde_json::to_string(&record).unwrap().len());
        assert!(short * 2 < full, "{short} of {full} bytes");
    }

    /// Journals lack fields with these values, so the values must not change within a version.
    #[test]
    fn the_defaults_of_this_version_are_fixed() {
        insta::assert_snapshot!(serde_json::to_string(&AttemptRecord::default()).unwrap());
    }
}

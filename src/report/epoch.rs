//! Serialises wall time with its zone. If this machine does not know the zone, reading keeps the offset.

use jiff::ZonedDateTime;
use jiff::fmt::strtime::{BrokenDownTime, parse};
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serializer, de};

pub fn serialize<S: Serializer>(epoch: &ZonedDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(epoch)
}

pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ZonedDateTime, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().or_else(|e| {
        let without_zone = text.split('[').next().unwrap_or_default();
        let parsed = parse("%Y-%m-%dT%H:%M:%S%.f%:z", without_zone);
        let fixed = |p: BrokenDownTime| Some(p.to_timestamp().ok()?.to_zoned_datetime(TimeZone::fixed(p.offset()?)));
        parsed.ok().and_then(fixed).ok_or_else(|| de::Error::custom(e))
    })
}

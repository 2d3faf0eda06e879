//! The time of day.

use std::time::{Duration, SystemTime};

use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

/// Returns the current time in this machine's time zone, or in UTC if the zone is unknown. A time outside the years
/// -9999 to 9999 is clamped: the run measures with the monotonic clock and must not fail.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the time of day")]
pub fn now() -> ZonedDateTime {
    nearest_timestamp(SystemTime::now()).to_zoned_datetime(TimeZone::system())
}

/// Returns the microseconds since 1970. Unlike [`now`], the result is never clamped, so it differs between calls even
/// if the clock is set to an extreme time.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the time of day")]
pub fn microseconds_since_1970() -> i64 {
    let now = SystemTime::now();
    let since = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    now.duration_since(SystemTime::UNIX_EPOCH).map_or_else(|before| -since(before.duration()), since)
}

fn nearest_timestamp(time: SystemTime) -> Timestamp {
    let nearest = if time < SystemTime::UNIX_EPOCH { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::try_from(time).unwrap_or(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn a_clock_beyond_the_calendar_counts_as_its_end_or_begin_in_any_zone() {
        let years = |n: u64| Duration::from_secs(n * 366 * 24 * 3600);
        let epoch = SystemTime::UNIX_EPOCH;
        for (time, nearest) in [
            (epoch + years(8030), Timestamp::MAX),
            (epoch + years(20_000), Timestamp::MAX),
            (epoch - years(20_000), Timestamp::MIN),
            (epoch, Timestamp::UNIX_EPOCH),
        ] {
            assert_eq!(nearest_timestamp(time), nearest);
            for hours in [-12, 0, 14] {
                let there = nearest.to_zoned_datetime(TimeZone::fixed(jiff::tz::offset(hours)));
                // These are the formats of a report, of the list of runs, and of a journal.
                let day = Duration::from_secs(86_400);
                for wall in [there.saturating_add(day), there.saturating_sub(day)] {
                    assert!(!wall.strftime(crate::domain::time::RFC_3339).to_string().is_empty());
                    let kept = wall.to_string().parse::<ZonedDateTime>().map(|read| read.timestamp());
                    assert_eq!(kept.ok(), Some(wall.timestamp()));
                }
            }
        }
    }
}

//! Days of the calendar, in UTC.

use std::fmt;

use jiff::{Timestamp, ToSpan as _, civil::Date, tz::TimeZone};

/// Milliseconds of a day.
pub(crate) const MS_PER_DAY: u64 = 86_400_000;
/// `YYYYMMDD`, as the names of tables end.
const COMPACT: &str = "%Y%m%d";

/// A day in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Day(Date);

impl Day {
    /// The day of a moment in milliseconds since 1970.
    pub(crate) fn of_ms(ms: u64) -> Self {
        let moment = Timestamp::from_millisecond(ms.cast_signed());
        let moment = moment.unwrap_or(Timestamp::MAX);
        Self(moment.to_zoned(TimeZone::UTC).date())
    }

    /// The day that is `days` later.
    #[must_use]
    pub(crate) fn plus(self, days: i64) -> Self {
        Self(self.0.saturating_add(days.days()))
    }

    /// Reads `YYYYMMDD`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let parsed = Self(Date::strptime(COMPACT, text).ok()?);
        // What has fewer digits may be a date, but is no name of ours.
        (parsed.compact() == text).then_some(parsed)
    }

    /// `YYYYMMDD`.
    pub(crate) fn compact(self) -> String {
        self.0.strftime(COMPACT).to_string()
    }
}

impl fmt::Display for Day {
    /// `YYYY-MM-DD`, as Postgres reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_the_names_of_the_calendar() {
        for (ms, text) in [
            (0, "1970-01-01"),
            (951_782_400_000, "2000-02-29"),
            (951_868_800_000, "2000-03-01"),
            (1_767_225_599_999, "2025-12-31"),
            (1_767_225_600_000, "2026-01-01"),
            (4_107_542_400_000, "2100-03-01"),
        ] {
            assert_eq!(Day::of_ms(ms).to_string(), text);
        }
    }

    #[test]
    fn names_read_back_and_what_is_no_date_does_not() {
        for day in (0..80_000).map(|day| Day::of_ms(day * MS_PER_DAY)) {
            assert_eq!(Day::parse(&day.compact()), Some(day));
        }
        for bad in [
            "20260230", "20261301", "20260100", "2026010", "2026O101", "",
        ] {
            assert_eq!(Day::parse(bad), None, "{bad}");
        }
    }
}

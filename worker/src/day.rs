//! Days of the calendar, in UTC.

use std::fmt;

/// Milliseconds of a day.
pub(crate) const MS_PER_DAY: u64 = 86_400_000;

/// A day in UTC, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Day(i64);

impl Day {
    /// The day of a moment in milliseconds since 1970.
    pub(crate) const fn of_ms(ms: u64) -> Self {
        Self((ms / MS_PER_DAY).cast_signed())
    }

    /// The day that is `days` later.
    #[must_use]
    pub(crate) const fn plus(self, days: i64) -> Self {
        Self(self.0 + days)
    }

    /// Reads `YYYYMMDD`, as the names of tables end.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() != 8 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let (year, rest) = text.split_at_checked(4)?;
        let (month, day) = rest.split_at_checked(2)?;
        let (year, month, day): (i64, i64, i64) =
            (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
        // Years begin in March here, so that the leap day is the last one.
        let shifted = (month + 9) % 12;
        let year = year - i64::from(month <= 2);
        let of_year = (shifted * 153 + 2) / 5 + day - 1;
        let days = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
        let parsed = Self(days + of_year - DAYS_TO_1970);
        // What is no date (the 31st of February) is another day than it says.
        (parsed.compact() == text).then_some(parsed)
    }

    /// `YYYYMMDD`.
    pub(crate) fn compact(self) -> String {
        let (year, month, day) = self.civil();
        format!("{year:04}{month:02}{day:02}")
    }

    /// Year, month and day of the Gregorian calendar.
    const fn civil(self) -> (i64, i64, i64) {
        let days = self.0 + DAYS_TO_1970;
        let era = days.div_euclid(DAYS_PER_ERA);
        let of_era = days.rem_euclid(DAYS_PER_ERA);
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let shifted = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 {
            shifted + 3
        } else {
            shifted - 9
        };
        let year = year + era * 400;
        (if month <= 2 { year + 1 } else { year }, month, day)
    }
}

/// From 1 March of the year 0 to 1 January 1970.
const DAYS_TO_1970: i64 = 719_468;
/// The Gregorian calendar repeats after 400 years.
const DAYS_PER_ERA: i64 = 146_097;

impl fmt::Display for Day {
    /// `YYYY-MM-DD`, as Postgres reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
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
        for day in (0..80_000).map(Day) {
            assert_eq!(Day::parse(&day.compact()), Some(day));
        }
        for bad in [
            "20260230", "20261301", "20260100", "2026010", "2026O101", "",
        ] {
            assert_eq!(Day::parse(bad), None, "{bad}");
        }
    }
}

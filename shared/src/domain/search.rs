//! What is looked for among messages: the filter, its text form, and whether a message fits.
//!
//! ```text
//! query    = { term }
//! term     = word | '"' any text '"' | operator ":" value
//! operator = "from" | "in" | "has" | "mentions" | "is" | "before" | "after"
//! ```
//!
//! Terms stand apart by white space, and all of them must hold; of several values of one
//! operator any one. A word or a quoted text is found wherever the message contains it, also
//! within a longer word, in whatever case and width: so languages without spaces need no rules
//! of their own. `from:` names an account, `in:` a channel and `mentions:` an account or a role, by
//! id (the role of everyone has the server's), `has:` is `link` and `is:` is `pinned`;
//! `before:2026-03-01` and `after:2026-03-01` are before that day began and after it ended, in
//! UTC. What looks like an operator and is none, as `https://…`, is a word.

use serde::{Deserialize, Serialize};
use shared_derive::{Body, Choice};

use super::content::fold;
use crate::{
    error::{Reason, Refusal},
    ids::{AnyId, ChannelId, UserId},
};

/// The longest query, in characters.
pub const MAX_QUERY_CHARS: usize = 400;
/// The most words of a query, and the most values of each operator.
pub const MAX_TERMS: usize = 20;
/// Milliseconds of a day.
const MS_PER_DAY: u64 = 86_400_000;

/// What a message may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Choice)]
pub enum Has {
    /// An address that begins with `http://` or `https://`.
    Link = 0,
}

/// What is looked for; all of it must hold.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct SearchFilter {
    /// Texts that the message contains, each of them, in whatever case.
    #[serde(default)]
    pub words: Vec<String>,
    /// Only messages of one of these accounts, if any is named.
    #[serde(default)]
    pub from: Vec<UserId>,
    /// Only messages of one of these channels, if any is named.
    #[serde(default)]
    pub channels: Vec<ChannelId>,
    /// Only messages that have one of these, if any is named.
    #[serde(default)]
    pub has: Vec<Has>,
    /// Only messages that were sent before this moment, in milliseconds since 1970.
    #[serde(default)]
    pub before: Option<u64>,
    /// Only messages that were sent then or later, in milliseconds since 1970.
    #[serde(default)]
    pub after: Option<u64>,
    /// Only messages that mention one of these accounts or roles, if any is named; the role of
    /// everyone has the server's id.
    #[serde(default)]
    pub mentions: Vec<AnyId>,
    /// Only messages that are pinned.
    #[serde(default)]
    pub pinned: bool,
}

impl SearchFilter {
    /// Reads a query as a person writes it.
    pub fn parse(query: &str) -> Result<Self, Refusal> {
        if query.chars().count() > MAX_QUERY_CHARS {
            return Err(Refusal::field(Reason::TooLarge, "query"));
        }
        let mut filter = Self::default();
        for term in terms(query) {
            filter.add(&term)?;
        }
        Ok(filter)
    }

    /// This and the other, as one: what each of them says holds.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.words.extend(other.words);
        self.from.extend(other.from);
        self.channels.extend(other.channels);
        self.has.extend(other.has);
        self.before = self.before.into_iter().chain(other.before).min();
        self.after = self.after.max(other.after);
        self.mentions.extend(other.mentions);
        self.pinned |= other.pinned;
        self
    }

    /// Folds the words, and refuses what is too much, or nothing at all.
    pub fn checked(mut self) -> Result<Self, Refusal> {
        let counts = [
            self.words.len(),
            self.from.len(),
            self.channels.len(),
            self.has.len(),
            self.mentions.len(),
        ];
        let chars: usize = self.words.iter().map(|word| word.chars().count()).sum();
        if chars > MAX_QUERY_CHARS || counts.iter().any(|count| *count > MAX_TERMS) {
            return Err(Refusal::field(Reason::TooLarge, "filter"));
        }
        if self == Self::default() {
            return Err(Refusal::field(Reason::Invalid, "query"));
        }
        self.words = self.words.iter().map(|word| fold(word)).collect();
        self.words.retain(|word| !word.is_empty());
        Ok(self)
    }

    /// Whether what a message says fits: its text and its mentions; the words must be folded.
    pub fn fits_message(&self, content: &str, mentions: &[AnyId]) -> bool {
        let mentioned = self.mentions.iter().any(|it| mentions.contains(it));
        (self.mentions.is_empty() || mentioned) && self.fits(content)
    }

    /// Whether the text of a message fits; the words must be folded.
    pub fn fits(&self, content: &str) -> bool {
        if self.words.is_empty() && self.has.is_empty() {
            return true;
        }
        let folded = fold(content);
        self.words.iter().all(|word| folded.contains(word.as_str()))
            && (self.has.is_empty() || has_link(&folded))
    }

    fn add(&mut self, term: &Term) -> Result<(), Refusal> {
        let refused = || Refusal::field(Reason::Invalid, "query");
        let Term::Plain(text) = term else {
            self.words.push(term.text().to_owned());
            return Ok(());
        };
        let (operator, value) = text.split_once(':').unwrap_or_default();
        match operator {
            "from" => self.from.push(value.parse().map_err(|_| refused())?),
            "in" => self.channels.push(value.parse().map_err(|_| refused())?),
            "has" if value == "link" => self.has.push(Has::Link),
            "mentions" => self.mentions.push(value.parse().map_err(|_| refused())?),
            "is" if value == "pinned" => self.pinned = true,
            "has" | "is" => return Err(refused()),
            "before" => {
                let day = day_ms(value).ok_or_else(refused)?;
                self.before = Some(self.before.map_or(day, |known| known.min(day)));
            }
            "after" => {
                let next = day_ms(value).ok_or_else(refused)? + MS_PER_DAY;
                self.after = self.after.max(Some(next));
            }
            _ => self.words.push(text.clone()),
        }
        Ok(())
    }
}

/// Whether a folded text holds an address.
pub fn has_link(folded: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| {
        folded.match_indices(scheme).any(|(at, _)| {
            let rest = folded.get(at + scheme.len()..).unwrap_or_default();
            rest.starts_with(|c: char| !c.is_whitespace())
        })
    })
}

/// A piece of a query.
enum Term {
    /// It stood in quotes: it is text, whatever it looks like.
    Quoted(String),
    Plain(String),
}

impl Term {
    fn text(&self) -> &str {
        match self {
            Self::Quoted(text) | Self::Plain(text) => text,
        }
    }
}

/// The terms of a query; a quote that is not closed ends with it.
fn terms(query: &str) -> Vec<Term> {
    let mut terms = Vec::new();
    let mut rest = query.trim_start();
    while !rest.is_empty() {
        let (term, after) = if let Some(quoted) = rest.strip_prefix('"') {
            let (text, after) = quoted.split_once('"').unwrap_or((quoted, ""));
            (Term::Quoted(text.to_owned()), after)
        } else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let (text, after) = rest.split_at(end);
            (Term::Plain(text.to_owned()), after)
        };
        if !term.text().trim().is_empty() {
            terms.push(term);
        }
        rest = after.trim_start();
    }
    terms
}

/// The beginning of a day `YYYY-MM-DD` in UTC, in milliseconds since 1970.
fn day_ms(text: &str) -> Option<u64> {
    let mut parts = text.split('-').map(|part| (part.len(), part.parse().ok()));
    let (Some((4, Some(year))), Some((2, Some(month))), Some((2, Some(day))), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let (year, month, day): (u64, u64, u64) = (year, month, day);
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let length = match month {
        2 => 28 + u64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if year < 1970 || !(1..=length).contains(&day) {
        return None;
    }
    // Years begin in March here, so that a leap day is the last one.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    // Days from the first of March of the year 0 to the first of January 1970.
    Some((days - 719_468) * MS_PER_DAY)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ids::Id;

    fn parse(query: &str) -> SearchFilter {
        SearchFilter::parse(query).unwrap()
    }

    #[test]
    fn a_query_has_words_and_operators() {
        let filter =
            parse("  hello \"big  world\" from:5 in:7 in:8 has:link \"from:9\" https://x ");
        assert_eq!(filter.words, ["hello", "big  world", "from:9", "https://x"]);
        assert_eq!(filter.from, [Id::new(5).unwrap()]);
        assert_eq!(filter.channels, [Id::new(7).unwrap(), Id::new(8).unwrap()]);
        assert_eq!(filter.has, [Has::Link]);
        let days = parse("before:2026-03-02 before:2026-03-05 after:2026-02-28");
        let march = 1_772_323_200_000;
        assert_eq!(
            (days.before, days.after),
            (Some(march + MS_PER_DAY), Some(march))
        );
        for bad in [
            "from:me",
            "in:#general",
            "has:wings",
            "is:red",
            "mentions:all",
            "before:yesterday",
            "after:2026-02-30",
        ] {
            let refused = SearchFilter::parse(bad).unwrap_err();
            assert_eq!(refused.reason, Reason::Invalid, "{bad}");
        }
        for nothing in ["", "  ", "\"\"", "\" \""] {
            let refused = parse(nothing).checked().unwrap_err();
            assert_eq!(refused.reason, Reason::Invalid, "{nothing:?}");
        }
        let long = "x".repeat(MAX_QUERY_CHARS + 1);
        assert_eq!(
            SearchFilter::parse(&long).unwrap_err().reason,
            Reason::TooLarge
        );
        let many = parse(&"a ".repeat(MAX_TERMS + 1)).checked();
        assert_eq!(many.unwrap_err().reason, Reason::TooLarge);
    }

    #[test]
    fn words_are_found_in_any_case_width_and_script() {
        let cases = [
            ("Straße", "STRASSE", false),
            ("hello", "Say HELLO!", true),
            ("ell", "hello", true),
            ("天気", "今日は天気がいい", true),
            ("ｈｅｌｌｏ", "hello", true),
            ("hello world", "world, hello", true),
            ("\"hello world\"", "world, hello", false),
            ("has:link", "see https://example.org", true),
            ("has:link", "see https:// there", false),
        ];
        for (query, content, fits) in cases {
            let filter = parse(query).checked().unwrap();
            assert_eq!(filter.fits(content), fits, "{query} in {content}");
        }
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(day_ms("1970-01-01"), Some(0));
        assert_eq!(day_ms("2000-02-29"), Some(951_782_400_000));
        assert_eq!(day_ms("2026-03-01"), Some(1_772_323_200_000));
        for bad in [
            "2026-2-1",
            "2026-13-01",
            "2026-00-01",
            "1969-12-31",
            "2025-02-29",
            "2026-01-01-01",
            "+026-01-01",
        ] {
            assert_eq!(day_ms(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_query_panics(query in "\\PC{0,60}", content in "\\PC{0,60}") {
            if let Ok(filter) = SearchFilter::parse(&query).and_then(SearchFilter::checked) {
                filter.fits(&content);
            }
        }

        #[test]
        fn what_a_message_says_is_found(before in "\\PC{0,20}", word in "[^\"\\s]{1,8}", after in "\\PC{0,20}") {
            let filter = SearchFilter { words: vec![word.clone()], ..SearchFilter::default() };
            // A character may be composed with its neighbour; white space keeps them apart.
            let content = format!("{before} {word} {after}");
            prop_assert!(filter.checked().unwrap().fits(&content));
        }
    }
}

//! Whom a text mentions: the one parser of the mentions in `docs/markdown.md`.

use std::{collections::BTreeMap, ops::Range};

use super::limits::MAX_MENTIONS;
use crate::{
    error::{Reason, Refusal},
    ids::{RoleId, UserId},
};

/// The longest id in digits: 2^53 − 1 has as many.
const MAX_DIGITS: usize = 16;
/// The mention of everyone, as it is written.
const EVERYONE: &str = "@everyone";

/// Who is mentioned, whether there is such an account or role or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mention {
    /// `<@ID>`: an account.
    User(UserId),
    /// `<@&ID>`: everyone with a role.
    Role(RoleId),
    /// `@everyone`: all members.
    Everyone,
}

/// What a text mentions, each once, in the order of the text; refused are more than
/// [`MAX_MENTIONS`]. A text that mentions nobody takes no memory.
pub fn parse_mentions(text: &str) -> Result<Vec<Mention>, Refusal> {
    let mut named = Vec::new();
    for (_, mention) in find_mentions(text) {
        if named.contains(&mention) {
            continue;
        }
        if named.len() >= MAX_MENTIONS {
            return Err(Refusal::field(Reason::TooLarge, "mentions"));
        }
        named.push(mention);
    }
    Ok(named)
}

/// The mentions of a text, each with the bytes that it stands in. Takes time in
/// proportion to the text, whatever it says.
pub fn find_mentions(text: &str) -> Mentions<'_> {
    let named = text.as_bytes().contains(&b'@');
    Mentions {
        text,
        at: if named { 0 } else { text.len() },
        last_runs: None,
    }
}

/// See [`find_mentions`].
#[derive(Debug)]
pub struct Mentions<'a> {
    text: &'a str,
    /// How far it was read.
    at: usize,
    /// Where the last run of backticks of each length begins, once a backtick was met: a run
    /// that nothing closes is not looked for to the end each time.
    last_runs: Option<BTreeMap<usize, usize>>,
}

impl Iterator for Mentions<'_> {
    type Item = (Range<usize>, Mention);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            // Every byte that means something is ASCII, so it is no part of another character.
            let read = match *self.text.as_bytes().get(self.at)? {
                // What follows stands for itself.
                b'\\' => 2,
                b'`' => self.code_length(),
                b'<' => match read_id(self.rest()) {
                    Some((mention, length)) => return Some(self.found(mention, length)),
                    None => 1,
                },
                b'@' if self.is_everyone() => {
                    return Some(self.found(Mention::Everyone, EVERYONE.len()));
                }
                _ => 1,
            };
            self.at += read;
        }
    }
}

impl Mentions<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn found(&mut self, mention: Mention, length: usize) -> (Range<usize>, Mention) {
        let start = self.at;
        self.at += length;
        (start..self.at, mention)
    }

    /// Whether `@everyone` stands here as a word of its own.
    fn is_everyone(&self) -> bool {
        let before = self.text.get(..self.at).unwrap_or_default();
        let Some(after) = self.rest().strip_prefix(EVERYONE) else {
            return false;
        };
        let in_word = |c: char| c.is_alphanumeric() || c == '_';
        !before.chars().next_back().is_some_and(in_word)
            && !after.chars().next().is_some_and(in_word)
    }

    /// The bytes of the code that begins at this run of backticks; of the run alone where
    /// no other of the same length closes it.
    fn code_length(&mut self) -> usize {
        let text = self.text.as_bytes();
        let last_runs = self.last_runs.get_or_insert_with(|| {
            let runs = backtick_runs(text, 0);
            runs.map(|run| (run.len(), run.start)).collect()
        });
        let opening = backtick_runs(text, self.at).next();
        let length = opening.map_or(1, |run| run.len());
        let after = self.at + length;
        if last_runs.get(&length).is_none_or(|start| *start < after) {
            return length;
        }
        let closing = backtick_runs(text, after).find(|run| run.len() == length);
        closing.map_or(length, |run| run.end - self.at)
    }
}

/// The runs of backticks from a place on.
fn backtick_runs(text: &[u8], mut at: usize) -> impl Iterator<Item = Range<usize>> {
    std::iter::from_fn(move || {
        let until = |at: usize, found: fn(&u8) -> bool| {
            let rest = text.get(at..).unwrap_or_default();
            Some(at + rest.iter().position(found)?)
        };
        let start = until(at, |byte| *byte == b'`')?;
        at = until(start, |byte| *byte != b'`').unwrap_or(text.len());
        Some(start..at)
    })
}

/// The account or role that a text begins with, and in how many bytes.
fn read_id(text: &str) -> Option<(Mention, usize)> {
    let inner = text.strip_prefix("<@")?;
    let (role, inner) = match inner.strip_prefix('&') {
        Some(inner) => (true, inner),
        None => (false, inner),
    };
    let digits = inner.bytes().take(MAX_DIGITS + 1);
    let digits = digits.take_while(u8::is_ascii_digit).count();
    let (id, after) = inner.split_at_checked(digits)?;
    if id.starts_with('0') || !after.starts_with('>') {
        return None;
    }
    let mention = if role {
        Mention::Role(id.parse().ok()?)
    } else {
        Mention::User(id.parse().ok()?)
    };
    Some((mention, text.len() - after.len() + 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ids::MAX_ID;

    fn spell(mention: Mention) -> String {
        match mention {
            Mention::User(id) => format!("<@{id}>"),
            Mention::Role(id) => format!("<@&{id}>"),
            Mention::Everyone => EVERYONE.to_owned(),
        }
    }

    fn spelled(text: &str) -> Vec<String> {
        find_mentions(text)
            .map(|(_, mention)| spell(mention))
            .collect()
    }

    #[test]
    fn the_examples_of_the_document_mean_what_it_says() {
        let document = include_str!("../../../docs/markdown.md");
        let (_, examples) = document.split_once("| Text | Mentions |").unwrap();
        let rows = examples.lines().skip(2).take_while(|line| !line.is_empty());
        let mut count = 0;
        for row in rows {
            // The cells are code in three backticks, or nothing.
            let cells: Vec<&str> = row.split("```").map(str::trim).collect();
            let text = cells[1].replace("⏎", "\n");
            let expected: Vec<&str> = cells.iter().skip(3).step_by(2).copied().collect();
            assert_eq!(spelled(&text), expected, "{row}");
            count += 1;
        }
        assert!(count > 15, "the examples were not found");
    }

    #[test]
    fn a_text_mentions_as_many_as_it_may_and_each_once() {
        let some = |count: usize| {
            let each: Vec<String> = (1..=count).map(|n| format!("<@{n}>")).collect();
            each.concat()
        };
        let most = some(MAX_MENTIONS);
        assert_eq!(parse_mentions(&most.repeat(3)).unwrap().len(), MAX_MENTIONS);
        let refusal = parse_mentions(&some(MAX_MENTIONS + 1)).unwrap_err();
        assert_eq!(refusal, Refusal::field(Reason::TooLarge, "mentions"));
        let none = parse_mentions("to nobody @all").unwrap();
        assert_eq!((none.len(), none.capacity()), (0, 0));
    }

    #[test]
    fn only_ids_are_mentioned() {
        for (text, is_one) in [
            (format!("<@{MAX_ID}>"), true),
            (format!("<@{}>", MAX_ID + 1), false),
            ("<@1>".to_owned(), true),
            ("<@01>".to_owned(), false),
            ("<@0>".to_owned(), false),
            ("<@>".to_owned(), false),
            ("<@+1>".to_owned(), false),
            ("<@１>".to_owned(), false),
            (format!("<@{}>", "1".repeat(400)), false),
        ] {
            assert_eq!(spelled(&text).len(), usize::from(is_one), "{text}");
        }
    }

    /// The same, as slowly and as plainly as it can be said.
    fn find_slowly(text: &[char]) -> Vec<String> {
        let run_at = |at: usize| text[at..].iter().take_while(|c| **c == '`').count();
        let (mut found, mut at) = (Vec::new(), 0);
        while at < text.len() {
            let rest: String = text[at..].iter().collect();
            let word = |c: Option<&char>| c.is_some_and(|c| c.is_alphanumeric() || *c == '_');
            if text[at] == '\\' {
                at += 2;
            } else if text[at] == '`' {
                let length = run_at(at);
                let closing = (at + length..text.len()).find(|place| {
                    let begins = *place == 0 || text[place - 1] != '`' || *place == at + length;
                    begins && run_at(*place) == length
                });
                at = closing.unwrap_or(at) + length;
            } else if rest.starts_with(EVERYONE)
                && !word(at.checked_sub(1).map(|before| &text[before]))
                && !word(text.get(at + EVERYONE.len()))
            {
                found.push(EVERYONE.to_owned());
                at += EVERYONE.len();
            } else {
                let id = rest.strip_prefix("<@").and_then(|rest| {
                    let rest = rest.strip_prefix('&').unwrap_or(rest);
                    let id: u64 = rest.split_once('>')?.0.parse().ok()?;
                    (rest.starts_with(&format!("{id}>")) && (1..=MAX_ID).contains(&id))
                        .then(|| rest.find('>'))
                        .flatten()
                });
                if id.is_some() {
                    let end = rest.find('>').unwrap() + 1;
                    found.push(rest.get(..end).unwrap().to_owned());
                    at += end;
                } else {
                    at += 1;
                }
            }
        }
        found
    }

    proptest! {
        #[test]
        fn the_quick_way_finds_what_the_plain_way_finds(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "`", "``", "```", "\\", "<", "@", "<@12>", "<@&7>", "<@0>", "@everyone",
                    " ", "a", "_", "é", "\n", ">", "日", "everyone",
                ]),
                0..40,
            ),
        ) {
            let text = parts.concat();
            let chars: Vec<char> = text.chars().collect();
            prop_assert_eq!(spelled(&text), find_slowly(&chars));
        }

        #[test]
        fn any_text_is_read_and_places_hold_what_was_found(text in "\\PC{0,200}") {
            for (place, mention) in find_mentions(&text) {
                prop_assert_eq!(text.get(place).unwrap(), spell(mention));
            }
        }

        #[test]
        fn whoever_is_named_outside_of_code_is_found(id in 1..=MAX_ID, before in "[a-z >&]{0,9}") {
            let text = format!("{before}<@{id}> `<@&{id}>`");
            prop_assert_eq!(spelled(&text), [format!("<@{id}>")]);
        }
    }
}

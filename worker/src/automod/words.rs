//! Words that somebody forbids: found in one pass over a text, however many there are.

use std::collections::BTreeSet;

use aho_corasick::AhoCorasick;
use shared::domain::content::fold_text;

/// Places of one text that are compared with words, whatever the rules: far more than people write
/// words for, and not more than a millisecond of a lane.
const MAX_COMPARED: u32 = 50_000;

/// How many places of a text may be compared yet, by all rules together: words within words, or the
/// same ones in many rules, take no more time than this.
#[derive(Debug)]
pub(super) struct Comparisons(u32);

impl Comparisons {
    /// Those of one text.
    pub(super) const fn new() -> Self {
        Self(MAX_COMPARED)
    }

    /// Those of several texts together.
    pub(super) const fn of_texts(count: u32) -> Self {
        Self(MAX_COMPARED * count)
    }

    /// Whether there are none left: what was looked for may stand where nobody looked.
    pub(super) const fn are_used_up(&self) -> bool {
        self.0 == 0
    }

    /// Counts one; `false` when there are none left.
    const fn take(&mut self) -> bool {
        let left = self.0 > 0;
        self.0 = self.0.saturating_sub(1);
        left
    }
}

/// Where words may stand.
#[derive(Debug)]
pub(super) struct Words {
    /// Of the parts of all words. None when there are no words, or an automaton cannot be made of
    /// them: their number and size have bounds, so it always can.
    automaton: Option<AhoCorasick>,
    /// The word of each part, and its place there.
    parts: Vec<(usize, usize)>,
    shapes: Vec<Shape>,
}

/// What a word is besides its letters.
#[derive(Debug, Clone, Copy)]
struct Shape {
    /// Whether it may begin within another one.
    starts: bool,
    /// Whether it may end there.
    ends: bool,
    /// How many parts it has, with any letters between them.
    parts: usize,
}

/// How much of a word of several parts was found.
#[derive(Debug, Clone, Copy)]
struct Progress {
    /// Where the word of the text begins that it was found in.
    within: usize,
    /// How many parts, and where the first begins and the last ends.
    parts: usize,
    begin: usize,
    end: usize,
}

/// A word as people write it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parsed<'a> {
    pub(super) starts: bool,
    pub(super) ends: bool,
    /// What is between them, with the `*` within.
    pub(super) literal: &'a str,
}

impl<'a> Parsed<'a> {
    /// What stands before, between and behind its `*`.
    pub(super) fn parts(self) -> impl Iterator<Item = &'a str> {
        self.literal.split('*')
    }
}

impl Words {
    /// Of words as people write them: `*` stands for any letters.
    pub(super) fn new(words: &[String]) -> Self {
        let (mut parts, mut literals, mut shapes) = (Vec::new(), Vec::new(), Vec::new());
        // The same word twice finds nothing more, and is looked for twice wherever it stands.
        let mut known = BTreeSet::new();
        for text in words {
            let parsed = parse(text);
            let folded: Vec<String> = parsed.parts().map(fold_word).collect();
            if !known.insert((parsed.starts, parsed.ends, folded.clone())) {
                continue;
            }
            let word = shapes.len();
            shapes.push(Shape {
                starts: parsed.starts,
                ends: parsed.ends,
                parts: folded.len(),
            });
            for (place, literal) in folded.into_iter().enumerate() {
                parts.push((word, place));
                literals.push(literal);
            }
        }
        let automaton = (!literals.is_empty())
            .then(|| AhoCorasick::new(&literals).ok())
            .flatten();
        Self {
            automaton,
            parts,
            shapes,
        }
    }

    /// The first of the words that a folded text holds, as it stands there.
    pub(super) fn find<'a>(&self, folded: &'a str, left: &mut Comparisons) -> Option<&'a str> {
        let mut begun: Vec<Option<Progress>> = Vec::new();
        let mut around = Around {
            folded,
            looked: 0,
            begin: None,
        };
        // By where they end, so that the earliest part of each place is taken first: it leaves
        // most to those behind it.
        for found in self.automaton.as_ref()?.find_overlapping_iter(folded) {
            if !left.take() {
                return None;
            }
            let (word, place) = *self.parts.get(found.pattern().as_usize())?;
            let shape = *self.shapes.get(word)?;
            let (begin, end) = (found.start(), found.end());
            let (first, last) = (place == 0, place + 1 == shape.parts);
            let begins = !first || shape.starts || !around.is_inside_before(begin);
            let ends = !last || shape.ends || !around.is_inside_after(end);
            if !begins || !ends {
                continue;
            }
            if shape.parts == 1 {
                return folded.get(begin..end);
            }
            if begun.is_empty() {
                begun.resize(self.shapes.len(), None);
            }
            let progress = begun.get_mut(word)?;
            let within = around.word_at(end);
            let before = progress.filter(|progress| progress.within == within);
            let next = match before {
                None if first => Some((begin, 1)),
                Some(before) if before.parts == place && before.end <= begin => {
                    Some((before.begin, place + 1))
                }
                _ => None,
            };
            let Some((from, parts)) = next else { continue };
            if last {
                return folded.get(from..end);
            }
            *progress = Some(Progress {
                within,
                parts,
                begin: from,
                end,
            });
        }
        None
    }
}

/// What stands around a place of a text.
struct Around<'a> {
    folded: &'a str,
    /// Up to here it is known where words begin.
    looked: usize,
    /// Where the word begins that `looked` is in.
    begin: Option<usize>,
}

impl Around<'_> {
    fn is_inside_before(&self, place: usize) -> bool {
        let before = self.folded.get(..place).unwrap_or_default();
        before.ends_with(char::is_alphanumeric)
    }

    fn is_inside_after(&self, place: usize) -> bool {
        let after = self.folded.get(place..).unwrap_or_default();
        after.starts_with(char::is_alphanumeric)
    }

    /// Where the word begins that ends at `place` or goes on there; places never go back.
    fn word_at(&mut self, place: usize) -> usize {
        let between = self.folded.get(self.looked..place).unwrap_or_default();
        for (at, character) in between.char_indices() {
            if !character.is_alphanumeric() {
                self.begin = None;
            } else if self.begin.is_none() {
                self.begin = Some(self.looked + at);
            }
        }
        self.looked = self.looked.max(place);
        self.begin.unwrap_or(place)
    }
}

/// A word as it is looked for: with one space where several stand.
fn fold_word(word: &str) -> String {
    let mut folded = String::with_capacity(word.len());
    for character in fold_text(word).chars() {
        if !character.is_whitespace() {
            folded.push(character);
        } else if !folded.ends_with(' ') {
            folded.push(' ');
        }
    }
    folded
}

/// What readers see of a folded text, as `docs/markdown.md` says it: without the marks of emphasis,
/// spoilers and code, without strokes and other marks that no letter is made with, and with one space
/// for white space of any length. None where that is the text itself.
pub(super) fn strip_markup(folded: &str) -> Option<String> {
    let mut shown = String::with_capacity(folded.len());
    let mut rest = folded.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '*' | '`' => {}
            '~' | '|' if rest.peek() == Some(&character) => {
                while rest.next_if_eq(&character).is_some() {}
            }
            mark if is_mark_of_no_script(mark) => {}
            space if space.is_whitespace() => {
                if !shown.ends_with(' ') {
                    shown.push(' ');
                }
            }
            other => shown.push(other),
        }
    }
    (shown != folded).then_some(shown)
}

/// Unicode's blocks of combining diacritical marks. Folding made letters of those that belong to one;
/// the marks of Arabic, Hindi or Thai are in other blocks, and are part of their words.
const fn is_mark_of_no_script(c: char) -> bool {
    matches!(
        c,
        '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
            | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}'
    )
}

/// Takes the `*` at its ends from a word.
pub(super) fn parse(word: &str) -> Parsed<'_> {
    let (starts, rest) = match word.strip_prefix('*') {
        Some(rest) => (true, rest),
        None => (false, word),
    };
    let (ends, literal) = match rest.strip_suffix('*') {
        Some(literal) => (true, literal),
        None => (false, rest),
    };
    Parsed {
        starts,
        ends,
        literal,
    }
}

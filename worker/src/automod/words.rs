//! Words that somebody forbids: found in one pass over a text, however many there are.

use aho_corasick::AhoCorasick;
use shared::domain::content::fold_text;

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
        for (word, text) in words.iter().enumerate() {
            let parsed = parse(text);
            for (place, literal) in parsed.parts().enumerate() {
                parts.push((word, place));
                literals.push(fold_text(literal));
            }
            shapes.push(Shape {
                starts: parsed.starts,
                ends: parsed.ends,
                parts: parsed.parts().count(),
            });
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
    pub(super) fn find<'a>(&self, folded: &'a str) -> Option<&'a str> {
        let mut begun: Vec<Option<Progress>> = Vec::new();
        let mut around = Around {
            folded,
            looked: 0,
            begin: None,
        };
        // By where they end, so that the earliest part of each place is taken first: it leaves
        // most to those behind it.
        for found in self.automaton.as_ref()?.find_overlapping_iter(folded) {
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

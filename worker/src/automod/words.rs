//! Words that somebody forbids: found in one pass over a text, however many there are.

use aho_corasick::AhoCorasick;
use shared::domain::content::fold_text;

/// Where words may stand.
#[derive(Debug)]
pub(super) struct Words {
    /// None when there are no words, or an automaton cannot be made of them: their number and size
    /// have bounds, so it always can.
    automaton: Option<AhoCorasick>,
    /// Of each word, whether it may begin, and end, within another one.
    open: Vec<(bool, bool)>,
}

impl Words {
    /// Of words as people write them: `*` at the beginning or the end stands for any letters.
    pub(super) fn new(words: &[String]) -> Self {
        let (mut open, mut literals) = (Vec::new(), Vec::new());
        for word in words {
            let (starts, ends, literal) = parse(word);
            open.push((starts, ends));
            literals.push(fold_text(literal));
        }
        let automaton = (!literals.is_empty())
            .then(|| AhoCorasick::new(&literals).ok())
            .flatten();
        Self { automaton, open }
    }

    /// The first of the words that a folded text holds, as it stands there.
    pub(super) fn find<'a>(&self, folded: &'a str) -> Option<&'a str> {
        let mut found = self.automaton.as_ref()?.find_overlapping_iter(folded);
        let found = found.find(|found| {
            let open = self.open.get(found.pattern().as_usize());
            let (starts, ends) = open.copied().unwrap_or_default();
            let before = folded.get(..found.start()).unwrap_or_default();
            let after = folded.get(found.end()..).unwrap_or_default();
            (starts || !before.ends_with(char::is_alphanumeric))
                && (ends || !after.starts_with(char::is_alphanumeric))
        })?;
        folded.get(found.start()..found.end())
    }
}

/// Whether a word may begin and end within another one, and what it is without its `*`.
pub(super) fn parse(word: &str) -> (bool, bool, &str) {
    let (starts, rest) = match word.strip_prefix('*') {
        Some(rest) => (true, rest),
        None => (false, word),
    };
    match rest.strip_suffix('*') {
        Some(literal) => (starts, true, literal),
        None => (starts, false, rest),
    }
}

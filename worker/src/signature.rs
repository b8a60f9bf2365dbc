//! What a block of messages may contain, in a few bytes: so a search passes over blocks that
//! cannot hold what is looked for, without reading them.
//!
//! A signature is a Bloom filter of the block's tokens: pieces of three and four characters of
//! its texts, and of one and two where a script has no spaces; who wrote them; whether there
//! is a link. A text that contains a word has all tokens of the word. Who finds all bits of a
//! token reads the block and looks; who misses one knows that it is not there.

use shared::{
    domain::search::{SearchFilter, has_link},
    ids::UserId,
};

/// Messages of a block: few enough that its signature says something, many enough that it is
/// small beside them (31 bytes a message).
pub(crate) const BLOCK: u64 = 64;
/// Bytes of a signature: four rows fill a page of Postgres. Texts of people have some 1,500
/// tokens in a block, which set a quarter of the bits.
pub(crate) const BYTES: usize = 1_920;
/// Bits of a token.
const BITS_OF_TOKEN: usize = 3;
/// Bits that a search looks at; those of a filter with few tokens are filled up with bit 0,
/// which every signature has.
pub(crate) const PROBES: usize = 12;

/// What is in the texts of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signature(Vec<u8>);

impl Signature {
    /// Of a block without messages.
    pub(crate) fn new() -> Self {
        let mut bytes = vec![0; BYTES];
        if let Some(first) = bytes.first_mut() {
            *first = 1;
        }
        Self(bytes)
    }

    /// Adds a message, whose text is folded.
    pub(crate) fn add_message(&mut self, author: UserId, folded: &str) {
        self.add(author_token(author));
        if has_link(folded) {
            self.add(LINK);
        }
        pieces(folded, |piece| self.add(piece_token(piece)));
    }

    /// As Postgres keeps it.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn add(&mut self, token: u64) {
        for bit in bits(token) {
            if let Some(byte) = self.0.get_mut(bit / 8) {
                *byte |= 1 << (bit % 8);
            }
        }
    }

    #[cfg(test)]
    fn has(&self, bit: i32) -> bool {
        let bit = usize::try_from(bit).unwrap();
        self.0[bit / 8] & (1 << (bit % 8)) != 0
    }
}

/// The bits that the signature of a block has if a message of it fits the filter.
pub(crate) fn probes(filter: &SearchFilter) -> [i32; PROBES] {
    let mut tokens = Vec::new();
    // Of several accounts any one fits, of which a set of bits cannot speak.
    if let [author] = filter.from.as_slice() {
        tokens.push(author_token(*author));
    }
    if !filter.has.is_empty() {
        tokens.push(LINK);
    }
    for word in &filter.words {
        pieces(word, |piece| tokens.push(piece_token(piece)));
    }
    tokens.dedup();
    // One bit of each first: each token that is missing says no, one is enough.
    let all = (0..BITS_OF_TOKEN).flat_map(|round| {
        let bits = tokens
            .iter()
            .filter_map(move |token| bits(*token).nth(round));
        bits.filter_map(|bit| i32::try_from(bit).ok())
    });
    let mut probes = [0; PROBES];
    for (probe, bit) in probes.iter_mut().zip(all) {
        *probe = bit;
    }
    probes
}

/// Calls `each` with every piece of a folded text. Whether a piece counts depends on it alone,
/// so the pieces of a part of a text are among those of the text. Longer pieces come first:
/// they say more.
fn pieces(folded: &str, mut each: impl FnMut(&str)) {
    let places: Vec<usize> = folded
        .char_indices()
        .map(|(at, _)| at)
        .chain([folded.len()])
        .collect();
    for length in (1..=4).rev() {
        for ends in places.windows(length + 1) {
            let (Some(from), Some(to)) = (ends.first(), ends.last()) else {
                continue;
            };
            let piece = folded.get(*from..*to).unwrap_or_default();
            if counts(piece, length) {
                each(piece);
            }
        }
    }
}

fn counts(piece: &str, length: usize) -> bool {
    let dense = piece.len() > length && piece.chars().any(is_dense);
    let wanted = if dense { 1..=2 } else { 3..=4 };
    wanted.contains(&length) && !piece.contains(char::is_whitespace)
}

/// Whether a character is of a script whose words are short and stand together: Chinese,
/// Japanese, Korean, Thai, Lao, Khmer, Burmese. Part of what is stored: never changed.
const fn is_dense(c: char) -> bool {
    matches!(c,
        '\u{0e00}'..='\u{0eff}' | '\u{1000}'..='\u{11ff}' | '\u{1780}'..='\u{17ff}'
        | '\u{2e80}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
}

const LINK: u64 = 1;

fn author_token(author: UserId) -> u64 {
    hash(2, &author.get().to_be_bytes())
}

fn piece_token(piece: &str) -> u64 {
    hash(3, piece.as_bytes())
}

/// FNV-1a and a finish that spreads it: what is stored must be the same in every version.
fn hash(kind: u8, bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = bytes.iter().fold(step(0xcbf2_9ce4_8422_2325, &kind), step);
    let mixed = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^ (mixed >> 31)
}

/// The bits of a token: none of them is bit 0.
fn bits(token: u64) -> impl Iterator<Item = usize> {
    const SETTABLE: u64 = BYTES as u64 * 8 - 1;
    let (start, step) = (token >> 32, (token & 0xffff_ffff) | 1);
    (0..BITS_OF_TOKEN as u64).map(move |round| {
        let place = (start + round * step) % SETTABLE;
        usize::try_from(place).unwrap_or_default() + 1
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::{domain::content::fold, ids::Id};

    use super::*;

    fn of(texts: &[&str]) -> Signature {
        let mut signature = Signature::new();
        for (author, text) in (1..).zip(texts) {
            signature.add_message(Id::new(author).unwrap(), &fold(text));
        }
        signature
    }

    fn may_hold(signature: &Signature, query: &str) -> bool {
        let filter = SearchFilter::parse(query).and_then(SearchFilter::checked);
        probes(&filter.unwrap())
            .iter()
            .all(|bit| signature.has(*bit))
    }

    #[test]
    fn a_block_is_passed_over_that_cannot_hold_what_is_looked_for() {
        let signature = of(&[
            "Good morning",
            "今日は天気がいい",
            "see https://example.org",
        ]);
        for held in [
            "morn",
            "GOOD",
            "天気",
            "天",
            "https://exam",
            "from:2",
            "has:link",
            "go",
            "\"d m\"",
        ] {
            assert!(may_hold(&signature, held), "{held}");
        }
        for missing in [
            "evening",
            "mornings",
            "元気",
            "雨",
            "from:9",
            "from:1 goodbye",
        ] {
            assert!(!may_hold(&signature, missing), "{missing}");
        }
        assert!(!may_hold(&of(&["no link"]), "has:link"));
        // Short words and several authors name no token.
        assert!(may_hold(&of(&[]), "zq from:7 from:8"));
    }

    #[test]
    fn what_is_stored_stays_as_it_is() {
        let bytes = of(&["Good morning", "天気"]).into_bytes();
        assert_eq!(bytes.len(), BYTES);
        let sum = bytes
            .iter()
            .zip(1_u64..)
            .map(|(byte, at)| u64::from(*byte) * at);
        assert_eq!(sum.sum::<u64>(), STORED);
    }

    /// Another number is another signature, which finds nothing in blocks of before.
    const STORED: u64 = 1_569_902;

    proptest! {
        #[test]
        fn no_part_of_a_text_is_missed(text in "[a-dA-D 今日は天]{0,40}|\\PC{0,30}", from in 0..40_usize, length in 1..8_usize) {
            let folded = fold(&text);
            let part: String = folded.chars().skip(from).take(length).collect();
            let filter = SearchFilter { words: vec![part], ..SearchFilter::default() };
            let signature = of(&[&text]);
            // Folding what is folded changes nothing, else it would not be found at all.
            prop_assume!(fold(&folded) == folded);
            prop_assert!(probes(&filter).iter().all(|bit| signature.has(*bit)));
        }
    }
}

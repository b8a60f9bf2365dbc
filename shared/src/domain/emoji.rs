//! What counts as one emoji.

use unicode_properties::{UnicodeEmoji as _, emoji::EmojiStatus};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::error::{Reason, Refusal};

/// The longest emoji, in bytes: the longest that Unicode recommends, a kiss of two people
/// with skin tones, has 35, and a family of four has 41.
pub const MAX_EMOJI_BYTES: usize = 64;

/// Joins emoji to one.
const JOINER: char = '\u{200d}';
/// Asks for the coloured form of a character that is text otherwise.
const COLOURED: char = '\u{fe0f}';
/// The frame of a key, around a digit.
const KEYCAP: char = '\u{20e3}';

/// Checks that a text is one Unicode emoji, and spells it in full: what looks the same is
/// the same, whether its sender wrote the selector of its coloured form or not.
pub fn check_emoji(text: &str) -> Result<String, Refusal> {
    let refusal = || Refusal::field(Reason::Invalid, "emoji");
    if text.len() > MAX_EMOJI_BYTES || text.graphemes(true).count() != 1 {
        return Err(refusal());
    }
    let chars: Vec<char> = text.chars().filter(|c| *c != COLOURED).collect();
    if !is_emoji(&chars) {
        return Err(refusal());
    }
    let next = chars.iter().skip(1).map(Some).chain([None]);
    let spelled: String = chars
        .iter()
        .zip(next)
        .flat_map(|(c, next)| {
            let toned = next.is_some_and(|next| is_skin_tone(*next));
            let selector = (is_text_by_default(*c) && !toned).then_some(COLOURED);
            [Some(*c), selector].into_iter().flatten()
        })
        .collect();
    if spelled.len() > MAX_EMOJI_BYTES || spelled.graphemes(true).count() != 1 {
        return Err(refusal());
    }
    Ok(spelled)
}

/// Whether a cluster, without selectors, is an emoji.
fn is_emoji(chars: &[char]) -> bool {
    let (Some(first), Some(last)) = (chars.first(), chars.last()) else {
        return false;
    };
    // Digits, `#` and `*` are emoji in the frame of a key only, flags are two letters.
    let framed = *last == KEYCAP;
    let flag = is_flag_letter(*first);
    first.is_emoji_char()
        && *last != JOINER
        && first.is_ascii() == framed
        && (!framed || chars.len() == 2)
        && flag == (chars.len() == 2 && chars.iter().all(|c| is_flag_letter(*c)))
        && chars.iter().skip(1).all(|c| {
            let part = matches!(*c, JOINER | KEYCAP) || is_tag(*c);
            part || (c.is_emoji_char() && !c.is_ascii())
        })
}

const fn is_flag_letter(c: char) -> bool {
    matches!(c, '\u{1f1e6}'..='\u{1f1ff}')
}

const fn is_skin_tone(c: char) -> bool {
    matches!(c, '\u{1f3fb}'..='\u{1f3ff}')
}

/// What spells the flags of England, Scotland and Wales.
const fn is_tag(c: char) -> bool {
    matches!(c, '\u{e0020}'..='\u{e007f}')
}

/// Whether a character is shown in colour only behind a selector.
fn is_text_by_default(c: char) -> bool {
    matches!(
        c.emoji_status(),
        EmojiStatus::EmojiModifierBase
            | EmojiStatus::EmojiOther
            | EmojiStatus::EmojiOtherAndEmojiComponent
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_emoji_is_one_whatever_it_is_made_of() {
        for emoji in [
            "👍",
            "👍🏽",
            "🎉",
            "👩‍👩‍👧",
            "👩🏻‍❤️‍💋‍👨🏼",
            "🏳️‍🌈",
            "🇩🇪",
            "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
            "1️⃣",
            "#️⃣",
            "❤️",
            "☎️",
            "🕵🏻‍♂️",
        ] {
            assert_eq!(check_emoji(emoji).as_deref(), Ok(emoji));
        }
    }

    #[test]
    fn what_looks_the_same_is_the_same() {
        for (written, spelled) in [
            ("❤", "❤️"),
            ("☎", "☎️"),
            ("👍\u{fe0f}", "👍"),
            ("👩\u{200d}❤\u{200d}👨", "👩‍❤️‍👨"),
            ("🏳\u{200d}🌈", "🏳️‍🌈"),
            ("1\u{20e3}", "1️⃣"),
            ("❤\u{fe0f}\u{fe0f}", "❤️"),
        ] {
            assert_eq!(check_emoji(written).as_deref(), Ok(spelled), "{written:?}");
        }
    }

    #[test]
    fn what_is_no_emoji_is_refused() {
        for text in [
            "",
            " ",
            "a",
            "1",
            "#",
            "*",
            "ab",
            "👍👍",
            "👍 ",
            "👍a",
            "é",
            "日",
            "🇩",
            "🇩🇪🇫🇷",
            ":+1:",
            "\u{200d}",
            "\u{fe0f}",
            "\u{20e3}",
            "a\u{20e3}",
            "👍\u{200d}",
            "👍\u{301}",
            "12\u{20e3}",
            "\u{1f3f4}\u{200d}a",
        ] {
            assert!(check_emoji(text).is_err(), "{text:?}");
        }
        let long = ["👩"; 12].join("\u{200d}");
        assert!(check_emoji(&long).is_err(), "bounded");
    }

    proptest! {
        #[test]
        fn any_text_is_answered_and_the_spelling_is_stable(
            chars in prop::collection::vec(
                prop_oneof![
                    any::<char>(),
                    prop::sample::select(vec![JOINER, COLOURED, KEYCAP, '❤', '👍', '🏽', '🇩', '1']),
                ],
                0..6,
            ),
        ) {
            let text: String = chars.into_iter().collect();
            if let Ok(spelled) = check_emoji(&text) {
                prop_assert_eq!(check_emoji(&spelled), Ok(spelled.clone()));
                prop_assert!(spelled.len() <= MAX_EMOJI_BYTES);
            }
        }
    }

    #[test]
    fn every_character_is_answered() {
        for c in '\0'..=char::MAX {
            drop(check_emoji(c.encode_utf8(&mut [0; 4])));
        }
    }
}

//! What names and messages may contain.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
use unicode_properties::UnicodeEmoji as _;

use crate::error::{Reason, Refusal};

/// The longest message, in characters.
pub const MAX_MESSAGE_CHARS: usize = 2_000;
/// The longest name of an account, in characters.
pub const MAX_NAME_CHARS: usize = 32;
/// The longest name of a server or channel, in characters.
pub const MAX_TITLE_CHARS: usize = 100;
/// The longest nickname of a member, in characters: as long as a name.
pub const MAX_NICKNAME_CHARS: usize = MAX_NAME_CHARS;
/// The longest channel topic, in characters.
pub const MAX_TOPIC_CHARS: usize = 1_024;
/// The longest reason that somebody gives for moderating, in characters.
pub const MAX_REASON_CHARS: usize = 512;
/// What a deleted account is called. Nobody else can be called so: a name has no space.
pub const DELETED_NAME: &str = "deleted user";
/// What an account says of itself, in characters at most.
pub const MAX_BIO_CHARS: usize = 500;
/// What a server is about, in characters at most.
pub const MAX_DESCRIPTION_CHARS: usize = 300;
/// The longest address of a picture, in bytes.
pub const MAX_PICTURE_BYTES: usize = 200;
/// The longest tag of a language, in bytes: what BCP 47 asks programs to take at least.
const MAX_LOCALE_BYTES: usize = 35;
/// What a report says besides its category, in characters at most.
pub const MAX_REPORT_CHARS: usize = 1_000;
/// Marks that may stand on one letter: more than any language puts there, and fewer than reach into
/// other lines.
const MAX_MARKS: usize = 4;
/// The longest nonce, in bytes: a UUID in text and a little more.
pub const MAX_NONCE_BYTES: usize = 64;

/// Checks what a person calls an account: 2 to 32 letters, digits, `_`, `-` and `.`.
pub fn check_account_name(name: &str) -> Result<&str, Refusal> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let length = name.chars().count();
    if (2..=MAX_NAME_CHARS).contains(&length)
        && name.chars().all(plain)
        && !name.chars().any(invisible)
    {
        Ok(name)
    } else {
        Err(Refusal::field(Reason::Invalid, "name"))
    }
}

/// Checks what somebody wants to call an account: as [`check_account_name`], and no letters of two
/// scripts that look the same, nor what stands for others. Names from before stay.
pub fn check_new_name(name: &str) -> Result<&str, Refusal> {
    let name = check_account_name(name)?;
    let scripts: [fn(char) -> bool; 3] = [is_latin, is_greek, is_cyrillic];
    let used = scripts.iter().filter(|of| name.chars().any(**of));
    if used.count() > 1 || is_reserved(name) {
        return Err(Refusal::field(Reason::Invalid, "name"));
    }
    Ok(name)
}

const fn is_latin(c: char) -> bool {
    matches!(c, 'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' | '\u{ff21}'..='\u{ff5a}')
}

const fn is_greek(c: char) -> bool {
    matches!(c, '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}')
}

const fn is_cyrillic(c: char) -> bool {
    matches!(c, '\u{400}'..='\u{52f}' | '\u{1c80}'..='\u{1c8f}' | '\u{2de0}'..='\u{2dff}' | '\u{a640}'..='\u{a69f}')
}

/// What two names share that a reader would take for the same.
pub fn fold_name(name: &str) -> String {
    fold(name)
}

/// What two texts share that a reader would take for the same: compatibility composed and in
/// lower case.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfkc().flat_map(char::to_lowercase).nfkc().collect()
}

/// What two texts share that a reader would take for the same: as [`fold_name`], and without what
/// cannot be seen.
pub fn fold_text(text: &str) -> String {
    let seen = text.chars().filter(|c| !invisible(*c));
    seen.nfkc().flat_map(char::to_lowercase).nfkc().collect()
}

/// Checks a password: 8 to 256 bytes.
pub fn check_password(password: &str) -> Result<&str, Refusal> {
    // Argon2 takes any length; the bound keeps a frame of 64 KiB from being hashed.
    if (8..=256).contains(&password.len()) {
        Ok(password)
    } else {
        Err(Refusal::field(Reason::Invalid, "password"))
    }
}

/// Checks a one-line title and trims it.
pub fn check_title<'a>(title: &'a str, field: &str) -> Result<&'a str, Refusal> {
    let title = title.trim();
    let visible = title.chars().any(|c| !c.is_whitespace() && !invisible(c));
    if visible && title.chars().count() <= MAX_TITLE_CHARS && is_plain_line(title) {
        Ok(title)
    } else {
        Err(Refusal::field(Reason::Invalid, field))
    }
}

/// Checks what a member is called in a server, and trims it.
pub fn check_nickname(nickname: &str) -> Result<&str, Refusal> {
    let nickname = check_title(nickname, "nickname")?;
    if nickname.chars().count() <= MAX_NICKNAME_CHARS && !is_reserved(nickname) {
        Ok(nickname)
    } else {
        Err(Refusal::field(Reason::Invalid, "nickname"))
    }
}

/// Whether it stands for others, however it is spaced or written: a deleted account, or all that
/// are called upon by `@everyone`.
fn is_reserved(name: &str) -> bool {
    let folded = fold_text(name);
    let letters = || folded.split_whitespace().flat_map(str::chars);
    let is = |reserved: &str| letters().eq(reserved.chars().filter(|c| *c != ' '));
    is(DELETED_NAME) || is("everyone")
}

/// Checks a topic, which may be empty.
pub fn check_topic(topic: &str) -> Result<&str, Refusal> {
    check_text(topic, "topic", MAX_TOPIC_CHARS)
}

/// Checks the reason that somebody gives for moderating, which may be empty.
pub fn check_reason(reason: &str) -> Result<&str, Refusal> {
    check_note(reason, "reason", MAX_REASON_CHARS)
}

/// Checks text that moderators and operators read beside other things, which may be empty, and trims
/// it: nothing in it changes how what follows is shown.
pub fn check_note<'a>(text: &'a str, field: &str, most: usize) -> Result<&'a str, Refusal> {
    let turns = |c: char| matches!(u32::from(c), 0x61C | 0x200E..=0x200F | 0x202A..=0x202E | 0x2066..=0x2069);
    if text.chars().any(turns) {
        return Err(Refusal::field(Reason::Invalid, field));
    }
    check_text(text, field, most)
}

/// Checks the text of a status: one line, which may be empty, and trims it.
pub fn check_status(text: &str) -> Result<&str, Refusal> {
    let text = check_text(text, "text", MAX_TITLE_CHARS)?;
    if !is_plain_line(text) {
        return Err(Refusal::field(Reason::Invalid, "text"));
    }
    Ok(text)
}

/// Whether a text stays within its line, on the screen, too: nothing breaks it or turns what follows,
/// nothing in it is unseen but what makes one emoji of several, and no marks pile up.
fn is_plain_line(text: &str) -> bool {
    let emoji = |c: Option<char>| c.is_some_and(|c| !c.is_ascii() && c.is_emoji_char());
    // What stands before, without the selectors; and how many marks.
    let (mut before, mut marks) = (None, 0);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let next = rest.peek().copied();
        let fits = match c {
            '\u{2028}' | '\u{2029}' => false,
            '\u{200d}' => emoji(before) && emoji(next),
            '\u{fe0f}' => emoji(before) || next == Some('\u{20e3}'),
            c => !c.is_control() && !invisible(c),
        };
        marks = if is_combining_mark(c) { marks + 1 } else { 0 };
        if !fits || marks > MAX_MARKS {
            return false;
        }
        if c != '\u{fe0f}' {
            before = Some(c);
        }
    }
    true
}

/// Checks text of several lines, which may be empty, and trims it.
pub fn check_text<'a>(text: &'a str, field: &str, most: usize) -> Result<&'a str, Refusal> {
    let text = text.trim();
    if text.chars().count() > most {
        Err(Refusal::field(Reason::TooLarge, field))
    } else if text.chars().any(control) {
        Err(Refusal::field(Reason::Invalid, field))
    } else {
        Ok(text)
    }
}

/// Checks where a picture is: an HTTPS address of up to 200 visible ASCII characters, or nothing.
pub fn check_picture<'a>(address: &'a str, field: &str) -> Result<&'a str, Refusal> {
    let ours = |byte: u8| byte.is_ascii_graphic() && !br#""'<>\^`{|}"#.contains(&byte);
    let named = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[');
    let fits = address.len() <= MAX_PICTURE_BYTES
        && address.bytes().all(ours)
        && address.strip_prefix("https://").is_some_and(named);
    if address.is_empty() || fits {
        Ok(address)
    } else {
        Err(Refusal::field(Reason::Invalid, field))
    }
}

/// Checks the tag of a language, like `de` or `zh-Hant-TW`, or nothing.
pub fn check_locale(tag: &str) -> Result<&str, Refusal> {
    let plain = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let language = tag.split('-').next().unwrap_or_default();
    let named = language.len() >= 2 && language.bytes().all(|byte| byte.is_ascii_alphabetic());
    if tag.is_empty() || (named && tag.len() <= MAX_LOCALE_BYTES && tag.split('-').all(plain)) {
        Ok(tag)
    } else {
        Err(Refusal::field(Reason::Invalid, "locale"))
    }
}

/// Checks the text of a message: something visible, at most 2,000 characters.
pub fn check_message(content: &str) -> Result<&str, Refusal> {
    if content.chars().count() > MAX_MESSAGE_CHARS {
        return Err(Refusal::field(Reason::TooLarge, "content"));
    }
    let visible = content.chars().any(|c| !c.is_whitespace() && !invisible(c));
    if visible && !content.chars().any(control) {
        Ok(content)
    } else {
        Err(Refusal::field(Reason::Invalid, "content"))
    }
}

/// Checks a nonce: 1 to 64 visible ASCII bytes.
pub fn check_nonce(nonce: &str) -> Result<&str, Refusal> {
    if (1..=MAX_NONCE_BYTES).contains(&nonce.len()) && nonce.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(nonce)
    } else {
        Err(Refusal::field(Reason::Invalid, "nonce"))
    }
}

/// Control characters that have no place in text (line breaks and tabs do).
fn control(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\r' | '\t')
}

/// Characters that show nothing or change the direction of others: two names
/// that differ only in them look the same. Unicode's `Default_Ignorable_Code_Point`
/// and the bidirectional controls, and the annotations, which are no text.
fn invisible(c: char) -> bool {
    matches!(
        u32::from(c),
        0xAD | 0x34F | 0x61C | 0x115F | 0x1160 | 0x17B4 | 0x17B5 | 0x180B..=0x180F
            | 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x206F | 0x2800 | 0x3164
            | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB
            | 0x1_BCA0..=0x1_BCA3 | 0x1_D173..=0x1_D17A | 0xE_0000..=0xE_0FFF
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_look_the_same_fold_to_the_same() {
        assert_eq!(fold_name("Ａlice"), fold_name("alice"));
        assert_eq!(fold_name("STRASSE"), fold_name("strasse"));
        assert_ne!(fold_name("alice"), fold_name("alicé"));
    }

    #[test]
    fn invisible_names_are_refused() {
        for name in [
            "a",
            "a\u{200b}b",
            "\u{202e}evil",
            "with space",
            "\u{3164}\u{3164}",
            "x\0y",
            &"n".repeat(33),
        ] {
            assert!(check_account_name(name).is_err(), "{name:?}");
        }
        for name in ["al", "alice", "Ünal_7", "日本語"] {
            assert!(check_account_name(name).is_ok(), "{name:?}");
        }
        assert!(check_title("\u{200b}", "name").is_err());
        assert!(check_title("a\u{fff9}b", "name").is_err());
        for name in [
            "deleted user",
            "Deleted\u{a0}User",
            "ＤＥＬＥＴＥＤ  user",
            "Everyone",
            "every one",
        ] {
            assert!(check_nickname(name).is_err(), "{name:?}");
        }
        assert!(check_nickname("deleted scene").is_ok());
        assert!(check_new_name("Everyone").is_err() && check_new_name("everyone2").is_ok());
        assert!(check_reason("spam \u{202e}dennab").is_err());
        assert_eq!(check_reason(" spam\nagain "), Ok("spam\nagain"));
        assert_eq!(check_title("  Book club ", "name"), Ok("Book club"));
    }

    #[test]
    fn a_line_stays_one_and_shows_all_that_is_in_it() {
        for bad in [
            "a\u{2028}b",
            "a\rb",
            "a\nb",
            "\u{202e}gnp.",
            "\u{2066}a",
            "c\u{200b}d",
            "ow\u{200d}ner",
            "own\u{fe0f}er",
            "z\u{335}\u{336}\u{337}\u{338}\u{489}",
        ] {
            assert!(check_status(bad).is_err(), "{bad:?}");
            assert!(check_title(bad, "name").is_err(), "{bad:?}");
            assert!(check_nickname(bad).is_err(), "{bad:?}");
        }
        for good in ["👩‍👩‍👧 1️⃣ ❤️‍🔥 🏳️‍🌈", "ทั้งนี้", "Việt", "क्षि", "שָׁלוֹם"]
        {
            assert_eq!(check_status(good), Ok(good));
            assert_eq!(check_title(good, "name"), Ok(good));
        }
        assert_eq!(check_status(""), Ok(""));
    }

    #[test]
    fn a_name_is_of_one_script_where_they_look_alike() {
        for bad in [
            "\u{43e}wner",
            "adm\u{456}n",
            "\u{3bf}wner",
            "\u{3bf}\u{43e}",
        ] {
            assert!(check_account_name(bad).is_ok(), "{bad:?} may sign in");
            assert!(check_new_name(bad).is_err(), "{bad:?}");
        }
        for good in ["owner", "Владимир_7", "Ωμέγα", "山田taro", "Ünal"] {
            assert_eq!(check_new_name(good), Ok(good));
        }
    }

    #[test]
    fn a_picture_is_an_https_address_or_nothing() {
        for good in ["", "https://a.example/b.png?c=d#e", "https://[::1]/x"] {
            assert!(check_picture(good, "icon").is_ok(), "{good}");
        }
        let long = format!("https://a/{}", "x".repeat(200));
        for bad in [
            "http://a.example/b.png",
            "javascript:alert(1)",
            "https://",
            "https:///b.png",
            "https://a b",
            "https://a/\"onload=",
            "https://ü.example/",
            &long,
        ] {
            assert!(check_picture(bad, "icon").is_err(), "{bad}");
        }
    }

    #[test]
    fn a_locale_is_a_tag_of_a_language_or_nothing() {
        for good in ["", "de", "en-GB", "zh-Hant-TW", "sr-Latn-RS-x-y"] {
            assert!(check_locale(good).is_ok(), "{good}");
        }
        for bad in [
            "d",
            "d1",
            "-de",
            "de-",
            "de--AT",
            "de_AT",
            "de-123456789",
            "ü-DE",
        ] {
            assert!(check_locale(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_message_has_something_to_see() {
        for bad in ["", "  \n", "\u{200b}", "nul\0", &"x".repeat(2_001)] {
            assert!(check_message(bad).is_err(), "{bad:?}");
        }
        assert!(check_message(&"ü".repeat(2_000)).is_ok());
        assert!(check_message("👩‍👩‍👧 two\nlines").is_ok());
    }

    proptest! {
        #[test]
        fn folding_is_stable(name in "\\PC{0,40}") {
            prop_assert_eq!(fold_name(&fold_name(&name)), fold_name(&name));
        }
    }
}

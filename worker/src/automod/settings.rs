//! What somebody may say in a rule.

use shared::{
    domain::{
        content::{self, fold_text},
        limits::{
            MAX_EXEMPT, MAX_RULE_LIMIT, MAX_RULE_SECONDS, MAX_RULE_WORD_BYTES, MAX_RULE_WORDS,
        },
    },
    error::{Reason, Refusal},
    protocol::moderation::{RuleKind, RuleSettings},
};

use super::words::parse;

/// Refuses settings that no rule may have; the detail names the field. Names are trimmed.
pub(crate) fn check_settings(settings: RuleSettings) -> Result<RuleSettings, Refusal> {
    let name = content::check_title(&settings.name, "name")?.to_owned();
    let invalid = |field| Err(Refusal::field(Reason::Invalid, field));
    let within = |number: u32, most: u32| (1..=most).contains(&number);
    let (words, limit, seconds) = match settings.kind {
        RuleKind::Words => (true, false, false),
        RuleKind::Links => (false, false, false),
        RuleKind::Mentions => (false, true, false),
        RuleKind::Repeats | RuleKind::Raid => (false, true, true),
    };
    if settings.words.is_empty() && words {
        return invalid("words");
    }
    if settings.words.len() > MAX_RULE_WORDS {
        return Err(Refusal::field(Reason::LimitReached, "words"));
    }
    let fits: fn(&str) -> bool = match settings.kind {
        RuleKind::Words => is_word,
        RuleKind::Links => is_host,
        RuleKind::Mentions | RuleKind::Repeats | RuleKind::Raid => |_| false,
    };
    if !settings.words.iter().all(|word| fits(word)) {
        return invalid("words");
    }
    if limit && !within(settings.limit, MAX_RULE_LIMIT) {
        return invalid("limit");
    }
    if seconds && !within(settings.seconds, MAX_RULE_SECONDS) {
        return invalid("seconds");
    }
    if settings.kind == RuleKind::Raid && !within(settings.lock_seconds, MAX_RULE_SECONDS) {
        return invalid("lock_seconds");
    }
    for (field, count) in [
        ("exempt_roles", settings.exempt_roles.len()),
        ("exempt_channels", settings.exempt_channels.len()),
    ] {
        if count > MAX_EXEMPT {
            return Err(Refusal::field(Reason::LimitReached, field));
        }
    }
    Ok(RuleSettings { name, ..settings })
}

/// Up to 64 characters with something between the `*`, and none within.
fn is_word(word: &str) -> bool {
    let (_, _, literal) = parse(word);
    let folded = fold_text(literal);
    folded.chars().any(char::is_alphanumeric)
        && folded.len() <= MAX_RULE_WORD_BYTES
        && !literal.contains('*')
        && word.trim() == word
        && !word.chars().any(char::is_control)
}

/// The name of a host, like `example.org`.
fn is_host(host: &str) -> bool {
    let ours = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    host.len() <= MAX_RULE_WORD_BYTES
        && host.bytes().all(ours)
        && !host.starts_with(['.', '-'])
        && !host.ends_with(['.', '-'])
        && !host.contains("..")
        && !host.is_empty()
}

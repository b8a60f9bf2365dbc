//! What somebody may say in a rule.

use shared::{
    domain::{
        content::{self, fold_text},
        limits::{
            MAX_EXEMPT, MAX_RULE_LIMIT, MAX_RULE_SECONDS, MAX_RULE_WORD_BYTES, MAX_RULE_WORDS,
            MAX_SILENCE_SECONDS,
        },
    },
    error::{Reason, Refusal},
    protocol::moderation::{RuleAction, RuleKind, RuleSettings},
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
    if settings.action == RuleAction::Timeout {
        // Who joins has said nothing yet.
        if settings.kind == RuleKind::Raid {
            return invalid("action");
        }
        if !within(settings.timeout_seconds, MAX_SILENCE_SECONDS) {
            return invalid("timeout_seconds");
        }
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

/// Up to 64 bytes with a letter or a digit beside each `*`, and nothing else where one is within.
fn is_word(word: &str) -> bool {
    let parsed = parse(word);
    let folded: Vec<String> = parsed.parts().map(fold_text).collect();
    let several = folded.len() > 1;
    let is_part = |part: &String| {
        part.chars().any(char::is_alphanumeric)
            && (!several || part.chars().all(char::is_alphanumeric))
    };
    folded.iter().all(is_part)
        && folded.iter().map(String::len).sum::<usize>() <= MAX_RULE_WORD_BYTES
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

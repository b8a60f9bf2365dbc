//! Who is told of a message, and why: one function, for who plans, for who sends, and for who asks why he was told
//! or not.

use shared_derive::{Choice, ClosedSet};
use unicode_segmentation::UnicodeSegmentation;

use super::content::{check_title, fold_text};
use crate::error::{Reason, Refusal};

/// Characters of a keyword.
pub const MAX_KEYWORD: usize = 64;
/// Words of a keyword. In scripts without spaces a character may be one.
const MAX_KEYWORD_WORDS: usize = 16;
/// Minutes of a day.
const DAY: u16 = 24 * 60;
/// Bits of a packed setting below the time: two of the level, one of the switch.
const TIME_SHIFT: u32 = 3;
/// The last second that a setting holds: its milliseconds are a number that every client reads, up to 2^53.
const LAST_SECOND: u64 = (1 << 53) / 1_000;

/// What somebody wants to be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Choice)]
pub enum NotificationLevel {
    /// Nothing.
    Nothing = 0,
    /// What calls upon him: mentions, answers, keywords.
    Mentions = 1,
    /// Every message.
    All = 2,
}

/// What a level may be set for, from the widest to the narrowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Choice)]
pub enum LevelScope {
    /// All servers.
    Deployment = 0,
    /// A server.
    Server = 1,
    /// The channels of a category.
    Category = 2,
    /// A channel.
    Channel = 3,
}

/// Why somebody is told of a message; where several hold, the first counts. Numbers are in the database and never
/// used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Choice, ClosedSet)]
pub enum NotificationReason {
    /// It names him.
    Mention = 2,
    /// It answers him.
    Reply = 3,
    /// It names a role of his.
    Role = 4,
    /// It says one of his keywords.
    Keyword = 5,
    /// It calls everyone.
    Everyone = 6,
    /// He wants to be told of all messages there.
    All = 7,
}

/// What has to hold for somebody to be told, in the order in which it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Choice)]
pub enum NotificationRule {
    /// Somebody else wrote it.
    NotOwn = 1,
    /// He may read it.
    Readable = 2,
    /// It is muted nowhere.
    NotMuted = 3,
    /// The level is not "nothing".
    Level = 4,
    /// Calls of everyone count for him in the server, or something else calls upon him.
    EveryoneCounts = 5,
    /// Something calls upon him, or the level is "all".
    Called = 6,
    /// It is none of his quiet hours.
    NotQuiet = 7,
    /// His status is not "do not disturb".
    MayBeDisturbed = 8,
    /// He has a device that is neither switched off nor gone.
    HasDevice = 9,
}

/// What somebody set for one scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LevelSetting {
    /// What to be told of; none is as the wider scope says.
    pub level: Option<NotificationLevel>,
    /// Until when nothing is told, in milliseconds since 1970.
    pub muted_until: Option<u64>,
    /// Whether calls of everyone do not count; heeded for servers.
    pub no_everyone: bool,
}

impl LevelSetting {
    /// As a register keeps it. The time is kept in seconds, and ends no sooner.
    pub fn pack(self) -> u64 {
        let level = self.level.map_or(0, |level| u64::from(level.number()) + 1);
        let seconds = self.muted_until.unwrap_or_default().div_ceil(1_000);
        let seconds = seconds.min(LAST_SECOND);
        seconds << TIME_SHIFT | u64::from(self.no_everyone) << 2 | level
    }

    /// The setting that a register keeps.
    pub fn unpack(value: u64) -> Self {
        let level = u8::try_from(value & 3).unwrap_or_default();
        let seconds = (value >> TIME_SHIFT).min(LAST_SECOND);
        Self {
            level: level
                .checked_sub(1)
                .and_then(NotificationLevel::from_number),
            muted_until: (seconds > 0).then(|| seconds * 1_000),
            no_everyone: value & 4 != 0,
        }
    }

    /// Whether it says nothing.
    pub fn is_default(self) -> bool {
        self == Self::default()
    }
}

/// What somebody set, from the widest scope to the narrowest.
pub type Levels = [LevelSetting; 4];

/// The scopes in the order of [`Levels`].
pub const SCOPES: [LevelScope; 4] = [
    LevelScope::Deployment,
    LevelScope::Server,
    LevelScope::Category,
    LevelScope::Channel,
];

/// The level where nobody set one.
pub const DEFAULT_LEVEL: NotificationLevel = NotificationLevel::Mentions;

/// The level that counts, and the scope that it was set for.
pub fn effective_level(levels: &Levels) -> (NotificationLevel, LevelScope) {
    let set = SCOPES.into_iter().zip(levels).rev();
    let mut set = set.filter_map(|(scope, setting)| Some((setting.level?, scope)));
    set.next()
        .unwrap_or((DEFAULT_LEVEL, LevelScope::Deployment))
}

/// In which ways a message calls upon somebody, whatever he wants to be told of.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each holds or not, whatever the others do"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Calls {
    /// It names him.
    pub mention: bool,
    /// It answers him.
    pub reply: bool,
    /// It names a role of his.
    pub role: bool,
    /// It says one of his keywords.
    pub keyword: bool,
    /// It calls everyone.
    pub everyone: bool,
}

/// All that decides whether somebody is told of a message.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each holds or not, whatever the others do"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Whether he wrote it.
    pub is_own: bool,
    /// Whether he belongs to the server and may read the message.
    pub may_read: bool,
    /// How it calls upon him.
    pub calls: Calls,
    /// What he set.
    pub levels: Levels,
    /// Whether it is one of his quiet hours.
    pub is_quiet: bool,
    /// Whether his status is "do not disturb".
    pub is_dnd: bool,
    /// Whether a device of his is told.
    pub has_device: bool,
    /// Milliseconds since 1970.
    pub now_ms: u64,
}

/// One rule that was asked, and whether it held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleAsked {
    /// The rule.
    pub rule: NotificationRule,
    /// The scope whose setting decided it.
    pub scope: Option<LevelScope>,
    /// Whether it held.
    pub holds: bool,
}

/// Whether somebody is told of a message: why, or the rule that does not hold. `trace` sees each rule that is asked.
pub fn decide(
    facts: &Facts,
    mut trace: impl FnMut(RuleAsked),
) -> Result<NotificationReason, NotificationRule> {
    let mut ask = |rule, scope, holds| {
        trace(RuleAsked { rule, scope, holds });
        if holds { Ok(()) } else { Err(rule) }
    };
    ask(NotificationRule::NotOwn, None, !facts.is_own)?;
    ask(NotificationRule::Readable, None, facts.may_read)?;
    let muted = muted_in(facts);
    ask(NotificationRule::NotMuted, muted, muted.is_none())?;
    let (level, scope) = effective_level(&facts.levels);
    let told = level != NotificationLevel::Nothing;
    ask(NotificationRule::Level, Some(scope), told)?;
    let [_, server, ..] = &facts.levels;
    let counts = !(facts.calls.everyone && server.no_everyone);
    let reason = best_reason(facts.calls, counts);
    let wants_all = level == NotificationLevel::All;
    let suffices = counts || reason.is_some() || wants_all;
    ask(
        NotificationRule::EveryoneCounts,
        Some(LevelScope::Server),
        suffices,
    )?;
    ask(
        NotificationRule::Called,
        Some(scope),
        reason.is_some() || wants_all,
    )?;
    ask(NotificationRule::NotQuiet, None, !facts.is_quiet)?;
    ask(NotificationRule::MayBeDisturbed, None, !facts.is_dnd)?;
    ask(NotificationRule::HasDevice, None, facts.has_device)?;
    Ok(reason.unwrap_or(NotificationReason::All))
}

/// The widest scope that is muted.
fn muted_in(facts: &Facts) -> Option<LevelScope> {
    let mut scopes = SCOPES.into_iter().zip(&facts.levels);
    let is_muted = |setting: &LevelSetting| {
        setting
            .muted_until
            .is_some_and(|until| until > facts.now_ms)
    };
    let found = scopes.find(|(_, setting)| is_muted(setting));
    found.map(|(scope, _)| scope)
}

fn best_reason(calls: Calls, everyone_counts: bool) -> Option<NotificationReason> {
    let in_order = [
        (calls.mention, NotificationReason::Mention),
        (calls.reply, NotificationReason::Reply),
        (calls.role, NotificationReason::Role),
        (calls.keyword, NotificationReason::Keyword),
        (
            calls.everyone && everyone_counts,
            NotificationReason::Everyone,
        ),
    ];
    let mut held = in_order.into_iter().filter(|(holds, _)| *holds);
    held.next().map(|(_, reason)| reason)
}

/// Whether a minute of the day lies in hours from one minute to another, which may be of the next day.
pub const fn is_within(minute: u16, (from, to): (u16, u16)) -> bool {
    if from <= to {
        from <= minute && minute < to
    } else {
        minute >= from || minute < to
    }
}

/// Checks the minutes of the day between which nothing is told.
pub fn check_hours((from, to): (u16, u16)) -> Result<(), Refusal> {
    if from < DAY && to < DAY && from != to {
        Ok(())
    } else {
        Err(Refusal::field(Reason::Invalid, "quiet"))
    }
}

/// The words of a text, as they are compared: words as Unicode tells them apart, in lower case.
pub fn split_words(text: &str) -> Vec<String> {
    fold_text(text).unicode_words().map(str::to_owned).collect()
}

/// Checks a keyword, which is a word or several; answers its words.
pub fn parse_keyword(keyword: &str) -> Result<Vec<String>, Refusal> {
    let refused = || Refusal::field(Reason::Invalid, "keywords");
    let keyword = check_title(keyword, "keywords")?;
    if keyword.chars().count() > MAX_KEYWORD {
        return Err(refused());
    }
    let words = split_words(keyword);
    if (1..=MAX_KEYWORD_WORDS).contains(&words.len()) {
        Ok(words)
    } else {
        Err(refused())
    }
}

/// Words in a form in which whether some follow each other among others is a search in a text: it takes time in proportion to
/// that, whatever the words.
pub fn join_words(words: &[String]) -> String {
    let mut joined = String::from(" ");
    for word in words {
        joined.push_str(word);
        joined.push(' ');
    }
    joined
}

/// Whether a keyword is said; both are joined words.
pub fn says_keyword(said: &str, keyword: &str) -> bool {
    said.contains(keyword)
}

#[cfg(test)]
mod tests;

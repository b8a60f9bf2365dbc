//! How much of what: rate-limit buckets and size limits.

use shared_derive::{Choice, ClosedSet};

/// The largest client frame, in bytes: room for 2,000 four-byte characters and
/// their escapes, and small enough to hold 100,000 of them.
pub const MAX_FRAME_BYTES: usize = 64 * 1024;
/// The largest answer that a gateway takes: four pages of events, and more than any list that a
/// request answers, each of which has a bound.
pub const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;
/// How deeply a body may nest; the deepest row of the protocol needs four.
pub const MAX_DEPTH: usize = 8;
/// The largest batch of one lane (and so the rows of one transaction).
pub const MAX_BATCH: usize = 256;
/// Roles a server may have, besides that of everyone: the order of all of them is in the event of each new one.
pub const MAX_ROLES: usize = 250;
/// Channels a server may have.
pub const MAX_CHANNELS: usize = 500;
/// Seconds that a channel may make its members wait between two messages: six hours.
pub const MAX_SLOW_MODE: u32 = 21_600;
/// Overrides a channel may have.
pub const MAX_OVERRIDES: usize = 100;
/// Overrides all channels of a server may have: ten for each of as many channels as there may be.
/// Who asks for the server reads them all.
pub const MAX_SERVER_OVERRIDES: usize = 5_000;
/// Bytes of roles and channels that one look over several servers reads, and the server that passes them: at
/// most some megabytes. Each of them, and each override, counts 100 besides its text.
pub const MAX_OVERVIEW_BYTES: usize = 1_024 * 1_024;
/// Registers an account may have: cursors of twenty servers as large as a server may be, and as many settings.
pub const MAX_REGISTERS: usize = 20_000;
/// Invites a server may have that still open it, and the deployment as many of its own.
pub const MAX_INVITES: i64 = 500;
/// Beyond these only who manages the server makes more: members do not use up what he needs.
pub const MAX_MEMBERS_INVITES: i64 = 400;
/// Bans that a server may have of accounts that were never its members: it bans them before they come.
pub const MAX_BANNED_STRANGERS: i64 = 1_000;
/// Accounts that are asked for by their ids at once.
pub const MAX_USERS_AT_ONCE: usize = 100;
/// Servers that are looked over at once.
pub const MAX_OVERVIEWS: usize = 20;
/// Nodes that an administrator is shown.
pub const MAX_NODES: usize = 1_000;
/// Mentions that a count of what is unread looks at: some milliseconds.
pub const MAX_COUNTED_MENTIONS: u32 = 1_000;
/// Names that a search for accounts looks at in one answer: some milliseconds.
pub const MAX_CANDIDATES: u32 = 2_000;
/// Accounts and roles that one text may mention: a full meeting, and what a lane looks up at once.
pub const MAX_MENTIONS: usize = 50;
/// Devices of one account that are told by web push: more than anybody owns.
pub const MAX_PUSH_DEVICES: usize = 20;
/// Keywords of an account: each message is held against those of all who read it.
pub const MAX_KEYWORDS: usize = 20;
/// Members of a server in which a wish for all messages of all servers counts: beyond, nobody means it.
pub const MAX_WATCHED_MEMBERS: u32 = 1_000;
/// Pins a channel may have: they are looked up with each page of its history.
pub const MAX_PINS: usize = 250;
/// Different emoji that people may react to one message with: each page of history shows them.
pub const MAX_EMOJI: usize = 20;
/// How often one message may be changed. Each version stays until the message goes, as only then
/// the event that told it is looked for; and all of them go in one turn.
pub const MAX_EDITS: u64 = 1_000;
/// Messages that are deleted at once: a lane's turn of some milliseconds.
pub const MAX_BULK: usize = 100;
/// The longest silence, in seconds: 28 days.
pub const MAX_SILENCE_SECONDS: u32 = 28 * 86_400;
/// The longest ban that ends by itself, in seconds: ten years.
pub const MAX_BAN_SECONDS: u32 = 3_650 * 86_400;
/// Of how many hours a ban deletes messages, at most: seven days.
pub const MAX_DELETED_HOURS: u32 = 7 * 24;
/// Messages that are looked at in a turn of a lane for those of a banned account.
pub const DELETION_SLICE: u32 = 250;
/// Members that a page of the member list looks at, of which it shows those who stand there.
pub const MAX_LOOKED_AT: u32 = 1_000;
/// What a page of `users_online` may cost: a name that it looks at counts one, so that a server of
/// 100,000 members is ten pages however few are there.
pub const MAX_ONLINE_COST: u32 = 10_000;
/// Roles a member may hold.
pub const MAX_ROLES_HELD: usize = 100;
/// Entries one page of the audit log may have: each may hold two states of what was changed.
pub const MAX_MODLOG_PAGE: u32 = 100;
/// Entries of an audit log that one question looks at: some milliseconds.
pub const MAX_ENTRIES_LOOKED_AT: u32 = 10_000;
/// Days that a summary of the audit log counts.
pub const MAX_SUMMARY_DAYS: u32 = 90;
/// Reports that one member may have open in a server: who reports more waits for a moderator.
pub const MAX_OPEN_REPORTS: usize = 20;
/// Reports that all members of a server may have open together: fifty of them as many as each may.
/// The oldest stay: who fills the list does not hide what was told before.
pub const MAX_OPEN_MEMBER_REPORTS: usize = 1_000;
/// Reports that the rules of a server may have open: beyond, they find nothing new to tell.
pub const MAX_OPEN_RULE_REPORTS: usize = 500;
/// Of these, those about one author: nobody fills the list alone.
pub const MAX_RULE_REPORTS_OF_AUTHOR: usize = 5;
/// Invites that one member may make in a server, of those that still open it or are not an hour
/// old: who manages the server has only the bound of all.
pub const MAX_OWN_INVITES: i64 = 20;
/// Reports one page may have: each holds a message.
pub const MAX_REPORT_PAGE: u32 = 100;
/// Messages one page of history may have.
pub const MAX_PAGE: u32 = 200;

/// Bytes of an export: a million messages. It is stored for days beside what it was made of.
pub const MAX_EXPORT_BYTES: u64 = 256 * 1_024 * 1_024;
/// Exports of a deployment that are not finished: they wait for each other, and as many take days.
pub const MAX_EXPORTS: u32 = 10_000;
/// How long a finished export can be fetched, in milliseconds: seven days.
pub const EXPORT_KEPT_MS: u64 = 7 * 86_400_000;
/// How long after the last one the next export may begin, in milliseconds: a day.
pub const EXPORT_PAUSE_MS: u64 = 86_400_000;

/// Which bucket a request draws from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ClosedSet, Choice)]
pub enum RateLimit {
    /// Messages and their edits, per account.
    Send,
    /// Other changes, per account.
    Write,
    /// What is told and not stored, per account: typing must not use up the
    /// right to change something.
    Signal,
    /// Writes of registers, per account: reading a lot must not use up the right
    /// to change something.
    Register,
    /// Questions, per account.
    Read,
    /// Searches, per account, and what may take as long: each may keep Postgres, or a core, busy for a
    /// quarter of a second.
    Search,
    /// Signing in and up, per network address and opcode; where a token of this cluster is
    /// shown, per session as reading is.
    SignIn,
    /// None: sent by the cluster itself, or it is what shows the limits.
    Unlimited,
}

/// Up to this many members, a server tells all of them who comes and who leaves.
pub const MAX_ANNOUNCED: u32 = 1_000;
/// Events that one account causes at once by requests that are told in many places: a new name in as
/// many servers as an account may be in, five times.
pub const MAX_TOLD_AT_ONCE: u32 = 1_000;
/// How many of these come back in a second.
pub const TOLD_PER_SECOND: u32 = 10;
/// How long nobody else gets a name that somebody gave up, in milliseconds: seven days, as long as
/// the log may tell it, and longer than most lists stand open.
pub const NAME_HELD_MS: u64 = 7 * 86_400_000;
/// Names that are held for one account: one with as many keeps its name for now.
pub const MAX_HELD_NAMES: i64 = 10;
/// Rules of moderation that a server may have.
pub const MAX_RULES: usize = 50;
/// Words that the rules of a server may have in all.
pub const MAX_RULE_WORDS: usize = 1_000;
/// The longest word or host of a rule, in bytes.
pub const MAX_RULE_WORD_BYTES: usize = 64;
/// The largest number that a rule counts to: half of what a server's rules remember, so that what
/// others do meanwhile does not make them forget.
pub const MAX_RULE_LIMIT: u32 = 500;
/// The longest time that a rule counts in, or locks a server for, in seconds: a day.
pub const MAX_RULE_SECONDS: u32 = 86_400;
/// Roles, and channels, that a rule may leave alone.
pub const MAX_EXEMPT: usize = 50;
/// The longest lock-down that ends by itself, in seconds: 30 days.
pub const MAX_LOCKDOWN_SECONDS: u32 = 2_592_000;

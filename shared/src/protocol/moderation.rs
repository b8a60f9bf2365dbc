//! Moderation: the audit log, reports, rules, and lock-down.

use serde::{Deserialize, Serialize};
use shared_derive::{Body, Choice};

use super::macros::family;
use crate::{
    domain::audit::Action,
    ids::{AnyId, ChannelId, EntryId, MessageId, ReportId, RoleId, RuleId, UserId},
};

family! {
    commands: ReportMessage, ResolveReport, CreateRule, UpdateRule, DeleteRule, SetLockdown;
    queries: GetModlog, SummarizeModlog, ListReports, ListRules, TestRules;
    events: LockdownChanged;
}

/// Shows a page of the audit log of the scope's server, newest first.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2720, modlog_get, reply = Modlog, access = Server(VIEW_AUDIT_LOG), limit = Read)]
pub struct GetModlog {
    /// Only what is older than this entry.
    #[serde(default)]
    pub before: Option<EntryId>,
    /// At most 100; 50 when absent.
    #[serde(default)]
    pub limit: Option<u32>,
    /// Only what this account did.
    #[serde(default)]
    pub actor_id: Option<UserId>,
    /// Only what was done to this member, role, channel, message, report or rule.
    #[serde(default)]
    pub target_id: Option<AnyId>,
    /// Only this.
    #[serde(default)]
    pub action: Option<Action>,
}

/// A page of the audit log.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Modlog {
    /// The entries, newest first.
    pub entries: Vec<AuditEntry>,
    /// Where the next page begins, as its `before`; absent where there is none. A page may end before
    /// its limit: where its entries are large, and with several filters, as only some thousand are
    /// looked at for it.
    pub next: Option<EntryId>,
}

/// What somebody did, as it was recorded.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct AuditEntry {
    /// The entry; its id tells when.
    pub entry_id: EntryId,
    /// What was done.
    pub action: Action,
    /// Who did it; absent where the server itself did, by a rule.
    pub actor_id: Option<UserId>,
    /// The member, role, channel, message, report or rule that it was done to.
    pub target_id: Option<AnyId>,
    /// Why; may be empty.
    pub reason: String,
    /// What was before, as JSON; what it holds depends on the action. Of channels and rules that were
    /// changed it has what differs, and of lists what only one state has: the first 50 entries, and
    /// `<field>_more` says how many there are besides. Absent, too, where it is about a channel that the
    /// reader does not see.
    pub before: Option<String>,
    /// What was after, as JSON.
    pub after: Option<String>,
}

/// Counts the audit log of the scope's server by action and by actor.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2721, modlog_summary, reply = ModlogSummary, access = Server(VIEW_AUDIT_LOG), limit = Read)]
pub struct SummarizeModlog {
    /// Of how many days before now, 1 to 90; 30 when absent.
    #[serde(default)]
    pub days: Option<u32>,
}

/// How much was done, and by whom.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct ModlogSummary {
    /// How many entries were counted: of more than 10,000 only the newest.
    pub total: u64,
    /// Since when they were counted, in milliseconds since 1970: later than was asked for where
    /// there are more.
    pub since: u64,
    /// By action, the most frequent first.
    pub actions: Vec<ActionCount>,
    /// By actor, the busiest 100 first.
    pub actors: Vec<ActorCount>,
}

/// How often something was done.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct ActionCount {
    /// What.
    pub action: Action,
    /// How often.
    pub count: u64,
}

/// How much somebody did.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct ActorCount {
    /// Who; absent for what the server itself did, by its rules.
    pub actor_id: Option<UserId>,
    /// How much.
    pub count: u64,
}

/// What is wrong with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Choice)]
pub enum ReportCategory {
    /// Something else, which the report says.
    Other = 0,
    /// It advertises, or says the same again and again.
    Spam = 1,
    /// It harasses, hates or threatens.
    Abuse = 2,
    /// It shows what not everybody wants to see.
    Explicit = 3,
    /// It tells what is private, or pretends to be somebody else.
    Privacy = 4,
    /// A law forbids it.
    Illegal = 5,
    /// A rule of the server found it; nobody reports by this one.
    Rule = 6,
}

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Choice)]
pub enum Resolution {
    /// Nothing was wrong.
    Dismissed = 0,
    /// Something was done about it.
    Acted = 1,
}

/// Reports a message to those who moderate. What it says now is kept with the report, whatever
/// its author does with it. Nobody is told: `reports_list` shows it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(688, message_report, reply = MessageReported, access = Channel(READ_HISTORY), limit = Write)]
pub struct ReportMessage {
    /// The idempotency key.
    pub nonce: String,
    /// Where the message is.
    pub channel_id: ChannelId,
    /// The message.
    pub message_id: MessageId,
    /// What is wrong with it.
    pub category: ReportCategory,
    /// What else there is to say, in up to 1,000 characters.
    #[serde(default)]
    pub text: String,
}

/// A message was reported.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct MessageReported {
    /// The report.
    pub report_id: ReportId,
}

/// Lists reports of the scope's server, newest first, for who holds `VIEW_AUDIT_LOG` or
/// `MANAGE_MESSAGES` in it. Nobody but the owner finds those about himself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2722, reports_list, reply = Reports, access = Member, limit = Read)]
pub struct ListReports {
    /// Those that are resolved instead of those that are open.
    #[serde(default)]
    pub resolved: bool,
    /// Only what is older than this report.
    #[serde(default)]
    pub before: Option<ReportId>,
    /// At most 100; 50 when absent.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// A page of reports, newest first.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Reports {
    /// The reports.
    pub reports: Vec<Report>,
}

/// A report.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Report {
    /// The report; its id tells when.
    pub report_id: ReportId,
    /// Who reported; absent where a rule of the server did.
    pub reporter_id: Option<UserId>,
    /// Where the message is, or was.
    pub channel_id: ChannelId,
    /// The message.
    pub message_id: MessageId,
    /// Who wrote it.
    pub author_id: UserId,
    /// What is wrong with it.
    pub category: ReportCategory,
    /// What the reporter says, or the name of the rule.
    pub text: String,
    /// What the message said when it was reported; absent for who does not see its channel.
    pub content: Option<String>,
    /// What became of it; absent while it is open.
    pub outcome: Option<ReportOutcome>,
}

/// What became of a report, and who decided it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct ReportOutcome {
    /// What.
    pub resolution: Resolution,
    /// Who.
    pub resolver_id: UserId,
    /// When, in milliseconds since 1970.
    pub resolved_at: u64,
    /// Why; may be empty.
    pub note: String,
}

/// Resolves a report, for who may list it. Nobody but the owner resolves one about himself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(689, report_resolve, access = Member, limit = Write)]
pub struct ResolveReport {
    /// The idempotency key.
    pub nonce: String,
    /// The report.
    pub report_id: ReportId,
    /// What becomes of it.
    pub resolution: Resolution,
    /// Why, in up to 512 characters.
    #[serde(default)]
    pub note: String,
}

/// What a rule looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Choice)]
pub enum RuleKind {
    /// Any of `words`, as whole words; `*` stands for any letters and digits, or none, at the beginning
    /// or the end of one, and within one that has nothing else. Case, width, what cannot be seen, marks
    /// of emphasis, strokes through letters and the length of white space make no difference.
    Words = 0,
    /// Links, but those to the hosts of `words` and to what is below them.
    Links = 1,
    /// More mentions than `limit`, of members, roles or everyone.
    Mentions = 2,
    /// The same text by one author more often than `limit` in `seconds`, whatever the channel.
    Repeats = 3,
    /// More accounts than `limit` that join in `seconds`: nobody joins for `lock_seconds` then. A
    /// lock-down that would last for longer keeps its end.
    Raid = 4,
}

/// What a rule does about a message that it finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Choice)]
pub enum RuleAction {
    /// The message is refused as `blocked`.
    Block = 0,
    /// The message is reported by the server.
    Report = 1,
    /// The message is refused as `blocked`, and its author is silenced everywhere for
    /// `timeout_seconds`, unless he ranks as high as who made the rule, or higher; not for a `raid`.
    Timeout = 2,
}

/// What a rule is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct RuleSettings {
    /// Up to 100 characters; authors of refused messages are told.
    pub name: String,
    /// What it looks for.
    pub kind: RuleKind,
    /// What it does; a `raid` always locks the server.
    pub action: RuleAction,
    /// Whether it does anything.
    pub enabled: bool,
    /// Words, or the hosts that links may lead to: up to 64 bytes each, and 1,000 in all rules of a
    /// server.
    #[serde(default)]
    pub words: Vec<String>,
    /// How many are no fault, 1 to 500.
    #[serde(default)]
    pub limit: u32,
    /// In how many seconds, 1 to 86,400.
    #[serde(default)]
    pub seconds: u32,
    /// For how many seconds a raid locks the server, 1 to 86,400.
    #[serde(default)]
    pub lock_seconds: u32,
    /// Whose members it leaves alone, at most 50.
    #[serde(default)]
    pub exempt_roles: Vec<RoleId>,
    /// Where it does not look, at most 50.
    #[serde(default)]
    pub exempt_channels: Vec<ChannelId>,
    /// For how many seconds an author is silenced, 1 to 2,419,200 (28 days).
    #[serde(default)]
    pub timeout_seconds: u32,
}

/// A rule of a server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Rule {
    /// The rule.
    pub rule_id: RuleId,
    /// What it is.
    pub settings: RuleSettings,
    /// Who made it or changed it last; absent where nobody knows.
    #[serde(default)]
    pub maker_id: Option<UserId>,
}

/// Makes a rule. It looks at new and at changed messages, but not at those of who holds
/// `MANAGE_MESSAGES` in their channel. One that silences needs `TIMEOUT_MEMBERS`, too.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(690, automod_rule_create, reply = Rule, access = Server(MANAGE_SERVER), limit = Write)]
pub struct CreateRule {
    /// The idempotency key.
    pub nonce: String,
    /// What it is.
    pub settings: RuleSettings,
}

/// Makes another rule of it. One that silences needs `TIMEOUT_MEMBERS`, too.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(691, automod_rule_update, access = Server(MANAGE_SERVER), limit = Write)]
pub struct UpdateRule {
    /// The idempotency key.
    pub nonce: String,
    /// The rule.
    pub rule_id: RuleId,
    /// All that it is now.
    pub settings: RuleSettings,
}

/// Deletes a rule.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(692, automod_rule_delete, access = Server(MANAGE_SERVER), limit = Write)]
pub struct DeleteRule {
    /// The idempotency key.
    pub nonce: String,
    /// The rule.
    pub rule_id: RuleId,
}

/// Lists the rules of the scope's server, at most 50. Nobody is told when they change.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2723, automod_rules_list, reply = Rules, access = Server(MANAGE_SERVER), limit = Read)]
pub struct ListRules {}

/// The rules of a server, by id.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Rules {
    /// The rules.
    pub rules: Vec<Rule>,
}

/// Says what rules would do, and does nothing: those of the server that are enabled, or one that is
/// not made yet. What depends on who says something, and when, is not tried.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2724, automod_test, reply = RuleTest, access = Server(MANAGE_SERVER), limit = Search)]
pub struct TestRules {
    /// A text to look at.
    #[serde(default)]
    pub text: Option<String>,
    /// Looks at the last 200 messages of this channel, too; needs `READ_HISTORY` there.
    #[serde(default)]
    pub channel_id: Option<ChannelId>,
    /// The only rule to try.
    #[serde(default)]
    pub settings: Option<RuleSettings>,
}

/// What rules would do.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct RuleTest {
    /// What they find, the text first and then the newest message.
    pub findings: Vec<RuleFinding>,
    /// How many messages were looked at, the newest first: fewer than there are where more was found,
    /// or had to be compared, than one answer is for.
    pub messages: u32,
}

/// What a rule finds.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct RuleFinding {
    /// The message; absent for the text.
    pub message_id: Option<MessageId>,
    /// The rule; absent for one that is not made yet.
    pub rule_id: Option<RuleId>,
    /// What it is called.
    pub name: String,
    /// What it would do.
    pub action: RuleAction,
    /// Why: the word as it stands there, the host of the link, or the number of mentions.
    pub found: String,
}

/// How a server is locked down.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Lockdown {
    /// Whether nobody joins.
    pub no_joining: bool,
    /// Only who holds this role, or manages messages, may send; absent where everyone may.
    pub speakers: Option<RoleId>,
    /// When it ends by itself, in milliseconds since 1970; absent where somebody has to end it.
    pub until: Option<u64>,
}

/// Locks the scope's server down, or opens it again: where neither joining nor sending is forbidden.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(693, lockdown_set, access = Server(MANAGE_SERVER), limit = Write)]
pub struct SetLockdown {
    /// The idempotency key.
    pub nonce: String,
    /// Whether nobody may join.
    #[serde(default)]
    pub no_joining: bool,
    /// Only who holds this role, or manages messages, may send.
    #[serde(default)]
    pub speakers: Option<RoleId>,
    /// After how many seconds it ends by itself, 1 to 2,592,000 (30 days).
    #[serde(default)]
    pub seconds: Option<u32>,
    /// Why, for the audit log, in up to 512 characters.
    #[serde(default)]
    pub reason: String,
}

/// The server was locked down, or opened again. That a time ran out nobody is told.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(688, lockdown_changed)]
pub struct LockdownChanged {
    /// How it is locked down now; absent where it is not.
    pub lockdown: Option<Lockdown>,
}

impl Lockdown {
    /// Whether its time has not run out.
    pub const fn is_on(&self, now_ms: u64) -> bool {
        match self.until {
            Some(until) => now_ms < until,
            None => true,
        }
    }
}

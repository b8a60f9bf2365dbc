//! Every answer has a bound in bytes, whatever it lists: no gateway gives one up as too large. Who
//! asked could only ask for it again.

use std::collections::BTreeMap;

use shared::{
    domain::{
        content::{
            MAX_BIO_CHARS, MAX_DESCRIPTION_CHARS, MAX_MESSAGE_CHARS, MAX_NAME_CHARS,
            MAX_NICKNAME_CHARS, MAX_PICTURE_BYTES, MAX_REASON_CHARS, MAX_REPORT_CHARS,
            MAX_TITLE_CHARS, MAX_TOPIC_CHARS,
        },
        emoji::MAX_EMOJI_BYTES,
        limits::{
            MAX_ANSWER_BYTES, MAX_CHANNELS, MAX_EMOJI, MAX_EXEMPT, MAX_FRAME_BYTES, MAX_KEYWORDS,
            MAX_MENTIONS, MAX_MODLOG_PAGE, MAX_NODES, MAX_OVERRIDES, MAX_OVERVIEW_BYTES,
            MAX_OVERVIEWS, MAX_PAGE, MAX_PUSH_DEVICES, MAX_REPORT_PAGE, MAX_ROLES, MAX_ROLES_HELD,
            MAX_RULE_WORD_BYTES, MAX_RULE_WORDS, MAX_RULES, MAX_USERS_AT_ONCE,
        },
        notification::MAX_KEYWORD,
    },
    protocol::{self, RowKind},
    wire::Shape,
};

use crate::store::read::message::PAGE_BYTES;

/// What a number, or the length of a text or a list, takes at most.
const NUMBER: usize = 9;
/// Bytes of a character.
const WIDE: usize = 4;
/// Lines of an export that are one part: a line that is longer stands alone, and holds one message
/// or one row with all its escapes.
const PART: usize = 64 * 1_024 + 8 * MAX_MESSAGE_CHARS * WIDE;

/// How many entries each list of an answer has at most.
fn counts() -> BTreeMap<&'static str, usize> {
    let page = MAX_PAGE as usize;
    let roles = MAX_ROLES + 1;
    BTreeMap::from([
        // As many as an account may have open, and as many servers as it may be in, are configured.
        ("Sessions.sessions", 10_000),
        ("Servers.servers", 2_000),
        ("ServerInfo.roles", roles),
        ("ServerInfo.channels", MAX_CHANNELS),
        ("Channels.channels", MAX_CHANNELS),
        // Of all channels of a server there are fewer.
        ("Channel.overrides", MAX_OVERRIDES),
        ("Overviews.servers", MAX_OVERVIEWS),
        ("Member.roles", MAX_ROLES_HELD),
        ("MemberRoles.roles", MAX_ROLES_HELD),
        ("DiscoveredServers.servers", page),
        ("Invites.invites", page),
        ("InviteUses.uses", page),
        ("ShownMember.mutes", MAX_CHANNELS),
        ("Bans.bans", page),
        ("MemberPage.members", page),
        ("Users.members", page),
        ("FoundUsers.users", MAX_USERS_AT_ONCE),
        ("SearchedUsers.users", page),
        ("Roles.roles", roles),
        ("SelfRoles.roles", roles),
        ("SelfRoles.held", roles),
        ("PermissionsExplained.steps", roles + 2 * MAX_OVERRIDES + 10),
        ("Message.mentions", MAX_MENTIONS + 1),
        ("Message.reactions", MAX_EMOJI),
        ("Messages.messages", page),
        ("PinnedMessages.pins", page),
        ("Reactors.user_ids", page),
        ("MessageVersions.versions", page),
        ("MessagesAround.messages", page + 1),
        ("Unreads.unreads", page),
        ("UnreadCounts.servers", MAX_OVERVIEWS),
        ("MentionPage.mentions", page),
        ("RateLimits.buckets", 20),
        ("FoundMessages.messages", page),
        ("Presences.members", page),
        ("OnlinePage.members", page),
        ("Modlog.entries", MAX_MODLOG_PAGE as usize),
        ("ModlogSummary.actions", 256),
        ("ModlogSummary.actors", 100),
        ("Reports.reports", MAX_REPORT_PAGE as usize),
        ("Rules.rules", MAX_RULES),
        ("RuleSettings.words", MAX_RULE_WORDS),
        ("RuleSettings.exempt_roles", MAX_EXEMPT),
        ("RuleSettings.exempt_channels", MAX_EXEMPT),
        ("RuleTest.findings", (page + 1) * MAX_RULES),
        ("DeploymentStatus.nodes", MAX_NODES),
        ("PushDevices.devices", MAX_PUSH_DEVICES),
        ("LevelPage.levels", page + 1),
        ("Notifications.keywords", MAX_KEYWORDS),
        // As many as there are rules.
        ("NotificationExplained.steps", 8),
    ])
}

/// Lists that end at a number of bytes, and the entry that passes it.
fn cuts() -> BTreeMap<&'static str, usize> {
    BTreeMap::from([
        ("Modlog.entries", PAGE_BYTES),
        ("RuleTest.findings", PAGE_BYTES),
        ("Overviews.servers", MAX_OVERVIEW_BYTES),
    ])
}

/// How long each text of an answer is at most, in bytes.
fn lengths() -> BTreeMap<&'static str, usize> {
    let title = MAX_TITLE_CHARS * WIDE;
    let name = MAX_NAME_CHARS * WIDE;
    let said = MAX_MESSAGE_CHARS * WIDE;
    // A command, of which each byte may be escaped twice.
    let state = 4 * MAX_FRAME_BYTES;
    BTreeMap::from([
        ("User.name", name),
        ("Notifications.keywords", MAX_KEYWORD * WIDE),
        // The longest of the database of zones has 32.
        ("QuietHours.zone", 64),
        ("User.avatar", MAX_PICTURE_BYTES),
        ("Deployment.name", title),
        ("ExportPart.lines", PART),
        ("SessionInfo.device", title),
        ("Server.name", title),
        ("Server.icon", MAX_PICTURE_BYTES),
        ("Server.description", MAX_DESCRIPTION_CHARS * WIDE),
        ("Role.name", title),
        ("Role.category", title),
        ("Channel.name", title),
        ("Channel.topic", MAX_TOPIC_CHARS * WIDE),
        ("Member.nickname", MAX_NICKNAME_CHARS * WIDE),
        ("Invite.code", 64),
        ("BanTerms.reason", MAX_REASON_CHARS * WIDE),
        ("MemberPlace.name", 18 * name),
        ("Profile.bio", MAX_BIO_CHARS * WIDE),
        ("Profile.locale", 64),
        ("Message.content", said),
        ("Reaction.emoji", MAX_EMOJI_BYTES),
        ("Version.content", said),
        ("Status.text", title),
        ("MemberPresence.text", title),
        ("OnlineMember.text", title),
        ("AuditEntry.reason", MAX_REASON_CHARS * WIDE),
        ("AuditEntry.before", state),
        ("AuditEntry.after", state),
        ("Report.text", MAX_REPORT_CHARS * WIDE),
        ("Report.content", said),
        ("ReportOutcome.note", MAX_REASON_CHARS * WIDE),
        ("RuleSettings.name", title),
        ("RuleSettings.words", MAX_RULE_WORD_BYTES),
        ("RuleFinding.name", title),
        ("RuleFinding.found", 3 * said),
        // A node's name of 64, and what names its process.
        ("NodeStatus.name", 128),
        ("NodeStatus.version", 64),
        ("DeploymentStatus.epoch", 64),
        // A public key in base64.
        ("Vapid.key", 88),
        ("PushDevice.name", title),
    ])
}

/// The bytes that a value of this shape takes at most, `place` being the field that holds it.
fn largest(shape: &Shape, place: &str) -> usize {
    match shape {
        Shape::Unit | Shape::Bool => 1,
        Shape::Int(_) | Shape::Flags(_) | Shape::Id(_) | Shape::Enum(_) => NUMBER,
        Shape::Text => {
            let lengths = lengths();
            NUMBER + lengths.get(place).expect(place)
        }
        Shape::Optional(value) => largest(value, place),
        Shape::List(entries) => {
            let one = largest(entries, place);
            let all = counts().get(place).expect(place) * one;
            let cut = cuts().get(place).map_or(all, |bytes| bytes + one);
            NUMBER + all.min(cut)
        }
        Shape::Struct(body) => {
            let fields = body.fields.iter().map(|field| {
                let place = format!("{}.{}", body.name, field.name);
                largest(&(field.shape)(), &place)
            });
            NUMBER + fields.sum::<usize>()
        }
    }
}

#[test]
fn every_answer_has_a_bound_in_bytes() {
    for row in protocol::coded_rows().filter(|row| row.kind == RowKind::Query) {
        let bytes = largest(&(row.reply.shape)(), row.name);
        assert!(bytes <= MAX_ANSWER_BYTES, "{}: {bytes}", row.name);
    }
}

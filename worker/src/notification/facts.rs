//! What it is decided by who is told, gathered for many accounts and messages at once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{Timestamp, tz::TimeZone};
use shared::{
    domain::{
        limits::MAX_WATCHED_MEMBERS,
        mentions::{Mention, find_mentions},
        notification::{
            Calls, Facts, LevelSetting, NotificationLevel, NotificationReason, is_within,
            join_words, parse_keyword, says_keyword, split_words,
        },
        permissions::{Permissions, Standing, Structure},
    },
    ids::{ChannelId, MessageId, RoleId, ServerId, UserId},
    protocol::{
        message::Message,
        notification::{Notifications, QuietHours},
        presence::{Status, StatusKind},
        register::RegisterKind,
    },
};

use crate::{
    error::StoreError,
    store::read::{self, Membership, Snapshot, structure},
};

/// Every message.
const ALL: Option<NotificationLevel> = Some(NotificationLevel::All);
/// What a message can be read with.
const NEEDED: Permissions = Permissions::VIEW_CHANNEL.union(Permissions::READ_HISTORY);

/// A message, and where it was said.
#[derive(Debug, Clone)]
pub(crate) struct SaidMessage {
    pub(crate) server: ServerId,
    pub(crate) channel: ChannelId,
    pub(crate) message: Message,
    /// The trace parent of its command, where that is known.
    trace: Option<String>,
    /// Its words, each once.
    words: Vec<String>,
    /// All of them in their order, as keywords are looked for.
    joined: String,
    /// Whom its text names.
    named: BTreeSet<UserId>,
}

impl SaidMessage {
    pub(crate) fn new(server: ServerId, channel: ChannelId, message: Message) -> Self {
        let named = find_mentions(&message.content).filter_map(|(_, mention)| match mention {
            Mention::User(user) => Some(user),
            Mention::Role(_) | Mention::Everyone => None,
        });
        let said = split_words(&message.content);
        Self {
            server,
            channel,
            joined: join_words(&said),
            words: distinct(said),
            named: named.collect(),
            trace: None,
            message,
        }
    }

    /// The same with the trace parent of its command.
    pub(super) fn traced(self, trace: Option<String>) -> Self {
        Self { trace, ..self }
    }

    /// The trace that telling of it belongs to: not for everybody whom it calls, as a trace has a handful of spans.
    pub(super) fn trace_for(&self, reason: NotificationReason) -> Option<String> {
        let is_of_many = matches!(
            reason,
            NotificationReason::Role | NotificationReason::Everyone | NotificationReason::All
        );
        self.trace.clone().filter(|_| !is_of_many)
    }

    /// Its words, each once.
    pub(super) fn words(&self) -> &[String] {
        &self.words
    }

    /// Whom its text names.
    pub(super) const fn named(&self) -> &BTreeSet<UserId> {
        &self.named
    }

    /// Whether it calls everyone: their role has the server's id.
    pub(super) fn calls_everyone(&self) -> bool {
        self.message.mentions.contains(&self.server.cast())
    }
}

/// How an account is told, ready to be compared.
#[derive(Debug)]
struct Settings {
    /// Joined words of each.
    keywords: Vec<String>,
    quiet: Option<((u16, u16), TimeZone)>,
    private: bool,
}

/// What is known of these accounts and messages.
#[derive(Debug)]
pub(crate) struct Gathered {
    now_ms: u64,
    parents: BTreeMap<ChannelId, u64>,
    structures: BTreeMap<ServerId, Structure>,
    standings: BTreeMap<(ServerId, UserId), Standing>,
    /// As registers keep them, by account and scope.
    levels: BTreeMap<(UserId, u64), u64>,
    /// Servers in which "all messages of all servers" does not count.
    large: BTreeSet<ServerId>,
    settings: BTreeMap<UserId, Settings>,
    statuses: HashMap<UserId, Status>,
    authors: BTreeMap<MessageId, UserId>,
}

impl Gathered {
    /// Reads what decides about each of these pairs, in some statements for all of them.
    pub(crate) async fn gather(
        snapshot: &mut Snapshot,
        now_ms: u64,
        pairs: &[(&SaidMessage, UserId)],
    ) -> Result<Self, StoreError> {
        let said = || pairs.iter().map(|(said, _)| *said);
        let accounts = distinct(pairs.iter().map(|(_, account)| *account));
        let channels = distinct(said().map(|said| said.channel));
        let answers = said().filter_map(|said| Some((said.channel, said.message.reply_to?)));
        let (answered_in, answered): (Vec<ChannelId>, Vec<MessageId>) =
            distinct(answers).into_iter().unzip();
        let parents = read::notification::find_parents(snapshot, &channels).await?;
        let (structures, standings) = gather_rights(snapshot, &channels, pairs).await?;
        let asked = pairs.iter().flat_map(|(said, account)| {
            let scopes = scopes_of(said, &parents).into_iter().flatten();
            scopes.map(|scope| (*account, scope))
        });
        let kind = RegisterKind::NotificationLevel;
        let levels = read::notification::find_registers(snapshot, kind, distinct(asked)).await?;
        let wants_all = |value: &u64| LevelSetting::unpack(*value).level == ALL;
        let general = levels.iter().filter(|((_, scope), _)| *scope == 0);
        let large = if general.map(|(_, value)| value).any(wants_all) {
            let servers = distinct(said().map(|said| said.server));
            read::server::list_larger(snapshot, &servers, MAX_WATCHED_MEMBERS).await?
        } else {
            Vec::new()
        };
        let settings = read::notification::list_settings(snapshot, &accounts).await?;
        let statuses = read::presence::list_statuses(snapshot, &accounts).await?;
        let authors = read::notification::find_authors(snapshot, &answered_in, &answered).await?;
        let status =
            |(user, row): (UserId, read::presence::StatusRow)| (user, row.status_at(now_ms));
        Ok(Self {
            now_ms,
            parents,
            structures,
            standings,
            levels,
            large: large.into_iter().collect(),
            settings: settings
                .into_iter()
                .map(|(user, set)| (user, Settings::new(&set)))
                .collect(),
            statuses: statuses.into_iter().map(status).collect(),
            authors,
        })
    }

    /// What decides whether an account, of which a device is told or not, is told of a message.
    pub(crate) fn facts(&self, said: &SaidMessage, user: UserId, has_device: bool) -> Facts {
        let standing = self.standings.get(&(said.server, user));
        let structure = self.structures.get(&said.server);
        let may_read = standing
            .zip(structure)
            .is_some_and(|(standing, structure)| {
                structure
                    .in_channel(standing, said.channel)
                    .contains(NEEDED)
            });
        let level = |scope: Option<u64>| {
            let set = scope.and_then(|scope| self.levels.get(&(user, scope)));
            set.map(|value| LevelSetting::unpack(*value))
                .unwrap_or_default()
        };
        let mut levels = scopes_of(said, &self.parents).map(level);
        let [widest, ..] = &mut levels;
        if self.large.contains(&said.server) && widest.level == ALL {
            widest.level = None;
        }
        Facts {
            is_own: said.message.author_id == user,
            may_read,
            calls: self.calls(said, user),
            levels,
            is_quiet: self
                .settings
                .get(&user)
                .is_some_and(|settings| settings.is_quiet(self.now_ms)),
            is_dnd: self.status(user) == StatusKind::Dnd,
            has_device,
            now_ms: self.now_ms,
        }
    }

    /// Whether devices of the account are told that there is something, and not what.
    pub(super) fn is_private(&self, user: UserId) -> bool {
        self.settings
            .get(&user)
            .is_some_and(|settings| settings.private)
    }

    /// What the account wants to be shown as.
    pub(super) fn status(&self, user: UserId) -> StatusKind {
        self.statuses
            .get(&user)
            .map(|status| status.status)
            .unwrap_or_default()
    }

    fn calls(&self, said: &SaidMessage, user: UserId) -> Calls {
        let mentions = &said.message.mentions;
        let is_meant = mentions.contains(&user.cast());
        let answered = said.message.reply_to.and_then(|id| self.authors.get(&id));
        // Who is answered is among those whom it mentions, unless it is to be silent.
        let is_reply = is_meant && answered == Some(&user) && !said.named.contains(&user);
        let standing = self.standings.get(&(said.server, user));
        let exists = |role: &RoleId| {
            let structure = self.structures.get(&said.server);
            structure.is_some_and(|structure| structure.roles.contains_key(role))
        };
        let has_role = standing.is_some_and(|standing| {
            let mut held = standing.roles.iter();
            held.any(|role| mentions.contains(&role.cast()) && exists(role))
        });
        let settings = self.settings.get(&user);
        let keyword = settings.is_some_and(|settings| {
            let mut keywords = settings.keywords.iter();
            keywords.any(|keyword| says_keyword(&said.joined, keyword))
        });
        Calls {
            mention: is_meant && !is_reply,
            reply: is_reply,
            role: has_role,
            keyword,
            everyone: said.calls_everyone(),
        }
    }
}

impl Settings {
    fn new(settings: &Notifications) -> Self {
        let keywords = settings
            .keywords
            .iter()
            .filter_map(|keyword| Some(join_words(&parse_keyword(keyword).ok()?)));
        let quiet = |quiet: &QuietHours| {
            let minute = |minute: u32| u16::try_from(minute).ok();
            let zone = TimeZone::get(&quiet.zone).ok()?;
            Some(((minute(quiet.from)?, minute(quiet.to)?), zone))
        };
        Self {
            keywords: keywords.collect(),
            quiet: settings.quiet.as_ref().and_then(quiet),
            private: settings.private,
        }
    }

    fn is_quiet(&self, now_ms: u64) -> bool {
        let Some((hours, zone)) = &self.quiet else {
            return false;
        };
        let now = Timestamp::from_millisecond(now_ms.cast_signed()).unwrap_or(Timestamp::MAX);
        let time = now.to_zoned(zone.clone()).time();
        let minute =
            u16::from(time.hour().unsigned_abs()) * 60 + u16::from(time.minute().unsigned_abs());
        is_within(minute, *hours)
    }
}

/// Rights of servers, and how accounts stand in them.
type Rights = (
    BTreeMap<ServerId, Structure>,
    BTreeMap<(ServerId, UserId), Standing>,
);

async fn gather_rights(
    snapshot: &mut Snapshot,
    channels: &[ChannelId],
    pairs: &[(&SaidMessage, UserId)],
) -> Result<Rights, StoreError> {
    let places = distinct(pairs.iter().map(|(said, account)| (said.server, *account)));
    let (of, accounts): (Vec<ServerId>, Vec<UserId>) = places.iter().copied().unzip();
    let ids = distinct(of.iter().copied());
    let servers = read::server::list_servers(snapshot, &ids).await?;
    let roles = read::server::list_roles(snapshot, &ids).await?;
    let found = read::notification::list_standings(snapshot, &of, &accounts).await?;
    let server_of = |id: ServerId| servers.iter().find(|(server, _)| server.server_id == id);
    let memberships: Vec<Membership> = found
        .into_iter()
        .filter_map(|it| Some((server_of(it.server)?.0.clone(), it.standing)))
        .collect();
    let overrides = read::server::list_own_overrides(snapshot, channels, &memberships).await?;
    let structures = servers
        .iter()
        .map(|(server, _)| (server.server_id, structure(server, &roles, &overrides)));
    let structures = structures.collect();
    let standings = memberships
        .into_iter()
        .map(|(server, standing)| ((server.server_id, standing.user), standing));
    Ok((structures, standings.collect()))
}

/// The scopes whose settings count for a message, from the widest to the narrowest; not every channel has a category.
fn scopes_of(said: &SaidMessage, parents: &BTreeMap<ChannelId, u64>) -> [Option<u64>; 4] {
    let parent = parents
        .get(&said.channel)
        .copied()
        .filter(|parent| *parent > 0);
    [
        Some(0),
        Some(said.server.get()),
        parent,
        Some(said.channel.get()),
    ]
}

pub(super) fn distinct<T: Ord>(all: impl IntoIterator<Item = T>) -> Vec<T> {
    let all: BTreeSet<T> = all.into_iter().collect();
    all.into_iter().collect()
}

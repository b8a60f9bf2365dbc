//! State before + events = state after: what a client keeps must be what it
//! would fetch.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Result, bail};
use shared::{
    domain::permissions::TargetKind,
    error::Reason,
    ids::{ChannelId, MessageId, RoleId, ServerId, SessionId, UserId},
    protocol::{
        account::{AccountUpdated, SessionClosed, SessionOpened},
        channel::{
            Channel, ChannelCreated, ChannelDeleted, ChannelUpdated, ChannelsMoved, GetChannels,
        },
        member::{
            ChannelMuted, ChannelUnmuted, MemberRolesChanged, MemberTimedOut, NicknameChanged,
        },
        message::{
            GetMessages, Message, MessageCreated, MessageDeleted, MessageEdited, MessagePinned,
            MessageUnpinned, MessagesDeleted, Reaction, ReactionAdded, ReactionRemoved,
        },
        moderation::{Lockdown, LockdownChanged},
        presence::{GetStatus, StatusKind, StatusUpdated},
        role::{ListRoles, Role, RoleCreated, RoleDeleted, RoleUpdated, RolesReordered},
        server::{
            GetServer, ListServers, MemberJoined, MemberLeft, Server, ServerDeleted, ServerJoined,
            ServerLeft, ServerUpdated,
        },
        session::{ListSessions, SessionInfo},
        unread::{ReadCursor, UnreadMoved},
        user::{GetUser, Member, Profile, UserUpdated},
    },
};
use tokio::time::Instant;

use super::Person;
use crate::{
    client::{CallError, log::Seen},
    requests::{get_member, get_messages, list_users},
};

/// How long the events of what was done may take.
const PATIENCE: Duration = Duration::from_secs(8);

/// What a person can fetch: the account, and the server that is home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Where the events begin that are not in the state.
    position: u64,
    known: Known,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Known {
    me: Option<UserId>,
    home: Option<ServerId>,
    profile: Option<Profile>,
    lockdown: Option<Lockdown>,
    /// What the account wants to look like, until when, and which change that was.
    status: (StatusKind, Option<u64>, u64),
    sessions: BTreeMap<SessionId, SessionInfo>,
    servers: BTreeMap<ServerId, Server>,
    channels: BTreeMap<ChannelId, Channel>,
    roles: BTreeMap<RoleId, Role>,
    members: BTreeMap<UserId, Member>,
    /// Where he himself may only look on, and until when.
    mutes: BTreeMap<ChannelId, u64>,
    messages: BTreeMap<ChannelId, BTreeMap<u64, Message>>,
    cursors: BTreeMap<ChannelId, ReadCursor>,
}

impl State {
    pub(super) async fn fetch(person: &Person) -> Result<Self> {
        // Events that arrive while fetching are applied again later; each says
        // what is, so that changes nothing.
        let position = person.client.log().end();
        let known = Known::fetch(person).await?;
        Ok(Self { position, known })
    }

    pub(super) async fn becomes(self, person: &Person) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let end = person.client.log().end();
            let mut kept = self.known.clone();
            for seen in person.client.log().since(self.position) {
                kept.apply(&seen);
            }
            let fetched = Known::fetch(person).await?;
            if kept == fetched {
                return Ok(());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let news = person.client.log().wait(end, left, |_| Some(())).await;
            if news.is_none() {
                bail!(
                    "{} kept what differs from what can be fetched:\n  kept    {kept:?}\n  fetched {fetched:?}",
                    person.name
                );
            }
        }
    }
}

impl Known {
    async fn fetch(person: &Person) -> Result<Self> {
        let client = &person.client;
        let sessions = client.call(0, &ListSessions {}).await?.sessions;
        let servers = client.call(0, &ListServers {}).await?.servers;
        let user_id = person.user.user_id;
        let profile = client.call(0, &GetUser { user_id }).await?;
        let status = client.call(0, &GetStatus {}).await?;
        let mut known = Self {
            me: Some(person.user.user_id),
            home: person.home(),
            profile: Some(profile),
            status: (status.status, status.until, status.version),
            sessions: by_key(sessions, |session| session.session_id),
            servers: by_key(servers, |server| server.server_id),
            ..Self::default()
        };
        if let Some(home) = known.home
            && known.servers.contains_key(&home)
        {
            known.fetch_home(person).await?;
        }
        Ok(known)
    }

    async fn fetch_home(&mut self, person: &Person) -> Result<()> {
        self.lockdown = person.call(&GetServer {}).await?.lockdown;
        for channel in person.call(&GetChannels {}).await?.channels {
            let page = GetMessages {
                after: Some(0),
                ..get_messages(channel.channel_id)
            };
            match person.call(&page).await {
                Ok(page) => {
                    let messages = by_key(page.messages, |message| message.seq);
                    if !messages.is_empty() {
                        self.messages.insert(channel.channel_id, messages);
                    }
                }
                // Seeing a channel does not mean reading its past.
                Err(CallError::Refused(refusal)) if refusal.reason == Reason::Forbidden => {}
                Err(error) => return Err(error.into()),
            }
            self.channels.insert(channel.channel_id, channel);
        }
        let unreads = person.unreads(None).await?.unreads.into_iter();
        let cursors = unreads.map(|unread| unread.cursor);
        let seen = cursors.filter(|cursor| self.channels.contains_key(&cursor.channel_id));
        self.cursors = by_key(seen, |cursor| cursor.channel_id);
        let roles = person.call(&ListRoles {}).await?.roles;
        self.roles = by_key(roles, |role| role.role_id);
        let members = person.call(&list_users()).await?.members;
        self.members = by_key(members, |member| member.user.user_id);
        let own = person.call(&get_member(person.user.user_id)).await?;
        let mutes = own.mutes.into_iter();
        self.mutes = mutes.map(|mute| (mute.channel_id, mute.until)).collect();
        Ok(())
    }

    fn apply(&mut self, seen: &Seen) {
        self.apply_account(seen);
        let Seen::Event { topic, .. } = seen else {
            return;
        };
        if self.home.map(shared::ids::Id::get) == Some(*topic) {
            self.apply_server(seen);
            self.apply_role(seen);
            self.apply_message(seen);
        }
    }

    fn apply_account(&mut self, seen: &Seen) {
        if let Some(UnreadMoved { cursor }) = seen.event() {
            let newer = self
                .cursors
                .get(&cursor.channel_id)
                .is_none_or(|known| known.version < cursor.version);
            if newer && self.channels.contains_key(&cursor.channel_id) {
                self.cursors.insert(cursor.channel_id, cursor);
            }
        } else if let Some(AccountUpdated { profile }) = seen.event() {
            self.profile = Some(profile);
        } else if let Some(updated) = seen.event::<StatusUpdated>() {
            if updated.version > self.status.2 {
                self.status = (updated.status, updated.until, updated.version);
            }
        } else if let Some(SessionOpened { session }) = seen.event() {
            self.sessions.insert(session.session_id, session);
        } else if let Some(SessionClosed { session_id }) = seen.event() {
            self.sessions.remove(&session_id);
        } else if let Some(ServerJoined { server }) = seen.event() {
            self.servers.insert(server.server_id, server);
        } else if let Some(ServerUpdated { server }) = seen.event() {
            self.servers.insert(server.server_id, server);
        } else if let Some(server_id) = left_server(seen) {
            self.servers.remove(&server_id);
            if self.home == Some(server_id) {
                self.lockdown = None;
                self.channels.clear();
                self.roles.clear();
                self.members.clear();
                self.messages.clear();
                self.cursors.clear();
                self.mutes.clear();
            }
        }
    }

    fn apply_server(&mut self, seen: &Seen) {
        if let Some(MemberJoined { member }) = seen.event() {
            self.members.insert(member.user.user_id, member);
        } else if let Some(UserUpdated { user }) = seen.event() {
            if let Some(member) = self.members.get_mut(&user.user_id) {
                member.user = user;
            }
        } else if let Some(MemberLeft { user_id }) = seen.event() {
            self.members.remove(&user_id);
        } else if let Some(MemberRolesChanged { user_id, roles }) = seen.event() {
            self.change_member(user_id, |member| member.roles = roles);
        } else if let Some(NicknameChanged { user_id, nickname }) = seen.event() {
            self.change_member(user_id, |member| member.nickname = nickname);
        } else if let Some(MemberTimedOut { user_id, until }) = seen.event() {
            self.change_member(user_id, |member| member.timeout_until = until);
        } else if let Some(ChannelMuted { user_id, mute }) = seen.event() {
            if Some(user_id) == self.me {
                self.mutes.insert(mute.channel_id, mute.until);
            }
        } else if let Some(ChannelUnmuted {
            user_id,
            channel_id,
        }) = seen.event()
        {
            if Some(user_id) == self.me {
                self.mutes.remove(&channel_id);
            }
        } else if let Some(LockdownChanged { lockdown }) = seen.event() {
            self.lockdown = lockdown;
        } else if let Some(ChannelCreated { channel }) = seen.event() {
            self.channels.insert(channel.channel_id, channel);
        } else if let Some(ChannelUpdated { channel }) = seen.event() {
            self.channels.insert(channel.channel_id, channel);
        } else if let Some(ChannelsMoved { channels }) = seen.event() {
            for place in channels {
                if let Some(channel) = self.channels.get_mut(&place.channel_id) {
                    channel.position = place.position;
                    channel.parent_id = place.parent_id;
                }
            }
        } else if let Some(ChannelDeleted { channel_id }) = seen.event() {
            self.channels.remove(&channel_id);
            self.cursors.remove(&channel_id);
            self.mutes.remove(&channel_id);
            self.messages.remove(&channel_id);
        }
    }

    fn change_member(&mut self, user: UserId, change: impl FnOnce(&mut Member)) {
        if let Some(member) = self.members.get_mut(&user) {
            change(member);
        }
    }

    fn apply_role(&mut self, seen: &Seen) {
        let order = if let Some(RoleCreated { role, order }) = seen.event() {
            self.roles.insert(role.role_id, role);
            order
        } else if let Some(RoleDeleted { role_id, order }) = seen.event() {
            self.roles.remove(&role_id);
            let target = (TargetKind::Role, role_id.get());
            for channel in self.channels.values_mut() {
                channel.overrides.retain(|o| (o.kind, o.target) != target);
            }
            order
        } else if let Some(RolesReordered { order }) = seen.event() {
            order
        } else if let Some(RoleUpdated { role }) = seen.event() {
            self.roles.insert(role.role_id, role);
            return;
        } else {
            return;
        };
        for (position, id) in (0..).zip(order) {
            if let Some(role) = self.roles.get_mut(&id) {
                role.position = position;
            }
        }
    }

    fn apply_message(&mut self, seen: &Seen) {
        if let Some(MessageCreated {
            channel_id,
            message,
        }) = seen.event()
        {
            if let Some(channel) = self.channels.get_mut(&channel_id)
                && channel.last_seq <= message.seq
            {
                channel.last_seq = message.seq;
                channel.last_message_id = Some(message.message_id);
            }
            let messages = self.messages.entry(channel_id).or_default();
            messages.insert(message.seq, message);
        } else if let Some(edited) = seen.event::<MessageEdited>() {
            if let Some(message) = self.message(edited.channel_id, edited.message_id) {
                message.content = edited.content;
                message.edited_at = Some(edited.edited_at);
                message.mentions = edited.mentions;
            }
        } else if let Some(deleted) = seen.event::<MessageDeleted>() {
            self.forget(deleted.channel_id, &[deleted.message_id]);
        } else if let Some(deleted) = seen.event::<MessagesDeleted>() {
            self.forget(deleted.channel_id, &deleted.message_ids);
        } else if let Some(pinned) = seen.event::<MessagePinned>() {
            if let Some(message) = self.message(pinned.channel_id, pinned.message_id) {
                message.pinned = true;
            }
        } else if let Some(unpinned) = seen.event::<MessageUnpinned>() {
            if let Some(message) = self.message(unpinned.channel_id, unpinned.message_id) {
                message.pinned = false;
            }
        } else {
            self.apply_reaction(seen);
        }
    }

    fn apply_reaction(&mut self, seen: &Seen) {
        let me = self.me;
        if let Some(added) = seen.event::<ReactionAdded>()
            && let Some(message) = self.message(added.channel_id, added.message_id)
        {
            let mine = Some(added.user_id) == me;
            let reactions = &mut message.reactions;
            match reactions.iter_mut().find(|one| one.emoji == added.emoji) {
                Some(reaction) => {
                    reaction.count = added.count;
                    reaction.me |= mine;
                }
                None => reactions.push(Reaction {
                    emoji: added.emoji,
                    count: added.count,
                    me: mine,
                }),
            }
        } else if let Some(removed) = seen.event::<ReactionRemoved>()
            && let Some(message) = self.message(removed.channel_id, removed.message_id)
        {
            let reactions = &mut message.reactions;
            for reaction in reactions.iter_mut() {
                if reaction.emoji == removed.emoji {
                    reaction.count = removed.count;
                    reaction.me &= Some(removed.user_id) != me;
                }
            }
            reactions.retain(|reaction| reaction.count > 0);
        }
    }

    fn message(&mut self, channel: ChannelId, id: MessageId) -> Option<&mut Message> {
        let mut messages = self.messages.get_mut(&channel)?.values_mut();
        messages.find(|message| message.message_id == id)
    }

    fn forget(&mut self, channel: ChannelId, ids: &[MessageId]) {
        if let Some(messages) = self.messages.get_mut(&channel) {
            messages.retain(|_, message| !ids.contains(&message.message_id));
            if messages.is_empty() {
                self.messages.remove(&channel);
            }
        }
    }
}

/// The server that the account is no member of any more.
fn left_server(seen: &Seen) -> Option<ServerId> {
    let left = seen.event().map(|ServerLeft { server_id, .. }| server_id);
    left.or_else(|| seen.event().map(|ServerDeleted { server_id }| server_id))
}

fn by_key<K: Ord, V>(values: impl IntoIterator<Item = V>, key: impl Fn(&V) -> K) -> BTreeMap<K, V> {
    let values = values.into_iter();
    values.map(|value| (key(&value), value)).collect()
}
